package sso

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// session is what an issuer calls a session, and what it is called here.
type session struct {
	id, issuer, subject, sid string
	user                     id.User
}

func scanSession(r db.Row) (v session, err error) {
	return v, r.Scan(&v.id, &v.issuer, &v.subject, &v.sid, &v.user)
}

var (
	insertSession = db.SQL("sso.insert_session", `INSERT INTO sso_session (id, issuer, subject, sid, member, made_at) VALUES ($1, $2, $3, $4, $5, $6)`)
	sessionsOf    = db.SQL("sso.sessions_of", `SELECT id, issuer, subject, sid, member FROM sso_session WHERE member = $1 ORDER BY id LIMIT 10000`)
	agedSessions  = db.SQL("sso.aged_sessions", `SELECT id, issuer, subject, sid, member FROM sso_session WHERE member = $1 AND made_at < $2 ORDER BY id LIMIT 1000`)
	bySubject     = db.SQL("sso.sessions_by_subject", `SELECT id, issuer, subject, sid, member FROM sso_session WHERE issuer = $1 AND subject = $2 ORDER BY id LIMIT 10000`)
	bySid         = db.SQL("sso.sessions_by_sid", `SELECT id, issuer, subject, sid, member FROM sso_session WHERE issuer = $1 AND sid = $2 ORDER BY id LIMIT 10000`)
	endSession    = db.SQL("sso.end_session", `DELETE FROM sso_session WHERE id = $1`)

	insertLogout = db.SQL("sso.insert_logout", `INSERT INTO sso_logout (issuer, jti, subject, sid, at, issued_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (issuer, jti) DO NOTHING`)
	oldLogouts   = db.SQL("sso.old_logouts", `DELETE FROM sso_logout WHERE at < $1`)
	lateLogouts  = db.SQL("sso.late_logouts", `SELECT count(*) FROM sso_logout WHERE issuer = $1 AND ((sid <> '' AND sid = $3) OR (sid = '' AND subject = $4 AND issued_at >= $2))`)
)

// logoutMemory is how long a word of logout is remembered: longer than any is believed.
const logoutMemory = 48 * time.Hour

// open notes a session, and forgets those of the same person that no device is of any more.
func (s *Service) open(ctx context.Context, tx *db.Tx, v session) error {
	now := s.Now()
	aged, err := db.Collect(ctx, tx, agedSessions, scanSession, string(v.user), now.Add(-time.Hour).UnixMilli())
	if err != nil {
		return err
	}
	for _, old := range aged {
		used, err := s.Accounts.OriginUsed(ctx, tx, v.user, old.id)
		if err == nil && !used {
			_, err = tx.Exec(ctx, endSession, old.id)
		}
		if err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, insertSession, v.id, v.issuer, v.subject, v.sid, string(v.user), now.UnixMilli())
	return err
}

// overtaken refuses a sign-in whose session has ended there while its answer was on the way.
func (s *Service) overtaken(ctx context.Context, tx *db.Tx, p *Provider, who identity) error {
	n, err := db.One(ctx, tx, lateLogouts, db.Scalar[int64], p.Issuer, who.IssuedAt.UnixMilli(), who.Session, who.Subject)
	if err == nil && n > 0 {
		err = p.refuse("You have signed out at "+p.Name+" meanwhile. Sign in again.", nil)
	}
	return err
}

// logoutEvent is what makes a token a word of logout.
// spec: openid-connect-backchannel-1_0#LogoutToken
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

type logoutClaims struct {
	ID      string                     `json:"jti"`
	Subject string                     `json:"sub"`
	Session string                     `json:"sid"`
	Issued  int64                      `json:"iat"`
	Events  map[string]json.RawMessage `json:"events"`
	Nonce   json.RawMessage            `json:"nonce"`
}

// Logout ends what an issuer's word of logout means. What is no such word, or came before, is Invalid; one for a session that nobody has
// is done already.
// spec: openid-connect-backchannel-1_0#Validation
func (s *Service) Logout(ctx context.Context, provider, token string) error {
	p, err := s.Provider(provider)
	if err != nil {
		return err
	}
	c, err := p.logout(ctx, token)
	if err != nil {
		s.Log.Warn("word of logout refused", "provider", p.ID, "err", err)
		return err
	}
	return s.DB.WriteFirst(ctx, "sso.logout", func(ctx context.Context, tx *db.Tx) error {
		now := s.Now()
		if _, err := tx.Exec(ctx, oldLogouts, now.Add(-logoutMemory).UnixMilli()); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, insertLogout, p.Issuer, c.ID, c.Subject, c.Session, now.UnixMilli(), c.Issued*1000)
		if err != nil {
			return err
		}
		if n == 0 {
			return notLogout("The token came before.")
		}
		list, err := s.meant(ctx, tx, p, c)
		if err != nil {
			return err
		}
		return s.end(ctx, tx, list)
	})
}

// meant finds the sessions that a word of logout is about: the one it names, or all of the person's.
func (s *Service) meant(ctx context.Context, tx *db.Tx, p *Provider, c logoutClaims) ([]session, error) {
	if c.Session == "" {
		return db.Collect(ctx, tx, bySubject, scanSession, p.Issuer, c.Subject)
	}
	list, err := db.Collect(ctx, tx, bySid, scanSession, p.Issuer, c.Session)
	return slices.DeleteFunc(list, func(v session) bool { return c.Subject != "" && v.subject != c.Subject }), err
}

// end signs out what came of sessions, and forgets them.
func (s *Service) end(ctx context.Context, tx *db.Tx, list []session) error {
	for _, v := range list {
		devices, err := s.Accounts.EndOrigins(ctx, tx, v.user, v.id)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, endSession, v.id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sessionGone, v.id); err != nil {
			return err
		}
		if s.OnEnded != nil {
			tx.AfterCommit(func() { s.OnEnded(v.user, v.id) })
		}
		var names []string
		for _, d := range devices {
			names = append(names, string(d))
		}
		detail := map[string]string{"devices": strings.Join(names, ",")}
		if err := audit.Append(ctx, tx, audit.Entry{At: s.Now(), Actor: "system", Action: "sso.logout", Object: string(v.user), Detail: detail}); err != nil {
			return err
		}
	}
	return nil
}

func notLogout(text string) error { return fault.New(fault.Invalid, "M_INVALID_PARAM", text) }

// logout reads a word of logout and checks all that makes it one.
func (p *Provider) logout(ctx context.Context, token string) (logoutClaims, error) {
	var c logoutClaims
	d, err := p.look(ctx)
	if err != nil {
		return c, p.silent(err)
	}
	jws, err := jose.ParseSignedCompact(token, d.algorithms)
	if err != nil {
		return c, notLogout("The token is none, or is signed in a way that is not accepted.")
	}
	// Only a token that was made to be one: an identity token that somebody has kept is none, even though it is signed as well.
	if typ, _ := jws.Signatures[0].Header.ExtraHeaders[jose.HeaderType].(string); typ != "" && !strings.EqualFold(strings.TrimPrefix(strings.ToLower(typ), "application/"), "logout+jwt") && !strings.EqualFold(typ, "JWT") {
		return c, notLogout("The token is of another type.")
	}
	checked, err := d.verifier(p).Verify(oidc.ClientContext(ctx, p.http), token)
	if err != nil {
		if p.unreachable(err) {
			return c, p.silent(err)
		}
		return c, notLogout("The token is not for this server, has ended, or its signature is wrong.")
	}
	if err := checked.Claims(&c); err != nil {
		return c, notLogout("The token's claims are of another shape.")
	}
	now := p.now()
	event, hasEvent := c.Events[logoutEvent]
	var shape map[string]json.RawMessage
	switch {
	case c.Issued == 0 || time.Unix(c.Issued, 0).After(now.Add(skew)):
		return c, notLogout("The token does not say when it was made, or says that it will be.")
	case time.Unix(c.Issued, 0).Before(now.Add(-logoutMemory / 2)):
		return c, notLogout("The token is too old.")
	case c.ID == "" || len(c.ID) > 255:
		return c, notLogout("The token has no jti, or a long one.")
	case !hasEvent || json.Unmarshal(event, &shape) != nil || shape == nil:
		return c, notLogout("The token is no word of logout.")
	case c.Nonce != nil:
		return c, notLogout("The token has a nonce, which no word of logout has.")
	case c.Subject == "" && c.Session == "":
		return c, notLogout("The token says neither whom nor which session it is about.")
	}
	return c, nil
}
