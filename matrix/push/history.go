package push

import (
	"context"
	"encoding/json"
	"strconv"

	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// Notified is an event that a user was notified about, or would have been.
type Notified struct {
	room.Placed
	Sight   *room.Sight // nil for an invitation
	Actions []json.RawMessage
	Read    bool
}

// History pages back through what a user's rules, as they are now, make notifications of. from is an earlier answer's next, "" for the
// newest; next is "" when there is no more. A page may be short: the search for one goes through so many events and no further.
// spec: client-server-api#get_matrixclientv3notifications
func (s *Service) History(ctx context.Context, u id.User, from string, limit int, highlights bool) (list []Notified, next string, err error) {
	const page, most = 200, 2000
	at := s.db.Position() + 1
	if from != "" {
		if at, err = strconv.ParseInt(from, 10, 64); err != nil || at < 0 {
			return nil, "", fault.New(fault.Invalid, "M_INVALID_PARAM", "The token is none of this server's.")
		}
	}
	sights := map[id.Room]*room.Sight{}
	for looked := 0; looked < most; looked += page {
		all, err := s.rooms.Around(ctx, u, at, page)
		if err != nil {
			return nil, "", err
		}
		for _, it := range all {
			at = it.Pos
			n, yes, err := s.notified(ctx, u, it, highlights, sights)
			if err != nil {
				return nil, "", err
			}
			if yes {
				list = append(list, n)
			}
			if len(list) == limit {
				return list, strconv.FormatInt(at, 10), nil
			}
		}
		if len(all) < page {
			return list, "", nil
		}
	}
	return list, strconv.FormatInt(at, 10), nil
}

func (s *Service) notified(ctx context.Context, u id.User, it room.Placed, highlights bool, sights map[id.Room]*room.Sight) (n Notified, yes bool, err error) {
	n.Placed = it
	if it.Event.RedactedBy != "" {
		return n, false, nil
	}
	st, yes, err := s.judge(ctx, u, it.Feed, it.Event)
	if err != nil || !yes || highlights && !st.highlight {
		return n, false, err
	}
	n.Actions = st.actions
	n.Read = s.ReadTo(it.Feed, u).In(it.Thread()) >= it.Pos
	if it.Is(event.TypeMember, string(u)) {
		return n, true, nil
	}
	if it.Feed.Membership(u) != "join" {
		return n, false, nil
	}
	sight, ok := sights[it.Feed.ID]
	if !ok {
		if sight, err = s.rooms.Sight(ctx, it.Feed, u); err != nil {
			return n, false, err
		}
		sights[it.Feed.ID] = sight
	}
	n.Sight = sight
	if !sight.Of(it.Event) {
		return n, false, nil
	}
	was, err := sight.Membership(ctx, it.Event)
	return n, was == "join", err
}
