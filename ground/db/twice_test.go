package db_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/ground/fault"
)

// TestOpen_Twice starts two programs on one database: the second is refused. On PostgreSQL, where the lock ends with a connection, the second may
// come in when the first has lost its own; then the first writes no more, not even when the second has gone again.
//
// hazard: H18 clock skew reorders events
func TestOpen_Twice(t *testing.T) {
	add := func(d *db.DB, body string) error {
		return d.Write(context.Background(), "note.add", func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, addNote, tx.Position(), body)
			return err
		})
	}
	open := func(t *testing.T, source string) *db.DB {
		t.Helper()
		d, err := db.Open(t.Context(), source)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		if err := d.Migrate(t.Context(), notes); err != nil {
			t.Fatal(err)
		}
		return d
	}
	refused := func(t *testing.T, err error) {
		t.Helper()
		if !fault.Is(err, fault.Unavailable) {
			t.Fatalf("got %v, want Unavailable", err)
		}
	}
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "w.db")
		first := open(t, path)
		_, err := db.Open(t.Context(), path)
		refused(t, err)
		if err := add(first, "goes on"); err != nil {
			t.Fatal(err)
		}
	})
	if os.Getenv(dbtest.Env) == "" {
		return
	}
	t.Run("postgres", func(t *testing.T) {
		direct, drop := dbtest.Source(t)
		t.Cleanup(drop)
		w, through := newWire(t, direct)
		first := open(t, through)
		if err := add(first, "first"); err != nil {
			t.Fatal(err)
		}
		_, err := db.Open(t.Context(), direct)
		refused(t, err)
		if err := add(first, "goes on"); err != nil {
			t.Fatal(err)
		}
		w.next.Store(cutAll)
		refused(t, add(first, "lost"))
		w.closed.Store(true) // the first cannot come back before the second is there
		second := open(t, direct)
		if err := add(second, "second"); err != nil {
			t.Fatal(err)
		}
		w.closed.Store(false)
		<-time.After(300 * time.Millisecond) // longer than callers are refused without a try
		refused(t, add(first, "beside the second"))
		if n := count(t, second); n != 3 { // what was lost on the way is not there
			t.Errorf("%d rows, want 3", n)
		}
		if err := second.Close(); err != nil {
			t.Fatal(err)
		}
		<-time.After(300 * time.Millisecond)
		refused(t, add(first, "after the second"))
	})
}
