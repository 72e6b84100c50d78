package timeline

import (
	"context"

	"wardline/ground/fault"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// jumpPages bounds how far from the time asked for an event is looked for that the user may see.
const (
	jumpPage  = 100
	jumpPages = 20
)

// ClosestTo finds the event nearest to a time, in ms since 1970, in one direction. Events come in the order of their times but for
// what was brought in from elsewhere, so the place is found by halving; an index of times would make every message dearer to send.
// Where the user may see no such event, that is NotFound.
// spec: client-server-api#get_matrixclientv1roomsroomidtimestamp_to_event
func (s *Service) ClosestTo(ctx context.Context, u id.User, name id.Room, ts int64, backward bool) (*room.Event, error) {
	f, sight, err := s.sight(ctx, name, u)
	if err != nil {
		return nil, err
	}
	// The first event that is later than wanted; equal ones belong to both directions.
	later := func(ev *room.Event) bool { return ev.OriginServerTS > ts || !backward && ev.OriginServerTS == ts }
	low, high := int64(1), s.db.Position()
	first := high + 1
	for low <= high {
		mid := low + (high-low)/2
		list, err := s.rooms.Back(ctx, f, mid, 0, 1)
		if err != nil {
			return nil, err
		}
		if len(list) == 0 || !later(list[0]) {
			low = mid + 1
			continue
		}
		first = list[0].Pos
		high = first - 1
	}
	at := first - 1
	for range jumpPages {
		var list []*room.Event
		if backward {
			list, err = s.rooms.Back(ctx, f, at, 0, jumpPage)
		} else {
			list, err = s.rooms.On(ctx, f, at, s.db.Position(), jumpPage)
		}
		if err != nil {
			return nil, err
		}
		for _, ev := range list {
			if later(ev) != backward && sight.Of(ev) {
				return ev, nil
			}
		}
		if len(list) < jumpPage {
			break
		}
		if at = list[len(list)-1].Pos; backward {
			at--
		}
	}
	return nil, fault.New(fault.NotFound, "M_NOT_FOUND", "There is no event on that side of the time.")
}
