// Package heap decides how much memory the program may keep for not having to collect garbage so often.
//
// Go's own rule lets a heap grow to twice what is alive. For a small server that is too often (25 MB of rooms, and a collection for
// every 25 MB of requests), and for a large one too much (what ten thousand waiting people hold, once more). It promises a floor under
// which nobody saves memory, and half above what is alive beyond that; freed memory then goes back to the machine. Look at Tend.
package heap

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	floor   = 72 << 20 // bytes of heap that the program may always use
	percent = 50       // and how much above what is alive, beyond that
	every   = time.Second
	calm    = 3       // ticks without much work after which what it left is collected
	little  = 1 << 20 // bytes allocated in a tick, and a 32nd of what is alive on top: not much work (many people who wait ask anew)
	worth   = 8 << 20 // bytes that a collection for that reason must promise
)

// Tend adjusts the collector to what is alive, until ctx ends.
func Tend(ctx context.Context) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
	var rest Rest
	for was := 0; ; {
		metrics.Read(sample)
		if rest.Collect(sample[1].Value.Uint64(), sample[2].Value.Uint64(), sample[0].Value.Uint64()) {
			debug.FreeOSMemory()
			metrics.Read(sample)
		}
		// Setting it stops the world for some microseconds, so a small change is left alone.
		if now := Percent(sample[0].Value.Uint64()); now < was*9/10 || now > was*11/10 {
			debug.SetGCPercent(now)
			was = now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Percent returns the collector's setting for so many bytes alive: how much the heap may grow before it is collected again, in percent
// of them.
func Percent(live uint64) int {
	live = max(live, 4<<20)
	if room := floor - int64(live); room > int64(live)*percent/100 {
		return int(room * 100 / int64(live))
	}
	return percent
}

// Rest notices that work has stopped. Its zero value has seen nothing.
type Rest struct {
	allocated uint64
	ticks     int
}

// Collect reports whether now is the moment to collect what work has left: nothing much was allocated for some ticks, and there is
// enough above what was alive at the last collection. It is asked once a tick, with what was allocated since the start, what the heap
// holds and what was alive then, in bytes. After saying yes it is silent until there was work again.
func (r *Rest) Collect(allocated, holds, live uint64) bool {
	if allocated-r.allocated > little+live/32 {
		r.ticks = 0
	} else {
		r.ticks++
	}
	r.allocated = allocated
	return r.ticks == calm && holds > live+worth
}
