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
