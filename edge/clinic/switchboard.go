package clinic

import (
	"net/http"

	"wardline/clinical/directory"
	"wardline/clinical/emergency"
	"wardline/clinical/paging"
	"wardline/clinical/patient"
	"wardline/clinical/rota"
	"wardline/clinical/switchboard"
	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

// switchboardRoutes are the operators' console. Whoever may not see it gets what an unknown page gets.
func (h *handler) switchboardRoutes() []httpx.Route {
	const at = "/_wardline/v1/switchboard"
	table := []httpx.Route{
		{Pattern: "GET " + at, Handle: h.console},
		{Pattern: "GET " + at + "/pages/{id}", Handle: h.consolePage},
		{Pattern: "POST " + at + "/pages", Handle: h.raiseFor},
		{Pattern: "POST " + at + "/emergencies", Handle: h.callFor},
		{Pattern: "POST " + at + "/pages/{id}/spoke", Handle: h.spoke},
		{Pattern: "GET " + at + "/log", Handle: h.consoleLog},
		{Pattern: "GET " + at + "/log.csv", Handle: h.consoleLogCSV},
	}
	table = append(table, h.testRoutes(at+"/test")...)
	for i := range table {
		next := table[i].Handle
		table[i].Handle = func(w http.ResponseWriter, r *http.Request, a account.Actor) error {
			if a.App != "" { // what the person has allowed an app says nothing of everybody's pages
				return fault.New(fault.Hidden, "M_NOT_FOUND", "Not found.")
			}
			if err := h.Switchboard.May(r.Context(), by(a)); err != nil {
				return err
			}
			return next(w, r, a)
		}
	}
	return table
}

type consoleHolder struct {
	User  id.User `json:"user"`
	Name  string  `json:"name"`
	Since int64   `json:"since"`
	Until int64   `json:"until"`
}

type consolePost struct {
	ID       directory.PostID `json:"id"`
	Name     string           `json:"name"`
	Service  string           `json:"service"`
	Critical bool             `json:"critical"`
	Pageable bool             `json:"pageable"`
	Must     int              `json:"must"`
	Alarm    string           `json:"alarm"`
	Since    int64            `json:"alarm_since"`
	Holders  []consoleHolder  `json:"holders"`
	Reach    []paging.Way     `json:"reach"`
}

// console is everything that the console shows at first.
func (h *handler) console(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	ctx := r.Context()
	all, err := h.Switchboard.Posts(ctx)
	if err != nil {
		return err
	}
	posts := make([]consolePost, 0, len(all))
	for _, p := range all {
		v := consolePost{ID: p.ID, Name: p.Name, Service: p.Service, Critical: p.Critical, Pageable: p.Pageable, Must: p.Must, Holders: []consoleHolder{}, Reach: list(p.Reach)}
		if p.Alarm != nil {
			v.Alarm, v.Since = string(p.Alarm.Kind), p.Alarm.Since
		}
		for _, x := range p.Holders {
			v.Holders = append(v.Holders, consoleHolder(x))
		}
		posts = append(posts, v)
	}
	gaps, err := h.Switchboard.Gaps(ctx)
	if err != nil {
		return err
	}
	pages, err := h.Switchboard.Pages(ctx)
	if err != nil {
		return err
	}
	open, err := h.Emergency.Open(ctx, by(a))
	if err != nil {
		return err
	}
	calls := make([]emergency.Snapshot, 0, len(open))
	for _, c := range open {
		calls = append(calls, c.Snapshot)
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"posts": posts, "gaps": gaps, "pages": list(pages), "calls": calls, "now": h.Now().UnixMilli()})
}

func (h *handler) consolePage(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	d, err := h.Switchboard.Page(r.Context(), a.User, pageID(r))
	if err != nil {
		return err
	}
	rungs := []map[string]any{}
	for _, x := range d.Rungs {
		numbers := []map[string]string{}
		for _, c := range x.Contacts {
			numbers = append(numbers, map[string]string{"way": string(c.Way), "number": string(c.Address)})
		}
		rungs = append(rungs, map[string]any{"post": x.Post, "user": x.User, "name": x.Name, "numbers": numbers})
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"page": d.Page, "rungs": rungs, "spoke": list(d.Spoke)})
}

func (h *handler) raiseFor(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Txn      string           `json:"txn"`
		Post     directory.PostID `json:"post"`
		Urgency  paging.Urgency   `json:"urgency"`
		Patient  patient.ID       `json:"patient"`
		Where    obs.Hidden       `json:"where"`
		What     obs.Hidden       `json:"what"`
		Need     string           `json:"need"`
		Callback obs.Hidden       `json:"callback"`
		Caller   obs.Hidden       `json:"caller"`
	}
	if err := httpx.Decode(r, &b, maxBody); err != nil {
		return err
	}
	p, err := h.Switchboard.Raise(r.Context(), a.User, paging.NewPage{Txn: b.Txn, To: paging.Target{Post: b.Post}, Urgency: b.Urgency, Patient: b.Patient, Where: b.Where, What: b.What, Need: b.Need, Callback: b.Callback, For: b.Caller})
	return showPage(w, p, err)
}

// callFor calls an emergency team for somebody who has rung the switchboard.
func (h *handler) callFor(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Txn    string           `json:"txn"`
		Team   emergency.TeamID `json:"team"`
		Place  obs.Hidden       `json:"place"`
		What   obs.Hidden       `json:"what"`
		Drill  bool             `json:"drill"`
		Caller obs.Hidden       `json:"caller"`
	}
	if err := httpx.Decode(r, &b, maxBody); err != nil {
		return err
	}
	c, err := h.Emergency.Raise(r.Context(), a.User, emergency.NewCall{Txn: b.Txn, Team: b.Team, Place: b.Place, What: b.What, Drill: b.Drill, For: b.Caller})
	return h.showCall(w, r, a, c, err)
}

func (h *handler) spoke(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Txn     string              `json:"txn"`
		User    id.User             `json:"user"`
		Outcome switchboard.Outcome `json:"outcome"`
		Minutes int                 `json:"eta_minutes"`
		Note    obs.Hidden          `json:"note"`
	}
	if err := httpx.Decode(r, &b, maxBody); err != nil {
		return err
	}
	p, err := h.Switchboard.Spoke(r.Context(), a.User, switchboard.Call{Txn: b.Txn, Page: pageID(r), User: b.User, Outcome: b.Outcome, Minutes: b.Minutes, Note: b.Note})
	return showPage(w, p, err)
}

func (h *handler) logLines(r *http.Request) ([]switchboard.Line, error) {
	day := rota.DateOf(h.Now())
	if s := r.URL.Query().Get("day"); s != "" {
		var err error
		if day, err = rota.ParseDate(s); err != nil {
			return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "Write the day as 2026-11-30.")
		}
	}
	return h.Switchboard.Log(r.Context(), day)
}

func (h *handler) consoleLog(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	lines, err := h.logLines(r)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"lines": lines})
}

func (h *handler) consoleLogCSV(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	lines, err := h.logLines(r)
	if err != nil {
		return err
	}
	return sendCSV(w, "switchboard-log.csv", switchboard.Table(lines))
}
