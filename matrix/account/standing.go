package account

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

var (
	setLocked     = db.SQL("account.set_locked", `UPDATE account_user SET locked_at = $2 WHERE id = $1 AND deactivated_at = 0`)
	setSuspended  = db.SQL("account.set_suspended", `UPDATE account_user SET suspended_at = $2 WHERE id = $1 AND deactivated_at = 0`)
	setAdmin      = db.SQL("account.set_admin", `UPDATE account_user SET admin = $2 WHERE id = $1 AND deactivated_at = 0`)
	setErased     = db.SQL("account.set_erased", `UPDATE account_user SET erased_pos = $2 WHERE id = $1 AND erased_pos = 0`)
	eraseProfile  = db.SQL("account.erase_profile", `DELETE FROM account_profile WHERE member = $1`)
	erasedUsers   = db.SQL("account.erased", `SELECT id, erased_pos FROM account_user WHERE erased_pos > 0 LIMIT 1000000`)
	setSeen       = db.SQL("account.set_seen", `UPDATE account_device SET seen_at = $3, ip = $4, agent = $5 WHERE member = $1 AND device = $2`)
	accountDetail = db.SQL("account.detail", `SELECT u.id, u.admin, u.created_at, u.deactivated_at, u.locked_at, u.suspended_at, u.erased_pos, u.password <> '', coalesce(n.value, ''), coalesce(a.value, '')
		FROM account_user u LEFT JOIN account_profile n ON n.member = u.id AND n.field = 'displayname' LEFT JOIN account_profile a ON a.member = u.id AND a.field = 'avatar_url' WHERE u.id = $1`)
	accountPage = db.SQL("account.page", `SELECT u.id, u.admin, u.created_at, u.deactivated_at, u.locked_at, u.suspended_at, u.erased_pos, u.password <> '', coalesce(n.value, ''), coalesce(a.value, '')
		FROM account_user u LEFT JOIN account_profile n ON n.member = u.id AND n.field = 'displayname' LEFT JOIN account_profile a ON a.member = u.id AND a.field = 'avatar_url'
		WHERE (u.deactivated_at = 0 OR $1) AND (lower(u.id) LIKE lower($2) OR lower(n.value) LIKE lower($2)) ORDER BY u.id LIMIT $3 OFFSET $4`)
	accountCount = db.SQL("account.count", `SELECT count(*) FROM account_user u LEFT JOIN account_profile n ON n.member = u.id AND n.field = 'displayname'
		WHERE (u.deactivated_at = 0 OR $1) AND (lower(u.id) LIKE lower($2) OR lower(n.value) LIKE lower($2))`)
)

var errNoUser = fault.New(fault.NotFound, "M_NOT_FOUND", "User not found.")

// Manageable refuses the server's own account: whoever had its password would speak as the server.
func (s *Service) Manageable(u id.User) error {
	if u == s.Own && u != "" {
		return fault.New(fault.Forbidden, "M_FORBIDDEN", "That is the server's own account.")
	}
	return nil
}

// Standing is a restriction that an administrator puts on an account, and takes off again.
type Standing int

// The restrictions: a locked account can do nothing but sign out, a suspended one can read, leave and little else.
const (
	Locked Standing = iota
	Suspended
)

func (st Standing) name() string {
	if st == Locked {
		return "lock"
	}
	return "suspend"
}

// Account is what an administrator sees of an account.
type Account struct {
	User                     id.User
	Admin                    bool
	CreatedAt, DeactivatedAt int64 // ms, 0 for not
	Locked, Suspended        bool
	Erased, HasPassword      bool
	DisplayName, Avatar      string
}

func scanAccount(r db.Row) (a Account, err error) {
	var locked, suspended, erased int64
	var name, avatar string
	err = r.Scan(&a.User, &a.Admin, &a.CreatedAt, &a.DeactivatedAt, &locked, &suspended, &erased, &a.HasPassword, &name, &avatar)
	a.Locked, a.Suspended, a.Erased = locked != 0, suspended != 0, erased != 0
	p := Profile{"displayname": []byte(name), "avatar_url": []byte(avatar)}
	a.DisplayName, a.Avatar = p.Text("displayname"), p.Text("avatar_url")
	return a, err
}

// Account reads one account, also one that has ended.
func (s *Service) Account(ctx context.Context, u id.User) (Account, error) {
	a, err := db.One(ctx, s.db, accountDetail, scanAccount, string(u))
	if fault.Is(err, fault.NotFound) {
		err = errNoUser
	}
	return a, err
}

// Accounts pages through the accounts whose id or name contains a word, and says how many there are.
func (s *Service) Accounts(ctx context.Context, word string, ended bool, from, limit int) ([]Account, int64, error) {
	like := "%" + escapeLike(word) + "%"
	total, err := db.One(ctx, s.db, accountCount, db.Scalar[int64], ended, like)
	if err != nil {
		return nil, 0, err
	}
	list, err := db.Collect(ctx, s.db, accountPage, scanAccount, ended, like, limit, from)
	return list, total, err
}

// Unlocked refuses when an account is locked.
func (s *Service) Unlocked(ctx context.Context, u id.User) error {
	row, err := db.One(ctx, s.db, readUser, scanUser, string(u))
	if err == nil && row.locked != 0 {
		err = errLocked
	}
	return err
}

// Seal is a text that is another once the account's password is, so that what was begun with the old one can be told. Of an account
// that is locked or has ended there is none.
func (s *Service) Seal(ctx context.Context, u id.User) (string, error) {
	row, err := db.One(ctx, s.db, readUser, scanUser, string(u))
	switch {
	case fault.Is(err, fault.NotFound), err == nil && row.deactivated != 0:
		return "", errPassword
	case err != nil:
		return "", err
	case row.locked != 0:
		return "", errLocked
	}
	return idOfHash(hashOf(row.secret)), nil
}

// Moderated returns an account that an administrator asks about or acts on. Whether they are one is asked before anything about the
// account: otherwise the answers would tell who has one.
// spec: client-server-api#get_matrixclientv1adminlockuserid
func (s *Service) Moderated(ctx context.Context, by Actor, u id.User) (Account, error) {
	if !by.Admin {
		return Account{}, errNotAdmin
	}
	if !s.Local(u) {
		return Account{}, fault.New(fault.Invalid, "M_INVALID_PARAM", "The user belongs to another server.")
	}
	a, err := s.Account(ctx, u)
	if err != nil {
		return a, err
	}
	if a.DeactivatedAt != 0 {
		return a, errNoUser
	}
	if a.Admin {
		return a, fault.New(fault.Forbidden, "M_FORBIDDEN", "Administrators can be neither locked nor suspended.")
	}
	return a, nil
}

var errNotAdmin = fault.New(fault.Forbidden, "M_FORBIDDEN", "Only administrators may do that.")

// Restrict puts a restriction on an account or takes it off. It holds from the next request on; sessions stay.
// spec: client-server-api#put_matrixclientv1adminsuspenduserid
func (s *Service) Restrict(ctx context.Context, by Actor, u id.User, what Standing, on bool) error {
	if _, err := s.Moderated(ctx, by, u); err != nil {
		return err
	}
	q, at := setLocked, int64(0)
	if what == Suspended {
		q = setSuspended
	}
	if on {
		at = time.Now().UnixMilli()
	}
	return s.standing(ctx, by.User, u, q, at, what.name(), on)
}

// SetAdmin makes somebody an administrator, or takes it from them. by is "" for the command line.
func (s *Service) SetAdmin(ctx context.Context, by, u id.User, on bool) error {
	return s.standing(ctx, by, u, setAdmin, on, "admin", on)
}

func (s *Service) standing(ctx context.Context, by, u id.User, q *db.Statement, value any, name string, on bool) error {
	if err := s.Manageable(u); err != nil {
		return err
	}
	if by == "" {
		by = "system"
	}
	if !on {
		name = "un" + name
	}
	return s.db.Write(ctx, "account.standing", func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.Exec(ctx, q, string(u), value)
		if err != nil {
			return err
		}
		if n == 0 {
			return errNoUser
		}
		tx.OnCommit(func() { s.forgetDevices(u, func(id.Device) bool { return true }) })
		if s.OnStanding != nil {
			tx.AfterCommit(func() { s.OnStanding(u) })
		}
		return audit.Append(ctx, tx, audit.Entry{At: time.Now(), Actor: string(by), Action: "account." + name, Object: string(u)})
	})
}

// erase marks that a user's messages are shown no more to who comes later, and removes their profile.
func (s *Service) erase(ctx context.Context, tx *db.Tx, u id.User) error {
	pos := tx.LastPosition()
	if _, err := tx.Exec(ctx, eraseProfile, string(u)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, setErased, string(u), max(pos, 1))
	tx.OnCommit(func() { s.seen.forget(u, max(pos, 1)) })
	return err
}

// LoadErased brings into memory whose messages are to be hidden from who comes later. It must be called once, before use.
func (s *Service) LoadErased(ctx context.Context) error {
	type one struct {
		u   id.User
		pos int64
	}
	all, err := db.Collect(ctx, s.db, erasedUsers, func(r db.Row) (e one, err error) { return e, r.Scan(&e.u, &e.pos) })
	for _, e := range all {
		s.seen.forget(e.u, e.pos)
	}
	return err
}

// ErasedAt returns the position at which a user asked to be forgotten, 0 for never.
func (s *Service) ErasedAt(u id.User) int64 {
	if !s.seen.some.Load() {
		return 0 // as nearly everywhere, and asked for each event that anybody is shown
	}
	if pos, ok := s.seen.erased.Load(u); ok {
		return pos.(int64)
	}
	return 0
}

func (s *sightings) forget(u id.User, pos int64) {
	s.erased.Store(u, pos)
	s.some.Store(true)
}

// sightings are from where devices were last seen, as far as it is not written down yet.
type sightings struct {
	erased sync.Map    // id.User → int64
	some   atomic.Bool // erased holds anybody

	mu    sync.Mutex // guards fresh
	fresh map[deviceKey]sighting
}

type deviceKey struct {
	user   id.User
	device id.Device
}

type sighting struct {
	at        int64
	ip, agent string
}

// maxAgent bounds what a device says it is.
const maxAgent = 200

// Saw notes that a device has made a request. It only remembers it; WriteSeen writes it down.
func (s *Service) Saw(a Actor, ip, agent string) {
	if a.Device == "" {
		return
	}
	if len(agent) > maxAgent {
		agent = agent[:maxAgent]
	}
	k := deviceKey{a.User, a.Device}
	s.seen.mu.Lock()
	defer s.seen.mu.Unlock()
	if s.seen.fresh == nil {
		s.seen.fresh = map[deviceKey]sighting{}
	}
	s.seen.fresh[k] = sighting{time.Now().UnixMilli(), ip, agent}
}

// seenEvery is how often sightings are written down.
const seenEvery = time.Minute

// WriteSeen writes down where devices were seen, now and then, until ctx ends.
func (s *Service) WriteSeen(ctx context.Context) error {
	ticker := time.NewTicker(seenEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return s.saveSeen(context.WithoutCancel(ctx))
		case <-ticker.C:
			if err := s.saveSeen(ctx); err != nil {
				return err
			}
		}
	}
}

func (s *Service) saveSeen(ctx context.Context) error {
	s.seen.mu.Lock()
	list := s.seen.fresh
	s.seen.fresh = nil
	s.seen.mu.Unlock()
	if len(list) == 0 {
		return nil
	}
	return s.db.Write(ctx, "account.seen", func(ctx context.Context, tx *db.Tx) error {
		for k, v := range list {
			if _, err := tx.Exec(ctx, setSeen, string(k.user), string(k.device), v.at, v.ip, v.agent); err != nil {
				return err
			}
		}
		return nil
	})
}

// Sightings lists a user's devices as they were last seen, counting what is not written down yet.
func (s *Service) Sightings(ctx context.Context, u id.User) ([]Device, error) {
	list, err := s.Devices(ctx, s.db, u)
	if err != nil {
		return nil, err
	}
	s.seen.mu.Lock()
	defer s.seen.mu.Unlock()
	for i := range list {
		if v, ok := s.seen.fresh[deviceKey{u, list[i].ID}]; ok {
			list[i].SeenAt, list[i].IP, list[i].Agent = time.UnixMilli(v.at), v.ip, v.agent
		}
	}
	return list, nil
}
