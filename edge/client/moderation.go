package client

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

// moderationRoutes are what administrators may do to accounts, what people tell them, and who somebody is to others.
// spec: client-server-api#server-administration
func (h *API) moderationRoutes(auth func(string, httpx.Handler) httpx.Route) []httpx.Route {
	const v3, v1 = "/_matrix/client/v3/", "/_matrix/client/v1/"
	return []httpx.Route{
		auth("GET "+v3+"admin/whois/{userId}", h.Whois),
		auth("GET "+v1+"admin/lock/{userId}", h.standing(account.Locked, "locked")),
		auth("PUT "+v1+"admin/lock/{userId}", h.restrict(account.Locked, "locked")),
		auth("GET "+v1+"admin/suspend/{userId}", h.standing(account.Suspended, "suspended")),
		auth("PUT "+v1+"admin/suspend/{userId}", h.restrict(account.Suspended, "suspended")),
		auth("POST "+v3+"rooms/{roomId}/report", h.reportRoom),
		auth("POST "+v3+"rooms/{roomId}/report/{eventId}", h.reportEvent),
		auth("POST "+v3+"users/{userId}/report", h.reportUser),
		auth("POST "+v3+"user/{userId}/openid/request_token", h.openID),
		auth("GET "+v1+"mutual_rooms", h.mutualRooms),
	}
}

// Whois answers from where a user was seen, to the user and to administrators.
// spec: client-server-api#get_matrixclientv3adminwhoisuserid
func (h *API) Whois(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	u := id.User(r.PathValue("userId"))
	if u != a.User && (!a.Admin || a.App != "") {
		return fault.New(fault.Forbidden, "M_FORBIDDEN", "Only administrators may do that.")
	}
	if _, err := h.Accounts.Account(r.Context(), u); err != nil {
		return err
	}
	list, err := h.Accounts.Sightings(r.Context(), u)
	if err != nil {
		return err
	}
	devices := map[id.Device]any{}
	for _, d := range list {
		connections := []any{}
		if d.IP != "" {
			connections = append(connections, map[string]any{"ip": d.IP, "last_seen": d.SeenAt.UnixMilli(), "user_agent": d.Agent})
		}
		devices[d.ID] = map[string]any{"sessions": []any{map[string]any{"connections": connections}}}
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"user_id": u, "devices": devices})
}

// spec: client-server-api#get_matrixclientv1adminlockuserid
func (h *API) standing(what account.Standing, name string) httpx.Handler {
	return func(w http.ResponseWriter, r *http.Request, a account.Actor) error {
		acc, err := h.Accounts.Moderated(r.Context(), a, id.User(r.PathValue("userId")))
		if err != nil {
			return err
		}
		is := acc.Locked
		if what == account.Suspended {
			is = acc.Suspended
		}
		return httpx.JSON(w, http.StatusOK, map[string]bool{name: is})
	}
}

// spec: client-server-api#put_matrixclientv1adminlockuserid
func (h *API) restrict(what account.Standing, name string) httpx.Handler {
	return func(w http.ResponseWriter, r *http.Request, a account.Actor) error {
		raw, err := httpx.Object(r, bodyLimit)
		if err != nil {
			return err
		}
		var on bool
		switch value := event.Field(raw, name); {
		case value == nil:
			return fault.New(fault.Invalid, "M_MISSING_PARAM", "The body has no "+name+".")
		case json.Unmarshal(value, &on) != nil:
			return fault.New(fault.Invalid, "M_BAD_JSON", "The value of "+name+" is neither true nor false.")
		}
		if err := h.Accounts.Restrict(r.Context(), a, id.User(r.PathValue("userId")), what, on); err != nil {
			return err
		}
		return httpx.JSON(w, http.StatusOK, map[string]bool{name: on})
	}
}

type reportBody struct {
	Reason *string `json:"reason"`
	Score  int64   `json:"score"`
}

func (b *reportBody) decode(r *http.Request, needed bool) (string, error) {
	if err := httpx.Decode(r, b, bodyLimit); err != nil {
		return "", err
	}
	if b.Reason == nil {
		if needed {
			return "", fault.New(fault.Invalid, "M_MISSING_PARAM", "The reason is missing.")
		}
		return "", nil
	}
	return *b.Reason, nil
}

// spec: client-server-api#post_matrixclientv3roomsroomidreport
func (h *API) reportRoom(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b reportBody
	reason, err := b.decode(r, true)
	if err != nil {
		return err
	}
	name, err := httpx.Room(r)
	if err != nil {
		return err
	}
	if err := h.Reports.Room(r.Context(), a.User, name, reason); err != nil {
		return err
	}
	return httpx.OK(w)
}

// spec: client-server-api#post_matrixclientv3roomsroomidreporteventid
func (h *API) reportEvent(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b reportBody
	reason, err := b.decode(r, false)
	if err != nil {
		return err
	}
	name, err := httpx.Room(r)
	if err != nil {
		return err
	}
	if err := h.Reports.Event(r.Context(), a.User, name, id.Event(r.PathValue("eventId")), reason, b.Score); err != nil {
		return err
	}
	return httpx.OK(w)
}

// spec: client-server-api#post_matrixclientv3usersuseridreport
func (h *API) reportUser(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b reportBody
	reason, err := b.decode(r, true)
	if err != nil {
		return err
	}
	u, err := id.ParseUser(r.PathValue("userId"))
	if err != nil {
		return fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "That is not a user id.", err)
	}
	if err := h.Reports.User(r.Context(), a.User, u, reason); err != nil {
		return err
	}
	return httpx.OK(w)
}

// openIDLife is how long a token that says who somebody is lasts.
const openIDLife = time.Hour

// spec: client-server-api#post_matrixclientv3useruseridopenidrequest_token
func (h *API) openID(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := self(r, a); err != nil {
		return err
	}
	if _, err := httpx.Object(r, bodyLimit); err != nil {
		return err
	}
	token, err := h.Accounts.NewIdentityToken(r.Context(), a, openIDLife)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"access_token": token, "token_type": "Bearer", "matrix_server_name": h.Accounts.Server(), "expires_in": int(openIDLife.Seconds())})
}

// mutualPage is how many rooms one answer lists.
const mutualPage = 100

// spec: client-server-api#get_matrixclientv1mutual_rooms
func (h *API) mutualRooms(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	q := r.URL.Query()
	bad := func(text string) error { return fault.New(fault.Invalid, "M_INVALID_PARAM", text) }
	if q.Get("user_id") == "" {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The user_id is missing.")
	}
	u, err := id.ParseUser(q.Get("user_id"))
	if err != nil || !u.Compliant() {
		return bad("That is not a user id.")
	}
	if u == a.User {
		return bad("That is yourself.")
	}
	all, err := h.Rooms.Mutual(r.Context(), a.User, u)
	if err != nil {
		return err
	}
	body := map[string]any{"count": len(all)}
	if from := q.Get("from"); from != "" {
		i, found := slices.BinarySearch(all, id.Room(from))
		if _, err := id.ParseRoom(from); err != nil {
			return bad("The token is none of this server's.")
		}
		if found {
			i++
		}
		all = all[i:]
	}
	if len(all) > mutualPage {
		all = all[:mutualPage]
		body["next_batch"] = all[mutualPage-1]
	}
	body["joined"] = append([]id.Room{}, all...)
	return httpx.JSON(w, http.StatusOK, body)
}
