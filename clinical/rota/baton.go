package rota

import (
	"slices"
	"time"

	"wardline/clinical/directory"
	"wardline/matrix/id"
)

// How says in which way somebody came to hold a post.
type How string

// The ways.
const (
	ByDuty     How = "duty"     // the rota said so
	ByTake     How = "take"     // they took it: their duty, or a post that lacked a holder
	ByGive     How = "give"     // the holder offered it and they accepted
	ByTakeOver How = "takeover" // they took it from its holder, with a reason
)

// Holding is one person who holds a post. Instants are milliseconds since 1970 UTC; Until is when they should be relieved.
type Holding struct {
	ID    string  `json:"id"`
	User  id.User `json:"user"`
	From  int64   `json:"from"`
	Until int64   `json:"until"`
	How   How     `json:"how"`
	Duty  DutyID  `json:"duty,omitempty"`
}

// Offer is a baton held out to somebody who has not taken it yet. Its giver holds the post until then.
type Offer struct {
	ID   string  `json:"id"`
	From id.User `json:"from"`
	To   id.User `json:"to"`
	At   int64   `json:"at"`
}

// AlarmKind says what is wrong with a post.
type AlarmKind string

// The kinds: nobody holds it, fewer hold it than must, or whoever holds it should have been relieved.
const (
	Empty AlarmKind = "empty"
	Short AlarmKind = "short"
	Late  AlarmKind = "late"
)

// Alarm is open while a critical post is not held as it must be. Somebody who has said that they see to it is in By.
type Alarm struct {
	ID     string    `json:"id"`
	Kind   AlarmKind `json:"kind"`
	Since  int64     `json:"since"`
	ToldAt int64     `json:"told_at"`
	Told   int       `json:"told"` // how often it was told again
	By     id.User   `json:"by,omitempty"`
	ByAt   int64     `json:"by_at,omitempty"`
}

// given is a duty that its person has handed over: it does not count any more.
type given struct {
	Duty  DutyID `json:"duty"`
	Until int64  `json:"until"`
}

// State is the baton of one post as it lies in the database. Kept are the holdings that people have said, Now is who held the post
// when it was last looked at, which is at At.
type State struct {
	Post   directory.PostID `json:"post"`
	Seq    int64            `json:"seq"`
	At     int64            `json:"at"`
	WakeAt int64            `json:"wake_at"`
	Kept   []Holding        `json:"kept,omitempty"`
	Given  []given          `json:"given,omitempty"`
	Now    []Holding        `json:"now,omitempty"`
	Offers []Offer          `json:"offers,omitempty"`
	Alarm  *Alarm           `json:"alarm,omitempty"`
}

func (s State) clone() State {
	s.Kept, s.Given, s.Now, s.Offers = slices.Clone(s.Kept), slices.Clone(s.Given), slices.Clone(s.Now), slices.Clone(s.Offers)
	if s.Alarm != nil {
		a := *s.Alarm
		s.Alarm = &a
	}
	return s
}

// Away is an interval in which somebody is not there.
type Away struct {
	ID    string
	User  id.User
	From  time.Time
	Until time.Time
	Kind  string // "leave", "sick", "left" …
	By    id.User
}

// World is what a step knows of the rota at its instant.
type World struct {
	Holders  int  // how many must hold the post
	Confirm  bool // a duty counts only once its person has taken the post
	Critical bool // fewer holders than that are an alarm
	Duties   []Duty
	Away     []Away
}

func (w World) away(user id.User, at int64) bool {
	return slices.ContainsFunc(w.Away, func(a Away) bool {
		return a.User == user && a.From.UnixMilli() <= at && at < a.Until.UnixMilli()
	})
}

// The times of the baton. A trust may find others better; until one asks they are the same for all.
const (
	grace      = 10 * time.Minute // how late a relief may be before anybody is told
	overrun    = 2 * time.Hour    // how long an unrelieved holder still counts: after that they are asleep, whatever the list says
	early      = time.Hour        // how long before a duty its person may take the post
	untilAny   = 12 * time.Hour   // how long a post is held that was taken outside the rota with no duty to come
	offerLife  = 12 * time.Hour
	repeat     = 15 * time.Minute // when an alarm is first told again while nobody sees to it; then twice that, and so on
	repeatBy   = time.Hour        // at least, while somebody does
	repeatMost = 4 * time.Hour    // at most
	lookAgain  = 12 * time.Hour   // the longest time between two looks
)

// standing is what a look at a post finds.
type standing struct {
	holders  []Holding
	expected []Duty // duties whose people should have taken the post by now and have not
	alarm    AlarmKind
	next     int64 // when it must be looked at again
}

// look finds who holds the post at the instant. It is a function of what people have said and of the rota alone, so whoever asks, and
// whenever the clock last looked, the answer is the same.
//
// hazard: H6 role empty or stale holder
func (s *State) look(w World, at int64) standing {
	l := standing{next: at + lookAgain.Milliseconds()}
	var found []Holding
	for _, k := range s.Kept {
		k.Until = s.until(w, k)
		end := k.Until
		if w.Confirm {
			end += overrun.Milliseconds()
		}
		l.soon(at, k.From, k.Until, k.Until+grace.Milliseconds(), end)
		if k.From <= at && at < end && !w.away(k.User, at) {
			found = append(found, k)
		}
	}
	for _, d := range w.Duties {
		from, until := d.From.UnixMilli(), d.Until.UnixMilli()
		l.soon(at, from, until, from+grace.Milliseconds())
		if from > at || at >= until || s.gave(d.ID) || w.away(d.User, at) {
			continue
		}
		l.expected = append(l.expected, d)
		if !w.Confirm {
			found = append(found, Holding{User: d.User, From: from, Until: until, How: ByDuty, Duty: d.ID})
		}
	}
	for _, a := range w.Away {
		l.soon(at, a.From.UnixMilli(), a.Until.UnixMilli())
	}
	// Of more than there should be, those count who began last: a later entry is how a swap is written down.
	slices.SortStableFunc(found, func(a, b Holding) int {
		if a.From != b.From {
			return int(max(min(b.From-a.From, 1), -1))
		}
		if a.Duty > b.Duty {
			return -1
		}
		return 1
	})
	for _, h := range found {
		if len(l.holders) < max(w.Holders, 1) && !holds(l.holders, h.User) {
			l.holders = append(l.holders, h)
		}
	}
	l.expected = slices.DeleteFunc(l.expected, func(d Duty) bool { return holds(l.holders, d.User) })
	l.alarm = l.judge(w, at)
	return l
}

func (l *standing) soon(at int64, times ...int64) {
	for _, t := range times {
		if t > at {
			l.next = min(l.next, t)
		}
	}
}

// judge says what is wrong, "" for nothing.
func (l *standing) judge(w World, at int64) AlarmKind {
	switch n := len(l.holders); {
	case n == 0:
		return Empty
	case n < w.Holders:
		return Short
	}
	for _, h := range l.holders {
		if h.Until+grace.Milliseconds() <= at { // only where duties are confirmed; otherwise they have ended
			return Late
		}
	}
	return ""
}

// until is when a holder should be relieved: not between two duties of their own.
func (s *State) until(w World, h Holding) int64 {
	for again := true; again; {
		again = false
		for _, d := range w.Duties {
			from, until := d.From.UnixMilli(), d.Until.UnixMilli()
			if d.User == h.User && from <= h.Until && until > h.Until && from >= h.From-early.Milliseconds() && !s.gave(d.ID) {
				h.Until, again = until, true
			}
		}
	}
	return h.Until
}

func (s *State) gave(d DutyID) bool {
	return slices.ContainsFunc(s.Given, func(g given) bool { return g.Duty == d })
}

func holds(all []Holding, user id.User) bool {
	return slices.ContainsFunc(all, func(h Holding) bool { return h.User == user })
}
