package db_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/ground/fault"
	"wardline/ground/run"
)

var notes = db.Migrations{Package: "note", FS: fstest.MapFS{"schema/0001_note.sql": {Data: []byte(
	`-- A table; with a semicolon in this comment.
CREATE TABLE note (pos BIGINT PRIMARY KEY, body TEXT NOT NULL UNIQUE);`)}}}

var (
	addNote   = db.SQL("note.add", `INSERT INTO note (body, pos) VALUES ($2, $1)`)
	countNote = db.SQL("note.count", `SELECT count(*) FROM note`)
	findNote  = db.SQL("note.find", `SELECT pos FROM note WHERE body = $1`)
)

func count(t *testing.T, q db.Querier) int64 {
	t.Helper()
	n, err := db.One(t.Context(), q, countNote, db.Scalar[int64])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWrite(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		add := func(body string, fail error) error {
			return d.Write(t.Context(), "note.add", func(ctx context.Context, tx *db.Tx) error {
				if _, err := tx.Exec(ctx, addNote, tx.Position(), body); err != nil {
					return err
				}
				return fail
			})
		}
		t.Run("OK many acts at once, positions without gaps though some fail", func(t *testing.T) {
			var woken atomic.Int64
			boom := errors.New("boom")
			fns := make([]func(context.Context) error, 60)
			for i := range fns {
				fns[i] = func(ctx context.Context) error {
					return d.Write(ctx, "note.add", func(ctx context.Context, tx *db.Tx) error {
						tx.AfterCommit(func() { woken.Add(1) })
						if _, err := tx.Exec(ctx, addNote, tx.Position(), fmt.Sprint("n", i)); err != nil {
							return err
						}
						if i%3 == 0 {
							return boom
						}
						return nil
					})
				}
			}
			if err := run.All(t.Context(), ignore(boom, fns)...); err != nil {
				t.Fatal(err)
			}
			if got := count(t, d); got != 40 || d.Position() != 40 || woken.Load() != 40 {
				t.Errorf("got %d rows, position %d, %d wake-ups; want 40 of each", got, d.Position(), woken.Load())
			}
		})
		t.Run("ErrConstraint harms no later act", func(t *testing.T) {
			if err := add("n1", nil); err == nil {
				t.Fatal("a second row with the same body was accepted")
			}
			if err := add("later", nil); err != nil {
				t.Fatal(err)
			}
		})
		t.Run("ErrPanic is an error of its own act", func(t *testing.T) {
			var undone bool
			err := d.Write(t.Context(), "x", func(_ context.Context, tx *db.Tx) error { tx.OnUndo(func() { undone = true }); panic("oh") })
			if err == nil || !undone {
				t.Fatalf("got %v, undone %v", err, undone)
			}
		})
		t.Run("ErrCancelled before it starts", func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			ran := false
			err := d.Write(ctx, "x", func(context.Context, *db.Tx) error { ran = true; return nil })
			if ran == (err != nil) {
				t.Errorf("ran %v with error %v: an act is either done or refused", ran, err)
			}
		})
		t.Run("ErrNotFound for a missing row", func(t *testing.T) {
			_, err := db.One(t.Context(), d, findNote, db.Scalar[int64], "nothing")
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("got %v", err)
			}
		})
	}, notes)
}

func ignore(harmless error, fns []func(context.Context) error) []func(context.Context) error {
	for i, fn := range fns {
		fns[i] = func(ctx context.Context) error {
			if err := fn(ctx); !errors.Is(err, harmless) {
				return err
			}
			return nil
		}
	}
	return fns
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "w.db")
	d, err := db.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Migrate(t.Context(), notes); err != nil {
		t.Fatal(err)
	}
	if err := d.Write(t.Context(), "x", func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, addNote, tx.Position(), "kept")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Run("ErrUnavailable while another has it", func(t *testing.T) {
		if _, err := db.Open(t.Context(), path); !fault.Is(err, fault.Unavailable) {
			t.Errorf("got %v", err)
		}
	})
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	t.Run("OK what was written is there, position too", func(t *testing.T) {
		d, err := db.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if err := d.Migrate(t.Context(), notes); err != nil {
			t.Fatal(err)
		}
		if d.Position() != 1 || count(t, d) != 1 {
			t.Errorf("position %d, rows %d", d.Position(), count(t, d))
		}
	})
	t.Run("ErrUnavailable for an older program", func(t *testing.T) {
		d, err := db.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if err := d.Migrate(t.Context()); !fault.Is(err, fault.Unavailable) {
			t.Errorf("got %v", err)
		}
	})
}

func TestTry(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		boom := errors.New("boom")
		var undone, shown, first, last int64
		err := d.Write(t.Context(), "note.try", func(ctx context.Context, tx *db.Tx) error {
			put := func(body string) error {
				_, err := tx.Exec(ctx, addNote, tx.Position(), body)
				return err
			}
			first = tx.LastPosition()
			if err := put("whole"); err != nil {
				return err
			}
			if err := tx.Try(ctx, func() error {
				tx.OnUndo(func() { undone++ })
				tx.OnCommit(func() { shown += 100 })
				if err := put("lost"); err != nil {
					return err
				}
				return errors.Join(tx.Try(ctx, func() error { return put("lost within") }), boom)
			}); !errors.Is(err, boom) {
				t.Errorf("got %v", err)
			}
			if err := tx.Try(ctx, func() error { // a statement that the engine refuses
				_, err := tx.Exec(ctx, addNote, first+1, "twice")
				return err
			}); err == nil {
				t.Error("one position was taken twice")
			}
			last = tx.LastPosition()
			tx.OnCommit(func() { shown++ })
			return tx.Try(ctx, func() error { return put("kept") })
		})
		if err != nil || last != first+1 || undone != 1 || shown != 1 || count(t, d) != 2 {
			t.Errorf("%v; positions %d to %d, undone %d, shown %d, %d notes", err, first, last, undone, shown, count(t, d))
		}
	}, notes)
}
