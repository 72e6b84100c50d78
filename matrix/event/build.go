package event

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"wardline/matrix/id"
)

// Draft is what the server of a sender puts into a new event.
type Draft struct {
	// Room is the room; "" for the create event of a version 12 room, whose
	// name follows from the event.
	Room id.Room
	// Sender is a valid user ID.
	Sender id.User
	// Type is the event type.
	Type string
	// StateKey is nil for events that are not state.
	StateKey *string
	// Content is a JSON object in any form; none at all means "{}".
	Content json.RawMessage
	// Redacts is the target of a redaction. Build puts it where the room
	// version wants it; leave it empty if Content already has it.
	Redacts id.Event
	// PrevEvents and AuthEvents are kept by the event: do not change them.
	PrevEvents, AuthEvents []id.Event
	// Depth is capped at MaxInt.
	Depth int64
	// OriginServerTS is in milliseconds since 1970.
	OriginServerTS int64
}

// Build makes the event of a draft: canonical, hashed and named, not signed.
// The error is a *JSONError for bad content, or wraps ErrTooLarge if the event
// would not fit once signed, or ErrMalformed.
//
// spec: server-server-api#adding-hashes-and-signatures-to-outgoing-events
func Build(v *Version, d Draft) (*Event, error) {
	if err := d.check(v); err != nil {
		return nil, err
	}
	b := builders.Get().(*builder)
	defer builders.Put(b)
	content, hash, err := b.write(v, &d)
	if err != nil {
		return nil, err
	}
	if len(b.buf)+signatureRoom > MaxSize {
		b.buf = nil // do not keep an outsized buffer
		return nil, tooLarge("the event with its signature")
	}
	ev := &Event{
		Version: v, RoomID: d.Room, Sender: d.Sender, Type: d.Type, StateKey: d.StateKey,
		PrevEvents: d.PrevEvents, AuthEvents: d.AuthEvents,
		Depth: min(d.Depth, MaxInt), OriginServerTS: d.OriginServerTS,
		Redacts: d.Redacts, ContentHash: hash,
		JSON: bytes.Clone(b.buf),
	}
	ev.Content = ev.JSON[content[0]:content[1]:content[1]]
	if v.RedactsInContent {
		ev.Redacts = contentRedacts(ev)
	}
	b.ref = v.redaction.append(b.ref[:0], ev.JSON, ev.Type, false)
	ev.ID = referenceID(b.ref)
	if v.HashedRoomID && d.Room == "" {
		ev.RoomID = ev.ID.Room()
	}
	return ev, nil
}

func (d *Draft) check(v *Version) error {
	creates := v.HashedRoomID && d.Type == TypeCreate
	switch {
	case (d.Room == "") != creates:
		return malformed("only the create event of a version 12 room has no room")
	case len(d.Sender) > id.MaxLength:
		return tooLarge("sender")
	case len(d.Room) > id.MaxLength:
		return tooLarge("room_id")
	case len(d.PrevEvents) > MaxPrev:
		return malformed("more than 20 prev_events")
	case len(d.AuthEvents) > MaxAuth:
		return malformed("more than 10 auth_events")
	case d.Depth < 0:
		return malformed("negative depth")
	case d.OriginServerTS > MaxInt || d.OriginServerTS < -MaxInt:
		return malformed("origin_server_ts out of range")
	}
	if err := checkName("type", d.Type); err != nil {
		return err
	}
	if d.StateKey != nil {
		return checkName("state_key", *d.StateKey)
	}
	return nil
}

// checkName checks a type or state key. NUL is refused, although JSON can carry
// it, because no database stores it in text.
//
// spec: client-server-api#size-limits
func checkName(what, s string) error {
	switch {
	case len(s) > 255:
		return tooLarge(what)
	case strings.IndexByte(s, 0) >= 0:
		return malformed(what + " contains NUL")
	case !utf8.ValidString(s):
		return malformed(what + " is not UTF-8")
	}
	return nil
}

// builder holds the buffers of one Build.
type builder struct{ buf, ref []byte }

var builders = sync.Pool{New: func() any { return new(builder) }}

const hashSize = len(`"hashes":{"sha256":""},`) + 43

// write puts the event into b.buf, its keys in canonical order, and returns
// where the content lies.
func (b *builder) write(v *Version, d *Draft) (content [2]int, hash [32]byte, err error) {
	buf := append(b.buf[:0], `{"auth_events":`...)
	buf = appendIDs(buf, d.AuthEvents)
	buf = append(buf, `,"content":`...)
	content[0] = len(buf)
	if buf, err = appendContent(buf, v, d); err != nil {
		return content, hash, err
	}
	content[1] = len(buf)
	buf = append(buf, `,"depth":`...)
	buf = strconv.AppendInt(buf, min(d.Depth, MaxInt), 10)
	buf = append(buf, ',')
	at := len(buf)
	buf = append(buf, `"origin_server_ts":`...)
	buf = strconv.AppendInt(buf, d.OriginServerTS, 10)
	buf = append(buf, `,"prev_events":`...)
	buf = appendIDs(buf, d.PrevEvents)
	if d.Redacts != "" && !v.RedactsInContent {
		buf = appendString(append(buf, `,"redacts":`...), string(d.Redacts))
	}
	if d.Room != "" {
		buf = appendString(append(buf, `,"room_id":`...), string(d.Room))
	}
	buf = appendString(append(buf, `,"sender":`...), string(d.Sender))
	if d.StateKey != nil {
		buf = appendString(append(buf, `,"state_key":`...), *d.StateKey)
	}
	buf = appendString(append(buf, `,"type":`...), d.Type)
	buf = append(buf, '}')

	// The hash is taken while its own key is missing, then slipped in.
	// spec: server-server-api#calculating-the-content-hash-for-an-event
	hash = sha256.Sum256(buf)
	end := len(buf)
	buf = slices.Grow(buf, hashSize)[:end+hashSize]
	copy(buf[at+hashSize:], buf[at:end])
	hole := append(buf[:at], `"hashes":{"sha256":"`...)
	hole = base64.RawStdEncoding.AppendEncode(hole, hash[:])
	copy(buf[len(hole):], `"},`)
	b.buf = buf
	return content, hash, nil
}

func appendContent(buf []byte, v *Version, d *Draft) ([]byte, error) {
	src := d.Content
	if len(src) == 0 {
		src = json.RawMessage("{}")
	}
	if d.Redacts != "" && v.RedactsInContent {
		var err error
		if src, err = withRedacts(src, d.Redacts); err != nil {
			return buf, err
		}
	}
	from := len(buf)
	buf, err := Canonical(buf, src)
	if err != nil {
		return buf, fmt.Errorf("content: %w", err)
	}
	if !IsObject(buf[from:]) {
		return buf, malformed("content is not an object")
	}
	return buf, nil
}

// withRedacts adds the key redacts to an object. If it is there already, the
// duplicate is found when the result is made canonical.
func withRedacts(object json.RawMessage, target id.Event) (json.RawMessage, error) {
	rest, ok := bytes.CutPrefix(bytes.TrimLeft(object, " \t\r\n"), []byte("{"))
	if !ok {
		return nil, malformed("content is not an object")
	}
	out := appendString([]byte(`{"redacts":`), string(target))
	if !bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte("}")) {
		out = append(out, ',')
	}
	return append(out, rest...), nil
}

func contentRedacts(ev *Event) id.Event {
	if ev.Type != TypeRedaction {
		return ""
	}
	target, _ := Text(Field(ev.Content, "redacts"))
	return id.Event(target)
}

func appendIDs(dst []byte, ids []id.Event) []byte {
	dst = append(dst, '[')
	for i, e := range ids {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, string(e))
	}
	return append(dst, ']')
}

// referenceID names the event whose redacted form, without signatures, is ref.
//
// spec: server-server-api#calculating-the-reference-hash-for-an-event
// spec: rooms/v12#event-ids
func referenceID(ref []byte) id.Event {
	sum := sha256.Sum256(ref)
	var name [44]byte
	name[0] = '$'
	base64.RawURLEncoding.Encode(name[1:], sum[:])
	return id.Event(name[:])
}
