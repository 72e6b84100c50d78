package kernel

import (
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"wardline/app"
)

// What a public suite of tests for servers asked for and we did not do, in words of our own.

func TestSync_MembershipIsThatOfItsTime(t *testing.T) {
	w := newWorld(t)
	r := w.make("alice", `{"preset":"public_chat"}`)
	before := w.say("alice", r, "before")
	w.must("bob", "POST", room(r)+"join", `{}`)
	after := w.say("alice", r, "after")
	was := func(a answer, events []map[string]any) map[string]any {
		seen := map[string]any{}
		for _, ev := range events {
			name, _ := ev["event_id"].(string)
			seen[name] = mapOf(ev["unsigned"])["membership"]
		}
		if seen[before] != "leave" || seen[after] != "join" {
			t.Errorf("before: %v, after: %v in %.300s", seen[before], seen[after], a.Raw)
		}
		return seen
	}
	a := w.syncs("bob", "", "")
	was(a, list(mapOf(in(a, "join", r)["timeline"])["events"]))
	a = w.must("bob", "GET", room(r)+"messages?dir=b&limit=50", "")
	was(a, list(a.Body["chunk"]))
	// A name that changes does not make somebody a newcomer.
	w.must("bob", "PUT", v3+"profile/@bob:hs1/displayname", `{"displayname":"Robert"}`)
	a = w.must("bob", "GET", room(r)+"messages?dir=b&limit=50", "")
	was(a, list(a.Body["chunk"]))
}

func TestSync_WhoComesBackIsToldOfAGap(t *testing.T) {
	w := newWorld(t)
	r := w.make("alice", `{"preset":"public_chat"}`)
	for range 12 {
		w.say("alice", r, "early")
	}
	since := w.syncs("bob", "", "").text("next_batch")
	w.must("bob", "POST", room(r)+"join", `{}`)
	onlyWords := `{"room":{"timeline":{"limit":20,"types":["m.room.message"]}}}`
	if line := mapOf(in(w.syncs("bob", since, onlyWords), "join", r)["timeline"]); line["limited"] != true {
		t.Errorf("a room that is new and not shown from its beginning: %v", line)
	}
	if line := mapOf(in(w.syncs("bob", since, `{"room":{"timeline":{"limit":50}}}`), "join", r)["timeline"]); line["limited"] != false {
		t.Errorf("a room that is shown from its beginning: %v", line["limited"])
	}
}

func TestAlias_IsForgottenByTheRoom(t *testing.T) {
	w := newWorld(t)
	r := w.make("alice", `{"preset":"public_chat","invite":["@bob:hs1"]}`)
	w.must("bob", "POST", room(r)+"join", `{}`)
	for _, name := range []string{"one", "two", "three"} {
		w.must("alice", "PUT", v3+"directory/room/%23"+name+":hs1", `{"room_id":"`+r+`"}`)
	}
	w.must("bob", "PUT", v3+"directory/room/%23his:hs1", `{"room_id":"`+r+`"}`)
	w.must("alice", "PUT", room(r)+"state/m.room.canonical_alias", `{"alias":"#one:hs1","alt_aliases":["#two:hs1","#three:hs1","#his:hs1"],"more":1}`)
	w.must("alice", "DELETE", v3+"directory/room/%23two:hs1", "")
	w.want("alice", "GET", room(r)+"state/m.room.canonical_alias", "", 200, `"alt_aliases":["#three:hs1","#his:hs1"]`)
	w.must("alice", "DELETE", v3+"directory/room/%23one:hs1", "")
	a := w.want("alice", "GET", room(r)+"state/m.room.canonical_alias", "", 200, `"more":1`)
	if a.Body["alias"] != nil {
		t.Errorf("an alias that is no more stays the room's: %s", a.Raw)
	}
	// Whoever may not say what the room's aliases are deletes their own all the same.
	w.must("bob", "DELETE", v3+"directory/room/%23his:hs1", "")
	w.want("alice", "GET", room(r)+"state/m.room.canonical_alias", "", 200, "#his:hs1")
	w.want("", "GET", v3+"directory/room/%23his:hs1", "", 404, "M_NOT_FOUND")
}

func TestState_WhatIsWrongIsNotForbidden(t *testing.T) {
	w := newWorld(t)
	r := w.make("alice", `{"room_version":"12","creation_content":{"additional_creators":["@bob:hs1"]}}`)
	for _, who := range []string{"alice", "bob"} {
		w.want("alice", "PUT", room(r)+"state/m.room.power_levels", `{"users":{"@`+who+`:hs1":100}}`, 400, "M_INVALID_PARAM")
	}
	w.want("alice", "PUT", room(r)+"state/m.room.create", `{"room_version":"12"}`, 400, "M_INVALID_PARAM")
	w.must("alice", "PUT", room(r)+"state/m.room.power_levels", `{"users":{"@mallory:hs1":50}}`)
}

func TestFilter_NamesRoomsAndPeople(t *testing.T) {
	w := newWorld(t)
	for _, bad := range []string{`{"room":{"timeline":{"rooms":["a room"]}}}`, `{"room":{"timeline":{"senders":["somebody"]}}}`, `{"room":{"not_rooms":["a room"]}}`, `{"presence":{"not_senders":["@"]}}`} {
		w.want("alice", "POST", v3+"user/@alice:hs1/filter", bad, 400, "M_INVALID_PARAM")
		w.want("alice", "GET", v3+"sync?filter="+url.QueryEscape(bad), "", 400, "M_INVALID_PARAM")
	}
	w.must("alice", "POST", v3+"user/@alice:hs1/filter", `{"room":{"rooms":["!v12"],"timeline":{"senders":["@a:b"]}}}`)
	w.want("alice", "GET", v3+"rooms/{roomId}/messages?dir=b&filter="+url.QueryEscape(`{"senders":["somebody"]}`), "", 400, "M_INVALID_PARAM")
}

func TestLogin_CapitalsAreTheSameName(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"Alice", "ALICE", "@Alice:hs1", " alice "} {
		w.want("", "POST", v3+"login", `{"type":"m.login.password","identifier":{"type":"m.id.user","user":"`+name+`"},"password":"pw"}`, 200, "@alice:hs1")
	}
	w.want("", "POST", v3+"login", `{"type":"m.login.password","identifier":{"type":"m.id.user","user":"@alice:HS2"},"password":"pw"}`, 403, "M_FORBIDDEN")
}

func TestInteraction_IsOnesOwn(t *testing.T) {
	w := newWorld(t)
	auth := func(who string) string {
		return `{"auth":{"type":"m.login.password","identifier":{"type":"m.id.user","user":"` + who + `"},"password":"pw"}}`
	}
	mine := v3 + "devices/" + url.PathEscape(w.vars["device of alice"])
	w.want("alice", "DELETE", mine, auth("bob"), 403, "M_FORBIDDEN")
	w.want("alice", "DELETE", mine, strings.Replace(auth("alice"), `"pw"`, `"no"`, 1), 401, `"flows"`)
	w.want("alice", "DELETE", mine, auth("alice"), 200, "{}")
}

func TestBody_IsUTF8(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"register", "login", "createRoom"} {
		w.want("alice", "POST", v3+path, "{\"test\":\"a\x81\"}", 400, "M_NOT_JSON")
	}
}

func TestPresence_OfNewNeighbours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openWith(t, func(c *app.Config) { c.Presence = true })
		w.signUp("alice", "bob")
		r := w.make("alice", `{"preset":"public_chat"}`)
		sync := v3 + "sync?since="
		alice, bob := w.must("alice", "GET", sync, "").text("next_batch"), w.must("bob", "GET", sync, "").text("next_batch")
		w.must("bob", "POST", room(r)+"join", `{}`)
		for who, since := range map[string]string{"alice": alice, "bob": bob} {
			other := map[string]string{"alice": "bob", "bob": "alice"}[who]
			a := w.must(who, "GET", sync+url.QueryEscape(since), "")
			if !strings.Contains(string(a.Raw), `"sender":"@`+other+`:hs1","content":{"presence":"online"`) {
				t.Errorf("%s is not told that %s is here: %.600s", who, other, a.Raw)
			}
			a = w.must(who, "GET", sync+url.QueryEscape(a.text("next_batch")), "")
			if strings.Contains(string(a.Raw), "m.presence") {
				t.Errorf("%s is told again: %.600s", who, a.Raw)
			}
		}
	})
}
