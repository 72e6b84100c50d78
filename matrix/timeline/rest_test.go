package timeline_test

import (
	"fmt"
	"reflect"
	"testing"
)

// A room that rests reads to everybody as it did before: whole, from an older place, with its counts, and on being spoken in again. With
// fewer rooms than are always kept nothing rests, nor does a room that was used since the last round.
func TestResting_ReadsTheSame(t *testing.T) {
	w := newWorld(t)
	quiet, busy := w.room("Quiet", bob, carol), w.room("Busy", bob, carol)
	var before string
	for i := range 60 {
		w.say(alice, quiet, fmt.Sprint("number ", i))
		if i == 40 {
			before = w.sync(t.Context(), bob, "", 0, "").Next
		}
		if i%3 == 0 {
			w.send(alice, quiet, fmt.Sprintf(`{"msgtype":"m.text","body":"bob?","m.mentions":{"user_ids":[%q]}}`, bob))
		}
	}
	look := func() []any {
		return []any{w.sync(t.Context(), bob, "", 0, ""), w.sync(t.Context(), bob, before, 0, ""), w.slid(carol, "", 20).Rooms, w.sync(t.Context(), carol, "", 0, "")}
	}
	look()
	if n := w.rooms.Ease(0); n != 0 {
		t.Fatalf("%d rooms that were just read rest", n)
	}
	w.say(alice, busy, "hello")
	want := look()
	w.rooms.Ease(0)
	if n := w.rooms.Ease(2); n != 0 {
		t.Errorf("%d of two rooms rest, when two may be awake", n)
	}
	if n := w.rooms.Ease(0); n != 2 {
		t.Errorf("%d rooms rest, want both", n)
	}
	for i, got := range look() {
		if !reflect.DeepEqual(got, want[i]) {
			t.Errorf("look %d is another after resting", i)
		}
	}
	w.rooms.Ease(0)
	w.rooms.Ease(0)
	w.say(alice, quiet, "number 60")
	after := w.sync(t.Context(), bob, before, 0, "").Rooms.Join[quiet]
	if n := len(after.Timeline.Events); n == 0 || after.Timeline.Events[n-1].Content.Body != "number 60" || after.Unread.Count != want[1].(answer).Rooms.Join[quiet].Unread.Count+1 {
		t.Errorf("spoken in again: %+v", after)
	}
}
