package paging

import (
	"slices"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Verb is what is done to a page.
type Verb int

// The verbs. Tick is the clock's.
const (
	Raise Verb = iota
	Tick
	Reach
	See
	Accept
	Decline
	Withdraw
	Carry
)

// Holder is who holds a post of the ladder at the instant of a step. User is empty when nobody does; Until is the end of the duty
// in milliseconds, 0 when it has none.
type Holder struct {
	User  id.User
	Name  string
	Until int64
}

// Input is one thing that happens to a page, with the world as it is then.
type Input struct {
	Verb       Verb
	User       id.User // who acts; empty for Tick
	Name       string
	Reason     string
	ETAMinutes int
	Carried    Kind                        // of Carry: Tried, Taken, Arrived or Failed
	Since      int64                       // of Carry: since when the holder had the page when it was sent out to them
	Holders    map[directory.PostID]Holder // of every post of the ladder
	For        id.User                     // of AnswerFor: who comes; User tells it
	ForName    string
}

// Effect is what the shell must do in the same transaction as it stores the page.
type Effect struct {
	Step Event   // tell the room
	Join id.User // and bring this person into the room first, when set
}

var (
	errNotHolder = fault.New(fault.Forbidden, "M_FORBIDDEN", "Only the person who must answer this page now can do that.")
	errNotSender = fault.New(fault.Forbidden, "M_FORBIDDEN", "Only the person who sent this page can withdraw it.")
	errClosed    = fault.New(fault.Conflict, "UK_WARDLINE_CLOSED", "This page is already closed.")
	errETA       = fault.New(fault.Invalid, "M_INVALID_PARAM", "Say in how many minutes, between 0 and 240.")
)

// Step is the whole rule of escalation: given a page, the instant and what happens, it returns the page afterwards and what must be
// told. It is pure; the page that it got is not changed. An error changes nothing: fault.Forbidden when somebody else must act,
// fault.Conflict when the page is closed. A repeat of what has already been done (the same person accepts again, sees again) is no
// error and has no effect, because an answer over bad Wi-Fi is sent twice.
//
// What keeps a page safe: while it is open, WakeAt is set and lies at most one rung's time ahead; a rung that nobody holds, or whose
// holder sent the page or has declined it, is skipped at once; the page follows its post when a duty ends; the last rung keeps it.
//
// hazard: H1 urgent message not delivered
// hazard: H3 noticed, nobody owns it
// hazard: H18 clock skew reorders events
func Step(p Page, now time.Time, in Input) (Page, []Effect, error) {
	at := now.UnixMilli()
	if in.Verb == Raise {
		return raise(p.clone(), at, in)
	}
	if p.Status != Open {
		return closed(p, in)
	}
	s := stepper{page: p.clone(), at: at, in: in}
	s.page.Current.Since = min(s.page.Current.Since, at) // the clock was set back: the rung begins again
	if err := s.do(); err != nil {
		return p, nil, err
	}
	s.aim()
	return s.page, s.effects, nil
}

func raise(p Page, at int64, in Input) (Page, []Effect, error) {
	if len(p.Ladder) == 0 || p.RungFor <= 0 {
		return p, nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "This post cannot be paged.")
	}
	p.RaisedAt, p.Status, p.Accepted, p.Exhausted, p.Steps, p.Passers, p.Seq = at, Open, nil, false, nil, nil, 0
	s := stepper{page: p, at: at, in: in}
	s.add(Event{Kind: Sent, User: p.From.User, Name: p.From.Name, PostName: p.Ladder[0].Name})
	s.enter(0, "")
	s.aim()
	return s.page, s.effects, nil
}

// closed answers whatever comes after the end: repeats are fine, the rest is not.
func closed(p Page, in Input) (Page, []Effect, error) {
	switch {
	case in.Verb == Tick, in.Verb == Reach, in.Verb == See, in.Verb == Carry:
		return p, nil, nil
	case in.Verb == Accept && p.Accepted != nil && p.Accepted.User == in.User:
		return p, nil, nil
	case in.Verb == Withdraw && p.Status == Withdrawn && p.From.User == in.User:
		return p, nil, nil
	case in.Verb == AnswerFor && p.Accepted != nil && p.Accepted.User == in.For, in.Verb == StandDown && p.Status == Withdrawn, in.Verb == PassOver:
		return p, nil, nil
	case in.Verb == Withdraw && p.From.User != in.User:
		return p, nil, errNotSender
	}
	return p, nil, errClosed
}

type stepper struct {
	page    Page
	at      int64
	in      Input
	effects []Effect
}

func (s *stepper) do() error {
	p := &s.page
	mine := s.in.User != "" && s.in.User == p.Current.User
	switch s.in.Verb {
	case Tick:
		s.tick()
	case Reach:
		if mine && !p.had(Reached) && !p.had(Seen) {
			s.add(Event{Kind: Reached, User: s.in.User, Name: p.Current.Name, PostName: p.Current.Post.Name})
		}
	case See:
		if mine && !p.had(Seen) {
			s.add(Event{Kind: Seen, User: s.in.User, Name: p.Current.Name, PostName: p.Current.Post.Name})
		}
	case Accept:
		switch {
		case !mine:
			return errNotHolder
		case s.in.ETAMinutes < 0 || s.in.ETAMinutes > 240:
			return errETA
		}
		p.Status = Accepted
		p.Accepted = &Acceptance{User: s.in.User, Name: p.Current.Name, At: s.at, ETAMinutes: s.in.ETAMinutes}
		s.add(Event{Kind: AcceptedBy, User: s.in.User, Name: p.Current.Name, PostName: p.Current.Post.Name})
	case Decline:
		if !mine {
			return errNotHolder
		}
		s.decline()
	case Carry:
		s.carry()
	case Withdraw:
		if s.in.User == "" || s.in.User != p.From.User {
			return errNotSender
		}
		p.Status = Withdrawn
		s.add(Event{Kind: Withdrew, User: p.From.User, Name: p.From.Name, Note: s.in.Reason})
	default:
		return s.behalf()
	}
	return nil
}

// maxCarried bounds what is noted of carriers while one holder has a page.
//
// hazard: H8 escalation loops or storms
const maxCarried = 24

// carry notes how telling the holder in another way goes. It moves nothing: only a person's answer does. What comes late, after the page
// has moved on, changes nothing.
func (s *stepper) carry() {
	p := &s.page
	if s.in.User != p.Current.User || s.in.Since != p.Current.Since { // a switchboard that nobody holds has a telephone all the same
		return
	}
	noted := 0
	for _, e := range p.Steps {
		if e.At < p.Current.Since || e.User != p.Current.User || !e.Kind.carried() {
			continue
		}
		if noted++; e.Kind == s.in.Carried && e.Note == s.in.Reason {
			return // a repeat
		}
	}
	if s.in.Carried.carried() && noted < maxCarried {
		s.add(Event{Kind: s.in.Carried, User: p.Current.User, Name: p.Current.Name, PostName: p.Current.Post.Name, Note: s.in.Reason})
	}
}

func (k Kind) carried() bool { return k == Tried || k == Taken || k == Arrived || k == Failed }

// decline notes that the holder cannot come and passes the page on at once; on the last rung it stays, and rings on.
func (s *stepper) decline() {
	p := &s.page
	first := !slices.Contains(p.Passers, p.Current.User)
	if first {
		p.Passers = append(p.Passers, p.Current.User)
		s.add(Event{Kind: Declined, User: p.Current.User, Name: p.Current.Name, PostName: p.Current.Post.Name, Note: s.in.Reason})
	}
	switch {
	case !p.last():
		s.enter(p.Current.Rung+1, "")
	case !p.Exhausted:
		s.exhaust("declined")
	}
}

// tick lets time pass: the page follows its post to a new holder, or moves on when the rung's time is over. It moves one rung at a
// time, however late the tick is: after an outage the next holder still gets the whole time.
func (s *stepper) tick() {
	p := &s.page
	h := s.in.Holders[p.Current.Post.ID]
	changed := h.User != p.Current.User
	switch {
	case changed && (s.able(h) || p.last()):
		s.hold(p.Current.Rung, h)
		s.add(Event{Kind: Passed, User: h.User, Name: h.Name, PostName: p.Current.Post.Name, Note: "the post changed hands"})
		s.join(h.User)
	case changed:
		s.enter(p.Current.Rung+1, "the post changed hands")
	case s.at < p.Current.Since+p.RungFor.Milliseconds():
	case !p.last():
		s.enter(p.Current.Rung+1, "no answer")
	case !p.Exhausted:
		s.exhaust("no answer")
	}
}

// able says whether passing a page to the holder makes sense.
func (s *stepper) able(h Holder) bool {
	return h.User != "" && h.User != s.page.From.User && !slices.Contains(s.page.Passers, h.User)
}

// enter puts the page on the rung, or on the first one after it whose holder can answer; the last rung takes it in any case.
func (s *stepper) enter(rung int, why string) {
	p := &s.page
	was := p.Current.User
	for ; rung < len(p.Ladder)-1; rung++ {
		h := s.in.Holders[p.Ladder[rung].ID]
		if s.able(h) && h.User != was {
			break
		}
		if h.User == "" {
			why = "nobody holds " + p.Ladder[rung].Name
		}
	}
	h := s.in.Holders[p.Ladder[rung].ID]
	s.hold(rung, h)
	switch {
	case rung == 0: // only a page that is being raised enters here, and its first step has been told
		s.join(h.User)
	case p.last():
		s.exhaust(why)
	default:
		s.add(Event{Kind: Passed, User: h.User, Name: h.Name, PostName: p.Ladder[rung].Name, Note: why})
		s.join(h.User)
	}
}

func (s *stepper) hold(rung int, h Holder) {
	p := &s.page
	p.Current = Current{Rung: rung, Post: p.Ladder[rung], User: h.User, Name: h.Name, Since: s.at}
}

func (s *stepper) exhaust(why string) {
	p := &s.page
	p.Exhausted = true
	s.add(Event{Kind: Exhausted, User: p.Current.User, Name: p.Current.Name, PostName: p.Current.Post.Name, Note: why})
	s.join(p.Current.User)
}

func (s *stepper) add(e Event) {
	e.At = s.at
	s.page.Seq++
	s.page.Steps = append(s.page.Steps, e)
	s.effects = append(s.effects, Effect{Step: e})
}

// join lets the newest effect bring the user into the room.
func (s *stepper) join(user id.User) {
	if n := len(s.effects); n > 0 {
		s.effects[n-1].Join = user
	}
}

// aim sets the clock and says who is next. The clock wakes the page when the rung's time is over, or when the holder's duty ends,
// whichever comes first; on the last rung it wakes again and again, to see whether somebody holds the switchboard.
func (s *stepper) aim() {
	p := &s.page
	p.Next = nil
	if p.Status != Open {
		p.WakeAt, p.Current.DueAt = 0, 0
		return
	}
	rung := p.RungFor.Milliseconds()
	due := p.Current.Since + rung
	if p.last() {
		p.Current.DueAt = 0
		if due <= s.at {
			due = s.at + rung
		}
	} else {
		p.Current.DueAt = due
		p.Next = s.next()
	}
	p.WakeAt = due
	if until := s.in.Holders[p.Current.Post.ID].Until; until > s.at && until < due {
		p.WakeAt = until
	}
}

// next is the rung that enter would choose.
func (s *stepper) next() *NextUp {
	p := &s.page
	for rung := p.Current.Rung + 1; rung < len(p.Ladder); rung++ {
		h := s.in.Holders[p.Ladder[rung].ID]
		if s.able(h) && h.User != p.Current.User || rung == len(p.Ladder)-1 {
			return &NextUp{Post: p.Ladder[rung], Name: h.Name}
		}
	}
	return nil
}
