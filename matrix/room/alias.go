package room

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

var (
	insertAlias = db.SQL("room.insert_alias", `INSERT INTO room_alias (alias, room, creator) VALUES ($1, $2, $3) ON CONFLICT (alias) DO NOTHING`)
	readAlias   = db.SQL("room.read_alias", `SELECT r.id, a.creator FROM room_alias a JOIN room_room r ON r.nid = a.room WHERE a.alias = $1`)
	deleteAlias = db.SQL("room.delete_alias", `DELETE FROM room_alias WHERE alias = $1`)
	aliasesOf   = db.SQL("room.aliases", `SELECT alias FROM room_alias WHERE room = $1 ORDER BY alias LIMIT 1000`)
	addPublic   = db.SQL("room.publish", `INSERT INTO room_published (room) VALUES ($1) ON CONFLICT (room) DO NOTHING`)
	dropPublic  = db.SQL("room.unpublish", `DELETE FROM room_published WHERE room = $1`)
	isPublic    = db.SQL("room.is_published", `SELECT count(*) FROM room_published WHERE room = $1`)
	allPublic   = db.SQL("room.published", `SELECT r.id FROM room_published p JOIN room_room r ON r.nid = p.room ORDER BY p.room LIMIT 10000`)
)

// newAlias makes an alias for the act's room from a local part.
func (s *Service) newAlias(ctx context.Context, a *Act, by id.User, local string) (id.Alias, error) {
	if strings.ContainsAny(local, ":# \t\r\n") {
		return "", fault.New(fault.Invalid, "M_INVALID_PARAM", "The alias has characters that an alias may not have.")
	}
	alias, err := id.ParseAlias("#" + local + ":" + string(s.server))
	if err != nil {
		return "", fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "The alias has characters that an alias may not have.", err)
	}
	return alias, a.addAlias(ctx, by, alias)
}

func (a *Act) addAlias(ctx context.Context, by id.User, alias id.Alias) error {
	n, err := a.tx.Exec(ctx, insertAlias, string(alias), a.feed.nid, string(by))
	if err == nil && n == 0 {
		err = fault.New(fault.Conflict, "M_ROOM_IN_USE", "That alias is taken.")
	}
	return err
}

// SetAlias gives a room a local alias. A taken one is Conflict.
// spec: client-server-api#put_matrixclientv3directoryroomroomalias
func (s *Service) SetAlias(ctx context.Context, by id.User, room id.Room, alias id.Alias) error {
	if alias.Server() != s.server {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The alias belongs to another server.")
	}
	return s.Do(ctx, room, func(ctx context.Context, a *Act) error {
		if a.Membership(by) != "join" {
			return errNoRoom
		}
		err := a.addAlias(ctx, by, alias)
		if fault.Is(err, fault.Conflict) {
			err = fault.New(fault.Conflict, "M_UNKNOWN", "That alias is taken.")
		}
		return err
	})
}

type aliasRow struct {
	room    id.Room
	creator id.User
}

// Resolve finds the room behind an alias of this server; NotFound when there is none.
func (s *Service) Resolve(ctx context.Context, alias id.Alias) (id.Room, error) {
	row, err := s.alias(ctx, s.db, alias)
	if fault.Is(err, fault.NotFound) && s.OnUnknownAlias != nil {
		made, askErr := s.OnUnknownAlias(ctx, alias)
		if askErr != nil {
			return "", askErr
		}
		if made {
			row, err = s.alias(ctx, s.db, alias)
		}
	}
	return row.room, err
}

func (s *Service) alias(ctx context.Context, q db.Querier, alias id.Alias) (aliasRow, error) {
	row, err := db.One(ctx, q, readAlias, func(r db.Row) (a aliasRow, err error) { return a, r.Scan(&a.room, &a.creator) }, string(alias))
	if fault.Is(err, fault.NotFound) {
		err = fault.New(fault.NotFound, "M_NOT_FOUND", "There is no room of that alias.")
	}
	return row, err
}

// DeleteAlias removes an alias; its creator may, and whoever may set the room's canonical alias.
func (s *Service) DeleteAlias(ctx context.Context, by id.User, alias id.Alias) error {
	row, err := s.alias(ctx, s.db, alias)
	if err != nil {
		return err
	}
	return s.Do(ctx, row.room, func(ctx context.Context, a *Act) error {
		if row.creator != by && !a.maySet(by, "m.room.canonical_alias") {
			return fault.New(fault.Forbidden, "M_FORBIDDEN", "You may not delete this alias.")
		}
		if _, err := a.tx.Exec(ctx, deleteAlias, string(alias)); err != nil {
			return err
		}
		return a.forgetAlias(ctx, by, alias)
	})
}

// forgetAlias takes an alias that is no more out of those that the room says it has, where the user may say that.
// spec: client-server-api#delete_matrixclientv3directoryroomroomalias
func (a *Act) forgetAlias(ctx context.Context, by id.User, alias id.Alias) error {
	was := a.State("m.room.canonical_alias", "")
	if !slices.Contains(namedAliases(was), string(alias)) || a.Membership(by) != "join" || !a.maySet(by, "m.room.canonical_alias") {
		return nil
	}
	var content map[string]json.RawMessage
	if err := json.Unmarshal(was, &content); err != nil {
		return err
	}
	if s, _ := event.Text(content["alias"]); s == string(alias) {
		delete(content, "alias")
	}
	if event.IsArray(content["alt_aliases"]) {
		alt := []json.RawMessage{}
		for raw := range event.Elements(content["alt_aliases"]) {
			if s, _ := event.Text(raw); s != string(alias) {
				alt = append(alt, json.RawMessage(raw))
			}
		}
		if delete(content, "alt_aliases"); len(alt) > 0 {
			raw, err := json.Marshal(alt)
			if err != nil {
				return err
			}
			content["alt_aliases"] = raw
		}
	}
	_, err := a.SetState(ctx, by, "m.room.canonical_alias", "", content)
	return err
}

// Aliases lists the local aliases of a room that the user is in.
func (s *Service) Aliases(ctx context.Context, u id.User, room id.Room) ([]string, error) {
	f, err := s.Feed(ctx, room)
	if err != nil {
		return nil, err
	}
	if f.Membership(u) != "join" && f.Text("m.room.history_visibility", "", "history_visibility") != "world_readable" {
		return nil, errNoRoom
	}
	list, err := db.Collect(ctx, s.db, aliasesOf, db.Scalar[string], f.nid)
	return list, err
}

// checkState refuses state that the authorisation rules allow and that would still be wrong: an alias that leads elsewhere.
// spec: client-server-api#put_matrixclientv3roomsroomidstateeventtypestatekey
func (a *Act) checkState(ctx context.Context, in Incoming) error {
	if *in.StateKey != "" {
		return nil
	}
	switch in.Type {
	case "m.room.server_acl":
		return a.checkACL(in.Content)
	case event.TypePowerLevels:
		return a.checkLevels(in.Content)
	case "m.room.canonical_alias":
	default:
		return nil
	}
	alias, alt := event.Field(in.Content, "alias"), event.Field(in.Content, "alt_aliases")
	if _, ok := event.Text(alias); alias != nil && string(alias) != "null" && !ok || alt != nil && string(alt) != "null" && !event.IsArray(alt) {
		return fault.New(fault.Invalid, "M_BAD_JSON", "The content holds something that is not an alias.")
	}
	before := namedAliases(a.State(in.Type, ""))
	for _, alias := range namedAliases(in.Content) {
		if slices.Contains(before, alias) {
			continue
		}
		parsed, err := id.ParseAlias(alias)
		if err != nil {
			return fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "The content holds something that is not an alias.", err)
		}
		row, err := a.s.alias(ctx, a.tx, parsed)
		if fault.Is(err, fault.NotFound) || err == nil && row.room != a.feed.ID {
			return fault.New(fault.Invalid, "M_BAD_ALIAS", "The alias does not lead to this room.")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkLevels tells a client that a creator stands in no list of levels, which is its mistake and not a lack of power.
// spec: rooms/v12#authorization-rules 10.4
func (a *Act) checkLevels(content []byte) error {
	users := event.Field(content, "users")
	if !a.feed.Version.PrivilegedCreators || !event.IsObject(users) {
		return nil
	}
	for _, u := range (rules{a}).Create().Creators {
		if event.Field(users, string(u)) != nil {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "Who created the room has all power, and is in no list of levels.")
		}
	}
	return nil
}

func namedAliases(content []byte) []string {
	var all []string
	if content == nil {
		return nil
	}
	if s, ok := event.Text(event.Field(content, "alias")); ok && s != "" {
		all = append(all, s)
	}
	if list := event.Field(content, "alt_aliases"); event.IsArray(list) {
		for raw := range event.Elements(list) {
			s, _ := event.Text(raw)
			all = append(all, s)
		}
	}
	return all
}

func (a *Act) publish(ctx context.Context, on bool) error {
	s := dropPublic
	if on {
		s = addPublic
	}
	_, err := a.tx.Exec(ctx, s, a.feed.nid)
	return err
}

// Publish lists a room in the directory or takes it out; whoever may set the canonical alias may.
// spec: client-server-api#put_matrixclientv3directorylistroomroomid
func (s *Service) Publish(ctx context.Context, by id.User, room id.Room, on bool) error {
	return s.Do(ctx, room, func(ctx context.Context, a *Act) error {
		if a.Membership(by) != "join" {
			return errNoRoom
		}
		if !a.maySet(by, "m.room.canonical_alias") {
			return fault.New(fault.Forbidden, "M_FORBIDDEN", "You may not change whether this room is listed.")
		}
		return a.publish(ctx, on)
	})
}

// Published reports whether a room is listed. An unknown room is NotFound.
func (s *Service) Published(ctx context.Context, room id.Room) (bool, error) {
	f, err := s.Feed(ctx, room)
	if err != nil {
		return false, fault.Hide(err, "M_NOT_FOUND", "There is no such room.")
	}
	n, err := db.One(ctx, s.db, isPublic, db.Scalar[int64], f.nid)
	return n > 0, err
}

// PublishedRooms returns all listed rooms.
func (s *Service) PublishedRooms(ctx context.Context) ([]*Feed, error) {
	names, err := db.Collect(ctx, s.db, allPublic, db.Scalar[string])
	if err != nil {
		return nil, err
	}
	rooms := make([]id.Room, len(names))
	for i, n := range names {
		rooms[i] = id.Room(n)
	}
	return s.Feeds(ctx, rooms)
}
