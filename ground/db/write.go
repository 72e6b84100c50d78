package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"

	"wardline/ground/fault"
)

// job is one act on its way to the disk.
type job struct {
	ctx   context.Context
	name  string
	fn    func(ctx context.Context, tx *Tx) error
	tx    *Tx
	state atomic.Int32 // queued, started or given up
	done  chan error   // capacity 1
}

const (
	queued int32 = iota
	started
	givenUp
)

// Tx is one act's part of a commit. It is valid only inside the function that got it.
type Tx struct {
	db      *DB
	conn    *sql.Conn
	last    int64 // the newest position drawn, by this act or an earlier one of the batch
	visible []func()
	after   []func()
	onUndo  []func()
}

// Write runs fn as one act in a transaction and returns after the act is durable. Acts of many callers share a commit; an error
// or panic of fn undoes this act only and is returned. fn runs on the goroutine of whichever caller leads the batch, one act after
// another, so it must not block on anything but the database: no network, no channel, no second Write. A context that ends before
// the act starts takes it out of the queue; afterwards it no longer matters.
func (d *DB) Write(ctx context.Context, act string, fn func(ctx context.Context, tx *Tx) error) error {
	j := &job{ctx: ctx, name: act, fn: fn, done: make(chan error, 1)}
	d.mu.Lock()
	switch {
	case d.closed:
		d.mu.Unlock()
		return fault.New(fault.Unavailable, "", "The server is stopping.")
	case len(d.queue) >= maxQueue:
		d.mu.Unlock()
		return fault.New(fault.Unavailable, "M_LIMIT_EXCEEDED", "The server is busy. Try again in a moment.")
	}
	d.queue = append(d.queue, j)
	d.mu.Unlock()

	cancelled := ctx.Done()
	for {
		select {
		case err := <-j.done:
			return err
		case d.lead <- struct{}{}:
			d.runBatch()
			<-d.lead
		case <-cancelled:
			if j.state.CompareAndSwap(queued, givenUp) {
				return ctx.Err()
			}
			cancelled = nil
		}
	}
}

func (d *DB) takeBatch() []*job {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := min(len(d.queue), maxBatch)
	batch := make([]*job, 0, n)
	for _, j := range d.queue[:n] {
		if j.state.CompareAndSwap(queued, started) {
			batch = append(batch, j)
		}
	}
	rest := copy(d.queue, d.queue[n:])
	clear(d.queue[rest:])
	d.queue = d.queue[:rest]
	return batch
}

// runBatch commits what has queued up. Only the holder of lead calls it.
func (d *DB) runBatch() {
	batch := d.takeBatch()
	if len(batch) == 0 {
		return
	}
	ctx := context.Background()
	if d.conn == nil {
		d.finish(batch, fault.New(fault.Unavailable, "", "The server is stopping."))
		return
	}
	if _, err := d.conn.ExecContext(ctx, d.begin()); err != nil {
		d.finish(batch, fault.Wrap(fault.Unavailable, "", "The server cannot write just now. Try again in a moment.", err))
		return
	}
	last := d.position.Load()
	done := make([]*job, 0, len(batch))
	for _, j := range batch {
		if err := d.runAct(ctx, j, &last); err != nil {
			j.done <- err
			continue
		}
		done = append(done, j)
	}
	if err := d.commit(ctx, last, done); err != nil {
		_, _ = d.conn.ExecContext(ctx, "ROLLBACK")
		for i := len(done) - 1; i >= 0; i-- {
			done[i].tx.undo()
		}
		d.finish(done, fault.Wrap(fault.Unavailable, "", "The server cannot write just now. Try again in a moment.", err))
		return
	}
	d.batches.Add(1)
	d.acts.Add(int64(len(done)))
	d.seam("before-wake", done)
	for _, j := range done {
		for _, show := range j.tx.visible {
			show()
		}
	}
	d.position.Store(last) // only now: whoever reads this position finds what belongs to it
	for _, j := range done {
		for _, wake := range j.tx.after {
			wake()
		}
	}
	d.seam("before-ack", done)
	d.finish(done, nil)
}

func (d *DB) begin() string {
	if d.postgres {
		return "BEGIN"
	}
	return "BEGIN IMMEDIATE"
}

func (d *DB) commit(ctx context.Context, last int64, done []*job) error {
	if last != d.stored {
		stmt, err := d.writerStmt(ctx, savePosition)
		if err == nil {
			_, err = stmt.ExecContext(ctx, last)
		}
		if err != nil {
			return fmt.Errorf("save position: %w", err)
		}
	}
	d.seam("before-commit", done)
	if _, err := d.conn.ExecContext(ctx, "COMMIT"); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	d.stored = last
	return nil
}

func (d *DB) seam(point string, jobs []*job) {
	if d.crash == nil {
		return
	}
	for _, j := range jobs {
		d.crash(point, j.name)
	}
}

func (d *DB) finish(jobs []*job, err error) {
	for _, j := range jobs {
		j.done <- err
	}
}

// runAct runs one act between two savepoints; an error undoes it and gives its positions back.
func (d *DB) runAct(ctx context.Context, j *job, last *int64) error {
	if _, err := d.conn.ExecContext(ctx, "SAVEPOINT act"); err != nil {
		return fmt.Errorf("savepoint: %w", err)
	}
	j.tx = &Tx{db: d, conn: d.conn, last: *last}
	err := protect(j)
	if err == nil {
		if _, err = d.conn.ExecContext(ctx, "RELEASE act"); err == nil {
			*last = j.tx.last
			return nil
		}
	}
	j.tx.undo()
	_, undo := d.conn.ExecContext(ctx, "ROLLBACK TO act")
	_, release := d.conn.ExecContext(ctx, "RELEASE act")
	return errors.Join(err, undo, release)
}

func protect(j *job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in %s: %v\n%s", j.name, p, debug.Stack())
		}
	}()
	return j.fn(context.WithoutCancel(j.ctx), j.tx)
}

// Position draws the next position of the trust's one stream. Positions follow commit order; those of an act that fails are
// drawn again.
func (tx *Tx) Position() int64 {
	tx.last++
	return tx.last
}

// LastPosition returns the newest position drawn so far, by this act or one before it.
func (tx *Tx) LastPosition() int64 { return tx.last }

// OnCommit adds a function that runs once the act is durable and before its position is published: for caches, so that whoever
// reads up to that position finds them as they should be. It must be quick and must not fail.
func (tx *Tx) OnCommit(fn func()) { tx.visible = append(tx.visible, fn) }

// AfterCommit adds a function that runs once the act is durable and its position published, before its caller is answered: for
// wake-ups only. It must be quick and must not fail.
func (tx *Tx) AfterCommit(fn func()) { tx.after = append(tx.after, fn) }

// OnUndo adds a function that runs when the act is undone, by its own error or because its commit failed: for caches that were
// changed ahead of the commit. The functions run last added first.
func (tx *Tx) OnUndo(fn func()) { tx.onUndo = append(tx.onUndo, fn) }

func (tx *Tx) undo() {
	for i := len(tx.onUndo) - 1; i >= 0; i-- {
		tx.onUndo[i]()
	}
	tx.onUndo = nil
}

// Exec runs a statement and returns how many rows it touched.
func (tx *Tx) Exec(ctx context.Context, s *Statement, args ...any) (int64, error) {
	stmt, err := tx.db.writerStmt(ctx, s)
	if err != nil {
		return 0, err
	}
	res, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", s.Name, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", s.Name, err)
	}
	return n, nil
}
