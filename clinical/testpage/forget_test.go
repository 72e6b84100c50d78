package testpage

import (
	"testing"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/matrix/id"
)

var countOf = map[string]*db.Statement{
	"run":  db.SQL("testpage.count_runs", `SELECT count(*) FROM testpage_run WHERE id = $1`),
	"test": db.SQL("testpage.count_tests", `SELECT count(*) FROM testpage_test WHERE run = $1`),
	"way":  db.SQL("testpage.count_ways", `SELECT count(*) FROM testpage_way WHERE run = $1`),
}

// TestForget lets time pass over runs: what is older than the trust keeps it goes, with all that hangs on it; rules, what goes on and the
// audit do not.
func TestForget(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		ok := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		rows := func(what string, run RunID) int64 {
			t.Helper()
			n, err := db.One(ctx, d, countOf[what], db.Scalar[int64], string(run))
			ok(err)
			return n
		}
		now := time.Date(2026, 11, 30, 7, 29, 0, 0, time.UTC)
		s := posts(t, d, func() time.Time { return now }, make(chan id.User, 10))
		run := func(txn string, posts ...directory.PostID) RunID {
			t.Helper()
			r, err := s.TestNow(ctx, ruth, txn, posts)
			ok(err)
			return r.ID
		}
		pass := func() {
			t.Helper()
			_, err := s.pass(ctx)
			ok(err)
		}
		_, err := s.SetRules(ctx, ruth, 0, Rules{At: "07:30", Days: []time.Weekday{1}, Minutes: 5}, "")
		ok(err)
		first := run("first")
		pass()
		now = now.Add(time.Hour)
		pass() // nobody has answered
		now = now.Add(s.Keep - time.Hour - time.Minute)
		ok(s.forget(ctx))
		for what := range countOf {
			if rows(what, first) == 0 {
				t.Fatalf("of a run that is not old no %s is kept", what)
			}
		}
		stuck := run("stuck", "po_empty")
		now = now.Add(2 * time.Minute)
		ok(s.forget(ctx))
		for what := range countOf {
			if n := rows(what, first); n != 0 {
				t.Errorf("of a run that is old, %d of kind %s are kept", n, what)
			}
		}
		now = now.Add(s.Keep)
		ok(s.forget(ctx))
		if rows("run", stuck) != 1 {
			t.Error("a run that goes on is forgotten")
		}
		s.Keep = 0
		pass() // it ends
		ok(s.forget(ctx))
		if h, err := s.History(ctx); err != nil || len(h.Runs) != 0 || rows("run", stuck) != 1 {
			t.Errorf("%+v, %v, or a trust that keeps runs for ever has lost one", h, err)
		}
		recent := run("recent", "po_empty")
		pass()
		now = now.Add(LeastKeep - time.Minute)
		s.Keep = time.Second
		ok(s.forget(ctx))
		if rows("run", recent) != 1 {
			t.Error("what the board looks back at is forgotten")
		}
		if rows("run", stuck) != 0 {
			t.Error("a run that has ended is kept when it is old")
		}
		if v, err := s.Rules(ctx); err != nil || len(v) != 1 {
			t.Errorf("%d versions of the rules, %v", len(v), err)
		}
		if entries, err := audit.ForObject(ctx, d, string(first), 100); err != nil || len(entries) == 0 {
			t.Errorf("the audit has forgotten a run: %v", err)
		}
	}, migrations()...)
}
