package client

import (
	"net/http"

	"wardline/edge/httpx"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

// presenceRoutes are who is here.
// spec: client-server-api#presence
func (h *API) presenceRoutes(auth func(string, httpx.Handler) httpx.Route) []httpx.Route {
	const path = "/_matrix/client/v3/presence/{userId}/status"
	return []httpx.Route{auth("GET "+path, h.presence), auth("PUT "+path, h.setPresence)}
}

func (h *API) presence(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	st, err := h.Timeline.PresenceOf(r.Context(), a.User, id.User(r.PathValue("userId")))
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, st)
}

func (h *API) setPresence(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := self(r, a); err != nil {
		return err
	}
	var b struct {
		Presence string `json:"presence"`
		Note     string `json:"status_msg"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if err := h.Timeline.SetPresence(a.User, b.Presence, b.Note); err != nil {
		return err
	}
	return httpx.OK(w)
}
