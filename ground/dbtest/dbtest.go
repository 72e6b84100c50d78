// Package dbtest gives tests a real database: a temporary SQLite file always, and PostgreSQL as well when one is at hand.
//
// It promises a fresh, migrated database that is closed when the test ends. PostgreSQL is used when WARDLINE_TEST_POSTGRES holds a
// URL; each test then gets a schema of its own, which may be a copy of another. Look first at Each.
package dbtest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wardline/ground/db"
)

// Env names the variable that holds the URL of a PostgreSQL database in which schemas may be made.
const Env = "WARDLINE_TEST_POSTGRES"

// Each runs the test on every engine at hand.
func Each(t *testing.T, fn func(t *testing.T, d *db.DB), migrations ...db.Migrations) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, SQLite(t, migrations...)) })
	if os.Getenv(Env) != "" {
		t.Run("postgres", func(t *testing.T) { fn(t, Postgres(t, migrations...)) })
	}
}

// SQLite returns a fresh SQLite database.
func SQLite(t testing.TB, migrations ...db.Migrations) *db.DB {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "test.db"), migrations)
}

// Postgres returns a database in a fresh schema of the server named by WARDLINE_TEST_POSTGRES; the test is skipped without one.
func Postgres(t testing.TB, migrations ...db.Migrations) *db.DB {
	t.Helper()
	base := os.Getenv(Env)
	if base == "" {
		t.Skip(Env + " is not set: see `make test`")
	}
	source, drop := Source(t)
	t.Cleanup(drop)
	return open(t, source, migrations)
}

// Source makes a fresh schema and returns the URL that names it, and what drops it again; "" without PostgreSQL. It serves tests that
// open a database more than once.
func Source(t testing.TB) (source string, drop func()) {
	t.Helper()
	base := os.Getenv(Env)
	if base == "" {
		return "", func() {}
	}
	s := newSchema()
	if err := db.PostgresSchema(context.Background(), base, s, true); err != nil {
		t.Fatalf("make schema: %v", err)
	}
	return within(t, base, s)
}

// Copy is Source with everything committed to the database that another Source named.
func Copy(t testing.TB, of string) (source string, drop func()) {
	t.Helper()
	u, err := url.Parse(of)
	if err != nil {
		t.Fatalf("parse %s: %v", of, err)
	}
	base, s := os.Getenv(Env), newSchema()
	if err := db.CopyPostgresSchema(context.Background(), base, u.Query().Get("search_path"), s); err != nil {
		t.Fatalf("copy schema: %v", err)
	}
	return within(t, base, s)
}

func newSchema() string { return "t_" + strings.ToLower(rand.Text()[:12]) }

// within returns the URL that names a schema, and what drops it.
func within(t testing.TB, base, schema string) (source string, drop func()) {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatalf("parse %s: %v", Env, err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String(), func() {
		if err := db.PostgresSchema(context.Background(), base, schema, false); err != nil {
			t.Errorf("drop schema: %v", err)
		}
	}
}

func open(t testing.TB, source string, migrations []db.Migrations) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), source)
	if err != nil {
		t.Fatalf("open %s: %v", source, err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close database: %v", err)
		}
	})
	if err := d.Migrate(context.Background(), migrations...); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	return d
}
