package room

import (
	"context"

	"wardline/ground/db"
	"wardline/matrix/id"
)

var bumpsOf = db.SQL("room.bumps", `SELECT r.id, coalesce((SELECT e.pos FROM room_event e WHERE e.room = m.room AND e.type IN ('m.room.create', 'm.room.message', 'm.room.encrypted', 'm.sticker', 'm.call.invite', 'm.poll.start', 'm.beacon_info')
		ORDER BY e.pos DESC LIMIT 1), 0) FROM room_membership m JOIN room_room r ON r.nid = m.room WHERE m.member = $1 AND m.membership = 'join' LIMIT 100000`)

// Bumps returns when there was last some activity in each of a user's rooms, as positions, without bringing them into memory: what a
// list is ordered by. Nothing can happen in a room that is not in memory, so what was read of one stays true until it is.
func (s *Service) Bumps(ctx context.Context, u id.User, rooms []id.Room) (map[id.Room]int64, error) {
	bumps := make(map[id.Room]int64, len(rooms))
	if s.knownBumps(bumps, rooms) {
		return bumps, nil
	}
	type row struct {
		room id.Room
		bump int64
	}
	list, err := db.Collect(ctx, s.db, bumpsOf, func(r db.Row) (x row, err error) { return x, r.Scan(&x.room, &x.bump) }, string(u))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	for _, x := range list {
		if s.feeds[x.room] == nil {
			s.bumps[x.room] = x.bump
		}
	}
	s.mu.Unlock()
	s.knownBumps(bumps, rooms) // a room that is still missing is one the user has left meanwhile
	return bumps, nil
}

func (s *Service) knownBumps(into map[id.Room]int64, rooms []id.Room) (all bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all = true
	for _, r := range rooms {
		if f := s.feeds[r]; f != nil {
			_, into[r] = f.Head()
		} else if bump, ok := s.bumps[r]; ok {
			into[r] = bump
		} else {
			all = false
		}
	}
	return all
}
