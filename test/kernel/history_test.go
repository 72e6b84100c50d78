package kernel

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wardline/ground/run"
	"wardline/matrix/account"
)

// send sends content of a type and returns the event's id.
func (w *world) send(who, r, typ, content string) string {
	w.t.Helper()
	return w.must(who, "PUT", room(r)+"send/"+typ+"/{txnId}", content).text("event_id")
}

func list(v any) []map[string]any {
	all, _ := v.([]any)
	out := make([]map[string]any, len(all))
	for i, one := range all {
		out[i] = mapOf(one)
	}
	return out
}

// ids are the event ids of a list, by the names given to them.
func ids(v any, names map[string]string) string {
	var out []string
	for _, ev := range list(v) {
		name, ok := names[ev["event_id"].(string)]
		if !ok {
			name = ev["type"].(string)
		}
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

// TestRelations builds a root with a thread, an edit, references and reactions, and reads them every way there is.
func TestRelations(t *testing.T) {
	w := newWorld(t)
	r := w.vars["roomId"]
	names := map[string]string{}
	add := func(name, who, rel, parent, more string) string {
		e := w.send(who, r, "m.room.message", `{"body":"`+name+`",`+more+`"m.relates_to":{"rel_type":"`+rel+`","event_id":"`+parent+`"}}`)
		names[e] = name
		return e
	}
	root := w.vars["eventId"]
	names[root] = "root"
	first := add("first", "bob", "m.thread", root, "")
	add("edit", "alice", "m.replace", root, `"m.new_content":{"body":"new"},`)
	add("bare", "alice", "m.replace", root, "")
	add("forged", "bob", "m.replace", root, `"m.new_content":{"body":"bob says"},`)
	ref := add("ref", "bob", "m.reference", root, "")
	last := add("last", "bob", "m.thread", root, "")
	add("lastEdit", "bob", "m.replace", last, `"m.new_content":{"body":"newest"},`)
	deep := add("deep", "alice", "m.reference", ref, "")
	add("deeper", "alice", "m.reference", deep, "")
	get := func(who, path string) answer { return w.must(who, "GET", v1+"rooms/"+url.PathEscape(r)+path, "") }

	t.Run("Bundled", func(t *testing.T) {
		for _, a := range []map[string]any{
			w.must("bob", "GET", room(r)+"event/{eventId}", "").Body,
			mapOf(w.must("bob", "GET", room(r)+"context/{eventId}?limit=0", "").Body["event"]),
			list(get("bob", "/threads").Body["chunk"])[0],
		} {
			rel := mapOf(mapOf(a["unsigned"])["m.relations"])
			thread := mapOf(rel["m.thread"])
			latest := mapOf(thread["latest_event"])
			edit := mapOf(mapOf(mapOf(mapOf(latest["unsigned"])["m.relations"])["m.replace"])["content"])["body"]
			if thread["count"] != 2.0 || thread["current_user_participated"] != true || names[latest["event_id"].(string)] != "last" || edit != "lastEdit" {
				t.Errorf("thread: %v", thread)
			}
			if body := mapOf(mapOf(rel["m.replace"])["content"])["body"]; body != "edit" {
				t.Errorf("the edit is %v, want the only valid one", body)
			}
			if got := list(mapOf(rel["m.reference"])["chunk"]); len(got) != 1 || got[0]["event_id"] != ref {
				t.Errorf("references: %v", got)
			}
		}
	})
	t.Run("Pages", func(t *testing.T) {
		for _, c := range []struct{ path, want string }{
			{"?limit=50", "last ref forged bare edit first"},
			{"?limit=50&dir=f", "first edit bare forged ref last"},
			{"/m.thread?limit=1", "last first"},
			{"/m.reference/m.room.message?limit=2&recurse=true", "deeper deep ref"},
			{"?limit=2&recurse=true&dir=f", "first edit bare forged ref last lastEdit deep deeper"},
		} {
			var got []string
			for from := ""; ; {
				a := get("bob", "/relations/"+url.PathEscape(root)+c.path+from)
				got = append(got, ids(a.Body["chunk"], names))
				if a.text("next_batch") == "" {
					break
				}
				from = "&from=" + a.text("next_batch")
			}
			if got := strings.TrimSpace(strings.Join(got, " ")); got != c.want {
				t.Errorf("%s: got %q, want %q", c.path, got, c.want)
			}
		}
	})
	t.Run("FilterByRelations", func(t *testing.T) {
		for filter, want := range map[string]string{
			`{"related_by_rel_types":["m.thread"]}`:                                      "root",
			`{"related_by_rel_types":["m.reference"],"related_by_senders":["@bob:hs1"]}`: "root",
			`{"related_by_senders":["@alice:hs1"]}`:                                      "deep ref root",
			`{"related_by_rel_types":[]}`:                                                "",
		} {
			a := w.must("bob", "GET", room(r)+"messages?dir=b&limit=100&filter="+url.QueryEscape(filter), "")
			if got := ids(a.Body["chunk"], names); got != want {
				t.Errorf("%s: got %q, want %q", filter, got, want)
			}
		}
	})
	t.Run("ThreadOfAThread", func(t *testing.T) {
		w.want("bob", "PUT", room(r)+"send/m.room.message/tt", `{"m.relates_to":{"rel_type":"m.thread","event_id":"`+first+`"}}`, 400, "M_UNKNOWN")
	})
	t.Run("Receipts", func(t *testing.T) {
		w.want("alice", "POST", room(r)+"receipt/m.read/"+url.PathEscape(last), `{"thread_id":"main"}`, 400, "M_INVALID_PARAM")
		w.must("alice", "POST", room(r)+"receipt/m.read/"+url.PathEscape(last), `{"thread_id":"`+root+`"}`)
		w.must("alice", "POST", room(r)+"receipt/m.read/"+url.PathEscape(deep), `{"thread_id":"main"}`)
		w.must("alice", "POST", room(r)+"receipt/m.read/"+url.PathEscape(deep), `{}`)
		w.must("alice", "POST", room(r)+"receipt/m.read.private/"+url.PathEscape(deep), `{}`)
		for who, private := range map[string]bool{"alice": true, "bob": false} {
			raw := string(w.must(who, "GET", v3+"sync", "").Raw)
			if !strings.Contains(raw, `"thread_id":"`+root) || !strings.Contains(raw, `"thread_id":"main"`) || strings.Contains(raw, "m.read.private") != private {
				t.Errorf("%s is told %.200s", who, raw[strings.Index(raw, "ephemeral"):])
			}
			if n := strings.Count(raw, `"m.read":{"@alice:hs1"`); n != 3 {
				t.Errorf("%s is told of %d receipts, want both of one event and the thread's", who, n)
			}
		}
	})
	t.Run("RedactedChildIsGone", func(t *testing.T) {
		w.must("bob", "PUT", room(r)+"redact/"+url.PathEscape(last)+"/rl", `{}`)
		rel := string(w.must("bob", "GET", room(r)+"event/{eventId}", "").Raw)
		if !strings.Contains(rel, `"count":1`) || !strings.Contains(rel, first) || strings.Contains(rel, last) {
			t.Errorf("got %s", rel)
		}
	})
}

// TestThreads pages through threads by their newest reply and shows nobody what they may not see.
func TestThreads(t *testing.T) {
	w := newWorld(t)
	r := w.vars["roomId"]
	names := map[string]string{}
	begin := func(who, name string) string {
		e := w.send(who, r, "m.room.message", `{"body":"`+name+`"}`)
		names[e] = name
		return e
	}
	reply := func(who, root string) {
		w.send(who, r, "m.room.message", `{"body":"re","m.relates_to":{"rel_type":"m.thread","event_id":"`+root+`"}}`)
	}
	a, b, c := begin("alice", "a"), begin("bob", "b"), begin("alice", "c")
	begin("alice", "none")
	reply("alice", a)
	reply("alice", b)
	reply("alice", c)
	reply("bob", a)
	walk := func(who, query string) string {
		var got []string
		for from := ""; ; {
			page := w.must(who, "GET", v1+"rooms/{roomId}/threads?"+query+from, "")
			got = append(got, ids(page.Body["chunk"], names))
			if page.text("next_batch") == "" {
				return strings.TrimSpace(strings.Join(got, " "))
			}
			from = "&from=" + page.text("next_batch")
		}
	}
	for query, want := range map[string]string{"limit=50": "a c b", "limit=1": "a c b", "include=participated": "a b"} {
		if got := walk("bob", query); got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
	w.must("alice", "POST", room(r)+"kick", `{"user_id":"@bob:hs1"}`)
	reply("alice", c)
	w.must("alice", "PUT", room(r)+"send/m.room.message/zz", `{"body":"secret root"}`)
	if got := walk("bob", "limit=50"); got != "a c b" {
		t.Errorf("after leaving: %q", got)
	}
	if raw := string(w.must("bob", "GET", v1+"rooms/{roomId}/threads", "").Raw); strings.Contains(raw, `"count":2,"current_user_participated":false`) {
		t.Errorf("somebody who left is told of a later reply: %s", raw)
	}
}

// TestJump finds events by time in both directions, among rooms that talk at once.
func TestJump(t *testing.T) {
	w := newWorld(t)
	if err := w.app.Accounts.Create(t.Context(), account.NewUser{User: "@boss:hs1", Admin: true}); err != nil {
		t.Fatal(err)
	}
	w.signIn("boss")
	r, other := w.make("boss", `{"initial_state":[{"type":"m.room.history_visibility","content":{"history_visibility":"joined"}}]}`), w.vars["roomId"]
	w.must("boss", "POST", room(r)+"invite", `{"user_id":"@bob:hs1"}`)
	base := time.Now().Add(time.Hour).UnixMilli()
	at := func(n int64) string { return jsonInt(base + n*1000) }
	names := map[string]string{}
	for n := range int64(40) {
		if n == 20 {
			w.must("bob", "POST", room(r)+"join", `{}`)
		}
		e := w.must("boss", "PUT", room(r)+"send/m.room.message/{txnId}?ts="+at(n*10), `{"body":"x"}`).text("event_id")
		names[e] = jsonInt(n)
		w.say("bob", other, "between")
	}
	for _, c := range []struct {
		who, ts, dir, want string
	}{
		{"boss", at(100), "f", "10"}, {"boss", at(100), "b", "10"}, {"boss", at(101), "f", "11"}, {"boss", at(109), "b", "10"},
		{"boss", at(500), "b", "39"}, {"boss", at(0), "f", "0"}, {"bob", at(100), "f", "20"}, {"bob", at(300), "f", "30"},
	} {
		got := w.must(c.who, "GET", v1+"rooms/"+url.PathEscape(r)+"/timestamp_to_event?ts="+c.ts+"&dir="+c.dir, "").text("event_id")
		if names[got] != c.want {
			t.Errorf("%s %s %s: got %q, want %q", c.who, c.ts, c.dir, names[got], c.want)
		}
	}
}

func jsonInt(n int64) string {
	b, _ := json.Marshal(n)
	return string(b)
}

// TestPeek looks into a room that shows itself to the world, from outside, and waits there for what happens.
func TestPeek(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.make("alice", `{"preset":"public_chat","initial_state":[{"type":"m.room.history_visibility","content":{"history_visibility":"world_readable"}}]}`)
		w.say("alice", r, "before")
		a := w.must("mallory", "GET", room(r)+"initialSync", "")
		if a.Body["membership"] != nil || a.text("visibility") != "private" || !strings.Contains(string(a.Raw), "before") {
			t.Errorf("initialSync: %s", a.Raw)
		}
		end, _ := mapOf(a.Body["messages"])["end"].(string)
		path := v3 + "events?timeout=60000&room_id=" + url.QueryEscape(r) + "&from=" + end
		began := time.Now()
		var got answer
		if err := run.All(t.Context(), func(context.Context) error { got = w.must("mallory", "GET", path, ""); return nil }, func(context.Context) error {
			synctest.Wait()
			w.say("alice", r, "after")
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 0 || len(list(got.Body["chunk"])) != 1 || !strings.Contains(string(got.Raw), "after") {
			t.Errorf("after %v: %s", took, got.Raw)
		}
		w.must("alice", "PUT", room(r)+"state/m.room.history_visibility", `{"history_visibility":"joined"}`)
		w.say("alice", r, "closed")
		if late := w.ask("mallory", "GET", v3+"events?room_id="+url.QueryEscape(r)+"&from="+got.text("end"), ""); strings.Contains(string(late.Raw), "closed") {
			t.Errorf("somebody outside is told what was said after the room closed: %s", late.Raw)
		}
	})
}

// TestIgnored leaves people whom somebody does not want to hear out of everything that is counted and found.
func TestIgnored(t *testing.T) {
	w := newWorld(t)
	w.signUp("carol")
	r := w.vars["roomId"]
	w.must("alice", "POST", room(r)+"invite", `{"user_id":"@carol:hs1"}`)
	w.must("carol", "POST", room(r)+"join", `{}`)
	mine, theirs := w.say("bob", r, "root of bob"), w.say("carol", r, "root of carol")
	for _, who := range []string{"alice", "carol"} {
		for _, root := range []string{mine, theirs} {
			w.send(who, r, "m.room.message", `{"msgtype":"m.text","body":"needle of `+who+`","m.relates_to":{"rel_type":"m.thread","event_id":"`+root+`"}}`)
		}
	}
	w.must("bob", "PUT", v3+"user/@bob:hs1/account_data/m.ignored_user_list", `{"ignored_users":{"@carol:hs1":{}}}`)
	raw := string(w.must("bob", "GET", room(r)+"event/"+url.PathEscape(mine), "").Raw)
	if !strings.Contains(raw, `"count":1`) || strings.Contains(raw, "of carol") {
		t.Errorf("a root's thread: %s", raw)
	}
	threads := string(w.must("bob", "GET", v1+"rooms/{roomId}/threads", "").Raw)
	if !strings.Contains(threads, theirs) || strings.Contains(threads, "of carol") {
		t.Errorf("threads: %s", threads)
	}
	for path, body := range map[string]string{
		"GET " + v1 + "rooms/{roomId}/relations/" + url.PathEscape(mine): "", "GET " + v3 + "rooms/{roomId}/initialSync": "", "GET " + v3 + "events?from=s0_0": "",
		"POST " + v3 + "search": `{"search_categories":{"room_events":{"search_term":"needle","event_context":{}}}}`,
	} {
		method, path, _ := strings.Cut(path, " ")
		if a := w.must("bob", method, path, body); !strings.Contains(string(a.Raw), "of alice") || strings.Contains(string(a.Raw), "of carol") {
			t.Errorf("%s: %s", path, a.Raw)
		}
	}
	// Somebody who has asked to be forgotten is found by nobody who came after.
	w.must("alice", "POST", room(r)+"invite", `{"user_id":"@mallory:hs1"}`)
	if err := w.app.Accounts.Deactivate(t.Context(), "@carol:hs1", "@carol:hs1", true); err != nil {
		t.Fatal(err)
	}
	w.must("mallory", "POST", room(r)+"join", `{}`)
	found := string(w.must("mallory", "POST", v3+"search", `{"search_categories":{"room_events":{"search_term":"needle"}}}`).Raw)
	if !strings.Contains(found, "of alice") || strings.Contains(found, "of carol") {
		t.Errorf("found after an erasure: %s", found)
	}
	if a := w.syncs("mallory", "", `{"event_format":"federation"}`); strings.Contains(string(a.Raw), "of carol") {
		t.Errorf("in the servers' form after an erasure: %s", a.Raw)
	}
}
