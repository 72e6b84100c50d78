package kernel

import (
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	adm1 = "/_synapse/admin/v1/"
	adm2 = "/_synapse/admin/v2/"
)

// adminRows ask as somebody who is no administrator: the answer is the same whatever is asked about.
var adminRows = func() []row {
	var rows []row
	for _, route := range []string{"GET " + adm1 + "server_version", "GET " + adm2 + "users", "GET " + adm2 + "users/{userId}", "PUT " + adm2 + "users/{userId}", "GET " + adm1 + "users/{userId}/admin",
		"PUT " + adm1 + "users/{userId}/admin", "POST " + adm1 + "deactivate/{userId}", "POST " + adm1 + "reset_password/{userId}", "GET " + adm1 + "whois/{userId}", "GET " + adm1 + "rooms",
		"GET " + adm1 + "rooms/{roomId}", "GET " + adm1 + "rooms/{roomId}/members", "GET " + adm1 + "rooms/{roomId}/state", "DELETE " + adm1 + "rooms/{roomId}", "DELETE " + adm2 + "rooms/{roomId}",
		"GET " + adm2 + "rooms/{first}/{second}", "POST " + adm1 + "media/quarantine/{serverName}/{mediaId}",
		"POST " + adm1 + "media/unquarantine/{serverName}/{mediaId}", "POST " + adm1 + "user/{userId}/media/quarantine", "POST " + adm1 + "room/{roomId}/media/quarantine",
		"GET " + adm1 + "registration_tokens", "POST " + adm1 + "registration_tokens/new", "GET " + adm1 + "registration_tokens/{token}", "PUT " + adm1 + "registration_tokens/{token}",
		"DELETE " + adm1 + "registration_tokens/{token}", "GET " + adm1 + "event_reports", "GET " + adm1 + "event_reports/{reportId}", "DELETE " + adm1 + "event_reports/{reportId}"} {
		rows = append(rows, row{route: route, who: "alice", vars: set{"userId": "@none:hs1"}, want: 403, has: "Only administrators"})
	}
	return rows
}()

func adminWorld(t *testing.T) *world {
	w := newWorld(t)
	w.signUp("boss")
	w.admin("boss")
	return w
}

func TestAdmin_Users(t *testing.T) {
	w := adminWorld(t)
	w.gets(200, "Wardline", "boss", "GET", adm1+"server_version", "")
	w.gets(200, `"total":5`, "boss", "GET", adm2+"users?limit=2", "")
	w.gets(200, `"next_token":"2"`, "boss", "GET", adm2+"users?limit=2", "")
	w.gets(200, "@alice:hs1", "boss", "GET", adm2+"users?name=ALI", "")
	w.gets(200, `"total":0`, "boss", "GET", adm2+"users?name=%25zz", "")
	w.gets(400, "M_INVALID_PARAM", "boss", "GET", adm2+"users?limit=x", "")
	w.gets(404, "M_NOT_FOUND", "boss", "GET", adm2+"users/@none:hs1", "")
	w.gets(400, "M_UNKNOWN", "boss", "GET", adm2+"users/@none:other", "")
	w.gets(201, `"displayname":"Carol"`, "boss", "PUT", adm2+"users/@carol:hs1", `{"password":"pw","displayname":"Carol","admin":false}`)
	w.gets(400, "M_INVALID_USERNAME", "boss", "PUT", adm2+"users/@Ca%20rol:hs1", `{}`)
	w.gets(200, `"access_token"`, "", "POST", v3+"login", `{"type":"m.login.password","user":"carol","password":"pw"}`)
	w.gets(200, `"locked":true`, "boss", "PUT", adm2+"users/@carol:hs1", `{"locked":true,"displayname":"C"}`)
	w.gets(401, "M_USER_LOCKED", "", "POST", v3+"login", `{"type":"m.login.password","user":"carol","password":"pw"}`)
	w.gets(200, `"admin":true`, "boss", "PUT", adm2+"users/@carol:hs1", `{"locked":false,"admin":true}`)
	w.gets(200, `{"admin":true}`, "boss", "GET", adm1+"users/@carol:hs1/admin", "")
	w.gets(200, "{}", "boss", "PUT", adm1+"users/@carol:hs1/admin", `{"admin":false}`)
	w.gets(400, "yourself", "boss", "PUT", adm1+"users/@boss:hs1/admin", `{"admin":false}`)
	w.gets(400, "yourself", "boss", "POST", adm1+"deactivate/@boss:hs1", `{}`)
	w.gets(200, "{}", "boss", "POST", adm1+"reset_password/@carol:hs1", `{"new_password":"new"}`)
	w.gets(400, "M_MISSING_PARAM", "boss", "POST", adm1+"reset_password/@carol:hs1", `{}`)
	w.gets(403, "M_FORBIDDEN", "", "POST", v3+"login", `{"type":"m.login.password","user":"carol","password":"pw"}`)
	w.gets(200, "no-support", "boss", "POST", adm1+"deactivate/@carol:hs1", `{"erase":true}`)
	w.gets(200, "no-support", "boss", "POST", adm1+"deactivate/@carol:hs1", `{}`)
	w.gets(200, `"deactivated":true`, "boss", "GET", adm2+"users/@carol:hs1", "")
	w.gets(400, "M_USER_DEACTIVATED", "boss", "PUT", adm2+"users/@carol:hs1", `{"password":"pw"}`)
	w.gets(404, "M_NOT_FOUND", "boss", "POST", adm1+"reset_password/@carol:hs1", `{"new_password":"again"}`)
	w.gets(200, `"connections":[{"ip":"192.0.2.1"`, "boss", "GET", adm1+"whois/@boss:hs1", "")
	// Whoever had the server's own account would speak as the server.
	for _, c := range [][3]string{{"PUT", adm2 + "users/@wardline:hs1", `{"password":"mine"}`}, {"POST", adm1 + "reset_password/@wardline:hs1", `{"new_password":"mine"}`},
		{"POST", adm1 + "deactivate/@wardline:hs1", `{}`}, {"PUT", adm1 + "users/@wardline:hs1/admin", `{"admin":false}`}, {"PUT", v1 + "admin/lock/@wardline:hs1", `{"locked":true}`}} {
		w.gets(403, "M_FORBIDDEN", "boss", c[0], c[1], c[2])
	}
	// Who was an administrator is none from the next request on.
	w.admin("alice")
	w.gets(200, "Wardline", "alice", "GET", adm1+"server_version", "")
	w.gets(200, "{}", "boss", "PUT", adm1+"users/@alice:hs1/admin", `{"admin":false}`)
	w.gets(403, "M_FORBIDDEN", "alice", "GET", adm1+"server_version", "")
}

func TestAdmin_Rooms(t *testing.T) {
	w := adminWorld(t)
	open := w.make("alice", `{"preset":"public_chat","name":"Alpha","room_alias_name":"alpha","visibility":"public"}`)
	path := url.PathEscape(open)
	w.must("bob", "POST", v3+"join/"+path, `{}`)
	w.gets(200, `"total_rooms":2`, "boss", "GET", adm1+"rooms", "")
	first := w.must("boss", "GET", adm1+"rooms?order_by=name&limit=1", "")
	if !strings.Contains(string(first.Raw), "Alpha") || first.Body["next_batch"] != 1.0 {
		t.Errorf("the first by name: %s", first.Raw)
	}
	w.gets(200, `"name":"Room"`, "boss", "GET", adm1+"rooms?order_by=name&limit=1&dir=b", "")
	w.gets(200, `"total_rooms":1`, "boss", "GET", adm1+"rooms?search_term=ALPH", "")
	w.gets(400, "M_INVALID_PARAM", "boss", "GET", adm1+"rooms?order_by=colour", "")
	w.gets(400, "M_INVALID_PARAM", "boss", "GET", adm1+"rooms?dir=up", "")
	w.gets(200, `"joined_members":2`, "boss", "GET", adm1+"rooms/"+path, "")
	w.gets(404, "M_NOT_FOUND", "boss", "GET", adm1+"rooms/!none:hs1", "")
	w.gets(200, "@bob:hs1", "boss", "GET", adm1+"rooms/"+path+"/members", "")
	w.gets(200, "m.room.create", "boss", "GET", adm1+"rooms/"+path+"/state", "")
	w.gets(404, "M_NOT_FOUND", "boss", "DELETE", adm1+"rooms/!none:hs1", `{}`)
	got := w.gets(200, "delete_id", "boss", "DELETE", adm2+"rooms/"+path, `{"block":true,"purge":true,"new_room_user_id":"@boss:hs1","message":"Closed."}`)
	status := w.gets(200, `"complete"`, "boss", "GET", adm2+"rooms/delete_status/"+got.text("delete_id"), "")
	for _, part := range []string{"@alice:hs1", "@bob:hs1", "#alpha:hs1", "new_room_id"} {
		if !strings.Contains(string(status.Raw), part) {
			t.Errorf("the status %s lacks %s", status.Raw, part)
		}
	}
	w.gets(200, `"results"`, "boss", "GET", adm2+"rooms/"+path+"/delete_status", "")
	w.gets(404, "M_NOT_FOUND", "boss", "GET", adm2+"rooms/delete_status/none", "")
	w.gets(404, "M_NOT_FOUND", "", "GET", v3+"directory/room/%23alpha:hs1", "")
	w.gets(403, "M_FORBIDDEN", "bob", "POST", v3+"join/"+path, `{}`)
	if got := w.must("bob", "GET", v3+"sync", ""); !strings.Contains(string(got.Raw), "Closed.") {
		t.Errorf("nobody told bob: %s", got.Raw)
	}
	w.gets(200, "delete_id", "boss", "DELETE", adm2+"rooms/"+path, `{}`) // again: there is nothing left to do
	// A room that was never seen here can be kept out.
	w.gets(200, "kicked_users", "boss", "DELETE", adm1+"rooms/!elsewhere:hs2", `{"block":true}`)
}

func TestAdmin_Media(t *testing.T) {
	w := adminWorld(t)
	up := func(body string) string {
		r := httptest.NewRequest("POST", "/_matrix/media/v3/upload", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+w.tokens["alice"])
		rec := httptest.NewRecorder()
		w.http.ServeHTTP(rec, r)
		_, name, _ := strings.Cut(rec.Body.String(), "mxc://hs1/")
		return strings.TrimSuffix(name, `"}`)
	}
	one, two, three := up("first"), up("second"), up("third")
	seen := func(status int, name string) {
		t.Helper()
		w.gets(status, "", "bob", "GET", v1+"media/download/hs1/"+name, "")
	}
	w.must("alice", "PUT", v3+"rooms/{roomId}/send/m.room.message/{txnId}", `{"msgtype":"m.file","body":"f","url":"mxc://hs1/`+two+`"}`)
	w.gets(200, "{}", "boss", "POST", adm1+"media/quarantine/hs1/"+one, `{}`)
	w.gets(404, "M_NOT_FOUND", "boss", "POST", adm1+"media/quarantine/hs1/none", `{}`)
	seen(404, one)
	seen(200, two)
	w.gets(200, `"num_quarantined":1`, "boss", "POST", adm1+"room/{roomId}/media/quarantine", `{}`)
	seen(404, two)
	seen(200, three)
	w.gets(200, `"num_quarantined":1`, "boss", "POST", adm1+"user/@alice:hs1/media/quarantine", `{}`)
	seen(404, three)
	w.gets(200, "{}", "boss", "POST", adm1+"media/unquarantine/hs1/"+one, `{}`)
	seen(200, one)
}

func TestAdmin_TokensAndReports(t *testing.T) {
	w := adminWorld(t)
	w.gets(200, `"registration_tokens":[]`, "boss", "GET", adm1+"registration_tokens", "")
	w.gets(200, `"uses_allowed":2`, "boss", "POST", adm1+"registration_tokens/new", `{"token":"tea","uses_allowed":2}`)
	w.gets(400, "M_INVALID_PARAM", "boss", "POST", adm1+"registration_tokens/new", `{"token":"tea"}`)
	w.gets(400, "M_INVALID_PARAM", "boss", "POST", adm1+"registration_tokens/new", `{"token":"t/a"}`)
	w.gets(400, "M_INVALID_PARAM", "boss", "POST", adm1+"registration_tokens/new", `{"uses_allowed":-5}`)
	w.gets(400, "M_INVALID_PARAM", "boss", "POST", adm1+"registration_tokens/new", `{"expiry_time":1}`)
	if got := w.gets(200, `"expiry_time":null`, "boss", "POST", adm1+"registration_tokens/new", `{"length":20}`); len(got.text("token")) != 20 {
		t.Errorf("a token of 20: %s", got.Raw)
	}
	w.gets(200, `"uses_allowed":0`, "boss", "PUT", adm1+"registration_tokens/tea", `{"uses_allowed":0}`)
	w.gets(200, `"token":"tea"`, "boss", "GET", adm1+"registration_tokens?valid=false", "")
	w.gets(200, `"uses_allowed":null`, "boss", "PUT", adm1+"registration_tokens/tea", `{"uses_allowed":null}`)
	w.gets(200, "{}", "boss", "DELETE", adm1+"registration_tokens/tea", "")
	w.gets(404, "M_NOT_FOUND", "boss", "DELETE", adm1+"registration_tokens/tea", "")
	w.gets(404, "M_NOT_FOUND", "boss", "GET", adm1+"registration_tokens/tea", "")

	w.must("bob", "POST", v3+"rooms/{roomId}/report/{eventId}", `{"reason":"rude","score":-100}`)
	w.must("bob", "POST", v3+"rooms/{roomId}/report", `{"reason":"loud"}`)
	w.must("bob", "POST", v3+"users/@alice:hs1/report", `{"reason":"both"}`)
	w.gets(404, "M_NOT_FOUND", "mallory", "POST", v3+"rooms/{roomId}/report/{eventId}", `{"reason":"I am not even there"}`)
	w.gets(200, `"total":1`, "boss", "GET", adm1+"event_reports", "")
	w.gets(200, `"total":3`, "boss", "GET", adm1+"event_reports?all=true", "")
	got := w.gets(200, "rude", "boss", "GET", adm1+"event_reports/1", "")
	if got.text("sender") != "@alice:hs1" || got.text("user_id") != "@bob:hs1" || got.Body["score"] != -100.0 {
		t.Errorf("the report: %s", got.Raw)
	}
	w.gets(400, "M_INVALID_PARAM", "boss", "GET", adm1+"event_reports/x", "")
	w.gets(200, "{}", "boss", "DELETE", adm1+"event_reports/1", "")
	w.gets(404, "M_NOT_FOUND", "boss", "DELETE", adm1+"event_reports/1", "")
}

// TestAdmin_CommandLine makes the first administrator of a server, as an operator does.
func TestAdmin_CommandLine(t *testing.T) {
	bin, dir := filepath.Join(t.TempDir(), "wardline"), filepath.Join(t.TempDir(), "data")
	build := exec.Command("go", "build", "-o", bin, "wardline/cmd/wardline")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	do := func(input string, args ...string) (string, error) {
		cmd := exec.Command(bin, append([]string{"admin", args[0], "-data", dir, "-server-name", "hs1"}, args[1:]...)...)
		cmd.Stdin = strings.NewReader(input)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := do("secret\n", "create", "ruth"); err != nil || strings.Contains(out, "secret") {
		t.Fatalf("create: %v %s", err, out)
	}
	if out, err := do("secret\n", "create", "ruth"); err == nil {
		t.Errorf("create twice: %s", out)
	}
	if out, err := do("", "grant", "nobody"); err == nil {
		t.Errorf("grant to nobody: %s", out)
	}
	if out, err := do("", "list"); err != nil || strings.TrimSpace(out) != "@ruth:hs1" {
		t.Errorf("list: %v %q", err, out)
	}
	if out, err := do("", "password", "ruth"); err == nil {
		t.Errorf("an empty password: %s", out)
	}
	if out, err := do("", "revoke", "ruth"); err != nil {
		t.Errorf("revoke: %v %s", err, out)
	}
	if out, err := do("", "list"); err != nil || strings.TrimSpace(out) != "" {
		t.Errorf("list after that: %v %q", err, out)
	}
}
