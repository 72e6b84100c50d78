package kernel

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"wardline/app"
	"wardline/ground/obs"
	"wardline/matrix/account"
)

const accountPages = "/_wardline/account"

// enter signs somebody in on the account's own pages and returns the browser and what its forms carry.
func (w *world) enter(user, password string) (*browser, string) {
	w.t.Helper()
	b := &browser{w: w}
	if got := b.ask("POST", accountPages+"/sign-in", url.Values{"user": {user}, "password": {password}}); got.Status != 303 {
		w.t.Fatalf("sign in: %d %s", got.Status, got.Raw)
	}
	shown := b.ask("GET", accountPages, nil)
	proof := regexp.MustCompile(`name="proof" value="([^"]+)"`).FindStringSubmatch(string(shown.Raw))
	if proof == nil {
		w.t.Fatalf("no form: %s", shown.Raw)
	}
	return b, proof[1]
}

func TestAccountPages_KeepToTheAccountsStanding(t *testing.T) {
	w := oauthWorld(t)
	w.signUp("root")
	w.admin("root")
	by := account.Actor{User: "@root:hs1", Admin: true}
	devices := func(b *browser) string {
		return string(b.ask("GET", accountPages+"?action=org.matrix.devices_list", nil).Raw)
	}
	t.Run("OK", func(t *testing.T) {
		w.t = t
		b, proof := w.enter("alice", "pw")
		if got := b.ask("POST", accountPages, url.Values{"proof": {proof}, "action": {"org.matrix.profile"}, "displayname": {"Al"}}); got.Status != 200 || !strings.Contains(devices(b), w.vars["device of alice"]) {
			t.Errorf("got %d %s, then %s", got.Status, got.Raw, devices(b))
		}
	})
	t.Run("ASuspendedPersonHasNoNewName", func(t *testing.T) {
		w.t = t
		b, proof := w.enter("bob", "pw")
		if err := w.app.Accounts.Restrict(t.Context(), by, "@bob:hs1", account.Suspended, true); err != nil {
			t.Fatal(err)
		}
		if got := b.ask("POST", accountPages, url.Values{"proof": {proof}, "action": {"org.matrix.profile"}, "displayname": {"Rude"}}); got.Status != 403 {
			t.Errorf("got %d %s", got.Status, got.Raw)
		}
		if got := w.ask("alice", "GET", v3+"profile/@bob:hs1", ""); strings.Contains(string(got.Raw), "Rude") {
			t.Errorf("the name was changed: %s", got.Raw)
		}
		if !strings.Contains(devices(b), w.vars["device of bob"]) {
			t.Error("a suspended person does not see their devices")
		}
	})
	t.Run("ALockEndsTheVisit", func(t *testing.T) {
		w.t = t
		w.signUp("carol")
		b, _ := w.enter("carol", "pw")
		if err := w.app.Accounts.Restrict(t.Context(), by, "@carol:hs1", account.Locked, true); err != nil {
			t.Fatal(err)
		}
		if got := devices(b); strings.Contains(got, w.vars["device of carol"]) {
			t.Errorf("whoever is locked out sees %s", got)
		}
	})
	t.Run("ANewPasswordEndsTheVisit", func(t *testing.T) {
		w.t = t
		w.signUp("dave")
		b, proof := w.enter("dave", "pw") // a thief
		if err := w.app.Accounts.SetPasswordOf(t.Context(), "@dave:hs1", "better", true); err != nil {
			t.Fatal(err)
		}
		w.signIn("dave")
		if got := devices(b); strings.Contains(got, w.vars["device of dave"]) {
			t.Errorf("whoever knew the old password sees %s", got)
		}
		if got := b.ask("POST", accountPages, url.Values{"proof": {proof}, "action": {"org.matrix.cross_signing_reset"}}); got.Status != 403 {
			t.Errorf("and may have keys replaced: %d", got.Status)
		}
	})
	t.Run("AnEndedAccountEndsTheVisit", func(t *testing.T) {
		w.t = t
		w.signUp("erin")
		b, _ := w.enter("erin", "pw")
		if err := w.app.Accounts.Deactivate(t.Context(), "@root:hs1", "@erin:hs1", false); err != nil {
			t.Fatal(err)
		}
		if got := devices(b); !strings.Contains(got, "Sign in") {
			t.Errorf("got %s", got)
		}
	})
}

// An app that never sees a password must not be able to set one, nor to do for an administrator what they were not asked about.
func TestOAuth_AnAppIsLessThanItsPerson(t *testing.T) {
	w := oauthWorld(t)
	post := letters(w)
	w.admin("alice")
	client := w.register(webApp)
	ask := asked(client, "https://app.example.org/back", scope)
	app := w.tokensFor(ask, w.allow(ask, "alice")).text("access_token")

	w.vars["sid"] = w.must("", "POST", v3+"account/3pid/email/requestToken", `{"client_secret":"s","email":"app@example.org","send_attempt":1}`).text("sid")
	w.follow(<-post)
	creds := `{"three_pid_creds":{"sid":"{sid}","client_secret":"s"}}`
	w.gets(403, "M_FORBIDDEN", app, "POST", v3+"account/3pid", creds)
	w.gets(200, `"threepids":[]`, "alice", "GET", v3+"account/3pid", "")
	w.gets(200, "{}", "alice", "POST", v3+"account/3pid", creds)

	w.gets(403, "M_FORBIDDEN", app, "GET", "/_synapse/admin/v2/users", "")
	w.gets(403, "M_FORBIDDEN", app, "POST", "/_synapse/admin/v1/reset_password/@bob:hs1", `{"new_password":"x"}`)
	w.gets(200, "@bob:hs1", "alice", "GET", "/_synapse/admin/v2/users", "")
}

func TestRegistration_DoesNotTellWhoHasAnAccount(t *testing.T) {
	w := openWith(t, func(*app.Config) {})
	w.signUp("alice")
	taken := w.gets(403, "M_FORBIDDEN", "", "GET", v3+"register/available?username=alice", "")
	free := w.gets(403, "M_FORBIDDEN", "", "GET", v3+"register/available?username=nobody", "")
	if string(taken.Raw) != string(free.Raw) {
		t.Errorf("got %s for a taken name, %s for a free one", taken.Raw, free.Raw)
	}
}

// Whoever asks for a letter sends the request, and its Host: without an address of the server's own they would choose where the link
// of somebody else's letter leads.
func TestEmail_NeedsAnAddressOfTheServersOwn(t *testing.T) {
	c := app.Config{ServerName: "hs1", Data: t.TempDir(), MaxUpload: 1 << 16, SMTPServer: "127.0.0.1:25", SMTPFrom: "a@example.org", SMTPPlain: true}
	a, err := app.Open(t.Context(), c, obs.Discard())
	if err == nil {
		t.Error("letters are sent, and whoever asks for one chooses where its link leads")
		_ = a.Close()
	}
	c.Data, c.PublicURL = t.TempDir(), "https://chat.example.org"
	if a, err = app.Open(t.Context(), c, obs.Discard()); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// A device's id and name are told to everybody who shares a room, so nobody makes them large.
func TestDevices_HaveShortNames(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("x", 4000)
	w.gets(400, "M_INVALID_PARAM", "", "POST", v3+"login", `{"type":"m.login.password","user":"alice","password":"pw","device_id":"`+long+`"}`)
	w.gets(400, "M_TOO_LARGE", "", "POST", v3+"login", `{"type":"m.login.password","user":"alice","password":"pw","initial_device_display_name":"`+long+`"}`)
	w.gets(400, "M_TOO_LARGE", "alice", "PUT", v3+"devices/"+w.vars["device of alice"], `{"display_name":"`+long+`"}`)
	w.gets(200, "access_token", "", "POST", v3+"login", `{"type":"m.login.password","user":"alice","password":"pw","device_id":"`+long[:255]+`","initial_device_display_name":"Phone"}`)
	// Registration refuses before there is an account.
	for range 2 {
		w.gets(400, "M_INVALID_PARAM", "", "POST", v3+"register", `{"username":"zoe","password":"pw","device_id":"`+long+`","auth":{"type":"m.login.dummy"}}`)
	}
	if got := w.ask("alice", "GET", v3+"devices", ""); strings.Contains(string(got.Raw), long) {
		t.Error("there is a device with a long name all the same")
	}
}
