package clinic

import (
	"net/http"
	"strconv"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

var verbs = map[string]rota.Verb{"take": rota.Take, "give": rota.Give, "accept": rota.Accept, "refuse": rota.Refuse, "withdraw": rota.Withdraw, "takeover": rota.TakeOver, "see": rota.See}

func (h *handler) actOnPost(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	verb, ok := verbs[r.PathValue("verb")]
	if !ok {
		return fault.New(fault.NotFound, "M_UNRECOGNIZED", "There is nothing here.")
	}
	var body struct {
		To     id.User    `json:"to"`
		From   id.User    `json:"from"`
		Reason obs.Hidden `json:"reason"`
		Rested bool       `json:"rested"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	view, err := h.Rota.Act(r.Context(), rota.Ask{Verb: verb, Post: directory.PostID(r.PathValue("id")), By: a.User, To: body.To, From: body.From, Reason: string(body.Reason), Rested: body.Rested})
	if err != nil {
		return err
	}
	v, err := h.place(r.Context(), h.namer(), view.Place, a)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, v)
}

func (h *handler) postChat(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	room, err := h.Conversations.Post(r.Context(), a.User, directory.PostID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"room_id": room})
}

func (h *handler) postsAt(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	at, err := strconv.ParseInt(r.URL.Query().Get("at"), 10, 64)
	if err != nil || at < 0 || at > 1<<52 {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "Say at which instant, in milliseconds since 1970.")
	}
	planned, err := rota.PlannedAll(r.Context(), h.DB, time.UnixMilli(at))
	if err != nil {
		return err
	}
	n := h.namer()
	out := map[directory.PostID][]dutyView{}
	for p, all := range planned {
		if out[p], err = n.duties(r.Context(), all); err != nil {
			return err
		}
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"at": at, "planned": out})
}

func (h *handler) postHistory(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	post := directory.PostID(r.PathValue("id"))
	if _, err := directory.FindPost(r.Context(), h.DB, post); err != nil {
		return err
	}
	past, err := rota.History(r.Context(), h.DB, post, 50)
	if err != nil {
		return err
	}
	type line struct {
		User   id.User  `json:"user"`
		Name   string   `json:"name"`
		From   int64    `json:"from"`
		Until  int64    `json:"until"`
		How    rota.How `json:"how"`
		Reason string   `json:"reason,omitempty"`
		Ended  string   `json:"ended,omitempty"`
	}
	lines := make([]line, 0, len(past))
	for _, p := range past {
		l := line{User: p.User, Name: p.Name, From: p.From.UnixMilli(), How: p.How, Reason: p.Reason, Ended: p.Ended}
		if !p.Until.IsZero() {
			l.Until = p.Until.UnixMilli()
		}
		lines = append(lines, l)
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"history": lines})
}

func (h *handler) setRule(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		Holders int  `json:"holders"`
		Confirm bool `json:"confirm"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	if err := h.Rota.ChangeRule(r.Context(), by(a), directory.PostID(r.PathValue("id")), body.Holders, body.Confirm); err != nil {
		return err
	}
	return httpx.OK(w)
}
