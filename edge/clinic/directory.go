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
	// How says in which way they came to hold it; "duty" is the rota's word alone, which nobody has confirmed.
	How rota.How `json:"how"`
}

type nextView struct {
	User id.User `json:"user"`
	Name string  `json:"name"`
	From int64   `json:"from"`
}

type alarmView struct {
	Kind   rota.AlarmKind `json:"kind"`
	Since  int64          `json:"since"`
	By     id.User        `json:"by"`
	ByName string         `json:"by_name"`
}

type offerView struct {
	From     id.User `json:"from"`
	FromName string  `json:"from_name"`
	To       id.User `json:"to"`
	ToName   string  `json:"to_name"`
	At       int64   `json:"at"`
}

// postView is a post. Holder is the one of Holders who began last; Must is how many there have to be. Offers are those that the reader
// has made or got.
type postView struct {
	ID       directory.PostID `json:"id"`
	Name     string           `json:"name"`
	Service  string           `json:"service"`
	Place    string           `json:"place,omitempty"`
	Critical bool             `json:"critical"`
	Confirm  bool             `json:"confirm"`
	Must     int              `json:"must"`
	Holder   *holderView      `json:"holder"`
	Holders  []*holderView    `json:"holders"`
	Expected []nextView       `json:"expected"`
	Next     *nextView        `json:"next"`
	Alarm    *alarmView       `json:"alarm"`
	Offers   []offerView      `json:"offers"`
	Pageable bool             `json:"pageable"`
	Keeps    bool             `json:"keeps,omitempty"` // of one post: the reader keeps its rota, and its numbers
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
	Photo   string         `json:"photo,omitempty"`
	Status  *statusView    `json:"status,omitempty"`
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
	return &holderView{User: d.User, Name: d.Name, Since: d.From.UnixMilli(), Until: d.Until.UnixMilli(), How: d.How}
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
	case directory.KindWard:
		return resultView{Kind: hit.Kind, ID: string(hit.Ward.ID), Name: hit.Ward.Name, Detail: hit.Ward.Kind}, nil
	case directory.KindTeam:
		return resultView{Kind: hit.Kind, ID: string(hit.Team.ID), Name: hit.Team.Name, Detail: hit.Team.Detail, Members: hit.Team.Members}, nil
	}
	v := resultView{Kind: hit.Kind, ID: string(hit.Person.User), Name: hit.Person.Name, Detail: hit.Person.Detail(), Posts: []string{}}
	if hit.Person.Left() {
		v.Detail = "No longer works here"
	}
	board, err := h.Rota.Board(ctx)
	if err != nil {
		return v, err
	}
	for _, post := range board.Held(hit.Person.User) {
		v.OnDuty, v.Posts = true, append(v.Posts, board.Posts[post].Post.Name)
	}
	if hit.Person.Left() {
		return v, nil
	}
	return v, h.dress(ctx, hit.Person.User, &v)
}

// place renders a post as somebody sees it.
func (h *handler) place(ctx context.Context, n *namer, pl rota.Place, a account.Actor) (postView, error) {
	p := pl.Post
	v := postView{ID: p.ID, Name: p.Name, Service: p.Service, Critical: p.Critical, Confirm: pl.Confirm, Must: pl.Must, Pageable: p.Pageable && !p.Closed,
		Holders: []*holderView{}, Expected: []nextView{}, Offers: []offerView{}}
	if p.Place != "" {
		ward, err := directory.FindWard(ctx, h.DB, p.Place)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return v, err
		}
		v.Place = ward.Name
	}
	for _, x := range pl.Holders {
		name, err := n.user(ctx, x.User)
		if err != nil {
			return v, err
		}
		v.Holders = append(v.Holders, &holderView{User: x.User, Name: name, Since: x.From, Until: x.Until, How: x.How})
	}
	if len(v.Holders) > 0 {
		v.Holder = v.Holders[0]
	}
	for _, d := range pl.Expected {
		name, err := n.user(ctx, d.User)
		if err != nil {
			return v, err
		}
		v.Expected = append(v.Expected, nextView{d.User, name, d.From.UnixMilli()})
	}
	if pl.Next != nil {
		name, err := n.user(ctx, pl.Next.User)
		if err != nil {
			return v, err
		}
		v.Next = &nextView{pl.Next.User, name, pl.Next.From.UnixMilli()}
	}
	if pl.Alarm != nil {
		name, err := n.user(ctx, pl.Alarm.By)
		if err != nil {
			return v, err
		}
		v.Alarm = &alarmView{pl.Alarm.Kind, pl.Alarm.Since, pl.Alarm.By, name}
	}
	for _, o := range pl.Offers {
		if o.From != a.User && o.To != a.User {
			continue
		}
		from, err := n.user(ctx, o.From)
		if err != nil {
			return v, err
		}
		to, err := n.user(ctx, o.To)
		if err != nil {
			return v, err
		}
		v.Offers = append(v.Offers, offerView{o.From, from, o.To, to, o.At})
	}
	return v, nil
}

func (h *handler) listPosts(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	board, err := h.Rota.Board(r.Context())
	if err != nil {
		return err
	}
	posts, err := directory.Posts(r.Context(), h.DB)
	if err != nil {
		return err
	}
	n := h.namer()
	views := make([]postView, 0, len(posts))
	for _, p := range posts {
		pl := board.Posts[p.ID]
		if pl == nil || p.Closed {
			continue
		}
		v, err := h.place(r.Context(), n, *pl, a)
		if err != nil {
			return err
		}
		views = append(views, v)
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"posts": views})
}

func (h *handler) onePost(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	view, err := h.Rota.View(r.Context(), directory.PostID(r.PathValue("id")))
	if err != nil {
		return err
	}
	v, err := h.place(r.Context(), h.namer(), view.Place, a)
	if err != nil {
		return err
	}
	keeps := directory.MayKeep(r.Context(), h.DB, by(a), view.Post.Service)
	if keeps != nil && !fault.Is(keeps, fault.Forbidden) {
		return keeps
	}
	v.Keeps = keeps == nil
	return httpx.JSON(w, http.StatusOK, v)
}
