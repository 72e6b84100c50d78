package room

import (
	"context"

	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room/internal/auth"
)

// rules is the state of an act's room as the authorisation rules ask for it. What they ask at every event is kept parsed until
// the event it came from changes.
type rules struct{ a *Act }

// Get implements auth.State.
func (r rules) Get(typ, key string) *event.Event {
	if ev := r.a.Current(typ, key); ev != nil {
		return ev.Event
	}
	return nil
}

// Create implements auth.Cached.
func (r rules) Create() *auth.Create {
	ahead := &r.a.feed.ahead
	if ahead.create == nil {
		if ev := r.Get(event.TypeCreate, ""); ev != nil {
			ahead.create = auth.ParseCreate(r.a.feed.Version, ev)
		}
	}
	return ahead.create
}

// PowerLevels implements auth.Cached.
func (r rules) PowerLevels() *auth.PowerLevels {
	ahead := &r.a.feed.ahead
	if ahead.power == nil {
		if ev := r.Get(event.TypePowerLevels, ""); ev != nil {
			ahead.power, _ = auth.ParsePowerLevels(r.a.feed.Version, ev.Content)
		}
	}
	return ahead.power
}

// authEvents picks the state that allows an event to be sent.
// spec: server-server-api#auth-events-selection
func (a *Act) authEvents(m message) []id.Event {
	draft := event.Draft{Room: a.feed.ID, Sender: m.sender, Type: m.typ, StateKey: m.stateKey, Content: m.content}
	list := make([]id.Event, 0, 4)
	for _, k := range auth.AuthTypes(a.feed.Version, &draft) {
		if ev := a.Current(k.Type, k.StateKey); ev != nil {
			list = append(list, ev.ID)
		}
	}
	return list
}

// authorise refuses an event that the room's rules do not allow. To somebody who is not in the room, the room does not exist.
func (a *Act) authorise(pdu *event.Event) error {
	err := auth.Check(a.feed.Version, pdu, rules{a})
	if err == nil {
		return nil
	}
	switch a.Membership(pdu.Sender) {
	case "join":
	case "":
		return errNoRoom
	default: // invited, banned or gone: they know the room, and may hear why they cannot come in
		if pdu.Type != event.TypeMember {
			return errNoRoom
		}
	}
	return fault.Wrap(fault.Forbidden, "M_FORBIDDEN", "You may not do that in this room: "+err.Error()+".", err)
}

// mayRedact refuses a redaction that the sender has no power for.
func (a *Act) mayRedact(sender id.User, victim *Event) error {
	if err := auth.CanRedact(a.feed.Version, rules{a}, sender, victim.Event); err != nil {
		return fault.Wrap(fault.Forbidden, "M_FORBIDDEN", "You may not remove that message.", err)
	}
	return nil
}

// maySet reports whether a user has the power to set a kind of state.
func (a *Act) maySet(u id.User, typ string) bool {
	return auth.CanSend(a.feed.Version, rules{a}, u, typ, true) == nil
}

// authoriser finds the member in whose name a restricted room lets a user in, "" when none is needed or there is none.
// spec: client-server-api#restricted-rooms
func (a *Act) authoriser(ctx context.Context, u id.User) (id.User, error) {
	rule := a.State(event.TypeJoinRules, "")
	kind, _ := event.Text(event.Field(rule, "join_rule"))
	if kind != "restricted" && kind != "knock_restricted" || !a.feed.Version.Restricted {
		return "", nil
	}
	if m := a.Membership(u); m == "invite" || m == "join" {
		return "", nil
	}
	if may, err := a.allowed(ctx, rule, u); err != nil || !may {
		return "", err
	}
	for _, ev := range a.feed.Members(func(m string) bool { return m == "join" }) {
		if by := id.User(*ev.StateKey); a.s.accounts.Local(by) && auth.CanInvite(a.feed.Version, rules{a}, by) == nil {
			return by, nil
		}
	}
	return "", nil
}

// allowed says whether the user is in one of the rooms whose members a restricted room takes.
func (a *Act) allowed(ctx context.Context, rule []byte, u id.User) (bool, error) {
	for raw := range event.Elements(event.Field(rule, "allow")) {
		if !event.TextIs(event.Field(raw, "type"), "m.room_membership") {
			continue
		}
		name, _ := event.Text(event.Field(raw, "room_id"))
		other, err := a.s.In(ctx, a.tx, id.Room(name))
		if fault.Is(err, fault.Hidden) {
			continue // a room that this server does not know lets nobody in
		}
		if err != nil {
			return false, err
		}
		if other.Membership(u) == "join" {
			return true, nil
		}
	}
	return false, nil
}
