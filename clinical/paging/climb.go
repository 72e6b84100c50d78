package paging

import (
	"slices"
	"strings"
	"time"

	"wardline/clinical/status"
	"wardline/matrix/id"
)

// How a page climbs its ladder: who is called on a rung, when it leaves one, and which it enters.

// tick lets time pass: the page follows its posts to new holders, or moves on when the rung's time is over. It moves one rung at a time,
// however late the tick is: after an outage the next holder still gets the whole time.
func (s *stepper) tick() {
	p := &s.page
	if s.follow() {
		return
	}
	switch {
	case s.at < p.began()+p.allowed(p.Current.Rung).Milliseconds():
	case !p.last():
		s.enter(p.Current.Rung+1, Reason{Code: NoAnswer})
	case !p.Exhausted:
		s.exhaust(Reason{Code: NoAnswer})
	}
}

var changed = Reason{Code: Changed}

// follow brings the page to who holds its posts now, and says whether anybody had changed. Who is called beside others and holds their post
// no more is called no more; a new holder has the rung's whole time.
func (s *stepper) follow() bool {
	p := &s.page
	var now []Called
	moved, joined := false, []id.User(nil)
	for _, c := range p.Current.All() {
		all := s.in.Holders[c.Post.ID]
		if slices.ContainsFunc(all, func(h Holder) bool { return h.User == c.User }) {
			now = append(now, c)
			continue
		}
		moved = true
		for _, h := range all {
			if s.able(h) && !calls(now, h.User) && !p.Current.Calls(h.User) {
				now, joined = append(now, Called{c.Post, h.User, h.Name}), append(joined, h.User)
				break
			}
		}
	}
	if p.Current.User == "" { // the switchboard, and nobody was there
		if all := s.in.Holders[p.Current.Post.ID]; len(all) > 0 {
			moved, now, joined = true, []Called{{p.Current.Post, all[0].User, all[0].Name}}, []id.User{all[0].User}
		}
	}
	switch {
	case !moved:
		return false
	case len(now) == 0 && !p.last():
		s.enter(p.Current.Rung+1, changed)
	case len(now) == 0:
		s.stay(changed)
	case len(joined) == 0: // some are left, and their time runs on
		s.call(p.Current.Rung, now)
		s.add(Event{Kind: Passed, User: p.Current.User, Name: names(now, nil), PostName: p.Current.Post.Name, Note: changed.String(), Why: changed})
		return false
	default:
		s.hold(p.Current.Rung, now)
		s.add(Event{Kind: Passed, User: joined[0], Name: names(now, joined), PostName: p.Current.Post.Name, Note: changed.String(), Why: changed})
		s.join(joined...)
	}
	return true
}

// stay keeps the page on the last rung, with whoever holds that now, even if they sent it or cannot come, or with nobody.
func (s *stepper) stay(why Reason) {
	p := &s.page
	was := p.Current.User
	s.hold(p.Current.Rung, s.keepers())
	if p.Current.User != was {
		s.add(Event{Kind: Passed, User: p.Current.User, Name: p.Current.Name, PostName: p.Current.Post.Name, Note: why.String(), Why: why})
		if p.Current.User != "" {
			s.join(p.Current.User)
		}
	}
}

// able says whether calling the holder makes sense at all.
func (s *stepper) able(h Holder) bool {
	return h.User != "" && !h.Off && h.User != s.page.From.User && !slices.Contains(s.page.Passers, h.User) && !s.page.comes(h.User)
}

// on is who would be called on the rung; busy says that those count as well who are not to be asked.
func (s *stepper) on(rung int, busy bool) (list []Called) {
	r := s.page.Ladder[rung]
	for _, post := range append([]PostRef{r.PostRef}, r.With...) {
		for _, h := range s.in.Holders[post.ID] {
			if !s.able(h) || h.Busy != status.None && !busy || calls(list, h.User) {
				continue
			}
			list = append(list, Called{post, h.User, h.Name})
			if !r.All {
				break
			}
		}
	}
	return list
}

// keepers is who is called on the last rung: whoever can answer, or else whoever holds it.
func (s *stepper) keepers() []Called {
	last := len(s.page.Ladder) - 1
	list := s.on(last, true)
	if len(list) == 0 {
		if all := s.in.Holders[s.page.Ladder[last].ID]; len(all) > 0 {
			list = []Called{{s.page.Ladder[last].PostRef, all[0].User, all[0].Name}}
		}
	}
	return list
}

// find is the first rung from the given one on which somebody new can be called, and who is. Those who are busy are called only when nobody
// free is left below the switchboard. The last rung is found in any case.
//
// hazard: H2 delivered, not noticed
func (s *stepper) find(rung int) (int, []Called) {
	last := len(s.page.Ladder) - 1
	for _, busy := range []bool{false, true} {
		for r := rung; r < last; r++ {
			list := s.on(r, busy)
			if slices.ContainsFunc(list, func(c Called) bool { return !s.page.Current.Calls(c.User) }) {
				return r, list
			}
		}
	}
	return last, s.keepers()
}

// enter puts the page on the rung, or on the first one after it where somebody can answer; the last rung takes it in any case.
func (s *stepper) enter(rung int, why Reason) {
	p := &s.page
	first := rung == 0 // a page that is being raised: its first step has been told
	to, list := s.find(rung)
	for _, r := range p.Ladder[rung:to] {
		all := s.in.Holders[r.ID]
		if len(all) == 0 {
			why = Reason{Code: Empty, Name: r.Name}
			continue
		}
		for _, h := range all {
			if not := h.reason(); not.Code != "" && (s.able(h) || h.Off) {
				why = not
			}
		}
	}
	s.hold(to, list)
	switch {
	case first && to == 0:
		s.join(users(list)...)
	case p.last():
		s.exhaust(why)
	default:
		s.add(Event{Kind: Passed, User: p.Current.User, Name: names(list, nil), PostName: p.Current.Post.Name, Note: why.String(), Why: why})
		s.join(users(list)...)
	}
}

// leave takes somebody out of those who are called, and moves on when nobody is left.
func (s *stepper) leave(user id.User, why Reason) {
	p := &s.page
	rest := slices.DeleteFunc(p.Current.All(), func(c Called) bool { return c.User == user })
	if len(rest) == 0 {
		s.enter(p.Current.Rung+1, why)
		return
	}
	s.call(p.Current.Rung, rest)
}

// pass is leave for what has no step of its own: those who are left are told.
func (s *stepper) pass(user id.User, why Reason) {
	p := &s.page
	alone := len(p.Current.All()) == 1
	s.leave(user, why)
	if !alone {
		s.add(Event{Kind: Passed, User: p.Current.User, Name: names(p.Current.All(), nil), PostName: p.Current.Post.Name, Note: why.String(), Why: why})
	}
}

// hold begins a rung; call says who is called on it and leaves its time alone.
func (s *stepper) hold(rung int, list []Called) {
	s.page.Current, s.page.Heard = Current{Rung: rung, Since: s.at}, nil
	s.call(rung, list)
}

func (s *stepper) call(rung int, list []Called) {
	c := &s.page.Current
	c.Post, c.User, c.Name, c.With = s.page.Ladder[rung].PostRef, "", "", nil
	if len(list) > 0 {
		c.Post, c.User, c.Name, c.With = list[0].Post, list[0].User, list[0].Name, slices.Clone(list[1:])
	}
	if len(c.With) == 0 {
		c.With = nil
	}
}

func (s *stepper) exhaust(why Reason) {
	p := &s.page
	p.Exhausted = true
	s.add(Event{Kind: Exhausted, User: p.Current.User, Name: names(p.Current.All(), nil), PostName: p.Current.Post.Name, Note: why.String(), Why: why})
	s.join(users(p.Current.All())...)
}

func (s *stepper) add(e Event) {
	e.At = s.at
	s.page.Seq++
	s.page.Steps = append(s.page.Steps, e)
	s.effects = append(s.effects, Effect{Step: e})
}

// join lets the newest effect bring the users into the room.
func (s *stepper) join(list ...id.User) {
	if n := len(s.effects); n > 0 {
		s.effects[n-1].Join = append(s.effects[n-1].Join, list...)
	}
}

// lookAgain is how often at least the last rung is looked at. Whoever comes to the post is told at once (Service.Follow); this is for the day
// on which that goes wrong.
const lookAgain = 5 * time.Minute

// aim sets the clock and says who is next. The clock wakes the page when the rung's time is over, or when a duty of those who are called
// ends, whichever comes first; on the last rung it wakes again and again, to see whether somebody holds the switchboard.
func (s *stepper) aim() {
	p := &s.page
	p.Next = nil
	if p.Status != Open {
		p.WakeAt, p.Current.DueAt = 0, 0
		return
	}
	rung := p.allowed(p.Current.Rung).Milliseconds()
	due := p.began() + rung
	if p.last() {
		p.Current.DueAt = 0
		due = s.at + max(rung, lookAgain.Milliseconds())
	} else {
		p.Current.DueAt = due
		p.Next = s.next()
	}
	p.WakeAt = due
	for _, c := range p.Current.All() {
		for _, h := range s.in.Holders[c.Post.ID] {
			if h.User == c.User && h.Until > s.at && h.Until < p.WakeAt {
				p.WakeAt = h.Until
			}
		}
	}
}

// next is who enter would choose.
func (s *stepper) next() *NextUp {
	rung, list := s.find(s.page.Current.Rung + 1)
	return &NextUp{Post: s.page.Ladder[rung].PostRef, Name: names(list, nil)}
}

func calls(list []Called, user id.User) bool {
	return slices.ContainsFunc(list, func(c Called) bool { return c.User == user })
}

func users(list []Called) (out []id.User) {
	for _, c := range list {
		out = append(out, c.User)
	}
	return out
}

// names joins the names of those who are called, or of some of them.
func names(list []Called, only []id.User) string {
	var out []string
	for _, c := range list {
		if only == nil || slices.Contains(only, c.User) {
			out = append(out, c.Name)
		}
	}
	if n := len(out); n > 1 {
		return strings.Join(out[:n-1], ", ") + " and " + out[n-1]
	}
	return strings.Join(out, "")
}
