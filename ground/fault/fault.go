// Package fault is the project's one error vocabulary: a closed list of kinds, each with the sentence a stranger may read.
//
// A Fault promises that nothing private reaches the outside: Public is written for the person who gets the answer, Cause is for
// the log. It refuses to be a bag of codes: what the caller must do differently is the Kind, and there are ten.
// Look first at New and KindOf.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what the caller can do about an error. The list is closed.
type Kind int

// The ten kinds. Hidden is for things the actor may not know exist: outside it equals NotFound, in the audit it is a refusal.
const (
	Internal Kind = iota
	Invalid
	Unauthenticated
	Forbidden
	Hidden
	NotFound
	Conflict
	TooLarge
	Limited
	Unavailable
)

var kindNames = [...]string{"internal", "invalid", "unauthenticated", "forbidden", "hidden", "not found", "conflict", "too large", "limited", "unavailable"}

// String names the kind in lower-case words, for logs.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return "unknown"
	}
	return kindNames[k]
}

// Fault is an error with a kind.
type Fault struct {
	Kind       Kind
	Code       string         // the specification's errcode, "" for the kind's default
	Public     string         // one sentence that anybody may read; never patient or message content
	Cause      error          // what really happened; may hold private data, goes to the log only
	RetryAfter time.Duration  // Limited and Unavailable: when to come back, 0 when unknown
	Extra      map[string]any // further members of the JSON answer that a specification asks for
}

// Error describes the fault for a log line; the cause is included, so it must not be sent to a client.
func (f *Fault) Error() string {
	if f.Cause == nil {
		return fmt.Sprintf("%s: %s", f.Kind, f.Public)
	}
	return fmt.Sprintf("%s: %s: %v", f.Kind, f.Public, f.Cause)
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Cause }

// New returns a fault without a cause. Code may be empty: the edge then uses the kind's default errcode.
func New(kind Kind, code, public string) *Fault {
	return &Fault{Kind: kind, Code: code, Public: public}
}

// Wrap returns a fault around a cause that only the log sees.
func Wrap(kind Kind, code, public string, cause error) *Fault {
	return &Fault{Kind: kind, Code: code, Public: public, Cause: cause}
}

// As finds the fault in an error chain, or nil when there is none.
func As(err error) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return nil
}

// KindOf returns the kind of the fault in err; an error without one is Internal. It must not be called with nil.
func KindOf(err error) Kind {
	if f := As(err); f != nil {
		return f.Kind
	}
	return Internal
}

// Is reports whether err holds a fault of the kind. A nil error is of no kind.
func Is(err error, kind Kind) bool {
	f := As(err)
	return f != nil && f.Kind == kind
}

// Hide gives what the actor may not know of, and what does not exist, the same face: Hidden with this code and sentence. Any other
// error stays what it is, so that a failing database never reads as "there is no such thing".
func Hide(err error, code, public string) error {
	if Is(err, Hidden) || Is(err, NotFound) {
		return Wrap(Hidden, code, public, err)
	}
	return err
}
