package event

import (
	"encoding/json"
	"fmt"
)

// Version is a row of the table of room versions. All that differs between
// rooms is asked here; no other code compares version names.
//
// Since version 4 an event is named by its reference hash in URL-safe base64,
// and since version 6 its JSON is strictly canonical, so these need no column.
//
// spec: rooms/v12#event-ids
// spec: rooms/v12#canonical-json
type Version struct {
	// ID is the name of the version, such as "12".
	ID string

	// RedactsInContent: a redaction names its target in content.redacts rather
	// than beside it.
	// spec: rooms/v11#moving-the-redacts-property-of-mroomredaction-events-to-a-content-property
	RedactsInContent bool
	// HashedRoomID: a room is named by the hash of its create event, which has
	// no room_id and is not listed in auth_events.
	// spec: rooms/v12#event-format
	HashedRoomID bool
	// ResolveFromEmpty: state resolution is version 2.1.
	// spec: rooms/v12#state-resolution
	ResolveFromEmpty bool

	// Knock: there is a membership and a join rule "knock".
	// spec: rooms/v7#authorisation-rules
	Knock bool
	// Restricted: there is a join rule "restricted".
	// spec: rooms/v8#authorisation-rules
	Restricted bool
	// KnockRestricted: there is a join rule "knock_restricted".
	// spec: rooms/v10#authorisation-rules
	KnockRestricted bool
	// IntegerPower: power levels are integers, never text that reads as one.
	// spec: rooms/v10#values-in-mroompower_levels-events-must-be-integers
	IntegerPower bool
	// CreatorInContent: the create event names the creator in content.creator;
	// later its sender is the creator.
	// spec: rooms/v11#remove-the-creator-property-of-mroomcreate-events
	CreatorInContent bool
	// PrivilegedCreators: creators, of whom there may be several, have power
	// without limit, and power levels may not list them.
	// spec: rooms/v12#authorisation-rules
	PrivilegedCreators bool

	redaction *redaction
}

// Default is the version of rooms whose creator asks for none.
const Default = "12"

// Versions are the supported room versions, oldest first. Nobody changes it.
var Versions = []*Version{
	{ID: "6", CreatorInContent: true, redaction: redactionV6},
	{ID: "7", CreatorInContent: true, redaction: redactionV6, Knock: true},
	{ID: "8", CreatorInContent: true, redaction: redactionV8, Knock: true, Restricted: true},
	{ID: "9", CreatorInContent: true, redaction: redactionV9, Knock: true, Restricted: true},
	{ID: "10", CreatorInContent: true, redaction: redactionV9, Knock: true, Restricted: true,
		KnockRestricted: true, IntegerPower: true},
	{ID: "11", redaction: redactionV11, Knock: true, Restricted: true,
		KnockRestricted: true, IntegerPower: true, RedactsInContent: true},
	{ID: "12", redaction: redactionV11, Knock: true, Restricted: true,
		KnockRestricted: true, IntegerPower: true, RedactsInContent: true,
		HashedRoomID: true, PrivilegedCreators: true, ResolveFromEmpty: true},
}

// Lookup returns the version of that name, or an error that wraps ErrVersion.
func Lookup(name string) (*Version, error) {
	for _, v := range Versions {
		if v.ID == name {
			return v, nil
		}
	}
	return nil, ErrVersion
}

// VersionOf returns the version of the room that a create event with this
// canonical content makes. A room without a version is of version 1, which is
// not supported.
//
// spec: client-server-api#mroomcreate
func VersionOf(createContent json.RawMessage) (*Version, error) {
	name, ok := "1", true
	if raw := Field(createContent, "room_version"); raw != nil {
		name, ok = Text(raw)
	}
	if !ok {
		return nil, fmt.Errorf("%w: not a name", ErrVersion)
	}
	return Lookup(name)
}
