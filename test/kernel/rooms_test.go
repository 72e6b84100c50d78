package kernel

import (
	"crypto/ed25519"
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"wardline/matrix/event"
)

// want is ask where the answer must have this status and hold this text.
func (w *world) want(who, method, path, body string, status int, has string) answer {
	w.t.Helper()
	a := w.ask(who, method, path, w.fill(body, who, false))
	if a.Status != status || !strings.Contains(string(a.Raw), has) {
		w.t.Errorf("%s: %s %s %.80s: got %d %.300s, want %d with %q", who, method, path, body, a.Status, a.Raw, status, has)
	}
	return a
}

func room(r string) string { return v3 + "rooms/" + url.PathEscape(r) + "/" }

// TestVersions makes a room of every version that is served, lives in it, and upgrades it to the newest and back.
func TestVersions(t *testing.T) {
	w := newWorld(t)
	for _, v := range []string{"1", "2", "3", "4", "5", "13", "org.example"} {
		w.want("alice", "POST", v3+"createRoom", `{"room_version":"`+v+`"}`, 400, "M_UNSUPPORTED_ROOM_VERSION")
	}
	for _, v := range []string{"6", "7", "8", "9", "10", "11", "12"} {
		t.Run(v, func(t *testing.T) {
			r := w.make("alice", `{"room_version":"`+v+`","preset":"trusted_private_chat","invite":["@bob:hs1"],"name":"Old","topic":"T","room_alias_name":"v`+v+`"}`)
			w.must("bob", "POST", room(r)+"join", `{}`)
			w.want("mallory", "POST", room(r)+"join", `{}`, 403, "M_FORBIDDEN")
			w.say("bob", r, "here")
			w.must("bob", "PUT", room(r)+"state/m.room.topic", `{"topic":"by bob"}`)
			w.must("alice", "POST", room(r)+"invite", `{"user_id":"@mallory:hs1"}`)
			w.must("bob", "POST", room(r)+"ban", `{"user_id":"@mallory:hs1","reason":"no"}`)
			w.must("alice", "PUT", v3+"user/@alice:hs1/rooms/"+url.PathEscape(r)+"/tags/u.mine", `{}`)
			w.must("bob", "PUT", v3+"user/@bob:hs1/rooms/"+url.PathEscape(r)+"/tags/u.his", `{}`)
			for _, next := range []string{"12", "10", v} {
				made := w.must("alice", "POST", room(r)+"upgrade", `{"new_version":"`+next+`"}`).text("replacement_room")
				w.want("alice", "GET", room(made)+"state/m.room.create", "", 200, r)
				w.want("alice", "GET", room(made)+"state/m.room.topic", "", 200, "by bob")
				w.want("alice", "GET", room(made)+"state/m.room.canonical_alias", "", 200, "#v"+v+":hs1")
				w.want("alice", "GET", room(made)+"state/m.room.member/@mallory:hs1", "", 200, `"ban"`)
				w.want("", "GET", v3+"directory/room/%23v"+v+":hs1", "", 200, made)
				w.want("alice", "GET", room(r)+"state/m.room.tombstone", "", 200, made)
				w.want("alice", "GET", v3+"user/@alice:hs1/rooms/"+url.PathEscape(made)+"/tags", "", 200, "u.mine")
				if !slices.Contains([]string{"11", "12"}, next) {
					w.want("alice", "GET", room(made)+"state/m.room.create", "", 200, `"creator":"@alice:hs1"`)
				}
				w.must("alice", "POST", room(made)+"invite", `{"user_id":"@bob:hs1"}`)
				w.must("bob", "POST", room(made)+"join", `{}`)
				w.want("bob", "GET", v3+"user/@bob:hs1/rooms/"+url.PathEscape(made)+"/tags", "", 200, "u.his")
				r = made
			}
		})
	}
}

// TestUpgrade_KnowsTheRule takes rooms back to versions that do not know how people came in.
func TestUpgrade_KnowsTheRule(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ rule, version, want string }{
		{"knock_restricted", "9", "restricted"}, {"knock_restricted", "7", "invite"}, {"restricted", "7", "invite"}, {"knock", "6", "invite"}, {"knock", "7", "knock"}, {"public", "6", "public"}, {"restricted", "8", "restricted"},
	} {
		r := w.make("alice", w.fill(`{"initial_state":[{"type":"m.room.join_rules","content":{"join_rule":"`+c.rule+`","allow":[{"type":"m.room_membership","room_id":"{roomId}"}]}}]}`, "alice", false))
		made := w.must("alice", "POST", room(r)+"upgrade", `{"new_version":"`+c.version+`"}`).text("replacement_room")
		w.want("alice", "GET", room(made)+"state/m.room.join_rules", "", 200, `"join_rule":"`+c.want+`"`)
		if want := map[string]int{"restricted": 200, "public": 200}[c.want]; want != 0 {
			w.want("bob", "POST", room(made)+"join", `{}`, want, "")
		} else {
			w.want("bob", "POST", room(made)+"join", `{}`, 403, "M_FORBIDDEN")
		}
	}
}

// TestUpgrade_ClosesTheOldRoom checks who may still do what on both sides.
func TestUpgrade_ClosesTheOldRoom(t *testing.T) {
	w := newWorld(t)
	old := w.vars["roomId"]
	made := w.must("alice", "POST", room(old)+"upgrade", `{"new_version":"12","additional_creators":["@bob:hs1"]}`).text("replacement_room")
	w.want("bob", "PUT", room(old)+"send/m.room.message/x1", `{"body":"late"}`, 403, "M_FORBIDDEN")
	w.want("bob", "POST", room(old)+"invite", `{"user_id":"@mallory:hs1"}`, 403, "M_FORBIDDEN")
	w.want("alice", "GET", room(made)+"state/m.room.create", "", 200, `"@bob:hs1"`)
	w.want("bob", "POST", room(made)+"upgrade", `{"new_version":"12"}`, 403, "M_FORBIDDEN")
	w.want("mallory", "POST", room(old)+"upgrade", `{"new_version":"12"}`, 403, "M_FORBIDDEN")
}

// TestMembership walks the verbs in every order that people try.
func TestMembership(t *testing.T) {
	w := newWorld(t)
	r := room(w.vars["roomId"])
	bob := `{"user_id":"@bob:hs1","reason":"because"}`
	w.want("mallory", "POST", v3+"knock/{roomId}", `{}`, 403, "M_FORBIDDEN")
	w.must("alice", "PUT", r+"state/m.room.join_rules", `{"join_rule":"knock"}`)
	w.want("mallory", "POST", v3+"knock/{roomId}", `{"reason":"please"}`, 200, "room_id")
	w.want("mallory", "POST", v3+"knock/{roomId}", `{"reason":"please"}`, 200, "room_id")
	w.want("mallory", "GET", v3+"sync", "", 200, `"knock_state"`)
	w.want("mallory", "POST", r+"join", `{}`, 403, "M_FORBIDDEN")
	w.want("alice", "GET", r+"state/m.room.member/@mallory:hs1", "", 200, `"reason":"please"`)
	w.want("bob", "POST", v3+"knock/{roomId}", `{}`, 403, "M_FORBIDDEN")
	w.must("alice", "POST", r+"invite", `{"user_id":"@mallory:hs1"}`)
	w.must("mallory", "POST", r+"leave", `{"reason":"changed my mind"}`)
	w.must("mallory", "POST", r+"leave", `{}`)
	w.must("mallory", "POST", r+"forget", `{}`)
	w.want("mallory", "POST", r+"join", `{}`, 403, "M_FORBIDDEN")

	w.want("bob", "POST", r+"ban", `{"user_id":"@alice:hs1"}`, 403, "M_FORBIDDEN")
	w.must("alice", "POST", r+"kick", bob)
	w.want("alice", "POST", r+"kick", bob, 403, "M_FORBIDDEN")
	w.want("bob", "POST", r+"invite", `{"user_id":"@mallory:hs1"}`, 403, "M_FORBIDDEN")
	w.must("alice", "POST", r+"ban", bob)
	w.must("alice", "POST", r+"ban", bob)
	w.want("bob", "POST", r+"join", `{}`, 403, "M_FORBIDDEN")
	w.want("bob", "POST", v3+"knock/{roomId}", `{}`, 403, "M_FORBIDDEN")
	w.want("bob", "POST", r+"leave", `{}`, 403, "M_FORBIDDEN")
	w.want("alice", "POST", r+"invite", bob, 403, "M_FORBIDDEN")
	w.must("alice", "POST", r+"unban", bob)
	w.want("alice", "POST", r+"unban", bob, 400, "M_BAD_STATE")
	w.must("alice", "POST", r+"invite", bob)
	w.must("alice", "POST", r+"invite", bob)
	w.must("bob", "POST", r+"join", `{"reason":"back"}`)
	w.must("bob", "POST", r+"join", `{}`)
	w.want("bob", "POST", r+"forget", `{}`, 400, "M_UNKNOWN")
	if n := strings.Count(string(w.must("alice", "GET", r+"messages?dir=b&limit=100&filter="+url.QueryEscape(`{"types":["m.room.member"]}`), "").Raw), `{"content":{"membership":"ban"`); n != 1 {
		t.Errorf("a repeated ban made %d events, want 1", n)
	}
}

// TestRestricted lets in who is in the other room, and nobody else, whichever of the two rules is set.
func TestRestricted(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ version, rule string }{{"8", "restricted"}, {"9", "restricted"}, {"10", "knock_restricted"}, {"11", "restricted"}, {"12", "restricted"}, {"12", "knock_restricted"}} {
		t.Run(c.version+" "+c.rule, func(t *testing.T) {
			rule := `{"join_rule":"` + c.rule + `","allow":[{"type":"m.room_membership","room_id":"!none:hs1"},{"type":"m.room_membership","room_id":"{roomId}"},{"type":"x"},7]}`
			r := w.make("alice", w.fill(`{"room_version":"`+c.version+`","initial_state":[{"type":"m.room.join_rules","content":`+rule+`}]}`, "alice", false))
			w.want("bob", "GET", v1+"room_summary/"+url.PathEscape(r), "", 200, `"allowed_room_ids":["!none:hs1"`)
			w.must("bob", "POST", room(r)+"join", `{}`)
			w.want("alice", "GET", room(r)+"state/m.room.member/@bob:hs1", "", 200, `"join_authorised_via_users_server":"@alice:hs1"`)
			w.want("mallory", "POST", room(r)+"join", `{}`, 403, "M_FORBIDDEN")
			knocks, seen := 403, 404
			if c.rule == "knock_restricted" {
				knocks, seen = 200, 200
			}
			w.want("mallory", "GET", v1+"room_summary/"+url.PathEscape(r), "", seen, "")
			w.want("mallory", "POST", v3+"knock/"+url.PathEscape(r), `{}`, knocks, "")
			w.must("alice", "POST", room(r)+"ban", `{"user_id":"@bob:hs1"}`)
			w.want("bob", "POST", room(r)+"join", `{}`, 403, "M_FORBIDDEN")
			w.want("bob", "GET", v1+"room_summary/"+url.PathEscape(r), "", 404, "M_NOT_FOUND")
		})
	}
}

// TestDirectory_PagesBothWays walks the published rooms forwards and back, and finds some by word and type.
func TestDirectory_PagesBothWays(t *testing.T) {
	w := newWorld(t)
	for i := range 7 {
		w.make("alice", `{"visibility":"public","name":"Open `+strconv.Itoa(i)+`"}`)
	}
	w.make("alice", `{"visibility":"public","name":"Tree","creation_content":{"type":"m.space"}}`)
	names := func(a answer) (list []string) {
		chunk, _ := a.Body["chunk"].([]any)
		for _, one := range chunk {
			list = append(list, mapOf(one)["name"].(string))
		}
		return list
	}
	var there, back []string
	a := w.must("", "GET", v3+"publicRooms?limit=3", "")
	for {
		there = append(there, names(a)...)
		if a.text("next_batch") == "" {
			break
		}
		a = w.must("", "GET", v3+"publicRooms?limit=3&since="+a.text("next_batch"), "")
	}
	for {
		back = append(names(a), back...)
		if a.text("prev_batch") == "" {
			break
		}
		a = w.must("", "GET", v3+"publicRooms?limit=3&since="+a.text("prev_batch"), "")
	}
	if len(there) != 8 || !slices.Equal(there, back) {
		t.Errorf("forwards %q, backwards %q; want the same eight", there, back)
	}
	if got := names(w.must("alice", "POST", v3+"publicRooms", `{"filter":{"generic_search_term":"oPEN 3"}}`)); !slices.Equal(got, []string{"Open 3"}) {
		t.Errorf("by word: %q", got)
	}
	if got := names(w.must("alice", "POST", v3+"publicRooms", `{"filter":{"room_types":["m.space"]}}`)); !slices.Equal(got, []string{"Tree"}) {
		t.Errorf("by type: %q", got)
	}
	if got := names(w.must("alice", "POST", v3+"publicRooms", `{"filter":{"room_types":[null]}}`)); len(got) != 7 {
		t.Errorf("without a type: %q", got)
	}
}

// TestHierarchy walks spaces that refer to each other in a circle, page by page, as people who may see different parts.
func TestHierarchy(t *testing.T) {
	w := newWorld(t)
	space := func(name, preset string) string {
		return w.make("alice", `{"name":"`+name+`","preset":"`+preset+`","creation_content":{"type":"m.space"}}`)
	}
	top, inner, private := space("top", "public_chat"), space("inner", "public_chat"), space("private", "private_chat")
	child := func(parent, room, content string) {
		w.must("alice", "PUT", v3+"rooms/"+url.PathEscape(parent)+"/state/m.space.child/"+url.PathEscape(room), content)
	}
	leaf := w.make("alice", `{"name":"leaf","preset":"public_chat"}`)
	secret := w.make("alice", `{"name":"secret"}`)
	child(top, inner, `{"via":["hs1"],"order":"b","suggested":true}`)
	child(top, private, `{"via":["hs1"],"order":"c"}`)
	child(top, leaf, `{"via":["hs1"],"order":"a"}`)
	child(inner, top, `{"via":["hs1"]}`)
	child(inner, inner, `{"via":["hs1"]}`)
	child(inner, secret, `{"via":["hs1"]}`)
	child(inner, "!gone:hs1", `{"via":["hs1"]}`)
	child(inner, leaf, `{}`)
	w.must("alice", "PUT", room(leaf)+"state/m.space.child/"+url.PathEscape(secret), `{"via":["hs1"]}`)
	walk := func(who, query string) (names []string) {
		for from := ""; ; {
			a := w.must(who, "GET", v1+"rooms/"+url.PathEscape(top)+"/hierarchy?"+query+from, "")
			list, _ := a.Body["rooms"].([]any)
			for _, one := range list {
				names = append(names, mapOf(one)["name"].(string))
			}
			if a.text("next_batch") == "" {
				return names
			}
			from = "&from=" + a.text("next_batch")
		}
	}
	for _, c := range []struct {
		name, who, query, want string
	}{
		{"OK", "alice", "", "top leaf inner secret private"},
		{"OKPages", "alice", "limit=1", "top leaf inner secret private"},
		{"OKDepth", "alice", "max_depth=1", "top leaf inner private"},
		{"OKOnlyRoot", "alice", "max_depth=0", "top"},
		{"OKSuggested", "alice", "suggested_only=true", "top inner"},
		{"OutsiderSeesOpenRooms", "mallory", "limit=2", "top leaf inner"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := strings.Join(walk(c.who, c.query), " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	path := v1 + "rooms/" + url.PathEscape(top) + "/hierarchy?limit=1"
	token := w.must("alice", "GET", path, "").text("next_batch")
	w.want("alice", "GET", path+"&max_depth=3&from="+token, "", 400, "M_INVALID_PARAM")
	w.want("alice", "GET", path+"&suggested_only=true&from="+token, "", 400, "M_INVALID_PARAM")
	w.want("mallory", "GET", v1+"rooms/"+url.PathEscape(private)+"/hierarchy", "", 403, "M_FORBIDDEN")
	w.must("alice", "POST", room(top)+"ban", `{"user_id":"@mallory:hs1"}`)
	w.want("mallory", "GET", path, "", 403, "M_FORBIDDEN")
}

// TestCreateRoom checks the order of a new room's events and what overrides what.
func TestCreateRoom(t *testing.T) {
	w := newWorld(t)
	w.signUp("carol")
	for _, c := range []struct {
		name, body string
		want       string // the events' types without m.room., oldest first
		holds      string // the state in all
	}{
		{"OKOrder", `{"name":"N","topic":"T","room_alias_name":"first","initial_state":[{"type":"x.b","state_key":"k","content":{}},{"type":"x.a","content":{}}],"invite":["@bob:hs1"],"is_direct":true}`,
			"create member power_levels canonical_alias join_rules history_visibility guest_access x.b x.a name topic member", `"is_direct":true`},
		{"OKInitialStateOverPreset", `{"preset":"public_chat","initial_state":[{"type":"m.room.join_rules","content":{"join_rule":"knock"}},{"type":"m.room.name","content":{"name":"lost"}}],"name":"kept"}`,
			"create member power_levels history_visibility guest_access join_rules name name", `"knock"`},
		{"OKSpace", `{"creation_content":{"type":"m.space","m.federate":false,"room_version":"1","creator":"@bob:hs1"}}`,
			"create member power_levels join_rules history_visibility guest_access", `"type":"m.space"`},
		{"OKCreators", `{"preset":"trusted_private_chat","invite":["@bob:hs1"],"creation_content":{"additional_creators":["@carol:hs1","@bob:hs1"]}}`,
			"create member power_levels join_rules history_visibility guest_access member", `"additional_creators":["@bob:hs1","@carol:hs1","@wardline:hs1"]`},
		{"OKTrustedOld", `{"room_version":"11","preset":"trusted_private_chat","invite":["@bob:hs1"]}`,
			"create member power_levels join_rules history_visibility guest_access member", `"@bob:hs1":100`},
		{"OKPowerOverride", `{"power_level_content_override":{"events":{"x":7},"invite":50}}`,
			"create member power_levels join_rules history_visibility guest_access", `"events":{"m.room.tombstone":150,"x":7}`},
		{"OKPublic", `{"visibility":"public"}`, "create member power_levels join_rules history_visibility guest_access", `"join_rule":"public"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := w.make("alice", c.body)
			var types []string
			list, _ := w.must("alice", "GET", room(r)+"messages?dir=f&limit=100", "").Body["chunk"].([]any)
			for _, one := range list {
				types = append(types, strings.TrimPrefix(mapOf(one)["type"].(string), "m.room."))
			}
			if got := strings.Join(types, " "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if state := w.must("alice", "GET", room(r)+"state", ""); !strings.Contains(string(state.Raw), c.holds) {
				t.Errorf("the state has no %s: %s", c.holds, state.Raw)
			}
		})
	}
}

// TestThirdPartyInvite brings in somebody whom an identity server vouches for, and nobody who only says so.
func TestThirdPartyInvite(t *testing.T) {
	w := newWorld(t)
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public := base64.RawStdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
	w.must("alice", "PUT", v3+"rooms/{roomId}/state/m.room.third_party_invite/tok", `{"display_name":"m...@x","key_validity_url":"https://i/","public_key":"`+public+`"}`)
	signed := func(token string) string {
		raw, err := event.SignJSON([]byte(`{"mxid":"@mallory:hs1","token":"`+token+`"}`), "i", "ed25519:0", key)
		if err != nil {
			t.Fatal(err)
		}
		return `{"third_party_signed":` + strings.TrimSuffix(string(raw), "}") + `,"sender":"@alice:hs1"}}`
	}
	w.want("mallory", "POST", v3+"join/{roomId}", signed("other"), 403, "M_FORBIDDEN")
	w.want("mallory", "POST", v3+"join/{roomId}", strings.Replace(signed("tok"), "@alice", "@bob", 1), 403, "M_FORBIDDEN")
	w.want("mallory", "POST", v3+"join/{roomId}", strings.Replace(signed("tok"), `"ed25519:0":"`, `"ed25519:0":"AAAA`, 1), 403, "M_FORBIDDEN")
	w.want("bob", "POST", v3+"join/{roomId}", signed("tok"), 403, "M_FORBIDDEN")
	w.want("mallory", "GET", v3+"sync", "", 200, `"invite":{}`)
	w.must("mallory", "POST", v3+"join/{roomId}", signed("tok"))
	w.want("alice", "GET", v3+"rooms/{roomId}/state/m.room.member/@mallory:hs1", "", 200, `"join"`)
}
