package rota

import (
	"context"
	"slices"
	"time"

	"wardline/ground/db"
	"wardline/matrix/id"
)

// MinRest is the rest that the Working Time Regulations want between two duties. Less is never planned without somebody saying yes to it.
const MinRest = 11 * time.Hour

// Rest is a time between two duties of one person that is too short.
type Rest struct {
	User        id.User
	First, Then Duty
	Gap         time.Duration // between them, negative when they overlap
}

// tooShort returns where a duty would leave its person too little rest. Duties that touch or overlap on end to end are one spell of work:
// a person on two posts at once gets no less rest by that.
func (s *Service) tooShort(ctx context.Context, q db.Querier, user id.User, d Duty) ([]Rest, error) {
	all, err := OfUser(ctx, q, user, d.From.Add(-3*24*time.Hour), d.Until.Add(3*24*time.Hour), true)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(o Duty) bool { return o.ID == d.ID && d.ID != "" })
	before := Rests(all)
	after := Rests(append(all, d))
	// What was too short before is not this duty's doing.
	return slices.DeleteFunc(after, func(r Rest) bool {
		return slices.ContainsFunc(before, func(b Rest) bool { return b.First.ID == r.First.ID && b.Then.ID == r.Then.ID })
	}), nil
}

// Rests returns the times between one person's duties that are too short, in order. Duties that touch or overlap are one spell of
// work; a spell longer than sixteen hours is too little rest as well, as nothing between its first and its last duty.
func Rests(all []Duty) []Rest {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b Duty) int {
		if c := a.From.Compare(b.From); c != 0 {
			return c
		}
		return a.Until.Compare(b.Until)
	})
	const spell = 16 * time.Hour
	var short []Rest
	for i := 0; i < len(all); {
		first, last, end := all[i], all[i], all[i].Until
		for i++; i < len(all) && !all[i].From.After(end); i++ {
			if last = all[i]; all[i].Until.After(end) {
				end = all[i].Until
			}
		}
		if end.Sub(first.From) > spell && last.ID != first.ID && first.Until.Sub(first.From) < spell && last.Until.Sub(last.From) < spell {
			short = append(short, Rest{User: first.User, First: first, Then: last, Gap: 0})
		}
		if i < len(all) {
			if gap := all[i].From.Sub(end); gap < MinRest {
				short = append(short, Rest{User: first.User, First: last, Then: all[i], Gap: gap})
			}
		}
	}
	return short
}
