package client

import (
	"net/http"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

func (h *API) spaceRoutes(auth func(string, httpx.Handler) httpx.Route) []httpx.Route {
	maybe := func(pattern string) httpx.Route {
		return httpx.Route{Pattern: pattern, Maybe: true, Handle: h.roomSummary}
	}
	return []httpx.Route{
		auth("GET /_matrix/client/v1/rooms/{roomId}/hierarchy", h.hierarchy),
		maybe("GET /_matrix/client/v1/room_summary/{roomIdOrAlias}"),
		maybe("GET /_matrix/client/unstable/im.nheko.summary/summary/{roomIdOrAlias}"),
		maybe("GET /_matrix/client/unstable/im.nheko.summary/rooms/{roomIdOrAlias}/summary"),
		auth("POST /_matrix/client/v3/rooms/{roomId}/upgrade", h.upgrade),
	}
}

// spec: client-server-api#get_matrixclientv1roomsroomidhierarchy
func (h *API) hierarchy(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	target, err := httpx.Room(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	ask := room.HierarchyAsk{Root: target, From: q.Get("from"), Depth: -1, Suggested: q.Get("suggested_only") == "true"}
	if q.Has("max_depth") {
		if ask.Depth, err = httpx.Query(r, "max_depth", 0); err != nil {
			return err
		}
	}
	if q.Has("limit") {
		if ask.Limit, err = httpx.Query(r, "limit", 0); err != nil {
			return err
		}
		if ask.Limit == 0 {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "The limit is greater than zero.")
		}
	}
	rooms, next, err := h.Rooms.Hierarchy(r.Context(), a.User, ask)
	if err != nil {
		return err
	}
	body := map[string]any{"rooms": rooms}
	if next != "" {
		body["next_batch"] = next
	}
	return httpx.JSON(w, http.StatusOK, body)
}

// roomSummary tells of a room what people may know who are not in it, also somebody who is not signed in.
// spec: client-server-api#get_matrixclientv1room_summaryroomidoralias
func (h *API) roomSummary(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	target, err := h.target(r)
	if err != nil {
		return fault.Hide(err, "M_NOT_FOUND", "There is no such room.")
	}
	summary, membership, err := h.Rooms.Summarise(r.Context(), target, a.User)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, struct {
		room.Summary
		Membership string `json:"membership,omitempty"`
	}{summary, membership})
}

// spec: client-server-api#post_matrixclientv3roomsroomidupgrade
func (h *API) upgrade(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Version  *string  `json:"new_version"`
		Creators []string `json:"additional_creators"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	target, err := httpx.Room(r)
	if err != nil {
		return err
	}
	if b.Version == nil {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The body has no new_version.")
	}
	if *b.Version == "" {
		return fault.New(fault.Invalid, "M_UNSUPPORTED_ROOM_VERSION", "This server does not know that room version.")
	}
	var more []id.User
	for _, name := range b.Creators {
		u, err := id.ParseUser(name)
		if err != nil {
			return fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "additional_creators holds something that is not a user id.", err)
		}
		more = append(more, u)
	}
	made, err := h.Rooms.Upgrade(r.Context(), a.User, target, *b.Version, more)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"replacement_room": made})
}
