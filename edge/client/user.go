package client

import (
	"encoding/json"
	"net/http"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/timeline"
)

func (h *API) saveFilter(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := self(r, a); err != nil {
		return err
	}
	raw, err := httpx.Object(r, bodyLimit)
	if err != nil {
		return err
	}
	if _, err := timeline.ParseFilter(raw); err != nil {
		return err
	}
	name, err := h.Accounts.SaveFilter(r.Context(), a.User, raw)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]string{"filter_id": name})
}

func (h *API) filter(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := self(r, a); err != nil {
		return err
	}
	raw, err := h.Accounts.Filter(r.Context(), a.User, r.PathValue("filterId"))
	if err != nil {
		return err
	}
	return httpx.Raw(w, http.StatusOK, raw)
}

func (h *API) accountData(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := self(r, a); err != nil {
		return err
	}
	if typ := r.PathValue("type"); typ == "m.push_rules" && r.PathValue("roomId") == "" {
		return h.pushRules(w, r, a)
	}
	d, err := h.Accounts.DataOf(r.Context(), a.User, id.Room(r.PathValue("roomId")), r.PathValue("type"))
	if err != nil {
		return err
	}
	return httpx.Raw(w, http.StatusOK, d.Content)
}

// ownTypes are account data that only their own calls may change.
// spec: client-server-api#put_matrixclientv3useruseridaccount_datatype
func ownType(typ string) bool { return typ == "m.fully_read" || typ == "m.push_rules" }

func (h *API) setAccountData(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := self(r, a); err != nil {
		return err
	}
	if ownType(r.PathValue("type")) {
		// The specification wants this status, which no kind of fault stands for.
		return httpx.JSON(w, http.StatusMethodNotAllowed, map[string]string{"errcode": "M_BAD_JSON", "error": "That is changed by a call of its own."})
	}
	raw, err := httpx.Object(r, bodyLimit)
	if err != nil {
		return err
	}
	if err := ownRoom(r); err != nil {
		return err
	}
	if err := h.Accounts.SetData(r.Context(), a.User, id.Room(r.PathValue("roomId")), r.PathValue("type"), raw); err != nil {
		return err
	}
	return httpx.OK(w)
}

func (h *API) profile(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	p, err := h.Accounts.ProfileOf(r.Context(), id.User(r.PathValue("userId")))
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, p)
}

func (h *API) profileField(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	p, err := h.Accounts.ProfileOf(r.Context(), id.User(r.PathValue("userId")))
	if err != nil {
		return err
	}
	name := r.PathValue("keyName")
	value, ok := p[name]
	if !ok {
		return fault.New(fault.NotFound, "M_NOT_FOUND", "The profile has no such field.")
	}
	return httpx.JSON(w, http.StatusOK, map[string]json.RawMessage{name: value})
}

func (h *API) setProfile(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := self(r, a); err != nil {
		return err
	}
	name := r.PathValue("keyName")
	raw, err := httpx.Object(r, bodyLimit)
	if err != nil {
		return err
	}
	if err := h.Accounts.MayChange(name); err != nil {
		return err
	}
	value := event.Field(raw, name)
	if value == nil {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The body has no "+name+".")
	}
	if err := h.Accounts.SetProfile(r.Context(), a.User, name, value); err != nil {
		return err
	}
	return httpx.OK(w)
}

func (h *API) deleteProfile(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := self(r, a); err != nil {
		return err
	}
	if err := h.Accounts.MayChange(r.PathValue("keyName")); err != nil {
		return err
	}
	if err := h.Accounts.SetProfile(r.Context(), a.User, r.PathValue("keyName"), nil); err != nil {
		return err
	}
	return httpx.OK(w)
}

// spec: client-server-api#post_matrixclientv3user_directorysearch
func (h *API) searchUsers(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	b := struct {
		Term  *string `json:"search_term"`
		Limit int     `json:"limit"`
	}{Limit: 10}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if b.Term == nil {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The search_term is missing.")
	}
	limit := max(1, min(b.Limit, 100))
	found, err := h.Accounts.Search(r.Context(), *b.Term, limit+1)
	if err != nil {
		return err
	}
	type result struct {
		User   id.User `json:"user_id"`
		Name   string  `json:"display_name,omitempty"`
		Avatar string  `json:"avatar_url,omitempty"`
	}
	results := []result{}
	for _, u := range found[:min(len(found), limit)] {
		p, err := h.Accounts.ProfileOf(r.Context(), u)
		if err != nil {
			return err
		}
		results = append(results, result{u, p.Text("displayname"), p.Text("avatar_url")})
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"results": results, "limited": len(found) > limit})
}
