package emergency

import (
	"log/slog"
	"slices"

	"wardline/clinical/directory"
	"wardline/clinical/paging"
	"wardline/clinical/patient"
	"wardline/matrix/id"
)

// ID names a call.
type ID string

// TeamID names a team that can be called.
type TeamID string

// Seat is one post of a team. The first seat leads unless somebody takes the lead.
type Seat struct {
	Post     directory.PostID `json:"post"`
	Required bool             `json:"required"` // without it the team is not complete, and the board says so
}

// Team is what can be called: "Adult cardiac arrest". Its seats are in the order in which the board shows them.
type Team struct {
	ID    TeamID
	Name  string
	Seats []Seat
}

// Status says whether a call goes on.
type Status string

// The states of a call.
const (
	Open      Status = "open"
	StoodDown Status = "stood_down"
)

// State is how far one seat is.
type State string

// The states of a seat. Reached and Seen are of whoever is asked now.
const (
	Calling  State = "calling"
	Reached  State = "reached"
	Seen     State = "seen"
	Coming   State = "coming"
	Here     State = "here"
	Released State = "released" // the call was stood down before anybody came
)

// Kind is what happened to a call.
type Kind string

// What happens to a call.
const (
	Raised      Kind = "raised"
	Told        Kind = "told"    // somebody was asked to fill a seat
	ReachedKind Kind = "reached" // their device has it
	SeenKind    Kind = "seen"    // they looked
	ComingKind  Kind = "coming"
	MissingKind Kind = "missing" // nobody is left to ask but the switchboard
	HereKind    Kind = "here"
	LeftKind    Kind = "left"
	Leads       Kind = "leads"
	Ended       Kind = "stood_down"
)

// Who is a person in a call.
type Who struct {
	User id.User `json:"user"`
	Name string  `json:"name"`
}

// Sender is who raised a call.
type Sender struct {
	User id.User `json:"user"`
	Name string  `json:"name"`
	Role string  `json:"role"`
}

// TeamRef names a team in a call.
type TeamRef struct {
	ID   TeamID `json:"id"`
	Name string `json:"name"`
}

// SeatNow is a seat as it is. Instants are milliseconds since 1970 UTC, 0 for not yet.
type SeatNow struct {
	Post     paging.PostRef `json:"post"`
	Required bool           `json:"required"`
	Page     paging.ID      `json:"page"` // "" when whoever raised the call fills it, or nobody could be asked
	State    State          `json:"state"`
	User     id.User        `json:"user"` // who is asked, comes or is there; "" for nobody
	Name     string         `json:"name"`
	As       paging.PostRef `json:"as"`      // the post by which they are asked: another one further up the ladder
	Since    int64          `json:"since"`   // since when they are asked
	DueAt    int64          `json:"due_at"`  // when the next is asked, 0 for nobody is left
	Next     string         `json:"next"`    // who that is
	Missing  bool           `json:"missing"` // required, and not answered by the post itself
	ComingAt int64          `json:"coming_at"`
	ETAAt    int64          `json:"eta_at"`
	HereAt   int64          `json:"here_at"`
}

// Filled says whether somebody comes or is there.
func (s SeatNow) Filled() bool { return s.State == Coming || s.State == Here }

// Present is somebody who is there without a seat.
type Present struct {
	Who
	At int64 `json:"at"`
}

// End is how a call ended.
type End struct {
	Who
	At     int64  `json:"at"`
	Reason string `json:"reason"`
}

// Snapshot is a call as everybody in its room sees it. Of two, the one with the higher Seq is newer. It prints as [hidden].
//
// hazard: H12 offline device shows old state as current
type Snapshot struct {
	ID       ID           `json:"id"`
	EventID  id.Event     `json:"event_id"`
	RoomID   id.Room      `json:"room_id"`
	Seq      int64        `json:"seq"`
	Team     TeamRef      `json:"team"`
	Drill    bool         `json:"drill"`
	Place    string       `json:"place"`
	What     string       `json:"what"`
	Patient  *patient.Ref `json:"patient"`
	From     Sender       `json:"from"`
	RaisedAt int64        `json:"raised_at"`
	Status   Status       `json:"status"`
	Leader   *Who         `json:"leader"`
	Seats    []SeatNow    `json:"seats"`
	Present  []Present    `json:"present"`
	Ended    *End         `json:"ended"`
}

// LogValue implements slog.LogValuer.
func (Snapshot) LogValue() slog.Value { return slog.StringValue("[hidden]") }

// String hides a call from careless printing.
func (Snapshot) String() string { return "[hidden]" }

// GoString hides a call from careless printing.
func (Snapshot) GoString() string { return "[hidden]" }

// Title is what a call is called: "DRILL: Adult cardiac arrest, Ward 7".
func (s Snapshot) Title() string {
	title := s.Team.Name + ", " + s.Place
	if s.Drill {
		return "DRILL: " + title
	}
	return title
}

// Event is one thing that has happened. Post names the seat, "" for the whole call; By is who said it when User did not.
type Event struct {
	Kind     Kind             `json:"kind"`
	At       int64            `json:"at"`
	Post     directory.PostID `json:"post"`
	PostName string           `json:"post_name"`
	User     id.User          `json:"user"`
	Name     string           `json:"name"`
	By       string           `json:"by"`
	Note     string           `json:"note"`
	Why      paging.Reason    `json:"why,omitzero"` // what Note says, when nobody wrote it
}

// Call is a call with everything that has happened, oldest first.
type Call struct {
	Snapshot
	Steps []Event `json:"steps"`
}

// clone returns a copy that shares nothing which Step changes.
func (c Call) clone() Call {
	c.Seats, c.Present, c.Steps = slices.Clone(c.Seats), slices.Clone(c.Present), slices.Clone(c.Steps)
	return c
}

// seat finds a seat by what it is, -1 for none.
func (c *Call) seat(is func(*SeatNow) bool) int {
	for i := range c.Seats {
		if is(&c.Seats[i]) {
			return i
		}
	}
	return -1
}

// theirs are the seats that somebody fills by being there: the one that is named; those they have said they come for; their own, whose page
// may have gone on to the next meanwhile; or else one that they are, or were, asked to fill.
func (c *Call) theirs(user id.User, post directory.PostID) []int {
	var all []int
	for i := range c.Seats {
		if st := &c.Seats[i]; post != "" && st.Post.ID == post || post == "" && st.Filled() && st.User == user {
			all = append(all, i)
		}
	}
	if post != "" || len(all) > 0 {
		return all
	}
	for _, is := range []func(*SeatNow) bool{
		func(st *SeatNow) bool { return c.first(st.Post.ID) == user },
		func(st *SeatNow) bool { return st.User == user },
		func(st *SeatNow) bool { return c.asked(user, st.Post.ID) },
	} {
		if i := c.seat(func(st *SeatNow) bool { return !st.Filled() && is(st) }); i >= 0 {
			return []int{i}
		}
	}
	return nil
}

// first is who was asked first to fill a seat.
func (c *Call) first(post directory.PostID) id.User {
	for _, e := range c.Steps {
		if e.Kind == Told && e.Post == post {
			return e.User
		}
	}
	return ""
}

// asked says whether somebody was ever asked to fill the seat.
func (c *Call) asked(user id.User, post directory.PostID) bool {
	return slices.ContainsFunc(c.Steps, func(e Event) bool { return e.Kind == Told && e.User == user && e.Post == post })
}

// Conducts says whether somebody may mark who is there and stand the call down: whoever leads, whoever raised it, or the switchboard.
func (s Snapshot) Conducts(user id.User, board bool) bool {
	return board || user == s.From.User || s.Leader != nil && s.Leader.User == user
}
