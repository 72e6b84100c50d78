// Package lock keeps a device shut after a pause, until whoever it belongs to gives its short code.
//
// It promises that a locked device is refused everything that tells something, by the server and not by a screen; that a code can be
// tried five times and no more, whoever asks at once; and that what fails closes. It refuses to be a password: a code opens one device
// that is signed in already, and is forgotten with it. Look first at Service.Open.
package lock

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"embed"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/run"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the schema of codes.
func Migrations() db.Migrations { return db.Migrations{Package: "lock", FS: schema} }

// MaxTries is how often a wrong code may be given before the device is signed out.
const MaxTries = 5

// Service keeps codes and who is locked.
type Service struct {
	db       *db.DB
	accounts *account.Service
	hashing  *run.Gate

	any    atomic.Int64 // how many devices are locked: none, and nobody asks further
	mu     sync.RWMutex // guards locked
	locked map[key]bool
}

type key struct {
	user   id.User
	device id.Device
}

// New returns the service; Load must be called before it is asked.
func New(d *db.DB, accounts *account.Service) *Service {
	return &Service{db: d, accounts: accounts, hashing: run.NewGate(2, 200), locked: map[key]bool{}}
}

type row struct {
	user       id.User
	device     id.Device
	salt, hash []byte
	tries      int64
	lockedAt   int64
}

func scan(r db.Row) (c row, err error) {
	err = r.Scan(&c.user, &c.device, &c.salt, &c.hash, &c.tries, &c.lockedAt)
	return c, err
}

var (
	find      = db.SQL("lock.find", `SELECT member, device, salt, hash, tries, locked_at FROM lock_code WHERE member = $1 AND device = $2`)
	allLocked = db.SQL("lock.all", `SELECT member, device, salt, hash, tries, locked_at FROM lock_code WHERE locked_at > 0 ORDER BY member, device LIMIT 1000000`)
	save      = db.SQL("lock.save", `INSERT INTO lock_code (member, device, salt, hash, tries, locked_at, set_at) VALUES ($1, $2, $3, $4, 0, 0, $5)
		ON CONFLICT (member, device) DO UPDATE SET salt = excluded.salt, hash = excluded.hash, tries = 0, locked_at = 0, set_at = excluded.set_at`)
	try     = db.SQL("lock.try", `UPDATE lock_code SET tries = tries + 1 WHERE member = $1 AND device = $2 AND tries < $3`)
	open    = db.SQL("lock.open", `UPDATE lock_code SET tries = 0, locked_at = 0 WHERE member = $1 AND device = $2`)
	shut    = db.SQL("lock.shut", `UPDATE lock_code SET locked_at = $3 WHERE member = $1 AND device = $2 AND locked_at = 0`)
	discard = db.SQL("lock.discard", `DELETE FROM lock_code WHERE member = $1 AND device = $2`)
)

var (
	errWeak  = fault.New(fault.Invalid, "M_INVALID_PARAM", "Choose four to eight digits that are not all the same and not in a row.")
	errNone  = fault.New(fault.NotFound, "M_NOT_FOUND", "This device has no code. Set one first.")
	errEnded = fault.New(fault.Unauthenticated, "M_UNKNOWN_TOKEN", "The code was wrong five times, so this device was signed out.")
	errShut  = fault.New(fault.Forbidden, "UK_WARDLINE_LOCKED", "This device is locked. Give its code.")
)

// check refuses codes that everybody would try first.
func check(code string) error {
	if len(code) < 4 || len(code) > 8 || strings.Trim(code, "0123456789") != "" {
		return errWeak
	}
	same, up, down := true, true, true
	for i := 1; i < len(code); i++ {
		same = same && code[i] == code[0]
		up = up && code[i] == code[i-1]+1
		down = down && code[i] == code[i-1]-1
	}
	if same || up || down {
		return errWeak
	}
	return nil
}

// derive makes a code's hash; only two are made at once, because each takes megabytes.
func (s *Service) derive(ctx context.Context, code string, salt []byte) ([]byte, error) {
	leave, err := s.hashing.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return argon2.IDKey([]byte(code), salt, 2, 19*1024, 1, 32), nil
}

// Load finds out who is locked. Call it once, before anything is answered.
func (s *Service) Load(ctx context.Context) error {
	all, err := db.Collect(ctx, s.db, allLocked, scan)
	if err != nil {
		return err
	}
	for _, c := range all {
		s.mark(key{c.user, c.device}, true)
	}
	return nil
}

func (s *Service) mark(k key, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch was := s.locked[k]; {
	case on && !was:
		s.locked[k] = true
		s.any.Add(1)
	case !on && was:
		delete(s.locked, k)
		s.any.Add(-1)
	}
}

// Locked says whether a device is shut. While none is, it costs one read.
func (s *Service) Locked(a account.Actor) bool {
	if s.any.Load() == 0 {
		return false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.locked[key{a.User, a.Device}]
}

// Refusal is what a locked device hears to everything.
func (s *Service) Refusal() error { return errShut }

// Has says whether a device has a code.
func (s *Service) Has(ctx context.Context, a account.Actor) (bool, error) {
	_, err := db.One(ctx, s.db, find, scan, string(a.User), string(a.Device))
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// Set gives a device its code. One that has a code already must give that one, and may guess no more often than at the lock.
func (s *Service) Set(ctx context.Context, a account.Actor, old, code string) error {
	if err := check(code); err != nil {
		return err
	}
	if err := s.prove(ctx, a, old); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails, by its documentation
	hash, err := s.derive(ctx, code, salt)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, "lock.set", func(ctx context.Context, tx *db.Tx) error {
		if err := s.accounts.HasDevice(ctx, tx, a.User, a.Device); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, save, string(a.User), string(a.Device), salt, hash, time.Now().UnixMilli())
		tx.OnCommit(func() { s.mark(key{a.User, a.Device}, false) })
		return err
	})
}

// Remove takes a device's code away, for whoever knows it.
func (s *Service) Remove(ctx context.Context, a account.Actor, code string) error {
	if err := s.prove(ctx, a, code); err != nil {
		return err
	}
	return s.forget(ctx, a)
}

func (s *Service) forget(ctx context.Context, a account.Actor) error {
	return s.db.Write(ctx, "lock.remove", func(ctx context.Context, tx *db.Tx) error {
		return s.SignedOut(ctx, tx, a.User, []id.Device{a.Device})
	})
}

// Shut locks a device that has a code.
func (s *Service) Shut(ctx context.Context, a account.Actor) error {
	if has, err := s.Has(ctx, a); err != nil || !has {
		if err == nil {
			err = errNone
		}
		return err
	}
	return s.db.WriteFirst(ctx, "lock.shut", func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, shut, string(a.User), string(a.Device), time.Now().UnixMilli())
		tx.OnCommit(func() { s.mark(key{a.User, a.Device}, true) })
		return err
	})
}

// Open opens a locked device. A wrong code is Forbidden and says how many tries are left; after the last, the device is signed out.
func (s *Service) Open(ctx context.Context, a account.Actor, code string) error {
	return s.prove(ctx, a, code)
}

// OpenProved opens a locked device for its owner, who has proved to be that in another way. A device without a code is NotFound.
func (s *Service) OpenProved(ctx context.Context, a account.Actor) error {
	return s.db.WriteFirst(ctx, "lock.open", func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.Exec(ctx, open, string(a.User), string(a.Device))
		if err == nil && n == 0 {
			err = errNone
		}
		tx.OnCommit(func() { s.mark(key{a.User, a.Device}, false) })
		return err
	})
}

// prove checks a code, and opens the device when it is right: in the act's own commit, so that a lock that comes at the same moment is
// before it or after it, and never in between. The try is counted, and on disk, before the code is looked at, so that many who ask at once have no more tries
// than one; success takes the count back.
func (s *Service) prove(ctx context.Context, a account.Actor, code string) error {
	who := []any{string(a.User), string(a.Device)}
	if _, err := db.One(ctx, s.db, find, scan, who...); err != nil {
		if fault.Is(err, fault.NotFound) {
			return errNone
		}
		return err
	}
	var now row
	spent := false
	err := s.db.WriteFirst(ctx, "lock.try", func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.Exec(ctx, try, who[0], who[1], MaxTries)
		if err != nil {
			return err
		}
		spent = n == 0
		now, err = db.One(ctx, tx, find, scan, who...)
		return err
	})
	if err != nil {
		return err
	}
	if spent {
		return s.end(ctx, a)
	}
	hash, err := s.derive(ctx, code, now.salt)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(hash, now.hash) != 1 {
		left := MaxTries - now.tries
		if left <= 0 {
			return s.end(ctx, a)
		}
		f := fault.New(fault.Forbidden, "UK_WARDLINE_WRONG_CODE", "That is not the PIN.")
		f.Extra = map[string]any{"tries_left": left}
		return f
	}
	return s.db.WriteFirst(ctx, "lock.open", func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, open, who...)
		tx.OnCommit(func() { s.mark(key{a.User, a.Device}, false) })
		return err
	})
}

// end signs the device out, which forgets its code as well.
func (s *Service) end(ctx context.Context, a account.Actor) error {
	err := s.accounts.Logout(context.WithoutCancel(ctx), a.User, func(d id.Device) bool { return d == a.Device })
	if err != nil {
		return err
	}
	return errEnded
}

// SignedOut forgets the codes of devices that are being signed out, inside that act.
func (s *Service) SignedOut(ctx context.Context, tx *db.Tx, u id.User, devices []id.Device) error {
	for _, d := range devices {
		if _, err := tx.Exec(ctx, discard, string(u), string(d)); err != nil {
			return err
		}
	}
	tx.OnCommit(func() {
		for _, d := range devices {
			s.mark(key{u, d}, false)
		}
	})
	return nil
}
