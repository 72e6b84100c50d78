package client

import (
	"encoding/json"
	"net/http"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/passkey"
)

// passkeyRoutes are somebody's own passkeys. They are for accounts that sign in here: whoever signs in elsewhere has the passkeys of there.
func (h *API) passkeyRoutes(open func(string, httpx.Handler) httpx.Route) []httpx.Route {
	const at = "/_wardline/v1/passkeys"
	return []httpx.Route{
		own("GET "+at, h.passkeyList),
		own("POST "+at+"/begin", h.beginPasskey),
		own("POST "+at, h.enrolPasskey),
		own("PUT "+at+"/{key}", h.renamePasskey),
		own("POST "+at+"/{key}/remove", h.removePasskey),
		open("POST /_wardline/v1/sign-in/passkey", h.askPasskey),
	}
}

type passkeyView struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	MadeAt int64  `json:"made_at"`
	UsedAt int64  `json:"used_at"`
	Synced bool   `json:"synced"`
}

func viewPasskey(k passkey.Key) passkeyView { return passkeyView(k) }

func (h *API) passkeyList(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	list, err := h.Passkeys.Keys(r.Context(), a.User)
	if err != nil {
		return err
	}
	who, err := h.Accounts.Account(r.Context(), a.User)
	if err != nil {
		return err
	}
	out := []passkeyView{}
	for _, k := range list {
		out = append(out, viewPasskey(k))
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"passkeys": out, "possible": h.Accounts.MayPassword(who)})
}

// passkeyBody is what somebody gives to change their passkeys.
type passkeyBody struct {
	Password   string          `json:"password"`
	Session    string          `json:"session"`
	Name       string          `json:"name"`
	Credential json.RawMessage `json:"credential"`
}

// beginPasskey asks the password first: otherwise whoever finds a device open could come back for ever.
func (h *API) beginPasskey(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b passkeyBody
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if err := h.Accounts.Guess(r.Context(), a.User, b.Password); err != nil {
		return err
	}
	session, options, err := h.Passkeys.Begin(r.Context(), a.User, h.base(r))
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"session": session, "options": options})
}

func (h *API) enrolPasskey(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b passkeyBody
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	k, err := h.Passkeys.Enrol(r.Context(), a.User, b.Session, b.Name, b.Credential)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, viewPasskey(k))
}

func (h *API) renamePasskey(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b passkeyBody
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if err := h.Passkeys.Rename(r.Context(), a.User, r.PathValue("key"), b.Name); err != nil {
		return err
	}
	return httpx.OK(w)
}

func (h *API) removePasskey(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b passkeyBody
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if err := h.Accounts.Guess(r.Context(), a.User, b.Password); err != nil {
		return err
	}
	if err := h.Passkeys.Remove(r.Context(), a.User, r.PathValue("key")); err != nil {
		return err
	}
	return httpx.OK(w)
}

// askPasskey asks the browser of somebody who is not signed in for any passkey of this server's.
func (h *API) askPasskey(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	session, options, err := h.Passkeys.Ask(r.Context(), "", h.base(r))
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"session": session, "options": options})
}

// byPasskey opens the web app's session for whoever has a passkey. It stands for password and second step: the key was had, and its owner
// known to it.
func (h *API) byPasskey(r *http.Request, session string, credential json.RawMessage, in account.SignIn) (account.Session, error) {
	u, err := h.Passkeys.Prove(r.Context(), "", session, credential)
	if err != nil {
		return account.Session{}, err
	}
	who, err := h.Accounts.Account(r.Context(), u)
	if err != nil {
		return account.Session{}, err
	}
	if !h.Accounts.MayPassword(who) {
		return account.Session{}, fault.New(fault.Forbidden, "M_FORBIDDEN", "This account signs in elsewhere now. Sign in the way your colleagues do.")
	}
	in.How = "passkey"
	return h.Accounts.Open(r.Context(), u, in)
}
