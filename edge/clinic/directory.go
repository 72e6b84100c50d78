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
	"wardline/matrix/account"
	"wardline/matrix/id"
)

type holderView struct {
	User  id.User `json:"user"`
	Name  string  `json:"name"`
	Since int64   `json:"since"`
	Until int64   `json:"until"`
}

type nextView struct {
	User id.User `json:"user"`
	Name string  `json:"name"`
	From int64   `json:"from"`
}

type postView struct {
	ID       directory.PostID `json:"id"`
	Name     string           `json:"name"`
	Service  string           `json:"service"`
	Holder   *holderView      `json:"holder"`
	Next     *nextView        `json:"next"`
	Pageable bool             `json:"pageable"`
}

type resultView struct {
	Kind    directory.Kind `json:"kind"`
	ID      string         `json:"id"`
	Name    string         `json:"name"`
	Detail  string         `json:"detail"`
	OnDuty  bool           `json:"on_duty"`
	Posts   []string       `json:"posts,omitempty"`
	Holder  *holderView    `json:"holder,omitempty"`
	Members []id.User      `json:"members,omitempty"`
}

// holder returns who holds a post now, or nil.
func (h *handler) holder(ctx context.Context, post directory.PostID) (*holderView, error) {
	d, err := rota.Holder(ctx, h.DB, post, h.Now())
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return viewOf(d), nil
}

func viewOf(d rota.Duty) *holderView {
	return &holderView{User: d.User, Name: d.Name, Since: d.From.UnixMilli(), Until: d.Until.UnixMilli()}
}

func (h *handler) searchDirectory(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	n, err := limit(r, 30)
	if err != nil {
		return err
	}
	if users := r.URL.Query()["user"]; len(users) > 0 {
		return h.people(w, r, users)
	}
	var kinds []directory.Kind
	for k := range strings.SplitSeq(r.URL.Query().Get("kind"), ",") {
		if k != "" {
			kinds = append(kinds, directory.Kind(k))
		}
	}
	hits, err := h.Directory.Search(r.Context(), r.URL.Query().Get("q"), kinds, n)
	if err != nil {
		return err
	}
	results := make([]resultView, 0, len(hits))
	for _, hit := range hits {
		v, err := h.result(r.Context(), hit)
		if err != nil {
			return err
		}
		results = append(results, v)
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"results": results})
}

// people answers those of the given users who are in the directory, so that a conversation can say what its members are.
func (h *handler) people(w http.ResponseWriter, r *http.Request, users []string) error {
	results := make([]resultView, 0, len(users))
	for _, u := range users[:min(len(users), maxList)] {
		p, err := directory.FindPerson(r.Context(), h.DB, id.User(u))
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		v, err := h.result(r.Context(), directory.Hit{Kind: directory.KindPerson, Person: p})
		if err != nil {
			return err
		}
		results = append(results, v)
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"results": results})
}

// result renders a hit with who is on duty.
func (h *handler) result(ctx context.Context, hit directory.Hit) (resultView, error) {
	switch hit.Kind {
	case directory.KindPost:
		v := resultView{Kind: hit.Kind, ID: string(hit.Post.ID), Name: hit.Post.Name, Detail: "Nobody holds this post now"}
		holder, err := h.holder(ctx, hit.Post.ID)
		if holder != nil {
			v.Holder, v.OnDuty = holder, true
			v.Detail = holder.Name + " until " + rota.Local(time.UnixMilli(holder.Until)).Format("15:04")
		}
		return v, err
	case directory.KindTeam:
		return resultView{Kind: hit.Kind, ID: string(hit.Team.ID), Name: hit.Team.Name, Detail: hit.Team.Detail, Members: hit.Team.Members}, nil
	}
	v := resultView{Kind: hit.Kind, ID: string(hit.Person.User), Name: hit.Person.Name, Detail: hit.Person.Detail(), Posts: []string{}}
	duties, err := rota.Held(ctx, h.DB, hit.Person.User, h.Now())
	if err != nil {
		return v, err
	}
	for _, d := range duties {
		p, err := directory.FindPost(ctx, h.DB, d.Post)
		if err != nil {
			return v, err
		}
		v.OnDuty, v.Posts = true, append(v.Posts, p.Name)
	}
	return v, nil
}

func (h *handler) post(ctx context.Context, p directory.Post) (postView, error) {
	v := postView{ID: p.ID, Name: p.Name, Service: p.Service, Pageable: p.Pageable}
	var err error
	if v.Holder, err = h.holder(ctx, p.ID); err != nil {
		return v, err
	}
	next, err := rota.Next(ctx, h.DB, p.ID, h.Now())
	switch {
	case err == nil:
		v.Next = &nextView{User: next.User, Name: next.Name, From: next.From.UnixMilli()}
	case !fault.Is(err, fault.NotFound):
		return v, err
	}
	return v, nil
}

func (h *handler) listPosts(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	posts, err := directory.Posts(r.Context(), h.DB)
	if err != nil {
		return err
	}
	views := make([]postView, 0, len(posts))
	for _, p := range posts {
		v, err := h.post(r.Context(), p)
		if err != nil {
			return err
		}
		views = append(views, v)
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"posts": views})
}

func (h *handler) onePost(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	p, err := directory.FindPost(r.Context(), h.DB, directory.PostID(r.PathValue("id")))
	if err != nil {
		return err
	}
	v, err := h.post(r.Context(), p)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, v)
}
