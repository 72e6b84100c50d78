package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"wardline/ground/fault"
)

// Querier is where a query may run: the pool of readers (*DB) or an open act (*Tx), which also sees what the act has written.
type Querier interface {
	query(ctx context.Context, s *Statement, args []any) (*sql.Rows, error)
}

// Row is one row of a result.
type Row interface {
	Scan(dest ...any) error
}

func (d *DB) text(s *Statement) string {
	if d.postgres {
		return s.Text
	}
	return s.sqlite
}

func (d *DB) writerStmt(ctx context.Context, s *Statement) (*sql.Stmt, error) {
	if stmt, ok := d.onWriter[s]; ok {
		return stmt, nil
	}
	stmt, err := d.conn.PrepareContext(ctx, d.text(s))
	if err != nil {
		return nil, wrap(s, err)
	}
	d.onWriter[s] = stmt
	return stmt, nil
}

func (d *DB) query(ctx context.Context, s *Statement, args []any) (*sql.Rows, error) {
	if v, ok := d.prepared.Load(s); ok {
		return v.(*sql.Stmt).QueryContext(ctx, args...)
	}
	stmt, err := d.readers.PrepareContext(ctx, d.text(s))
	if err != nil {
		return nil, err
	}
	if v, raced := d.prepared.LoadOrStore(s, stmt); raced {
		_ = stmt.Close()
		stmt = v.(*sql.Stmt)
	}
	return stmt.QueryContext(ctx, args...)
}

func (tx *Tx) query(ctx context.Context, s *Statement, args []any) (*sql.Rows, error) {
	stmt, err := tx.db.writerStmt(ctx, s)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// Collect runs a query and turns every row into a T. No rows is an empty list, not an error.
func Collect[T any](ctx context.Context, q Querier, s *Statement, scan func(Row) (T, error), args ...any) ([]T, error) {
	return again(ctx, q, func(ctx context.Context) ([]T, error) {
		rows, err := q.query(ctx, s, args)
		if err != nil {
			return nil, wrap(s, err)
		}
		defer rows.Close()
		var all []T
		for rows.Next() {
			v, err := scan(rows)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.Name, err)
			}
			all = append(all, v)
		}
		if err := rows.Err(); err != nil {
			return nil, wrap(s, err)
		}
		return all, nil
	})
}

// One runs a query that has at most one row. A missing row is fault.NotFound, never a zero value.
func One[T any](ctx context.Context, q Querier, s *Statement, scan func(Row) (T, error), args ...any) (T, error) {
	return again(ctx, q, func(ctx context.Context) (zero T, err error) {
		rows, err := q.query(ctx, s, args)
		if err != nil {
			return zero, wrap(s, err)
		}
		defer rows.Close()
		if !rows.Next() {
			if err := rows.Err(); err != nil {
				return zero, wrap(s, err)
			}
			return zero, fault.Wrap(fault.NotFound, "M_NOT_FOUND", "Not found.", errors.New(s.Name+": no row"))
		}
		v, err := scan(rows)
		if err != nil {
			return zero, fmt.Errorf("%s: %w", s.Name, err)
		}
		return v, rows.Err()
	})
}

// again reads once more over a fresh connection when a PostgreSQL that has been away leaves the pool full of dead ones.
func again[T any](ctx context.Context, q Querier, read func(ctx context.Context) (T, error)) (T, error) {
	d, pooled := q.(*DB)
	if !pooled || !d.postgres {
		return read(ctx)
	}
	bounded, cancel := context.WithTimeout(ctx, d.patience)
	defer cancel()
	v, err := read(bounded)
	if err == nil {
		return v, nil
	}
	if ctx.Err() == nil && bounded.Err() != nil { // not the caller's doing
		return v, &fault.Fault{Kind: fault.Unavailable, Public: "The server cannot reach its data just now. Try again in a moment.", Cause: err, RetryAfter: time.Second}
	}
	if !troubled(err) {
		return v, err
	}
	d.readers.SetMaxIdleConns(0)
	d.readers.SetMaxIdleConns(maxReaders)
	return read(bounded)
}

// Scalar scans a row of one column, for One and Collect.
func Scalar[T any](r Row) (T, error) {
	var v T
	err := r.Scan(&v)
	return v, err
}
