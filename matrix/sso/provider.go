package sso

import (
	"context"
	"crypto"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/mail"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"

	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Provider is a server that knows people.
type Provider struct {
	ID, Name string
	Issuer   string
	Person   string // how its claim is read
	Create   bool   // it may bring people in

	file      File
	userInfo  bool
	acrValues string
	secret    string
	signer    jose.Signer // nil without a key
	public    jose.JSONWebKey
	http      *http.Client
	now       func() time.Time

	mu       sync.Mutex // guards the rest, and is held while the provider is asked
	found    *discovered
	foundAt  time.Time
	failed   error
	failedAt time.Time
}

// discovered is what a provider says of itself.
type discovered struct {
	*oidc.Provider
	namesItself bool // in each answer
	onlyPost    bool // wants secrets in the form
	algorithms  []jose.SignatureAlgorithm
	keys        *keys
}

// What is taken and how long: clocks may differ by skew; a provider's words of itself hold for a day; one that did not answer is not asked
// again for a while, so that a thousand people who press a button do not wait for it one after the other.
const (
	skew         = 2 * time.Minute
	lookLife     = 24 * time.Hour
	reachLife    = time.Minute
	failureLife  = 5 * time.Second
	callTime     = 10 * time.Second
	maxAnswer    = 1 << 20
	answerLife   = 10 * time.Minute // how old an identity token may be
	freshLife    = 5 * time.Minute  // how long ago somebody may have signed in who is asked to sign in anew
	assertionFor = time.Minute
)

// safe are the ways of signing that are believed: by keys that only the issuer has.
var safe = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA}

// caller makes the client by which a provider is called: with its own authorities, a bound on time and size, and no way to be sent from
// https to http.
func caller(caFile string) (*http.Client, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		raw, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
		if conf.RootCAs, err = x509.SystemCertPool(); err != nil {
			conf.RootCAs = x509.NewCertPool()
		}
		if !conf.RootCAs.AppendCertsFromPEM(raw) {
			return nil, errors.New("ca_file: the file holds no certificate")
		}
	}
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: conf, ForceAttemptHTTP2: true, MaxIdleConns: 4, IdleConnTimeout: time.Minute,
		TLSHandshakeTimeout: callTime, DialContext: (&net.Dialer{Timeout: callTime}).DialContext}
	return &http.Client{Timeout: callTime, Transport: bounded{t}, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > 3 || !secure(r.URL.String()) {
			return errors.New("sent on too often, or to where it is not secure")
		}
		return nil
	}}, nil
}

// bounded cuts answers off that are longer than any answer is.
type bounded struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxAnswer), res.Body}
	}
	return res, err
}

// look returns what a provider says of itself, from memory if it was asked not long ago.
// spec: openid-connect-discovery-1_0#ProviderConfig
func (p *Provider) look(ctx context.Context) (*discovered, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if p.found != nil && now.Sub(p.foundAt) < lookLife {
		return p.found, nil
	}
	if p.failed != nil && now.Sub(p.failedAt) < failureLife {
		return p.stale(p.failed)
	}
	d, err := p.discover(ctx)
	if err != nil {
		if ctx.Err() == nil {
			p.failed, p.failedAt = err, now
		}
		return p.stale(err)
	}
	p.found, p.foundAt, p.failed = d, now, nil
	return d, nil
}

// reach is look for somebody who is about to be sent there: a provider that was not heard of for a minute is asked, so that they are told
// here that it is down, and not by their browser.
func (p *Provider) reach(ctx context.Context) (*discovered, error) {
	p.mu.Lock()
	if p.found != nil && p.now().Sub(p.foundAt) > reachLife {
		p.foundAt = p.now().Add(-lookLife) // to be asked again; what is known stays, for those who are on their way back
	}
	p.mu.Unlock()
	d, err := p.look(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil && p.failed != nil {
		return nil, p.failed
	}
	return d, err
}

// stale goes on with what was known before, because where a provider's pages are seldom changes; its keys have their own age.
func (p *Provider) stale(err error) (*discovered, error) {
	if p.found != nil {
		return p.found, nil
	}
	return nil, err
}

func (p *Provider) discover(ctx context.Context) (*discovered, error) {
	op, err := oidc.NewProvider(oidc.ClientContext(ctx, p.http), p.Issuer)
	if err != nil {
		return nil, err
	}
	var more struct {
		Keys       string                    `json:"jwks_uri"`
		Names      bool                      `json:"authorization_response_iss_parameter_supported"`
		Methods    []string                  `json:"token_endpoint_auth_methods_supported"`
		Algorithms []jose.SignatureAlgorithm `json:"id_token_signing_alg_values_supported"`
	}
	if err := op.Claims(&more); err != nil {
		return nil, err
	}
	end := op.Endpoint()
	for _, address := range []string{end.AuthURL, end.TokenURL, more.Keys} {
		if !secure(address) {
			return nil, fmt.Errorf("an address of %s is missing or not secure", p.ID)
		}
	}
	algorithms := slices.DeleteFunc(slices.Clone(more.Algorithms), func(a jose.SignatureAlgorithm) bool { return !slices.Contains(safe, a) })
	if len(algorithms) == 0 {
		algorithms = []jose.SignatureAlgorithm{jose.RS256} // which every provider has
	}
	post := slices.Contains(more.Methods, "client_secret_post") && !slices.Contains(more.Methods, "client_secret_basic")
	if was := p.found; was != nil && was.keys.url == more.Keys && slices.Equal(was.algorithms, algorithms) {
		return &discovered{op, more.Names, post, algorithms, was.keys}, nil // their age, and the pause between searches, go on
	}
	return &discovered{op, more.Names, post, algorithms, &keys{url: more.Keys, algorithms: algorithms, client: p.http, now: p.now}}, nil
}

// verifier checks what a provider has signed: issuer, audience, times and signature.
func (d *discovered) verifier(p *Provider) *oidc.IDTokenVerifier {
	names := make([]string, len(d.algorithms))
	for i, a := range d.algorithms {
		names[i] = string(a)
	}
	return oidc.NewVerifier(p.Issuer, d.keys, &oidc.Config{ClientID: p.file.ClientID, SupportedSigningAlgs: names,
		Now: func() time.Time { return p.now().Add(-skew) }})
}

func (p *Provider) client(d *discovered, back string) *oauth2.Config {
	end := d.Endpoint()
	if end.AuthStyle = oauth2.AuthStyleInHeader; d.onlyPost || p.secret == "" {
		end.AuthStyle = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{ClientID: p.file.ClientID, ClientSecret: p.secret, Endpoint: end, RedirectURL: back, Scopes: p.file.Scopes}
}

// assertion proves this server to a provider by its key.
// spec: RFC 7523#3
func (p *Provider) assertion(to string) (string, error) {
	now := p.now()
	claims := jwt.Claims{Issuer: p.file.ClientID, Subject: p.file.ClientID, Audience: jwt.Audience{to}, ID: id.NewOpaque(24),
		IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now.Add(-skew)), Expiry: jwt.NewNumericDate(now.Add(assertionFor))}
	return jwt.Signed(p.signer).Claims(claims).Serialize()
}

// Keys is the provider's view of this server: the public half of its key, or nothing.
func (p *Provider) Keys() jose.JSONWebKeySet {
	if p.signer == nil {
		return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	}
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{p.public}}
}

func thumbprint(k jose.JSONWebKey) (string, error) {
	sum, err := k.Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(sum), err
}

// identity is what a provider says of somebody.
type identity struct {
	Subject, Session string
	Value            string // of the claim that says who they are
	Name, Email      string
	IssuedAt         time.Time
}

// fetch trades a code for what the provider says, and believes it only when everything fits.
// spec: openid-connect-core-1_0#TokenRequest
func (p *Provider) fetch(ctx context.Context, d *discovered, back, code string, a attempt) (identity, error) {
	if code == "" {
		return identity{}, p.refuse("The answer of "+p.Name+" has no code.", nil)
	}
	c := p.client(d, back)
	options := []oauth2.AuthCodeOption{oauth2.VerifierOption(a.verifier)}
	if p.signer != nil {
		proof, err := p.assertion(c.Endpoint.TokenURL)
		if err != nil {
			return identity{}, err
		}
		options = append(options, oauth2.SetAuthURLParam("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"), oauth2.SetAuthURLParam("client_assertion", proof))
	}
	ctx = oidc.ClientContext(ctx, p.http)
	token, err := c.Exchange(ctx, code, options...)
	if err != nil {
		return identity{}, p.exchangeFailed(err)
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return identity{}, p.refuse(p.Name+" does not say who you are.", errors.New("the answer has no id_token"))
	}
	idToken, err := d.verifier(p).Verify(ctx, raw)
	if err != nil {
		if p.unreachable(err) {
			return identity{}, p.silent(err)
		}
		return identity{}, p.refuse("What "+p.Name+" says of you cannot be believed.", err)
	}
	claims := map[string]json.RawMessage{}
	if err := idToken.Claims(&claims); err != nil {
		return identity{}, p.refuse("What "+p.Name+" says of you cannot be read.", err)
	}
	if err := p.check(idToken, claims, a); err != nil {
		return identity{}, p.refuse("What "+p.Name+" says of you cannot be believed.", err)
	}
	if idToken.AccessTokenHash != "" {
		if err := idToken.VerifyAccessToken(token.AccessToken); err != nil {
			return identity{}, p.refuse("What "+p.Name+" says of you cannot be believed.", err)
		}
	}
	if err := p.assured(claims); err != nil {
		return identity{}, err
	}
	if p.userInfo {
		if err := p.more(ctx, d, token, idToken.Subject, claims); err != nil {
			return identity{}, err
		}
	}
	return p.identity(idToken, claims), nil
}

// check looks at what the library leaves to its caller.
// spec: openid-connect-core-1_0#IDTokenValidation
func (p *Provider) check(t *oidc.IDToken, claims map[string]json.RawMessage, a attempt) error {
	now := p.now()
	azp := text(claims["azp"])
	switch {
	case t.Subject == "" || len(t.Subject) > 255:
		return errors.New("no subject, or a long one")
	case subtle.ConstantTimeCompare([]byte(t.Nonce), []byte(a.nonce)) != 1:
		return errors.New("the nonce is another")
	case len(t.Audience) > 1 && azp == "":
		return errors.New("several audiences and no azp")
	case azp != "" && azp != p.file.ClientID:
		return errors.New("azp is somebody else")
	case t.IssuedAt.After(now.Add(skew)):
		return errors.New("made in the future: the clocks differ")
	case t.IssuedAt.Before(now.Add(-answerLife - skew)):
		return errors.New("too old")
	}
	if at := number(claims["auth_time"]); a.fresh && at > 0 && time.Unix(at, 0).Before(now.Add(-freshLife-skew)) {
		return errors.New("they did not sign in anew")
	}
	return nil
}

// assured refuses whoever signed in more weakly than the operator wants.
func (p *Provider) assured(claims map[string]json.RawMessage) error {
	weak := func() error {
		return p.refuse("You signed in at "+p.Name+" in a way that is not strong enough here. Sign in there with your smartcard, security key or another second factor.", nil)
	}
	if len(p.file.ACR) > 0 && !slices.Contains(p.file.ACR, text(claims["acr"])) {
		return weak()
	}
	if len(p.file.AMR) > 0 {
		var methods []string
		if json.Unmarshal(claims["amr"], &methods) != nil || !slices.ContainsFunc(methods, func(m string) bool { return slices.Contains(p.file.AMR, m) }) {
			return weak()
		}
	}
	if p.file.Profile != CIS2 {
		return nil
	}
	if number(claims["authentication_assurance_level"]) < int64(p.file.Assurance) {
		return weak()
	}
	if number(claims["id_assurance_level"]) < int64(p.file.Identity) {
		return p.refuse(p.Name+" has not checked who you are as well as is needed here. Ask those who gave you your smartcard.", nil)
	}
	return nil
}

// more lays what the provider says beside its token over the claims. It must be about the same person.
// spec: openid-connect-core-1_0#UserInfoResponse
func (p *Provider) more(ctx context.Context, d *discovered, token *oauth2.Token, subject string, claims map[string]json.RawMessage) error {
	info, err := d.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		if p.unreachable(err) {
			return p.silent(err)
		}
		return p.refuse(p.Name+" does not say enough of you.", err)
	}
	if info.Subject != subject {
		return p.refuse("What "+p.Name+" says of you cannot be believed.", errors.New("the user info is about somebody else"))
	}
	said := map[string]json.RawMessage{}
	if err := info.Claims(&said); err != nil {
		return p.refuse("What "+p.Name+" says of you cannot be read.", err)
	}
	for name, value := range said {
		if _, signed := claims[name]; !signed {
			claims[name] = value
		}
	}
	return nil
}

// identity picks from the claims what matters here. An address that the provider does not vouch for is none.
func (p *Provider) identity(t *oidc.IDToken, claims map[string]json.RawMessage) identity {
	who := identity{Subject: t.Subject, Session: text(claims["sid"]), Name: text(claims["name"]), IssuedAt: t.IssuedAt}
	if who.Name == "" {
		who.Name = strings.TrimSpace(text(claims["given_name"]) + " " + text(claims["family_name"]))
	}
	vouched := p.file.TrustEmail || text(claims["email_verified"]) == "true"
	if vouched {
		who.Email = address(text(claims["email"]))
	}
	if who.Value = strings.TrimSpace(text(claims[p.file.Claim])); p.Person == "email" {
		if who.Value = address(who.Value); p.file.Claim == "email" && !vouched {
			who.Value = ""
		}
	}
	if len(who.Value) > 200 {
		who.Value = ""
	}
	return who
}

func address(s string) string {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != strings.TrimSpace(s) {
		return ""
	}
	return strings.ToLower(a.Address)
}

// text reads a claim that is a text, a number or a yes: providers differ.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var b bool
	if json.Unmarshal(raw, &b) == nil && string(raw) != "null" {
		return strconv.FormatBool(b)
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil {
		return n.String()
	}
	return ""
}

func number(raw json.RawMessage) int64 {
	f, err := strconv.ParseFloat(text(raw), 64)
	if err != nil {
		return 0
	}
	return int64(f)
}

// word is what the provider's claim is for people.
func (p *Provider) word() string {
	return map[string]string{"email": "e-mail address", "number": "staff number", "registration": "registration number", "login": "user name"}[p.Person]
}

// refuse is a fault that the person reads; the cause goes to the log and holds no claim.
func (p *Provider) refuse(public string, cause error) error {
	if cause == nil {
		return fault.New(fault.Forbidden, "M_FORBIDDEN", public)
	}
	return fault.Wrap(fault.Forbidden, "M_FORBIDDEN", public, cause)
}

// silent says that a provider cannot be reached.
func (p *Provider) silent(cause error) error {
	return fault.Wrap(fault.Unavailable, "M_UNKNOWN", p.Name+" does not answer at the moment. Try again in a minute, or sign in another way.", cause)
}

// unreachable says whether an error is about the way to a provider, and not about what it said.
func (p *Provider) unreachable(err error) bool {
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, errKeys) || errors.Is(err, context.DeadlineExceeded)
}

// exchangeFailed sorts out why a provider gave no token. What it says in words is for its own people and is not repeated.
func (p *Provider) exchangeFailed(err error) error {
	var refusal *oauth2.RetrieveError
	if !errors.As(err, &refusal) {
		return p.silent(err)
	}
	cause := fmt.Errorf("token endpoint: status %d, error %q", refusal.Response.StatusCode, short(refusal.ErrorCode))
	switch {
	case refusal.ErrorCode == "invalid_grant":
		return p.refuse("That sign-in was used already or took too long. Begin again.", cause)
	case refusal.Response.StatusCode >= 500:
		return p.silent(cause)
	}
	return fault.Wrap(fault.Unavailable, "M_UNKNOWN", p.Name+" does not accept this server at the moment. Your administrator can see why. Sign in another way.", cause)
}

// declined says why a provider sent somebody back without a code.
// spec: openid-connect-core-1_0#AuthError
func (p *Provider) declined(code string) error {
	switch code {
	case "access_denied":
		return p.refuse("You did not sign in at "+p.Name+", or may not use this there.", nil)
	case "temporarily_unavailable", "server_error":
		return p.silent(errors.New(short(code)))
	}
	return p.refuse(p.Name+" could not sign you in.", fmt.Errorf("error %q", short(code)))
}

func short(s string) string {
	if len(s) > 60 {
		s = s[:60]
	}
	return s
}
