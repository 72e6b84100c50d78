package emergency

import (
	"slices"
	"strconv"
	"time"

	"wardline/clinical/paging"
	"wardline/clinical/rota"
)

// Never is the time of what did not happen.
const Never int64 = -1

// Times are how long after the call was raised a seat came to each stage, in milliseconds; Never for a stage it did not come to. Each is
// of the first person who came to it, except Here, which is of whoever fills the seat.
type Times struct {
	Post     paging.PostRef `json:"post"`
	Required bool           `json:"required"`
	Name     string         `json:"name"`  // who filled it, "" for nobody
	Asked    int            `json:"asked"` // how many people were asked
	Told     int64          `json:"told"`
	Reached  int64          `json:"reached"`
	Seen     int64          `json:"seen"`
	Coming   int64          `json:"coming"`
	Here     int64          `json:"here"`
}

// Intervals returns the times of every seat of a call, in its order.
func Intervals(c Call) []Times {
	all := make([]Times, 0, len(c.Seats))
	for _, st := range c.Seats {
		t := Times{Post: st.Post, Required: st.Required, Told: Never, Reached: Never, Seen: Never, Coming: Never, Here: Never}
		if st.Filled() {
			t.Name = st.Name
		}
		for _, e := range c.Steps {
			if e.Post != st.Post.ID {
				continue
			}
			after := max(e.At-c.RaisedAt, 0)
			for kind, at := range map[Kind]*int64{Told: &t.Told, ReachedKind: &t.Reached, SeenKind: &t.Seen, ComingKind: &t.Coming} {
				if e.Kind == kind && *at == Never {
					*at = after
				}
			}
			if e.Kind == Told && e.User != "" {
				t.Asked++
			}
			if e.Kind == HereKind && e.User == st.User && t.Here == Never {
				t.Here = after
			}
		}
		all = append(all, t)
	}
	return all
}

// Measure is what a trust may know of its calls: how many, and after how long the first was there and the required seats were, in
// milliseconds. Drills are counted and not measured.
type Measure struct {
	Calls      int    `json:"calls"`
	Drills     int    `json:"drills"`
	FirstHere  Spread `json:"first_here"`
	AllHere    Spread `json:"all_here"`
	Accepted   Spread `json:"accepted"`    // each required seat, until somebody said they come
	NeverThere int    `json:"never_there"` // calls in which a required seat was never there
}

// Spread is the middle and the slow end of so many times.
type Spread struct {
	Count int   `json:"count"`
	P50   int64 `json:"p50"`
	P90   int64 `json:"p90"`
}

func spread(all []int64) Spread {
	if len(all) == 0 {
		return Spread{P50: Never, P90: Never}
	}
	slices.Sort(all)
	return Spread{len(all), Rank(all, 50), Rank(all, 90)}
}

// Rank returns what so many of a hundred values do not exceed, by the nearest rank, so that it is one that happened. The values are sorted, and
// at least one.
func Rank(sorted []int64, of100 int) int64 { return sorted[(len(sorted)*of100+99)/100-1] }

// MeasureOf sums calls up.
func MeasureOf(calls []Call) Measure {
	var m Measure
	var first, complete, accepted []int64
	for _, c := range calls {
		if c.Drill {
			m.Drills++
			continue
		}
		m.Calls++
		soonest, latest, missing := Never, int64(0), false
		for _, t := range Intervals(c) {
			if t.Here != Never && (soonest == Never || t.Here < soonest) {
				soonest = t.Here
			}
			if !t.Required {
				continue
			}
			if t.Coming != Never {
				accepted = append(accepted, t.Coming)
			}
			if t.Here == Never {
				missing = true
			}
			latest = max(latest, t.Here)
		}
		if soonest != Never {
			first = append(first, soonest)
		}
		if missing {
			m.NeverThere++
		} else {
			complete = append(complete, latest)
		}
	}
	m.FirstHere, m.AllHere, m.Accepted = spread(first), spread(complete), spread(accepted)
	return m
}

// Timeline is everything that happened in a call as a table with a heading, one line each, for whoever goes through it afterwards. Times are the trust's wall time.
func Timeline(c Call) [][]string {
	rows := [][]string{{"call", "kind of call", "team", "time", "seconds since raised", "what", "seat", "who", "said by", "note"}}
	for _, e := range c.Steps {
		rows = append(rows, []string{string(c.ID), realOrDrill(c), c.Team.Name, wall(e.At), seconds(e.At - c.RaisedAt), words[e.Kind], e.PostName, e.Name, e.By, e.Note})
	}
	return rows
}

// SeatTimes is the intervals of a call as a table with a heading, one line for each seat, in seconds since it was raised; empty for never.
func SeatTimes(c Call) [][]string {
	rows := [][]string{{"call", "kind of call", "team", "raised", "seat", "required", "filled by", "people asked", "told", "reached", "seen", "accepted", "here", "stood down"}}
	ended := ""
	if c.Ended != nil {
		ended = seconds(c.Ended.At - c.RaisedAt)
	}
	for _, t := range Intervals(c) {
		rows = append(rows, []string{string(c.ID), realOrDrill(c), c.Team.Name, wall(c.RaisedAt), t.Post.Name, map[bool]string{true: "yes", false: "no"}[t.Required], t.Name,
			strconv.Itoa(t.Asked), seconds(t.Told), seconds(t.Reached), seconds(t.Seen), seconds(t.Coming), seconds(t.Here), ended})
	}
	return rows
}

var words = map[Kind]string{Raised: "raised", Told: "asked", ReachedKind: "reached", SeenKind: "seen", ComingKind: "coming", MissingKind: "nobody answered",
	HereKind: "here", LeftKind: "not here any more", Leads: "leads", Ended: "stood down"}

func realOrDrill(c Call) string {
	if c.Drill {
		return "DRILL"
	}
	return "real"
}

func wall(ms int64) string { return rota.Local(time.UnixMilli(ms)).Format("2006-01-02 15:04:05") }

func seconds(ms int64) string {
	if ms == Never {
		return ""
	}
	return strconv.FormatFloat(float64(ms)/1000, 'f', 1, 64)
}
