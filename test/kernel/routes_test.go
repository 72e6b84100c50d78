package kernel

import (
	"slices"
	"strings"
	"testing"
)

// row is one request that must succeed. Rows run in order in one world; who is made for one row only is "temp".
type row struct {
	route string // pattern in the table of edge/client
	who   string
	body  string
	vars  map[string]string // values for names in the path that differ from the world's
	query string
	want  int    // 0 for 200
	has   string // what the answer must hold
}

const (
	v3 = "/_matrix/client/v3/"
	v1 = "/_matrix/client/v1/"
)

type set = map[string]string

const uia = `"auth":{"type":"m.login.password","identifier":{"type":"m.id.user","user":"{temp}"},"password":"pw"}`

var rows = []row{
	{route: "GET /_matrix/client/versions", has: `"v1.11"`},
	{route: "GET " + v3 + "capabilities", who: "alice", has: `"default":"12"`},
	{route: "GET " + v3 + "login", has: "m.login.password"},
	{route: "POST " + v3 + "login", body: `{"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"pw"}`, has: `"access_token"`},
	{route: "POST " + v3 + "login", body: `{"type":"m.login.password","user":"@alice:hs1","password":"pw","device_id":"MINE"}`, has: `"MINE"`},
	{route: "POST " + v3 + "login", body: `{"type":"m.login.password","user":"alice","password":"no"}`, want: 403, has: "M_FORBIDDEN"},
	{route: "POST " + v3 + "login", body: `{"type":"m.login.password","user":"nobody","password":"no"}`, want: 403, has: "M_FORBIDDEN"},
	{route: "POST " + v1 + "login/get_token", who: "temp", body: `{}`, want: 401, has: `"flows"`},
	{route: "POST " + v1 + "login/get_token", who: "temp", body: `{` + uia + `}`, has: `"login_token"`},
	{route: "POST " + v3 + "refresh", who: "temp", body: `{"refresh_token":"{refresh of temp}"}`, has: `"access_token"`},
	{route: "POST " + v3 + "refresh", body: `{"refresh_token":"none"}`, want: 401, has: "M_UNKNOWN_TOKEN"},
	{route: "POST " + v3 + "logout", who: "temp", body: `{}`},
	{route: "POST " + v3 + "logout/all", who: "temp", body: `{}`},
	{route: "POST " + v3 + "register", body: `{"username":"new","password":"pw"}`, want: 401, has: "m.login.dummy"},
	{route: "POST " + v3 + "register", body: `{"username":"new","password":"pw","auth":{"type":"m.login.dummy"}}`, has: "@new:hs1"},
	{route: "POST " + v3 + "register", body: `{"username":"new","password":"pw","auth":{"type":"m.login.dummy"}}`, want: 400, has: "M_USER_IN_USE"},
	{route: "POST " + v3 + "register", body: `{"username":"Not One","password":"pw","auth":{"type":"m.login.dummy"}}`, want: 400, has: "M_INVALID_USERNAME"},
	{route: "GET " + v3 + "register/available", query: "username=free", has: `"available":true`},
	{route: "GET " + v3 + "register/available", query: "username=alice", want: 400, has: "M_USER_IN_USE"},
	{route: "GET /_synapse/admin/v1/register", has: `"nonce"`},
	{route: "POST /_synapse/admin/v1/register", body: `{"nonce":"x","username":"x","password":"x","mac":"x"}`, want: 400},
	{route: "POST " + v3 + "account/password", who: "temp", body: `{"new_password":"other",` + uia + `}`},
	{route: "POST " + v3 + "account/deactivate", who: "temp", body: `{` + uia + `}`},
	{route: "GET " + v3 + "account/whoami", who: "alice", has: "@alice:hs1"},
	{route: "GET " + v3 + "account/3pid", who: "alice", has: `"threepids":[]`},
	{route: "GET " + v3 + "devices", who: "alice", has: `"devices"`},
	{route: "GET " + v3 + "devices/{deviceId}", who: "alice", vars: set{"deviceId": "{device of alice}"}, has: `"device_id"`},
	{route: "GET " + v3 + "devices/{deviceId}", who: "alice", vars: set{"deviceId": "{device of bob}"}, want: 404, has: "M_NOT_FOUND"},
	{route: "PUT " + v3 + "devices/{deviceId}", who: "alice", vars: set{"deviceId": "{device of alice}"}, body: `{"display_name":"phone"}`},
	{route: "PUT " + v3 + "devices/{deviceId}", who: "alice", vars: set{"deviceId": "{device of bob}"}, body: `{"display_name":"mine now"}`, want: 404},
	{route: "DELETE " + v3 + "devices/{deviceId}", who: "temp", vars: set{"deviceId": "{device of temp}"}, body: `{}`, want: 401, has: `"flows"`},
	{route: "DELETE " + v3 + "devices/{deviceId}", who: "temp", vars: set{"deviceId": "{device of temp}"}, body: `{` + uia + `}`},
	{route: "POST " + v3 + "delete_devices", who: "temp", body: `{"devices":["{device of temp}"],` + uia + `}`},

	{route: "POST " + v3 + "user/{userId}/filter", who: "alice", body: `{"room":{"timeline":{"limit":1}}}`, has: `"filter_id"`},
	{route: "GET " + v3 + "user/{userId}/filter/{filterId}", who: "alice", vars: set{"filterId": "none"}, want: 404, has: "M_NOT_FOUND"},
	{route: "PUT " + v3 + "user/{userId}/account_data/{type}", who: "alice", vars: set{"type": "a"}, body: `{"x":1}`},
	{route: "GET " + v3 + "user/{userId}/account_data/{type}", who: "alice", vars: set{"type": "a"}, has: `"x":1`},
	{route: "GET " + v3 + "user/{userId}/account_data/{type}", who: "bob", vars: set{"type": "a", "userId": "@alice:hs1"}, want: 403, has: "M_FORBIDDEN"},
	{route: "GET " + v3 + "user/{userId}/account_data/{type}", who: "alice", vars: set{"type": "b"}, want: 404, has: "M_NOT_FOUND"},
	{route: "PUT " + v3 + "user/{userId}/rooms/{roomId}/account_data/{type}", who: "alice", vars: set{"type": "a"}, body: `{"y":1}`},
	{route: "GET " + v3 + "user/{userId}/rooms/{roomId}/account_data/{type}", who: "alice", vars: set{"type": "a"}, has: `"y":1`},
	{route: "PUT " + v3 + "user/{userId}/rooms/{roomId}/tags/{tag}", who: "alice", vars: set{"tag": "m.favourite"}, body: `{"order":0.1}`},
	{route: "GET " + v3 + "user/{userId}/rooms/{roomId}/tags", who: "alice", has: "m.favourite"},
	{route: "DELETE " + v3 + "user/{userId}/rooms/{roomId}/tags/{tag}", who: "alice", vars: set{"tag": "m.favourite"}},
	{route: "PUT " + v3 + "profile/{userId}/{keyName}", who: "alice", vars: set{"keyName": "displayname"}, body: `{"displayname":"Al"}`},
	{route: "PUT " + v3 + "profile/{userId}/{keyName}", who: "bob", vars: set{"keyName": "displayname", "userId": "@alice:hs1"}, body: `{"displayname":"x"}`, want: 403},
	{route: "GET " + v3 + "profile/{userId}", vars: set{"userId": "@alice:hs1"}, has: `"Al"`},
	{route: "GET " + v3 + "profile/{userId}", vars: set{"userId": "@none:hs1"}, want: 404, has: "M_NOT_FOUND"},
	{route: "GET " + v3 + "profile/{userId}/{keyName}", vars: set{"userId": "@alice:hs1", "keyName": "displayname"}, has: `"Al"`},
	{route: "DELETE " + v3 + "profile/{userId}/{keyName}", who: "alice", vars: set{"keyName": "displayname"}},
	{route: "POST " + v3 + "user_directory/search", who: "alice", body: `{"search_term":"bob"}`, has: "@bob:hs1"},

	{route: "POST " + v3 + "createRoom", who: "alice", body: `{"preset":"public_chat","room_alias_name":"open","name":"Open"}`, has: `"room_id"`},
	{route: "POST " + v3 + "createRoom", who: "alice", body: `{"room_alias_name":"open"}`, want: 400, has: "M_ROOM_IN_USE"},
	{route: "POST " + v3 + "createRoom", who: "alice", body: `{"room_version":"2"}`, want: 400, has: "M_UNSUPPORTED_ROOM_VERSION"},
	{route: "GET " + v3 + "joined_rooms", who: "alice", has: `"joined_rooms":["!`},
	{route: "POST " + v3 + "join/{roomIdOrAlias}", who: "bob", vars: set{"roomIdOrAlias": "#open:hs1"}, body: `{}`, has: `"room_id"`},
	{route: "POST " + v3 + "join/{roomIdOrAlias}", who: "bob", vars: set{"roomIdOrAlias": "#none:hs1"}, body: `{}`, want: 404, has: "M_NOT_FOUND"},
	{route: "POST " + v3 + "knock/{roomIdOrAlias}", who: "mallory", vars: set{"roomIdOrAlias": "{roomId}"}, body: `{}`, want: 403, has: "M_FORBIDDEN"},
	{route: "POST " + v3 + "rooms/{roomId}/{verb}", who: "alice", vars: set{"verb": "invite"}, body: `{"user_id":"@carol:hs1"}`, want: 404, has: "M_NOT_FOUND"},
	{route: "POST " + v3 + "rooms/{roomId}/{verb}", who: "alice", vars: set{"verb": "fly"}, body: `{}`, want: 404, has: "M_UNRECOGNIZED"},
	{route: "POST " + v3 + "rooms/{roomId}/{verb}", who: "bob", vars: set{"verb": "kick"}, body: `{"user_id":"@alice:hs1"}`, want: 403, has: "M_FORBIDDEN"},
	{route: "GET " + v3 + "directory/room/{roomAlias}", vars: set{"roomAlias": "#open:hs1"}, has: `"room_id"`},
	{route: "PUT " + v3 + "directory/room/{roomAlias}", who: "alice", vars: set{"roomAlias": "#second:hs1"}, body: `{"room_id":"{roomId}"}`},
	{route: "GET " + v3 + "rooms/{roomId}/aliases", who: "alice", has: "#second:hs1"},
	{route: "DELETE " + v3 + "directory/room/{roomAlias}", who: "bob", vars: set{"roomAlias": "#second:hs1"}, want: 403, has: "M_FORBIDDEN"},
	{route: "DELETE " + v3 + "directory/room/{roomAlias}", who: "alice", vars: set{"roomAlias": "#second:hs1"}},
	{route: "PUT " + v3 + "directory/list/room/{roomId}", who: "alice", body: `{"visibility":"public"}`},
	{route: "PUT " + v3 + "directory/list/room/{roomId}", who: "bob", body: `{"visibility":"private"}`, want: 403, has: "M_FORBIDDEN"},
	{route: "GET " + v3 + "directory/list/room/{roomId}", has: `"public"`},
	{route: "GET " + v3 + "publicRooms", has: `"Room"`},
	{route: "POST " + v3 + "publicRooms", who: "mallory", body: `{"filter":{"generic_search_term":"roo"}}`, has: `"Room"`},
	{route: "GET " + v3 + "rooms/{roomId}/state", who: "bob", has: `m.room.create`},
	{route: "GET " + v3 + "rooms/{roomId}/state/{eventType}", who: "bob", vars: set{"eventType": "m.room.name"}, has: `"Room"`},
	{route: "GET " + v3 + "rooms/{roomId}/state/{eventType}", who: "bob", vars: set{"eventType": "m.none"}, want: 404, has: "M_NOT_FOUND"},
	{route: "GET " + v3 + "rooms/{roomId}/state/{eventType}/{stateKey...}", who: "bob", vars: set{"eventType": "m.room.member", "stateKey...": "@alice:hs1"}, has: `"join"`},
	{route: "PUT " + v3 + "rooms/{roomId}/state/{eventType}", who: "alice", vars: set{"eventType": "m.room.topic"}, body: `{"topic":"t"}`, has: `"event_id"`},
	{route: "PUT " + v3 + "rooms/{roomId}/state/{eventType}", who: "bob", vars: set{"eventType": "m.room.topic"}, body: `{"topic":"mine"}`, want: 403, has: "M_FORBIDDEN"},
	{route: "PUT " + v3 + "rooms/{roomId}/state/{eventType}/{stateKey...}", who: "alice", vars: set{"eventType": "x.y", "stateKey...": "k"}, body: `{"a":1}`, has: `"event_id"`},
	{route: "PUT " + v3 + "rooms/{roomId}/send/{eventType}/{txnId}", who: "alice", vars: set{"eventType": "m.room.message"}, body: `{"body":"x"}`, has: `"event_id"`},
	{route: "PUT " + v3 + "rooms/{roomId}/send/{eventType}/{txnId}", who: "alice", vars: set{"eventType": "m.room.message"}, body: `{"n":1.5}`, want: 400, has: "M_BAD_JSON"},
	{route: "PUT " + v3 + "rooms/{roomId}/redact/{eventId}/{txnId}", who: "bob", body: `{}`, want: 403, has: "M_FORBIDDEN"},

	{route: "GET " + v3 + "sync", who: "alice", has: `"next_batch"`},
	{route: "GET " + v3 + "sync", who: "alice", query: "since=nonsense", want: 400, has: "M_INVALID_PARAM"},
	{route: "POST /_matrix/client/v4/sync", who: "alice", body: `{"lists":{"all":{"range":[0,9],"timeline_limit":3}}}`, has: `"pos"`},
	{route: "POST /_matrix/client/v4/sync", who: "alice", body: `{"pos":"c_0_0"}`, want: 400, has: "M_UNKNOWN_POS"},
	{route: "POST /_matrix/client/unstable/org.matrix.simplified_msc3575/sync", who: "alice", body: `{"lists":{"all":{"ranges":[[0,9]],"timeline_limit":3,"required_state":[["*","*"]]}}}`, has: `"pos"`},
	{route: "GET " + v3 + "rooms/{roomId}/messages", who: "bob", query: "dir=b&limit=50", has: `"hello"`},
	{route: "GET " + v3 + "rooms/{roomId}/messages", who: "bob", query: "limit=50", want: 400, has: "M_MISSING_PARAM"},
	{route: "GET " + v3 + "rooms/{roomId}/event/{eventId}", who: "bob", has: `"hello"`},
	{route: "GET " + v3 + "rooms/{roomId}/event/{eventId}", who: "bob", vars: set{"eventId": "$none"}, want: 404, has: "M_NOT_FOUND"},
	{route: "GET " + v3 + "rooms/{roomId}/context/{eventId}", who: "bob", has: `"events_before"`},
	{route: "GET " + v3 + "rooms/{roomId}/members", who: "bob", has: "@alice:hs1"},
	{route: "GET " + v3 + "rooms/{roomId}/joined_members", who: "bob", has: "@alice:hs1"},
	{route: "GET " + v1 + "rooms/{roomId}/relations/{eventId}", who: "bob", has: `"chunk"`},
	{route: "GET " + v1 + "rooms/{roomId}/relations/{eventId}/{relType}", who: "bob", vars: set{"relType": "m.annotation"}, has: `"chunk"`},
	{route: "GET " + v1 + "rooms/{roomId}/relations/{eventId}/{relType}/{eventType}", who: "bob", vars: set{"relType": "m.annotation", "eventType": "m.reaction"}, has: `"chunk"`},
	{route: "POST " + v3 + "rooms/{roomId}/receipt/{receiptType}/{eventId}", who: "bob", vars: set{"receiptType": "m.read"}, body: `{}`},
	{route: "POST " + v3 + "rooms/{roomId}/receipt/{receiptType}/{eventId}", who: "bob", vars: set{"receiptType": "m.none"}, body: `{}`, want: 400},
	{route: "POST " + v3 + "rooms/{roomId}/read_markers", who: "bob", body: `{"m.fully_read":"{eventId}","m.read":"{eventId}"}`},
	{route: "PUT " + v3 + "rooms/{roomId}/typing/{userId}", who: "bob", body: `{"typing":true,"timeout":1000}`},
	{route: "PUT " + v3 + "rooms/{roomId}/typing/{userId}", who: "bob", vars: set{"userId": "@alice:hs1"}, body: `{"typing":true}`, want: 403, has: "M_FORBIDDEN"},

	{route: "POST /_matrix/media/v3/upload", who: "alice", body: "some bytes", has: "mxc://hs1/"},
	{route: "POST /_matrix/media/v3/upload", who: "alice", body: strings.Repeat("x", 1<<16+1), want: 413, has: "M_TOO_LARGE"},
	{route: "GET " + v1 + "media/config", who: "alice", has: `"m.upload.size":65536`},
	{route: "GET /_matrix/media/v3/config", who: "alice", has: `"m.upload.size":65536`},
	{route: "GET " + v1 + "media/download/{serverName}/{mediaId}", who: "alice", vars: set{"serverName": "hs1", "mediaId": "none"}, want: 404, has: "M_NOT_FOUND"},
	{route: "GET " + v1 + "media/download/{serverName}/{mediaId}/{fileName}", who: "alice", vars: set{"serverName": "hs2", "mediaId": "none", "fileName": "x"}, want: 404, has: "M_NOT_FOUND"},
	{route: "GET " + v1 + "media/thumbnail/{serverName}/{mediaId}", who: "alice", vars: set{"serverName": "hs1", "mediaId": "none"}, query: "width=1&height=1", want: 404, has: "M_NOT_FOUND"},
	{route: "GET /_matrix/media/v3/download/{rest...}", vars: set{"rest...": "hs1/none"}, want: 404, has: "M_NOT_FOUND"},
	{route: "GET /_matrix/media/v3/thumbnail/{rest...}", vars: set{"rest...": "hs1/none"}, want: 404, has: "M_NOT_FOUND"},
	{route: "PUT " + v3 + "rooms/{roomId}/redact/{eventId}/{txnId}", who: "alice", body: `{"reason":"slip"}`, has: `"event_id"`},
}

// tables are all rows: those above, and those that stand beside the stories of a module, each with the file that has them.
var tables = []struct {
	file string
	rows []row
}{
	{"routes_test.go", rows},
	{"rows_rooms_test.go", roomRows},
	{"rows_keys_test.go", keyRows},
	{"rows_bridge_test.go", bridgeRows},
	{"rows_history_test.go", historyRows},
	{"rows_discovery_test.go", discoveryRows},
	{"rows_push_test.go", pushRows},
	{"rows_accounts_test.go", accountRows},
	{"oauth_test.go", oauthRows},
	{"admin_test.go", adminRows},
	{"presence_test.go", presenceRows},
	{"fallback_test.go", fallbackRows},
	{"rows_delay_test.go", delayRows},
	{"rows_search_test.go", searchRows},
	{"rows_media_test.go", mediaRows},
	{"rows_tags_test.go", tagRows},
	{"sso_test.go", ssoRows},
}

// walk is every row.
func walk() (all []row) {
	for _, t := range tables {
		all = append(all, t.rows...)
	}
	return all
}

// run makes a row's request in the world.
func (w *world) run(r row, who, body string) answer {
	w.t.Helper()
	method, path, _ := strings.Cut(strings.TrimSuffix(r.route, "{$}"), " ")
	for name, v := range r.vars {
		path = strings.ReplaceAll(path, "{"+name+"}", v)
	}
	// Values that a row gives may themselves hold names or signs that a path must escape.
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = strings.NewReplacer("#", "%23", "$", "%24").Replace(p)
	}
	if path = strings.Join(parts, "/"); r.query != "" {
		path += "?" + r.query
	}
	return w.ask(who, method, path, w.fill(body, who, false))
}

func TestRoutes(t *testing.T) {
	w := newWorld(t)
	tried := map[string]bool{}
	for _, r := range walk() {
		tried[r.route] = true
		if r.who == "temp" {
			r.who = w.temp()
		}
		want := max(r.want, 200)
		if got := w.run(r, r.who, r.body); got.Status != want || !strings.Contains(string(got.Raw), r.has) {
			t.Errorf("%s %s as %q with %.60s: got %d %.300s, want %d with %q", r.route, r.query, r.who, r.body, got.Status, got.Raw, want, r.has)
		}
	}
	for _, route := range slices.Concat(w.app.API.Routes(), w.app.Admin.Routes()) {
		if !tried[route.Pattern] {
			t.Errorf("%s has no row: every route says what it does for whom", route.Pattern)
		}
	}
}

// TestNobody asks every route that needs somebody as nobody, and with a token that is none.
func TestNobody(t *testing.T) {
	w := newWorld(t)
	for _, route := range slices.Concat(w.app.API.Routes(), w.app.Admin.Routes()) {
		if !route.Auth {
			continue
		}
		for who, want := range map[string]string{"": "M_MISSING_TOKEN", "forged": "M_UNKNOWN_TOKEN"} {
			got := w.run(row{route: route.Pattern}, who, `{}`)
			if got.Status != 401 || got.text("errcode") != want {
				t.Errorf("%s as %q: got %d %s, want 401 %s", route.Pattern, who, got.Status, got.Raw, want)
			}
		}
	}
}

// TestMalformed sends what is no JSON, and JSON of the wrong shape, to every route that reads a body.
func TestMalformed(t *testing.T) {
	w := newWorld(t)
	done := map[string]bool{}
	for _, r := range walk() {
		if r.body == "" || done[r.route] || strings.Contains(r.route, "/media/v3/upload") || strings.HasSuffix(r.route, "/logout") || strings.HasSuffix(r.route, "/logout/all") {
			continue
		}
		done[r.route] = true
		who := r.who
		if who == "temp" {
			who = w.temp()
		}
		if strings.HasSuffix(r.route, "{verb}") {
			r.vars = set{"verb": "invite"}
		}
		for body, want := range map[string]string{`{"a":`: "M_NOT_JSON", `[]`: "M_BAD_JSON", `{"a":1}{"b":2}`: "M_NOT_JSON"} {
			got := w.run(r, who, body)
			if got.Status != 400 || got.text("errcode") != want {
				t.Errorf("%s with %s: got %d %.200s, want 400 %s", r.route, body, got.Status, got.Raw, want)
			}
		}
	}
}

// TestStrangers asks every route about a room as somebody who is not in it. The answer must be the one about a room that does not
// exist, to the byte: whoever asks learns nothing.
func TestStrangers(t *testing.T) {
	w := newWorld(t)
	real := w.vars["roomId"]
	for _, r := range walk() {
		own := strings.Contains(r.route, "/user/{userId}/") // one's own notes about any room
		open := strings.Contains(r.route, "directory/list") // whether a room is listed
		mine := strings.Contains(r.route, "/room_keys/")    // one's own keys of any room
		if !strings.Contains(r.route, "{roomId}") || own || open || mine || r.vars["verb"] == "fly" {
			continue
		}
		if _, ok := r.vars["userId"]; ok {
			continue
		}
		verbs := []string{""}
		if strings.HasSuffix(r.route, "{verb}") {
			verbs = []string{"join", "leave", "forget", "invite", "kick", "ban", "unban"}
		}
		for _, verb := range verbs {
			if verb != "" {
				r.vars, r.body = set{"verb": verb}, `{"user_id":"@alice:hs1"}`
			}
			if r.want != 0 && r.want != 403 && r.want != 404 {
				continue
			}
			w.vars["roomId"] = real
			here := w.run(r, "mallory", r.body)
			w.vars["roomId"] = "!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
			nowhere := w.run(r, "mallory", r.body)
			kept := strings.HasSuffix(r.route, "/report") // taken from anybody about anything, and no answer tells what became of it
			if here.Status < 400 && !kept || string(here.Raw) != string(nowhere.Raw) || here.Status != nowhere.Status {
				t.Errorf("%s %s: about a room that exists %d %s; about one that does not %d %s; want the same refusal", r.route, verb, here.Status, here.Raw, nowhere.Status, nowhere.Raw)
			}
		}
	}
}
