package clinic

import (
	"net/http"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/emergency"
	"wardline/clinical/patient"
	"wardline/clinical/rota"
	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

// emergencyRoutes are the calls that call a team.
func (h *handler) emergencyRoutes() []httpx.Route {
	const at = "/_wardline/v1/emergencies"
	return []httpx.Route{
		{Pattern: "GET " + at + "/teams", Handle: h.emergencyTeams},
		{Pattern: "POST " + at + "/teams", Handle: h.setEmergencyTeam},
		{Pattern: "PUT " + at + "/teams/{id}", Handle: h.setEmergencyTeam},
		{Pattern: "DELETE " + at + "/teams/{id}", Handle: h.dropEmergencyTeam},
		{Pattern: "POST " + at, Handle: h.raiseEmergency},
		{Pattern: "GET " + at, Handle: h.listEmergencies},
		{Pattern: "GET " + at + "/{id}", Handle: h.oneEmergency},
		{Pattern: "GET " + at + "/{id}/timeline.csv", Handle: h.emergencyCSV(emergency.Timeline)},
		{Pattern: "GET " + at + "/{id}/seats.csv", Handle: h.emergencyCSV(emergency.SeatTimes)},
		{Pattern: "POST " + at + "/{id}/here", Handle: h.hereEmergency},
		{Pattern: "POST " + at + "/{id}/lead", Handle: h.leadEmergency},
		{Pattern: "POST " + at + "/{id}/stand-down", Handle: h.standDownEmergency},
		{Pattern: "POST " + at + "/{id}/enter", Handle: h.enterEmergency},
	}
}

type seatView struct {
	Post     directory.PostID `json:"post"`
	Name     string           `json:"name"`
	Required bool             `json:"required"`
	Holder   *holderView      `json:"holder"`
}

// emergencyTeams is what can be called, with who would be.
func (h *handler) emergencyTeams(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	ctx := r.Context()
	teams, err := emergency.Teams(ctx, h.DB)
	if err != nil {
		return err
	}
	now, views := h.Now(), []map[string]any{}
	for _, t := range teams {
		seats := []seatView{}
		for _, s := range t.Seats {
			v := seatView{Post: s.Post, Name: string(s.Post), Required: s.Required}
			if p, err := directory.FindPost(ctx, h.DB, s.Post); err == nil {
				v.Name = p.Name
			} else if !fault.Is(err, fault.NotFound) {
				return err
			}
			if d, err := rota.Holder(ctx, h.DB, s.Post, now); err == nil {
				v.Holder = viewOf(d)
			} else if !fault.Is(err, fault.NotFound) {
				return err
			}
			seats = append(seats, v)
		}
		views = append(views, map[string]any{"id": t.ID, "name": t.Name, "seats": seats})
	}
	board, err := emergency.Switchboard(ctx, h.DB, a.User, now)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"teams": views, "may_change": emergency.May(ctx, h.DB, by(a)) == nil, "switchboard": board})
}

func (h *handler) setEmergencyTeam(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Name  string           `json:"name"`
		Seats []emergency.Seat `json:"seats"`
	}
	if err := httpx.Decode(r, &b, maxBody); err != nil {
		return err
	}
	t, err := h.Emergency.SetTeam(r.Context(), by(a), emergency.Team{ID: emergency.TeamID(r.PathValue("id")), Name: b.Name, Seats: b.Seats})
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"id": t.ID, "name": t.Name})
}

func (h *handler) dropEmergencyTeam(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.Emergency.DropTeam(r.Context(), by(a), emergency.TeamID(r.PathValue("id"))); err != nil {
		return err
	}
	return httpx.OK(w)
}

// callView is a call with its board, what happened, and how long everything took.
type callView struct {
	emergency.Call
	Times       []emergency.Times `json:"times"`
	MayConduct  bool              `json:"may_conduct"`
	Switchboard bool              `json:"switchboard"`
}

func (h *handler) showCall(w http.ResponseWriter, r *http.Request, a account.Actor, c emergency.Call, err error) error {
	if err != nil {
		return err
	}
	board, err := emergency.Switchboard(r.Context(), h.DB, a.User, h.Now())
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, callView{c, emergency.Intervals(c), c.Conducts(a.User, board), board})
}

func (h *handler) raiseEmergency(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Txn     string           `json:"txn"`
		Team    emergency.TeamID `json:"team"`
		Place   obs.Hidden       `json:"place"`
		What    obs.Hidden       `json:"what"`
		Patient patient.ID       `json:"patient"`
		Drill   bool             `json:"drill"`
	}
	if err := httpx.Decode(r, &b, maxBody); err != nil {
		return err
	}
	c, err := h.Emergency.Raise(r.Context(), a.User, emergency.NewCall{Txn: b.Txn, Team: b.Team, Place: b.Place, What: b.What, Patient: b.Patient, Drill: b.Drill})
	return h.showCall(w, r, a, c, err)
}

// listEmergencies lists the calls that go on, or those of the last days with what they took.
func (h *handler) listEmergencies(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	now := h.Now()
	var calls []emergency.Call
	var err error
	switch box := r.URL.Query().Get("box"); box {
	case "open":
		calls, err = h.Emergency.Open(r.Context(), by(a))
	case "past":
		days, bad := httpx.Query(r, "days", 31)
		if bad != nil {
			return bad
		}
		calls, err = h.Emergency.Past(r.Context(), by(a), now.AddDate(0, 0, -min(days, 366)), now.Add(time.Minute))
	default:
		err = fault.New(fault.Invalid, "M_INVALID_PARAM", "The box is open or past.")
	}
	if err != nil {
		return err
	}
	views := make([]emergency.Snapshot, 0, len(calls))
	for _, c := range calls {
		views = append(views, c.Snapshot)
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"calls": views, "measure": emergency.MeasureOf(calls), "now": now.UnixMilli()})
}

func callID(r *http.Request) emergency.ID { return emergency.ID(r.PathValue("id")) }

func (h *handler) oneEmergency(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	c, err := h.Emergency.Find(r.Context(), by(a), callID(r))
	return h.showCall(w, r, a, c, err)
}

// emergencyCSV answers with a call as a file.
func (h *handler) emergencyCSV(table func(emergency.Call) [][]string) httpx.Handler {
	return func(w http.ResponseWriter, r *http.Request, a account.Actor) error {
		c, err := h.Emergency.Find(r.Context(), by(a), callID(r))
		if err != nil {
			return err
		}
		return sendCSV(w, "emergency-"+string(c.ID)+".csv", table(c))
	}
}

func (h *handler) hereEmergency(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		User id.User          `json:"user"` // "" for oneself
		Post directory.PostID `json:"post"` // "" for the seat that is theirs
		Here bool             `json:"here"`
	}
	if err := httpx.Decode(r, &b, maxBody); err != nil {
		return err
	}
	c, err := h.Emergency.Here(r.Context(), a.User, callID(r), b.User, b.Post, b.Here)
	return h.showCall(w, r, a, c, err)
}

func (h *handler) leadEmergency(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	c, err := h.Emergency.Lead(r.Context(), a.User, callID(r))
	return h.showCall(w, r, a, c, err)
}

func (h *handler) standDownEmergency(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Reason obs.Hidden `json:"reason"`
	}
	if err := httpx.Decode(r, &b, maxBody); err != nil {
		return err
	}
	c, err := h.Emergency.StandDown(r.Context(), a.User, callID(r), b.Reason)
	return h.showCall(w, r, a, c, err)
}

func (h *handler) enterEmergency(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	c, err := h.Emergency.Enter(r.Context(), a.User, callID(r))
	return h.showCall(w, r, a, c, err)
}
