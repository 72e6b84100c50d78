package ask

import (
	"context"
	"time"

	"wardline/ground/db"
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
