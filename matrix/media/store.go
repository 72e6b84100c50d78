package media

import (
	"context"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

var (
	insertFile = db.SQL("media.insert", `INSERT INTO media_file (id, owner, sha256, original, size_bytes, declared, sniffed, name, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`)
	readFile = db.SQL("media.read", `SELECT id, owner, sha256, original, size_bytes, declared, sniffed, name, created_at FROM media_file WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM media_quarantine q WHERE q.id = media_file.id)`)
)

var keptSums = db.SQL("media.kept_sums", `SELECT DISTINCT sha256 FROM media_file WHERE sha256 > $1 ORDER BY sha256 LIMIT 500`)

// Kept calls fn with the SHA-256 of every file that rows name, once each, for whoever copies them all. An error of fn ends it and is
// returned.
func Kept(ctx context.Context, q db.Querier, fn func(sum string) error) error {
	after := ""
	for {
		sums, err := db.Collect(ctx, q, keptSums, db.Scalar[string], after)
		if err != nil || len(sums) == 0 {
			return err
		}
		for _, sum := range sums {
			if err := fn(sum); err != nil {
				return err
			}
		}
		after = sums[len(sums)-1]
	}
}

var usedBy = db.SQL("media.used_by", `SELECT CAST(coalesce(sum(size_bytes), 0) AS BIGINT) FROM media_file WHERE owner = $1`)

// roomFor refuses a file that would take its owner beyond what one may have here.
// spec: client-server-api#content-repo-security-considerations
func (s *Service) roomFor(ctx context.Context, q db.Querier, owner id.User, size int64) error {
	if s.Quota <= 0 {
		return nil
	}
	used, err := db.One(ctx, q, usedBy, db.Scalar[int64], string(owner))
	if err == nil && used+max(size, 0) > s.Quota {
		err = fault.New(fault.Forbidden, "M_FORBIDDEN", "You have as many files here as you may.")
	}
	return err
}

func (s *Service) insert(ctx context.Context, f File, admit func(ctx context.Context, tx *db.Tx) error) error {
	return s.db.Write(ctx, "media.upload", func(ctx context.Context, tx *db.Tx) error {
		if err := admit(ctx, tx); err != nil {
			return err
		}
		if err := s.roomFor(ctx, tx, f.Owner, f.SizeBytes); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, insertFile, string(f.ID), string(f.Owner), f.SHA256, f.Original, f.SizeBytes, f.Declared, f.Sniffed, f.Name, f.CreatedAt.UnixMilli())
		return err
	})
}

// File returns what is known of an upload. An unknown one is NotFound.
func (s *Service) File(ctx context.Context, name ID) (File, error) {
	f, err := db.One(ctx, s.db, readFile, scanFile, string(name))
	if fault.Is(err, fault.NotFound) {
		return File{}, errUnknown
	}
	return f, err
}

func scanFile(r db.Row) (f File, err error) {
	var at int64
	err = r.Scan(&f.ID, &f.Owner, &f.SHA256, &f.Original, &f.SizeBytes, &f.Declared, &f.Sniffed, &f.Name, &at)
	f.CreatedAt = time.UnixMilli(at)
	return f, err
}
