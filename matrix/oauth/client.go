package oauth

import (
	"context"
	"encoding/base32"
	"encoding/json"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/event"
)

// Client is an app as it describes itself.
// spec: client-server-api#client-metadata
type Client struct {
	ID              string   `json:"client_id"`
	ClientName      string   `json:"client_name,omitempty"`
	ClientURI       string   `json:"client_uri"`
	LogoURI         string   `json:"logo_uri,omitempty"`
	TermsURI        string   `json:"tos_uri,omitempty"`
	PolicyURI       string   `json:"policy_uri,omitempty"`
	RedirectURIs    []string `json:"redirect_uris,omitempty"`
	TokenAuthMethod string   `json:"token_endpoint_auth_method"`
	ResponseTypes   []string `json:"response_types"`
	GrantTypes      []string `json:"grant_types"`
	ApplicationType string   `json:"application_type"`
}

// Name is what people are shown of the app.
func (c *Client) Name() string {
	if c.ClientName != "" {
		return c.ClientName
	}
	return c.Host()
}

// Host is the name of the site that the app says it is of.
func (c *Client) Host() string {
	u, err := url.Parse(c.ClientURI)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func (c *Client) grants(grant string) bool { return slices.Contains(c.GrantTypes, grant) }

// sendsTo says whether people may be sent back to an address: it is one that was registered, on the app's own machine with any port.
func (c *Client) sendsTo(redirect string) bool {
	if slices.Contains(c.RedirectURIs, redirect) {
		return true
	}
	u, err := url.Parse(redirect)
	if err != nil || u.Scheme != "http" || u.Port() == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	host := u.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	u.Host = host
	return loopback(host) && slices.Contains(c.RedirectURIs, u.String())
}

func loopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "[::1]" }

// Limits of what an app may say of itself.
const (
	maxText      = 2048
	maxRedirects = 20
)

func bad(text string) error { return refuse("invalid_client_metadata", text) }

// check completes what an app says of itself with what it means, and refuses what cannot be believed.
// spec: client-server-api#client-registration
func (c *Client) check() error {
	if c.ApplicationType == "" {
		c.ApplicationType = "web"
	}
	if c.TokenAuthMethod == "" {
		c.TokenAuthMethod = "none"
	}
	if c.ResponseTypes == nil {
		c.ResponseTypes = []string{"code"}
	}
	if c.GrantTypes == nil {
		c.GrantTypes = []string{GrantCode}
	}
	c.GrantTypes = only(c.GrantTypes, GrantCode, GrantRefresh, GrantDevice)
	c.ResponseTypes = only(c.ResponseTypes, "code")
	for _, text := range append([]string{c.ClientName, c.ClientURI, c.LogoURI, c.TermsURI, c.PolicyURI}, c.RedirectURIs...) {
		if len(text) > maxText {
			return bad("A value is longer than 2048 characters.")
		}
	}
	home, err := url.Parse(c.ClientURI)
	switch {
	case err != nil || home.Scheme != "https" || home.User != nil || home.Hostname() == "" || home.Fragment != "":
		return bad("The client_uri must be an https address.")
	case c.ApplicationType != "web" && c.ApplicationType != "native":
		return bad("The application_type is neither web nor native.")
	case c.TokenAuthMethod != "none":
		return bad("Apps have no secret here; the token_endpoint_auth_method must be none.")
	case len(c.GrantTypes) == 0 || !c.grants(GrantCode) && !c.grants(GrantDevice):
		return bad("None of the grant_types is served here.")
	case c.grants(GrantCode) && len(c.ResponseTypes) == 0:
		return bad("The response_types must have code.")
	case c.grants(GrantCode) && len(c.RedirectURIs) == 0, len(c.RedirectURIs) > maxRedirects:
		return refuse("invalid_redirect_uri", "There must be 1 to 20 redirect_uris.")
	}
	for _, text := range []string{c.LogoURI, c.TermsURI, c.PolicyURI} {
		if text != "" && !c.related(text) {
			return bad("The addresses of logo, terms and policy must be https and belong to the client_uri.")
		}
	}
	for _, r := range c.RedirectURIs {
		if !c.mayRegister(r) {
			return refuse("invalid_redirect_uri", "One of the redirect_uris does not belong to the app.")
		}
	}
	return nil
}

// only keeps the words that are known, once each, in one order.
func only(list []string, known ...string) []string {
	out := []string{}
	for _, k := range known {
		if slices.Contains(list, k) {
			out = append(out, k)
		}
	}
	return out
}

// related says whether an address is https and of the app's own site, or of one below it.
func (c *Client) related(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Hostname() == "" {
		return false
	}
	host, home := strings.ToLower(u.Hostname()), strings.ToLower(c.Host())
	if _, err := netip.ParseAddr(home); err == nil {
		return host == home
	}
	return host == home || strings.HasSuffix(host, "."+home)
}

// mayRegister says whether an app may have people sent back to an address.
// spec: client-server-api#redirect-uri-validation
func (c *Client) mayRegister(redirect string) bool {
	u, err := url.Parse(redirect)
	if err != nil || strings.Contains(redirect, "#") || u.Scheme == "" {
		return false
	}
	if u.Scheme == "https" {
		return c.related(redirect)
	}
	if c.ApplicationType != "native" {
		return false
	}
	if u.Scheme == "http" {
		return u.User == nil && loopback(u.Host)
	}
	labels := strings.Split(strings.ToLower(c.Host()), ".")
	slices.Reverse(labels)
	base := strings.Join(labels, ".")
	own := u.Scheme == base || strings.HasPrefix(u.Scheme, base+".")
	return own && len(labels) > 1 && u.Host == "" && u.User == nil && !strings.HasPrefix(redirect[len(u.Scheme)+1:], "//")
}

var (
	saveClient = db.SQL("oauth.save_client", `INSERT INTO oauth_client (id, metadata, made_at, used_at) VALUES ($1, $2, $3, $3) ON CONFLICT (id) DO UPDATE SET used_at = excluded.used_at`)
	readClient = db.SQL("oauth.read_client", `SELECT metadata FROM oauth_client WHERE id = $1`)
	// touchClient notes that an app is in use.
	touchClient = db.SQL("oauth.touch_client", `UPDATE oauth_client SET used_at = $2 WHERE id = $1`)
	idleClients = db.SQL("oauth.idle_clients", `SELECT id FROM oauth_client WHERE used_at < $1 ORDER BY used_at LIMIT 20`)
	endClient   = db.SQL("oauth.end_client", `DELETE FROM oauth_client WHERE id = $1`)
)

// idleTime is how long an app that nobody is signed in with is remembered.
const idleTime = 30 * 24 * time.Hour

// Register takes an app's description of itself and names it. The same description always has the same name.
// spec: client-server-api#dynamic-client-registration-flow
func (s *Service) Register(ctx context.Context, c Client) (Client, error) {
	c.ID = ""
	if err := c.check(); err != nil {
		return c, err
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return c, err
	}
	if raw, err = event.Canonical(nil, raw); err != nil {
		return c, bad("The metadata cannot be kept.")
	}
	c.ID = strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(hashOf(string(raw))[:16]))
	now := time.Now()
	return c, s.db.Write(ctx, "oauth.register", func(ctx context.Context, tx *db.Tx) error {
		idle, err := db.Collect(ctx, tx, idleClients, db.Scalar[string], now.Add(-idleTime).UnixMilli())
		if err != nil {
			return err
		}
		for _, old := range idle {
			used, err := s.accounts.AppInUse(ctx, tx, old)
			if err != nil {
				return err
			}
			q, args := endClient, []any{old}
			if used {
				q, args = touchClient, []any{old, now.UnixMilli()}
			}
			if _, err := tx.Exec(ctx, q, args...); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, saveClient, c.ID, raw, now.UnixMilli())
		return err
	})
}

// Client finds a registered app.
func (s *Service) Client(ctx context.Context, name string) (Client, error) {
	var c Client
	raw, err := db.One(ctx, s.db, readClient, db.Scalar[[]byte], name)
	if fault.Is(err, fault.NotFound) {
		return c, refuse("invalid_client", "The app is not registered.")
	}
	if err != nil {
		return c, err
	}
	err = json.Unmarshal(raw, &c)
	c.ID = name
	return c, err
}
