package conversation

import (
	"fmt"
	"strings"

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

// Unclassed is what ParseClasses calls rooms that have no class: those that people make with other clients.
const Unclassed = "other"

// ParseClasses reads a list of classes with commas between, as a setting has them; Unclassed stands for rooms without one, as the class
// "". An unknown name is an error that says so.
func ParseClasses(list string) (map[Class]bool, error) {
	all := map[Class]bool{}
	for name := range strings.SplitSeq(list, ",") {
		switch c := Class(strings.TrimSpace(name)); {
		case c == "":
		case c == Unclassed:
			all[""] = true
		case c.Known():
			all[c] = true
		default:
			return nil, fmt.Errorf("there is no class of rooms %q: clinical, team, social, patient-contact, incident, other", c)
		}
	}
	return all, nil
}

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
	About   obs.Hidden // the description, "" for none
	Class   Class
	People  []id.User
	Posts   []directory.PostID
	Follow  Following  // posts and teams whose people it has from now on
	Patient patient.ID // "" for none; a room about a patient is clinical whatever Class says
	Txn     string     // the client's own name for this call, "" for none
}

// Limits of one call.
const (
	maxName    = 120
	maxAbout   = 500
	maxInvited = 200
)
