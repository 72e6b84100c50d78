package rota

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Notice is what somebody must be told about a post. Body is the sentence for any client; it holds names of staff and posts only.
type Notice struct {
	To   []id.User
	Kind EffectKind
	Post directory.PostID
	Name string // the post's
	Body string
}

// Deps is what the service needs. Tell, Alarm and Hands may be nil: then nobody is told, and nothing travels with a post.
type Deps struct {
	DB  *db.DB
	Now func() time.Time
	Log *slog.Logger
	// HTTP fetches feeds; nil is the default client.
	HTTP *http.Client
	// Tell brings a notice to people, inside the act that it is about.
	Tell func(ctx context.Context, tx *db.Tx, n Notice) error
	// Alarm brings the alarm of a post to somebody who must answer, and takes it back, inside the act in which it changes: a is nil when
	// there is none any more, words say what is wrong or who has changed it. True says that it rings with somebody.
	Alarm func(ctx context.Context, tx *db.Tx, p directory.Post, a *Alarm, words string) (bool, error)
	// Hands lets what belongs to a post follow it to its new holders, inside the act that changes them. Each that has left the post is
	// in out, each that has come to it in in.
	Hands []func(ctx context.Context, tx *db.Tx, post directory.PostID, out, in []id.User) error
}

// Service looks after batons, plans rotas and takes requests about them.
type Service struct {
	Deps

	bell chan struct{} // capacity 1, coalesces: a post must be looked at earlier than the clock thought

	mu    sync.Mutex // guards board
	board *Board
}

// New returns the service; Run must be running for duties to begin and end by themselves.
func New(d Deps) *Service { return &Service{Deps: d, bell: make(chan struct{}, 1)} }

// Changed wakes the clock: a rota was changed by somebody else than this service. It never blocks.
func (s *Service) Changed() {
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

// ErrRest is the code of a refusal because somebody would get too little rest. Doing the same again with Rested does it all the same.
const ErrRest = "UK_WARDLINE_REST"

// Ask is what somebody wants to do to a post.
type Ask struct {
	Verb   Verb
	Post   directory.PostID
	By     id.User
	To     id.User
	From   id.User
	Reason string
	Rested bool // they were told that it leaves too little rest, and want it all the same
}

// Act does one thing to a post for a person: takes, gives, accepts, refuses, withdraws, takes over or sees to its alarm. An unknown
// post is fault.NotFound, what cannot be done is fault.Conflict with a sentence that says why, too little rest a fault.Conflict with
// code ErrRest.
func (s *Service) Act(ctx context.Context, a Ask) (View, error) {
	var view View
	err := s.DB.WriteFirst(ctx, "rota.act", func(ctx context.Context, tx *db.Tx) error {
		if _, err := directory.FindPost(ctx, tx, a.Post); err != nil {
			return err
		}
		if a.Verb == Give {
			if p, err := directory.FindPerson(ctx, tx, a.To); fault.Is(err, fault.NotFound) || err == nil && p.Left() {
				return fault.New(fault.Invalid, "M_INVALID_PARAM", "That person is not in the directory.")
			} else if err != nil {
				return err
			}
		}
		in := Input{Verb: a.Verb, User: a.By, To: a.To, From: a.From, Reason: a.Reason}
		running, err := OfUser(ctx, tx, a.By, s.Now(), s.Now().Add(time.Minute), false)
		if err != nil {
			return err
		}
		for _, d := range running {
			if d.Covers(s.Now()) {
				in.Until = max(in.Until, d.Until.UnixMilli())
			}
		}
		if err := s.rested(ctx, tx, a, in); err != nil {
			return err
		}
		if err := s.step(ctx, tx, a.Post, in); err != nil {
			return err
		}
		view, err = s.viewIn(ctx, tx, a.Post)
		return err
	})
	return view, err
}

// rested refuses what would leave the new holder too little rest, unless they said yes to it.
func (s *Service) rested(ctx context.Context, tx *db.Tx, a Ask, in Input) error {
	if a.Verb != Take && a.Verb != Accept || a.Rested {
		return nil
	}
	now := s.Now()
	b, err := baton(ctx, tx, a.Post)
	if err != nil {
		return err
	}
	w, err := world(ctx, tx, b, now, a.By)
	if err != nil {
		return err
	}
	st := stepper{s: b.state.clone(), w: w, at: now.UnixMilli(), in: in}
	if st.here = st.s.look(w, st.at).holders; holds(st.here, a.By) {
		return nil
	}
	if err := st.do(); err != nil {
		return err
	}
	k := st.s.Kept[len(st.s.Kept)-1]
	short, err := s.tooShort(ctx, tx, a.By, Duty{ID: k.Duty, Post: a.Post, User: a.By, From: time.UnixMilli(k.From), Until: time.UnixMilli(k.Until)})
	if err != nil || len(short) == 0 {
		return err
	}
	return restFault(short)
}

// step does one thing to a post inside an open act: first what the clock has missed, then the input.
func (s *Service) step(ctx context.Context, tx *db.Tx, post directory.PostID, in Input) error {
	now := s.Now()
	p, err := directory.FindPost(ctx, tx, post)
	if fault.Is(err, fault.NotFound) {
		p = directory.Post{ID: post, Name: string(post)}
	} else if err != nil {
		return err
	}
	b, err := baton(ctx, tx, post)
	if err != nil {
		return err
	}
	// Every instant at which something should have happened is gone through, so that the history has no hole where the server stood
	// still. After a very long time it is not: the newest state counts.
	for range 500 {
		at := time.UnixMilli(b.state.WakeAt)
		if b.state.WakeAt <= b.state.At || at.After(now) || now.Sub(at) > 30*24*time.Hour {
			break
		}
		if err := s.once(ctx, tx, p, &b, at, Input{Verb: Tick}, false); err != nil {
			return err
		}
	}
	return s.once(ctx, tx, p, &b, now, in, true)
}

// once makes one step true. Only the last of several, which is now, brings an alarm to people.
func (s *Service) once(ctx context.Context, tx *db.Tx, p directory.Post, b *row, at time.Time, in Input, last bool) error {
	w, err := world(ctx, tx, *b, at, in.User, in.To)
	if err != nil {
		return err
	}
	w.Critical = p.Critical && !p.Closed
	after, effects, err := Step(b.state, w, at, in)
	if err != nil {
		return err
	}
	if err := Check(after, w, at); err != nil {
		return err
	}
	b.state = after
	if err := b.save(ctx, tx); err != nil {
		return err
	}
	for _, e := range effects {
		if err := e.note(ctx, tx, p.ID, at.UnixMilli()); err != nil {
			return err
		}
		if err := s.record(ctx, tx, p.ID, at, e); err != nil {
			return err
		}
	}
	if err := s.travel(ctx, tx, p.ID, effects); err != nil {
		return err
	}
	if len(effects) > 0 {
		if _, err := tx.Exec(ctx, bump); err != nil {
			return err
		}
		tx.AfterCommit(s.Changed)
	}
	rings, effects, err := s.ring(ctx, tx, p, w, b, effects, last)
	if err != nil {
		return err
	}
	return s.tell(ctx, tx, p, w, after, effects, rings)
}

// record writes the audit.
func (s *Service) record(ctx context.Context, tx *db.Tx, post directory.PostID, at time.Time, e Effect) error {
	actor := string(e.By)
	if actor == "" {
		actor = "system"
	}
	detail := map[string]string{}
	switch e.Kind {
	case Began, Ended:
		detail["user"], detail["how"] = string(e.Holding.User), string(e.Holding.How)
	case Offered, Refused, Lapsed:
		detail["from"], detail["to"] = string(e.Offer.From), string(e.Offer.To)
	default:
		detail["alarm"] = string(e.Alarm.Kind)
	}
	return audit.Append(ctx, tx, audit.Entry{At: at, Actor: actor, Action: "post." + string(e.Kind), Object: string(post), Detail: detail})
}

// travel lets pages and conversations follow the post.
func (s *Service) travel(ctx context.Context, tx *db.Tx, post directory.PostID, effects []Effect) error {
	var out, in []id.User
	for _, e := range effects {
		switch e.Kind {
		case Began:
			in = append(in, e.Holding.User)
		case Ended:
			out = append(out, e.Holding.User)
		}
	}
	if len(out)+len(in) == 0 {
		return nil
	}
	for _, follow := range s.Hands {
		if err := follow(ctx, tx, post, out, in); err != nil {
			return err
		}
	}
	return nil
}

// SetRule says how many must hold a post, 1 to 9, and whether a duty on it has to be taken by hand.
func (s *Service) SetRule(ctx context.Context, tx *db.Tx, post directory.PostID, holders int, confirm bool) error {
	if holders < 1 || holders > 9 {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "A post has one to nine holders.")
	}
	b, err := baton(ctx, tx, post)
	if err != nil {
		return err
	}
	if confirm && !b.confirm { // who holds it now goes on: nobody has to take what they have
		w, err := world(ctx, tx, b, s.Now())
		if err != nil {
			return err
		}
		for _, h := range b.state.look(w, s.Now().UnixMilli()).holders {
			if !holds(b.state.Kept, h.User) {
				b.state.Kept = append(b.state.Kept, h)
			}
		}
	}
	b.holders, b.confirm, b.state.WakeAt = holders, confirm, 0
	if err := b.save(ctx, tx); err != nil {
		return err
	}
	tx.AfterCommit(s.Changed)
	return touch(ctx, tx, post)
}

// Tick brings a post up to date inside an open act.
func (s *Service) Tick(ctx context.Context, tx *db.Tx, post directory.PostID) error {
	return s.step(ctx, tx, post, Input{Verb: Tick})
}

// See notes that somebody sees to a post's alarm, inside an open act. Without an alarm it changes nothing.
func (s *Service) See(ctx context.Context, tx *db.Tx, post directory.PostID, user id.User) error {
	if err := s.step(ctx, tx, post, Input{Verb: See, User: user}); !errors.Is(err, errNoAlarm) {
		return err
	}
	return nil
}

func clock(ms int64) string { return Local(time.UnixMilli(ms)).Format("15:04") }

// day is a duty's time in words: "Tue 24 Nov 20:00 to 08:00".
func (d Duty) span() string {
	return Local(d.From).Format("Mon 2 Jan 15:04") + " to " + Local(d.Until).Format("15:04")
}

func restFault(short []Rest) error {
	r := short[0]
	say := fmt.Sprintf("That leaves %s of rest before or after another duty, less than 11 hours.", hours(r.Gap))
	if r.Gap <= 0 {
		say = "That leaves no rest between two duties: more than 16 hours of work in one piece."
	}
	return &fault.Fault{Kind: fault.Conflict, Code: ErrRest, Public: say,
		Extra: map[string]any{"rest_minutes": int(r.Gap.Minutes())}}
}

func hours(d time.Duration) string {
	if m := int(d.Minutes()) % 60; m != 0 {
		return fmt.Sprintf("%d h %d min", int(d.Hours()), m)
	}
	return fmt.Sprintf("%d h", int(d.Hours()))
}
