package timeline_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"wardline/matrix/id"
	"wardline/matrix/timeline"
)

// TestSliding_Cold: after a restart the first rooms of a list come without the others being read, in the same order as before, and a
// room further down that wakes up is not missed.
func TestSliding_Cold(t *testing.T) {
	w := newWorld(t)
	var rooms []id.Room
	for i := range 30 {
		rooms = append(rooms, w.room(fmt.Sprint("room ", i), bob))
	}
	for _, i := range []int{7, 3, 21} {
		w.say(alice, rooms[i], "hello")
	}
	ask := timeline.SlidingRequest{User: bob, Device: "D", Conn: "c", Lists: map[string]timeline.SlidingList{"all": {Range: &[2]int{0, 3},
		RoomConfig: timeline.RoomConfig{TimelineLimit: 1}}}}
	list := func() (got []id.Room) {
		t.Helper()
		body, err := w.timeline.Sliding(t.Context(), &ask)
		w.ok(err)
		var answer struct {
			Pos   string
			Lists map[string]struct{ Count int }
			Rooms map[id.Room]json.RawMessage
		}
		w.ok(json.Unmarshal(body, &answer))
		if n := answer.Lists["all"].Count; n != len(rooms) {
			t.Errorf("the list counts %d rooms, want %d", n, len(rooms))
		}
		ask.Pos = answer.Pos
		for i, r := range rooms {
			if answer.Rooms[r] != nil {
				got = append(got, rooms[i])
			}
		}
		return got
	}
	want := []id.Room{rooms[3], rooms[7], rooms[21], rooms[29]}
	if got := list(); !slices.Equal(got, want) {
		t.Fatalf("before the restart got %v, want %v", got, want)
	}
	w.restart()
	ask.Pos = ""
	if got := list(); !slices.Equal(got, want) {
		t.Errorf("after the restart got %v, want %v", got, want)
	}
	known := 0
	for _, r := range rooms {
		if w.rooms.Known(r) != nil {
			known++
		}
	}
	if known != len(want) {
		t.Errorf("%d rooms were read, want %d", known, len(want))
	}
	w.say(alice, rooms[12], "you there?")
	if got := list(); !slices.Equal(got, []id.Room{rooms[12]}) {
		t.Errorf("after a message further down got %v, want %v", got, rooms[12])
	}
}
