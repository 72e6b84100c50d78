package client

import (
	"encoding/json"
	"net/http"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
)

// fallbackRoutes are pages for apps that do not know a way to sign in or to confirm something.
func (h *API) fallbackRoutes(open func(string, httpx.Handler) httpx.Route) []httpx.Route {
	const v3 = "/_matrix/client/v3/"
	return []httpx.Route{
		open("GET "+v3+"auth/{authType}/fallback/web", h.fallbackPage),
		open("POST "+v3+"auth/{authType}/fallback/web", h.fallback),
		open("GET "+v3+"login/sso/redirect", h.ssoRedirect),
		open("GET "+v3+"login/sso/redirect/{idpId}", h.ssoRedirect),
	}
}

// stagePage is the form of one stage.
func stagePage(stage, session, problem string) (page, bool) {
	p := page{Title: "Confirm", Problem: problem, Hidden: []field{{Name: "session", Value: session}}, Action: "/_matrix/client/v3/auth/" + stage + "/fallback/web", Buttons: []button{{Text: "Continue"}}}
	switch stage {
	case account.StageDummy:
		p.Lines = []string{"Press the button to go on."}
	case account.StageToken:
		p.Title, p.Fields = "Registration token", []field{{Name: "token", Label: "Registration token", Type: "text", Auto: "off"}}
	case account.StagePassword:
		p.Title, p.Fields = "Confirm that it is you", []field{{Name: "user", Label: "User name", Type: "text", Auto: "username"}, {Name: "password", Label: "Password", Type: "password", Auto: "current-password"}}
	default:
		return p, false
	}
	return p, true
}

// spec: client-server-api#fallback
func (h *API) fallbackPage(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	return h.showStage(w, r, r.PathValue("authType"), r.URL.Query().Get("session"), "", http.StatusOK)
}

func (h *API) showStage(w http.ResponseWriter, r *http.Request, stage, session, problem string, status int) error {
	if stage == account.StageSSO {
		return h.ssoStage(w, r, session, problem, status)
	}
	p, known := stagePage(stage, session, problem)
	err := fault.New(fault.NotFound, "M_NOT_FOUND", "There is no page for that step.")
	if known {
		if asked := h.Accounts.Outside(r.Context(), session, stage, nil); asked == nil {
			return p.show(w, status)
		} else if err = fault.As(asked); err == nil {
			return asked
		}
	}
	return page{Title: "That does not work", Lines: []string{err.Public}}.show(w, http.StatusNotFound)
}

func (h *API) fallback(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	f, err := form(w, r)
	if err != nil {
		return oauthError(w, err)
	}
	stage, session := r.PathValue("authType"), f.Get("session")
	auth, err := json.Marshal(map[string]any{"type": stage, "token": f.Get("token"), "user": f.Get("user"), "password": f.Get("password")})
	if err != nil {
		return err
	}
	if _, known := stagePage(stage, session, ""); !known {
		return h.showStage(w, r, stage, session, "", http.StatusNotFound)
	}
	err = h.Accounts.Outside(r.Context(), session, stage, auth)
	if problem := told(err); problem != "" {
		return h.showStage(w, r, stage, session, problem, http.StatusForbidden)
	}
	if err != nil {
		return err
	}
	return page{Title: "Done", Lines: []string{"Go back to your app; you can close this page."}, Done: true}.show(w, http.StatusOK)
}
