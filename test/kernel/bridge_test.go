package kernel

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wardline/app"
)

// irc is an application service: a small real server. It keeps what it is told and fails as often as it is asked to.
type irc struct {
	t       *testing.T
	server  *httptest.Server
	mu      sync.Mutex // guards the rest
	got     []delivery
	fails   int
	told    chan struct{} // has a value after each request
	answers map[string]string
	asked   []string
}

// delivery is one transaction as it came.
type delivery struct {
	Txn    string
	Raw    string
	Events []struct {
		Type, Sender, Room string
		ID                 string `json:"event_id"`
		RoomID             string `json:"room_id"`
		Content            struct{ Body, Membership string }
		TS                 int64 `json:"origin_server_ts"`
	}
	Ephemeral []struct {
		Type, Sender string
		RoomID       string `json:"room_id"`
		Content      json.RawMessage
	}
}

func (s *irc) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		select {
		case s.told <- struct{}{}:
		default:
		}
	}()
	w.Header().Set("Content-Type", "application/json")
	if r.Header.Get("Authorization") != "Bearer home" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if txn, ok := strings.CutPrefix(r.URL.Path, "/base/_matrix/app/v1/transactions/"); ok {
		d := delivery{Txn: txn, Raw: string(raw)}
		if err := json.Unmarshal(raw, &d); err != nil {
			s.t.Errorf("transaction %s: %v", raw, err)
		}
		if s.fails > 0 {
			s.fails--
			w.WriteHeader(http.StatusUnauthorized) // which is not tried again by an older path
		}
		s.got = append(s.got, d)
		_, _ = w.Write([]byte("{}"))
		return
	}
	s.asked = append(s.asked, r.Method+" "+r.URL.RequestURI())
	answer, ok := s.answers[r.URL.Path]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		answer = "{}"
	}
	_, _ = w.Write([]byte(answer))
}

// until waits until what says true of what has come, and returns that.
func (s *irc) until(what func([]delivery) bool) []delivery {
	s.t.Helper()
	limit := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		got := slices.Clone(s.got)
		s.mu.Unlock()
		if what(got) {
			return got
		}
		select {
		case <-s.told:
		case <-limit:
			s.t.Fatalf("it did not come; got %+v", got)
		}
	}
}

// bodies are what people said in all transactions, each as often as it came.
func said(got []delivery) []string {
	out := []string{}
	for _, d := range got {
		for _, e := range d.Events {
			if e.Type == "m.room.message" {
				out = append(out, e.Content.Body)
			}
		}
	}
	return out
}

const registration = `id: irc
url: %s/base
as_token: bridge token
hs_token: home
sender_localpart: _irc_bot
receive_ephemeral: true
protocols: [irc]
namespaces:
  users: [{exclusive: true, regex: "@_irc_.*:hs1"}]
  aliases: [{exclusive: true, regex: "#_irc_.*"}]
  rooms: []
`

func newIRC(t *testing.T) (*irc, app.Config) {
	t.Helper()
	s := &irc{t: t, told: make(chan struct{}, 1), answers: map[string]string{}}
	s.server = httptest.NewServer(s)
	t.Cleanup(s.server.Close)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "irc.yaml"), fmt.Appendf(nil, registration, s.server.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	return s, app.Config{EncryptedRooms: "team,social,other", ServerName: "hs1", Data: t.TempDir(), MaxUpload: 1 << 16, OpenRegistration: true, NoRateLimits: true, Appservices: dir}
}

// as makes a request of the service for one of its users.
func (w *world) as(user, method, path, body string) answer {
	w.t.Helper()
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	return w.ask("bridge token", method, path+sep+"user_id="+url.QueryEscape(user), body)
}

func (w *world) expect(a answer, status int, has string) {
	w.t.Helper()
	if a.Status != status || !strings.Contains(string(a.Raw), has) {
		w.t.Errorf("got %d %s, want %d with %s", a.Status, a.Raw, status, has)
	}
}

func TestBridge_Acts(t *testing.T) {
	_, config := newIRC(t)
	w := openAs(t, config)
	w.signUp("alice")
	const reg = v3 + "register"
	t.Run("Register", func(t *testing.T) {
		body := `{"type":"m.login.application_service","username":"%s","inhibit_login":true}`
		w.expect(w.ask("bridge token", "POST", reg, fmt.Sprintf(body, "_irc_ann")), 200, `"@_irc_ann:hs1"`)
		w.expect(w.ask("bridge token", "POST", reg, fmt.Sprintf(body, "_irc_ann")), 400, "M_USER_IN_USE")
		w.expect(w.ask("bridge token", "POST", reg, fmt.Sprintf(body, "outside")), 400, "M_EXCLUSIVE")
		w.expect(w.ask("forged", "POST", reg, fmt.Sprintf(body, "_irc_bo")), 401, "M_UNKNOWN_TOKEN")
		w.expect(w.ask("", "POST", reg, fmt.Sprintf(body, "_irc_bo")), 401, "M_MISSING_TOKEN")
		w.expect(w.ask("bridge token", "POST", reg, `{"type":"m.login.application_service"}`), 400, "M_MISSING_PARAM")
		w.expect(w.ask("", "POST", reg, `{"username":"_irc_thief","password":"p","auth":{"type":"m.login.dummy"}}`), 400, "M_EXCLUSIVE")
		w.expect(w.ask("", "GET", v3+"register/available?username=_irc_thief", ""), 400, "M_EXCLUSIVE")
	})
	t.Run("Login", func(t *testing.T) {
		body := `{"type":"m.login.application_service","identifier":{"type":"m.id.user","user":"%s"}}`
		w.expect(w.ask("", "GET", v3+"login", ""), 200, "m.login.application_service")
		w.expect(w.ask("bridge token", "POST", v3+"login", fmt.Sprintf(body, "_irc_ann")), 200, "access_token")
		w.expect(w.ask("bridge token", "POST", v3+"login", fmt.Sprintf(body, "@_irc_none:hs1")), 403, "M_FORBIDDEN")
		w.expect(w.ask("bridge token", "POST", v3+"login", fmt.Sprintf(body, "alice")), 400, "M_EXCLUSIVE")
		w.expect(w.ask("forged", "POST", v3+"login", fmt.Sprintf(body, "_irc_ann")), 401, "M_UNKNOWN_TOKEN")
		w.expect(w.ask("alice", "POST", v3+"login", fmt.Sprintf(body, "alice")), 401, "M_UNKNOWN_TOKEN")
	})
	t.Run("Assert", func(t *testing.T) {
		w.expect(w.ask("bridge token", "GET", v3+"account/whoami", ""), 200, `"@_irc_bot:hs1"`)
		w.expect(w.as("@_irc_ann:hs1", "GET", v3+"account/whoami", ""), 200, `{"is_guest":false,"user_id":"@_irc_ann:hs1"}`)
		w.expect(w.as("@_irc_none:hs1", "GET", v3+"account/whoami", ""), 403, "M_FORBIDDEN")
		w.expect(w.as("@alice:hs1", "GET", v3+"account/whoami", ""), 403, "M_FORBIDDEN")
		w.expect(w.as("@_irc_ann:hs2", "GET", v3+"account/whoami", ""), 403, "M_FORBIDDEN")
		w.expect(w.ask("alice", "GET", v3+"account/whoami?user_id=@_irc_ann:hs1", ""), 200, `"@alice:hs1"`)
	})
	t.Run("Devices", func(t *testing.T) {
		ann := func(method, path, body string) answer { return w.as("@_irc_ann:hs1", method, v3+path, body) }
		w.expect(ann("GET", "account/whoami?device_id=D1", ""), 400, "M_UNKNOWN_DEVICE")
		w.expect(ann("POST", "keys/upload", `{}`), 400, "M_MISSING_PARAM")
		w.expect(ann("PUT", "devices/D1", `{"display_name":"bridge"}`), 201, `{}`)
		w.expect(ann("PUT", "devices/D1", `{"display_name":"again"}`), 200, `{}`)
		w.expect(ann("GET", "account/whoami?device_id=D1", ""), 200, `"D1"`)
		w.expect(ann("POST", "keys/upload?device_id=D1", `{"one_time_keys":{"signed_curve25519:A":{}}}`), 200, `:1`)
		w.expect(ann("DELETE", "devices/D1", `{}`), 200, `{}`)
		w.expect(ann("GET", "account/whoami?device_id=D1", ""), 400, "M_UNKNOWN_DEVICE")
		w.expect(w.ask("alice", "PUT", v3+"devices/NEW", `{}`), 404, "M_NOT_FOUND")
	})
	t.Run("Aliases", func(t *testing.T) {
		room := w.make("alice", `{"preset":"public_chat"}`)
		w.vars["roomId"] = room
		set := `{"room_id":"` + room + `"}`
		w.expect(w.ask("alice", "PUT", v3+"directory/room/%23_irc_x:hs1", set), 400, "M_EXCLUSIVE")
		w.expect(w.ask("alice", "POST", v3+"createRoom", `{"room_alias_name":"_irc_x"}`), 400, "M_EXCLUSIVE")
		w.must("bridge token", "POST", v3+"join/"+url.PathEscape(room), `{}`)
		w.expect(w.ask("bridge token", "PUT", v3+"directory/room/%23other:hs1", set), 400, "M_EXCLUSIVE")
		w.expect(w.ask("bridge token", "PUT", v3+"directory/room/%23_irc_x:hs1", set), 200, `{}`)
		w.expect(w.ask("alice", "DELETE", v3+"directory/room/%23_irc_x:hs1", ""), 400, "M_EXCLUSIVE")
		w.expect(w.as("@_irc_ann:hs1", "DELETE", v3+"directory/room/%23_irc_x:hs1", ""), 200, `{}`)
	})
	t.Run("Timestamps", func(t *testing.T) {
		send := func(who, ts string) answer {
			return w.ask(who, "PUT", v3+"rooms/{roomId}/send/m.room.message/ts"+ts+"?ts="+ts, `{"body":"then"}`)
		}
		old := send("bridge token", "1000").text("event_id")
		w.expect(w.ask("alice", "GET", v3+"rooms/{roomId}/event/"+url.PathEscape(old), ""), 200, `"origin_server_ts":1000,`)
		for _, bad := range []string{"-1", "x", "99999999999999999"} {
			w.expect(send("bridge token", bad), 400, "M_INVALID_PARAM")
		}
		if again := send("bridge token", "1000").text("event_id"); again != old {
			t.Errorf("a repeated transaction without a device made %s, want %s", again, old)
		}
		now := w.ask("alice", "PUT", v3+"rooms/{roomId}/send/m.room.message/a?ts=1000", `{"body":"now"}`).text("event_id")
		if got := w.ask("alice", "GET", v3+"rooms/{roomId}/event/"+url.PathEscape(now), ""); strings.Contains(string(got.Raw), `"origin_server_ts":1000,`) {
			t.Error("a person has set the time of an event")
		}
	})
}

func TestBridge_IsToldInOrderUntilItSaysYes(t *testing.T) {
	s, config := newIRC(t)
	w := openAs(t, config)
	w.signUp("alice", "bob")
	w.vars["roomId"] = w.make("alice", `{"preset":"private_chat","invite":["@_irc_bot:hs1"]}`)
	other := w.make("alice", `{"preset":"private_chat"}`)
	w.say("alice", w.vars["roomId"], "before it came")
	w.must("bridge token", "POST", v3+"join/{roomId}", `{}`)
	w.say("alice", w.vars["roomId"], "one")
	w.say("alice", other, "none of its business")
	s.until(func(got []delivery) bool { return slices.Contains(said(got), "one") })

	s.mu.Lock()
	s.fails = 1
	s.mu.Unlock()
	w.say("alice", w.vars["roomId"], "two")
	got := s.until(func(got []delivery) bool {
		n := 0
		for _, body := range said(got) {
			if body == "two" {
				n++
			}
		}
		return n == 2
	})
	refused, again := got[len(got)-2], got[len(got)-1]
	if refused.Txn != again.Txn || refused.Raw != again.Raw {
		t.Errorf("the transaction that was refused came again as another:\n%s %s\n%s %s", refused.Txn, refused.Raw, again.Txn, again.Raw)
	}
	w.must("bridge token", "POST", v3+"rooms/{roomId}/leave", `{}`)
	w.say("alice", w.vars["roomId"], "after it went")
	w.must("alice", "POST", v3+"rooms/{roomId}/invite", `{"user_id":"@_irc_bot:hs1"}`)
	got = s.until(func(got []delivery) bool {
		last := got[len(got)-1].Events
		return len(last) > 0 && last[len(last)-1].Content.Membership == "invite" && len(got) > 3
	})
	if bodies := said(got); !slices.Equal(bodies, []string{"one", "two", "two"}) {
		t.Errorf("it was told %v, want what happened while it was in the room", bodies)
	}
	for i, d := range got[1:] {
		if d.Txn == got[i].Txn && d.Raw != got[i].Raw {
			t.Errorf("transaction %s has two contents", d.Txn)
		}
	}
}

// What happened while the service or the server was away is told when both are there again, once.
func TestBridge_HearsWhatItMissed(t *testing.T) {
	s, config := newIRC(t)
	var room string
	var tokens map[string]string
	t.Run("before", func(t *testing.T) {
		s.t = t
		w := openAs(t, config)
		w.signUp("alice")
		room = w.make("alice", `{"preset":"private_chat","invite":["@_irc_bot:hs1"]}`)
		w.must("bridge token", "POST", v3+"join/"+url.PathEscape(room), `{}`)
		w.say("alice", room, "one")
		s.until(func(got []delivery) bool { return slices.Contains(said(got), "one") })
		s.mu.Lock()
		s.fails = 1_000_000
		s.mu.Unlock()
		for i := range 150 {
			w.say("alice", room, fmt.Sprint(i))
		}
		s.until(func(got []delivery) bool { return len(said(got)) > 1 })
		tokens = w.tokens
	})
	t.Run("after", func(t *testing.T) {
		s.mu.Lock()
		s.t, s.fails = t, 0
		s.mu.Unlock()
		w := openAs(t, config)
		w.tokens, w.serial = tokens, 1000
		w.say("alice", room, "last")
		got := s.until(func(got []delivery) bool { return slices.Contains(said(got), "last") })
		bodies := map[string]string{}
		var order []string
		for _, d := range got {
			if old, seen := bodies[d.Txn]; seen {
				if old != d.Raw {
					t.Errorf("transaction %s has two contents", d.Txn)
				}
				continue // a service knows by the id that it has this one
			}
			bodies[d.Txn] = d.Raw
			order = append(order, said([]delivery{d})...)
		}
		want := []string{"one"}
		for i := range 150 {
			want = append(want, fmt.Sprint(i))
		}
		if want = append(want, "last"); !slices.Equal(order, want) {
			t.Errorf("it was told %v", order)
		}
	})
}

func TestBridge_Ephemeral(t *testing.T) {
	s, config := newIRC(t)
	config.Presence = true
	w := openAs(t, config)
	w.signUp("alice", "bob", "mallory")
	w.vars["roomId"] = w.make("alice", `{"preset":"private_chat","invite":["@_irc_bot:hs1","@bob:hs1"]}`)
	elsewhere := w.make("alice", `{}`)
	w.must("bridge token", "POST", v3+"join/{roomId}", `{}`)
	w.must("bob", "POST", v3+"join/{roomId}", `{}`)
	w.vars["eventId"] = w.say("alice", w.vars["roomId"], "read me")
	s.until(func(got []delivery) bool { return slices.Contains(said(got), "read me") })
	w.must("alice", "PUT", v3+"rooms/"+url.PathEscape(elsewhere)+"/typing/@alice:hs1", `{"typing":true,"timeout":30000}`)
	w.must("bob", "POST", v3+"rooms/{roomId}/receipt/m.read.private/{eventId}", `{}`)
	w.must("bridge token", "POST", v3+"rooms/{roomId}/receipt/m.read.private/{eventId}", `{}`)
	w.must("alice", "PUT", v3+"rooms/{roomId}/typing/@alice:hs1", `{"typing":true,"timeout":30000}`)
	w.must("bob", "POST", v3+"rooms/{roomId}/receipt/m.read/{eventId}", `{}`)
	w.must("mallory", "GET", v3+"sync", "")
	w.must("bob", "GET", v3+"sync", "")
	seen := map[string]string{}
	s.until(func(got []delivery) bool {
		for _, d := range got {
			for _, e := range d.Ephemeral {
				if e.RoomID != w.vars["roomId"] && e.Type != "m.presence" {
					t.Errorf("told of another room: %+v", e)
				}
				seen[e.Type] += e.Sender + string(e.Content)
			}
		}
		return strings.Contains(seen["m.typing"], "@alice:hs1") && strings.Contains(seen["m.receipt"], `"m.read":`) && strings.Contains(seen["m.presence"], "@bob:hs1")
	})
	if strings.Contains(seen["m.presence"], "@mallory:hs1") {
		t.Errorf("told of the presence of somebody who shares no room: %s", seen["m.presence"])
	}
	if strings.Contains(seen["m.receipt"], `"m.read.private":{"@bob:hs1"`) || !strings.Contains(seen["m.receipt"], `"m.read.private":{"@_irc_bot:hs1"`) {
		t.Errorf("private receipts: %s, want the service's own and nobody else's", seen["m.receipt"])
	}
}

func TestBridge_IsAsked(t *testing.T) {
	s, config := newIRC(t)
	w := openAs(t, config)
	w.signUp("alice")
	home := "/base/_matrix/app/v1"
	t.Run("Alias", func(t *testing.T) {
		w.expect(w.ask("alice", "GET", v3+"directory/room/%23_irc_none:hs1", ""), 404, "M_NOT_FOUND")
		w.expect(w.ask("alice", "GET", v3+"directory/room/%23other:hs1", ""), 404, "M_NOT_FOUND")
		room := w.must("bridge token", "POST", v3+"createRoom", `{"preset":"public_chat"}`).text("room_id")
		s.mu.Lock()
		if want := []string{"GET " + home + "/rooms/%23_irc_none:hs1", "GET /base/rooms/%23_irc_none:hs1"}; !slices.Equal(s.asked, want) {
			t.Errorf("asked %v, want %v", s.asked, want)
		}
		s.answers[home+"/rooms/#_irc_made:hs1"] = `{}`
		s.mu.Unlock()
		// The service would make it while it is asked; here it was made before, and only the answer is of interest.
		w.must("bridge token", "PUT", v3+"directory/room/%23_irc_made:hs1", `{"room_id":"`+room+`"}`)
		w.expect(w.ask("alice", "POST", v3+"join/%23_irc_made:hs1", `{}`), 200, room)
	})
	t.Run("User", func(t *testing.T) {
		room := w.make("alice", `{}`)
		invite := func(user string) answer {
			return w.ask("alice", "POST", v3+"rooms/"+url.PathEscape(room)+"/invite", `{"user_id":"`+user+`"}`)
		}
		w.expect(invite("@_irc_none:hs1"), 404, "M_NOT_FOUND")
		s.mu.Lock()
		s.answers[home+"/users/@_irc_zoe:hs1"] = `{}`
		s.mu.Unlock()
		w.must("bridge token", "POST", v3+"register", `{"type":"m.login.application_service","username":"_irc_zoe","inhibit_login":true}`)
		w.expect(invite("@_irc_zoe:hs1"), 200, `{}`)
	})
	t.Run("Networks", func(t *testing.T) {
		s.mu.Lock()
		s.answers[home+"/thirdparty/protocol/irc"] = `{"user_fields":["nick"],"location_fields":["channel"],"icon":"mxc://x/y","field_types":{},"instances":[{"desc":"Libera","network_id":"libera","fields":{}}]}`
		s.answers[home+"/thirdparty/location/irc"] = `[{"alias":"#_irc_x:hs1","protocol":"irc","fields":{"channel":"#x"}}]`
		s.answers[home+"/thirdparty/location"] = s.answers[home+"/thirdparty/location/irc"]
		s.answers[home+"/thirdparty/user"] = `[{"userid":"@_irc_zoe:hs1","protocol":"irc","fields":{"nick":"zoe"}}]`
		s.mu.Unlock()
		w.expect(w.ask("alice", "GET", v3+"thirdparty/protocols", ""), 200, `"instance_id":"irc|libera"`)
		w.expect(w.ask("alice", "GET", v3+"thirdparty/protocol/irc", ""), 200, `"user_fields":["nick"]`)
		w.expect(w.ask("alice", "GET", v3+"thirdparty/protocol/none", ""), 404, "M_NOT_FOUND")
		w.expect(w.ask("alice", "GET", v3+"thirdparty/location/irc?channel=%23x", ""), 200, `"channel":"#x"`)
		w.expect(w.ask("alice", "GET", v3+"thirdparty/location?alias=%23_irc_x:hs1", ""), 200, `"channel":"#x"`)
		w.expect(w.ask("alice", "GET", v3+"thirdparty/user/irc?nick=none", ""), 200, `[]`)
		w.expect(w.ask("alice", "GET", v3+"thirdparty/user?userid=@_irc_zoe:hs1", ""), 200, `"zoe"`)
		s.mu.Lock()
		defer s.mu.Unlock()
		if !slices.Contains(s.asked, "GET "+home+"/thirdparty/location/irc?channel=%23x") {
			t.Errorf("the fields did not reach the service: %v", s.asked)
		}
	})
	t.Run("Directory", func(t *testing.T) {
		room := w.make("alice", `{"name":"On Libera"}`)
		path := v3 + "directory/list/appservice/libera/" + url.PathEscape(room)
		w.expect(w.ask("alice", "PUT", path, `{"visibility":"public"}`), 403, "M_FORBIDDEN")
		w.expect(w.ask("bridge token", "PUT", path, `{"visibility":"often"}`), 400, "M_INVALID_PARAM")
		w.expect(w.ask("bridge token", "PUT", path, `{"visibility":"public"}`), 200, `{}`)
		list := func(body string) answer { return w.ask("alice", "POST", v3+"publicRooms", body) }
		w.expect(list(`{"third_party_instance_id":"irc|libera"}`), 200, "On Libera")
		w.expect(list(`{"include_all_networks":true}`), 200, "On Libera")
		w.expect(list(`{}`), 200, `"chunk":[]`)
		w.expect(list(`{"third_party_instance_id":"irc|other"}`), 200, `"chunk":[]`)
		w.expect(list(`{"third_party_instance_id":"irc|libera","include_all_networks":true}`), 400, "M_INVALID_PARAM")
		w.expect(w.ask("bridge token", "PUT", path, `{"visibility":"private"}`), 200, `{}`)
		w.expect(list(`{"third_party_instance_id":"irc|libera"}`), 200, `"chunk":[]`)
	})
	t.Run("Ping", func(t *testing.T) {
		ping := func(who, name string) answer {
			return w.ask(who, "POST", v1+"appservice/"+name+"/ping", `{"transaction_id":"meow"}`)
		}
		w.expect(ping("bridge token", "other"), 403, "M_FORBIDDEN")
		w.expect(ping("alice", "irc"), 403, "M_FORBIDDEN")
		w.expect(ping("bridge token", "irc"), 502, "M_BAD_STATUS")
		s.mu.Lock()
		s.answers[home+"/ping"] = `{}`
		s.mu.Unlock()
		w.expect(ping("bridge token", "irc"), 200, "duration_ms")
		s.server.Close()
		w.expect(ping("bridge token", "irc"), 502, "M_CONNECTION_FAILED")
		w.expect(w.ask("alice", "GET", v3+"directory/room/%23_irc_away:hs1", ""), 503, "M_UNKNOWN")
	})
}

// A bridge begins by making hundreds of users from one address. Its token proves who it is, so it is not taken for somebody who guesses.
func TestBridge_MakesItsUsersAtItsOwnPace(t *testing.T) {
	_, config := newIRC(t)
	config.NoRateLimits, config.SignInRate, config.SignInBurst, config.WriteRate, config.WriteBurst = false, 1, 3, 600, 100
	w := openAs(t, config)
	for i := range 20 {
		w.expect(w.ask("bridge token", "POST", v3+"register", fmt.Sprintf(`{"type":"m.login.application_service","username":"_irc_%d","inhibit_login":true}`, i)), 200, "user_id")
	}
	last := answer{}
	for range 10 {
		last = w.ask("forged", "POST", v3+"login", `{"type":"m.login.application_service","identifier":{"type":"m.id.user","user":"_irc_1"}}`)
	}
	w.expect(last, 429, "M_LIMIT_EXCEEDED")
}

// A registration that cannot be right stops the server, rather than leaving a bridge half open.
func TestBridge_BadRegistrations(t *testing.T) {
	good := fmt.Sprintf(registration, "http://127.0.0.1:1")
	for name, files := range map[string][]string{
		"no token":     {strings.Replace(good, "as_token: bridge token", "", 1)},
		"bad regex":    {strings.Replace(good, "@_irc_.*:hs1", "@_irc_(", 1)},
		"bad url":      {strings.Replace(good, "http://127.0.0.1:1/base", "ftp://x", 1)},
		"no yaml":      {"\t: ["},
		"same id":      {good, strings.NewReplacer("bridge token", "second", "_irc_bot", "_two_bot").Replace(good)},
		"same token":   {good, strings.NewReplacer("id: irc", "id: two", "_irc_bot", "_two_bot").Replace(good)},
		"bad username": {strings.Replace(good, "_irc_bot", "Ünfit bot", 1)},
	} {
		dir := t.TempDir()
		for i, text := range files {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)+".yaml"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		a, err := app.Open(context.Background(), app.Config{EncryptedRooms: "team,social,other", ServerName: "hs1", Data: t.TempDir(), Appservices: dir}, nil)
		if err == nil {
			t.Errorf("%s: the server started", name)
			_ = a.Close()
		}
	}
}
