package id

import "strings"

// Room names a room. Up to room version 11 it has the form "!opaque:server";
// since version 12 it is "!" and the hash of the create event.
type Room string

// ParseRoom checks s as a room ID of either form.
//
// spec: appendices#room-ids
func ParseRoom(s string) (Room, error) {
	rest, err := text("room id", '!', s)
	if err != nil {
		return "", err
	}
	if rest == "" {
		return "", invalid("room id", "is empty")
	}
	if strings.IndexByte(rest, ':') >= 0 {
		if err := domain("room id", rest); err != nil {
			return "", err
		}
	}
	return Room(s), nil
}

// HasDomain says whether the room has a name of the older form.
func (r Room) HasDomain() bool { return strings.IndexByte(string(r), ':') >= 0 }

// Domain returns the server that made the name up, or "" for a room of version
// 12. It says nothing about who is in the room: do not route by it.
func (r Room) Domain() Server { return Server(afterColon(string(r))) }

// Create returns the ID of the event that created a room of version 12. It
// means nothing for a room that HasDomain.
func (r Room) Create() Event {
	if r == "" {
		return ""
	}
	return Event("$" + string(r[1:]))
}
