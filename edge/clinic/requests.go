package clinic

import (
	"context"
	"net/http"
	"strings"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

type requestView struct {
	ID       string            `json:"id"`
	Kind     rota.Kind         `json:"kind"`
	State    rota.RequestState `json:"state"`
	By       id.User           `json:"by"`
	ByName   string            `json:"by_name"`
	To       id.User           `json:"to"`
	ToName   string            `json:"to_name"`
	Duty     *dutyView         `json:"duty"`
	Want     *dutyView         `json:"want"`
	PostName string            `json:"post_name"`
	Note     string            `json:"note"`
	MadeAt   int64             `json:"made_at"`
	StartsAt int64             `json:"starts_at"`
	Keeps    bool              `json:"keeps"` // the reader may approve it
}

func (h *handler) request(ctx context.Context, n *namer, q rota.Request, a account.Actor) (requestView, error) {
	v := requestView{ID: q.ID, Kind: q.Kind, State: q.State, By: q.By, To: q.To, Note: q.Note, MadeAt: q.MadeAt.UnixMilli(), StartsAt: q.StartsAt.UnixMilli()}
	var err error
	if v.ByName, err = n.user(ctx, q.By); err != nil {
		return v, err
	}
	if v.ToName, err = n.user(ctx, q.To); err != nil {
		return v, err
	}
	for _, x := range []struct {
		duty rota.DutyID
		into **dutyView
	}{{q.Duty, &v.Duty}, {q.Want, &v.Want}} {
		d, err := rota.Find(ctx, h.DB, x.duty)
		if fault.Is(err, fault.NotFound) {
			continue // taken out of the rota meanwhile
		}
		if err != nil {
			return v, err
		}
		dv, err := n.duty(ctx, d)
		if err != nil {
			return v, err
		}
		*x.into = &dv
	}
	p, err := directory.FindPost(ctx, h.DB, q.Post)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return v, err
	}
	v.PostName = p.Name
	keeps := directory.MayKeep(ctx, h.DB, by(a), p.Service)
	if v.Keeps = keeps == nil; keeps != nil && !fault.Is(keeps, fault.Forbidden) {
		return v, keeps
	}
	return v, nil
}

func (h *handler) listRequests(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	all, err := h.Rota.Requests(r.Context(), by(a))
	if err != nil {
		return err
	}
	n := h.namer()
	views := make([]requestView, 0, len(all))
	for _, q := range all {
		v, err := h.request(r.Context(), n, q, a)
		if err != nil {
			return err
		}
		views = append(views, v)
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"requests": views})
}

func (h *handler) makeRequest(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		Kind rota.Kind   `json:"kind"`
		Duty rota.DutyID `json:"duty"`
		Want rota.DutyID `json:"want"`
		To   id.User     `json:"to"`
		Note obs.Hidden  `json:"note"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	q, err := h.Rota.Request(r.Context(), rota.Request{Kind: body.Kind, Duty: body.Duty, Want: body.Want, By: a.User, To: body.To, Note: strings.TrimSpace(string(body.Note))})
	return h.showRequest(w, r, a, q, err)
}

func (h *handler) answerRequest(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		Answer rota.Answer `json:"answer"`
		Rested bool        `json:"rested"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	q, err := h.Rota.Reply(r.Context(), by(a), r.PathValue("id"), body.Answer, body.Rested)
	return h.showRequest(w, r, a, q, err)
}

func (h *handler) showRequest(w http.ResponseWriter, r *http.Request, a account.Actor, q rota.Request, err error) error {
	if err != nil {
		return err
	}
	v, err := h.request(r.Context(), h.namer(), q, a)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, v)
}

func (h *handler) newLink(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	secret, err := h.Rota.NewLink(r.Context(), a.User)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"path": "/_wardline/v1/calendar/" + secret + "/duties.ics"})
}

func (h *handler) endLink(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.Rota.EndLink(r.Context(), a.User); err != nil {
		return err
	}
	return httpx.OK(w)
}

// calendar answers whoever has the secret of somebody's link: calendars cannot sign in.
func (h *handler) calendar(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	file, err := h.Rota.Calendar(r.Context(), r.PathValue("secret"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/calendar; charset=utf-8")
	w.Header().Set("Cache-Control", "private, no-store")
	_, err = w.Write(file)
	return err
}

func (h *handler) setAway(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		User  id.User `json:"user"`
		From  int64   `json:"from"`
		Until int64   `json:"until"`
		Kind  string  `json:"kind"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	if body.User == "" {
		body.User = a.User
	}
	x, err := h.Rota.SetAway(r.Context(), by(a), rota.Away{User: body.User, From: time.UnixMilli(body.From), Until: time.UnixMilli(body.Until), Kind: body.Kind})
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, awayView{x.ID, x.User, x.From.UnixMilli(), x.Until.UnixMilli(), x.Kind})
}

func (h *handler) endAway(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.Rota.EndAway(r.Context(), by(a), r.PathValue("id")); err != nil {
		return err
	}
	return httpx.OK(w)
}
