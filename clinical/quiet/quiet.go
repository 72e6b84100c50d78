package quiet

import (
	"context"
	"encoding/json"
	"time"

	"wardline/clinical/rota"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/push"
)

// Type is the account data in which people keep their settings.
const Type = "uk.wardline.quiet"

// OffDuty is what somebody wants to hear when they are off duty.
type OffDuty string

// The choices. Empty means Silent.
const (
	Silent OffDuty = "silent" // one notice without a sound
	Never  OffDuty = "never"  // nothing
	Always OffDuty = "always" // as on duty
)

// Settings are one person's.
type Settings struct {
	Hours   Hours   `json:"hours"`
	OffDuty OffDuty `json:"off_duty"`
}

// Hours are quiet from one time of the day to another, over midnight when From is later than To.
type Hours struct {
	On   bool   `json:"on"`
	From string `json:"from"` // 22:00
	To   string `json:"to"`
}

// minute reads a time of day.
func minute(s string) (int, bool) {
	t, err := time.Parse("15:04", s)
	return t.Hour()*60 + t.Minute(), err == nil
}

// Cover says whether the hours hold at an instant, by the clock on the wall.
func (h Hours) Cover(at time.Time) bool {
	from, ok := minute(h.From)
	to, fine := minute(h.To)
	if !h.On || !ok || !fine || from == to {
		return false
	}
	at = rota.Local(at)
	now := at.Hour()*60 + at.Minute()
	if from < to {
		return now >= from && now < to
	}
	return now >= from || now < to
}

// Decide says how a notice is told to somebody with these settings and this duty.
//
// hazard: H1 urgent message not delivered
func Decide(n push.Notice, s Settings, d rota.Standing, now time.Time) push.Notice {
	switch {
	case n.Level >= push.Urgent, d.On:
	case s.Hours.Cover(now):
		n.Level = push.Quiet
	case !d.Rostered, s.OffDuty == Always:
	case s.OffDuty == Never:
		n.Level = push.Quiet
	default:
		n.Level, n.Silent = min(n.Level, push.Normal), true
	}
	return n
}

// Service looks up what Decide needs.
type Service struct {
	DB       *db.DB
	Accounts *account.Service
	Now      func() time.Time
}

// Settings returns what a person has set.
func (s *Service) Settings(ctx context.Context, u id.User) (Settings, error) {
	d, err := s.Accounts.DataOf(ctx, u, "", Type)
	if fault.Is(err, fault.NotFound) {
		return Settings{}, nil
	}
	if err != nil {
		return Settings{}, err
	}
	var set Settings
	if json.Unmarshal(d.Content, &set) != nil {
		return Settings{}, nil // a client has written nonsense there
	}
	return set, nil
}

// Temper says how a notice is told to somebody now.
func (s *Service) Temper(ctx context.Context, u id.User, n push.Notice) (push.Notice, error) {
	if n.Level >= push.Urgent {
		return n, nil
	}
	set, err := s.Settings(ctx, u)
	if err != nil {
		return n, err
	}
	now := s.Now()
	d, err := rota.StandingOf(ctx, s.DB, u, now)
	if err != nil {
		return n, err
	}
	return Decide(n, set, d, now), nil
}
