package account

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"sync"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

func idOfHash(h tokenHash) string { return base64.RawURLEncoding.EncodeToString(h[:9]) }

// nonces are the open invitations to register with the shared secret: each can be used once, within a minute.
type nonces struct {
	mu   sync.Mutex // guards open
	open map[string]time.Time
}

const nonceLife = time.Minute

// NewNonce returns a nonce for RegisterShared. At most 10,000 are open at once; older ones are dropped first.
func (s *Service) NewNonce() string {
	s.nonce.mu.Lock()
	defer s.nonce.mu.Unlock()
	now := time.Now()
	if s.nonce.open == nil || len(s.nonce.open) > 10_000 {
		s.nonce.open = map[string]time.Time{}
	}
	for n, at := range s.nonce.open {
		if now.Sub(at) > nonceLife {
			delete(s.nonce.open, n)
		}
	}
	n := id.NewOpaque(32)
	s.nonce.open[n] = now
	return n
}

func (s *Service) useNonce(n string) bool {
	s.nonce.mu.Lock()
	defer s.nonce.mu.Unlock()
	at, ok := s.nonce.open[n]
	delete(s.nonce.open, n)
	return ok && time.Since(at) <= nonceLife
}

// SharedRegistration is a request of a tool that knows the server's registration secret.
type SharedRegistration struct {
	Nonce, Username, Password, UserType, MAC, DisplayName string
	Admin                                                 bool
}

// RegisterShared makes an account for a tool that proves with an HMAC-SHA1 that it knows secret. The form is the one that common
// Matrix tools use; SHA-1 is theirs and serves only as a keyed digest of a single-use nonce.
func (s *Service) RegisterShared(ctx context.Context, secret string, r SharedRegistration) (id.User, error) {
	if !s.useNonce(r.Nonce) {
		return "", fault.New(fault.Invalid, "M_UNKNOWN", "The nonce is unknown or has ended.")
	}
	mac := hmac.New(sha1.New, []byte(secret))
	role := "notadmin"
	if r.Admin {
		role = "admin"
	}
	parts := []string{r.Nonce, r.Username, r.Password, role}
	if r.UserType != "" {
		parts = append(parts, r.UserType)
	}
	mac.Write([]byte(strings.Join(parts, "\x00")))
	given, err := hex.DecodeString(r.MAC)
	if err != nil || !hmac.Equal(mac.Sum(nil), given) {
		return "", fault.New(fault.Forbidden, "M_UNKNOWN", "The HMAC is wrong.")
	}
	u, err := s.NewLocal(r.Username)
	if err != nil {
		return "", err
	}
	name := r.DisplayName
	if name == "" {
		name = u.Localpart()
	}
	return u, s.Create(ctx, NewUser{User: u, Password: r.Password, DisplayName: name, Admin: r.Admin})
}

// NewLocal makes a user id from a wished user name, or says what is wrong with it.
func (s *Service) NewLocal(name string) (id.User, error) {
	u, err := id.NewUser(strings.ToLower(name), s.server)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, "M_INVALID_USERNAME", "A user name has only a-z, 0-9 and . _ = - / + characters.", err)
	}
	if s.Reserved != nil {
		if err := s.Reserved(u); err != nil {
			return "", err
		}
	}
	return u, nil
}

// ParseLogin reads what a person typed as their user name: a local part or a whole user id of this server. Names have no capitals here, and
// phones begin with one.
func (s *Service) ParseLogin(name string) id.User {
	name = strings.TrimSpace(name)
	if local, whole := strings.CutPrefix(name, "@"); whole {
		local, server, _ := strings.Cut(local, ":")
		return id.User("@" + strings.ToLower(local) + ":" + server)
	}
	return id.User("@" + strings.ToLower(name) + ":" + string(s.server))
}

// Registration says who may make an account for themselves.
type Registration struct {
	Open   bool // anybody
	Tokens bool // whoever has a token
	Email  bool // only with an address that was proved to be theirs
}

// allowed says whether anybody at all may.
func (r Registration) allowed() bool { return r.Open || r.Tokens }

// Stages are what somebody must pass to register, empty when nobody may.
func (r Registration) Stages() []string {
	var stages []string
	if r.Tokens && !r.Open {
		stages = append(stages, StageToken)
	}
	if r.Email && r.allowed() {
		stages = append(stages, StageEmail)
	}
	if len(stages) == 0 && r.Open {
		stages = append(stages, StageDummy)
	}
	return stages
}

// ErrNoRegistration says that accounts are not made this way.
var ErrNoRegistration = fault.New(fault.Forbidden, "M_FORBIDDEN", "Accounts are made by the trust. Ask your administrator.")

// MayRegister refuses when nobody may register.
func (s *Service) MayRegister() error {
	if !s.Registration.allowed() {
		return ErrNoRegistration
	}
	return nil
}

// Free says whether a user name can be had: it is well-formed and nobody has it, or ever had.
// spec: client-server-api#get_matrixclientv3registeravailable
func (s *Service) Free(ctx context.Context, name string) (id.User, error) {
	u, err := s.NewLocal(name)
	if err != nil {
		return "", err
	}
	_, err = db.One(ctx, s.db, readUser, scanUser, string(u))
	if err == nil {
		return "", fault.New(fault.Conflict, "M_USER_IN_USE", "That user name is taken.")
	}
	if !fault.Is(err, fault.NotFound) {
		return "", err
	}
	return u, nil
}

// Register makes an account for somebody who has passed what Registration asks, using up the token and taking over the address that
// the stages were passed with.
func (s *Service) Register(ctx context.Context, n NewUser, p *Passed) error {
	if err := s.MayRegister(); err != nil {
		return err
	}
	secret, err := s.secret(ctx, n.Password)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, "account.register", func(ctx context.Context, tx *db.Tx) error {
		if p.token != "" {
			if err := s.useVoucher(ctx, tx, p.token); err != nil {
				return err
			}
		}
		if err := s.create(ctx, tx, n, secret); err != nil {
			return err
		}
		if p.address == "" {
			return nil
		}
		if err := s.spend(ctx, tx, p); err != nil {
			return err
		}
		return s.addContact(ctx, tx, n.User, p.address, p.provedAt)
	})
}

// Enrol makes an account for somebody on this server's own pages, with a registration token when one is needed. Where an address must
// be proved, accounts are made in an app.
func (s *Service) Enrol(ctx context.Context, n NewUser, token string) error {
	if s.Registration.Email {
		return ErrNoRegistration
	}
	if s.Registration.Open {
		token = ""
	} else if token == "" {
		return errVoucher
	}
	if n.Password == "" {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The password is missing.")
	}
	return s.Register(ctx, n, &Passed{token: token})
}

// Verify returns nil when somebody's password is right, and the code besides it where they have one, and their account is neither locked
// nor ended: for the server's own pages.
func (s *Service) Verify(ctx context.Context, u id.User, password, code string) error {
	if err := s.CheckPassword(ctx, u, password); err != nil {
		return err
	}
	if err := s.Unlocked(ctx, u); err != nil {
		return err
	}
	return s.second(ctx, u, code)
}

func (s *Service) second(ctx context.Context, u id.User, code string) error {
	if s.Second == nil {
		return nil
	}
	return s.Second(ctx, u, code)
}

// CheckPassword returns nil when the password is the user's; for stages that ask for it again.
func (s *Service) CheckPassword(ctx context.Context, u id.User, password string) error {
	_, err := s.checkPassword(ctx, u, password)
	return err
}
