package rota

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

var (
	addLink  = db.SQL("rota.add_link", `INSERT INTO rota_link (hash, user_id, made_at, used_at) VALUES ($1, $2, $3, 0)`)
	endLinks = db.SQL("rota.end_links", `DELETE FROM rota_link WHERE user_id = $1`)
	linkUser = db.SQL("rota.link", `SELECT user_id FROM rota_link WHERE hash = $1 LIMIT 1`)
	linkOf   = db.SQL("rota.link_of", `SELECT made_at FROM rota_link WHERE user_id = $1 ORDER BY made_at DESC LIMIT 1`)
)

// NewLink makes the secret of a link to somebody's own calendar, and ends the one before. It is shown once: only its hash is kept.
func (s *Service) NewLink(ctx context.Context, user id.User) (string, error) {
	secret := id.NewOpaque(32)
	err := s.DB.Write(ctx, "rota.link", func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, endLinks, string(user)); err != nil {
			return err
		}
		sum := sha256.Sum256([]byte(secret))
		if _, err := tx.Exec(ctx, addLink, sum[:], string(user), s.Now().UnixMilli()); err != nil {
			return err
		}
		return s.note(ctx, tx, user, "rota.link", string(user), nil)
	})
	return secret, err
}

// EndLink ends the link to somebody's calendar.
func (s *Service) EndLink(ctx context.Context, user id.User) error {
	return s.DB.Write(ctx, "rota.link", func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, endLinks, string(user)); err != nil {
			return err
		}
		return s.note(ctx, tx, user, "rota.link_end", string(user), nil)
	})
}

// LinkMade returns when somebody's link was made, zero when they have none.
func (s *Service) LinkMade(ctx context.Context, user id.User) (time.Time, error) {
	at, err := db.One(ctx, s.DB, linkOf, db.Scalar[int64], string(user))
	if fault.Is(err, fault.NotFound) {
		return time.Time{}, nil
	}
	return time.UnixMilli(at), err
}

// Calendar returns the duties of whoever a link's secret belongs to, from a month ago to a year ahead, as an iCalendar file. An unknown
// secret is fault.NotFound. It holds the names of posts and times, and nobody else's name.
func (s *Service) Calendar(ctx context.Context, secret string) ([]byte, error) {
	sum := sha256.Sum256([]byte(secret))
	user, err := db.One(ctx, s.DB, linkUser, db.Scalar[id.User], sum[:])
	if err != nil {
		return nil, err
	}
	if p, err := directory.FindPerson(ctx, s.DB, user); err != nil || p.Left() {
		return nil, fault.Wrap(fault.NotFound, "M_NOT_FOUND", "Not found.", err)
	}
	now := s.Now()
	duties, err := OfUser(ctx, s.DB, user, now.AddDate(0, -1, 0), now.AddDate(1, 0, 0), false)
	if err != nil {
		return nil, err
	}
	names := map[directory.PostID]string{}
	var b strings.Builder
	line := func(format string, args ...any) { fold(&b, fmt.Sprintf(format, args...)) }
	line("BEGIN:VCALENDAR")
	line("VERSION:2.0")
	line("PRODID:-//Wardline//Rota//EN")
	line("CALSCALE:GREGORIAN")
	line("METHOD:PUBLISH")
	line("X-WR-CALNAME:My duties")
	line("REFRESH-INTERVAL;VALUE=DURATION:PT1H")
	for _, d := range duties {
		if names[d.Post] == "" {
			p, err := directory.FindPost(ctx, s.DB, d.Post)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return nil, err
			}
			if names[d.Post] = p.Name; p.Name == "" {
				names[d.Post] = string(d.Post)
			}
		}
		line("BEGIN:VEVENT")
		line("UID:%s@wardline", escapeText(string(d.ID)))
		line("DTSTAMP:%s", zulu(now))
		line("DTSTART:%s", zulu(d.From))
		line("DTEND:%s", zulu(d.Until))
		line("SUMMARY:%s", escapeText(names[d.Post]))
		line("END:VEVENT")
	}
	line("END:VCALENDAR")
	return []byte(b.String()), nil
}

func zulu(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// escapeText writes a text value.
// spec: RFC 5545 3.3.11
func escapeText(s string) string {
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`, "\r", "").Replace(s)
}

// fold writes a line of at most 75 bytes, and the rest below it, never cutting a letter.
// spec: RFC 5545 3.1
func fold(b *strings.Builder, line string) {
	n := 0
	for _, r := range line {
		if size := len(string(r)); n+size > 75 {
			b.WriteString("\r\n ")
			n = 1 + size
		} else {
			n += size
		}
		b.WriteRune(r)
	}
	b.WriteString("\r\n")
}
