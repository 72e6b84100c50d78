package rota

import (
	"context"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/db"
	"wardline/ground/run"
)

// patience is the longest the clock sleeps without looking, so that a machine that was asleep delays no change for longer.
const patience = 30 * time.Second

// retry is how long a post that could not be looked at is left alone.
const retry = 5 * time.Second

type due struct {
	post   directory.PostID
	wakeAt int64
}

var dueNext = db.SQL("rota.due", `SELECT post, wake_at FROM rota_baton ORDER BY wake_at, post LIMIT 200`)

func scanDue(r db.Row) (d due, err error) { return d, r.Scan(&d.post, &d.wakeAt) }

var unwatched = db.SQL("rota.watched", `SELECT post FROM rota_baton LIMIT 200000`)

// Run lets duties begin and end: one loop over what is due next, in the database, which starts from whatever is there. It returns nil
// when ctx ends, and an error when the database cannot be read; the group that runs it starts it again.
//
// hazard: H6 role empty or stale holder
func (s *Service) Run(ctx context.Context) error {
	later := map[directory.PostID]time.Time{} // posts that failed, and when to try again
	seen := int64(-1)                         // the directory's version at which every post was watched
	for {
		next, err := s.pass(ctx, later, &seen)
		if err != nil {
			return err
		}
		if !run.Wait(ctx, min(next.Sub(s.Now()), patience), s.bell) {
			return nil
		}
	}
}

// watch gives every post of the directory a baton, so that none is without the clock.
func (s *Service) watch(ctx context.Context, seen *int64) error {
	v, err := directory.Version(ctx, s.DB)
	if err != nil || v == *seen {
		return err
	}
	posts, err := directory.Posts(ctx, s.DB)
	if err != nil {
		return err
	}
	there, err := db.Collect(ctx, s.DB, unwatched, db.Scalar[directory.PostID])
	if err != nil {
		return err
	}
	known := make(map[directory.PostID]bool, len(there))
	for _, p := range there {
		known[p] = true
	}
	var fresh []directory.PostID
	for _, p := range posts {
		if !known[p.ID] {
			fresh = append(fresh, p.ID)
		}
	}
	if len(fresh) > 0 {
		err = s.DB.WriteLast(ctx, "rota.watch", func(ctx context.Context, tx *db.Tx) error {
			for _, p := range fresh {
				if err := (row{state: State{Post: p}, holders: 1}).save(ctx, tx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err == nil {
		*seen = v
	}
	return err
}

// pass looks at every post that is due and returns when the next one will be.
func (s *Service) pass(ctx context.Context, later map[directory.PostID]time.Time, seen *int64) (time.Time, error) {
	now := s.Now()
	next := now.Add(patience)
	if err := s.watch(ctx, seen); err != nil {
		return next, err
	}
	lapses, err := s.lapse(ctx)
	if err != nil {
		return next, err
	}
	if lapses.Before(next) {
		next = lapses
	}
	all, err := db.Collect(ctx, s.DB, dueNext, scanDue)
	if err != nil {
		return next, err
	}
	for _, d := range all {
		at := time.UnixMilli(d.wakeAt)
		if again, failed := later[d.post]; failed && again.After(at) {
			at = again
		}
		if at.After(now) && !at.After(now.Add(lookAgain+time.Minute)) {
			if at.Before(next) {
				next = at
			}
			continue
		}
		delete(later, d.post)
		next = now // look again: the post will have a new time
		err := s.DB.WriteFirst(ctx, "rota.tick", func(ctx context.Context, tx *db.Tx) error {
			return s.step(ctx, tx, d.post, Input{Verb: Tick})
		})
		if err != nil {
			if ctx.Err() != nil {
				return next, nil
			}
			s.Log.Error("post could not be looked at, will try again", "post", d.post, "err", err)
			later[d.post] = now.Add(retry)
		}
	}
	return next, nil
}
