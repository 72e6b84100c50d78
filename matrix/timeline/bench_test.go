package timeline_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"wardline/matrix/id"
	"wardline/matrix/room"
	"wardline/matrix/timeline"
)

// The allocations of these are what a change to the hot paths is compared by: unlike times, they do not depend on what else the machine
// does. go test -bench . -benchmem ./matrix/timeline

// BenchmarkSend is one message on its way in, without HTTP.
func BenchmarkSend(b *testing.B) {
	w := newWorld(b)
	r := w.room("team", bob, carol)
	content := json.RawMessage(`{"msgtype":"m.text","body":"The minutes of the last meeting are in the folder, please read them before ten."}`)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		_, err := w.rooms.Receive(b.Context(), r, room.Incoming{Sender: alice, Device: "D", Type: "m.room.message", Content: content, Txn: fmt.Sprint(n)})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// waiting is bob in ten rooms, in one of which something was said that he does not have yet.
func waiting(b *testing.B) (w *world, r id.Room, before string) {
	w = newWorld(b)
	for i := range 9 {
		w.say(alice, w.room(fmt.Sprint("other", i), bob, carol), "hello")
	}
	r = w.room("team", bob, carol)
	body, err := w.timeline.Sync(b.Context(), &timeline.SyncRequest{User: bob, Device: "D", Filter: &timeline.Filter{}})
	w.ok(err)
	var answer struct {
		Next string `json:"next_batch"`
	}
	w.ok(json.Unmarshal(body, &answer))
	w.say(alice, r, "The minutes of the last meeting are in the folder, please read them before ten.")
	return w, r, answer.Next
}

// BenchmarkDeliver is one message on its way out to one who waits by /v3/sync, without HTTP.
func BenchmarkDeliver(b *testing.B) {
	w, _, before := waiting(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.timeline.Sync(b.Context(), &timeline.SyncRequest{User: bob, Device: "D", Filter: &timeline.Filter{}, Since: before}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNothingNew is what it costs to find that there is nothing new, before a request begins to wait.
func BenchmarkNothingNew(b *testing.B) {
	w, _, before := waiting(b)
	body, err := w.timeline.Sync(b.Context(), &timeline.SyncRequest{User: bob, Device: "D", Filter: &timeline.Filter{}, Since: before})
	w.ok(err)
	var answer struct {
		Next string `json:"next_batch"`
	}
	w.ok(json.Unmarshal(body, &answer))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.timeline.Sync(b.Context(), &timeline.SyncRequest{User: bob, Device: "D", Filter: &timeline.Filter{}, Since: answer.Next, Timeout: 1}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDeliverSliding is the same by sliding sync.
func BenchmarkDeliverSliding(b *testing.B) {
	w, r, _ := waiting(b)
	ask := timeline.SlidingRequest{User: bob, Device: "D", Conn: "c", Lists: map[string]timeline.SlidingList{"all": {Range: &[2]int{0, 19},
		RoomConfig: timeline.RoomConfig{TimelineLimit: 1}}}}
	next := func() {
		body, err := w.timeline.Sliding(b.Context(), &ask)
		if err != nil {
			b.Fatal(err)
		}
		var answer struct{ Pos string }
		w.ok(json.Unmarshal(body, &answer))
		ask.Pos = answer.Pos
	}
	next()
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		w.say(alice, r, "The minutes of the last meeting are in the folder, please read them before ten.")
		b.StartTimer()
		next()
	}
}
