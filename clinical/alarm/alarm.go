package alarm

import (
	"context"
	"embed"
	"log/slog"
	"strings"

	"wardline/clinical/directory"
	"wardline/clinical/paging"
	"wardline/clinical/rota"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Migrations returns the table of this package.
func Migrations() db.Migrations { return db.Migrations{Package: "alarm", FS: schemaFS} }

// Deps is what the service needs; all are required. Rota is set once it is there, because it rings through this service.
type Deps struct {
	Paging  *paging.Service
	Rota    *rota.Service
	Steward id.User // the trust's service account
	Log     *slog.Logger
}

// Service keeps pages in line with alarms.
type Service struct{ Deps }

// New returns the service. Its Ring is for rota.Deps.Alarm and its Step for paging.Deps.OnStep.
func New(d Deps) *Service { return &Service{d} }

var (
	ringing = db.SQL("alarm.ringing", `SELECT page, alarm FROM alarm_ringing WHERE post = $1 ORDER BY page LIMIT 100`)
	add     = db.SQL("alarm.add", `INSERT INTO alarm_ringing (page, post, alarm) VALUES ($1, $2, $3) ON CONFLICT (page) DO NOTHING`)
	drop    = db.SQL("alarm.drop", `DELETE FROM alarm_ringing WHERE page = $1`)
	postOf  = db.SQL("alarm.post", `SELECT post FROM alarm_ringing WHERE page = $1 LIMIT 1`)
)

type ring struct {
	page  paging.ID
	alarm string
}

func scan(r db.Row) (x ring, err error) { return x, r.Scan(&x.page, &x.alarm) }

// Ring raises, keeps or withdraws the page of a post's alarm, nil for none, inside the act that changes it, and says whether one rings.
// Words are what is wrong, or why it is over.
//
// hazard: H6 role empty or stale holder
func (s *Service) Ring(ctx context.Context, tx *db.Tx, post directory.Post, a *rota.Alarm, words string) (bool, error) {
	needed := a != nil && a.By == "" && a.Kind != rota.Late
	there, err := db.Collect(ctx, tx, ringing, scan, string(post.ID))
	if err != nil {
		return false, err
	}
	rings := false
	for _, r := range there {
		p, err := paging.Look(ctx, tx, r.page)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return false, err
		}
		if err == nil && p.Status == paging.Open {
			if needed && r.alarm == a.ID {
				rings = true
				continue
			}
			if err := s.withdraw(ctx, tx, r.page, words); err != nil {
				return false, err
			}
		}
		if _, err := tx.Exec(ctx, drop, string(r.page)); err != nil {
			return false, err
		}
	}
	if rings || !needed {
		return rings, nil
	}
	return s.raise(ctx, tx, post, a, words)
}

// withdraw ends a page; one that cannot be ended rings on and is logged, because the post's own act must not fail by it.
func (s *Service) withdraw(ctx context.Context, tx *db.Tx, page paging.ID, why string) error {
	err := tx.Try(ctx, func() error {
		_, err := s.Paging.ActIn(ctx, tx, page, paging.Input{Verb: paging.Withdraw, User: s.Steward, Reason: why})
		return err
	})
	if err != nil && !fault.Is(err, fault.Unavailable) {
		s.Log.Error("the page of an alarm could not be withdrawn", "page", page, "err", err)
		return nil
	}
	return err
}

// raise pages the first post after this one on its ladder that can be paged.
func (s *Service) raise(ctx context.Context, tx *db.Tx, post directory.Post, a *rota.Alarm, words string) (bool, error) {
	ladder, err := directory.Ladder(ctx, tx, post.ID)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, next := range ladder[1:] {
		if !next.Pageable || next.Closed {
			continue
		}
		var p paging.Snapshot
		err := tx.Try(ctx, func() error {
			var err error
			p, err = s.Paging.RaiseIn(ctx, tx, s.Steward, paging.NewPage{Txn: "alarm:" + a.ID, To: paging.Target{Post: next.ID}, Urgency: paging.Urgent, Where: obs.Hidden(post.Name), What: obs.Hidden(strings.TrimSuffix(words, ".")),
				Need: "cover", As: paging.Sender{Name: "Wardline", Role: "The rota"}})
			if err == nil {
				_, err = tx.Exec(ctx, add, string(p.ID), string(post.ID), a.ID)
			}
			return err
		})
		switch {
		case err == nil:
			return p.Status == paging.Open, nil
		case fault.Is(err, fault.Unavailable):
			return false, err
		}
		s.Log.Error("an alarm could not be paged, and is told by a notice", "post", post.ID, "to", next.ID, "err", err)
	}
	return false, nil
}

// Step hears of every step of a page: whoever accepts one that rings for an alarm sees to the alarm.
//
// hazard: H3 noticed, nobody owns it
func (s *Service) Step(ctx context.Context, tx *db.Tx, p paging.Snapshot) error {
	if p.From.User != s.Steward || p.Status != paging.Accepted || p.Accepted == nil {
		return nil
	}
	post, err := db.One(ctx, tx, postOf, db.Scalar[directory.PostID], string(p.ID))
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, drop, string(p.ID)); err != nil {
		return err
	}
	return s.Rota.See(ctx, tx, post, p.Accepted.User)
}

// Ringing returns the pages that ring for a post's alarm: one, or none.
func Ringing(ctx context.Context, q db.Querier, post directory.PostID) ([]paging.ID, error) {
	all, err := db.Collect(ctx, q, ringing, scan, string(post))
	var pages []paging.ID
	for _, r := range all {
		pages = append(pages, r.page)
	}
	return pages, err
}
