package client

import (
	"encoding/json"
	"net/http"
	"slices"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/search"
	"wardline/matrix/timeline"
)

func (h *API) searchRoutes(auth func(string, httpx.Handler) httpx.Route) []httpx.Route {
	return []httpx.Route{auth("POST /_matrix/client/v3/search", h.search)}
}

// searchBody is what a client searches for.
// spec: client-server-api#post_matrixclientv3search
type searchBody struct {
	Term    *string         `json:"search_term"`
	Keys    []string        `json:"keys"`
	Filter  json.RawMessage `json:"filter"`
	Order   string          `json:"order_by"`
	Context *struct {
		Before   *int `json:"before_limit"`
		After    *int `json:"after_limit"`
		Profiles bool `json:"include_profile"`
	} `json:"event_context"`
	State     bool `json:"include_state"`
	Groupings struct {
		By []struct {
			Key string `json:"key"`
		} `json:"group_by"`
	} `json:"groupings"`
}

func (b *searchBody) read(a account.Actor, next string) (r timeline.SearchRequest, err error) {
	bad := func(text string) error { return fault.New(fault.Invalid, "M_INVALID_PARAM", text) }
	if b.Term == nil {
		return r, fault.New(fault.Invalid, "M_MISSING_PARAM", "There is no search_term.")
	}
	r = timeline.SearchRequest{User: a.User, Device: a.Device, Term: *b.Term, Keys: b.Keys, Recent: b.Order == "recent", State: b.State, Next: next}
	for _, k := range b.Keys {
		if !slices.Contains([]string{search.Body, search.Name, search.Topic}, k) {
			return r, bad("There is no such key to search.")
		}
	}
	if b.Order != "" && b.Order != "recent" && b.Order != "rank" {
		return r, bad("order_by is recent or rank.")
	}
	for _, g := range b.Groupings.By {
		if g.Key != "room_id" && g.Key != "sender" {
			return r, bad("Results are grouped by room_id or sender.")
		}
		if !slices.Contains(r.GroupBy, g.Key) {
			r.GroupBy = append(r.GroupBy, g.Key)
		}
	}
	if c := b.Context; c != nil {
		r.Around = &timeline.SearchContext{Before: 5, After: 5, Profiles: c.Profiles}
		if c.Before != nil {
			r.Around.Before = *c.Before
		}
		if c.After != nil {
			r.Around.After = *c.After
		}
		if r.Around.Before < 0 || r.Around.After < 0 {
			return r, bad("The limits of event_context are not negative.")
		}
	}
	r.Filter, err = timeline.ParseEventFilter(b.Filter)
	return r, err
}

func (h *API) search(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Categories *struct {
			Events *searchBody `json:"room_events"`
		} `json:"search_categories"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if b.Categories == nil {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The body has no search_categories.")
	}
	if b.Categories.Events == nil {
		return httpx.JSON(w, http.StatusOK, map[string]any{"search_categories": map[string]any{}})
	}
	req, err := b.Categories.Events.read(a, r.URL.Query().Get("next_batch"))
	if err != nil {
		return err
	}
	body, err := h.Timeline.Search(r.Context(), req)
	if err != nil {
		return err
	}
	return httpx.Raw(w, http.StatusOK, body)
}
