package admin

import (
	"net/http"
	"slices"
	"strings"
	"sync"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func roomOf(o room.Overview) map[string]any {
	return map[string]any{"room_id": o.Room, "name": text(o.Name), "topic": text(o.Topic), "avatar": text(o.Avatar), "canonical_alias": text(o.Alias), "creator": o.Creator,
		"version": o.Version, "encryption": text(o.Encryption), "join_rules": text(o.JoinRule), "guest_access": text(o.GuestAccess), "history_visibility": text(o.History),
		"room_type": text(o.Kin), "federatable": o.Federates, "public": o.Public, "joined_members": o.Joined, "joined_local_members": o.JoinedLocal, "state_events": o.StateEvents}
}

func (h *API) rooms(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	from, limit, err := paging(r)
	if err != nil {
		return err
	}
	back, err := backwards(r, "f")
	if err != nil {
		return err
	}
	all, err := h.Rooms.Overviews(r.Context())
	if err != nil {
		return err
	}
	q := r.URL.Query()
	if word := strings.ToLower(q.Get("search_term")); word != "" {
		all = slices.DeleteFunc(all, func(o room.Overview) bool {
			return !strings.Contains(strings.ToLower(o.Name), word) && !strings.Contains(strings.ToLower(o.Alias), word) && strings.ToLower(string(o.Room)) != word
		})
	}
	if err := room.SortOverviews(all, q.Get("order_by"), back); err != nil {
		return err
	}
	list := []any{}
	for _, o := range all[min(from, len(all)):min(from+limit, len(all))] {
		list = append(list, roomOf(o))
	}
	body := map[string]any{"rooms": list, "offset": from, "total_rooms": len(all)}
	if from+limit < len(all) {
		body["next_batch"] = from + limit
	}
	if from > 0 {
		body["prev_batch"] = max(0, from-limit)
	}
	return httpx.JSON(w, http.StatusOK, body)
}

func (h *API) room(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	name, err := httpx.Room(r)
	if err != nil {
		return err
	}
	all, err := h.Rooms.Overviews(r.Context())
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(o room.Overview) bool { return o.Room == name })
	if i < 0 {
		return fault.New(fault.NotFound, "M_NOT_FOUND", "Room not found.")
	}
	return httpx.JSON(w, http.StatusOK, roomOf(all[i]))
}

func (h *API) members(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	name, err := httpx.Room(r)
	if err != nil {
		return err
	}
	f, _, err := h.Rooms.StateFor(r.Context(), name)
	if err != nil {
		return err
	}
	members := []string{}
	for _, ev := range f.Members(func(m string) bool { return m == "join" }) {
		members = append(members, *ev.StateKey)
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"members": members, "total": len(members)})
}

func (h *API) state(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	name, err := httpx.Room(r)
	if err != nil {
		return err
	}
	_, state, err := h.Rooms.StateFor(r.Context(), name)
	if err != nil {
		return err
	}
	b := []byte(`{"state":[`)
	for i, ev := range state {
		if i > 0 {
			b = append(b, ',')
		}
		b = ev.AppendClient(b, room.Reader{})
	}
	return httpx.Raw(w, http.StatusOK, append(b, "]}"...))
}

// closing is what has come of closing a room, for tools that ask later.
type closing struct {
	id   string
	room id.Room
	body map[string]any
}

// closings are the rooms closed since this process began; the older make room.
type closings struct {
	mu  sync.Mutex // guards all
	all []closing
}

const maxClosings = 1000

// closeRoom closes the room of the path. History is never deleted, whatever the tool asks: it may be a record, and only retention ends
// records.
func (h *API) closeRoom(r *http.Request, a account.Actor) (id.Room, map[string]any, error) {
	var b struct {
		NewRoomUser *string `json:"new_room_user_id"`
		RoomName    string  `json:"room_name"`
		Message     string  `json:"message"`
		Block       bool    `json:"block"`
		Purge       *bool   `json:"purge"`
		ForcePurge  bool    `json:"force_purge"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return "", nil, err
	}
	name, err := httpx.Room(r)
	if err != nil {
		return "", nil, err
	}
	body := map[string]any{"new_room_id": nil, "failed_to_kick_users": []any{}}
	var note id.Room
	if b.NewRoomUser != nil {
		u := id.User(*b.NewRoomUser)
		if !h.Accounts.Local(u) {
			return "", nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "The new room's maker is no user of this server.")
		}
		if err := h.Accounts.Active(r.Context(), u); err != nil {
			return "", nil, err
		}
	}
	done, err := h.Rooms.Close(r.Context(), a.User, name, b.Block)
	if err != nil {
		return "", nil, fault.Hide(err, "M_NOT_FOUND", "Room not found.")
	}
	if b.NewRoomUser != nil && len(done.Removed) > 0 {
		if b.RoomName == "" {
			b.RoomName = "A room was closed"
		}
		if b.Message == "" {
			b.Message = "An administrator has closed a room that you were in."
		}
		if note, err = h.Rooms.Announce(r.Context(), id.User(*b.NewRoomUser), b.RoomName, b.Message, done.Removed); err != nil {
			return "", nil, err
		}
		body["new_room_id"] = note
	}
	body["kicked_users"], body["local_aliases"] = append([]id.User{}, done.Removed...), append([]string{}, done.Aliases...)
	return name, body, nil
}

func (h *API) closeAtOnce(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	_, body, err := h.closeRoom(r, a)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, body)
}

// deleteRoom is the form of tools that wait: here the room is closed when the answer comes.
func (h *API) deleteRoom(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	name, body, err := h.closeRoom(r, a)
	if err != nil {
		return err
	}
	c := closing{id: id.NewOpaque(12), room: name, body: body}
	h.closed.mu.Lock()
	if h.closed.all = append(h.closed.all, c); len(h.closed.all) > maxClosings {
		h.closed.all = slices.Clone(h.closed.all[1:])
	}
	h.closed.mu.Unlock()
	return httpx.JSON(w, http.StatusOK, map[string]string{"delete_id": c.id})
}

func (h *API) closingsOf(want func(closing) bool) []any {
	h.closed.mu.Lock()
	defer h.closed.mu.Unlock()
	list := []any{}
	for _, c := range h.closed.all {
		if want(c) {
			list = append(list, map[string]any{"delete_id": c.id, "room_id": c.room, "status": "complete", "shutdown_room": c.body})
		}
	}
	return list
}

// deleteStatus says what has come of the closing that the path names, or of all closings of the room that it names.
func (h *API) deleteStatus(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	first, second := r.PathValue("first"), r.PathValue("second")
	switch {
	case first == "delete_status":
		if list := h.closingsOf(func(c closing) bool { return c.id == second }); len(list) > 0 {
			return httpx.JSON(w, http.StatusOK, list[0])
		}
	case second == "delete_status":
		if list := h.closingsOf(func(c closing) bool { return string(c.room) == first }); len(list) > 0 {
			return httpx.JSON(w, http.StatusOK, map[string]any{"results": list})
		}
	default:
		return fault.New(fault.NotFound, "M_UNRECOGNIZED", "There is nothing here.")
	}
	return fault.New(fault.NotFound, "M_NOT_FOUND", "Nothing of that name was closed since the server started.")
}
