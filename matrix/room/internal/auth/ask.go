package auth

import (
	"wardline/matrix/event"
	"wardline/matrix/id"
)

// Power returns the power level of a user, Infinite for a creator since room
// version 12.
//
// spec: client-server-api#mroompower_levels
func Power(v *event.Version, st State, u id.User) int64 {
	o := officeOf(v, st)
	return o.power(u)
}

// EventPower returns the level that is needed to send events of a type, as
// state or not.
//
// spec: server-server-api#definitions
func EventPower(v *event.Version, st State, typ string, state bool) int64 {
	o := officeOf(v, st)
	return o.levels.ToSend(typ, state)
}

// NotifyPower returns the level that is needed for a kind of notification.
func NotifyPower(v *event.Version, st State, kind string) int64 {
	o := officeOf(v, st)
	return o.levels.ToNotify(kind)
}

// CanSend returns nil if the user is in the room and may send events of that
// type. Some types have rules of their own: only Check knows them all.
func CanSend(v *event.Version, st State, u id.User, typ string, state bool) error {
	if !joined(st, u) {
		return refuse("6", "the sender is not in the room")
	}
	o := officeOf(v, st)
	if o.power(u) < o.levels.ToSend(typ, state) {
		return refuse("8", "the sender has too little power for this type")
	}
	return nil
}

// CanInvite returns nil if the user is in the room and may invite others.
func CanInvite(v *event.Version, st State, u id.User) error {
	if !joined(st, u) {
		return refuse("5.4.2", "the sender is not in the room")
	}
	o := officeOf(v, st)
	if o.power(u) < o.levels.Invite {
		return refuse("5.4.5", "the sender has too little power to invite")
	}
	return nil
}

// CanKick returns nil if the user is in the room and may remove the target,
// which includes lifting a ban and taking back an invitation.
func CanKick(v *event.Version, st State, u, target id.User) error {
	if !joined(st, u) {
		return refuse("5.5.2", "the sender is not in the room")
	}
	o := officeOf(v, st)
	return o.kick(st, u, target)
}

func (o *office) kick(st State, u, target id.User) error {
	power := o.power(u)
	if membership(st, target) == "ban" && power < o.levels.Ban {
		return refuse("5.5.3", "the sender has too little power to lift a ban")
	}
	if power < o.levels.Kick || o.power(target) >= power {
		return refuse("5.5.5", "the sender has too little power to remove this user")
	}
	return nil
}

// CanBan returns nil if the user is in the room and may ban the target.
func CanBan(v *event.Version, st State, u, target id.User) error {
	if !joined(st, u) {
		return refuse("5.6.1", "the sender is not in the room")
	}
	o := officeOf(v, st)
	return o.ban(u, target)
}

func (o *office) ban(u, target id.User) error {
	power := o.power(u)
	if power < o.levels.Ban || o.power(target) >= power {
		return refuse("5.6.3", "the sender has too little power to ban this user")
	}
	return nil
}

// CanRedact returns nil if the user may, as a client of ours, redact the target
// event: an own event with the power to send redactions, another's with the
// redact level too.
//
// spec: client-server-api#mroompower_levels
func CanRedact(v *event.Version, st State, u id.User, target *event.Event) error {
	if err := CanSend(v, st, u, event.TypeRedaction, false); err != nil {
		return err
	}
	if target.Sender == u {
		return nil
	}
	o := officeOf(v, st)
	if o.power(u) < o.levels.Redact {
		return refuse("", "the sender has too little power to redact events of others")
	}
	return nil
}

// Applies returns nil if a redaction that is allowed as an event takes effect
// on its target, given the state at the redaction. Otherwise the target stays
// as it is, and clients are not shown the redaction.
//
// spec: rooms/v12#handling-redactions
func Applies(v *event.Version, st State, redaction, target *event.Event) error {
	if redaction.RoomID != target.RoomID || redaction.Redacts != target.ID {
		return refuse("", "the redaction is not of this event")
	}
	if redaction.Sender.Server() == target.Sender.Server() {
		return nil
	}
	o := officeOf(v, st)
	if o.power(redaction.Sender) < o.levels.Redact {
		return refuse("", "the sender has too little power to redact events of others")
	}
	return nil
}
