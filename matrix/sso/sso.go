// Package sso signs people in by other servers that know them: OpenID Connect, this server being the relying party.
//
// It promises that whoever comes back is who was sent, in the same browser and once; that an issuer's subject is one person here and stays
// that person, whatever the issuer later says of names and addresses; that nobody is let in whom the server would not let in otherwise; and
// that an issuer's word of logout ends the sessions it means, at once and no others. It refuses to make people up: an account is made only
// where the operator wants it. Look first at Service.Begin, Service.Arrive and Service.Logout.
//
// spec: openid-connect-core-1_0, openid-connect-backchannel-1_0, RFC 7636, RFC 7523, RFC 9207
package sso

import (
	"context"
	"crypto/sha256"
	"embed"
	"log/slog"
	"slices"
	"time"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the schema of what is under way, who is meant by whom, and which sessions there are.
func Migrations() db.Migrations { return db.Migrations{Package: "sso", FS: schema} }

// Deps is what the service needs. Create may be nil.
type Deps struct {
	DB        *db.DB
	Accounts  *account.Service
	Log       *slog.Logger
	Now       func() time.Time
	Public    string // base URL of this server, where people are sent back to
	Providers []*Provider

	// Find says whose a claim's value is; by is how it is to be read: login, or a word that the wiring knows. NotFound is nobody,
	// Conflict more than one, Forbidden somebody who may come no more. It is called inside an act.
	Find func(ctx context.Context, q db.Querier, by, value string) (id.User, error)
	// May refuses somebody who is known and may come no more.
	May func(ctx context.Context, q db.Querier, u id.User) error
	// Create brings somebody in, inside the act that signs them in, where a provider's file wants it.
	Create func(ctx context.Context, tx *db.Tx, n Newcomer) (id.User, error)
	// OnEnded is told after the commit that ended a session.
	OnEnded func(u id.User, origin string)
}

// Newcomer is what a provider says of somebody who has no account yet.
type Newcomer struct {
	By, Value   string // as in Find
	Name, Email string // Email only when the provider vouches for it
}

// Service signs people in by other servers.
type Service struct{ Deps }

// New returns the service. It calls nobody: a provider is looked at when somebody wants to sign in by it.
func New(d Deps) *Service {
	for _, p := range d.Providers {
		p.now = d.Now
	}
	return &Service{d}
}

// Any says whether there is a provider at all.
func (s *Service) Any() bool { return s != nil && len(s.Providers) > 0 }

var errNoProvider = fault.New(fault.NotFound, "M_NOT_FOUND", "There is no such way to sign in here.")

// Provider finds a provider by its id here, or NotFound.
func (s *Service) Provider(name string) (*Provider, error) {
	if s != nil {
		if i := slices.IndexFunc(s.Providers, func(p *Provider) bool { return p.ID == name }); i >= 0 {
			return s.Providers[i], nil
		}
	}
	return nil, errNoProvider
}

func hashOf(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

// Link is what an issuer calls somebody.
type Link struct {
	Issuer, Subject string
	User            id.User
	MadeAt, UsedAt  int64
}

func scanLink(r db.Row) (l Link, err error) {
	return l, r.Scan(&l.Issuer, &l.Subject, &l.User, &l.MadeAt, &l.UsedAt)
}

var (
	linkOf    = db.SQL("sso.link", `SELECT issuer, subject, member, made_at, used_at FROM sso_link WHERE issuer = $1 AND subject = $2 LIMIT 1`)
	linksOf   = db.SQL("sso.links_of", `SELECT issuer, subject, member, made_at, used_at FROM sso_link WHERE member = $1 ORDER BY issuer LIMIT 100`)
	saveLink  = db.SQL("sso.save_link", `INSERT INTO sso_link (issuer, subject, member, made_at, used_at) VALUES ($1, $2, $3, $4, $4) ON CONFLICT (issuer, subject) DO UPDATE SET used_at = excluded.used_at`)
	dropLinks = db.SQL("sso.drop_links", `DELETE FROM sso_link WHERE member = $1`)
)

// Links lists what issuers call a user.
func (s *Service) Links(ctx context.Context, q db.Querier, u id.User) ([]Link, error) {
	return db.Collect(ctx, q, linksOf, scanLink, string(u))
}

// Ways returns the providers by which a user has signed in, of those that there are now.
func (s *Service) Ways(ctx context.Context, u id.User) ([]*Provider, error) {
	if !s.Any() {
		return nil, nil
	}
	links, err := s.Links(ctx, s.DB, u)
	var all []*Provider
	for _, p := range s.Providers {
		if slices.ContainsFunc(links, func(l Link) bool { return l.Issuer == p.Issuer }) {
			all = append(all, p)
		}
	}
	return all, err
}

// Unlink forgets what issuers call a user, and ends the sessions that came of it: when an account elsewhere was replaced by another, or
// was somebody else's.
func (s *Service) Unlink(ctx context.Context, by, u id.User) error {
	return s.DB.WriteFirst(ctx, "sso.unlink", func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, dropLinks, string(u)); err != nil {
			return err
		}
		list, err := db.Collect(ctx, tx, sessionsOf, scanSession, string(u))
		if err != nil {
			return err
		}
		if err := s.end(ctx, tx, list); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Entry{At: s.Now(), Actor: string(by), Action: "sso.unlink", Object: string(u)})
	})
}
