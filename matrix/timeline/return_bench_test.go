package timeline_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"wardline/matrix/id"
	"wardline/matrix/timeline"
)

// BenchmarkReturn is somebody who comes back after a night to ten rooms with ten new messages each, without HTTP.
func BenchmarkReturn(b *testing.B) {
	w := newWorld(b)
	var rooms []id.Room
	for i := range 10 {
		rooms = append(rooms, w.room(fmt.Sprint("room ", i), bob, carol))
	}
	body, err := w.timeline.Sync(b.Context(), &timeline.SyncRequest{User: bob, Device: "D", Filter: &timeline.Filter{}})
	w.ok(err)
	var answer struct {
		Next string `json:"next_batch"`
	}
	w.ok(json.Unmarshal(body, &answer))
	for i := range 100 {
		w.say(alice, rooms[i%10], "The minutes of the last meeting are in the folder, please read them before ten.")
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.timeline.Sync(b.Context(), &timeline.SyncRequest{User: bob, Device: "D", Filter: &timeline.Filter{}, Since: answer.Next}); err != nil {
			b.Fatal(err)
		}
	}
}
