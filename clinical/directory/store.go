package directory

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"slices"
	"strings"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Migrations returns the tables of this package.
func Migrations() db.Migrations { return db.Migrations{Package: "directory", FS: schemaFS} }

// maxEntries bounds each list that the search index is built from.
const maxEntries = 200_000

func scanPerson(r db.Row) (Person, error) {
	var p Person
	var languages string
	err := r.Scan(&p.User, &p.Name, &p.Role, &p.Profession, &p.Ward, &p.WardName, &p.Grade, &p.Registration, &p.Photo, &languages, &p.Number, &p.Email,
		&p.Source, &p.LeftAt, &p.ChangedAt)
	if languages != "" {
		p.Languages = strings.Split(languages, ",")
	}
	return p, err
}

func scanPost(r db.Row) (Post, error) {
	var p Post
	err := r.Scan(&p.ID, &p.Name, &p.Service, &p.Aliases, &p.Critical, &p.Pageable, &p.Switchboard, &p.Place, &p.Closed)
	return p, err
}

func scanTeam(r db.Row) (Team, error) {
	var t Team
	err := r.Scan(&t.ID, &t.Name, &t.Detail)
	return t, err
}

var personByUser = db.SQL("directory.person", `SELECT p.user_id, p.name, p.role, p.profession, p.ward, COALESCE(w.name, ''), p.grade, p.registration, p.photo, p.languages, p.staff_number, p.email, p.source, p.left_at, p.changed_at
FROM directory_person p LEFT JOIN directory_ward w ON w.id = p.ward WHERE p.user_id = $1 LIMIT 1`)

// FindPerson returns a member of staff, or fault.NotFound for a user who is not in the directory.
func FindPerson(ctx context.Context, q db.Querier, user id.User) (Person, error) {
	return db.One(ctx, q, personByUser, scanPerson, string(user))
}

// NameOf returns a person's name for people to read; a user who is not in the directory is called by the user id.
func NameOf(ctx context.Context, q db.Querier, user id.User) (string, error) {
	p, err := FindPerson(ctx, q, user)
	if fault.Is(err, fault.NotFound) {
		return string(user), nil
	}
	return p.Name, err
}

var allPeople = db.SQL("directory.people", `SELECT p.user_id, p.name, p.role, p.profession, p.ward, COALESCE(w.name, ''), p.grade, p.registration, p.photo, p.languages, p.staff_number, p.email, p.source, p.left_at, p.changed_at
FROM directory_person p LEFT JOIN directory_ward w ON w.id = p.ward ORDER BY p.user_id LIMIT $1`)

// People returns everybody, by user id.
func People(ctx context.Context, q db.Querier) ([]Person, error) {
	return db.Collect(ctx, q, allPeople, scanPerson, maxEntries)
}

var postByID = db.SQL("directory.post", `SELECT id, name, service, aliases, critical, pageable, switchboard, place, closed
FROM directory_post WHERE id = $1 LIMIT 1`)

// FindPost returns a post, or fault.NotFound.
func FindPost(ctx context.Context, q db.Querier, post PostID) (Post, error) {
	return db.One(ctx, q, postByID, scanPost, string(post))
}

var allPosts = db.SQL("directory.posts", `SELECT id, name, service, aliases, critical, pageable, switchboard, place, closed
FROM directory_post ORDER BY service, name LIMIT $1`)

// Posts returns all posts, by service and name.
func Posts(ctx context.Context, q db.Querier) ([]Post, error) {
	return db.Collect(ctx, q, allPosts, scanPost, maxEntries)
}

var rungs = db.SQL("directory.ladder", `SELECT p.id, p.name, p.service, p.aliases, p.critical, p.pageable, p.switchboard, p.place, p.closed
FROM directory_rung r JOIN directory_post p ON p.id = r.next WHERE r.post = $1 ORDER BY r.rung LIMIT 16`)

var switchboards = db.SQL("directory.switchboard", `SELECT id, name, service, aliases, critical, pageable, switchboard, place, closed
FROM directory_post WHERE switchboard AND NOT closed ORDER BY id LIMIT 1`)

// Ladder returns the posts that a page to post goes through: the post itself, its escalation order, and the switchboard last, each
// once. A trust without a switchboard post gets a ladder without one.
func Ladder(ctx context.Context, q db.Querier, post PostID) ([]Post, error) {
	first, err := FindPost(ctx, q, post)
	if err != nil {
		return nil, err
	}
	next, err := db.Collect(ctx, q, rungs, scanPost, string(post))
	if err != nil {
		return nil, err
	}
	last, err := LadderEnd(ctx, q)
	if err != nil {
		return nil, err
	}
	next = slices.DeleteFunc(next, func(p Post) bool { return p.Switchboard })
	var ladder []Post
	for _, p := range slices.Concat([]Post{first}, next, last) {
		if !slices.ContainsFunc(ladder, func(q Post) bool { return q.ID == p.ID }) {
			ladder = append(ladder, p)
		}
	}
	return ladder, nil
}

// LadderEnd returns the post at which every ladder ends, the first of the switchboards, or none where a trust has none.
func LadderEnd(ctx context.Context, q db.Querier) ([]Post, error) {
	return db.Collect(ctx, q, switchboards, scanPost)
}

var allTeams = db.SQL("directory.teams", `SELECT id, name, detail FROM directory_team ORDER BY name, id LIMIT $1`)

var teamMembers = db.SQL("directory.team_members", `SELECT user_id FROM directory_member WHERE team = $1 ORDER BY user_id LIMIT 1000`)

// Teams returns all teams with their members.
func Teams(ctx context.Context, q db.Querier) ([]Team, error) {
	teams, err := db.Collect(ctx, q, allTeams, scanTeam, maxEntries)
	if err != nil {
		return nil, err
	}
	for i := range teams {
		if teams[i].Members, err = db.Collect(ctx, q, teamMembers, db.Scalar[id.User], string(teams[i].ID)); err != nil {
			return nil, err
		}
	}
	return teams, nil
}

var bump = db.SQL("directory.bump", `UPDATE directory_version SET n = n + 1 WHERE id = 0`)

func exec(ctx context.Context, tx *db.Tx, s *db.Statement, args ...any) error {
	if _, err := tx.Exec(ctx, s, args...); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, bump); err != nil {
		return fmt.Errorf("mark search index old: %w", err)
	}
	return nil
}

var saveWard = db.SQL("directory.save_ward", `INSERT INTO directory_ward (id, name, site, kind) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, site = excluded.site, kind = excluded.kind`)

// SaveWard adds or changes a ward.
func SaveWard(ctx context.Context, tx *db.Tx, w Ward) error {
	return exec(ctx, tx, saveWard, string(w.ID), w.Name, string(w.Site), cmp.Or(w.Kind, "ward"))
}

var savePerson = db.SQL("directory.save_person", `INSERT INTO directory_person (user_id, name, role, profession, ward, grade, registration, photo, languages, staff_number, email, source, left_at, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (user_id) DO UPDATE SET name = excluded.name, role = excluded.role, profession = excluded.profession, ward = excluded.ward, grade = excluded.grade,
registration = excluded.registration, photo = excluded.photo, languages = excluded.languages, staff_number = excluded.staff_number, email = excluded.email,
source = excluded.source, left_at = excluded.left_at, changed_at = excluded.changed_at`)

// SavePerson adds or changes a member of staff. The account is made elsewhere.
func SavePerson(ctx context.Context, tx *db.Tx, p Person) error {
	return exec(ctx, tx, savePerson, string(p.User), p.Name, p.Role, p.Profession, string(p.Ward), p.Grade, p.Registration, p.Photo, strings.Join(p.Languages, ","),
		p.Number, p.Email, p.Source, p.LeftAt, p.ChangedAt)
}

var savePost = db.SQL("directory.save_post", `INSERT INTO directory_post (id, name, service, aliases, critical, pageable, switchboard, place, closed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO UPDATE SET name = excluded.name, service = excluded.service,
aliases = excluded.aliases, critical = excluded.critical, pageable = excluded.pageable, switchboard = excluded.switchboard, place = excluded.place,
closed = excluded.closed`)

// SavePost adds or changes a post.
func SavePost(ctx context.Context, tx *db.Tx, p Post) error {
	return exec(ctx, tx, savePost, string(p.ID), p.Name, p.Service, p.Aliases, p.Critical, p.Pageable, p.Switchboard, string(p.Place), p.Closed)
}

var clearRungs = db.SQL("directory.clear_ladder", `DELETE FROM directory_rung WHERE post = $1`)

var addRung = db.SQL("directory.add_rung", `INSERT INTO directory_rung (post, rung, next) VALUES ($1, $2, $3)`)

// SaveLadder replaces the escalation order of a post. The switchboard need not be named: it is always last.
func SaveLadder(ctx context.Context, tx *db.Tx, post PostID, next ...PostID) error {
	if err := exec(ctx, tx, clearRungs, string(post)); err != nil {
		return err
	}
	for i, n := range next {
		if err := exec(ctx, tx, addRung, string(post), int64(i+1), string(n)); err != nil {
			return err
		}
	}
	return nil
}

var saveTeam = db.SQL("directory.save_team", `INSERT INTO directory_team (id, name, detail) VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, detail = excluded.detail`)

var clearMembers = db.SQL("directory.clear_team", `DELETE FROM directory_member WHERE team = $1`)

var addMember = db.SQL("directory.add_member", `INSERT INTO directory_member (team, user_id) VALUES ($1, $2) ON CONFLICT (team, user_id) DO NOTHING`)

// SaveTeam adds a team or replaces it with its members.
func SaveTeam(ctx context.Context, tx *db.Tx, t Team) error {
	if err := exec(ctx, tx, saveTeam, string(t.ID), t.Name, t.Detail); err != nil {
		return err
	}
	if err := exec(ctx, tx, clearMembers, string(t.ID)); err != nil {
		return err
	}
	for _, m := range t.Members {
		if err := exec(ctx, tx, addMember, string(t.ID), string(m)); err != nil {
			return err
		}
	}
	return nil
}

var dropTeam = db.SQL("directory.drop_team", `DELETE FROM directory_team WHERE id = $1`)

// DropTeam removes a team; its members stay.
func DropTeam(ctx context.Context, tx *db.Tx, team TeamID) error {
	if err := exec(ctx, tx, clearMembers, string(team)); err != nil {
		return err
	}
	return exec(ctx, tx, dropTeam, string(team))
}
