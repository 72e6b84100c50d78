package staff

import (
	"cmp"
	"context"
	"strings"

	"wardline/clinical/directory"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
	"wardline/matrix/sso"
)

var errGone = fault.New(fault.Forbidden, "M_FORBIDDEN", "The staff directory says that you no longer work here. Ask whoever looks after it.")

// Named says whom an identity provider means by a value: email, number (of the staff record), registration or login. Nobody is NotFound,
// somebody who has left Forbidden, and two people Conflict: then nobody is signed in.
//
// hazard: H20 somebody is signed in as somebody else
func (s *Service) Named(ctx context.Context, q db.Querier, by, value string) (id.User, error) {
	none := fault.New(fault.NotFound, "M_NOT_FOUND", "Not found.")
	switch by {
	case "login":
		name, _, _ := strings.Cut(strings.ToLower(value), "@")
		u, err := id.NewUser(name, s.Accounts.Server())
		if err != nil {
			return "", none
		}
		p, err := directory.FindPerson(ctx, q, u)
		return p.User, gone(p, err)
	case "registration":
		number, err := directory.ParseRegistration(value)
		if err != nil || number == "" {
			return "", none
		}
		value = number
	}
	p, err := directory.Only(ctx, q, by, value)
	return p.User, gone(p, err)
}

func gone(p directory.Person, err error) error {
	if err == nil && p.Left() {
		return errGone
	}
	return err
}

// MayComeIn refuses whoever is not, or no longer, of the directory.
func (s *Service) MayComeIn(ctx context.Context, q db.Querier, u id.User) error {
	p, err := directory.FindPerson(ctx, q, u)
	if fault.Is(err, fault.NotFound) {
		return errGone
	}
	return gone(p, err)
}

// Bring brings in whom an identity provider knows and the directory does not, where the trust wants that.
func (s *Service) Bring(ctx context.Context, tx *db.Tx, n sso.Newcomer) (id.User, error) {
	e := Entry{Name: cmp.Or(n.Name, n.Value), Email: n.Email}
	switch n.By {
	case "email":
		e.Email = n.Value
	case "number":
		e.Number = n.Value
	case "registration":
		e.Registration = n.Value
	case "login":
		e.Login, _, _ = strings.Cut(n.Value, "@")
	}
	p, err := s.JoinIn(ctx, tx, "", "sso", e)
	return p.User, err
}
