package clinic

import (
	"net/http"
	"slices"

	"wardline/clinical/directory"
	"wardline/clinical/staff"
	"wardline/edge/httpx"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

// arrangeRoutes are for who looks after the directory: posts, teams, and who keeps which rota.
func (h *handler) arrangeRoutes() []httpx.Route {
	const at = "/_wardline/v1/arrange"
	return []httpx.Route{
		{Pattern: "GET " + at, Handle: h.arrangement},
		{Pattern: "GET " + at + "/posts/{id}", Handle: h.arrangedPost},
		{Pattern: "POST " + at + "/posts", Handle: h.savePost},
		{Pattern: "PUT " + at + "/posts/{id}", Handle: h.savePost},
		{Pattern: "POST " + at + "/teams", Handle: h.saveTeam},
		{Pattern: "PUT " + at + "/teams/{id}", Handle: h.saveTeam},
		{Pattern: "DELETE " + at + "/teams/{id}", Handle: h.dropTeam},
		{Pattern: "PUT " + at + "/keepers", Handle: h.setKeeper},
	}
}

type arrangedPost struct {
	ID          directory.PostID   `json:"id"`
	Name        string             `json:"name"`
	Service     string             `json:"service"`
	Aliases     string             `json:"aliases"`
	Place       directory.WardID   `json:"place"`
	Critical    bool               `json:"critical"`
	Pageable    bool               `json:"pageable"`
	Switchboard bool               `json:"switchboard"`
	Closed      bool               `json:"closed"`
	Must        int                `json:"must"`
	Confirm     bool               `json:"confirm"`
	Ladder      []directory.PostID `json:"ladder,omitempty"`
}

type keeperView struct {
	User    id.User `json:"user"`
	Name    string  `json:"name"`
	Service string  `json:"service"`
}

// arrangement is everything that can be arranged. The posts come without their ladders.
func (h *handler) arrangement(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	ctx := r.Context()
	all, err := directory.Posts(ctx, h.DB)
	if err != nil {
		return err
	}
	board, err := h.Rota.Board(ctx)
	if err != nil {
		return err
	}
	posts, services := []arrangedPost{}, []string{}
	for _, p := range all {
		v := arrangedPost{ID: p.ID, Name: p.Name, Service: p.Service, Aliases: p.Aliases, Place: p.Place, Critical: p.Critical, Pageable: p.Pageable, Switchboard: p.Switchboard, Closed: p.Closed, Must: 1}
		if pl := board.Posts[p.ID]; pl != nil {
			v.Must, v.Confirm = pl.Must, pl.Confirm
		}
		posts = append(posts, v)
		if !slices.Contains(services, p.Service) {
			services = append(services, p.Service)
		}
	}
	slices.Sort(services)
	teams, err := directory.Teams(ctx, h.DB)
	if err != nil {
		return err
	}
	groups := []map[string]any{}
	for _, t := range teams {
		groups = append(groups, map[string]any{"id": t.ID, "name": t.Name, "detail": t.Detail, "members": list(t.Members)})
	}
	kept, err := directory.AllKeepers(ctx, h.DB)
	if err != nil {
		return err
	}
	keepers := []keeperView{}
	for _, k := range kept {
		name, err := directory.NameOf(ctx, h.DB, k.User)
		if err != nil {
			return err
		}
		keepers = append(keepers, keeperView{k.User, name, k.Service})
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"posts": posts, "services": services, "teams": groups, "keepers": keepers, "admin": a.Admin})
}

func (h *handler) arrangedPost(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	next, err := directory.Rungs(r.Context(), h.DB, directory.PostID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"ladder": list(next)})
}

func (h *handler) savePost(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b arrangedPost
	if err := httpx.Decode(r, &b, maxBody); err != nil {
		return err
	}
	p, err := h.Staff.SavePost(r.Context(), a.User, directory.PostID(r.PathValue("id")), staff.PostEntry{Name: b.Name, Service: b.Service, Aliases: b.Aliases, Place: b.Place,
		Critical: b.Critical, Pageable: b.Pageable, Switchboard: b.Switchboard, Closed: b.Closed, Must: b.Must, Confirm: b.Confirm, Ladder: b.Ladder})
	if err != nil {
		return err
	}
	b.ID, b.Name, b.Service = p.ID, p.Name, p.Service
	return httpx.JSON(w, http.StatusOK, b)
}

func (h *handler) saveTeam(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Name    string    `json:"name"`
		Detail  string    `json:"detail"`
		Members []id.User `json:"members"`
	}
	if err := httpx.Decode(r, &b, 256<<10); err != nil {
		return err
	}
	t, err := h.Staff.SaveTeam(r.Context(), a.User, directory.TeamID(r.PathValue("id")), b.Name, b.Detail, b.Members)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"id": t.ID, "name": t.Name})
}

func (h *handler) dropTeam(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.Staff.DropTeam(r.Context(), a.User, directory.TeamID(r.PathValue("id"))); err != nil {
		return err
	}
	return httpx.OK(w)
}

func (h *handler) setKeeper(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		User    id.User `json:"user"`
		Service string  `json:"service"`
		On      bool    `json:"on"`
	}
	if err := httpx.Decode(r, &b, maxBody); err != nil {
		return err
	}
	if err := h.Staff.SetKeeper(r.Context(), a.User, b.User, b.Service, b.On); err != nil {
		return err
	}
	return httpx.OK(w)
}
