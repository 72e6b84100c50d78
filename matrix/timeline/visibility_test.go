package timeline_test

import (
	"encoding/json"
	"strings"
	"testing"

	"wardline/ground/fault"
	"wardline/matrix/id"
	"wardline/matrix/room"
	"wardline/matrix/timeline"
)

// Who may see what, by how the room shows its history, who they are, and when it was said. Digits are the messages that somebody
// sees; "-" is somebody for whom there is no such room. The story of every room:
//
//	frank is in; 0; bob is invited; 1; bob and eve come in, frank leaves; 2; bob leaves, eve is banned; 3; carol and frank come in; 4
var visible = []struct {
	name        string
	first, then string // how history is shown, and how from message 2 on, "" for no change
	sees        map[id.User]string
}{
	{"WorldReadable", "world_readable", "", map[id.User]string{"alice": "01234", "bob": "01234", "carol": "01234", "eve": "01234", "frank": "01234", "dave": "01234"}},
	{"Shared", "shared", "", map[id.User]string{"alice": "01234", "bob": "012", "carol": "01234", "eve": "012", "frank": "01234", "dave": "-"}},
	{"Invited", "invited", "", map[id.User]string{"alice": "01234", "bob": "12", "carol": "4", "eve": "2", "frank": "014", "dave": "-"}},
	{"Joined", "joined", "", map[id.User]string{"alice": "01234", "bob": "2", "carol": "4", "eve": "2", "frank": "014", "dave": "-"}},
	{"NoneThatIsKnown", "nonsense", "", map[id.User]string{"alice": "01234", "bob": "012", "carol": "01234", "eve": "012", "frank": "01234", "dave": "-"}},
	{"SharedThenJoined", "shared", "joined", map[id.User]string{"alice": "01234", "bob": "012", "carol": "014", "eve": "012", "frank": "014", "dave": "-"}},
	{"JoinedThenShared", "joined", "shared", map[id.User]string{"alice": "01234", "bob": "2", "carol": "234", "eve": "2", "frank": "01234", "dave": "-"}},
	{"JoinedThenWorld", "joined", "world_readable", map[id.User]string{"alice": "01234", "bob": "234", "carol": "234", "eve": "234", "frank": "01234", "dave": "234"}},
	{"WorldThenJoined", "world_readable", "joined", map[id.User]string{"alice": "01234", "bob": "012", "carol": "014", "eve": "012", "frank": "014", "dave": "01"}},
	{"InvitedThenShared", "invited", "shared", map[id.User]string{"alice": "01234", "bob": "12", "carol": "234", "eve": "2", "frank": "01234", "dave": "-"}},
}

func TestVisibility(t *testing.T) {
	u := func(name id.User) id.User { return "@" + name + ":hs1" }
	people := []id.User{alice, bob, carol, u("dave"), u("eve"), u("frank")}
	eachWorld(t, people, func(w *world) {
		set := func(r id.Room, visibility string) {
			key := ""
			_, err := w.rooms.Receive(w.t.Context(), r, room.Incoming{Sender: alice, Type: "m.room.history_visibility", StateKey: &key,
				Content: json.RawMessage(`{"history_visibility":"` + visibility + `"}`)})
			w.ok(err)
		}
		for _, c := range visible {
			r := w.room(c.name, u("frank"))
			join := func(who id.User) {
				w.change(alice, who, r, "invite")
				w.change(who, who, r, "join")
			}
			set(r, c.first)
			events := []id.Event{w.say(alice, r, "0")}
			w.change(alice, bob, r, "invite")
			events = append(events, w.say(alice, r, "1"))
			w.change(bob, bob, r, "join")
			join(u("eve"))
			w.change(u("frank"), u("frank"), r, "leave")
			if c.then != "" {
				set(r, c.then)
			}
			events = append(events, w.say(alice, r, "2"))
			w.change(bob, bob, r, "leave")
			w.change(alice, u("eve"), r, "ban")
			events = append(events, w.say(alice, r, "3"))
			join(carol)
			join(u("frank"))
			events = append(events, w.say(alice, r, "4"))
			for name, want := range c.sees {
				for way, got := range w.waysToSee(u(name), r, events) {
					if got != want {
						t.Errorf("%s: %s by %s sees %q, want %q", c.name, name, way, got, want)
					}
				}
			}
			w.ok(w.rooms.Forget(t.Context(), r, bob))
			for way, got := range w.waysToSee(bob, r, events) {
				if got != "-" {
					t.Errorf("%s: bob, who has forgotten, by %s sees %q", c.name, way, got)
				}
			}
		}
	})
}

// waysToSee reads a room's messages in every way there is, each as the digits that were seen.
func (w *world) waysToSee(u id.User, r id.Room, events []id.Event) map[string]string {
	w.t.Helper()
	out := map[string]string{}
	page := func(way string, body []byte, err error) {
		if fault.Is(err, fault.Hidden) {
			out[way] = "-"
			return
		}
		w.ok(err)
		var b struct{ Chunk events_ }
		w.ok(json.Unmarshal(body, &b))
		out[way] = b.Chunk.digits()
	}
	for _, backward := range []bool{true, false} {
		body, err := w.timeline.Messages(w.t.Context(), timeline.PageRequest{User: u, Room: r, Limit: 100, Backward: backward, Filter: &timeline.EventFilter{}})
		page(map[bool]string{true: "messages b", false: "messages f"}[backward], body, err)
	}
	one, around := "", ""
	for i, e := range events {
		if _, err := w.timeline.Event(w.t.Context(), u, "D", r, e); err == nil {
			one += string(rune('0' + i))
		} else if !fault.Is(err, fault.Hidden) {
			w.t.Fatal(err)
		}
		body, err := w.timeline.Context(w.t.Context(), timeline.PageRequest{User: u, Room: r, Limit: 100, Filter: &timeline.EventFilter{}}, e)
		if err != nil {
			continue
		}
		var b struct {
			Before events_ `json:"events_before"`
			After  events_ `json:"events_after"`
			Event  shown
		}
		w.ok(json.Unmarshal(body, &b))
		got := append(append(append(events_{}, b.Before...), events_{b.Event}...), b.After...).digits()
		if around != "" && around != got {
			w.t.Errorf("around event %d %s sees %q, around others %q", i, u, got, around)
		}
		around = got
	}
	if m, err := w.rooms.Standing(w.t.Context(), u, r); err == nil && m.Is != "" { // nobody finds anything where they never were
		words := ""
		for i := range events {
			a := w.search(timeline.SearchRequest{User: u, Term: string(rune('0' + i)), Filter: &timeline.EventFilter{Rooms: []id.Room{r}}})
			words += a.bodies()
		}
		if words == "" {
			words = "-"
		}
		out["search"] = words
	}
	if one == "" {
		one = "-"
	}
	if around == "" {
		around = "-"
	}
	out["event"], out["context"] = one, around
	return out
}

type events_ []shown

// digits are the messages' texts in order, oldest first.
func (l events_) digits() string {
	var list []string
	for _, ev := range l {
		if ev.Type == "m.room.message" {
			list = append(list, ev.Content.Body)
		}
	}
	for i := range list {
		for j := i + 1; j < len(list); j++ {
			if list[j] < list[i] {
				list[i], list[j] = list[j], list[i]
			}
		}
	}
	return strings.Join(list, "")
}

// What goes along with an event that somebody may see must tell no more of the room than the event does.
func TestContext_TellsOutsidersNothingOfTheRoomNow(t *testing.T) {
	dave := id.User("@dave:hs1")
	eachWorld(t, []id.User{alice, bob, dave}, func(w *world) {
		t := w.t.(*testing.T)
		state := func(r id.Room, typ, key, content string) {
			_, err := w.rooms.Receive(t.Context(), r, room.Incoming{Sender: alice, Type: typ, StateKey: &key, Content: json.RawMessage(content)})
			w.ok(err)
		}
		context := func(u id.User, r id.Room, e id.Event) string {
			whole := ""
			for _, filter := range []*timeline.EventFilter{{}, {LazyLoadMembers: true}} {
				body, err := w.timeline.Context(t.Context(), timeline.PageRequest{User: u, Room: r, Limit: 100, Filter: filter}, e)
				w.ok(err)
				page, err := w.timeline.Messages(t.Context(), timeline.PageRequest{User: u, Room: r, Limit: 100, Filter: filter})
				w.ok(err)
				whole += string(body) + string(page)
			}
			return whole
		}
		t.Run("TheWorldCouldLookInOnce", func(t *testing.T) {
			w.t = t
			r := w.room("Open", bob)
			state(r, "m.room.history_visibility", "", `{"history_visibility":"world_readable"}`)
			state(r, "m.room.topic", "", `{"topic":"an open topic"}`)
			e := w.say(alice, r, "hello")
			state(r, "m.room.history_visibility", "", `{"history_visibility":"joined"}`)
			state(r, "m.room.topic", "", `{"topic":"a closed topic"}`)
			state(r, "m.room.member", string(alice), `{"membership":"join","displayname":"a closed name"}`)
			w.say(alice, r, "closed words")
			if got := context(dave, r, e); !strings.Contains(got, "an open topic") || strings.Contains(got, "closed t") || strings.Contains(got, "closed n") || strings.Contains(got, "closed w") {
				t.Errorf("somebody outside sees %s", got)
			}
			if got := context(bob, r, e); !strings.Contains(got, "a closed topic") || !strings.Contains(got, "a closed name") {
				t.Errorf("a member sees %s", got)
			}
		})
		t.Run("WhoKnocksSeesTheDoor", func(t *testing.T) {
			w.t = t
			r := w.room("Shut", bob)
			state(r, "m.room.join_rules", "", `{"join_rule":"knock"}`)
			state(r, "m.room.topic", "", `{"topic":"a closed topic"}`)
			w.change(dave, dave, r, "knock")
			page, err := w.timeline.Messages(t.Context(), timeline.PageRequest{User: dave, Room: r, Limit: 100, Filter: &timeline.EventFilter{}})
			w.ok(err)
			var b struct{ Chunk events }
			w.ok(json.Unmarshal(page, &b))
			if len(b.Chunk) != 1 {
				t.Fatalf("whoever knocks reads %s", page)
			}
			if got := context(dave, r, b.Chunk[0].ID); strings.Contains(got, "closed") || strings.Contains(got, string(bob)) {
				t.Errorf("whoever knocks sees %s", got)
			}
		})
	})
}
