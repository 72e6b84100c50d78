package ask

import (
	"context"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/run"
	"wardline/matrix/id"
)

// patience is the longest the loop sleeps without looking at the clock.
const patience = 30 * time.Second

// retry is how long an ask that could not be moved is left alone.
const retry = 10 * time.Second

// Run lets time pass for every open ask, from whatever is in the database, until ctx ends. One whose room refuses is tried again later
// and does not keep the others.
func (s *Service) Run(ctx context.Context) error {
	if err := s.recall(ctx); err != nil {
		return err
	}
	later := map[ID]time.Time{}
	for {
		next, err := s.pass(ctx, later)
		if err != nil {
			return err
		}
		if !run.Wait(ctx, min(next.Sub(s.Now()), patience), s.bell) {
			return nil
		}
	}
}

// recall reads which asks are open, so that replies to anything else cost nothing.
func (s *Service) recall(ctx context.Context) error {
	all, err := db.Collect(ctx, s.DB, running, db.Scalar[id.Event])
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ev := range all {
		s.open[ev] = true
	}
	s.read = true
	return nil
}

func (s *Service) pass(ctx context.Context, later map[ID]time.Time) (time.Time, error) {
	now := s.Now()
	next := now.Add(patience)
	all, err := db.Collect(ctx, s.DB, dueNext, scanDue)
	if err != nil {
		return next, err
	}
	for _, d := range all {
		at := time.UnixMilli(d.wakeAt)
		if again, failed := later[d.id]; failed && again.After(at) {
			at = again
		}
		if at.After(now) {
			if at.Before(next) {
				next = at
			}
			continue
		}
		delete(later, d.id)
		next = now
		if err := s.tickOne(ctx, d.id); err != nil && ctx.Err() == nil {
			s.Log.Error("a question could not be moved on, will try again", "ask", d.id, "err", err)
			later[d.id] = now.Add(retry)
		}
	}
	return next, nil
}

// Follow brings everything that a post owes to whoever holds it now, into the conversations where it was asked, inside the act by which
// the post changed hands. It suits rota.Deps.Hands. A conversation that refuses the new holder keeps its question as it was: the clock
// still reminds, and the asker is told in the end.
//
// hazard: H6 role empty or stale holder
func (s *Service) Follow(ctx context.Context, tx *db.Tx, post directory.PostID, _, _ []id.User) error {
	all, err := db.Collect(ctx, tx, owedIn, scan, string(post))
	if err != nil {
		return err
	}
	for _, st := range all {
		err := tx.Try(ctx, func() error { return s.followOne(ctx, tx, st) })
		switch fault.KindOf(err) {
		case fault.Forbidden, fault.Hidden, fault.NotFound, fault.Invalid, fault.TooLarge, fault.Conflict:
			s.Log.Error("a question could not follow its post", "ask", st.ID, "post", post, "err", err)
		default:
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) followOne(ctx context.Context, tx *db.Tx, st State) error {
	a, err := s.Rooms.In(ctx, tx, st.RoomID)
	if err != nil {
		return err
	}
	holders, err := s.holders(ctx, tx, st.post())
	if err != nil {
		return err
	}
	if to, _ := follow(st, 0, Input{Holders: holders}); to.Owner.User != st.Owner.User {
		if _, err := s.Conversations.AddIn(ctx, a, st.From.User, []id.User{to.Owner.User}); err != nil {
			return err
		}
	}
	_, err = s.apply(ctx, a, st, "", Input{Verb: Follow}, true)
	return err
}

func (s *Service) tickOne(ctx context.Context, ask ID) error {
	return s.DB.Write(ctx, "ask.tick", func(ctx context.Context, tx *db.Tx) error {
		st, err := db.One(ctx, tx, byID, scan, string(ask))
		if err != nil {
			return err
		}
		a, err := s.Rooms.In(ctx, tx, st.RoomID)
		if err != nil {
			return err
		}
		_, err = s.apply(ctx, a, st, "", Input{Verb: Tick}, true)
		return err
	})
}
