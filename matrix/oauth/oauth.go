// Package oauth lets apps act for people without ever seeing their passwords: people sign in on this server's own pages and say yes.
//
// It promises that a code is worth one sign-in and only to the app that asked for it, that where people are sent back to is what the app
// registered, and that tokens are those of package account, so that every session is seen and ended in one place. It refuses apps that
// need a secret: there are none that can keep one. Look first at Service.Authorise and Service.Exchange.
package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"embed"
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the schema of apps and of what they wait for.
func Migrations() db.Migrations { return db.Migrations{Package: "oauth", FS: schema} }

// Service knows the apps and what people have allowed them.
type Service struct {
	db       *db.DB
	accounts *account.Service

	mu     sync.Mutex // guards polls and visits
	polls  map[string]time.Time
	visits map[string]*Visit
}

// New returns the service. What somebody has allowed and no app has fetched yet ends when accounts signs them out anywhere.
func New(d *db.DB, accounts *account.Service) *Service {
	accounts.OnSignOut = append(accounts.OnSignOut, withdraw)
	return &Service{db: d, accounts: accounts, polls: map[string]time.Time{}, visits: map[string]*Visit{}}
}

var (
	withdrawCodes   = db.SQL("oauth.withdraw_codes", `DELETE FROM oauth_code WHERE member = $1 AND used_at = 0`)
	withdrawDevices = db.SQL("oauth.withdraw_devices", `DELETE FROM oauth_device WHERE member = $1`)
)

// withdraw takes back what a user has allowed: whoever had their password may have said yes, and wait with it until they have a new one.
func withdraw(ctx context.Context, tx *db.Tx, u id.User, _ []id.Device) error {
	if _, err := tx.Exec(ctx, withdrawCodes, string(u)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, withdrawDevices, string(u))
	return err
}

// Error is an answer in the form that OAuth has for what went wrong.
// spec: RFC 6749#5.2
type Error struct{ Code, Text string }

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Text }

func refuse(code, text string) error { return &Error{code, text} }

// AsError finds an OAuth error in a chain, nil for none.
func AsError(err error) *Error {
	var e *Error
	errors.As(err, &e)
	return e
}

// Grants that are served.
const (
	GrantCode    = "authorization_code"
	GrantRefresh = "refresh_token"
	GrantDevice  = "urn:ietf:params:oauth:grant-type:device_code"
)

// Scope is what an app asks for: everything, on one device.
type Scope struct {
	Device id.Device
	Text   string // as it is granted
}

var deviceSpelling = regexp.MustCompile(`^[A-Za-z0-9._~-]{10,255}$`)

// ParseScope reads a scope of either form: the released one, and the one of before, which apps still send. Words that mean nothing
// here are not granted.
// spec: client-server-api#scope
func ParseScope(s string) (Scope, error) {
	var sc Scope
	var api, device string
	for _, word := range strings.Fields(s) {
		for _, form := range []string{"urn:matrix:client:", "urn:matrix:org.matrix.msc2967.client:"} {
			rest, ok := strings.CutPrefix(word, form)
			if !ok {
				continue
			}
			if rest == "api:*" {
				api = word
			}
			if name, ok := strings.CutPrefix(rest, "device:"); ok {
				if device != "" && name != string(sc.Device) {
					return sc, refuse("invalid_scope", "The scope names more than one device.")
				}
				sc.Device, device = id.Device(name), word
			}
		}
	}
	switch {
	case api == "":
		return sc, refuse("invalid_scope", "The scope does not ask for the client-server API.")
	case device == "":
		return sc, refuse("invalid_scope", "The scope names no device.")
	case !deviceSpelling.MatchString(string(sc.Device)):
		return sc, refuse("invalid_scope", "The device's name must have 10 to 255 letters, digits or . _ ~ -.")
	}
	sc.Text = api + " " + device
	return sc, nil
}

// Request is what an app asks a person's browser to bring here.
// spec: client-server-api#authorisation-code-flow
type Request struct {
	Client, Redirect, ResponseType, ResponseMode string
	Scope, State, Challenge, ChallengeMethod     string
}

// Check looks at a request. When it fails and back is false, nobody can be sent back: the app or the address is none.
func (s *Service) Check(ctx context.Context, r Request) (c Client, sc Scope, back bool, err error) {
	if c, err = s.Client(ctx, r.Client); err != nil {
		return c, sc, false, err
	}
	if !c.sendsTo(r.Redirect) {
		return c, sc, false, refuse("invalid_request", "The app did not register that address to come back to.")
	}
	switch {
	case !c.grants(GrantCode):
		return c, sc, true, refuse("unauthorized_client", "The app did not register for this way to sign in.")
	case r.ResponseType != "code":
		return c, sc, true, refuse("unsupported_response_type", "Only codes are given here.")
	case r.ResponseMode != "" && r.ResponseMode != "query" && r.ResponseMode != "fragment":
		return c, sc, true, refuse("invalid_request", "There is no such response mode.")
	case r.ChallengeMethod != "S256" || !challengeSpelling.MatchString(r.Challenge):
		return c, sc, true, refuse("invalid_request", "A code challenge by S256 is needed.")
	}
	sc, err = ParseScope(r.Scope)
	return c, sc, true, err
}

var (
	challengeSpelling = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
	verifierSpelling  = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)
)

var (
	insertCode = db.SQL("oauth.insert_code", `INSERT INTO oauth_code (hash, client, member, device, scope, redirect, challenge, made_at, used_at, origin) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9)`)
	readCode   = db.SQL("oauth.read_code", `SELECT client, member, device, scope, redirect, challenge, made_at, used_at, origin FROM oauth_code WHERE hash = $1`)
	spendCode  = db.SQL("oauth.spend_code", `UPDATE oauth_code SET used_at = $2 WHERE hash = $1 AND used_at = 0`)
	oldCodes   = db.SQL("oauth.old_codes", `DELETE FROM oauth_code WHERE made_at < $1`)
)

// How long a code may be fetched, and how long it is remembered, to notice that somebody tries it again.
const (
	codeLife   = time.Minute
	codeMemory = time.Hour
)

type codeRow struct {
	client, scope, redirect, challenge string
	origin                             string
	user                               id.User
	device                             id.Device
	madeAt, usedAt                     int64
}

func scanCode(r db.Row) (c codeRow, err error) {
	return c, r.Scan(&c.client, &c.user, &c.device, &c.scope, &c.redirect, &c.challenge, &c.madeAt, &c.usedAt, &c.origin)
}

func hashOf(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

// Authorise gives an app a code in the name of a user who has just signed in and said yes. origin is the sign-in elsewhere with which the
// app's session ends, "" for none.
func (s *Service) Authorise(ctx context.Context, r Request, u id.User, origin string) (string, error) {
	_, sc, _, err := s.Check(ctx, r)
	if err != nil {
		return "", err
	}
	code, now := "wlc_"+id.NewOpaque(32), time.Now()
	return code, s.db.Write(ctx, "oauth.authorise", func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, oldCodes, now.Add(-codeMemory).UnixMilli()); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, touchClient, r.Client, now.UnixMilli()); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, insertCode, hashOf(code), r.Client, string(u), string(sc.Device), sc.Text, r.Redirect, r.Challenge, now.UnixMilli(), origin); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Entry{At: now, Actor: string(u), Action: "oauth.allow", Object: r.Client, Detail: map[string]string{"device": string(sc.Device)}})
	})
}

// Tokens are what an app gets.
type Tokens struct {
	account.Session
	Scope string
}

var errGrant = refuse("invalid_grant", "The code is unknown, was used, or has ended.")

// Exchange trades a code for tokens. A code that is tried a second time ends the session that the first gave: one of the two who had
// it is a thief.
// spec: client-server-api#authorisation-code-flow
func (s *Service) Exchange(ctx context.Context, client, code, redirect, verifier string) (Tokens, error) {
	row, err := db.One(ctx, s.db, readCode, scanCode, hashOf(code))
	if fault.Is(err, fault.NotFound) || err == nil && row.client != client {
		return Tokens{}, errGrant
	}
	if err != nil {
		return Tokens{}, err
	}
	if row.usedAt == 0 && (time.Since(time.UnixMilli(row.madeAt)) > codeLife || row.redirect != redirect || !row.proves(verifier)) {
		return Tokens{}, errGrant
	}
	again := row.usedAt != 0
	var t Tokens
	if !again {
		t, err = s.open(ctx, client, account.SignIn{Device: row.device, Origin: row.origin}, row.user, row.scope, func(ctx context.Context, tx *db.Tx) error {
			n, err := tx.Exec(ctx, spendCode, hashOf(code), time.Now().UnixMilli())
			if again = err == nil && n == 0; again { // somebody else was quicker with it
				err = errGrant
			}
			return err
		})
	}
	if again {
		if err := s.accounts.EndApp(ctx, row.user, row.device, client); err != nil {
			return Tokens{}, err
		}
		return Tokens{}, errGrant
	}
	return t, err
}

// proves says whether a verifier is the one that the challenge was made of.
// spec: RFC 7636#4.6
func (c codeRow) proves(verifier string) bool {
	if !verifierSpelling.MatchString(verifier) {
		return false
	}
	got := base64.RawURLEncoding.EncodeToString(hashOf(verifier))
	return subtle.ConstantTimeCompare([]byte(got), []byte(c.challenge)) == 1
}

// open gives tokens for what spend uses up, in the same act: a code that gave none, because the process ended or the account is locked,
// is none that was used, and one that was used has a session that can be ended.
func (s *Service) open(ctx context.Context, client string, in account.SignIn, u id.User, scope string, spend func(context.Context, *db.Tx) error) (Tokens, error) {
	c, err := s.Client(ctx, client)
	if err != nil {
		return Tokens{}, err
	}
	name := c.Name()
	if len(name) > 200 { // an app may say more of itself than a device is called
		name = strings.ToValidUTF8(name[:200], "")
	}
	in.Name, in.Refresh, in.App, in.Spend = name, true, client, spend
	ses, err := s.accounts.Open(ctx, u, in)
	if fault.Is(err, fault.Forbidden) || fault.Is(err, fault.Unauthenticated) || fault.Is(err, fault.NotFound) {
		return Tokens{}, errGrant // the account was locked or ended meanwhile
	}
	return Tokens{Session: ses, Scope: scope}, err
}

// Refresh trades a refresh token for new tokens.
// spec: client-server-api#refresh-token-grant
func (s *Service) Refresh(ctx context.Context, client, token string) (Tokens, error) {
	if client == "" {
		return Tokens{}, refuse("invalid_client", "The app does not say which it is.")
	}
	ses, err := s.accounts.Refresh(ctx, token, client)
	if fault.Is(err, fault.Unauthenticated) {
		return Tokens{}, refuse("invalid_grant", "The refresh token is unknown, was used, or has ended.")
	}
	return Tokens{Session: ses, Scope: "urn:matrix:client:api:* urn:matrix:client:device:" + string(ses.Device)}, err
}

// Revoke ends the session that a token belongs to. A token that is none is no error.
// spec: client-server-api#token-revocation
func (s *Service) Revoke(ctx context.Context, client, token string) error {
	if token == "" {
		return refuse("invalid_request", "The token is missing.")
	}
	return s.accounts.Revoke(ctx, token, client)
}
