package testpage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/ground/db"
	"wardline/matrix/id"
)

// Row is a post on the board, with its newest test of the day.
type Row struct {
	Test
	Kind      Kind   `json:"kind"` // of its run
	Via       string `json:"via"`  // in which way an answered test was there first: "app" or "push"
	Ways      []Way  `json:"ways"`
	PhoneName string `json:"phone_name"`
	Twice     bool   `json:"twice"` // it failed twice running
}

// Board is the test page of today. NotRun is the instant at which it should have been, when it was not.
type Board struct {
	On      bool  `json:"on"`
	Minutes int   `json:"minutes"`
	Next    int64 `json:"next"` // when the next one is planned, 0 for never
	NotRun  int64 `json:"not_run"`
	Runs    []Run `json:"runs"` // of today, the newest first
	Rows    []Row `json:"rows"` // what failed first, then what waits
	Now     int64 `json:"now"`
}

// rank puts red first, the ones that an operator has seen to behind the others.
func (r Row) rank() int {
	switch {
	case r.State.Failed() && r.State != Late && r.PhoneAt == 0:
		return 0
	case r.State == Waiting || r.State == Planned:
		return 1
	case r.State.Failed():
		return 2
	case r.State == Protected:
		return 3
	}
	return 4
}

// Board returns today's tests as they are, one row a post.
func (s *Service) Board(ctx context.Context) (Board, error) {
	now := s.Now()
	v, err := newest(ctx, s.DB)
	if err != nil {
		return Board{}, err
	}
	b := Board{On: v.Rules.On, Minutes: v.Rules.Minutes, Rows: []Row{}, Now: now.UnixMilli()}
	if _, next, err := s.look(ctx, s.DB, now); err != nil {
		return b, err
	} else if !next.IsZero() {
		b.Next = next.UnixMilli()
	}
	today := rota.DateOf(now)
	runs, err := db.Collect(ctx, s.DB, recentRuns, scanRun, today.At(0).UnixMilli())
	if err != nil {
		return b, err
	}
	twice, err := s.twice(ctx, now)
	if err != nil {
		return b, err
	}
	seen := map[directory.PostID]bool{}
	b.Runs = []Run{}
	for _, r := range runs {
		if r.State == NotRun {
			if r.Day == today.String() {
				b.NotRun = r.PlannedAt
			}
			continue
		}
		b.Runs = append(b.Runs, r)
		rows, err := s.rows(ctx, r)
		if err != nil {
			return b, err
		}
		for _, row := range rows {
			if !seen[row.Post] {
				seen[row.Post] = true
				row.Twice = twice[row.Post]
				b.Rows = append(b.Rows, row)
			}
		}
	}
	slices.SortStableFunc(b.Rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.Name, b.Name))
	})
	return b, nil
}

// rows are the tests of a run with the ways in which their holders were told.
func (s *Service) rows(ctx context.Context, r Run) ([]Row, error) {
	tests, err := db.Collect(ctx, s.DB, testsOf, scanTest, string(r.ID))
	if err != nil {
		return nil, err
	}
	ways, err := db.Collect(ctx, s.DB, runWays, scanOwned, string(r.ID))
	if err != nil {
		return nil, err
	}
	theirs := map[id.User][]owned{}
	for _, w := range ways {
		theirs[w.user] = append(theirs[w.user], w)
	}
	rows := make([]Row, 0, len(tests))
	for _, t := range tests {
		row := Row{Test: t, Kind: r.Kind, Ways: []Way{}}
		if t.State != Nobody && t.State != Planned {
			for _, w := range theirs[t.User] {
				if w.test == "" || w.test == t.ID {
					row.Ways = append(row.Ways, w.Way)
				}
			}
		}
		if t.AnsweredAt > 0 {
			row.Via = firstWay(row.Ways)
		}
		if t.PhoneBy != "" {
			if row.PhoneName, err = directory.NameOf(ctx, s.DB, t.PhoneBy); err != nil {
				return nil, err
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// twice are the posts whose last two tests failed. A protected holder says nothing either way.
func (s *Service) twice(ctx context.Context, now time.Time) (map[directory.PostID]bool, error) {
	type result struct {
		post  directory.PostID
		state State
	}
	all, err := db.Collect(ctx, s.DB, endedSince, func(r db.Row) (x result, err error) { return x, r.Scan(&x.post, &x.state) }, now.Add(-LeastKeep).UnixMilli())
	if err != nil {
		return nil, err
	}
	count, out := map[directory.PostID]int{}, map[directory.PostID]bool{}
	for _, x := range all {
		if x.state == Protected || count[x.post] >= 2 {
			continue
		}
		if count[x.post]++; count[x.post] == 1 {
			out[x.post] = x.state.Failed()
		} else {
			out[x.post] = out[x.post] && x.state.Failed()
		}
	}
	for p := range out {
		out[p] = out[p] && count[p] == 2
	}
	return out, nil
}

// many is how many runs the history shows.
const many = 30

// Mark is one post in one run of the history.
type Mark string

// The marks. A run in which a post was not tested is "".
const (
	Pass Mark = "pass"
	Fail Mark = "fail"
	Skip Mark = "skip" // its holder was not to be disturbed
	Wait Mark = "wait"
)

func (s State) mark() Mark {
	switch {
	case s == Received:
		return Pass
	case s.Failed():
		return Fail
	case s == Protected:
		return Skip
	}
	return Wait
}

// Strip is the last runs of one post, in the order of History.Runs.
type Strip struct {
	Post    directory.PostID `json:"post"`
	Name    string           `json:"name"`
	Marks   []Mark           `json:"marks"`
	Percent int              `json:"percent"` // passed of passed and failed; -1 for none
	Twice   bool             `json:"twice"`
}

// History is the last whole runs, the oldest first. One that should have been and was not has only empty marks.
type History struct {
	Runs   []Run   `json:"runs"`
	Strips []Strip `json:"strips"`
}

// History returns the last thirty whole runs, post by post: those that fail most first. Single tests are on the board of their day.
func (s *Service) History(ctx context.Context) (History, error) {
	h := History{Runs: []Run{}, Strips: []Strip{}}
	runs, err := db.Collect(ctx, s.DB, wholeRuns, scanRun, many)
	if err != nil {
		return h, err
	}
	slices.Reverse(runs)
	h.Runs = append(h.Runs, runs...)
	twice, err := s.twice(ctx, s.Now())
	if err != nil {
		return h, err
	}
	at := map[directory.PostID]int{}
	for i, r := range h.Runs {
		tests, err := db.Collect(ctx, s.DB, testsOf, scanTest, string(r.ID))
		if err != nil {
			return h, err
		}
		for _, t := range tests {
			n, known := at[t.Post]
			if !known {
				n = len(h.Strips)
				at[t.Post] = n
				h.Strips = append(h.Strips, Strip{Post: t.Post, Marks: make([]Mark, len(h.Runs)), Twice: twice[t.Post]})
			}
			h.Strips[n].Name = t.Name
			h.Strips[n].Marks[i] = t.State.mark()
		}
	}
	for i := range h.Strips {
		passed, failed := 0, 0
		for _, m := range h.Strips[i].Marks {
			if m == Pass {
				passed++
			} else if m == Fail {
				failed++
			}
		}
		if h.Strips[i].Percent = -1; passed+failed > 0 {
			h.Strips[i].Percent = passed * 100 / (passed + failed)
		}
	}
	worst := func(s Strip) int {
		if s.Percent < 0 {
			return 101
		}
		return s.Percent
	}
	slices.SortStableFunc(h.Strips, func(a, b Strip) int {
		return cmp.Or(cmp.Compare(worst(a), worst(b)), cmp.Compare(a.Name, b.Name))
	})
	return h, nil
}

// Table is the last thirty whole runs as a table with a heading, one line a test, in the trust's wall time.
func (s *Service) Table(ctx context.Context) ([][]string, error) {
	rows := [][]string{{"day", "time", "kind", "post", "holder", "result", "seconds", "shown on a device", "ways", "tested by telephone by", "at", "note"}}
	runs, err := db.Collect(ctx, s.DB, wholeRuns, scanRun, many)
	if err != nil {
		return nil, err
	}
	clock := func(ms int64) string {
		if ms == 0 {
			return ""
		}
		return rota.Local(time.UnixMilli(ms)).Format("15:04:05")
	}
	for _, r := range runs {
		if r.State == NotRun {
			rows = append(rows, []string{r.Day, clock(r.PlannedAt), string(r.Kind), "", "", "not run", "", "", "", "", "", ""})
			continue
		}
		tests, err := s.rows(ctx, r)
		if err != nil {
			return nil, err
		}
		for _, t := range tests {
			seconds, device, ways := "", int64(0), []string{}
			if t.AnsweredAt > 0 {
				seconds = fmt.Sprint(int64(t.after() / time.Second))
			}
			for _, w := range t.Ways {
				if w.DeviceAt > 0 && (device == 0 || w.DeviceAt < device) {
					device = w.DeviceAt
				}
				ways = append(ways, w.Way+" "+string(w.State))
			}
			rows = append(rows, []string{r.Day, clock(t.ToldAt), string(r.Kind), t.Name, t.UserName, words[t.State], seconds, clock(device), strings.Join(ways, ", "), t.PhoneName, clock(t.PhoneAt), string(t.PhoneNote)})
		}
	}
	return rows, nil
}
