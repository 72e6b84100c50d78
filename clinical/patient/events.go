package patient

// StateType is the state event that ties a room to a patient.
const StateType = "uk.wardline.patient"

// Link is the content of a StateType event.
type Link struct {
	ID    ID     `json:"id"`
	Plate string `json:"plate"`
	Name  string `json:"name"`
	Ward  string `json:"ward"`
	Bed   string `json:"bed"`
}

// Link returns the state that a room about this patient carries.
func (p Patient) Link() Link {
	return Link{ID: p.ID, Plate: p.Plate, Name: p.Name(), Ward: p.Ward, Bed: p.Bed}
}
