// Package auth decides whether an event is allowed in a room. It is the
// authorisation rules of room versions 6 to 12 as pure functions of an event
// and the part of the room's state that matters.
//
// It promises to follow the specification rule by rule: a refusal names the
// rule. It fails closed: without a create event nothing is allowed. It refuses
// to do what needs more than the state: the signatures that event.Signers asks
// for must have been verified before (rule 5.2), and whether an event in
// auth_events was itself rejected is asked of the caller (rule 3.3).
//
// The same event is checked several times against different states: that of
// its auth_events, that before the event, the current one. State is therefore
// an interface of one method; a State that keeps what it has parsed says so by
// being a Cached, and then a plain message costs well under a microsecond.
//
// Rules are cited by their number in room version 12, also where an older
// version numbers them differently.
//
// Look at Check and AuthTypes first.
//
// spec: server-server-api#authorisation-rules
// spec: rooms/v12#authorisation-rules
package auth
