package client

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/timeline"
)

// maxWait bounds how long a sync may wait, whatever the client asks. It is less than the time a request may take to arrive, because
// net/http counts the wait as part of that.
const maxWait = 2 * time.Minute

func wait(ms int) time.Duration { return min(time.Duration(ms)*time.Millisecond, maxWait) }

// spec: client-server-api#get_matrixclientv3sync
func (h *API) sync(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	req, err := h.readSync(r, a)
	if err != nil {
		return err
	}
	body, err := h.Timeline.Sync(r.Context(), req)
	if err != nil {
		return err
	}
	return httpx.Raw(w, http.StatusOK, body)
}

// readSync is apart from sync, as in slide, so that it is gone from the stack while the request waits.
func (h *API) readSync(r *http.Request, a account.Actor) (*timeline.SyncRequest, error) {
	q := r.URL.Query()
	ms, err := httpx.Query(r, "timeout", 0)
	if err != nil {
		return nil, err
	}
	raw := json.RawMessage(q.Get("filter"))
	if len(raw) > 0 && raw[0] != '{' {
		if raw, err = h.Accounts.Filter(r.Context(), a.User, string(raw)); fault.Is(err, fault.NotFound) {
			return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "There is no such filter.")
		} else if err != nil {
			return nil, err
		}
	}
	filter, err := timeline.ParseFilter(raw)
	if err != nil {
		return nil, err
	}
	presence, err := timeline.ParsePresence(q.Get("set_presence"))
	if err != nil {
		return nil, err
	}
	req := &timeline.SyncRequest{User: a.User, Presence: presence, Device: a.Device, Since: q.Get("since"), Timeout: wait(ms), Filter: filter, FullState: q.Get("full_state") == "true"}
	switch {
	case q.Get("use_state_after") == "true":
		req.StateAfter = "state_after"
	case q.Get("org.matrix.msc4222.use_state_after") == "true":
		req.StateAfter = "org.matrix.msc4222.state_after"
	}
	return req, nil
}

func (h *API) joinedMembers(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	target, err := httpx.Room(r)
	if err != nil {
		return err
	}
	f, err := h.Rooms.Feed(r.Context(), target)
	if err != nil {
		return err
	}
	if f.Membership(a.User) != "join" {
		return fault.New(fault.Hidden, "M_FORBIDDEN", "You are not in this room, or there is no such room.")
	}
	joined := map[string]map[string]json.RawMessage{}
	for _, ev := range f.Members(func(m string) bool { return m == "join" }) {
		who := map[string]json.RawMessage{}
		if v := event.Field(ev.Event.Content, "displayname"); v != nil {
			who["display_name"] = v
		}
		if v := event.Field(ev.Event.Content, "avatar_url"); v != nil {
			who["avatar_url"] = v
		}
		joined[*ev.StateKey] = who
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"joined": joined})
}

// spec: client-server-api#post_matrixclientv3roomsroomidreceiptreceipttypeeventid
func (h *API) receipt(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Thread *string `json:"thread_id"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	target, err := httpx.Room(r)
	if err != nil {
		return err
	}
	mark := timeline.Mark{Kind: r.PathValue("receiptType"), Event: id.Event(r.PathValue("eventId"))}
	if b.Thread != nil {
		if mark.Thread = *b.Thread; mark.Thread == "" || mark.Kind == timeline.FullyRead || mark.Thread != "main" && !strings.HasPrefix(mark.Thread, "$") {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "The thread_id makes no sense here.")
		}
	}
	if err := h.Timeline.SetRead(r.Context(), a.User, target, mark); err != nil {
		return err
	}
	return httpx.OK(w)
}

// spec: client-server-api#post_matrixclientv3roomsroomidread_markers
func (h *API) readMarkers(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b map[string]json.RawMessage
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	target, err := httpx.Room(r)
	if err != nil {
		return err
	}
	var marks []timeline.Mark
	for _, kind := range []string{timeline.FullyRead, timeline.Read, timeline.ReadPrivate} {
		if b[kind] == nil {
			continue
		}
		name, ok := event.Text(b[kind])
		if !ok && string(b[kind]) != "null" {
			return fault.New(fault.Invalid, "M_BAD_JSON", "The marker "+kind+" is not the id of an event.")
		}
		if ok {
			marks = append(marks, timeline.Mark{Kind: kind, Event: id.Event(name)})
		}
	}
	if err := h.Timeline.SetRead(r.Context(), a.User, target, marks...); err != nil {
		return err
	}
	return httpx.OK(w)
}

// spec: client-server-api#put_matrixclientv3roomsroomidtypinguserid
func (h *API) typing(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := self(r, a); err != nil {
		return err
	}
	b := struct {
		Typing  *bool `json:"typing"`
		Timeout int   `json:"timeout"`
	}{Timeout: 30_000}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if b.Typing == nil {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "Whether somebody is typing is missing.")
	}
	target, err := httpx.Room(r)
	if err != nil {
		return err
	}
	life := time.Duration(0)
	if *b.Typing {
		life = wait(max(b.Timeout, 1))
	}
	if err := h.Timeline.SetTyping(r.Context(), a.User, target, life); err != nil {
		return err
	}
	return httpx.OK(w)
}
