package oauth

import (
	"context"
	"maps"
	"time"

	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Visit is somebody who has signed in on the account's own pages, for a while.
type Visit struct {
	User   id.User
	Proof  string // what the forms of this visit carry, so that no other page can send them
	Origin string // the sign-in elsewhere that it came from, "" for a password
	seal   string // of the account as it was then
	until  time.Time
}

// How long a visit lasts, and how many there may be.
const (
	visitLife = 15 * time.Minute
	maxVisits = 10_000
)

// NewVisit begins a visit of whoever knows the password, and the code where there is one, and returns its name, for a cookie.
func (s *Service) NewVisit(ctx context.Context, u id.User, password, code string) (string, error) {
	seal, err := s.accounts.Seal(ctx, u) // before the password is looked at: it may change meanwhile
	if err != nil && !fault.Is(err, fault.Forbidden) && !fault.Is(err, fault.Unauthenticated) {
		return "", err
	}
	if err := s.accounts.Verify(ctx, u, password, code); err != nil {
		return "", err
	}
	return s.visit(u, seal, ""), nil
}

// OpenVisit begins a visit of somebody who has signed in elsewhere.
func (s *Service) OpenVisit(ctx context.Context, u id.User, origin string) (string, error) {
	seal, err := s.accounts.Seal(ctx, u)
	if err != nil {
		return "", err
	}
	return s.visit(u, seal, origin), nil
}

func (s *Service) visit(u id.User, seal, origin string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if len(s.visits) >= maxVisits {
		maps.DeleteFunc(s.visits, func(_ string, v *Visit) bool { return now.After(v.until) })
	}
	for name := range s.visits {
		if len(s.visits) < maxVisits {
			break
		}
		delete(s.visits, name)
	}
	name := id.NewOpaque(24)
	s.visits[name] = &Visit{User: u, Proof: id.NewOpaque(18), Origin: origin, seal: seal, until: now.Add(visitLife)}
	return name
}

// Visit finds a visit, nil when it is over: by time, or because the account was locked or ended, or has another password since.
func (s *Service) Visit(ctx context.Context, name string) (*Visit, error) {
	s.mu.Lock()
	v := s.visits[name]
	s.mu.Unlock()
	if v == nil || time.Now().After(v.until) {
		return nil, nil
	}
	seal, err := s.accounts.Seal(ctx, v.User)
	if fault.Is(err, fault.Forbidden) || fault.Is(err, fault.Unauthenticated) || err == nil && seal != v.seal {
		s.EndVisit(name)
		return nil, nil
	}
	return v, err
}

// EndVisit ends a visit.
func (s *Service) EndVisit(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.visits, name)
}

// EndVisits ends the visits that came from a sign-in elsewhere.
func (s *Service) EndVisits(u id.User, origin string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.visits, func(_ string, v *Visit) bool { return v.User == u && v.Origin == origin })
}
