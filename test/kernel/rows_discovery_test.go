package kernel

import (
	"strings"
	"testing"
	"time"

	"wardline/app"
)

var discoveryRows = []row{
	{route: "GET /.well-known/matrix/client", has: `"base_url"`},
	{route: "GET /.well-known/matrix/support", want: 404, has: "M_NOT_FOUND"},
	{route: "GET /.well-known/matrix/policy_server", want: 404, has: "M_NOT_FOUND"},
	{route: "GET " + v3 + "voip/turnServer", who: "alice", has: "{}"},
	{route: "GET /_matrix/client/unstable/org.matrix.msc4143/rtc/transports", who: "alice", has: `"rtc_transports":[]`},
}

// openWith is a world with other settings and nobody in it.
func openWith(t *testing.T, change func(*app.Config)) *world {
	t.Helper()
	c := app.Config{EncryptedRooms: "team,social,other", ServerName: "hs1", Data: t.TempDir(), MaxUpload: 1 << 16, NoRateLimits: true}
	change(&c)
	return openAs(t, c)
}

func TestDiscovery_SaysWhatIsConfigured(t *testing.T) {
	w := openWith(t, func(c *app.Config) {
		c.PublicURL, c.LiveKitURL = "https://chat.example.org/", "https://calls.example.org"
		c.SupportPage, c.SupportSecurityEmail = "https://example.org/help", "safe@example.org"
		c.TurnURIs, c.TurnSecret, c.TurnLife = "turn:t.example.org,turns:t.example.org", "north", time.Hour
	})
	w.signUp("alice")
	for path, want := range map[string]string{
		"/.well-known/matrix/client":  `{"m.homeserver":{"base_url":"https://chat.example.org"},"org.matrix.msc4143.rtc_foci":[{"livekit_service_url":"https://calls.example.org","type":"livekit"}]}`,
		"/.well-known/matrix/support": `{"contacts":[{"email_address":"safe@example.org","role":"m.role.security"}],"support_page":"https://example.org/help"}`,
	} {
		if got := w.must("", "GET", path, ""); string(got.Raw) != want {
			t.Errorf("%s: got %s, want %s", path, got.Raw, want)
		}
	}
	if got := w.must("alice", "GET", "/_matrix/client/unstable/org.matrix.msc4143/rtc/transports", ""); !strings.Contains(string(got.Raw), "calls.example.org") {
		t.Errorf("transports: %s", got.Raw)
	}
	turn := w.must("alice", "GET", v3+"voip/turnServer", "")
	if turn.Body["ttl"] != 3600.0 || len(turn.Body["uris"].([]any)) != 2 || !strings.HasSuffix(turn.text("username"), ":@alice:hs1") || turn.text("password") == "" {
		t.Errorf("relay: %s", turn.Raw)
	}
}
