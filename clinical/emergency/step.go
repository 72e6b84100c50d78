package emergency

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/paging"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Verb is what is done to a call.
type Verb int

// The verbs. Move is what became of a seat's page.
const (
	Raise Verb = iota
	Summon
	Move
	Arrive
	Leave
	Lead
	StandDown
)

// Input is one thing that happens to a call.
type Input struct {
	Verb   Verb
	By     Who                                  // who acts
	Board  bool                                 // By holds the switchboard now
	Pages  map[directory.PostID]paging.Snapshot // of Summon, by seat; a seat without one is By's own, or nobody could be asked
	Own    []directory.PostID                   // of Summon: the seats whose post By holds
	Page   paging.Snapshot                      // of Move
	Who    Who                                  // of Arrive and Leave
	Post   directory.PostID                     // of Arrive: the seat they fill, "" for the one that is theirs
	Reason string                               // of StandDown
}

// Effect is what the shell must do in the same transaction as it stores the call.
type Effect struct {
	Tell   *Event      // what the room is told, nil for nothing
	Accept []paging.ID // pages that Who has answered by being there
	Who    Who
	Close  []paging.ID // pages that nobody needs to answer any more
	Over   []Over      // pages that go on to the next, because whoever has them comes in another seat
}

// Over is a page and who is passed over.
type Over struct {
	Page paging.ID
	Who  Who
}

// maxReason is the longest reason, in bytes.
const maxReason = 300

var (
	errEnded    = fault.New(fault.Conflict, "UK_WARDLINE_CLOSED", "This call has been stood down.")
	errConducts = fault.New(fault.Forbidden, "M_FORBIDDEN", "Whoever leads, whoever raised the call or the switchboard does that.")
	errReason   = fault.New(fault.Invalid, "M_INVALID_PARAM", "Say why the call is stood down.")
	errLong     = fault.New(fault.Invalid, "M_INVALID_PARAM", "Keep the reason under 300 letters.")
	errSeat     = fault.New(fault.Invalid, "M_INVALID_PARAM", "The team has no such seat.")
	errAlone    = fault.New(fault.Conflict, "UK_WARDLINE_CALL", "This page belongs to an emergency call. Stand the call down instead.")
	errNotHere  = fault.New(fault.Conflict, "M_CONFLICT", "They are not marked as here.")
)

// Step is the whole rule: given a call, the instant and what happens, it returns the call afterwards and what must be done. It is pure; the
// call that it got is not changed. An error changes nothing. The same again is no error and has no effect.
//
// What keeps a call safe: it ends by StandDown with a reason and in no other way; a seat is filled when its page is accepted or when
// somebody is there, and until then its page stays open; whoever fills a seat is not put out of it by what happens to a page later.
//
// hazard: H1 urgent message not delivered
// hazard: H3 noticed, nobody owns it
func Step(c Call, now time.Time, in Input) (Call, Effect, error) {
	was := c
	s := stepper{call: c.clone(), at: now.UnixMilli(), in: in}
	if s.call.Status == StoodDown {
		return was, Effect{}, s.ended()
	}
	if err := s.do(); err != nil {
		return was, Effect{}, err
	}
	if len(s.call.Steps) == len(was.Steps) && in.Verb != Move && in.Verb != Summon {
		return was, Effect{}, nil
	}
	s.over()
	if n := len(s.call.Steps); n > len(was.Steps) {
		s.effect.Tell = &s.call.Steps[n-1]
	}
	return s.call, s.effect, nil
}

type stepper struct {
	call   Call
	at     int64
	in     Input
	effect Effect
}

// ended answers whatever comes after the end: repeats, and pages that close because of it, are fine.
func (s *stepper) ended() error {
	switch {
	case s.in.Verb == Move, s.in.Verb == StandDown && s.call.Ended.User == s.in.By.User:
		return nil
	}
	return errEnded
}

func (s *stepper) do() error {
	switch s.in.Verb {
	case Raise:
		return s.raise()
	case Summon:
		return s.summon()
	case Move:
		return s.move()
	case Arrive:
		return s.arrive()
	case Leave:
		return s.leave()
	case Lead:
		s.lead(s.in.By)
		return nil
	case StandDown:
		return s.standDown()
	}
	return fault.New(fault.Invalid, "M_INVALID_PARAM", "Nothing can be done to a call in this way.")
}

func (s *stepper) raise() error {
	c := &s.call
	if len(c.Seats) == 0 || strings.TrimSpace(c.Place) == "" || len(c.Steps) > 0 {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "A call needs a team with seats and a place.")
	}
	c.Status, c.RaisedAt, c.Leader, c.Ended, c.Present, c.Seq = Open, s.at, nil, nil, []Present{}, 0
	for i := range c.Seats {
		st := &c.Seats[i]
		*st = SeatNow{Post: st.Post, Required: st.Required, State: Calling}
	}
	s.add(Event{Kind: Raised, User: c.From.User, Name: c.From.Name})
	return nil
}

// summon takes the pages that were raised, one for each seat.
func (s *stepper) summon() error {
	c := &s.call
	for i := range c.Seats {
		st := &c.Seats[i]
		p, ok := s.in.Pages[st.Post.ID]
		switch {
		case ok:
			st.Page = p.ID
			if err := s.follow(i, p); err != nil {
				return err
			}
		case slices.Contains(s.in.Own, st.Post.ID):
			st.User, st.Name, st.As, st.State, st.Since, st.ComingAt, st.HereAt = s.in.By.User, s.in.By.Name, st.Post, Here, s.at, s.at, s.at
			s.add(s.of(i, Event{Kind: HereKind, User: st.User, Name: st.Name}))
			s.first(i)
		default: // the post is no longer filled: the switchboard is in the room and sees it
			st.Missing = st.Required
			s.add(s.of(i, Event{Kind: MissingKind, Note: unpageable.String(), Why: unpageable}))
		}
	}
	c.Seq = int64(len(c.Steps))
	return nil
}

// over lets pages go on to the next whose holder already comes in another seat: one person is not two of a team. On the last rung a page stays.
func (s *stepper) over() {
	c := &s.call
	if c.Status != Open {
		return
	}
	for i := range c.Seats {
		st := c.Seats[i]
		if st.Filled() || st.Page == "" || st.DueAt == 0 || st.User == "" {
			continue
		}
		if c.seat(func(o *SeatNow) bool { return o.Filled() && o.User == st.User }) >= 0 {
			s.effect.Over = append(s.effect.Over, Over{st.Page, Who{st.User, st.Name}})
		}
	}
}

// of says which seat an event is about.
func (s *stepper) of(seat int, e Event) Event {
	e.Post, e.PostName = s.call.Seats[seat].Post.ID, s.call.Seats[seat].Post.Name
	return e
}

func (s *stepper) add(e Event) {
	e.At = s.at
	s.call.Steps = append(s.call.Steps, e)
	s.call.Seq = int64(len(s.call.Steps))
}

func (s *stepper) move() error {
	i := s.call.seat(func(st *SeatNow) bool { return st.Page != "" && st.Page == s.in.Page.ID })
	if i < 0 {
		return errSeat
	}
	return s.follow(i, s.in.Page)
}

// follow lets a seat follow its page.
func (s *stepper) follow(i int, p paging.Snapshot) error {
	st := &s.call.Seats[i]
	switch {
	case p.Status == paging.Withdrawn:
		return errAlone
	case p.Accepted != nil:
		s.coming(i, p)
	case st.Filled(): // by being there, and the page is being answered
	default:
		s.asked(i, p)
	}
	return nil
}

func (s *stepper) coming(i int, p paging.Snapshot) {
	st := &s.call.Seats[i]
	if st.ComingAt > 0 {
		return
	}
	a := p.Accepted
	st.ComingAt, st.DueAt, st.Next, st.Missing = a.At, 0, "", false
	if a.ETAMinutes > 0 {
		st.ETAAt = a.At + int64(a.ETAMinutes)*60_000
	}
	if st.Filled() {
		return
	}
	st.User, st.Name, st.State, st.As = a.User, a.Name, Coming, p.Current.Post
	in := paging.Reason{}
	if a.ETAMinutes > 0 {
		in = paging.Reason{Code: paging.There, Minutes: a.ETAMinutes}
	}
	s.add(s.of(i, Event{Kind: ComingKind, User: a.User, Name: a.Name, Note: in.String(), Why: in}))
	s.first(i)
}

// first lets whoever fills the first seat lead while nobody does.
func (s *stepper) first(i int) {
	if st := s.call.Seats[i]; i == 0 && s.call.Leader == nil {
		s.lead(Who{st.User, st.Name})
	}
}

func (s *stepper) asked(i int, p paging.Snapshot) {
	st := &s.call.Seats[i]
	if cur := p.Current; cur.User != st.User || cur.Post != st.As {
		st.User, st.Name, st.As, st.Since, st.State = cur.User, cur.Name, cur.Post, cur.Since, Calling
		note, why := because(p)
		s.add(s.of(i, Event{Kind: Told, User: cur.User, Name: cur.Name, Note: note, Why: why}))
	}
	if st.State == Calling && had(p, paging.Reached) {
		st.State = Reached
		s.add(s.of(i, Event{Kind: ReachedKind, User: st.User, Name: st.Name}))
	}
	if st.State != Seen && had(p, paging.Seen) {
		st.State = Seen
		s.add(s.of(i, Event{Kind: SeenKind, User: st.User, Name: st.Name}))
	}
	if p.Exhausted && !slices.ContainsFunc(s.call.Steps, func(e Event) bool { return e.Kind == MissingKind && e.Post == st.Post.ID }) {
		note, why := because(p)
		s.add(s.of(i, Event{Kind: MissingKind, User: st.User, Name: st.Name, Note: note, Why: why}))
	}
	st.Missing = st.Required && (p.Exhausted || p.Current.Rung > 0 || p.Current.User == "")
	st.DueAt, st.Next = p.Current.DueAt, ""
	if p.Next != nil {
		if st.Next = p.Next.Name; st.Next == "" {
			st.Next = p.Next.Post.Name
		}
	}
}

var unpageable = paging.Reason{Code: paging.NoPages}

// because is the note of the step by which a page came to whoever has it, and its reason when nobody wrote it.
func because(p paging.Snapshot) (string, paging.Reason) {
	for _, e := range slices.Backward(p.Steps) {
		if e.Kind == paging.Passed || e.Kind == paging.Exhausted {
			return e.Note, e.Why
		}
	}
	return "", paging.Reason{}
}

// had says whether the current holder of a page has had a step of this kind since the page came to them.
func had(p paging.Snapshot, k paging.Kind) bool {
	return slices.ContainsFunc(p.Steps, func(e paging.Event) bool { return e.Kind == k && p.Current.Calls(e.User) && e.At >= p.Current.Since })
}

// arrive notes who is there: everybody says it of themselves, and whoever conducts of anybody.
func (s *stepper) arrive() error {
	c, who := &s.call, s.in.Who
	if err := s.speaks(who); err != nil {
		return err
	}
	theirs := c.theirs(who.User, s.in.Post)
	switch {
	case s.in.Post != "" && len(theirs) == 0:
		return errSeat
	case len(theirs) == 0:
		if slices.ContainsFunc(c.Present, func(p Present) bool { return p.User == who.User }) {
			return nil
		}
		c.Present = append(c.Present, Present{who, s.at})
		s.add(Event{Kind: HereKind, User: who.User, Name: who.Name, By: s.by(who)})
		return nil
	}
	c.Present = slices.DeleteFunc(c.Present, func(p Present) bool { return p.User == who.User })
	for _, i := range theirs {
		s.here(i, who)
	}
	return nil
}

// here puts somebody into a seat.
func (s *stepper) here(i int, who Who) {
	st := &s.call.Seats[i]
	if st.State == Here && st.User == who.User {
		return
	}
	if !st.Filled() && st.Page != "" {
		s.effect.Accept, s.effect.Who = append(s.effect.Accept, st.Page), who
	}
	if st.User != who.User {
		st.As = st.Post
	}
	st.User, st.Name, st.State, st.HereAt, st.DueAt, st.Next, st.Missing = who.User, who.Name, Here, s.at, 0, "", false
	s.add(s.of(i, Event{Kind: HereKind, User: who.User, Name: who.Name, By: s.by(who)}))
	s.first(i)
}

// speaks refuses what somebody says of another without conducting the call.
func (s *stepper) speaks(who Who) error {
	switch {
	case who.User == "" || s.in.By.User == "":
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "Say who.")
	case who.User != s.in.By.User && !s.call.Conducts(s.in.By.User, s.in.Board):
		return errConducts
	}
	return nil
}

func (s *stepper) by(who Who) string {
	if who.User == s.in.By.User {
		return ""
	}
	return s.in.By.Name
}

// leave takes back that somebody is there: they have gone, or it was a slip. They still fill their seat.
func (s *stepper) leave() error {
	c, who := &s.call, s.in.Who
	if err := s.speaks(who); err != nil {
		return err
	}
	gone := false
	for i := range c.Seats {
		if st := &c.Seats[i]; st.State == Here && st.User == who.User {
			st.State, st.HereAt, gone = Coming, 0, true
			s.add(s.of(i, Event{Kind: LeftKind, User: who.User, Name: who.Name, By: s.by(who)}))
		}
	}
	n := len(c.Present)
	if c.Present = slices.DeleteFunc(c.Present, func(p Present) bool { return p.User == who.User }); len(c.Present) < n {
		gone = true
		s.add(Event{Kind: LeftKind, User: who.User, Name: who.Name, By: s.by(who)})
	}
	if !gone {
		return errNotHere
	}
	return nil
}

func (s *stepper) lead(who Who) {
	if l := s.call.Leader; l != nil && l.User == who.User || who.User == "" {
		return
	}
	s.call.Leader = &who
	s.add(Event{Kind: Leads, User: who.User, Name: who.Name})
}

func (s *stepper) standDown() error {
	c, reason := &s.call, strings.TrimSpace(s.in.Reason)
	switch {
	case s.in.By.User == "", !c.Conducts(s.in.By.User, s.in.Board):
		return errConducts
	case reason == "":
		return errReason
	case len(reason) > maxReason:
		return errLong
	}
	for i := range c.Seats {
		st := &c.Seats[i]
		if st.Page != "" && st.ComingAt == 0 { // also where somebody is there and the page wants more people
			s.effect.Close = append(s.effect.Close, st.Page)
		}
		if st.Filled() {
			continue
		}
		st.State, st.DueAt, st.Next = Released, 0, ""
	}
	c.Status, c.Ended = StoodDown, &End{s.in.By, s.at, reason}
	s.add(Event{Kind: Ended, User: s.in.By.User, Name: s.in.By.Name, Note: reason})
	return nil
}

// Check says what is wrong with a call that Step has returned, or nil: tests hold every step to it, and the shell stores none that fails it.
func Check(c Call) error {
	ends := 0
	for _, e := range c.Steps {
		if e.Kind == Ended {
			ends++
		}
	}
	switch {
	case int64(len(c.Steps)) != c.Seq || c.Seq == 0 || c.Steps[0].Kind != Raised:
		return fmt.Errorf("call %s: %d steps, seq %d", c.ID, len(c.Steps), c.Seq)
	case (c.Status == StoodDown) != (ends == 1) || (c.Ended != nil) != (ends == 1) || ends > 1:
		return fmt.Errorf("call %s: %s with %d ends", c.ID, c.Status, ends)
	case c.Ended != nil && (c.Ended.Reason == "" || c.Ended.User == ""):
		return fmt.Errorf("call %s: ended by nobody or without a reason", c.ID)
	}
	for _, st := range c.Seats {
		switch {
		case st.Filled() && (st.User == "" || st.Missing || st.DueAt != 0):
			return fmt.Errorf("call %s: seat %s is %s by %q, missing %v, due %d", c.ID, st.Post.ID, st.State, st.User, st.Missing, st.DueAt)
		case st.State == Here && st.HereAt == 0, st.State != Here && st.HereAt != 0:
			return fmt.Errorf("call %s: seat %s is %s since %d", c.ID, st.Post.ID, st.State, st.HereAt)
		case c.Status == Open && st.State == Released:
			return fmt.Errorf("call %s: goes on without seat %s", c.ID, st.Post.ID)
		case c.Status == StoodDown && !st.Filled() && st.State != Released:
			return fmt.Errorf("call %s: ended, and still calls for %s", c.ID, st.Post.ID)
		}
	}
	return nil
}

// holds says whether somebody is asked for, fills or was asked for any seat, or is there.
func (c *Call) holds(user id.User) bool {
	return user == c.From.User || slices.ContainsFunc(c.Steps, func(e Event) bool { return e.User == user })
}
