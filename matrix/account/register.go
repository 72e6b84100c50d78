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
	return u, nil
}

// ParseLogin reads what a person typed as their user name: a local part or a whole user id of this server.
func (s *Service) ParseLogin(name string) id.User {
	name = strings.TrimSpace(name)
	if strings.HasPrefix(name, "@") {
		return id.User(name)
	}
	return id.User("@" + strings.ToLower(name) + ":" + string(s.server))
}

// sessions are the open user-interactive authentications: which stages each has passed.
type sessions struct {
	mu   sync.Mutex // guards open
	open map[string]*interaction
}

type interaction struct {
	began time.Time
	done  []string
}

const interactionLife = 15 * time.Minute

// Stages records that a session of user-interactive authentication has passed a stage ("" for none) and returns the session and
// all stages it has passed. An unknown session starts a new one.
// spec: client-server-api#user-interactive-authentication-api
func (s *Service) Stages(session, passed string) (string, []string) {
	s.uia.mu.Lock()
	defer s.uia.mu.Unlock()
	if s.uia.open == nil || len(s.uia.open) > 10_000 {
		s.uia.open = map[string]*interaction{}
	}
	it := s.uia.open[session]
	if it == nil || time.Since(it.began) > interactionLife {
		session = id.NewOpaque(24)
		it = &interaction{began: time.Now()}
		s.uia.open[session] = it
	}
	if passed != "" {
		it.done = append(it.done, passed)
	}
	return session, it.done
}

// EndStages forgets a session of user-interactive authentication, once its act is done.
func (s *Service) EndStages(session string) {
	s.uia.mu.Lock()
	defer s.uia.mu.Unlock()
	delete(s.uia.open, session)
}

// CheckPassword returns nil when the password is the user's; for stages that ask for it again.
func (s *Service) CheckPassword(ctx context.Context, u id.User, password string) error {
	_, err := s.checkPassword(ctx, u, password)
	return err
}
