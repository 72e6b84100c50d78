// Package db is the only place that talks to a database: SQLite in one file, or PostgreSQL by URL, behind the same statements.
//
// It promises that Write returns only after its act is durable, that acts which queue up while a commit runs share the next commit,
// that a failing act leaves no trace and harms no neighbour, and that positions (Tx.Position) are handed out in commit order without
// gaps. It refuses nested writes, unbounded queues and statements made at run time. Reads go to a pool of their own and never wait
// for the writer. Look first at DB.Write and Collect.
//
// Lock order: lead (the right to run a batch) before mu.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // driver "sqlite"

	"wardline/ground/fault"
)

// DB is one trust's database.
type DB struct {
	postgres bool
	readers  *sql.DB
	writer   *sql.DB
	conn     *sql.Conn // the single writing connection
	lock     *os.File  // SQLite: keeps a second process out
	path     string    // SQLite: where its file is
	file     *os.File  // SQLite: the same, opened by Tidy; guarded by mu

	prepared sync.Map                 // *Statement → *sql.Stmt on readers
	onWriter map[*Statement]*sql.Stmt // owned by the holder of lead
	position atomic.Int64             // last committed position
	stored   int64                    // the position on disk; this and the next four are owned by the holder of lead
	mark     int64                    // how many commits that drew no position there are on disk
	unsure   *commit                  // the one that was asked for and not answered
	sick     health                   // how writing goes, and who hears of it
	retryAt  time.Time                // no new connection is tried before
	batches  atomic.Int64
	acts     atomic.Int64
	crash    func(point, act string)

	logged chan struct{} // capacity 1: something was committed since Tidy looked
	lead   chan struct{} // capacity 1: whoever has put a token in runs the next batch
	mu     sync.Mutex    // guards queues and closed
	queues [classes][]*job
	closed bool

	wire     atomic.Pointer[net.Conn] // PostgreSQL: what the writing connection runs over
	patience time.Duration
	progress func(Progress)
}

// maxReaders is how many connections read from PostgreSQL at once.
const maxReaders = 16

// Open opens the database named by source: a path of a SQLite file, which is made when missing, or a postgres:// URL. The file is
// locked against a second process. Migrate must be called before use. The caller closes it.
func Open(ctx context.Context, source string) (*DB, error) {
	d := &DB{logged: make(chan struct{}, 1), lead: make(chan struct{}, 1), onWriter: map[*Statement]*sql.Stmt{}, patience: 20 * time.Second}
	var err error
	if isPostgres(source) {
		err = d.openPostgres(source)
	} else {
		err = d.openSQLite(source)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if d.conn, err = d.connect(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database for writing: %w", err), d.Close())
	}
	if !d.postgres { // once, and not with each connection: it stays with the file, and waits for whoever holds that
		if _, err := d.conn.ExecContext(ctx, `PRAGMA journal_mode = wal`); err != nil {
			return nil, errors.Join(fmt.Errorf("open database for writing: %w", err), d.Close())
		}
	}
	return d, nil
}

func isPostgres(source string) bool {
	return strings.HasPrefix(source, "postgres://") || strings.HasPrefix(source, "postgresql://")
}

func (d *DB) openPostgres(source string) (err error) {
	d.postgres = true
	config, err := pgx.ParseConfig(source)
	if err != nil {
		return fmt.Errorf("database URL: %w", err)
	}
	config.DialFunc = dialPostgres(nil)
	d.readers = stdlib.OpenDB(*config)
	config.DialFunc = dialPostgres(&d.wire)
	d.writer = stdlib.OpenDB(*config)
	d.writer.SetMaxOpenConns(1)
	d.readers.SetMaxOpenConns(maxReaders)
	d.readers.SetMaxIdleConns(maxReaders)
	return nil
}

// Lock keeps every wardline from opening the database named by source until release is called. One that is open is Unavailable. A
// PostgreSQL database is locked from inside, and only by who writes; there release does nothing.
func Lock(source string) (release func() error, err error) {
	if isPostgres(source) {
		return func() error { return nil }, nil
	}
	f, err := lockFile(source)
	if err != nil {
		return nil, err
	}
	return f.Close, nil
}

func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		err = fault.Wrap(fault.Unavailable, "", "The data folder is in use by another wardline. Stop that one, or choose another folder with -data.", err)
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (d *DB) openSQLite(path string) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make database folder: %w", err)
	}
	if d.lock, err = lockFile(path); err != nil {
		return err
	}
	d.path = path
	open := func(extra ...string) (*sql.DB, error) {
		q := url.Values{}
		for _, p := range append([]string{"synchronous(full)", "foreign_keys(on)", "temp_store(memory)", "cache_size(-4096)"}, extra...) {
			q.Add("_pragma", p)
		}
		q.Set("_txlock", "immediate")
		return sql.Open("sqlite", "file:"+path+"?"+q.Encode())
	}
	if d.writer, err = open("page_size("+pageSize+")", "busy_timeout(3000)", "cache_size(-16384)", "wal_autocheckpoint("+walPages+")"); err != nil {
		return fmt.Errorf("open sqlite: %w", err)
	}
	if d.readers, err = open("busy_timeout(10000)", "query_only(on)"); err != nil {
		return fmt.Errorf("open sqlite: %w", err)
	}
	d.writer.SetMaxOpenConns(1)
	n := max(4, 2*runtime.GOMAXPROCS(0))
	d.readers.SetMaxOpenConns(n)
	d.readers.SetMaxIdleConns(n)
	return nil
}

// Postgres says which engine this is. Only full-text search may ask.
func (d *DB) Postgres() bool { return d.postgres }

// Position returns the last committed position: everything up to it is readable.
func (d *DB) Position() int64 { return d.position.Load() }

// Load returns how many acts and how many commits there have been since Open.
func (d *DB) Load() (acts, commits int64) { return d.acts.Load(), d.batches.Load() }

// OnSeam sets the function that is called at each seam of a commit: "before-commit", "before-wake" (committed, nobody told) and
// "before-ack" (woken, the caller not answered), with the name of each act in the batch. Crash tests end the process in it. It must be set before the first Write.
func (d *DB) OnSeam(fn func(point, act string)) { d.crash = fn }

// Close waits for the running batch and closes everything. Writes after Close say Unavailable; a second
// Close does nothing.
func (d *DB) Close() error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.lead <- struct{}{}
	defer func() { <-d.lead }()
	var errs []error
	for _, s := range d.onWriter {
		errs = append(errs, s.Close())
	}
	d.onWriter = map[*Statement]*sql.Stmt{}
	if d.conn != nil {
		errs = append(errs, d.conn.Close())
		d.conn = nil
	}
	if d.writer != nil {
		errs = append(errs, d.writer.Close())
	}
	if d.readers != nil {
		errs = append(errs, d.readers.Close())
	}
	d.mu.Lock()
	if d.file != nil {
		errs = append(errs, d.file.Close())
		d.file = nil
	}
	d.mu.Unlock()
	if d.lock != nil {
		errs = append(errs, d.lock.Close())
		d.lock = nil
	}
	return errors.Join(errs...)
}
