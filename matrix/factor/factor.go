// Package factor is what people prove themselves with besides a password: codes of an app on their phone (TOTP), and codes on paper for the
// day when the phone is lost.
//
// It promises that a code opens one sign-in and never a second, that guessing is bounded whoever guesses at once, and that what fails
// closes. It refuses to stand alone: a code is asked only of whoever knew the password. Look first at Service.Check.
//
// spec: RFC 6238, RFC 4226
package factor

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"embed"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the schema of second steps.
func Migrations() db.Migrations { return db.Migrations{Package: "factor", FS: schema} }

// What a code is, and how often one may be wrong.
const (
	period     = 30 * time.Second
	digits     = 6
	window     = 1 // steps that a phone's clock may be off, either way
	maxTries   = 5
	tryPeriod  = 10 * time.Minute
	secretSize = 20
	recoveries = 10
)

// Service keeps second steps.
type Service struct {
	db       *db.DB
	accounts *account.Service
	seal     cipher.AEAD
	now      func() time.Time
	name     string // of the server, as authenticator apps show it
}

// New returns the service. key is a secret of the server's; what people's phones share with it is sealed by a key made of that, so that the
// database alone tells nobody's codes.
func New(d *db.DB, accounts *account.Service, key []byte, name string, now func() time.Time) (*Service, error) {
	derived, err := hkdf.Key(sha256.New, key, nil, "wardline second step", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &Service{db: d, accounts: accounts, seal: aead, now: now, name: name}, err
}

type row struct {
	secret                              []byte
	step, tries, triedAt, made, confirm int64
}

func scan(r db.Row) (v row, err error) {
	return v, r.Scan(&v.secret, &v.step, &v.tries, &v.triedAt, &v.made, &v.confirm)
}

var (
	find      = db.SQL("factor.find", `SELECT secret, step, tries, tried_at, made_at, confirmed_at FROM factor_totp WHERE member = $1 LIMIT 1`)
	begin     = db.SQL("factor.begin", `INSERT INTO factor_totp (member, secret, step, tries, tried_at, made_at, confirmed_at) VALUES ($1, $2, 0, 0, 0, $3, 0) ON CONFLICT (member) DO UPDATE SET secret = excluded.secret, step = 0, made_at = excluded.made_at WHERE factor_totp.confirmed_at = 0`)
	confirm   = db.SQL("factor.confirm", `UPDATE factor_totp SET confirmed_at = $2 WHERE member = $1 AND confirmed_at = 0`)
	try       = db.SQL("factor.try", `UPDATE factor_totp SET tries = $2, tried_at = $3 WHERE member = $1`)
	accept    = db.SQL("factor.accept", `UPDATE factor_totp SET step = $2, tries = 0 WHERE member = $1 AND step < $2`)
	discard   = db.SQL("factor.discard", `DELETE FROM factor_totp WHERE member = $1`)
	addCode   = db.SQL("factor.add_code", `INSERT INTO factor_recovery (member, hash) VALUES ($1, $2) ON CONFLICT (member, hash) DO NOTHING`)
	spendCode = db.SQL("factor.spend_code", `DELETE FROM factor_recovery WHERE member = $1 AND hash = $2`)
	endCodes  = db.SQL("factor.end_codes", `DELETE FROM factor_recovery WHERE member = $1`)
	countCode = db.SQL("factor.count_codes", `SELECT count(*) FROM factor_recovery WHERE member = $1`)
)

// The codes under which an app learns what is wanted of it.
const (
	CodeWanted = "UK_WARDLINE_SECOND_STEP" // a code is needed besides the password
	CodeWrong  = "UK_WARDLINE_WRONG_CODE"
)

var (
	errWanted = fault.New(fault.Forbidden, CodeWanted, "Give the code that your authenticator app shows, or one of your recovery codes.")
	errWrong  = fault.New(fault.Forbidden, CodeWrong, "That code is wrong or was used already. Wait for the next one.")
	errNone   = fault.New(fault.NotFound, "M_NOT_FOUND", "There is no second step to confirm. Begin again.")
	errHas    = fault.New(fault.Conflict, "M_CONFLICT", "You have a second step already. Remove it before you set up another.")
)

// at computes the code of a step.
// spec: RFC 4226#5.3
func at(secret []byte, step int64) string {
	var count [8]byte
	binary.BigEndian.PutUint64(count[:], uint64(step))
	mac := hmac.New(sha1.New, secret) // what authenticator apps have; its weakness does not touch HMAC
	mac.Write(count[:])
	sum := mac.Sum(nil)
	from := sum[len(sum)-1] & 0x0f
	return fmt.Sprintf("%0*d", digits, (binary.BigEndian.Uint32(sum[from:])&0x7fffffff)%1_000_000)
}

// matches returns the step whose code it is, after the last one that was accepted; 0 for none.
func matches(secret []byte, code string, now time.Time, last int64) int64 {
	found := int64(0)
	for step := now.Unix()/int64(period/time.Second) - window; step <= now.Unix()/int64(period/time.Second)+window; step++ {
		if subtle.ConstantTimeCompare([]byte(at(secret, step)), []byte(code)) == 1 && step > last {
			found = step
		}
	}
	return found
}

func (s *Service) open(u id.User, sealed []byte) ([]byte, error) {
	secret, err := s.seal.Open(nil, nil, sealed, []byte(u))
	if err != nil {
		return nil, fmt.Errorf("second step of %s: %w", u, err)
	}
	return secret, nil
}

// State is what somebody has.
type State struct {
	On       bool
	Recovery int // codes on paper that are left
}

// Of says what somebody has.
func (s *Service) Of(ctx context.Context, u id.User) (State, error) {
	v, err := db.One(ctx, s.db, find, scan, string(u))
	if fault.Is(err, fault.NotFound) || err == nil && v.confirm == 0 {
		return State{}, nil
	}
	if err != nil {
		return State{}, err
	}
	n, err := db.One(ctx, s.db, countCode, db.Scalar[int64], string(u))
	return State{On: true, Recovery: int(n)}, err
}

// Begin makes a secret for somebody's app and returns it as the app reads it: as an address for a picture, and to type. It counts for
// nothing until Confirm.
func (s *Service) Begin(ctx context.Context, u id.User) (address, typed string, err error) {
	secret := make([]byte, secretSize)
	_, _ = rand.Read(secret) // never fails, by its documentation
	sealed := s.seal.Seal(nil, nil, secret, []byte(u))
	err = s.db.Write(ctx, "factor.begin", func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.Exec(ctx, begin, string(u), sealed, s.now().UnixMilli())
		if err == nil && n == 0 {
			err = errHas
		}
		return err
	})
	if err != nil {
		return "", "", err
	}
	typed = base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
	q := url.Values{"secret": {typed}, "issuer": {s.name}, "period": {"30"}, "digits": {"6"}, "algorithm": {"SHA1"}}
	return "otpauth://totp/" + url.PathEscape(s.name+":"+u.Localpart()) + "?" + strings.ReplaceAll(q.Encode(), "+", "%20"), typed, nil
}

// Confirm switches the second step on for whoever shows by a code that their app has the secret, and returns the codes for paper.
func (s *Service) Confirm(ctx context.Context, u id.User, code string) ([]string, error) {
	var codes []string
	err := s.proved(ctx, u, func(ctx context.Context, tx *db.Tx, v row) (bool, error) {
		if v.confirm != 0 {
			return false, errHas
		}
		if good, err := s.accepts(ctx, tx, u, v, code); !good || err != nil {
			return good, err
		}
		if _, err := tx.Exec(ctx, confirm, string(u), s.now().UnixMilli()); err != nil {
			return false, err
		}
		var err error
		if codes, err = s.paper(ctx, tx, u); err != nil {
			return false, err
		}
		return true, s.note(ctx, tx, u, u, "factor.on")
	})
	return codes, err
}

// Check returns nil when somebody has no second step, or the code is right, which it then is no more. A missing code is Forbidden with
// CodeWanted, a wrong one with CodeWrong, and too many are Limited.
func (s *Service) Check(ctx context.Context, u id.User, code string) error {
	v, err := db.One(ctx, s.db, find, scan, string(u))
	if fault.Is(err, fault.NotFound) || err == nil && v.confirm == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if tidy(code) == "" {
		return errWanted
	}
	return s.proved(ctx, u, func(ctx context.Context, tx *db.Tx, v row) (bool, error) {
		return s.either(ctx, tx, u, v, code)
	})
}

// Remove takes somebody's second step away, for whoever gives a code.
func (s *Service) Remove(ctx context.Context, u id.User, code string) error {
	return s.proved(ctx, u, func(ctx context.Context, tx *db.Tx, v row) (bool, error) {
		if good, err := s.either(ctx, tx, u, v, code); !good || err != nil {
			return good, err
		}
		return true, s.drop(ctx, tx, u, u)
	})
}

// Renew makes new codes for paper, for whoever gives a code; the old ones are good no more.
func (s *Service) Renew(ctx context.Context, u id.User, code string) ([]string, error) {
	var codes []string
	err := s.proved(ctx, u, func(ctx context.Context, tx *db.Tx, v row) (bool, error) {
		good, err := s.either(ctx, tx, u, v, code)
		if !good || err != nil {
			return good, err
		}
		if codes, err = s.paper(ctx, tx, u); err != nil {
			return false, err
		}
		return true, s.note(ctx, tx, u, u, "factor.recovery")
	})
	return codes, err
}

// ResetIn takes away what somebody has lost, inside an open act, for who looks after accounts.
func (s *Service) ResetIn(ctx context.Context, tx *db.Tx, by, u id.User) error {
	return s.drop(ctx, tx, by, u)
}

func (s *Service) drop(ctx context.Context, tx *db.Tx, by, u id.User) error {
	_, first := tx.Exec(ctx, discard, string(u))
	_, second := tx.Exec(ctx, endCodes, string(u))
	return errors.Join(first, second, s.note(ctx, tx, by, u, "factor.off"))
}

func (s *Service) note(ctx context.Context, tx *db.Tx, by, u id.User, what string) error {
	return audit.Append(ctx, tx, audit.Entry{At: s.now(), Actor: string(by), Action: what, Object: string(u)})
}

// proved counts a try and looks whether it is right, in one act: many who ask at once come one after the other, so that none gets more
// tries than the others leave. A right one takes the count back.
func (s *Service) proved(ctx context.Context, u id.User, right func(ctx context.Context, tx *db.Tx, v row) (bool, error)) error {
	var refused error
	err := s.db.Write(ctx, "factor.try", func(ctx context.Context, tx *db.Tx) error {
		refused = nil
		v, err := db.One(ctx, tx, find, scan, string(u))
		if fault.Is(err, fault.NotFound) {
			err = errNone
		}
		if err != nil {
			return err
		}
		now := s.now()
		if now.Sub(time.UnixMilli(v.triedAt)) > tryPeriod {
			v.tries, v.triedAt = 0, now.UnixMilli()
		}
		if v.tries >= maxTries {
			wait := tryPeriod - now.Sub(time.UnixMilli(v.triedAt))
			refused = &fault.Fault{Kind: fault.Limited, Code: "M_LIMIT_EXCEEDED", Public: "Too many wrong codes. Wait ten minutes.", RetryAfter: max(wait, time.Second)}
			return nil
		}
		good, err := right(ctx, tx, v)
		if err != nil || good {
			return err
		}
		refused = errWrong
		_, err = tx.Exec(ctx, try, string(u), v.tries+1, v.triedAt)
		return err
	})
	if err == nil {
		err = refused
	}
	return err
}

// either takes a code of the app or one from paper.
func (s *Service) either(ctx context.Context, tx *db.Tx, u id.User, v row, code string) (bool, error) {
	if v.confirm == 0 {
		return false, errNone
	}
	good, err := s.accepts(ctx, tx, u, v, code)
	if good || err != nil {
		return good, err
	}
	h := hashOf(u, code)
	n, err := tx.Exec(ctx, spendCode, string(u), h)
	if err != nil || n == 0 {
		return false, err
	}
	_, err = tx.Exec(ctx, try, string(u), int64(0), int64(0))
	return true, errors.Join(err, s.note(ctx, tx, u, u, "factor.recovered"))
}

// accepts uses up a code of the app.
func (s *Service) accepts(ctx context.Context, tx *db.Tx, u id.User, v row, code string) (bool, error) {
	secret, err := s.open(u, v.secret)
	if err != nil {
		return false, err
	}
	step := matches(secret, tidy(code), s.now(), v.step)
	if step == 0 {
		return false, nil
	}
	n, err := tx.Exec(ctx, accept, string(u), step)
	return n > 0, err
}

// paper makes codes for paper in the place of those that were there.
func (s *Service) paper(ctx context.Context, tx *db.Tx, u id.User) ([]string, error) {
	if _, err := tx.Exec(ctx, endCodes, string(u)); err != nil {
		return nil, err
	}
	var all []string
	for range recoveries {
		raw := make([]byte, 10)
		_, _ = rand.Read(raw) // never fails, by its documentation
		text := strings.ToLower(base32.StdEncoding.EncodeToString(raw))
		code := text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:]
		if _, err := tx.Exec(ctx, addCode, string(u), hashOf(u, code)); err != nil {
			return nil, err
		}
		all = append(all, code)
	}
	return all, nil
}

// tidy reads a code as people type it. The figures 0 and 1, which codes on paper do not have, are left for those of apps.
func tidy(code string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, code)
}

func hashOf(u id.User, code string) []byte {
	h := sha256.Sum256([]byte(string(u) + " " + tidy(code)))
	return h[:]
}
