package scenario

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"wardline/clinical/demo"
	"wardline/ground/dbtest"
)

// store is what a ward has written and would find again after a crash.
type store interface {
	// source is what db.Open takes.
	source() string
	// fill puts a ward with its people on duty into it.
	fill(t testing.TB)
	// copy returns another with what a crash at this instant would leave. Errors end nothing, they are the test's.
	copy(t testing.TB) store
	// drop forgets it.
	drop()
}

// pattern is a ward that was staffed once. Every ward of the process begins as a copy of it, because making the tables and staffing them
// anew took most of the time of all scenarios.
type pattern struct {
	sync.Mutex // guards the rest
	at         time.Time
	data       []byte // SQLite: the file
	url        string // PostgreSQL: what names its schema
}

var onFile, onServer pattern

// people fills an empty store, without letting any clock run.
func people(t testing.TB, s store) {
	t.Helper()
	w := &Ward{T: t, store: s, Log: &Log{}, Browsers: &browsers{}}
	w.log = slog.New(slog.NewTextHandler(w.Log, nil))
	w.build()
	if err := demo.Staff(context.Background(), w.seed(), time.Now()); err != nil {
		t.Fatalf("staff the ward: %v", err)
	}
	w.shut()
}

// liteStore is a SQLite file in a folder.
type liteStore struct{ dir string }

func (f *liteStore) source() string { return filepath.Join(f.dir, "wardline.db") }

func (f *liteStore) fill(t testing.TB) {
	t.Helper()
	onFile.Lock()
	defer onFile.Unlock()
	if !onFile.at.Equal(time.Now()) { // a bubble's time always begins alike; a benchmark's does not
		fresh := &liteStore{dir: t.TempDir()}
		people(t, fresh)
		raw, err := os.ReadFile(fresh.source())
		if err != nil {
			t.Fatalf("read the pattern: %v", err)
		}
		onFile.at, onFile.data = time.Now(), raw
	}
	if err := os.WriteFile(f.source(), onFile.data, 0o600); err != nil {
		t.Fatalf("write the pattern: %v", err)
	}
}

func (f *liteStore) copy(t testing.TB) store {
	t.Helper()
	copied := &liteStore{dir: t.TempDir()}
	for _, name := range []string{"wardline.db", "wardline.db-wal"} {
		raw, err := os.ReadFile(filepath.Join(f.dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(copied.dir, name), raw, 0o600)
		}
		if err != nil {
			t.Errorf("copy %s: %v", name, err)
		}
	}
	return copied
}

func (f *liteStore) drop() {} // the test's folders go with it

// pgStore is a schema of a PostgreSQL, which is another machine: its answers are waited for in real time, in which no time of the bubble
// passes, because a goroutine that reads from a socket is not at rest.
type pgStore struct {
	url  string
	gone func()
}

func (s *pgStore) source() string { return s.url }

func (s *pgStore) fill(t testing.TB) {
	t.Helper()
	onServer.Lock()
	defer onServer.Unlock()
	if !onServer.at.Equal(time.Now()) {
		fresh := &pgStore{}
		fresh.url, _ = dbtest.Source(t) // stays for the whole process: the PostgreSQL is the tests' own
		people(t, fresh)
		onServer.at, onServer.url = time.Now(), fresh.url
	}
	s.url, s.gone = dbtest.Copy(t, onServer.url)
}

func (s *pgStore) copy(t testing.TB) store {
	t.Helper()
	copied := &pgStore{}
	copied.url, copied.gone = dbtest.Copy(t, s.url)
	return copied
}

func (s *pgStore) drop() { s.gone() }
