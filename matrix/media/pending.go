package media

import (
	"context"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/stream"
	"wardline/matrix/id"
)

var (
	insertPending = db.SQL("media.insert_pending", `INSERT INTO media_pending (id, owner, expires_at) VALUES ($1, $2, $3)`)
	readPending   = db.SQL("media.read_pending", `SELECT owner, expires_at FROM media_pending WHERE id = $1`)
	countPending  = db.SQL("media.count_pending", `SELECT count(*), coalesce(min(expires_at), 0) FROM media_pending WHERE owner = $1 AND expires_at > $2`)
	dropPending   = db.SQL("media.drop_pending", `DELETE FROM media_pending WHERE id = $1`)
	dropExpired   = db.SQL("media.drop_expired", `DELETE FROM media_pending WHERE expires_at <= $1`)
)

// Limits of names whose file is not there yet.
// spec: client-server-api#post_matrixmediav1create
const (
	pendingFor = 24 * time.Hour
	maxPending = 50 // of one user at once
)

// Limits of waiting for a file that somebody is still sending.
const (
	WaitDefault = 20 * time.Second
	waitMost    = time.Minute
)

// late is a file that somebody waits for.
type late struct {
	bell    stream.Bell
	waiting int
}

type pendingRow struct {
	owner     id.User
	expiresAt int64
}

type pendingCount struct{ n, first int64 }

// Reserve gives out a name for a file that its owner will send until a time, and not later. Somebody who has many such names already
// is Limited.
// spec: client-server-api#post_matrixmediav1create
func (s *Service) Reserve(ctx context.Context, owner id.User) (ID, time.Time, error) {
	name, now := ID(id.NewOpaque(18)), time.Now()
	s.blobs.dropOld(now.Add(-pendingFor))
	until := now.Add(pendingFor)
	err := s.db.Write(ctx, "media.reserve", func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, dropExpired, now.UnixMilli()); err != nil {
			return err
		}
		have, err := db.One(ctx, tx, countPending, func(r db.Row) (c pendingCount, err error) { return c, r.Scan(&c.n, &c.first) }, string(owner), now.UnixMilli())
		if err != nil {
			return err
		}
		if have.n >= maxPending {
			f := fault.New(fault.Limited, "M_LIMIT_EXCEEDED", "Send the files first that you have announced.")
			f.RetryAfter = max(time.UnixMilli(have.first).Sub(now), time.Second)
			return f
		}
		_, err = tx.Exec(ctx, insertPending, string(name), string(owner), until.UnixMilli())
		return err
	})
	return name, until, err
}

// expected says whether u may send the file of that name: NotFound when nobody was given the name or its time is over, Forbidden when
// somebody else was, Conflict when the file is there.
func (s *Service) expected(ctx context.Context, q db.Querier, u id.User, name ID) error {
	p, err := db.One(ctx, q, readPending, func(r db.Row) (p pendingRow, err error) { return p, r.Scan(&p.owner, &p.expiresAt) }, string(name))
	switch {
	case err == nil && p.owner != u:
		return fault.New(fault.Forbidden, "M_FORBIDDEN", "That name was given to somebody else.")
	case err == nil && p.expiresAt <= time.Now().UnixMilli():
		return errUnknown
	case !fault.Is(err, fault.NotFound):
		return err
	}
	f, err := db.One(ctx, q, readFile, scanFile, string(name))
	switch {
	case fault.Is(err, fault.NotFound):
		return errUnknown
	case err != nil:
		return err
	case f.Owner != u:
		return fault.New(fault.Forbidden, "M_FORBIDDEN", "That name was given to somebody else.")
	}
	return fault.New(fault.Conflict, "M_CANNOT_OVERWRITE_MEDIA", "The file has been sent already.")
}

// UploadTo is Upload under a name that was reserved before.
// spec: client-server-api#put_matrixmediav3uploadservernamemediaid
func (s *Service) UploadTo(ctx context.Context, server, name string, u Upload) (File, error) {
	media, err := ParseID(name)
	if err != nil {
		return File{}, err
	}
	if id.Server(server) != s.server {
		return File{}, errUnknown
	}
	if err := s.expected(ctx, s.db, u.Owner, media); err != nil {
		return File{}, err // before anything is read
	}
	return s.take(ctx, u, media, s.claim(u.Owner, media))
}

// claim uses up a name in the act that makes its file known.
func (s *Service) claim(owner id.User, name ID) func(ctx context.Context, tx *db.Tx) error {
	return func(ctx context.Context, tx *db.Tx) error {
		if err := s.expected(ctx, tx, owner, name); err != nil {
			return err // somebody was quicker, or the time is over
		}
		_, err := tx.Exec(ctx, dropPending, string(name))
		tx.AfterCommit(func() { s.arrived(name) })
		return err
	}
}

// arrived wakes those who wait for a file.
func (s *Service) arrived(name ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.late[name]; l != nil {
		l.bell.Ring()
	}
}

var errNotYet = fault.New(fault.NotFound, "M_NOT_YET_UPLOADED", "The file has not been sent yet.")

// await returns a file, waiting at most wait for one whose name was given out and whose time is not over.
func (s *Service) await(ctx context.Context, name ID, wait time.Duration) (File, error) {
	f, err := s.File(ctx, name)
	if !fault.Is(err, fault.NotFound) {
		return f, err
	}
	s.mu.Lock()
	l := s.late[name]
	if l == nil {
		l = &late{}
		s.late[name] = l
	}
	l.waiting++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if l.waiting--; l.waiting == 0 {
			delete(s.late, name)
		}
	}()
	timer := time.NewTimer(max(0, min(wait, waitMost)))
	defer timer.Stop()
	for over := wait <= 0; ; {
		ring := l.bell.Wait()
		if f, err = s.File(ctx, name); !fault.Is(err, fault.NotFound) {
			return f, err
		}
		p, err := db.One(ctx, s.db, readPending, func(r db.Row) (p pendingRow, err error) { return p, r.Scan(&p.owner, &p.expiresAt) }, string(name))
		switch {
		case fault.Is(err, fault.NotFound) || err == nil && p.expiresAt <= time.Now().UnixMilli():
			// It may have arrived between the two looks.
			return s.File(ctx, name)
		case err != nil:
			return File{}, err
		case over:
			return File{}, errNotYet
		}
		select {
		case <-ring:
		case <-timer.C:
			over = true
		case <-ctx.Done():
			return File{}, ctx.Err()
		}
	}
}
