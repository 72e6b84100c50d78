package clinic

import (
	"net/http"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/edge/httpx"
	"wardline/matrix/account"
)

type feedView struct {
	ID      string           `json:"id"`
	Name    string           `json:"name"`
	Kind    string           `json:"kind"`
	URL     string           `json:"url"`
	Post    directory.PostID `json:"post"`
	StaleMS int64            `json:"stale_ms"`
	OKAt    int64            `json:"ok_at"`
	TriedAt int64            `json:"tried_at"`
	Stale   bool             `json:"stale"`
	Report  rota.FeedReport  `json:"report"`
}

func (h *handler) viewFeed(f rota.Feed) feedView {
	f.Report.Trouble, f.Report.Conflicts = list(f.Report.Trouble), list(f.Report.Conflicts)
	return feedView{f.ID, f.Name, f.Kind, f.URL, f.Post, f.Stale.Milliseconds(), f.OKAt.UnixMilli(), f.TriedAt.UnixMilli(), h.Now().Sub(f.OKAt) >= f.Stale, f.Report}
}

// listFeeds shows the feeds to who looks after the directory: their addresses may hold a secret.
func (h *handler) listFeeds(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.Staff.May(r.Context(), by(a)); err != nil {
		return err
	}
	all, err := h.Rota.Feeds(r.Context())
	if err != nil {
		return err
	}
	views := make([]feedView, 0, len(all))
	for _, f := range all {
		views = append(views, h.viewFeed(f))
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"feeds": views})
}

func (h *handler) setFeed(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Name    string           `json:"name"`
		Kind    string           `json:"kind"`
		URL     string           `json:"url"`
		Post    directory.PostID `json:"post"`
		StaleMS int64            `json:"stale_ms"`
	}
	if err := httpx.Decode(r, &b, maxBody); err != nil {
		return err
	}
	f, err := h.Rota.SetFeed(r.Context(), by(a), rota.Feed{ID: r.PathValue("id"), Name: b.Name, Kind: b.Kind, URL: b.URL, Post: b.Post, Stale: time.Duration(b.StaleMS) * time.Millisecond})
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, h.viewFeed(f))
}

func (h *handler) dropFeed(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.Rota.DropFeed(r.Context(), by(a), r.PathValue("id")); err != nil {
		return err
	}
	return httpx.OK(w)
}

// fetchFeed reads a feed now, for who wants to see whether it works.
func (h *handler) fetchFeed(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	f, err := h.Rota.FetchFeed(r.Context(), by(a), r.PathValue("id"))
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, h.viewFeed(f))
}

// readFeed takes a feed that is sent in instead of fetched.
func (h *handler) readFeed(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.Staff.May(r.Context(), by(a)); err != nil {
		return err
	}
	raw, err := httpx.Body(r, maxFile)
	if err != nil {
		return err
	}
	rep, err := h.Rota.TakeFeed(r.Context(), r.PathValue("id"), raw)
	if err != nil {
		return err
	}
	rep.Trouble, rep.Conflicts = list(rep.Trouble), list(rep.Conflicts)
	return httpx.JSON(w, http.StatusOK, rep)
}

type feedShiftView struct {
	Kind   string         `json:"kind,omitempty"`
	Post   string         `json:"post,omitempty"`
	Person string         `json:"person"`
	From   int64          `json:"from"`
	Until  int64          `json:"until"`
	Was    *feedShiftView `json:"was,omitempty"`
}

// tryFeed says what a feed would do, and does nothing: one that is fetched from its address, or a file that is sent along.
func (h *handler) tryFeed(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.Staff.May(r.Context(), by(a)); err != nil {
		return err
	}
	var b struct {
		ID      string           `json:"id"`
		Name    string           `json:"name"`
		Kind    string           `json:"kind"`
		URL     string           `json:"url"`
		Post    directory.PostID `json:"post"`
		Content string           `json:"content"`
	}
	if err := httpx.Decode(r, &b, maxFile); err != nil {
		return err
	}
	var raw []byte
	if b.Content != "" {
		raw = []byte(b.Content)
	}
	t, err := h.Rota.TryFeed(r.Context(), by(a), rota.Feed{ID: b.ID, Name: b.Name, Kind: b.Kind, URL: b.URL, Post: b.Post}, raw)
	if err != nil {
		return err
	}
	t.Trouble, t.Conflicts = list(t.Trouble), list(t.Conflicts)
	shifts := make([]feedShiftView, 0, len(t.Shifts))
	for _, s := range t.Shifts {
		v := feedShiftView{Kind: s.Kind, Post: s.Post, Person: s.Duty.Name, From: s.Duty.From.UnixMilli(), Until: s.Duty.Until.UnixMilli()}
		if s.Was != nil {
			v.Was = &feedShiftView{Person: s.Was.Name, From: s.Was.From.UnixMilli(), Until: s.Was.Until.UnixMilli()}
		}
		shifts = append(shifts, v)
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"read": t.Read, "report": t.FeedReport, "shifts": shifts})
}
