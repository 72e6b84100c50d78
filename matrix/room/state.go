package room

import (
	"context"

	"wardline/ground/db"
	"wardline/matrix/id"
)

// What held at a moment that the room's tail in memory reaches back to is worked out from the present; only for older moments is the
// database asked. Syncs ask for moments a few events ago, in rooms of thousands.

// A plus before a column keeps the engine from finding its way by that column: of two indexes that look equally good it might choose
// the one over the whole room. CROSS JOIN says that the few parents come first.
var related = db.SQL("room.related", `SELECT `+eventColumns+` FROM room_event p CROSS JOIN room_event e WHERE e.relates_to = p.id AND p.room = $1 AND p.pos >= $2 AND p.pos <= $3 AND +e.room = $1 ORDER BY e.pos LIMIT 10000`)

// StateAt returns the state that held at a position, as far as want asks for it; nil asks for all. Oldest first.
func (s *Service) StateAt(ctx context.Context, f *Feed, pos int64, want func(Key) bool) ([]*Event, error) {
	if now, before, ok := f.stateBack(pos, want); ok {
		for _, name := range before {
			ev, err := db.One(ctx, s.db, byID, f.scan, f.nid, string(name))
			if err != nil {
				return nil, err
			}
			now = append(now, ev)
		}
		return byPos(now), nil
	}
	all, err := db.Collect(ctx, s.db, stateAt, f.scan, f.nid, pos)
	if err != nil || want == nil {
		return all, err
	}
	var some []*Event
	for _, ev := range all {
		if want(Key{ev.Type, *ev.StateKey}) {
			some = append(some, ev)
		}
	}
	return some, nil
}

// stateBack returns the state at a position that the tail reaches back to: what of it still holds, and the ids of what has been
// replaced since. ok is false when the tail does not reach so far.
func (f *Feed) stateBack(pos int64, want func(Key) bool) (now []*Event, before []id.Event, ok bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if pos < f.tailFrom {
		return nil, nil, false
	}
	since := map[Key]bool{}
	for _, ev := range f.after(pos) {
		if !ev.IsState() {
			continue
		}
		k := Key{ev.Type, *ev.StateKey}
		if since[k] || want != nil && !want(k) {
			continue
		}
		since[k] = true // the first change after pos says what held at it
		if ev.Replaces != "" {
			before = append(before, ev.Replaces)
		}
	}
	if len(since) == 0 {
		return f.current(want), nil, true
	}
	return f.current(func(k Key) bool { return !since[k] && (want == nil || want(k)) }), before, true
}

// StateSince returns the state that changed after position from and holds at position to, oldest first.
func (s *Service) StateSince(ctx context.Context, f *Feed, from, to int64) ([]*Event, error) {
	if tail, ok := f.Tail(from); ok {
		last := map[Key]*Event{}
		for _, ev := range tail {
			if ev.IsState() && ev.Pos <= to {
				last[Key{ev.Type, *ev.StateKey}] = ev
			}
		}
		var all []*Event
		for _, ev := range last {
			all = append(all, ev)
		}
		return byPos(all), nil
	}
	return db.Collect(ctx, s.db, stateSince, f.scan, f.nid, from, to)
}

// Related returns the events that relate to any event between two positions, oldest first.
func (s *Service) Related(ctx context.Context, f *Feed, first, last int64) ([]*Event, error) {
	if tail, ok := f.Tail(first - 1); ok { // what relates to an event comes after it
		var all []*Event
		var parents map[id.Event]bool
		for _, ev := range tail {
			if ev.Parent == "" {
				continue
			}
			if parents == nil {
				parents = map[id.Event]bool{}
				for _, p := range tail {
					if p.Pos <= last {
						parents[p.ID] = true
					}
				}
			}
			if parents[ev.Parent] {
				all = append(all, ev)
			}
		}
		return all, nil
	}
	return db.Collect(ctx, s.db, related, f.scan, f.nid, first, last)
}
