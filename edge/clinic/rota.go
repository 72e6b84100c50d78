package clinic

import (
	"context"
	"net/http"
	"slices"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

// rotaRoutes are the calls about who holds what, and who is planned for it.
func (h *handler) rotaRoutes() []httpx.Route {
	const v1 = "/_wardline/v1/"
	return []httpx.Route{
		{Pattern: "GET " + v1 + "posts/at", Handle: h.postsAt},
		{Pattern: "GET " + v1 + "posts/{id}/history", Handle: h.postHistory},
		{Pattern: "POST " + v1 + "posts/{id}/chat", Handle: h.postChat},
		{Pattern: "POST " + v1 + "posts/{id}/{verb}", Handle: h.actOnPost},
		{Pattern: "PUT " + v1 + "posts/{id}/rule", Handle: h.setRule},
		{Pattern: "GET " + v1 + "rota", Handle: h.showRota},
		{Pattern: "GET " + v1 + "rota/mine", Handle: h.myRota},
		{Pattern: "POST " + v1 + "rota/duties", Handle: h.putDuty},
		{Pattern: "PUT " + v1 + "rota/duties/{id}", Handle: h.putDuty},
		{Pattern: "DELETE " + v1 + "rota/duties/{id}", Handle: h.deleteDuty},
		{Pattern: "POST " + v1 + "rota/patterns", Handle: h.putPattern},
		{Pattern: "PUT " + v1 + "rota/patterns/{id}", Handle: h.putPattern},
		{Pattern: "DELETE " + v1 + "rota/patterns/{id}", Handle: h.deletePattern},
		{Pattern: "POST " + v1 + "rota/patterns/{id}/fill", Handle: h.fillPattern},
		{Pattern: "POST " + v1 + "rota/publish", Handle: h.publish},
		{Pattern: "GET " + v1 + "rota/requests", Handle: h.listRequests},
		{Pattern: "POST " + v1 + "rota/requests", Handle: h.makeRequest},
		{Pattern: "POST " + v1 + "rota/requests/{id}/answer", Handle: h.answerRequest},
		{Pattern: "POST " + v1 + "rota/link", Handle: h.newLink},
		{Pattern: "DELETE " + v1 + "rota/link", Handle: h.endLink},
		{Pattern: "POST " + v1 + "rota/away", Handle: h.setAway},
		{Pattern: "DELETE " + v1 + "rota/away/{id}", Handle: h.endAway},
		{Pattern: "GET " + v1 + "rota/feeds", Handle: h.listFeeds},
		{Pattern: "POST " + v1 + "rota/feeds", Handle: h.setFeed},
		{Pattern: "POST " + v1 + "rota/feeds/try", Handle: h.tryFeed},
		{Pattern: "PUT " + v1 + "rota/feeds/{id}", Handle: h.setFeed},
		{Pattern: "DELETE " + v1 + "rota/feeds/{id}", Handle: h.dropFeed},
		{Pattern: "POST " + v1 + "rota/feeds/{id}/read", Handle: h.readFeed},
		{Pattern: "POST " + v1 + "rota/feeds/{id}/fetch", Handle: h.fetchFeed},
	}
}

// by says who acts. An app that somebody allowed to act for them is no administrator, whoever they are.
func by(a account.Actor) directory.By {
	return directory.By{User: a.User, Admin: a.Admin && a.App == ""}
}

type dutyView struct {
	ID       rota.DutyID      `json:"id"`
	Post     directory.PostID `json:"post"`
	PostName string           `json:"post_name,omitempty"`
	User     id.User          `json:"user"`
	Name     string           `json:"name"`
	From     int64            `json:"from"`
	Until    int64            `json:"until"`
	Draft    bool             `json:"draft"`
	Source   string           `json:"source,omitempty"`
}

// namer reads each name once.
type namer struct {
	h     *handler
	users map[id.User]string
	posts map[directory.PostID]string
}

func (h *handler) namer() *namer {
	return &namer{h, map[id.User]string{}, map[directory.PostID]string{}}
}

func (n *namer) user(ctx context.Context, u id.User) (string, error) {
	if u == "" {
		return "", nil
	}
	if name, ok := n.users[u]; ok {
		return name, nil
	}
	name, err := directory.NameOf(ctx, n.h.DB, u)
	n.users[u] = name
	return name, err
}

func (n *namer) post(ctx context.Context, p directory.PostID) (string, error) {
	if name, ok := n.posts[p]; ok {
		return name, nil
	}
	post, err := directory.FindPost(ctx, n.h.DB, p)
	if fault.Is(err, fault.NotFound) {
		post.Name, err = string(p), nil
	}
	n.posts[p] = post.Name
	return post.Name, err
}

func (n *namer) duty(ctx context.Context, d rota.Duty) (dutyView, error) {
	v := dutyView{ID: d.ID, Post: d.Post, User: d.User, From: d.From.UnixMilli(), Until: d.Until.UnixMilli(), Draft: d.Draft, Source: d.Source}
	var err error
	if v.Name, err = n.user(ctx, d.User); err != nil {
		return v, err
	}
	v.PostName, err = n.post(ctx, d.Post)
	return v, err
}

func (n *namer) duties(ctx context.Context, all []rota.Duty) ([]dutyView, error) {
	views := make([]dutyView, 0, len(all))
	for _, d := range all {
		v, err := n.duty(ctx, d)
		if err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	return views, nil
}

// days reads from and until, as days on the trust's walls.
func days(r *http.Request, def int) (from, until rota.Date, err error) {
	bad := fault.New(fault.Invalid, "M_INVALID_PARAM", "Write days as 2026-11-24, at most 100 of them.")
	from = rota.DateOf(time.Now())
	if s := r.URL.Query().Get("from"); s != "" {
		if from, err = rota.ParseDate(s); err != nil {
			return from, until, bad
		}
	}
	until = from.Add(def)
	if s := r.URL.Query().Get("until"); s != "" {
		if until, err = rota.ParseDate(s); err != nil || until.Before(from) || until.Days(from) > 100 {
			return from, until, bad
		}
	}
	return from, until, nil
}

type gapView struct {
	From    int64 `json:"from"`
	Until   int64 `json:"until"`
	Planned int   `json:"planned"`
	Must    int   `json:"must"`
}

func viewGaps(all []rota.Gap) []gapView {
	views := make([]gapView, 0, len(all))
	for _, g := range all {
		views = append(views, gapView{g.From.UnixMilli(), g.Until.UnixMilli(), g.Planned, g.Must})
	}
	return views
}

type awayView struct {
	ID    string  `json:"id"`
	User  id.User `json:"user"`
	From  int64   `json:"from"`
	Until int64   `json:"until"`
	Kind  string  `json:"kind,omitempty"`
}

// showRota returns some days of a post's rota. Drafts, patterns and why somebody is away are for whoever keeps it.
func (h *handler) showRota(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	ctx := r.Context()
	from, until, err := days(r, 13)
	if err != nil {
		return err
	}
	post, err := directory.FindPost(ctx, h.DB, directory.PostID(r.URL.Query().Get("post")))
	if err != nil {
		return err
	}
	keeps := directory.MayKeep(ctx, h.DB, by(a), post.Service)
	if keeps != nil && !fault.Is(keeps, fault.Forbidden) {
		return keeps
	}
	start, end := from.At(0), until.Add(1).At(0)
	all, err := rota.Between(ctx, h.DB, post.ID, start, end)
	if err != nil {
		return err
	}
	if keeps != nil {
		all = slices.DeleteFunc(all, func(d rota.Duty) bool { return d.Draft })
	}
	duties, err := h.namer().duties(ctx, all)
	if err != nil {
		return err
	}
	gaps, err := rota.Gaps(ctx, h.DB, post.ID, start, end, keeps == nil)
	if err != nil {
		return err
	}
	away, err := rota.Absences(ctx, h.DB, all, start)
	if err != nil {
		return err
	}
	gone := []awayView{}
	for _, x := range away {
		if x.From.Before(end) {
			v := awayView{ID: x.ID, User: x.User, From: x.From.UnixMilli(), Until: x.Until.UnixMilli()}
			if keeps == nil {
				v.Kind = x.Kind
			}
			gone = append(gone, v)
		}
	}
	body := map[string]any{"post": map[string]any{"id": post.ID, "name": post.Name, "service": post.Service}, "from": from.String(), "until": until.String(),
		"duties": duties, "gaps": viewGaps(gaps), "away": gone, "keeps": keeps == nil, "holidays": holidays(from, until)}
	if keeps == nil {
		patterns, err := rota.Patterns(ctx, h.DB, post.ID)
		if err != nil {
			return err
		}
		body["patterns"] = list(patterns)
		view, err := h.Rota.View(ctx, post.ID)
		if err != nil {
			return err
		}
		body["rule"] = map[string]any{"holders": view.Must, "confirm": view.Confirm}
	}
	return httpx.JSON(w, http.StatusOK, body)
}

func holidays(from, until rota.Date) map[string]string {
	out := map[string]string{}
	for year := from.Year; year <= until.Year; year++ {
		for d, name := range rota.Holidays(year, rota.England) {
			if !d.Before(from) && !until.Before(d) {
				out[d.String()] = name
			}
		}
	}
	return out
}

type restView struct {
	User    id.User  `json:"user"`
	Name    string   `json:"name"`
	First   dutyView `json:"first"`
	Then    dutyView `json:"then"`
	Minutes int      `json:"minutes"`
}

func (n *namer) rests(ctx context.Context, all []rota.Rest) ([]restView, error) {
	views := make([]restView, 0, len(all))
	for _, r := range all {
		v := restView{User: r.User, Minutes: int(r.Gap.Minutes())}
		var err error
		if v.Name, err = n.user(ctx, r.User); err != nil {
			return nil, err
		}
		if v.First, err = n.duty(ctx, r.First); err != nil {
			return nil, err
		}
		if v.Then, err = n.duty(ctx, r.Then); err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	return views, nil
}

func (h *handler) myRota(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	ctx := r.Context()
	from, until, err := days(r, 55)
	if err != nil {
		return err
	}
	all, err := rota.OfUser(ctx, h.DB, a.User, from.At(0), until.Add(1).At(0), false)
	if err != nil {
		return err
	}
	n := h.namer()
	duties, err := n.duties(ctx, all)
	if err != nil {
		return err
	}
	rests, err := n.rests(ctx, rota.Rests(all))
	if err != nil {
		return err
	}
	away, err := rota.AwayOf(ctx, h.DB, a.User, from.At(0))
	if err != nil {
		return err
	}
	gone := []awayView{}
	for _, x := range away {
		gone = append(gone, awayView{x.ID, x.User, x.From.UnixMilli(), x.Until.UnixMilli(), x.Kind})
	}
	made, err := h.Rota.LinkMade(ctx, a.User)
	if err != nil {
		return err
	}
	linked := int64(0)
	if !made.IsZero() {
		linked = made.UnixMilli()
	}
	keeps, err := directory.Keeps(ctx, h.DB, a.User)
	if err != nil {
		return err
	}
	if by(a).Admin {
		keeps = []string{directory.Everything}
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"from": from.String(), "until": until.String(), "duties": duties, "rests": rests, "away": gone, "link_made": linked, "keeps": list(keeps)})
}

func (h *handler) putDuty(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		Post   directory.PostID `json:"post"`
		User   id.User          `json:"user"`
		From   int64            `json:"from"`
		Until  int64            `json:"until"`
		Draft  bool             `json:"draft"`
		Rested bool             `json:"rested"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	d, err := h.Rota.Put(r.Context(), by(a), rota.Duty{ID: rota.DutyID(r.PathValue("id")), Post: body.Post, User: body.User, From: time.UnixMilli(body.From), Until: time.UnixMilli(body.Until), Draft: body.Draft}, body.Rested)
	if err != nil {
		return err
	}
	v, err := h.namer().duty(r.Context(), d)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, v)
}

func (h *handler) deleteDuty(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.Rota.Delete(r.Context(), by(a), rota.DutyID(r.PathValue("id"))); err != nil {
		return err
	}
	return httpx.OK(w)
}

func (h *handler) putPattern(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var p rota.Pattern
	if err := httpx.Decode(r, &p, 256<<10); err != nil {
		return err
	}
	p.ID = r.PathValue("id")
	p, err := h.Rota.SavePattern(r.Context(), by(a), p)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, p)
}

func (h *handler) deletePattern(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.Rota.DeletePattern(r.Context(), by(a), r.PathValue("id")); err != nil {
		return err
	}
	return httpx.OK(w)
}

// span reads the days of a body.
func span(from, until string) (rota.Date, rota.Date, error) {
	f, err := rota.ParseDate(from)
	if err != nil {
		return f, f, fault.New(fault.Invalid, "M_INVALID_PARAM", "The first day is no date: write it as 2026-11-24.")
	}
	u, err := rota.ParseDate(until)
	if err != nil {
		return f, u, fault.New(fault.Invalid, "M_INVALID_PARAM", "The last day is no date: write it as 2026-11-24.")
	}
	return f, u, nil
}

func (h *handler) fillPattern(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct{ From, Until string }
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	from, until, err := span(body.From, body.Until)
	if err != nil {
		return err
	}
	n, err := h.Rota.Fill(r.Context(), by(a), r.PathValue("id"), from, until)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"filled": n})
}

func (h *handler) publish(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		Post        directory.PostID
		From, Until string
		Dry, Rested bool
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	from, until, err := span(body.From, body.Until)
	if err != nil {
		return err
	}
	rep, err := h.Rota.Publish(r.Context(), by(a), body.Post, from, until, body.Dry, body.Rested)
	if err != nil {
		return err
	}
	n := h.namer()
	duties, err := n.duties(r.Context(), rep.Duties)
	if err != nil {
		return err
	}
	rests, err := n.rests(r.Context(), rep.Rests)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"duties": duties, "gaps": viewGaps(rep.Gaps), "rests": rests, "dry": body.Dry})
}
