package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"wardline/ground/fault"
)

// unfinished is the package that db_migration names while a database is being filled. No program knows such a package, so that none,
// not even an older one, starts on half a copy.
const unfinished = "unfinished-copy"

var errUnfinished = fault.New(fault.Unavailable, "", "A restore into this database was not finished. Empty it and restore again.")

// Filling is a database while it is being filled. It is a Querier. It is valid only inside the function that got it.
type Filling struct {
	view
	inserts map[string]*sql.Stmt
}

// fillRows is how many rows one INSERT carries: enough that the engine and not the way to it sets the pace.
const fillRows = 32

// Fill makes a fresh database into a copy. It applies those migrations of all that are named in only (package/schema/file), calls fn
// to write and check the rows, in one transaction, and then applies the migrations that the copy did not have yet. A database that
// holds any table is Conflict and stays as it was; a name in only that this program does not know is Unavailable. When fn fails,
// every table is removed again; when the process ends instead, the database stays marked and neither Migrate nor OpenSnapshot takes
// it. It must be called instead of Migrate, before anything else.
func (d *DB) Fill(ctx context.Context, all []Migrations, only []string, fn func(ctx context.Context, f *Filling) error) error {
	v := view{conn: d.conn, postgres: d.postgres}
	there, err := v.tableNames(ctx)
	if err != nil {
		return err
	}
	if len(there) > 0 {
		return fault.New(fault.Conflict, "", "The database to copy into is not empty.")
	}
	if err := d.fill(ctx, v, all, only, fn); err != nil {
		return errors.Join(err, d.dropAll(ctx, v))
	}
	return d.Migrate(ctx, all...)
}

func (d *DB) fill(ctx context.Context, v view, all []Migrations, only []string, fn func(ctx context.Context, f *Filling) error) error {
	if err := d.markUnfinished(ctx); err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, name := range only {
		wanted[name] = true
	}
	err := eachMigration(all, func(m Migrations, name string) error {
		if key := m.Package + "/" + name; wanted[key] {
			delete(wanted, key)
			return d.migrateOne(ctx, m, name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for name := range wanted {
		return fault.Wrap(fault.Unavailable, "", "The data was written by a newer wardline. Use that version.", fmt.Errorf("unknown migration %s", name))
	}
	if _, err := d.conn.ExecContext(ctx, d.begin()); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	f := &Filling{view: v, inserts: map[string]*sql.Stmt{}}
	err = f.clear(ctx)
	if err == nil {
		err = fn(ctx, f)
	}
	for _, s := range f.inserts {
		err = errors.Join(err, s.Close())
	}
	if err == nil {
		_, err = d.conn.ExecContext(ctx, `DELETE FROM db_migration WHERE package = $1`, unfinished)
	}
	if err == nil {
		_, err = d.conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		_, undo := d.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return errors.Join(err, undo)
	}
	return nil
}

// markUnfinished makes the first tables and the mark in one transaction: there is no instant with tables and without it.
func (d *DB) markUnfinished(ctx context.Context) error {
	if _, err := d.conn.ExecContext(ctx, d.begin()); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	err := d.bootstrap(ctx)
	if err == nil {
		_, err = d.conn.ExecContext(ctx, `INSERT INTO db_migration (package, name, at) VALUES ($1, $2, $3)`, unfinished, "", time.Now().UnixMilli())
	}
	if err == nil {
		_, err = d.conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		_, undo := d.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return errors.Join(fmt.Errorf("mark database: %w", err), undo)
	}
	return nil
}

// clear removes the rows that migrations have put in: the copy brings its own.
func (f *Filling) clear(ctx context.Context) error {
	tables, err := f.Tables(ctx)
	if err != nil {
		return err
	}
	for _, t := range tables {
		if _, err := f.conn.ExecContext(ctx, "DELETE FROM "+t.Name); err != nil {
			return fmt.Errorf("empty table %s: %w", t.Name, err)
		}
	}
	return nil
}

func (d *DB) dropAll(ctx context.Context, v view) error {
	ctx = context.WithoutCancel(ctx)
	names, err := v.tableNames(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := d.conn.ExecContext(ctx, "DROP TABLE "+name); err != nil {
			return fmt.Errorf("remove table %s: %w", name, err)
		}
	}
	return nil
}

// Insert writes rows, whose values are in the order of t.Columns. Rows that cannot be in such a table, two with one key for example, are
// Invalid.
func (f *Filling) Insert(ctx context.Context, t Table, rows [][]any) error {
	for len(rows) > 0 {
		n := min(fillRows, len(rows))
		args := make([]any, 0, n*len(t.Columns))
		for _, row := range rows[:n] {
			args = append(args, row...)
		}
		rows = rows[n:]
		if err := f.insert(ctx, t, n, args); err != nil {
			err = fmt.Errorf("write table %s: %w", t.Name, err)
			if unfit(err) {
				err = fault.Wrap(fault.Invalid, "", "The rows do not fit into table "+t.Name+".", err)
			}
			return err
		}
	}
	return nil
}

func (f *Filling) insert(ctx context.Context, t Table, n int, args []any) (err error) {
	stmt := f.inserts[t.Name]
	if stmt == nil || n != fillRows {
		if stmt, err = f.conn.PrepareContext(ctx, insertText(t, n)); err != nil {
			return err
		}
		if n == fillRows {
			f.inserts[t.Name] = stmt
		} else {
			defer func() { err = errors.Join(err, stmt.Close()) }()
		}
	}
	_, err = stmt.ExecContext(ctx, args...)
	return err
}

// insertText is an INSERT of n rows.
func insertText(t Table, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES ", t.Name, t.list())
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		for j := range t.Columns {
			sep := ", "
			if j == 0 {
				sep = "("
			}
			fmt.Fprintf(&b, "%s$%d", sep, i*len(t.Columns)+j+1)
		}
		b.WriteByte(')')
	}
	return b.String()
}
