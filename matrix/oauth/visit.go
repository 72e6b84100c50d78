package oauth

import (
	"maps"
	"time"

	"wardline/matrix/id"
)

// Visit is somebody who has signed in on the account's own pages, for a while.
type Visit struct {
	User  id.User
	Proof string // what the forms of this visit carry, so that no other page can send them
	until time.Time
}

// How long a visit lasts, and how many there may be.
const (
	visitLife = 15 * time.Minute
	maxVisits = 10_000
)

// NewVisit begins a visit and returns its name, for a cookie.
func (s *Service) NewVisit(u id.User) string {
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
	s.visits[name] = &Visit{User: u, Proof: id.NewOpaque(18), until: now.Add(visitLife)}
	return name
}

// Visit finds a visit, nil when it is over.
func (s *Service) Visit(name string) *Visit {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.visits[name]
	if v == nil || time.Now().After(v.until) {
		return nil
	}
	return v
}

// EndVisit ends a visit.
func (s *Service) EndVisit(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.visits, name)
}
