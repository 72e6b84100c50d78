package conversation

import (
	"wardline/clinical/directory"
	"wardline/clinical/patient"
	"wardline/ground/obs"
	"wardline/matrix/id"
)

// Class says what a room is for; it decides retention, rules and what may be said.
type Class string

// The classes.
const (
	Clinical       Class = "clinical"
	Team           Class = "team"
	Social         Class = "social"
	PatientContact Class = "patient-contact"
	Incident       Class = "incident"
)

// Known says whether the class is one of the five.
func (c Class) Known() bool {
	switch c {
	case Clinical, Team, Social, PatientContact, Incident:
		return true
	}
	return false
}

// Group is what somebody asks for: a name, people, and posts whose present holders come in.
type Group struct {
	Name    obs.Hidden
	Class   Class
	People  []id.User
	Posts   []directory.PostID
	Patient patient.ID // "" for none; a room about a patient is clinical whatever Class says
	Txn     string     // the client's own name for this call, "" for none
}

// Limits of one call.
const (
	maxName    = 120
	maxInvited = 200
)
