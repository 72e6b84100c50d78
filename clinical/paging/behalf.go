package paging

import (
	"context"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// What somebody does to a page who neither sent nor holds it. Whether they may is for the caller to know: the switchboard, or whoever
// leads at an emergency.
const (
	AnswerFor Verb = iota + 100 // For has said that they come; User tells it
	StandDown                   // nobody needs to come any more
	PassOver                    // User, who has the page, is needed elsewhere: it goes on to the next at once
)

var errUnsaid = fault.New(fault.Invalid, "M_INVALID_PARAM", "Say who comes.")

// behalf does the verbs of this file.
func (s *stepper) behalf() error {
	p := &s.page
	switch {
	case s.in.Verb == StandDown && s.in.User != "":
		p.Status = Withdrawn
		s.add(Event{Kind: Withdrew, User: s.in.User, Name: s.in.Name, Note: s.in.Reason})
	case s.in.Verb == PassOver && s.in.User != "":
		if p.Current.Calls(s.in.User) && !p.last() {
			p.Passers = append(p.Passers, s.in.User)
			s.pass(s.in.User, s.in.Why)
		}
	case s.in.Verb == AnswerFor && s.in.User != "":
		switch {
		case s.in.For == "":
			return errUnsaid
		case s.in.ETAMinutes < 0 || s.in.ETAMinutes > 240:
			return errETA
		}
		if p.comes(s.in.For) {
			return nil
		}
		e := Event{User: s.in.For, Name: s.in.ForName, PostName: p.Current.Post.Name, Note: s.in.Reason}
		if s.in.User != s.in.For {
			e.By = s.in.User
		}
		s.settle(Acceptance{User: s.in.For, Name: s.in.ForName, At: s.at, ETAMinutes: s.in.ETAMinutes}, e)
		s.join(s.in.For)
	default:
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "Nothing can be done to a page in this way.")
	}
	return nil
}

// Person is somebody by id and name.
type Person struct {
	User id.User
	Name string
}

// AcceptForIn ends a page because comes has said, to somebody who tells it, that they come; the page's record and the audit say who told
// it. It does not ask whether by may. A closed page is fault.Conflict, unless it is theirs already.
//
// hazard: H3 noticed, nobody owns it
func (s *Service) AcceptForIn(ctx context.Context, tx *db.Tx, page ID, by, comes Person, etaMinutes int, note string) (Snapshot, error) {
	return s.outside(ctx, tx, page, Input{Verb: AnswerFor, User: by.User, Name: by.Name, For: comes.User, ForName: comes.Name, ETAMinutes: etaMinutes, Reason: note})
}

// StandDownIn closes a page that nobody needs to answer any more, because what it belongs to has ended. It does not ask whether by may.
// The second time it changes nothing; an accepted page is fault.Conflict.
func (s *Service) StandDownIn(ctx context.Context, tx *db.Tx, page ID, by Person, reason string) (Snapshot, error) {
	return s.outside(ctx, tx, page, Input{Verb: StandDown, User: by.User, Name: by.Name, Reason: reason})
}

// PassOverIn brings a page to the next on its ladder because user, who has it now, is needed elsewhere: they have come to the same emergency
// in another seat. Of somebody who does not have it, and on the last rung, it changes nothing.
func (s *Service) PassOverIn(ctx context.Context, tx *db.Tx, page ID, user id.User, why Reason) (Snapshot, error) {
	return s.outside(ctx, tx, page, Input{Verb: PassOver, User: user, Why: why})
}

// outside is ActIn for somebody who may have nothing to do with the page.
func (s *Service) outside(ctx context.Context, tx *db.Tx, page ID, in Input) (Snapshot, error) {
	if len(in.Reason) > maxNote {
		return Snapshot{}, errTooLong
	}
	p, a, err := s.load(ctx, tx, page)
	if err != nil {
		return Snapshot{}, err
	}
	p, err = s.apply(ctx, a, p, in, false)
	return p.Snapshot, err
}

// OpenPages returns every open page for the program's own use, oldest first, at most 1,000. It asks nobody whether they may see them.
func OpenPages(ctx context.Context, q db.Querier) ([]Snapshot, error) {
	pages, err := db.Collect(ctx, q, openPages, scan)
	all := make([]Snapshot, 0, len(pages))
	for _, p := range pages {
		all = append(all, p.Snapshot)
	}
	return all, err
}
