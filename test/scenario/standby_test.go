package scenario

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"wardline/clinical/ask"
	"wardline/clinical/conversation"
	"wardline/clinical/directory"
	"wardline/clinical/inbound"
	"wardline/clinical/paging"
	"wardline/ground/audit"
	"wardline/matrix/id"
)

// HandOver lets another machine take the data over after a pause, whose clock shows so much more than the true time; the first has been
// stopped, or has died.
func (w *Ward) HandOver(pause, ahead time.Duration, died bool) {
	w.T.Helper()
	if died {
		left := w.store.copy(w.T)
		w.close()
		w.store.drop()
		w.store = left
	} else {
		w.close()
	}
	w.ahead.Store(int64(ahead))
	<-time.After(pause)
	w.open()
	synctest.Wait()
}

// asked is who was asked to come, in order.
func asked(p paging.Snapshot) (all []string) {
	for _, s := range p.Steps {
		if s.Kind == paging.Sent || s.Kind == paging.Passed {
			all = append(all, string(s.Kind))
		}
	}
	return all
}

// TestClock_Standby hands the data to and fro between two servers whose clocks are up to ten minutes apart, while pages, a message of another
// system and an emergency call are open: each goes on within a rung after a hand-over and comes to the switchboard; nobody is left out and
// nobody asked twice; a hand-over costs a person at most one text too many.
//
// hazard: H1 urgent message not delivered
// hazard: H18 clock skew reorders events
func TestClock_Standby(t *testing.T) {
	t.Parallel()
	for seed := range 2 * seeds {
		both(t, fmt.Sprint("OK seed ", seed), func(t *testing.T, w *Ward) {
			r := rand.New(rand.NewPCG(seed, 11))
			clocks := [2]time.Duration{0, time.Duration(r.IntN(1201)-600) * time.Second}
			t.Logf("the standby's clock is %s ahead", clocks[1])
			sms, _ := phones(t, w)
			asha := w.As("asha")
			src, _ := lab(t, w, inbound.Rule{Source: "lab", Code: "K", Post: "po_med_spr", Urgency: paging.Emergency, Need: "ring"})
			m := inbound.Message{Ref: "r1", Code: "K", Level: "critical", Text: "K 6.9", Callback: "4417"}
			got, err := w.Inbound.Take(t.Context(), src, m)
			ok(t, err)
			pages := []paging.ID{asha.Page("po_med_spr", "pt_jones", "NEWS2 9").ID, got.Page.ID}
			call := asha.Calls("et_stroke", false)
			for _, s := range call.Seats {
				pages = append(pages, s.Page)
			}
			hands := 0
			for range 3 + r.IntN(4) {
				w.Pass(time.Duration(r.IntN(25_000)) * time.Millisecond)
				hands++
				w.HandOver(time.Duration(r.IntN(20_000))*time.Millisecond, clocks[hands%2], r.IntN(2) == 0)
				if again, err := w.Inbound.Take(t.Context(), src, m); err != nil || again.Fresh || again.Page.ID != got.Page.ID {
					t.Fatalf("the same message again is another page: %+v, %v", again, err)
				}
				for _, page := range pages {
					if p, err := paging.Look(t.Context(), w.DB, page); err != nil || p.Status != paging.Open || p.Current.User == "" {
						t.Fatalf("after hand-over %d a page is %s with %q, %v", hands, p.Status, p.Current.User, err)
					}
				}
			}
			for _, page := range pages {
				goesOn(t, w, page)
			}
			p, err := asha.Sees(pages[0])
			if ok(t, err); !slices.Equal(asked(p), []string{"sent", "passed", "passed"}) {
				t.Errorf("those asked: %s", kinds(p))
			}
			if n := len(sms.texts()); n > 2*(2+hands) { // two pages that go by text to two people
				t.Errorf("%d texts after %d hand-overs", n, hands)
			}
			if now, err := w.Emergency.Find(t.Context(), directory.By{User: w.As("jo").User}, call.ID); err != nil || now.Ended != nil {
				t.Errorf("the emergency call ended by itself: %v", err)
			}
			if n, err := audit.Verify(t.Context(), w.DB); n == 0 || err != nil {
				t.Errorf("audit: %d, %v", n, err)
			}
		})
	}
	for name, ahead := range map[string]time.Duration{"behind": -10 * time.Minute, "ahead": 10 * time.Minute} {
		for _, after := range []time.Duration{2 * time.Second, 8 * time.Second} { // before the text to the registrar, and after it
			both(t, fmt.Sprintf("OK taken over %s after the page by a clock ten minutes %s, whoever is asked has a text", after, name), func(t *testing.T, w *Ward) {
				sms, _ := phones(t, w)
				p := w.As("asha").Page("po_med_spr", "pt_jones", "NEWS2 9")
				w.Pass(after)
				before := len(sms.texts())
				w.HandOver(time.Second, ahead, true)
				w.Pass(6 * time.Second)
				most := before + 1
				if ahead > 0 {
					most++ // whoever had it until then, and the next
				}
				if n := len(sms.texts()); n < 1 || n > most {
					t.Errorf("%d texts, and %d before", n, before)
				}
				if p, err := w.As("asha").Sees(p.ID); err != nil || p.Current.User != w.As(map[bool]string{true: "liam", false: "grace"}[ahead < 0]).User {
					t.Errorf("it is with %s: %s, %v", p.Current.User, kinds(p), err)
				}
			})
		}
	}
}

// goesOn lets time pass on one server until a page is at the switchboard; on no rung does it stay longer than it may.
func goesOn(t *testing.T, w *Ward, page paging.ID) {
	t.Helper()
	for range 12 {
		p, err := paging.Look(t.Context(), w.DB, page)
		ok(t, err)
		if p.Exhausted {
			return
		}
		w.Pass(rung() + patience)
		after, err := paging.Look(t.Context(), w.DB, page)
		if ok(t, err); after.Status != paging.Open || after.Current.Rung <= p.Current.Rung && !after.Exhausted {
			t.Fatalf("after a rung the page is %s, still on rung %d with %s: %s", after.Status, after.Current.Rung, after.Current.User, kinds(after))
		}
	}
	t.Fatal("the page never comes to the switchboard")
}

// TestClock_StandbyTimers hands the data to and fro while a question and a reminder run: what is said is said once, and late by no more than
// the clocks are apart.
//
// hazard: H18 clock skew reorders events
func TestClock_StandbyTimers(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{"behind": -10 * time.Minute, "ahead": 10 * time.Minute} {
		in(t, "OK a standby ten minutes "+name, func(t *testing.T, w *Ward) {
			asha, tom := w.As("asha"), w.As("tom")
			g := asha.Group(conversation.Group{Name: "Bay C", Class: conversation.Team, People: []id.User{tom.User}})
			said := asha.Says(g, "please look again")
			_, err := asha.asks(g, ask.Request, tom.User, "", "Please chase the CT")
			ok(t, err)
			n, at := len(asha.bodies(g)), time.Now().Add(2*time.Hour)
			ok(t, w.Reminders.Remind(context.Background(), asha.User, g, said, at))
			due := func() bool {
				all := asha.shown()
				return len(all) == 1 && all[0].Due
			}
			w.Only("ask.clock", "conversation.follow", "remind.clock")
			for i := range 4 {
				w.Pass(20 * time.Minute)
				w.HandOver(time.Minute, ahead*time.Duration((i+1)%2), i%2 == 0)
			}
			if due() {
				t.Error("reminded more than half an hour too early")
			}
			w.Pass(time.Until(at) + 11*time.Minute)
			if !due() {
				t.Errorf("not reminded: %+v", asha.shown())
			}
			w.HandOver(time.Minute, ahead, true)
			w.Pass(48 * time.Hour)
			if lines := asha.bodies(g)[n:]; len(lines) != 3 {
				t.Errorf("lines: %q", lines)
			}
		})
	}
}
