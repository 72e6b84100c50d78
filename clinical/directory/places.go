package directory

import (
	"context"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

var (
	wardByID = db.SQL("directory.ward", `SELECT id, name, site, kind FROM directory_ward WHERE id = $1 LIMIT 1`)
	allWards = db.SQL("directory.wards", `SELECT id, name, site, kind FROM directory_ward ORDER BY name, id LIMIT $1`)
	allSites = db.SQL("directory.sites", `SELECT id, name, ods FROM directory_site ORDER BY name, id LIMIT 10000`)
	saveSite = db.SQL("directory.save_site", `INSERT INTO directory_site (id, name, ods) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET name = excluded.name, ods = excluded.ods`)
)

func scanWard(r db.Row) (w Ward, err error) { return w, r.Scan(&w.ID, &w.Name, &w.Site, &w.Kind) }

// FindWard returns a ward, or fault.NotFound.
func FindWard(ctx context.Context, q db.Querier, ward WardID) (Ward, error) {
	return db.One(ctx, q, wardByID, scanWard, string(ward))
}

// Wards returns all wards and other places, by name.
func Wards(ctx context.Context, q db.Querier) ([]Ward, error) {
	return db.Collect(ctx, q, allWards, scanWard, maxEntries)
}

// Sites returns the sites of the organisation, by name.
func Sites(ctx context.Context, q db.Querier) ([]Site, error) {
	return db.Collect(ctx, q, allSites, func(r db.Row) (s Site, err error) { return s, r.Scan(&s.ID, &s.Name, &s.ODS) })
}

// SaveSite adds or changes a site.
func SaveSite(ctx context.Context, tx *db.Tx, s Site) error {
	if s.ODS != "" && !ValidODS(s.ODS) {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "That is no ODS code.")
	}
	return exec(ctx, tx, saveSite, string(s.ID), s.Name, s.ODS)
}

// Version grows with each change of the directory.
func Version(ctx context.Context, q db.Querier) (int64, error) {
	return db.One(ctx, q, version, db.Scalar[int64])
}

// By is who wants to change something. Admin is somebody who administers the whole server.
type By struct {
	User  id.User
	Admin bool
}

var (
	keepersOf  = db.SQL("directory.keepers", `SELECT user_id FROM directory_keeper WHERE service = $1 OR service = '*' ORDER BY user_id LIMIT 50`)
	keepsWhat  = db.SQL("directory.keeps", `SELECT service FROM directory_keeper WHERE user_id = $1 ORDER BY service LIMIT 500`)
	addKeeper  = db.SQL("directory.add_keeper", `INSERT INTO directory_keeper (user_id, service) VALUES ($1, $2) ON CONFLICT (user_id, service) DO NOTHING`)
	endKeeper  = db.SQL("directory.end_keeper", `DELETE FROM directory_keeper WHERE user_id = $1 AND service = $2`)
	endKeepers = db.SQL("directory.end_keepers", `DELETE FROM directory_keeper WHERE user_id = $1`)
)

// Everything is the service of somebody who keeps all rotas.
const Everything = "*"

var errNotKeeper = fault.New(fault.Forbidden, "M_FORBIDDEN", "Only whoever keeps this rota may do that.")

// Keepers returns who keeps the rotas of a service.
func Keepers(ctx context.Context, q db.Querier, service string) ([]id.User, error) {
	return db.Collect(ctx, q, keepersOf, db.Scalar[id.User], service)
}

// Keeps returns the services whose rotas somebody keeps; Everything is all of them.
func Keeps(ctx context.Context, q db.Querier, user id.User) ([]string, error) {
	return db.Collect(ctx, q, keepsWhat, db.Scalar[string], string(user))
}

var allKeepers = db.SQL("directory.all_keepers", `SELECT user_id, service FROM directory_keeper ORDER BY service, user_id LIMIT 10000`)

// Keeper is somebody who keeps the rotas of a service.
type Keeper struct {
	User    id.User
	Service string
}

// AllKeepers returns who keeps which rotas.
func AllKeepers(ctx context.Context, q db.Querier) ([]Keeper, error) {
	return db.Collect(ctx, q, allKeepers, func(r db.Row) (k Keeper, err error) { return k, r.Scan(&k.User, &k.Service) })
}

// Rungs returns the posts that are asked after a post, as SaveLadder was given them.
func Rungs(ctx context.Context, q db.Querier, post PostID) ([]PostID, error) {
	if _, err := FindPost(ctx, q, post); err != nil {
		return nil, err
	}
	next, err := db.Collect(ctx, q, rungs, scanPost, string(post))
	var all []PostID
	for _, p := range next {
		all = append(all, p.ID)
	}
	return all, err
}

// MayKeep returns nil when somebody keeps the rotas of the service, and fault.Forbidden otherwise.
func MayKeep(ctx context.Context, q db.Querier, by By, service string) error {
	if by.Admin {
		return nil
	}
	all, err := Keeps(ctx, q, by.User)
	if err != nil {
		return err
	}
	for _, s := range all {
		if s == service || s == Everything {
			return nil
		}
	}
	return errNotKeeper
}

// KeepsAny returns nil when somebody keeps any rota, and fault.Forbidden otherwise.
func KeepsAny(ctx context.Context, q db.Querier, by By) error {
	if by.Admin {
		return nil
	}
	all, err := Keeps(ctx, q, by.User)
	if err == nil && len(all) == 0 {
		err = errNotKeeper
	}
	return err
}

// SetKeeper lets somebody keep the rotas of a service, or takes that from them.
func SetKeeper(ctx context.Context, tx *db.Tx, user id.User, service string, on bool) error {
	q := endKeeper
	if on {
		q = addKeeper
	}
	_, err := tx.Exec(ctx, q, string(user), service)
	return err
}

// Leave notes that somebody works here no more: they are not found any longer, belong to no team and keep no rota. Their name stays for
// what they have done.
func Leave(ctx context.Context, tx *db.Tx, user id.User, at time.Time) error {
	p, err := FindPerson(ctx, tx, user)
	if err != nil {
		return err
	}
	if !p.Left() {
		p.LeftAt = at.UnixMilli()
	}
	p.ChangedAt = at.UnixMilli()
	if _, err := tx.Exec(ctx, leaveTeams, string(user)); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, endKeepers, string(user)); err != nil {
		return err
	}
	return SavePerson(ctx, tx, p)
}

var leaveTeams = db.SQL("directory.leave_teams", `DELETE FROM directory_member WHERE user_id = $1`)

var wardNamed = db.SQL("directory.ward_named", `SELECT id, name, site, kind FROM directory_ward WHERE id = $1 OR lower(name) = lower($1) ORDER BY id LIMIT 1`)

// WardNamed returns the ward of that id or name, or fault.NotFound.
func WardNamed(ctx context.Context, q db.Querier, name string) (Ward, error) {
	return db.One(ctx, q, wardNamed, scanWard, name)
}

var (
	personByNumber = db.SQL("directory.person_by_number", `SELECT user_id FROM directory_person WHERE staff_number = $1 ORDER BY user_id LIMIT 2`)
	personByEmail  = db.SQL("directory.person_by_email", `SELECT user_id FROM directory_person WHERE email = $1 ORDER BY user_id LIMIT 2`)
)

// WithNumber returns whoever has a number in the staff record, and WithEmail whoever has an address: fault.NotFound for nobody, and
// fault.Conflict when it is two people's.
func WithNumber(ctx context.Context, q db.Querier, number string) (Person, error) {
	return onlyOne(ctx, q, personByNumber, number)
}

// WithEmail returns whoever has an e-mail address at work, as WithNumber does.
func WithEmail(ctx context.Context, q db.Querier, email string) (Person, error) {
	return onlyOne(ctx, q, personByEmail, email)
}

var (
	hereByNumber       = db.SQL("directory.here_by_number", `SELECT user_id FROM directory_person WHERE staff_number = $1 ORDER BY CASE WHEN left_at = 0 THEN 0 ELSE 1 END, user_id LIMIT 3`)
	hereByEmail        = db.SQL("directory.here_by_email", `SELECT user_id FROM directory_person WHERE email = $1 ORDER BY CASE WHEN left_at = 0 THEN 0 ELSE 1 END, user_id LIMIT 3`)
	hereByRegistration = db.SQL("directory.here_by_registration", `SELECT user_id FROM directory_person WHERE registration = $1 ORDER BY CASE WHEN left_at = 0 THEN 0 ELSE 1 END, user_id LIMIT 3`)
)

// Only returns the one person who works here and has an email, number or registration: fault.NotFound for nobody, fault.Conflict when two
// have it. Of somebody who had it and has left, it returns the entry if nobody has it now: Left says so.
func Only(ctx context.Context, q db.Querier, by, value string) (Person, error) {
	s := map[string]*db.Statement{"number": hereByNumber, "email": hereByEmail, "registration": hereByRegistration}[by]
	if s == nil || value == "" {
		return Person{}, fault.New(fault.NotFound, "M_NOT_FOUND", "Not found.")
	}
	found, err := db.Collect(ctx, q, s, db.Scalar[id.User], value)
	if err == nil && len(found) == 0 {
		err = fault.New(fault.NotFound, "M_NOT_FOUND", "Not found.")
	}
	if err != nil {
		return Person{}, err
	}
	p, err := FindPerson(ctx, q, found[0])
	if err != nil || p.Left() || len(found) == 1 {
		return p, err
	}
	other, err := FindPerson(ctx, q, found[1])
	if err == nil && !other.Left() {
		err = fault.New(fault.Conflict, "M_CONFLICT", "Two people here have that. Ask whoever looks after the staff directory.")
	}
	return p, err
}

func onlyOne(ctx context.Context, q db.Querier, s *db.Statement, key string) (Person, error) {
	found, err := db.Collect(ctx, q, s, db.Scalar[id.User], key)
	switch {
	case err != nil:
		return Person{}, err
	case key == "" || len(found) == 0:
		return Person{}, fault.New(fault.NotFound, "M_NOT_FOUND", "Not found.")
	case len(found) > 1:
		return Person{}, fault.New(fault.Conflict, "M_CONFLICT", "Two people have that number or address.")
	}
	return FindPerson(ctx, q, found[0])
}

var leftPeople = db.SQL("directory.left", `SELECT p.user_id, p.name, p.role, p.profession, p.ward, COALESCE(w.name, ''), p.grade, p.registration, p.photo, p.languages, p.staff_number, p.email, p.source, p.left_at, p.changed_at
FROM directory_person p LEFT JOIN directory_ward w ON w.id = p.ward WHERE p.left_at > 0 ORDER BY p.left_at DESC, p.user_id LIMIT $1`)

// LeftPeople returns who has left, the latest first.
func LeftPeople(ctx context.Context, q db.Querier, limit int) ([]Person, error) {
	return db.Collect(ctx, q, leftPeople, scanPerson, limit)
}

var (
	teamByID = db.SQL("directory.team", `SELECT id, name, detail FROM directory_team WHERE id = $1 LIMIT 1`)
	teamsOf  = db.SQL("directory.teams_of", `SELECT t.id, t.name, t.detail FROM directory_member m JOIN directory_team t ON t.id = m.team WHERE m.user_id = $1 ORDER BY t.name LIMIT 100`)
)

// FindTeam returns a team with its members, or fault.NotFound.
func FindTeam(ctx context.Context, q db.Querier, team TeamID) (Team, error) {
	t, err := db.One(ctx, q, teamByID, scanTeam, string(team))
	if err != nil {
		return t, err
	}
	t.Members, err = db.Collect(ctx, q, teamMembers, db.Scalar[id.User], string(team))
	return t, err
}

// TeamsOf returns the teams that somebody belongs to, without their members.
func TeamsOf(ctx context.Context, q db.Querier, user id.User) ([]Team, error) {
	return db.Collect(ctx, q, teamsOf, scanTeam, string(user))
}
