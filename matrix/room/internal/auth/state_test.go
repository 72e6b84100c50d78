package auth

import (
	"errors"
	"strings"
	"testing"

	"wardline/matrix/event"
	"wardline/matrix/id"
)

func TestAuthTypes(t *testing.T) {
	rows := []struct{ version, event, want string }{
		{"12", joe + " m.room.message - {}", "m.room.power_levels| m.room.member|@joe:a"},
		{"11", joe + " m.room.message - {}", "m.room.create| m.room.power_levels| m.room.member|@joe:a"},
		{"12", is(joe, "join"), "m.room.power_levels| m.room.member|@joe:a m.room.join_rules|"},
		{"12", is(joe, "leave"), "m.room.power_levels| m.room.member|@joe:a"},
		{"12", is(joe, "knock"), "m.room.power_levels| m.room.member|@joe:a m.room.join_rules|"},
		{"12", mod + ` m.room.member @joe:a {"membership":"ban"}`, "m.room.power_levels| m.room.member|@mod:a m.room.member|@joe:a"},
		{"12", mod + ` m.room.member @joe:a {"membership":"invite","third_party_invite":{"signed":{"token":"tok"}}}`,
			"m.room.power_levels| m.room.member|@mod:a m.room.member|@joe:a m.room.join_rules| m.room.third_party_invite|tok"},
		{"12", joe + ` m.room.member @joe:a {"membership":"join","third_party_invite":{"signed":{"token":"tok"}}}`,
			"m.room.power_levels| m.room.member|@joe:a m.room.join_rules|"},
		{"12", joe + ` m.room.member @joe:a {"membership":"join","join_authorised_via_users_server":"@mod:a"}`,
			"m.room.power_levels| m.room.member|@joe:a m.room.join_rules| m.room.member|@mod:a"},
		{"7", joe + ` m.room.member @joe:a {"membership":"join","join_authorised_via_users_server":"@mod:a"}`,
			"m.room.create| m.room.power_levels| m.room.member|@joe:a m.room.join_rules|"},
	}
	for _, row := range rows {
		r := newRoom(t, row.version, "").standard()
		ev := r.line(row.event)
		show := func(keys []Key) string {
			var out []string
			for _, k := range keys {
				out = append(out, k.Type+"|"+k.StateKey)
			}
			return strings.Join(out, " ")
		}
		got := AuthTypes(r.v, &event.Draft{Type: ev.Type, Sender: ev.Sender, StateKey: ev.StateKey, Content: []byte(" " + string(ev.Content))})
		if show(got) != row.want {
			t.Errorf("AuthTypes of %s in version %s:\n got %s\nwant %s", row.event, row.version, show(got), row.want)
		}
		// An event that lists all it should is in order.
		var listed []*event.Event
		for _, k := range got {
			if a := r.Get(k.Type, k.StateKey); a != nil {
				listed = append(listed, a)
			}
		}
		if err := CheckAuthEvents(r.v, ev, listed, nil); err != nil {
			t.Errorf("CheckAuthEvents of %s in version %s: %v", row.event, row.version, err)
		}
	}
}

func TestCheckAuthEvents(t *testing.T) {
	for _, version := range []string{"11", "12"} {
		r := newRoom(t, version, "").standard().with(rule("public"))
		ev := r.line(joe + " m.room.message - {}")
		create, levels, me := r.Get(event.TypeCreate, ""), r.Get(event.TypePowerLevels, ""), r.Get(event.TypeMember, joe)
		base := []*event.Event{levels, me}
		if version == "11" {
			base = append(base, create)
		}
		other := newRoom(t, version, `,"y":1`)
		if version == "11" {
			other.id = "!s:a"
		}
		more := func(evs ...*event.Event) []*event.Event { return append(base[:len(base):len(base)], evs...) }
		rows := map[string]struct {
			listed []*event.Event
			want   string
		}{
			"OK":        {base, ""},
			"Duplicate": {more(me), "3.1"},
			"Useless":   {more(r.Get(event.TypeJoinRules, "")), "3.2"},
			"NoState":   {more(ev), "3.2"},
			"OtherRoom": {append([]*event.Event{other.line(is(joe, "join"))}, base[2:]...), "3.5"},
			"Create":    {[]*event.Event{levels, me, create}, map[string]string{"11": "", "12": "3.2"}[version]},
			"NoCreate":  {[]*event.Event{levels, me}, map[string]string{"11": "2", "12": ""}[version]},
		}
		for name, row := range rows {
			got := ""
			var refusal *Refusal
			if errors.As(CheckAuthEvents(r.v, ev, row.listed, nil), &refusal) {
				got = refusal.Rule
			}
			if got != row.want {
				t.Errorf("version %s, %s: got %q, want %q", version, name, got, row.want)
			}
		}
		err := CheckAuthEvents(r.v, ev, base, func(e id.Event) bool { return e == me.ID })
		if err == nil || !strings.Contains(err.Error(), "3.3") {
			t.Errorf("version %s, a rejected auth event: got %v", version, err)
		}
	}
}
