package kernel

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"wardline/app"
	"wardline/ground/dbtest"
	"wardline/ground/obs"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/test/spec"
)

// world is a running program with three people: alice and bob are in a room, mallory is not.
type world struct {
	t      *testing.T
	app    *app.App
	http   http.Handler
	tokens map[string]string
	vars   map[string]string // what {names} in a path stand for
	serial int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return open(t, t.TempDir()).settle()
}

// settle makes the three people and the room of two of them.
func (w *world) settle() *world {
	w.t.Helper()
	w.signUp("alice", "bob", "mallory")
	w.vars["roomId"] = w.make("alice", `{"preset":"private_chat","name":"Room","invite":["@bob:hs1"]}`)
	w.must("bob", "POST", "/_matrix/client/v3/join/{roomId}", `{}`)
	w.vars["eventId"] = w.say("alice", w.vars["roomId"], "hello")
	return w
}

func open(t *testing.T, dir string) *world {
	t.Helper()
	return openAs(t, app.Config{EncryptedRooms: "team,social,other", ServerName: "hs1", Data: dir, MaxUpload: 1 << 16, OpenRegistration: true, RegistrationSecret: "s", NoRateLimits: true})
}

// databases are the schemas of PostgreSQL that stand for a folder's database when PostgreSQL is at hand, so that every test here runs on
// it as well. They are left behind: the server is a test's own.
var databases struct {
	sync.Mutex
	of map[string]string
}

func databaseOf(t *testing.T, dir string) string {
	t.Helper()
	databases.Lock()
	defer databases.Unlock()
	if databases.of == nil {
		databases.of = map[string]string{}
	}
	if _, known := databases.of[dir]; !known {
		databases.of[dir], _ = dbtest.Source(t)
	}
	return databases.of[dir]
}

func openAs(t *testing.T, c app.Config) *world {
	t.Helper()
	if c.Database == "" {
		c.Database = databaseOf(t, c.Data)
	}
	a, err := app.Open(t.Context(), c, obs.Discard())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return &world{t: t, app: a, http: spec.Hold(t, a.HTTP.Front(a.Mux)), tokens: map[string]string{}, vars: map[string]string{}}
}

// signUp makes people with the password "pw" and signs each in.
func (w *world) signUp(names ...string) {
	w.t.Helper()
	var all []account.NewUser
	for _, n := range names {
		all = append(all, account.NewUser{User: id.User("@" + n + ":hs1"), Password: "pw", DisplayName: n})
	}
	if err := w.app.Accounts.CreateAll(w.t.Context(), all); err != nil {
		w.t.Fatal(err)
	}
	for _, n := range names {
		w.signIn(n)
	}
}

// temp makes somebody for one request only; {temp} is their name.
func (w *world) temp() string {
	w.t.Helper()
	w.serial++
	name := "temp" + strconv.Itoa(w.serial)
	w.signUp(name)
	w.vars["temp"], w.vars["device of temp"], w.vars["refresh of temp"] = name, w.vars["device of "+name], w.vars["refresh of "+name]
	return name
}

func (w *world) signIn(n string) {
	w.t.Helper()
	ses, err := w.app.Accounts.Open(w.t.Context(), id.User("@"+n+":hs1"), account.SignIn{Refresh: true})
	if err != nil {
		w.t.Fatal(err)
	}
	w.tokens[n] = ses.Access
	w.vars["refresh of "+n], w.vars["device of "+n] = ses.Refresh, string(ses.Device)
}

// answer is a response.
type answer struct {
	Status int
	Head   http.Header
	Raw    []byte
	Body   map[string]any // nil when the answer is no object
}

func (a answer) text(name string) string {
	s, _ := a.Body[name].(string)
	return s
}

var braces = regexp.MustCompile(`\{([^{}"]+)\}`)

// fill puts values for the names in braces: from the world's list, txnId a new one each time.
func (w *world) fill(s, who string, escape bool) string {
	return braces.ReplaceAllStringFunc(s, func(m string) string {
		name := m[1 : len(m)-1]
		v, ok := w.vars[name]
		switch {
		case name == "txnId":
			w.serial++
			v = "t" + strconv.Itoa(w.serial)
		case name == "userId" && !ok:
			v = "@" + who + ":hs1"
		case !ok:
			return m // braces of JSON
		}
		if escape {
			return url.PathEscape(v)
		}
		return v
	})
}

// ask makes a request as somebody; "" is nobody.
func (w *world) ask(who, method, path, body string) answer {
	w.t.Helper()
	path = w.fill(path, who, true)
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if who != "" {
		token, ok := w.tokens[who]
		if !ok {
			token = who
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	rec := httptest.NewRecorder()
	w.http.ServeHTTP(rec, r)
	a := answer{Status: rec.Code, Head: rec.Header(), Raw: rec.Body.Bytes()}
	if strings.HasPrefix(rec.Header().Get("Content-Type"), "application/json") {
		var v any
		if err := json.Unmarshal(a.Raw, &v); err != nil {
			w.t.Fatalf("%s %s: answer %q is not JSON: %v", method, path, a.Raw, err)
		}
		a.Body, _ = v.(map[string]any)
	}
	return a
}

// must is ask where anything but 200 ends the test.
func (w *world) must(who, method, path, body string) answer {
	w.t.Helper()
	a := w.ask(who, method, path, w.fill(body, who, false))
	if a.Status != http.StatusOK {
		w.t.Fatalf("%s: %s %s %s: %d %s", who, method, path, body, a.Status, a.Raw)
	}
	return a
}

func (w *world) make(who, spec string) string {
	w.t.Helper()
	return w.must(who, "POST", "/_matrix/client/v3/createRoom", spec).text("room_id")
}

func (w *world) say(who, room, text string) string {
	w.t.Helper()
	w.serial++
	raw, err := json.Marshal(map[string]string{"msgtype": "m.text", "body": text})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.must(who, "PUT", "/_matrix/client/v3/rooms/"+url.PathEscape(room)+"/send/m.room.message/s"+strconv.Itoa(w.serial), string(raw)).text("event_id")
}

// form sends the query of a path as a browser sends a form.
func (w *world) form(path string) answer {
	w.t.Helper()
	path, query, _ := strings.Cut(path, "?")
	r := httptest.NewRequest("POST", path, strings.NewReader(query))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	w.http.ServeHTTP(rec, r)
	return answer{Status: rec.Code, Head: rec.Header(), Raw: rec.Body.Bytes()}
}
