package signin

import (
	"testing"
	"time"

	"wardline/clinical/staff"
)

func TestSSO_Logout(t *testing.T) {
	two := func(t *testing.T) (*trust, *browser, *browser) { // the same person in two sessions there
		w := open(t, "")
		first, second := w.browser(), w.browser()
		first.goes(begin + "app")
		w.op.Claims["sid"] = "s2"
		second.goes(begin + "app")
		if first.session() == "" || second.session() == "" {
			t.Fatal("not signed in")
		}
		return w, first, second
	}
	t.Run("OK by session: that one and no other", func(t *testing.T) {
		w, first, second := two(t)
		w.password(w.joins(staff.Entry{Name: "Other"}), "x")
		if got := w.logout(w.op.LogoutToken("", "s1", nil)); got != 200 {
			t.Fatalf("status %d", got)
		}
		if first.session() != "" || second.session() == "" {
			t.Errorf("after it: first %q, second %q", first.session(), second.session())
		}
	})
	t.Run("OK by subject: all of the person, also what came of them, and nobody's else", func(t *testing.T) {
		w, first, second := two(t)
		_, v := w.asks("POST", "/_matrix/client/v1/login/get_token", `{}`, first.cookies["chat.example.org wl_session"])
		if v["flows"] == nil {
			t.Fatalf("no challenge: %v", v)
		}
		other := w.joins(staff.Entry{Name: "Other", Email: "o@st-elsewhere.example"})
		w.op.Claims["sub"], w.op.Claims["email"], w.op.Claims["sid"] = "other", "o@st-elsewhere.example", "s3"
		third := w.browser()
		third.goes(begin + "app")
		w.password(w.nerys, "x y z x y z")
		if w.logout(w.op.LogoutToken("nerys-at-op", "", nil)) != 200 || first.session() != "" || second.session() != "" || third.session() != string(other) {
			t.Errorf("after it: %q %q %q", first.session(), second.session(), third.session())
		}
	})
	t.Run("OK a password's session stays", func(t *testing.T) {
		w := open(t, "")
		w.password(w.nerys, "a long password")
		w.browser().goes(begin + "app")
		_, v := w.asks("POST", "/_matrix/client/v3/login", `{"type":"m.login.password","identifier":{"type":"m.id.user","user":"`+w.nerys.Localpart()+`"},"password":"a long password","device_id":"MINE"}`, "")
		w.logout(w.op.LogoutToken("nerys-at-op", "", nil))
		if list := w.devices(w.nerys); len(list) != 1 || list[0].ID != "MINE" {
			t.Errorf("devices %v, login %v", list, v)
		}
	})
	t.Run("OK for a session that nobody has", func(t *testing.T) {
		w := open(t, "")
		if got := w.logout(w.op.LogoutToken("nobody", "s9", nil)); got != 200 {
			t.Errorf("status %d", got)
		}
	})
	t.Run("OK the session of one and the subject of another end nothing", func(t *testing.T) {
		w, first, second := two(t)
		if w.logout(w.op.LogoutToken("somebody else", "s1", nil)) != 200 || first.session() == "" || second.session() == "" {
			t.Error("a session ended that was not meant")
		}
	})
	t.Run("OK a token on its way to a client ends too", func(t *testing.T) {
		w := open(t, "")
		b := w.browser()
		ask := b.goes("/_matrix/client/v3/login/sso/redirect?redirectUrl=https%3A%2F%2Fclient.example.com")
		end := b.presses(ask, "/_wardline/sso/continue", "yes")
		late := b.goes("/_matrix/client/v3/login/sso/redirect?redirectUrl=https%3A%2F%2Fclient.example.com")
		w.logout(w.op.LogoutToken("", "s1", nil))
		if status, _ := w.asks("POST", "/_matrix/client/v3/login", `{"type":"m.login.token","token":"`+end.URL.Query().Get("loginToken")+`"}`, ""); status != 403 {
			t.Errorf("the login token: %d", status)
		}
		if got := b.presses(late, "/_wardline/sso/continue", "yes"); got.Status != 403 {
			t.Errorf("a yes after the logout: %d", got.Status)
		}
	})
	t.Run("Err a sign-in that a logout has overtaken", func(t *testing.T) {
		w := open(t, "")
		w.logout(w.op.LogoutToken("nerys-at-op", "s1", nil))
		b := w.browser()
		if got := b.goes(begin + "app"); got.Status != 403 || b.session() != "" {
			t.Errorf("status %d", got.Status)
		}
		w.op.Claims["sid"] = "s2"
		if b.goes(begin + "app"); b.session() == "" {
			t.Error("a new session is refused as well")
		}
		w.op.Claims["sid"] = "s3"
		w.logout(w.op.LogoutToken("nerys-at-op", "", func(c, _ object) { c["iat"] = time.Now().Unix() - 1 }))
		if b.session() != "" {
			t.Error("a logout of the person leaves a session")
		}
		if b.goes(begin + "app"); b.session() == "" {
			t.Error("who signs in a second after they have signed out everywhere is refused")
		}
		w.op.Change = func(c, _ object) { c["iat"] = time.Now().Unix() - 30 }
		if got := b.goes(begin + "app"); got.Status != 403 {
			t.Errorf("an answer from before the logout of the person: %d", got.Status)
		}
	})
}

// TestSSO_LogoutTokens spoils one thing a row, and then nothing ends.
// spec: openid-connect-backchannel-1_0#Validation
func TestSSO_LogoutTokens(t *testing.T) {
	for name, change := range map[string]func(c, h object){
		"another issuer":        func(c, _ object) { c["iss"] = "https://evil.example" },
		"another audience":      func(c, _ object) { c["aud"] = "somebody" },
		"ended":                 func(c, _ object) { c["exp"] = time.Now().Unix() - 300 },
		"no end":                func(c, _ object) { delete(c, "exp") },
		"no iat":                func(c, _ object) { delete(c, "iat") },
		"iat to come":           func(c, _ object) { c["iat"] = time.Now().Unix() + 600 },
		"no jti":                func(c, _ object) { delete(c, "jti") },
		"no events":             func(c, _ object) { delete(c, "events") },
		"another event":         func(c, _ object) { c["events"] = object{"http://schemas.openid.net/event/other": object{}} },
		"an event that is none": func(c, _ object) { c["events"] = object{"http://schemas.openid.net/event/backchannel-logout": nil} },
		"a nonce":               func(c, _ object) { c["nonce"] = "n" },
		"neither sub nor sid":   func(c, _ object) { delete(c, "sid"); delete(c, "sub") },
		"another type":          func(_, h object) { h["typ"] = "at+jwt" },
		"not signed":            func(_, h object) { h["alg"] = "none" },
		"signed with a secret":  func(_, h object) { h["alg"] = "HS256" },
		"signed by a stranger":  func(_, h object) { h["alg"] = "stranger" },
	} {
		t.Run("Err "+name, func(t *testing.T) {
			w := open(t, "")
			b := w.browser()
			b.goes(begin + "app")
			if got := w.logout(w.op.LogoutToken("nerys-at-op", "s1", change)); got != 400 || b.session() == "" {
				t.Errorf("status %d, session %q", got, b.session())
			}
		})
	}
	t.Run("Err a word that came before, and no word at all", func(t *testing.T) {
		w := open(t, "")
		token := w.op.LogoutToken("nerys-at-op", "s0", nil)
		if first, second := w.logout(token), w.logout(token); first != 200 || second != 400 {
			t.Errorf("first %d, second %d", first, second)
		}
		for _, junk := range []string{"", "x", "a.b.c"} {
			if got := w.logout(junk); got != 400 {
				t.Errorf("%q: %d", junk, got)
			}
		}
	})
}
