package event

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"

	"wardline/matrix/id"
)

// Parse reads an event from another server. It checks the form that the room
// version prescribes and computes the identifier; it does not check hash,
// signatures or permission: see CheckHash, Verify and the authorisation rules.
// "unsigned" is dropped. raw is not kept. The error is a *JSONError, or wraps
// ErrMalformed or ErrTooLarge; such events are dropped as if they never came.
//
// spec: server-server-api#checks-performed-on-receipt-of-a-pdu
func Parse(v *Version, raw []byte) (*Event, error) {
	b := builders.Get().(*builder)
	defer builders.Put(b)
	ev := &Event{Version: v}
	var err error
	if ev.JSON, err = canonicalEvent(b, raw); err != nil {
		return nil, err
	}
	if err := ev.read(); err != nil {
		return nil, err
	}
	b.ref = v.redaction.append(b.ref[:0], ev.JSON, ev.Type, false)
	ev.ID = referenceID(b.ref)
	if ev.RoomID == "" {
		ev.RoomID = ev.ID.Room()
	}
	return ev, nil
}

// Load reads an event that this server has stored under its identifier: raw is
// the JSON of an event that Build, Parse, Sign or Redacted returned. Nothing is
// verified and raw is kept, so it costs much less than Parse. It returns an
// error that wraps ErrMalformed if raw cannot have been stored by us.
func Load(v *Version, name id.Event, raw []byte) (*Event, error) {
	ev := &Event{Version: v, ID: name, JSON: raw}
	if err := ev.read(); err != nil {
		return nil, err
	}
	if ev.RoomID == "" {
		ev.RoomID = name.Room()
	}
	return ev, nil
}

// canonicalEvent returns raw in canonical form without its unsigned part.
func canonicalEvent(b *builder, raw []byte) ([]byte, error) {
	c := canons.Get().(*canon)
	defer c.release()
	c.reset(b.buf[:0], raw, digitsOnly)
	if err := c.document(); err != nil {
		return nil, err
	}
	if cap(c.dst) <= 4*MaxSize {
		b.buf = c.dst
	}
	out := c.dst
	if !IsObject(out) {
		return nil, malformed("not an object")
	}
	if i := unsignedMember(c); i >= 0 {
		// The member goes with one of the commas around it.
		m := c.members[i]
		switch {
		case i+1 < len(c.members):
			out = append(out[:m.start], out[c.members[i+1].start:]...)
		case i > 0:
			out = append(out[:c.members[i-1].end], '}')
		default:
			out = append(out[:m.start], '}')
		}
	}
	if len(out) > MaxSize {
		return nil, tooLarge("the event")
	}
	return bytes.Clone(out), nil
}

func unsignedMember(c *canon) int {
	for i, m := range c.members {
		if string(c.dst[m.start:m.key]) == `"unsigned"` {
			return i
		}
	}
	return -1
}

// read fills the fields from the canonical JSON and checks their form.
//
// spec: rooms/v12#event-format
func (ev *Event) read() error {
	f, err := scan(ev.JSON)
	if err != nil {
		return err
	}
	ok := false
	if ev.Type, ok = typeName(f.typ); !ok {
		return malformed("no type")
	}
	if err := checkName("type", ev.Type); err != nil {
		return err
	}
	if f.stateKey != nil {
		key, ok := Text(f.stateKey)
		if !ok {
			return malformed("state_key is not a string")
		}
		if err := checkName("state_key", key); err != nil {
			return err
		}
		ev.StateKey = &key
	}
	if ev.Content = f.content; !IsObject(ev.Content) {
		return malformed("content is not an object")
	}
	if f.signatures != nil && !IsObject(f.signatures) {
		return malformed("signatures is not an object")
	}
	ev.Signatures = f.signatures
	if ev.Depth, ok = Int(f.depth); !ok || ev.Depth < 0 {
		return malformed("depth is not a natural number")
	}
	if ev.OriginServerTS, ok = Int(f.ts); !ok {
		return malformed("origin_server_ts is not an integer")
	}
	if err := ev.readHash(f.hashes); err != nil {
		return err
	}
	if err := ev.readNames(f); err != nil {
		return err
	}
	if ev.PrevEvents, err = eventIDs("prev_events", f.prev, MaxPrev); err != nil {
		return err
	}
	ev.AuthEvents, err = eventIDs("auth_events", f.auth, MaxAuth)
	return err
}

// readNames fills the sender, the room and the target of a redaction.
func (ev *Event) readNames(f fields) error {
	sender, _ := Text(f.sender)
	if len(sender) > id.MaxLength {
		return tooLarge("sender")
	}
	var err error
	if ev.Sender, err = id.ParseUser(sender); err != nil {
		return malformed("sender is not a user id")
	}
	switch {
	case f.room != nil:
		room, _ := Text(f.room)
		if len(room) > id.MaxLength {
			return tooLarge("room_id")
		}
		if ev.RoomID, err = id.ParseRoom(room); err != nil || ev.Version.HashedRoomID == ev.RoomID.HasDomain() {
			return malformed("room_id is not one of this room version")
		}
	case !ev.Version.HashedRoomID || !ev.Is(TypeCreate, ""):
		return malformed("no room_id")
	}
	switch {
	case ev.Type != TypeRedaction:
	case ev.Version.RedactsInContent:
		ev.Redacts = contentRedacts(ev)
	default:
		target, _ := Text(f.redacts)
		ev.Redacts = id.Event(target)
	}
	return nil
}

func (ev *Event) readHash(hashes []byte) error {
	text, ok := Text(Field(hashes, "sha256"))
	if !ok {
		return malformed("no sha256 among the hashes")
	}
	sum, err := DecodeBase64(text)
	if err != nil || len(sum) != len(ev.ContentHash) {
		return malformed("the hash is not a sha256")
	}
	copy(ev.ContentHash[:], sum)
	return nil
}

// fields are the values of the keys that events have.
type fields struct {
	auth, content, depth, hashes, ts, prev, redacts, room, sender, signatures, stateKey, typ json.RawMessage
}

func scan(object []byte) (f fields, err error) {
	c := cursor{b: object}
	if !c.open('{') {
		return f, malformed("not an object")
	}
	for c.member() {
		switch string(c.key) {
		case "auth_events":
			f.auth = c.val
		case "content":
			f.content = c.val
		case "depth":
			f.depth = c.val
		case "hashes":
			f.hashes = c.val
		case "origin_server_ts":
			f.ts = c.val
		case "prev_events":
			f.prev = c.val
		case "redacts":
			f.redacts = c.val
		case "room_id":
			f.room = c.val
		case "sender":
			f.sender = c.val
		case "signatures":
			f.signatures = c.val
		case "state_key":
			f.stateKey = c.val
		case "type":
			f.typ = c.val
		}
	}
	return f, nil
}

// typeName is Text that makes no copy of the types that most events have.
func typeName(raw []byte) (string, bool) {
	switch string(raw) {
	case `"m.room.message"`:
		return "m.room.message", true
	case `"m.room.encrypted"`:
		return "m.room.encrypted", true
	case `"m.reaction"`:
		return "m.reaction", true
	case `"m.room.member"`:
		return TypeMember, true
	case `"m.room.redaction"`:
		return TypeRedaction, true
	}
	return Text(raw)
}

func eventIDs(what string, list []byte, most int) ([]id.Event, error) {
	if !IsArray(list) {
		return nil, malformed(what + " is not an array")
	}
	ids := make([]id.Event, 0, 2)
	for raw := range Elements(list) {
		text, _ := Text(raw)
		name, err := id.ParseEvent(text)
		if err != nil {
			return nil, malformed(what + " has an element that is not an event id")
		}
		if len(ids) == most {
			return nil, malformed(what + " is too long")
		}
		ids = append(ids, name)
	}
	return ids, nil
}

// CheckHash compares the content hash that the event claims with its content.
// On ErrHash the event is not to be dropped but to be used as Redacted: its
// sender's server may have sent it so.
//
// spec: server-server-api#validating-hashes-and-signatures-on-received-events
func (ev *Event) CheckHash() error {
	b := builders.Get().(*builder)
	defer builders.Put(b)
	b.ref = appendWithout(b.ref[:0], ev.JSON, "hashes", "signatures")
	if sha256.Sum256(b.ref) != ev.ContentHash {
		return ErrHash
	}
	return nil
}

// appendWithout writes a canonical object without two of its keys.
func appendWithout(dst, object []byte, one, two string) []byte {
	dst = append(dst, '{')
	from := len(dst)
	c := cursor{b: object}
	for ok := c.open('{') && c.member(); ok; ok = c.member() {
		if string(c.key) == one || string(c.key) == two {
			continue
		}
		dst = append(appendRawKey(dst, from, c.key), c.val...)
	}
	return append(dst, '}')
}

// appendRawKey is appendKey for a key that is already escaped.
func appendRawKey(dst []byte, from int, key []byte) []byte {
	if len(dst) > from {
		dst = append(dst, ',')
	}
	dst = append(dst, '"')
	dst = append(dst, key...)
	return append(dst, '"', ':')
}
