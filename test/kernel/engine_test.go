package kernel

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"

	"wardline/app"
	"wardline/ground/db"
	"wardline/ground/dbtest"
)

// eachEngine runs a test in a world on SQLite, and in one on PostgreSQL where that is at hand.
func eachEngine(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Run("sqlite", func(t *testing.T) { fn(t, newWorld(t)) })
	base := os.Getenv(dbtest.Env)
	if base == "" {
		return
	}
	t.Run("postgres", func(t *testing.T) {
		schema := "k_" + strings.ToLower(rand.Text()[:12])
		if err := db.PostgresSchema(t.Context(), base, schema, true); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.PostgresSchema(context.Background(), base, schema, false) })
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		q.Set("search_path", schema)
		u.RawQuery = q.Encode()
		w := openAs(t, app.Config{ServerName: "hs1", Data: t.TempDir(), Database: u.String(), MaxUpload: 1 << 16, OpenRegistration: true, RegistrationSecret: "s", NoRateLimits: true})
		fn(t, w.settle())
	})
}
