package room

import (
	"context"
	"slices"
	"sort"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

// span is a value of one piece of state and how long it held.
type span struct {
	from, to int64
	value    string
}

// Sight is what one user may see of one room: it answers for any event, whenever it was sent.
// spec: client-server-api#room-history-visibility
type Sight struct {
	user       id.User
	membership []span
	visibility []span
	simple     bool                                  // joined now, and history was never anything but shared
	since      int64                                 // the user's membership is as it is now from here on
	past       func(context.Context) ([]span, error) // how it was before, read when somebody asks
}

// User is whose sight it is.
func (si *Sight) User() id.User { return si.user }

// Sight works out what a user may see of a room. Somebody who may see nothing at all is Hidden.
func (s *Service) Sight(ctx context.Context, f *Feed, u id.User) (*Sight, error) {
	f.mu.RLock()
	vis := f.state[Key{"m.room.history_visibility", ""}]
	member := f.members[string(u)]
	f.mu.RUnlock()
	si := &Sight{user: u}
	if member != nil && MembershipIn(member) == "join" && (vis == nil || vis.Replaces == "" && visibilityOf(vis) == "shared") {
		si.simple, si.since = true, member.Pos
		si.past = func(ctx context.Context) ([]span, error) {
			return s.spans(ctx, f, event.TypeMember, string(u), MembershipIn)
		}
		return si, nil
	}
	standing, err := s.Standing(ctx, u, f.ID)
	if err != nil {
		return nil, err
	}
	if standing.Forgotten { // also where the world may look in: that is what forgetting asks for
		return nil, errNoRoom
	}
	if si.membership, err = s.spans(ctx, f, event.TypeMember, string(u), MembershipIn); err != nil {
		return nil, err
	}
	if si.visibility, err = s.spans(ctx, f, "m.room.history_visibility", "", visibilityOf); err != nil {
		return nil, err
	}
	joined := slices.ContainsFunc(si.membership, func(sp span) bool { return sp.value == "join" })
	world := slices.ContainsFunc(si.visibility, func(sp span) bool { return sp.value == "world_readable" })
	invited := len(si.membership) > 0 && (si.membership[len(si.membership)-1].value == "invite" || si.membership[len(si.membership)-1].value == "knock")
	if !joined && !world && !invited {
		return nil, errNoRoom
	}
	return si, nil
}

// Outside is the sight of somebody who was never in a room: nothing but the user's own membership.
func Outside(u id.User) *Sight { return &Sight{user: u, visibility: []span{{value: "joined"}}} }

// visibilityOf reads a visibility; where there is none that is known, history is shared.
func visibilityOf(ev *Event) string {
	if ev == nil {
		return "shared"
	}
	switch v, _ := event.Text(event.Field(ev.Event.Content, "history_visibility")); v {
	case "world_readable", "invited", "joined":
		return v
	}
	return "shared"
}

func (s *Service) spans(ctx context.Context, f *Feed, typ, key string, value func(*Event) string) ([]span, error) {
	return db.Collect(ctx, s.db, history, func(r db.Row) (span, error) {
		var row eventRow
		var sp span
		if err := r.Scan(append([]any{&sp.to}, row.dest()...)...); err != nil {
			return sp, err
		}
		ev, err := f.parse(&row)
		if err != nil {
			return sp, err
		}
		sp.from, sp.value = row.pos, value(ev)
		return sp, nil
	}, f.nid, typ, key)
}

// at returns the value that held just before pos, and after it when the event at pos is the change itself.
func at(spans []span, pos int64) string {
	i := sort.Search(len(spans), func(i int) bool { return spans[i].from > pos })
	if i == 0 {
		return ""
	}
	return spans[i-1].value
}

// Of reports whether the user may see an event.
func (si *Sight) Of(ev *Event) bool {
	if si.simple || ev.Is(event.TypeMember, string(si.user)) {
		return true
	}
	// The event that changes visibility is seen by whom either of the two lets see it.
	// spec: client-server-api#server-behaviour-5
	return si.At(ev.Pos) || ev.Is("m.room.history_visibility", "") && si.under(at(si.visibility, ev.Pos-1), at(si.membership, ev.Pos), ev.Pos)
}

// At reports whether the user may see the room as it was at a position. It is less than Of: whoever is invited, or only knocks, sees
// the event that says so and nothing of the room behind it.
func (si *Sight) At(pos int64) bool {
	m := at(si.membership, pos)
	return si.simple || m == "join" || si.under(at(si.visibility, pos), m, pos)
}

// under says whether a visibility lets somebody see an event who was not in the room then. A room without one is shared.
func (si *Sight) under(visibility, membership string, pos int64) bool {
	switch visibility {
	case "world_readable":
		return true
	case "", "shared":
		return slices.ContainsFunc(si.membership, func(sp span) bool { return sp.value == "join" && sp.from > pos })
	case "invited":
		return membership == "invite"
	}
	return false
}

// Membership returns the user's membership at an event, for "unsigned": "leave" from before there was any.
// spec: client-server-api#room-event-format
func (si *Sight) Membership(ctx context.Context, ev *Event) (string, error) {
	if si.simple && ev.Pos >= si.since {
		return "join", nil
	}
	if si.past != nil {
		spans, err := si.past(ctx)
		if err != nil {
			return "", err
		}
		si.membership, si.past = spans, nil
	}
	if m := at(si.membership, ev.Pos); m != "" {
		return m, nil
	}
	return "leave", nil
}

// Until returns the last position of which the user may know the state: now for members, the moment of leaving for others.
func (s *Service) Until(ctx context.Context, f *Feed, u id.User) (int64, error) {
	m, err := s.Standing(ctx, u, f.ID)
	if err != nil {
		return 0, err
	}
	if m.Is == "join" || visibilityNow(f) == "world_readable" && !m.Forgotten {
		return s.db.Position(), nil
	}
	if m.WasJoined && !m.Forgotten && (m.Is == "leave" || m.Is == "ban") {
		return m.Pos, nil
	}
	return 0, errNoRoom
}

func visibilityNow(f *Feed) string {
	return f.Text("m.room.history_visibility", "", "history_visibility")
}

// Back returns the events at or before position from and after floor, newest first, at most limit.
func (s *Service) Back(ctx context.Context, f *Feed, from, floor int64, limit int) ([]*Event, error) {
	return db.Collect(ctx, s.db, pageBack, f.scan, f.nid, from, floor, limit)
}

// On returns the events after position from and at or before ceiling, oldest first, at most limit.
func (s *Service) On(ctx context.Context, f *Feed, from, ceiling int64, limit int) ([]*Event, error) {
	return db.Collect(ctx, s.db, pageOn, f.scan, f.nid, from, ceiling, limit)
}

// Find returns one event that the user may see. One that does not exist and one that the user may not see are both NotFound.
func (s *Service) Find(ctx context.Context, f *Feed, u id.User, name id.Event) (*Event, *Sight, error) {
	sight, err := s.Sight(ctx, f, u)
	if err != nil {
		return nil, nil, fault.Hide(err, "M_NOT_FOUND", "There is no such event.")
	}
	ev, err := db.One(ctx, s.db, byID, f.scan, f.nid, string(name))
	if fault.Is(err, fault.NotFound) || err == nil && !sight.Of(ev) {
		return nil, nil, fault.New(fault.Hidden, "M_NOT_FOUND", "There is no such event.")
	}
	return ev, sight, err
}

var roomOf = db.SQL("room.of_event", `SELECT r.id FROM room_event e JOIN room_room r ON r.nid = e.room WHERE e.id = $1`)

// RoomOf returns which room an event is in. One that no room has is NotFound.
func (s *Service) RoomOf(ctx context.Context, name id.Event) (id.Room, error) {
	r, err := db.One(ctx, s.db, roomOf, db.Scalar[string], string(name))
	return id.Room(r), err
}

// Any returns an event of a room, whoever may see it. One that the room does not have is NotFound.
func (s *Service) Any(ctx context.Context, f *Feed, name id.Event) (*Event, error) {
	return db.One(ctx, s.db, byID, f.scan, f.nid, string(name))
}

var (
	countChildren   = db.SQL("room.count_children", `SELECT count(*) FROM room_event WHERE relates_to = $1 AND +room = $2 AND rel_type = $3`)
	countReferences = db.SQL("room.count_references", `SELECT count(*) FROM room_event WHERE relates_to = $1 AND +room = $2 AND rel_type = 'm.reference' AND type IN ($3, $4)`)
	threads         = db.SQL("room.threads", `SELECT p.pos, max(e.pos) FROM room_event e JOIN room_event p ON p.id = e.relates_to
		WHERE e.room = $1 AND e.rel_type = 'm.thread' AND e.pos <= $2 AND p.room = $1
		GROUP BY p.pos, p.sender HAVING max(e.pos) <= $3 AND ($4 = '' OR p.sender = $4 OR sum(CASE WHEN e.sender = $4 THEN 1 ELSE 0 END) > 0)
		ORDER BY max(e.pos) DESC LIMIT $5`)
)

// CountChildren counts the events that relate to a parent in one way.
func (s *Service) CountChildren(ctx context.Context, f *Feed, parent id.Event, relType string) (int, error) {
	n, err := db.One(ctx, s.db, countChildren, db.Scalar[int64], string(parent), f.nid, relType)
	return int(n), err
}

// CountReferences counts what speaks of an event by an m.reference and is of either type; what was removed does not. It sees what the act
// itself wrote.
func (a *Act) CountReferences(ctx context.Context, parent id.Event, typ, orTyp string) (int, error) {
	n, err := db.One(ctx, a.tx, countReferences, db.Scalar[int64], string(parent), a.feed.nid, typ, orTyp)
	return int(n), err
}

// Thread is where a thread begins and where its newest reply is.
type Thread struct{ Root, Newest int64 }

// Threads returns the threads of a room as they were at position until, the one with the newest reply first: those whose newest
// reply is at or before position from, at most limit. With a user, only those that the user has begun or replied in.
func (s *Service) Threads(ctx context.Context, f *Feed, u id.User, until, from int64, limit int) ([]Thread, error) {
	return db.Collect(ctx, s.db, threads, func(r db.Row) (t Thread, err error) { return t, r.Scan(&t.Root, &t.Newest) }, f.nid, until, from, string(u), limit)
}

// Children returns events that relate to parent at or before position from and after floor, newest first; oldest first with onward set.
func (s *Service) Children(ctx context.Context, f *Feed, parent id.Event, from, floor int64, limit int, onward bool) ([]*Event, error) {
	q := children
	if onward {
		q = childrenOn
	}
	return db.Collect(ctx, s.db, q, f.scan, string(parent), from, floor, f.nid, limit)
}

// Position returns the newest committed position.
func (s *Service) Position() int64 { return s.db.Position() }

// Feed returns the committed view of the room that an act works on.
func (a *Act) Feed() *Feed { return a.feed }

// MembershipAt returns a user's membership as it was at a position, "" for none.
func (s *Service) MembershipAt(ctx context.Context, f *Feed, u id.User, pos int64) (string, error) {
	spans, err := s.spans(ctx, f, event.TypeMember, string(u), MembershipIn)
	return at(spans, pos), err
}
