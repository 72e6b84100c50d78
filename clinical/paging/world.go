package paging

import (
	"context"
	"fmt"
	"strings"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/clinical/status"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Target is whom a page goes to: exactly one of the three is set.
type Target struct {
	Post   directory.PostID
	Person id.User
	Team   directory.TeamID
}

// teamRef marks the name of a team where a post's would stand. Nobody holds it; its people are called beside it.
const teamRef = "team:"

// person says whether a reference names a person, and who.
func (r PostRef) person() (id.User, bool) { return id.User(r.ID), strings.HasPrefix(string(r.ID), "@") }

// world fills in who can answer for each post of the ladder now, and returns the instant.
func (s *Service) world(ctx context.Context, q db.Querier, p Page, in *Input) (time.Time, error) {
	now := s.Now()
	refs := []PostRef{in.To}
	for _, r := range p.Ladder {
		refs = append(append(refs, r.PostRef), r.With...)
	}
	if in.Holders == nil {
		in.Holders = Holders{}
	}
	return now, s.holders(ctx, q, in.Holders, refs, now)
}

// holders adds to all who holds the posts that are not there yet.
func (s *Service) holders(ctx context.Context, q db.Querier, all Holders, refs []PostRef, at time.Time) error {
	for _, r := range refs {
		if _, known := all[r.ID]; known || r.ID == "" || strings.HasPrefix(string(r.ID), teamRef) {
			continue
		}
		list, err := s.holding(ctx, q, r, at)
		if err != nil {
			return err
		}
		all[r.ID] = list
	}
	return nil
}

// holding is who holds one post, or the one person who is named.
func (s *Service) holding(ctx context.Context, q db.Querier, r PostRef, at time.Time) ([]Holder, error) {
	if u, is := r.person(); is {
		return s.alone(ctx, q, u, at)
	}
	duties, err := rota.Holders(ctx, q, r.ID, at)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	var list []Holder
	for _, d := range duties {
		h := Holder{User: d.User, Name: d.Name, Until: d.Until.UnixMilli()}
		if h.Busy, err = s.busy(ctx, q, d.User, at); err != nil {
			return nil, err
		}
		list = append(list, h)
	}
	return list, nil
}

func (s *Service) busy(ctx context.Context, q db.Querier, user id.User, at time.Time) (status.Kind, error) {
	if s.Busy == nil {
		return status.None, nil
	}
	return s.Busy(ctx, q, user, at)
}

// alone is a person who is paged by name: nobody once they have left; off duty they are not called.
func (s *Service) alone(ctx context.Context, q db.Querier, user id.User, at time.Time) ([]Holder, error) {
	p, err := directory.FindPerson(ctx, q, user)
	if fault.Is(err, fault.NotFound) || err == nil && p.Left() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	h := Holder{User: user, Name: p.Name}
	if h.Busy, err = s.busy(ctx, q, user, at); err != nil || h.Busy != status.None {
		return []Holder{h}, err
	}
	stands, err := rota.StandingOf(ctx, q, user, at)
	h.Off = err == nil && stands.Rostered && !stands.On
	return []Holder{h}, err
}

// target is how a ladder names whom a page goes to. Who does not exist, or cannot be paged, is fault.Invalid.
func (s *Service) target(ctx context.Context, q db.Querier, t Target) (PostRef, error) {
	switch {
	case t.Person != "":
		p, err := directory.FindPerson(ctx, q, t.Person)
		if fault.Is(err, fault.NotFound) || err == nil && p.Left() {
			return PostRef{}, errPerson
		}
		return PostRef{ID: directory.PostID(t.Person), Name: p.Name}, err
	case t.Team != "":
		return PostRef{}, errTeam
	}
	p, err := directory.FindPost(ctx, q, t.Post)
	if fault.Is(err, fault.NotFound) || err == nil && !p.Pageable {
		return PostRef{}, errPost
	}
	return PostRef{ID: p.ID, Name: p.Name}, err
}

var (
	errPost   = fault.New(fault.Invalid, "M_INVALID_PARAM", "This post cannot be paged.")
	errPerson = fault.New(fault.Invalid, "M_INVALID_PARAM", "There is nobody of that name to page.")
	errTeam   = fault.New(fault.Invalid, "M_INVALID_PARAM", "A page cannot be handed to a whole team. Choose a post or a person.")
	errTarget = fault.New(fault.Invalid, "M_INVALID_PARAM", "Say whom to page: one post, one person or one team.")
)

// maxTeam is how many people of a team are called at once.
//
// hazard: H8 escalation loops or storms
const maxTeam = 20

// ladder is what a page to the target climbs: by the trust's policy for a post, and for a person or a team over those who can answer for
// them to the switchboard.
func (s *Service) ladder(ctx context.Context, q db.Querier, t Target, u Urgency, at time.Time) (PostRef, ladder, error) {
	set := 0
	for _, on := range []bool{t.Post != "", t.Person != "", t.Team != ""} {
		if on {
			set++
		}
	}
	if set != 1 {
		return PostRef{}, ladder{}, errTarget
	}
	if t.Team != "" {
		return s.teamLadder(ctx, q, t.Team, u)
	}
	ref, err := s.target(ctx, q, t)
	if err != nil {
		return ref, ladder{}, err
	}
	if t.Post != "" {
		p, err := policyFor(ctx, q, t.Post, u)
		if err != nil {
			return ref, ladder{}, err
		}
		l, err := s.build(ctx, q, ref, u, p, at)
		return ref, l, err
	}
	l, err := s.personLadder(ctx, q, ref, u, at)
	return ref, l, err
}

// personLadder asks the person, then whoever would be asked after a post that they hold now, then the switchboard.
func (s *Service) personLadder(ctx context.Context, q db.Querier, who PostRef, u Urgency, at time.Time) (ladder, error) {
	p, err := policyFor(ctx, q, anyPost, u)
	if err != nil {
		return ladder{}, err
	}
	l := ladder{rungs: []Rung{{PostRef: who}}, each: s.each(p, u), policy: p.Version}
	held, err := rota.Held(ctx, q, id.User(who.ID), at)
	if err != nil {
		return l, err
	}
	var after []directory.Post
	if len(held) > 0 {
		if after, err = directory.Ladder(ctx, q, held[0].Post); err == nil {
			after = after[1:]
		}
	} else {
		after, err = directory.LadderEnd(ctx, q)
	}
	for _, p := range after {
		l.rungs = append(l.rungs, Rung{PostRef: PostRef{ID: p.ID, Name: p.Name}})
	}
	return l, err
}

// teamLadder calls everybody of the team who is at work, and the switchboard after them.
func (s *Service) teamLadder(ctx context.Context, q db.Querier, team directory.TeamID, u Urgency) (PostRef, ladder, error) {
	t, err := directory.FindTeam(ctx, q, team)
	if fault.Is(err, fault.NotFound) {
		return PostRef{}, ladder{}, errTarget
	}
	if err != nil {
		return PostRef{}, ladder{}, err
	}
	ref := PostRef{ID: directory.PostID(teamRef + string(t.ID)), Name: t.Name}
	p, err := policyFor(ctx, q, anyPost, u)
	if err != nil {
		return ref, ladder{}, err
	}
	l := ladder{rungs: []Rung{{PostRef: ref}}, each: s.each(p, u), policy: p.Version}
	for _, m := range t.Members {
		all, err := s.alone(ctx, q, m, s.Now())
		if err != nil {
			return ref, l, err
		}
		if len(all) > 0 && all[0].reason().Code == "" {
			l.rungs[0].With = append(l.rungs[0].With, PostRef{ID: directory.PostID(m), Name: all[0].Name})
		}
	}
	if len(l.rungs[0].With) > maxTeam {
		return ref, l, fault.New(fault.Invalid, "M_INVALID_PARAM", fmt.Sprintf("%d people of this team are at work: too many to wake at once. Page a post of theirs.", len(l.rungs[0].With)))
	}
	last, err := directory.LadderEnd(ctx, q)
	for _, p := range last {
		l.rungs = append(l.rungs, Rung{PostRef: PostRef{ID: p.ID, Name: p.Name}})
	}
	return ref, l, err
}
