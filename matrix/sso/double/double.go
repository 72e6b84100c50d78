// Package double is a small identity provider for tests: it speaks OpenID Connect as a relying party meets it, checks what it is sent as a
// strict one would, and can be told to go wrong in each way that a provider can.
//
// It refuses to be lenient: a request without PKCE, a code that comes twice or a proof that does not fit is an error. Look first at New.
package double

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Provider is the server. Its fields may be set between requests.
type Provider struct {
	URL      string
	ClientID string
	Secret   string                                             // for client_secret_basic; "" with ClientKey
	Key      *jose.JSONWebKey                                   // of the client, for private_key_jwt
	Claims   map[string]any                                     // of whoever is signed in there: sub, email and so on
	Info     map[string]any                                     // what the user info says; nil has none
	Change   func(claims map[string]any, header map[string]any) // what goes wrong in an identity token
	Names    bool                                               // says in each answer who it is
	Say      string                                             // an error to send people back with
	Refuse   string                                             // an error of the token endpoint
	Method   jose.SignatureAlgorithm

	mu     sync.Mutex // guards the rest
	signer *rsa.PrivateKey
	kid    string
	codes  map[string]url.Values
	down   bool
	asked  map[string]int // how often each path was called
	last   url.Values     // the last request to sign in
	server *httptest.Server
}

// New starts a provider. Close ends it.
func New(clientID, secret string) *Provider {
	p := &Provider{ClientID: clientID, Secret: secret, Claims: map[string]any{}, Method: jose.RS256, codes: map[string]url.Values{}, asked: map[string]int{}}
	p.Rotate()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.keySet)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userInfo)
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.asked[r.URL.Path]++
		down := p.down
		p.mu.Unlock()
		if down {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = conn.Close()
			}
			return
		}
		mux.ServeHTTP(w, r)
	}))
	p.URL = p.server.URL
	return p
}

// Close ends the server.
func (p *Provider) Close() { p.server.Close() }

// Down has the server break off every call, or answer again.
func (p *Provider) Down(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = on
}

// Asked says how often a path was called.
func (p *Provider) Asked(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[path]
}

// Last is the last request to sign in.
func (p *Provider) Last() url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// Rotate gives the provider another key and takes the old one away.
func (p *Provider) Rotate() {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // the source of randomness does not fail
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signer, p.kid = key, "k"+random()
}

func random() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails, by its documentation
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may have gone
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
		"userinfo_endpoint": p.URL + "/userinfo", "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"}, "authorization_response_iss_parameter_supported": p.Names,
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "private_key_jwt"}, "code_challenge_methods_supported": []string{"S256"}})
}

func (p *Provider) keySet(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	answer(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.signer.Public(), KeyID: p.kid, Algorithm: "RS256", Use: "sig"}}})
}

// authorize signs whoever comes in as the person of Claims, and sends them back.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != p.ClientID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 ||
		q.Get("state") == "" || q.Get("nonce") == "" || !strings.Contains(" "+q.Get("scope")+" ", " openid ") {
		http.Error(w, "the request is not one that a careful client makes", http.StatusBadRequest)
		return
	}
	code := random()
	p.mu.Lock()
	p.codes[code], p.last = q, q
	p.mu.Unlock()
	back := url.Values{"state": {q.Get("state")}}
	if p.Names {
		back.Set("iss", p.URL)
	}
	if p.Say != "" {
		back.Set("error", p.Say)
	} else {
		back.Set("code", code)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusSeeOther)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	bad := func(code string) { answer(w, http.StatusBadRequest, map[string]string{"error": code}) }
	if p.Refuse != "" {
		bad(p.Refuse)
		return
	}
	if !p.isClient(r) {
		bad("invalid_client")
		return
	}
	p.mu.Lock()
	q := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if q == nil || q.Get("redirect_uri") != r.PostFormValue("redirect_uri") || q.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
		bad("invalid_grant")
		return
	}
	now := time.Now()
	claims := map[string]any{"iss": p.URL, "aud": p.ClientID, "exp": now.Add(5 * time.Minute).Unix(), "iat": now.Unix(), "nonce": q.Get("nonce")}
	for k, v := range p.Claims {
		claims[k] = v
	}
	header := map[string]any{}
	if p.Change != nil {
		p.Change(claims, header)
	}
	answer(w, http.StatusOK, map[string]any{"access_token": "at", "token_type": "Bearer", "expires_in": 300, "id_token": p.Sign(claims, header)})
}

// isClient checks how the client proves itself.
func (p *Provider) isClient(r *http.Request) bool {
	if p.Key == nil {
		name, secret, ok := r.BasicAuth()
		return ok && name == p.ClientID && secret == p.Secret
	}
	token, err := jwt.ParseSigned(r.PostFormValue("client_assertion"), []jose.SignatureAlgorithm{jose.RS256, jose.RS512, jose.ES256})
	if err != nil || r.PostFormValue("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
		return false
	}
	var c jwt.Claims
	if token.Claims(p.Key, &c) != nil || c.ID == "" || c.Subject != p.ClientID || token.Headers[0].KeyID != p.Key.KeyID {
		return false
	}
	return c.Validate(jwt.Expected{Issuer: p.ClientID, AnyAudience: jwt.Audience{p.URL + "/token"}, Time: time.Now()}) == nil
}

func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request) {
	if p.Info == nil || r.Header.Get("Authorization") != "Bearer at" {
		answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token"})
		return
	}
	answer(w, http.StatusOK, p.Info)
}

// Sign makes a token of claims with the provider's key, or as the header says: alg "none" and "HS256" are the two old tricks, key is for
// one that the provider does not have.
func (p *Provider) Sign(claims, header map[string]any) string {
	p.mu.Lock()
	key, kid := jose.SigningKey{Algorithm: p.Method, Key: p.signer}, p.kid
	p.mu.Unlock()
	switch header["alg"] {
	case "none":
		body, _ := json.Marshal(claims) // maps of simple values
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(body) + "."
	case "HS256":
		key = jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("a secret of everybody ", 2))}
	case "stranger":
		other, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err) // the source of randomness does not fail
		}
		key.Key = other
	}
	options := (&jose.SignerOptions{}).WithHeader("kid", kid)
	if typ, ok := header["typ"].(string); ok {
		options = options.WithType(jose.ContentType(typ))
	}
	if other, ok := header["kid"].(string); ok {
		options = options.WithHeader("kid", other)
	}
	signer, err := jose.NewSigner(key, options)
	if err != nil {
		panic(err) // the key fits
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		panic(err) // maps of simple values
	}
	return token
}

// LogoutToken makes a word of logout; change may spoil it.
func (p *Provider) LogoutToken(sub, sid string, change func(claims, header map[string]any)) string {
	now := time.Now()
	claims := map[string]any{"iss": p.URL, "aud": p.ClientID, "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(), "jti": random(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}}
	if sub != "" {
		claims["sub"] = sub
	}
	if sid != "" {
		claims["sid"] = sid
	}
	header := map[string]any{"typ": "logout+jwt"}
	if change != nil {
		change(claims, header)
	}
	return p.Sign(claims, header)
}
