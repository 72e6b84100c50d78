package archive

import (
	"context"
	"errors"
	"time"

	"wardline/ground/audit"
	"wardline/ground/db"
)

// copyRows is how many rows Migrate holds at once.
const copyRows = 512

// Migrate copies a trust's database into another, empty one, of either engine, and returns what was copied once every row there has
// been compared and the audit's chain walked. The data folder with its files serves both. The source is only read; what is written
// to it afterwards is not copied, so the server must be stopped. A target that is not empty is Conflict; after any error the target
// is empty again, or marked so that no server starts on it.
func Migrate(ctx context.Context, t Trust, to string) (m Manifest, err error) {
	began := time.Now()
	snap, err := db.OpenSnapshot(ctx, t.Database)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	done, err := snap.Migrations(ctx)
	if err != nil {
		return m, err
	}
	tables, err := snap.Tables(ctx)
	if err != nil {
		return m, err
	}
	var total int64
	for _, table := range tables {
		n, err := snap.Count(ctx, table)
		if err != nil {
			return m, err
		}
		total += n
	}
	d, err := db.Open(ctx, to)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	err = d.Fill(ctx, t.Migrations, done, func(ctx context.Context, f *db.Filling) error {
		for _, table := range tables {
			sum, err := t.copyTable(ctx, snap, f, table, m.Rows(), total)
			if err != nil {
				return err
			}
			m.Tables = append(m.Tables, sum)
		}
		sums, err := sumsOf(ctx, f, tables, func(done int64) { t.progress("rows compared", done, total) })
		if err != nil {
			return err
		}
		if err := differ(m.Tables, sums); err != nil {
			return err
		}
		m.Audit, err = audit.Verify(ctx, f)
		return err
	})
	m.At, m.Wardline, m.Took = began.UTC(), t.Version, time.Since(began)
	return m, err
}

func (t Trust) copyTable(ctx context.Context, snap *db.Snapshot, f *db.Filling, table db.Table, before, total int64) (TableSum, error) {
	var held [][]any
	sum, err := sumOf(ctx, snap, table, func(rows int64, row []any, _ []byte) error {
		held = append(held, append([]any(nil), row...))
		if len(held) < copyRows {
			return nil
		}
		err := f.Insert(ctx, table, held)
		held = held[:0]
		t.progress("rows", before+rows, total)
		return err
	})
	if err != nil {
		return sum, err
	}
	t.progress("rows", before+sum.Rows, total)
	return sum, f.Insert(ctx, table, held)
}
