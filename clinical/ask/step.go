package ask

import (
	"fmt"
	"slices"
	"time"

	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Verb is what is done to an ask.
type Verb int

// The verbs. Tick is the clock's.
const (
	Tick Verb = iota
	Take
	Pass
	Answer
	Finish
	Close
	Follow // the owner's post has changed hands
)

// Input is one thing that happens, with who holds the owner's post as it does.
type Input struct {
	Verb    Verb
	By      Who
	To      Owner // Pass: who owes it from now on
	Holders []Who // of the owner's post, or of To's
}

// Effect is what must be told: to everybody as a line, and to those named so that they hear.
type Effect struct {
	Step Event
	Hear []id.User
}

var (
	errNotOwner = fault.New(fault.Forbidden, "M_FORBIDDEN", "Only whoever owes the answer can do that.")
	errNotAsker = fault.New(fault.Forbidden, "M_FORBIDDEN", "Only whoever asked can close it.")
	errClosed   = fault.New(fault.Conflict, "UK_WARDLINE_CLOSED", "This has been answered or closed already.")
)

// owes says whether somebody may act as the owner: they are it, they hold the post now, or anybody may.
func owes(s State, in Input) bool {
	if s.Owner.Post != nil && slices.ContainsFunc(in.Holders, func(h Who) bool { return h.User == in.By.User }) {
		return true
	}
	return s.Owner.User == in.By.User || s.Owner.User == "" && s.Owner.Post == nil && in.By.User != s.From.User
}

// Step is the whole rule: given an ask, the instant and what happens, it returns the ask afterwards and what must be told. It is pure.
// An error changes nothing. The same act again by the same person is no error and has no effect.
func Step(s State, now time.Time, in Input) (State, []Effect, error) {
	at := now.UnixMilli()
	s.Steps = slices.Clone(s.Steps)
	if s.Status != Open {
		if in.Verb == Tick || in.Verb == Follow || repeated(s, in) {
			return s, nil, nil
		}
		return s, nil, errClosed
	}
	switch in.Verb {
	case Tick:
		s, effects := tick(s, at, in)
		return s, effects, nil
	case Follow:
		s, effects := follow(s, at, in)
		return s, effects, nil
	case Close:
		if in.By.User != s.From.User {
			return s, nil, errNotAsker
		}
		s, e := end(s, at, in.By, Closed)
		return s, []Effect{e}, nil
	case Pass:
		if !owes(s, in) && in.By.User != s.From.User {
			return s, nil, errNotOwner
		}
		s.Owner = in.To
		s, e := step(s, Event{Kind: Passed, At: at, User: in.By.User, Name: in.By.Name})
		e.Hear = others([]id.User{s.Owner.User}, in.By.User)
		return s, []Effect{e}, nil
	}
	if !owes(s, in) {
		return s, nil, errNotOwner
	}
	if in.Verb == Take {
		if n := len(s.Steps); n > 0 && s.Steps[n-1].Kind == Taken && s.Steps[n-1].User == in.By.User {
			return s, nil, nil
		}
		s.Owner.Who = in.By
		s, e := step(s, Event{Kind: Taken, At: at, User: in.By.User, Name: in.By.Name})
		return s, []Effect{e}, nil
	}
	status := Answered
	if in.Verb == Finish {
		status = Done
	}
	s, e := end(s, at, in.By, status)
	return s, []Effect{e}, nil
}

// follow brings what a post owes to whoever holds it now. While nobody does, or only whoever asked, it stays with whom it was.
//
// hazard: H3 noticed, nobody owns it
func follow(s State, at int64, in Input) (State, []Effect) {
	i := slices.IndexFunc(in.Holders, func(h Who) bool { return h.User != s.From.User })
	if s.Owner.Post == nil || i < 0 || slices.ContainsFunc(in.Holders, func(h Who) bool { return h.User == s.Owner.User }) {
		return s, nil
	}
	s.Owner.Who = in.Holders[i]
	s, e := step(s, Event{Kind: Moved, At: at, User: s.Owner.User, Name: s.Owner.Name})
	e.Hear = []id.User{s.Owner.User}
	return s, []Effect{e}
}

// repeated says whether the act is what closed the ask.
func repeated(s State, in Input) bool {
	want := map[Verb]Status{Answer: Answered, Finish: Done, Close: Closed}[in.Verb]
	return want == s.Status && s.Steps[len(s.Steps)-1].User == in.By.User
}

func step(s State, e Event) (State, Effect) {
	s.Steps = append(s.Steps, e)
	s.Seq = int64(len(s.Steps))
	return s, Effect{Step: e}
}

func end(s State, at int64, by Who, status Status) (State, Effect) {
	s.Status, s.WakeAt = status, 0
	return step(s, Event{Kind: string(status), At: at, User: by.User, Name: by.Name})
}

func others(list []id.User, but id.User) []id.User {
	return slices.DeleteFunc(list, func(u id.User) bool { return u == "" || u == but })
}

// tick lets time pass. A clock that jumped over several instants tells only of the last.
func tick(s State, at int64, in Input) (State, []Effect) {
	stages := []struct {
		at   int64
		kind string
	}{{s.RemindAt, Reminded}, {s.DueAt, Overdue}, {s.TellAt, Unanswered}}
	reached := s.Stage
	for reached < len(stages) && at >= stages[reached].at {
		reached++
	}
	var effects []Effect
	if reached > s.Stage {
		s.Stage = reached
		if s.Owner.Post != nil && len(in.Holders) > 0 && !slices.ContainsFunc(in.Holders, func(h Who) bool { return h.User == s.Owner.User }) {
			s.Owner.Who = in.Holders[0] // the post has changed hands, and the question with it
		}
		var e Effect
		s, e = step(s, Event{Kind: stages[reached-1].kind, At: at, User: s.Owner.User, Name: s.Owner.Name})
		if e.Hear = []id.User{s.Owner.User}; reached > 1 {
			e.Hear = append(e.Hear, s.From.User)
		}
		e.Hear = others(e.Hear, "")
		effects = append(effects, e)
	}
	if s.WakeAt = 0; s.Stage < len(stages) {
		s.WakeAt = stages[s.Stage].at
	}
	return s, effects
}

// Check says what is wrong with an ask, or nil: tests hold every step to it, and the shell stores none that fails it.
func Check(s State) error {
	ends := 0
	for _, e := range s.Steps {
		if e.Kind == string(Answered) || e.Kind == string(Done) || e.Kind == string(Closed) {
			ends++
		}
	}
	switch {
	case s.Seq != int64(len(s.Steps)) || s.Seq == 0:
		return fmt.Errorf("ask %s: %d steps, seq %d", s.ID, len(s.Steps), s.Seq)
	case (s.Status == Open) != (ends == 0) || ends > 1:
		return fmt.Errorf("ask %s: %s with %d ends", s.ID, s.Status, ends)
	case s.Status == Open && s.Stage < 3 && s.WakeAt <= 0:
		return fmt.Errorf("ask %s: open at stage %d, and its clock stands", s.ID, s.Stage)
	case s.Status != Open && s.WakeAt != 0:
		return fmt.Errorf("ask %s: closed, but its clock runs", s.ID)
	}
	return nil
}
