package heap_test

import (
	"testing"

	"wardline/ground/heap"
)

func TestPercent(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want uint64 // bytes that the heap may reach
	}{{0, 72 << 20}, {10 << 20, 72 << 20}, {40 << 20, 72 << 20}, {48 << 20, 72 << 20}, {100 << 20, 150 << 20}, {1 << 30, 1536 << 20}} {
		live := max(c.live, 4<<20)
		got := live + live*uint64(heap.Percent(c.live))/100
		if got < c.want*98/100 || got > c.want*102/100 {
			t.Errorf("with %d bytes alive the heap may reach %d, want about %d", c.live, got, c.want)
		}
	}
}

func TestWhatWorkLeavesIsCollectedOnce(t *testing.T) {
	var r heap.Rest
	const mb = 1 << 20
	steps := []struct {
		allocated, holds, live uint64
		want                   bool
	}{
		{100 * mb, 60 * mb, 20 * mb, false}, // work
		{200 * mb, 60 * mb, 20 * mb, false},
		{200 * mb, 60 * mb, 20 * mb, false}, // rest
		{200*mb + 9, 60 * mb, 20 * mb, false},
		{200*mb + 10, 60 * mb, 20 * mb, true},
		{200*mb + 20, 22 * mb, 21 * mb, false}, // collected, and not again
		{200*mb + 30, 22 * mb, 21 * mb, false},
		{300 * mb, 60 * mb, 21 * mb, false}, // work again
		{300 * mb, 27 * mb, 21 * mb, false},
		{300 * mb, 27 * mb, 21 * mb, false},
		{300 * mb, 27 * mb, 21 * mb, false}, // not worth it
		{300 * mb, 27 * mb, 21 * mb, false},
	}
	for i, s := range steps {
		if got := r.Collect(s.allocated, s.holds, s.live); got != s.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
}
