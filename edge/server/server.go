// Package server serves what other Matrix servers ask: for now who this server is and with which key it signs.
//
// Federation itself comes later; what is not here is answered M_UNRECOGNIZED. Look first at Routes.
//
// spec: server-server-api
package server

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

// API is the server-server API of one server.
type API struct {
	Name    id.Server
	KeyID   id.Key
	Key     ed25519.PrivateKey
	Version string
	// Identity says whose an OpenID token is. Set before use.
	Identity func(ctx context.Context, token string) (id.User, error)
}

// keyLife is for how long others may believe a published key without asking again.
const keyLife = 24 * time.Hour

// Routes is the table of endpoints.
func (h *API) Routes() []httpx.Route {
	return []httpx.Route{
		{Pattern: "GET /_matrix/federation/v1/version", Handle: h.version},
		{Pattern: "GET /_matrix/key/v2/server", Handle: h.keys},
		{Pattern: "GET /_matrix/key/v2/server/{keyId}", Handle: h.keys},
		{Pattern: "GET /_matrix/federation/v1/openid/userinfo", Handle: h.userinfo},
	}
}

// userinfo tells another service who holds a token.
// spec: server-server-api#get_matrixfederationv1openiduserinfo
func (h *API) userinfo(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	token := r.URL.Query().Get("access_token")
	if token == "" {
		return fault.New(fault.Unauthenticated, "M_MISSING_TOKEN", "The token is missing.")
	}
	u, err := h.Identity(r.Context(), token)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]id.User{"sub": u})
}

func (h *API) version(w http.ResponseWriter, _ *http.Request, _ account.Actor) error {
	return httpx.JSON(w, http.StatusOK, map[string]any{"server": map[string]string{"name": "Wardline", "version": h.Version}})
}

// spec: server-server-api#get_matrixkeyv2server
func (h *API) keys(w http.ResponseWriter, _ *http.Request, _ account.Actor) error {
	public := base64.RawStdEncoding.EncodeToString(h.Key.Public().(ed25519.PublicKey))
	body, err := json.Marshal(map[string]any{
		"server_name": h.Name, "valid_until_ts": time.Now().Add(keyLife).UnixMilli(), "old_verify_keys": map[string]any{},
		"verify_keys": map[id.Key]any{h.KeyID: map[string]string{"key": public}},
	})
	if err != nil {
		return err
	}
	signed, err := event.SignJSON(body, h.Name, h.KeyID, h.Key)
	if err != nil {
		return err
	}
	return httpx.Raw(w, http.StatusOK, signed)
}
