package patient

import (
	"log/slog"
	"strings"
	"time"

	"wardline/matrix/id"
)

// ID names a patient inside this trust's Wardline: "pt_" and chance, so that it says nothing.
type ID string

// Patient is what we know about a patient. It prints as [hidden].
type Patient struct {
	ID       ID
	NHS      NHSNumber
	Traced   bool   // the NHS number was verified against the national index
	Family   string // "Jones"
	Given    string // "Raj"
	Title    string // "Mr"
	Born     string // "1964-06-17"
	Ward     string // "Ward 7"
	Bed      string // "12"
	Plate    string // what the bed plate says: "B4"
	Hospital string // hospital number
	Consult  string // consultant in charge
	Alerts   []string
	Needs    []string // how to speak and write to the patient
	Room     id.Room  // the room about this patient, empty when there is none yet
}

// Name is the patient's name as a wristband says it: "JONES, Raj".
func (p Patient) Name() string {
	if p.Given == "" {
		return strings.ToUpper(p.Family)
	}
	return strings.ToUpper(p.Family) + ", " + p.Given
}

// Age is in whole years at the instant, or 0 when the date of birth is not known.
func (p Patient) Age(at time.Time) int {
	born, err := time.Parse(time.DateOnly, p.Born)
	if err != nil {
		return 0
	}
	age := at.Year() - born.Year()
	if at.Month() < born.Month() || at.Month() == born.Month() && at.Day() < born.Day() {
		age--
	}
	return max(age, 0)
}

// Ref returns the few words by which a room or a page names the patient.
func (p Patient) Ref() Ref { return Ref{ID: p.ID, Plate: p.Plate, Name: p.Name()} }

// LogValue implements slog.LogValuer.
func (Patient) LogValue() slog.Value { return slog.StringValue("[hidden]") }

// String hides the patient from careless printing.
func (Patient) String() string { return "[hidden]" }

// GoString hides the patient from careless printing.
func (Patient) GoString() string { return "[hidden]" }

// Ref is how an event names a patient.
type Ref struct {
	ID    ID     `json:"id"`
	Plate string `json:"plate"`
	Name  string `json:"name"`
}

// LogValue implements slog.LogValuer.
func (Ref) LogValue() slog.Value { return slog.StringValue("[hidden]") }

// String hides the patient from careless printing.
func (Ref) String() string { return "[hidden]" }

// GoString hides the patient from careless printing.
func (Ref) GoString() string { return "[hidden]" }
