package paging

import (
	"context"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Way is one way in which a person can be reached: "app", "open now". Detail is a sentence; the code and its number say the same to an app
// that speaks another language. New codes may come.
type Way struct {
	Via    string `json:"via"`
	Detail string `json:"detail"`
	Code   string `json:"code"`         // of app: open, seen, closed; of push: devices, failing, none; of a carrier: after
	MS     int64  `json:"ms,omitempty"` // of seen: so long ago; of failing: for so long; of after: so long after the page came
	N      int    `json:"n,omitempty"`  // of devices: how many
}

// Ahead is what a page would do at one instant if nobody answered: who is called then, by which posts, and how they can be reached.
type Ahead struct {
	After  time.Duration // since it was sent
	Called []Called
	Posts  []PostRef // all posts of the rung, held or not
	Note   string    // why it comes to them, or why it goes past them
	Why    Reason    // the same, as an app takes it
	Holder *rota.Duty
	Reach  []Way
}

// Plan is what would happen to a page if nobody answered.
type Plan struct {
	Post   PostRef
	Steps  []Ahead
	Then   string
	Last   PostRef // whom Then speaks of
	Stays  bool    // there is no other than Last
	Quorum int
	Policy int64
}

// Preview plays a page on a clock, with the rules of escalation themselves: who would get it when, if it were sent at the instant and
// nobody answered. Draft are rules to try in place of those in force, nil for those. It changes nothing. A target that cannot be paged, and
// rules that cannot work, are fault.Invalid.
//
// hazard: H4 sent to wrong person or role
func (s *Service) Preview(ctx context.Context, by id.User, to Target, u Urgency, draft *Rules, at time.Time) (Plan, error) {
	if u != Urgent && u != Emergency {
		return Plan{}, fault.New(fault.Invalid, "M_INVALID_PARAM", "The urgency is urgent or emergency.")
	}
	post, l, err := s.ladder(ctx, s.DB, to, u, at)
	if err == nil && draft != nil && to.Post != "" {
		if err = s.checkRules(ctx, s.DB, to.Post, u, *draft); err == nil {
			l, err = s.build(ctx, s.DB, post, u, Version{Rules: *draft}, at)
		}
	}
	if err != nil {
		return Plan{}, err
	}
	p := Page{Ladder: l.rungs, RungFor: l.each, Snapshot: Snapshot{Urgency: u, Post: post, Quorum: some(l.quorum), From: Sender{User: by}}}
	plan := Plan{Post: post, Quorum: l.quorum, Policy: l.policy}
	if err := s.play(ctx, &p, at, &plan); err != nil {
		return Plan{}, err
	}
	end := p.Ladder[len(p.Ladder)-1]
	plan.Then, plan.Last, plan.Stays = end.Name+" rings", end.PostRef, len(p.Ladder) == 1
	if plan.Stays {
		plan.Then = "It stays at " + end.Name
	}
	return plan, nil
}

// play lets a page live on a clock of its own until the last rung has it.
func (s *Service) play(ctx context.Context, p *Page, at time.Time, plan *Plan) error {
	in := Input{Verb: Raise}
	now := at
	passed := map[directory.PostID]bool{}
	for range 4 * (len(p.Ladder) + 2) {
		var refs []PostRef
		for _, r := range p.Ladder {
			refs = append(append(refs, r.PostRef), r.With...)
		}
		in.Holders = Holders{}
		if err := s.holders(ctx, s.DB, in.Holders, refs, now); err != nil {
			return err
		}
		before := p.Current
		next, effects, err := Step(*p, now, in)
		if err != nil {
			return err
		}
		*p = next
		if len(effects) > 0 && (in.Verb == Raise || p.Current.Rung != before.Rung || p.Current.User != before.User) {
			if err := s.seeAhead(ctx, p, in.Holders, passed, before, effects[len(effects)-1].Step, now.Sub(at), plan); err != nil {
				return err
			}
		}
		if p.Exhausted {
			return nil
		}
		in, now = Input{Verb: Tick}, time.UnixMilli(p.WakeAt)
	}
	return nil
}

// seeAhead writes down where the page is now, and the rungs that it has skipped on the way because nobody could be called there.
func (s *Service) seeAhead(ctx context.Context, p *Page, world Holders, passed map[directory.PostID]bool, before Current, step Event, after time.Duration, plan *Plan) error {
	from := before.Rung + 1
	if len(plan.Steps) == 0 {
		from = 0
	}
	for _, r := range p.Ladder[min(from, p.Current.Rung):p.Current.Rung] {
		if !passed[r.ID] {
			passed[r.ID] = true
			why := s.skips(r, world)
			plan.Steps = append(plan.Steps, Ahead{After: after, Posts: append([]PostRef{r.PostRef}, r.With...), Note: why.String(), Why: why, Reach: []Way{}})
		}
	}
	r := p.Ladder[p.Current.Rung]
	if p.last() && len(p.Ladder) > 1 {
		return nil // Then says it
	}
	a := Ahead{After: after, Called: p.Current.All(), Posts: append([]PostRef{r.PostRef}, r.With...), Note: step.Note, Why: step.Why, Reach: []Way{}}
	for _, c := range a.Called {
		if _, is := c.Post.person(); !is && a.Holder == nil {
			d, err := rota.Holder(ctx, s.DB, c.Post.ID, time.UnixMilli(p.Current.Since))
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			if err == nil {
				a.Holder = &d
			}
		}
		if s.Reach != nil && c.User != "" {
			a.Reach = append(a.Reach, s.Reach(ctx, c.Post.ID, c.User, p.Urgency)...)
		}
	}
	plan.Steps = append(plan.Steps, a)
	return nil
}

// skips says why nobody is called on a rung.
func (s *Service) skips(r Rung, world Holders) Reason {
	for _, ref := range append([]PostRef{r.PostRef}, r.With...) {
		all := world[ref.ID]
		if len(all) == 0 {
			continue
		}
		if not := all[0].reason(); not.Code != "" {
			return not
		}
		return Reason{Code: AskedYet, Name: all[0].Name}
	}
	return Reason{Code: Empty}
}

// Find returns a page that the user may see: they sent it, had it, have it or are in its room. Any other is fault.Hidden.
func (s *Service) Find(ctx context.Context, by id.User, page ID) (Snapshot, error) {
	p, err := find(ctx, s.DB, page)
	if fault.Is(err, fault.NotFound) {
		return Snapshot{}, errHidden
	}
	if err != nil {
		return Snapshot{}, err
	}
	if err := s.visible(ctx, by, p); err != nil {
		return Snapshot{}, err
	}
	return p.Snapshot, nil
}

// Look returns a page for the program's own use, inside a transaction or beside one. An unknown page is fault.NotFound.
func Look(ctx context.Context, q db.Querier, page ID) (Snapshot, error) {
	p, err := find(ctx, q, page)
	return p.Snapshot, err
}

// Looked says whether somebody who is called has looked at the page since it came to them.
func (p Snapshot) Looked(user id.User) bool { return Page{Snapshot: p}.had(Seen, user) }

func (s *Service) visible(ctx context.Context, by id.User, p stored) error {
	if p.concerns(by) {
		return nil
	}
	in, err := s.Rooms.Standing(ctx, by, p.RoomID)
	if fault.Is(err, fault.NotFound) || err == nil && in.Is != "join" {
		return errHidden
	}
	return err
}

// Mine returns the open pages that the user must answer now, oldest first.
func (s *Service) Mine(ctx context.Context, by id.User) ([]Snapshot, error) {
	return s.box(ctx, by, held, string(by))
}

// Sent returns the pages that the user has sent, newest first, at most 100.
func (s *Service) Sent(ctx context.Context, by id.User) ([]Snapshot, error) {
	return s.box(ctx, by, sent, string(by))
}

// Open returns the open pages that the user may see, oldest first.
func (s *Service) Open(ctx context.Context, by id.User) ([]Snapshot, error) {
	return s.box(ctx, by, openPages)
}

func (s *Service) box(ctx context.Context, by id.User, q *db.Statement, args ...any) ([]Snapshot, error) {
	pages, err := db.Collect(ctx, s.DB, q, scan, args...)
	if err != nil {
		return nil, err
	}
	list := make([]Snapshot, 0, len(pages))
	for _, p := range pages {
		err := s.visible(ctx, by, p)
		switch {
		case err == nil:
			list = append(list, p.Snapshot)
		case !fault.Is(err, fault.Hidden):
			return nil, err
		}
	}
	return list, nil
}
