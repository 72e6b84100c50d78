package rota

import (
	"context"
	"fmt"
	"slices"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Gap is a time in which fewer people are planned for a post than must hold it.
type Gap struct {
	From, Until time.Time
	Planned     int
	Must        int
}

// Gaps returns where a post has too few duties in an interval. Duties of people who are away then, and of nobody, count as none. Drafts
// count when asked for.
func Gaps(ctx context.Context, q db.Querier, post directory.PostID, from, until time.Time, drafts bool) ([]Gap, error) {
	b, err := baton(ctx, q, post)
	if err != nil {
		return nil, err
	}
	duties, err := Between(ctx, q, post, from, until)
	if err != nil {
		return nil, err
	}
	duties = slices.DeleteFunc(duties, func(d Duty) bool { return d.User == "" || d.Draft && !drafts })
	away, err := Absences(ctx, q, duties, from)
	if err != nil {
		return nil, err
	}
	return gaps(duties, away, from, until, b.holders), nil
}

// Absences returns when the people of these duties are away, from an instant on.
func Absences(ctx context.Context, q db.Querier, duties []Duty, from time.Time) ([]Away, error) {
	var users []id.User
	for _, d := range duties {
		users = append(users, d.User)
	}
	slices.Sort(users)
	var all []Away
	for _, u := range slices.Compact(users) {
		a, err := db.Collect(ctx, q, awayOf, scanAway, string(u), from.UnixMilli())
		if err != nil {
			return nil, err
		}
		all = append(all, a...)
	}
	return all, nil
}

func gaps(duties []Duty, away []Away, from, until time.Time, must int) []Gap {
	edges := []int64{from.UnixMilli(), until.UnixMilli()}
	for _, d := range duties {
		edges = append(edges, d.From.UnixMilli(), d.Until.UnixMilli())
	}
	for _, a := range away {
		edges = append(edges, a.From.UnixMilli(), a.Until.UnixMilli())
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	w := World{Away: away}
	var all []Gap
	for i := 0; i+1 < len(edges); i++ {
		at := edges[i]
		if at < from.UnixMilli() || at >= until.UnixMilli() {
			continue
		}
		on := map[id.User]bool{}
		for _, d := range duties {
			if d.From.UnixMilli() <= at && at < d.Until.UnixMilli() && !w.away(d.User, at) {
				on[d.User] = true
			}
		}
		if len(on) >= must {
			continue
		}
		g := Gap{From: time.UnixMilli(at), Until: time.UnixMilli(min(edges[i+1], until.UnixMilli())), Planned: len(on), Must: must}
		if n := len(all); n > 0 && all[n-1].Until.Equal(g.From) && all[n-1].Planned == g.Planned {
			all[n-1].Until = g.Until
		} else {
			all = append(all, g)
		}
	}
	return all
}

// Report is what publishing some days of a post's rota does, or would do.
type Report struct {
	Duties []Duty // drafts that become duties
	Gaps   []Gap  // what stays empty
	Rests  []Rest // who gets too little rest
}

var publishDuty = db.SQL("rota.publish", `UPDATE rota_duty SET status = 'published' WHERE id = $1 AND status = 'draft'`)

// Publish makes the drafts of some days count, and tells those whose duties they are. With dry it only says what it would do. When
// somebody would get too little rest and rested is not set, it is a fault.Conflict with code ErrRest: too little rest is never planned
// without somebody saying yes to it.
func (s *Service) Publish(ctx context.Context, by directory.By, post directory.PostID, from, until Date, dry, rested bool) (Report, error) {
	var rep Report
	if until.Before(from) || until.Days(from) > maxFill {
		return rep, fault.New(fault.Invalid, "M_INVALID_PARAM", "Choose a first and a last day, at most 400 days apart.")
	}
	do := func(ctx context.Context, q db.Querier) error {
		if err := s.keeps(ctx, q, by, post); err != nil {
			return err
		}
		start, end := from.At(0), until.Add(1).At(0)
		all, err := Between(ctx, q, post, start, end)
		if err != nil {
			return err
		}
		rep = Report{}
		for _, d := range all {
			if d.Draft && d.User != "" && !d.From.Before(start) {
				if d, err = named(ctx, q, d); err != nil {
					return err
				}
				rep.Duties = append(rep.Duties, d)
			}
		}
		if rep.Gaps, err = Gaps(ctx, q, post, start, end, true); err != nil {
			return err
		}
		rep.Rests, err = s.rests(ctx, q, rep.Duties)
		return err
	}
	if dry {
		return rep, do(ctx, s.DB)
	}
	err := s.DB.Write(ctx, "rota.publish", func(ctx context.Context, tx *db.Tx) error {
		if err := do(ctx, tx); err != nil {
			return err
		}
		if len(rep.Rests) > 0 && !rested {
			return restFault(rep.Rests)
		}
		for _, d := range rep.Duties {
			if _, err := tx.Exec(ctx, publishDuty, string(d.ID)); err != nil {
				return err
			}
		}
		if err := touch(ctx, tx, post); err != nil {
			return err
		}
		tx.AfterCommit(s.Changed)
		detail := map[string]string{"from": from.String(), "until": until.String(), "duties": fmt.Sprint(len(rep.Duties)), "short_rests": fmt.Sprint(len(rep.Rests))}
		if err := s.note(ctx, tx, by.User, "rota.publish", string(post), detail); err != nil {
			return err
		}
		return s.tellPublished(ctx, tx, by.User, post, rep.Duties)
	})
	return rep, err
}

// rests returns where duties leave too little rest, each person's together.
func (s *Service) rests(ctx context.Context, q db.Querier, duties []Duty) ([]Rest, error) {
	byUser := map[id.User][]Duty{}
	var users []id.User
	for _, d := range duties {
		if byUser[d.User] == nil {
			users = append(users, d.User)
		}
		byUser[d.User] = append(byUser[d.User], d)
	}
	var all []Rest
	for _, u := range users {
		list := byUser[u]
		first, last := list[0].From, list[0].Until
		mine := map[DutyID]bool{}
		for _, d := range list {
			mine[d.ID] = true
			if d.From.Before(first) {
				first = d.From
			}
			if d.Until.After(last) {
				last = d.Until
			}
		}
		others, err := OfUser(ctx, q, u, first.Add(-3*24*time.Hour), last.Add(3*24*time.Hour), false)
		if err != nil {
			return nil, err
		}
		others = slices.DeleteFunc(others, func(d Duty) bool { return mine[d.ID] })
		for _, r := range Rests(append(others, list...)) {
			if mine[r.First.ID] || mine[r.Then.ID] {
				all = append(all, r)
			}
		}
	}
	return all, nil
}

func (s *Service) tellPublished(ctx context.Context, tx *db.Tx, by id.User, post directory.PostID, duties []Duty) error {
	if s.Tell == nil {
		return nil
	}
	p, err := directory.FindPost(ctx, tx, post)
	if err != nil {
		return err
	}
	n := map[id.User]int{}
	first := map[id.User]Duty{}
	for _, d := range duties {
		if n[d.User]++; n[d.User] == 1 || d.From.Before(first[d.User].From) {
			first[d.User] = d
		}
	}
	users := make([]id.User, 0, len(n))
	for u := range n {
		users = append(users, u)
	}
	slices.Sort(users)
	for _, u := range users {
		if u == by {
			continue
		}
		body := fmt.Sprintf("The rota of %s was published: you have it %s.", p.Name, first[u].span())
		if n[u] > 1 {
			body = fmt.Sprintf("The rota of %s was published: you have %d duties, the first %s.", p.Name, n[u], first[u].span())
		}
		if err := s.Tell(ctx, tx, Notice{To: []id.User{u}, Kind: "published", Post: p.ID, Name: p.Name, Body: body}); err != nil {
			return err
		}
	}
	return nil
}

// Put adds a duty, or changes the one of its id, for whoever keeps the rota. An empty id is a new duty.
func (s *Service) Put(ctx context.Context, by directory.By, d Duty, rested bool) (Duty, error) {
	err := s.DB.WriteFirst(ctx, "rota.put", func(ctx context.Context, tx *db.Tx) error {
		if err := s.keeps(ctx, tx, by, d.Post); err != nil {
			return err
		}
		if d.User != "" {
			if err := s.staff(ctx, tx, d.User); err != nil {
				return err
			}
		} else if !d.Draft {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "A duty that counts has a person.")
		}
		if d.ID == "" {
			d.ID = DutyID("du_" + id.NewOpaque(12))
		} else if was, err := Find(ctx, tx, d.ID); err != nil {
			return err
		} else if was.Post != d.Post {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "A duty stays with its post.")
		} else if d.Ref = was.Ref; was.Source != "" {
			d.Ref = was.Source // changed by hand: neither its pattern nor its feed may change it back
		}
		d.Source = ""
		if d.User != "" && !rested {
			short, err := s.tooShort(ctx, tx, d.User, d)
			if err != nil {
				return err
			}
			if len(short) > 0 {
				return restFault(short)
			}
		}
		if err := Save(ctx, tx, d); err != nil {
			return err
		}
		tx.AfterCommit(s.Changed)
		var err error
		if d, err = named(ctx, tx, d); err != nil {
			return err
		}
		return s.note(ctx, tx, by.User, "rota.put", string(d.Post), map[string]string{"duty": string(d.ID), "user": string(d.User)})
	})
	return d, err
}

// Delete takes a duty out of the rota, for whoever keeps it.
func (s *Service) Delete(ctx context.Context, by directory.By, duty DutyID) error {
	return s.DB.WriteFirst(ctx, "rota.delete", func(ctx context.Context, tx *db.Tx) error {
		d, err := Find(ctx, tx, duty)
		if err != nil {
			return err
		}
		if err := s.keeps(ctx, tx, by, d.Post); err != nil {
			return err
		}
		if err := Remove(ctx, tx, d); err != nil {
			return err
		}
		tx.AfterCommit(s.Changed)
		return s.note(ctx, tx, by.User, "rota.delete", string(d.Post), map[string]string{"duty": string(d.ID), "user": string(d.User)})
	})
}

// ChangeRule is SetRule for whoever keeps the rota.
func (s *Service) ChangeRule(ctx context.Context, by directory.By, post directory.PostID, holders int, confirm bool) error {
	return s.DB.Write(ctx, "rota.rule", func(ctx context.Context, tx *db.Tx) error {
		if err := s.keeps(ctx, tx, by, post); err != nil {
			return err
		}
		if err := s.SetRule(ctx, tx, post, holders, confirm); err != nil {
			return err
		}
		return s.note(ctx, tx, by.User, "post.rule", string(post), map[string]string{"holders": fmt.Sprint(holders), "confirm": fmt.Sprint(confirm)})
	})
}
