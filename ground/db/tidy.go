package db

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"time"
)

// SQLite appends a commit to its log (the WAL) and copies the log's pages into the file later: a checkpoint. The log begins anew at the
// first commit that finds all of it copied and the file on the disk. While acts follow each other that moment never comes by itself, so
// somebody has to make it while nothing can be added, and everybody who sends waits meanwhile. Tidy keeps that moment short: it copies
// beside the writer, on a connection of its own; once the log is long it also brings the file to the disk, which SQLite would do only in
// that moment; and then it holds the writer for the little that came in between. The writer's own checkpoint, at walPages, is for a
// database that nobody tidies.
const (
	// pageSize is the bytes of a page in a new file. Half of SQLite's usual, because most of what a message writes is whole pages of
	// indexes in which it changes one entry.
	pageSize = "2048"
	walPages = "40000" // about 80 MB of log
	tidyEach = 300 * time.Millisecond
	longLog  = 12000 // pages, about 24 MB
	rounds   = 2     // of copying and syncing before the writer is held: each leaves what came in during it
)

// Tidy copies what was committed from SQLite's log into its file, three times a second while there is any and never otherwise. It returns
// when ctx ends; on PostgreSQL, which does this itself, at once.
func (d *DB) Tidy(ctx context.Context) error {
	if d.postgres {
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.logged:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(tidyEach):
		}
		if err := d.tidy(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
	}
}

func (d *DB) tidy(ctx context.Context) error {
	logged, err := checkpoint(ctx, d.readers)
	if err != nil || logged < longLog {
		return err
	}
	if err := d.openFile(); err != nil {
		return err
	}
	for range rounds {
		if err := d.file.Sync(); err != nil {
			return err
		}
		if _, err := checkpoint(ctx, d.readers); err != nil {
			return err
		}
	}
	select {
	case d.lead <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	defer func() { <-d.lead }()
	if d.conn == nil { // it is being found again; the next round comes soon
		return nil
	}
	_, err = checkpoint(ctx, d.conn)
	return err
}

// openFile opens the database's file once more, to sync it. It is closed after all connections are and never before: POSIX takes every
// lock of a process from a file as soon as the process closes any of its descriptors, and SQLite's own are such locks.
func (d *DB) openFile() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.file != nil || d.closed {
		return nil
	}
	f, err := os.OpenFile(d.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	d.file = f
	return nil
}

// checkpoint copies what can be copied without waiting for anybody, and says how many pages the log has.
func checkpoint(ctx context.Context, on interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}) (logged int, err error) {
	var busy, copied int
	err = on.QueryRowContext(ctx, `PRAGMA wal_checkpoint(PASSIVE)`).Scan(&busy, &logged, &copied)
	return logged, err
}
