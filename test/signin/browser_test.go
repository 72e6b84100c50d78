package signin

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"wardline/app"
	"wardline/clinical/staff"
	"wardline/ground/dbtest"
	"wardline/ground/obs"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/sso/double"
)

const public = "https://chat.example.org"

type object = map[string]any

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// trust is a running program with an identity provider beside it, and a nurse whom both know.
type trust struct {
	t     *testing.T
	app   *app.App
	http  http.Handler
	op    *double.Provider
	nerys id.User
}

// open starts a trust whose provider's file says lines besides what is needed; change may set more.
func open(t *testing.T, lines string, change ...func(*app.Config)) *trust {
	t.Helper()
	op := double.New("wardline", "sesame")
	t.Cleanup(op.Close)
	op.Claims = object{"sub": "nerys-at-op", "email": "nerys.pugh@st-elsewhere.example", "email_verified": true, "name": "Nerys Pugh", "sid": "s1"}
	dir := t.TempDir()
	ok(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("sesame\n"), 0o600))
	ok(t, os.WriteFile(filepath.Join(dir, "op.yaml"), []byte("id: op\nname: Trust sign-in\nissuer: "+op.URL+"\nclient_id: wardline\nclient_secret_file: secret\n"+lines), 0o600))
	return start(t, op, dir, change...)
}

func start(t *testing.T, op *double.Provider, dir string, change ...func(*app.Config)) *trust {
	t.Helper()
	c := app.Config{ServerName: "st-elsewhere", Data: t.TempDir(), PublicURL: public, MaxUpload: 1 << 20, NoRateLimits: true, OAuth: true, SSO: dir, EncryptedRooms: "other"}
	c.Database, _ = dbtest.Source(t)
	for _, fn := range change {
		fn(&c)
	}
	a, err := app.Open(t.Context(), c, obs.Discard())
	ok(t, err)
	t.Cleanup(func() { ok(t, a.Close()) })
	p, err := a.Clinic.Staff.Join(t.Context(), "", "test", staff.Entry{Name: "Nerys Pugh", Number: "901", Email: "nerys.pugh@st-elsewhere.example", Role: "Staff nurse"})
	ok(t, err)
	return &trust{t: t, app: a, http: a.HTTP.Front(a.Mux), op: op, nerys: p.User}
}

// browser is somebody's browser: it keeps cookies and follows redirects, to the trust inside this process and to providers outside.
type browser struct {
	*trust
	cookies map[string]string // by site, name
	at      string            // where it is
}

func (w *trust) browser() *browser { return &browser{trust: w, cookies: map[string]string{}} }

// shown is what a browser shows in the end.
type shown struct {
	Status int
	Body   string
	URL    *url.URL
}

// does makes one request and follows where it leads, until it would leave for a place that is neither the trust nor a provider.
func (b *browser) does(method, address string, form url.Values) shown {
	b.t.Helper()
	for range 12 {
		if strings.HasPrefix(address, "/") {
			address = public + address
		}
		u, err := url.Parse(address)
		ok(b.t, err)
		if u.Host != "chat.example.org" && u.Hostname() != "127.0.0.1" {
			return shown{URL: u}
		}
		res := b.one(method, u, form)
		body, err := io.ReadAll(res.Body)
		ok(b.t, err)
		ok(b.t, res.Body.Close())
		for _, c := range res.Cookies() {
			b.cookies[u.Host+" "+c.Name] = c.Value
			if c.MaxAge < 0 {
				delete(b.cookies, u.Host+" "+c.Name)
			}
		}
		b.at = u.Host
		to := res.Header.Get("Location")
		if res.StatusCode/100 != 3 || to == "" {
			return shown{res.StatusCode, html.UnescapeString(string(body)), u}
		}
		next, err := u.Parse(to)
		ok(b.t, err)
		method, address, form = http.MethodGet, next.String(), nil
	}
	b.t.Fatal("sent round and round")
	return shown{}
}

func (b *browser) one(method string, u *url.URL, form url.Values) *http.Response {
	b.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, u.String(), body)
	ok(b.t, err)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", public)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for name, value := range b.cookies {
		if site, name, _ := strings.Cut(name, " "); site == u.Host {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
	}
	if u.Host == "chat.example.org" {
		rec := httptest.NewRecorder()
		r.RemoteAddr = "192.0.2.1:1"
		b.http.ServeHTTP(rec, r)
		return rec.Result()
	}
	jar := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := jar.Do(r)
	ok(b.t, err)
	return res
}

func (b *browser) goes(address string) shown {
	b.t.Helper()
	return b.does(http.MethodGet, address, nil)
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// presses sends the form of a page with a button.
func (b *browser) presses(s shown, path, answer string) shown {
	b.t.Helper()
	form := url.Values{"answer": {answer}}
	for _, m := range hidden.FindAllStringSubmatch(s.Body, -1) {
		form.Set(m[1], m[2])
	}
	return b.does(http.MethodPost, path, form)
}

// session is who the web app finds signed in, "" for nobody.
func (b *browser) session() string {
	b.t.Helper()
	status, v := b.asks("GET", "/_wardline/v1/session", "", b.cookies["chat.example.org wl_session"])
	if status != 200 {
		return ""
	}
	return v["user_id"].(string)
}

// asks calls the API with the session's cookie, or as an app with a token.
func (w *trust) asks(method, path, body, cookie string) (int, object) {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, public+path, strings.NewReader(body))
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if strings.HasPrefix(cookie, "wla_") {
		r.AddCookie(&http.Cookie{Name: "wl_session", Value: cookie})
	}
	rec := httptest.NewRecorder()
	w.http.ServeHTTP(rec, r)
	var v object
	if err := json.Unmarshal(rec.Body.Bytes(), &v); err != nil {
		w.t.Fatalf("%s %s: %d %q", method, path, rec.Code, rec.Body)
	}
	return rec.Code, v
}

// logout gives the trust a provider's word of logout.
func (w *trust) logout(token string) int {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), "POST", public+"/_wardline/sso/op/logout", strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	w.http.ServeHTTP(rec, r)
	if rec.Header().Get("Cache-Control") != "no-store" {
		w.t.Error("an answer to a word of logout may be kept")
	}
	return rec.Code
}

// joins brings somebody in.
func (w *trust) joins(e staff.Entry) id.User {
	w.t.Helper()
	p, err := w.app.Clinic.Staff.Join(w.t.Context(), "", "test", e)
	ok(w.t, err)
	return p.User
}

func (w *trust) password(u id.User, password string) {
	w.t.Helper()
	ok(w.t, w.app.Accounts.SetPasswordOf(w.t.Context(), u, password, true))
}

func (w *trust) devices(u id.User) []account.Device {
	w.t.Helper()
	list, err := w.app.Accounts.DevicesOf(w.t.Context(), u)
	ok(w.t, err)
	return list
}

func jsonOf(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

var anchors = regexp.MustCompile(`<a href="([^"]+)">([^<]+)</a>`)

// href is where a page's link leads.
func href(t *testing.T, body, text string) string {
	t.Helper()
	for _, m := range anchors.FindAllStringSubmatch(body, -1) {
		if m[2] == text {
			return m[1]
		}
	}
	t.Fatalf("the page has no link %q: %s", text, body)
	return ""
}

// field reads a text of a JSON answer.
func field(body, name string) string {
	var v object
	if json.Unmarshal([]byte(body), &v) != nil {
		return ""
	}
	s, _ := v[name].(string)
	return s
}

func mustParse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	ok(t, err)
	return u
}

// lock has an administrator lock the nurse's account.
func lock(w *trust, admin id.User) error {
	return w.app.Accounts.Restrict(w.t.Context(), account.Actor{User: admin, Admin: true}, w.nerys, account.Locked, true)
}
