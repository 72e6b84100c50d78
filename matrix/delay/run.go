package delay

import (
	"context"
	"encoding/json"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/run"
	"wardline/matrix/id"
)

// patience is the longest Run sleeps without looking at the clock, so that a clock that was set delays nothing for longer.
const patience = 30 * time.Second

// retry is how long an event that could not be tried is left alone.
const retry = 2 * time.Second

// Run sends what is due, in the order of its time, until ctx ends. It starts from whatever is there: what came due while the server
// was away is sent at once. It returns an error when the database cannot be read; the group that runs it starts it again.
func (s *Service) Run(ctx context.Context) error {
	later := map[ID]time.Time{} // what could not be tried, and when to try again
	for {
		next, err := s.pass(ctx, later)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if !run.Wait(ctx, min(next.Sub(s.Now()), patience), s.bell) {
			return nil
		}
	}
}

// pass sends every event that is due and returns when the next one will be.
func (s *Service) pass(ctx context.Context, later map[ID]time.Time) (time.Time, error) {
	now := s.Now()
	next := now.Add(patience)
	all, err := db.Collect(ctx, s.DB, dueNext, scan, 100+len(later))
	if err != nil {
		return next, err
	}
	for _, e := range all {
		at := time.UnixMilli(e.dueAt)
		if again, failed := later[e.ID]; failed && again.After(at) {
			at = again
		}
		if at.After(now) {
			if at.Before(next) {
				next = at
			}
			continue
		}
		delete(later, e.ID)
		next = now // look again
		if err := s.sendDue(ctx, e.ID, e.owner); err != nil {
			if ctx.Err() != nil {
				return next, err
			}
			s.Log.Error("delayed event could not be sent, will try again", "delay", e.ID, "err", err)
			later[e.ID] = now.Add(retry)
		}
	}
	return next, nil
}

// sendDue sends one event whose time has come. When the room or the state of the owner's account refuses it, that ends it.
func (s *Service) sendDue(ctx context.Context, name ID, owner id.User) (err error) {
	if s.MaySend != nil {
		err = s.MaySend(ctx, owner)
	}
	if err == nil {
		err = s.due(ctx, name, func(ctx context.Context, tx *db.Tx, e Event) error { return s.send(ctx, tx, e) })
	}
	f := fault.As(err)
	if err == nil || f == nil || f.Kind == fault.Internal || f.Kind == fault.Unavailable {
		return err
	}
	why, err := json.Marshal(map[string]string{"errcode": codeOf(f), "error": f.Public})
	if err != nil {
		return err
	}
	return s.due(ctx, name, func(ctx context.Context, tx *db.Tx, e Event) error { return s.finalise(ctx, tx, e, "", why) })
}

func codeOf(f *fault.Fault) string {
	if f.Code == "" {
		return "M_UNKNOWN"
	}
	return f.Code
}

// due runs fn on an event that still waits and whose time has come: since it was found it may have been restarted or taken back.
func (s *Service) due(ctx context.Context, name ID, fn func(ctx context.Context, tx *db.Tx, e Event) error) error {
	return s.DB.Write(ctx, "delay.due", func(ctx context.Context, tx *db.Tx) error {
		e, err := db.One(ctx, tx, byID, scan, string(name))
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil || e.FinalisedAt != 0 || time.UnixMilli(e.dueAt).After(s.Now()) {
			return err
		}
		return fn(ctx, tx, e)
	})
}
