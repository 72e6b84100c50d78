package testpage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/clinical/status"
	"wardline/ground/db"
	"wardline/ground/run"
	"wardline/matrix/id"
)

const (
	patience = 30 * time.Second // the longest the clock sleeps without looking
	retry    = 5 * time.Second  // how long what failed is left alone
	slack    = time.Minute      // a clock that is set back by less makes nothing void
	lateFor  = 30 * time.Minute // how long after its time a test can still be answered
)

// Run begins what is due, brings tests to people and ends them, from whatever is in the database, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	err := s.DB.Write(ctx, "testpage.resume", func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, resumeWay, s.Now().UnixMilli()) // what the last process began and did not end
		return err
	})
	if err != nil {
		return err
	}
	fns := []func(context.Context) error{s.clock, func(ctx context.Context) error { return s.serve(ctx, Push) }}
	for w := range s.Reach.Config.Carriers {
		fns = append(fns, func(ctx context.Context) error { return s.serve(ctx, string(w)) })
	}
	return run.All(ctx, fns...)
}

func (s *Service) clock(ctx context.Context) error {
	for {
		next, err := s.pass(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil { // the others must not stand still for it
			s.Log.Error("the test page could not go on, will try again", "err", err)
			next = s.Now().Add(retry)
		}
		if !run.Wait(ctx, min(max(next.Sub(s.Now()), 0), patience), s.bell) {
			return nil
		}
	}
}

// pass does what is due and returns when something will be.
func (s *Service) pass(ctx context.Context) (time.Time, error) {
	now := s.Now()
	next := now.Add(patience)
	if err := s.setBack(ctx); err != nil {
		return next, err
	}
	due, soon, err := s.look(ctx, s.DB, now)
	if err != nil {
		return next, err
	}
	if !soon.IsZero() {
		next = sooner(next, soon)
	}
	if len(due) > 0 {
		if err := s.DB.Write(ctx, "testpage.begin", s.begin); err != nil {
			return next, err
		}
	}
	var failed error
	some := func(q *db.Statement, args []any, is func(Test) time.Time, act string, do func(context.Context, *db.Tx, Test) error) error {
		for {
			all, err := db.Collect(ctx, s.DB, q, scanTest, args...)
			if err != nil {
				return err
			}
			did := 0
			for _, t := range all {
				if at := is(t); at.After(now) {
					next = sooner(next, at)
					continue
				}
				err := s.DB.Write(ctx, act, func(ctx context.Context, tx *db.Tx) error {
					fresh, err := db.One(ctx, tx, oneTest, scanTest, string(t.ID))
					if err != nil || fresh != t {
						return err // somebody was quicker, and it comes again if there is more to do
					}
					return do(ctx, tx, t)
				})
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if err != nil {
					s.Log.Error("a test could not go on", "act", act, "post", t.Post, "err", err)
					failed = err
					continue
				}
				did++
			}
			if did == 0 || len(all) < 64 {
				return nil
			}
		}
	}
	at := func(ms int64) time.Time { return time.UnixMilli(ms) }
	if err := some(inState, []any{string(Planned)}, func(Test) time.Time { return now }, "testpage.call", s.call); err != nil {
		return next, err
	}
	if err := some(inState, []any{string(Waiting)}, func(t Test) time.Time { return at(t.DueAt) }, "testpage.close", s.close); err != nil {
		return next, err
	}
	if err := some(overTests, nil, func(t Test) time.Time { return at(t.ShownUntil) }, "testpage.put_away", s.putAway); err != nil {
		return next, err
	}
	if err := s.forget(ctx); err != nil {
		return next, err
	}
	return next, failed
}

// forget takes away runs that are older than the trust keeps them, with their tests and what came of each way, a few at a time so that a
// page never waits behind them. What was tested and what it came to stays in the audit. A run that goes on is not old.
func (s *Service) forget(ctx context.Context) error {
	if s.Keep <= 0 {
		return nil
	}
	before := s.Now().Add(-max(s.Keep, LeastKeep)).UnixMilli()
	for {
		old, err := db.Collect(ctx, s.DB, oldRuns, db.Scalar[string], before)
		if err != nil || len(old) == 0 {
			return err
		}
		err = s.DB.Write(ctx, "testpage.forget", func(ctx context.Context, tx *db.Tx) error {
			for _, run := range old {
				for _, q := range []*db.Statement{forgetWay, dropTests, dropRun} {
					if _, err := tx.Exec(ctx, q, run); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		s.Log.Info("old runs of the test page are forgotten", "runs", len(old))
	}
}

func sooner(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// look finds what Plan says now.
func (s *Service) look(ctx context.Context, q db.Querier, now time.Time) ([]Day, time.Time, error) {
	v, err := newest(ctx, q)
	if err != nil || !v.Rules.On {
		return nil, time.Time{}, err
	}
	had, err := db.Collect(ctx, q, daysHad, db.Scalar[string], rota.DateOf(now).Add(-lookBack-1).At(0).UnixMilli())
	if err != nil {
		return nil, time.Time{}, err
	}
	due, next := Plan(v.Rules, v.At, now, func(d rota.Date) bool { return slices.Contains(had, d.String()) })
	return due, next, nil
}

// begin starts the run of a day whose time has come, and writes down which days had none. Its slot keeps a day from having two.
func (s *Service) begin(ctx context.Context, tx *db.Tx) error {
	now := s.Now()
	due, _, err := s.look(ctx, tx, now)
	if err != nil || len(due) == 0 {
		return err
	}
	v, err := newest(ctx, tx)
	if err != nil {
		return err
	}
	for _, d := range due {
		r := Run{ID: RunID("tr_" + id.NewOpaque(12)), Day: d.Date.String(), Kind: Daily, PlannedAt: d.At.UnixMilli(), StartedAt: now.UnixMilli(), Minutes: int64(v.Rules.Minutes), Ways: v.Rules.Ways, State: Running}
		if d.Run {
			posts, err := Posts(ctx, tx, v.Rules)
			if err != nil {
				return err
			}
			if err := s.start(ctx, tx, r, dailySlot(d.Date), posts); err != nil {
				return err
			}
			continue
		}
		r.State, r.EndedAt = NotRun, now.UnixMilli()
		if fresh, err := r.save(ctx, tx, dailySlot(d.Date)); err != nil || !fresh {
			return err
		}
		if err := s.note(ctx, tx, system, "testpage.not_run", string(r.ID), map[string]string{"day": r.Day}); err != nil {
			return err
		}
		words := fmt.Sprintf("The test page of %s, %s, was not run, because the server was not up in time. Test the posts now from the switchboard's console, or by telephone.", d.Date, v.Rules.At)
		if err := s.tell(ctx, tx, words); err != nil {
			return err
		}
	}
	return nil
}

// tell brings a line to whoever holds the switchboard: a notice, not an alarm.
func (s *Service) tell(ctx context.Context, tx *db.Tx, words string) error {
	posts, err := directory.Posts(ctx, tx)
	if err != nil {
		return err
	}
	told := map[id.User]bool{}
	for _, p := range posts {
		if !p.Switchboard || p.Closed {
			continue
		}
		holders, err := rota.Holders(ctx, tx, p.ID, s.Now())
		if err != nil {
			return err
		}
		for _, h := range holders {
			if told[h.User] {
				continue
			}
			told[h.User] = true
			if err := s.Conversations.Inform(ctx, tx, h.User, words); err != nil {
				return err
			}
		}
	}
	return nil
}

// close ends a test that nobody answered in time.
func (s *Service) close(ctx context.Context, tx *db.Tx, t Test) error {
	if t.State != Waiting || t.DueAt > s.Now().UnixMilli() {
		return nil
	}
	busy, err := status.Protected(ctx, tx, t.User, s.Now())
	if err != nil {
		return err
	}
	ways, err := db.Collect(ctx, tx, waysOf, scanWay, string(t.Run), string(t.User), string(t.ID))
	if err != nil {
		return err
	}
	if t.State = judge(ways); busy != status.None { // since it began
		t.State, t.ShownUntil = Protected, 0
		t.because(Reason{Code: string(busy)})
	}
	return s.end(ctx, tx, t)
}

// end writes down what a test came to without an answer, and ends the run with the last.
func (s *Service) end(ctx context.Context, tx *db.Tx, t Test) error {
	t.EndedAt = s.Now().UnixMilli()
	if err := t.save(ctx, tx); err != nil {
		return err
	}
	if t.User != "" && t.DueAt > 0 {
		if err := s.show(ctx, tx, t.User); err != nil {
			return err
		}
	}
	if err := s.note(ctx, tx, system, "testpost."+string(t.State), string(t.Post), map[string]string{"run": string(t.Run), "user": string(t.User)}); err != nil {
		return err
	}
	return s.finish(ctx, tx, t.Run)
}

// putAway takes a test that nobody answered from its holder's devices.
func (s *Service) putAway(ctx context.Context, tx *db.Tx, t Test) error {
	t.ShownUntil = 0
	if err := t.save(ctx, tx); err != nil {
		return err
	}
	return s.show(ctx, tx, t.User)
}

// named is how many posts a notice names.
const named = 12

// finish ends a run whose last test has ended, and tells the switchboard of those that failed, once, in the same act.
//
// hazard: H1 urgent message not delivered
func (s *Service) finish(ctx context.Context, tx *db.Tx, run RunID) error {
	n, err := db.One(ctx, tx, openIn, db.Scalar[int64], string(run))
	if err != nil || n > 0 {
		return err
	}
	if n, err = tx.Exec(ctx, endRun, string(run), s.Now().UnixMilli()); err != nil || n == 0 {
		return err
	}
	r, err := db.One(ctx, tx, oneRun, scanRun, string(run))
	if err != nil {
		return err
	}
	all, err := db.Collect(ctx, tx, testsOf, scanTest, string(run))
	if err != nil {
		return err
	}
	var failed []string
	passed := 0
	for _, t := range all {
		if t.State.Failed() {
			failed = append(failed, t.Name+" ("+words[t.State]+")")
		} else if t.State == Received {
			passed++
		}
	}
	if err := s.note(ctx, tx, system, "testpage.ended", string(run), map[string]string{"posts": fmt.Sprint(len(all)), "received": fmt.Sprint(passed), "failed": fmt.Sprint(len(failed))}); err != nil || len(failed) == 0 {
		return err
	}
	list := strings.Join(failed[:min(len(failed), named)], ", ")
	if more := len(failed) - named; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return s.tell(ctx, tx, fmt.Sprintf("Test page of %s: %d of %d posts did not pass: %s. The board is in the switchboard's console.", rota.Local(time.UnixMilli(r.StartedAt)).Format("15:04"), len(failed), len(all), list))
}

// words are the states as operators read them.
var words = map[State]string{Planned: "not told yet", Waiting: "waiting", Received: "received", Late: "received late", Unanswered: "not answered", Unreached: "no device reached", Nobody: "nobody holds it", Protected: "not disturbed"}

// setBack gives up runs that lie ahead of the clock, which shows that it was set back: the day that they took gets its test at its time.
//
// hazard: H18 clock skew reorders events
func (s *Service) setBack(ctx context.Context) error {
	ahead, err := db.Collect(ctx, s.DB, aheadRuns, scanRun, s.Now().Add(slack).UnixMilli())
	if err != nil {
		return err
	}
	for _, r := range ahead {
		err := s.DB.Write(ctx, "testpage.void", func(ctx context.Context, tx *db.Tx) error {
			all, err := db.Collect(ctx, tx, testsOf, scanTest, string(r.ID))
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, voidRun, string(r.ID), "void:"+string(r.ID), s.Now().UnixMilli()); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, voidTests, string(r.ID)); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, dropWays, string(r.ID)); err != nil {
				return err
			}
			told := map[id.User]bool{}
			for _, t := range all {
				if t.ShownUntil == 0 || told[t.User] {
					continue
				}
				told[t.User] = true
				if err := s.show(ctx, tx, t.User); err != nil {
					return err
				}
			}
			return s.note(ctx, tx, system, "testpage.void", string(r.ID), map[string]string{"day": r.Day})
		})
		if err != nil {
			return err
		}
	}
	return nil
}
