package kernel

import (
	"context"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wardline/app"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

// admin makes somebody an administrator, as the command line does.
func (w *world) admin(name string) {
	w.t.Helper()
	if err := w.app.Accounts.SetAdmin(w.t.Context(), "", id.User("@"+name+":hs1"), true); err != nil {
		w.t.Fatal(err)
	}
}

// gets makes a request and checks how it ends.
func (w *world) gets(status int, has, who, method, path, body string) answer {
	w.t.Helper()
	got := w.ask(who, method, path, w.fill(body, who, false))
	if got.Status != status || !strings.Contains(string(got.Raw), has) {
		w.t.Errorf("%s: %s %s %.80s: got %d %.300s, want %d with %q", who, method, path, body, got.Status, got.Raw, status, has)
	}
	return got
}

func TestInteraction_KeepsToItsOperation(t *testing.T) {
	w := openWith(t, func(c *app.Config) { c.RegistrationTokens = true })
	w.signUp("alice", "bob")
	if _, err := w.app.Accounts.NewVoucher(t.Context(), account.Voucher{Token: "once", Uses: 1}); err != nil {
		t.Fatal(err)
	}
	w.gets(200, `"valid":true`, "", "GET", v1+"register/m.login.registration_token/validity?token=once", "")

	first := w.gets(401, `"m.login.registration_token"`, "", "POST", v3+"register", `{"username":"carol","password":"pw"}`)
	w.vars["session"] = first.text("session")
	w.gets(401, `"completed":[]`, "", "POST", v3+"register", `{"username":"carol","password":"pw","auth":{"session":"{session}"}}`)
	w.gets(401, "M_FORBIDDEN", "", "POST", v3+"register", `{"username":"carol","password":"pw","auth":{"type":"m.login.dummy","session":"{session}"}}`)
	w.gets(401, "M_FORBIDDEN", "", "POST", v3+"register", `{"username":"carol","password":"pw","auth":{"type":"m.login.registration_token","token":"wrong","session":"{session}"}}`)
	// The session is not good for anything else.
	w.gets(401, "M_FORBIDDEN", "alice", "POST", v3+"account/deactivate", `{"auth":{"type":"m.login.registration_token","token":"once","session":"{session}"}}`)
	// A stage that was passed stays passed while something else is wrong.
	w.gets(400, "M_MISSING_PARAM", "", "POST", v3+"register", `{"username":"carol","auth":{"type":"m.login.registration_token","token":"once","session":"{session}"}}`)
	w.gets(200, "@carol:hs1", "", "POST", v3+"register", `{"username":"carol","password":"pw","inhibit_login":true,"auth":{"session":"{session}"}}`)
	w.gets(200, `"valid":false`, "", "GET", v1+"register/m.login.registration_token/validity?token=once", "")
	// And when the act is done, the session is over.
	w.gets(401, `"completed":[]`, "", "POST", v3+"register", `{"username":"dave","password":"pw","auth":{"session":"{session}"}}`)
	w.gets(401, "M_FORBIDDEN", "", "POST", v3+"register", `{"username":"dave","password":"pw","auth":{"type":"m.login.registration_token","token":"once"}}`)

	t.Run("PasswordOfSomebodyElse", func(t *testing.T) {
		w.t = t
		w.gets(403, "M_FORBIDDEN", "alice", "POST", v3+"account/deactivate", `{"auth":{"type":"m.login.password","identifier":{"type":"m.id.user","user":"bob"},"password":"pw"}}`)
	})
	t.Run("OneDeviceIsNotAnother", func(t *testing.T) {
		w.t = t
		s := w.gets(401, "flows", "alice", "DELETE", v3+"devices/ONE", `{}`).text("session")
		w.vars["session"] = s
		got := w.gets(401, "M_FORBIDDEN", "alice", "DELETE", v3+"devices/TWO", `{"auth":{"session":"{session}","type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"pw"}}`)
		if got.text("session") == s {
			t.Error("the session of one device was good for another")
		}
	})
}

func TestRegistration_IsClosedUnlessOpened(t *testing.T) {
	w := openWith(t, func(*app.Config) {})
	w.gets(403, "M_FORBIDDEN", "", "POST", v3+"register", `{"username":"carol","password":"pw","auth":{"type":"m.login.dummy"}}`)
	w.gets(403, "M_FORBIDDEN", "", "GET", v1+"register/m.login.registration_token/validity?token=x", "")
	w.gets(403, "M_FORBIDDEN", "", "POST", v3+"register/email/requestToken", `{"client_secret":"s","email":"a@example.org","send_attempt":1}`)
}

func TestRefresh_SurvivesALostAnswer(t *testing.T) {
	w := newWorld(t)
	refresh := func(token string) answer {
		return w.ask("", "POST", v3+"refresh", `{"refresh_token":"`+token+`"}`)
	}
	old := w.vars["refresh of alice"]
	lost := refresh(old)
	if lost.Status != 200 {
		t.Fatal(string(lost.Raw))
	}
	w.gets(200, "@alice:hs1", "alice", "GET", v3+"account/whoami", "") // the old access token goes on
	again := refresh(old)
	if again.Status != 200 {
		t.Fatalf("the same refresh token again, before the new ones were used: %d %s", again.Status, again.Raw)
	}
	w.gets(401, "M_UNKNOWN_TOKEN", lost.text("access_token"), "GET", v3+"account/whoami", "")
	w.gets(200, "@alice:hs1", again.text("access_token"), "GET", v3+"account/whoami", "")
	w.gets(401, "M_UNKNOWN_TOKEN", "alice", "GET", v3+"account/whoami", "")
	if got := refresh(old); got.Status != 401 {
		t.Errorf("the old refresh token after the new access token was used: %d %s", got.Status, got.Raw)
	}
	// Using the new refresh token settles as well.
	third := refresh(again.text("refresh_token"))
	fourth := refresh(third.text("refresh_token"))
	if third.Status != 200 || fourth.Status != 200 {
		t.Fatalf("%s %s", third.Raw, fourth.Raw)
	}
	if got := refresh(again.text("refresh_token")); got.Status != 401 {
		t.Errorf("a refresh token two turns old: %d", got.Status)
	}
	w.gets(200, "@alice:hs1", fourth.text("access_token"), "GET", v3+"account/whoami", "")
	w.gets(401, "M_UNKNOWN_TOKEN", third.text("access_token"), "GET", v3+"account/whoami", "")
}

func TestLock_ShutsOutWithoutSigningOut(t *testing.T) {
	w := newWorld(t)
	w.signUp("boss")
	w.admin("boss")
	lock := v1 + "admin/lock/@bob:hs1"
	w.gets(200, `"m.account_moderation":{"lock":true,"suspend":true}`, "boss", "GET", v3+"capabilities", "")
	w.gets(200, `"locked":false`, "boss", "GET", lock, "")
	w.gets(400, "M_MISSING_PARAM", "boss", "PUT", lock, `{}`)
	w.gets(400, "M_INVALID_PARAM", "boss", "GET", v1+"admin/lock/@bob:other", "")
	w.gets(404, "M_NOT_FOUND", "boss", "GET", v1+"admin/lock/@none:hs1", "")
	w.gets(403, "M_FORBIDDEN", "boss", "PUT", v1+"admin/lock/@boss:hs1", `{"locked":true}`)
	w.gets(200, `"locked":true`, "boss", "PUT", lock, `{"locked":true}`)
	w.gets(200, `"locked":true`, "boss", "PUT", lock, `{"locked":true}`)
	for _, path := range []string{v3 + "sync", v3 + "account/whoami", v3 + "rooms/{roomId}/messages?dir=b"} {
		got := w.gets(401, "M_USER_LOCKED", "bob", "GET", path, "")
		if got.Body["soft_logout"] != true {
			t.Errorf("%s: %s has no soft_logout", path, got.Raw)
		}
	}
	w.gets(401, "M_USER_LOCKED", "", "POST", v3+"login", `{"type":"m.login.password","user":"bob","password":"pw"}`)
	w.gets(401, "M_USER_LOCKED", "", "POST", v3+"refresh", `{"refresh_token":"{refresh of bob}"}`)
	w.gets(200, `"locked":false`, "boss", "PUT", lock, `{"locked":false}`)
	w.gets(200, "@bob:hs1", "bob", "GET", v3+"account/whoami", "")
	w.gets(200, `"locked":true`, "boss", "PUT", lock, `{"locked":true}`)
	w.gets(200, "{}", "bob", "POST", v3+"logout", `{}`)
	w.gets(401, "M_UNKNOWN_TOKEN", "bob", "GET", v3+"account/whoami", "")
}

// TestLock_EndsALongPoll: somebody who waits when the lock falls gets nothing of what comes after.
func TestLock_EndsALongPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.signUp("boss")
		w.admin("boss")
		since := w.must("bob", "GET", v3+"sync", "").text("next_batch")
		done := make(chan answer, 1)
		w.app.Group.Go("waits", func(context.Context) error {
			done <- w.ask("bob", "GET", v3+"sync?timeout=30000&since="+url.QueryEscape(since), "")
			return nil
		})
		synctest.Wait()
		w.must("boss", "PUT", v1+"admin/lock/@bob:hs1", `{"locked":true}`)
		w.say("alice", w.vars["roomId"], "after the lock")
		if got := <-done; strings.Contains(string(got.Raw), "after the lock") {
			t.Errorf("a locked account is told %s", got.Raw)
		}
	})
}

func TestSuspension_LetsReadAndLeave(t *testing.T) {
	w := newWorld(t)
	w.signUp("boss")
	w.admin("boss")
	w.vars["mine"] = w.say("bob", w.vars["roomId"], "mine")
	w.must("alice", "PUT", v3+"rooms/{roomId}/state/m.room.power_levels", `{"users":{"@bob:hs1":50}}`)
	w.must("boss", "PUT", v1+"admin/suspend/@bob:hs1", `{"suspended":true}`)
	w.gets(200, `"suspended":true`, "boss", "GET", v1+"admin/suspend/@bob:hs1", "")
	for _, c := range [][3]string{
		{"PUT", v3 + "rooms/{roomId}/send/m.room.message/{txnId}", `{"body":"x"}`}, {"POST", v3 + "createRoom", `{}`}, {"POST", v3 + "join/!x:hs1", `{}`},
		{"POST", v3 + "rooms/{roomId}/invite", `{"user_id":"@mallory:hs1"}`}, {"PUT", v3 + "profile/{userId}/displayname", `{"displayname":"x"}`},
		{"PUT", v3 + "rooms/{roomId}/redact/{eventId}/{txnId}", `{}`}, {"PUT", v3 + "rooms/{roomId}/state/m.room.topic", `{"topic":"x"}`},
		{"POST", v3 + "account/3pid/delete", `{"medium":"email","address":"x@example.org"}`}, {"POST", "/_matrix/media/v3/upload", "x"}, {"POST", v3 + "user/{userId}/openid/request_token", `{}`},
	} {
		w.gets(403, "M_USER_SUSPENDED", "bob", c[0], c[1], c[2])
	}
	w.gets(200, "next_batch", "bob", "GET", v3+"sync", "")
	w.gets(200, "mine", "bob", "GET", v3+"rooms/{roomId}/messages?dir=b", "")
	w.gets(200, "event_id", "bob", "PUT", v3+"rooms/{roomId}/redact/{mine}/{txnId}", `{}`)
	w.gets(200, "access_token", "", "POST", v3+"login", `{"type":"m.login.password","user":"bob","password":"pw"}`)
	w.gets(200, "{}", "bob", "POST", v3+"rooms/{roomId}/leave", `{}`)
	w.gets(200, "{}", "bob", "POST", v3+"logout", `{}`)
}

func TestIgnoring(t *testing.T) {
	w := newWorld(t)
	since := w.must("bob", "GET", v3+"sync", "").text("next_batch")
	w.must("bob", "PUT", v3+"user/{userId}/account_data/m.ignored_user_list", `{"ignored_users":{"@alice:hs1":{}}}`)
	w.say("alice", w.vars["roomId"], "unheard")
	w.must("alice", "PUT", v3+"rooms/{roomId}/state/m.room.topic", `{"topic":"the topic"}`)
	w.make("alice", `{"name":"Invitation","invite":["@bob:hs1"]}`)
	got := string(w.must("bob", "GET", v3+"sync?since="+url.QueryEscape(since), "").Raw)
	if strings.Contains(got, "unheard") || strings.Contains(got, "Invitation") || !strings.Contains(got, "the topic") {
		t.Errorf("somebody who ignores alice hears %s; want her topic and nothing else", got)
	}
	if !strings.Contains(got, `"notification_count":0`) {
		t.Errorf("what an ignored person said counts as unread: %s", got)
	}
	if got := w.must("bob", "GET", v3+"rooms/{roomId}/messages?dir=b", ""); strings.Contains(string(got.Raw), "unheard") {
		t.Errorf("history has %s", got.Raw)
	}
	w.must("bob", "PUT", v3+"user/{userId}/account_data/m.ignored_user_list", `{"ignored_users":{}}`)
	w.say("alice", w.vars["roomId"], "heard again")
	if got := w.must("bob", "GET", v3+"sync", ""); !strings.Contains(string(got.Raw), "heard again") || !strings.Contains(string(got.Raw), "Invitation") {
		t.Errorf("afterwards bob hears %s", got.Raw)
	}
}

func TestInvitePermission(t *testing.T) {
	w := newWorld(t)
	r := w.make("alice", `{"name":"Before","invite":["@mallory:hs1"]}`)
	_ = r
	w.must("mallory", "PUT", v3+"user/{userId}/account_data/m.invite_permission_config", `{"default_action":"block"}`)
	w.gets(403, "M_INVITE_BLOCKED", "alice", "POST", v3+"rooms/{roomId}/invite", `{"user_id":"@mallory:hs1"}`)
	w.gets(403, "M_INVITE_BLOCKED", "alice", "POST", v3+"createRoom", `{"invite":["@mallory:hs1"]}`)
	w.gets(403, "M_INVITE_BLOCKED", "alice", "PUT", v3+"rooms/{roomId}/state/m.room.member/@mallory:hs1", `{"membership":"invite"}`)
	if got := w.must("mallory", "GET", v3+"sync", ""); strings.Contains(string(got.Raw), "Before") {
		t.Errorf("an older invitation is shown: %s", got.Raw)
	}
	w.must("mallory", "PUT", v3+"user/{userId}/account_data/m.invite_permission_config", `{}`)
	w.gets(200, "{}", "alice", "POST", v3+"rooms/{roomId}/invite", `{"user_id":"@mallory:hs1"}`)
	if got := w.must("mallory", "GET", v3+"sync", ""); !strings.Contains(string(got.Raw), "Before") {
		t.Errorf("the older invitation is gone: %s", got.Raw)
	}
}

func TestDeactivation_WithErasure(t *testing.T) {
	w := newWorld(t)
	w.say("bob", w.vars["roomId"], "what bob said")
	w.must("bob", "POST", v3+"account/deactivate", `{"erase":true,"auth":{"type":"m.login.password","identifier":{"type":"m.id.user","user":"bob"},"password":"pw"}}`)
	w.gets(401, "M_UNKNOWN_TOKEN", "bob", "GET", v3+"account/whoami", "")
	w.gets(403, "M_FORBIDDEN", "", "POST", v3+"login", `{"type":"m.login.password","user":"bob","password":"pw"}`)
	w.gets(404, "M_NOT_FOUND", "", "GET", v3+"profile/@bob:hs1", "")
	w.gets(400, "M_USER_IN_USE", "", "GET", v3+"register/available?username=bob", "")
	if got := w.must("alice", "GET", v3+"rooms/{roomId}/messages?dir=b", ""); !strings.Contains(string(got.Raw), "what bob said") {
		t.Error("who was there before no longer has it")
	}
	w.must("alice", "POST", v3+"rooms/{roomId}/invite", `{"user_id":"@mallory:hs1"}`)
	w.must("mallory", "POST", v3+"join/{roomId}", `{}`)
	for _, path := range []string{v3 + "rooms/{roomId}/messages?dir=b", v3 + "sync"} {
		if got := w.must("mallory", "GET", path, ""); strings.Contains(string(got.Raw), "what bob said") || !strings.Contains(string(got.Raw), "hello") {
			t.Errorf("%s: who came later has %s", path, got.Raw)
		}
	}
}

// letters are what the server would have sent by mail.
func letters(w *world) chan account.Letter {
	out := make(chan account.Letter, 10)
	w.app.Accounts.Mail = func(_ context.Context, l account.Letter) error { out <- l; return nil }
	w.app.Group.Go("post", w.app.Accounts.Post)
	return out
}

func (w *world) follow(l account.Letter) answer {
	w.t.Helper()
	path := regexp.MustCompile(`/_wardline/account/confirm\?\S+`).FindString(l.Body)
	if path == "" {
		w.t.Fatalf("the letter has no link: %q", l.Body)
	}
	w.gets(200, "Confirm", "", "GET", path, "")
	return w.form(path)
}

func TestEmail_ProvesAnAddressAndResetsAPassword(t *testing.T) {
	w := newWorld(t)
	post := letters(w)
	next := func() account.Letter {
		select {
		case l := <-post:
			return l
		case <-time.After(10 * time.Second):
			t.Fatal("no letter comes")
			return account.Letter{}
		}
	}
	ask := func(path string) string {
		return w.must("", "POST", v3+path, `{"client_secret":"s3","email":"Alice@Example.org","send_attempt":1}`).text("sid")
	}
	w.vars["sid"] = ask("account/3pid/email/requestToken")
	if again := ask("account/3pid/email/requestToken"); again != w.vars["sid"] {
		t.Errorf("the same request twice gives %s and %s", w.vars["sid"], again)
	}
	add := `{"sid":"{sid}","client_secret":"s3","auth":{"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"pw"}}`
	w.gets(400, "M_THREEPID_AUTH_FAILED", "alice", "POST", v3+"account/3pid/add", add)
	w.follow(next())
	w.gets(200, "{}", "alice", "POST", v3+"account/3pid/add", add)
	w.gets(200, `"address":"alice@example.org"`, "alice", "GET", v3+"account/3pid", "")
	w.gets(400, "M_THREEPID_AUTH_FAILED", "alice", "POST", v3+"account/3pid/add", add) // it was used
	w.gets(200, "access_token", "", "POST", v3+"login", `{"type":"m.login.password","identifier":{"type":"m.id.thirdparty","medium":"email","address":"alice@example.org"},"password":"pw"}`)
	w.gets(403, "M_FORBIDDEN", "", "POST", v3+"login", `{"type":"m.login.password","identifier":{"type":"m.id.thirdparty","medium":"email","address":"no@example.org"},"password":"pw"}`)

	// A new password, for somebody who is not signed in.
	w.vars["sid"] = ask("account/password/email/requestToken")
	reset := `{"new_password":"better","auth":{"type":"m.login.email.identity","threepid_creds":{"sid":"{sid}","client_secret":"s3"}}}`
	w.gets(401, "M_THREEPID_AUTH_FAILED", "", "POST", v3+"account/password", reset)
	w.follow(next())
	w.gets(200, "{}", "", "POST", v3+"account/password", reset)
	w.gets(401, "M_UNKNOWN_TOKEN", "alice", "GET", v3+"account/whoami", "")
	w.gets(200, "access_token", "", "POST", v3+"login", `{"type":"m.login.password","user":"alice","password":"better"}`)

	// An address without an account gets a letter that leads nowhere, and the one who asked the same answer.
	w.must("", "POST", v3+"account/password/email/requestToken", `{"client_secret":"s4","email":"nobody@example.org","send_attempt":1}`)
	if l := next(); strings.Contains(l.Body, "http") || l.To != "nobody@example.org" {
		t.Errorf("the letter to an address without an account: %q", l.Body)
	}
	w.gets(429, "M_LIMIT_EXCEEDED", "", "POST", v3+"account/password/email/requestToken", `{"client_secret":"s4","email":"nobody@example.org","send_attempt":2}`)
	for i := range 6 {
		want := map[bool]int{true: 200, false: 429}[i < 5]
		if got := w.ask("", "POST", v3+"account/password/email/requestToken", `{"client_secret":"many`+strconv.Itoa(i)+`","email":"flood@example.org","send_attempt":1}`); got.Status != want {
			t.Errorf("letter %d to one address: %d, want %d", i+1, got.Status, want)
		}
	}
	w.gets(400, "M_INVALID_PARAM", "", "POST", v3+"account/password/email/requestToken", `{"client_secret":"s4","email":"a@b.org\r\nBcc: x@y.org","send_attempt":1}`)
}

func TestProfile_LimitsAndManagedFields(t *testing.T) {
	w := openWith(t, func(c *app.Config) { c.ManagedProfile = "displayname" })
	w.signUp("alice")
	put := func(status int, has, field, body string) {
		t.Helper()
		w.gets(status, has, "alice", "PUT", v3+"profile/{userId}/"+field, body)
	}
	put(403, "M_FORBIDDEN", "displayname", `{"displayname":"x"}`)
	put(200, "{}", "m.tz", `{"m.tz":"Europe/London"}`)
	put(200, "{}", "uk.example.x", `{"uk.example.x":{"a":[1,null]}}`)
	put(200, "{}", "uk.example.nothing", `{"uk.example.nothing":null}`)
	put(400, "M_MISSING_PARAM", "m.tz", `{}`)
	put(400, "M_KEY_TOO_LARGE", strings.Repeat("k", 256), `{}`)
	put(400, "M_INVALID_PARAM", "UPPER", `{"UPPER":1}`)
	put(400, "M_PROFILE_TOO_LARGE", "uk.example.big", `{"uk.example.big":"`+strings.Repeat("x", 64<<10)+`"}`)
	put(200, "{}", "uk.example.big", `{"uk.example.big":"`+strings.Repeat("x", 60<<10)+`"}`)
	put(200, "{}", "uk.example.big", `{"uk.example.big":"`+strings.Repeat("y", 60<<10)+`"}`)
	w.gets(200, `"uk.example.nothing":null`, "", "GET", v3+"profile/@alice:hs1", "")
	w.gets(200, "{}", "alice", "DELETE", v3+"profile/{userId}/m.tz", "")
	w.gets(200, "{}", "alice", "DELETE", v3+"profile/{userId}/m.tz", "")
	w.gets(404, "M_NOT_FOUND", "", "GET", v3+"profile/@alice:hs1/m.tz", "")
	w.gets(200, `"m.profile_fields":{"disallowed":["displayname"],"enabled":true}`, "alice", "GET", v3+"capabilities", "")
	w.gets(200, `"m.set_displayname":{"enabled":false}`, "alice", "GET", v3+"capabilities", "")
}

func TestOpenID_SaysWhoSomebodyIs(t *testing.T) {
	w := newWorld(t)
	token := w.must("alice", "POST", v3+"user/{userId}/openid/request_token", `{}`).text("access_token")
	w.gets(200, `{"sub":"@alice:hs1"}`, "", "GET", "/_matrix/federation/v1/openid/userinfo?access_token="+token, "")
	w.gets(401, "M_UNKNOWN_TOKEN", "", "GET", "/_matrix/federation/v1/openid/userinfo?access_token=x", "")
	w.gets(401, "M_MISSING_TOKEN", "", "GET", "/_matrix/federation/v1/openid/userinfo", "")
	w.gets(401, "M_UNKNOWN_TOKEN", token, "GET", v3+"sync", "")
	w.gets(401, "M_UNKNOWN_TOKEN", "", "GET", "/_matrix/federation/v1/openid/userinfo?access_token="+w.tokens["alice"], "")
	w.must("alice", "POST", v3+"logout", `{}`)
	w.gets(401, "M_UNKNOWN_TOKEN", "", "GET", "/_matrix/federation/v1/openid/userinfo?access_token="+token, "")
}

// TestAccounts_StrangeCharacters sends what only one engine can keep, and other nonsense: nobody hears that the server made a mistake.
func TestAccounts_StrangeCharacters(t *testing.T) {
	w := oauthWorld(t, func(c *app.Config) { c.RegistrationTokens = true })
	w.admin("bob")
	_ = letters(w)
	for _, c := range []struct{ who, method, path, body string }{
		{"", "POST", v3 + "login", `{"type":"m.login.password","user":"\u0000","password":"\u0000"}`},
		{"", "POST", v3 + "login", `{"type":"m.login.password","user":"alice","password":"pw","device_id":"\u0000","initial_device_display_name":"\u0000"}`},
		{"", "POST", v3 + "login", `{"type":"m.login.password","identifier":{"type":"m.id.thirdparty","medium":"email","address":"\u0000"},"password":"x"}`},
		{"", "POST", v3 + "register", `{"username":"\u0000","password":"x"}`},
		{"", "POST", v3 + "register", `{"username":"x","password":"x","auth":{"type":"m.login.registration_token","token":"\u0000"}}`},
		{"", "POST", v3 + "register", `{"username":"x","password":"x","auth":{"type":"m.login.registration_token","token":"\ud800"}}`},
		{"", "GET", v1 + "register/m.login.registration_token/validity?token=%00%ff", ""},
		{"", "POST", v3 + "account/password/email/requestToken", `{"client_secret":"a","email":"\u0000@x.org","send_attempt":1}`},
		{"alice", "POST", v3 + "account/3pid/delete", `{"medium":"\u0000","address":"\u0000"}`},
		{"alice", "POST", v3 + "account/3pid", `{"three_pid_creds":{"sid":"\u0000","client_secret":"\u0000"}}`},
		{"alice", "PUT", v3 + "profile/{userId}/m.x", `{"m.x":"\u0000\ud800"}`},
		{"alice", "PUT", v3 + "profile/{userId}/displayname", `{"displayname":"a\u0000b"}`},
		{"alice", "PUT", v3 + "pushrules/global/content/%00", `{"pattern":"\u0000","actions":[{"set_tweak":"\u0000","value":0.5}]}`},
		{"alice", "PUT", v3 + "pushrules/global/override/x", `{"conditions":[{"kind":"event_match","key":"content.\u0000","pattern":"\ud800"}],"actions":[]}`},
		{"alice", "GET", v3 + "pushrules/global/%00/%ff/actions", ""},
		{"alice", "POST", v3 + "pushers/set", `{"kind":"http","app_id":"\u0000","pushkey":"\u0000","app_display_name":"A","device_display_name":"D","lang":"en","data":{"url":"https://p.example.org/_matrix/push/v1/notify"}}`},
		{"alice", "POST", v3 + "pushers/set", `{"kind":null,"app_id":"\u0000","pushkey":"\u0000"}`},
		{"alice", "GET", v3 + "notifications?from=-1", ""}, {"alice", "GET", v3 + "notifications?from=99999999999999999999", ""}, {"alice", "GET", v3 + "notifications?limit=99999999999999999999", ""},
		{"alice", "POST", v3 + "users/%00/report", `{"reason":"\u0000"}`}, {"alice", "POST", v3 + "users/@bob:hs1/report", `{"reason":"\u0000"}`},
		{"alice", "POST", v3 + "rooms/!%00:hs1/report", `{"reason":"x"}`}, {"alice", "GET", v1 + "mutual_rooms?user_id=@%00:hs1", ""}, {"alice", "GET", v1 + "mutual_rooms?user_id=@bob:hs1&from=%00", ""},
		{"alice", "GET", v3 + "presence/%00/status", ""}, {"alice", "PUT", v3 + "user/{userId}/account_data/m.ignored_user_list", `{"ignored_users":[1]}`},
		{"alice", "PUT", v3 + "user/{userId}/account_data/m.invite_permission_config", `{"default_action":7}`}, {"alice", "GET", v3 + "sync", ""},
		{"", "POST", "/_oauth/register", `{"client_uri":"https://x.example.org","client_name":"\u0000","redirect_uris":["https://x.example.org/\u0000"]}`},
		{"", "POST", "/_oauth/register", `{"client_uri":"https://x.example.org","client_name":"\u0000","redirect_uris":["https://x.example.org/"],"grant_types":["authorization_code"]}`},
		{"", "GET", "/_oauth/authorise?client_id=%00&redirect_uri=%ff", ""}, {"", "GET", "/_oauth/link?user_code=%00%ff", ""},
		{"bob", "GET", adm2 + "users?name=%00&from=99999999999", ""}, {"bob", "GET", adm2 + "users/@%00:hs1", ""}, {"bob", "PUT", adm2 + "users/@%00:hs1", `{}`},
		{"bob", "PUT", adm2 + "users/@alice:hs1", `{"displayname":"\u0000","avatar_url":"\u0000"}`}, {"bob", "GET", adm1 + "rooms?search_term=%00&from=99999999999", ""},
		{"bob", "GET", adm1 + "rooms/!%00:hs1", ""}, {"bob", "DELETE", adm1 + "rooms/!%00:hs1", `{"block":true}`}, {"bob", "POST", adm1 + "media/quarantine/hs1/%00", ""},
		{"bob", "POST", adm1 + "user/%00/media/quarantine", ""}, {"bob", "GET", adm1 + "registration_tokens/%00", ""}, {"bob", "DELETE", adm1 + "registration_tokens/%00", ""},
		{"bob", "POST", adm1 + "registration_tokens/new", `{"expiry_time":9223372036854775807,"uses_allowed":9223372036854775807}`},
		{"bob", "GET", adm1 + "event_reports?user_id=%00&room_id=%00&from=99999999999", ""}, {"bob", "GET", adm1 + "event_reports/9223372036854775807", ""},
		{"bob", "GET", adm1 + "whois/%00", ""},
	} {
		if got := w.ask(c.who, c.method, c.path, c.body); got.Status >= 500 {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, got.Status, got.Raw)
		}
	}
	for _, path := range []string{"/_oauth/token", "/_oauth/revoke", "/_oauth/device", "/_oauth/link", "/_oauth/authorise", "/_wardline/account", "/_wardline/account/sign-in", v3 + "auth/m.login.password/fallback/web", "/_wardline/account/confirm"} {
		for _, grant := range []string{"authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code", "x"} {
			got := w.post(path, url.Values{"grant_type": {grant}, "code": {"\x00"}, "refresh_token": {"\xff"}, "device_code": {"\x00"}, "client_id": {"\x00"}, "token": {"\x00"}, "user_code": {"\x00BCDFGHJK"},
				"user": {"\x00"}, "password": {"\x00"}, "answer": {"yes"}, "sid": {"\x00"}, "session": {"\x00"}, "scope": {"\x00"}})
			if got.Status >= 500 {
				t.Errorf("%s with %s: %d %s", path, grant, got.Status, got.Raw)
			}
		}
	}
}
