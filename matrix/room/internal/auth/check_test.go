package auth

import (
	"strings"
	"testing"

	"wardline/matrix/event"
	"wardline/matrix/id"
)

// Every row is tried in each of its versions: the event, what the state has
// beyond the standard, and the verdict.
func TestCheck(t *testing.T) {
	all := "6 7 8 9 10 11 12"
	by := `"join_authorised_via_users_server":`
	rows := []struct {
		versions, event string
		state           []string
		want            string
	}{
		{all, joe + ` m.room.message - {"body":"x"}`, nil, "ok"},
		{all, eve + ` m.room.message - {}`, nil, "6"},
		{all, eve + ` m.room.message - {}`, []string{is(eve, "invite")}, "6"},
		{all, eve + ` m.room.message - {}`, []string{is(eve, "ban")}, "6"},
		{all, eve + ` m.room.message - {}`, []string{is(eve, "join")}, "ok"},
		{all, joe + ` m.room.topic '' {}`, nil, "8"},
		{all, mod + ` m.room.topic '' {}`, nil, "ok"},
		{all, joe + ` x.high - {}`, nil, "8"},
		{all, joe + ` m.room.redaction - {}`, nil, "ok"},
		{all, mod + ` m.room.name '' {}`, nil, "ok"},
		{all, mod + ` x @joe:a {}`, nil, "9"},
		{all, mod + ` x @mod:a {}`, nil, "ok"},
		{all, mod + ` m.room.third_party_invite t {}`, nil, "ok"},
		{all, joe + ` m.room.third_party_invite t {}`, []string{boss + ` m.room.power_levels '' {"invite":1}`}, "7.1"},

		// Joining.
		{all, joe + ` m.room.member - {"membership":"join"}`, nil, "5.1"},
		{all, joe + ` m.room.member @joe:a {}`, nil, "5.1"},
		{all, joe + ` m.room.member @joe:a {"membership":1}`, nil, "5.1"},
		{all, joe + ` m.room.member @joe:a {"membership":"dance"}`, nil, "5.8"},
		{all, joe + ` m.room.member @joe:a {"membership":"join"}`, nil, "ok"},
		{all, joe + ` m.room.member @eve:b {"membership":"join"}`, nil, "5.3.2"},
		{all, is(eve, "join"), nil, "5.3.4"},
		{all, is(eve, "join"), []string{is(eve, "invite")}, "ok"},
		{all, is(eve, "join"), []string{is(eve, "leave")}, "5.3.4"},
		{all, is(eve, "join"), []string{rule("public")}, "ok"},
		{all, is(eve, "join"), []string{rule("public"), is(eve, "ban")}, "5.3.3"},
		{all, is(eve, "join"), []string{rule("private")}, "5.3.7"},
		{all, is(eve, "join"), []string{boss + ` m.room.join_rules '' {}`}, "5.3.4"},
		{all, is(eve, "join"), []string{boss + ` m.room.join_rules '' {"join_rule":1}`}, "5.3.7"},
		{"6", is(eve, "join"), []string{rule("knock"), is(eve, "invite")}, "5.3.7"},
		{"7 8 9 10 11 12", is(eve, "join"), []string{rule("knock"), is(eve, "invite")}, "ok"},
		{"7 8 9 10 11 12", is(eve, "join"), []string{rule("knock"), is(eve, "knock")}, "5.3.4"},
		{"6 7", is(eve, "join"), []string{rule("restricted"), is(eve, "invite")}, "5.3.7"},
		{"8 9 10 11 12", is(eve, "join"), []string{rule("restricted"), is(eve, "invite")}, "ok"},
		{"8 9 10 11 12", is(eve, "join"), []string{rule("restricted")}, "5.3.5.2"},
		{"8 9 10 11 12", eve + ` m.room.member @eve:b {"membership":"join",` + by + `"@joe:a"}`, []string{rule("restricted")}, "ok"},
		{"8 9 10 11 12", eve + ` m.room.member @eve:b {"membership":"join",` + by + `"@x:a"}`, []string{rule("restricted")}, "5.3.5.2"},
		{"8 9 10 11 12", eve + ` m.room.member @eve:b {"membership":"join",` + by + `7}`, []string{rule("restricted")}, "5.3.5.2"},
		{"8 9 10 11 12", eve + ` m.room.member @eve:b {"membership":"join",` + by + `"@joe:a"}`,
			[]string{rule("restricted"), boss + ` m.room.power_levels '' {"invite":1}`}, "5.3.5.2"},
		{"8 9", eve + ` m.room.member @eve:b {"membership":"join",` + by + `"@joe:a"}`, []string{rule("knock_restricted")}, "5.3.7"},
		{"10 11 12", eve + ` m.room.member @eve:b {"membership":"join",` + by + `"@joe:a"}`, []string{rule("knock_restricted")}, "ok"},

		// Inviting.
		{all, joe + ` m.room.member @eve:b {"membership":"invite"}`, nil, "ok"},
		{all, eve + ` m.room.member @x:b {"membership":"invite"}`, nil, "5.4.2"},
		{all, joe + ` m.room.member @mod:a {"membership":"invite"}`, nil, "5.4.3"},
		{all, joe + ` m.room.member @eve:b {"membership":"invite"}`, []string{is(eve, "ban")}, "5.4.3"},
		{all, joe + ` m.room.member @eve:b {"membership":"invite"}`, []string{boss + ` m.room.power_levels '' {"invite":1}`}, "5.4.5"},

		// Leaving, kicking, banning.
		{all, is(joe, "leave"), nil, "ok"},
		{all, is(eve, "leave"), nil, "5.5.1"},
		{all, is(eve, "leave"), []string{is(eve, "invite")}, "ok"},
		{all, is(eve, "leave"), []string{is(eve, "ban")}, "5.5.1"},
		{"6", is(eve, "leave"), []string{is(eve, "knock")}, "5.5.1"},
		{"7 8 9 10 11 12", is(eve, "leave"), []string{is(eve, "knock")}, "ok"},
		{all, mod + ` m.room.member @joe:a {"membership":"leave"}`, nil, "ok"},
		{all, mod + ` m.room.member @boss:a {"membership":"leave"}`, nil, "5.5.5"},
		{all, joe + ` m.room.member @mod:a {"membership":"leave"}`, nil, "5.5.5"},
		{all, eve + ` m.room.member @joe:a {"membership":"leave"}`, nil, "5.5.2"},
		{all, mod + ` m.room.member @eve:b {"membership":"leave"}`, []string{is(eve, "ban")}, "ok"},
		{all, mod + ` m.room.member @eve:b {"membership":"leave"}`,
			[]string{is(eve, "ban"), boss + ` m.room.power_levels '' {"users":{"@mod:a":50},"ban":60}`}, "5.5.3"},
		{all, mod + ` m.room.member @joe:a {"membership":"ban"}`, nil, "ok"},
		{all, mod + ` m.room.member @nobody:c {"membership":"ban"}`, nil, "ok"},
		{all, mod + ` m.room.member @boss:a {"membership":"ban"}`, nil, "5.6.3"},
		{all, joe + ` m.room.member @eve:b {"membership":"ban"}`, nil, "5.6.3"},
		{all, eve + ` m.room.member @joe:a {"membership":"ban"}`, nil, "5.6.1"},

		// Knocking.
		{"6", is(eve, "knock"), []string{rule("knock")}, "5.8"},
		{"7 8 9 10 11 12", is(eve, "knock"), []string{rule("knock")}, "ok"},
		{"7 8 9 10 11 12", is(eve, "knock"), nil, "5.7.1"},
		{"7 8 9 10 11 12", is(eve, "knock"), []string{rule("public")}, "5.7.1"},
		{"7 8 9", is(eve, "knock"), []string{rule("knock_restricted")}, "5.7.1"},
		{"10 11 12", is(eve, "knock"), []string{rule("knock_restricted")}, "ok"},
		{"7 8 9 10 11 12", joe + ` m.room.member @eve:b {"membership":"knock"}`, []string{rule("knock")}, "5.7.2"},
		{"7 8 9 10 11 12", is(eve, "knock"), []string{rule("knock"), is(eve, "ban")}, "5.7.4"},
		{"7 8 9 10 11 12", is(eve, "knock"), []string{rule("knock"), is(eve, "invite")}, "5.7.4"},
		{"7 8 9 10 11 12", is(joe, "knock"), []string{rule("knock")}, "5.7.4"},
	}
	for _, row := range rows {
		for version := range strings.FieldsSeq(row.versions) {
			t.Run(version+"/"+row.event+strings.Join(row.state, "+"), func(t *testing.T) {
				r := newRoom(t, version, "").standard().with(row.state...)
				if got := verdict(t, r, r.line(row.event)); got != row.want {
					t.Errorf("room version %s, %s with %q: got %s, want %s", version, row.event, row.state, got, row.want)
				}
			})
		}
	}
}

func TestCheck_Create(t *testing.T) {
	rows := []struct {
		name, version string
		draft         event.Draft
		want          string
	}{
		{"OK", "12", event.Draft{Content: []byte(`{"room_version":"12","additional_creators":["@x:y"]}`)}, "ok"},
		{"NoVersion", "12", event.Draft{}, "ok"},
		{"OtherVersion", "12", event.Draft{Content: []byte(`{"room_version":"11"}`)}, "1.3"},
		{"VersionNoText", "12", event.Draft{Content: []byte(`{"room_version":12}`)}, "1.3"},
		{"Prev", "12", event.Draft{PrevEvents: []id.Event{"$a"}}, "1.1"},
		{"CreatorsNoList", "12", event.Draft{Content: []byte(`{"additional_creators":"@x:y"}`)}, "1.4"},
		{"CreatorsNoText", "12", event.Draft{Content: []byte(`{"additional_creators":[1]}`)}, "1.4"},
		{"CreatorsNoUser", "12", event.Draft{Content: []byte(`{"additional_creators":["x"]}`)}, "1.4"},
		{"CreatorsMeanNothing", "11", event.Draft{Room: "!r:a", Content: []byte(`{"additional_creators":1}`)}, "ok"},
		{"OtherDomain", "11", event.Draft{Room: "!r:b"}, "1.2"},
		{"NoCreator", "10", event.Draft{Room: "!r:a"}, "1.4"},
		{"Creator", "10", event.Draft{Room: "!r:a", Content: []byte(`{"creator":"@boss:a"}`)}, "ok"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			v, err := event.Lookup(row.version)
			if err != nil {
				t.Fatal(err)
			}
			row.draft.Sender, row.draft.Type, row.draft.StateKey = boss, event.TypeCreate, ptr("")
			ev, err := event.Build(v, row.draft)
			if err != nil {
				t.Fatal(err)
			}
			r := &room{t: t, v: v, state: map[Key]*event.Event{}}
			if got := verdict(t, r, ev); got != row.want {
				t.Errorf("create with %+v: got %s, want %s", row.draft, got, row.want)
			}
		})
	}
}

func TestCheck_Room(t *testing.T) {
	for _, version := range []string{"6", "11", "12"} {
		r := newRoom(t, version, "").standard()
		msg := r.line(joe + " m.room.message - {}")
		if got := verdict(t, &room{t: t, v: r.v}, msg); got != "2" {
			t.Errorf("version %s without state: got %s, want 2", version, got)
		}
		other := newRoom(t, version, `,"x":1`).standard()
		other.id = "!" + id.Room(strings.Repeat("x", 43))
		if !r.v.HashedRoomID {
			other.id = "!other:a"
		}
		if got := verdict(t, r, other.line(joe+" m.room.message - {}")); got != "2" {
			t.Errorf("version %s, event of another room: got %s, want 2", version, got)
		}
		closed := newRoom(t, version, `,"m.federate":false`).standard().with(is(eve, "join"))
		if got := verdict(t, closed, closed.line(eve+" m.room.message - {}")); got != "4" {
			t.Errorf("version %s, stranger in a closed room: got %s, want 4", version, got)
		}
		if got := verdict(t, closed, closed.line(joe+" m.room.message - {}")); got != "ok" {
			t.Errorf("version %s, own user in a closed room: got %s", version, got)
		}
	}
}

// The first join of the creator needs nothing but the create event before it.
func TestCheck_FirstJoin(t *testing.T) {
	for _, version := range []string{"6", "11", "12"} {
		r := newRoom(t, version, "")
		create := r.Get(event.TypeCreate, "").ID
		join := func(user string, prev ...id.Event) *event.Event {
			return r.build(event.Draft{Sender: id.User(user), Type: event.TypeMember, StateKey: ptr(user), PrevEvents: prev,
				Content: []byte(`{"membership":"join"}`)})
		}
		for _, row := range []struct {
			ev   *event.Event
			want string
		}{{join(boss, create), "ok"}, {join(boss, create, "$x"), "5.3.4"}, {join(boss, "$x"), "5.3.4"}, {join(joe, create), "5.3.4"}} {
			if got := verdict(t, r, row.ev); got != row.want {
				t.Errorf("version %s, %s after %v: got %s, want %s", version, row.ev.Sender, row.ev.PrevEvents, got, row.want)
			}
		}
	}
}
