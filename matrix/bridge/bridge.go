// Package bridge serves application services: programs beside the server that speak for many users at once, such as bridges to other
// networks.
//
// It promises that a service is told of everything it has an interest in, in order, each transaction the same until it is
// acknowledged, across crashes; and that nobody but the service makes users or aliases in a namespace that is its alone. It refuses
// services that the operator has not registered by file. What is ephemeral is told while both programs run and not kept. Look first
// at Load, Service.Act and Service.Run.
//
// spec: application-service-api
package bridge

import (
	"context"
	"crypto/subtle"
	"embed"
	"log/slog"
	"net/http"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/stream"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/room"
	"wardline/matrix/timeline"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the schema of bridges.
func Migrations() db.Migrations { return db.Migrations{Package: "bridge", FS: schema} }

// Service answers for all application services of one server.
type Service struct {
	db       *db.DB
	accounts *account.Service
	rooms    *room.Service
	timeline *timeline.Service
	all      []*Registration
	log      *slog.Logger
	client   *http.Client

	// Bell is rung after every event's commit.
	Bell stream.Bell
}

// New returns the service for these registrations.
func New(d *db.DB, accounts *account.Service, rooms *room.Service, tl *timeline.Service, all []*Registration, log *slog.Logger) *Service {
	keep := &http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute}}
	return &Service{db: d, accounts: accounts, rooms: rooms, timeline: tl, all: all, log: log, client: keep}
}

// Start makes the users that services are themselves.
func (s *Service) Start(ctx context.Context) error {
	for _, r := range s.all {
		if err := s.accounts.Create(ctx, account.NewUser{User: r.Sender}); err != nil && !fault.Is(err, fault.Conflict) {
			return err
		}
	}
	return nil
}

// Any says whether there is any application service.
func (s *Service) Any() bool { return s != nil && len(s.all) > 0 }

// ByToken finds the service that holds a token, nil for none.
func (s *Service) ByToken(token string) *Registration {
	if s == nil || token == "" {
		return nil
	}
	var found *Registration
	for _, r := range s.all {
		if subtle.ConstantTimeCompare([]byte(r.Token), []byte(token)) == 1 {
			found = r
		}
	}
	return found
}

// ByID finds a service by its id, nil for none.
func (s *Service) ByID(name string) *Registration {
	if s == nil {
		return nil
	}
	for _, r := range s.all {
		if r.ID == name {
			return r
		}
	}
	return nil
}

// Act returns the actor that a service is in a request: its own user, or one of its namespace, on a device of that user or on none.
// spec: application-service-api#identity-assertion
func (s *Service) Act(ctx context.Context, r *Registration, as id.User, on id.Device) (account.Actor, error) {
	a := account.Actor{User: r.Sender, Device: on, Service: r.ID}
	if as != "" {
		a.User = as
	}
	if !r.Speaks(a.User) {
		return account.Actor{}, fault.New(fault.Forbidden, "M_FORBIDDEN", "The application service does not speak for that user.")
	}
	if err := s.accounts.Active(ctx, a.User); fault.Is(err, fault.NotFound) {
		return account.Actor{}, fault.New(fault.Forbidden, "M_FORBIDDEN", "The application service has not registered that user.")
	} else if err != nil {
		return account.Actor{}, err
	}
	if err := s.accounts.Unlocked(ctx, a.User); err != nil {
		return account.Actor{}, err
	}
	known, err := s.accounts.Account(ctx, a.User)
	if err != nil {
		return account.Actor{}, err
	}
	a.Suspended = known.Suspended
	if on == "" {
		return a, nil
	}
	if err := s.accounts.HasDevice(ctx, s.db, a.User, on); fault.Is(err, fault.NotFound) {
		return account.Actor{}, fault.New(fault.Invalid, "M_UNKNOWN_DEVICE", "The user has no such device.")
	} else if err != nil {
		return account.Actor{}, err
	}
	return a, nil
}

// Free says whether a request is held to no rates, because it is a service's own or one of a service that is trusted so far.
func (s *Service) Free(a account.Actor) bool {
	r := s.ByID(a.Service)
	return r != nil && (a.User == r.Sender || !r.limited())
}

func errExclusive() error {
	return fault.New(fault.Invalid, "M_EXCLUSIVE", "That name belongs to an application service.")
}

// UserFree refuses a user name for everybody but the service whose alone it is.
func (s *Service) UserFree(u id.User) error {
	for _, r := range s.all {
		if _, exclusive := r.user(u); exclusive {
			return errExclusive()
		}
	}
	return nil
}

// AliasFree refuses an alias that is another's alone and, to a service, one outside its namespaces.
func (s *Service) AliasFree(a account.Actor, alias id.Alias) error {
	if s == nil {
		return nil
	}
	for _, r := range s.all {
		is, exclusive := in(r.NamespaceList.Aliases, string(alias))
		if r.ID == a.Service && !is || r.ID != a.Service && exclusive {
			return errExclusive()
		}
	}
	return nil
}

// Owns says whether the actor is a service that has an alias in its namespace, and may do with it as it likes.
func (s *Service) Owns(a account.Actor, alias id.Alias) bool {
	r := s.ByID(a.Service)
	return r != nil && r.Alias(alias)
}

// Register makes a user of a service, without a password.
// spec: application-service-api#server-admin-style-permissions
func (s *Service) Register(ctx context.Context, r *Registration, name string) (id.User, error) {
	u, err := id.NewUser(name, s.accounts.Server())
	if err != nil {
		return "", fault.Wrap(fault.Invalid, "M_INVALID_USERNAME", "A user name has only a-z, 0-9 and . _ = - / + characters.", err)
	}
	if !r.Speaks(u) {
		return "", fault.New(fault.Invalid, "M_EXCLUSIVE", "That name is outside the application service's namespaces.")
	}
	return u, s.accounts.Create(ctx, account.NewUser{User: u, DisplayName: u.Localpart()})
}

// Login opens a session for a user of a service, without a password.
func (s *Service) Login(ctx context.Context, r *Registration, u id.User, in account.SignIn) (account.Session, error) {
	if !r.Speaks(u) {
		return account.Session{}, fault.New(fault.Invalid, "M_EXCLUSIVE", "That name is outside the application service's namespaces.")
	}
	ses, err := s.accounts.Open(ctx, u, in)
	if fault.Is(err, fault.NotFound) {
		err = fault.New(fault.Forbidden, "M_FORBIDDEN", "There is no such user.")
	}
	return ses, err
}
