package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"wardline/ground/fault"
)

// Migrations are one package's forward-only schema changes: files schema/0001_what.sql in FS, applied in the order of their names. A
// file whose name ends in .sqlite.sql or .postgres.sql is noted on both engines and applied on that one.
type Migrations struct {
	Package string
	FS      fs.FS
}

const bootstrapSQL = `
CREATE TABLE IF NOT EXISTS db_migration (package TEXT NOT NULL, name TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (package, name));
CREATE TABLE IF NOT EXISTS db_position (id BIGINT PRIMARY KEY, pos BIGINT NOT NULL);
INSERT INTO db_position (id, pos) VALUES (0, 0) ON CONFLICT (id) DO NOTHING;
INSERT INTO db_position (id, pos) VALUES (1, 0) ON CONFLICT (id) DO NOTHING;`

// The rows of db_position: the last position, and how many commits there were that drew none.
const (
	positionRow = 0
	markRow     = 1
)

var savePosition = SQL("db.save_position", `UPDATE db_position SET pos = $2 WHERE id = $1`)

// Progress is how far a change of the schema has come. A change can take minutes on a large database, and the engine does not say how
// far it is within one.
type Progress struct {
	Change  string // "room 0002_index": the package and the file
	At, Of  int    // which one this is, of how many that are missing
	Elapsed time.Duration
	Done    bool
}

// OnProgress sets the function that hears of each change to a schema that is in use: when it begins, every two seconds while it runs,
// and when it is done. A database that is only being made is not worth a word. It must be set before Migrate; it runs beside it.
func (d *DB) OnProgress(fn func(Progress)) { d.progress = fn }

// Migrate brings the schema up to date, each file in a transaction of its own, and loads the last position. It refuses a database
// that a newer wardline has written, and says so. It must be called once, before anything else.
func (d *DB) Migrate(ctx context.Context, all ...Migrations) error {
	if err := d.bootstrap(ctx); err != nil {
		return err
	}
	known := map[string]bool{}
	err := eachMigration(all, func(m Migrations, name string) error {
		known[m.Package+"/"+name] = true
		return nil
	})
	if err != nil {
		return err
	}
	applied, err := d.refuseNewer(ctx, known)
	if err != nil {
		return err
	}
	at, missing := 0, len(known)-applied
	err = eachMigration(all, func(m Migrations, name string) error {
		there, err := d.migrated(ctx, m, name)
		if err != nil || there {
			return err
		}
		at++
		if applied > 0 {
			defer d.tell(Progress{Change: m.Package + " " + strings.TrimSuffix(path.Base(name), ".sql"), At: at, Of: missing})()
		}
		return d.migrateOne(ctx, m, name)
	})
	if err != nil {
		return err
	}
	if d.stored, d.mark, err = d.load(ctx); err != nil {
		return err
	}
	d.position.Store(d.stored)
	return nil
}

// bootstrap makes the tables that migrations themselves need.
func (d *DB) bootstrap(ctx context.Context) error {
	for _, text := range strings.Split(bootstrapSQL, ";") {
		if strings.TrimSpace(text) == "" {
			continue
		}
		if _, err := d.conn.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("prepare schema table: %w", err)
		}
	}
	return nil
}

// eachMigration calls fn for every migration in the order in which they are applied.
func eachMigration(all []Migrations, fn func(m Migrations, name string) error) error {
	for _, m := range all {
		names, err := fs.Glob(m.FS, "schema/*.sql")
		if err != nil {
			return fmt.Errorf("list migrations of %s: %w", m.Package, err)
		}
		slices.Sort(names)
		for _, name := range names {
			if err := fn(m, name); err != nil {
				return fmt.Errorf("migrate %s %s: %w", m.Package, name, err)
			}
		}
	}
	return nil
}

// tell says that a change has begun, says so again while it goes on, and, by what it returns, that it is done.
func (d *DB) tell(p Progress) (done func()) {
	if d.progress == nil {
		return func() {}
	}
	began := time.Now()
	say := func(done bool) {
		p := p
		p.Elapsed, p.Done = time.Since(began), done
		d.progress(p)
	}
	say(false)
	var t *time.Timer
	t = time.AfterFunc(progressEach, func() {
		say(false)
		t.Reset(progressEach)
	})
	return func() {
		t.Stop()
		say(true)
	}
}

const progressEach = 2 * time.Second

func (d *DB) migrated(ctx context.Context, m Migrations, name string) (bool, error) {
	var n int
	q := `SELECT count(*) FROM db_migration WHERE package = $1 AND name = $2`
	err := d.conn.QueryRowContext(ctx, q, m.Package, name).Scan(&n)
	return n > 0, err
}

func (d *DB) migrateOne(ctx context.Context, m Migrations, name string) error {
	text, err := fs.ReadFile(m.FS, name)
	if err != nil {
		return err
	}
	tx, err := d.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if d.applies(name) {
		err = applyFile(ctx, tx, string(text))
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, `INSERT INTO db_migration (package, name, at) VALUES ($1, $2, $3)`, m.Package, name, time.Now().UnixMilli())
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// applies says whether a file of a schema is for this engine.
func (d *DB) applies(name string) bool {
	return !strings.HasSuffix(name, ".sqlite.sql") && !strings.HasSuffix(name, ".postgres.sql") || strings.HasSuffix(name, ".postgres.sql") == d.postgres
}

func applyFile(ctx context.Context, tx *sql.Tx, text string) error {
	for _, s := range splitStatements(text) {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// splitStatements cuts a schema file at its semicolons; comments start with -- and run to the end of the line.
func splitStatements(text string) []string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		code, _, _ := strings.Cut(line, "--")
		b.WriteString(strings.TrimRight(code, "\n") + "\n")
	}
	var all []string
	for _, s := range strings.Split(b.String(), ";") {
		if s = strings.TrimSpace(s); s != "" {
			all = append(all, s)
		}
	}
	return all
}

// refuseNewer returns how many changes were applied before, unless one of them is none of this program's.
func (d *DB) refuseNewer(ctx context.Context, known map[string]bool) (applied int, err error) {
	rows, err := d.conn.QueryContext(ctx, `SELECT package, name FROM db_migration`)
	if err != nil {
		return 0, fmt.Errorf("read migrations: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var pkg, name string
		if err := rows.Scan(&pkg, &name); err != nil {
			return 0, fmt.Errorf("read migrations: %w", err)
		}
		applied++
		if pkg == unfinished {
			return 0, errUnfinished
		}
		if !known[pkg+"/"+name] {
			return 0, fault.Wrap(fault.Unavailable, "", "The data folder was written by a newer wardline. Use that version, or restore a backup.",
				fmt.Errorf("unknown migration %s %s", pkg, name))
		}
	}
	return applied, rows.Err()
}

// CheckStatements prepares every declared statement on this database and returns what each engine says of those it refuses.
func (d *DB) CheckStatements(ctx context.Context) error {
	var errs []error
	for _, s := range Statements() {
		stmt, err := d.readers.PrepareContext(ctx, d.text(s))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.Name, err))
			continue
		}
		errs = append(errs, stmt.Close())
	}
	return errors.Join(errs...)
}
