package status

import (
	"context"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/run"
	"wardline/matrix/id"
)

// Deps is what the service needs; all are required.
type Deps struct {
	DB   *db.DB
	Now  func() time.Time
	Note func(u id.User, note string) // what apps that know only presence are told; "" for nothing
}

// Service keeps everybody's status.
type Service struct {
	Deps
	bell chan struct{} // wakes Run
}

// New returns the service. It starts nothing.
func New(d Deps) *Service { return &Service{Deps: d, bell: make(chan struct{}, 1)} }

// Of returns what somebody says of themselves now; nothing is the zero Status.
func (s *Service) Of(ctx context.Context, u id.User) (Status, error) {
	st, err := db.One(ctx, s.DB, read, scan, string(u))
	if fault.Is(err, fault.NotFound) || err == nil && st.Over(s.Now()) {
		return Status{}, nil
	}
	return st, err
}

// Protected says what somebody is busy with who is to be asked only when nobody else can be, None when they may be asked. It suits
// paging.Deps.Busy.
func Protected(ctx context.Context, q db.Querier, u id.User, at time.Time) (Kind, error) {
	st, err := db.One(ctx, q, read, scan, string(u))
	if fault.Is(err, fault.NotFound) || err == nil && st.Over(at) {
		return None, nil
	}
	if err != nil || !st.Kind.Protected() {
		return None, err
	}
	return st.Kind, nil
}

// Set says something of oneself, in place of what was said before. A status that nobody could read, or whose end has passed, is
// fault.Invalid.
func (s *Service) Set(ctx context.Context, u id.User, st Status) (Status, error) {
	st, err := check(st, s.Now())
	if err != nil {
		return st, err
	}
	return st, s.DB.Write(ctx, "status.set", func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, save, string(u), string(st.Kind), st.Words, millis(st.Until), s.Now().UnixMilli()); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.said(u, st.Note()) })
		return nil
	})
}

// Clear takes back what somebody says of themselves. Where nothing is said it changes nothing.
func (s *Service) Clear(ctx context.Context, u id.User) error {
	return s.DB.Write(ctx, "status.clear", func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, remove, string(u)); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.said(u, "") })
		return nil
	})
}

func (s *Service) said(u id.User, note string) {
	s.Note(u, note)
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

// patience is the longest the loop sleeps without looking at the clock.
const patience = 30 * time.Second

// Run tells what people say of themselves, and ends each status when its time has come, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	all, err := db.Collect(ctx, s.DB, running, scanOwned)
	if err != nil {
		return err
	}
	for _, o := range all {
		if !o.Over(s.Now()) {
			s.Note(o.user, o.Status.Note())
		}
	}
	for {
		next, err := s.pass(ctx)
		if err != nil {
			return err
		}
		if !run.Wait(ctx, min(next.Sub(s.Now()), patience), s.bell) {
			return nil
		}
	}
}

func (s *Service) pass(ctx context.Context) (time.Time, error) {
	now := s.Now()
	all, err := db.Collect(ctx, s.DB, ending, scanEnd)
	if err != nil {
		return now, err
	}
	for _, e := range all {
		if at := time.UnixMilli(e.at); at.After(now) {
			return at, nil
		}
		// Only what has really ended: it may have been set anew since it was read.
		err := s.DB.Write(ctx, "status.end", func(ctx context.Context, tx *db.Tx) error {
			n, err := tx.Exec(ctx, ended, string(e.user), now.UnixMilli())
			if err == nil && n > 0 {
				tx.AfterCommit(func() { s.Note(e.user, "") })
			}
			return err
		})
		if err != nil {
			return now, err
		}
	}
	if len(all) == 200 {
		return now, nil
	}
	return now.Add(patience), nil
}
