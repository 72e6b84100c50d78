package event

// redaction says what survives when an event is redacted.
type redaction struct {
	top     []string // sorted
	content map[string]kept
}

// kept says what survives of the content of one event type.
type kept struct {
	all    bool
	keys   []string // sorted
	signed bool     // of third_party_invite, the key "signed"
}

var (
	topV6 = []string{"auth_events", "content", "depth", "event_id", "hashes", "membership", "origin",
		"origin_server_ts", "prev_events", "prev_state", "room_id", "sender", "signatures", "state_key", "type"}
	topV11 = []string{"auth_events", "content", "depth", "event_id", "hashes",
		"origin_server_ts", "prev_events", "room_id", "sender", "signatures", "state_key", "type"}

	keptPower = []string{"ban", "events", "events_default", "kick", "redact", "state_default", "users", "users_default"}

	// spec: rooms/v6#redactions
	redactionV6 = &redaction{top: topV6, content: map[string]kept{
		"m.room.member":             {keys: []string{"membership"}},
		"m.room.create":             {keys: []string{"creator"}},
		"m.room.join_rules":         {keys: []string{"join_rule"}},
		"m.room.power_levels":       {keys: keptPower},
		"m.room.history_visibility": {keys: []string{"history_visibility"}},
	}}

	// spec: rooms/v8#redactions
	redactionV8 = redactionV6.with("m.room.join_rules", kept{keys: []string{"allow", "join_rule"}})

	// spec: rooms/v9#redactions
	redactionV9 = redactionV8.with("m.room.member",
		kept{keys: []string{"join_authorised_via_users_server", "membership"}})

	// spec: rooms/v11#redactions
	redactionV11 = &redaction{top: topV11, content: map[string]kept{
		"m.room.member":     {keys: []string{"join_authorised_via_users_server", "membership"}, signed: true},
		"m.room.create":     {all: true},
		"m.room.join_rules": {keys: []string{"allow", "join_rule"}},
		"m.room.power_levels": {keys: []string{"ban", "events", "events_default", "invite", "kick", "redact",
			"state_default", "users", "users_default"}},
		"m.room.history_visibility": {keys: []string{"history_visibility"}},
		"m.room.redaction":          {keys: []string{"redacts"}},
	}}
)

// with copies r with another rule for one event type.
func (r *redaction) with(typ string, k kept) *redaction {
	out := &redaction{top: r.top, content: map[string]kept{typ: k}}
	for t, k := range r.content {
		if _, changed := out.content[t]; !changed {
			out.content[t] = k
		}
	}
	return out
}

// Redact returns the canonical JSON that is left of the event raw when it is
// redacted: the keys that the protocol needs, signatures and hashes among
// them. raw may be any JSON object, so that this also serves for events that
// Parse would refuse; the error is a *JSONError or wraps ErrMalformed.
//
// spec: client-server-api#redactions
func Redact(v *Version, raw []byte) ([]byte, error) {
	json, err := Canonical(nil, raw)
	if err != nil {
		return nil, err
	}
	if !IsObject(json) {
		return nil, malformed("not an object")
	}
	typ, _ := Text(Field(json, "type"))
	return v.redaction.append(nil, json, typ, true), nil
}

// Redacted returns the event as it is after redaction. It has the same
// identifier, because that covers only what redaction keeps.
func (ev *Event) Redacted() *Event {
	out := *ev
	r := ev.Version.redaction
	out.JSON = r.append(make([]byte, 0, len(ev.JSON)), ev.JSON, ev.Type, true)
	out.Content, out.Signatures = Field(out.JSON, "content"), Field(out.JSON, "signatures")
	if !ev.Version.RedactsInContent {
		out.Redacts = ""
	}
	return &out
}

// append writes the redacted form of the canonical event json to dst. Without
// signatures it is what is signed and what the identifier is the hash of.
func (r *redaction) append(dst, json []byte, typ string, signatures bool) []byte {
	dst = append(dst, '{')
	from := len(dst)
	top := r.top
	c := cursor{b: json}
	for ok := c.open('{') && c.member(); ok; ok = c.member() {
		if top = upTo(top, c.key); len(top) == 0 {
			break
		}
		if string(c.key) != top[0] || !signatures && top[0] == "signatures" {
			continue
		}
		dst = appendKey(dst, from, top[0])
		if top[0] == "content" {
			dst = r.content[typ].append(dst, c.val)
		} else {
			dst = append(dst, c.val...)
		}
	}
	return append(dst, '}')
}

// append writes what survives of the canonical object content.
func (k kept) append(dst, content []byte) []byte {
	if k.all {
		return append(dst, content...)
	}
	dst = append(dst, '{')
	if len(k.keys) == 0 {
		return append(dst, '}')
	}
	from := len(dst)
	keys := k.keys
	c := cursor{b: content}
	for ok := c.open('{') && c.member(); ok; ok = c.member() {
		if k.signed && string(c.key) == "third_party_invite" && IsObject(c.val) {
			dst = append(appendKey(dst, from, "third_party_invite"), '{')
			if signed := Field(c.val, "signed"); signed != nil {
				dst = append(append(dst, `"signed":`...), signed...)
			}
			dst = append(dst, '}')
			continue
		}
		if keys = upTo(keys, c.key); len(keys) > 0 && string(c.key) == keys[0] {
			dst = append(appendKey(dst, from, keys[0]), c.val...)
		}
	}
	return append(dst, '}')
}

// upTo drops the names before key from a sorted list. Keys arrive in order, so
// each list is walked once.
func upTo(names []string, key []byte) []string {
	for len(names) > 0 && names[0] < string(key) {
		names = names[1:]
	}
	return names
}

// appendKey writes a comma unless the object that starts at from is empty, and
// a key that needs no escaping.
func appendKey(dst []byte, from int, key string) []byte {
	if len(dst) > from {
		dst = append(dst, ',')
	}
	dst = append(dst, '"')
	dst = append(dst, key...)
	return append(dst, '"', ':')
}
