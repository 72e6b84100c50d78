package kernel

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// syncs asks for what is new with a filter.
func (w *world) syncs(who, since, filter string) answer {
	w.t.Helper()
	path := v3 + "sync?filter=" + url.QueryEscape(filter)
	if since != "" {
		path += "&since=" + url.QueryEscape(since)
	}
	return w.must(who, "GET", path, "")
}

// in is a room's part of a sync's answer.
func in(a answer, section, room string) map[string]any {
	return mapOf(mapOf(mapOf(a.Body["rooms"])[section])[room])
}

func texts(v any) string {
	var all []string
	for _, ev := range list(mapOf(v)["events"]) {
		if body, ok := mapOf(ev["content"])["body"].(string); ok {
			all = append(all, body)
		}
	}
	return strings.Join(all, " ")
}

// people are the state keys of the member events in a list.
func people(v any) string {
	var all []string
	for _, ev := range list(mapOf(v)["events"]) {
		if ev["type"] == "m.room.member" {
			all = append(all, strings.TrimSuffix(ev["state_key"].(string), ":hs1"))
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// TestSync_Filters says a few things and asks for them in every way that a filter knows.
func TestSync_Filters(t *testing.T) {
	w := newWorld(t)
	r, other := w.vars["roomId"], w.make("bob", `{}`)
	first := w.syncs("bob", "", `{}`).text("next_batch")
	w.say("alice", r, "one")
	w.say("bob", r, "two")
	w.send("alice", r, "m.room.message", `{"body":"three","url":"mxc://hs1/x"}`)
	w.send("alice", r, "x.y", `{"body":"four"}`)
	w.say("bob", other, "five")
	w.must("alice", "PUT", room(r)+"typing/@alice:hs1", `{"typing":true}`)
	w.must("bob", "PUT", v3+"user/@bob:hs1/rooms/"+url.PathEscape(r)+"/account_data/x", `{"a":1}`)
	for _, c := range []struct {
		name, filter, here, there string
	}{
		{"OKNone", `{}`, "one two three four", "five"},
		{"Types", `{"room":{"timeline":{"types":["m.room.*"]}}}`, "one two three", "five"},
		{"NotTypes", `{"room":{"timeline":{"not_types":["*.message"]}}}`, "four", ""},
		{"NotTypesWins", `{"room":{"timeline":{"types":["x.y"],"not_types":["x.*"]}}}`, "", ""},
		{"NoTypes", `{"room":{"timeline":{"types":[]}}}`, "", ""},
		{"Senders", `{"room":{"timeline":{"senders":["@bob:hs1"]}}}`, "two", "five"},
		{"NotSenders", `{"room":{"timeline":{"not_senders":["@bob:hs1"]}}}`, "one three four", ""},
		{"WithURL", `{"room":{"timeline":{"contains_url":true}}}`, "three", ""},
		{"WithoutURL", `{"room":{"timeline":{"contains_url":false}}}`, "one two four", "five"},
		{"Limit", `{"room":{"timeline":{"limit":2}}}`, "three four", "five"},
		{"LimitNone", `{"room":{"timeline":{"limit":0}}}`, "", ""},
		{"Rooms", `{"room":{"rooms":["` + r + `"]}}`, "one two three four", ""},
		{"NotRooms", `{"room":{"not_rooms":["` + r + `"]}}`, "", "five"},
		{"TimelineRooms", `{"room":{"timeline":{"not_rooms":["` + r + `"]}}}`, "", "five"},
		{"RoomsOfBoth", `{"room":{"rooms":["` + r + `","` + other + `"],"timeline":{"rooms":["` + other + `"]}}}`, "", "five"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := w.syncs("bob", first, c.filter)
			if here, there := texts(in(a, "join", r)["timeline"]), texts(in(a, "join", other)["timeline"]); here != c.here || there != c.there {
				t.Errorf("got %q and %q, want %q and %q", here, there, c.here, c.there)
			}
		})
	}
	t.Run("Ephemeral", func(t *testing.T) {
		for filter, want := range map[string]int{`{}`: 1, `{"room":{"ephemeral":{"not_types":["m.typing"]}}}`: 0, `{"room":{"ephemeral":{"not_rooms":["` + r + `"]}}}`: 0} {
			if got := list(mapOf(in(w.syncs("bob", first, filter), "join", r)["ephemeral"])["events"]); len(got) != want {
				t.Errorf("%s: %v, want %d", filter, got, want)
			}
		}
	})
	t.Run("AccountData", func(t *testing.T) {
		for filter, want := range map[string]int{`{}`: 1, `{"room":{"account_data":{"types":["y"]}}}`: 0, `{"room":{"account_data":{"rooms":[]}}}`: 0} {
			if got := list(mapOf(in(w.syncs("bob", first, filter), "join", r)["account_data"])["events"]); len(got) != want {
				t.Errorf("%s: %v, want %d", filter, got, want)
			}
		}
	})
	t.Run("Fields", func(t *testing.T) {
		a := w.syncs("bob", first, `{"event_fields":["type","content.body","unsigned.none","content.a\\.b"],"room":{"timeline":{"limit":1}}}`)
		ev := list(mapOf(in(a, "join", r)["timeline"])["events"])[0]
		if len(ev) != 2 || ev["type"] != "x.y" || len(mapOf(ev["content"])) != 1 {
			t.Errorf("got %v, want type and content.body alone", ev)
		}
	})
	t.Run("Federation", func(t *testing.T) {
		a := w.syncs("bob", first, `{"event_format":"federation","room":{"timeline":{"limit":1}}}`)
		ev := list(mapOf(in(a, "join", r)["timeline"])["events"])[0]
		if ev["auth_events"] == nil || ev["hashes"] == nil || ev["event_id"] != nil {
			t.Errorf("got %v, want the form of servers", ev)
		}
	})
	w.want("bob", "GET", v3+"sync?filter="+url.QueryEscape(`{"event_format":"xml"}`), "", 400, "M_INVALID_PARAM")
	w.want("bob", "GET", v3+"sync?filter=none", "", 400, "M_INVALID_PARAM")
}

// TestSync_LazyMembers sends people once, as long as the device proves that it has got them.
func TestSync_LazyMembers(t *testing.T) {
	w := newWorld(t)
	w.signUp("carol")
	r := w.vars["roomId"]
	w.must("alice", "POST", room(r)+"invite", `{"user_id":"@carol:hs1"}`)
	w.must("carol", "POST", room(r)+"join", `{}`)
	w.say("alice", r, "begin")
	const lazy = `{"room":{"timeline":{"limit":1},"state":{"lazy_load_members":true}}}`
	a := w.syncs("bob", "", lazy)
	if got := people(in(a, "join", r)["state"]); got != "@alice @bob" {
		t.Errorf("at first: %s", got)
	}
	step := func(when, since, filter, want string) answer {
		t.Helper()
		a := w.syncs("bob", since, filter)
		if got := people(in(a, "join", r)["state"]); got != want {
			t.Errorf("%s: sent %q, want %q", when, got, want)
		}
		return a
	}
	w.say("carol", r, "hello")
	lost := step("carol speaks", a.text("next_batch"), lazy, "@carol")
	b := step("the answer was lost", a.text("next_batch"), lazy, "@carol")
	w.say("carol", r, "again")
	c := step("carol speaks again", b.text("next_batch"), lazy, "")
	w.say("alice", r, "me too")
	d := step("alice is known from the beginning", c.text("next_batch"), lazy, "")
	w.say("carol", r, "redundant")
	step("wanted every time", d.text("next_batch"), `{"room":{"timeline":{"limit":1},"state":{"lazy_load_members":true,"include_redundant_members":true}}}`, "@carol")
	step("from an older place", lost.text("next_batch"), lazy, "@carol")
	e := w.syncs("bob", d.text("next_batch"), lazy)
	w.must("carol", "PUT", v3+"profile/@carol:hs1/displayname", `{"displayname":"Caroline"}`)
	w.say("carol", r, "renamed")
	w.say("carol", r, "renamed still")
	if got := w.syncs("bob", e.text("next_batch"), lazy); people(in(got, "join", r)["state"]) != "@carol" {
		t.Errorf("after a gap with a change: %s", got.Raw)
	}
}

// TestSync_Threads counts what is unread by thread, for clients that tell threads apart, and in all for others.
func TestSync_Threads(t *testing.T) {
	w := newWorld(t)
	r := w.vars["roomId"]
	root := w.vars["eventId"]
	w.must("bob", "POST", room(r)+"receipt/m.read/"+url.PathEscape(root), `{}`)
	reply := func(body, more string) string {
		return w.send("alice", r, "m.room.message", `{"msgtype":"m.text","body":"`+body+`"`+more+`,"m.relates_to":{"rel_type":"m.thread","event_id":"`+root+`"}}`)
	}
	other := w.say("alice", r, "second root")
	one := reply("one", "")
	two := reply("two", `,"m.mentions":{"user_ids":["@bob:hs1"]}`)
	w.send("alice", r, "m.room.message", `{"msgtype":"m.text","body":"elsewhere","m.relates_to":{"rel_type":"m.thread","event_id":"`+other+`"}}`)
	last := w.say("alice", r, "main")
	count := func(v any) (float64, float64) {
		n, _ := mapOf(v)["notification_count"].(float64)
		h, _ := mapOf(v)["highlight_count"].(float64)
		return n, h
	}
	check := func(when string, main, thread, high, elsewhere float64) {
		t.Helper()
		for range 2 {
			a := in(w.syncs("bob", "", `{"room":{"timeline":{"unread_thread_notifications":true}}}`), "join", r)
			threads := mapOf(a["unread_thread_notifications"])
			m, _ := count(a["unread_notifications"])
			tn, th := count(threads[root])
			e, _ := count(threads[other])
			if m != main || tn != thread || th != high || e != elsewhere {
				t.Errorf("%s: main %v, thread %v (%v), elsewhere %v; want %v, %v (%v), %v", when, m, tn, th, e, main, thread, high, elsewhere)
			}
			all := in(w.syncs("bob", "", `{}`), "join", r)
			if n, h := count(all["unread_notifications"]); n != main+thread+elsewhere || h != high || all["unread_thread_notifications"] != nil {
				t.Errorf("%s, in all: %v (%v), want %v (%v)", when, n, h, main+thread+elsewhere, high)
			}
			// The same by rules of one's own, which are judged event by event.
			w.must("bob", "PUT", v3+"pushrules/global/room/!none:hs1", `{"actions":[]}`)
		}
		w.must("bob", "DELETE", v3+"pushrules/global/room/!none:hs1", ``)
	}
	check("at first", 2, 2, 1, 1)
	w.must("bob", "POST", room(r)+"receipt/m.read/"+url.PathEscape(one), `{"thread_id":"`+root+`"}`)
	check("one reply read", 2, 1, 1, 1)
	w.must("bob", "POST", room(r)+"receipt/m.read.private/"+url.PathEscape(two), `{"thread_id":"`+root+`"}`)
	check("both replies read", 2, 0, 0, 1)
	w.must("bob", "POST", room(r)+"receipt/m.read/"+url.PathEscape(last), `{"thread_id":"main"}`)
	check("the main timeline read", 0, 0, 0, 1)
	w.must("bob", "POST", room(r)+"read_markers", `{"m.fully_read":"`+last+`"}`)
	check("a marker is no receipt", 0, 0, 0, 1)
	w.must("bob", "POST", room(r)+"receipt/m.read/"+url.PathEscape(last), `{}`)
	check("all read", 0, 0, 0, 0)
}

// TestSync_ComingAndGoing looks at the sections in which rooms come and go.
func TestSync_ComingAndGoing(t *testing.T) {
	w := newWorld(t)
	r := w.vars["roomId"]
	start := w.syncs("mallory", "", `{}`).text("next_batch")
	w.must("alice", "POST", room(r)+"invite", `{"user_id":"@mallory:hs1"}`)
	invited := w.syncs("mallory", start, `{}`)
	state := in(invited, "invite", r)["invite_state"]
	if got := people(state); got != "@alice @mallory" || !strings.Contains(string(invited.Raw), `"m.room.create"`) {
		t.Errorf("invited: %s", invited.Raw)
	}
	w.must("mallory", "POST", room(r)+"leave", `{}`)
	declined := w.syncs("mallory", invited.text("next_batch"), `{}`)
	if got := people(in(declined, "leave", r)["timeline"]); got != "@mallory" {
		t.Errorf("declined: %s", declined.Raw)
	}
	w.must("alice", "POST", room(r)+"invite", `{"user_id":"@mallory:hs1"}`)
	w.must("mallory", "POST", room(r)+"join", `{}`)
	w.say("mallory", r, "in")
	joined := w.syncs("mallory", declined.text("next_batch"), `{}`)
	if a := in(joined, "join", r); texts(a["timeline"]) != "hello in" || !strings.Contains(string(joined.Raw), `"name":"Room"`) {
		t.Errorf("joined: %s", joined.Raw)
	}
	w.must("alice", "POST", room(r)+"kick", `{"user_id":"@mallory:hs1"}`)
	w.say("alice", r, "behind the back")
	kicked := w.syncs("mallory", joined.text("next_batch"), `{}`)
	if a := in(kicked, "leave", r); people(a["timeline"]) != "@mallory" || strings.Contains(string(kicked.Raw), "behind") {
		t.Errorf("kicked: %s", kicked.Raw)
	}
	for filter, want := range map[string]bool{`{}`: false, `{"room":{"include_leave":true}}`: true} {
		if got := in(w.syncs("mallory", "", filter), "leave", r); (got != nil) != want {
			t.Errorf("%s: left rooms at first: %v, want %v", filter, got, want)
		}
	}
	w.must("alice", "POST", room(r)+"invite", `{"user_id":"@mallory:hs1"}`)
	w.must("mallory", "POST", room(r)+"join", `{}`)
	back := w.syncs("mallory", kicked.text("next_batch"), `{}`)
	if a := in(back, "join", r); !strings.Contains(texts(a["timeline"]), "behind the back") {
		t.Errorf("back again: %s", back.Raw)
	}
	for _, how := range []string{"use_state_after", "org.matrix.msc4222.use_state_after"} {
		w.must("alice", "PUT", room(r)+"state/m.room.topic", `{"topic":"`+how+`"}`)
		a := w.must("mallory", "GET", v3+"sync?"+how+"=true&since="+back.text("next_batch"), "")
		name := strings.Replace(how, "use_", "", 1)
		got := in(a, "join", r)
		if got["state"] != nil || len(list(mapOf(got[name])["events"])) != 1 {
			t.Errorf("%s: %s", how, a.Raw)
		}
	}
	full := w.must("mallory", "GET", v3+"sync?full_state=true&since="+back.text("next_batch"), "")
	if got := list(mapOf(in(full, "join", r)["state"])["events"]); len(got) < 5 {
		t.Errorf("full state: %v", got)
	}
}
