package timeline_test

import (
	"encoding/json"
	"slices"
	"testing"

	"wardline/ground/fault"
	"wardline/matrix/id"
	"wardline/matrix/room"
	"wardline/matrix/timeline"
)

// sees returns what a user finds in a room's history.
func (w *world) sees(u id.User, r id.Room) []string {
	w.t.Helper()
	body, err := w.timeline.Messages(w.t.Context(), timeline.PageRequest{User: u, Room: r, Limit: 100, Filter: &timeline.EventFilter{}})
	if fault.Is(err, fault.Hidden) {
		return []string{"(hidden)"}
	}
	w.ok(err)
	var page struct{ Chunk events }
	w.ok(json.Unmarshal(body, &page))
	return page.Chunk.bodies()
}

// Bob is invited after "one", comes in after "two", leaves after "three", and "four" is said without him. Carol never belonged.
func TestHistory_Visibility(t *testing.T) {
	for visibility, want := range map[string]struct{ inside, after, stranger []string }{
		"world_readable": {[]string{"one", "two", "three"}, []string{"one", "two", "three", "four"}, []string{"one", "two", "three", "four"}},
		"shared":         {[]string{"one", "two", "three"}, []string{"one", "two", "three"}, []string{"(hidden)"}},
		"invited":        {[]string{"two", "three"}, []string{"two", "three"}, []string{"(hidden)"}},
		"joined":         {[]string{"three"}, []string{"three"}, []string{"(hidden)"}},
	} {
		t.Run(visibility, func(t *testing.T) {
			w := newWorld(t)
			r, err := w.rooms.Create(t.Context(), room.CreateSpec{Creator: alice, State: []room.StateEvent{
				{Type: "m.room.history_visibility", Content: json.RawMessage(`{"history_visibility":"` + visibility + `"}`)}}})
			w.ok(err)
			w.say(alice, r, "one")
			w.change(alice, bob, r, "invite")
			w.say(alice, r, "two")
			w.change(bob, bob, r, "join")
			w.say(alice, r, "three")
			if got := w.sees(bob, r); !slices.Equal(got, want.inside) {
				t.Errorf("inside: got %q, want %q", got, want.inside)
			}
			w.change(bob, bob, r, "leave")
			w.say(alice, r, "four")
			for range 2 {
				if got := w.sees(bob, r); !slices.Equal(got, want.after) {
					t.Errorf("after leaving: got %q, want %q", got, want.after)
				}
				if got := w.sees(carol, r); !slices.Equal(got, want.stranger) {
					t.Errorf("stranger: got %q, want %q", got, want.stranger)
				}
				if got := w.sees(alice, r); !slices.Equal(got, []string{"one", "two", "three", "four"}) {
					t.Errorf("alice: got %q", got)
				}
				w.restart()
			}
			w.ok(w.rooms.Forget(t.Context(), r, bob))
			if got := w.sees(bob, r); !slices.Equal(got, []string{"(hidden)"}) {
				t.Errorf("forgotten: got %q", got)
			}
		})
	}
}

// A removed message is gone from every way of reading it, at once and after a restart; the removal says why.
func TestRedaction_EmptiesTheMessageEverywhere(t *testing.T) {
	w := newWorld(t)
	r := w.room("Room", bob)
	e := w.say(alice, r, "a secret")
	since := w.sync(t.Context(), bob, "", 0, "").Next
	if _, err := w.rooms.Redact(t.Context(), r, e, "wrong room", room.Incoming{Sender: bob, Device: "D", Txn: "b"}); !fault.Is(err, fault.Forbidden) {
		t.Fatalf("bob removed alice's message: %v", err)
	}
	gone, err := w.rooms.Redact(t.Context(), r, e, "wrong room", room.Incoming{Sender: alice, Device: "D", Txn: "a"})
	w.ok(err)
	again, err := w.rooms.Redact(t.Context(), r, e, "wrong room", room.Incoming{Sender: alice, Device: "D", Txn: "a"})
	if w.ok(err); again != gone {
		t.Errorf("a repeated request made a second removal")
	}
	if a := w.sync(t.Context(), bob, since, 0, ""); len(a.Rooms.Join[r].Timeline.Events) != 1 || a.Rooms.Join[r].Timeline.Events[0].ID != gone {
		t.Errorf("bob was not told: %+v", a.Rooms.Join[r].Timeline.Events)
	}
	for range 2 {
		body, err := w.timeline.Event(t.Context(), bob, "D", r, e)
		w.ok(err)
		var ev struct {
			Content  map[string]any
			Unsigned struct {
				Because struct {
					Content struct{ Reason string }
				} `json:"redacted_because"`
			}
		}
		w.ok(json.Unmarshal(body, &ev))
		if len(ev.Content) != 0 || ev.Unsigned.Because.Content.Reason != "wrong room" {
			t.Errorf("got %s", body)
		}
		if got := w.sync(t.Context(), bob, "", 0, "").Rooms.Join[r].Timeline.Events.bodies(); !slices.Equal(got, []string{""}) {
			t.Errorf("in sync: %q", got)
		}
		w.restart()
	}
}

// The same reaction of the same person to the same message is refused; another, or another's, is not; nor is the same after it was taken back.
func TestReaction_IsGivenOnce(t *testing.T) {
	w := newWorld(t)
	r := w.room("Room", bob)
	e := w.say(alice, r, "thanks")
	react := func(u id.User, key, txn string) (id.Event, error) {
		return w.rooms.Receive(t.Context(), r, room.Incoming{Sender: u, Device: "D", Type: "m.reaction", Txn: txn,
			Content: json.RawMessage(`{ "m.relates_to": {"rel_type":"m.annotation","event_id":"` + string(e) + `","key":"` + key + `"}}`)})
	}
	first, err := react(bob, "👍", "r1")
	w.ok(err)
	if again, err := react(bob, "👍", "r1"); err != nil || again != first {
		t.Errorf("the same request again: %v", err)
	}
	if _, err := react(bob, "👍", "r2"); fault.As(err) == nil || fault.As(err).Code != "M_DUPLICATE_ANNOTATION" {
		t.Errorf("got %v", err)
	}
	_, err = react(bob, "🎉", "r3")
	w.ok(err)
	_, err = react(alice, "👍", "r4")
	w.ok(err)
	_, err = w.rooms.Redact(t.Context(), r, first, "", room.Incoming{Sender: bob, Device: "D", Txn: "x"})
	w.ok(err)
	_, err = react(bob, "👍", "r5")
	w.ok(err)
}
