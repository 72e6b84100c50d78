package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

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
	wrote   bool  // it has changed rows, or tried to
	visible []func()
	after   []func()
	onUndo  []func()
}

// Write runs fn as one act in a transaction and returns after the act is durable. Acts of many callers share a commit; an error
// or panic of fn undoes this act only and is returned. fn runs on the goroutine of whichever caller leads the batch, one act after
// another, so it must not block on anything but the database: no network, no channel, no second Write. A context that ends before
// the act starts takes it out of the queue; afterwards it no longer matters. When too many acts wait already it is Limited at once, so
// that what is accepted stays quick.
func (d *DB) Write(ctx context.Context, act string, fn func(ctx context.Context, tx *Tx) error) error {
	return d.write(ctx, usual, act, fn)
}

// WriteFirst is Write for what must not wait behind messages: a page, its answer, the end of a lost device's session.
// hazard: H1
func (d *DB) WriteFirst(ctx context.Context, act string, fn func(ctx context.Context, tx *Tx) error) error {
	return d.write(ctx, first, act, fn)
}

// WriteLast is Write for what may wait until the others are done: bringing rooms into memory, indexes, the server's own housekeeping.
func (d *DB) WriteLast(ctx context.Context, act string, fn func(ctx context.Context, tx *Tx) error) error {
	return d.write(ctx, last, act, fn)
}

func (d *DB) write(ctx context.Context, class int, act string, fn func(ctx context.Context, tx *Tx) error) error {
	j := &job{ctx: ctx, name: act, fn: fn, done: make(chan error, 1)}
	d.mu.Lock()
	switch {
	case d.closed:
		d.mu.Unlock()
		return fault.New(fault.Unavailable, "", "The server is stopping.")
	case len(d.queues[class]) >= maxQueue[class]:
		d.mu.Unlock()
		return &fault.Fault{Kind: fault.Limited, Code: "M_LIMIT_EXCEEDED", Public: "The server is busy. Try again in a moment.", RetryAfter: time.Second}
	}
	d.queues[class] = append(d.queues[class], j)
	d.mu.Unlock()

	cancelled := ctx.Done()
	for {
		select {
		case err := <-j.done:
			return err
		case d.lead <- struct{}{}:
			// Whoever has been answered meanwhile leaves the work to those who still wait: of two ready cases select takes either.
			if len(j.done) == 0 {
				d.runBatch()
			}
			<-d.lead
		case <-cancelled:
			if j.state.CompareAndSwap(queued, givenUp) {
				return ctx.Err()
			}
			cancelled = nil
		}
	}
}

// The classes of acts, in the order in which they are taken.
const (
	first = iota
	usual
	last
	classes
)

// maxQueue bounds the acts of each class that wait for a commit. At some thousands a second nobody who was let in waits much longer
// than half a second.
var maxQueue = [classes]int{8192, 2048, 2048}

// maxBatch bounds the acts of one commit, so that the first of them does not wait for the last of a flood; leastOf is what each class
// gets of it however many wait before it, so that none is ever starved.
const (
	maxBatch = 256
	leastOf  = 16
)

// takeBatch takes the next acts: the first class, then the usual, then the last.
func (d *DB) takeBatch() []*job {
	d.mu.Lock()
	defer d.mu.Unlock()
	batch := make([]*job, 0, min(maxBatch, len(d.queues[first])+len(d.queues[usual])+len(d.queues[last])))
	left := maxBatch
	for class := range d.queues {
		kept := 0 // for the classes behind
		for behind := class + 1; behind < classes; behind++ {
			kept += min(leastOf, len(d.queues[behind]))
		}
		q := d.queues[class]
		n := min(len(q), left-kept)
		for _, j := range q[:n] {
			if j.state.CompareAndSwap(queued, started) {
				batch = append(batch, j)
			}
		}
		rest := copy(q, q[n:])
		clear(q[rest:])
		d.queues[class] = q[:rest]
		left -= n
	}
	return batch
}

// runBatch commits what has queued up. Only the holder of lead calls it.
func (d *DB) runBatch() {
	batch := d.takeBatch()
	if len(batch) == 0 {
		return
	}
	ctx := context.Background()
	if err := d.ready(ctx); err != nil {
		d.finish(batch, err)
		return
	}
	defer d.watch()()
	if _, err := d.conn.ExecContext(ctx, d.begin()); err != nil {
		d.drop(err)
		d.finish(batch, unavailable(err))
		return
	}
	pos, wrote := d.position.Load(), false
	done := make([]*job, 0, len(batch))
	for i, j := range batch {
		broken, err := d.runAct(ctx, j, &pos)
		if broken {
			// The transaction is gone, and with it what the acts before this one did. Nobody has asked for a commit.
			d.drop(err)
			undo(done)
			d.finish(append(done, batch[i:]...), unavailable(err))
			return
		}
		if err != nil {
			d.noticeTrouble(err)
			j.done <- err
			continue
		}
		done, wrote = append(done, j), wrote || j.tx.wrote
	}
	c := &commit{jobs: done, last: pos, mark: d.mark}
	if wrote && pos == d.stored {
		c.mark++
	}
	if asked, err := d.commit(ctx, c); err != nil {
		d.drop(err)
		if asked && wrote {
			d.unsure = c // ready finds out before anything else happens
		} else {
			undo(done)
		}
		d.finish(done, unavailable(err))
		return
	}
	if wrote {
		d.notice(nil)
	}
	d.publish(c)
	d.seam("before-ack", done)
	d.finish(done, nil)
}

// commit is a batch on its way through COMMIT. Every one that writes moves either the position or, when it draws none, the mark, so
// that the database can be asked afterwards whether it happened.
type commit struct {
	jobs       []*job
	last, mark int64
}

// publish makes a committed batch visible and wakes who waits for it.
func (d *DB) publish(c *commit) {
	d.stored, d.mark = c.last, c.mark
	d.batches.Add(1)
	select {
	case d.logged <- struct{}{}:
	default:
	}
	d.acts.Add(int64(len(c.jobs)))
	d.seam("before-wake", c.jobs)
	for _, j := range c.jobs {
		for _, show := range j.tx.visible {
			show()
		}
	}
	d.position.Store(c.last) // only now: whoever reads this position finds what belongs to it
	for _, j := range c.jobs {
		for _, wake := range j.tx.after {
			wake()
		}
	}
}

// begin opens the transaction and the savepoint of its first act; next ends an act's savepoint and opens that of the next. Each is one
// way to PostgreSQL and back. What COMMIT finds open, it keeps.
func (d *DB) begin() string {
	if d.postgres {
		return "BEGIN; SAVEPOINT act"
	}
	return "BEGIN IMMEDIATE; SAVEPOINT act"
}

const next = "RELEASE act; SAVEPOINT act"

// commit ends the transaction. After an error, asked says whether the engine may have committed all the same.
func (d *DB) commit(ctx context.Context, c *commit) (asked bool, err error) {
	save := func(id, n, was int64) error {
		if n == was {
			return nil
		}
		stmt, err := d.writerStmt(ctx, savePosition)
		if err == nil {
			_, err = stmt.ExecContext(ctx, id, n)
		}
		return err
	}
	if err := errors.Join(save(positionRow, c.last, d.stored), save(markRow, c.mark, d.mark)); err != nil {
		return false, fmt.Errorf("save position: %w", err)
	}
	d.seam("before-commit", c.jobs)
	if _, err := d.conn.ExecContext(ctx, "COMMIT"); err != nil {
		return true, fmt.Errorf("commit: %w", err)
	}
	return true, nil
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

// runAct runs one act inside the savepoint that is open; an error undoes it and gives its positions back, and leaves the savepoint for
// the next. broken says that this could not be done, so that nothing of the whole batch can be relied on.
func (d *DB) runAct(ctx context.Context, j *job, last *int64) (broken bool, err error) {
	j.tx = &Tx{db: d, conn: d.conn, last: *last}
	err = protect(j)
	if err == nil {
		if _, err = d.conn.ExecContext(ctx, next); err == nil {
			*last = j.tx.last
			return false, nil
		}
	}
	j.tx.undo()
	if _, undo := d.conn.ExecContext(ctx, "ROLLBACK TO act"); undo != nil {
		return true, errors.Join(err, undo)
	}
	return false, err
}

// undo takes back what acts have laid over caches, last first.
func undo(jobs []*job) {
	for i := len(jobs) - 1; i >= 0; i-- {
		jobs[i].tx.undo()
	}
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
	tx.undoTo(0)
}

// undoTo runs what was added since then to take changes of caches back, the last first.
func (tx *Tx) undoTo(n int) {
	for i := len(tx.onUndo) - 1; i >= n; i-- {
		tx.onUndo[i]()
	}
	tx.onUndo = tx.onUndo[:n]
}

// Try does a part of an act that may fail on its own: its error undoes what it did, positions and caches too, and leaves the rest of the
// act as it was. It may be nested.
func (tx *Tx) Try(ctx context.Context, part func() error) error {
	last, visible, after, undo := tx.last, len(tx.visible), len(tx.after), len(tx.onUndo)
	if _, err := tx.conn.ExecContext(ctx, "SAVEPOINT part"); err != nil {
		return fmt.Errorf("savepoint: %w", err)
	}
	err := part()
	if err == nil {
		_, err = tx.conn.ExecContext(ctx, "RELEASE part")
		return err
	}
	tx.undoTo(undo)
	tx.last, tx.visible, tx.after = last, tx.visible[:visible], tx.after[:after]
	if _, back := tx.conn.ExecContext(ctx, "ROLLBACK TO part; RELEASE part"); back != nil {
		return fmt.Errorf("undo a part: %w", back)
	}
	return err
}

// Exec runs a statement and returns how many rows it touched.
func (tx *Tx) Exec(ctx context.Context, s *Statement, args ...any) (int64, error) {
	stmt, err := tx.db.writerStmt(ctx, s)
	if err != nil {
		return 0, err
	}
	tx.wrote = true
	res, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, wrap(s, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", s.Name, err)
	}
	return n, nil
}
