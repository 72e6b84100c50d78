package staff

import (
	"cmp"
	"context"
	"embed"
	"slices"

	"wardline/clinical/directory"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Migrations returns the tables of this package.
func Migrations() db.Migrations { return db.Migrations{Package: "staff", FS: schemaFS} }

// Record is a person as another directory keeps them here.
type Record struct {
	directory.Person
	External string // what the other directory calls them
	UserName string // the user name that it gives them
}

// Group is a team as another directory keeps it here.
type Group struct {
	directory.Team
	External string
}

// Provision is what another directory wants somebody to be.
type Provision struct {
	Entry    Entry
	Active   bool
	External string
	UserName string
}

const (
	kindPerson = "person"
	kindTeam   = "team"
	scim       = "scim" // who acts, in the audit and as the source of an entry
)

type external struct {
	id, name, login string
	gone            bool
}

func scanExternal(r db.Row) (e external, err error) {
	return e, r.Scan(&e.id, &e.name, &e.login, &e.gone)
}

var (
	allExternal  = db.SQL("staff.externals", `SELECT id, external, login, gone FROM staff_external WHERE kind = $1 LIMIT 200000`)
	oneExternal  = db.SQL("staff.external", `SELECT id, external, login, gone FROM staff_external WHERE kind = $1 AND id = $2 LIMIT 1`)
	saveExternal = db.SQL("staff.save_external", `INSERT INTO staff_external (kind, id, external, login, gone) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (kind, id) DO UPDATE SET external = excluded.external, login = excluded.login, gone = excluded.gone`)
)

func externalOf(ctx context.Context, q db.Querier, kind, name string) (external, error) {
	e, err := db.One(ctx, q, oneExternal, scanExternal, kind, name)
	if fault.Is(err, fault.NotFound) {
		return external{id: name}, nil
	}
	return e, err
}

// Records returns everybody whom another directory may see: all but those whom it has deleted. In the order of their user ids.
func (s *Service) Records(ctx context.Context) ([]Record, error) {
	people, err := directory.People(ctx, s.DB)
	if err != nil {
		return nil, err
	}
	known, err := db.Collect(ctx, s.DB, allExternal, scanExternal, kindPerson)
	if err != nil {
		return nil, err
	}
	by := make(map[string]external, len(known))
	for _, e := range known {
		by[e.id] = e
	}
	all := make([]Record, 0, len(people))
	for _, p := range people {
		if e := by[string(p.User)]; !e.gone {
			all = append(all, recordOf(p, e))
		}
	}
	return all, nil
}

// Record returns one of them, or fault.NotFound.
func (s *Service) Record(ctx context.Context, user id.User) (Record, error) {
	return s.record(ctx, s.DB, user)
}

func (s *Service) record(ctx context.Context, q db.Querier, user id.User) (Record, error) {
	p, err := directory.FindPerson(ctx, q, user)
	if err != nil {
		return Record{}, err
	}
	e, err := externalOf(ctx, q, kindPerson, string(user))
	if err == nil && e.gone {
		err = fault.New(fault.NotFound, "M_NOT_FOUND", "Not found.")
	}
	return recordOf(p, e), err
}

func recordOf(p directory.Person, e external) Record {
	return Record{p, e.name, cmp.Or(e.login, p.User.Localpart())}
}

// ProvisionNew brings somebody in for another directory. A login that is taken is fault.Conflict, unless its owner was deleted there
// before: then they are the same person again.
func (s *Service) ProvisionNew(ctx context.Context, p Provision) (Record, error) {
	var rec Record
	err := s.DB.Write(ctx, "staff.provision", func(ctx context.Context, tx *db.Tx) error {
		e, err := p.Entry.clean()
		if err != nil {
			return err
		}
		if e.Ward, err = s.knownWard(ctx, tx, e.Ward); err != nil {
			return err
		}
		user, err := id.NewUser(e.login(), s.Accounts.Server())
		if err != nil {
			return fault.Wrap(fault.Invalid, "M_INVALID_USERNAME", "That cannot be a user name.", err)
		}
		was, err := externalOf(ctx, tx, kindPerson, string(user))
		if err != nil {
			return err
		}
		if was.gone {
			p.Entry = e
			rec, err = s.provision(ctx, tx, user, p)
			return err
		}
		e.Login = user.Localpart()
		person, err := s.JoinIn(ctx, tx, scim, scim, e)
		if err != nil {
			return err
		}
		p.Entry = e
		rec, err = s.provision(ctx, tx, person.User, p)
		return err
	})
	return rec, err
}

// Provision makes somebody what another directory wants, in one act. change gets them as they are and returns what is wanted; its error
// changes nothing, so that an answer can be computed from, and checked against, what is true inside the act.
func (s *Service) Provision(ctx context.Context, user id.User, change func(Record) (Provision, error)) (Record, error) {
	var rec Record
	err := s.DB.WriteFirst(ctx, "staff.provision", func(ctx context.Context, tx *db.Tx) error {
		was, err := s.record(ctx, tx, user)
		if err != nil {
			return err
		}
		p, err := change(was)
		if err != nil {
			return err
		}
		if p.Entry.Ward, err = s.knownWard(ctx, tx, p.Entry.Ward); err != nil {
			return err
		}
		rec, err = s.provision(ctx, tx, user, p)
		return err
	})
	return rec, err
}

// knownWard leaves out a department that is no ward here: a directory of the whole trust has many, and none of them is a reason to keep
// somebody out.
func (s *Service) knownWard(ctx context.Context, q db.Querier, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	_, err := directory.WardNamed(ctx, q, name)
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	return name, err
}

func (s *Service) provision(ctx context.Context, tx *db.Tx, user id.User, p Provision) (Record, error) {
	if p.Active {
		if err := s.ReturnIn(ctx, tx, scim, user); err != nil {
			return Record{}, err
		}
	}
	if _, err := s.ChangeIn(ctx, tx, scim, user, p.Entry); err != nil {
		return Record{}, err
	}
	if !p.Active {
		if err := s.LeaveIn(ctx, tx, scim, user); err != nil {
			return Record{}, err
		}
	}
	if _, err := tx.Exec(ctx, saveExternal, kindPerson, string(user), p.External, p.UserName, false); err != nil {
		return Record{}, err
	}
	return s.record(ctx, tx, user)
}

// Unprovision lets somebody leave because another directory has deleted them. check gets them as they are; its error changes nothing.
func (s *Service) Unprovision(ctx context.Context, user id.User, check func(Record) error) error {
	return s.DB.WriteFirst(ctx, "staff.unprovision", func(ctx context.Context, tx *db.Tx) error {
		was, err := s.record(ctx, tx, user)
		if err != nil {
			return err
		}
		if err := check(was); err != nil {
			return err
		}
		if err := s.LeaveIn(ctx, tx, scim, user); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, saveExternal, kindPerson, string(user), was.External, was.UserName, true)
		return err
	})
}

// Groups returns the teams, by name.
func (s *Service) Groups(ctx context.Context) ([]Group, error) {
	teams, err := directory.Teams(ctx, s.DB)
	if err != nil {
		return nil, err
	}
	all := make([]Group, 0, len(teams))
	for _, t := range teams {
		e, err := externalOf(ctx, s.DB, kindTeam, string(t.ID))
		if err != nil {
			return nil, err
		}
		all = append(all, Group{t, e.name})
	}
	return all, nil
}

// Group returns a team, or fault.NotFound.
func (s *Service) Group(ctx context.Context, team directory.TeamID) (Group, error) {
	return s.group(ctx, s.DB, team)
}

func (s *Service) group(ctx context.Context, q db.Querier, team directory.TeamID) (Group, error) {
	t, err := directory.FindTeam(ctx, q, team)
	if err != nil {
		return Group{}, err
	}
	e, err := externalOf(ctx, q, kindTeam, string(team))
	return Group{t, e.name}, err
}

// SetGroup makes a team what another directory wants, in one act; an empty id makes a new one. change is as in Provision. A member who is
// not in the directory is fault.Invalid.
func (s *Service) SetGroup(ctx context.Context, team directory.TeamID, change func(Group) (Group, error)) (Group, error) {
	return s.setGroup(ctx, scim, team, change)
}

func (s *Service) setGroup(ctx context.Context, by id.User, team directory.TeamID, change func(Group) (Group, error)) (Group, error) {
	var g Group
	err := s.DB.Write(ctx, "staff.group", func(ctx context.Context, tx *db.Tx) error {
		var was Group
		var err error
		if team != "" {
			if was, err = s.group(ctx, tx, team); err != nil {
				return err
			}
		} else {
			was.ID = directory.TeamID("tm_" + id.NewOpaque(9))
		}
		if g, err = change(was); err != nil {
			return err
		}
		g.ID = was.ID
		slices.Sort(g.Members)
		g.Members = slices.Compact(g.Members)
		for _, m := range g.Members {
			if p, err := directory.FindPerson(ctx, tx, m); fault.Is(err, fault.NotFound) || err == nil && p.Left() && !slices.Contains(was.Members, m) {
				return fault.New(fault.Invalid, "M_INVALID_PARAM", "A member is not in the directory.")
			} else if err != nil {
				return err
			}
		}
		if g.Name == "" || len(g.Name) > 120 || len(g.Members) > 1000 {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "A team has a name of at most 120 letters, and at most 1,000 members.")
		}
		if err := directory.SaveTeam(ctx, tx, g.Team); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, saveExternal, kindTeam, string(g.ID), g.External, "", false); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Entry{At: s.Now(), Actor: string(by), Action: "staff.team", Object: string(g.ID)})
	})
	return g, err
}

// DropGroup removes a team. check is as in Unprovision.
func (s *Service) DropGroup(ctx context.Context, team directory.TeamID, check func(Group) error) error {
	return s.dropGroup(ctx, scim, team, check)
}

func (s *Service) dropGroup(ctx context.Context, by id.User, team directory.TeamID, check func(Group) error) error {
	return s.DB.Write(ctx, "staff.group", func(ctx context.Context, tx *db.Tx) error {
		was, err := s.group(ctx, tx, team)
		if err != nil {
			return err
		}
		if err := check(was); err != nil {
			return err
		}
		if err := directory.DropTeam(ctx, tx, team); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Entry{At: s.Now(), Actor: string(by), Action: "staff.team_end", Object: string(team)})
	})
}
