package room

import (
	"context"
	"slices"

	"wardline/ground/db"
	"wardline/matrix/id"
)

// Placed is an event with the room it is in.
type Placed struct {
	Feed *Feed
	*Event
}

var (
	streamOf = db.SQL("room.stream", `SELECT r.id, `+eventColumns+` FROM room_event e JOIN room_room r ON r.nid = e.room WHERE e.pos > $1 AND e.pos <= $2 ORDER BY e.pos LIMIT $3`)
	aroundOf = db.SQL("room.around", `SELECT r.id, `+eventColumns+` FROM room_event e JOIN room_room r ON r.nid = e.room
		JOIN room_membership m ON m.room = e.room AND m.member = $1
		WHERE m.membership IN ('join', 'invite') AND e.pos < $2 AND e.sender <> $1 ORDER BY e.pos DESC LIMIT $3`)
)

type placedRow struct {
	room id.Room
	eventRow
}

func (s *Service) placed(ctx context.Context, q *db.Statement, args ...any) ([]Placed, error) {
	rows, err := db.Collect(ctx, s.db, q, func(r db.Row) (p placedRow, err error) { return p, r.Scan(append([]any{&p.room}, p.dest()...)...) }, args...)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	var rooms []id.Room
	for _, p := range rows {
		if !slices.Contains(rooms, p.room) {
			rooms = append(rooms, p.room)
		}
	}
	feeds, err := s.Feeds(ctx, rooms)
	if err != nil {
		return nil, err
	}
	all := make([]Placed, len(rows))
	for i := range rows {
		f := feeds[slices.Index(rooms, rows[i].room)]
		ev, err := f.parse(&rows[i].eventRow)
		if err != nil {
			return nil, err
		}
		all[i] = Placed{f, ev}
	}
	return all, nil
}

// Stream returns the events of all rooms after position from, up to position to, oldest first, at most limit. It must not be called
// inside an act.
func (s *Service) Stream(ctx context.Context, from, to int64, limit int) ([]Placed, error) {
	return s.placed(ctx, streamOf, from, to, limit)
}

const atOnce = 32

// atOf reads events at up to atOnce positions; a position that is none's stands for a place that is not needed.
var atOf = db.SQL("room.at", `SELECT r.id, `+eventColumns+` FROM room_event e JOIN room_room r ON r.nid = e.room
	WHERE e.pos IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32) ORDER BY e.pos`)

// At returns the events at positions, in the order of the positions. It must not be called inside an act.
func (s *Service) At(ctx context.Context, positions []int64) ([]Placed, error) {
	found := make(map[int64]Placed, len(positions))
	for some := range slices.Chunk(positions, atOnce) {
		args := make([]any, atOnce)
		for i := range args {
			if args[i] = int64(-1); i < len(some) {
				args[i] = some[i]
			}
		}
		list, err := s.placed(ctx, atOf, args...)
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			found[p.Pos] = p
		}
	}
	all := make([]Placed, 0, len(found))
	for _, pos := range positions {
		if p, ok := found[pos]; ok {
			all = append(all, p)
		}
	}
	return all, nil
}

// Around returns what others did before position before in the rooms that a user is in or invited to, newest first, at most limit.
// Whether the user may see it is not asked. It must not be called inside an act.
func (s *Service) Around(ctx context.Context, u id.User, before int64, limit int) ([]Placed, error) {
	return s.placed(ctx, aroundOf, string(u), before, limit)
}
