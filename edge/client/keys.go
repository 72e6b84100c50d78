package client

import (
	"encoding/json"
	"errors"
	"net/http"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/inbox"
	"wardline/matrix/keys"
	"wardline/matrix/timeline"
)

// keyLimit bounds the bodies of calls in which clients send many keys or messages at once: 250 encrypted messages are half a MiB.
const keyLimit = 4 << 20

func (h *API) keyRoutes(auth func(string, httpx.Handler) httpx.Route) []httpx.Route {
	const v3 = "/_matrix/client/v3/"
	return []httpx.Route{
		auth("PUT "+v3+"sendToDevice/{eventType}/{txnId}", h.sendToDevice),
		auth("POST "+v3+"keys/upload", h.uploadKeys),
		auth("POST "+v3+"keys/query", h.queryKeys),
		auth("POST "+v3+"keys/claim", h.claimKeys),
		auth("GET "+v3+"keys/changes", h.changedKeys),
		auth("POST "+v3+"keys/device_signing/upload", h.uploadIdentity),
		auth("POST "+v3+"keys/signatures/upload", h.uploadSignatures),
	}
}

// spec: client-server-api#put_matrixclientv3sendtodeviceeventtypetxnid
func (h *API) sendToDevice(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Messages map[id.User]map[id.Device]json.RawMessage `json:"messages"`
	}
	if err := httpx.Decode(r, &b, keyLimit); err != nil {
		return err
	}
	if b.Messages == nil {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The messages are missing.")
	}
	err := h.Inbox.Send(r.Context(), inbox.Outgoing{Sender: a.User, Device: sender(a), Type: r.PathValue("eventType"), Txn: r.PathValue("txnId"), Messages: b.Messages})
	if err != nil {
		return err
	}
	return httpx.OK(w)
}

func (h *API) uploadKeys(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b keys.Upload
	if err := httpx.Decode(r, &b, keyLimit); err != nil {
		return err
	}
	if err := needDevice(a); err != nil {
		return err
	}
	counts, err := h.Keys.Upload(r.Context(), a.User, a.Device, b)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"one_time_key_counts": counts})
}

// maxAsked bounds the users of one question about keys.
const maxAsked = 1000

// unreached says of which servers nothing was asked, because this server speaks to no other about keys.
func unreached[T any](h *API, users map[id.User]T) map[id.Server]any {
	out := map[id.Server]any{}
	for u := range users {
		if name := u.Server(); name != "" && !h.Accounts.Local(u) {
			out[name] = map[string]string{"errcode": "M_UNKNOWN", "error": "That server cannot be reached."}
		}
	}
	return out
}

func (h *API) queryKeys(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Users map[id.User][]id.Device `json:"device_keys"`
	}
	if err := httpx.Decode(r, &b, keyLimit); err != nil {
		return err
	}
	if b.Users == nil {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The device_keys are missing.")
	}
	if len(b.Users) > maxAsked {
		return fault.New(fault.TooLarge, "M_TOO_LARGE", "Ask about fewer users at once.")
	}
	known, err := h.Keys.Query(r.Context(), a.User, b.Users)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, struct {
		keys.Answer
		Failures map[id.Server]any `json:"failures"`
	}{known, unreached(h, b.Users)})
}

func (h *API) claimKeys(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	var b struct {
		Users map[id.User]map[id.Device]string `json:"one_time_keys"`
	}
	if err := httpx.Decode(r, &b, keyLimit); err != nil {
		return err
	}
	if b.Users == nil {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The one_time_keys are missing.")
	}
	got, err := h.Keys.Claim(r.Context(), b.Users)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"one_time_keys": got, "failures": unreached(h, b.Users)})
}

// spec: client-server-api#get_matrixclientv3keyschanges
func (h *API) changedKeys(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	q := r.URL.Query()
	if !q.Has("from") || !q.Has("to") {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The parameters from and to are needed.")
	}
	from, err := timeline.ParseToken(q.Get("from"))
	if err != nil {
		return err
	}
	to, err := timeline.ParseToken(q.Get("to"))
	if err != nil {
		return err
	}
	lists, err := h.Timeline.DeviceListsBetween(r.Context(), a.User, from.Pos, to.Pos)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, lists)
}

// uploadIdentity asks for proof only when something would be replaced, so that a client can set itself up, and repeat a request of
// which it got no answer, without a password.
// spec: client-server-api#post_matrixclientv3keysdevice_signingupload
func (h *API) uploadIdentity(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		keys.Identity
		Auth json.RawMessage `json:"auth"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	err := h.Keys.SetIdentity(r.Context(), a.User, b.Identity, a.Service != "") // spec: application-service-api#cross-signing
	if errors.Is(err, keys.ErrConfirm) {
		passed, failed := h.confirm(w, r, b.Auth, a)
		if passed == nil {
			return failed
		}
		if err = h.Keys.SetIdentity(r.Context(), a.User, b.Identity, true); err == nil {
			passed.End()
			h.Accounts.EndReset(a.User)
		}
	}
	if err != nil {
		return err
	}
	return httpx.OK(w)
}

func (h *API) uploadSignatures(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b map[id.User]map[string]json.RawMessage
	if err := httpx.Decode(r, &b, keyLimit); err != nil {
		return err
	}
	failures, err := h.Keys.Sign(r.Context(), a.User, b)
	if err != nil {
		return err
	}
	out := map[id.User]map[string]any{}
	for u, list := range failures {
		out[u] = map[string]any{}
		for target, f := range list {
			out[u][target] = map[string]string{"errcode": f.Code, "error": f.Public}
		}
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"failures": out})
}
