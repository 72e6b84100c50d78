package timeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wardline/ground/fault"
	"wardline/ground/run"
	"wardline/matrix/id"
	"wardline/matrix/timeline"
)

// A waiting request is answered the instant something concerns it, in both forms of sync, and by nothing else.
func TestWaiting_IsWokenAtOnce(t *testing.T) {
	for name, act := range map[string]func(w *world, r id.Room){
		"message": func(w *world, r id.Room) { w.say(alice, r, "hello") },
		"typing":  func(w *world, r id.Room) { w.ok(w.timeline.SetTyping(w.t.Context(), alice, r, time.Minute)) },
		"receipt": func(w *world, r id.Room) {
			w.ok(w.timeline.SetRead(w.t.Context(), alice, r, timeline.Mark{Kind: timeline.Read, Event: w.last(r)}))
		},
		"own settings": func(w *world, r id.Room) {
			w.ok(w.accounts.SetData(w.t.Context(), bob, "", "x", json.RawMessage(`{}`)))
		},
		"invitation":        func(w *world, r id.Room) { w.change(alice, bob, w.room("Other"), "invite") },
		"removal":           func(w *world, r id.Room) { w.change(alice, bob, r, "kick") },
		"somebody comes in": func(w *world, r id.Room) { w.change(alice, carol, r, "invite") },
		"a changed name": func(w *world, r id.Room) {
			w.ok(w.accounts.SetProfile(w.t.Context(), alice, "displayname", json.RawMessage(`"Al"`)))
		},
	} {
		for form, wait := range map[string]func(w *world, ctx context.Context, token string){
			"v3": func(w *world, ctx context.Context, token string) { w.sync(ctx, bob, token, time.Minute, "") },
			"sliding": func(w *world, ctx context.Context, token string) {
				_, err := w.sliding(ctx, bob, token, time.Minute, 5)
				w.ok(err)
			},
		} {
			t.Run(form+" by "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					r := w.room("Room", bob)
					w.say(alice, r, "before")
					token := w.slid(bob, "", 5).Pos
					if form == "v3" {
						token = w.sync(t.Context(), bob, "", 0, "").Next
					}
					began := time.Now()
					w.ok(run.All(t.Context(), func(ctx context.Context) error { wait(w, ctx, token); return nil }, func(context.Context) error {
						synctest.Wait()
						act(w, r)
						return nil
					}))
					if took := time.Since(began); took > 0 {
						t.Errorf("answered after %v of waiting", took)
					}
				})
			})
		}
	}
}

// last is the newest event of a room.
func (w *world) last(r id.Room) id.Event {
	f, err := w.rooms.Feed(w.t.Context(), r)
	w.ok(err)
	list := f.Newest()
	return list[len(list)-1].ID
}

func TestWaiting_EndsEmptyHandedAtItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.room("Room", bob)
		token, began := w.sync(t.Context(), bob, "", 0, "").Next, time.Now()
		w.say(alice, w.room("Elsewhere"), "not for bob")
		a := w.sync(t.Context(), bob, token, 30*time.Second, "")
		if took := time.Since(began); took != 30*time.Second || len(a.Rooms.Join) != 0 {
			t.Errorf("answered after %v with %d rooms; %s", took, len(a.Rooms.Join), r)
		}
	})
}

func TestTyping_EndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.room("Room", bob)
		w.ok(w.timeline.SetTyping(t.Context(), alice, r, 5*time.Second))
		a := w.sync(t.Context(), bob, "", 0, "")
		began := time.Now()
		b := w.sync(t.Context(), bob, a.Next, time.Minute, "")
		got := string(b.Rooms.Join[r].Ephemeral.Events[0].Content)
		if took := time.Since(began); took != 5*time.Second || got != `{"user_ids":[]}` {
			t.Errorf("after %v: %s", took, got)
		}
	})
}

// Somebody who was removed learns of it, and of nothing after it.
func TestRemoval_EndsTheStream(t *testing.T) {
	w := newWorld(t)
	r := w.room("Room", bob)
	v3, slid := w.sync(t.Context(), bob, "", 0, "").Next, w.slid(bob, "", 5).Pos
	w.say(alice, r, "before")
	w.change(alice, bob, r, "kick")
	w.say(alice, r, "after")

	a := w.sync(t.Context(), bob, v3, 0, "")
	if got := a.Rooms.Leave[r].Timeline.Events.bodies(); !slices.Equal(got, []string{"before"}) || len(a.Rooms.Join) != 0 {
		t.Errorf("v3: %q, %d joined", got, len(a.Rooms.Join))
	}
	b := w.slid(bob, slid, 5)
	if got := b.Rooms[r]; !slices.Equal(got.Events.bodies(), []string{"before"}) || got.Membership != "leave" {
		t.Errorf("sliding: %q %q", got.Events.bodies(), got.Membership)
	}
	w.say(alice, r, "later")
	if c := w.slid(bob, b.Pos, 5); len(c.Rooms) != 0 {
		t.Errorf("sliding went on: %+v", c.Rooms)
	}
	if d := w.sync(t.Context(), bob, a.Next, 0, ""); len(d.Rooms.Leave)+len(d.Rooms.Join) != 0 {
		t.Errorf("v3 went on: %+v", d.Rooms)
	}
}

// A room that somebody has just come into appears whole, with its name and what was said before.
func TestNewRoom_AppearsWhole(t *testing.T) {
	w := newWorld(t)
	v3, slid := w.sync(t.Context(), bob, "", 0, "").Next, w.slid(bob, "", 5).Pos
	r := w.room("Room 7")
	w.say(alice, r, "welcome")
	w.change(alice, bob, r, "invite")
	a, b := w.sync(t.Context(), bob, v3, 0, ""), w.slid(bob, slid, 5)
	if len(a.Rooms.Invite[r].State.Events) == 0 || b.Rooms[r].Membership != "invite" || len(b.Rooms[r].Stripped) == 0 {
		t.Errorf("invitation: %+v %+v", a.Rooms.Invite, b.Rooms)
	}
	w.change(bob, bob, r, "join")
	a, b = w.sync(t.Context(), bob, a.Next, 0, ""), w.slid(bob, b.Pos, 5)
	named := slices.ContainsFunc(append(a.Rooms.Join[r].State.Events, a.Rooms.Join[r].Timeline.Events...), func(ev shown) bool {
		return ev.Content.Name == "Room 7"
	})
	if !named || !slices.Contains(a.Rooms.Join[r].Timeline.Events.bodies(), "welcome") {
		t.Errorf("v3: name %v, %q", named, a.Rooms.Join[r].Timeline.Events.bodies())
	}
	got := b.Rooms[r]
	if !got.Initial || got.Name == nil || *got.Name != "Room 7" || !slices.Contains(got.Events.bodies(), "welcome") {
		t.Errorf("sliding: %+v", got)
	}
}

// What lies between a limited timeline and the last answer is found by reading back from prev_batch, each event once.
func TestGap_IsClosedByReadingBack(t *testing.T) {
	for _, n := range []int{5, 30, 200} { // within memory, and beyond it
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t)
			r := w.room("Room", bob)
			since := w.sync(t.Context(), bob, "", 0, "").Next
			var want []string
			for i := range n {
				want = append(want, fmt.Sprint("m", i))
				w.say(alice, r, want[i])
			}
			a := w.sync(t.Context(), bob, since, 0, `{"room":{"timeline":{"limit":10}}}`)
			got := a.Rooms.Join[r].Timeline
			all := got.Events.bodies()
			if got.Limited != (n > 10) {
				t.Errorf("limited is %v for %d events", got.Limited, n)
			}
			for from := got.Prev; got.Limited && from != ""; {
				body, err := w.timeline.Messages(t.Context(), timeline.PageRequest{User: bob, Room: r, From: from, To: since, Backward: true, Limit: 7, Filter: &timeline.EventFilter{}})
				w.ok(err)
				var page struct {
					Chunk events
					End   string
				}
				w.ok(json.Unmarshal(body, &page))
				for _, b := range page.Chunk.bodies() {
					all = append([]string{b}, all...)
				}
				from = page.End
			}
			if !slices.Equal(all, want) {
				t.Errorf("got %q", all)
			}
		})
	}
}

func TestReceipts_OfAllSurviveBatching(t *testing.T) {
	w := newWorld(t)
	r := w.room("Room", bob, carol)
	e := w.say(alice, r, "read me")
	since := w.sync(t.Context(), alice, "", 0, "").Next
	var fns []func(context.Context) error
	for _, u := range []id.User{bob, carol, alice} {
		fns = append(fns, func(ctx context.Context) error {
			return w.timeline.SetRead(ctx, u, r, timeline.Mark{Kind: timeline.Read, Event: e})
		})
	}
	w.ok(run.All(t.Context(), fns...))
	a := w.sync(t.Context(), alice, since, 0, "")
	got := string(a.Rooms.Join[r].Ephemeral.Events[0].Content)
	for _, u := range []id.User{alice, bob, carol} {
		if !strings.Contains(got, string(u)) {
			t.Errorf("%s is missing from %s", u, got)
		}
	}
}

func TestUnread_CountsWhatOthersSaidAndWhoIsNamed(t *testing.T) {
	w := newWorld(t)
	r := w.room("Room", bob)
	w.say(alice, r, "one")
	named := w.send(alice, r, `{"msgtype":"m.text","body":"bob?","m.mentions":{"user_ids":["@bob:hs1"]}}`)
	w.send(alice, r, `{"msgtype":"m.notice","body":"quiet"}`)
	w.say(bob, r, "my own")
	check := func(when string, count, highlights int) {
		t.Helper()
		got := w.sync(t.Context(), bob, "", 0, "").Rooms.Join[r].Unread
		s := w.slid(bob, "", 1).Rooms[r]
		if got.Count != count || got.Highlights != highlights || *s.Count != count || *s.Highlights != highlights {
			t.Errorf("%s: v3 %+v, sliding %d and %d; want %d and %d", when, got, *s.Count, *s.Highlights, count, highlights)
		}
	}
	check("before reading", 2, 1)
	w.restart()
	check("after a restart", 2, 1)
	w.ok(w.timeline.SetRead(t.Context(), bob, r, timeline.Mark{Kind: timeline.FullyRead, Event: named}))
	check("a marker is not a receipt", 2, 1)
	w.ok(w.timeline.SetRead(t.Context(), bob, r, timeline.Mark{Kind: timeline.ReadPrivate, Event: named}))
	check("after reading", 0, 0)
}

func TestSliding_Connection(t *testing.T) {
	w := newWorld(t)
	r := w.room("Room", bob)
	for i := range 6 {
		w.say(alice, r, fmt.Sprint("m", i))
	}
	first := w.slid(bob, "", 2)
	w.say(alice, r, "new")
	t.Run("OK an answer that got lost comes again", func(t *testing.T) {
		for range 2 {
			if got := w.slid(bob, first.Pos, 2).Rooms[r].Events.bodies(); !slices.Equal(got, []string{"new"}) {
				t.Errorf("got %q", got)
			}
		}
	})
	t.Run("OK an answer that came after it was given up outdates no other", func(t *testing.T) {
		taken := w.slid(bob, first.Pos, 2) // what the client acted on
		_ = w.slid(bob, first.Pos, 2)      // the request it gave up before, answered late
		if got := w.slid(bob, taken.Pos, 2).Rooms[r].Events; len(got) != 0 {
			t.Errorf("sent again: %q", got.bodies())
		}
	})
	t.Run("OK a larger limit sends older events at once", func(t *testing.T) {
		got := w.slid(bob, w.slid(bob, "", 2).Pos, 5).Rooms[r]
		if !got.Expanded || !slices.Equal(got.Events.bodies(), []string{"m2", "m3", "m4", "m5", "new"}) {
			t.Errorf("expanded %v, %q", got.Expanded, got.Events.bodies())
		}
	})
	t.Run("OK reading lowers the count without an event", func(t *testing.T) {
		a := w.slid(bob, "", 2)
		w.ok(w.timeline.SetRead(t.Context(), bob, r, timeline.Mark{Kind: timeline.Read, Event: w.last(r)}))
		if b := w.slid(bob, a.Pos, 2).Rooms[r]; b.Count == nil || *b.Count != 0 || len(b.Events) != 0 {
			t.Errorf("got %+v", b)
		}
	})
	for name, pos := range map[string]string{"nonsense": "abc", "of another server": "cOTHER_1_1", "from the future": strings.Replace(first.Pos, "_1_", "_99_", 1)} {
		t.Run("ErrUnknownPos "+name, func(t *testing.T) {
			if _, err := w.sliding(t.Context(), bob, pos, 0, 2); fault.As(err) == nil || fault.As(err).Code != "M_UNKNOWN_POS" {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("ErrUnknownPos after a restart, and then everything is there", func(t *testing.T) {
		w.restart()
		if _, err := w.sliding(t.Context(), bob, first.Pos, 0, 2); fault.As(err) == nil || fault.As(err).Code != "M_UNKNOWN_POS" {
			t.Errorf("got %v", err)
		}
		if got := w.slid(bob, "", 3).Rooms[r].Events.bodies(); !slices.Equal(got, []string{"m4", "m5", "new"}) {
			t.Errorf("got %q", got)
		}
	})
}

// The sender's device finds its own event by the transaction id it gave, also after a restart; nobody else sees it.
func TestTransaction_IsShownToItsDevice(t *testing.T) {
	w := newWorld(t)
	r := w.room("Room", bob)
	w.say(alice, r, "hi")
	for range 2 {
		mine := w.sync(t.Context(), alice, "", 0, "").Rooms.Join[r].Timeline.Events
		theirs := w.sync(t.Context(), bob, "", 0, "").Rooms.Join[r].Timeline.Events
		if mine[len(mine)-1].Unsigned.Txn != "1" || theirs[len(theirs)-1].Unsigned.Txn != "" {
			t.Errorf("mine %q, theirs %q", mine[len(mine)-1].Unsigned.Txn, theirs[len(theirs)-1].Unsigned.Txn)
		}
		w.restart()
	}
}
