//go:build goexperiment.jsonv2

package oracle

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"maunium.net/go/mautrix/federation/eventauth"
	"maunium.net/go/mautrix/federation/pdu"
	mid "maunium.net/go/mautrix/id"

	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room/internal/auth"
)

var people = []string{"@boss:a", "@two:a", "@mod:a", "@joe:a", "@eve:b", "@x:b"}

// world is a room in a random state, most of it not reachable by allowed
// events: the rules must agree there too.
type world struct {
	dice
	v      *event.Version
	create *event.Event
	state  auth.Events
}

func (w *world) build(t *testing.T, d event.Draft) *event.Event {
	t.Helper()
	if d.Type != event.TypeCreate || !w.v.HashedRoomID {
		d.Room = "!r:a"
		if w.v.HashedRoomID {
			d.Room = w.create.RoomID
		}
	}
	if d.PrevEvents == nil && d.Type != event.TypeCreate {
		d.PrevEvents = []id.Event{id.Event("$" + w.name())}
	}
	ev, err := event.Build(w.v, d)
	if err != nil {
		t.Fatalf("Build %s %s: %v", d.Type, d.Content, err)
	}
	return ev
}

func newWorld(t *testing.T, v *event.Version, d dice) *world {
	w := &world{dice: d, v: v}
	content := map[string]any{"room_version": v.ID, "creator": people[0]}
	if d.chance(2) {
		content["additional_creators"] = []string{people[1]}
	}
	if d.chance(6) {
		content["m.federate"] = false
	}
	w.create = w.build(t, event.Draft{Sender: id.User(people[0]), Type: event.TypeCreate, StateKey: new(string), Content: d.encode(content)})
	w.state = append(w.state, w.create)
	if !d.chance(6) {
		w.state = append(w.state, w.build(t, w.powerLevels(w.v.PrivilegedCreators)))
	}
	if !d.chance(4) {
		w.state = append(w.state, w.build(t, w.joinRules()))
	}
	for _, u := range people {
		if d.chance(6) {
			continue
		}
		m := one(d, "join", "join", "join", "invite", "leave", "ban", "knock")
		w.state = append(w.state, w.build(t, event.Draft{Sender: id.User(u), Type: event.TypeMember, StateKey: &u,
			Content: d.encode(map[string]any{"membership": m})}))
	}
	return w
}

func (w *world) level() any {
	n := one(w.dice, 0, 0, 10, 49, 50, 50, 51, 100, -1)
	if !w.v.IntegerPower && w.chance(6) {
		return fmt.Sprintf(" %d ", n)
	}
	return n
}

// powerLevels are well formed, except rarely.
func (w *world) powerLevels(withoutCreators bool) event.Draft {
	c := map[string]any{}
	for _, k := range []string{"users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"} {
		if w.chance(3) {
			c[k] = w.level()
		}
	}
	users := map[string]any{}
	for i, u := range people {
		if w.chance(2) && !(withoutCreators && i < 2) {
			users[u] = w.level()
		}
	}
	if !w.chance(6) {
		c["users"] = users
	}
	for _, k := range []string{"events", "notifications"} {
		if w.chance(2) {
			c[k] = map[string]any{"m.room.power_levels": w.level(), "room": w.level(), "x.y": w.level()}
		}
	}
	return event.Draft{Sender: w.user(), Type: event.TypePowerLevels, StateKey: new(string), Content: w.encode(c)}
}

// adjusted are the room's power levels with one thing changed or added.
func (w *world) adjusted() event.Draft {
	d := w.powerLevels(true)
	ev := w.state.Get(event.TypePowerLevels, "")
	if ev == nil {
		return d
	}
	var c map[string]any
	if err := json.Unmarshal(ev.Content, &c); err != nil {
		panic(err)
	}
	k := one(w.dice, "users", "users", "events", "notifications", "ban", "state_default", "users_default")
	switch m := c[k].(type) {
	case map[string]any:
		m[one(w.dice, people[2], people[3], people[4], "x.y", "room")] = w.level()
		if k == "users" {
			delete(m, "x.y")
			delete(m, "room")
		}
	default:
		if !w.chance(3) {
			c[k] = w.level()
		} else {
			delete(c, k)
		}
		if k == "users" || k == "events" || k == "notifications" {
			c[k] = map[string]any{people[3]: w.level()}
		}
	}
	d.Content = w.encode(c)
	return d
}

// spoil breaks the content of power levels now and then.
func (w *world) spoil(d event.Draft) event.Draft {
	broken := one(w.dice, `{"ban":"x"}`, `{"ban":null}`, `{"users":[]}`, `{"users":{"joe":1}}`, `{"users":{"@joe:a":"x"}}`,
		`{"users":{"@joe:a":{}}}`, `{"events":[]}`, `{"events":{"x":"y"}}`, `{"notifications":1}`, `{}`)
	if w.chance(8) {
		d.Content = []byte(broken)
	}
	return d
}

func (w *world) joinRules() event.Draft {
	c := map[string]any{}
	if !w.chance(12) {
		c["join_rule"] = one(w.dice, "public", "invite", "knock", "restricted", "knock_restricted", "private", "?")
	}
	return event.Draft{Sender: w.user(), Type: event.TypeJoinRules, StateKey: new(string), Content: w.encode(c)}
}

func (w *world) user() id.User { return id.User(one(w.dice, people...)) }

func (w *world) draft() event.Draft {
	switch w.IntN(10) {
	case 0:
		return w.spoil(w.powerLevels(w.chance(2)))
	case 1, 2:
		return w.spoil(w.adjusted())
	case 3:
		return w.joinRules()
	case 4:
		return event.Draft{Sender: w.user(), Type: one(w.dice, "m.room.message", "x.y", event.TypeThirdPartyInvite, event.TypeRedaction)}
	case 5:
		key := one(w.dice, "", "k", people[1], people[3])
		return event.Draft{Sender: w.user(), Type: one(w.dice, "m.room.name", "x.y", event.TypeThirdPartyInvite), StateKey: &key}
	}
	sender := w.user()
	target := string(sender)
	if w.chance(2) {
		target = string(w.user())
	}
	c := map[string]any{"membership": one(w.dice, "join", "join", "invite", "leave", "ban", "knock", "?")}
	if c["membership"] == "join" && w.chance(2) {
		c["join_authorised_via_users_server"] = w.user()
	}
	d := event.Draft{Sender: sender, Type: event.TypeMember, StateKey: &target, Content: w.encode(c)}
	if w.chance(4) {
		d.PrevEvents = []id.Event{w.create.ID}
	}
	return d
}

// The verdicts agree in random rooms. Not compared are invitations by way of
// third parties, whose keys the other side looks for in the wrong event.
func TestAuth(t *testing.T) {
	for _, v := range event.Versions {
		t.Run(v.ID, func(t *testing.T) {
			d := newDice(3)
			allowed, skipped := 0, 0
			for range 2 * rounds {
				w := newWorld(t, v, d)
				for range 4 {
					ev := w.build(t, w.draft())
					theirs, ok := w.theirs(t, ev)
					if !ok {
						skipped++
						continue
					}
					ours := auth.Check(v, ev, w.state)
					if (ours == nil) != (theirs == nil) {
						t.Fatalf("%s\nin %s\nours   %v\ntheirs %v", ev.JSON, w.show(), ours, theirs)
					}
					if ours == nil {
						allowed++
					}
				}
			}
			t.Logf("%d of %d allowed, %d skipped", allowed, 8*rounds, skipped)
			if allowed < rounds*2/3 || skipped > rounds {
				t.Errorf("the sample is poor: %d allowed, %d skipped of %d", allowed, skipped, 8*rounds)
			}
		})
	}
}

func (w *world) show() string {
	var out []byte
	for _, ev := range w.state {
		out = append(append(out, ev.JSON...), '\n')
	}
	return string(out)
}

// theirs is the verdict of the other side, which has none where it panics: it
// does so when a user is removed from the power levels.
func (w *world) theirs(t *testing.T, ev *event.Event) (verdict error, ok bool) {
	t.Helper()
	version := mid.RoomVersion(w.v.ID)
	raw := ev.JSON
	for _, s := range event.Signers(ev) {
		raw = event.Sign(ev, s, "ed25519:k", secret)
		signed, err := event.Load(w.v, ev.ID, raw)
		if err != nil {
			t.Fatal(err)
		}
		ev = signed
	}
	p := read(t, raw)
	if via, _ := event.Text(event.Field(ev.Content, "join_authorised_via_users_server")); via != "" && !w.v.Restricted {
		return nil, false // the other side wants a signature before the rule exists
	}
	selection := p.AuthEventSelection(version)
	var known []*pdu.PDU
	var ours []pdu.StateKey
	for _, k := range auth.AuthTypes(w.v, &event.Draft{Type: ev.Type, Sender: ev.Sender, StateKey: ev.StateKey, Content: ev.Content}) {
		ours = append(ours, pdu.StateKey(k))
		if a := w.state.Get(k.Type, k.StateKey); a != nil {
			known = append(known, read(t, a.JSON))
		}
	}
	if !slices.Equal(ours, selection) {
		t.Fatalf("auth events of %s: ours %v, theirs %v", ev.JSON, ours, selection)
	}
	if known == nil {
		known = []*pdu.PDU{}
	}
	defer func() {
		if recover() != nil {
			verdict, ok = nil, false
		}
	}()
	return eventauth.Authorize(version, p, known, func([]mid.EventID) ([]*pdu.PDU, error) {
		return []*pdu.PDU{read(t, w.create.JSON)}, nil
	}, keys), true
}
