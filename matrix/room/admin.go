package room

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

// Overview is what an administrator sees of a room without being in it.
type Overview struct {
	Room                      id.Room
	Version                   string
	Name, Topic, Avatar       string
	Alias, Creator            string
	Encryption, JoinRule      string
	GuestAccess, History, Kin string // Kin is the room's type, "" for a room for talking
	Federates, Public         bool
	Joined, JoinedLocal       int
	StateEvents               int
}

var (
	allRooms   = db.SQL("room.all", `SELECT nid, id, version FROM room_room ORDER BY nid LIMIT 1000000`)
	roomFacts  = db.SQL("room.facts", `SELECT s.room, s.type, e.sender, e.json FROM room_state s JOIN room_event e ON e.pos = s.from_pos WHERE s.to_pos = $1 AND s.state_key = '' AND s.type IN ('m.room.name', 'm.room.topic', 'm.room.avatar', 'm.room.canonical_alias', 'm.room.create', 'm.room.encryption', 'm.room.join_rules', 'm.room.guest_access', 'm.room.history_visibility') LIMIT 10000000`)
	roomCounts = db.SQL("room.counts", `SELECT room, count(*), sum(CASE WHEN lower(member) LIKE lower($1) THEN 1 ELSE 0 END) FROM room_membership WHERE membership = 'join' GROUP BY room LIMIT 1000000`)
	stateCount = db.SQL("room.state_counts", `SELECT room, count(*) FROM room_state WHERE to_pos = $1 GROUP BY room LIMIT 1000000`)
	publicNids = db.SQL("room.public_nids", `SELECT room FROM room_published LIMIT 1000000`)
	addBlocked = db.SQL("room.block", `INSERT INTO room_blocked (id, by_user, at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING`)
	isBlocked  = db.SQL("room.is_blocked", `SELECT count(*) FROM room_blocked WHERE id = $1`)
	dropAlias  = db.SQL("room.drop_aliases", `DELETE FROM room_alias WHERE room = $1`)
)

// Overviews lists every room, for administrators. It reads the database and brings no room into memory.
func (s *Service) Overviews(ctx context.Context) ([]Overview, error) {
	type numbered struct {
		nid int64
		Overview
	}
	rooms, err := db.Collect(ctx, s.db, allRooms, func(r db.Row) (n numbered, err error) { return n, r.Scan(&n.nid, &n.Room, &n.Version) })
	if err != nil {
		return nil, err
	}
	list, at := make([]Overview, len(rooms)), make(map[int64]*Overview, len(rooms))
	for i, n := range rooms {
		list[i] = n.Overview
		list[i].Federates = true
		at[n.nid] = &list[i]
	}
	type fact struct {
		nid         int64
		typ, sender string
		json        []byte
	}
	facts, err := db.Collect(ctx, s.db, roomFacts, func(r db.Row) (f fact, err error) { return f, r.Scan(&f.nid, &f.typ, &f.sender, &f.json) }, open)
	if err != nil {
		return nil, err
	}
	for _, f := range facts {
		if o := at[f.nid]; o != nil {
			o.take(f.typ, f.sender, event.Field(f.json, "content"))
		}
	}
	type count struct{ nid, all, local int64 }
	counts, err := db.Collect(ctx, s.db, roomCounts, func(r db.Row) (c count, err error) { return c, r.Scan(&c.nid, &c.all, &c.local) }, "%:"+string(s.server))
	if err != nil {
		return nil, err
	}
	for _, c := range counts {
		if o := at[c.nid]; o != nil {
			o.Joined, o.JoinedLocal = int(c.all), int(c.local)
		}
	}
	states, err := db.Collect(ctx, s.db, stateCount, func(r db.Row) (c count, err error) { return c, r.Scan(&c.nid, &c.all) }, open)
	if err != nil {
		return nil, err
	}
	for _, c := range states {
		if o := at[c.nid]; o != nil {
			o.StateEvents = int(c.all)
		}
	}
	public, err := db.Collect(ctx, s.db, publicNids, db.Scalar[int64])
	for _, nid := range public {
		if o := at[nid]; o != nil {
			o.Public = true
		}
	}
	return list, err
}

// take reads one piece of state into the overview.
func (o *Overview) take(typ, sender string, content []byte) {
	text := func(name string) string {
		t, _ := event.Text(event.Field(content, name))
		return t
	}
	switch typ {
	case "m.room.name":
		o.Name = text("name")
	case "m.room.topic":
		o.Topic = text("topic")
	case "m.room.avatar":
		o.Avatar = text("url")
	case "m.room.canonical_alias":
		o.Alias = text("alias")
	case event.TypeCreate:
		o.Creator, o.Kin = sender, text("type")
		o.Federates = string(event.Field(content, "m.federate")) != "false"
	case "m.room.encryption":
		o.Encryption = text("algorithm")
	case event.TypeJoinRules:
		o.JoinRule = text("join_rule")
	case "m.room.guest_access":
		o.GuestAccess = text("guest_access")
	case "m.room.history_visibility":
		o.History = text("history_visibility")
	}
}

// SortOverviews puts rooms in the order of a word that administration tools know, most first for numbers; Invalid for another word.
func SortOverviews(list []Overview, by string, backwards bool) error {
	text := func(of func(*Overview) string) func(a, b Overview) int {
		return func(a, b Overview) int { return cmp.Compare(strings.ToLower(of(&a)), strings.ToLower(of(&b))) }
	}
	number := func(of func(*Overview) int) func(a, b Overview) int {
		return func(a, b Overview) int { return cmp.Compare(of(&b), of(&a)) }
	}
	yes := func(is bool) int {
		if is {
			return 1
		}
		return 0
	}
	orders := map[string]func(a, b Overview) int{
		"": text(func(o *Overview) string { return o.Name }), "name": text(func(o *Overview) string { return o.Name }), "alphabetical": text(func(o *Overview) string { return o.Name }),
		"canonical_alias": text(func(o *Overview) string { return o.Alias }), "version": text(func(o *Overview) string { return o.Version }), "creator": text(func(o *Overview) string { return o.Creator }),
		"encryption": text(func(o *Overview) string { return o.Encryption }), "join_rules": text(func(o *Overview) string { return o.JoinRule }),
		"guest_access": text(func(o *Overview) string { return o.GuestAccess }), "history_visibility": text(func(o *Overview) string { return o.History }),
		"joined_members": number(func(o *Overview) int { return o.Joined }), "size": number(func(o *Overview) int { return o.Joined }),
		"joined_local_members": number(func(o *Overview) int { return o.JoinedLocal }), "state_events": number(func(o *Overview) int { return o.StateEvents }),
		"federatable": number(func(o *Overview) int { return yes(o.Federates) }), "public": number(func(o *Overview) int { return yes(o.Public) }),
	}
	order := orders[by]
	if order == nil {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "Rooms cannot be ordered by that.")
	}
	slices.SortStableFunc(list, func(a, b Overview) int {
		if backwards {
			a, b = b, a
		}
		return cmp.Or(order(a, b), cmp.Compare(a.Room, b.Room))
	})
	return nil
}

// Closed says what closing a room has done.
type Closed struct {
	Removed []id.User
	Aliases []string
}

// Close takes everybody of this server out of a room, and its aliases and its place in the directory away. What was said stays: it may
// be a record. With block, nobody of this server comes in again. A room that this server does not know can be blocked as well.
func (s *Service) Close(ctx context.Context, by id.User, room id.Room, block bool) (Closed, error) {
	var done Closed
	err := s.db.Write(ctx, "room.close", func(ctx context.Context, tx *db.Tx) error {
		now := time.Now()
		if block {
			if _, err := tx.Exec(ctx, addBlocked, string(room), string(by), now.UnixMilli()); err != nil {
				return err
			}
		}
		if err := audit.Append(ctx, tx, audit.Entry{At: now, Actor: string(by), Action: "room.close", Object: string(room)}); err != nil {
			return err
		}
		a, err := s.In(ctx, tx, room)
		if fault.Is(err, fault.Hidden) && block {
			return nil
		}
		if err != nil {
			return err
		}
		if ev := a.Current(event.TypeCreate, ""); s.Steward != "" && ev != nil && ev.Sender == s.Steward {
			return fault.New(fault.Forbidden, "M_FORBIDDEN", "The server made this room for its own work; it is closed by ending that.")
		}
		if done.Aliases, err = db.Collect(ctx, tx, aliasesOf, db.Scalar[string], a.feed.nid); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, dropAlias, a.feed.nid); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, dropPublic, a.feed.nid); err != nil {
			return err
		}
		for _, ev := range a.feed.Members(func(m string) bool { return m == "join" || m == "invite" || m == "knock" }) {
			u := id.User(*ev.StateKey)
			if m := a.Membership(u); !s.accounts.Local(u) || m != "join" && m != "invite" && m != "knock" {
				continue
			}
			if err := a.Leave(ctx, u, u, ""); err != nil {
				return err
			}
			if u != s.Steward {
				done.Removed = append(done.Removed, u)
			}
		}
		return nil
	})
	return done, err
}

// Blocked refuses a room that administrators have closed for good.
func (s *Service) Blocked(ctx context.Context, q db.Querier, room id.Room) error {
	n, err := db.One(ctx, q, isBlocked, db.Scalar[int64], string(room))
	if err == nil && n > 0 {
		err = fault.New(fault.Forbidden, "M_FORBIDDEN", "This room was closed by an administrator.")
	}
	return err
}

// StateFor returns a room's whole state, for an administrator. A room that this server does not know is NotFound.
func (s *Service) StateFor(ctx context.Context, room id.Room) (*Feed, []*Event, error) {
	f, err := s.Feed(ctx, room)
	if err != nil {
		return nil, nil, fault.Hide(err, "M_NOT_FOUND", "Room not found.")
	}
	return f, f.AllState(), nil
}

// FilesIn lists the files that a room's events name.
func (s *Service) FilesIn(ctx context.Context, room id.Room) ([]string, error) {
	f, err := s.Feed(ctx, room)
	if err != nil {
		return nil, fault.Hide(err, "M_NOT_FOUND", "Room not found.")
	}
	const page = 500
	mine, seen := "mxc://"+string(s.server)+"/", map[string]bool{}
	var files []string
	for at := int64(0); ; {
		list, err := s.On(ctx, f, at, s.db.Position(), page)
		if err != nil {
			return nil, err
		}
		for _, ev := range list {
			at = ev.Pos
			for rest := string(ev.Event.Content); ; {
				i := strings.Index(rest, mine)
				if i < 0 {
					break
				}
				rest = rest[i+len(mine):]
				name := rest[:max(0, strings.IndexFunc(rest, func(r rune) bool { return r == '"' || r == '/' || r == '?' || r == '\\' }))]
				if name != "" && !seen[name] {
					seen[name] = true
					files = append(files, name)
				}
			}
		}
		if len(list) < page {
			return files, nil
		}
	}
}

// Announce makes a room in which somebody says one thing to others, whom it brings in, and in which only they can speak.
func (s *Service) Announce(ctx context.Context, by id.User, name, message string, to []id.User) (id.Room, error) {
	to = slices.DeleteFunc(slices.Clone(to), func(u id.User) bool { return u == by })
	made, err := s.Create(ctx, CreateSpec{Creator: by, Name: name, Join: to, Power: json.RawMessage(`{"events_default":50}`)})
	if err != nil {
		return "", err
	}
	return made, s.Do(ctx, made, func(ctx context.Context, a *Act) error {
		_, err := a.Send(ctx, by, "m.room.message", map[string]string{"msgtype": "m.text", "body": message})
		return err
	})
}
