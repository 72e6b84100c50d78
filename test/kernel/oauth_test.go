package kernel

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wardline/app"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

var oauthRows = []row{
	{route: "GET " + v1 + "auth_metadata", want: 404, has: "M_UNRECOGNIZED"},
	{route: "GET /_matrix/client/unstable/org.matrix.msc2965/auth_metadata", want: 404, has: "M_UNRECOGNIZED"},
	{route: "POST /_oauth/register", want: 404, has: "M_UNRECOGNIZED"},
	{route: "GET /_oauth/authorise", want: 404, has: "M_UNRECOGNIZED"},
	{route: "POST /_oauth/authorise", want: 404, has: "M_UNRECOGNIZED"},
	{route: "POST /_oauth/token", want: 404, has: "M_UNRECOGNIZED"},
	{route: "POST /_oauth/revoke", want: 404, has: "M_UNRECOGNIZED"},
	{route: "POST /_oauth/device", want: 404, has: "M_UNRECOGNIZED"},
	{route: "GET /_oauth/link", want: 404, has: "M_UNRECOGNIZED"},
	{route: "POST /_oauth/link", want: 404, has: "M_UNRECOGNIZED"},
	{route: "GET /_wardline/account", want: 404, has: "M_UNRECOGNIZED"},
	{route: "POST /_wardline/account", want: 404, has: "M_UNRECOGNIZED"},
	{route: "POST /_wardline/account/sign-in", want: 404, has: "M_UNRECOGNIZED"},
	{route: "POST /_wardline/account/sign-out", want: 404, has: "M_UNRECOGNIZED"},
}

const (
	webApp    = `{"client_name":"Web <App>","client_uri":"https://app.example.org/","redirect_uris":["https://app.example.org/back"],"grant_types":["authorization_code","refresh_token"],"response_types":["code"],"token_endpoint_auth_method":"none","application_type":"web"}`
	phoneApp  = `{"client_name":"Phone","client_uri":"https://example.org/","redirect_uris":["org.example.phone:/callback","http://127.0.0.1/cb"],"grant_types":["authorization_code","refresh_token"],"application_type":"native"}`
	deviceApp = `{"client_name":"Box","client_uri":"https://example.org/","grant_types":["urn:ietf:params:oauth:grant-type:device_code","refresh_token"],"application_type":"native"}`
	verifier  = "abcdefghijklmnopqrstuvwxyz0123456789abcdefghi"
	scope     = "urn:matrix:client:api:* urn:matrix:client:device:ABCDEFGHIJ"
	oldScope  = "openid urn:matrix:org.matrix.msc2967.client:api:* urn:matrix:org.matrix.msc2967.client:device:ABCDEFGHIJ"
)

func oauthWorld(t *testing.T, change ...func(*app.Config)) *world {
	w := openWith(t, func(c *app.Config) {
		c.OAuth, c.PublicURL = true, "https://chat.example.org"
		for _, fn := range change {
			fn(c)
		}
	})
	w.signUp("alice", "bob")
	return w
}

func challenge(v string) string {
	sum := sha256.Sum256([]byte(v))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// register returns the name that an app gets.
func (w *world) register(metadata string) string {
	w.t.Helper()
	got := w.ask("", "POST", "/_oauth/register", metadata)
	if got.Status != 201 {
		w.t.Fatalf("register %s: %d %s", metadata, got.Status, got.Raw)
	}
	return got.text("client_id")
}

func (w *world) post(path string, values url.Values) answer {
	w.t.Helper()
	return w.form(path + "?" + values.Encode())
}

func asked(client, redirect, scope string) url.Values {
	return url.Values{"client_id": {client}, "redirect_uri": {redirect}, "response_type": {"code"}, "response_mode": {"fragment"}, "scope": {scope}, "state": {"st&ate"},
		"code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"}}
}

func with(v url.Values, pairs ...string) url.Values {
	out := url.Values{}
	for k, list := range v {
		out[k] = list
	}
	for i := 0; i < len(pairs); i += 2 {
		if out.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			out.Del(pairs[i])
		}
	}
	return out
}

// allow signs somebody in on the page and returns the code that the app is sent.
func (w *world) allow(v url.Values, user string) string {
	w.t.Helper()
	got := w.post("/_oauth/authorise", with(v, "user", user, "password", "pw", "answer", "yes"))
	where := got.Head.Get("Location")
	if got.Status != 303 || !strings.HasPrefix(where, v.Get("redirect_uri")) {
		w.t.Fatalf("allow: %d %s %s", got.Status, where, got.Raw)
	}
	u, err := url.Parse(strings.Replace(where, "#", "?", 1))
	if err != nil || u.Query().Get("state") != v.Get("state") {
		w.t.Fatalf("sent back to %s (%v), want the state with it", where, err)
	}
	return u.Query().Get("code")
}

func (w *world) tokensFor(v url.Values, code string) answer {
	w.t.Helper()
	a := w.post("/_oauth/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {v.Get("client_id")}, "code": {code}, "redirect_uri": {v.Get("redirect_uri")}, "code_verifier": {verifier}})
	_ = json.Unmarshal(a.Raw, &a.Body)
	return a
}

func TestOAuth_Metadata(t *testing.T) {
	w := oauthWorld(t)
	got := w.must("", "GET", v1+"auth_metadata", "")
	for _, name := range []string{"issuer", "authorization_endpoint", "token_endpoint", "revocation_endpoint", "registration_endpoint", "device_authorization_endpoint", "account_management_uri"} {
		if !strings.HasPrefix(got.text(name), "https://chat.example.org/") {
			t.Errorf("%s is %q", name, got.text(name))
		}
	}
	if got.Body["prompt_values_supported"] != nil {
		t.Errorf("people can make accounts where registration is closed: %s", got.Raw)
	}
	if old := w.must("", "GET", "/_matrix/client/unstable/org.matrix.msc2965/auth_metadata", ""); string(old.Raw) != string(got.Raw) {
		t.Errorf("the older path says %s", old.Raw)
	}
	open := oauthWorld(t, func(c *app.Config) { c.OpenRegistration = true })
	if got := open.must("", "GET", v1+"auth_metadata", ""); !strings.Contains(string(got.Raw), `"prompt_values_supported":["create"]`) {
		t.Errorf("with open registration: %s", got.Raw)
	}
}

func TestOAuth_Registration(t *testing.T) {
	w := oauthWorld(t)
	if a, b := w.register(webApp), w.register(strings.Replace(webApp, `"client_name"`, `"client_name#cy":"x","client_name"`, 1)); a != b {
		t.Errorf("one app has two names, %s and %s", a, b)
	}
	if w.register(webApp) == w.register(phoneApp) {
		t.Error("two apps have one name")
	}
	for name, c := range map[string]struct{ metadata, code string }{
		"NoJSON":            {`{`, "invalid_client_metadata"},
		"NoHome":            {strings.Replace(webApp, "https://app.example.org/\"", "\"", 1), "invalid_client_metadata"},
		"PlainHome":         {strings.Replace(webApp, "https://app", "http://app", 1), "invalid_client_metadata"},
		"Secret":            {strings.Replace(webApp, `"none"`, `"client_secret_post"`, 1), "invalid_client_metadata"},
		"ForeignRedirect":   {strings.Replace(webApp, "app.example.org/back", "evil.example/back", 1), "invalid_redirect_uri"},
		"LookalikeRedirect": {strings.Replace(webApp, "app.example.org/back", "evilapp.example.org/back", 1), "invalid_redirect_uri"},
		"UserInRedirect":    {strings.Replace(webApp, "app.example.org/back", "app.example.org@evil.example/back", 1), "invalid_redirect_uri"},
		"Fragment":          {strings.Replace(webApp, "/back", "/back#x", 1), "invalid_redirect_uri"},
		"WebOnLoopback":     {strings.Replace(webApp, "https://app.example.org/back", "http://127.0.0.1/back", 1), "invalid_redirect_uri"},
		"LoopbackPort":      {strings.Replace(phoneApp, "http://127.0.0.1/", "http://127.0.0.1:80/", 1), "invalid_redirect_uri"},
		"ForeignScheme":     {strings.Replace(phoneApp, "org.example.phone", "org.other.phone", 1), "invalid_redirect_uri"},
		"SchemeWithHost":    {strings.Replace(phoneApp, "phone:/", "phone://", 1), "invalid_redirect_uri"},
		"Script":            {strings.Replace(phoneApp, "org.example.phone:/callback", "javascript:alert(1)", 1), "invalid_redirect_uri"},
		"ForeignLogo":       {strings.Replace(webApp, `"client_name"`, `"logo_uri":"https://evil.example/x.png","client_name"`, 1), "invalid_client_metadata"},
		"NoGrant":           {strings.Replace(webApp, `["authorization_code","refresh_token"]`, `["implicit"]`, 1), "invalid_client_metadata"},
	} {
		if got := w.ask("", "POST", "/_oauth/register", c.metadata); got.Status != 400 || got.text("error") != c.code {
			t.Errorf("%s: got %d %s, want 400 %s", name, got.Status, got.Raw, c.code)
		}
	}
}

func TestOAuth_CodeFlow(t *testing.T) {
	w := oauthWorld(t)
	client := w.register(webApp)
	ask := asked(client, "https://app.example.org/back", scope)
	shown := w.ask("", "GET", "/_oauth/authorise?"+ask.Encode(), "")
	if shown.Status != 200 || !strings.Contains(string(shown.Raw), "Web &lt;App&gt;") || strings.Contains(string(shown.Raw), "<script") {
		t.Errorf("the page: %d %s", shown.Status, shown.Raw)
	}
	policy := shown.Head.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "form-action 'self' https://app.example.org"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy %q lacks %q", policy, part)
		}
	}
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(string(shown.Raw))
	sum := sha256.Sum256([]byte(style[1]))
	if !strings.Contains(policy, base64.StdEncoding.EncodeToString(sum[:])) {
		t.Error("the policy does not allow the page's own style")
	}

	code := w.allow(ask, "alice")
	for name, change := range map[string][]string{"OtherApp": {"client_id", w.register(phoneApp)}, "OtherAddress": {"redirect_uri", "https://app.example.org/other"}, "OtherProof": {"code_verifier", strings.Repeat("x", 43)}, "NoProof": {"code_verifier", ""}} {
		got := w.post("/_oauth/token", with(url.Values{"grant_type": {"authorization_code"}, "client_id": {client}, "code": {code}, "redirect_uri": {ask.Get("redirect_uri")}, "code_verifier": {verifier}}, change...))
		if got.Status != 400 || !strings.Contains(string(got.Raw), "invalid_grant") {
			t.Errorf("%s: got %d %s", name, got.Status, got.Raw)
		}
	}
	got := w.tokensFor(ask, code)
	if got.Status != 200 || got.text("token_type") != "Bearer" || got.text("scope") != scope || got.Body["expires_in"] != 300.0 || got.Head.Get("Cache-Control") != "no-store" {
		t.Fatalf("tokens: %d %s", got.Status, got.Raw)
	}
	token := got.text("access_token")
	w.gets(200, `"device_id":"ABCDEFGHIJ"`, token, "GET", v3+"account/whoami", "")
	w.gets(200, "Web \\u003cApp\\u003e", token, "GET", v3+"devices", "")
	w.gets(403, "M_FORBIDDEN", token, "POST", v3+"delete_devices", `{"devices":["X"]}`)
	w.gets(401, "M_UNKNOWN_TOKEN", "", "POST", v3+"refresh", `{"refresh_token":"`+got.text("refresh_token")+`"}`) // that is another door

	// Refreshing: a lost answer harms nobody, a thief ends the session.
	refresh := func(client, token string) answer {
		a := w.post("/_oauth/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {client}, "refresh_token": {token}})
		_ = json.Unmarshal(a.Raw, &a.Body)
		return a
	}
	first := got.text("refresh_token")
	if got := refresh(w.register(phoneApp), first); got.Status != 400 {
		t.Errorf("another app refreshes with it: %d", got.Status)
	}
	lost, second := refresh(client, first), refresh(client, first)
	if lost.Status != 200 || second.Status != 200 {
		t.Fatalf("refresh twice: %s, %s", lost.Raw, second.Raw)
	}
	w.gets(401, "M_UNKNOWN_TOKEN", lost.text("access_token"), "GET", v3+"account/whoami", "")
	w.gets(200, "@alice:hs1", second.text("access_token"), "GET", v3+"account/whoami", "")
	if got := refresh(client, first); got.Status != 400 || got.text("error") != "invalid_grant" {
		t.Errorf("a spent refresh token: %d %s", got.Status, got.Raw)
	}
	w.gets(401, "M_UNKNOWN_TOKEN", second.text("access_token"), "GET", v3+"account/whoami", "")

	// A code that comes twice ends what it gave.
	code = w.allow(with(ask, "scope", oldScope), "alice")
	again := w.tokensFor(ask, code)
	if again.text("scope") != strings.TrimPrefix(oldScope, "openid ") {
		t.Errorf("the older scope is granted as %q", again.text("scope"))
	}
	w.gets(200, "@alice:hs1", again.text("access_token"), "GET", v3+"account/whoami", "")
	if got := w.tokensFor(ask, code); got.Status != 400 {
		t.Errorf("a code twice: %d %s", got.Status, got.Raw)
	}
	w.gets(401, "M_UNKNOWN_TOKEN", again.text("access_token"), "GET", v3+"account/whoami", "")

	// Signing out.
	last := w.tokensFor(ask, w.allow(ask, "alice"))
	if got := w.post("/_oauth/revoke", url.Values{"token": {last.text("access_token")}, "client_id": {w.register(phoneApp)}}); got.Status != 200 {
		t.Errorf("revoking another app's token: %d", got.Status)
	}
	w.gets(200, "@alice:hs1", last.text("access_token"), "GET", v3+"account/whoami", "")
	w.post("/_oauth/revoke", url.Values{"token": {last.text("refresh_token")}, "client_id": {client}})
	w.gets(401, "M_UNKNOWN_TOKEN", last.text("access_token"), "GET", v3+"account/whoami", "")
}

func TestOAuth_AuthorisationRefuses(t *testing.T) {
	w := oauthWorld(t)
	client := w.register(phoneApp)
	ask := asked(client, "org.example.phone:/callback", scope)
	for name, c := range map[string]struct {
		change []string
		error  string // "" for a page, because nobody can be sent back
	}{
		"UnknownApp": {[]string{"client_id", "none"}, ""}, "ForeignAddress": {[]string{"redirect_uri", "https://evil.example/"}, ""},
		"NoAddress": {[]string{"redirect_uri", ""}, ""}, "Token": {[]string{"response_type", "token"}, "unsupported_response_type"},
		"Mode": {[]string{"response_mode", "form_post"}, "invalid_request"}, "NoChallenge": {[]string{"code_challenge", ""}, "invalid_request"},
		"PlainChallenge": {[]string{"code_challenge_method", "plain"}, "invalid_request"}, "NoScope": {[]string{"scope", ""}, "invalid_scope"},
		"NoDevice": {[]string{"scope", "urn:matrix:client:api:*"}, "invalid_scope"}, "TwoDevices": {[]string{"scope", scope + " urn:matrix:client:device:KLMNOPQRST"}, "invalid_scope"},
		"ShortDevice": {[]string{"scope", "urn:matrix:client:api:* urn:matrix:client:device:A"}, "invalid_scope"},
	} {
		got := w.ask("", "GET", "/_oauth/authorise?"+with(ask, c.change...).Encode(), "")
		where := got.Head.Get("Location")
		if c.error == "" && (got.Status != 400 || where != "") || c.error != "" && (got.Status != 303 || !strings.Contains(where, "error="+c.error) || !strings.Contains(where, "state=st%26ate")) {
			t.Errorf("%s: got %d to %q, want %q", name, got.Status, where, c.error)
		}
	}
	if got := w.post("/_oauth/authorise", with(ask, "answer", "no")); !strings.HasPrefix(got.Head.Get("Location"), "org.example.phone:/callback#error=access_denied") {
		t.Errorf("no: %d %s", got.Status, got.Head.Get("Location"))
	}
	if got := w.post("/_oauth/authorise", with(ask, "answer", "yes", "user", "alice", "password", "wrong")); got.Status != 403 || !strings.Contains(html.UnescapeString(string(got.Raw)), "wrong") {
		t.Errorf("a wrong password: %d %s", got.Status, got.Raw)
	}
	// Any port of one's own machine.
	local := with(asked(client, "http://127.0.0.1:4711/cb", scope), "response_mode", "query")
	if code := w.allow(local, "bob"); w.tokensFor(local, code).Status != 200 {
		t.Error("a port of the app's own machine is refused")
	}
	if err := w.app.Accounts.Restrict(t.Context(), account.Actor{User: "@boss:hs1", Admin: true}, "@alice:hs1", account.Locked, true); err != nil {
		t.Fatal(err)
	}
	if got := w.post("/_oauth/authorise", with(ask, "answer", "yes", "user", "alice", "password", "pw")); got.Status != 403 {
		t.Errorf("a locked account: %d", got.Status)
	}
}

func TestOAuth_DeviceFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := oauthWorld(t)
		box, phone := w.register(deviceApp), w.register(phoneApp)
		begin := func(client string) answer {
			a := w.post("/_oauth/device", url.Values{"client_id": {client}, "scope": {scope}})
			_ = json.Unmarshal(a.Raw, &a.Body)
			return a
		}
		if got := begin(phone); got.Status != 400 || got.text("error") != "unauthorized_client" {
			t.Errorf("an app that never registered for it: %d %s", got.Status, got.Raw)
		}
		if got := begin("none"); got.Status != 401 || got.text("error") != "invalid_client" {
			t.Errorf("an app that is not registered: %d %s", got.Status, got.Raw)
		}
		p := begin(box)
		poll := func(client, code string) answer {
			a := w.post("/_oauth/token", url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "client_id": {client}, "device_code": {code}})
			_ = json.Unmarshal(a.Raw, &a.Body)
			return a
		}
		for _, want := range []string{"authorization_pending", "slow_down"} {
			if got := poll(box, p.text("device_code")); got.text("error") != want {
				t.Errorf("got %s, want %s", got.Raw, want)
			}
		}
		if got := poll(phone, p.text("device_code")); got.text("error") != "invalid_grant" {
			t.Errorf("another app polls: %s", got.Raw)
		}
		link := func(pairs ...string) answer { return w.post("/_oauth/link", with(url.Values{}, pairs...)) }
		if got := link("user_code", "XXXX-XXXX", "answer", "yes", "user", "alice", "password", "pw"); got.Status != 404 {
			t.Errorf("a code that is none: %d", got.Status)
		}
		code := strings.ToLower(strings.Replace(p.text("user_code"), "-", " ", 1))
		if got := link("user_code", code, "answer", "yes", "user", "alice", "password", "wrong"); got.Status != 403 {
			t.Errorf("a wrong password: %d", got.Status)
		}
		if got := link("user_code", code, "answer", "yes", "user", "alice", "password", "pw"); got.Status != 200 || !strings.Contains(string(got.Raw), "signed in") {
			t.Errorf("yes: %d %s", got.Status, got.Raw)
		}
		if got := link("user_code", code, "answer", "yes", "user", "bob", "password", "pw"); got.Status != 404 {
			t.Errorf("a code that was used: %d", got.Status)
		}
		<-time.After(6 * time.Second)
		got := poll(box, p.text("device_code"))
		w.gets(200, "@alice:hs1", got.text("access_token"), "GET", v3+"account/whoami", "")
		<-time.After(6 * time.Second)
		if got := poll(box, p.text("device_code")); got.text("error") != "invalid_grant" {
			t.Errorf("a second time: %s", got.Raw)
		}
		late := begin(box)
		<-time.After(16 * time.Minute)
		if got := poll(box, late.text("device_code")); got.text("error") != "expired_token" {
			t.Errorf("too late: %s", got.Raw)
		}
	})
}

func TestOAuth_MakesAnAccountOnlyWhereThatIsOpen(t *testing.T) {
	closed := oauthWorld(t)
	client := closed.register(webApp)
	ask := with(asked(client, "https://app.example.org/back", scope), "prompt", "create", "user", "carol", "password", "pw", "answer", "yes")
	if got := closed.post("/_oauth/authorise", ask); got.Status != 403 {
		t.Errorf("registration is closed: %d %s", got.Status, got.Head.Get("Location"))
	}
	open := oauthWorld(t, func(c *app.Config) { c.RegistrationTokens = true })
	if _, err := open.app.Accounts.NewVoucher(t.Context(), account.Voucher{Token: "tok", Uses: 1}); err != nil {
		t.Fatal(err)
	}
	open.register(webApp)
	if got := open.post("/_oauth/authorise", with(ask, "token", "no")); got.Status != 403 {
		t.Errorf("a wrong token: %d", got.Status)
	}
	got := open.post("/_oauth/authorise", with(ask, "token", "tok"))
	if got.Status != 303 || !strings.Contains(got.Head.Get("Location"), "code=") {
		t.Fatalf("with a token: %d %s", got.Status, got.Raw)
	}
	if _, err := open.app.Accounts.Account(t.Context(), id.User("@carol:hs1")); err != nil {
		t.Error(err)
	}
}

// browser is somebody on the account's own pages.
type browser struct {
	w      *world
	cookie string
}

func (b *browser) ask(method, path string, values url.Values, head ...string) answer {
	b.w.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i+1 < len(head); i += 2 {
		r.Header.Set(head[i], head[i+1])
	}
	if b.cookie != "" {
		r.AddCookie(&http.Cookie{Name: "wl_account", Value: b.cookie})
	}
	rec := httptest.NewRecorder()
	b.w.http.ServeHTTP(rec, r)
	for _, c := range rec.Result().Cookies() {
		b.cookie = c.Value
	}
	return answer{Status: rec.Code, Head: rec.Header(), Raw: rec.Body.Bytes()}
}

func TestOAuth_AccountPages(t *testing.T) {
	w := oauthWorld(t)
	client := w.register(webApp)
	ask := asked(client, "https://app.example.org/back", scope)
	token := w.tokensFor(ask, w.allow(ask, "alice")).text("access_token")
	b := &browser{w: w}
	const path = "/_wardline/account"
	if got := b.ask("GET", path+"?action=org.matrix.devices_list", nil); !strings.Contains(string(got.Raw), "Sign in") || strings.Contains(string(got.Raw), "ABCDEFGHIJ") {
		t.Errorf("before signing in: %s", got.Raw)
	}
	in := url.Values{"user": {"alice"}, "password": {"pw"}, "action": {"org.matrix.devices_list"}}
	if got := b.ask("POST", path+"/sign-in", in, "Sec-Fetch-Site", "cross-site"); got.Status != 403 {
		t.Errorf("another site signs somebody in: %d", got.Status)
	}
	if got := b.ask("POST", path+"/sign-in", with(in, "password", "no")); got.Status != 403 || b.cookie != "" {
		t.Errorf("a wrong password: %d", got.Status)
	}
	if got := b.ask("POST", path+"/sign-in", in); got.Status != 303 || !strings.Contains(got.Head.Get("Location"), "devices_list") {
		t.Fatalf("sign in: %d %s", got.Status, got.Raw)
	}
	if got := b.ask("GET", path+"?action=org.matrix.sessions_list", nil); !strings.Contains(string(got.Raw), "ABCDEFGHIJ") {
		t.Errorf("devices: %s", got.Raw)
	}
	shown := b.ask("GET", path+"?action=org.matrix.cross_signing_reset", nil)
	proof := regexp.MustCompile(`name="proof" value="([^"]+)"`).FindStringSubmatch(string(shown.Raw))[1]
	do := func(pairs ...string) answer {
		return b.ask("POST", path, with(url.Values{"proof": {proof}}, pairs...))
	}
	keys := func(key string) string {
		return `{"master_key":{"user_id":"@alice:hs1","usage":["master"],"keys":{"ed25519:` + key + `":"` + key + `"}}}`
	}
	a, c := strings.Repeat("A", 43), strings.Repeat("B", 42)+"A"
	upload := v3 + "keys/device_signing/upload"
	w.gets(200, "{}", token, "POST", upload, keys(a))
	need := w.gets(401, "m.oauth", token, "POST", upload, keys(c))
	if !strings.Contains(string(need.Raw), "org.matrix.cross_signing_reset") {
		t.Errorf("the app is not told where to send its person: %s", need.Raw)
	}
	again := strings.TrimSuffix(keys(c), "}") + `,"auth":{"session":"` + need.text("session") + `"}}`
	w.gets(401, "m.oauth", token, "POST", upload, again)
	if got := do("action", "org.matrix.cross_signing_reset", "proof", "forged"); got.Status != 403 {
		t.Errorf("a forged form: %d", got.Status)
	}
	w.gets(401, "m.oauth", token, "POST", upload, again)
	if got := do("action", "org.matrix.cross_signing_reset"); got.Status != 200 {
		t.Errorf("allow: %d %s", got.Status, got.Raw)
	}
	w.gets(200, "{}", token, "POST", upload, again)
	w.gets(401, "m.oauth", token, "POST", upload, keys(a)) // once is once

	do("action", "org.matrix.profile", "displayname", "Alice <A>")
	w.gets(200, "Alice \\u003cA\\u003e", token, "GET", v3+"profile/@alice:hs1", "")
	do("action", "org.matrix.device_delete", "device_id", "ABCDEFGHIJ")
	w.gets(401, "M_UNKNOWN_TOKEN", token, "GET", v3+"account/whoami", "")
	if got := do("action", "org.matrix.account_deactivate", "password", "no", "erase", "no"); got.Status != 403 {
		t.Errorf("ending with a wrong password: %d", got.Status)
	}
	if got := do("action", "org.matrix.account_deactivate", "password", "pw", "erase", "yes"); got.Status != 200 {
		t.Errorf("ending: %d %s", got.Status, got.Raw)
	}
	w.gets(404, "M_NOT_FOUND", "", "GET", v3+"profile/@alice:hs1", "")
}
