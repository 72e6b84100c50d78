package timeline

import (
	"encoding/json"
	"slices"

	"wardline/matrix/account"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

func appendData(b []byte, list []account.Data, filter *EventFilter) []byte {
	b = append(b, '[')
	first := true
	for _, d := range list {
		if !filter.typ(d.Type) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, `{"content":`...)
		b = append(b, d.Content...)
		b = append(b, `,"type":`...)
		b = append(b, quote(d.Type)...)
		b = append(b, '}')
	}
	return append(b, ']')
}

func quote(s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		return []byte(`""`)
	}
	return b
}

func appendEphemeral(b []byte, typing json.RawMessage, receipts []json.RawMessage, filter *EventFilter) []byte {
	b = append(b, '[')
	n := len(b)
	add := func(typ string, content json.RawMessage) {
		if content == nil || !filter.typ(typ) {
			return
		}
		if len(b) > n {
			b = append(b, ',')
		}
		b = append(b, `{"content":`...)
		b = append(b, content...)
		b = append(b, `,"type":"`+typ+`"}`...)
	}
	add("m.typing", typing)
	for _, content := range receipts {
		add("m.receipt", content)
	}
	return append(b, ']')
}

// summary writes the head counts and, for rooms without a name, who is in them; {} when nothing about it changed.
// spec: client-server-api#calculating-the-display-name-for-a-room
func summary(f *room.Feed, u id.User, w *window, always bool) []byte {
	changed := always || w.limited || slices.ContainsFunc(w.events, func(ev *room.Event) bool { return ev.Type == event.TypeMember })
	if !changed {
		return []byte("{}")
	}
	joined, invited := f.Counts()
	out := map[string]any{"m.joined_member_count": joined, "m.invited_member_count": invited}
	if f.Text("m.room.name", "", "name") == "" && f.Text("m.room.canonical_alias", "", "alias") == "" {
		list := []id.User{}
		for _, ev := range heroes(f, u) {
			list = append(list, id.User(*ev.StateKey))
		}
		out["m.heroes"] = list
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return []byte("{}")
	}
	return raw
}

// heroes are up to five others by whom people know a room that has no name.
func heroes(f *room.Feed, u id.User) []*room.Event {
	pick := func(want ...string) []*room.Event {
		list := f.Members(func(m string) bool { return slices.Contains(want, m) })
		list = slices.DeleteFunc(list, func(ev *room.Event) bool { return *ev.StateKey == string(u) })
		return list[:min(len(list), 5)]
	}
	if list := pick("join", "invite"); len(list) > 0 {
		return list
	}
	return pick("leave", "ban")
}
