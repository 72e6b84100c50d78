package id

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxLength is the most bytes that any identifier may have, sigil and domain
// included.
const MaxLength = 255

// ErrInvalid is wrapped by every error of this package.
var ErrInvalid = errors.New("invalid identifier")

func invalid(what, why string) error {
	return fmt.Errorf("%w: %s %s", ErrInvalid, what, why)
}

// text checks what all identifiers have in common and returns what follows the
// sigil.
func text(what string, sigil byte, s string) (string, error) {
	switch {
	case s == "" || s[0] != sigil:
		return "", invalid(what, "must start with "+string(rune(sigil)))
	case len(s) > MaxLength:
		return "", invalid(what, "is longer than 255 bytes")
	case strings.IndexByte(s, 0) >= 0:
		return "", invalid(what, "contains NUL")
	case !utf8.ValidString(s):
		return "", invalid(what, "is not UTF-8")
	}
	return s[1:], nil
}

// domain checks that rest is "localpart:server".
func domain(what, rest string) error {
	i := strings.IndexByte(rest, ':')
	if i < 0 {
		return invalid(what, "has no domain")
	}
	if _, err := ParseServer(rest[i+1:]); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// afterColon is the part after the first colon, or nothing.
func afterColon(s string) string {
	if i := strings.IndexByte(s, ':'); i >= 0 {
		return s[i+1:]
	}
	return ""
}

// Event names an event: "$" and, in all room versions that we speak, 43
// characters of URL-safe base64.
type Event string

// ParseEvent checks s as an event ID of any room version: the older forms
// appear in links and in upgraded rooms' predecessors.
//
// spec: appendices#event-ids
func ParseEvent(s string) (Event, error) {
	rest, err := text("event id", '$', s)
	if err != nil {
		return "", err
	}
	if rest == "" {
		return "", invalid("event id", "is empty")
	}
	return Event(s), nil
}

// Room returns the ID of the room that the event creates in room versions
// where a room is named after its create event.
//
// spec: rooms/v12#event-format
func (e Event) Room() Room {
	if e == "" {
		return ""
	}
	return Room("!" + string(e[1:]))
}

// Device names a session of a user. It is an opaque string.
type Device string

// ParseDevice checks that s can be a device ID: between 1 and 255 bytes of
// UTF-8 without NUL.
func ParseDevice(s string) (Device, error) {
	switch {
	case s == "":
		return "", invalid("device id", "is empty")
	case len(s) > MaxLength:
		return "", invalid("device id", "is longer than 255 bytes")
	case strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s):
		return "", invalid("device id", "is not text")
	}
	return Device(s), nil
}

// Alias is a readable name of a room: "#localpart:server".
type Alias string

// ParseAlias checks s as a room alias.
//
// spec: appendices#room-aliases
func ParseAlias(s string) (Alias, error) {
	rest, err := text("room alias", '#', s)
	if err != nil {
		return "", err
	}
	return Alias(s), domain("room alias", rest)
}

// Server returns the domain of the alias.
func (a Alias) Server() Server { return Server(afterColon(string(a))) }

// Localpart returns what stands between the sigil and the first colon.
func (a Alias) Localpart() string { return localpart(string(a)) }

func localpart(s string) string {
	if s == "" {
		return ""
	}
	if i := strings.IndexByte(s, ':'); i >= 1 {
		return s[1:i]
	}
	return s[1:]
}
