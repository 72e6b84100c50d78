package paging

import (
	"fmt"

	"wardline/clinical/status"
)

// Reason is why a page went on, or past somebody, as a code with its fact, so that an app says it in its reader's language. What a person
// wrote has no Reason: those are their own words. The sentence for everybody else is the Note beside it.
type Reason struct {
	Code Why    `json:"code"`
	Name string `json:"name,omitempty"` // the person or post that it is about, "" for none
	// Minutes is of There: how many.
	Minutes int `json:"minutes,omitempty"`
}

// Why is the code of a Reason. A protected status.Kind is one as well; new ones may come, and whoever does not know one shows the note.
type Why string

// The reasons.
const (
	NoAnswer  Why = "no_answer"
	Changed   Why = "changed_hands"
	MoreWho   Why = "more_needed"
	HandedOn  Why = "redirected" // by Name
	NoneCome  Why = "declined"   // and nobody is left
	Empty     Why = "empty"      // nobody holds Name, or the post beside it
	AskedYet  Why = "asked"      // Name has been asked, or sent it
	OffDuty   Why = "off_duty"   // Name is
	There     Why = "there"      // they are, in Minutes
	NoPages   Why = "unpageable" // this post cannot be paged
	OtherSeat Why = "other_seat" // Name comes to the same emergency in another
)

// String is the sentence of a reason, "" for none.
func (r Reason) String() string {
	switch r.Code {
	case "":
		return ""
	case NoAnswer:
		return "no answer"
	case Changed:
		return "the post changed hands"
	case MoreWho:
		return "more people are needed"
	case HandedOn:
		return "redirected by " + r.Name
	case NoneCome:
		return "declined"
	case Empty:
		if r.Name == "" {
			return "nobody holds it"
		}
		return "nobody holds " + r.Name
	case AskedYet:
		return r.Name + " has been asked, or sent it"
	case OffDuty:
		return r.Name + " is off duty"
	case There:
		return fmt.Sprintf("in %d min", r.Minutes)
	case NoPages:
		return "this post cannot be paged"
	case OtherSeat:
		return r.Name + " comes in another seat"
	}
	return r.Name + " " + status.Kind(r.Code).Is()
}

// reason is why a holder is not to be asked while anybody else can be, none when they may be.
func (h Holder) reason() Reason {
	switch {
	case h.Off:
		return Reason{Code: OffDuty, Name: h.Name}
	case h.Busy != status.None:
		return Reason{Code: Why(h.Busy), Name: h.Name}
	}
	return Reason{}
}
