package client

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/timeline"
)

func (h *API) historyRoutes(auth func(string, httpx.Handler) httpx.Route) []httpx.Route {
	const v3 = "/_matrix/client/v3/"
	const v1 = "/_matrix/client/v1/"
	return []httpx.Route{
		auth("GET "+v3+"rooms/{roomId}/messages", h.messages),
		auth("GET "+v3+"rooms/{roomId}/event/{eventId}", h.event),
		auth("GET "+v3+"rooms/{roomId}/context/{eventId}", h.context),
		auth("GET "+v3+"rooms/{roomId}/members", h.members),
		auth("GET "+v3+"rooms/{roomId}/initialSync", h.initialSync),
		auth("GET "+v3+"events", h.events),
		auth("GET "+v3+"events/{eventId}", h.single),
		auth("GET "+v3+"initialSync", h.everything),
		auth("GET "+v1+"rooms/{roomId}/relations/{eventId}", h.relations),
		auth("GET "+v1+"rooms/{roomId}/relations/{eventId}/{relType}", h.relations),
		auth("GET "+v1+"rooms/{roomId}/relations/{eventId}/{relType}/{eventType}", h.relations),
		auth("GET "+v1+"rooms/{roomId}/threads", h.threads),
		auth("GET "+v1+"rooms/{roomId}/timestamp_to_event", h.timestampToEvent),
	}
}

// page reads what all pages of history have in common.
func (h *API) page(r *http.Request, a account.Actor, limit int) (p timeline.PageRequest, err error) {
	q := r.URL.Query()
	p = timeline.PageRequest{User: a.User, Device: a.Device, From: q.Get("from"), To: q.Get("to"), Backward: q.Get("dir") == "b"}
	if p.Room, err = httpx.Room(r); err != nil {
		return p, err
	}
	if p.Filter, err = timeline.ParseEventFilter(json.RawMessage(q.Get("filter"))); err != nil {
		return p, err
	}
	if p.Filter.Limit != nil {
		limit = *p.Filter.Limit
	}
	p.Limit, err = httpx.Query(r, "limit", limit)
	return p, err
}

func (h *API) messages(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if dir := r.URL.Query().Get("dir"); dir != "b" && dir != "f" {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The parameter dir must be b or f.")
	}
	p, err := h.page(r, a, 10)
	if err != nil {
		return err
	}
	body, err := h.Timeline.Messages(r.Context(), p)
	if err != nil {
		return err
	}
	return httpx.Raw(w, http.StatusOK, body)
}

func (h *API) event(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	target, err := httpx.Room(r)
	if err != nil {
		return err
	}
	body, err := h.Timeline.Event(r.Context(), a.User, a.Device, target, id.Event(r.PathValue("eventId")))
	if err != nil {
		return err
	}
	return httpx.Raw(w, http.StatusOK, body)
}

func (h *API) context(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	p, err := h.page(r, a, 10)
	if err != nil {
		return err
	}
	body, err := h.Timeline.Context(r.Context(), p, id.Event(r.PathValue("eventId")))
	if err != nil {
		return err
	}
	return httpx.Raw(w, http.StatusOK, body)
}

func (h *API) relations(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	p, err := h.page(r, a, 20)
	if err != nil {
		return err
	}
	p.Backward = r.URL.Query().Get("dir") != "f"
	q := r.URL.Query()
	if dir := q.Get("dir"); dir != "" && dir != "b" && dir != "f" {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The parameter dir is b or f.")
	}
	req := timeline.RelationsRequest{Recurse: q.Get("recurse") == "true", PageRequest: p, Parent: id.Event(r.PathValue("eventId")), RelType: r.PathValue("relType"), Type: r.PathValue("eventType")}
	body, err := h.Timeline.Relations(r.Context(), req)
	if err != nil {
		return err
	}
	return httpx.Raw(w, http.StatusOK, body)
}

func (h *API) members(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	target, err := httpx.Room(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	want, not := q.Get("membership"), q.Get("not_membership")
	for _, m := range []string{want, not} {
		if m != "" && !slices.Contains([]string{"join", "invite", "knock", "leave", "ban"}, m) {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "There is no such membership.")
		}
	}
	list, err := h.Timeline.MembersAt(r.Context(), a.User, a.Device, target, q.Get("at"), func(m string) bool {
		switch {
		case want != "" && not != "":
			return m == want || m != not
		case want != "":
			return m == want
		}
		return not == "" || m != not
	})
	if err != nil {
		return err
	}
	return httpx.Raw(w, http.StatusOK, append(append([]byte(`{"chunk":`), list...), '}'))
}

// spec: client-server-api#get_matrixclientv1roomsroomidthreads
func (h *API) threads(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	q := r.URL.Query()
	req := timeline.ThreadsRequest{User: a.User, Device: a.Device, From: q.Get("from"), Participated: q.Get("include") == "participated"}
	if include := q.Get("include"); include != "" && include != "all" && include != "participated" {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The parameter include is all or participated.")
	}
	var err error
	if req.Room, err = httpx.Room(r); err != nil {
		return err
	}
	if req.Limit, err = httpx.Query(r, "limit", 20); err != nil {
		return err
	}
	body, err := h.Timeline.Threads(r.Context(), req)
	if err != nil {
		return err
	}
	return httpx.Raw(w, http.StatusOK, body)
}

// spec: client-server-api#get_matrixclientv1roomsroomidtimestamp_to_event
func (h *API) timestampToEvent(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	q := r.URL.Query()
	if !q.Has("ts") || !q.Has("dir") {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The call needs ts and dir.")
	}
	ts, err := strconv.ParseInt(q.Get("ts"), 10, 64)
	if err != nil {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The parameter ts is not a number.")
	}
	if q.Get("dir") != "b" && q.Get("dir") != "f" {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The parameter dir is b or f.")
	}
	target, err := httpx.Room(r)
	if err != nil {
		return err
	}
	ev, err := h.Timeline.ClosestTo(r.Context(), a.User, target, ts, q.Get("dir") == "b")
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"event_id": ev.ID, "origin_server_ts": ev.OriginServerTS})
}

// initialSync is kept for looking into rooms from outside; for all else there is sync.
func (h *API) initialSync(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	p, err := h.page(r, a, 10)
	if err != nil {
		return err
	}
	body, err := h.Timeline.InitialSync(r.Context(), p)
	if err != nil {
		return err
	}
	return httpx.Raw(w, http.StatusOK, body)
}

// events serves the older stream of events: of one room, also from outside where it may be looked into, or of all rooms of the user.
func (h *API) events(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	ms, err := httpx.Query(r, "timeout", 0)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	req := timeline.EventsRequest{User: a.User, Device: a.Device, From: q.Get("from"), Timeout: wait(ms)}
	if name := q.Get("room_id"); name != "" {
		if req.Room, err = id.ParseRoom(name); err != nil {
			return fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "That is not a room id.", err)
		}
	}
	body, err := h.Timeline.Events(r.Context(), req)
	if err != nil {
		return err
	}
	return httpx.Raw(w, http.StatusOK, body)
}

// single and everything are calls that were put away long ago and are still in the specification.
func (h *API) single(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	body, err := h.Timeline.Single(r.Context(), a.User, a.Device, id.Event(r.PathValue("eventId")))
	if err != nil {
		return err
	}
	return httpx.Raw(w, http.StatusOK, body)
}

func (h *API) everything(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	limit, err := httpx.Query(r, "limit", 10)
	if err != nil {
		return err
	}
	body, err := h.Timeline.Everything(r.Context(), timeline.PageRequest{User: a.User, Device: a.Device, Limit: limit}, r.URL.Query().Get("archived") == "true")
	if err != nil {
		return err
	}
	return httpx.Raw(w, http.StatusOK, body)
}
