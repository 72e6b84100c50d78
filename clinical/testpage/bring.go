package testpage

import (
	"context"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/clinical/status"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// holder is who holds a post now, "" for nobody, and why they are not to be disturbed.
func (s *Service) holder(ctx context.Context, q db.Querier, post directory.PostID) (u id.User, name string, busy status.Kind, err error) {
	d, err := rota.Holder(ctx, q, post, s.Now())
	if fault.Is(err, fault.NotFound) {
		return "", "", status.None, nil
	}
	if err != nil {
		return "", "", status.None, err
	}
	p, err := directory.FindPerson(ctx, q, d.User)
	if fault.Is(err, fault.NotFound) || err == nil && p.Left() {
		return "", "", status.None, nil
	}
	if err != nil {
		return "", "", status.None, err
	}
	busy, err = status.Protected(ctx, q, d.User, s.Now())
	return d.User, p.Name, busy, err
}

// call brings a test to whoever holds its post now.
//
// hazard: H6 role empty or stale holder
func (s *Service) call(ctx context.Context, tx *db.Tx, t Test) error {
	if t.State != Planned {
		return nil
	}
	r, err := db.One(ctx, tx, oneRun, scanRun, string(t.Run))
	if err != nil {
		return err
	}
	return s.bring(ctx, tx, r, t)
}

// bring gives a test to the holder of its post, or says why to nobody.
func (s *Service) bring(ctx context.Context, tx *db.Tx, r Run, t Test) error {
	now := s.Now()
	user, name, busy, err := s.holder(ctx, tx, t.Post)
	if err != nil {
		return err
	}
	t.User, t.UserName = user, name
	switch {
	case user == "":
		t.State, t.ToldAt = Nobody, now.UnixMilli()
		return s.end(ctx, tx, t)
	case busy != status.None:
		t.State, t.ToldAt = Protected, now.UnixMilli()
		t.because(Reason{Code: string(busy)})
		return s.end(ctx, tx, t)
	}
	due := now.Add(r.within())
	if t.State == Waiting { // it changes hands: however often it does, the run has an end
		due = sooner(due, time.UnixMilli(r.StartedAt).Add(2*r.within()))
		due = time.UnixMilli(max(due.UnixMilli(), t.DueAt))
	}
	t.State, t.ToldAt, t.DueAt = Waiting, now.UnixMilli(), due.UnixMilli()
	t.ShownUntil = due.Add(lateFor).UnixMilli()
	if err := t.save(ctx, tx); err != nil {
		return err
	}
	if err := s.ways(ctx, tx, r, t, now); err != nil {
		return err
	}
	if err := s.note(ctx, tx, system, "testpost.told", string(t.Post), map[string]string{"run": string(r.ID), "user": string(user)}); err != nil {
		return err
	}
	tx.AfterCommit(func() { ring(s.bell) })
	return s.show(ctx, tx, user)
}

// ways writes down in which ways the holder is told: the app and Web Push once for all their posts, a carrier for each.
func (s *Service) ways(ctx context.Context, tx *db.Tx, r Run, t Test, now time.Time) error {
	add := func(test TestID, way string, state WayState) error {
		_, err := tx.Exec(ctx, addWay, "tw_"+id.NewOpaque(16), string(r.ID), string(t.User), string(test), way, string(state), now.UnixMilli())
		if err == nil && state == Due {
			tx.AfterCommit(func() { ring(s.bells[way]) })
		}
		return err
	}
	if err := add("", App, Offered); err != nil {
		return err
	}
	once := TestID("")
	if t.Moved > 0 { // they may have had, and answered, one for another post
		once = t.ID
	}
	if err := add(once, Push, Due); err != nil {
		return err
	}
	for _, w := range r.Ways {
		there, err := s.Reach.Addressed(ctx, tx, w, t.User, t.Post)
		if err != nil {
			return err
		}
		if there {
			if err := add(t.ID, string(w), Due); err != nil {
				return err
			}
		}
	}
	return nil
}

// Follow brings a test that goes on to whoever holds the post now, inside the act by which it changed hands; the new holder's time begins
// with it. It suits rota.Deps.Hands. What goes wrong with a test is logged and keeps nobody from handing over a post.
//
// hazard: H6 role empty or stale holder
func (s *Service) Follow(ctx context.Context, tx *db.Tx, post directory.PostID, _, _ []id.User) error {
	all, err := db.Collect(ctx, tx, waitingAt, scanTest, string(post))
	if err != nil || len(all) == 0 {
		return err
	}
	err = tx.Try(ctx, func() error {
		for _, t := range all {
			if err := s.follow(ctx, tx, t); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && !fault.Is(err, fault.Unavailable) {
		s.Log.Error("a test could not follow its post", "post", post, "err", err)
		return nil
	}
	return err
}

func (s *Service) follow(ctx context.Context, tx *db.Tx, t Test) error {
	user, _, _, err := s.holder(ctx, tx, t.Post)
	if err != nil || user == t.User {
		return err
	}
	r, err := db.One(ctx, tx, oneRun, scanRun, string(t.Run))
	if err != nil {
		return err
	}
	before := t.User
	t.Moved++
	t.because(Reason{Moved, t.UserName})
	t.ShownUntil = 0
	if err := s.bring(ctx, tx, r, t); err != nil {
		return err
	}
	return s.show(ctx, tx, before)
}
