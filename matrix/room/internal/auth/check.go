package auth

import (
	"errors"
	"strings"

	"wardline/matrix/event"
	"wardline/matrix/id"
)

// ErrRefused is wrapped by every Refusal.
var ErrRefused = errors.New("not allowed in this room")

// Refusal says which rule an event broke. It names no user and quotes no
// content, so it may be shown and logged.
type Refusal struct {
	// Rule is the number of the authorisation rule in room version 12, or ""
	// for a refusal that is not one of those rules.
	Rule string
	// Reason is a clause about the event.
	Reason string
}

// Error implements error.
func (r *Refusal) Error() string {
	if r.Rule == "" {
		return r.Reason
	}
	return "rule " + r.Rule + ": " + r.Reason
}

// Unwrap makes every refusal an ErrRefused.
func (r *Refusal) Unwrap() error { return ErrRefused }

func refuse(rule, reason string) error { return &Refusal{Rule: rule, Reason: reason} }

// Check returns nil if the event is allowed given the state, else a *Refusal.
// The state must hold the create event, in room version 12 too, where events
// do not list it. Signatures are not checked here: see event.Signers.
//
// spec: rooms/v12#authorisation-rules
func Check(v *event.Version, ev *event.Event, st State) error {
	if ev.Type == event.TypeCreate {
		return checkCreate(v, ev)
	}
	create := createOf(v, st)
	// spec: rooms/v12#authorisation-rules 2
	// spec: rooms/v11#authorisation-rules 2.4
	if create == nil || create.Room != ev.RoomID {
		return refuse("2", "the room has no such create event")
	}
	// spec: rooms/v12#authorisation-rules 4
	if !create.Federate && ev.Sender.Server() != create.Sender.Server() {
		return refuse("4", "the room is closed to other servers")
	}
	if ev.Type == event.TypeMember {
		return checkMember(v, ev, st, create)
	}
	// spec: rooms/v12#authorisation-rules 6
	if !joined(st, ev.Sender) {
		return refuse("6", "the sender is not in the room")
	}
	o := officeWith(v, st, create)
	power := o.power(ev.Sender)
	// spec: rooms/v12#authorisation-rules 7.1
	if ev.Type == event.TypeThirdPartyInvite {
		if power < o.levels.Invite {
			return refuse("7.1", "the sender has too little power to invite")
		}
		return nil
	}
	// spec: rooms/v12#authorisation-rules 8
	if power < o.levels.ToSend(ev.Type, ev.IsState()) {
		return refuse("8", "the sender has too little power for this type")
	}
	// spec: rooms/v12#authorisation-rules 9
	if ev.IsState() && strings.HasPrefix(*ev.StateKey, "@") && *ev.StateKey != string(ev.Sender) {
		return refuse("9", "the state belongs to another user")
	}
	if ev.Type == event.TypePowerLevels {
		return o.checkLevels(ev, power)
	}
	return nil
}

func checkCreate(v *event.Version, ev *event.Event) error {
	// spec: rooms/v12#authorisation-rules 1.1
	if len(ev.PrevEvents) > 0 {
		return refuse("1.1", "a create event comes first")
	}
	if v.HashedRoomID {
		// spec: rooms/v12#authorisation-rules 1.2
		if ev.RoomID != ev.ID.Room() {
			return refuse("1.2", "a create event names no room")
		}
	} else if ev.RoomID.Domain() != ev.Sender.Server() {
		// spec: rooms/v11#authorisation-rules 1.2
		return refuse("1.2", "the room is named after another server")
	}
	// spec: rooms/v12#authorisation-rules 1.3
	if raw := event.Field(ev.Content, "room_version"); raw != nil {
		if name, ok := event.Text(raw); !ok || name != v.ID {
			return refuse("1.3", "the room version is another one")
		}
	}
	// spec: rooms/v12#authorisation-rules 1.4
	if raw := event.Field(ev.Content, "additional_creators"); v.PrivilegedCreators && raw != nil {
		if !event.IsArray(raw) {
			return refuse("1.4", "additional_creators is not an array of user ids")
		}
		for one := range event.Elements(raw) {
			name, _ := event.Text(one)
			if _, err := id.ParseUser(name); err != nil {
				return refuse("1.4", "additional_creators is not an array of user ids")
			}
		}
	}
	// spec: rooms/v10#authorisation-rules 1.4
	if v.CreatorInContent && event.Field(ev.Content, "creator") == nil {
		return refuse("1.4", "the content names no creator")
	}
	return nil
}

// CheckAuthEvents checks what an event lists in auth_events: those events,
// found by the caller, and whether one was rejected when it came; rejected may
// be nil if the caller is certain. It does not replace Check against the state
// that they make: for that, use Events, with the create event added in room
// version 12.
//
// spec: rooms/v12#authorisation-rules 3
func CheckAuthEvents(v *event.Version, ev *event.Event, listed []*event.Event, rejected func(id.Event) bool) error {
	wanted := selection(v, ev.Type, ev.Sender, ev.StateKey, ev.Content)
	seen := make([]Key, 0, len(listed))
	for _, a := range listed {
		if !a.IsState() {
			return refuse("3.2", "an auth event is not state")
		}
		k := Key{a.Type, *a.StateKey}
		switch {
		// spec: rooms/v12#authorisation-rules 3.1
		case contains(seen, k):
			return refuse("3.1", "two auth events have the same type and state key")
		// spec: rooms/v12#authorisation-rules 3.2
		case !contains(wanted, k):
			return refuse("3.2", "an auth event is of no use to this event")
		// spec: rooms/v12#authorisation-rules 3.3
		case rejected != nil && rejected(a.ID):
			return refuse("3.3", "an auth event was rejected")
		// spec: rooms/v12#authorisation-rules 3.5
		case a.RoomID != ev.RoomID:
			return refuse("3.5", "an auth event is of another room")
		}
		seen = append(seen, k)
	}
	// spec: rooms/v11#authorisation-rules 2.4
	if !v.HashedRoomID && ev.Type != event.TypeCreate && !contains(seen, Key{event.TypeCreate, ""}) {
		return refuse("2", "the create event is not among the auth events")
	}
	return nil
}

func contains(keys []Key, k Key) bool {
	for _, have := range keys {
		if have == k {
			return true
		}
	}
	return false
}
