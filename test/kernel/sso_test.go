package kernel

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wardline/app"
)

// ssoRows are of a server that knows no identity provider, and of somebody without a second step.
var ssoRows = []row{
	{route: "GET /_wardline/sso/{provider}/begin", vars: set{"provider": "op"}, query: "door=app", want: 404, has: "no such way"},
	{route: "GET /_wardline/sso/{provider}/callback", vars: set{"provider": "op"}, query: "state=x&code=y", want: 404, has: "no such way"},
	{route: "POST /_wardline/sso/{provider}/logout", vars: set{"provider": "op"}, want: 404, has: "no such way"},
	{route: "GET /_wardline/sso/{provider}/jwks.json", vars: set{"provider": "op"}, want: 404, has: "no such way"},
	{route: "POST /_wardline/sso/continue", want: 403, has: "another site"},
	{route: "GET /_wardline/v1/second-step", who: "alice", has: `"on":false`},
	{route: "POST /_wardline/v1/second-step", who: "alice", body: `{"password":"wrong"}`, want: 403, has: "M_FORBIDDEN"},
	{route: "POST /_wardline/v1/second-step", who: "temp", body: `{"password":"pw"}`, has: `"uri":"otpauth://totp/hs1`},
	{route: "POST /_wardline/v1/second-step/confirm", who: "alice", body: `{"code":"000000"}`, want: 404, has: "Begin again"},
	{route: "POST /_wardline/v1/second-step/recovery", who: "alice", body: `{"code":"000000"}`, want: 404},
	{route: "POST /_wardline/v1/second-step/remove", who: "alice", body: `{"password":"pw","code":"000000"}`, want: 404},
	{route: "GET /_wardline/v1/passkeys", who: "alice", has: `"passkeys":[]`},
	{route: "POST /_wardline/v1/passkeys/begin", who: "alice", body: `{"password":"wrong"}`, want: 403, has: "M_FORBIDDEN"},
	{route: "POST /_wardline/v1/passkeys/begin", who: "temp", body: `{"password":"pw"}`, has: `"userVerification":"required"`},
	{route: "POST /_wardline/v1/passkeys", who: "alice", body: `{"session":"none","credential":{}}`, want: 403},
	{route: "PUT /_wardline/v1/passkeys/{key}", who: "alice", vars: set{"key": "AAAA"}, body: `{"name":"x"}`, want: 404},
	{route: "POST /_wardline/v1/passkeys/{key}/remove", who: "alice", vars: set{"key": "AAAA"}, body: `{"password":"pw"}`, want: 404},
	{route: "POST /_wardline/v1/sign-in/passkey", has: `"rpId":"example.com"`},
}

func TestSSO_SendsPeopleToTheirProvider(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"one", "two"} {
		file := "id: " + name + "\nname: Provider " + name + "\nissuer: https://" + name + ".example.org\nclient_id: c\n"
		if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := openWith(t, func(c *app.Config) { c.SSO, c.PublicURL = dir, "https://chat.example.org" })
	look := func(path string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		w.http.ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
		return rec
	}
	rec := look(v3 + "login/sso/redirect/two?redirectUrl=https%3A%2F%2Fapp.example.org")
	if to := rec.Header().Get("Location"); rec.Code != http.StatusFound || !strings.HasPrefix(to, "/_wardline/sso/two/begin?") {
		t.Errorf("the provider that was named: %d %q", rec.Code, to)
	}
	if rec = look(v3 + "login/sso/redirect?redirectUrl=https%3A%2F%2Fapp.example.org"); rec.Code != 200 || !strings.Contains(rec.Body.String(), "Sign in with Provider one") {
		t.Errorf("one to choose: %d %s", rec.Code, rec.Body)
	}
	if rec = look(v3 + "login/sso/redirect/three?redirectUrl=https%3A%2F%2Fapp.example.org"); rec.Code != 404 {
		t.Errorf("one that there is not: %d", rec.Code)
	}
}
