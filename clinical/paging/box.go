package paging

import (
	"context"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Way is one way in which a person can be reached: "app", "live 40 s ago".
type Way struct {
	Via    string `json:"via"`
	Detail string `json:"detail"`
}

// Rung is one step of a preview: who would have the page, and how long after it was sent.
type Rung struct {
	After  time.Duration
	Post   PostRef
	Holder *rota.Duty // nil when nobody holds the post: the page would skip it
	Reach  []Way
}

// Plan is what would happen to a page if nobody answered.
type Plan struct {
	Post  PostRef
	Rungs []Rung
	Then  string
}

// Preview says, before a page is sent, who would get it when. It changes nothing. An unknown post is fault.Invalid.
//
// hazard: H4 sent to wrong person or role
func (s *Service) Preview(ctx context.Context, by id.User, post directory.PostID, u Urgency) (Plan, error) {
	if u != Urgent && u != Emergency {
		return Plan{}, fault.New(fault.Invalid, "M_INVALID_PARAM", "The urgency is urgent or emergency.")
	}
	_, ladder, err := s.ladder(ctx, s.DB, post)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Post: ladder[0], Then: "It stays at " + ladder[len(ladder)-1].Name}
	if len(ladder) > 1 {
		plan.Then = ladder[len(ladder)-1].Name + " rings"
		ladder = ladder[:len(ladder)-1]
	}
	var after time.Duration
	last := by
	for _, p := range ladder {
		rung := Rung{After: after, Post: p, Reach: []Way{}}
		d, err := rota.Holder(ctx, s.DB, p.ID, s.Now())
		if err != nil && !fault.Is(err, fault.NotFound) {
			return Plan{}, err
		}
		if err == nil {
			rung.Holder = &d
			if s.Reach != nil {
				rung.Reach = append(rung.Reach, s.Reach(ctx, p.ID, d.User, u)...)
			}
			if d.User != last && d.User != by {
				after += s.Policy.Rung(u)
				last = d.User
			}
		}
		plan.Rungs = append(plan.Rungs, rung)
	}
	return plan, nil
}

// Find returns a page that the user may see: they sent it, had it, have it or are in its room. Any other is fault.Hidden.
func (s *Service) Find(ctx context.Context, by id.User, page ID) (Snapshot, error) {
	p, err := find(ctx, s.DB, page)
	if fault.Is(err, fault.NotFound) {
		return Snapshot{}, errHidden
	}
	if err != nil {
		return Snapshot{}, err
	}
	if err := s.visible(ctx, by, p); err != nil {
		return Snapshot{}, err
	}
	return p.Snapshot, nil
}

// Look returns a page for the program's own use, inside a transaction or beside one. An unknown page is fault.NotFound.
func Look(ctx context.Context, q db.Querier, page ID) (Snapshot, error) {
	p, err := find(ctx, q, page)
	return p.Snapshot, err
}

// Looked says whether the current holder has looked at the page since it came to them.
func (p Snapshot) Looked() bool { return Page{Snapshot: p}.had(Seen) }

func (s *Service) visible(ctx context.Context, by id.User, p stored) error {
	if p.concerns(by) {
		return nil
	}
	in, err := s.Rooms.Standing(ctx, by, p.RoomID)
	if fault.Is(err, fault.NotFound) || err == nil && in.Is != "join" {
		return errHidden
	}
	return err
}

// Mine returns the open pages that the user must answer now, oldest first.
func (s *Service) Mine(ctx context.Context, by id.User) ([]Snapshot, error) {
	return s.box(ctx, by, held, string(by))
}

// Sent returns the pages that the user has sent, newest first, at most 100.
func (s *Service) Sent(ctx context.Context, by id.User) ([]Snapshot, error) {
	return s.box(ctx, by, sent, string(by))
}

// Open returns the open pages that the user may see, oldest first.
func (s *Service) Open(ctx context.Context, by id.User) ([]Snapshot, error) {
	return s.box(ctx, by, openPages)
}

func (s *Service) box(ctx context.Context, by id.User, q *db.Statement, args ...any) ([]Snapshot, error) {
	pages, err := db.Collect(ctx, s.DB, q, scan, args...)
	if err != nil {
		return nil, err
	}
	list := make([]Snapshot, 0, len(pages))
	for _, p := range pages {
		err := s.visible(ctx, by, p)
		switch {
		case err == nil:
			list = append(list, p.Snapshot)
		case !fault.Is(err, fault.Hidden):
			return nil, err
		}
	}
	return list, nil
}
