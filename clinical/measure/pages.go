package measure

import (
	"cmp"
	"context"
	"slices"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/emergency"
	"wardline/clinical/paging"
	"wardline/clinical/rota"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// few is the number below which no median is shown: a figure of one page is a figure of one person.
const few = 5

// longest is the longest time that can be asked about at once.
const longest = 366 * 24 * time.Hour

// Spread is how long something took, in milliseconds. Half and Most are the median and the ninetieth of a hundred, -1 when fewer than five
// were counted.
type Spread struct {
	Count int   `json:"count"`
	Half  int64 `json:"half_ms"`
	Most  int64 `json:"most_ms"`
}

// Figures are what is said of a number of pages.
type Figures struct {
	Pages       int    `json:"pages"`
	Accepted    int    `json:"accepted"`
	Withdrawn   int    `json:"withdrawn"`
	Open        int    `json:"open"`
	Escalated   int    `json:"escalated"`   // went on from the first who was asked
	Switchboard int    `json:"switchboard"` // nobody on the ladder answered
	Reach       Spread `json:"reach"`       // until a device had it
	Accept      Spread `json:"accept"`      // until somebody accepted

	reach, accept []int64
}

// Group is the figures of one post, ward or day.
type Group struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Figures
}

// Report is what is said of the pages of a time.
type Report struct {
	From  int64   `json:"from"`
	Until int64   `json:"until"`
	All   Figures `json:"all"`
	Posts []Group `json:"posts"` // by the post that was paged, most pages first
	Wards []Group `json:"wards"` // by where the sender works
	Days  []Group `json:"days"`  // by the day on the trust's walls, every one of them
}

// Pages says how the pages raised in [from, until) went; urgency "" is both. Who asks must look after the directory or keep a rota: others
// get fault.Forbidden. More than a year at once is fault.Invalid.
func Pages(ctx context.Context, q db.Querier, by directory.By, from, until time.Time, urgency paging.Urgency) (Report, error) {
	r := Report{From: from.UnixMilli(), Until: until.UnixMilli()}
	if err := directory.KeepsAny(ctx, q, by); err != nil {
		return r, err
	}
	switch {
	case !from.Before(until) || until.Sub(from) > longest:
		return r, fault.New(fault.Invalid, "M_INVALID_PARAM", "Choose a time of up to a year, its beginning before its end.")
	case urgency != "" && urgency != paging.Urgent && urgency != paging.Emergency:
		return r, fault.New(fault.Invalid, "M_INVALID_PARAM", "The urgency is urgent or emergency.")
	}
	c := counter{posts: map[string]*Group{}, wards: map[string]*Group{}, days: map[string]*Group{}, wardOf: map[id.User]directory.Person{}}
	for d := rota.DateOf(from); d.At(0).Before(until); d = d.Add(1) {
		c.days[d.String()] = &Group{ID: d.String(), Name: d.String()}
	}
	err := paging.Between(ctx, q, from, until, func(p paging.Page) error {
		if p.Practice || urgency != "" && p.Urgency != urgency {
			return nil
		}
		return c.count(ctx, q, p)
	})
	if err != nil {
		return r, err
	}
	r.All = c.all.done()
	r.Posts, r.Wards, r.Days = groups(c.posts, byPages), groups(c.wards, byPages), groups(c.days, byName)
	return r, nil
}

type counter struct {
	all                Figures
	posts, wards, days map[string]*Group
	wardOf             map[id.User]directory.Person
}

func (c *counter) count(ctx context.Context, q db.Querier, p paging.Page) error {
	who, known := c.wardOf[p.From.User]
	if !known {
		var err error
		if who, err = directory.FindPerson(ctx, q, p.From.User); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		c.wardOf[p.From.User] = who
	}
	day := rota.DateOf(time.UnixMilli(p.RaisedAt)).String()
	for _, f := range []*Figures{&c.all, group(c.posts, string(p.Post.ID), p.Post.Name), group(c.wards, string(who.Ward), who.WardName), group(c.days, day, day)} {
		f.add(p)
	}
	return nil
}

func group(all map[string]*Group, key, name string) *Figures {
	if all[key] == nil {
		all[key] = &Group{ID: key, Name: name}
	}
	return &all[key].Figures
}

func (f *Figures) add(p paging.Page) {
	f.Pages++
	passed, exhausted := false, p.Exhausted
	reached := int64(-1)
	for _, e := range p.Steps {
		switch e.Kind {
		case paging.Passed:
			passed = true
		case paging.Exhausted:
			exhausted = true
		case paging.Reached, paging.Seen, paging.Arrived:
			if reached < 0 {
				reached = e.At - p.RaisedAt
			}
		}
	}
	switch p.Status {
	case paging.Accepted:
		f.Accepted++
		f.accept = append(f.accept, p.Accepted.At-p.RaisedAt)
	case paging.Withdrawn:
		f.Withdrawn++
	default:
		f.Open++
	}
	if passed || exhausted {
		f.Escalated++
	}
	if exhausted {
		f.Switchboard++
	}
	if reached >= 0 {
		f.reach = append(f.reach, reached)
	}
}

func (f Figures) done() Figures {
	f.Reach, f.Accept = spread(f.reach), spread(f.accept)
	f.reach, f.accept = nil, nil
	return f
}

// spread takes the nearest rank, so that every figure is one that happened.
func spread(all []int64) Spread {
	if len(all) < few {
		return Spread{Count: len(all), Half: -1, Most: -1}
	}
	slices.Sort(all)
	return Spread{Count: len(all), Half: emergency.Rank(all, 50), Most: emergency.Rank(all, 90)}
}

func byPages(a, b Group) int {
	return cmp.Or(cmp.Compare(b.Pages, a.Pages), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
}
func byName(a, b Group) int { return cmp.Compare(a.ID, b.ID) }

func groups(all map[string]*Group, order func(a, b Group) int) []Group {
	list := []Group{}
	for _, g := range all {
		g.Figures = g.done()
		list = append(list, *g)
	}
	slices.SortFunc(list, order)
	return list
}
