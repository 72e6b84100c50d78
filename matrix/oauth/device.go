package oauth

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

// Pending is an app that waits for somebody to type its code elsewhere.
// spec: client-server-api#device-authorisation-flow
type Pending struct {
	DeviceCode, UserCode string
	Life, Interval       time.Duration
}

// How long an app may wait, and how often it may ask.
const (
	pendingLife = 15 * time.Minute
	pollEvery   = 5 * time.Second
	maxPolls    = 10_000
)

var (
	insertPending = db.SQL("oauth.insert_device", `INSERT INTO oauth_device (hash, user_code, client, device, scope, state, member, made_at) VALUES ($1, $2, $3, $4, $5, 'waiting', '', $6)`)
	readPending   = db.SQL("oauth.read_device", `SELECT user_code, client, device, scope, state, member, made_at, origin FROM oauth_device WHERE hash = $1`)
	findPending   = db.SQL("oauth.find_device", `SELECT user_code, client, device, scope, state, member, made_at, origin FROM oauth_device WHERE user_code = $1`)
	decidePending = db.SQL("oauth.decide_device", `UPDATE oauth_device SET state = $2, member = $3, origin = $4 WHERE user_code = $1 AND state = 'waiting'`)
	endPending    = db.SQL("oauth.end_device", `DELETE FROM oauth_device WHERE hash = $1`)
	oldPending    = db.SQL("oauth.old_devices", `DELETE FROM oauth_device WHERE made_at < $1`)
)

type pendingRow struct {
	userCode, client, scope, state string
	origin                         string
	device                         id.Device
	user                           id.User
	madeAt                         int64
}

func scanPending(r db.Row) (p pendingRow, err error) {
	return p, r.Scan(&p.userCode, &p.client, &p.device, &p.scope, &p.state, &p.user, &p.madeAt, &p.origin)
}

func (p *pendingRow) over(now time.Time) bool { return now.Sub(time.UnixMilli(p.madeAt)) > pendingLife }

// codeLetters are consonants: no code reads like a word, and none is mistaken for a digit.
const codeLetters = "BCDFGHJKLMNPQRSTVWXZ"

func newUserCode() string {
	var b [8]byte
	for i := range b {
		for {
			var one [1]byte
			_, _ = rand.Read(one[:]) // never fails, by its documentation
			if int(one[0]) < 256-256%len(codeLetters) {
				b[i] = codeLetters[int(one[0])%len(codeLetters)]
				break
			}
		}
	}
	return string(b[:])
}

// tidyCode reads a code as people type it.
func tidyCode(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			r -= 'a' - 'A'
		}
		if strings.ContainsRune(codeLetters, r) {
			return r
		}
		return -1
	}, s)
}

// Shown is a user code as people read it.
func Shown(code string) string {
	if code = tidyCode(code); len(code) != 8 {
		return code
	}
	return code[:4] + "-" + code[4:]
}

// Begin gives an app a code for people to type elsewhere. An app that did not register for this way is refused.
func (s *Service) Begin(ctx context.Context, client, scope string) (Pending, error) {
	c, err := s.Client(ctx, client)
	if err != nil {
		return Pending{}, err
	}
	if !c.grants(GrantDevice) {
		return Pending{}, refuse("unauthorized_client", "The app did not register for this way to sign in.")
	}
	sc, err := ParseScope(scope)
	if err != nil {
		return Pending{}, err
	}
	p := Pending{DeviceCode: "wld_" + id.NewOpaque(32), UserCode: newUserCode(), Life: pendingLife, Interval: pollEvery}
	now := time.Now()
	return p, s.db.Write(ctx, "oauth.begin", func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, oldPending, now.Add(-2*pendingLife).UnixMilli()); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, touchClient, client, now.UnixMilli()); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, insertPending, hashOf(p.DeviceCode), p.UserCode, client, string(sc.Device), sc.Text, now.UnixMilli())
		return err
	})
}

var errUserCode = fault.New(fault.NotFound, "M_NOT_FOUND", "There is no such code, or it has ended. Ask the app for a new one.")

// Waiting finds the app that waits for a code, and the device it asks for.
func (s *Service) Waiting(ctx context.Context, userCode string) (Client, id.Device, error) {
	p, err := db.One(ctx, s.db, findPending, scanPending, tidyCode(userCode))
	if fault.Is(err, fault.NotFound) || err == nil && (p.state != "waiting" || p.over(time.Now())) {
		return Client{}, "", errUserCode
	}
	if err != nil {
		return Client{}, "", err
	}
	c, err := s.Client(ctx, p.client)
	return c, p.device, err
}

// Decide notes what a user, who has just signed in, says to the app that waits for a code. origin is as in Authorise.
func (s *Service) Decide(ctx context.Context, userCode string, u id.User, origin string, allow bool) error {
	c, device, err := s.Waiting(ctx, userCode)
	if err != nil {
		return err
	}
	state, action := "denied", "oauth.deny"
	if allow {
		state, action = "allowed", "oauth.allow"
	}
	return s.db.Write(ctx, "oauth.decide", func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.Exec(ctx, decidePending, tidyCode(userCode), state, string(u), origin)
		if err != nil {
			return err
		}
		if n == 0 {
			return errUserCode
		}
		return audit.Append(ctx, tx, audit.Entry{At: time.Now(), Actor: string(u), Action: action, Object: c.ID, Detail: map[string]string{"device": string(device)}})
	})
}

// Poll gives a waiting app its tokens once somebody has said yes.
// spec: RFC 8628#3.5
func (s *Service) Poll(ctx context.Context, client, deviceCode string) (Tokens, error) {
	p, err := db.One(ctx, s.db, readPending, scanPending, hashOf(deviceCode))
	if fault.Is(err, fault.NotFound) || err == nil && p.client != client {
		return Tokens{}, refuse("invalid_grant", "There is no such device code.")
	}
	if err != nil {
		return Tokens{}, err
	}
	if p.over(time.Now()) {
		return Tokens{}, refuse("expired_token", "The device code has ended.")
	}
	if s.tooSoon(p.userCode) {
		return Tokens{}, refuse("slow_down", "Ask no more than once in five seconds.")
	}
	switch p.state {
	case "waiting":
		return Tokens{}, refuse("authorization_pending", "Nobody has said yes yet.")
	case "denied":
		return Tokens{}, refuse("access_denied", "The answer was no.")
	}
	return s.open(ctx, client, account.SignIn{Device: p.device, Origin: p.origin}, p.user, p.scope, func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.Exec(ctx, endPending, hashOf(deviceCode))
		if err == nil && n == 0 {
			err = refuse("invalid_grant", "There is no such device code.")
		}
		return err
	})
}

// tooSoon says whether an app asks more often than it may.
func (s *Service) tooSoon(userCode string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	last, ok := s.polls[userCode]
	if len(s.polls) >= maxPolls {
		clear(s.polls)
	}
	s.polls[userCode] = now
	return ok && now.Sub(last) < pollEvery
}
