package sso

import (
	"context"
	"crypto/subtle"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Attempt is what somebody wants to sign in for.
type Attempt struct {
	Door    string // what is to happen once they are back, a word of the caller's
	Detail  string // what the caller wants to know then
	Fresh   bool   // they shall sign in there anew, and not be let through because they, or whoever was here before, did so earlier
	Browser string // what the browser is known by: a secret in a cookie
	Keep    bool   // a session here comes of it, which a logout there ends
}

// How long somebody may take to sign in there, and to say yes here.
const (
	attemptLife = 15 * time.Minute
	arrivalLife = 10 * time.Minute
)

var (
	insertAttempt = db.SQL("sso.insert_attempt", `INSERT INTO sso_attempt (hash, browser, provider, nonce, verifier, door, detail, fresh, made_at, member, session, arrived_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', '', 0)`)
	readAttempt   = db.SQL("sso.attempt", `SELECT browser, provider, nonce, verifier, door, detail, fresh, made_at, member, session, arrived_at FROM sso_attempt WHERE hash = $1 LIMIT 1`)
	oldAttempts   = db.SQL("sso.old_attempts", `DELETE FROM sso_attempt WHERE made_at < $1`)
	endAttempt    = db.SQL("sso.end_attempt", `DELETE FROM sso_attempt WHERE hash = $1`)
	takeAttempt   = db.SQL("sso.take_attempt", `DELETE FROM sso_attempt WHERE hash = $1 AND arrived_at > $2`)
	arriveAttempt = db.SQL("sso.arrive", `UPDATE sso_attempt SET member = $2, session = $3, arrived_at = $4 WHERE hash = $1 AND arrived_at = 0`)
	sessionGone   = db.SQL("sso.attempts_gone", `DELETE FROM sso_attempt WHERE session = $1`)
)

type attempt struct {
	browser                   []byte
	provider, nonce, verifier string
	door, detail              string
	fresh                     bool
	madeAt, arrivedAt         int64
	member                    id.User
	session                   string
}

func scanAttempt(r db.Row) (a attempt, err error) {
	return a, r.Scan(&a.browser, &a.provider, &a.nonce, &a.verifier, &a.door, &a.detail, &a.fresh, &a.madeAt, &a.member, &a.session, &a.arrivedAt)
}

// keepMark stands before the door of an attempt that a session comes of.
const keepMark = "+"

// Begin returns the address to which somebody's browser is to be sent. A provider that does not answer is Unavailable.
// spec: openid-connect-core-1_0#AuthRequest
func (s *Service) Begin(ctx context.Context, provider string, a Attempt) (string, error) {
	p, err := s.Provider(provider)
	if err != nil {
		return "", err
	}
	if a.Browser == "" {
		return "", fault.New(fault.Invalid, "M_INVALID_PARAM", "The browser has no cookie.")
	}
	d, err := p.reach(ctx)
	if err != nil {
		s.Log.Warn("identity provider does not answer", "provider", p.ID, "err", err)
		return "", p.silent(err)
	}
	state, nonce, verifier, now := id.NewOpaque(32), id.NewOpaque(24), oauth2.GenerateVerifier(), s.Now()
	door := a.Door
	if a.Keep {
		door = keepMark + door
	}
	err = s.DB.Write(ctx, "sso.begin", func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, oldAttempts, now.Add(-attemptLife-arrivalLife).UnixMilli()); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, insertAttempt, hashOf(state), hashOf(a.Browser), p.ID, nonce, verifier, door, a.Detail, a.Fresh, now.UnixMilli())
		return err
	})
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("nonce", nonce)}
	if p.acrValues != "" {
		options = append(options, oauth2.SetAuthURLParam("acr_values", p.acrValues))
	}
	if a.Fresh {
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"))
	}
	return p.client(d, s.back(p)).AuthCodeURL(state, options...), nil
}

// back is where a provider sends people back to: one address each, so that none can speak for another.
func (s *Service) back(p *Provider) string { return s.Public + BackPath(p.ID) }

// BackPath is the path at which people come back from a provider.
func BackPath(provider string) string { return "/_wardline/sso/" + provider + "/callback" }

// Arrival is somebody who has come back. Of one that failed, only Door and Detail are known, and they only when the browser is the one
// that was sent.
type Arrival struct {
	Handle   string // with which they go on
	Provider *Provider
	User     id.User
	Origin   string // what a session that is opened for them carries
	Door     string
	Detail   string
}

var errStranger = fault.New(fault.Forbidden, "M_FORBIDDEN", "That sign-in was begun in another browser, was used already, or took too long. Begin again.")

// find returns an attempt that was begun in the browser.
func (s *Service) find(ctx context.Context, q db.Querier, state, browser string) (attempt, error) {
	a, err := db.One(ctx, q, readAttempt, scanAttempt, hashOf(state))
	if fault.Is(err, fault.NotFound) || err == nil && subtle.ConstantTimeCompare(a.browser, hashOf(browser)) != 1 {
		return attempt{}, errStranger
	}
	return a, err
}

func (a attempt) arrival(p *Provider, state string) Arrival {
	door := a.door
	if a.keeps() {
		door = door[len(keepMark):]
	}
	return Arrival{Handle: state, Provider: p, User: a.member, Origin: a.session, Door: door, Detail: a.detail}
}

func (a attempt) keeps() bool { return len(a.door) > 0 && a.door[:1] == keepMark }

// Arrive takes what a browser brought back. It is worth one arrival, whatever comes of it.
// spec: openid-connect-core-1_0#AuthResponse
func (s *Service) Arrive(ctx context.Context, provider string, q url.Values, browser string) (Arrival, error) {
	p, err := s.Provider(provider)
	if err != nil {
		return Arrival{}, err
	}
	state := q.Get("state")
	a, err := s.find(ctx, s.DB, state, browser)
	if err != nil {
		return Arrival{Provider: p}, err
	}
	if a.provider != p.ID || a.arrivedAt != 0 || s.Now().Sub(time.UnixMilli(a.madeAt)) > attemptLife {
		return Arrival{Provider: p}, errStranger
	}
	known := a.arrival(p, "")
	who, err := s.ask(ctx, p, a, q)
	if err == nil {
		known, err = s.settle(ctx, p, a, state, who)
	}
	if err == nil {
		return known, nil
	}
	ended := s.DB.Write(context.WithoutCancel(ctx), "sso.fail", func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, endAttempt, hashOf(state))
		return err
	})
	if ended != nil {
		return known, ended
	}
	if f := fault.As(err); f == nil || f.Cause != nil {
		s.Log.Warn("sign-in by an identity provider refused", "provider", p.ID, "err", err)
	}
	return known, err
}

// ask turns the answer that a browser brought into what the provider itself says of whoever signed in.
func (s *Service) ask(ctx context.Context, p *Provider, a attempt, q url.Values) (identity, error) {
	d, err := p.look(ctx)
	if err != nil {
		return identity{}, p.silent(err)
	}
	if iss := q.Get("iss"); iss != "" && iss != p.Issuer || iss == "" && d.namesItself { // spec: RFC 9207#2.4
		return identity{}, p.refuse("The answer is not from "+p.Name+".", nil)
	}
	if code := q.Get("error"); code != "" {
		return identity{}, p.declined(code)
	}
	return p.fetch(ctx, d, s.back(p), q.Get("code"), a)
}

// settle finds out who somebody is here and notes that they have arrived, in one act. What is refused is in the audit.
func (s *Service) settle(ctx context.Context, p *Provider, a attempt, state string, who identity) (Arrival, error) {
	var refused error
	err := s.DB.Write(ctx, "sso.arrive", func(ctx context.Context, tx *db.Tx) error {
		refused = nil
		now := s.Now()
		u, err := s.whoIs(ctx, tx, p, who)
		if err == nil {
			err = s.overtaken(ctx, tx, p, who)
		}
		if f := fault.As(err); f != nil && f.Kind != fault.Internal && f.Kind != fault.Unavailable {
			refused = err
			detail := map[string]string{"why": f.Kind.String()}
			return audit.Append(ctx, tx, audit.Entry{At: now, Actor: "system", Action: "sso.refuse", Object: p.ID, Detail: detail})
		}
		if err != nil {
			return err
		}
		a.member = u
		if a.keeps() {
			a.session = "sso_" + id.NewOpaque(18)
			if err := s.open(ctx, tx, session{a.session, p.Issuer, who.Subject, who.Session, u}); err != nil {
				return err
			}
		}
		n, err := tx.Exec(ctx, arriveAttempt, hashOf(state), string(u), a.session, now.UnixMilli())
		if err == nil && n == 0 {
			err = errStranger // somebody came with it at the same moment
		}
		if err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Entry{At: now, Actor: string(u), Action: "sso.sign_in", Object: p.ID, Detail: map[string]string{"door": a.arrival(p, "").Door}})
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return Arrival{Provider: p, Door: a.arrival(p, "").Door, Detail: a.detail}, err
	}
	return a.arrival(p, state), nil
}

// whoIs says who an identity is here. What an issuer called somebody once, it calls nobody else later, and the other way round.
//
// hazard: H20 somebody is signed in as somebody else
func (s *Service) whoIs(ctx context.Context, tx *db.Tx, p *Provider, who identity) (id.User, error) {
	known, err := db.One(ctx, tx, linkOf, scanLink, p.Issuer, who.Subject)
	linked := err == nil
	if err != nil && !fault.Is(err, fault.NotFound) {
		return "", err
	}
	named, err := s.named(ctx, tx, p, who)
	switch {
	case fault.Is(err, fault.NotFound) && linked:
		named = known.User // the directories differ about an address; who they are is settled
	case fault.Is(err, fault.NotFound) && p.Create && s.Create != nil && who.Value != "":
		if named, err = s.Create(ctx, tx, Newcomer{By: p.Person, Value: who.Value, Name: who.Name, Email: who.Email}); err != nil {
			return "", err
		}
	case fault.Is(err, fault.NotFound):
		return "", p.refuse(p.Name+" knows you, but nobody here has that "+p.word()+". Ask whoever looks after the staff directory.", nil)
	case err != nil:
		return "", err
	}
	if linked && known.User != named {
		return "", p.refuse("Your account at "+p.Name+" was somebody else's here before. Ask your administrator.", nil)
	}
	if !linked {
		others, err := s.Links(ctx, tx, named)
		if err != nil {
			return "", err
		}
		for _, l := range others {
			if l.Issuer == p.Issuer {
				return "", p.refuse("You have signed in here with another account at "+p.Name+" before. Ask your administrator.", nil)
			}
		}
	}
	if err := s.May(ctx, tx, named); err != nil {
		return "", err
	}
	_, err = tx.Exec(ctx, saveLink, p.Issuer, who.Subject, string(named), s.Now().UnixMilli())
	return named, err
}

func (s *Service) named(ctx context.Context, q db.Querier, p *Provider, who identity) (id.User, error) {
	if who.Value == "" {
		return "", fault.New(fault.NotFound, "M_NOT_FOUND", "Not found.")
	}
	return s.Find(ctx, q, p.Person, who.Value)
}

// Waiting returns who waits to say yes, for the page that asks them.
func (s *Service) Waiting(ctx context.Context, handle, browser string) (Arrival, error) {
	return s.waiting(ctx, s.DB, handle, browser)
}

func (s *Service) waiting(ctx context.Context, q db.Querier, handle, browser string) (Arrival, error) {
	a, err := s.find(ctx, q, handle, browser)
	if err != nil {
		return Arrival{}, err
	}
	p, err := s.Provider(a.provider)
	if err != nil || a.arrivedAt == 0 || s.Now().Sub(time.UnixMilli(a.arrivedAt)) > arrivalLife {
		return Arrival{}, errStranger
	}
	return a.arrival(p, handle), nil
}

// Spend uses an arrival up inside an act. One that was used, or whose session has ended since, is refused.
func (s *Service) Spend(ctx context.Context, tx *db.Tx, handle string) error {
	n, err := tx.Exec(ctx, takeAttempt, hashOf(handle), s.Now().Add(-arrivalLife).UnixMilli())
	if err == nil && n == 0 {
		err = errStranger
	}
	return err
}

// Take is Spend in an act of its own, for whoever comes with the browser's cookie.
func (s *Service) Take(ctx context.Context, handle, browser string) (Arrival, error) {
	var got Arrival
	err := s.DB.Write(ctx, "sso.take", func(ctx context.Context, tx *db.Tx) (err error) {
		if got, err = s.waiting(ctx, tx, handle, browser); err == nil {
			err = s.Spend(ctx, tx, handle)
		}
		return err
	})
	return got, err
}

// LoginToken uses an arrival up and makes a one-time token of it, in one act.
// spec: client-server-api#handling-the-callback-from-the-authentication-server
func (s *Service) LoginToken(ctx context.Context, handle, browser string, life time.Duration) (Arrival, string, error) {
	var got Arrival
	var token string
	err := s.DB.Write(ctx, "sso.login_token", func(ctx context.Context, tx *db.Tx) (err error) {
		if got, err = s.waiting(ctx, tx, handle, browser); err != nil {
			return err
		}
		if err = s.Spend(ctx, tx, handle); err != nil {
			return err
		}
		token, err = s.Accounts.NewLoginTokenFrom(ctx, tx, got.User, got.Origin, life)
		return err
	})
	return got, token, err
}

// Using is Spend as a session's opening wants it.
func (s *Service) Using(handle string) func(context.Context, *db.Tx) error {
	return func(ctx context.Context, tx *db.Tx) error { return s.Spend(ctx, tx, handle) }
}
