package media

import (
	"context"
	"strconv"
	"time"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

var (
	quarantineOne  = db.SQL("media.quarantine", `INSERT INTO media_quarantine (id, by_user, at) SELECT id, $2, $3 FROM media_file WHERE id = $1 ON CONFLICT (id) DO NOTHING`)
	quarantineFrom = db.SQL("media.quarantine_from", `INSERT INTO media_quarantine (id, by_user, at) SELECT id, $2, $3 FROM media_file WHERE owner = $1 ON CONFLICT (id) DO NOTHING`)
	release        = db.SQL("media.release", `DELETE FROM media_quarantine WHERE id = $1`)
	fileExists     = db.SQL("media.exists", `SELECT count(*) FROM media_file WHERE id = $1`)
)

func (s *Service) act(ctx context.Context, by id.User, action, object string, fn func(ctx context.Context, tx *db.Tx, now int64) (int64, error)) (n int, err error) {
	err = s.db.Write(ctx, "media."+action, func(ctx context.Context, tx *db.Tx) error {
		now := time.Now()
		rows, err := fn(ctx, tx, now.UnixMilli())
		if n = int(rows); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Entry{At: now, Actor: string(by), Action: "media." + action, Object: object, Detail: map[string]string{"files": strconv.Itoa(n)}})
	})
	return n, err
}

// Quarantine takes files out of sight: to everybody they are not there any more. It returns how many were not hidden already. Names that
// are none are left out.
func (s *Service) Quarantine(ctx context.Context, by id.User, object string, files ...ID) (int, error) {
	return s.act(ctx, by, "quarantine", object, func(ctx context.Context, tx *db.Tx, now int64) (sum int64, err error) {
		for _, f := range files {
			n, err := tx.Exec(ctx, quarantineOne, string(f), string(by), now)
			if err != nil {
				return 0, err
			}
			sum += n
		}
		return sum, nil
	})
}

// QuarantineFrom takes everything out of sight that somebody has uploaded.
func (s *Service) QuarantineFrom(ctx context.Context, by, owner id.User) (int, error) {
	return s.act(ctx, by, "quarantine", string(owner), func(ctx context.Context, tx *db.Tx, now int64) (int64, error) {
		return tx.Exec(ctx, quarantineFrom, string(owner), string(by), now)
	})
}

// Release puts a file back into sight.
func (s *Service) Release(ctx context.Context, by id.User, file ID) error {
	_, err := s.act(ctx, by, "release", string(file), func(ctx context.Context, tx *db.Tx, _ int64) (int64, error) {
		return tx.Exec(ctx, release, string(file))
	})
	return err
}

// Known returns nil when there is such a file, hidden or not, and NotFound otherwise.
func (s *Service) Known(ctx context.Context, server string, file ID) error {
	n, err := db.One(ctx, s.db, fileExists, db.Scalar[int64], string(file))
	if err == nil && (n == 0 || server != string(s.server)) {
		err = fault.New(fault.NotFound, "M_NOT_FOUND", "There is no such file.")
	}
	return err
}
