package client

import (
	"encoding/json"
	"net/http"

	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

// invite3PID names somebody by an address that an identity server would know.
// spec: client-server-api#post_matrixclientv3roomsroomidinvite-1
type invite3PID struct {
	Server  string `json:"id_server"`
	Token   string `json:"id_access_token"`
	Medium  string `json:"medium"`
	Address string `json:"address"`
}

func (i invite3PID) given() bool { return i.Server != "" || i.Medium != "" || i.Address != "" }

// refuse says what is missing, and otherwise that no identity server is trusted here: this server asks none who people are.
func (i invite3PID) refuse() error {
	if i.Server == "" || i.Token == "" || i.Medium == "" || i.Address == "" {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "An invitation by address names id_server, id_access_token, medium and address.")
	}
	return fault.New(fault.Forbidden, "M_SERVER_NOT_TRUSTED", "This server asks no identity server who people are. Invite them by their user id.")
}

// inviteAddress refuses an invitation by address, to outsiders of the room with the answer about a room that does not exist.
func (h *API) inviteAddress(r *http.Request, a account.Actor, target id.Room, i invite3PID) error {
	m, err := h.Rooms.Standing(r.Context(), a.User, target)
	if err != nil {
		return err
	}
	if m.Is != "join" {
		return fault.New(fault.Hidden, "M_FORBIDDEN", "You are not in this room, or there is no such room.")
	}
	return i.refuse()
}

// enterBody is what people may say when they come into a room or leave it.
type enterBody struct {
	Reason string          `json:"reason"`
	Signed json.RawMessage `json:"third_party_signed"`
}

// signed reads an identity server's word about the person who joins; nil for none.
// spec: client-server-api#post_matrixclientv3joinroomidoralias
func (b enterBody) signed(a account.Actor, verb string) (json.RawMessage, error) {
	if verb != "join" || len(b.Signed) == 0 || string(b.Signed) == "null" {
		return nil, nil
	}
	compact, err := event.Canonical(nil, b.Signed)
	if err != nil || !event.IsObject(compact) {
		return nil, fault.New(fault.Invalid, "M_BAD_JSON", "third_party_signed is not what an identity server signs.")
	}
	for _, name := range []string{"sender", "mxid", "token"} {
		if _, ok := event.Text(event.Field(compact, name)); !ok {
			return nil, fault.New(fault.Invalid, "M_BAD_JSON", "third_party_signed has no "+name+".")
		}
	}
	if !event.TextIs(event.Field(compact, "mxid"), string(a.User)) {
		return nil, fault.New(fault.Forbidden, "M_FORBIDDEN", "The invitation is somebody else's.")
	}
	return compact, nil
}
