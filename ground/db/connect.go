package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"

	"wardline/ground/fault"
)

// A writing connection that has failed is never used again, whatever the failure was: a transaction that one engine has ended by
// itself and the other has not looks the same from here. The next batch opens a new one and asks the database what it holds before
// it does anything else. That also settles a COMMIT that nobody answered:
//
//   - it happened: its acts become visible now, although their callers were told to try again; a caller that does meets its own
//     transaction id;
//   - it did not: its acts are undone;
//   - the database holds neither: another program has written to it, or an older copy was put in its place. What is in memory is
//     then not what is on disk, and no more is written until somebody starts the server again.
//
// Rejected: holding the callers until it is known (a database that is away for minutes would hold every request); ending the process
// at once (a second's restart of PostgreSQL would cost every phone its connection).

const (
	retryEvery  = 250 * time.Millisecond // between two tries to connect; callers in between are refused at once
	connectTime = 5 * time.Second
	tellEvery   = time.Minute // between two words about trouble
)

var errStranger = errors.New("the database holds neither what was written last nor what was being written: start the server again")

// health is how writing goes.
type health struct {
	tell   func(err error)
	told   bool // whoever listens believes that it does not work
	toldAt time.Time
	err    error
}

// OnHealth sets the function that hears when the database cannot be written, with the cause, and when it can again, with nil: once
// each time, and of trouble once a minute at most. It must be quick. It must be set before the first Write.
func (d *DB) OnHealth(fn func(err error)) { d.sick.tell = fn }

func (d *DB) notice(err error) {
	h := &d.sick
	h.err = err
	switch {
	case err == nil && h.told:
		h.told = false
	case err != nil && !h.told && time.Since(h.toldAt) > tellEvery:
		h.told, h.toldAt = true, time.Now()
	default:
		return
	}
	if h.tell != nil {
		h.tell(err)
	}
}

// noticeTrouble notices an act's error if it is the database's own.
func (d *DB) noticeTrouble(err error) {
	if troubled(err) {
		d.notice(err)
	}
}

// connect opens the writing connection. On PostgreSQL it also takes a lock that ends with the connection, so that two programs never
// write to one schema; it waits a little for one that has just ended.
func (d *DB) connect(ctx context.Context) (*sql.Conn, error) {
	conn, err := d.writer.Conn(ctx)
	if err != nil || !d.postgres {
		return conn, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock(8008, hashtext(current_schema()))`); err != nil {
		if ctx.Err() != nil {
			err = fault.Wrap(fault.Unavailable, "", "The database is in use by another wardline. Stop that one first.", err)
		}
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// load reads what the database says of the last commit.
func (d *DB) load(ctx context.Context) (pos, mark int64, err error) {
	for id, into := range map[int64]*int64{positionRow: &pos, markRow: &mark} {
		if err := d.conn.QueryRowContext(ctx, `SELECT pos FROM db_position WHERE id = $1`, id).Scan(into); err != nil {
			return 0, 0, fmt.Errorf("load position: %w", err)
		}
	}
	return pos, mark, nil
}

// ready makes sure that there is a connection to write with, and that what it leads to is what this process believes.
func (d *DB) ready(ctx context.Context) error {
	d.mu.Lock()
	closed := d.closed
	d.mu.Unlock()
	switch {
	case closed:
		return fault.New(fault.Unavailable, "", "The server is stopping.")
	case d.conn != nil:
		return nil
	case time.Now().Before(d.retryAt):
		return unavailable(d.sick.err)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*connectTime)
	defer cancel()
	conn, err := d.connect(ctx)
	if err == nil {
		d.conn = conn
		err = d.settle(ctx)
	}
	if err != nil {
		d.drop(err)
		d.retryAt = time.Now().Add(retryEvery)
		return unavailable(err)
	}
	return nil
}

// settle compares the database with what this process believes, and decides about a commit that was not answered.
func (d *DB) settle(ctx context.Context) error {
	pos, mark, err := d.load(ctx)
	if err != nil {
		return err
	}
	switch u := d.unsure; {
	case u != nil && pos == u.last && mark == u.mark:
		d.unsure = nil
		d.publish(u)
	case pos == d.stored && mark == d.mark:
		if u != nil {
			d.unsure = nil
			undo(u.jobs)
		}
	default:
		return fmt.Errorf("%w (position %d, want %d)", errStranger, pos, d.stored)
	}
	return nil
}

// drop throws the writing connection away, with its statements, because of err.
func (d *DB) drop(err error) {
	d.notice(err)
	for _, s := range d.onWriter {
		_ = s.Close() // what they belong to is going anyway
	}
	clear(d.onWriter)
	if d.conn == nil {
		return
	}
	_ = d.conn.Raw(func(any) error { return driver.ErrBadConn }) // the pool must not give it out again
	_ = d.conn.Close()
	d.conn = nil
}

// unavailable is what a caller hears when the database does not take what it has.
func unavailable(err error) error {
	if f := fault.As(err); f != nil && f.Kind == fault.Unavailable {
		return err
	}
	return &fault.Fault{Kind: fault.Unavailable, Public: "The server cannot write just now. Try again in a moment.", Cause: err, RetryAfter: time.Second}
}

// wrap adds a statement's name to its error, and makes what is the database's own trouble Unavailable.
func wrap(s *Statement, err error) error {
	err = fmt.Errorf("%s: %w", s.Name, err)
	if troubled(err) {
		return &fault.Fault{Kind: fault.Unavailable, Public: "The server cannot reach its data just now. Try again in a moment.", Cause: err, RetryAfter: time.Second}
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (pg.Code == "22021" || pg.Code == "22P05") {
		// Only SQLite keeps a NUL or a broken character in a TEXT. Whoever sent it is told, rather than that the server made a mistake.
		return fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "The request has a character that cannot be kept.", err)
	}
	return err
}

// unfit says whether an error is about the values a row was to have: a key that is taken, a value of another type.
func unfit(err error) bool {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		code := lite.Code() & 0xff
		return code == 18 || code == 19 || code == 20 // TOOBIG, CONSTRAINT, MISMATCH
	}
	var pg *pgconn.PgError
	return errors.As(err, &pg) && len(pg.Code) == 5 && (pg.Code[:2] == "22" || pg.Code[:2] == "23") // data, integrity
}

// troubled says whether an error is about the database and not about what it was asked: the disk is full or broken, the server
// behind it is away, somebody else holds the file.
func troubled(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		switch lite.Code() & 0xff {
		case 5, 7, 8, 10, 11, 13, 14, 26: // BUSY, NOMEM, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB
			return true
		}
		return false
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && len(pg.Code) == 5 {
		switch pg.Code[:2] {
		case "08", "53", "57", "58", "XX": // connection, resources such as the disk, being stopped, the system, broken inside
			return true
		}
		return pg.Code == "25006" // a standby, which takes no writes
	}
	var away net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.As(err, &away) || pgconn.SafeToRetry(err)
}
