// Package passkey lets people sign in with a key that their phone, computer or security key holds, and opens with a finger, a face or a PIN
// of its own (WebAuthn).
//
// It promises that whoever signs in this way had the key and was known to it, at this server's own address and once; that a key which
// counts backwards, as only a copy does, opens nothing; and that what fails closes. It refuses keys that open for whoever holds them. Look
// first at Service.Enrol and Service.Prove.
//
// spec: webauthn-3
package passkey

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the schema of keys.
func Migrations() db.Migrations { return db.Migrations{Package: "passkey", FS: schema} }

// How long somebody may take over one proof, how many may be under way, and how many keys somebody has.
const (
	proofLife = 5 * time.Minute
	maxProofs = 10_000
	maxKeys   = 20
	maxName   = 60
)

// Service keeps keys.
type Service struct {
	db       *db.DB
	accounts *account.Service
	name     string
	now      func() time.Time

	mu     sync.Mutex // guards proofs
	proofs map[string]proof
}

// proof is one that is under way.
type proof struct {
	session webauthn.SessionData
	origin  string
	user    id.User // who must give it, "" for whoever the key belongs to
	enrols  bool
	until   time.Time
}

// New returns the service. name is what devices call this server.
func New(d *db.DB, accounts *account.Service, name string, now func() time.Time) *Service {
	return &Service{db: d, accounts: accounts, name: name, now: now, proofs: map[string]proof{}}
}

// Key is one of somebody's keys.
type Key struct {
	ID             string // base64url, as browsers have it
	Name           string
	MadeAt, UsedAt int64 // ms, 0 for never
	Synced         bool  // may be on several devices of theirs
}

type row struct {
	id           []byte
	member       id.User
	name, record string
	made, used   int64
}

func scan(r db.Row) (v row, err error) {
	return v, r.Scan(&v.id, &v.member, &v.name, &v.record, &v.made, &v.used)
}

var (
	keysOf     = db.SQL("passkey.keys_of", `SELECT id, member, name, record, made_at, used_at FROM passkey_key WHERE member = $1 ORDER BY made_at, id LIMIT 100`)
	insertKey  = db.SQL("passkey.insert", `INSERT INTO passkey_key (id, member, name, record, made_at, used_at) VALUES ($1, $2, $3, $4, $5, 0) ON CONFLICT (id) DO NOTHING`)
	useKey     = db.SQL("passkey.use", `UPDATE passkey_key SET record = $3, used_at = $4 WHERE id = $1 AND member = $2`)
	oneKey     = db.SQL("passkey.key", `SELECT id, member, name, record, made_at, used_at FROM passkey_key WHERE id = $1 LIMIT 1`)
	renameKey  = db.SQL("passkey.rename", `UPDATE passkey_key SET name = $3 WHERE id = $1 AND member = $2`)
	dropKey    = db.SQL("passkey.drop", `DELETE FROM passkey_key WHERE id = $1 AND member = $2`)
	dropAll    = db.SQL("passkey.drop_all", `DELETE FROM passkey_key WHERE member = $1`)
	handleOf   = db.SQL("passkey.handle", `SELECT handle FROM passkey_handle WHERE member = $1 LIMIT 1`)
	ownerOf    = db.SQL("passkey.owner", `SELECT member FROM passkey_handle WHERE handle = $1 LIMIT 1`)
	saveHandle = db.SQL("passkey.save_handle", `INSERT INTO passkey_handle (member, handle) VALUES ($1, $2) ON CONFLICT (member) DO NOTHING`)
)

var (
	errWrong  = fault.New(fault.Forbidden, "M_FORBIDDEN", "That passkey was not accepted. Try again, or sign in another way.")
	errEnded  = fault.New(fault.Forbidden, "M_FORBIDDEN", "That took too long, or was done already. Try again.")
	errNoKey  = fault.New(fault.NotFound, "M_NOT_FOUND", "There is no such passkey.")
	errCopied = fault.New(fault.Forbidden, "M_FORBIDDEN", "That passkey may have been copied, and is not accepted any more. Sign in another way and remove it.")
	errMany   = fault.New(fault.Conflict, "M_CONFLICT", "You have twenty passkeys. Remove one that you do not use.")
	errHave   = fault.New(fault.Conflict, "M_CONFLICT", "That passkey is here already.")
)

// person is somebody as the library wants to know them.
type person struct {
	user   id.User
	handle []byte
	shown  string
	keys   []webauthn.Credential
}

// WebAuthnID implements webauthn.User.
func (p *person) WebAuthnID() []byte { return p.handle }

// WebAuthnName implements webauthn.User.
func (p *person) WebAuthnName() string { return p.user.Localpart() }

// WebAuthnDisplayName implements webauthn.User.
func (p *person) WebAuthnDisplayName() string { return p.shown }

// WebAuthnCredentials implements webauthn.User.
func (p *person) WebAuthnCredentials() []webauthn.Credential { return p.keys }

// party is this server as browsers know it at an address.
func (s *Service) party(origin string) (*webauthn.WebAuthn, error) {
	u, err := url.Parse(origin)
	if err != nil || u.Hostname() == "" {
		return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "The server does not know its own address.")
	}
	return webauthn.New(&webauthn.Config{RPID: u.Hostname(), RPDisplayName: s.name, RPOrigins: []string{u.Scheme + "://" + u.Host}})
}

func (s *Service) person(ctx context.Context, q db.Querier, u id.User) (*person, error) {
	p := &person{user: u}
	handle, err := db.One(ctx, q, handleOf, db.Scalar[[]byte], string(u))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	p.handle = handle
	prof, err := s.accounts.Profile(ctx, q, u)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	if p.shown = prof.Text("displayname"); p.shown == "" {
		p.shown = u.Localpart()
	}
	rows, err := db.Collect(ctx, q, keysOf, scan, string(u))
	for _, r := range rows {
		var c webauthn.Credential
		if err := json.Unmarshal([]byte(r.record), &c); err != nil {
			return nil, err
		}
		p.keys = append(p.keys, c)
	}
	return p, err
}

// keep remembers a proof that is under way, and makes room by forgetting others.
func (s *Service) keep(p proof) string {
	p.until = s.now().Add(proofLife)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.proofs) >= maxProofs {
		maps.DeleteFunc(s.proofs, func(_ string, old proof) bool { return s.now().After(old.until) })
	}
	for name := range s.proofs {
		if len(s.proofs) < maxProofs {
			break
		}
		delete(s.proofs, name)
	}
	name := id.NewOpaque(24)
	s.proofs[name] = p
	return name
}

// take returns a proof that is under way, once.
func (s *Service) take(name string, enrols bool) (proof, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.proofs[name]
	delete(s.proofs, name)
	if !ok || p.enrols != enrols || s.now().After(p.until) {
		return proof{}, errEnded
	}
	return p, nil
}

// Begin asks a browser to make a key for somebody who is signed in. The options are the browser's to read. origin is the address of this
// server that the browser is at.
func (s *Service) Begin(ctx context.Context, u id.User, origin string) (session string, options any, err error) {
	party, err := s.party(origin)
	if err != nil {
		return "", nil, err
	}
	handle := make([]byte, 32)
	_, _ = rand.Read(handle) // never fails, by its documentation
	err = s.db.Write(ctx, "passkey.begin", func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, saveHandle, string(u), handle)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	p, err := s.person(ctx, s.db, u)
	if err != nil {
		return "", nil, err
	}
	if len(p.keys) >= maxKeys {
		return "", nil, errMany
	}
	made, data, err := party.BeginRegistration(p, webauthn.WithResidentKeyRequirement(protocol.ResidentKeyRequirementRequired),
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired}),
		webauthn.WithExclusions(webauthn.Credentials(p.keys).CredentialDescriptors()), webauthn.WithConveyancePreference(protocol.PreferNoAttestation))
	if err != nil {
		return "", nil, err
	}
	return s.keep(proof{session: *data, origin: origin, user: u, enrols: true}), made, nil
}

func tidyName(name string) string {
	name = strings.Join(strings.Fields(name), " ")
	if r := []rune(name); len(r) > maxName {
		name = string(r[:maxName])
	}
	if name == "" {
		name = "Passkey"
	}
	return name
}

// Enrol takes the key that a browser has made.
func (s *Service) Enrol(ctx context.Context, u id.User, session, name string, made json.RawMessage) (Key, error) {
	pr, err := s.take(session, true)
	if err != nil {
		return Key{}, err
	}
	if pr.user != u {
		return Key{}, errEnded
	}
	party, err := s.party(pr.origin)
	if err != nil {
		return Key{}, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(made)
	if err != nil {
		return Key{}, fault.Wrap(fault.Invalid, "M_BAD_JSON", "The browser's answer cannot be read.", err)
	}
	var k Key
	err = s.db.Write(ctx, "passkey.enrol", func(ctx context.Context, tx *db.Tx) error {
		p, err := s.person(ctx, tx, u)
		if err != nil {
			return err
		}
		if len(p.keys) >= maxKeys {
			return errMany
		}
		c, err := party.CreateCredential(p, pr.session, parsed)
		if err != nil || !c.Flags.UserVerified {
			return fault.Wrap(fault.Forbidden, "M_FORBIDDEN", "That passkey cannot be used here.", detail(err))
		}
		raw, err := json.Marshal(c)
		if err != nil {
			return err
		}
		now := s.now().UnixMilli()
		n, err := tx.Exec(ctx, insertKey, c.ID, string(u), tidyName(name), string(raw), now)
		if err == nil && n == 0 {
			err = errHave
		}
		if err != nil {
			return err
		}
		k = keyOf(row{id: c.ID, name: tidyName(name), made: now}, *c)
		return s.note(ctx, tx, u, u, "passkey.enrol", k.ID)
	})
	return k, err
}

// detail is what the library found wrong, for the log.
func detail(err error) error {
	var e *protocol.Error
	if errors.As(err, &e) && e.DevInfo != "" {
		return errors.New(e.Details + ": " + e.DevInfo)
	}
	return err
}

func keyOf(r row, c webauthn.Credential) Key {
	return Key{ID: base64.RawURLEncoding.EncodeToString(r.id), Name: r.name, MadeAt: r.made, UsedAt: r.used, Synced: c.Flags.BackupEligible}
}

// Keys lists somebody's keys, oldest first.
func (s *Service) Keys(ctx context.Context, u id.User) ([]Key, error) {
	rows, err := db.Collect(ctx, s.db, keysOf, scan, string(u))
	all := []Key{}
	for _, r := range rows {
		var c webauthn.Credential
		if err := json.Unmarshal([]byte(r.record), &c); err != nil {
			return nil, err
		}
		all = append(all, keyOf(r, c))
	}
	return all, err
}

// Ask asks a browser to prove that it has a key: of u, or of whoever it belongs to when u is "".
func (s *Service) Ask(ctx context.Context, u id.User, origin string) (session string, options any, err error) {
	party, err := s.party(origin)
	if err != nil {
		return "", nil, err
	}
	if u == "" {
		asked, data, err := party.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
		if err != nil {
			return "", nil, err
		}
		return s.keep(proof{session: *data, origin: origin}), asked, nil
	}
	p, err := s.person(ctx, s.db, u)
	if err != nil {
		return "", nil, err
	}
	if len(p.keys) == 0 {
		return "", nil, errNoKey
	}
	asked, data, err := party.BeginLogin(p, webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return "", nil, err
	}
	return s.keep(proof{session: *data, origin: origin, user: u}), asked, nil
}

// Prove returns whose key a browser has. Somebody else's than was asked for, one that is not known, and one that may be a copy are
// Forbidden.
func (s *Service) Prove(ctx context.Context, u id.User, session string, given json.RawMessage) (id.User, error) {
	pr, err := s.take(session, false)
	if err != nil {
		return "", err
	}
	if pr.user != u {
		return "", errEnded
	}
	party, err := s.party(pr.origin)
	if err != nil {
		return "", err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(given)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, "M_BAD_JSON", "The browser's answer cannot be read.", err)
	}
	var who id.User
	var refused error
	err = s.db.Write(ctx, "passkey.prove", func(ctx context.Context, tx *db.Tx) error {
		refused, who = nil, ""
		owner, c, err := s.check(ctx, tx, party, pr, parsed)
		if err != nil {
			return err
		}
		raw, err := json.Marshal(c)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, useKey, c.ID, string(owner), string(raw), s.now().UnixMilli()); err != nil {
			return err
		}
		if c.Authenticator.CloneWarning { // hazard: H20 somebody is signed in as somebody else
			refused = errCopied
			return s.note(ctx, tx, owner, owner, "passkey.copied", base64.RawURLEncoding.EncodeToString(c.ID))
		}
		who = owner
		return nil
	})
	if err == nil {
		err = refused
	}
	return who, err
}

// check verifies what a browser gave, against the key as it is inside the act: of two who come with one key at once, one comes second.
func (s *Service) check(ctx context.Context, tx *db.Tx, party *webauthn.WebAuthn, pr proof, parsed *protocol.ParsedCredentialAssertionData) (id.User, *webauthn.Credential, error) {
	var p *person
	var err error
	var c *webauthn.Credential
	if pr.user != "" {
		if p, err = s.person(ctx, tx, pr.user); err != nil {
			return "", nil, err
		}
		c, err = party.ValidateLogin(p, pr.session, parsed)
	} else {
		var trouble error
		_, c, err = party.ValidatePasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
			owner, err := db.One(ctx, tx, ownerOf, db.Scalar[id.User], handle)
			if err == nil {
				p, err = s.person(ctx, tx, owner)
			}
			if err == nil && subtle.ConstantTimeCompare(p.handle, handle) != 1 {
				err = errNoKey
			}
			if err != nil && !fault.Is(err, fault.NotFound) {
				trouble = err
			}
			return p, err
		}, pr.session, parsed)
		if trouble != nil {
			return "", nil, trouble
		}
	}
	if err != nil || p == nil || !c.Flags.UserVerified {
		return "", nil, fault.Wrap(fault.Forbidden, errWrong.Code, errWrong.Public, detail(err))
	}
	was, err := db.One(ctx, tx, oneKey, scan, c.ID)
	if err != nil {
		return "", nil, err
	}
	var before webauthn.Credential
	if err := json.Unmarshal([]byte(was.record), &before); err != nil {
		return "", nil, err
	}
	if before.Authenticator.CloneWarning { // once doubted, it stays so
		return "", nil, errCopied
	}
	return p.user, c, nil
}

// Rename gives a key another name.
func (s *Service) Rename(ctx context.Context, u id.User, key, name string) error {
	return s.change(ctx, u, key, "passkey.rename", func(ctx context.Context, tx *db.Tx, raw []byte) (int64, error) {
		return tx.Exec(ctx, renameKey, raw, string(u), tidyName(name))
	})
}

// Remove takes a key away.
func (s *Service) Remove(ctx context.Context, u id.User, key string) error {
	return s.change(ctx, u, key, "passkey.remove", func(ctx context.Context, tx *db.Tx, raw []byte) (int64, error) {
		return tx.Exec(ctx, dropKey, raw, string(u))
	})
}

func (s *Service) change(ctx context.Context, u id.User, key, what string, do func(context.Context, *db.Tx, []byte) (int64, error)) error {
	raw, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		return errNoKey
	}
	return s.db.Write(ctx, what, func(ctx context.Context, tx *db.Tx) error {
		n, err := do(ctx, tx, raw)
		if err == nil && n == 0 {
			err = errNoKey
		}
		if err != nil {
			return err
		}
		return s.note(ctx, tx, u, u, what, key)
	})
}

// ResetIn takes all of somebody's keys away inside an open act, for who looks after accounts.
func (s *Service) ResetIn(ctx context.Context, tx *db.Tx, by, u id.User) error {
	if _, err := tx.Exec(ctx, dropAll, string(u)); err != nil {
		return err
	}
	return s.note(ctx, tx, by, u, "passkey.reset", string(u))
}

func (s *Service) note(ctx context.Context, tx *db.Tx, by, u id.User, what, key string) error {
	return audit.Append(ctx, tx, audit.Entry{At: s.now(), Actor: string(by), Action: what, Object: string(u), Detail: map[string]string{"key": key}})
}
