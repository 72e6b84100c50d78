package scenario

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"wardline/clinical/rota"
	"wardline/clinical/testpage"
	"wardline/matrix/id"
)

// hazard: H18
func TestTestPage_Crash(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	// one says that a day had one run, with each post told and closed, and nothing running.
	one := func(t *testing.T, w *Ward, posts int) {
		t.Helper()
		w.Pass(12 * time.Minute)
		h, err := w.Tests.History(ctx)
		ok(t, err)
		if len(h.Runs) != 1 || h.Runs[0].State != testpage.Done || len(h.Strips) != posts {
			t.Fatalf("%+v", h)
		}
		if n := len(w.As("jo").informed()); n != 1 {
			t.Errorf("the switchboard was told %d times", n)
		}
	}
	for _, act := range []string{"testpage.begin", "testpage.call", "testpage.try", "testpage.tried", "testpage.close", "testpage.reached"} {
		for _, seam := range []string{"before-commit", "before-wake"} { // what is lost after these is an answer to the caller
			in(t, "OK killed at "+seam+" of "+act+", the day has one run and at most one notice more", func(t *testing.T, w *Ward) {
				w.Browsers.of = map[id.User]int{w.As("liam").User: 1, w.As("grace").User: 1}
				w.tests(w.only("00:05", sprPost, shoPost))
				w.until("00:04")
				w.Crash(seam, act, func() {
					w.until("00:05")
					if runs := w.As("grace").tested(); len(runs) == 1 {
						ok(t, w.Tests.Reached(ctx, w.As("grace").User, runs[0], testpage.App))
					}
					w.Pass(5 * time.Minute)
				})
				one(t, w, 2)
				if n := w.Browsers.heard(w.As("liam").User); n < 1 || n > 2 {
					t.Errorf("Liam's browser was told %d times", n)
				}
			})
		}
	}
	in(t, "OK an answer that was lost before its commit can be given again", func(t *testing.T, w *Ward) {
		w.tests(w.only("00:05", sprPost))
		w.until("00:05")
		run := w.As("liam").tested()[0]
		w.Crash("before-commit", "testpage.receive", func() { _, _ = w.Tests.Receive(ctx, w.As("liam").User, run) })
		if len(w.As("liam").tested()) != 1 {
			t.Fatal("the test is gone")
		}
		w.Crash("before-ack", "testpage.phoned", func() { _ = w.Tests.Phoned(ctx, w.As("jo").User, w.row(sprPost).ID, "x") })
		w.As("liam").receives()
		if r := w.row(sprPost); r.State != testpage.Received || r.PhoneName != "Jo Bright" {
			t.Errorf("%+v", w.row(sprPost))
		}
	})
	in(t, "OK a server that was down at the time runs it as soon as it is up", func(t *testing.T, w *Ward) {
		w.tests(w.only("00:05", sprPost))
		w.Restart(2 * time.Hour)
		if r := w.row(sprPost); r.State != testpage.Waiting || w.testBoard().NotRun != 0 {
			t.Fatalf("%+v", r)
		}
	})
	in(t, "OK after more than two hours it was not run, and that is said", func(t *testing.T, w *Ward) {
		w.tests(w.only("00:05", sprPost))
		w.Restart(3 * time.Hour)
		if b := w.testBoard(); b.NotRun == 0 || len(b.Rows) != 0 {
			t.Errorf("%+v", b)
		}
		told := w.As("jo").informed()
		if last := told[len(told)-1]; !strings.Contains(last, "was not run") {
			t.Errorf("the switchboard was told %q", told)
		}
		if n := w.runs(); n[testpage.Done] != 0 || n[testpage.NotRun] != 1 {
			t.Errorf("%v", n)
		}
	})
	in(t, "OK a clock that jumps gives a day one run and never none", func(t *testing.T, w *Ward) {
		w.tests(w.only("00:05", sprPost))
		w.SetClock(time.Hour) // 01:00
		w.Pass(time.Minute)
		if len(w.As("liam").tested()) != 1 {
			t.Fatal("it did not run when the clock went on")
		}
		w.SetClock(-time.Hour) // 00:01: that run lies ahead
		w.Pass(time.Minute)
		if len(w.As("liam").tested()) != 0 || len(w.testBoard().Rows) != 0 {
			t.Fatalf("%v %+v", w.As("liam").tested(), w.testBoard())
		}
		w.until("00:05")
		w.Pass(30 * time.Second)
		if len(w.As("liam").tested()) != 1 {
			t.Fatal("the day has none")
		}
		w.SetClock(-5 * time.Second) // a time server
		w.Pass(time.Minute)
		if got := w.As("liam").receives(); got.Late {
			t.Errorf("%+v", got)
		}
		w.SetClock(27 * time.Hour) // tomorrow's time has passed for too long
		w.Pass(time.Minute)
		w.SetClock(-27 * time.Hour)
		w.Pass(time.Minute)
		w.until("00:05")
		w.Pass(time.Minute)
		if len(w.As("liam").tested()) != 1 {
			t.Error("the next day has none")
		}
	})
}

// hazard: H7
func TestTestPage_ClockChanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ day, at string }{{"2000-03-26", "02:30"}, {"2000-10-29", "01:30"}} {
		in(t, "OK at 01:30 on "+c.day+" it runs once", func(t *testing.T, w *Ward) {
			day, err := rota.ParseDate(c.day)
			ok(t, err)
			w.tests(w.only("23:59", "po_switch"))
			w.SetClock(day.At(0).Sub(w.now()) - 30*time.Minute)
			w.Pass(time.Minute)
			w.tests(w.only("01:30", "po_switch"))
			var seen []string
			for range 5 * 12 {
				w.Pass(5 * time.Minute)
				for _, r := range w.testBoard().Runs {
					if r.Kind == testpage.Daily && r.Day == c.day {
						if at := rota.Local(time.UnixMilli(r.StartedAt)).Format("15:04 MST"); !slices.Contains(seen, at) {
							seen = append(seen, at)
						}
					}
				}
			}
			if len(seen) != 1 || !strings.HasPrefix(seen[0], c.at+" BST") {
				t.Errorf("it ran at %v", seen)
			}
		})
	}
}
