package scenario

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"wardline/clinical/paging"
	"wardline/matrix/id"
	"wardline/matrix/push"
)

// pockets are the devices that people have subscribed, by how many.
type pockets struct {
	mu  sync.Mutex
	has map[id.User]int
}

func (p *pockets) standing(u id.User) push.Standing {
	p.mu.Lock()
	defer p.mu.Unlock()
	return push.Standing{Devices: p.has[u]}
}

// subscribed gives a ward a push service, and these people so many devices.
func subscribed(w *Ward, devices map[string]int) *pockets {
	p := &pockets{has: map[id.User]int{}}
	for who, n := range devices {
		p.has[w.As(who).User] = n
	}
	w.Pushes = p.standing
	w.Restart(0)
	return p
}

// came says what came of pushing whatever calls somebody to a page, as the push service would.
func (w *Ward) came(who string, p paging.Snapshot, level push.Level, all ...push.Outcome) {
	w.T.Helper()
	u := w.As(who).User
	f, err := w.Rooms.Feed(context.Background(), p.RoomID)
	if err != nil {
		w.T.Fatal(err)
	}
	events, _ := f.Tail(0)
	for _, ev := range events {
		if page, _, calls := paging.CallsSince(u, ev); calls && page == p.ID {
			for _, o := range all {
				w.Reach.Pushed(u, ev, push.Notice{Level: level}, o)
			}
			return
		}
	}
	w.T.Fatalf("nothing calls %s", who)
}

// writes counts the acts of a name while fn runs.
func (w *Ward) writes(name string, fn func()) (n int) {
	var mu sync.Mutex
	count := func(point, act string) {
		mu.Lock()
		defer mu.Unlock()
		if point == "before-commit" && act == name {
			n++
		}
	}
	w.seam.Store(&count)
	fn()
	w.seam.Store(nil)
	mu.Lock()
	defer mu.Unlock()
	return n
}

// TestReach_Push: what came of a push is a line of the page, in one act, and nothing that is untrue or late.
//
// hazard: H2 delivered, not noticed
func TestReach_Push(t *testing.T) {
	t.Parallel()
	steps := func(w *Ward, p paging.Snapshot) string {
		w.Pass(time.Second)
		p, err := w.As("asha").Sees(p.ID)
		ok(t, err)
		return notes(p)
	}
	is := func(t *testing.T, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
	in(t, "OK several devices of one person are one line, written once", func(t *testing.T, w *Ward) {
		subscribed(w, map[string]int{"liam": 3, "grace": 1})
		p := w.As("asha").Page("po_med_spr", "pt_jones", "please")
		n := w.writes("reach.pushed", func() {
			w.came("liam", p, push.Urgent, push.Ended, push.Taken, push.Waiting, push.Taken)
			is(t, steps(w, p), "sent, taken push")
		})
		if n != 1 {
			t.Errorf("%d acts", n)
		}
		w.came("liam", p, push.Urgent, push.Waiting, push.Refused, push.Ended, push.Late, push.Taken)
		is(t, steps(w, p), "sent, taken push")
	})
	in(t, "OK a service that does not answer is said once, and that it took it in the end", func(t *testing.T, w *Ward) {
		subscribed(w, map[string]int{"liam": 1, "grace": 1})
		p := w.As("asha").Page("po_med_spr", "pt_jones", "please")
		for range 3 {
			w.came("liam", p, push.Alarm, push.Waiting)
			is(t, steps(w, p), "sent, tried push: the push service does not answer, tried again")
		}
		w.came("liam", p, push.Alarm, push.Taken)
		is(t, steps(w, p), "sent, tried push: the push service does not answer, tried again, taken push")
	})
	for outcome, words := range map[push.Outcome]string{push.Ended: "the subscription has ended", push.Refused: "the push service refuses it", push.Late: "the push service did not take it in time"} {
		in(t, "OK "+words, func(t *testing.T, w *Ward) {
			subscribed(w, map[string]int{"liam": 1, "grace": 1})
			p := w.As("asha").Page("po_med_spr", "pt_jones", "please")
			w.came("liam", p, push.Urgent, outcome)
			is(t, steps(w, p), "sent, failed push: "+words)
		})
	}
	in(t, "OK who has no device with notifications is said of whoever gets the page, and of nobody else", func(t *testing.T, w *Ward) {
		subscribed(w, map[string]int{"grace": 1})
		p := w.As("asha").Page("po_med_spr", "pt_jones", "please")
		is(t, steps(w, p), "sent, failed push: no device has notifications on")
		w.Pass(rung())
		w.came("grace", p, push.Urgent, push.Taken)
		is(t, steps(w, p), "sent, failed push: no device has notifications on, passed no answer, taken push")
	})
	in(t, "OK late news, and news of who has looked, answered or was never called, changes nothing", func(t *testing.T, w *Ward) {
		subscribed(w, map[string]int{"liam": 1, "grace": 1})
		p := w.As("asha").Page("po_med_spr", "pt_jones", "please")
		w.Pass(rung())
		w.came("liam", p, push.Urgent, push.Taken) // the page is the consultant's by now
		is(t, steps(w, p), "sent, passed no answer")
		_, err := w.Paging.Seen(context.Background(), w.As("grace").User, p.ID)
		ok(t, err)
		w.came("grace", p, push.Urgent, push.Taken)
		is(t, steps(w, p), "sent, passed no answer, seen")
		ok(t, w.As("grace").Accept(p.ID))
		w.came("grace", p, push.Urgent, push.Taken)
		is(t, steps(w, p), "sent, passed no answer, seen, accepted")
	})
	in(t, "OK an ordinary message writes nothing", func(t *testing.T, w *Ward) {
		subscribed(w, map[string]int{"liam": 1, "grace": 1})
		p := w.As("asha").Page("po_med_spr", "pt_jones", "please")
		n := w.writes("reach.pushed", func() {
			w.came("liam", p, push.Direct, push.Taken)
			is(t, steps(w, p), "sent")
		})
		if n != 0 {
			t.Errorf("%d acts", n)
		}
	})
	in(t, "OK many pages at once are a few acts", func(t *testing.T, w *Ward) {
		subscribed(w, map[string]int{"liam": 1, "grace": 1})
		var pages []paging.Snapshot
		for i := range 40 {
			p, err := w.As("asha").TryPage("po_med_spr", "pt_jones", "please", fmt.Sprint("t", i))
			ok(t, err)
			pages = append(pages, p)
		}
		n := w.writes("reach.pushed", func() {
			for _, p := range pages {
				w.came("liam", p, push.Urgent, push.Taken)
			}
			w.Pass(time.Second)
		})
		if n > 4 {
			t.Errorf("%d acts for 40 pages", n)
		}
		for _, p := range pages {
			if got := steps(w, p); !strings.Contains(got, "taken push") {
				t.Fatalf("%s of %s", got, p.ID)
			}
		}
	})
	in(t, "OK what was learnt is written before the server stops", func(t *testing.T, w *Ward) {
		subscribed(w, map[string]int{"liam": 1, "grace": 1})
		p := w.As("asha").Page("po_med_spr", "pt_jones", "please")
		w.came("liam", p, push.Urgent, push.Taken)
		w.Restart(0)
		is(t, steps(w, p), "sent, taken push")
	})
	for _, seam := range []string{"before-commit", "before-wake", "before-ack"} {
		in(t, "OK killed "+seam+", that somebody cannot be told is written all the same", func(t *testing.T, w *Ward) {
			subscribed(w, nil)
			var p paging.Snapshot
			w.Crash(seam, "reach.pushed", func() {
				p = w.As("asha").Page("po_med_spr", "pt_jones", "please")
				w.Pass(time.Second)
			})
			is(t, steps(w, p), "sent, failed push: no device has notifications on")
		})
	}
}
