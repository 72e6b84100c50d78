package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"wardline/ground/fault"
)

// Table is one table as both engines see it. Columns are in the order of their names, so that it does not depend on the history
// of a schema.
type Table struct {
	Name    string   `json:"name"`
	Columns []Column `json:"columns"`
}

// Column is one column of a Table. Type is BIGINT, TEXT, BYTEA or BOOLEAN.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// view reads whole tables over one connection with an open transaction.
//
// Its SQL is put together at run time, which nothing else in the program may do (test/house holds it to this file and fill.go): it
// copies tables that it has never heard of, and a hand-written list of columns would one day leave a new one out of every backup.
// The names come from the engine's own catalogue and must be plain.
type view struct {
	conn     *sql.Conn
	postgres bool
}

// query makes a view a Querier, so that what packages know to read can be read from it too.
func (v view) query(ctx context.Context, s *Statement, args []any) (*sql.Rows, error) {
	text := s.sqlite
	if v.postgres {
		text = s.Text
	}
	return v.conn.QueryContext(ctx, text, args...)
}

// Snapshot is the whole database as it was at one instant, for reading only. Writers do not wait for it, nor it for them. It is
// for one goroutine. It is a Querier.
type Snapshot struct {
	view
	pool *sql.DB
}

// OpenSnapshot opens the database named by source, as for Open, while a server may be running on it: it takes no lock and writes
// nothing. A SQLite file that does not exist is NotFound. The caller closes it soon, because a SQLite server cannot shorten its
// write-ahead log before that.
func OpenSnapshot(ctx context.Context, source string) (*Snapshot, error) {
	s := &Snapshot{}
	begin, err := "BEGIN", error(nil)
	if isPostgres(source) {
		s.postgres, begin = true, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
		s.pool, err = sql.Open("pgx", source)
	} else if _, err = os.Stat(source); errors.Is(err, os.ErrNotExist) {
		return nil, fault.Wrap(fault.NotFound, "", "There is no database there.", err)
	} else if err == nil {
		q := url.Values{"_pragma": {"busy_timeout(10000)", "query_only(on)"}, "mode": {"ro"}}
		s.pool, err = sql.Open("sqlite", "file:"+source+"?"+q.Encode())
	}
	if err != nil {
		return nil, fmt.Errorf("open snapshot: %w", err)
	}
	if s.conn, err = s.pool.Conn(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open snapshot: %w", err), s.Close())
	}
	if _, err := s.conn.ExecContext(ctx, begin); err != nil {
		return nil, errors.Join(fmt.Errorf("open snapshot: %w", err), s.Close())
	}
	if _, err := s.Migrations(ctx); err != nil { // the first read is what fixes the instant
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close ends the view.
func (s *Snapshot) Close() error {
	var errs []error
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	return errors.Join(append(errs, s.pool.Close())...)
}

// Postgres says which engine the snapshot is of.
func (s *Snapshot) Postgres() bool { return s.postgres }

// Migrations returns the names of all migrations that were applied, as package/schema/file, sorted. A database that no wardline
// wrote, and one whose restore was not finished, are Invalid.
func (s *Snapshot) Migrations(ctx context.Context) ([]string, error) {
	tables, err := s.tableNames(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(tables, "db_migration") {
		return nil, fault.New(fault.Invalid, "", "The database was not written by wardline.")
	}
	rows, err := s.conn.QueryContext(ctx, `SELECT package, name FROM db_migration`)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var pkg, name string
		if err := rows.Scan(&pkg, &name); err != nil {
			return nil, fmt.Errorf("read migrations: %w", err)
		}
		if pkg == unfinished {
			return nil, errUnfinished
		}
		all = append(all, pkg+"/"+name)
	}
	slices.Sort(all)
	return all, rows.Err()
}

var plainName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func (v view) names(ctx context.Context, text string, args ...any) ([][2]string, error) {
	rows, err := v.conn.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("read catalogue: %w", err)
	}
	defer rows.Close()
	var all [][2]string
	for rows.Next() {
		var n [2]string
		if err := rows.Scan(&n[0], &n[1]); err != nil {
			return nil, fmt.Errorf("read catalogue: %w", err)
		}
		if !plainName.MatchString(n[0]) {
			return nil, fmt.Errorf("read catalogue: the name %q is not one of ours", n[0])
		}
		all = append(all, n)
	}
	return all, rows.Err()
}

func (v view) tableNames(ctx context.Context) ([]string, error) {
	text := `SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND substr(name, 1, 7) <> 'sqlite_'`
	if v.postgres {
		text = `SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'`
	}
	all, err := v.names(ctx, text)
	out := make([]string, len(all))
	for i, n := range all {
		out[i] = n[0]
	}
	slices.Sort(out)
	return out, err
}

// derived are tables that are made anew from others when they are empty: <package>_index_<what>. A copy leaves them out.
var derived = regexp.MustCompile(`^[a-z]+_index_`)

// Tables returns every table with what a trust has written, by name: all but the list of migrations, which a copy makes for itself, and
// what is derived.
// A column outside our four types is an error, because a copy that left it out would be believed to be whole.
func (v view) Tables(ctx context.Context) ([]Table, error) {
	names, err := v.tableNames(ctx)
	if err != nil {
		return nil, err
	}
	text := `SELECT name, type FROM pragma_table_info($1)`
	if v.postgres {
		text = `SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1`
	}
	var all []Table
	for _, name := range names {
		if name == "db_migration" || derived.MatchString(name) {
			continue
		}
		columns, err := v.names(ctx, text, name)
		if err != nil {
			return nil, err
		}
		t := Table{Name: name}
		for _, c := range columns {
			typ := strings.ToUpper(c[1])
			if !slices.Contains([]string{"BIGINT", "TEXT", "BYTEA", "BOOLEAN"}, typ) {
				return nil, fmt.Errorf("table %s: column %s has type %s, which a copy does not know", name, c[0], typ)
			}
			t.Columns = append(t.Columns, Column{Name: c[0], Type: typ})
		}
		slices.SortFunc(t.Columns, func(a, b Column) int { return strings.Compare(a.Name, b.Name) })
		all = append(all, t)
	}
	return all, nil
}

func (t Table) list() string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}

// Count returns how many rows a table has.
func (v view) Count(ctx context.Context, t Table) (n int64, err error) {
	if err := v.conn.QueryRowContext(ctx, "SELECT count(*) FROM "+t.Name).Scan(&n); err != nil {
		return 0, fmt.Errorf("count %s: %w", t.Name, err)
	}
	return n, nil
}

// Rows calls fn with every row of a table, in no order. Values are int64, string, []byte, bool or nil, as t.Columns says; the
// slice is fn's only until it returns. An error of fn ends it and is returned.
func (v view) Rows(ctx context.Context, t Table, fn func(row []any) error) error {
	rows, err := v.conn.QueryContext(ctx, "SELECT "+t.list()+" FROM "+t.Name)
	if err != nil {
		return fmt.Errorf("read table %s: %w", t.Name, err)
	}
	defer rows.Close()
	into, row := make([]any, len(t.Columns)), make([]any, len(t.Columns))
	for i, c := range t.Columns {
		switch c.Type {
		case "BIGINT":
			into[i] = &sql.Null[int64]{}
		case "BOOLEAN":
			into[i] = &sql.Null[bool]{}
		case "TEXT":
			into[i] = &sql.Null[string]{}
		default:
			into[i] = &sql.Null[[]byte]{}
		}
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("read table %s: %w", t.Name, err)
		}
		for i := range into {
			row[i] = plain(into[i])
		}
		if err := fn(row); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read table %s: %w", t.Name, err)
	}
	return nil
}

// plain takes a scanned value out of its wrapping.
func plain(v any) any {
	switch v := v.(type) {
	case *sql.Null[int64]:
		if v.Valid {
			return v.V
		}
	case *sql.Null[bool]:
		if v.Valid {
			return v.V
		}
	case *sql.Null[string]:
		if v.Valid {
			return v.V
		}
	case *sql.Null[[]byte]:
		if v.Valid {
			return append([]byte{}, v.V...) // no bytes are not NULL
		}
	}
	return nil
}
