package timeline

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

func TestFieldPath(t *testing.T) {
	for s, want := range map[string][]string{
		"a": {"a"}, "a.b": {"a", "b"}, `a\.b.c`: {"a.b", "c"}, `a\\.b`: {`a\`, "b"}, `a\x`: {`a\x`}, "": {""}, "a.": {"a", ""}, `a\`: {`a\`},
	} {
		if got := fieldPath(s); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func TestOnlyFields(t *testing.T) {
	const ev = `{"content":{"a":{"b":1,"c":2},"d.e":3},"type":"t"}`
	for fields, want := range map[string]string{
		"type": `{"type":"t"}`, "content.a.b": `{"content":{"a":{"b":1}}}`, `content.d\.e,type`: `{"content":{"d.e":3},"type":"t"}`, "content.a.x,none,type.x": `{}`, "content.a.b,content.a.c": `{"content":{"a":{"b":1,"c":2}}}`,
	} {
		var paths [][]string
		for f := range strings.SplitSeq(fields, ",") {
			paths = append(paths, fieldPath(f))
		}
		if got := string(onlyFields(json.RawMessage(ev), paths)); got != want {
			t.Errorf("%s: %s, want %s", fields, got, want)
		}
	}
}

// FuzzFilter reads filters that are none, and asks those that are one about an event.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{`{}`, `{"room":{"timeline":{"types":["m.*","*","[","\\","**a**b**c**"],"contains_url":true,"limit":-5}}}`, `{"room":{"timeline":{"senders":[],"rooms":null}}}`,
		`{"event_fields":["a.b","\\.","."],"event_format":"federation"}`, `{"room":7}`, `[]`, `{"room":{"timeline":{"not_types":["m.room.message"],"related_by_rel_types":["x"]}}}`} {
		f.Add([]byte(s), "m.room.message")
	}
	ev := &room.Event{Event: &event.Event{RoomID: "!r:hs1", Sender: "@a:hs1", Content: json.RawMessage(`{"body":"x","url":"mxc://a/b"}`)}}
	f.Fuzz(func(t *testing.T, raw []byte, typ string) {
		filter, err := ParseFilter(raw)
		if err != nil {
			return
		}
		ev.Type = typ
		for _, one := range []*EventFilter{&filter.Room.Timeline, &filter.Room.State, &filter.AccountData} {
			pass := one.pass(ev)
			if pass && slices.Contains(one.NotTypes, typ) || pass && slices.Contains(one.NotSenders, id.User("@a:hs1")) || pass && one.Types != nil && len(one.Types) == 0 {
				t.Errorf("%s lets %q pass", raw, typ)
			}
			if n := one.limit(10, 100); n < 0 || n > 100 {
				t.Errorf("%s: limit %d", raw, n)
			}
		}
		for _, field := range filter.EventFields {
			onlyFields(json.RawMessage(`{"a":{"b":1}}`), [][]string{fieldPath(field)})
		}
	})
}
