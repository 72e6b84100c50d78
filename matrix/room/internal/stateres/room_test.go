package stateres

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room/internal/auth"
)

// room is a graph of events with the state after each.
type room struct {
	t      testing.TB
	v      *event.Version
	id     id.Room
	events map[id.Event]*event.Event
	after  map[id.Event]State
	hidden map[id.Event]bool // not to be had
	bad    map[id.Event]bool // rejected
	clock  int64
}

func (r *room) Event(e id.Event) *event.Event {
	if r.hidden[e] {
		return nil
	}
	return r.events[e]
}

func (r *room) Rejected(e id.Event) bool { return r.bad[e] }

const boss = "@boss:a"

// newRoom makes a public room, and returns the newest event.
func newRoom(t testing.TB, version string) (*room, id.Event) {
	t.Helper()
	v, err := event.Lookup(version)
	if err != nil {
		t.Fatal(err)
	}
	r := &room{t: t, v: v, events: map[id.Event]*event.Event{}, after: map[id.Event]State{}, hidden: map[id.Event]bool{}, bad: map[id.Event]bool{}}
	if !v.HashedRoomID {
		r.id = "!r:a"
	}
	tip := r.add(nil, boss, event.TypeCreate, "", `{"room_version":"`+version+`","creator":"@boss:a"}`)
	if v.HashedRoomID {
		r.id = tip.Room()
	}
	tip = r.add([]id.Event{tip}, boss, event.TypeMember, boss, `{"membership":"join"}`)
	levels := `{"users":{"@mod:a":50,"@boss:a":100}}`
	if v.PrivilegedCreators {
		levels = `{"users":{"@mod:a":50}}`
	}
	tip = r.add([]id.Event{tip}, boss, event.TypePowerLevels, "", levels)
	tip = r.add([]id.Event{tip}, boss, event.TypeJoinRules, "", `{"join_rule":"public"}`)
	for _, u := range []string{"@mod:a", "@joe:a", "@eve:b"} {
		tip = r.add([]id.Event{tip}, u, event.TypeMember, u, `{"membership":"join"}`)
	}
	return r, tip
}

func (r *room) before(prev []id.Event) State {
	var states []State
	for _, p := range prev {
		states = append(states, r.after[p])
	}
	if len(states) == 0 {
		return State{}
	}
	s, err := Resolve(r.v, states, r)
	if err != nil {
		r.t.Fatalf("resolve %v: %v", prev, err)
	}
	return s
}

// try appends a state event after prev, or returns "" if it is not allowed
// there.
func (r *room) try(prev []id.Event, sender, typ, key, content string) id.Event {
	r.t.Helper()
	r.clock++
	state := r.before(prev)
	d := event.Draft{Room: r.id, Sender: id.User(sender), Type: typ, StateKey: &key, Content: json.RawMessage(content),
		PrevEvents: prev, OriginServerTS: r.clock}
	if typ == event.TypeCreate && r.v.HashedRoomID {
		d.Room = ""
	}
	var st auth.Events
	for _, e := range state {
		st = append(st, r.events[e])
	}
	for _, k := range auth.AuthTypes(r.v, &d) {
		if e, ok := state[k]; ok {
			d.AuthEvents = append(d.AuthEvents, e)
		}
	}
	ev, err := event.Build(r.v, d)
	if err != nil {
		r.t.Fatalf("build %s %s: %v", typ, content, err)
	}
	if auth.Check(r.v, ev, st) != nil {
		return ""
	}
	r.events[ev.ID] = ev
	state = maps.Clone(state)
	state[auth.Key{Type: typ, StateKey: key}] = ev.ID
	r.after[ev.ID] = state
	return ev.ID
}

func (r *room) add(prev []id.Event, sender, typ, key, content string) id.Event {
	r.t.Helper()
	e := r.try(prev, sender, typ, key, content)
	if e == "" {
		r.t.Fatalf("%s may not send %s %q %s", sender, typ, key, content)
	}
	return e
}

// grow adds random events on random branches, with clocks that go wrong.
func (r *room) grow(d *rand.Rand, tip id.Event, n int) []id.Event {
	all := []id.Event{tip}
	people := []string{boss, "@mod:a", "@joe:a", "@eve:b", "@new:b"}
	user := func() string { return people[d.IntN(len(people))] }
	near := func() id.Event { return all[len(all)-1-d.IntN(min(len(all), 6))] }
	for range n {
		prev := []id.Event{near()}
		if p := near(); d.IntN(3) == 0 && p != prev[0] {
			prev = append(prev, p)
		}
		r.clock = max(0, r.clock+d.Int64N(9)-3)
		var e id.Event
		switch u, w := user(), user(); d.IntN(7) {
		case 0:
			e = r.try(prev, u, event.TypeMember, u, `{"membership":"join"}`)
		case 1:
			e = r.try(prev, u, event.TypeMember, u, `{"membership":"leave"}`)
		case 2:
			e = r.try(prev, u, event.TypeMember, w, `{"membership":"ban"}`)
		case 3:
			e = r.try(prev, u, event.TypeMember, w, `{"membership":"leave"}`)
		case 4:
			users := fmt.Sprintf(`"@mod:a":%d,"@joe:a":%d,"@eve:b":%d`, d.IntN(3)*50, d.IntN(3)*50, d.IntN(2)*50)
			if !r.v.PrivilegedCreators {
				users += `,"@boss:a":100`
			}
			e = r.try(prev, u, event.TypePowerLevels, "", fmt.Sprintf(`{"users":{%s},"events":{"m.room.topic":%d}}`, users, d.IntN(2)*50))
		case 5:
			rule := []string{"public", "invite"}[d.IntN(2)]
			e = r.try(prev, u, event.TypeJoinRules, "", `{"join_rule":"`+rule+`"}`)
		case 6:
			e = r.try(prev, u, "m.room.topic", "", fmt.Sprintf(`{"topic":"%d"}`, d.IntN(1000)))
		}
		if e != "" {
			all = append(all, e)
			r.bad[e] = d.IntN(25) == 0
		}
	}
	return all
}
