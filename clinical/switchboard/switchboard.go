package switchboard

import (
	"log/slog"

	"wardline/clinical/directory"
	"wardline/clinical/paging"
	"wardline/clinical/reach"
	"wardline/clinical/rota"
	"wardline/matrix/id"
)

// Outcome is what came of calling somebody by telephone.
type Outcome string

// The outcomes. Only Coming ends a page.
const (
	Coming   Outcome = "coming"
	Declined Outcome = "cannot_come"
	NoAnswer Outcome = "no_answer"
	Message  Outcome = "message_left"
)

var said = map[Outcome]string{Coming: "spoken to, coming", Declined: "spoken to, cannot come", NoAnswer: "no answer", Message: "message left"}

// Spoke is one telephone call that an operator made about a page.
type Spoke struct {
	At      int64   `json:"at"`
	By      id.User `json:"by"`
	ByName  string  `json:"by_name"`
	User    id.User `json:"user"`
	Name    string  `json:"name"`
	Outcome Outcome `json:"outcome"`
	Note    string  `json:"note"`
}

// Post is a post on the console, those that want somebody first.
type Post struct {
	directory.Post
	Holders []Holder
	Must    int
	Alarm   *rota.Alarm
	Next    *rota.Duty
	Reach   []paging.Way // of whoever came last; nil where there are too many posts to ask for all
}

// Holder is who holds a post, and since when and until when.
type Holder struct {
	User  id.User
	Name  string
	Since int64
	Until int64
}

// short says whether too few hold the post, or an alarm is open.
func (p Post) short() bool { return p.Alarm != nil || len(p.Holders) < p.Must && p.Critical }

// Gap is when a critical post has too few people within the next day.
type Gap struct {
	Post  paging.PostRef `json:"post"`
	From  int64          `json:"from"`
	Until int64          `json:"until"`
}

// Rung is who can be called out for a page: a post of its ladder, its holder, and the numbers that the trust keeps.
type Rung struct {
	Post     paging.PostRef
	User     id.User
	Name     string
	Contacts []reach.Contact
}

// Detail is a page as an operator works on it. It prints as [hidden].
type Detail struct {
	Page  paging.Snapshot
	Rungs []Rung
	Spoke []Spoke
}

// LogValue implements slog.LogValuer.
func (Detail) LogValue() slog.Value { return slog.StringValue("[hidden]") }

// Line is one line of the log.
type Line struct {
	At     int64  `json:"at"`
	Who    string `json:"who"`
	Action string `json:"action"`
	Object string `json:"object"`
	Detail string `json:"detail"`
	// Code and Facts are what Action and Detail say, for an app that speaks another language; new ones may come.
	Code  string `json:"code"`
	Facts []Fact `json:"facts"`
}

// Fact is one part of a line's detail.
type Fact struct {
	Kind  string `json:"kind"`  // post, holder, user, outcome, for, or name
	Value string `json:"value"` // a name; of outcome its code
}
