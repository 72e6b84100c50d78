package stateres

import (
	"cmp"
	"container/heap"
	"math"
	"slices"

	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room/internal/auth"
)

// ranked is an event with what decides its place in an order.
type ranked struct {
	name id.Event
	rank int64 // smaller comes first
	ts   int64
}

func compare(a, b ranked) int {
	return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.ts, b.ts), cmp.Compare(a.name, b.name))
}

// queue is a heap of events, the first one on top.
type queue []ranked

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return compare(q[i], q[j]) < 0 }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(ranked)) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	*q = (*q)[:last]
	return x
}

// byPower sorts events in reverse topological power ordering: what others rest
// on first, then who has more power, then who came earlier.
//
// spec: rooms/v12#definitions
func (r *resolution) byPower(set map[id.Event]bool) []id.Event {
	waits := make(map[id.Event]int, len(set))        // how many auth events are not out yet
	rests := make(map[id.Event][]id.Event, len(set)) // who waits for an event
	var ready queue
	for e := range set {
		for _, a := range unique(r.authOf(e)) {
			if set[a] {
				waits[e]++
				rests[a] = append(rests[a], e)
			}
		}
		if waits[e] == 0 {
			ready = append(ready, r.byPowerOf(e))
		}
	}
	heap.Init(&ready)
	out := make([]id.Event, 0, len(set))
	for len(ready) > 0 {
		e := heap.Pop(&ready).(ranked).name
		out = append(out, e)
		for _, next := range rests[e] {
			if waits[next]--; waits[next] == 0 {
				heap.Push(&ready, r.byPowerOf(next))
			}
		}
	}
	return out
}

// unique drops repetitions, of which a list of another server may have some.
func unique(list []id.Event) []id.Event {
	for i, e := range list {
		if slices.Contains(list[:i], e) {
			return slices.Compact(slices.Sorted(slices.Values(list)))
		}
	}
	return list
}

// byPowerOf ranks an event by the power of its sender, as its auth events give
// it: the more, the earlier.
func (r *resolution) byPowerOf(name id.Event) ranked {
	ev := r.event(name)
	if ev == nil {
		return ranked{name: name}
	}
	power := auth.Power(r.v, &view{r: r, of: ev, all: true}, ev.Sender)
	return ranked{name: name, rank: -power, ts: ev.OriginServerTS}
}

// byMainline sorts the events of the full conflicted set that are not power
// events by how far from the resolved power levels their own are.
//
// spec: rooms/v12#definitions
func (r *resolution) byMainline(power map[id.Event]bool, levels id.Event) []id.Event {
	position := map[id.Event]int64{}
	for at := int64(0); levels != ""; at++ {
		if _, looped := position[levels]; looped {
			break
		}
		position[levels] = at
		levels = r.levelsOf(levels)
	}
	var list []ranked
	for e := range r.full {
		if ev := r.event(e); ev != nil && !power[e] {
			list = append(list, ranked{name: e, rank: -r.mainlineOf(position, e), ts: ev.OriginServerTS})
		}
	}
	slices.SortFunc(list, compare)
	out := make([]id.Event, len(list))
	for i, e := range list {
		out[i] = e.name
	}
	return out
}

// mainlineOf returns the position of the first power levels on the way back
// from an event that are on the mainline. What it passes it remembers, so that
// a long way is gone once.
func (r *resolution) mainlineOf(position map[id.Event]int64, e id.Event) int64 {
	var passed []id.Event
	at := int64(math.MaxInt64)
	for e = r.levelsOf(e); e != ""; e = r.levelsOf(e) {
		if p, ok := position[e]; ok {
			at = p
			break
		}
		passed = append(passed, e)
	}
	for _, p := range passed {
		position[p] = at
	}
	return at
}

// levelsOf returns the power levels among an event's auth events, or "".
func (r *resolution) levelsOf(e id.Event) id.Event {
	for _, a := range r.authOf(e) {
		if ev := r.event(a); ev != nil && ev.Is(event.TypePowerLevels, "") {
			return a
		}
	}
	return ""
}
