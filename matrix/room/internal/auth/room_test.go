package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"wardline/matrix/event"
	"wardline/matrix/id"
)

// room is a room under test: a State with a way to add to it.
type room struct {
	t     testing.TB
	v     *event.Version
	id    id.Room
	state map[Key]*event.Event
}

func (r *room) Get(typ, key string) *event.Event { return r.state[Key{typ, key}] }

// kept is the same room with what a caller would keep parsed.
type kept struct {
	*room
	create *Create
	levels *PowerLevels
}

func (k kept) Create() *Create           { return k.create }
func (k kept) PowerLevels() *PowerLevels { return k.levels }

func (r *room) keep() kept {
	k := kept{room: r}
	if ev := r.Get(event.TypeCreate, ""); ev != nil {
		k.create = ParseCreate(r.v, ev)
	}
	if ev := r.Get(event.TypePowerLevels, ""); ev != nil {
		k.levels, _ = ParsePowerLevels(r.v, ev.Content)
	}
	return k
}

const boss, mod, joe, eve = "@boss:a", "@mod:a", "@joe:a", "@eve:b"

// newRoom makes a room created by boss. The create event has these extra
// members.
func newRoom(t testing.TB, version, extra string) *room {
	t.Helper()
	v, err := event.Lookup(version)
	if err != nil {
		t.Fatal(err)
	}
	r := &room{t: t, v: v, state: map[Key]*event.Event{}}
	d := event.Draft{Sender: boss, Type: event.TypeCreate, StateKey: ptr("")}
	if !v.HashedRoomID {
		d.Room = "!r:a"
	}
	content := `"room_version":"` + version + `"`
	if v.CreatorInContent {
		content += `,"creator":"` + boss + `"`
	}
	d.Content = json.RawMessage("{" + content + extra + "}")
	ev, err := event.Build(v, d)
	if err != nil {
		t.Fatal(err)
	}
	r.id = ev.RoomID
	r.set(ev)
	return r
}

func ptr(s string) *string { return &s }

func (r *room) set(ev *event.Event) { r.state[Key{ev.Type, *ev.StateKey}] = ev }

func (r *room) build(d event.Draft) *event.Event {
	r.t.Helper()
	if d.Room == "" {
		d.Room = r.id
	}
	if d.PrevEvents == nil {
		d.PrevEvents = []id.Event{"$before"}
	}
	ev, err := event.Build(r.v, d)
	if err != nil {
		r.t.Fatalf("build %s %s: %v", d.Type, d.Content, err)
	}
	return ev
}

// line makes an event of "sender type key content"; a key of "-" means none,
// and of "”" the empty one.
func (r *room) line(s string) *event.Event {
	r.t.Helper()
	f := strings.SplitN(s, " ", 4)
	if len(f) != 4 {
		r.t.Fatalf("not an event: %q", s)
	}
	d := event.Draft{Sender: id.User(f[0]), Type: f[1], Content: json.RawMessage(f[3])}
	switch f[2] {
	case "-":
	case "''":
		d.StateKey = ptr("")
	default:
		d.StateKey = &f[2]
	}
	return r.build(d)
}

// with adds state to the room, unchecked.
func (r *room) with(lines ...string) *room {
	r.t.Helper()
	for _, s := range lines {
		r.set(r.line(s))
	}
	return r
}

func is(user, membership string) string {
	return user + " m.room.member " + user + ` {"membership":"` + membership + `"}`
}

func rule(joinRule string) string {
	return boss + ` m.room.join_rules '' {"join_rule":"` + joinRule + `"}`
}

// standard levels: boss 100 (unless a creator needs none), mod 50, others 0.
func (r *room) standard() *room {
	users := `"@mod:a":50`
	if !r.v.PrivilegedCreators {
		users += `,"@boss:a":100`
	}
	return r.with(is(boss, "join"), is(mod, "join"), is(joe, "join"),
		boss+` m.room.power_levels '' {"users":{`+users+`},"events":{"m.room.name":40,"x.high":60},"notifications":{"room":50}}`)
}

// verdict is the number of the rule that refuses, or "ok". Whether the state
// keeps parsed forms must make no difference.
func verdict(t *testing.T, r *room, ev *event.Event) string {
	t.Helper()
	plain, parsed := Check(r.v, ev, r), Check(r.v, ev, r.keep())
	if fmt.Sprint(plain) != fmt.Sprint(parsed) {
		t.Errorf("Check: %v, but %v with a cache", plain, parsed)
	}
	if plain == nil {
		return "ok"
	}
	var refusal *Refusal
	if !errors.As(plain, &refusal) || !errors.Is(plain, ErrRefused) {
		t.Fatalf("Check: %v is no refusal", plain)
	}
	return refusal.Rule
}

func BenchmarkCheck_Message(b *testing.B) {
	r := newRoom(b, "12", `,"additional_creators":["@two:a"]`).standard()
	ev := r.line(joe + ` m.room.message - {"body":"x"}`)
	for name, st := range map[string]State{"cached": r.keep(), "parsing": r} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := Check(r.v, ev, st); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
