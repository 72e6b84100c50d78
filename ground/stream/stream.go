// Package stream carries what happened to whoever must act on it: bells that wake the waiting, and consumers that read on from where they stopped.
//
// It promises that a consumer sees every position at least once and in order, its cursor stored in the same transaction as its
// effects, across any crash. Memory carries only the wake-up "there is something up to n"; the facts are read from the database.
// It refuses to queue: a bell rung twice before anyone looks is one ring. Look first at Bell and Consumer.
package stream

import (
	"context"
	"embed"
	"fmt"
	"sync"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the schema of the cursors.
func Migrations() db.Migrations { return db.Migrations{Package: "stream", FS: schema} }

// Bell wakes everyone who waits, at once. The zero value is ready.
type Bell struct {
	mu sync.Mutex // guards ch
	ch chan struct{}
}

// Ring wakes all current waiters. It never blocks.
func (b *Bell) Ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}

// Wait returns a channel that is closed at the next Ring. Take it before looking at the facts, or a ring between is missed.
func (b *Bell) Wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

// Consumer reads the stream in order and keeps its place.
type Consumer struct {
	Name string
	DB   *db.DB
	Bell *Bell // rung after commits that may concern it
	// Pause is how long to let positions gather after a ring, 0 for none: a consumer that nobody waits for costs less in batches.
	Pause time.Duration
	// Step handles what lies after position from, up to at most to, and returns how far it came. It runs inside tx, which also
	// stores the cursor. It may do less than asked; it must make progress or fail.
	Step func(ctx context.Context, tx *db.Tx, from, to int64) (int64, error)
}

var (
	readCursor = db.SQL("stream.read_cursor", `SELECT pos FROM stream_cursor WHERE name = $1`)
	saveCursor = db.SQL("stream.save_cursor", `INSERT INTO stream_cursor (name, pos) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET pos = excluded.pos`)
)

// Run reads until ctx ends. An error of Step ends Run; the supervisor starts it again from the stored cursor.
func (c *Consumer) Run(ctx context.Context) error {
	at, err := db.One(ctx, c.DB, readCursor, db.Scalar[int64], c.Name)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	for {
		ring := c.Bell.Wait()
		for head := c.DB.Position(); at < head; head = c.DB.Position() {
			err := c.DB.WriteLast(ctx, "stream."+c.Name, func(ctx context.Context, tx *db.Tx) error {
				to, err := c.Step(ctx, tx, at, head)
				if err != nil {
					return err
				}
				if to <= at {
					return fmt.Errorf("consumer made no progress at position %d", at)
				}
				at = to
				_, err = tx.Exec(ctx, saveCursor, c.Name, to)
				return err
			})
			if err != nil {
				return fmt.Errorf("consume %s: %w", c.Name, err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ring:
		}
		if c.Pause > 0 {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(c.Pause):
			}
		}
	}
}
