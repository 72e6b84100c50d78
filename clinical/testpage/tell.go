package testpage

import (
	"context"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/reach"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/run"
	"wardline/matrix/id"
)

// How a way is tried: a few times, because a test that a passing trouble fails says little; Web Push to several at once, a carrier to one
// after the other, so that a page that is real never waits for more than one test.
const (
	attempts = 3
	attempt  = 15 * time.Second
	together = 4
)

func pause(tried int64) time.Duration { return 5 * time.Second << min(max(tried-1, 0), 3) }

func (s *Service) serve(ctx context.Context, way string) error {
	for {
		next, err := s.send(ctx, way)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			s.Log.Error("tests could not be sent, will try again", "way", way, "err", err)
			next = s.Now().Add(retry)
		}
		if !run.Wait(ctx, min(max(next.Sub(s.Now()), 0), patience), s.bells[way]) {
			return nil
		}
	}
}

// send does what is due in a way and returns when something will be.
func (s *Service) send(ctx context.Context, way string) (time.Time, error) {
	now, n := s.Now(), 1
	next := now.Add(patience)
	if way == Push {
		n = together
	}
	list, err := db.Collect(ctx, s.DB, dueWays, scanErrand, way, n)
	if err != nil {
		return next, err
	}
	var fns []func(context.Context) error
	for _, e := range list {
		if at := time.UnixMilli(e.nextAt); at.After(now) {
			next = sooner(next, at)
			break
		}
		fns = append(fns, func(ctx context.Context) error { return s.one(ctx, e) })
	}
	if len(fns) == 0 {
		return next, nil
	}
	return now, run.All(ctx, fns...)
}

// one makes one attempt. That it is made is written down before the network is touched, so that a crash leads to one notice too many and
// never to one too few.
func (s *Service) one(ctx context.Context, e errand) error {
	var t Test
	needed := false
	err := s.DB.Write(ctx, "testpage.try", func(ctx context.Context, tx *db.Tx) (err error) {
		if t, needed, err = s.needed(ctx, tx, e); err != nil {
			return err
		}
		now := s.Now()
		if !needed {
			_, err = tx.Exec(ctx, endWay, e.id, string(Dropped), "", now.UnixMilli())
			return err
		}
		e.attempts++
		_, err = tx.Exec(ctx, beginWay, e.id, e.attempts, now.Add(attempt+pause(e.attempts)).UnixMilli(), now.UnixMilli())
		return err
	})
	if err != nil || !needed {
		return err
	}
	out, cancel := context.WithTimeout(ctx, attempt)
	state, note, err := s.out(out, e, t)
	cancel()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.DB.Write(ctx, "testpage.tried", func(ctx context.Context, tx *db.Tx) error {
		now := s.Now()
		if err != nil && e.attempts < attempts {
			s.Log.Info("a test will be tried again", "way", e.way, "post", t.Post, "err", err)
			_, err := tx.Exec(ctx, laterWay, e.id, now.Add(pause(e.attempts)).UnixMilli())
			return err
		}
		if err != nil {
			s.Log.Warn("a test could not be told", "way", e.way, "post", t.Post, "err", err)
		}
		is, err := db.One(ctx, tx, oneWay, scanErrand, e.id)
		if err != nil || is.state != Due {
			return err // a device or a receipt was quicker
		}
		_, err = tx.Exec(ctx, endWay, e.id, string(state), note, now.UnixMilli())
		return err
	})
}

// needed looks whether somebody still waits for this, and which test it is of: for Web Push the first of theirs.
func (s *Service) needed(ctx context.Context, tx *db.Tx, e errand) (Test, bool, error) {
	is, err := db.One(ctx, tx, oneWay, scanErrand, e.id)
	if err != nil || is.state != Due {
		return Test{}, false, err
	}
	if e.test != "" {
		t, err := db.One(ctx, tx, oneTest, scanTest, string(e.test))
		return t, err == nil && t.State == Waiting && t.User == e.user, err
	}
	mine, err := db.Collect(ctx, tx, theirsIn, scanTest, string(e.run), string(e.user))
	for _, t := range mine {
		if t.State == Waiting {
			return t, true, err
		}
	}
	return Test{}, false, err
}

// out touches the network and says what came of it. The error is what is worth another attempt.
func (s *Service) out(ctx context.Context, e errand, t Test) (WayState, string, error) {
	if e.way == Push {
		ttl := time.UnixMilli(t.DueAt).Sub(s.Now())
		told, err := s.Push(ctx, e.user, string(e.run), max(ttl, time.Minute))
		switch {
		case told > 0:
			return Taken, "", nil
		case err != nil:
			return Failed, "the push service cannot be reached", err
		}
		return NoWay, "", nil
	}
	err := s.Reach.Trial(ctx, reach.Way(e.way), e.id, e.user, t.Post, t.Name)
	switch {
	case err == nil:
		return Taken, "", nil
	case fault.Is(err, fault.Invalid):
		return Failed, "refused", nil
	}
	return Failed, "the carrier cannot be reached", err
}

// Heard takes what a carrier tells of a test that it took. It suits reach.Service.Trials; a name that is not ours changes nothing.
func (s *Service) Heard(ctx context.Context, tx *db.Tx, ref string, arrived bool, why string) error {
	e, err := db.One(ctx, tx, oneWay, scanErrand, ref)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	state := Arrived
	if !arrived {
		state = Failed
	}
	_, err = tx.Exec(ctx, endWay, e.id, string(state), why, s.Now().UnixMilli())
	return err
}

// Numbers is whom an operator rings about a test: its post, and whoever has it. An unknown one is fault.Hidden.
func (s *Service) Numbers(ctx context.Context, test TestID) (post directory.PostID, holder id.User, err error) {
	t, err := db.One(ctx, s.DB, oneTest, scanTest, string(test))
	if fault.Is(err, fault.NotFound) {
		err = errHidden
	}
	return t.Post, t.User, err
}
