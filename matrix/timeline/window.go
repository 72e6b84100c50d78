package timeline

import (
	"context"
	"slices"

	"wardline/matrix/id"
	"wardline/matrix/room"
)

// window is a stretch of a room's timeline as one user sees it.
type window struct {
	feed    *room.Feed
	sight   *room.Sight
	events  []*room.Event // oldest first
	limited bool          // there is more between from and the first event
	from    int64
	wasIn   map[int64]bool // whether the reader was in the room at a position, as far as it was asked
	start   int64          // boundary before the first event, for looking further back
}

// look returns the newest events of (from, to] that the user may see and the filter wants, at most limit.
func (s *Service) look(ctx context.Context, f *room.Feed, u id.User, from, to int64, limit int, filter *EventFilter) (*window, error) {
	sight, err := s.rooms.Sight(ctx, f, u)
	if err != nil {
		return nil, err
	}
	w := &window{feed: f, sight: sight, from: from, start: to}
	q, err := s.quietOf(ctx, u)
	if err != nil {
		return nil, err
	}
	keep := func(ev *room.Event) bool { return sight.Of(ev) && filter.pass(ev) && s.hears(q, ev) }
	if filter.relatedBy() {
		// What relates to an event is not in memory.
	} else if tail, ok := f.Tail(from); ok || from == 0 && len(tail) == 0 && w.inTail(f, limit, to, keep) {
		if ok {
			w.take(tail, to, limit, keep)
		}
		return w, nil
	}
	// Not in memory: read back in pages until there is enough or no more.
	floor, at := from, to
	var found []*room.Event
	for len(found) <= limit {
		page, err := s.rooms.Back(ctx, f, at, floor, max(limit+1, 20))
		if err != nil {
			return nil, err
		}
		pass, err := s.sieve(ctx, f, sight, filter, page)
		if err != nil {
			return nil, err
		}
		for _, ev := range page {
			if at = ev.Pos - 1; sight.Of(ev) && pass(ev) && s.hears(q, ev) {
				found = append(found, ev)
			}
		}
		if len(page) < max(limit+1, 20) {
			break
		}
	}
	if len(found) > limit {
		w.limited = true
		found = found[:limit]
	}
	slices.Reverse(found)
	w.events = found
	w.begin(to)
	return w, nil
}

// take fills the window from events that reach back to from.
func (w *window) take(tail []*room.Event, to int64, limit int, keep func(*room.Event) bool) {
	for i := len(tail) - 1; i >= 0; i-- {
		ev := tail[i]
		if ev.Pos > to || !keep(ev) {
			continue
		}
		if len(w.events) == limit {
			w.limited = true
			break
		}
		w.events = append(w.events, ev)
	}
	slices.Reverse(w.events)
	w.begin(to)
}

// inTail fills the window from the newest events in memory when those are enough for the limit.
func (w *window) inTail(f *room.Feed, limit int, to int64, keep func(*room.Event) bool) bool {
	tail := f.Newest()
	n := 0
	for _, ev := range tail {
		if ev.Pos <= to && keep(ev) {
			n++
		}
	}
	if n <= limit {
		return false
	}
	w.take(tail, to, limit, keep)
	return true
}

func (w *window) begin(to int64) {
	if len(w.events) > 0 {
		w.start = w.events[0].Pos - 1
	} else {
		w.start = to
	}
}

// appendEvents writes events as a JSON list, with what clients are told beside each.
func (s *Service) appendEvents(ctx context.Context, b []byte, w *window, events []*room.Event, u id.User, d id.Device, bundle bool) ([]byte, error) {
	var rel *relations
	if bundle && len(events) > 0 {
		var err error
		if rel, err = s.relate(ctx, w.feed, w.sight, events); err != nil {
			return nil, err
		}
	}
	b = append(b, '[')
	for i, ev := range events {
		if i > 0 {
			b = append(b, ',')
		}
		membership, err := w.sight.Membership(ctx, ev)
		if err != nil {
			return nil, err
		}
		r := room.Reader{User: u, Device: d, Membership: membership}
		if rel != nil {
			r.Relations = rel.bundle(ev, r)
		}
		shown, err := s.veil(ctx, w, u, ev)
		if err != nil {
			return nil, err
		}
		if shown != ev {
			r.Relations = nil
		}
		b = shown.AppendClient(b, r)
	}
	return append(b, ']'), nil
}
