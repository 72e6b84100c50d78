package rota

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Verb is what is done to a baton.
type Verb int

// The verbs. Tick is the clock's; See is somebody who says that they see to an alarm.
const (
	Tick Verb = iota
	Take
	Give
	Accept
	Refuse
	Withdraw
	TakeOver
	See
)

// Input is one thing that happens to a baton.
type Input struct {
	Verb   Verb
	User   id.User // who acts; empty for Tick
	To     id.User // Give: to whom
	From   id.User // TakeOver: from whom, "" when only one holds the post
	Reason string  // TakeOver: why
	Until  int64   // until when the user is at work anyway, on another post; 0 when nothing is known
}

// EffectKind is what a step has changed.
type EffectKind string

// The effects.
const (
	Began       EffectKind = "began"
	Ended       EffectKind = "ended"
	Offered     EffectKind = "offered"
	Refused     EffectKind = "refused"
	Lapsed      EffectKind = "lapsed"
	AlarmOpened EffectKind = "alarm"
	AlarmAgain  EffectKind = "alarm.again"
	AlarmSeen   EffectKind = "alarm.seen"
	AlarmClosed EffectKind = "alarm.closed"
)

// Effect is what the shell must make true in the same transaction as it stores the state.
type Effect struct {
	Kind    EffectKind
	Holding Holding // Began, Ended
	Offer   Offer   // Offered, Refused, Lapsed
	Alarm   Alarm
	By      id.User // who did it; empty for the clock
	Why     string  // TakeOver's reason, or in a word why a holding ended
}

var (
	errAway      = fault.New(fault.Conflict, "UK_WARDLINE_AWAY", "The rota says that this person is away. End the absence first.")
	errNotHeld   = fault.New(fault.Conflict, "UK_WARDLINE_NOT_HOLDER", "You do not hold this post any more.")
	errNoOffer   = fault.New(fault.Conflict, "UK_WARDLINE_NO_OFFER", "There is no such offer any more: it was withdrawn, or the post has changed hands.")
	errSelf      = fault.New(fault.Invalid, "M_INVALID_PARAM", "Choose somebody else.")
	errReason    = fault.New(fault.Invalid, "M_INVALID_PARAM", "Say why you take the post over.")
	errWhom      = fault.New(fault.Invalid, "M_INVALID_PARAM", "Say from whom you take the post over.")
	errNoAlarm   = fault.New(fault.Conflict, "UK_WARDLINE_NO_ALARM", "There is no alarm about this post any more.")
	errHasIt     = fault.New(fault.Conflict, "UK_WARDLINE_HOLDS", "They hold this post already.")
	errHeldFully = fault.New(fault.Conflict, "UK_WARDLINE_HELD", "This post has its holder. Ask them to give it to you, or take it over if it cannot wait.")
)

// maxReason bounds what somebody writes when they take a post over.
const maxReason = 500

// Step is the whole rule of the baton: given a post's state, the instant, the rota around it and what happens, it returns the state
// afterwards and what must be made true. It is pure. An error changes nothing. A repeat of what is already so (taking what one holds,
// accepting twice) is no error and has no effect, because a tap over bad Wi-Fi is sent twice.
//
// What keeps a post safe: a holder is replaced only by another; who gives a post holds it until the other has accepted; a critical post
// with fewer holders than it must have, or with one who should have been relieved, has an open alarm at the same instant.
//
// hazard: H6 role empty or stale holder
func Step(old State, w World, now time.Time, in Input) (State, []Effect, error) {
	st := stepper{s: old.clone(), w: w, at: now.UnixMilli(), in: in}
	st.s.Given = slices.DeleteFunc(st.s.Given, func(g given) bool { return g.Until <= st.at-overrun.Milliseconds() })
	st.here = st.s.look(w, st.at).holders
	if err := st.do(); err != nil {
		return old, nil, err
	}
	st.settle()
	return st.s, st.effects, nil
}

type stepper struct {
	s       State
	w       World
	at      int64
	in      Input
	here    []Holding // who holds the post before the step
	effects []Effect
}

func (st *stepper) do() error {
	switch st.in.Verb {
	case Tick:
		return nil
	case Take:
		return st.take()
	case Give:
		return st.give()
	case Accept:
		return st.accept()
	case Refuse, Withdraw:
		return st.refuse()
	case TakeOver:
		return st.takeOver()
	case See:
		return st.see()
	}
	return fault.New(fault.Invalid, "M_INVALID_PARAM", "Nothing can be done to a post in this way.")
}

// duty is the user's own duty that runs, or begins within the hour.
func (st *stepper) duty(user id.User) *Duty {
	for i, d := range st.w.Duties {
		if d.User == user && d.From.UnixMilli() <= st.at+early.Milliseconds() && d.Until.UnixMilli() > st.at && !st.s.gave(d.ID) {
			return &st.w.Duties[i]
		}
	}
	return nil
}

func (st *stepper) take() error {
	switch {
	case holds(st.here, st.in.User):
		return nil
	case st.w.away(st.in.User, st.at):
		return errAway
	}
	own := st.duty(st.in.User)
	if len(st.here) < st.w.Holders {
		st.keep(own, ByTake)
		return nil
	}
	// Whoever is relieved: the one whose time is over first, if it is over or one's own has come.
	out := slices.MinFunc(st.here, func(a, b Holding) int { return int(max(min(a.Until-b.Until, 1), -1)) })
	due := out.Until <= st.at || own != nil && out.Until <= own.From.UnixMilli()+early.Milliseconds()
	if !due {
		return errHeldFully
	}
	st.drop(out)
	st.keep(own, ByTake)
	return nil
}

// keep makes the user a holder from now on.
func (st *stepper) keep(own *Duty, how How) {
	h := Holding{User: st.in.User, From: st.at, Until: st.at + untilAny.Milliseconds(), How: how}
	if own != nil {
		h.Duty, h.Until = own.ID, own.Until.UnixMilli()
	} else {
		if st.in.Until > st.at {
			h.Until = min(h.Until, st.in.Until)
		}
		if next := st.nextDuty(); next > 0 {
			h.Until = min(h.Until, next)
		}
	}
	st.s.Kept = append(slices.DeleteFunc(st.s.Kept, func(k Holding) bool { return k.User == h.User }), h)
}

// nextDuty is when somebody's duty on this post begins next, 0 for not within the time that is looked at.
func (st *stepper) nextDuty() int64 {
	var next int64
	for _, d := range st.w.Duties {
		if from := d.From.UnixMilli(); from > st.at && (next == 0 || from < next) && !st.w.away(d.User, from) {
			next = from
		}
	}
	return next
}

// drop ends a holding: what was kept is forgotten, and every duty of theirs that runs counts no more.
func (st *stepper) drop(out Holding) {
	st.s.Kept = slices.DeleteFunc(st.s.Kept, func(k Holding) bool { return k.User == out.User })
	for _, d := range st.w.Duties {
		if d.User == out.User && d.From.UnixMilli() <= st.at && d.Until.UnixMilli() > st.at && !st.s.gave(d.ID) {
			st.s.Given = append(st.s.Given, given{d.ID, d.Until.UnixMilli()})
		}
	}
}

func (st *stepper) give() error {
	switch {
	case !holds(st.here, st.in.User):
		return errNotHeld
	case st.in.To == st.in.User || st.in.To == "":
		return errSelf
	case holds(st.here, st.in.To):
		return errHasIt
	case st.w.away(st.in.To, st.at):
		return errAway
	}
	i := slices.IndexFunc(st.s.Offers, func(o Offer) bool { return o.From == st.in.User })
	if i >= 0 && st.s.Offers[i].To == st.in.To {
		return nil
	}
	if i >= 0 { // another person now: the first is asked no more
		st.lapse(st.s.Offers[i], "offered to somebody else")
		st.s.Offers = slices.Delete(st.s.Offers, i, i+1)
	}
	st.s.Seq++
	o := Offer{ID: fmt.Sprintf("of_%s_%d", st.s.Post, st.s.Seq), From: st.in.User, To: st.in.To, At: st.at}
	st.s.Offers = append(st.s.Offers, o)
	st.add(Effect{Kind: Offered, Offer: o})
	return nil
}

func (st *stepper) accept() error {
	if i := slices.IndexFunc(st.here, func(h Holding) bool { return h.User == st.in.User }); i >= 0 {
		if st.here[i].How == ByGive {
			return nil // accepted already
		}
		return errNoOffer
	}
	i := slices.IndexFunc(st.s.Offers, func(o Offer) bool { return o.To == st.in.User })
	if i < 0 {
		return errNoOffer
	}
	o := st.s.Offers[i]
	j := slices.IndexFunc(st.here, func(h Holding) bool { return h.User == o.From })
	if j < 0 {
		return errNoOffer
	}
	if st.w.away(st.in.User, st.at) {
		return errAway
	}
	out := st.here[j]
	st.s.Offers = slices.Delete(st.s.Offers, i, i+1)
	st.drop(out)
	st.keep(st.duty(st.in.User), ByGive)
	if k := &st.s.Kept[len(st.s.Kept)-1]; k.Duty == "" && out.Until > st.at {
		k.Until = out.Until
	}
	return nil
}

// refuse takes an offer away: whom it was made to says no, or who made it takes it back.
func (st *stepper) refuse() error {
	mine := func(o Offer) bool {
		if st.in.Verb == Refuse {
			return o.To == st.in.User
		}
		return o.From == st.in.User
	}
	i := slices.IndexFunc(st.s.Offers, mine)
	if i < 0 {
		return errNoOffer
	}
	o := st.s.Offers[i]
	st.s.Offers = slices.Delete(st.s.Offers, i, i+1)
	if st.in.Verb == Refuse {
		st.add(Effect{Kind: Refused, Offer: o})
	} else {
		st.lapse(o, "withdrawn")
	}
	return nil
}

func (st *stepper) takeOver() error {
	switch {
	case holds(st.here, st.in.User):
		return nil
	case strings.TrimSpace(st.in.Reason) == "" || len(st.in.Reason) > maxReason:
		return errReason
	case st.w.away(st.in.User, st.at):
		return errAway
	}
	if len(st.here) >= st.w.Holders {
		out := st.here[0]
		if i := slices.IndexFunc(st.here, func(h Holding) bool { return h.User == st.in.From }); i >= 0 {
			out = st.here[i]
		} else if st.in.From != "" {
			return fault.New(fault.Conflict, "UK_WARDLINE_NOT_HOLDER", "That person does not hold this post any more.")
		} else if len(st.here) > 1 {
			return errWhom
		}
		st.drop(out)
		st.keep(st.duty(st.in.User), ByTakeOver)
		if k := &st.s.Kept[len(st.s.Kept)-1]; k.Duty == "" && out.Until > st.at {
			k.Until = out.Until
		}
		return nil
	}
	st.keep(st.duty(st.in.User), ByTakeOver)
	return nil
}

func (st *stepper) see() error {
	a := st.s.Alarm
	switch {
	case a == nil:
		return errNoAlarm
	case a.By == st.in.User:
		return nil
	}
	a.By, a.ByAt = st.in.User, st.at
	st.add(Effect{Kind: AlarmSeen, Alarm: *a})
	return nil
}

// settle brings the state in line with what a look finds, and says what has changed.
func (st *stepper) settle() {
	s := &st.s
	// What a holding was lengthened by stays with it once it has begun: duties that are long over are not read any more, and without them
	// the ones that follow would seem to be somebody else's.
	begun := World{Duties: slices.DeleteFunc(slices.Clone(st.w.Duties), func(d Duty) bool { return d.From.UnixMilli() > st.at })}
	for i, k := range s.Kept {
		s.Kept[i].Until = s.until(begun, k)
	}
	s.Kept = slices.DeleteFunc(s.Kept, func(k Holding) bool {
		end := s.until(st.w, k)
		if st.w.Confirm {
			end += overrun.Milliseconds()
		}
		return end <= st.at || st.w.away(k.User, st.at)
	})
	l := s.look(st.w, st.at)
	for _, was := range s.Now {
		if !holds(l.holders, was.User) {
			st.add(Effect{Kind: Ended, Holding: was, Why: st.why(was)})
		}
	}
	for i := range l.holders {
		h := &l.holders[i]
		if j := slices.IndexFunc(s.Now, func(was Holding) bool { return was.User == h.User }); j >= 0 {
			h.ID, h.From = s.Now[j].ID, s.Now[j].From
			continue
		}
		s.Seq++
		h.ID = fmt.Sprintf("hd_%s_%d", s.Post, s.Seq)
		h.From = min(h.From, st.at)
		st.add(Effect{Kind: Began, Holding: *h, Why: st.in.Reason})
	}
	s.Now = l.holders
	s.Offers = slices.DeleteFunc(s.Offers, func(o Offer) bool {
		why := ""
		switch {
		case !holds(s.Now, o.From):
			why = "the post has changed hands"
		case st.w.away(o.To, st.at):
			why = "they are away"
		case o.At+offerLife.Milliseconds() <= st.at:
			why = "no answer"
		default:
			return false
		}
		st.lapse(o, why)
		return true
	})
	for _, o := range s.Offers {
		l.soon(st.at, o.At+offerLife.Milliseconds())
	}
	st.alarm(&l)
	s.At, s.WakeAt = st.at, l.next
}

// why says in a word why a holding ended.
func (st *stepper) why(was Holding) string {
	switch {
	case st.w.away(was.User, st.at):
		return "away"
	case st.in.Verb == TakeOver:
		return "taken over"
	case st.in.Verb == Accept:
		return "given"
	case st.in.Verb == Take:
		return "relieved"
	case st.w.Confirm:
		return "never relieved"
	}
	return "duty over"
}

// alarm opens, repeats and closes the alarm.
func (st *stepper) alarm(l *standing) {
	s := &st.s
	kind := l.alarm
	if !st.w.Critical {
		kind = ""
	}
	if s.Alarm != nil && s.Alarm.Kind != kind {
		st.add(Effect{Kind: AlarmClosed, Alarm: *s.Alarm})
		s.Alarm = nil
	}
	if kind == "" {
		return
	}
	if s.Alarm == nil {
		s.Seq++
		s.Alarm = &Alarm{ID: fmt.Sprintf("al_%s_%d", s.Post, s.Seq), Kind: kind, Since: st.at, ToldAt: st.at}
		st.add(Effect{Kind: AlarmOpened, Alarm: *s.Alarm})
	}
	s.Alarm.ToldAt = min(s.Alarm.ToldAt, st.at) // the clock was set back
	if s.Alarm.again() <= st.at {
		s.Alarm.ToldAt = st.at
		s.Alarm.Told++
		st.add(Effect{Kind: AlarmAgain, Alarm: *s.Alarm})
	}
	l.soon(st.at, s.Alarm.again())
}

// again is when an alarm is told again: ever more seldom, because one that never stops is one that nobody hears. It stays on every list.
//
// hazard: H11 alert fatigue hides a real alert
func (a *Alarm) again() int64 {
	every := min(repeat<<min(a.Told, 8), repeatMost)
	if a.By != "" {
		every = max(every, repeatBy)
	}
	return a.ToldAt + every.Milliseconds()
}

func (st *stepper) lapse(o Offer, why string) { st.add(Effect{Kind: Lapsed, Offer: o, Why: why}) }

func (st *stepper) add(e Effect) {
	e.By = st.in.User
	st.effects = append(st.effects, e)
}

// Check says what is wrong with a state that Step has returned at the instant, or nil. It is the safety argument of the baton in one
// place: tests hold every step to it, and the shell refuses to store a state that fails it.
//
// hazard: H6 role empty or stale holder
func Check(s State, w World, at time.Time) error {
	ms := at.UnixMilli()
	seen := map[id.User]bool{}
	for _, h := range s.Now {
		switch {
		case seen[h.User]:
			return fmt.Errorf("post %s: %s holds it twice", s.Post, h.User)
		case w.away(h.User, ms):
			return fmt.Errorf("post %s: %s holds it and is away", s.Post, h.User)
		case h.ID == "":
			return fmt.Errorf("post %s: a holding without a name", s.Post)
		}
		seen[h.User] = true
	}
	switch {
	case len(s.Now) > max(w.Holders, 1):
		return fmt.Errorf("post %s: %d hold it, at most %d", s.Post, len(s.Now), w.Holders)
	case w.Critical && len(s.Now) < w.Holders && s.Alarm == nil:
		return fmt.Errorf("post %s: %d of %d hold it, and no alarm", s.Post, len(s.Now), w.Holders)
	case len(s.Now) >= w.Holders && s.Alarm != nil && s.Alarm.Kind != Late:
		return fmt.Errorf("post %s: it is held, and its alarm is %s", s.Post, s.Alarm.Kind)
	case s.WakeAt <= ms || s.WakeAt > ms+lookAgain.Milliseconds():
		return fmt.Errorf("post %s: the clock wakes it in %d ms", s.Post, s.WakeAt-ms)
	}
	for _, o := range s.Offers {
		if !seen[o.From] {
			return fmt.Errorf("post %s: %s offers it and does not hold it", s.Post, o.From)
		}
	}
	return nil
}
