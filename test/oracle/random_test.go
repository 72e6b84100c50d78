//go:build goexperiment.jsonv2

package oracle

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"

	"wardline/matrix/event"
	"wardline/matrix/id"
)

// dice makes random events. The same seed makes the same events.
type dice struct{ *rand.Rand }

func newDice(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 1))} }

func one[T any](d dice, of ...T) T { return of[d.IntN(len(of))] }

func (d dice) chance(in int) bool { return d.IntN(in) == 0 }

// letters are those that canonical JSON must take care with.
var letters = []rune("abcABC019 .:@$!\"\\/<>&'\b\f\n\r\t\x00\x01\x1f\x7féß日本\u2028\ue000\uffff😀𐀀")

func (d dice) text() string {
	var b strings.Builder
	for range d.IntN(12) {
		b.WriteRune(one(d, letters...))
	}
	return b.String()
}

// value is random JSON that has a canonical form.
func (d dice) value(depth int) any {
	switch d.IntN(9) {
	case 0:
		return nil
	case 1:
		return d.chance(2)
	case 2:
		return d.Int64N(2*event.MaxInt) - event.MaxInt
	case 3, 4:
		return d.IntN(100)
	case 5:
		if depth > 0 {
			return d.object(depth-1, 5)
		}
	case 6:
		if depth > 0 {
			list := make([]any, d.IntN(5))
			for i := range list {
				list[i] = d.value(depth - 1)
			}
			return list
		}
	}
	return d.text()
}

func (d dice) object(depth, most int) map[string]any {
	out := map[string]any{}
	for range d.IntN(most) {
		out[d.text()] = d.value(depth)
	}
	return out
}

// encode writes v as JSON in one of several forms.
func (d dice) encode(v any) json.RawMessage {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(d.chance(2))
	if d.chance(3) {
		enc.SetIndent(" ", "\t")
	}
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("encode %#v: %v", v, err))
	}
	out := b.String()
	if d.chance(3) {
		out = strings.ReplaceAll(out, "é", `\u00E9`)
		out = strings.ReplaceAll(out, "😀", `\uD83D\ude00`)
	}
	return json.RawMessage(out)
}

// content has keys that redaction knows, and others.
func (d dice) content() map[string]any {
	out := d.object(3, 6)
	for _, k := range []string{"membership", "join_authorised_via_users_server", "creator", "room_version", "join_rule",
		"allow", "ban", "events", "events_default", "invite", "kick", "redact", "state_default", "users", "users_default",
		"notifications", "history_visibility", "aliases", "redacts"} {
		if d.chance(3) {
			out[k] = d.value(2)
		}
	}
	if d.chance(3) {
		// Without "signed" the other side drops the whole key, where other
		// servers keep an empty object.
		tpi := d.object(1, 3)
		tpi["signed"] = d.value(2)
		out["third_party_invite"] = tpi
	}
	return out
}

// name is what a hash looks like.
func (d dice) name() string {
	b := make([]byte, 32)
	for i := range b {
		b[i] = byte(d.IntN(256))
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func (d dice) ids(most int) []id.Event {
	out := make([]id.Event, 0, most)
	for range d.IntN(most + 1) {
		out = append(out, id.Event("$"+d.name()))
	}
	return out
}

func (d dice) draft(v *event.Version) event.Draft {
	out := event.Draft{
		Sender:  id.User("@" + one(d, "a", "b.c", "é", "X") + ":" + one(d, "example.org", "b:8448")),
		Type:    one(d, event.TypeCreate, event.TypeMember, event.TypeJoinRules, event.TypePowerLevels, "m.room.history_visibility", "m.room.aliases", "m.room.message", "x.y", "m.room.third_party_invite"),
		Content: d.encode(d.content()), PrevEvents: d.ids(20), AuthEvents: d.ids(10),
		Depth: d.Int64N(event.MaxInt), OriginServerTS: d.Int64N(event.MaxInt),
		Room: "!r:example.org",
	}
	if v.RedactsInContent && d.chance(5) {
		// The other side keeps the top-level "redacts" of older versions through
		// redaction, which the specification does not.
		out.Type = event.TypeRedaction
	}
	if v.HashedRoomID {
		out.Room = id.Room("!" + d.name())
	}
	if d.chance(2) {
		key := strings.ReplaceAll(d.text(), "\x00", "")
		out.StateKey = &key
	}
	if out.Type == event.TypeCreate {
		out.StateKey = new(string)
		out.PrevEvents, out.AuthEvents = nil, nil
		out.Content = d.encode(map[string]any{"room_version": v.ID, "creator": out.Sender, "x": d.value(3)})
		if v.HashedRoomID {
			out.Room = ""
		}
	}
	return out
}
