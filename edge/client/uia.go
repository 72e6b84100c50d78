package client

import (
	"encoding/json"
	"net/http"
	"strings"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
)

// interact takes a step of user-interactive authentication. It returns what was passed; without it, it has answered with what is still
// to be done, or returns why not.
// spec: client-server-api#user-interactive-authentication-api
func (h *API) interact(w http.ResponseWriter, r *http.Request, in account.Interaction) (*account.Passed, error) {
	in.Operation = r.Pattern + " " + r.PathValue("deviceId") + " " + string(in.User)
	passed, ch, err := h.Accounts.Interact(r.Context(), in)
	if err != nil || passed != nil {
		return passed, err
	}
	flows := []any{}
	for _, f := range ch.Flows {
		flows = append(flows, map[string]any{"stages": f})
	}
	body := map[string]any{"session": ch.Session, "flows": flows, "params": ch.Params, "completed": ch.Completed}
	if ch.Code != "" {
		body["errcode"], body["error"] = ch.Code, ch.Text
	}
	return nil, httpx.JSON(w, http.StatusUnauthorized, body)
}

// errUseApp says that an app which signed in by OAuth sends its people to the account's own pages for this.
var errUseApp = fault.New(fault.Forbidden, "M_FORBIDDEN", "Do that in your account's own pages.")

// own is a route for people themselves: an app that they allowed to act for them, and a service, have no business there.
func own(pattern string, fn httpx.Handler) httpx.Route {
	return httpx.Route{Pattern: pattern, Auth: true, Handle: func(w http.ResponseWriter, r *http.Request, a account.Actor) error {
		if a.App != "" || a.Service != "" {
			return errUseApp
		}
		return fn(w, r, a)
	}}
}

// confirm asks who is signed in to prove it again, for calls that need more than a token: by their password, or where they sign in
// elsewhere. Of apps that signed in by OAuth, which never see a password, only the replacing of keys can be confirmed, in the account's own
// pages.
func (h *API) confirm(w http.ResponseWriter, r *http.Request, auth json.RawMessage, a account.Actor) (*account.Passed, error) {
	in := account.Interaction{User: a.User, Flows: [][]string{{account.StagePassword}}, Auth: auth}
	if a.App != "" {
		if !strings.HasSuffix(r.Pattern, "/device_signing/upload") {
			return nil, errUseApp
		}
		in.Flows = [][]string{{account.StageOAuth}}
		in.Params = map[string]any{account.StageOAuth: map[string]string{"url": h.base(r) + accountPath + "?action=org.matrix.cross_signing_reset"}}
		return h.interact(w, r, in)
	}
	ways, err := h.SSO.Ways(r.Context(), a.User)
	if err != nil {
		return nil, err
	}
	if len(ways) > 0 {
		who, err := h.Accounts.Account(r.Context(), a.User)
		if err != nil {
			return nil, err
		}
		if in.Flows = [][]string{{account.StageSSO}}; h.Accounts.MayPassword(who) {
			in.Flows = append(in.Flows, []string{account.StagePassword})
		}
	}
	return h.interact(w, r, in)
}
