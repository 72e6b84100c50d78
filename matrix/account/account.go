// Package account knows who may use this server: people and service accounts, their devices, tokens, profiles and settings.
//
// It promises that a token stops working the moment the act that ended it is durable, that passwords are kept only as argon2id and
// tokens only as hashes, and that a wrong name and a wrong password look and take the same. It refuses to know rooms: what a changed
// profile means for them is told through Service.OnProfile. Look first at Service.Login and Service.Authenticate.
package account

import (
	"context"
	"embed"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/stream"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the schema of accounts.
func Migrations() db.Migrations { return db.Migrations{Package: "account", FS: schema} }

// Actor is who makes a request: a user on one device. Handlers get it as an argument, never from a context.
type Actor struct {
	User      id.User
	Device    id.Device
	Admin     bool
	Suspended bool   // may read, leave and sign out, and little else
	App       string // the OAuth client that acts, "" for none
	Service   string // id of the application service that acts for the user, "" for people
}

// Service answers for the accounts of one server.
type Service struct {
	db     *db.DB
	server id.Server

	// OnProfile is called inside the act that changes a display name or picture, so that rooms follow in the same transaction.
	// Set before use; nil means nobody cares.
	OnProfile func(ctx context.Context, tx *db.Tx, user id.User) error
	// OnData is called inside the act that changes account data, with its type and the change's position, so that it can be noted at the commit
	// and the user's devices woken. Set before use.
	OnData func(tx *db.Tx, user id.User, typ string, pos int64)
	// OnEnd is called inside the act that ends an account for good, so that it leaves its rooms in the same transaction. Set before use.
	OnEnd func(ctx context.Context, tx *db.Tx, user id.User) error
	// Reserved refuses a name that nobody may choose for themselves. Set before use; nil for none.
	Reserved func(user id.User) error
	// OnSignOut are called inside the act that signs devices out, so that what belongs to them goes with them. Set before use.
	OnSignOut []func(ctx context.Context, tx *db.Tx, user id.User, devices []id.Device) error
	// OnStanding is called after an administrator has locked, suspended or freed an account. Set before use; nil means nobody cares.
	OnStanding func(user id.User)
	// OnGone is called after devices were signed out, to end what they are waiting for. Set before use.
	OnGone func(user id.User, devices []id.Device)

	// Own is the server's own account, which nobody signs in as, and which no administrator can change. Set before use; "" for none.
	Own id.User
	// Managed are the profile fields that the server keeps and people cannot change. Set before use.
	Managed []string
	// Registration says who may make an account. Set before use.
	Registration Registration
	// Second asks for what an account wants besides its password, after that was right. Set before use; nil asks for nothing.
	Second func(ctx context.Context, user id.User, code string) error
	// NoPasswords lets nobody but administrators sign in with a password: the others sign in elsewhere. Set before use.
	NoPasswords bool
	// Mail sends letters; nil when the trust has not said how. Set before use.
	Mail Mail

	accessLife time.Duration

	mu    sync.Mutex // guards known
	known map[tokenHash]cached
	hash  chan struct{} // bounds how many passwords are hashed at once, for the memory it takes
	nonce nonces
	uia   interactions
	post  stream.Bell // rung when there is a letter to send
	seen  sightings
}

type cached struct {
	actor   Actor
	expires int64
	locked  bool
}

// New returns the service for a server's accounts.
func New(d *db.DB, server id.Server) *Service {
	return &Service{db: d, server: server, accessLife: time.Hour, known: map[tokenHash]cached{}, hash: make(chan struct{}, 2)}
}

// Server returns the name behind the colon of every local account.
func (s *Service) Server() id.Server { return s.server }

// Local reports whether the user belongs to this server by name; it need not exist.
func (s *Service) Local(u id.User) bool { return u.Server() == s.server }

var (
	insertUser = db.SQL("account.insert_user", `INSERT INTO account_user (id, password, admin, created_at, deactivated_at) VALUES ($1, $2, $3, $4, 0) ON CONFLICT (id) DO NOTHING`)
	readUser   = db.SQL("account.read_user", `SELECT password, admin, deactivated_at, locked_at, suspended_at FROM account_user WHERE id = $1`)
	setSecret  = db.SQL("account.set_password", `UPDATE account_user SET password = $2 WHERE id = $1 AND deactivated_at = 0`)
	endUser    = db.SQL("account.deactivate", `UPDATE account_user SET password = '', admin = FALSE, deactivated_at = $2 WHERE id = $1 AND deactivated_at = 0`)
	searchUser = db.SQL("account.search", `SELECT u.id FROM account_user u LEFT JOIN account_profile p ON p.member = u.id AND p.field = 'displayname'
		WHERE u.deactivated_at = 0 AND (lower(u.id) LIKE lower($1) OR lower(p.value) LIKE lower($1)) ORDER BY u.id LIMIT $2`)
)

type userRow struct {
	secret      string
	admin       bool
	deactivated int64
	locked      int64
	suspended   int64
}

func scanUser(r db.Row) (u userRow, err error) {
	return u, r.Scan(&u.secret, &u.admin, &u.deactivated, &u.locked, &u.suspended)
}

// NewUser says what an account starts with. Password may be empty: then nobody can sign in with one.
type NewUser struct {
	User        id.User
	Password    string
	DisplayName string
	Admin       bool
}

// Create makes an account. A taken name is Conflict M_USER_IN_USE.
func (s *Service) Create(ctx context.Context, n NewUser) error {
	secret, err := s.secret(ctx, n.Password)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, "account.create", func(ctx context.Context, tx *db.Tx) error { return s.create(ctx, tx, n, secret) })
}

// CreateAll makes many accounts in one act and hashes equal passwords once; accounts that exist are left as they are. For
// seeding and imports.
func (s *Service) CreateAll(ctx context.Context, all []NewUser) error {
	secrets := map[string]string{}
	for _, n := range all {
		if _, ok := secrets[n.Password]; ok {
			continue
		}
		secret, err := s.secret(ctx, n.Password)
		if err != nil {
			return err
		}
		secrets[n.Password] = secret
	}
	return s.db.Write(ctx, "account.create_all", func(ctx context.Context, tx *db.Tx) error {
		for _, n := range all {
			if err := s.create(ctx, tx, n, secrets[n.Password]); err != nil && !fault.Is(err, fault.Conflict) {
				return err
			}
		}
		return nil
	})
}

func (s *Service) create(ctx context.Context, tx *db.Tx, n NewUser, secret string) error {
	if !s.Local(n.User) {
		return fault.New(fault.Invalid, "M_INVALID_USERNAME", "The user belongs to another server.")
	}
	made, err := tx.Exec(ctx, insertUser, string(n.User), secret, n.Admin, time.Now().UnixMilli())
	if err != nil {
		return err
	}
	if made == 0 {
		return fault.New(fault.Conflict, "M_USER_IN_USE", "That user name is taken.")
	}
	if n.DisplayName == "" {
		return nil
	}
	value, err := json.Marshal(n.DisplayName)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, saveProfile, string(n.User), "displayname", string(value))
	return err
}

// Exists returns nil when a local, active account of that name exists, and NotFound otherwise.
func (s *Service) Exists(ctx context.Context, q db.Querier, u id.User) error {
	row, err := db.One(ctx, q, readUser, scanUser, string(u))
	if err != nil {
		return err
	}
	if row.deactivated != 0 {
		return fault.New(fault.NotFound, "M_NOT_FOUND", "User not found.")
	}
	return nil
}

// escapeLike leaves out the signs that LIKE reads as wildcards, which engines escape differently; what is found may be a little more.
func escapeLike(s string) string { return strings.NewReplacer("%", "_", `\`, "_").Replace(s) }

// Search finds active accounts whose id or display name contains the term, at most limit.
func (s *Service) Search(ctx context.Context, term string, limit int) ([]id.User, error) {
	found, err := db.Collect(ctx, s.db, searchUser, db.Scalar[string], "%"+escapeLike(term)+"%", limit)
	if err != nil {
		return nil, err
	}
	users := make([]id.User, len(found))
	for i, u := range found {
		users[i] = id.User(u)
	}
	return users, nil
}

// Active is Exists against what is committed.
func (s *Service) Active(ctx context.Context, u id.User) error { return s.Exists(ctx, s.db, u) }

// ProfileOf is Profile of what is committed.
func (s *Service) ProfileOf(ctx context.Context, u id.User) (Profile, error) {
	return s.Profile(ctx, s.db, u)
}

// DataOf is Data of what is committed.
func (s *Service) DataOf(ctx context.Context, u id.User, room id.Room, typ string) (Data, error) {
	return s.Data(ctx, s.db, u, room, typ)
}

// DevicesOf is Devices of what is committed.
func (s *Service) DevicesOf(ctx context.Context, u id.User) ([]Device, error) {
	return s.Devices(ctx, s.db, u)
}
