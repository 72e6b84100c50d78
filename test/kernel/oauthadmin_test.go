package kernel

import (
	"context"
	"testing"

	"wardline/clinical/directory"
	"wardline/ground/db"
)

// An administrator who lets an app act for them has not made it an administrator: what they allowed is to read and write as them.
func TestOAuth_AnAppIsNoAdministrator(t *testing.T) {
	w := oauthWorld(t)
	w.admin("alice")
	err := w.app.DB.Write(t.Context(), "person", func(ctx context.Context, tx *db.Tx) error {
		return directory.SavePerson(ctx, tx, directory.Person{User: "@alice:hs1", Name: "Alice"})
	})
	if err != nil {
		t.Fatal(err)
	}
	v := asked(w.register(webApp), "https://app.example.org/back", scope)
	w.tokens["app"] = w.tokensFor(v, w.allow(v, "alice")).text("access_token")
	w.must("app", "GET", v3+"account/whoami", "")
	for _, c := range []struct{ method, path, body string }{
		{"GET", v3 + "admin/whois/@bob:hs1", ""},
		{"GET", "/_synapse/admin/v2/users", ""},
		{"GET", "/_wardline/v1/staff", ""},
		{"POST", "/_wardline/v1/staff/@bob:hs1/leave", "{}"},
		{"POST", "/_wardline/v1/staff/@bob:hs1/link", "{}"},
		{"POST", "/_wardline/v1/rota/feeds", `{"name":"x","kind":"ical","url":"https://example.org/"}`},
	} {
		if got := w.ask("app", c.method, c.path, c.body); got.Status != 403 && got.Status != 404 {
			t.Errorf("%s %s by an app: %d %s", c.method, c.path, got.Status, got.Raw)
		}
		if got := w.ask("alice", c.method, c.path, c.body); c.method == "GET" && got.Status != 200 {
			t.Errorf("%s %s by the administrator: %d %s", c.method, c.path, got.Status, got.Raw)
		}
	}
}
