package kernel

import (
	"context"
	"encoding/json"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"wardline/ground/run"
	"wardline/matrix/account"
)

// What a person said yes to is used up by the session that it gives, in one act.
func TestOAuth_ACodeAndItsSessionAreOne(t *testing.T) {
	lock := func(w *world, on bool) {
		if err := w.app.Accounts.Restrict(w.t.Context(), account.Actor{User: "@root:hs1", Admin: true}, "@alice:hs1", account.Locked, on); err != nil {
			w.t.Fatal(err)
		}
	}
	t.Run("ACodeThatGaveNoneIsNotUsed", func(t *testing.T) {
		w := oauthWorld(t)
		ask := asked(w.register(webApp), "https://app.example.org/back", scope)
		code := w.allow(ask, "alice")
		lock(w, true)
		if got := w.tokensFor(ask, code); got.Status != 400 || got.text("error") != "invalid_grant" {
			t.Errorf("while the account is locked: %d %s", got.Status, got.Raw)
		}
		lock(w, false)
		if got := w.tokensFor(ask, code); got.Status != 200 {
			t.Errorf("afterwards: %d %s", got.Status, got.Raw)
		}
	})
	t.Run("ADeviceCodeThatGaveNoneIsNotUsed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := oauthWorld(t)
			box := w.register(deviceApp)
			p := w.post("/_oauth/device", url.Values{"client_id": {box}, "scope": {scope}})
			if err := json.Unmarshal(p.Raw, &p.Body); err != nil {
				t.Fatal(err)
			}
			poll := func() answer {
				<-time.After(6 * time.Second)
				return w.post("/_oauth/token", url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "client_id": {box}, "device_code": {p.text("device_code")}})
			}
			if got := w.post("/_oauth/link", url.Values{"user_code": {p.text("user_code")}, "answer": {"yes"}, "user": {"alice"}, "password": {"pw"}}); got.Status != 200 {
				t.Fatalf("yes: %d %s", got.Status, got.Raw)
			}
			lock(w, true)
			if got := poll(); got.Status != 400 {
				t.Errorf("while the account is locked: %d %s", got.Status, got.Raw)
			}
			lock(w, false)
			if got := poll(); got.Status != 200 {
				t.Errorf("afterwards: %d %s", got.Status, got.Raw)
			}
		})
	})
	t.Run("TwoAtOnceHaveNothing", func(t *testing.T) {
		w := oauthWorld(t)
		ask := asked(w.register(webApp), "https://app.example.org/back", scope)
		for range 10 {
			code := w.allow(ask, "alice")
			got := make([]answer, 2)
			if err := run.All(t.Context(), func(context.Context) error { got[0] = w.tokensFor(ask, code); return nil },
				func(context.Context) error { got[1] = w.tokensFor(ask, code); return nil }); err != nil {
				t.Fatal(err)
			}
			if got[0].Status == got[1].Status && got[0].Status == 200 {
				t.Errorf("both have tokens: %s and %s", got[0].Raw, got[1].Raw)
			}
			for _, one := range got {
				if token := one.text("access_token"); token != "" {
					w.gets(401, "M_UNKNOWN_TOKEN", token, "GET", v3+"account/whoami", "")
				}
			}
		}
	})
}

// Whoever knows a password may say yes with it, and fetch the session only once it is another: that would make the change worth nothing.
func TestPassword_ANewOneTakesBackWhatTheOldOneHasAllowed(t *testing.T) {
	w := oauthWorld(t)
	ask := asked(w.register(webApp), "https://app.example.org/back", scope)
	box := w.register(deviceApp)
	p := w.post("/_oauth/device", url.Values{"client_id": {box}, "scope": {scope}})
	if err := json.Unmarshal(p.Raw, &p.Body); err != nil {
		t.Fatal(err)
	}
	code := w.allow(ask, "alice")
	if got := w.post("/_oauth/link", url.Values{"user_code": {p.text("user_code")}, "answer": {"yes"}, "user": {"alice"}, "password": {"pw"}}); got.Status != 200 {
		t.Fatalf("yes: %d %s", got.Status, got.Raw)
	}
	link, err := w.app.Accounts.NewLoginToken(t.Context(), "@alice:hs1", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	others := w.allow(ask, "bob")
	if err := w.app.Accounts.SetPasswordOf(t.Context(), "@alice:hs1", "better", true); err != nil {
		t.Fatal(err)
	}
	if got := w.tokensFor(ask, code); got.Status != 400 {
		t.Errorf("the code: %d %s", got.Status, got.Raw)
	}
	poll := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "client_id": {box}, "device_code": {p.text("device_code")}}
	if got := w.post("/_oauth/token", poll); got.Status != 400 {
		t.Errorf("the device: %d %s", got.Status, got.Raw)
	}
	w.gets(403, "M_FORBIDDEN", "", "POST", v3+"login", `{"type":"m.login.token","token":"`+link+`"}`)
	if got := w.tokensFor(ask, others); got.Status != 200 {
		t.Errorf("somebody else's code: %d %s", got.Status, got.Raw)
	}
}
