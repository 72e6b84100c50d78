package stream_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/ground/run"
	"wardline/ground/stream"
)

func TestConsumer_SeesEveryPositionOnceAcrossAFailure(t *testing.T) {
	d := dbtest.SQLite(t, stream.Migrations())
	var bell stream.Bell
	var seen []int64
	all := make(chan struct{})
	fails := 0
	c := &stream.Consumer{Name: "test", DB: d, Bell: &bell, Step: func(ctx context.Context, tx *db.Tx, from, to int64) (int64, error) {
		if from == 3 && fails == 0 {
			fails++
			return 0, errors.New("once")
		}
		tx.AfterCommit(func() {
			if seen = append(seen, from+1); from+1 == 6 {
				close(all)
			}
		})
		return from + 1, nil
	}}
	advance := func() {
		if err := d.Write(t.Context(), "advance", func(_ context.Context, tx *db.Tx) error {
			tx.Position()
			tx.AfterCommit(bell.Ring)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	for range 4 {
		advance()
	}
	if err := c.Run(t.Context()); err == nil {
		t.Fatal("a failing step ended without an error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := run.All(t.Context(), func(context.Context) error { return c.Run(ctx) }, func(context.Context) error {
		advance()
		advance()
		<-all
		cancel()
		return nil
	})
	if want := []int64{1, 2, 3, 4, 5, 6}; err != nil || !slices.Equal(seen, want) {
		t.Errorf("saw %v (%v), want %v", seen, err, want)
	}
}
