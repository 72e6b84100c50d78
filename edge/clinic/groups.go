package clinic

import (
	"net/http"
	"time"

	"wardline/clinical/conversation"
	"wardline/clinical/directory"
	"wardline/edge/httpx"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

func roomID(r *http.Request) id.Room { return id.Room(r.PathValue("room")) }

func (h *handler) forward(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		From  id.Room  `json:"from"`
		Event id.Event `json:"event_id"`
		To    id.Room  `json:"to"`
		Txn   string   `json:"txn"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	sent, err := h.Conversations.Forward(r.Context(), a.User, conversation.Forward{From: body.From, Event: body.Event, To: body.To, Txn: body.Txn})
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"event_id": sent})
}

type readerView struct {
	User     id.User               `json:"user"`
	Name     string                `json:"name"`
	Detail   string                `json:"detail"`
	Standing conversation.Standing `json:"standing"`
	SeenAt   int64                 `json:"seen_at"`
	Exact    bool                  `json:"exact"`
	LastHere int64                 `json:"last_here"`
}

// ms writes an instant, 0 for none.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func (h *handler) messageInfo(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	info, err := h.Conversations.Info(r.Context(), a.User, roomID(r), id.Event(r.PathValue("event")))
	if err != nil {
		return err
	}
	people := make([]readerView, 0, len(info.People))
	for _, p := range info.People {
		people = append(people, readerView{User: p.User, Name: p.Name, Detail: p.Detail, Standing: p.Standing, SeenAt: ms(p.SeenAt), Exact: p.Exact, LastHere: ms(p.LastHere)})
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"event_id": info.Event, "sent_at": ms(info.SentAt), "people": people})
}

func (h *handler) setRole(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		User id.User           `json:"user"`
		Role conversation.Role `json:"role"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	if err := h.Conversations.SetRole(r.Context(), a.User, roomID(r), body.User, body.Role); err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{})
}

func (h *handler) leaveGroup(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.Conversations.Leave(r.Context(), a.User, roomID(r)); err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{})
}

func (h *handler) showFollows(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	f, err := h.Conversations.Followed(r.Context(), a.User, roomID(r))
	if err != nil {
		return err
	}
	type named struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	posts, teams := []named{}, []named{}
	for _, p := range f.Posts {
		post, err := directory.FindPost(r.Context(), h.DB, p)
		if err != nil {
			return err
		}
		posts = append(posts, named{string(p), post.Name})
	}
	for _, t := range f.Teams {
		team, err := directory.FindTeam(r.Context(), h.DB, t)
		if err != nil {
			return err
		}
		teams = append(teams, named{string(t), team.Name})
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"posts": posts, "teams": teams})
}

func (h *handler) setFollows(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		Posts []directory.PostID `json:"posts"`
		Teams []directory.TeamID `json:"teams"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	if err := h.Conversations.Follow(r.Context(), a.User, roomID(r), conversation.Following{Posts: body.Posts, Teams: body.Teams}); err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{})
}

type linkView struct {
	ID      conversation.LinkID `json:"id"`
	By      string              `json:"by"`
	Made    int64               `json:"made_at"`
	Expires int64               `json:"expires_at"`
	Used    int64               `json:"used"`
	Token   string              `json:"token,omitempty"`
}

func (h *handler) makeLink(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		LifeMS int64 `json:"life_ms"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	life := time.Duration(min(max(body.LifeMS, 0), int64(1000*time.Hour/time.Millisecond))) * time.Millisecond
	l, token, err := h.Conversations.MakeLink(r.Context(), a.User, roomID(r), life)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, linkView{ID: l.ID, By: string(l.By), Made: ms(l.Made), Expires: ms(l.Expires), Token: token})
}

func (h *handler) listLinks(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	all, err := h.Conversations.Links(r.Context(), a.User, roomID(r))
	if err != nil {
		return err
	}
	views := make([]linkView, 0, len(all))
	for _, l := range all {
		views = append(views, linkView{ID: l.ID, By: l.Name, Made: ms(l.Made), Expires: ms(l.Expires), Used: l.Used})
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"links": views})
}

func (h *handler) revokeLink(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.Conversations.RevokeLink(r.Context(), a.User, roomID(r), conversation.LinkID(r.PathValue("link"))); err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{})
}

func (h *handler) lookLink(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	token, err := tokenIn(r)
	if err != nil {
		return err
	}
	inv, err := h.Conversations.LookLink(r.Context(), a.User, token)
	if err != nil {
		return err
	}
	answer := map[string]any{"name": inv.Name, "about": inv.Topic, "class": inv.Class, "people": inv.People, "by": inv.By, "expires_at": ms(inv.Expires), "room_id": ""}
	if inv.In { // only who is in learns which room it is before following
		answer["room_id"] = inv.Room
	}
	return httpx.JSON(w, http.StatusOK, answer)
}

func (h *handler) followLink(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	token, err := tokenIn(r)
	if err != nil {
		return err
	}
	room, err := h.Conversations.FollowLink(r.Context(), a.User, token)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"room_id": room})
}

// tokenIn reads an invitation's token, which travels in bodies only: addresses end up in logs.
func tokenIn(r *http.Request) (string, error) {
	var body struct {
		Token string `json:"token"`
	}
	err := httpx.Decode(r, &body, maxBody)
	return body.Token, err
}
