package clinic

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/clinical/staff"
	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

// staffRoutes are the calls about people: cards for all, the rest for who looks after the directory.
func (h *handler) staffRoutes() []httpx.Route {
	const v1 = "/_wardline/v1/"
	table := []httpx.Route{
		{Pattern: "GET " + v1 + "people/{user}", Handle: h.person},
		{Pattern: "GET " + v1 + "teams/{id}", Handle: h.team},
		{Pattern: "GET " + v1 + "places", Handle: h.places},
	}
	for _, rt := range append(h.arrangeRoutes(), []httpx.Route{
		{Pattern: "GET " + v1 + "staff", Handle: h.listStaff},
		{Pattern: "POST " + v1 + "staff", Handle: h.joinStaff},
		{Pattern: "PUT " + v1 + "staff/{user}", Handle: h.changeStaff},
		{Pattern: "POST " + v1 + "staff/{user}/leave", Handle: h.leaveStaff},
		{Pattern: "POST " + v1 + "staff/{user}/return", Handle: h.returnStaff},
		{Pattern: "POST " + v1 + "staff/{user}/link", Handle: h.linkStaff},
		{Pattern: "POST " + v1 + "staff/{user}/reset", Handle: h.resetStaff},
		{Pattern: "GET " + v1 + "staff/{user}/devices", Handle: h.staffDevices},
		{Pattern: "POST " + v1 + "staff/{user}/sign-out", Handle: h.signOutStaff},
		{Pattern: "POST " + v1 + "staff/import", Handle: h.importStaff},
		{Pattern: "GET " + v1 + "staff/sources", Handle: h.staffSources},
	}...) {
		next := rt.Handle
		rt.Handle = func(w http.ResponseWriter, r *http.Request, a account.Actor) error {
			if a.App != "" { // what the person has allowed the app says nothing of other people's accounts
				return fault.New(fault.Hidden, "M_NOT_FOUND", "Not found.")
			}
			if err := h.Staff.May(r.Context(), by(a)); err != nil {
				return err
			}
			return next(w, r, a)
		}
		table = append(table, rt)
	}
	return table
}

type personView struct {
	User         id.User      `json:"user"`
	Name         string       `json:"name"`
	Role         string       `json:"role"`
	Grade        string       `json:"grade"`
	Profession   string       `json:"profession"`
	Ward         string       `json:"ward"`
	Registration string       `json:"registration"`
	Languages    []string     `json:"languages"`
	Photo        string       `json:"photo"`
	Email        string       `json:"email"`
	LeftAt       int64        `json:"left_at"`
	Posts        []heldView   `json:"posts"`
	Teams        []teamRef    `json:"teams"`
	Next         *dutyView    `json:"next"`
	Number       string       `json:"number,omitempty"` // for who looks after the directory
	Source       string       `json:"source,omitempty"`
	Devices      []deviceView `json:"devices,omitempty"`
}

type heldView struct {
	ID    directory.PostID `json:"id"`
	Name  string           `json:"name"`
	Until int64            `json:"until"`
	How   rota.How         `json:"how"`
}

type teamRef struct {
	ID   directory.TeamID `json:"id"`
	Name string           `json:"name"`
}

func (h *handler) viewPerson(ctx context.Context, p directory.Person) (personView, error) {
	v := personView{User: p.User, Name: p.Name, Role: p.Role, Grade: p.Grade, Profession: p.Profession, Ward: p.WardName, Registration: p.Registration,
		Languages: list(p.Languages), Photo: p.Photo, Email: p.Email, LeftAt: p.LeftAt, Posts: []heldView{}, Teams: []teamRef{}}
	board, err := h.Rota.Board(ctx)
	if err != nil {
		return v, err
	}
	for _, post := range board.Held(p.User) {
		pl := board.Posts[post]
		for _, x := range pl.Holders {
			if x.User == p.User {
				v.Posts = append(v.Posts, heldView{post, pl.Post.Name, x.Until, x.How})
			}
		}
	}
	return v, nil
}

// person is somebody's card: what colleagues may know of each other.
func (h *handler) person(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	ctx := r.Context()
	p, err := directory.FindPerson(ctx, h.DB, id.User(r.PathValue("user")))
	if err != nil {
		return err
	}
	v, err := h.viewPerson(ctx, p)
	if err != nil {
		return err
	}
	teams, err := directory.TeamsOf(ctx, h.DB, p.User)
	if err != nil {
		return err
	}
	for _, t := range teams {
		v.Teams = append(v.Teams, teamRef{t.ID, t.Name})
	}
	duties, err := rota.OfUser(ctx, h.DB, p.User, h.Now(), h.Now().AddDate(0, 0, 14), false)
	if err != nil {
		return err
	}
	for _, d := range duties {
		if d.From.After(h.Now()) && !p.Left() {
			next, err := h.namer().duty(ctx, d)
			if err != nil {
				return err
			}
			v.Next = &next
			break
		}
	}
	return httpx.JSON(w, http.StatusOK, v)
}

func (h *handler) team(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	ctx := r.Context()
	t, err := directory.FindTeam(ctx, h.DB, directory.TeamID(r.PathValue("id")))
	if err != nil {
		return err
	}
	members := make([]resultView, 0, len(t.Members))
	for _, u := range t.Members {
		p, err := directory.FindPerson(ctx, h.DB, u)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		v, err := h.result(ctx, directory.Hit{Kind: directory.KindPerson, Person: p})
		if err != nil {
			return err
		}
		members = append(members, v)
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"id": t.ID, "name": t.Name, "detail": t.Detail, "members": members})
}

func (h *handler) places(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	wards, err := directory.Wards(r.Context(), h.DB)
	if err != nil {
		return err
	}
	sites, err := directory.Sites(r.Context(), h.DB)
	if err != nil {
		return err
	}
	type place struct {
		ID   string `json:"id"`
		Name string `json:"name"`
		Kind string `json:"kind,omitempty"`
		Site string `json:"site,omitempty"`
		ODS  string `json:"ods,omitempty"`
	}
	places, where := []place{}, []place{}
	for _, x := range wards {
		places = append(places, place{ID: string(x.ID), Name: x.Name, Kind: x.Kind, Site: string(x.Site)})
	}
	for _, s := range sites {
		where = append(where, place{ID: string(s.ID), Name: s.Name, ODS: s.ODS})
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"places": places, "sites": where})
}

func (h *handler) listStaff(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	ctx := r.Context()
	n, err := limit(r, 50)
	if err != nil {
		return err
	}
	var people []directory.Person
	if r.URL.Query().Get("left") == "true" {
		people, err = directory.LeftPeople(ctx, h.DB, n)
	} else {
		var hits []directory.Hit
		hits, err = h.Directory.Search(ctx, r.URL.Query().Get("q"), []directory.Kind{directory.KindPerson}, n)
		for _, hit := range hits {
			people = append(people, hit.Person)
		}
	}
	if err != nil {
		return err
	}
	views := make([]personView, 0, len(people))
	for _, p := range people {
		v, err := h.viewPerson(ctx, p)
		if err != nil {
			return err
		}
		if v.Number, v.Source = p.Number, p.Source; !p.Left() {
			if v.Devices, err = h.devices(ctx, p.User); err != nil {
				return err
			}
		}
		views = append(views, v)
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"people": views})
}

type deviceView struct {
	ID     id.Device `json:"id"`
	Name   string    `json:"name"`
	SeenAt int64     `json:"seen_at"`
}

func (h *handler) devices(ctx context.Context, u id.User) ([]deviceView, error) {
	all, err := h.Accounts.Sightings(ctx, u)
	if err != nil {
		return nil, err
	}
	views := []deviceView{}
	for _, d := range all {
		views = append(views, deviceView{d.ID, d.Name, d.SeenAt.UnixMilli()})
	}
	return views, nil
}

func (h *handler) staffDevices(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	p, err := directory.FindPerson(r.Context(), h.DB, id.User(r.PathValue("user")))
	if err != nil {
		return err
	}
	views, err := h.devices(r.Context(), p.User)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"devices": views})
}

type entryBody struct {
	Number       string   `json:"number"`
	Login        string   `json:"login"`
	Name         string   `json:"name"`
	Role         string   `json:"role"`
	Grade        string   `json:"grade"`
	Profession   string   `json:"profession"`
	Ward         string   `json:"ward"`
	Registration string   `json:"registration"`
	Email        string   `json:"email"`
	Languages    []string `json:"languages"`
	Photo        string   `json:"photo"`
}

func (b entryBody) entry() staff.Entry {
	return staff.Entry{Number: b.Number, Login: b.Login, Name: b.Name, Role: b.Role, Grade: b.Grade, Profession: b.Profession, Ward: b.Ward, Registration: b.Registration,
		Email: b.Email, Languages: b.Languages, Photo: b.Photo}
}

func (h *handler) joinStaff(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body entryBody
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	p, err := h.Staff.Join(r.Context(), a.User, "", body.entry())
	return h.showStaff(w, r, p, err)
}

func (h *handler) changeStaff(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body entryBody
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	p, err := h.Staff.Change(r.Context(), a.User, id.User(r.PathValue("user")), body.entry())
	return h.showStaff(w, r, p, err)
}

func (h *handler) showStaff(w http.ResponseWriter, r *http.Request, p directory.Person, err error) error {
	if err != nil {
		return err
	}
	v, err := h.viewPerson(r.Context(), p)
	if err != nil {
		return err
	}
	v.Number, v.Source = p.Number, p.Source
	return httpx.JSON(w, http.StatusOK, v)
}

func (h *handler) leaveStaff(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.Staff.Leave(r.Context(), a.User, id.User(r.PathValue("user"))); err != nil {
		return err
	}
	return httpx.OK(w)
}

func (h *handler) returnStaff(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.Staff.Return(r.Context(), a.User, id.User(r.PathValue("user"))); err != nil {
		return err
	}
	return httpx.OK(w)
}

func (h *handler) linkStaff(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	token, err := h.Staff.Link(r.Context(), a.User, id.User(r.PathValue("user")))
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"path": "/#/sign-in/" + token})
}

func (h *handler) resetStaff(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.Staff.Lost(r.Context(), a.User, id.User(r.PathValue("user"))); err != nil {
		return err
	}
	return httpx.OK(w)
}

func (h *handler) signOutStaff(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		Device id.Device `json:"device"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	if err := h.Staff.SignOut(r.Context(), a.User, id.User(r.PathValue("user")), body.Device); err != nil {
		return err
	}
	return httpx.OK(w)
}

// maxFile bounds a file of the staff record.
const maxFile = 32 << 20

// staffSources says from where people can be imported besides a file.
func (h *handler) staffSources(w http.ResponseWriter, _ *http.Request, _ account.Actor) error {
	return httpx.JSON(w, http.StatusOK, map[string]any{"ldap": h.Staff.LDAP != nil})
}

// importStaff answers line by line: how far it is, and at the end the report. What it has begun it ends, also when nobody listens any more.
func (h *handler) importStaff(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	file, err := httpx.Body(r, maxFile)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	o := staff.Options{Dry: q.Get("dry") != "false", Missing: q.Get("missing") == "true", Source: "esr", Mapping: map[string]string{}}
	for name, v := range q {
		if field, ok := strings.CutPrefix(name, "map."); ok && v[0] != "" {
			if !slices.Contains(staff.Fields(), field) {
				return fault.New(fault.Invalid, "M_INVALID_PARAM", "There is no field "+field+": "+strings.Join(staff.Fields(), ", ")+".")
			}
			o.Mapping[field] = v[0]
		}
	}
	bring := func(ctx context.Context) (staff.Report, error) { return h.Staff.Import(ctx, a.User, file, o) }
	if q.Get("from") == "ldap" {
		if h.Staff.LDAP == nil {
			return fault.New(fault.NotFound, "M_NOT_FOUND", "This server knows no directory server.")
		}
		bring = func(ctx context.Context) (staff.Report, error) {
			return h.Staff.ImportLDAP(ctx, a.User, *h.Staff.LDAP, o)
		}
	}
	if o.Dry {
		rep, err := bring(r.Context())
		if err != nil {
			return err
		}
		return httpx.JSON(w, http.StatusOK, map[string]any{"report": rep})
	}
	begun := false
	say := func(v any) {
		raw, err := json.Marshal(v)
		if err != nil {
			return
		}
		if !begun {
			w.Header().Set("Content-Type", "application/x-ndjson")
			begun = true
		}
		_, _ = w.Write(append(raw, '\n'))
		_ = http.NewResponseController(w).Flush()
	}
	o.Progress = func(done, of int) { say(map[string]any{"done": done, "of": of}) }
	rep, err := bring(context.WithoutCancel(r.Context()))
	if err != nil && !begun {
		return err
	}
	if f := fault.As(err); f != nil {
		say(map[string]any{"errcode": f.Code, "error": f.Public, "report": rep})
	} else if err != nil {
		say(map[string]any{"errcode": "M_UNKNOWN", "error": "The import stopped. What was done stays; run it again for the rest.", "report": rep})
	} else {
		say(map[string]any{"report": rep})
	}
	return nil
}
