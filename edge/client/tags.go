package client

import (
	"encoding/json"
	"net/http"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

func (h *API) tagRoutes(auth func(string, httpx.Handler) httpx.Route) []httpx.Route {
	const v3 = "/_matrix/client/v3/"
	return []httpx.Route{
		auth("GET "+v3+"user/{userId}/rooms/{roomId}/tags", h.tags),
		auth("PUT "+v3+"user/{userId}/rooms/{roomId}/tags/{tag}", h.setTag),
		auth("DELETE "+v3+"user/{userId}/rooms/{roomId}/tags/{tag}", h.deleteTag),
	}
}

// ownRoom refuses what cannot be a room, where somebody keeps something beside one. Whether there is such a room is not asked.
func ownRoom(r *http.Request) error {
	name := r.PathValue("roomId")
	if name == "" {
		return nil
	}
	if _, err := id.ParseRoom(name); err != nil {
		return fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "That is not a room id.", err)
	}
	return nil
}

// spec: client-server-api#get_matrixclientv3useruseridroomsroomidtags
func (h *API) tags(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := self(r, a); err != nil {
		return err
	}
	if err := ownRoom(r); err != nil {
		return err
	}
	tags, err := h.Accounts.Tags(r.Context(), a.User, id.Room(r.PathValue("roomId")))
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"tags": tags})
}

// maxTag is how long a tag's name may be.
// spec: client-server-api#room-tagging
const maxTag = 255

func (h *API) setTag(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	raw, err := httpx.Object(r, bodyLimit)
	if err != nil {
		return err
	}
	if len(r.PathValue("tag")) > maxTag {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The tag's name is too long.")
	}
	var order float64
	if given := event.Field(raw, "order"); given != nil && json.Unmarshal(given, &order) != nil {
		return fault.New(fault.Invalid, "M_BAD_JSON", "The tag's order is not a number.")
	}
	return h.changeTag(w, r, a, raw)
}

func (h *API) deleteTag(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	return h.changeTag(w, r, a, nil)
}

func (h *API) changeTag(w http.ResponseWriter, r *http.Request, a account.Actor, content json.RawMessage) error {
	if err := self(r, a); err != nil {
		return err
	}
	if err := ownRoom(r); err != nil {
		return err
	}
	if err := h.Accounts.SetTag(r.Context(), a.User, id.Room(r.PathValue("roomId")), r.PathValue("tag"), content); err != nil {
		return err
	}
	return httpx.OK(w)
}
