package db_test

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/run"
)

type write = func(ctx context.Context, act string, fn func(ctx context.Context, tx *db.Tx) error) error

// crowded runs fns while one act holds the disk; the act ends when all of them wait or have been refused.
func crowded(t *testing.T, fns func(d *db.DB) []func(context.Context) error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "w.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if err := d.Migrate(t.Context(), notes); err != nil {
			t.Fatal(err)
		}
		busy, begun := make(chan struct{}), make(chan struct{})
		all := []func(context.Context) error{func(ctx context.Context) error {
			return d.Write(ctx, "busy", func(context.Context, *db.Tx) error { close(begun); <-busy; return nil })
		}, func(context.Context) error {
			synctest.Wait()
			close(busy)
			return nil
		}}
		for _, fn := range fns(d) {
			all = append(all, func(ctx context.Context) error { <-begun; return fn(ctx) })
		}
		if err := run.All(t.Context(), all...); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWrite_PagesFirstHistoryLast(t *testing.T) {
	const messages, old = 600, 40
	var order []string // acts run one after another
	crowded(t, func(d *db.DB) (fns []func(context.Context) error) {
		add := func(w write, name string) {
			fns = append(fns, func(ctx context.Context) error {
				return w(ctx, name, func(context.Context, *db.Tx) error { order = append(order, name); return nil })
			})
		}
		for range messages {
			add(d.Write, "message")
		}
		for range old {
			add(d.WriteLast, "history")
		}
		add(d.WriteFirst, "page")
		return fns
	})
	if len(order) != messages+old+1 || order[0] != "page" {
		t.Fatalf("%d acts, %q first; want %d and the page first", len(order), order[0], messages+old+1)
	}
	n := 0
	for _, name := range order[:256] {
		if name == "history" {
			n++
		}
	}
	if n != 16 {
		t.Errorf("%d of %d old things in the first full batch, want 16: they neither hold messages up nor wait for all of them", n, old)
	}
}

func TestWrite_Flood(t *testing.T) {
	const flood, room = 3000, 2048
	var done, refused, paged atomic.Int64
	crowded(t, func(d *db.DB) (fns []func(context.Context) error) {
		for range flood {
			fns = append(fns, func(ctx context.Context) error {
				err := d.Write(ctx, "message", func(context.Context, *db.Tx) error { done.Add(1); return nil })
				if f := fault.As(err); f == nil || f.Kind != fault.Limited || f.RetryAfter <= 0 {
					return err
				}
				if refused.Add(1) > 1 {
					return nil
				}
				return d.WriteFirst(ctx, "page", func(context.Context, *db.Tx) error { paged.Add(1); return nil })
			})
		}
		return fns
	})
	if done.Load() != room || refused.Load() != flood-room || paged.Load() != 1 {
		t.Errorf("%d done, %d refused, %d pages in; want %d, %d and 1", done.Load(), refused.Load(), paged.Load(), room, flood-room)
	}
}
