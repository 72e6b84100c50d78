package client

import (
	"net/http"
	"strings"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

var errSuspended = fault.New(fault.Forbidden, "M_USER_SUSPENDED", "Your account is suspended: you can read, leave rooms and sign out. Ask your administrator.")

// whileSuspended are the calls that change something and are open to suspended people all the same, by how their patterns begin
// behind the method: what concerns only themselves, and what lets them leave.
var whileSuspended = []string{
	"/_matrix/client/v3/logout", "/_matrix/client/v3/devices/", "/_matrix/client/v3/delete_devices", "/_wardline/v1/session",
	"/_matrix/client/v3/account/password", "/_matrix/client/v3/account/deactivate", "/_matrix/client/v3/account/3pid/add",
	"/_matrix/client/v3/keys/", "/_matrix/client/v3/room_keys/", "/_matrix/client/v3/sendToDevice/",
	"/_matrix/client/v3/user/{userId}/filter", "/_matrix/client/v3/user/{userId}/account_data/",
	"/_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/", "/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/",
	"/_matrix/client/v3/rooms/{roomId}/receipt/", "/_matrix/client/v3/rooms/{roomId}/read_markers",
	"/_matrix/client/v3/rooms/{roomId}/report", "/_matrix/client/v3/users/{userId}/report",
	"/_matrix/client/v3/pushrules", "/_matrix/client/v3/pushers/set",
	"/_matrix/client/v3/search", "/_matrix/client/v3/publicRooms", "/_matrix/client/v3/user_directory/search",
	"/_matrix/client/v4/sync", "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync",
}

// Suspended refuses what somebody whose account is suspended may not do. What is not named is refused, so that a new call is closed to
// them until somebody opens it.
// spec: client-server-api#account-suspension
func (h *API) Suspended(r *http.Request, pattern string, a account.Actor) error {
	method, path, _ := strings.Cut(pattern, " ")
	if method == http.MethodGet {
		return nil
	}
	for _, begin := range whileSuspended {
		if strings.HasPrefix(path, begin) {
			return nil
		}
	}
	switch path {
	case "/_matrix/client/v3/rooms/{roomId}/{verb}":
		if verb := r.PathValue("verb"); verb == "leave" || verb == "forget" {
			return nil
		}
	case "/_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}":
		return h.ownEvent(r, a)
	}
	return errSuspended
}

// ownEvent lets somebody remove what they have said themselves. What they cannot see is left to the call itself to refuse.
func (h *API) ownEvent(r *http.Request, a account.Actor) error {
	name, err := httpx.Room(r)
	if err != nil {
		return err
	}
	f, err := h.Rooms.Feed(r.Context(), name)
	if err != nil {
		return err
	}
	ev, _, err := h.Rooms.Find(r.Context(), f, a.User, id.Event(r.PathValue("eventId")))
	if err != nil {
		return err
	}
	if ev.Sender != a.User {
		return errSuspended
	}
	return nil
}
