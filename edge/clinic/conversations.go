package clinic

import (
	"net/http"

	"wardline/clinical/conversation"
	"wardline/clinical/directory"
	"wardline/clinical/patient"
	"wardline/edge/httpx"
	"wardline/ground/obs"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

func (h *handler) makeGroup(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		Name   obs.Hidden         `json:"name"`
		About  obs.Hidden         `json:"about"`
		Class  conversation.Class `json:"class"`
		People []id.User          `json:"people"`
		Posts  []directory.PostID `json:"posts"`
		Follow struct {
			Posts []directory.PostID `json:"posts"`
			Teams []directory.TeamID `json:"teams"`
		} `json:"follow"`
		Patient patient.ID `json:"patient"`
		Txn     string     `json:"txn"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	room, err := h.Conversations.Group(r.Context(), a.User, conversation.Group{Name: body.Name, About: body.About, Class: body.Class, People: body.People,
		Posts: body.Posts, Follow: conversation.Following{Posts: body.Follow.Posts, Teams: body.Follow.Teams}, Patient: body.Patient, Txn: body.Txn})
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"room_id": room})
}

func (h *handler) addMembers(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		People []id.User          `json:"people"`
		Posts  []directory.PostID `json:"posts"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	added, err := h.Conversations.Add(r.Context(), a.User, id.Room(r.PathValue("room")), body.People, body.Posts)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"added": list(added)})
}

func (h *handler) openDirect(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		User id.User `json:"user"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	room, err := h.Conversations.Direct(r.Context(), a.User, body.User)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"room_id": room})
}
