package paging

import (
	"log/slog"
	"slices"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/patient"
	"wardline/matrix/id"
)

// ID names a page.
type ID string

// Urgency is how fast a page must be answered.
type Urgency string

// The urgencies.
const (
	Urgent    Urgency = "urgent"
	Emergency Urgency = "emergency"
)

// Status says whether a page still needs an answer.
type Status string

// The states of a page. There is no state for giving up.
const (
	Open      Status = "open"
	Accepted  Status = "accepted"
	Withdrawn Status = "withdrawn"
)

// Kind is what happened in a step.
type Kind string

// The kinds of steps.
const (
	Sent       Kind = "sent"
	Reached    Kind = "reached"
	Seen       Kind = "seen"
	Declined   Kind = "declined"
	Passed     Kind = "passed"
	AcceptedBy Kind = "accepted"
	Withdrew   Kind = "withdrawn"
	Exhausted  Kind = "exhausted"
	Redirected Kind = "redirected" // to another post or person, whom the next step names
	Coming     Kind = "coming"     // one of several that are needed has accepted
	Asked      Kind = "asked"      // the note is a question to the sender
	Replied    Kind = "replied"    // the note is the sender's answer
	Second     Kind = "second"     // another device of the holder has it as well; as of Reached, the note says what kind of device

	// What became of telling the holder in another way than the app; the note says in which.
	Tried   Kind = "tried"
	Taken   Kind = "taken"   // by its carrier
	Arrived Kind = "arrived" // on the holder's device
	Failed  Kind = "failed"
)

// PostRef names a post in a page. A person is one as well, by their user id: a post's id never begins with @.
type PostRef struct {
	ID   directory.PostID `json:"id"`
	Name string           `json:"name"`
}

// Sender is who raised a page.
type Sender struct {
	User id.User `json:"user"`
	Name string  `json:"name"`
	Role string  `json:"role"`
}

// Called is one person who is asked to answer, and the post by which they are.
type Called struct {
	Post PostRef `json:"post"`
	User id.User `json:"user"`
	Name string  `json:"name"`
}

// Current is who must answer now: one person, and those who are called beside them. User is empty when nobody holds the post; DueAt is 0
// on the last rung.
type Current struct {
	Rung    int      `json:"rung"`
	Post    PostRef  `json:"post"`
	User    id.User  `json:"user"`
	Name    string   `json:"name"`
	With    []Called `json:"with,omitempty"`
	Since   int64    `json:"since"`
	AskedAt int64    `json:"asked_at,omitempty"` // since when the rung's time runs anew because the sender was asked
	DueAt   int64    `json:"due_at"`
}

// All returns everybody who is called, the first one first.
func (c Current) All() []Called {
	if c.User == "" {
		return c.With
	}
	return append([]Called{{c.Post, c.User, c.Name}}, c.With...)
}

// Calls says whether the user is asked to answer.
func (c Current) Calls(user id.User) bool {
	return user != "" && (c.User == user || slices.ContainsFunc(c.With, func(w Called) bool { return w.User == user }))
}

// NextUp is who gets the page when the current rung's time has passed.
type NextUp struct {
	Post PostRef `json:"post"`
	Name string  `json:"name"`
}

// Acceptance is the answer that closed a page.
type Acceptance struct {
	User       id.User `json:"user"`
	Name       string  `json:"name"`
	At         int64   `json:"at"`
	ETAMinutes int     `json:"eta_minutes"`
}

// Event is one step that has happened.
type Event struct {
	Kind     Kind    `json:"kind"`
	At       int64   `json:"at"`
	User     id.User `json:"user"`
	Name     string  `json:"name"`
	PostName string  `json:"post_name"`
	Note     string  `json:"note"`
	Why      Reason  `json:"why,omitzero"` // what Note says, when nobody wrote it
	By       id.User `json:"by,omitempty"` // who told it on behalf of User; "" when User did it
}

// Snapshot is a page as everybody sees it. Instants are milliseconds since 1970 UTC. Seq grows with each step, so whoever holds two
// knows which is older. It prints as [hidden].
//
// hazard: H12 offline device shows old state as current
type Snapshot struct {
	ID        ID           `json:"id"`
	EventID   id.Event     `json:"event_id"`
	RoomID    id.Room      `json:"room_id"`
	Seq       int64        `json:"seq"`
	Urgency   Urgency      `json:"urgency"`
	Post      PostRef      `json:"post"`
	Patient   *patient.Ref `json:"patient"`
	Where     string       `json:"where"`
	What      string       `json:"what"`
	Need      string       `json:"need"`
	Callback  string       `json:"callback"`
	From      Sender       `json:"from"`
	RaisedAt  int64        `json:"raised_at"`
	Status    Status       `json:"status"`
	Current   Current      `json:"current"`
	Next      *NextUp      `json:"next"`
	Accepted  *Acceptance  `json:"accepted"`
	Quorum    int          `json:"quorum,omitempty"` // how many must accept; 0 and 1 are one
	Coming    []Acceptance `json:"coming,omitempty"` // who has accepted while more are needed, and in the end everybody who did
	Policy    int64        `json:"policy,omitempty"` // the version of the policy by which it was raised, 0 for the program's own
	Exhausted bool         `json:"exhausted"`
	Steps     []Event      `json:"steps"`
}

// LogValue implements slog.LogValuer.
func (Snapshot) LogValue() slog.Value { return slog.StringValue("[hidden]") }

// String hides the page from careless printing.
func (Snapshot) String() string { return "[hidden]" }

// GoString hides the page from careless printing.
func (Snapshot) GoString() string { return "[hidden]" }

// Rung is one stage of a ladder: a post, and who else is called with its holder.
type Rung struct {
	PostRef
	With []PostRef     `json:"with,omitempty"`
	All  bool          `json:"all,omitempty"` // everybody who holds these posts, not only the first of each
	For  time.Duration `json:"for,omitempty"` // how long it has; 0 is the page's RungFor
}

// Page is a page with what only the rules need: the snapshot, the ladder fixed when it was raised, and the clock.
type Page struct {
	Snapshot
	Ladder    []Rung        `json:"ladder"`   // rung 0 is the paged post, the last one is the switchboard
	RungFor   time.Duration `json:"rung_for"` // how long a rung has, fixed when raised: a new policy does not move running pages
	WakeAt    int64         `json:"wake_at"`  // when Step must be called again; 0 once closed
	Passers   []id.User     `json:"passers"`  // who said they cannot come
	Redirects int           `json:"redirects,omitempty"`
	Heard     []Heard       `json:"heard,omitempty"`    // by which device each of those called was reached first
	Practice  bool          `json:"practice,omitempty"` // a drill or a test: it goes like any other, and is in no measure
}

// Heard is the device by which a page first reached somebody who is called. It is in no snapshot: which devices somebody has is their business.
type Heard struct {
	User   id.User   `json:"user"`
	Device id.Device `json:"device"`
}

// clone returns a copy that shares nothing which Step changes.
func (p Page) clone() Page {
	p.Steps, p.Passers, p.Ladder = slices.Clone(p.Steps), slices.Clone(p.Passers), slices.Clone(p.Ladder)
	p.Coming, p.Current.With, p.Heard = slices.Clone(p.Coming), slices.Clone(p.Current.With), slices.Clone(p.Heard)
	return p
}

// last says whether the page is on the last rung.
func (p Page) last() bool { return p.Current.Rung == len(p.Ladder)-1 }

// allowed is how long the rung has, and longest how long any has.
func (p Page) allowed(rung int) time.Duration {
	if rung < len(p.Ladder) && p.Ladder[rung].For > 0 {
		return p.Ladder[rung].For
	}
	return p.RungFor
}

func (p Page) longest() time.Duration {
	most := max(p.RungFor, lookAgain) // the last rung
	for i := range p.Ladder {
		most = max(most, p.allowed(i))
	}
	return most
}

// had says whether somebody who is called has had a step of this kind since the page came to them.
func (p Page) had(kind Kind, user id.User) bool {
	return slices.ContainsFunc(p.Steps, func(e Event) bool { return e.Kind == kind && e.User == user && e.At >= p.Current.Since })
}

// first is the device by which the page reached somebody, "" for none that is known.
func (p Page) first(user id.User) id.Device {
	for _, h := range p.Heard {
		if h.User == user {
			return h.Device
		}
	}
	return ""
}

// began is since when the rung's time runs.
func (p Page) began() int64 { return max(p.Current.Since, p.Current.AskedAt) }

// comes says whether somebody has accepted a page that needs more people.
func (p Page) comes(user id.User) bool {
	return slices.ContainsFunc(p.Coming, func(a Acceptance) bool { return a.User == user })
}
