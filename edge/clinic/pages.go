package clinic

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"wardline/clinical/ask"
	"wardline/clinical/conversation"
	"wardline/clinical/directory"
	"wardline/clinical/paging"
	"wardline/clinical/patient"
	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

// target is whom a page goes to, in a body.
type target struct {
	Post   directory.PostID `json:"post"`
	Person id.User          `json:"person"`
	Team   directory.TeamID `json:"team"`
}

func (t target) of() paging.Target {
	return paging.Target{Post: t.Post, Person: t.Person, Team: t.Team}
}

type rungView struct {
	AfterMS int64            `json:"after_ms"`
	Post    paging.PostRef   `json:"post"`
	Posts   []paging.PostRef `json:"posts"`
	Called  []paging.Called  `json:"called"`
	Holder  *holderView      `json:"holder"`
	Reach   []paging.Way     `json:"reach"`
	Note    string           `json:"note"`
	Why     paging.Reason    `json:"why,omitzero"`
}

func (h *handler) previewPage(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		target
		Urgency paging.Urgency `json:"urgency"`
		Rules   *paging.Rules  `json:"rules"` // to try, in place of those in force
		At      int64          `json:"at"`    // 0 is now
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	at := h.Now()
	if body.At != 0 {
		at = time.UnixMilli(body.At)
	}
	plan, err := h.Paging.Preview(r.Context(), a.User, body.of(), body.Urgency, body.Rules, at)
	if err != nil {
		return err
	}
	steps := make([]rungView, 0, len(plan.Steps))
	for _, s := range plan.Steps {
		v := rungView{AfterMS: s.After.Milliseconds(), Post: s.Posts[0], Posts: s.Posts, Called: append([]paging.Called{}, s.Called...), Reach: s.Reach, Note: s.Note, Why: s.Why}
		if len(s.Called) > 0 {
			v.Post = s.Called[0].Post
		}
		switch {
		case s.Holder != nil:
			v.Holder = viewOf(*s.Holder)
		case len(s.Called) > 0:
			v.Holder = &holderView{User: s.Called[0].User, Name: s.Called[0].Name}
		}
		steps = append(steps, v)
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"post": plan.Post, "steps": steps, "then": plan.Then, "last": plan.Last, "stays": plan.Stays, "quorum": max(plan.Quorum, 1), "policy": plan.Policy})
}

func (h *handler) raisePage(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		target
		Txn      string         `json:"txn"`
		Urgency  paging.Urgency `json:"urgency"`
		Patient  patient.ID     `json:"patient"`
		Room     id.Room        `json:"room"`
		Where    obs.Hidden     `json:"where"`
		What     obs.Hidden     `json:"what"`
		Need     string         `json:"need"`
		Callback obs.Hidden     `json:"callback"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	page, err := h.Paging.Raise(r.Context(), a.User, paging.NewPage{Txn: body.Txn, To: body.of(), Urgency: body.Urgency, Patient: body.Patient,
		Room: body.Room, Where: body.Where, What: body.What, Need: body.Need, Callback: body.Callback})
	return showPage(w, page, err)
}

func showPage(w http.ResponseWriter, page paging.Snapshot, err error) error {
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, page)
}

func (h *handler) listPages(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	boxes := map[string]func(context.Context, id.User) ([]paging.Snapshot, error){"mine": h.Paging.Mine, "sent": h.Paging.Sent, "open": h.Paging.Open}
	box, ok := boxes[r.URL.Query().Get("box")]
	if !ok {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The box is mine, sent or open.")
	}
	pages, err := box(r.Context(), a.User)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"pages": pages, "now": h.Now().UnixMilli()})
}

func pageID(r *http.Request) paging.ID { return paging.ID(r.PathValue("id")) }

func (h *handler) onePage(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	page, err := h.Paging.Find(r.Context(), a.User, pageID(r))
	return showPage(w, page, err)
}

func (h *handler) reachedPage(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	page, err := h.Paging.Reached(r.Context(), a.User, a.Device, pageID(r))
	if err == nil && h.Locks.Locked(a) {
		return httpx.JSON(w, http.StatusOK, map[string]any{}) // it rang, and tells nothing until it is opened
	}
	return showPage(w, page, err)
}

func (h *handler) seenPage(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	page, err := h.Paging.Seen(r.Context(), a.User, pageID(r))
	return showPage(w, page, err)
}

// answers are what can be said to a page.
var answers = map[string]paging.Verb{"accept": paging.Accept, "decline": paging.Decline, "redirect": paging.Redirect, "ask": paging.AskBack}

func (h *handler) answerPage(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		Answer string     `json:"answer"`
		ETA    int        `json:"eta_minutes"`
		Reason obs.Hidden `json:"reason"`
		To     target     `json:"to"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	verb, ok := answers[body.Answer]
	if !ok {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The answer is accept, decline, redirect or ask.")
	}
	page, err := h.Paging.Answer(r.Context(), a.User, pageID(r), paging.Answer{Verb: verb, ETAMinutes: body.ETA, Reason: string(body.Reason), To: body.To.of()})
	return showPage(w, page, err)
}

func (h *handler) replyPage(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		Words obs.Hidden `json:"words"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	page, err := h.Paging.Reply(r.Context(), a.User, pageID(r), string(body.Words))
	return showPage(w, page, err)
}

func (h *handler) withdrawPage(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		Reason obs.Hidden `json:"reason"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	page, err := h.Paging.Withdraw(r.Context(), a.User, pageID(r), string(body.Reason))
	return showPage(w, page, err)
}

func (h *handler) policy(w http.ResponseWriter, _ *http.Request, _ account.Actor) error {
	p := h.Paging.Policy
	rung := func(u paging.Urgency) map[string]any { return map[string]any{"rung_ms": p.Rung(u).Milliseconds()} }
	return httpx.JSON(w, http.StatusOK, map[string]any{"urgent": rung(paging.Urgent), "emergency": rung(paging.Emergency),
		"max_photo_px": h.MaxPhotoPx, "photo_max_bytes": h.MaxPhotoBytes, "forward": classes(conversation.Forwards()), "copy": copyable(h.Conversations.Copy), "kinds": kinds(h.Asks.Policy, p)})
}

// kinds is what each kind of message promises: how soon, whom it interrupts, and what happens when nobody acts.
func kinds(a ask.Policy, p paging.Policy) []map[string]any {
	kind := func(name string, within time.Duration, interrupts, then string) map[string]any {
		return map[string]any{"kind": name, "within_ms": within.Milliseconds(), "interrupts": interrupts, "then": then}
	}
	owner := fmt.Sprintf("A reminder %s before, and %s after the end whoever asked is told.", spell(a.Remind), spell(a.Escalate))
	return []map[string]any{
		kind("fyi", 0, "Nobody", "Nothing: no answer is owed."),
		kind("question", a.Within(ask.Question), "Whoever owes the answer, once", owner),
		kind("request", a.Within(ask.Request), "Whoever owes it, once", owner),
		kind("urgent", p.Rung(paging.Urgent), "Whoever holds the post, until they act", "It passes to the next on the ladder."),
		kind("emergency", p.Rung(paging.Emergency), "Whoever holds the post, as loud as the device can", "It passes to the next, and to the switchboard."),
	}
}

func spell(d time.Duration) string {
	if d < time.Hour {
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%g h", d.Hours())
}

// classes writes which classes of rooms a message may go to, by the class it comes from; rooms without a class are called other.
func classes(rules map[conversation.Class][]conversation.Class) map[string][]string {
	out := map[string][]string{}
	for from, list := range rules {
		names := []string{}
		for _, to := range list {
			names = append(names, className(to))
		}
		out[className(from)] = names
	}
	return out
}

func copyable(rules map[conversation.Class]bool) []string {
	out := []string{}
	for c, may := range rules {
		if may {
			out = append(out, className(c))
		}
	}
	slices.Sort(out)
	return out
}

func className(c conversation.Class) string {
	if c == "" {
		return conversation.Unclassed
	}
	return string(c)
}
