package room

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room/internal/auth"
)

// StateEvent is a piece of state that a new room starts with.
type StateEvent struct {
	Type     string          `json:"type"`
	StateKey string          `json:"state_key"`
	Content  json.RawMessage `json:"content"`
}

// CreateSpec says what a new room is to be. Only Creator is needed.
// spec: client-server-api#post_matrixclientv3createroom
type CreateSpec struct {
	Creator   id.User
	Version   string
	Preset    string // private_chat, trusted_private_chat or public_chat; "" follows Public
	Public    bool   // listed in the room directory
	Alias     string // local part of an alias
	Name      string
	Topic     string
	Invite    []id.User
	Join      []id.User // local users who are in at once, without asking
	IsDirect  bool
	State     []StateEvent
	Content   json.RawMessage // further members of the create event
	Power     json.RawMessage // overrides members of the power levels
	CreatedAt time.Time       // zero for now; what the first events show as their time
	Client    bool            // a client asked for it
}

// preset is a row of the table of presets.
type preset struct {
	joinRule, history, guest string
	trusted                  bool
}

// spec: client-server-api#post_matrixclientv3createroom
var presets = map[string]preset{
	"private_chat":         {"invite", "shared", "can_join", false},
	"trusted_private_chat": {"invite", "shared", "can_join", true},
	"public_chat":          {"public", "shared", "forbidden", false},
}

// maxInvites bounds the invitations of one act.
const maxInvites = 1000

// Create makes a room as one act and returns its id.
func (s *Service) Create(ctx context.Context, spec CreateSpec) (id.Room, error) {
	var room id.Room
	err := s.db.Write(ctx, "room.create", func(ctx context.Context, tx *db.Tx) error {
		a, err := s.CreateIn(ctx, tx, spec)
		if err == nil {
			room = a.feed.ID
		}
		return err
	})
	if refused := new(auth.Refusal); errors.As(err, &refused) {
		// It is the request that contradicts itself: nobody else has a say in a room that does not exist yet.
		return "", fault.Wrap(fault.Invalid, "M_INVALID_ROOM_STATE", "A room cannot begin like that: "+refused.Error()+".", err)
	}
	return room, err
}

// CreateIn makes a room inside an open transaction and returns an act on it.
func (s *Service) CreateIn(ctx context.Context, tx *db.Tx, spec CreateSpec) (*Act, error) {
	v, err := version(spec.Version)
	if err != nil {
		return nil, err
	}
	if len(spec.Invite) > maxInvites {
		return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "That is more people than can be invited at once.")
	}
	if spec.Preset == "" {
		if spec.Preset = "private_chat"; spec.Public {
			spec.Preset = "public_chat"
		}
	}
	p, ok := presets[spec.Preset]
	if !ok {
		return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "There is no such preset.")
	}
	a, err := s.begin(ctx, tx, v, spec, p)
	if err != nil {
		return nil, err
	}
	if err := a.furnish(ctx, spec, p); err != nil {
		return nil, err
	}
	for _, u := range spec.Invite {
		if u == spec.Creator {
			continue
		}
		if _, err := a.change(ctx, Change{Sender: spec.Creator, Target: u, Verb: "invite", IsDirect: spec.IsDirect}, spec.Client); err != nil {
			return nil, err
		}
	}
	for _, u := range spec.Join {
		if err := a.Join(ctx, spec.Creator, u); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// begin writes the create event, which in version 12 gives the room its name, and the creator's join.
func (s *Service) begin(ctx context.Context, tx *db.Tx, v *event.Version, spec CreateSpec, p preset) (*Act, error) {
	content, err := s.createContent(v, spec, p)
	if err != nil {
		return nil, err
	}
	nid, err := s.nextRoom(ctx, tx)
	if err != nil {
		return nil, err
	}
	name := id.Room("")
	if !v.HashedRoomID {
		name = id.NewRoom(s.server)
	}
	now := spec.CreatedAt
	if now.IsZero() {
		now = time.Now()
	}
	a := &Act{s: s, tx: tx, feed: newFeed(name, nid, v), now: now}
	empty := ""
	first := message{sender: spec.Creator, typ: event.TypeCreate, stateKey: &empty, content: content, at: now, client: spec.Client}
	if first.at, err = a.ownTime(ctx, first); err != nil {
		return nil, err
	}
	ev, err := a.append(ctx, first)
	if err != nil {
		return nil, err
	}
	room := ev.RoomID
	a.feed.ID = room
	if _, err := tx.Exec(ctx, insertRoom, nid, string(room), v.ID, millis(now)); err != nil {
		return nil, err
	}
	if s.OnLoad != nil {
		if a.feed.Attached, err = s.OnLoad(ctx, tx, a.feed); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	s.feeds[room] = a.feed
	s.mu.Unlock()
	tx.OnUndo(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.feeds, room)
	})
	_, err = a.change(ctx, Change{Sender: spec.Creator, Verb: "join"}, spec.Client)
	return a, err
}

// ownTime returns the time at which a create event gives its room a name of its own. Since version 12 the name is the event's hash,
// so two rooms that one person makes alike within a millisecond would be one; the second is dated a millisecond later.
func (a *Act) ownTime(ctx context.Context, m message) (time.Time, error) {
	if !a.feed.Version.HashedRoomID {
		return m.at, nil
	}
	for {
		pdu, err := a.build(m)
		if err != nil {
			return m.at, err
		}
		_, err = db.One(ctx, a.tx, readRoom, func(r db.Row) (row roomRow, err error) { return row, r.Scan(&row.nid, &row.version) }, string(pdu.RoomID))
		if fault.Is(err, fault.NotFound) {
			return m.at, nil
		}
		if err != nil {
			return m.at, err
		}
		m.at = m.at.Add(time.Millisecond)
	}
}

func (s *Service) createContent(v *event.Version, spec CreateSpec, p preset) (json.RawMessage, error) {
	content := map[string]any{}
	if spec.Content != nil {
		if err := json.Unmarshal(spec.Content, &content); err != nil {
			return nil, fault.Wrap(fault.Invalid, "M_BAD_JSON", "creation_content is not an object.", err)
		}
		if content == nil { // it was null
			content = map[string]any{}
		}
	}
	content["room_version"] = v.ID
	if delete(content, "creator"); v.CreatorInContent {
		content["creator"] = string(spec.Creator)
	}
	if v.PrivilegedCreators {
		more, err := s.moreCreators(content["additional_creators"], spec, p)
		if err != nil {
			return nil, err
		}
		if delete(content, "additional_creators"); len(more) > 0 {
			content["additional_creators"] = more
		}
	}
	return json.Marshal(content)
}

// moreCreators are those who have power for ever beside the sender: whom the client named, whom the preset trusts, and the steward.
// spec: rooms/v12#room-creator-power
func (s *Service) moreCreators(given any, spec CreateSpec, p preset) ([]string, error) {
	var more []string
	list, ok := given.([]any)
	if given != nil && !ok {
		return nil, fault.New(fault.Invalid, "M_BAD_JSON", "additional_creators is not a list.")
	}
	for _, g := range list {
		u, ok := g.(string)
		if !ok {
			return nil, fault.New(fault.Invalid, "M_BAD_JSON", "additional_creators holds something that is not a user id.")
		}
		if _, err := id.ParseUser(u); err != nil {
			return nil, fault.Wrap(fault.Invalid, "M_BAD_JSON", "additional_creators holds something that is not a user id.", err)
		}
		more = append(more, u)
	}
	if p.trusted {
		for _, u := range spec.Invite {
			more = append(more, string(u))
		}
	}
	if s.Steward != "" && s.Steward != spec.Creator {
		more = append(more, string(s.Steward))
	}
	more = slices.DeleteFunc(more, func(u string) bool { return u == string(spec.Creator) })
	slices.Sort(more)
	return slices.Compact(more), nil
}

// furnish writes the state that follows the creator's join, in the order the specification gives.
func (a *Act) furnish(ctx context.Context, spec CreateSpec, p preset) error {
	type piece struct {
		typ, key string
		content  any
	}
	power, err := a.firstPower(spec, p)
	if err != nil {
		return err
	}
	pieces := []piece{{event.TypePowerLevels, "", power}}
	if spec.Alias != "" {
		alias, err := a.s.newAlias(ctx, a, spec.Creator, spec.Alias)
		if err != nil {
			return err
		}
		pieces = append(pieces, piece{"m.room.canonical_alias", "", map[string]any{"alias": string(alias)}})
	}
	given := func(typ string) bool {
		return slices.ContainsFunc(spec.State, func(e StateEvent) bool { return e.Type == typ && e.StateKey == "" })
	}
	for _, q := range []piece{{event.TypeJoinRules, "", map[string]any{"join_rule": p.joinRule}},
		{"m.room.history_visibility", "", map[string]any{"history_visibility": p.history}},
		{"m.room.guest_access", "", map[string]any{"guest_access": p.guest}}} {
		if !given(q.typ) {
			pieces = append(pieces, q)
		}
	}
	for _, e := range spec.State {
		switch e.Type {
		case "":
			return fault.New(fault.Invalid, "M_BAD_JSON", "A piece of initial_state has no type.")
		case event.TypeCreate, event.TypeMember:
			return fault.New(fault.Invalid, "M_INVALID_ROOM_STATE", "initial_state cannot say who is in the room, nor create it.")
		}
		if compact, err := event.Compact(nil, e.Content); err == nil && spec.Client {
			if err := a.checkState(ctx, Incoming{Type: e.Type, StateKey: &e.StateKey, Content: compact}); err != nil {
				return err
			}
		}
		pieces = append(pieces, piece{e.Type, e.StateKey, e.Content})
	}
	if spec.Name != "" {
		pieces = append(pieces, piece{"m.room.name", "", map[string]any{"name": spec.Name}})
	}
	if spec.Topic != "" {
		pieces = append(pieces, piece{"m.room.topic", "", map[string]any{"topic": spec.Topic,
			"m.topic": map[string]any{"m.text": []any{map[string]any{"body": spec.Topic}}}}})
	}
	for _, q := range pieces {
		raw, err := object(q.content)
		if err != nil {
			return err
		}
		if len(raw) == 0 || raw[0] != '{' {
			return fault.New(fault.Invalid, "M_BAD_JSON", "The content of a piece of initial_state is not an object.")
		}
		m := message{sender: spec.Creator, typ: q.typ, stateKey: &q.key, content: raw, at: a.now, client: spec.Client}
		if _, err := a.append(ctx, m); err != nil {
			return err
		}
	}
	if spec.Public {
		return a.publish(ctx, true)
	}
	return nil
}

// firstPower is the power that a new room gives: creators of version 12 have theirs for ever and are not listed.
// spec: client-server-api#mroompower_levels
func (a *Act) firstPower(spec CreateSpec, p preset) (map[string]any, error) {
	users := map[string]any{}
	tombstone := 100
	if a.feed.Version.PrivilegedCreators {
		tombstone = 150
	} else {
		users[string(spec.Creator)] = 100
		if a.s.Steward != "" {
			users[string(a.s.Steward)] = 100
		}
		if p.trusted {
			for _, u := range spec.Invite {
				users[string(u)] = 100
			}
		}
	}
	power := map[string]any{
		"ban": 50, "kick": 50, "redact": 50, "invite": 0, "events_default": 0, "state_default": 50, "users_default": 0,
		"events": map[string]any{"m.room.name": 50, "m.room.avatar": 50, "m.room.canonical_alias": 50, "m.room.topic": 50,
			event.TypePowerLevels: 100, "m.room.history_visibility": 100, "m.room.encryption": 100, "m.room.server_acl": 100, typeTombstone: tombstone},
		"users": users, "notifications": map[string]any{"room": 50},
	}
	if spec.Power != nil {
		over := map[string]any{}
		if err := json.Unmarshal(spec.Power, &over); err != nil {
			return nil, fault.Wrap(fault.Invalid, "M_BAD_JSON", "power_level_content_override is not an object.", err)
		}
		for k, v := range over {
			power[k] = v
		}
	}
	// In version 12 the level that ends a room is above the one that furnishes it, whatever was overridden.
	if events, ok := power["events"].(map[string]any); ok && a.feed.Version.PrivilegedCreators {
		if _, given := events[typeTombstone]; !given {
			events[typeTombstone] = tombstone
		}
	}
	return power, nil
}
