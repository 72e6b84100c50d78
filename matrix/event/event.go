package event

import (
	"encoding/json"
	"log/slog"

	"wardline/matrix/id"
)

const (
	// MaxSize is the most bytes of an event in canonical JSON, signatures
	// included.
	// spec: client-server-api#size-limits
	MaxSize = 65536
	// MaxPrev and MaxAuth bound the lists of an event.
	// spec: rooms/v12#event-format
	MaxPrev = 20
	// MaxAuth bounds auth_events.
	MaxAuth = 10
	// signatureRoom is what Build keeps free, enough for the longest server
	// and key names.
	signatureRoom = 512
)

// The event types that the protocol itself gives a meaning to.
const (
	TypeCreate           = "m.room.create"
	TypeMember           = "m.room.member"
	TypeJoinRules        = "m.room.join_rules"
	TypePowerLevels      = "m.room.power_levels"
	TypeThirdPartyInvite = "m.room.third_party_invite"
	TypeRedaction        = "m.room.redaction"
)

// Event is a persistent data unit: one thing that happened in a room, as
// servers store and exchange it. It is made by Build, Parse and Load, and
// nobody changes it afterwards, so it may be shared. Its byte fields are views
// into JSON.
type Event struct {
	// Version is the version of the room, which decides how to read the rest.
	Version *Version
	// ID is the name of the event, computed from its content.
	ID id.Event
	// RoomID is the room. The create event of a version 12 room does not say
	// it; here it is filled in.
	RoomID id.Room
	// Sender is who caused the event.
	Sender id.User
	// Type says what Content means.
	Type string
	// StateKey is nil for events that are not state.
	StateKey *string
	// Content is a canonical JSON object.
	Content json.RawMessage
	// PrevEvents are the newest events that the sender's server knew of.
	PrevEvents []id.Event
	// AuthEvents are the events that allow this one.
	AuthEvents []id.Event
	// Depth is one more than the greatest depth of PrevEvents.
	Depth int64
	// OriginServerTS is the time in milliseconds since 1970 by the clock of
	// the sender's server: a claim, not a fact.
	OriginServerTS int64
	// Redacts is the target of an m.room.redaction, "" if it has none.
	Redacts id.Event
	// ContentHash is the SHA-256 that the event claims; see CheckHash.
	ContentHash [32]byte
	// Signatures is a canonical JSON object of server, key and signature, or
	// nil while the event is unsigned.
	Signatures json.RawMessage
	// JSON is the event in canonical form without "unsigned": what is stored
	// and sent to other servers.
	JSON []byte
}

// IsState says whether the event sets a part of the room's state.
func (ev *Event) IsState() bool { return ev.StateKey != nil }

// Is says whether the event is state of that type and key.
func (ev *Event) Is(typ, key string) bool {
	return ev.StateKey != nil && ev.Type == typ && *ev.StateKey == key
}

// LogValue keeps content out of logs: an event is logged by name and type.
func (ev *Event) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("id", string(ev.ID)),
		slog.String("room", string(ev.RoomID)),
		slog.String("type", ev.Type))
}

// String is the identifier of the event, so that printing one shows no content.
func (ev *Event) String() string { return string(ev.ID) }
