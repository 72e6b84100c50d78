package stateres

import (
	"math"
	"slices"
	"sort"

	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room/internal/auth"
)

// naive is the algorithm as the specification words it, in sets and lists, with
// no thought of speed. It shares nothing with Resolve but the auth rules.
//
// spec: rooms/v12#state-resolution
type naive struct {
	v   *event.Version
	src Source
}

type set map[id.Event]bool

func (n naive) chain(e id.Event) set {
	out := set{}
	for _, a := range n.src.Event(e).AuthEvents {
		out[a] = true
		for b := range n.chain(a) {
			out[b] = true
		}
	}
	return out
}

func (n naive) resolve(states []State) State {
	// Unconflicted state map and conflicted state set.
	keys := map[auth.Key]bool{}
	for _, s := range states {
		for k := range s {
			keys[k] = true
		}
	}
	unconflicted, conflicted := State{}, set{}
	for k := range keys {
		values := set{}
		present := 0
		for _, s := range states {
			if e, ok := s[k]; ok {
				values[e] = true
				present++
			}
		}
		if present == len(states) && len(values) == 1 {
			unconflicted[k] = states[0][k]
			continue
		}
		for e := range values {
			conflicted[e] = true
		}
	}
	if len(conflicted) == 0 {
		return unconflicted
	}
	full := n.full(states, conflicted)

	// Step 1.
	x := set{}
	for e := range full {
		if n.power(e) {
			n.enlarge(x, full, e)
		}
	}
	state := State{}
	if !n.v.ResolveFromEmpty {
		for k, e := range unconflicted {
			state[k] = e
		}
	}
	// Step 2.
	n.check(state, n.kahn(x))
	// Steps 3 and 4.
	rest := []id.Event{}
	for e := range full {
		if !x[e] {
			rest = append(rest, e)
		}
	}
	mainline := []id.Event{}
	for p := state[auth.Key{Type: event.TypePowerLevels}]; p != ""; p = n.levels(p) {
		mainline = append(mainline, p)
	}
	sort.Slice(rest, func(i, j int) bool {
		a, b := n.src.Event(rest[i]), n.src.Event(rest[j])
		if p, q := n.position(mainline, a.ID), n.position(mainline, b.ID); p != q {
			return p > q
		}
		if a.OriginServerTS != b.OriginServerTS {
			return a.OriginServerTS < b.OriginServerTS
		}
		return a.ID < b.ID
	})
	n.check(state, rest)
	// Step 5.
	for k, e := range unconflicted {
		state[k] = e
	}
	return state
}

func (n naive) full(states []State, conflicted set) set {
	chains := []set{}
	union := set{}
	for _, s := range states {
		c := set{}
		for _, e := range s {
			for a := range n.chain(e) {
				c[a], union[a] = true, true
			}
		}
		chains = append(chains, c)
	}
	full := set{}
	for e := range conflicted {
		full[e] = true
	}
	for e := range union {
		for _, c := range chains {
			if !c[e] {
				full[e] = true
			}
		}
	}
	if n.v.ResolveFromEmpty {
		for from := range conflicted {
			for middle := range n.chain(from) {
				for to := range n.chain(middle) {
					if conflicted[to] {
						full[middle] = true
					}
				}
			}
		}
	}
	return full
}

func (n naive) enlarge(x, full set, e id.Event) {
	x[e] = true
	for _, a := range n.src.Event(e).AuthEvents {
		if full[a] {
			n.enlarge(x, full, a)
		}
	}
}

func (n naive) power(e id.Event) bool {
	ev := n.src.Event(e)
	m, _ := event.Text(event.Field(ev.Content, "membership"))
	return ev.Type == "m.room.power_levels" || ev.Type == "m.room.join_rules" ||
		ev.Type == "m.room.member" && (m == "leave" || m == "ban") && string(ev.Sender) != *ev.StateKey
}

func (n naive) senderPower(e id.Event) int64 {
	ev := n.src.Event(e)
	st := auth.Events{}
	for _, a := range ev.AuthEvents {
		st = append(st, n.src.Event(a))
	}
	if n.v.HashedRoomID {
		st = append(st, n.src.Event(ev.RoomID.Create()))
	}
	return auth.Power(n.v, st, ev.Sender)
}

func (n naive) kahn(x set) []id.Event {
	out, done := []id.Event{}, set{}
	for len(out) < len(x) {
		ready := []id.Event{}
		for e := range x {
			free := !done[e]
			for _, a := range n.src.Event(e).AuthEvents {
				free = free && (!x[a] || done[a])
			}
			if free {
				ready = append(ready, e)
			}
		}
		first := slices.MinFunc(ready, func(a, b id.Event) int {
			p, q := n.senderPower(a), n.senderPower(b)
			s, t := n.src.Event(a).OriginServerTS, n.src.Event(b).OriginServerTS
			switch {
			case p > q, p == q && s < t, p == q && s == t && a < b:
				return -1
			}
			return 1
		})
		out, done[first] = append(out, first), true
	}
	return out
}

func (n naive) levels(e id.Event) id.Event {
	for _, a := range n.src.Event(e).AuthEvents {
		if n.src.Event(a).Type == "m.room.power_levels" {
			return a
		}
	}
	return ""
}

func (n naive) position(mainline []id.Event, e id.Event) int {
	for e = n.levels(e); e != ""; e = n.levels(e) {
		if i := slices.Index(mainline, e); i >= 0 {
			return i
		}
	}
	return math.MaxInt
}

func (n naive) check(state State, order []id.Event) {
	for _, e := range order {
		ev := n.src.Event(e)
		st := auth.Events{}
		if n.v.HashedRoomID {
			st = append(st, n.src.Event(ev.RoomID.Create()))
		}
		for _, a := range ev.AuthEvents {
			if !n.src.Rejected(a) {
				st = append(st, n.src.Event(a))
			}
		}
		for _, s := range state {
			st = append(st, n.src.Event(s))
		}
		if auth.Check(n.v, ev, st) == nil {
			state[auth.Key{Type: ev.Type, StateKey: *ev.StateKey}] = e
		}
	}
}
