package client

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/delay"
	"wardline/matrix/event"
)

// delayRoutes are delayed events, under the names that clients use until the proposal is part of the specification: those of its
// present text, and the older ones of the calls that are in use.
// spec: MSC4140#unstable-prefix
func (h *API) delayRoutes(auth func(string, httpx.Handler) httpx.Route) []httpx.Route {
	const base = "/_matrix/client/unstable/org.matrix.msc4140/"
	return []httpx.Route{
		auth("PUT "+base+"rooms/{roomId}/delayed_event/{eventType}/{txnId}", h.scheduleEvent),
		auth("GET "+base+"delayed_events", h.delayedEvents),
		auth("GET "+base+"delayed_events/{delayId}", h.delayedEvent),
		auth("POST "+base+"delayed_events/{delayId}", h.updateDelayed),
		auth("POST "+base+"delayed_events/{delayId}/{action}", h.updateDelayed),
	}
}

func (h *API) scheduleEvent(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	raw, err := httpx.Object(r, bodyLimit)
	if err != nil {
		return err
	}
	target, err := httpx.Room(r)
	if err != nil {
		return err
	}
	p := delay.Plan{Owner: a.User, Device: a.Device, Room: target, Type: r.PathValue("eventType"), Txn: r.PathValue("txnId"), Content: event.Field(raw, "content")}
	ms := event.Field(raw, "delay_ms")
	if ms == nil || p.Content == nil {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The body has delay_ms and content.")
	}
	n, ok := event.Int(ms)
	if !ok {
		return fault.New(fault.Invalid, "M_BAD_JSON", "delay_ms is not a number of milliseconds.")
	}
	if key := event.Field(raw, "state_key"); key != nil {
		text, ok := event.Text(key)
		if !ok {
			return fault.New(fault.Invalid, "M_BAD_JSON", "The state_key is not a text.")
		}
		p.StateKey, p.Txn = &text, "state "+p.Txn
	}
	p.Delay = milliseconds(n)
	return h.schedule(w, r, p)
}

// milliseconds is n ms, and more than any event may wait where n is beyond what a duration holds.
func milliseconds(n int64) time.Duration {
	return time.Duration(min(max(n, -1), (2*delay.MaxDelay).Milliseconds())) * time.Millisecond
}

func (h *API) schedule(w http.ResponseWriter, r *http.Request, p delay.Plan) error {
	made, err := h.Delays.Schedule(r.Context(), p)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]delay.ID{"delay_id": made})
}

// delayQuery reads the older form, in which the calls that send and set state take a delay; ok is false without one.
func delayQuery(r *http.Request) (d time.Duration, ok bool, err error) {
	text := r.URL.Query().Get("org.matrix.msc4140.delay")
	if text == "" {
		return 0, false, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, false, fault.New(fault.Invalid, "M_INVALID_PARAM", "The delay is not a number of milliseconds.")
	}
	return milliseconds(n), true, nil
}

// shownDelay is a delayed event with the names of the older form beside the present ones.
type shownDelay struct {
	delay.Event
	Delay        int64 `json:"delay"`
	RunningSince int64 `json:"running_since"`
}

func (h *API) delayedEvents(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	all, err := h.Delays.Waiting(r.Context(), a.User)
	if err != nil {
		return err
	}
	list := []shownDelay{}
	for _, e := range all {
		list = append(list, shownDelay{e, e.DelayMS, e.ScheduledAt})
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"delayed_events": list})
}

func (h *API) delayedEvent(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	e, err := h.Delays.Find(r.Context(), a.User, delay.ID(r.PathValue("delayId")))
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, shownDelay{e, e.DelayMS, e.ScheduledAt})
}

func (h *API) updateDelayed(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	action := r.PathValue("action")
	var b struct {
		Action json.RawMessage `json:"action"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if action == "" {
		if b.Action == nil {
			return fault.New(fault.Invalid, "M_MISSING_PARAM", "The body has no action.")
		}
		action, _ = event.Text(b.Action)
	}
	name := delay.ID(r.PathValue("delayId"))
	var err error
	switch action {
	case "cancel":
		err = h.Delays.Cancel(r.Context(), a.User, name)
	case "restart":
		err = h.Delays.Restart(r.Context(), a.User, name)
	case "send":
		err = h.Delays.Send(r.Context(), a.User, name)
	default:
		if r.PathValue("action") != "" {
			return fault.New(fault.NotFound, "M_UNRECOGNIZED", "There is nothing here.")
		}
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The action is send, cancel or restart.")
	}
	if err != nil {
		return err
	}
	return httpx.OK(w)
}
