package clinic

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"wardline/clinical/directory"
	"wardline/clinical/inbound"
	"wardline/clinical/paging"
	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/account"
)

// inboundBody is a message of another system (docs/protocol/inbound.schema.json).
type inboundBody struct {
	Ref      string           `json:"ref"`
	Code     string           `json:"code"`
	Level    string           `json:"level"`
	Ward     string           `json:"ward"`
	Where    obs.Hidden       `json:"where"`
	Text     obs.Hidden       `json:"text"`
	Callback obs.Hidden       `json:"callback"`
	NHS      obs.Hidden       `json:"nhs_number"`
	Post     directory.PostID `json:"post"`
	Priority string           `json:"priority"` // "stat" for an emergency where no rule fits
}

func (b inboundBody) message() inbound.Message {
	return inbound.Message{Ref: b.Ref, Code: b.Code, Level: b.Level, Ward: b.Ward, Where: b.Where, Text: b.Text, Callback: b.Callback, NHS: b.NHS, Post: b.Post, Stat: b.Priority == "stat"}
}

func bearer(r *http.Request) string {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return strings.TrimSpace(token)
}

// takeInbound makes a page of what another system says. The token is the system's own, not a person's.
func (h *handler) takeInbound(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	src, err := h.Inbound.Admit(r.Context(), bearer(r))
	if err != nil {
		return err
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return fault.New(fault.TooLarge, "M_TOO_LARGE", "The message is too large.")
	}
	var b inboundBody
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields() // a field that is misspelt would be lost without a word
	if err := d.Decode(&b); err != nil {
		return fault.Wrap(fault.Invalid, "M_BAD_JSON", "The message is not the JSON that docs/operators/inbound.md describes.", err)
	}
	m := b.message()
	if key := r.Header.Get("Idempotency-Key"); key != "" && m.Ref == "" {
		m.Ref = key
	}
	m.Body = raw
	t, err := h.Inbound.Take(r.Context(), src, m)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusAccepted, inboundView(t))
}

// oneInbound says how a message of one's own stands.
func (h *handler) oneInbound(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	src, err := h.Inbound.Admit(r.Context(), bearer(r))
	if err != nil {
		return err
	}
	t, err := h.Inbound.Find(r.Context(), src, r.PathValue("id"))
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, inboundView(t))
}

// inboundView tells a system what became of its message: which post has it and whether somebody accepted, and nobody's name.
func inboundView(t inbound.Taken) map[string]any {
	v := map[string]any{"id": t.ID, "page": t.Page.ID, "rule": t.Rule, "status": t.Page.Status, "post": t.Page.Post, "exhausted": t.Page.Exhausted, "raised_at": t.Page.RaisedAt, "accepted_at": 0}
	if t.Page.Accepted != nil {
		v["accepted_at"] = t.Page.Accepted.At
	}
	return v
}

type sourceView struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	PerMinute int    `json:"per_minute"`
	MadeAt    int64  `json:"made_at"`
	UsedAt    int64  `json:"used_at"`
	Ended     bool   `json:"ended"`
}

func viewSource(s inbound.Source) sourceView {
	v := sourceView{ID: s.ID, Name: s.Name, PerMinute: s.PerMinute, MadeAt: s.MadeAt.UnixMilli(), Ended: s.Ended}
	if !s.UsedAt.IsZero() {
		v.UsedAt = s.UsedAt.UnixMilli()
	}
	return v
}

func (h *handler) inboundSetup(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	sources, err := h.Inbound.Sources(r.Context(), by(a))
	if err != nil {
		return err
	}
	rules, err := inbound.Newest(r.Context(), h.DB)
	if err != nil {
		return err
	}
	views := []sourceView{}
	for _, s := range sources {
		views = append(views, viewSource(s))
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"sources": views, "rules": list(rules.Rules), "version": rules.Version})
}

func (h *handler) newSource(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		Name      string `json:"name"`
		PerMinute int    `json:"per_minute"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	s, token, err := h.Inbound.NewSource(r.Context(), by(a), body.Name, body.PerMinute)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"source": viewSource(s), "token": token})
}

func (h *handler) rotateSource(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	token, err := h.Inbound.Rotate(r.Context(), by(a), r.PathValue("id"))
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"token": token})
}

func (h *handler) endSource(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.Inbound.EndSource(r.Context(), by(a), r.PathValue("id")); err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{})
}

func (h *handler) setInboundRules(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		Based int64         `json:"based"`
		Rules inbound.Rules `json:"rules"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	v, err := h.Inbound.SetRules(r.Context(), by(a), body.Based, body.Rules)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"rules": list(v.Rules), "version": v.Version})
}

// tryInbound says which rule a message would follow and who would get it, and sends nothing.
func (h *handler) tryInbound(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := directory.MayKeep(r.Context(), h.DB, by(a), directory.Everything); err != nil {
		return err
	}
	var body struct {
		Source string `json:"source"`
		inboundBody
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	rule, n, err := h.Inbound.Route(r.Context(), h.DB, inbound.Source{ID: body.Source}, body.message())
	if err != nil {
		return err
	}
	plan, err := h.Paging.Preview(r.Context(), a.User, paging.Target{Post: rule.Post}, rule.Urgency, nil, h.Now())
	if err != nil {
		return err
	}
	who := []paging.Called{}
	for _, s := range plan.Steps {
		if len(s.Called) > 0 {
			who = s.Called
			break
		}
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"rule": n, "post": plan.Post, "urgency": rule.Urgency, "need": rule.Need, "called": who, "then": plan.Then})
}
