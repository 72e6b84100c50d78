package ask

import (
	"log/slog"
	"time"

	"wardline/clinical/directory"
	"wardline/matrix/id"
)

// ID names a question or a request.
type ID string

// Kind is what is asked for.
type Kind string

// The kinds. A question is answered by words, a request by being done.
const (
	Question Kind = "question"
	Request  Kind = "request"
)

// Status says whether something is still owed.
type Status string

// The states.
const (
	Open     Status = "open"
	Answered Status = "answered"
	Done     Status = "done"
	Closed   Status = "closed" // by whoever asked: no longer needed
)

// What happens to an ask.
const (
	Asked      = "asked"
	Taken      = "taken"
	Passed     = "passed"
	Reminded   = "reminded"
	Overdue    = "overdue"
	Unanswered = "unanswered"
	Moved      = "moved" // with its post, to whoever holds that now
)

// Post names a post in an ask.
type Post struct {
	ID   directory.PostID `json:"id"`
	Name string           `json:"name"`
}

// Who is a person in an ask.
type Who struct {
	User id.User `json:"user"`
	Name string  `json:"name"`
}

// Owner owes the answer: a person, or whoever holds a post. Both empty is anybody in the conversation.
type Owner struct {
	Who
	Post *Post `json:"post"`
}

// Event is one step that has happened.
type Event struct {
	Kind string  `json:"kind"`
	At   int64   `json:"at"`
	User id.User `json:"user"`
	Name string  `json:"name"`
}

// Snapshot is an ask as everybody in its conversation sees it. Instants are milliseconds since 1970 UTC. Of two, the one with the
// higher Seq is newer. It prints as [hidden].
type Snapshot struct {
	ID      ID       `json:"id"`
	EventID id.Event `json:"event_id"`
	RoomID  id.Room  `json:"room_id"`
	Seq     int64    `json:"seq"`
	Kind    Kind     `json:"kind"`
	Text    string   `json:"text"`
	From    Who      `json:"from"`
	Owner   Owner    `json:"owner"`
	AskedAt int64    `json:"asked_at"`
	DueAt   int64    `json:"due_at"`
	Status  Status   `json:"status"`
	Steps   []Event  `json:"steps"`
}

// LogValue implements slog.LogValuer.
func (Snapshot) LogValue() slog.Value { return slog.StringValue("[hidden]") }

// String hides an ask from careless printing.
func (Snapshot) String() string { return "[hidden]" }

// GoString hides an ask from careless printing.
func (Snapshot) GoString() string { return "[hidden]" }

// State is an ask with what only the rules need. The times are fixed when it is asked: a new policy moves no running ask.
type State struct {
	Snapshot
	RemindAt int64 `json:"remind_at"`
	TellAt   int64 `json:"tell_at"` // when the asker hears that nobody answered
	Stage    int   `json:"stage"`   // how many of reminder, overdue and unanswered have been
	WakeAt   int64 `json:"wake_at"` // when Step must be called again; 0 when nothing more happens by itself
}

// Policy is what the trust promises for each kind.
type Policy struct {
	Question time.Duration // how long a question may wait
	Request  time.Duration // how long a request may wait
	Remind   time.Duration // how long before the end its owner is reminded
	Escalate time.Duration // how long after the end its asker is told
}

// DefaultPolicy is what a trust begins with.
func DefaultPolicy() Policy {
	return Policy{Question: 2 * time.Hour, Request: 4 * time.Hour, Remind: 15 * time.Minute, Escalate: 15 * time.Minute}
}

// Within is how long a kind may wait.
func (p Policy) Within(k Kind) time.Duration {
	if k == Request {
		return max(p.Request, time.Minute)
	}
	return max(p.Question, time.Minute)
}
