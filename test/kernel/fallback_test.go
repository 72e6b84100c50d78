package kernel

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"wardline/app"
	"wardline/matrix/account"
)

var fallbackRows = []row{
	{route: "GET " + v3 + "auth/{authType}/fallback/web", vars: set{"authType": "m.login.dummy"}, query: "session=none", want: 404, has: "has ended"},
	{route: "POST " + v3 + "auth/{authType}/fallback/web", vars: set{"authType": "m.login.recaptcha"}, want: 404, has: "no page"},
	{route: "GET " + v3 + "login/sso/redirect", query: "redirectUrl=https://x.example", want: 404, has: "M_UNRECOGNIZED"},
	{route: "GET " + v3 + "login/sso/redirect/{idpId}", vars: set{"idpId": "x"}, query: "redirectUrl=https://x.example", want: 404, has: "M_UNRECOGNIZED"},
}

func TestFallback_PassesAStageInTheBrowser(t *testing.T) {
	w := openWith(t, func(c *app.Config) { c.RegistrationTokens = true })
	w.signUp("alice")
	if _, err := w.app.Accounts.NewVoucher(t.Context(), account.Voucher{Token: "tok", Uses: 1}); err != nil {
		t.Fatal(err)
	}
	session := w.gets(401, "flows", "", "POST", v3+"register", `{"username":"carol","password":"pw"}`).text("session")
	w.vars["session"] = session
	const path = v3 + "auth/m.login.registration_token/fallback/web"
	w.gets(200, "Registration token", "", "GET", path+"?session="+session, "")
	w.gets(404, "not the next", "", "GET", v3+"auth/m.login.password/fallback/web?session="+session, "")
	if got := w.post(path, url.Values{"session": {session}, "token": {"wrong"}}); got.Status != 403 || strings.Contains(string(got.Raw), "authDone") {
		t.Errorf("a wrong token: %d %s", got.Status, got.Raw)
	}
	w.gets(401, `"completed":[]`, "", "POST", v3+"register", `{"username":"carol","password":"pw","auth":{"session":"{session}"}}`)
	got := w.post(path, url.Values{"session": {session}, "token": {"tok"}})
	script := regexp.MustCompile(`(?s)<script>(.*?)</script>`).FindStringSubmatch(string(got.Raw))
	if got.Status != 200 || script == nil || !strings.Contains(script[1], `postMessage("authDone","*")`) {
		t.Fatalf("the right token: %d %s", got.Status, got.Raw)
	}
	sum := sha256.Sum256([]byte(script[1]))
	if policy := got.Head.Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])) {
		t.Errorf("the policy %q does not allow the page's own script", policy)
	}
	w.gets(200, "@carol:hs1", "", "POST", v3+"register", `{"username":"carol","password":"pw","auth":{"session":"{session}"}}`)
}

// TestInteraction_LimitsWrongPasswords: whoever has a stolen phone has no thousand tries at its owner's password.
func TestInteraction_LimitsWrongPasswords(t *testing.T) {
	w := newWorld(t)
	try := func(password string) int {
		return w.ask("alice", "POST", v3+"account/deactivate", `{"auth":{"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"`+password+`"}}`).Status
	}
	for range 10 {
		if got := try("no"); got != 401 {
			t.Fatalf("a wrong password: %d, want 401", got)
		}
	}
	if got := try("pw"); got != 429 {
		t.Errorf("after ten wrong ones: %d, want 429", got)
	}
	w.gets(200, "access_token", "", "POST", v3+"login", `{"type":"m.login.password","user":"alice","password":"pw"}`) // the owner is not shut out
}
