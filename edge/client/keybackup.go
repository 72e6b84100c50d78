package client

import (
	"encoding/json"
	"net/http"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/keys"
)

func (h *API) backupRoutes(auth func(string, httpx.Handler) httpx.Route) []httpx.Route {
	const at = "/_matrix/client/v3/room_keys/"
	return []httpx.Route{
		auth("POST "+at+"version", h.newBackup),
		auth("GET "+at+"version", h.backup),
		auth("GET "+at+"version/{version}", h.backup),
		auth("PUT "+at+"version/{version}", h.changeBackup),
		auth("DELETE "+at+"version/{version}", h.deleteBackup),
		auth("PUT "+at+"keys", h.saveBackup),
		auth("GET "+at+"keys", h.readBackup),
		auth("DELETE "+at+"keys", h.clearBackup),
		auth("PUT "+at+"keys/{roomId}", h.saveBackup),
		auth("GET "+at+"keys/{roomId}", h.readBackup),
		auth("DELETE "+at+"keys/{roomId}", h.clearBackup),
		auth("PUT "+at+"keys/{roomId}/{sessionId}", h.saveBackup),
		auth("GET "+at+"keys/{roomId}/{sessionId}", h.readBackup),
		auth("DELETE "+at+"keys/{roomId}/{sessionId}", h.clearBackup),
	}
}

type backupBody struct {
	Algorithm string          `json:"algorithm"`
	Auth      json.RawMessage `json:"auth_data"`
	Version   *string         `json:"version"`
}

// spec: client-server-api#post_matrixclientv3room_keysversion
func (h *API) newBackup(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b backupBody
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	version, err := h.Keys.NewBackup(r.Context(), a.User, b.Algorithm, b.Auth)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]string{"version": version})
}

func (h *API) backup(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	b, err := h.Keys.Backup(r.Context(), a.User, r.PathValue("version"))
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, b)
}

// spec: client-server-api#put_matrixclientv3room_keysversionversion
func (h *API) changeBackup(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b backupBody
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	version := r.PathValue("version")
	if b.Version != nil && *b.Version != version {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The version in the body is another one than in the path.")
	}
	if err := h.Keys.SetBackupAuth(r.Context(), a.User, version, b.Algorithm, b.Auth); err != nil {
		return err
	}
	return httpx.OK(w)
}

func (h *API) deleteBackup(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.Keys.DeleteBackup(r.Context(), a.User, r.PathValue("version")); err != nil {
		return err
	}
	return httpx.OK(w)
}

// backupPlace reads which backup and which of its keys a call is about. The three forms of each call differ only in that.
func backupPlace(r *http.Request) (version string, at keys.Place, err error) {
	if version = r.URL.Query().Get("version"); version == "" {
		err = fault.New(fault.Invalid, "M_MISSING_PARAM", "The parameter version is missing.")
	}
	return version, keys.Place{Room: id.Room(r.PathValue("roomId")), Session: r.PathValue("sessionId")}, err
}

// sessionKeyBody is a key as it comes; what is required must be there.
type sessionKeyBody struct {
	First     *int64          `json:"first_message_index"`
	Forwarded *int64          `json:"forwarded_count"`
	Verified  *bool           `json:"is_verified"`
	Data      json.RawMessage `json:"session_data"`
}

func (b sessionKeyBody) read() (keys.SessionKey, error) {
	if b.First == nil || b.Forwarded == nil || b.Verified == nil || b.Data == nil {
		return keys.SessionKey{}, fault.New(fault.Invalid, "M_BAD_JSON", "A key lacks one of its members.")
	}
	return keys.SessionKey{First: *b.First, Forwarded: *b.Forwarded, Verified: *b.Verified, Data: b.Data}, nil
}

type roomSessionsBody struct {
	Sessions map[string]sessionKeyBody `json:"sessions"`
}

// spec: client-server-api#put_matrixclientv3room_keyskeys
func (h *API) saveBackup(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	rooms := map[id.Room]roomSessionsBody{}
	_, at, _ := backupPlace(r)
	var err error
	switch {
	case at.Session != "":
		var one sessionKeyBody
		err = httpx.Decode(r, &one, keyLimit)
		rooms[at.Room] = roomSessionsBody{map[string]sessionKeyBody{at.Session: one}}
	case at.Room != "":
		var list roomSessionsBody
		err = httpx.Decode(r, &list, keyLimit)
		rooms[at.Room] = list
	default:
		var all struct {
			Rooms map[id.Room]roomSessionsBody `json:"rooms"`
		}
		err = httpx.Decode(r, &all, keyLimit)
		rooms = all.Rooms
	}
	if err != nil {
		return err
	}
	version, _, err := backupPlace(r)
	if err != nil {
		return err
	}
	if rooms == nil || at.Room != "" && rooms[at.Room].Sessions == nil {
		return fault.New(fault.Invalid, "M_BAD_JSON", "There are no keys in the request.")
	}
	all := keys.Sessions{}
	for room, list := range rooms {
		all[room] = map[string]keys.SessionKey{}
		for session, b := range list.Sessions {
			if all[room][session], err = b.read(); err != nil {
				return err
			}
		}
	}
	stored, err := h.Keys.SaveKeys(r.Context(), a.User, version, all)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, stored)
}

func (h *API) readBackup(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	version, at, err := backupPlace(r)
	if err != nil {
		return err
	}
	all, err := h.Keys.Keys(r.Context(), a.User, version, at)
	if err != nil {
		return err
	}
	type sessions struct {
		Sessions map[string]keys.SessionKey `json:"sessions"`
	}
	switch {
	case at.Session != "":
		return httpx.JSON(w, http.StatusOK, all[at.Room][at.Session])
	case at.Room != "":
		if all[at.Room] == nil {
			all[at.Room] = map[string]keys.SessionKey{}
		}
		return httpx.JSON(w, http.StatusOK, sessions{all[at.Room]})
	}
	rooms := map[id.Room]sessions{}
	for room, list := range all {
		rooms[room] = sessions{list}
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"rooms": rooms})
}

func (h *API) clearBackup(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	version, at, err := backupPlace(r)
	if err != nil {
		return err
	}
	stored, err := h.Keys.DeleteKeys(r.Context(), a.User, version, at)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, stored)
}
