package client

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
)

// Support says whom people can ask for help; the zero value tells nobody.
type Support struct {
	Page, Email, Matrix, SecurityEmail string
}

// Turn is the relay through which calls find a way; without URIs there is none.
type Turn struct {
	URIs   []string
	Secret string // shared with the relay, which checks what it signs
	Life   time.Duration
}

// discoveryRoutes are what clients ask before and beside everything else: where things are, whom to ask, how to call.
func (h *API) discoveryRoutes(open, auth func(string, httpx.Handler) httpx.Route) []httpx.Route {
	return []httpx.Route{
		open("GET /.well-known/matrix/client", h.wellKnown),
		open("GET /.well-known/matrix/support", h.support),
		open("GET /.well-known/matrix/policy_server", h.policyServer),
		auth("GET /_matrix/client/v3/voip/turnServer", h.turnServer),
		auth("GET /_matrix/client/unstable/org.matrix.msc4143/rtc/transports", h.transports),
	}
}

// Base is the URL at which whoever asks reaches this server.
func (h *API) Base(r *http.Request) string { return h.base(r) }

// base is the URL at which clients reach this server.
func (h *API) base(r *http.Request) string {
	if h.Options.PublicURL != "" {
		return strings.TrimSuffix(h.Options.PublicURL, "/")
	}
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// spec: client-server-api#getwell-knownmatrixclient
func (h *API) wellKnown(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	body := map[string]any{"m.homeserver": map[string]string{"base_url": h.base(r)}}
	if h.Options.NoEncryption {
		body["io.element.e2ee"] = map[string]any{"force_disable": true, "default": false}
	}
	if h.Options.LiveKit != "" {
		body["org.matrix.msc4143.rtc_foci"] = h.foci()
	}
	return httpx.JSON(w, http.StatusOK, body)
}

// spec: client-server-api#getwell-knownmatrixsupport
func (h *API) support(w http.ResponseWriter, _ *http.Request, _ account.Actor) error {
	s := h.Options.Support
	contacts := []map[string]string{}
	add := func(role, matrix, email string) {
		if matrix == "" && email == "" {
			return
		}
		c := map[string]string{"role": role}
		if matrix != "" {
			c["matrix_id"] = matrix
		}
		if email != "" {
			c["email_address"] = email
		}
		contacts = append(contacts, c)
	}
	add("m.role.admin", s.Matrix, s.Email)
	add("m.role.security", "", s.SecurityEmail)
	body := map[string]any{}
	if len(contacts) > 0 {
		body["contacts"] = contacts
	}
	if s.Page != "" {
		body["support_page"] = s.Page
	}
	if len(body) == 0 {
		return fault.New(fault.NotFound, "M_NOT_FOUND", "This server does not say whom to ask.")
	}
	return httpx.JSON(w, http.StatusOK, body)
}

// policyServer says that this server judges no rooms for others.
// spec: client-server-api#getwell-knownmatrixpolicy_server
func (h *API) policyServer(http.ResponseWriter, *http.Request, account.Actor) error {
	return fault.New(fault.NotFound, "M_NOT_FOUND", "This server is no policy server.")
}

// turnServer gives a user name that ends and its password, which the relay checks by the secret it shares with this server. SHA-1 is
// what relays expect.
// spec: client-server-api#get_matrixclientv3voipturnserver
func (h *API) turnServer(w http.ResponseWriter, _ *http.Request, a account.Actor) error {
	t := h.Options.Turn
	if len(t.URIs) == 0 {
		return httpx.OK(w)
	}
	name := strconv.FormatInt(time.Now().Add(t.Life).Unix(), 10) + ":" + string(a.User)
	mac := hmac.New(sha1.New, []byte(t.Secret))
	mac.Write([]byte(name))
	return httpx.JSON(w, http.StatusOK, map[string]any{"username": name, "password": base64.StdEncoding.EncodeToString(mac.Sum(nil)),
		"uris": t.URIs, "ttl": int(t.Life.Seconds())})
}

func (h *API) foci() []any {
	if h.Options.LiveKit == "" {
		return []any{}
	}
	return []any{map[string]string{"type": "livekit", "livekit_service_url": h.Options.LiveKit}}
}

// transports says through what calls of many people run.
// spec: MSC4143#discovery-of-rtc-transports
func (h *API) transports(w http.ResponseWriter, _ *http.Request, _ account.Actor) error {
	return httpx.JSON(w, http.StatusOK, map[string]any{"rtc_transports": h.foci()})
}
