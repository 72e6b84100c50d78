package client

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

func (h *API) directoryRoutes(open, auth func(string, httpx.Handler) httpx.Route) []httpx.Route {
	const v3 = "/_matrix/client/v3/"
	return []httpx.Route{
		open("GET "+v3+"directory/room/{roomAlias}", h.resolveAlias),
		auth("PUT "+v3+"directory/room/{roomAlias}", h.setAlias),
		auth("DELETE "+v3+"directory/room/{roomAlias}", h.deleteAlias),
		open("GET "+v3+"directory/list/room/{roomId}", h.published),
		auth("PUT "+v3+"directory/list/room/{roomId}", h.publish),
		open("GET "+v3+"publicRooms", h.publicRooms),
		auth("POST "+v3+"publicRooms", h.searchPublicRooms),
		auth("GET "+v3+"rooms/{roomId}/aliases", h.aliases),
	}
}

func alias(r *http.Request) (id.Alias, error) {
	name, err := id.ParseAlias(r.PathValue("roomAlias"))
	if err != nil {
		return "", fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "That is not an alias.", err)
	}
	return name, nil
}

func (h *API) resolveAlias(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	name, err := alias(r)
	if err != nil {
		return err
	}
	target, err := h.Rooms.Resolve(r.Context(), name)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"room_id": target, "servers": []id.Server{h.Rooms.Server()}})
}

func (h *API) setAlias(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Room *string `json:"room_id"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	name, err := alias(r)
	if err != nil {
		return err
	}
	if b.Room == nil {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The body has no room_id.")
	}
	target, err := id.ParseRoom(*b.Room)
	if err != nil {
		return fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "That is not a room id.", err)
	}
	if err := h.Bridges.AliasFree(a, name); err != nil {
		return err
	}
	if err := h.Rooms.SetAlias(r.Context(), a.User, target, name); err != nil {
		return err
	}
	return httpx.OK(w)
}

func (h *API) deleteAlias(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	name, err := alias(r)
	if err != nil {
		return err
	}
	if h.Bridges.Owns(a, name) {
		err = h.Rooms.DropAlias(r.Context(), name)
	} else if err = h.Bridges.AliasFree(a, name); err == nil {
		err = h.Rooms.DeleteAlias(r.Context(), a.User, name)
	}
	if err != nil {
		return err
	}
	return httpx.OK(w)
}

func (h *API) aliases(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	target, err := httpx.Room(r)
	if err != nil {
		return err
	}
	list, err := h.Rooms.Aliases(r.Context(), a.User, target)
	if err != nil {
		return err
	}
	if list == nil {
		list = []string{}
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"aliases": list})
}

func (h *API) published(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	target, err := httpx.Room(r)
	if err != nil {
		return err
	}
	on, err := h.Rooms.Published(r.Context(), target)
	if err != nil {
		return err
	}
	visibility := "private"
	if on {
		visibility = "public"
	}
	return httpx.JSON(w, http.StatusOK, map[string]string{"visibility": visibility})
}

func (h *API) publish(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Visibility string `json:"visibility"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	target, err := httpx.Room(r)
	if err != nil {
		return err
	}
	if b.Visibility != "" && b.Visibility != "public" && b.Visibility != "private" {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The visibility is public or private.")
	}
	if err := h.Rooms.Publish(r.Context(), a.User, target, b.Visibility != "private"); err != nil {
		return err
	}
	return httpx.OK(w)
}

// publicQuery is what both forms of the directory's call ask.
type publicQuery struct {
	Limit  *int   `json:"limit"`
	Since  string `json:"since"`
	Filter struct {
		Term  string    `json:"generic_search_term"`
		Types []*string `json:"room_types"`
	} `json:"filter"`
	Network string `json:"third_party_instance_id"`
	All     bool   `json:"include_all_networks"`
}

func (h *API) publicRooms(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	q := publicQuery{Since: r.URL.Query().Get("since")}
	if r.URL.Query().Has("limit") {
		limit, err := httpx.Query(r, "limit", 0)
		if err != nil {
			return err
		}
		q.Limit = &limit
	}
	return h.listPublic(w, r, q)
}

func (h *API) searchPublicRooms(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	var q publicQuery
	if err := httpx.Decode(r, &q, bodyLimit); err != nil {
		return err
	}
	return h.listPublic(w, r, q)
}

// maxPublicPage bounds the rooms of one answer.
const maxPublicPage = 500

// listPublic answers with a page of the listed rooms, the fullest first.
// spec: client-server-api#published-room-directory
func (h *API) listPublic(w http.ResponseWriter, r *http.Request, q publicQuery) error {
	if server := r.URL.Query().Get("server"); server != "" && server != string(h.Rooms.Server()) {
		return fault.New(fault.NotFound, "M_NOT_FOUND", "That server's directory cannot be reached from here.")
	}
	feeds, err := h.listed(r, q)
	if err != nil {
		return err
	}
	term := strings.ToLower(q.Filter.Term)
	all := []room.Summary{}
	for _, f := range feeds {
		l := f.Summary()
		l.Encryption, l.Version, l.Allowed = "", "", nil // the directory's lines have no such members
		kind := q.Filter.Types == nil || slices.ContainsFunc(q.Filter.Types, func(t *string) bool { return t == nil && l.Type == "" || t != nil && *t == l.Type })
		if kind && (term == "" || strings.Contains(strings.ToLower(l.Name+"\n"+l.Topic+"\n"+l.Alias), term)) {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b room.Summary) int {
		return cmp.Or(cmp.Compare(b.Members, a.Members), cmp.Compare(a.Room, b.Room))
	})
	limit := maxPublicPage
	if q.Limit != nil {
		if *q.Limit < 0 {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "The limit is not one.")
		}
		limit = min(*q.Limit, maxPublicPage)
	}
	at, end, err := publicPage(q.Since, limit, len(all))
	if err != nil {
		return err
	}
	body := map[string]any{"chunk": all[at:end], "total_room_count_estimate": len(all)}
	if end < len(all) {
		body["next_batch"] = "f" + strconv.Itoa(end)
	}
	if at > 0 {
		body["prev_batch"] = "b" + strconv.Itoa(at)
	}
	return httpx.JSON(w, http.StatusOK, body)
}

// listed returns the rooms that a call of the directory is about: this server's, those of a network that an application service speaks
// for, or all of both.
func (h *API) listed(r *http.Request, q publicQuery) ([]*room.Feed, error) {
	if q.Network != "" && q.All {
		return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "A network and all networks exclude each other.")
	}
	var feeds []*room.Feed
	var err error
	if q.Network == "" {
		if feeds, err = h.Rooms.PublishedRooms(r.Context()); err != nil || !q.All {
			return feeds, err
		}
	}
	names, err := h.Bridges.Published(r.Context(), q.Network)
	if err != nil {
		return nil, err
	}
	more, err := h.Rooms.Feeds(r.Context(), names)
	for _, f := range more {
		if !slices.Contains(feeds, f) {
			feeds = append(feeds, f)
		}
	}
	return feeds, err
}

// publicPage reads a token of the directory: f and where a page begins, or b and where it ends.
func publicPage(since string, limit, all int) (at, end int, err error) {
	bad := fault.New(fault.Invalid, "M_INVALID_PARAM", "The token is none of this server's.")
	if since == "" {
		return 0, min(limit, all), nil
	}
	n, err := strconv.Atoi(since[1:])
	if err != nil || n < 0 {
		return 0, 0, bad
	}
	n = min(n, all)
	switch since[0] {
	case 'f':
		return n, min(n+limit, all), nil
	case 'b':
		return max(0, n-limit), n, nil
	}
	return 0, 0, bad
}
