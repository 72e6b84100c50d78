package paging

import (
	"slices"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/status"
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
	Redirect
	AskBack
	Reply
)

// Holder is who holds a post of the ladder at the instant of a step. Until is the end of the duty in milliseconds, 0 when it has none.
// Busy says why they are not to be asked while anybody else can be: status.Sterile. Who is Off duty is not asked at all.
type Holder struct {
	User  id.User
	Name  string
	Until int64
	Busy  status.Kind
	Off   bool
}

// Holders is who holds each post; a person who is paged by name stands there as the only holder of themselves.
type Holders map[directory.PostID][]Holder

// Input is one thing that happens to a page, with the world as it is then.
type Input struct {
	Verb       Verb
	User       id.User // who acts; empty for Tick
	Name       string
	Reason     string
	Why        Reason // of PassOver
	ETAMinutes int
	Device     id.Device // of Reach: which device has it, "" for not known
	On         string    // of Reach: what kind of device has it, "" for not known
	Carried    Kind      // of Carry: Tried, Taken, Arrived or Failed
	Since      int64     // of Carry: since when the holder had the page when it was sent out to them
	To         PostRef   // of Redirect: whose the page shall be
	For        id.User   // of AnswerFor: who comes; User tells it
	ForName    string
	Holders    Holders // of every post of the ladder, and of To
}

// Effect is what the shell must do in the same transaction as it stores the page.
type Effect struct {
	Step Event     // tell the room
	Join []id.User // and bring these people into the room first, and name them
}

var (
	errNotHolder = fault.New(fault.Forbidden, "M_FORBIDDEN", "Only the person who must answer this page now can do that.")
	errNotSender = fault.New(fault.Forbidden, "M_FORBIDDEN", "Only the person who sent this page can withdraw it.")
	errClosed    = fault.New(fault.Conflict, "UK_WARDLINE_CLOSED", "This page is already closed.")
	errNoAsker   = fault.New(fault.Conflict, "UK_WARDLINE_NOT_ASKED", "Nobody has asked you anything about this page.")
	errQuestion  = fault.New(fault.Invalid, "M_INVALID_PARAM", "Write what you want to know.")
	errEnough    = fault.New(fault.Conflict, "UK_WARDLINE_ENOUGH", "This page has been handed about enough. Accept it, or say that you cannot come.")
	errNobody    = fault.New(fault.Conflict, "UK_WARDLINE_NOBODY", "Nobody there can answer now. Choose somebody else, or pass the page to the next in line.")
	errETA       = fault.New(fault.Invalid, "M_INVALID_PARAM", "Say in how many minutes, between 0 and 240.")
)

// Step is the whole rule of escalation: given a page, the instant and what happens, it returns the page afterwards and what must be
// told. It is pure; the page that it got is not changed. An error changes nothing: fault.Forbidden when somebody else must act,
// fault.Conflict when the page is closed. A repeat of what has already been done (the same person accepts again, sees again) is no
// error and has no effect, because an answer over bad Wi-Fi is sent twice.
//
// What keeps a page safe: while it is open, WakeAt is set and lies at most one rung's time ahead; a rung that nobody holds, or whose
// holder sent the page or has declined it, is skipped at once; the page follows its post when a duty ends; the last rung keeps it. Who
// is busy is asked after those who are free, and before the switchboard. A page that needs several people stays open until they are there;
// who answers on the last rung owns it alone.
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
	s.page.Current.AskedAt = min(s.page.Current.AskedAt, at)
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
	p.RaisedAt, p.Status, p.Accepted, p.Exhausted, p.Steps, p.Passers, p.Seq, p.Coming, p.Redirects = at, Open, nil, false, nil, nil, 0, nil, 0
	s := stepper{page: p, at: at, in: in}
	s.add(Event{Kind: Sent, User: p.From.User, Name: p.From.Name, PostName: p.Post.Name})
	s.enter(0, Reason{})
	s.aim()
	return s.page, s.effects, nil
}

// closed answers whatever comes after the end: repeats are fine, the rest is not.
func closed(p Page, in Input) (Page, []Effect, error) {
	switch {
	case in.Verb == Tick, in.Verb == Reach, in.Verb == See, in.Verb == Carry:
		return p, nil, nil
	case in.Verb == Accept && p.Accepted != nil && (p.Accepted.User == in.User || p.comes(in.User)):
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
	me, mine := s.me()
	switch s.in.Verb {
	case Tick:
		s.tick()
	case Reach:
		if mine && !p.had(Seen, me.User) {
			s.reach(me)
		}
	case See:
		if mine && !p.had(Seen, me.User) {
			s.add(Event{Kind: Seen, User: me.User, Name: me.Name, PostName: me.Post.Name})
		}
	case Accept:
		if p.comes(s.in.User) {
			return nil // a repeat: they are coming, and more are needed
		}
		if !mine {
			return errNotHolder
		}
		return s.accept(me)
	case Decline:
		if !mine && !p.comes(s.in.User) {
			return errNotHolder
		}
		s.decline(me)
	case Redirect:
		if !mine {
			return errNotHolder
		}
		return s.redirect(me)
	case AskBack:
		if !mine {
			return errNotHolder
		}
		return s.ask(me)
	case Reply:
		return s.reply()
	case Carry:
		s.carry(me, mine)
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

// me is whoever acts, as the page calls them, and whether it does.
func (s *stepper) me() (Called, bool) {
	for _, c := range s.page.Current.All() {
		if c.User == s.in.User && c.User != "" {
			return c, true
		}
	}
	return Called{Post: s.page.Current.Post}, false
}

// accept closes the page, or notes one of several who are needed. Whoever answers on the last rung closes it in any case.
func (s *stepper) accept(me Called) error {
	if s.in.ETAMinutes < 0 || s.in.ETAMinutes > 240 {
		return errETA
	}
	s.settle(Acceptance{User: me.User, Name: me.Name, At: s.at, ETAMinutes: s.in.ETAMinutes}, Event{User: me.User, Name: me.Name, PostName: me.Post.Name})
	return nil
}

func (s *stepper) settle(said Acceptance, e Event) {
	p := &s.page
	if p.Quorum > 1 {
		p.Coming = append(p.Coming, said)
	}
	if p.Quorum > 1 && len(p.Coming) < p.Quorum && !p.last() {
		e.Kind = Coming
		s.add(e)
		if p.Current.Calls(said.User) {
			s.leave(said.User, Reason{Code: MoreWho})
		}
		return
	}
	p.Status, p.Accepted = Accepted, &said
	e.Kind = AcceptedBy
	s.add(e)
}

// maxCarried bounds what is noted of carriers while one rung has a page, maxRedirects how often a page is handed about, and maxTalk how
// often its holders and its sender ask and reply.
//
// hazard: H8 escalation loops or storms
const (
	maxCarried   = 24
	maxRedirects = 12
	maxTalk      = 40
)

// carry notes how telling a holder in another way goes. It moves nothing: only a person's answer does. What comes late, after the page
// has moved on, changes nothing.
func (s *stepper) carry(me Called, mine bool) {
	p := &s.page
	// A switchboard that nobody holds has a telephone all the same.
	if !mine && (s.in.User != "" || p.Current.User != "") || s.in.Since != p.Current.Since {
		return
	}
	noted := 0
	for _, e := range p.Steps {
		if e.At < p.Current.Since || e.User != me.User || !e.Kind.carried() {
			continue
		}
		if noted++; e.Kind == s.in.Carried && e.Note == s.in.Reason {
			return // a repeat
		}
	}
	if s.in.Carried.carried() && noted < maxCarried {
		s.add(Event{Kind: s.in.Carried, User: me.User, Name: me.Name, PostName: me.Post.Name, Note: s.in.Reason})
	}
}

// reach notes that a device of somebody who is called has the page, and once that another one has it too. Which device it was is compared
// and never told.
//
// hazard: H2 delivered, not noticed
func (s *stepper) reach(me Called) {
	p := &s.page
	e := Event{Kind: Reached, User: me.User, Name: me.Name, PostName: me.Post.Name, Note: s.in.On}
	first := p.first(me.User)
	switch {
	case !p.had(Reached, me.User):
		if s.in.Device != "" {
			p.Heard = append(p.Heard, Heard{me.User, s.in.Device})
		}
		s.add(e)
	case first != "" && s.in.Device != "" && first != s.in.Device && !p.had(Second, me.User):
		e.Kind = Second
		s.add(e)
	}
}

func (k Kind) carried() bool { return k == Tried || k == Taken || k == Arrived || k == Failed }

// decline notes that somebody cannot come. When nobody else is called the page passes on at once; on the last rung it stays, and rings on.
func (s *stepper) decline(me Called) {
	p := &s.page
	user := s.in.User
	if i := slices.IndexFunc(p.Coming, func(a Acceptance) bool { return a.User == user }); i >= 0 {
		me = Called{User: user, Name: p.Coming[i].Name}
		p.Coming = slices.Delete(p.Coming, i, i+1)
	}
	if !slices.Contains(p.Passers, user) {
		p.Passers = append(p.Passers, user)
		s.add(Event{Kind: Declined, User: user, Name: me.Name, PostName: me.Post.Name, Note: s.in.Reason})
	}
	switch {
	case !p.Current.Calls(user): // who was coming, and is not any more: the page is with others
	case !p.last():
		s.leave(user, Reason{})
	case !p.Exhausted:
		s.exhaust(Reason{Code: NoneCome})
	}
}

// redirect makes the page somebody else's, on a rung of its own: if they do not answer, it goes on where it would have gone.
func (s *stepper) redirect(me Called) error {
	p := &s.page
	if p.Redirects >= maxRedirects {
		return errEnough
	}
	to := Rung{PostRef: s.in.To, All: p.Ladder[p.Current.Rung].All, For: p.Ladder[p.Current.Rung].For}
	for _, c := range p.Current.All() {
		if c.User != me.User {
			to.With = append(to.With, c.Post)
		}
	}
	passers := p.Passers
	if !slices.Contains(passers, me.User) {
		p.Passers = append(p.Passers, me.User)
	}
	if err := s.free(to.ID); err != nil {
		return err
	}
	p.Redirects++
	at := p.Current.Rung + 1
	if p.last() { // the switchboard stays last, and may have the page again
		at, p.Passers, p.Exhausted = p.Current.Rung, passers, false
	}
	p.Ladder = slices.Insert(p.Ladder, at, to)
	s.add(Event{Kind: Redirected, User: me.User, Name: me.Name, PostName: to.Name, Note: s.in.Reason})
	s.enter(at, Reason{Code: HandedOn, Name: me.Name})
	return nil
}

// free says whether somebody at the post can have the page now.
func (s *stepper) free(post directory.PostID) error {
	err := errNobody
	for _, h := range s.in.Holders[post] {
		switch {
		case s.able(h) && h.Busy == status.None:
			return nil
		case h.reason().Code != "" && h.User != s.page.From.User:
			err = fault.New(fault.Conflict, "UK_WARDLINE_NOBODY", h.reason().String()+". Choose somebody else, or pass the page to the next in line.")
		}
	}
	return err
}

// ask puts a question to the sender. For an urgent page the rung's time begins anew, once: somebody is at it. An emergency waits for nobody.
func (s *stepper) ask(me Called) error {
	p := &s.page
	switch {
	case s.in.Reason == "":
		return errQuestion
	case s.said(Asked):
		return nil // a repeat
	case s.talked() >= maxTalk:
		return errEnough
	}
	if p.Urgency == Urgent && p.Current.AskedAt == 0 && !p.last() {
		p.Current.AskedAt = s.at
	}
	s.add(Event{Kind: Asked, User: me.User, Name: me.Name, PostName: me.Post.Name, Note: s.in.Reason})
	s.join(p.From.User)
	return nil
}

// reply is the sender's word to whoever asked. It moves nothing.
func (s *stepper) reply() error {
	p := &s.page
	switch {
	case s.in.User == "" || s.in.User != p.From.User:
		return errNotSender
	case s.in.Reason == "":
		return errQuestion
	case s.said(Replied):
		return nil
	case !slices.ContainsFunc(p.Steps, func(e Event) bool { return e.Kind == Asked }):
		return errNoAsker
	case s.talked() >= maxTalk:
		return errEnough
	}
	s.add(Event{Kind: Replied, User: p.From.User, Name: p.From.Name, Note: s.in.Reason})
	for _, c := range p.Current.All() {
		s.join(c.User)
	}
	return nil
}

// said says whether the newest word of this kind is the same person's, and the same.
func (s *stepper) said(k Kind) bool {
	for _, e := range slices.Backward(s.page.Steps) {
		if e.Kind == k {
			return e.User == s.in.User && e.Note == s.in.Reason
		}
	}
	return false
}

func (s *stepper) talked() (n int) {
	for _, e := range s.page.Steps {
		if e.Kind == Asked || e.Kind == Replied {
			n++
		}
	}
	return n
}
