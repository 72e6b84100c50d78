package status

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"wardline/clinical/rota"
	"wardline/ground/fault"
)

// Kind is what somebody is busy with; empty when their words say it all.
type Kind string

// The kinds.
const (
	None    Kind = ""
	Clinic  Kind = "clinic"
	Theatre Kind = "theatre"
	Round   Kind = "round"
	Break   Kind = "break"
	Busy    Kind = "busy"

	// The protected ones: pages go to the next in line, and their sender is told why.
	Sterile  Kind = "sterile"
	Teaching Kind = "teaching"
	Rest     Kind = "rest"
)

var is = map[Kind]string{Sterile: "is in a sterile procedure", Teaching: "is teaching", Rest: "is on protected rest"}

// Is says, after a name, why pages go to the next in line: "is teaching". It is "" of what is not protected.
func (k Kind) Is() string { return is[k] }

// Protected says whether pages go to the next in line while somebody is busy with this.
func (k Kind) Protected() bool { return is[k] != "" }

var names = map[Kind]string{None: "", Clinic: "In clinic", Theatre: "In theatre", Round: "On a ward round", Break: "On a break", Busy: "Busy",
	Sterile: "In a sterile procedure", Teaching: "Teaching", Rest: "On protected rest"}

// Status is what somebody says of themselves. The zero Status is nothing.
type Status struct {
	Kind  Kind
	Words string
	Until time.Time // zero: until they take it back
}

// Limits of a status.
const (
	maxWords = 140
	longest  = 14 * 24 * time.Hour
	guarded  = 12 * time.Hour // of a protected state: one that is forgotten must not outlast the shift
)

// None says whether nothing is said.
func (s Status) None() bool { return s.Kind == None && s.Words == "" }

// Over says whether a status has ended.
func (s Status) Over(now time.Time) bool { return !s.Until.IsZero() && !now.Before(s.Until) }

// Note is the status in one line, for apps that know only a line.
func (s Status) Note() string {
	parts := []string{}
	for _, p := range []string{names[s.Kind], s.Words} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	note := strings.Join(parts, ": ")
	if note != "" && !s.Until.IsZero() {
		note += " (until " + rota.Local(s.Until).Format("15:04") + ")"
	}
	return note
}

// check makes a status fit to be shown, or says what is wrong with it.
func check(s Status, now time.Time) (Status, error) {
	bad := func(text string) error { return fault.New(fault.Invalid, "M_INVALID_PARAM", text) }
	if _, known := names[s.Kind]; !known {
		return s, bad("A status is clinic, theatre, round, break, busy, sterile, teaching, rest, or words of your own.")
	}
	if !utf8.ValidString(s.Words) {
		return s, bad("The words of the status are not text.")
	}
	s.Words = strings.Join(strings.FieldsFunc(s.Words, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	switch {
	case s.None():
		return s, bad("Write what you are doing, or choose one of the kinds.")
	case utf8.RuneCountInString(s.Words) > maxWords:
		return s, bad("Keep your status under 140 letters.")
	case s.Over(now):
		return s, bad("That time has passed. Choose a later one.")
	case s.Kind.Protected() && (s.Until.IsZero() || s.Until.After(now.Add(guarded))):
		return s, bad("While this lasts, pages go to the next in line. Say until when, within twelve hours.")
	case !s.Until.IsZero() && s.Until.After(now.Add(longest)):
		return s, bad("A status lasts two weeks at most. Leave the end out to take it back yourself.")
	}
	return s, nil
}
