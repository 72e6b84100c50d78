package clinic

import (
	"net/http"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/patient"
	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

type patientView struct {
	ID         patient.ID `json:"id"`
	NHS        string     `json:"nhs_number"`
	Family     string     `json:"family"`
	Given      string     `json:"given"`
	Title      string     `json:"title"`
	Born       string     `json:"born"`
	Age        int        `json:"age"`
	Ward       string     `json:"ward"`
	Bed        string     `json:"bed"`
	Plate      string     `json:"plate"`
	Consultant string     `json:"consultant"`
	Hospital   string     `json:"hospital_number"`
	Alerts     []string   `json:"alerts"`
	Needs      []string   `json:"needs"`
	Room       id.Room    `json:"room_id"`
}

func viewPatient(p patient.Patient, at time.Time) patientView {
	return patientView{ID: p.ID, NHS: p.NHS.Spaced(), Family: p.Family, Given: p.Given, Title: p.Title, Born: p.Born, Age: p.Age(at), Ward: p.Ward,
		Bed: p.Bed, Plate: p.Plate, Consultant: p.Consult, Hospital: p.Hospital, Alerts: list(p.Alerts), Needs: list(p.Needs), Room: p.Room}
}

// list is never null in JSON.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

func (h *handler) showPatients(w http.ResponseWriter, found []patient.Patient) error {
	views := make([]patientView, 0, len(found))
	for _, p := range found {
		views = append(views, viewPatient(p, h.Now()))
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"patients": views})
}

// wardPatients lists the patients of the actor's own ward. A search may not stand in a URL.
func (h *handler) wardPatients(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if r.URL.Query().Get("q") != "" {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "Search with POST /patients/search: a URL may hold no name.")
	}
	n, err := limit(r, 50)
	if err != nil {
		return err
	}
	p, err := directory.FindPerson(r.Context(), h.DB, a.User)
	if err != nil {
		return err
	}
	found, err := h.Patients.Ward(r.Context(), a.User, p.WardName, n)
	if err != nil {
		return err
	}
	return h.showPatients(w, found)
}

func (h *handler) searchPatients(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		Query obs.Hidden `json:"q"`
		Limit int        `json:"limit"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	if body.Limit <= 0 {
		body.Limit = 20
	}
	found, err := h.Patients.Search(r.Context(), a.User, string(body.Query), min(body.Limit, maxList))
	if err != nil {
		return err
	}
	return h.showPatients(w, found)
}

func (h *handler) onePatient(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	p, err := h.Patients.Look(r.Context(), a.User, patient.ID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, viewPatient(p, h.Now()))
}
