package client

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/delay"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// spec: client-server-api#post_matrixclientv3createroom
func (h *API) createRoom(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Visibility string            `json:"visibility"`
		Invite3PID []invite3PID      `json:"invite_3pid"`
		Alias      string            `json:"room_alias_name"`
		Name       string            `json:"name"`
		Topic      string            `json:"topic"`
		Invite     []string          `json:"invite"`
		Version    *string           `json:"room_version"`
		Content    json.RawMessage   `json:"creation_content"`
		State      []room.StateEvent `json:"initial_state"`
		Preset     string            `json:"preset"`
		IsDirect   bool              `json:"is_direct"`
		Power      json.RawMessage   `json:"power_level_content_override"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if b.Visibility != "" && b.Visibility != "public" && b.Visibility != "private" {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The visibility is public or private.")
	}
	for _, one := range b.Invite3PID {
		if err := one.refuse(); err != nil {
			return err
		}
	}
	spec := room.CreateSpec{Creator: a.User, Preset: b.Preset, Public: b.Visibility == "public", Alias: b.Alias, Name: b.Name, Topic: b.Topic,
		IsDirect: b.IsDirect, State: b.State, Content: b.Content, Power: b.Power, Client: true}
	if b.Version != nil {
		if spec.Version = *b.Version; spec.Version == "" {
			return fault.New(fault.Invalid, "M_UNSUPPORTED_ROOM_VERSION", "This server does not know that room version.")
		}
	}
	for _, name := range b.Invite {
		u, err := id.ParseUser(name)
		if err != nil {
			return fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "The list of invited people holds something that is not a user id.", err)
		}
		if err := h.Bridges.AskUser(r.Context(), u); err != nil {
			return err
		}
		spec.Invite = append(spec.Invite, u)
	}
	if alias := id.Alias("#" + b.Alias + ":" + string(h.Rooms.Server())); b.Alias != "" {
		if err := h.Bridges.AliasFree(a, alias); err != nil {
			return err
		}
	}
	if h.Options.NoEncryption {
		// Some apps put it there unasked, and could otherwise make no room at all.
		spec.State = slices.DeleteFunc(spec.State, func(s room.StateEvent) bool { return s.Type == "m.room.encryption" })
	}
	made, err := h.Rooms.Create(r.Context(), spec)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"room_id": made})
}

func (h *API) joinedRooms(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	all, err := h.Rooms.Memberships(r.Context(), a.User)
	if err != nil {
		return err
	}
	joined := []id.Room{}
	for _, m := range all {
		if m.Is == "join" {
			joined = append(joined, m.Room)
		}
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"joined_rooms": joined})
}

// target reads a room id or an alias from the path.
func (h *API) target(r *http.Request) (id.Room, error) {
	name := r.PathValue("roomIdOrAlias")
	if !strings.HasPrefix(name, "#") {
		target, err := id.ParseRoom(name)
		if err != nil {
			return "", fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "That is neither a room id nor an alias.", err)
		}
		return target, nil
	}
	alias, err := id.ParseAlias(name)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "That is not an alias.", err)
	}
	return h.Rooms.Resolve(r.Context(), alias)
}

func (h *API) join(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	return h.enter(w, r, a, "join")
}

func (h *API) knock(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	return h.enter(w, r, a, "knock")
}

func (h *API) enter(w http.ResponseWriter, r *http.Request, a account.Actor, verb string) error {
	var b enterBody
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	target, err := h.target(r)
	if err != nil {
		return err
	}
	signed, err := b.signed(a, verb)
	if err != nil {
		return err
	}
	if err := h.Rooms.ChangeMembership(r.Context(), target, room.Change{Sender: a.User, Verb: verb, Reason: b.Reason, Signed: signed}); err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"room_id": target})
}

// membership serves the verbs that end a room's path: join, leave, forget, invite, kick, ban and unban.
// spec: client-server-api#room-membership
func (h *API) membership(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	verb := r.PathValue("verb")
	if !slices.Contains([]string{"join", "leave", "forget", "invite", "kick", "ban", "unban"}, verb) {
		return fault.New(fault.NotFound, "M_UNRECOGNIZED", "There is nothing here.")
	}
	var b struct {
		enterBody
		invite3PID
		User *string `json:"user_id"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	target, err := httpx.Room(r)
	if err != nil {
		return err
	}
	if verb == "forget" {
		if err := h.Rooms.Forget(r.Context(), target, a.User); err != nil {
			return err
		}
		return httpx.OK(w)
	}
	c := room.Change{Sender: a.User, Verb: verb, Reason: b.Reason}
	if c.Signed, err = b.signed(a, verb); err != nil {
		return err
	}
	if verb != "join" && verb != "leave" {
		if verb == "invite" && b.User == nil && b.given() {
			return h.inviteAddress(r, a, target, b.invite3PID)
		}
		if b.User == nil {
			return fault.New(fault.Invalid, "M_MISSING_PARAM", "The body has no user_id.")
		}
		if c.Target, err = id.ParseUser(*b.User); err != nil {
			return fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "That is not a user id.", err)
		}
	}
	if verb == "invite" {
		if err := h.Bridges.AskUser(r.Context(), c.Target); err != nil {
			return err
		}
	}
	if err := h.Rooms.ChangeMembership(r.Context(), target, c); err != nil {
		return err
	}
	if verb == "join" {
		return httpx.JSON(w, http.StatusOK, map[string]any{"room_id": target})
	}
	return httpx.OK(w)
}

func (h *API) allState(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	target, err := httpx.Room(r)
	if err != nil {
		return err
	}
	body, err := h.Timeline.State(r.Context(), a.User, a.Device, target, nil)
	if err != nil {
		return err
	}
	return httpx.Raw(w, http.StatusOK, body)
}

func (h *API) state(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	target, err := httpx.Room(r)
	if err != nil {
		return err
	}
	ev, err := h.Timeline.StateEvent(r.Context(), a.User, target, r.PathValue("eventType"), r.PathValue("stateKey"))
	if err != nil {
		return err
	}
	if r.URL.Query().Get("format") == "event" {
		return httpx.Raw(w, http.StatusOK, ev.AppendClient(nil, room.Reader{User: a.User, Device: a.Device}))
	}
	return httpx.Raw(w, http.StatusOK, ev.Event.Content)
}

func (h *API) setState(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	key := r.PathValue("stateKey")
	return h.receive(w, r, a, room.Incoming{StateKey: &key})
}

func (h *API) send(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	return h.receive(w, r, a, room.Incoming{Txn: r.PathValue("txnId")})
}

func (h *API) receive(w http.ResponseWriter, r *http.Request, a account.Actor, in room.Incoming) error {
	target, err := httpx.Room(r)
	if err != nil {
		return err
	}
	if in.Content, err = httpx.Object(r, bodyLimit); err != nil {
		return err
	}
	in.Sender, in.Device, in.Type = a.User, sender(a), r.PathValue("eventType")
	if wait, ok, err := delayQuery(r); err != nil {
		return err
	} else if ok {
		return h.schedule(w, r, delay.Plan{Owner: a.User, Device: in.Device, Room: target, Type: in.Type, StateKey: in.StateKey, Content: in.Content, Delay: wait, Txn: in.Txn})
	}
	if in.At, err = timestamp(r, a); err != nil {
		return err
	}
	sent, err := h.Rooms.Receive(r.Context(), target, in)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"event_id": sent})
}

func (h *API) redact(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Reason string `json:"reason"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	target, err := httpx.Room(r)
	if err != nil {
		return err
	}
	in := room.Incoming{Sender: a.User, Device: sender(a), Txn: r.PathValue("txnId")}
	sent, err := h.Rooms.Redact(r.Context(), target, id.Event(r.PathValue("eventId")), b.Reason, in)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"event_id": sent})
}
