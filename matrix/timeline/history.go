package timeline

import (
	"context"
	"math"
	"slices"

	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// PageRequest asks for a stretch of a room's history.
type PageRequest struct {
	User     id.User
	Device   id.Device
	Room     id.Room
	From, To string // tokens, "" for the end that Backward means
	Backward bool
	Limit    int
	Filter   *EventFilter
}

// maxPage bounds the events of one page.
const maxPage = 1000

// Messages answers with a page of a room's history, bounded by what the user may see. The answer's end is absent where history ends.
// spec: client-server-api#get_matrixclientv3roomsroomidmessages
func (s *Service) Messages(ctx context.Context, r PageRequest) ([]byte, error) {
	f, sight, err := s.sight(ctx, r.Room, r.User)
	if err != nil {
		return nil, err
	}
	from, floor, ceiling, err := s.bounds(r)
	if err != nil {
		return nil, err
	}
	limit := max(1, min(r.Limit, maxPage))
	events, at, more, err := s.page(ctx, f, sight, from, floor, ceiling, limit, r.Backward, r.Filter)
	if err != nil {
		return nil, err
	}
	w := &window{feed: f, sight: sight}
	o := object{}
	chunk, err := s.appendEvents(ctx, nil, w, events, r.User, r.Device, true)
	if err != nil {
		return nil, err
	}
	o.raw("chunk", chunk)
	o.value("start", place(from))
	if more {
		o.value("end", place(at))
	}
	if r.Filter.LazyLoadMembers {
		people, err := s.speakers(ctx, f, r.User, events)
		if err != nil {
			return nil, err
		}
		members, err := s.appendEvents(ctx, nil, w, people, r.User, r.Device, false)
		if err != nil {
			return nil, err
		}
		o.raw("state", members)
	}
	return o.bytes(), nil
}

func (s *Service) sight(ctx context.Context, name id.Room, u id.User) (*room.Feed, *room.Sight, error) {
	f, err := s.rooms.Feed(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	sight, err := s.rooms.Sight(ctx, f, u)
	return f, sight, err
}

// bounds turns a request's tokens into positions: where to begin, and what not to pass in each direction.
func (s *Service) bounds(r PageRequest) (from, floor, ceiling int64, err error) {
	floor, ceiling = 0, s.db.Position()
	if r.Backward {
		from = ceiling
	}
	if r.From != "" {
		t, err := ParseToken(r.From)
		if err != nil {
			return 0, 0, 0, err
		}
		from = min(t.Pos, ceiling)
	}
	if r.To != "" {
		t, err := ParseToken(r.To)
		if err != nil {
			return 0, 0, 0, err
		}
		if r.Backward {
			floor = t.Pos
		} else {
			ceiling = t.Pos
		}
	}
	return from, floor, ceiling, nil
}

// page reads up to limit events that the user may see and keep wants, in the direction asked for. at is the boundary behind the
// last of them, more whether anything may lie beyond.
func (s *Service) page(ctx context.Context, f *room.Feed, sight *room.Sight, from, floor, ceiling int64, limit int, backward bool, filter *EventFilter) (out []*room.Event, at int64, more bool, err error) {
	at = from
	q, err := s.quietOf(ctx, sight.User())
	if err != nil {
		return nil, 0, false, err
	}
	for len(out) < limit {
		n := max(limit-len(out)+1, 20)
		var list []*room.Event
		if backward {
			list, err = s.rooms.Back(ctx, f, at, floor, n)
		} else {
			list, err = s.rooms.On(ctx, f, at, ceiling, n)
		}
		if err != nil {
			return nil, 0, false, err
		}
		keep, err := s.sieve(ctx, f, sight, filter, list)
		if err != nil {
			return nil, 0, false, err
		}
		for i, ev := range list {
			if backward {
				at = ev.Pos - 1
			} else {
				at = ev.Pos
			}
			if sight.Of(ev) && keep(ev) && s.hears(q, ev) {
				if out = append(out, ev); len(out) == limit {
					return out, at, i+1 < len(list) || len(list) == n, nil
				}
			}
		}
		if len(list) < n {
			return out, at, false, nil
		}
	}
	return out, at, true, nil
}

// speakers are the member events of those who sent the events, as the user may know them: of the present for members, and as they were
// then for somebody who has left, or looks in from outside.
func (s *Service) speakers(ctx context.Context, f *room.Feed, u id.User, events []*room.Event) ([]*room.Event, error) {
	until, err := s.rooms.Until(ctx, f, u)
	outside := fault.Is(err, fault.Hidden) // and never in: of such people, how somebody was called when they said what is shown
	if err != nil && !outside {
		return nil, err
	}
	seen := map[id.User]bool{}
	var list []*room.Event
	for _, ev := range events {
		if seen[ev.Sender] {
			continue
		}
		seen[ev.Sender] = true
		m := f.State(event.TypeMember, string(ev.Sender))
		if outside {
			until = ev.Pos
		}
		if m != nil && m.Pos > until {
			if m, err = s.rooms.KeyAt(ctx, f, event.TypeMember, string(ev.Sender), until); err != nil {
				return nil, err
			}
		}
		if m != nil {
			list = append(list, m)
		}
	}
	return list, nil
}

// Event answers with one event.
// spec: client-server-api#get_matrixclientv3roomsroomideventeventid
func (s *Service) Event(ctx context.Context, u id.User, d id.Device, name id.Room, e id.Event) ([]byte, error) {
	f, err := s.rooms.Feed(ctx, name)
	if err != nil {
		return nil, fault.Hide(err, "M_NOT_FOUND", "There is no such event.")
	}
	ev, sight, err := s.rooms.Find(ctx, f, u, e)
	if err != nil {
		return nil, err
	}
	list, err := s.appendEvents(ctx, nil, &window{feed: f, sight: sight}, []*room.Event{ev}, u, d, true)
	if err != nil {
		return nil, err
	}
	return list[1 : len(list)-1], nil
}

// Context answers with an event and what lies around it.
// spec: client-server-api#get_matrixclientv3roomsroomidcontexteventid
func (s *Service) Context(ctx context.Context, r PageRequest, e id.Event) ([]byte, error) {
	f, err := s.rooms.Feed(ctx, r.Room)
	if err != nil {
		return nil, fault.Hide(err, "M_NOT_FOUND", "There is no such event.")
	}
	ev, sight, err := s.rooms.Find(ctx, f, r.User, e)
	if err != nil {
		return nil, err
	}
	limit := max(0, min(r.Limit, maxPage))
	before, start, end := []*room.Event{}, ev.Pos-1, ev.Pos
	after := []*room.Event{}
	if half := limit / 2; half > 0 {
		if before, start, _, err = s.page(ctx, f, sight, ev.Pos-1, 0, math.MaxInt64, half, true, r.Filter); err != nil {
			return nil, err
		}
		if after, end, _, err = s.page(ctx, f, sight, ev.Pos, 0, s.db.Position(), limit-half, false, r.Filter); err != nil {
			return nil, err
		}
	}
	state, err := s.stateAround(ctx, f, sight, append([]*room.Event{ev}, after...), end, r.Filter)
	if err != nil {
		return nil, err
	}
	if r.Filter.LazyLoadMembers {
		all := append(append(slices.Clone(before), ev), after...)
		people, err := s.speakers(ctx, f, r.User, all)
		if err != nil {
			return nil, err
		}
		state = append(state, people...)
	}
	o := object{}
	w := &window{feed: f, sight: sight}
	for _, part := range []struct {
		name   string
		events []*room.Event
		bundle bool
	}{{"events_before", before, true}, {"events_after", after, true}, {"state", state, false}, {"event", []*room.Event{ev}, true}} {
		b, err := s.appendEvents(ctx, nil, w, part.events, r.User, r.Device, part.bundle)
		if err != nil {
			return nil, err
		}
		if part.name == "event" {
			b = b[1 : len(b)-1]
		}
		o.raw(part.name, b)
	}
	o.value("start", place(start))
	o.value("end", place(end))
	return o.bytes(), nil
}

// stateAround is the state that goes with a stretch of history which ends at a position. Whoever is not in the room, and never was, has
// it as it was at the last of the events at which they may see the room, which is none for whoever only knocks.
func (s *Service) stateAround(ctx context.Context, f *room.Feed, sight *room.Sight, events []*room.Event, end int64, filter *EventFilter) ([]*room.Event, error) {
	until, err := s.rooms.Until(ctx, f, sight.User())
	if until = min(until, end); fault.Is(err, fault.Hidden) {
		until, err = 0, nil
		for _, ev := range events {
			if sight.At(ev.Pos) {
				until = ev.Pos
			}
		}
	}
	if err != nil || until == 0 {
		return nil, err
	}
	var want func(room.Key) bool
	if filter.LazyLoadMembers {
		want = func(k room.Key) bool { return k.Type != event.TypeMember }
	}
	return s.rooms.StateAt(ctx, f, until, want)
}

// State answers with the state of a room that the user may know: as it is, or as it was when the user left.
// spec: client-server-api#get_matrixclientv3roomsroomidstate
func (s *Service) State(ctx context.Context, u id.User, d id.Device, name id.Room, want func(*room.Event) bool) ([]byte, error) {
	list, w, err := s.stateFor(ctx, u, name, nil)
	if err != nil {
		return nil, err
	}
	if want != nil {
		list = slices.DeleteFunc(list, func(ev *room.Event) bool { return !want(ev) })
	}
	return s.appendEvents(ctx, nil, w, list, u, d, false)
}

// StateEvent returns one piece of the state that the user may know; NotFound when the room has none such.
// spec: client-server-api#get_matrixclientv3roomsroomidstateeventtypestatekey
func (s *Service) StateEvent(ctx context.Context, u id.User, name id.Room, typ, key string) (*room.Event, error) {
	list, _, err := s.stateFor(ctx, u, name, func(k room.Key) bool { return k.Type == typ && k.StateKey == key })
	if err != nil {
		return nil, err
	}
	if len(list) > 0 {
		return list[0], nil
	}
	return nil, fault.New(fault.NotFound, "M_NOT_FOUND", "The room has no such state.")
}

func (s *Service) stateFor(ctx context.Context, u id.User, name id.Room, want func(room.Key) bool) ([]*room.Event, *window, error) {
	f, err := s.rooms.Feed(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	until, err := s.rooms.Until(ctx, f, u)
	if err != nil {
		return nil, nil, err
	}
	sight, err := s.rooms.Sight(ctx, f, u)
	if err != nil {
		return nil, nil, err
	}
	list, err := s.rooms.StateAt(ctx, f, until, want)
	return list, &window{feed: f, sight: sight}, err
}

// MembersAt answers with the member events of a room, now or at a place in its history.
// spec: client-server-api#get_matrixclientv3roomsroomidmembers
func (s *Service) MembersAt(ctx context.Context, u id.User, d id.Device, name id.Room, at string, want func(membership string) bool) ([]byte, error) {
	f, sight, err := s.sight(ctx, name, u)
	if err != nil {
		return nil, err
	}
	until, err := s.rooms.Until(ctx, f, u)
	if err != nil {
		return nil, err
	}
	if at != "" {
		t, err := ParseToken(at)
		if err != nil {
			return nil, err
		}
		until = min(until, t.Pos)
	}
	list, err := s.rooms.StateAt(ctx, f, until, func(k room.Key) bool { return k.Type == event.TypeMember })
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(ev *room.Event) bool { return !want(room.MembershipIn(ev)) })
	return s.appendEvents(ctx, nil, &window{feed: f, sight: sight}, list, u, d, false)
}
