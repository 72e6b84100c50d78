package account

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

type tokenHash [32]byte

func hashOf(token string) tokenHash { return sha256.Sum256([]byte(token)) }

// Session is what a sign-in gives: tokens for one device. Refresh is empty when the access token does not end by itself.
type Session struct {
	Actor
	Access  string
	Refresh string
	Life    time.Duration // of Access, 0 when it does not end
	Name    string        // of the device, as people see it
}

var (
	insertToken = db.SQL("account.insert_token", `INSERT INTO account_token (hash, kind, member, device, expires_at, parent, app) VALUES ($1, $2, $3, $4, $5, $6, $7)`)
	readToken   = db.SQL("account.read_token", `SELECT t.kind, t.member, t.device, t.expires_at, t.parent, t.app, u.admin, u.locked_at, u.suspended_at FROM account_token t JOIN account_user u ON u.id = t.member WHERE t.hash = $1`)
	endOlder    = db.SQL("account.end_older", `DELETE FROM account_token WHERE member = $1 AND device = $2 AND kind IN ('access', 'refresh') AND (parent IS NULL OR parent <> $3)`)
	spendOlder  = db.SQL("account.spend_older", `UPDATE account_token SET kind = 'spent', expires_at = $4 WHERE member = $1 AND device = $2 AND kind = 'refresh' AND (parent IS NULL OR parent <> $3)`)
	endSpent    = db.SQL("account.end_spent", `DELETE FROM account_token WHERE member = $1 AND device = $2 AND kind = 'spent' AND expires_at < $3`)
	appTokens   = db.SQL("account.app_tokens", `SELECT count(*) FROM account_token WHERE app = $1`)
	appDevice   = db.SQL("account.app_device", `SELECT count(*) FROM account_token WHERE member = $1 AND device = $2 AND app = $3`)
	settleToken = db.SQL("account.settle_token", `UPDATE account_token SET parent = NULL WHERE parent = $1`)
	endChildren = db.SQL("account.end_children", `DELETE FROM account_token WHERE parent = $1`)
	endLogins   = db.SQL("account.end_logins", `DELETE FROM account_token WHERE member = $1 AND kind = 'login'`)
	deleteToken = db.SQL("account.delete_token", `DELETE FROM account_token WHERE hash = $1`)
	endAccess   = db.SQL("account.end_access", `DELETE FROM account_token WHERE member = $1 AND device = $2`)
	saveDevice  = db.SQL("account.save_device", `INSERT INTO account_device (member, device, name, created_at, seen_at, origin) VALUES ($1, $2, $3, $4, $4, $5)
		ON CONFLICT (member, device) DO UPDATE SET name = CASE WHEN excluded.name = '' THEN account_device.name ELSE excluded.name END, seen_at = excluded.seen_at, origin = excluded.origin`)
	listDevices  = db.SQL("account.list_devices", `SELECT device, name, seen_at, ip, agent FROM account_device WHERE member = $1 ORDER BY created_at, device LIMIT 1000`)
	pageDevices  = db.SQL("account.page_devices", `SELECT device, name, seen_at, ip, agent FROM account_device WHERE member = $1 AND device > $2 ORDER BY device LIMIT $3`)
	renameDevice = db.SQL("account.rename_device", `UPDATE account_device SET name = $3 WHERE member = $1 AND device = $2`)
	deleteDevice = db.SQL("account.delete_device", `DELETE FROM account_device WHERE member = $1 AND device = $2`)
)

type tokenRow struct {
	kind    string
	actor   Actor
	expires int64
	parent  []byte
	locked  bool
}

func scanToken(r db.Row) (t tokenRow, err error) {
	var locked, suspended int64
	err = r.Scan(&t.kind, &t.actor.User, &t.actor.Device, &t.expires, &t.parent, &t.actor.App, &t.actor.Admin, &locked, &suspended)
	t.locked, t.actor.Suspended = locked != 0, suspended != 0
	return t, err
}

var (
	errUnknownToken = fault.New(fault.Unauthenticated, "M_UNKNOWN_TOKEN", "You are not signed in, or were signed out.")
	errLocked       = &fault.Fault{Kind: fault.Unauthenticated, Code: "M_USER_LOCKED", Public: "This account is locked. Ask your administrator.", Extra: map[string]any{"soft_logout": true}}
	errSoftLogout   = &fault.Fault{Kind: fault.Unauthenticated, Code: "M_UNKNOWN_TOKEN", Public: "The access token has ended; refresh it.", Extra: map[string]any{"soft_logout": true}}
)

// Authenticate returns who holds an access token. An unknown or ended token is Unauthenticated; one that can be refreshed says so
// with soft_logout. Of a locked account the actor is returned with the fault, for the few calls that it may still make. Known tokens
// are answered from memory.
// spec: client-server-api#client-authentication
func (s *Service) Authenticate(ctx context.Context, token string) (Actor, error) {
	if token == "" {
		return Actor{}, fault.New(fault.Unauthenticated, "M_MISSING_TOKEN", "Sign in first.")
	}
	h := hashOf(token)
	s.mu.Lock()
	c, ok := s.known[h]
	s.mu.Unlock()
	if !ok {
		row, err := db.One(ctx, s.db, readToken, scanToken, h[:])
		if fault.Is(err, fault.NotFound) || err == nil && row.kind != "access" {
			return Actor{}, errUnknownToken
		}
		if err != nil {
			return Actor{}, err
		}
		if row.parent != nil {
			if err := s.settle(ctx, row); err != nil {
				return Actor{}, err
			}
		}
		c = cached{actor: row.actor, expires: row.expires, locked: row.locked}
		s.remember(h, c)
		// The token may have ended between the read and the remembering, or its owner been locked; ask once more now that such an act
		// would find it. What has changed is believed and not remembered, because it may change again.
		row, err = db.One(ctx, s.db, readToken, scanToken, h[:])
		if err != nil {
			s.forget(h)
			if fault.Is(err, fault.NotFound) {
				return Actor{}, errUnknownToken
			}
			return Actor{}, err // trouble is not a sign-out: an app that hears of one erases its device
		}
		if now := (cached{actor: row.actor, expires: row.expires, locked: row.locked}); now != c {
			s.forget(h)
			c = now
		}
	}
	if c.expires != 0 && c.expires < time.Now().UnixMilli() {
		return Actor{}, errSoftLogout
	}
	if c.locked {
		return c.actor, errLocked
	}
	return c.actor, nil
}

// spentLife is how long a refresh token that was traded is remembered, to notice a thief who comes with it.
const spentLife = 24 * time.Hour

// settle ends what a token that is used for the first time took the place of.
// spec: client-server-api#refreshing-access-tokens
func (s *Service) settle(ctx context.Context, row tokenRow) error {
	return s.db.Write(ctx, "account.settle", func(ctx context.Context, tx *db.Tx) error { return s.settleIn(ctx, tx, row) })
}

func (s *Service) settleIn(ctx context.Context, tx *db.Tx, row tokenRow) error {
	now := time.Now()
	if _, err := tx.Exec(ctx, endSpent, string(row.actor.User), string(row.actor.Device), now.UnixMilli()); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, spendOlder, string(row.actor.User), string(row.actor.Device), row.parent, now.Add(spentLife).UnixMilli()); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, endOlder, string(row.actor.User), string(row.actor.Device), row.parent); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, settleToken, row.parent); err != nil {
		return err
	}
	tx.AfterCommit(func() { s.forgetDevices(row.actor.User, func(d id.Device) bool { return d == row.actor.Device }) })
	return nil
}

// maxKnown bounds the tokens held in memory; past it all are dropped and read again.
const maxKnown = 100_000

func (s *Service) remember(h tokenHash, c cached) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= maxKnown {
		clear(s.known)
	}
	s.known[h] = c
}

func (s *Service) forget(h tokenHash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, h)
}

// forgetDevices drops the remembered tokens of a user's devices. It runs after the commit that ended them.
func (s *Service) forgetDevices(u id.User, gone func(id.Device) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for h, c := range s.known {
		if c.actor.User == u && gone(c.actor.Device) {
			delete(s.known, h)
		}
	}
}

// SignIn says how a session is to be opened.
type SignIn struct {
	Device  id.Device // "" for a new one
	Name    string    // what people see in the list of devices
	Code    string    // what the person gave besides the password
	Refresh bool      // the client can refresh: give it an access token that ends
	App     string    // the OAuth client that signs in, "" for the older ways
	How     string    // for the audit, when a caller identified the user: "" for trusted
	Origin  string    // the sign-in elsewhere that it comes from, and with which it ends; "" for none
	// Spend is called inside the act that opens the session, to use up what it is opened with; its error opens none. nil for nothing.
	Spend func(ctx context.Context, tx *db.Tx) error
}

// appLife is how long an access token of an OAuth client lasts: it can always refresh.
const appLife = 5 * time.Minute

// Login opens a session with a password. The fault for a wrong name and a wrong password is the same.
// spec: client-server-api#post_matrixclientv3login
func (s *Service) Login(ctx context.Context, u id.User, password string, in SignIn) (Session, error) {
	row, err := s.checkPassword(ctx, u, password)
	if err != nil {
		return Session{}, err
	}
	if err := s.second(ctx, u, in.Code); err != nil {
		return Session{}, err
	}
	return s.open(ctx, Actor{User: u, Admin: row.admin}, in, "", "password")
}

// LoginToken opens a session with a one-time login token.
func (s *Service) LoginToken(ctx context.Context, token string, in SignIn) (Session, error) {
	h := hashOf(token)
	row, err := db.One(ctx, s.db, readToken, scanToken, h[:])
	if fault.Is(err, fault.NotFound) || err == nil && (row.kind != "login" || row.expires < time.Now().UnixMilli()) {
		return Session{}, fault.New(fault.Forbidden, "M_FORBIDDEN", "The sign-in link has been used or has ended.")
	}
	if err != nil {
		return Session{}, err
	}
	if in.Origin, err = db.One(ctx, s.db, tokenOrigin, db.Scalar[string], h[:]); err != nil && !fault.Is(err, fault.NotFound) {
		return Session{}, err // one that was used meanwhile is refused inside the act
	}
	return s.open(ctx, row.actor, in, token, "token")
}

// Open opens a session for a user whom the caller has already identified, for registration, application services and the demo.
func (s *Service) Open(ctx context.Context, u id.User, in SignIn) (Session, error) {
	row, err := db.One(ctx, s.db, readUser, scanUser, string(u))
	if err != nil {
		return Session{}, err
	}
	if row.deactivated != 0 {
		return Session{}, errPassword
	}
	return s.open(ctx, Actor{User: u, Admin: row.admin}, in, "", cmp.Or(in.How, "trusted"))
}

func (s *Service) open(ctx context.Context, a Actor, in SignIn, used, how string) (Session, error) {
	if a.Device = in.Device; a.Device == "" {
		a.Device = id.NewDevice()
	}
	if err := checkDevice(a.Device, in.Name); err != nil {
		return Session{}, err
	}
	ses := Session{Actor: a, Access: "wla_" + id.NewOpaque(32)}
	a.App, ses.App, ses.Name = in.App, in.App, in.Name
	if in.Refresh {
		ses.Refresh, ses.Life = "wlr_"+id.NewOpaque(32), s.lifeOf(in.App)
	}
	err := s.db.Write(ctx, "account.open", func(ctx context.Context, tx *db.Tx) error {
		if row, err := db.One(ctx, tx, readUser, scanUser, string(a.User)); err != nil {
			return err
		} else if row.deactivated != 0 {
			return errPassword
		} else if row.locked != 0 {
			return errLocked
		}
		if in.Spend != nil {
			if err := in.Spend(ctx, tx); err != nil {
				return err
			}
		}
		if used != "" {
			h := hashOf(used)
			n, err := tx.Exec(ctx, deleteToken, h[:])
			if err != nil {
				return err
			}
			if n == 0 {
				return fault.New(fault.Forbidden, "M_FORBIDDEN", "The sign-in link has been used or has ended.")
			}
		}
		now := time.Now()
		if _, err := tx.Exec(ctx, saveDevice, string(a.User), string(a.Device), in.Name, now.UnixMilli(), in.Origin); err != nil {
			return err
		}
		// A device that signs in again loses its older tokens.
		if _, err := tx.Exec(ctx, endAccess, string(a.User), string(a.Device)); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.forgetDevices(a.User, func(d id.Device) bool { return d == a.Device }) })
		if err := audit.Append(ctx, tx, audit.Entry{At: now, Actor: string(a.User), Action: "session.open", Object: string(a.Device), Detail: map[string]string{"how": how}}); err != nil {
			return err
		}
		return s.saveTokens(ctx, tx, ses, nil)
	})
	return ses, err
}

// maxDeviceName bounds a device's id and name, which everybody gets who shares a room with it.
const maxDeviceName = 255

// Check refuses a device id or name that is too long, before anything is done for the sign-in.
func (in SignIn) Check() error { return checkDevice(cmp.Or(in.Device, "new"), in.Name) }

func checkDevice(d id.Device, name string) error {
	switch {
	case d == "" || len(d) > maxDeviceName:
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The device id is empty or too long.")
	case len(name) > maxDeviceName:
		return fault.New(fault.Invalid, "M_TOO_LARGE", "The device's name is longer than 255 bytes.")
	}
	return nil
}

func (s *Service) lifeOf(app string) time.Duration {
	if app != "" {
		return appLife
	}
	return s.accessLife
}

// saveTokens writes a session's tokens. parent is the hash of the refresh token they came from, nil for a new session.
func (s *Service) saveTokens(ctx context.Context, tx *db.Tx, ses Session, parent []byte) error {
	expires := int64(0)
	if ses.Life > 0 {
		expires = time.Now().Add(ses.Life).UnixMilli()
	}
	h := hashOf(ses.Access)
	if _, err := tx.Exec(ctx, insertToken, h[:], "access", string(ses.User), string(ses.Device), expires, parent, ses.App); err != nil {
		return err
	}
	if ses.Refresh == "" {
		return nil
	}
	h = hashOf(ses.Refresh)
	_, err := tx.Exec(ctx, insertToken, h[:], "refresh", string(ses.User), string(ses.Device), int64(0), parent, ses.App)
	return err
}

// Refresh trades a refresh token for new tokens. The old ones go on until one of the new ones is used, so that an answer which was
// lost signs nobody out; a second refresh before that ends what the first gave. app must be the one that the token was given to.
// spec: client-server-api#post_matrixclientv3refresh
func (s *Service) Refresh(ctx context.Context, token, app string) (Session, error) {
	var ses Session
	stolen := false
	err := s.db.Write(ctx, "account.refresh", func(ctx context.Context, tx *db.Tx) error {
		h := hashOf(token)
		row, err := db.One(ctx, tx, readToken, scanToken, h[:])
		if err == nil && row.kind == "spent" && row.actor.App == app && app != "" {
			stolen = true // one of two who have it is a thief: the session ends for both
			return s.signOut(ctx, tx, row.actor.User, func(d id.Device) bool { return d == row.actor.Device })
		}
		if fault.Is(err, fault.NotFound) || err == nil && (row.kind != "refresh" || row.actor.App != app) {
			return errUnknownToken
		}
		if err != nil {
			return err
		}
		if row.locked {
			return errLocked
		}
		if row.parent != nil {
			if err := s.settleIn(ctx, tx, row); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, endChildren, h[:]); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.forgetDevices(row.actor.User, func(d id.Device) bool { return d == row.actor.Device }) })
		ses = Session{Actor: row.actor, Access: "wla_" + id.NewOpaque(32), Refresh: "wlr_" + id.NewOpaque(32), Life: s.lifeOf(app)}
		return s.saveTokens(ctx, tx, ses, h[:])
	})
	if err == nil && stolen {
		err = errUnknownToken
	}
	return ses, err
}

// AppInUse says whether somebody is signed in with an OAuth client.
func (s *Service) AppInUse(ctx context.Context, q db.Querier, app string) (bool, error) {
	n, err := db.One(ctx, q, appTokens, db.Scalar[int64], app)
	return n > 0, err
}

// EndApp signs out a user's device if it is signed in with the app.
func (s *Service) EndApp(ctx context.Context, u id.User, d id.Device, app string) error {
	return s.db.Write(ctx, "account.end_app", func(ctx context.Context, tx *db.Tx) error {
		n, err := db.One(ctx, tx, appDevice, db.Scalar[int64], string(u), string(d), app)
		if err != nil || n == 0 {
			return err
		}
		return s.signOut(ctx, tx, u, func(other id.Device) bool { return other == d })
	})
}

// Revoke signs out the device that holds a token of the app, access or refresh. A token that is none is no error: it works no more,
// which is what was asked for.
// spec: client-server-api#token-revocation
func (s *Service) Revoke(ctx context.Context, token, app string) error {
	return s.db.Write(ctx, "account.revoke", func(ctx context.Context, tx *db.Tx) error {
		h := hashOf(token)
		row, err := db.One(ctx, tx, readToken, scanToken, h[:])
		if fault.Is(err, fault.NotFound) || err == nil && (row.actor.App != app || app == "" || row.kind == "login") {
			return nil
		}
		if err != nil {
			return err
		}
		return s.signOut(ctx, tx, row.actor.User, func(d id.Device) bool { return d == row.actor.Device })
	})
}

// NewLoginToken makes a one-time token with which somebody may sign in as the user within life.
func (s *Service) NewLoginToken(ctx context.Context, u id.User, life time.Duration) (string, error) {
	return s.NewLoginTokenOf(ctx, Actor{User: u}, life)
}

// NewLoginTokenOf is NewLoginToken for somebody who is signed in: what is opened with it ends with the sign-in elsewhere that their own
// device came from.
// spec: client-server-api#post_matrixclientv1loginget_token
func (s *Service) NewLoginTokenOf(ctx context.Context, a Actor, life time.Duration) (token string, err error) {
	err = s.db.Write(ctx, "account.login_token", func(ctx context.Context, tx *db.Tx) error {
		origin, err := s.OriginOf(ctx, tx, a.User, a.Device)
		if err == nil {
			token, err = s.NewLoginTokenFrom(ctx, tx, a.User, origin, life)
		}
		return err
	})
	return token, err
}

// Device is one signed-in device of a user.
type Device struct {
	ID     id.Device
	Name   string
	SeenAt time.Time
	IP     string // from where it was last seen, "" for not known
	Agent  string // what it then called itself
}

func scanDevice(r db.Row) (d Device, err error) {
	var at int64
	err = r.Scan(&d.ID, &d.Name, &at, &d.IP, &d.Agent)
	d.SeenAt = time.UnixMilli(at)
	return d, err
}

// Devices lists a user's devices, oldest first.
func (s *Service) Devices(ctx context.Context, q db.Querier, u id.User) ([]Device, error) {
	return db.Collect(ctx, q, listDevices, scanDevice, string(u))
}

// RenameDevice changes the name people see. NotFound when the user has no such device.
func (s *Service) RenameDevice(ctx context.Context, u id.User, d id.Device, name string) error {
	if err := checkDevice(d, name); err != nil {
		return err
	}
	return s.db.Write(ctx, "account.rename_device", func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.Exec(ctx, renameDevice, string(u), string(d), name)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "M_NOT_FOUND", "There is no such device.")
		}
		return err
	})
}

// Logout ends the sessions of the devices for which gone says true.
func (s *Service) Logout(ctx context.Context, u id.User, gone func(id.Device) bool) error {
	return s.db.WriteFirst(ctx, "account.logout", func(ctx context.Context, tx *db.Tx) error { return s.signOut(ctx, tx, u, gone) })
}

// everyDevice lists all of a user's devices, however many: one that a sign-out passed over would outlive its account.
func (s *Service) everyDevice(ctx context.Context, tx *db.Tx, u id.User) ([]Device, error) {
	const page = 1000
	var all []Device
	for last := id.Device(""); ; last = all[len(all)-1].ID {
		list, err := db.Collect(ctx, tx, pageDevices, scanDevice, string(u), string(last), page)
		if all = append(all, list...); err != nil || len(list) < page {
			return all, err
		}
	}
}

func (s *Service) signOut(ctx context.Context, tx *db.Tx, u id.User, gone func(id.Device) bool) error {
	devices, err := s.everyDevice(ctx, tx, u)
	if err != nil {
		return err
	}
	var ended []id.Device
	for _, d := range devices {
		if !gone(d.ID) {
			continue
		}
		_, first := tx.Exec(ctx, endAccess, string(u), string(d.ID))
		_, second := tx.Exec(ctx, deleteDevice, string(u), string(d.ID))
		third := audit.Append(ctx, tx, audit.Entry{At: time.Now(), Actor: string(u), Action: "session.close", Object: string(d.ID)})
		if err := errors.Join(first, second, third); err != nil {
			return err
		}
		ended = append(ended, d.ID)
	}
	for _, end := range s.OnSignOut {
		if err := end(ctx, tx, u, ended); err != nil {
			return err
		}
	}
	tx.AfterCommit(func() {
		s.forgetDevices(u, gone)
		if s.OnGone != nil && len(ended) > 0 {
			s.OnGone(u, ended)
		}
	})
	return nil
}

var hasDevice = db.SQL("account.has_device", `SELECT count(*) FROM account_device WHERE member = $1 AND device = $2`)

// HasDevice returns nil when the user is signed in on the device, and NotFound otherwise.
func (s *Service) HasDevice(ctx context.Context, q db.Querier, u id.User, d id.Device) error {
	n, err := db.One(ctx, q, hasDevice, db.Scalar[int64], string(u), string(d))
	if err == nil && n == 0 {
		err = fault.New(fault.NotFound, "M_NOT_FOUND", "There is no such device.")
	}
	return err
}

// NewIdentityToken makes a token with which another service can ask this server who the user is, and do nothing else. It ends with the
// session, or after life.
// spec: client-server-api#post_matrixclientv3useruseridopenidrequest_token
func (s *Service) NewIdentityToken(ctx context.Context, a Actor, life time.Duration) (string, error) {
	token := "wlo_" + id.NewOpaque(32)
	h := hashOf(token)
	err := s.db.Write(ctx, "account.identity_token", func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, endIdentities, time.Now().UnixMilli()); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, insertToken, h[:], "identity", string(a.User), string(a.Device), time.Now().Add(life).UnixMilli(), nil, "")
		return err
	})
	return token, err
}

var endIdentities = db.SQL("account.end_identities", `DELETE FROM account_token WHERE kind IN ('identity', 'login') AND expires_at > 0 AND expires_at < $1`)

// Identity returns whose a token of NewIdentityToken is.
// spec: server-server-api#get_matrixfederationv1openiduserinfo
func (s *Service) Identity(ctx context.Context, token string) (id.User, error) {
	h := hashOf(token)
	row, err := db.One(ctx, s.db, readToken, scanToken, h[:])
	if fault.Is(err, fault.NotFound) || err == nil && (row.kind != "identity" || row.locked || row.expires < time.Now().UnixMilli()) {
		return "", fault.New(fault.Unauthenticated, "M_UNKNOWN_TOKEN", "The token is unknown or has ended.")
	}
	return row.actor.User, err
}

var makeDevice = db.SQL("account.make_device", `INSERT INTO account_device (member, device, name, created_at, seen_at) VALUES ($1, $2, $3, $4, $4) ON CONFLICT (member, device) DO NOTHING`)

// MakeDevice makes a device without a session, for application services, and says whether there was none of that id.
func (s *Service) MakeDevice(ctx context.Context, u id.User, d id.Device, name string) (bool, error) {
	if err := checkDevice(d, name); err != nil {
		return false, err
	}
	made := false
	err := s.db.Write(ctx, "account.make_device", func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.Exec(ctx, makeDevice, string(u), string(d), name, time.Now().UnixMilli())
		made = n > 0
		return err
	})
	return made, err
}
