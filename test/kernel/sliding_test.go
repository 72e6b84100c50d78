package kernel

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"context"

	"wardline/ground/run"
)

const unstableSync = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync"

// elementRequired is what Element X asks of each room of its list.
const elementRequired = `[["m.room.name",""],["m.room.encryption",""],["m.room.topic",""],["m.room.avatar",""],["m.room.canonical_alias",""],["m.room.power_levels",""],
	["m.room.join_rules",""],["m.room.tombstone",""],["m.room.create",""],["m.room.history_visibility",""],["io.element.functional_members",""],["m.space.parent","*"],
	["m.space.child","*"],["org.matrix.msc3672.beacon_info","*"],["org.matrix.msc3401.call.member","*"],["m.room.member","$LAZY"],["m.room.member","$ME"]]`

// slid is an answer of sliding sync, as far as these tests look at it.
type slid struct {
	Pos   string
	Lists map[string]struct{ Count int }
	Rooms map[string]struct {
		Initial    bool
		Expanded   bool `json:"unstable_expanded_timeline"`
		Limited    bool
		Membership string
		Name       *string
		Bump       int64 `json:"bump_stamp"`
		Timeline   []slidEvent
		Required   []slidEvent `json:"required_state"`
		Invite     []slidEvent `json:"invite_state"`
		Stripped   []slidEvent `json:"stripped_state"`
		Heroes     []struct {
			User string `json:"user_id"`
			Name string `json:"displayname"`
		}
		Joined int `json:"joined_count"`
		Live   int `json:"num_live"`
		Unread int `json:"notification_count"`
		Prev   string
	}
	Extensions struct {
		ToDevice *struct {
			Next   string `json:"next_batch"`
			Events []slidEvent
		} `json:"to_device"`
		E2EE *struct {
			Counts map[string]int `json:"device_one_time_keys_count"`
			Unused []string       `json:"device_unused_fallback_key_types"`
			Lists  *struct{ Changed, Left []string }
		}
		Data struct {
			Global []slidEvent
			Rooms  map[string][]slidEvent
		} `json:"account_data"`
		Receipts, Typing struct{ Rooms map[string]json.RawMessage }
	}
}

type slidEvent struct {
	ID       string `json:"event_id"`
	Type     string
	StateKey *string `json:"state_key"`
	Sender   string
	Content  struct{ Body, Membership string }
}

func bodies(events []slidEvent) []string {
	out := []string{}
	for _, e := range events {
		if e.Type == "m.room.message" {
			out = append(out, e.Content.Body)
		}
	}
	return out
}

// members are whose member events are in a list.
func members(events []slidEvent) string {
	var out []string
	for _, e := range events {
		if e.Type == "m.room.member" {
			out = append(out, strings.TrimSuffix(strings.TrimPrefix(*e.StateKey, "@"), ":hs1"))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func (w *world) slide(who, pos string, wait time.Duration, body string) slid {
	w.t.Helper()
	q := url.Values{"timeout": {strconv.Itoa(int(wait.Milliseconds()))}}
	if pos != "" {
		q.Set("pos", pos)
	}
	return w.read(w.must(who, "POST", unstableSync+"?"+q.Encode(), body))
}

func (w *world) read(a answer) slid {
	w.t.Helper()
	var s slid
	if err := json.Unmarshal(a.Raw, &s); err != nil {
		w.t.Fatalf("%v in %s", err, a.Raw)
	}
	return s
}

func roomList(last int, more string) string {
	return fmt.Sprintf(`{"conn_id":"room-list","lists":{"all_rooms":{"ranges":[[0,%d]],"timeline_limit":1,"required_state":%s,"filters":{"not_room_types":["m.space"]}}},
		"extensions":{"account_data":{"enabled":true},"receipts":{"enabled":true,"rooms":["*"]},"typing":{"enabled":true}}%s}`, last, elementRequired, more)
}

func encryption(since string) string {
	if since != "" {
		since = `,"since":"` + since + `"`
	}
	return `{"conn_id":"encryption","extensions":{"to_device":{"enabled":true` + since + `},"e2ee":{"enabled":true}}}`
}

// TestElementX replays what Element X sends: two connections of one device, the list in growing windows, a room that is opened, and
// the encryption loop beside it.
func TestElementX(t *testing.T) {
	w := newWorld(t)
	room := w.vars["roomId"]
	if v := w.must("", "GET", "/_matrix/client/versions", ""); mapOf(v.Body["unstable_features"])["org.matrix.simplified_msc3575"] != true {
		t.Fatalf("the feature is not announced: %s", v.Raw)
	}
	for i := range 30 {
		w.make("bob", fmt.Sprintf(`{"name":"Room %d"}`, i))
	}
	w.make("bob", `{"name":"A space","creation_content":{"type":"m.space"}}`)
	for i := range 25 {
		w.say("alice", room, strconv.Itoa(i))
	}
	w.must("bob", "PUT", v3+"user/{userId}/rooms/{roomId}/account_data/m.fully_read_by_me", `{"a":1}`)
	w.must("bob", "POST", v3+"keys/upload", `{"one_time_keys":{"signed_curve25519:A":{"key":"k"}},"fallback_keys":{"signed_curve25519:F":{"key":"f","fallback":true}}}`)

	first := w.slide("bob", "", 0, roomList(19, ""))
	enc := w.slide("bob", "", 0, encryption(""))
	t.Run("FirstWindow", func(t *testing.T) {
		r := first.Rooms[room]
		if first.Lists["all_rooms"].Count != 31 || len(first.Rooms) != 20 {
			t.Fatalf("%d of %d rooms, want 20 of 31 without the space", len(first.Rooms), first.Lists["all_rooms"].Count)
		}
		if !r.Initial || !slices.Equal(bodies(r.Timeline), []string{"24"}) || !r.Limited || r.Joined != 2 || r.Name == nil || *r.Name != "Room" || r.Bump == 0 {
			t.Errorf("the newest room is %+v", r)
		}
		if got := members(r.Required); got != "alice bob" {
			t.Errorf("members sent are %q, want who speaks and oneself", got)
		}
		if len(first.Extensions.Data.Global) == 0 || len(first.Extensions.Data.Rooms[room]) != 1 {
			t.Errorf("account data: %+v", first.Extensions.Data)
		}
		if first.Extensions.ToDevice != nil || first.Extensions.E2EE != nil {
			t.Error("the room list got extensions that it did not ask for")
		}
	})
	t.Run("Encryption", func(t *testing.T) {
		if len(enc.Rooms) != 0 || enc.Extensions.E2EE == nil || enc.Extensions.E2EE.Counts["signed_curve25519"] != 1 ||
			!slices.Equal(enc.Extensions.E2EE.Unused, []string{"signed_curve25519"}) || enc.Extensions.ToDevice == nil || enc.Extensions.ToDevice.Next == "" {
			t.Errorf("%+v", enc)
		}
	})
	grown := w.slide("bob", first.Pos, time.Minute, roomList(99, ""))
	t.Run("GrownWindow", func(t *testing.T) {
		if len(grown.Rooms) != 11 || grown.Rooms[room].Initial {
			t.Errorf("%d rooms came with the grown window, want the eleven that were missing", len(grown.Rooms))
		}
	})
	open := w.slide("bob", grown.Pos, time.Minute, roomList(99, `,"room_subscriptions":{"`+room+`":{"timeline_limit":20,"required_state":`+elementRequired+`}}`))
	t.Run("OpenedRoom", func(t *testing.T) {
		r := open.Rooms[room]
		if len(open.Rooms) != 1 || r.Initial || !r.Expanded || len(r.Timeline) != 20 || r.Live != 0 {
			t.Errorf("%d rooms; expanded %v with %d events, %d live; want at once the 20 newest of the room", len(open.Rooms), r.Expanded, len(r.Timeline), r.Live)
		}
	})
	w.say("alice", room, "live")
	live := w.slide("bob", open.Pos, time.Minute, roomList(99, ""))
	t.Run("Live", func(t *testing.T) {
		r := live.Rooms[room]
		if len(live.Rooms) != 1 || !slices.Equal(bodies(r.Timeline), []string{"live"}) || r.Live != 1 || r.Limited || r.Name != nil || len(r.Required) != 0 || r.Unread != 27 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("ToDeviceBelongsToItsLoop", func(t *testing.T) {
		w.must("alice", "PUT", v3+"sendToDevice/m.x/{txnId}", `{"messages":{"@bob:hs1":{"*":{}}}}`)
		w.must("alice", "POST", v3+"keys/upload", `{"device_keys":{"user_id":"@alice:hs1","device_id":"{device of alice}","keys":{}}}`)
		got := w.slide("bob", enc.Pos, time.Minute, encryption(enc.Extensions.ToDevice.Next))
		if n := len(got.Extensions.ToDevice.Events); n != 1 || got.Extensions.E2EE.Lists != nil && len(got.Extensions.E2EE.Lists.Changed) != 1 {
			t.Errorf("%d messages, %+v", n, got.Extensions.E2EE)
		}
		// The room list's next position proves nothing about messages; the lost answer comes again.
		w.slide("bob", live.Pos, 0, roomList(99, ""))
		again := w.slide("bob", enc.Pos, 0, encryption(enc.Extensions.ToDevice.Next))
		if n := len(again.Extensions.ToDevice.Events); n != 1 {
			t.Errorf("asked again: %d messages, want the one", n)
		}
		after := w.slide("bob", again.Pos, 0, encryption(again.Extensions.ToDevice.Next))
		if n := len(after.Extensions.ToDevice.Events); n != 0 {
			t.Errorf("acknowledged, and still %d messages", n)
		}
		// Acknowledged is gone, whoever asks with an older token.
		if old := w.slide("bob", after.Pos, 0, encryption(enc.Extensions.ToDevice.Next)); len(old.Extensions.ToDevice.Events) != 0 {
			t.Errorf("an acknowledged message came again: %+v", old.Extensions.ToDevice)
		}
	})
}

// TestElementX_BothLoopsWait lets both connections of a device wait at once: each answers what is its own, at once.
func TestElementX_BothLoopsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		list, enc := w.slide("bob", "", 0, roomList(19, "")), w.slide("bob", "", 0, encryption(""))
		began := time.Now()
		err := run.All(t.Context(), func(context.Context) error {
			got := w.slide("bob", enc.Pos, time.Minute, encryption(enc.Extensions.ToDevice.Next))
			if len(got.Extensions.ToDevice.Events) != 1 || time.Since(began) != time.Second {
				t.Errorf("the encryption loop got %+v after %v, want its message after a second", got.Extensions.ToDevice, time.Since(began))
			}
			return nil
		}, func(context.Context) error {
			got := w.slide("bob", list.Pos, time.Minute, roomList(19, ""))
			if len(got.Rooms) != 1 || time.Since(began) != 2*time.Second {
				t.Errorf("the room list got %d rooms after %v, want one after two seconds", len(got.Rooms), time.Since(began))
			}
			return nil
		}, func(context.Context) error {
			<-time.After(time.Second)
			w.must("alice", "PUT", v3+"sendToDevice/m.x/1", `{"messages":{"@bob:hs1":{"*":{}}}}`)
			<-time.After(time.Second)
			w.say("alice", w.vars["roomId"], "x")
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

const stableSync = "/_matrix/client/v4/sync"

// TestSliding_Rules are the accepted form's rules about requests.
func TestSliding_Rules(t *testing.T) {
	w := newWorld(t)
	many := func(n int, f string) string {
		var parts []string
		for i := range n {
			parts = append(parts, fmt.Sprintf(f, i))
		}
		return strings.Join(parts, ",")
	}
	first := w.read(w.must("bob", "POST", stableSync, `{"lists":{"a":{"timeline_limit":1,"required_state":{}}}}`))
	for _, c := range []struct{ name, body, code string }{
		{"ErrManyLists", `{"lists":{` + many(101, `"l%d":{"timeline_limit":1}`) + `}}`, "M_INVALID_PARAM"},
		{"ErrManySubscriptions", `{"room_subscriptions":{` + many(101, `"!r%d:hs1":{"timeline_limit":1}`) + `}}`, "M_INVALID_PARAM"},
		{"ErrListName", `{"lists":{"a b":{"timeline_limit":1}}}`, "M_INVALID_PARAM"},
		{"ErrRange", `{"lists":{"a":{"timeline_limit":1,"range":[5,1]}}}`, "M_INVALID_PARAM"},
		{"ErrPresence", `{"set_presence":"asleep"}`, "M_INVALID_PARAM"},
		{"ErrNegativeLimit", `{"room_subscriptions":{"!r:hs1":{"timeline_limit":-1}}}`, "M_INVALID_PARAM"},
		{"ErrConnName", `{"conn_id":"` + strings.Repeat("x", 300) + `"}`, "M_INVALID_PARAM"},
		{"ErrUnknownPos", `{"pos":"nonsense"}`, "M_UNKNOWN_POS"},
		{"ErrOtherConnection", `{"conn_id":"other","pos":"` + first.Pos + `"}`, "M_UNKNOWN_POS"},
		{"ErrFutureSince", `{"extensions":{"to_device":{"enabled":true,"since":"s9999999_0"}}}`, "M_INVALID_PARAM"},
	} {
		if got := w.ask("bob", "POST", stableSync, c.body); got.Status != 400 || got.text("errcode") != c.code {
			t.Errorf("%s: %d %s, want 400 %s", c.name, got.Status, got.Raw, c.code)
		}
	}
	if got := w.ask("alice", "POST", stableSync, `{"pos":"`+first.Pos+`"}`); got.text("errcode") != "M_UNKNOWN_POS" {
		t.Errorf("somebody else's pos: %d %s", got.Status, got.Raw)
	}
	page := w.must("bob", "GET", v3+"rooms/{roomId}/messages?dir=b&from="+url.QueryEscape(first.Pos), "")
	if !strings.Contains(string(page.Raw), "hello") {
		t.Errorf("a pos as a place in history: %s", page.Raw)
	}
	// Rooms that do not exist, or that somebody may not see, are passed over alike.
	if got := w.read(w.must("mallory", "POST", stableSync, `{"room_subscriptions":{"{roomId}":{"timeline_limit":5,"required_state":{"include":[{}]}},"!none:hs1":{"timeline_limit":5}}}`)); len(got.Rooms) != 0 {
		t.Errorf("mallory sees %v", got.Rooms)
	}
}

// TestSliding_RequiredState asks in both forms for everything with members as needed, and for some members by name.
func TestSliding_RequiredState(t *testing.T) {
	w := newWorld(t)
	w.signUp("carol", "dave")
	for _, who := range []string{"carol", "dave"} {
		w.must("alice", "POST", v3+"rooms/{roomId}/invite", `{"user_id":"@`+who+`:hs1"}`)
		w.must(who, "POST", v3+"join/{roomId}", `{}`)
	}
	w.say("carol", w.vars["roomId"], "I speak")
	for _, c := range []struct{ name, path, required, want string }{
		{"stable, everything", stableSync, `{"include":[{}]}`, "alice bob carol dave"},
		{"stable, everything, lazy", stableSync, `{"include":[{}],"lazy_members":true}`, "carol"},
		{"stable, and one by name", stableSync, `{"include":[{},{"type":"m.room.member","state_key":"@dave:hs1"}],"lazy_members":true}`, "carol dave"},
		{"stable, all but one", stableSync, `{"include":[{}],"exclude":[{"type":"m.room.member","state_key":"@dave:hs1"}]}`, "alice bob carol"},
		{"stable, one key of any type", stableSync, `{"include":[{"state_key":"@dave:hs1"}]}`, "dave"},
		{"unstable, everything", unstableSync, `[["*","*"]]`, "alice bob carol dave"},
		{"unstable, lazy and me", unstableSync, `[["*","*"],["m.room.member","$ME"],["m.room.member","$LAZY"]]`, "bob carol"},
		{"unstable, none", unstableSync, `[["m.room.name",""]]`, ""},
	} {
		got := w.read(w.must("bob", "POST", c.path, `{"room_subscriptions":{"{roomId}":{"timeline_limit":1,"required_state":`+c.required+`}}}`))
		state := got.Rooms[w.vars["roomId"]].Required
		if members(state) != c.want {
			t.Errorf("%s: members %q, want %q", c.name, members(state), c.want)
		}
		if full := strings.Contains(c.required, `{}`) || strings.Contains(c.required, `"*","*"`); full != slices.ContainsFunc(state, func(e slidEvent) bool { return e.Type == "m.room.create" }) {
			t.Errorf("%s: the create event is there or not, against what was asked", c.name)
		}
	}
}

// TestSliding_InvitesAndEnds follows an invitation that is turned down, and one that is accepted and ends in a ban.
func TestSliding_InvitesAndEnds(t *testing.T) {
	w := newWorld(t)
	list := `"lists":{"a":{"timeline_limit":5,"required_state":{"include":[{"type":"m.room.name"}]}}}`
	ask := func(pos string) slid {
		body := `{` + list + `}`
		if pos != "" {
			body = `{"pos":"` + pos + `",` + list + `}`
		}
		return w.read(w.must("mallory", "POST", stableSync, body))
	}
	s := ask("")
	room := w.vars["roomId"]
	w.must("alice", "POST", v3+"rooms/{roomId}/invite", `{"user_id":"@mallory:hs1"}`)
	s = ask(s.Pos)
	if r := s.Rooms[room]; r.Membership != "invite" || len(r.Stripped) == 0 || len(r.Timeline) != 0 || len(r.Required) != 0 || s.Lists["a"].Count != 1 {
		t.Errorf("invited: %+v", r)
	}
	w.must("mallory", "POST", v3+"rooms/{roomId}/leave", `{}`)
	s = ask(s.Pos)
	if r := s.Rooms[room]; r.Membership != "leave" || len(r.Stripped) != 1 || len(r.Timeline) != 0 {
		t.Errorf("turned down: %+v", r)
	}
	w.must("alice", "POST", v3+"rooms/{roomId}/invite", `{"user_id":"@mallory:hs1"}`)
	w.must("mallory", "POST", v3+"join/{roomId}", `{}`)
	s = ask(s.Pos)
	if r := s.Rooms[room]; !r.Initial || r.Membership != "join" || len(r.Timeline) == 0 || len(r.Required) != 1 {
		t.Errorf("joined: %+v", r)
	}
	w.say("alice", room, "before the end")
	w.must("alice", "POST", v3+"rooms/{roomId}/ban", `{"user_id":"@mallory:hs1"}`)
	w.say("alice", room, "after the end")
	s = ask(s.Pos)
	if r := s.Rooms[room]; r.Membership != "ban" || !slices.Equal(bodies(r.Timeline), []string{"before the end"}) {
		t.Errorf("banned: %+v", r)
	}
	w.say("alice", room, "much later")
	if s = ask(s.Pos); len(s.Rooms) != 0 {
		t.Errorf("banned, and still told: %+v", s.Rooms)
	}
	// A client that begins is told of a ban that it may not have seen, and of nothing after it.
	if r := ask("").Rooms[room]; r.Membership != "ban" || slices.Contains(bodies(r.Timeline), "much later") {
		t.Errorf("from the start: %+v", r)
	}
}

// TestSliding_Extensions limits extensions to lists and rooms, and sends of receipts only what stands on the events sent.
func TestSliding_Extensions(t *testing.T) {
	w := newWorld(t)
	one, two := w.vars["roomId"], w.make("bob", `{"name":"Two"}`)
	old := w.vars["eventId"]
	w.must("alice", "POST", v3+"rooms/{roomId}/receipt/m.read/{eventId}", `{}`)
	w.must("bob", "POST", v3+"rooms/{roomId}/receipt/m.read.private/{eventId}", `{}`)
	for i := range 3 {
		w.say("bob", one, strconv.Itoa(i))
	}
	w.must("bob", "PUT", v3+"user/{userId}/rooms/{roomId}/account_data/u.one", `{}`)
	w.must("bob", "PUT", v3+"user/{userId}/rooms/"+two+"/account_data/u.two", `{}`)
	ask := func(limit int, ext string) slid {
		return w.read(w.must("bob", "POST", stableSync, fmt.Sprintf(`{"lists":{"a":{"range":[0,0],"timeline_limit":%d,"required_state":{}}},"room_subscriptions":{"%s":{"timeline_limit":%d,"required_state":{}}},
			"extensions":{"account_data":{"enabled":true%s},"receipts":{"enabled":true}}}`, limit, two, limit, ext)))
	}
	got := ask(1, "")
	if data := got.Extensions.Data.Rooms; len(data[one]) != 1 || len(data[two]) != 1 {
		t.Errorf("account data of %v, want both rooms", data)
	}
	if r := string(got.Extensions.Receipts.Rooms[one]); strings.Contains(r, "@alice:hs1") || !strings.Contains(r, "@bob:hs1") || !strings.Contains(r, "m.read.private") {
		t.Errorf("receipts %s, want one's own only: the event of alice's is not sent", r)
	}
	if r := string(ask(20, "").Extensions.Receipts.Rooms[one]); !strings.Contains(r, "@alice:hs1") || !strings.Contains(r, old) {
		t.Errorf("receipts %s, want alice's, whose event is sent", r)
	}
	if data := ask(1, `,"lists":["a"],"rooms":[]`).Extensions.Data.Rooms; len(data[one]) != 1 || len(data[two]) != 0 {
		t.Errorf("account data of %v, want the list's room", data)
	}
	if data := ask(1, `,"lists":[],"rooms":["`+two+`"]`).Extensions.Data.Rooms; len(data[one]) != 0 || len(data[two]) != 1 {
		t.Errorf("account data of %v, want the subscribed room", data)
	}
	// A room's account data comes when the room does, however old it is.
	narrow := w.read(w.must("bob", "POST", stableSync, `{"lists":{"a":{"range":[0,0],"timeline_limit":1,"required_state":{}}},"extensions":{"account_data":{"enabled":true}}}`))
	if len(narrow.Extensions.Data.Rooms) != 1 {
		t.Errorf("account data of %v, want that of the room in the window", narrow.Extensions.Data.Rooms)
	}
	wide := w.read(w.must("bob", "POST", stableSync, `{"pos":"`+narrow.Pos+`","lists":{"a":{"range":[0,9],"timeline_limit":1,"required_state":{}}},"extensions":{"account_data":{"enabled":true}}}`))
	if len(wide.Extensions.Data.Rooms) != 1 || len(wide.Extensions.Data.Rooms[two]) != 1 {
		t.Errorf("account data of %v, want that of the room that came in", wide.Extensions.Data.Rooms)
	}
}
