package signin

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"wardline/app"
	"wardline/clinical/staff"
	"wardline/ground/audit"
	"wardline/matrix/sso/double"
)

const begin = "/_wardline/sso/op/begin?door="

func TestSSO_Doors(t *testing.T) {
	t.Run("OK the web app", func(t *testing.T) {
		w := open(t, "")
		b := w.browser()
		if _, v := w.asks("GET", "/_wardline/v1/sign-in", "", ""); v["password"] != true || len(v["providers"].([]any)) != 1 {
			t.Errorf("the sign-in screen is told %v", v)
		}
		if got := b.goes(begin + "app"); got.URL.Path != "/" {
			t.Fatalf("ends at %s: %s", got.URL, got.Body)
		}
		if got := b.session(); got != string(w.nerys) {
			t.Errorf("signed in as %q, want %s", got, w.nerys)
		}
		q := w.op.Last()
		if q.Get("prompt") != "" || !strings.Contains(q.Get("scope"), "email") {
			t.Errorf("the provider was asked %v", q)
		}
		b.goes(begin + "app&shared=1")
		if w.op.Last().Get("prompt") != "login" {
			t.Error("at a shared computer whoever was there before is let through")
		}
		if n, err := audit.Verify(t.Context(), w.app.DB); err != nil || n == 0 {
			t.Errorf("audit: %d, %v", n, err)
		}
	})
	t.Run("OK another Matrix client, after a yes", func(t *testing.T) {
		w := open(t, "")
		b := w.browser()
		if _, v := w.asks("GET", "/_matrix/client/v3/login", "", ""); !strings.Contains(jsonOf(v), `"identity_providers":[{"id":"op","name":"Trust sign-in"}]`) {
			t.Errorf("login flows: %v", v)
		}
		got := b.goes("/_matrix/client/v3/login/sso/redirect/op?redirectUrl=" + url.QueryEscape("https://client.example.com/app?loginToken=old&x=1#there"))
		if got.Status != 200 || !strings.Contains(got.Body, "https://client.example.com") || !strings.Contains(got.Body, "Nerys Pugh") {
			t.Fatalf("no question: %d %s", got.Status, got.Body)
		}
		end := b.presses(got, "/_wardline/sso/continue", "yes")
		token := end.URL.Query().Get("loginToken")
		if end.URL.Host != "client.example.com" || token == "" || token == "old" || end.URL.Query().Get("x") != "1" || end.URL.Fragment != "there" {
			t.Fatalf("sent to %s", end.URL)
		}
		status, v := w.asks("POST", "/_matrix/client/v3/login", `{"type":"m.login.token","token":"`+token+`"}`, "")
		if status != 200 || v["user_id"] != string(w.nerys) {
			t.Errorf("login: %d %v", status, v)
		}
		if status, _ := w.asks("POST", "/_matrix/client/v3/login", `{"type":"m.login.token","token":"`+token+`"}`, ""); status != 403 {
			t.Errorf("the token works twice: %d", status)
		}
		if again := b.presses(got, "/_wardline/sso/continue", "yes"); again.Status != 403 {
			t.Errorf("the yes works twice: %d", again.Status)
		}
	})
	t.Run("OK with one provider none must be named, and no is no", func(t *testing.T) {
		w := open(t, "")
		b := w.browser()
		got := b.goes("/_matrix/client/v3/login/sso/redirect?redirectUrl=element%3A%2F%2Fconnect")
		if !strings.Contains(got.Body, "an app on this device (element)") && !strings.Contains(got.Body, "element://connect") {
			t.Fatalf("no question: %s", got.Body)
		}
		if end := b.presses(got, "/_wardline/sso/continue", "no"); !strings.Contains(end.Body, "Nothing was allowed") {
			t.Errorf("after a no: %s", end.Body)
		}
		if len(w.devices(w.nerys)) != 0 {
			t.Error("a no made a device")
		}
	})
	t.Run("ErrRedirect nobody is sent to what a browser would run", func(t *testing.T) {
		w := open(t, "")
		for _, to := range []string{"javascript:alert(1)", "data:text/html,x", "//evil.example", "/relative", "https://user@evil.example/", ""} {
			status, _ := w.asks("GET", "/_matrix/client/v3/login/sso/redirect?redirectUrl="+url.QueryEscape(to), "", "")
			if status != 400 {
				t.Errorf("%q: %d, want 400", to, status)
			}
			if got := w.browser().goes(begin + "redirect&redirectUrl=" + url.QueryEscape(to)); got.Status != 400 {
				t.Errorf("begin with %q: %d, want 400", to, got.Status)
			}
		}
	})
}

// TestSSO_Apps are the doors of apps that never see a password, and what they lead to.
func TestSSO_Apps(t *testing.T) {
	t.Run("OK an app by OAuth", func(t *testing.T) {
		w := open(t, "")
		b := w.browser()
		_, v := w.asks("POST", "/_oauth/register", `{"client_name":"Element","client_uri":"https://app.example.org/","redirect_uris":["https://app.example.org/back"],"grant_types":["authorization_code","refresh_token"],"token_endpoint_auth_method":"none"}`, "")
		q := url.Values{"client_id": {v["client_id"].(string)}, "redirect_uri": {"https://app.example.org/back"}, "response_type": {"code"}, "state": {"st"}, "code_challenge_method": {"S256"},
			"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "scope": {"urn:matrix:client:api:* urn:matrix:client:device:ABCDEFGHIJ"}}
		page := b.goes("/_oauth/authorise?" + q.Encode())
		link := href(t, page.Body, "Sign in with Trust sign-in")
		ask := b.goes(link)
		if !strings.Contains(ask.Body, "Sign in to Element") || !strings.Contains(ask.Body, "Nerys Pugh") {
			t.Fatalf("no question: %s", ask.Body)
		}
		end := b.presses(ask, "/_wardline/sso/continue", "yes")
		if end.URL.Host != "app.example.org" || end.URL.Query().Get("state") != "st" || end.URL.Query().Get("code") == "" {
			t.Fatalf("sent to %s", end.URL)
		}
		got := b.does("POST", "/_oauth/token", url.Values{"grant_type": {"authorization_code"}, "client_id": q["client_id"], "redirect_uri": q["redirect_uri"],
			"code": {end.URL.Query().Get("code")}, "code_verifier": {"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"}})
		if got.Status != 200 || len(w.devices(w.nerys)) != 1 {
			t.Fatalf("token: %d %s", got.Status, got.Body)
		}
		if w.logout(w.op.LogoutToken("", "s1", nil)) != 200 || len(w.devices(w.nerys)) != 0 {
			t.Error("the app's session outlives the one it came from")
		}
		w.op.Claims["sid"] = "s2" // the other one has ended there
		no := b.presses(b.goes(link), "/_wardline/sso/continue", "no")
		if no.URL.Query().Get("error") != "access_denied" {
			t.Errorf("a no goes to %s", no.URL)
		}
	})
	t.Run("OK an app without a browser, and the account's own pages", func(t *testing.T) {
		w := open(t, "")
		b := w.browser()
		_, v := w.asks("POST", "/_oauth/register", `{"client_name":"Box","client_uri":"https://example.org/","grant_types":["urn:ietf:params:oauth:grant-type:device_code","refresh_token"],"application_type":"native"}`, "")
		dev := b.does("POST", "/_oauth/device", url.Values{"client_id": {v["client_id"].(string)}, "scope": {"urn:matrix:client:api:* urn:matrix:client:device:BOXBOXBOXB"}})
		var p struct{ Code string }
		p.Code = field(dev.Body, "user_code")
		ask := b.goes(href(t, b.goes("/_oauth/link?user_code="+p.Code).Body, "Sign in with Trust sign-in"))
		if !strings.Contains(ask.Body, p.Code) {
			t.Fatalf("no question with the code: %s", ask.Body)
		}
		if end := b.presses(ask, "/_wardline/sso/continue", "yes"); !strings.Contains(end.Body, "The device is signed in") {
			t.Fatalf("after a yes: %s", end.Body)
		}
		own := b.goes(href(t, b.goes("/_wardline/account?action=org.matrix.devices_list").Body, "Sign in with Trust sign-in"))
		if !strings.Contains(own.Body, "Devices that are signed in") {
			t.Fatalf("the account's pages: %s", own.Body)
		}
		w.logout(w.op.LogoutToken("nerys-at-op", "", nil))
		if again := b.goes("/_wardline/account"); !strings.Contains(again.Body, "Sign in to see") {
			t.Error("a visit outlives the session it came from")
		}
	})
	t.Run("OK something that needs more than a token", func(t *testing.T) {
		w := open(t, "")
		b := w.browser()
		b.goes(begin + "app")
		cookie := b.cookies["chat.example.org wl_session"]
		device := string(w.devices(w.nerys)[0].ID)
		status, v := w.asks("DELETE", "/_matrix/client/v3/devices/"+device, `{}`, cookie)
		if status != 401 || jsonOf(v["flows"]) != `[{"stages":["m.login.sso"]}]` {
			t.Fatalf("challenge: %d %v", status, v)
		}
		session := v["session"].(string)
		auth := `{"auth":{"session":"` + session + `"}}`
		if status, _ := w.asks("DELETE", "/_matrix/client/v3/devices/"+device, `{"auth":{"type":"m.login.sso","session":"`+session+`"}}`, cookie); status != 401 {
			t.Fatalf("the stage is passed by saying so: %d", status)
		}
		page := b.goes("/_matrix/client/v3/auth/m.login.sso/fallback/web?session=" + session)
		link := href(t, page.Body, "Confirm with Trust sign-in")
		w.op.Claims["sub"], w.op.Claims["email"] = "other", "other@st-elsewhere.example"
		w.joins(staff.Entry{Name: "Other", Email: "other@st-elsewhere.example"})
		other := w.browser()
		if got := other.presses(other.goes(link), "/_wardline/sso/continue", "yes"); got.Status != 403 || !strings.Contains(got.Body, "somebody else") {
			t.Errorf("somebody else confirms it: %d %s", got.Status, got.Body)
		}
		w.op.Claims["sub"], w.op.Claims["email"] = "nerys-at-op", "nerys.pugh@st-elsewhere.example"
		w.op.Claims["auth_time"] = time.Now().Add(-time.Hour).Unix()
		if got := b.goes(link); got.Status != 403 {
			t.Errorf("a sign-in of an hour ago confirms it: %d", got.Status)
		}
		w.op.Claims["auth_time"] = time.Now().Unix()
		ask := b.goes(link)
		if status, _ := w.asks("DELETE", "/_matrix/client/v3/devices/"+device, auth, cookie); status != 401 || !strings.Contains(ask.Body, "wants to change something") {
			t.Errorf("confirmed without a word: %d %s", status, ask.Body)
		}
		if got := b.presses(ask, "/_wardline/sso/continue", "yes"); !strings.Contains(got.Body, "Go back to your app") || w.op.Last().Get("prompt") != "login" {
			t.Fatalf("not confirmed: %d %s", got.Status, got.Body)
		}
		if status, v := w.asks("DELETE", "/_matrix/client/v3/devices/"+device, auth, cookie); status != 200 {
			t.Errorf("after the confirmation: %d %v", status, v)
		}
	})
}

// TestSSO_WhoIsIt is about never signing somebody in as somebody else.
//
// hazard: H20 somebody is signed in as somebody else
func TestSSO_WhoIsIt(t *testing.T) {
	refused := func(t *testing.T, w *trust, words string) {
		t.Helper()
		b := w.browser()
		got := b.goes(begin + "app")
		if got.Status != 403 || !strings.Contains(got.Body, words) || b.session() != "" {
			t.Errorf("status %d, session %q, want 403 and %q: %s", got.Status, b.session(), words, got.Body)
		}
		if !strings.Contains(got.Body, "Sign in with a password") {
			t.Error("there is no other way on")
		}
	}
	t.Run("ErrStranger nobody is made up", func(t *testing.T) {
		w := open(t, "")
		w.op.Claims["email"] = "nobody@elsewhere.example"
		refused(t, w, "nobody here has that e-mail address")
	})
	t.Run("ErrUnverified an address that nobody vouches for is none", func(t *testing.T) {
		w := open(t, "")
		w.op.Claims["email_verified"] = false
		refused(t, w, "nobody here has that e-mail address")
	})
	t.Run("ErrLeft a leaver", func(t *testing.T) {
		w := open(t, "")
		b := w.browser()
		b.goes(begin + "app")
		ok(t, w.app.Clinic.Staff.Leave(t.Context(), "", w.nerys))
		if b.session() != "" {
			t.Error("a leaver stays signed in")
		}
		refused(t, w, "no longer work here")
		w.op.Claims["email"] = "changed@st-elsewhere.example"
		refused(t, w, "no longer work here")
	})
	t.Run("ErrLeft a leaver who was never here by this way", func(t *testing.T) {
		w := open(t, "")
		ok(t, w.app.Clinic.Staff.Leave(t.Context(), "", w.nerys))
		refused(t, w, "no longer work here")
	})
	t.Run("OK a leaver's address that somebody new has", func(t *testing.T) {
		w := open(t, "")
		w.browser().goes(begin + "app")
		ok(t, w.app.Clinic.Staff.Leave(t.Context(), "", w.nerys))
		second := w.joins(staff.Entry{Name: "Nerys Pugh-Jones", Email: "nerys.pugh@st-elsewhere.example"})
		w.op.Claims["sub"] = "another-nerys"
		b := w.browser()
		if b.goes(begin + "app"); b.session() != string(second) {
			t.Errorf("signed in as %q, want %s", b.session(), second)
		}
	})
	t.Run("ErrTwo two people with one address", func(t *testing.T) {
		w := open(t, "")
		w.joins(staff.Entry{Name: "Nerys Two", Email: "nerys.pugh@st-elsewhere.example"})
		refused(t, w, "Two people here have that")
	})
	t.Run("ErrMoved an account there that turns into somebody else here", func(t *testing.T) {
		w := open(t, "")
		w.browser().goes(begin + "app")
		w.joins(staff.Entry{Name: "Consultant", Email: "boss@st-elsewhere.example"})
		w.op.Claims["email"] = "boss@st-elsewhere.example"
		refused(t, w, "was somebody else's here before")
	})
	t.Run("ErrSecond another account there for somebody who has one", func(t *testing.T) {
		w := open(t, "")
		w.browser().goes(begin + "app")
		w.op.Claims["sub"] = "thief"
		refused(t, w, "with another account")
		ok(t, w.app.SSO.Unlink(t.Context(), "@admin:st-elsewhere", w.nerys))
		if len(w.devices(w.nerys)) != 0 {
			t.Error("unlinking leaves the sessions")
		}
		b := w.browser()
		if b.goes(begin + "app"); b.session() != string(w.nerys) {
			t.Error("after unlinking the new account is not taken")
		}
	})
	t.Run("ErrLocked a locked account", func(t *testing.T) {
		w := open(t, "")
		b := w.browser()
		b.goes(begin + "app")
		admin := w.joins(staff.Entry{Name: "Admin"})
		ok(t, w.app.Accounts.SetAdmin(t.Context(), "", admin, true))
		ok(t, lock(w, admin))
		if got := w.browser().goes(begin + "app"); got.URL.Path == "/" {
			t.Error("a locked account is let in")
		}
	})
	t.Run("OK brought in where the file wants it, by number too", func(t *testing.T) {
		w := open(t, "create: true\nclaim: staff_id\nperson: number\n")
		w.op.Claims["staff_id"], w.op.Claims["name"], w.op.Claims["email"] = "555", "New Starter", "new.starter@st-elsewhere.example"
		b := w.browser()
		if b.goes(begin + "app"); b.session() != "@new.starter:st-elsewhere" {
			t.Errorf("signed in as %q", b.session())
		}
		w.op.Claims["staff_id"], w.op.Claims["sub"] = 901, "nerys-number" // a number and not a text
		b = w.browser()
		if b.goes(begin + "app"); b.session() != string(w.nerys) {
			t.Errorf("signed in as %q, want %s", b.session(), w.nerys)
		}
	})
}

// TestSSO_Believed tries what must not be believed. Each row spoils one thing.
func TestSSO_Believed(t *testing.T) {
	now := time.Now().Unix()
	for name, change := range map[string]func(c, h object){
		"another issuer":          func(c, _ object) { c["iss"] = "https://evil.example" },
		"another audience":        func(c, _ object) { c["aud"] = "somebody" },
		"several, no azp":         func(c, _ object) { c["aud"] = []string{"wardline", "somebody"} },
		"azp somebody else":       func(c, _ object) { c["aud"], c["azp"] = []string{"wardline", "somebody"}, "somebody" },
		"another nonce":           func(c, _ object) { c["nonce"] = "x" },
		"no nonce":                func(c, _ object) { delete(c, "nonce") },
		"ended":                   func(c, _ object) { c["exp"] = now - 300 },
		"made in the future":      func(c, _ object) { c["iat"] = now + 300 },
		"made long ago":           func(c, _ object) { c["iat"] = now - 3600 },
		"no subject":              func(c, _ object) { delete(c, "sub") },
		"not signed":              func(_, h object) { h["alg"] = "none" },
		"signed with a password":  func(_, h object) { h["alg"] = "HS256" },
		"signed by a stranger":    func(_, h object) { h["alg"] = "stranger" },
		"signed with another key": func(_, h object) { h["kid"] = "k-other" },
		"another access token":    func(c, _ object) { c["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA" },
	} {
		t.Run("Err "+name, func(t *testing.T) {
			w := open(t, "")
			w.op.Change = change
			b := w.browser()
			if got := b.goes(begin + "app"); got.Status != 403 || b.session() != "" {
				t.Errorf("status %d, session %q: %s", got.Status, b.session(), got.Body)
			}
		})
	}
	t.Run("OK clocks that differ by a minute, and several audiences with azp", func(t *testing.T) {
		w := open(t, "")
		for _, by := range []int64{-90, 90} {
			w.op.Change = func(c, _ object) {
				c["iat"], c["exp"] = now+by, now+by+60
				c["aud"], c["azp"] = []string{"wardline", "other"}, "wardline"
			}
			b := w.browser()
			if b.goes(begin + "app"); b.session() == "" {
				t.Errorf("off by %d s: not signed in", by)
			}
		}
	})
	t.Run("OK the provider's new key, and one search for a made-up one", func(t *testing.T) {
		w := open(t, "")
		w.browser().goes(begin + "app")
		w.op.Rotate()
		b := w.browser()
		if b.goes(begin + "app"); b.session() == "" {
			t.Error("a new key is not found")
		}
		before := w.op.Asked("/keys")
		for range 5 {
			w.logout(w.op.LogoutToken("x", "", func(_, h object) { h["alg"], h["kid"] = "stranger", "made-up" }))
		}
		if n := w.op.Asked("/keys") - before; n > 1 {
			t.Errorf("the provider was asked %d times for keys that somebody made up", n)
		}
	})
	t.Run("Err an answer for another browser, a state that was used, a mixed-up issuer", func(t *testing.T) {
		w := open(t, "")
		w.op.Names = true
		mine, victim := w.browser(), w.browser()
		res := mine.one("GET", mustParse(t, public+begin+"app"), nil)
		for _, c := range res.Cookies() {
			mine.cookies["chat.example.org "+c.Name] = c.Value
		}
		back := mine.one("GET", mustParse(t, res.Header.Get("Location")), nil).Header.Get("Location")
		if got := victim.goes(back); got.Status != 403 || victim.session() != "" {
			t.Errorf("a link from somebody else signs in: %d", got.Status)
		}
		u := mustParse(t, back)
		q := u.Query()
		q.Set("iss", "https://evil.example")
		if got := mine.goes(u.Path + "?" + q.Encode()); got.Status != 403 {
			t.Errorf("another issuer's answer: %d", got.Status)
		}
		if got := mine.goes(back); got.Status != 403 || mine.session() != "" {
			t.Errorf("the state works after it failed: %d", got.Status)
		}
	})
	t.Run("Err the person says no there", func(t *testing.T) {
		w := open(t, "")
		w.op.Say = "access_denied"
		if got := w.browser().goes(begin + "app"); got.Status != 403 || !strings.Contains(got.Body, "did not sign in") || !strings.Contains(got.Body, "Try again") {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
}

func TestSSO_BadDays(t *testing.T) {
	t.Run("ErrDown the provider does not answer, passwords work", func(t *testing.T) {
		w := open(t, "")
		w.password(w.nerys, "a long password")
		w.op.Down(true)
		b := w.browser()
		got := b.goes(begin + "app")
		if got.Status != 503 || !strings.Contains(got.Body, "Trust sign-in does not answer") || !strings.Contains(got.Body, "Sign in with a password") {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
		if status, _ := w.asks("POST", "/_wardline/v1/session", `{"user":"`+w.nerys.Localpart()+`","password":"a long password"}`, ""); status != 200 {
			t.Errorf("the password: %d", status)
		}
	})
	t.Run("ErrDown in the middle of it", func(t *testing.T) {
		w := open(t, "")
		w.op.Refuse = "server_error"
		if got := w.browser().goes(begin + "app"); got.Status != 503 {
			t.Errorf("%d %s", got.Status, got.Body)
		}
		w.op.Refuse = "invalid_client"
		if got := w.browser().goes(begin + "app"); got.Status != 503 || strings.Contains(got.Body, "invalid_client") {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
	t.Run("OK only administrators by password", func(t *testing.T) {
		w := open(t, "", func(c *app.Config) { c.Passwords = "admins" })
		w.password(w.nerys, "a long password")
		admin := w.joins(staff.Entry{Name: "Admin"})
		ok(t, w.app.Accounts.SetAdmin(t.Context(), "", admin, true))
		w.password(admin, "another password")
		in := func(user, password string) (int, object) {
			return w.asks("POST", "/_matrix/client/v3/login", `{"type":"m.login.password","identifier":{"type":"m.id.user","user":"`+user+`"},"password":"`+password+`"}`, "")
		}
		if status, v := in(w.nerys.Localpart(), "a long password"); status != 403 || !strings.Contains(v["error"].(string), "Passwords are not taken here") {
			t.Errorf("nurse: %d %v", status, v)
		}
		if _, v := in(w.nerys.Localpart(), "wrong"); strings.Contains(v["error"].(string), "not taken") {
			t.Error("whoever guesses learns the rule of the account")
		}
		if status, _ := in(admin.Localpart(), "another password"); status != 200 {
			t.Errorf("administrator: %d", status)
		}
		if _, v := w.asks("GET", "/_matrix/client/v3/login", "", ""); strings.Contains(jsonOf(v), "m.login.password") {
			t.Errorf("flows: %v", v)
		}
	})
	t.Run("ErrWeak assurance that is too low, by profile cis2 with its key", func(t *testing.T) {
		w := openCIS2(t)
		for level, want := range map[any]bool{"3": true, 3: true, 2: true, 1: false, "1": false, nil: false, "high": false} {
			w.op.Claims["authentication_assurance_level"] = level
			b := w.browser()
			b.goes("/_wardline/sso/care/begin?door=app")
			if got := b.session() != ""; got != want {
				t.Errorf("level %v: signed in %v, want %v", level, got, want)
			}
		}
		if got := w.op.Last().Get("acr_values"); got != "AAL2_OR_AAL3_ANY" {
			t.Errorf("asked for %q", got)
		}
		if _, v := w.asks("GET", "/_wardline/sso/care/jwks.json", "", ""); !strings.Contains(jsonOf(v), `"kid":"key-1"`) || strings.Contains(jsonOf(v), `"d":`) {
			t.Errorf("keys: %v", v)
		}
		w.op.Info["sub"] = "somebody else"
		w.op.Claims["authentication_assurance_level"] = 3
		if got := w.browser().goes("/_wardline/sso/care/begin?door=app"); got.Status != 403 {
			t.Errorf("user info about somebody else: %d", got.Status)
		}
	})
}

// openCIS2 starts a trust whose provider knows it by its key.
func openCIS2(t *testing.T) *trust {
	t.Helper()
	op := double.New("999.apps.national", "")
	t.Cleanup(op.Close)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	ok(t, err)
	dir := t.TempDir()
	ok(t, os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), 0o600))
	ok(t, os.WriteFile(filepath.Join(dir, "care.yml"), []byte("id: care\nname: Care Identity\nprofile: cis2\nissuer: "+op.URL+"\nclient_id: 999.apps.national\nprivate_key_file: key.pem\nprivate_key_id: key-1\n"), 0o600))
	op.Key = &jose.JSONWebKey{Key: key.Public(), KeyID: "key-1", Algorithm: "RS512"}
	op.Claims = object{"sub": "555021935107"}
	op.Info = object{"sub": "555021935107", "email": "Nerys.Pugh@st-elsewhere.example", "name": "PUGH Nerys"}
	return start(t, op, dir)
}
