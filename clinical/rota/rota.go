package rota

import (
	"time"

	"wardline/clinical/directory"
	"wardline/matrix/id"
)

// DutyID names a duty.
type DutyID string

// Duty is an interval in which a person holds a post.
type Duty struct {
	ID     DutyID
	Post   directory.PostID
	User   id.User
	Name   string // the person's name, filled by reads
	From   time.Time
	Until  time.Time // the first instant that no longer belongs to the duty
	Draft  bool      // not published: nobody holds a post by it
	Source string    // where it comes from: "" typed in, "pattern:…", "feed:…"
	Ref    string    // what it is called there
	How    How       // of a holder: in which way they came to the post
}

// Covers says whether the duty holds at the instant.
func (d Duty) Covers(at time.Time) bool { return !at.Before(d.From) && at.Before(d.Until) }
