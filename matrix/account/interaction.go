package account

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Stages of user-interactive authentication that this server knows.
// spec: client-server-api#authentication-types
const (
	StageDummy    = "m.login.dummy"
	StagePassword = "m.login.password"
	StageToken    = "m.login.registration_token"
	StageEmail    = "m.login.email.identity"
	StageOAuth    = "m.oauth"
	StageSSO      = "m.login.sso" // passed in a browser only, see PassElsewhere
)

// Interaction is one request that needs more than a token.
type Interaction struct {
	Operation string // what is to be done, and by whom: a session is good for one operation only
	User      id.User
	Flows     [][]string
	Params    map[string]any
	Auth      json.RawMessage // what the client sent, nil for nothing
}

// Challenge is what a client must still do. Code and Text say what was wrong with its attempt, if anything was.
type Challenge struct {
	Session    string
	Flows      [][]string
	Completed  []string
	Params     map[string]any
	Code, Text string
}

// Passed is an interaction whose stages were passed. End must be called once its act is done; until then the client may try again, for
// instance with a better password.
type Passed struct {
	End      func()
	token    string // the registration token it was passed with
	sid      string // the proof of an address that it was passed with
	address  string // the address that was proved
	provedAt int64
}

// Address returns the e-mail address that was proved, "" for none.
func (p *Passed) Address() string { return p.address }

// interactions are the sessions under way.
type interactions struct {
	mu       sync.Mutex // guards the rest
	open     map[string]*interaction
	misses   map[id.User]misses    // wrong passwords of people who are signed in
	approved map[id.User]time.Time // until when somebody has allowed, in the account's own pages, to replace their keys
}

type interaction struct {
	asked     Interaction // as it was first asked, for the pages of those whose app does not know a stage
	operation string
	began     time.Time
	done      []string
	passed    Passed
}

// How long a session lasts, and how many there are at most; the oldest make room.
const (
	interactionLife = 15 * time.Minute
	maxInteractions = 10_000
)

// Interact takes a step of user-interactive authentication. It returns either what was passed or what is still to be done.
// spec: client-server-api#user-interactive-authentication-api
func (s *Service) Interact(ctx context.Context, in Interaction) (*Passed, *Challenge, error) {
	var b struct {
		Type    string `json:"type"`
		Session string `json:"session"`
	}
	if len(in.Auth) > 0 && string(in.Auth) != "null" {
		if err := json.Unmarshal(in.Auth, &b); err != nil {
			return nil, nil, fault.Wrap(fault.Invalid, "M_BAD_JSON", "The auth object is malformed.", err)
		}
	}
	name, it, ended := s.interaction(b.Session, in)
	challenge := func(code, text string) (*Passed, *Challenge, error) {
		s.uia.mu.Lock()
		defer s.uia.mu.Unlock()
		params := maps.Clone(in.Params)
		if params == nil {
			params = map[string]any{}
		}
		return nil, &Challenge{Session: name, Flows: in.Flows, Completed: append([]string{}, it.done...), Params: params, Code: code, Text: text}, nil
	}
	if ended {
		return challenge("M_FORBIDDEN", "That sign-in has ended, or was for something else. Begin again.")
	}
	if b.Type == "" && b.Session != "" && s.approvedOutside(in) {
		b.Type = StageOAuth
	}
	if b.Type != "" && !s.hasPassed(it, b.Type) {
		if !s.isNext(it, in.Flows, b.Type) {
			return challenge("M_FORBIDDEN", "That step is not the next one.")
		}
		var got Passed
		err := s.stage(ctx, in, b.Type, &got)
		if errors.Is(err, errSomebodyElse) { // no further try of theirs would be another person's
			return nil, nil, err
		}
		if f := fault.As(err); f != nil && (f.Kind == fault.Forbidden || f.Kind == fault.Invalid) {
			return challenge(f.Code, f.Public)
		}
		if err != nil {
			return nil, nil, err
		}
		s.pass(it, b.Type, got)
	}
	s.uia.mu.Lock()
	whole := len(it.done) > 0 && slices.ContainsFunc(in.Flows, func(flow []string) bool { return slices.Equal(flow, it.done) })
	passed := it.passed
	s.uia.mu.Unlock()
	if !whole {
		return challenge("", "")
	}
	passed.End = func() {
		s.uia.mu.Lock()
		defer s.uia.mu.Unlock()
		delete(s.uia.open, name)
	}
	return &passed, nil, nil
}

// interaction finds a session or begins one; ended says that the one asked for is none.
func (s *Service) interaction(name string, in Interaction) (_ string, it *interaction, ended bool) {
	u := &s.uia
	u.mu.Lock()
	defer u.mu.Unlock()
	now := time.Now()
	if it = u.open[name]; it != nil && it.operation == in.Operation && now.Sub(it.began) < interactionLife {
		return name, it, false
	}
	if u.open == nil {
		u.open = map[string]*interaction{}
	}
	if len(u.open) >= maxInteractions {
		maps.DeleteFunc(u.open, func(_ string, o *interaction) bool { return now.Sub(o.began) >= interactionLife })
	}
	for old := range u.open {
		if len(u.open) < maxInteractions {
			break
		}
		delete(u.open, old)
	}
	ended = name != ""
	name, it = id.NewOpaque(24), &interaction{asked: in, operation: in.Operation, began: now}
	u.open[name] = it
	return name, it, ended
}

func (s *Service) hasPassed(it *interaction, stage string) bool {
	s.uia.mu.Lock()
	defer s.uia.mu.Unlock()
	return slices.Contains(it.done, stage)
}

// isNext says whether a stage comes next in a flow that has begun with what was passed.
func (s *Service) isNext(it *interaction, flows [][]string, stage string) bool {
	s.uia.mu.Lock()
	defer s.uia.mu.Unlock()
	n := len(it.done)
	return slices.ContainsFunc(flows, func(flow []string) bool { return len(flow) > n && slices.Equal(flow[:n], it.done) && flow[n] == stage })
}

func (s *Service) pass(it *interaction, stage string, got Passed) {
	s.uia.mu.Lock()
	defer s.uia.mu.Unlock()
	if slices.Contains(it.done, stage) {
		return
	}
	it.done = append(it.done, stage)
	if got.token != "" {
		it.passed.token = got.token
	}
	if got.address != "" {
		it.passed.address, it.passed.provedAt, it.passed.sid = got.address, got.provedAt, got.sid
	}
}

var errSomebodyElse = fault.New(fault.Forbidden, "M_FORBIDDEN", "That is not your user name.")

// stage tries one step. A Forbidden or Invalid fault lets the client try again.
func (s *Service) stage(ctx context.Context, in Interaction, typ string, got *Passed) error {
	switch typ {
	case StageDummy:
		return nil
	case StagePassword:
		var b struct {
			Identifier *Identifier `json:"identifier"`
			User       string      `json:"user"`
			Password   string      `json:"password"`
		}
		if json.Unmarshal(in.Auth, &b) != nil {
			return fault.New(fault.Invalid, "M_BAD_JSON", "The auth object is malformed.")
		}
		if b.Identifier == nil {
			b.Identifier = &Identifier{Type: "m.id.user", User: b.User}
		}
		u, err := s.Identify(ctx, *b.Identifier)
		if err != nil {
			return err
		}
		if u != in.User {
			return errSomebodyElse
		}
		return s.guess(ctx, u, b.Password)
	case StageToken:
		var b struct {
			Token string `json:"token"`
		}
		if json.Unmarshal(in.Auth, &b) != nil {
			return fault.New(fault.Invalid, "M_BAD_JSON", "The auth object is malformed.")
		}
		valid, err := s.VoucherValid(ctx, b.Token)
		if err != nil {
			return err
		}
		if !valid {
			return errVoucher
		}
		got.token = b.Token
		return nil
	case StageEmail:
		var b struct {
			Creds struct {
				Sid    string `json:"sid"`
				Secret string `json:"client_secret"`
			} `json:"threepid_creds"`
		}
		if json.Unmarshal(in.Auth, &b) != nil {
			return fault.New(fault.Invalid, "M_BAD_JSON", "The auth object is malformed.")
		}
		var err error
		got.sid = b.Creds.Sid
		got.address, got.provedAt, err = s.proved(ctx, b.Creds.Sid, b.Creds.Secret)
		return err
	case StageOAuth:
		if !s.approvedOutside(in) {
			return fault.New(fault.Forbidden, "M_FORBIDDEN", "Allow it in your account's own pages first.")
		}
		return nil
	}
	if typ == StageSSO {
		return errElsewhere
	}
	return fault.New(fault.Forbidden, "M_FORBIDDEN", "That step is not known here.")
}

var errElsewhere = fault.New(fault.Forbidden, "M_FORBIDDEN", "That step is taken in a browser, on the page that the app opens.")

// approvedOutside says whether the user has allowed the operation in the account's own pages.
func (s *Service) approvedOutside(in Interaction) bool {
	if !slices.ContainsFunc(in.Flows, func(f []string) bool { return slices.Contains(f, StageOAuth) }) {
		return false
	}
	s.uia.mu.Lock()
	defer s.uia.mu.Unlock()
	return time.Now().Before(s.uia.approved[in.User])
}

// approvalLife is how long somebody's word holds that their keys may be replaced.
const approvalLife = 10 * time.Minute

// AllowReset notes that a user has allowed, in the account's own pages, that one of their apps replaces their keys.
// spec: client-server-api#oauth-authentication
func (s *Service) AllowReset(u id.User) {
	s.uia.mu.Lock()
	defer s.uia.mu.Unlock()
	now := time.Now()
	if s.uia.approved == nil {
		s.uia.approved = map[id.User]time.Time{}
	}
	maps.DeleteFunc(s.uia.approved, func(_ id.User, until time.Time) bool { return now.After(until) })
	s.uia.approved[u] = now.Add(approvalLife)
}

// EndReset takes AllowReset back, once it was used.
func (s *Service) EndReset(u id.User) {
	s.uia.mu.Lock()
	defer s.uia.mu.Unlock()
	delete(s.uia.approved, u)
}

// misses are the wrong passwords that came with somebody's own token: of a stolen phone, whose address tells nothing.
type misses struct {
	n     int
	since time.Time
}

// How many wrong passwords a session may try in how long.
const (
	maxMisses  = 10
	missPeriod = 10 * time.Minute
)

// Guess returns nil when a password is the user's, who is signed in; a few wrong ones are let through and no more.
func (s *Service) Guess(ctx context.Context, u id.User, password string) error {
	return s.guess(ctx, u, password)
}

// guess checks the password of somebody who is signed in, a few times only.
func (s *Service) guess(ctx context.Context, u id.User, password string) error {
	now := time.Now()
	s.uia.mu.Lock()
	if s.uia.misses == nil {
		s.uia.misses = map[id.User]misses{}
	}
	maps.DeleteFunc(s.uia.misses, func(_ id.User, m misses) bool { return now.Sub(m.since) > missPeriod })
	m := s.uia.misses[u]
	s.uia.mu.Unlock()
	if m.n >= maxMisses {
		return &fault.Fault{Kind: fault.Limited, Code: "M_LIMIT_EXCEEDED", Public: "Too many wrong passwords. Wait some minutes.", RetryAfter: missPeriod - now.Sub(m.since)}
	}
	err := s.CheckPassword(ctx, u, password)
	s.uia.mu.Lock()
	defer s.uia.mu.Unlock()
	if err == nil {
		delete(s.uia.misses, u)
	} else if fault.Is(err, fault.Forbidden) {
		if m = s.uia.misses[u]; m.n == 0 {
			m.since = now
		}
		m.n++
		s.uia.misses[u] = m
	}
	return err
}

var errOutside = fault.New(fault.NotFound, "M_NOT_FOUND", "That sign-in has ended. Go back to your app and begin again.")

// Outside takes a step of a session on this server's own pages, for apps that do not know the stage. An unknown session is NotFound; a
// stage that was not passed is the fault that says why.
// spec: client-server-api#fallback
func (s *Service) Outside(ctx context.Context, session, stage string, auth json.RawMessage) error {
	s.uia.mu.Lock()
	it := s.uia.open[session]
	s.uia.mu.Unlock()
	if it == nil || time.Since(it.began) >= interactionLife {
		return errOutside
	}
	if s.hasPassed(it, stage) {
		return nil
	}
	in := it.asked
	in.Auth = auth
	if stage == StageSSO && auth != nil {
		return errElsewhere // nothing that is sent here proves it
	}
	if !s.isNext(it, in.Flows, stage) {
		return fault.New(fault.Forbidden, "M_FORBIDDEN", "That step is not the next one.")
	}
	if auth == nil {
		return nil // only whether there is anything to do was asked
	}
	var got Passed
	if err := s.stage(ctx, in, stage, &got); err != nil {
		return err
	}
	s.pass(it, stage, got)
	return nil
}

// AskedOutside returns of whom a session asks something, for pages that want to know who may take its steps.
func (s *Service) AskedOutside(session string) (id.User, error) {
	s.uia.mu.Lock()
	defer s.uia.mu.Unlock()
	it := s.uia.open[session]
	if it == nil || time.Since(it.began) >= interactionLife {
		return "", errOutside
	}
	return it.asked.User, nil
}

// PassElsewhere notes that a user has just signed in elsewhere for a session. Somebody else's session is Forbidden.
// spec: client-server-api#sso-during-user-interactive-authentication
func (s *Service) PassElsewhere(ctx context.Context, session string, u id.User) error {
	if err := s.Outside(ctx, session, StageSSO, nil); err != nil {
		return err
	}
	s.uia.mu.Lock()
	it := s.uia.open[session]
	s.uia.mu.Unlock()
	switch {
	case it == nil:
		return errOutside
	case it.asked.User != u:
		return fault.New(fault.Forbidden, "M_FORBIDDEN", "You signed in as somebody else than the app's user. Nothing was confirmed.")
	}
	if err := s.Unlocked(ctx, u); err != nil {
		return err
	}
	s.pass(it, StageSSO, Passed{})
	return nil
}
