package room

import (
	"context"
	"fmt"
	"slices"
	"time"

	"wardline/ground/db"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

// eventColumns are what eventRow reads; the last is what the event replaced, looked up only for state.
const eventColumns = `e.pos, e.id, e.notify, e.relates_to, e.rel_type, e.replaces, e.redacted_by, e.because, e.device, e.txn, e.json,
	(SELECT p.json FROM room_event p WHERE p.id = e.replaces)`

var (
	insertRoom  = db.SQL("room.insert", `INSERT INTO room_room (nid, id, version, created_at) VALUES ($1, $2, $3, $4)`)
	readRoom    = db.SQL("room.read", `SELECT nid, version FROM room_room WHERE id = $1`)
	lastRoom    = db.SQL("room.last", `SELECT coalesce(max(nid), 0) FROM room_room`)
	insertEvent = db.SQL("room.insert_event", `INSERT INTO room_event (pos, id, room, type, state_key, sender, relates_to, rel_type, notify, replaces, device, txn, json)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`)
	byTxn       = db.SQL("room.by_txn", `SELECT id FROM room_event WHERE sender = $1 AND device = $2 AND txn = $3`)
	nowState    = db.SQL("room.now_state", `SELECT `+eventColumns+` FROM room_state s JOIN room_event e ON e.pos = s.from_pos WHERE s.room = $1 AND s.to_pos = $2 ORDER BY e.pos LIMIT 1000000`)
	stateAt     = db.SQL("room.state_at", `SELECT `+eventColumns+` FROM room_state s JOIN room_event e ON e.pos = s.from_pos WHERE s.room = $1 AND s.from_pos <= $2 AND s.to_pos > $2 ORDER BY e.pos LIMIT 1000000`)
	stateSince  = db.SQL("room.state_since", `SELECT `+eventColumns+` FROM room_state s JOIN room_event e ON e.pos = s.from_pos WHERE s.room = $1 AND s.from_pos > $2 AND s.from_pos <= $3 AND s.to_pos > $3 ORDER BY e.pos LIMIT 1000000`)
	history     = db.SQL("room.key_history", `SELECT s.to_pos, `+eventColumns+` FROM room_state s JOIN room_event e ON e.pos = s.from_pos WHERE s.room = $1 AND s.type = $2 AND s.state_key = $3 ORDER BY s.from_pos LIMIT 10000`)
	endState    = db.SQL("room.end_state", `UPDATE room_state SET to_pos = $4 WHERE room = $1 AND type = $2 AND state_key = $3 AND to_pos = $5`)
	beginState  = db.SQL("room.begin_state", `INSERT INTO room_state (room, type, state_key, from_pos, to_pos) VALUES ($1, $2, $3, $4, $5)`)
	newestOf    = db.SQL("room.newest", `SELECT coalesce(max(pos), 0) FROM room_event WHERE room = $1`)
	tailOf      = db.SQL("room.tail", `SELECT `+eventColumns+` FROM room_event e WHERE e.room = $1 ORDER BY e.pos DESC LIMIT $2`)
	bumpOf      = db.SQL("room.bump", `SELECT coalesce(max(pos), 0) FROM room_event WHERE room = $1 AND type IN ('m.room.create', 'm.room.message', 'm.room.encrypted', 'm.sticker', 'm.call.invite', 'm.poll.start', 'm.beacon_info')`)
	pageBack    = db.SQL("room.page_back", `SELECT `+eventColumns+` FROM room_event e WHERE e.room = $1 AND e.pos <= $2 AND e.pos > $3 ORDER BY e.pos DESC LIMIT $4`)
	pageOn      = db.SQL("room.page_on", `SELECT `+eventColumns+` FROM room_event e WHERE e.room = $1 AND e.pos > $2 AND e.pos <= $3 ORDER BY e.pos LIMIT $4`)
	byID        = db.SQL("room.by_id", `SELECT `+eventColumns+` FROM room_event e WHERE e.room = $1 AND e.id = $2`)
	children    = db.SQL("room.children", `SELECT `+eventColumns+` FROM room_event e WHERE e.relates_to = $1 AND e.pos <= $2 AND e.pos > $3 AND +e.room = $4 ORDER BY e.pos DESC LIMIT $5`)
	annotations = db.SQL("room.annotations", `SELECT `+eventColumns+` FROM room_event e WHERE e.relates_to = $1 AND +e.room = $2 AND e.sender = $3 AND e.rel_type = 'm.annotation' ORDER BY e.pos LIMIT 200`)
	childrenOn  = db.SQL("room.children_on", `SELECT `+eventColumns+` FROM room_event e WHERE e.relates_to = $1 AND e.pos <= $2 AND e.pos > $3 AND +e.room = $4 ORDER BY e.pos LIMIT $5`)
	saveMember  = db.SQL("room.save_membership", `INSERT INTO room_membership (member, room, membership, pos, by_self, was_joined, forgotten, joined_pos) VALUES ($1, $2, $3, $4, $5, $6, $7, $4)
		ON CONFLICT (member, room) DO UPDATE SET joined_pos = CASE WHEN room_membership.membership = 'join' AND excluded.membership = 'join' THEN room_membership.joined_pos ELSE excluded.joined_pos END,
			membership = excluded.membership, pos = excluded.pos, by_self = excluded.by_self, was_joined = excluded.was_joined OR room_membership.was_joined, forgotten = excluded.forgotten`)
	setForgotten = db.SQL("room.forget", `UPDATE room_membership SET forgotten = $3 WHERE member = $1 AND room = $2 AND membership IN ('leave', 'ban')`)
	memberships  = db.SQL("room.memberships", `SELECT r.id, m.membership, m.pos, m.by_self, m.was_joined, m.forgotten, m.joined_pos FROM room_membership m JOIN room_room r ON r.nid = m.room WHERE m.member = $1 LIMIT 100000`)
	setRedacted  = db.SQL("room.set_redacted", `UPDATE room_event SET json = $2, redacted_by = $3, because = $4, notify = $5, relates_to = NULL, rel_type = NULL WHERE pos = $1`)
	keepOriginal = db.SQL("room.keep_original", `INSERT INTO room_original (pos, json) VALUES ($1, $2) ON CONFLICT (pos) DO NOTHING`)
)

type roomRow struct {
	nid     int64
	version string
}

func scanRoom(r db.Row) (row roomRow, err error) { return row, r.Scan(&row.nid, &row.version) }

// read brings a room in from the database.
func (s *Service) read(ctx context.Context, q db.Querier, room id.Room) (*Feed, error) {
	row, err := db.One(ctx, q, readRoom, scanRoom, string(room))
	if err != nil {
		return nil, err
	}
	v, err := event.Lookup(row.version)
	if err != nil {
		return nil, err
	}
	f := newFeed(room, row.nid, v)
	state, err := db.Collect(ctx, q, nowState, f.scan, row.nid, open)
	if err != nil {
		return nil, err
	}
	for _, ev := range state {
		ev.slim()
		f.set(ev)
	}
	tail, err := db.Collect(ctx, q, tailOf, f.scan, row.nid, tailKeep)
	if err != nil {
		return nil, err
	}
	slices.Reverse(tail)
	for _, ev := range tail {
		ev.slim()
		if ev.Notify {
			f.notes = append(f.notes, noteOf(ev))
		}
	}
	f.tail = tail
	if len(tail) == tailKeep {
		f.tailFrom = tail[0].Pos - 1
	}
	f.notesFrom = f.tailFrom
	if f.bump, err = db.One(ctx, q, bumpOf, db.Scalar[int64], row.nid); err != nil {
		return nil, err
	}
	if n := len(tail); n > 0 {
		last := tail[n-1]
		f.head, f.ahead.last, f.ahead.depth = last.Pos, last.ID, last.Depth
	}
	return f, nil
}

func newFeed(room id.Room, nid int64, v *event.Version) *Feed {
	f := &Feed{ID: room, Version: v, nid: nid, state: map[Key]*Event{}, members: map[string]*Event{}, in: map[id.User]bool{}}
	f.ahead.state = map[Key]*Event{}
	return f
}

type eventRow struct {
	pos                                                int64
	id                                                 string
	notify                                             bool
	parent, relType, replaces, redactedBy, device, txn *string
	because, json, before                              []byte
}

func (row *eventRow) dest() []any {
	return []any{&row.pos, &row.id, &row.notify, &row.parent, &row.relType, &row.replaces, &row.redactedBy, &row.because, &row.device, &row.txn, &row.json, &row.before}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (f *Feed) scan(r db.Row) (*Event, error) {
	var row eventRow
	if err := r.Scan(row.dest()...); err != nil {
		return nil, err
	}
	return f.parse(&row)
}

func (f *Feed) parse(row *eventRow) (*Event, error) {
	pdu, err := event.Load(f.Version, id.Event(row.id), row.json)
	if err != nil {
		return nil, fmt.Errorf("stored event %s: %w", row.id, err)
	}
	ev := &Event{Event: pdu, Pos: row.pos, Notify: row.notify, Parent: id.Event(deref(row.parent)), RelType: deref(row.relType),
		Replaces: id.Event(deref(row.replaces)), RedactedBy: id.Event(deref(row.redactedBy)), Device: id.Device(deref(row.device)), Txn: deref(row.txn)}
	if row.notify {
		ev.concern(f.MayNotify)
	}
	ev.render()
	if row.because != nil {
		ev.unsign("redacted_because", row.because)
	}
	if row.before != nil {
		ev.unsignReplaced(event.Field(row.before, "content"), event.Field(row.before, "sender"), ev.Replaces)
	}
	return ev, nil
}

// nextRoom draws a number for a new room.
func (s *Service) nextRoom(ctx context.Context, tx *db.Tx) (int64, error) {
	if s.nextID == 0 {
		last, err := db.One(ctx, tx, lastRoom, db.Scalar[int64])
		if err != nil {
			return 0, err
		}
		s.nextID = last + 1
	}
	nid := s.nextID
	s.nextID++
	return nid, nil
}

// store writes an event's row and, for state, closes the interval of what held before.
func (a *Act) store(ctx context.Context, ev *Event) error {
	null := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	_, err := a.tx.Exec(ctx, insertEvent, ev.Pos, string(ev.ID), a.feed.nid, ev.Type, ev.StateKey, string(ev.Sender), null(string(ev.Parent)), null(ev.RelType),
		ev.Notify, null(string(ev.Replaces)), null(string(ev.Device)), null(ev.Txn), ev.JSON)
	if err != nil || !ev.IsState() {
		return err
	}
	if ev.Replaces != "" {
		if _, err := a.tx.Exec(ctx, endState, a.feed.nid, ev.Type, *ev.StateKey, ev.Pos, open); err != nil {
			return err
		}
	}
	if _, err := a.tx.Exec(ctx, beginState, a.feed.nid, ev.Type, *ev.StateKey, ev.Pos, open); err != nil {
		return err
	}
	if ev.Type != event.TypeMember {
		return nil
	}
	m := Membership{Room: a.feed.ID, Is: MembershipIn(ev), Pos: ev.Pos, BySelf: string(ev.Sender) == *ev.StateKey}
	m.WasJoined, m.JoinedAt = m.Is == "join", ev.Pos
	_, err = a.tx.Exec(ctx, saveMember, *ev.StateKey, a.feed.nid, m.Is, m.Pos, m.BySelf, m.WasJoined, false)
	if err == nil {
		user := id.User(*ev.StateKey)
		a.tx.OnCommit(func() { a.s.noteMembership(user, m) })
	}
	return err
}

// Membership is one user's standing in one room.
type Membership struct {
	Room      id.Room
	Is        string // join, invite, knock, leave or ban
	Pos       int64  // of the member event
	BySelf    bool   // the user did it
	WasJoined bool   // has been in the room at some time
	Forgotten bool
	JoinedAt  int64 // position since when the user is in, while Is is join: nothing before it is unread
}

func scanMembership(r db.Row) (m Membership, err error) {
	return m, r.Scan(&m.Room, &m.Is, &m.Pos, &m.BySelf, &m.WasJoined, &m.Forgotten, &m.JoinedAt)
}

func (s *Service) noteMembership(u id.User, m Membership) {
	s.moved.Store(m.Pos)
	s.mu.Lock()
	defer s.mu.Unlock()
	if rooms := s.people[u]; rooms != nil {
		before := rooms[m.Room]
		if m.WasJoined = m.WasJoined || before.WasJoined; m.Is == "join" && before.Is == "join" {
			m.JoinedAt = before.JoinedAt
		}
		rooms[m.Room] = m
	}
}

// Memberships returns every room the user has a standing in. It reads memory for users that were asked about before.
func (s *Service) Memberships(ctx context.Context, u id.User) ([]Membership, error) {
	if all, ok := s.knownMemberships(u); ok {
		return all, nil
	}
	err := s.db.WriteLast(ctx, "room.memberships", func(ctx context.Context, tx *db.Tx) error {
		list, err := db.Collect(ctx, tx, memberships, scanMembership, string(u))
		if err != nil {
			return err
		}
		rooms := make(map[id.Room]Membership, len(list))
		for _, m := range list {
			rooms[m.Room] = m
		}
		// Acts of this batch that ran before saw no entry here and cannot be told later: enter at the commit, as they do.
		tx.OnCommit(func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.people[u] = rooms
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	all, _ := s.knownMemberships(u)
	return all, nil
}

func (s *Service) knownMemberships(u id.User) ([]Membership, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	rooms, ok := s.people[u]
	if !ok {
		return nil, false
	}
	all := make([]Membership, 0, len(rooms))
	for _, m := range rooms {
		all = append(all, m)
	}
	return all, true
}

// Standing returns a user's standing in one room, with Is "" for none.
func (s *Service) Standing(ctx context.Context, u id.User, room id.Room) (Membership, error) {
	s.mu.RLock()
	rooms, ok := s.people[u]
	m := rooms[room]
	s.mu.RUnlock()
	if ok {
		return m, nil
	}
	if _, err := s.Memberships(ctx, u); err != nil {
		return Membership{}, err
	}
	return s.Standing(ctx, u, room)
}

func millis(t time.Time) int64 { return t.UnixMilli() }
