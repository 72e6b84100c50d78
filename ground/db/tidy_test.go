package db_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wardline/ground/db"
	"wardline/ground/run"
)

func TestTidy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "w.db")
		d, err := db.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if err := d.Migrate(t.Context(), notes); err != nil {
			t.Fatal(err)
		}
		const rows, each = 300, 1000
		for i := range rows {
			err := d.Write(t.Context(), "note.add", func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Exec(ctx, addNote, tx.Position(), fmt.Sprint(i, strings.Repeat("x", each)))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		size := func() int64 {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			return info.Size()
		}
		if before := size(); before > rows*each {
			t.Fatalf("the file has %d bytes before it is tidied, so this test shows nothing", before)
		}
		ctx, cancel := context.WithCancel(t.Context())
		err = run.All(t.Context(), func(context.Context) error { return d.Tidy(ctx) }, func(context.Context) error {
			<-time.After(2 * time.Second)
			cancel()
			return nil
		})
		if err != nil {
			t.Fatalf("Tidy = %v after its context ended, want nil", err)
		}
		if after := size(); after < rows*each {
			t.Errorf("two seconds on the file has %d bytes, want the %d rows of %d in it", after, rows, each)
		}
		if n := count(t, d); n != rows {
			t.Errorf("%d rows, want %d", n, rows)
		}
	})
}

// The log would grow for as long as there is never a pause, if nobody held the writer for a moment.
func TestTidyBeginsTheLogAnewWhileOthersWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.db")
	d, err := db.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Migrate(t.Context(), notes); err != nil {
		t.Fatal(err)
	}
	const rows, each = 1400, 50_000 // less than the writer would take to begin it anew by itself
	ctx, cancel := context.WithCancel(t.Context())
	text := strings.Repeat("x", each)
	err = run.All(t.Context(), func(context.Context) error { return d.Tidy(ctx) }, func(context.Context) error {
		defer cancel()
		for i := range rows {
			err := d.Write(t.Context(), "note.add", func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Exec(ctx, addNote, tx.Position(), fmt.Sprint(i, text))
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	// spec: https://www.sqlite.org/fileformat2.html#walformat: how often the log has begun anew
	if n := binary.BigEndian.Uint32(log[12:]); n == 0 {
		t.Errorf("the log has %d bytes and never began anew", len(log))
	}
	if n := count(t, d); n != rows {
		t.Errorf("%d rows, want %d", n, rows)
	}
}
