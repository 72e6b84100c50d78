package room

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room/internal/auth"
)

var moveAliases = db.SQL("room.move_aliases", `UPDATE room_alias SET room = $2 WHERE room = $1`)

// Upgrade replaces a room by one of another version, as one act: the state that may move moves, the aliases lead to the new room,
// and the old one says where people have gone and takes no more. more are creators beside the one who upgrades, where the version
// knows such.
// spec: client-server-api#room-upgrades
func (s *Service) Upgrade(ctx context.Context, by id.User, room id.Room, newVersion string, more []id.User) (id.Room, error) {
	v, err := version(newVersion)
	if err != nil {
		return "", err
	}
	var made id.Room
	err = s.db.Write(ctx, "room.upgrade", func(ctx context.Context, tx *db.Tx) error {
		old, err := s.In(ctx, tx, room)
		if err != nil {
			return err
		}
		if old.Membership(by) != "join" {
			return errNoRoom
		}
		if !old.maySet(by, typeTombstone) {
			return fault.New(fault.Forbidden, "M_FORBIDDEN", "You may not upgrade this room.")
		}
		made, err = old.replace(ctx, by, v, more)
		return err
	})
	return made, err
}

const typeTombstone = "m.room.tombstone"

// movable is the state that goes along to the new room. What depends on who sent it stays behind.
// spec: client-server-api#room-upgrades
var movable = []string{"m.room.server_acl", "m.room.encryption", "m.room.name", "m.room.avatar", "m.room.topic", "m.room.guest_access",
	"m.room.history_visibility", event.TypeJoinRules}

// maxBans bounds the bans that are repeated in the new room, in one act.
const maxBans = 1000

func (a *Act) replace(ctx context.Context, by id.User, v *event.Version, more []id.User) (id.Room, error) {
	power, final, err := a.movedPower(by, v, more)
	if err != nil {
		return "", err
	}
	content, err := a.successor(v, more)
	if err != nil {
		return "", err
	}
	spec := CreateSpec{Creator: by, Version: v.ID, Preset: "private_chat", Content: content, Power: power, Client: true}
	for _, typ := range movable {
		raw := a.State(typ, "")
		if typ == event.TypeJoinRules {
			raw = knownRule(v, raw)
		}
		if raw != nil && string(raw) != "{}" {
			spec.State = append(spec.State, StateEvent{Type: typ, Content: raw})
		}
	}
	next, err := a.s.CreateIn(ctx, a.tx, spec)
	if err != nil {
		return "", err
	}
	for i, ev := range a.feed.Members(func(m string) bool { return m == "ban" }) {
		if i == maxBans {
			break
		}
		if _, err := next.change(ctx, Change{Sender: by, Target: id.User(*ev.StateKey), Verb: "ban"}, true); err != nil {
			return "", err
		}
	}
	if err := a.moveNames(ctx, by, next); err != nil {
		return "", err
	}
	if final != nil {
		if _, err := next.SetState(ctx, by, event.TypePowerLevels, "", final); err != nil {
			return "", err
		}
	}
	if err := a.close(ctx, by, next.feed.ID); err != nil {
		return "", err
	}
	return next.feed.ID, a.s.carryOver(ctx, a.tx, by, a.feed.ID, next.feed.ID)
}

// knownRule is a join rule as a version knows it: what it does not know becomes the next that lets fewer people in.
func knownRule(v *event.Version, raw json.RawMessage) json.RawMessage {
	rule, _ := event.Text(event.Field(raw, "join_rule"))
	switch {
	case rule == "knock_restricted" && !v.KnockRestricted && v.Restricted:
		content := map[string]json.RawMessage{}
		if json.Unmarshal(raw, &content) != nil {
			return nil
		}
		content["join_rule"] = json.RawMessage(`"restricted"`)
		out, err := json.Marshal(content)
		if err != nil {
			return nil
		}
		return out
	case (rule == "restricted" || rule == "knock_restricted") && !v.Restricted, rule == "knock" && !v.Knock:
		return json.RawMessage(`{"join_rule":"invite"}`)
	}
	return raw
}

// successor is the content of the new room's create event.
func (a *Act) successor(v *event.Version, more []id.User) (json.RawMessage, error) {
	before := map[string]any{"room_id": a.feed.ID}
	if !v.HashedRoomID {
		before["event_id"] = a.feed.ahead.last
	}
	content := map[string]any{"predecessor": before}
	was := a.State(event.TypeCreate, "")
	if typ, ok := event.Text(event.Field(was, "type")); ok {
		content["type"] = typ
	}
	if string(event.Field(was, "m.federate")) == "false" {
		content["m.federate"] = false // a room that was closed to other servers stays closed
	}
	if v.PrivilegedCreators && len(more) > 0 {
		content["additional_creators"] = more
	}
	return json.Marshal(content)
}

// movedPower returns the old room's power in the form of the new version: what the new room starts with, in which whoever upgrades
// can set everything that moves, and what it is set to in the end, nil for the same.
func (a *Act) movedPower(by id.User, v *event.Version, more []id.User) (first, final json.RawMessage, err error) {
	content := map[string]any{}
	raw := a.State(event.TypePowerLevels, "")
	if raw == nil {
		raw = json.RawMessage("{}")
	}
	if err := json.Unmarshal(raw, &content); err != nil {
		return nil, nil, fmt.Errorf("power levels of %s: %w", a.feed.ID, err)
	}
	integers(content)
	users, _ := content["users"].(map[string]any)
	if users == nil {
		users = map[string]any{}
		content["users"] = users
	}
	if v.PrivilegedCreators {
		// Creators have theirs for ever and may not be listed; the steward becomes one (moreCreators).
		for _, u := range append([]id.User{by, a.s.Steward}, more...) {
			delete(users, string(u))
		}
		events, _ := content["events"].(map[string]any)
		if events == nil {
			events = map[string]any{}
			content["events"] = events
		}
		// spec: client-server-api#post_matrixclientv3createroom
		if state := intOr(content["state_default"], 50); intOr(events[typeTombstone], 0) <= state {
			events[typeTombstone] = max(150, state+1)
		}
		first, err = json.Marshal(content)
		return first, nil, err
	}
	need := max(100, intOr(content["state_default"], 50), intOr(content["ban"], 50))
	if events, ok := content["events"].(map[string]any); ok {
		for _, level := range events {
			need = max(need, intOr(level, 0))
		}
	}
	if a.feed.Version.PrivilegedCreators {
		for _, u := range (rules{a}).Create().Creators {
			users[string(u)] = need // their office ends with the version that knows it
		}
	}
	if final, err = json.Marshal(content); err != nil {
		return nil, nil, err
	}
	if intOr(users[string(by)], intOr(content["users_default"], 0)) >= need {
		return final, nil, nil
	}
	users[string(by)] = need
	first, err = json.Marshal(content)
	return first, final, err
}

// integers turns levels that older rooms wrote as text into numbers, and drops what is neither.
// spec: rooms/v10#values-in-mroompower_levels-events-must-be-integers
func integers(m map[string]any) {
	for k, v := range m {
		switch v := v.(type) {
		case map[string]any:
			integers(v)
		case string:
			if n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64); err == nil && n >= -event.MaxInt && n <= event.MaxInt {
				m[k] = n
			} else {
				delete(m, k)
			}
		case float64:
			m[k] = int64(math.Trunc(v))
		default:
			delete(m, k)
		}
	}
}

func intOr(v any, def int64) int64 {
	if n, ok := v.(int64); ok {
		return n
	}
	return def
}

// moveNames lets the local aliases, the canonical one and the place in the directory go along.
func (a *Act) moveNames(ctx context.Context, by id.User, next *Act) error {
	if _, err := a.tx.Exec(ctx, moveAliases, a.feed.nid, next.feed.nid); err != nil {
		return err
	}
	if raw := a.State("m.room.canonical_alias", ""); len(namedAliases(raw)) > 0 {
		if _, err := next.SetState(ctx, by, "m.room.canonical_alias", "", raw); err != nil {
			return err
		}
		if err := a.try(ctx, by, "m.room.canonical_alias", map[string]any{}); err != nil {
			return err
		}
	}
	n, err := db.One(ctx, a.tx, isPublic, db.Scalar[int64], a.feed.nid)
	if err != nil || n == 0 {
		return err
	}
	if err := a.publish(ctx, false); err != nil {
		return err
	}
	return next.publish(ctx, true)
}

// close says in the old room where people have gone and, where the power is there, lets nobody speak or invite any more.
func (a *Act) close(ctx context.Context, by id.User, next id.Room) error {
	if _, err := a.SetState(ctx, by, typeTombstone, "", map[string]any{"body": "This room has been replaced.", "replacement_room": next}); err != nil {
		return err
	}
	content := map[string]any{}
	if raw := a.State(event.TypePowerLevels, ""); raw != nil {
		if err := json.Unmarshal(raw, &content); err != nil {
			return fmt.Errorf("power levels of %s: %w", a.feed.ID, err)
		}
	}
	integers(content)
	level := max(50, intOr(content["users_default"], 0)+1)
	for _, name := range []string{"events_default", "invite"} {
		content[name] = max(level, intOr(content[name], 0))
	}
	return a.try(ctx, by, event.TypePowerLevels, content)
}

// try sets a piece of state and takes a refusal by the room's rules for an answer.
func (a *Act) try(ctx context.Context, by id.User, typ string, content map[string]any) error {
	if _, err := a.SetState(ctx, by, typ, "", content); err != nil && !errors.Is(err, auth.ErrRefused) {
		return err
	}
	return nil
}

// carryOver gives a user who comes from a room into its successor what the user had set for the old one: its tags, and its place
// among the direct chats.
// spec: client-server-api#room-upgrades
func (s *Service) carryOver(ctx context.Context, tx *db.Tx, u id.User, from, to id.Room) error {
	if !s.accounts.Local(u) {
		return nil
	}
	if _, err := s.accounts.Data(ctx, tx, u, to, "m.tag"); fault.Is(err, fault.NotFound) {
		d, err := s.accounts.Data(ctx, tx, u, from, "m.tag")
		if err == nil {
			err = s.accounts.SetDataIn(ctx, tx, u, to, "m.tag", d.Content)
		}
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	} else if err != nil {
		return err
	}
	d, err := s.accounts.Data(ctx, tx, u, "", "m.direct")
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	chats := map[id.User][]id.Room{}
	if json.Unmarshal(d.Content, &chats) != nil {
		return nil // some client wrote nonsense there
	}
	for other, rooms := range chats {
		if slices.Contains(rooms, from) && !slices.Contains(rooms, to) {
			if err := s.accounts.MarkDirect(ctx, tx, u, other, to); err != nil {
				return err
			}
		}
	}
	return nil
}

// follow carries a user's settings over when the room that the user has just joined is the successor of one the user knows.
func (a *Act) follow(ctx context.Context, u id.User) error {
	before := event.Field(a.State(event.TypeCreate, ""), "predecessor")
	name, ok := event.Text(event.Field(before, "room_id"))
	if !ok {
		return nil
	}
	old, err := a.s.In(ctx, a.tx, id.Room(name))
	if fault.Is(err, fault.Hidden) {
		return nil
	}
	if err != nil {
		return err
	}
	// Anybody can claim to succeed any room; only one that the old room itself names counts.
	if next, _ := event.Text(event.Field(old.State(typeTombstone, ""), "replacement_room")); next != string(a.feed.ID) || cmp.Or(old.Membership(u), "leave") == "leave" {
		return nil
	}
	return a.s.carryOver(ctx, a.tx, u, old.feed.ID, a.feed.ID)
}
