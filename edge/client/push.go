package client

import (
	"encoding/json"
	"net/http"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/event"
	"wardline/matrix/push"
	"wardline/matrix/room"
)

// pushRoutes are push rules, pushers and what somebody was notified of.
// spec: client-server-api#push-notifications
func (h *API) pushRoutes(auth func(string, httpx.Handler) httpx.Route) []httpx.Route {
	const v3 = "/_matrix/client/v3/"
	const rule = v3 + "pushrules/global/{kind}/{ruleId}"
	return []httpx.Route{
		auth("GET "+v3+"pushrules", h.pushRules),
		auth("GET "+v3+"pushrules/{$}", h.pushRules),
		auth("GET "+v3+"pushrules/global", h.pushRuleset),
		auth("GET "+v3+"pushrules/global/{$}", h.pushRuleset),
		auth("GET "+rule, h.pushRule),
		auth("PUT "+rule, h.setPushRule),
		auth("DELETE "+rule, h.deletePushRule),
		auth("GET "+rule+"/enabled", h.pushRuleEnabled),
		auth("PUT "+rule+"/enabled", h.enablePushRule),
		auth("GET "+rule+"/actions", h.pushRuleActions),
		auth("PUT "+rule+"/actions", h.setPushRuleActions),
		auth("GET "+v3+"pushers", h.pushers),
		auth("POST "+v3+"pushers/set", h.setPusher),
		auth("GET "+v3+"notifications", h.notifications),
	}
}

func (h *API) pushRules(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	raw, err := h.Push.Content(r.Context(), a.User)
	if err != nil {
		return err
	}
	return httpx.Raw(w, http.StatusOK, raw)
}

func (h *API) pushRuleset(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	set, err := h.Push.Rules(r.Context(), a.User)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, set)
}

// rule reads the rule that the path names.
func (h *API) rule(r *http.Request, a account.Actor) (*push.Rule, error) {
	set, err := h.Push.Rules(r.Context(), a.User)
	if err != nil {
		return nil, err
	}
	return set.Rule(r.PathValue("kind"), r.PathValue("ruleId"))
}

func (h *API) pushRule(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	rule, err := h.rule(r, a)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, rule)
}

// spec: client-server-api#put_matrixclientv3pushrulesglobalkindruleid
func (h *API) setPushRule(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Actions    []json.RawMessage `json:"actions"`
		Conditions []json.RawMessage `json:"conditions"`
		Pattern    *string           `json:"pattern"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	q := r.URL.Query()
	c := push.Change{Kind: r.PathValue("kind"), ID: r.PathValue("ruleId"), Before: q.Get("before"), After: q.Get("after"),
		Pattern: b.Pattern, Conditions: b.Conditions, Actions: b.Actions}
	return h.changeRules(w, r, a, func(set *push.Ruleset) error { return set.Put(c) })
}

func (h *API) changeRules(w http.ResponseWriter, r *http.Request, a account.Actor, change func(*push.Ruleset) error) error {
	if err := h.Push.Change(r.Context(), a.User, change); err != nil {
		return err
	}
	return httpx.OK(w)
}

func (h *API) deletePushRule(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	return h.changeRules(w, r, a, func(set *push.Ruleset) error { return set.Delete(r.PathValue("kind"), r.PathValue("ruleId")) })
}

func (h *API) pushRuleEnabled(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	rule, err := h.rule(r, a)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]bool{"enabled": rule.Enabled})
}

func (h *API) enablePushRule(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Enabled *bool `json:"enabled"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if b.Enabled == nil {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The body does not say whether the rule is enabled.")
	}
	return h.changeRules(w, r, a, func(set *push.Ruleset) error {
		return set.Enable(r.PathValue("kind"), r.PathValue("ruleId"), *b.Enabled)
	})
}

func (h *API) pushRuleActions(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	rule, err := h.rule(r, a)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"actions": rule.Actions})
}

func (h *API) setPushRuleActions(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Actions []json.RawMessage `json:"actions"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	return h.changeRules(w, r, a, func(set *push.Ruleset) error {
		return set.SetActions(r.PathValue("kind"), r.PathValue("ruleId"), b.Actions)
	})
}

func (h *API) pushers(w http.ResponseWriter, _ *http.Request, a account.Actor) error {
	return httpx.JSON(w, http.StatusOK, map[string]any{"pushers": h.Push.Pushers(a.User)})
}

// spec: client-server-api#post_matrixclientv3pushersset
func (h *API) setPusher(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		push.Pusher
		Kind   *json.RawMessage `json:"kind"`
		Append bool             `json:"append"`
	}
	raw, err := httpx.Object(r, bodyLimit)
	if err != nil {
		return err
	}
	if json.Unmarshal(raw, &b) != nil {
		return fault.New(fault.Invalid, "M_BAD_JSON", "The body is JSON of another shape.")
	}
	kind := event.Field(raw, "kind")
	switch {
	case kind == nil:
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The pusher has no kind.")
	case string(kind) == "null":
		err = h.Push.Remove(r.Context(), a.User, b.App, b.Key)
	default:
		if json.Unmarshal(kind, &b.Pusher.Kind) != nil {
			return fault.New(fault.Invalid, "M_BAD_JSON", "The pusher's kind is no word.")
		}
		err = h.Push.Set(r.Context(), a.User, a.Device, b.Pusher, b.Append)
	}
	if err != nil {
		return err
	}
	return httpx.OK(w)
}

// spec: client-server-api#get_matrixclientv3notifications
func (h *API) notifications(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	limit, err := httpx.Query(r, "limit", 20)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	list, next, err := h.Push.History(r.Context(), a.User, q.Get("from"), max(1, min(limit, 100)), q.Get("only") == "highlight")
	if err != nil {
		return err
	}
	type notified struct {
		Actions []json.RawMessage `json:"actions"`
		Event   json.RawMessage   `json:"event"`
		Read    bool              `json:"read"`
		Room    string            `json:"room_id"`
		At      int64             `json:"ts"`
	}
	out := []notified{}
	for _, n := range list {
		ev := n.Event.AppendInvitation
		if n.Sight != nil { // nobody is notified of what was said while they were not there
			reader := room.Reader{User: a.User, Device: a.Device, Membership: "join"}
			ev = func(dst []byte) []byte { return n.Event.AppendClient(dst, reader) }
		}
		out = append(out, notified{n.Actions, ev(nil), n.Read, string(n.Feed.ID), n.OriginServerTS})
	}
	body := map[string]any{"notifications": out}
	if next != "" {
		body["next_token"] = next
	}
	return httpx.JSON(w, http.StatusOK, body)
}
