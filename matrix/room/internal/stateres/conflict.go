package stateres

import (
	"math/bits"

	"wardline/matrix/event"
	"wardline/matrix/id"
)

// mask says in the auth chains of which states an event is: a bit each.
type mask []uint64

func newMask(n int) mask { return make(mask, (n+63)/64) }

func (m mask) set(i int) { m[i/64] |= 1 << (i % 64) }

// add takes over the bits of o and says whether any was new.
func (m mask) add(o mask) bool {
	fresh := false
	for i := range m {
		fresh = fresh || o[i]&^m[i] != 0
		m[i] |= o[i]
	}
	return fresh
}

func (m mask) count() (n int) {
	for _, w := range m {
		n += bits.OnesCount64(w)
	}
	return n
}

// fullSet finds the full conflicted set: the conflicted events, the difference
// of the auth chains, and in version 2.1 the events between conflicted ones.
//
// spec: rooms/v12#definitions
func (r *resolution) fullSet(states []State, unconflicted State, conflicted map[id.Event]bool) {
	r.full = map[id.Event]bool{}
	for e := range conflicted {
		r.full[e] = true
	}
	for e := range r.authDifference(states, unconflicted) {
		r.full[e] = true
	}
	if r.v.ResolveFromEmpty {
		for e := range r.subgraph(conflicted) {
			r.full[e] = true
		}
	}
}

// authDifference returns the events that are in the auth chain of some states
// but not of all.
//
// What all states have in common reaches the same events from each of them, so
// that is walked first and once: the walks from the differences then end where
// they meet it.
func (r *resolution) authDifference(states []State, unconflicted State) map[id.Event]bool {
	seen := map[id.Event]mask{}
	all := newMask(len(states))
	for i := range states {
		all.set(i)
	}
	for _, e := range unconflicted {
		r.mark(seen, e, all)
	}
	for i, s := range states {
		one := newMask(len(states))
		one.set(i)
		for k, e := range s {
			if unconflicted[k] != e {
				r.mark(seen, e, one)
			}
		}
	}
	out := map[id.Event]bool{}
	for e, m := range seen {
		if m.count() != len(states) {
			out[e] = true
		}
	}
	return out
}

// mark adds the bits of m to the auth chain of from.
func (r *resolution) mark(seen map[id.Event]mask, from id.Event, m mask) {
	stack := []id.Event{from}
	for len(stack) > 0 {
		e := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, a := range r.authOf(e) {
			have := seen[a]
			if have == nil {
				have = newMask(len(m) * 64)
				seen[a] = have
			}
			if have.add(m) {
				stack = append(stack, a)
			}
		}
	}
}

// subgraph returns the events on the paths of auth events that lead from one
// conflicted event to another, ends included.
//
// spec: rooms/v12#definitions
func (r *resolution) subgraph(conflicted map[id.Event]bool) map[id.Event]bool {
	out, done := map[id.Event]bool{}, map[id.Event]bool{}
	for e := range conflicted {
		out[e] = true
	}
	// An event is between if one of its auth events is. It is put back under
	// its auth events, and looked at a second time when they are done.
	stack := make([]id.Event, 0, len(conflicted))
	opened := map[id.Event]bool{}
	for e := range conflicted {
		stack = append(stack[:0], e)
		for len(stack) > 0 {
			e := stack[len(stack)-1]
			switch {
			case done[e]:
				stack = stack[:len(stack)-1]
			case !opened[e]:
				opened[e] = true
				for _, a := range r.authOf(e) {
					if !opened[a] {
						stack = append(stack, a)
					}
				}
			default:
				stack = stack[:len(stack)-1]
				done[e] = true
				for _, a := range r.authOf(e) {
					if out[a] {
						out[e] = true
					}
				}
			}
		}
	}
	return out
}

// powerEvents returns the power events of the full conflicted set, and what of
// that set they rest on. Only paths inside the set are followed, as other
// servers do.
//
// spec: rooms/v12#algorithm 1
func (r *resolution) powerEvents() map[id.Event]bool {
	out := map[id.Event]bool{}
	var stack []id.Event
	for e := range r.full {
		if ev := r.event(e); ev != nil && isPower(ev) {
			stack = append(stack, e)
		}
	}
	for len(stack) > 0 {
		e := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if out[e] {
			continue
		}
		out[e] = true
		for _, a := range r.authOf(e) {
			if r.full[a] && !out[a] {
				stack = append(stack, a)
			}
		}
	}
	return out
}

// isPower says whether the event may take somebody's power away.
//
// spec: rooms/v12#definitions
func isPower(ev *event.Event) bool {
	if ev.Is(event.TypePowerLevels, "") || ev.Is(event.TypeJoinRules, "") {
		return true
	}
	if ev.Type != event.TypeMember || ev.StateKey == nil || *ev.StateKey == string(ev.Sender) {
		return false
	}
	m := event.Field(ev.Content, "membership")
	return event.TextIs(m, "leave") || event.TextIs(m, "ban")
}
