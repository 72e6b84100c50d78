package db

import (
	"context"
	"fmt"
	"time"
)

// SQLite appends a commit to its log (the WAL) and copies the log's pages into the file later: a checkpoint. If the writer did that
// itself, everybody who sends would wait for the slowest thing a disk does, so Tidy does it beside the writer, on a connection of its
// own. The writer's own checkpoint, at walPages, is what keeps the log from growing for ever when there is never a quiet moment: it
// finds almost everything copied, copies the rest while nothing can be added, and the log begins anew.
const (
	// pageSize is the bytes of a page in a new file. Half of SQLite's usual, because most of what a message writes is whole pages of
	// indexes in which it changes one entry.
	pageSize = "2048"
	walPages = "16000" // about 32 MB of log
	tidyEach = 300 * time.Millisecond
)

// Tidy copies what was committed from SQLite's log into its file, three times a second while there is any. It returns when ctx ends; on
// PostgreSQL, which does this itself, at once.
func (d *DB) Tidy(ctx context.Context) error {
	if d.postgres {
		return nil
	}
	tick := time.NewTicker(tidyEach)
	defer tick.Stop()
	for done := int64(0); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := d.batches.Load()
		if now == done {
			continue
		}
		if _, err := d.readers.ExecContext(ctx, `PRAGMA wal_checkpoint(PASSIVE)`); err != nil && ctx.Err() == nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
		done = now
	}
}
