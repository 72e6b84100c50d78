package staff

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

// Deps is what the service needs; all are required.
type Deps struct {
	DB       *db.DB
	Accounts *account.Service
	Rota     *rota.Service
	Now      func() time.Time
}

// Service brings people in and lets them go.
type Service struct {
	Deps
	// Proofs take away, inside an open act, what somebody proves themselves with besides a password. Set before use.
	Proofs []func(ctx context.Context, tx *db.Tx, by, user id.User) error
	LDAP   *LDAP // the directory server that people are imported from, nil for none. Set before use.
}

// New returns the service. It starts nothing.
func New(d Deps) *Service { return &Service{Deps: d} }

// May returns nil when somebody may change who works here, and fault.Hidden otherwise.
func (s *Service) May(ctx context.Context, by directory.By) error {
	err := directory.MayKeep(ctx, s.DB, by, directory.Everything)
	if fault.Is(err, fault.Forbidden) {
		return fault.Wrap(fault.Hidden, "M_NOT_FOUND", "Not found.", err)
	}
	return err
}

// Join brings somebody in: an account without a password, and an entry in the directory. A user name that is taken is fault.Conflict.
func (s *Service) Join(ctx context.Context, by id.User, source string, e Entry) (directory.Person, error) {
	var p directory.Person
	e, err := e.clean()
	if err != nil {
		return p, err
	}
	err = s.DB.Write(ctx, "staff.join", func(ctx context.Context, tx *db.Tx) error {
		p, err = s.JoinIn(ctx, tx, by, source, e)
		return err
	})
	return p, err
}

// JoinIn is Join inside an open act.
func (s *Service) JoinIn(ctx context.Context, tx *db.Tx, by id.User, source string, e Entry) (directory.Person, error) {
	var p directory.Person
	e, err := e.clean()
	if err != nil {
		return p, err
	}
	if p, err = s.fill(ctx, tx, p, e); err != nil {
		return p, err
	}
	if p.User, err = s.name(ctx, tx, e); err != nil {
		return p, err
	}
	p.Source = source
	if err := s.Accounts.CreateIn(ctx, tx, account.NewUser{User: p.User, DisplayName: p.Name}); err != nil {
		return p, err
	}
	if err := directory.SavePerson(ctx, tx, p); err != nil {
		return p, err
	}
	return p, s.note(ctx, tx, by, "staff.join", p.User)
}

// name makes the user id of a newcomer. A login that was asked for must be free; one that was made of a name gets a number if need be.
func (s *Service) name(ctx context.Context, tx *db.Tx, e Entry) (id.User, error) {
	base := e.login()
	if base == "" {
		base = "staff"
	}
	for n := 1; n < 1000; n++ {
		login := base
		if n > 1 {
			login = fmt.Sprintf("%s%d", base, n)
		}
		u, err := id.NewUser(login, s.Accounts.Server())
		if err != nil {
			return "", fault.Wrap(fault.Invalid, "M_INVALID_USERNAME", "That cannot be a user name.", err)
		}
		taken, err := s.Accounts.Taken(ctx, tx, u)
		if err != nil {
			return "", err
		}
		if !taken {
			return u, nil
		}
		if e.Login != "" {
			return "", fault.New(fault.Conflict, "M_USER_IN_USE", "That user name is taken.")
		}
	}
	return "", fault.New(fault.Conflict, "M_USER_IN_USE", "That user name is taken.")
}

// fill lays an entry over a person. A ward that nobody knows is fault.Invalid.
func (s *Service) fill(ctx context.Context, q db.Querier, p directory.Person, e Entry) (directory.Person, error) {
	ward := directory.WardID("")
	if e.Ward != "" {
		w, err := directory.WardNamed(ctx, q, e.Ward)
		if fault.Is(err, fault.NotFound) {
			return p, fault.New(fault.Invalid, "M_INVALID_PARAM", "There is no ward or place called "+e.Ward+".")
		}
		if err != nil {
			return p, err
		}
		ward = w.ID
	}
	p.Name, p.Role, p.Grade, p.Profession, p.Ward, p.Registration = e.Name, e.Role, e.Grade, e.Profession, ward, e.Registration
	p.Email, p.Number, p.Languages = e.Email, cmp.Or(e.Number, p.Number), e.Languages
	if e.Photo != "" {
		p.Photo = e.Photo
	}
	p.ChangedAt = s.Now().UnixMilli()
	return p, nil
}

// Change lays an entry over somebody who is here. Their rooms see a new name in the same act.
func (s *Service) Change(ctx context.Context, by, user id.User, e Entry) (directory.Person, error) {
	var p directory.Person
	err := s.DB.Write(ctx, "staff.change", func(ctx context.Context, tx *db.Tx) (err error) {
		p, err = s.ChangeIn(ctx, tx, by, user, e)
		return err
	})
	return p, err
}

// ChangeIn is Change inside an open act.
func (s *Service) ChangeIn(ctx context.Context, tx *db.Tx, by, user id.User, e Entry) (directory.Person, error) {
	e, err := e.clean()
	if err != nil {
		return directory.Person{}, err
	}
	was, err := directory.FindPerson(ctx, tx, user)
	if err != nil {
		return was, err
	}
	p, err := s.fill(ctx, tx, was, e)
	if err != nil {
		return p, err
	}
	what := changed(was, p)
	if len(what) == 0 {
		return was, nil
	}
	if err := directory.SavePerson(ctx, tx, p); err != nil {
		return p, err
	}
	if was.Name != p.Name {
		if err := s.Accounts.Rename(ctx, tx, user, p.Name); err != nil {
			return p, err
		}
	}
	return p, audit.Append(ctx, tx, audit.Entry{At: s.Now(), Actor: string(by), Action: "staff.change", Object: string(user), Detail: map[string]string{"fields": strings.Join(what, ",")}})
}

// Leave ends somebody's access everywhere, at once: devices, tokens, links, push. Their posts pass on or raise an alarm in the same act,
// their duties become gaps, they belong to no team and are found no more.
//
// hazard: H6 role empty or stale holder
func (s *Service) Leave(ctx context.Context, by, user id.User) error {
	if by == user {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "Let somebody else say that you have left.")
	}
	return s.DB.WriteFirst(ctx, "staff.leave", func(ctx context.Context, tx *db.Tx) error { return s.LeaveIn(ctx, tx, by, user) })
}

// LeaveIn is Leave inside an open act. Of somebody who has left already it changes nothing.
func (s *Service) LeaveIn(ctx context.Context, tx *db.Tx, by, user id.User) error {
	p, err := directory.FindPerson(ctx, tx, user)
	if err != nil || p.Left() {
		return err
	}
	if err := s.Accounts.EndAccess(ctx, tx, by, user); err != nil {
		return err
	}
	if err := directory.Leave(ctx, tx, user, s.Now()); err != nil {
		return err
	}
	if err := s.Rota.Left(ctx, tx, by, user); err != nil {
		return err
	}
	return s.note(ctx, tx, by, "staff.leave", user)
}

// Return lets somebody who has left work here again. They sign in anew.
func (s *Service) Return(ctx context.Context, by, user id.User) error {
	return s.DB.Write(ctx, "staff.return", func(ctx context.Context, tx *db.Tx) error { return s.ReturnIn(ctx, tx, by, user) })
}

// ReturnIn is Return inside an open act. Of somebody who has not left it changes nothing.
func (s *Service) ReturnIn(ctx context.Context, tx *db.Tx, by, user id.User) error {
	p, err := directory.FindPerson(ctx, tx, user)
	if err != nil || !p.Left() {
		return err
	}
	p.LeftAt, p.ChangedAt = 0, s.Now().UnixMilli()
	if err := directory.SavePerson(ctx, tx, p); err != nil {
		return err
	}
	if err := s.Accounts.Readmit(ctx, tx, by, user); err != nil {
		return err
	}
	if err := s.Rota.Returned(ctx, tx, user); err != nil {
		return err
	}
	return s.note(ctx, tx, by, "staff.return", user)
}

// Link makes a link by which somebody signs in once, within a day: for those without a password or an identity provider.
func (s *Service) Link(ctx context.Context, by, user id.User) (string, error) {
	p, err := directory.FindPerson(ctx, s.DB, user)
	if err != nil {
		return "", err
	}
	if p.Left() {
		return "", fault.New(fault.Conflict, "M_FORBIDDEN", "That person no longer works here.")
	}
	if err := s.MayStandIn(ctx, by, user); err != nil {
		return "", err
	}
	token, err := s.Accounts.NewLoginToken(ctx, user, 24*time.Hour)
	if err != nil {
		return "", err
	}
	return token, s.DB.Write(ctx, "staff.link", func(ctx context.Context, tx *db.Tx) error { return s.note(ctx, tx, by, "staff.link", user) })
}

// MayStandIn refuses to let somebody who is no administrator change how an administrator signs in: they could come in as them.
func (s *Service) MayStandIn(ctx context.Context, by, user id.User) error {
	who, err := s.Accounts.Account(ctx, user)
	if err != nil || !who.Admin || by == user {
		return err
	}
	actor, err := s.Accounts.Account(ctx, by)
	if err == nil && !actor.Admin {
		err = fault.New(fault.Forbidden, "M_FORBIDDEN", "That is an administrator. Only another administrator may do that.")
	}
	return err
}

// Lost takes away what somebody proved themselves with besides a password, because they have lost it, and signs them out: whoever has it
// now may be signed in. They come back with their password, or with a link.
func (s *Service) Lost(ctx context.Context, by, user id.User) error {
	if _, err := directory.FindPerson(ctx, s.DB, user); err != nil {
		return err
	}
	if err := s.MayStandIn(ctx, by, user); err != nil {
		return err
	}
	return s.DB.WriteFirst(ctx, "staff.lost", func(ctx context.Context, tx *db.Tx) error {
		for _, take := range s.Proofs {
			if err := take(ctx, tx, by, user); err != nil {
				return err
			}
		}
		if err := s.Accounts.SignOutIn(ctx, tx, user); err != nil {
			return err
		}
		return s.note(ctx, tx, by, "staff.lost", user)
	})
}

// SignOut ends all sessions of somebody, or the one on a device.
func (s *Service) SignOut(ctx context.Context, by, user id.User, device id.Device) error {
	if _, err := directory.FindPerson(ctx, s.DB, user); err != nil {
		return err
	}
	if err := s.Accounts.Logout(ctx, user, func(d id.Device) bool { return device == "" || d == device }); err != nil {
		return err
	}
	return s.DB.Write(ctx, "staff.sign_out", func(ctx context.Context, tx *db.Tx) error { return s.note(ctx, tx, by, "staff.sign_out", user) })
}

func (s *Service) note(ctx context.Context, tx *db.Tx, by id.User, action string, user id.User) error {
	return audit.Append(ctx, tx, audit.Entry{At: s.Now(), Actor: cmp.Or(string(by), "system"), Action: action, Object: string(user)})
}
