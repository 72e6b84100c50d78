package emergency

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"wardline/clinical/directory"
	"wardline/clinical/paging"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

const (
	asha  = id.User("@ap:t") // raises
	liam  = id.User("@lh:t")
	grace = id.User("@go:t")
	wei   = id.User("@wz:t")
	jo    = id.User("@jb:t") // switchboard
)

var t0 = time.UnixMilli(1_795_334_400_000)

func who(u id.User) Who {
	if u == "" {
		return Who{}
	}
	return Who{u, strings.ToUpper(string(u[1:3]))}
}

// page is a seat's page with a holder, asked at an instant.
func page(post string, holder id.User, at time.Time) paging.Snapshot {
	ref := paging.PostRef{ID: directory.PostID(post), Name: post}
	return paging.Snapshot{ID: paging.ID("pg_" + post), Urgency: paging.Emergency, Status: paging.Open, Post: ref,
		Current: paging.Current{Post: ref, User: holder, Name: who(holder).Name, Since: at.UnixMilli(), DueAt: at.Add(time.Minute).UnixMilli()}, Next: &paging.NextUp{Post: paging.PostRef{ID: "next", Name: "next"}}}
}

func accepted(p paging.Snapshot, u id.User, at time.Time, eta int) paging.Snapshot {
	p.Status, p.Accepted = paging.Accepted, &paging.Acceptance{User: u, Name: who(u).Name, At: at.UnixMilli(), ETAMinutes: eta}
	return p
}

func passed(p paging.Snapshot, post string, u id.User, at time.Time, rung int) paging.Snapshot {
	p.Current = paging.Current{Rung: rung, Post: paging.PostRef{ID: directory.PostID(post), Name: post}, User: u, Name: "X", Since: at.UnixMilli()}
	p.Steps = append(slices.Clone(p.Steps), paging.Event{Kind: paging.Passed, At: at.UnixMilli(), User: u, Note: "no answer"})
	return p
}

func step(p paging.Snapshot, k paging.Kind, at time.Time) paging.Snapshot {
	p.Steps = append(slices.Clone(p.Steps), paging.Event{Kind: k, At: at.UnixMilli(), User: p.Current.User})
	return p
}

func must(t interface {
	Helper()
	Fatalf(string, ...any)
}, c Call, now time.Time, in Input) (Call, Effect) {
	t.Helper()
	next, effect, err := Step(c, now, in)
	if err == nil {
		err = Check(next)
	}
	if err != nil {
		t.Fatalf("verb %d: %v", in.Verb, err)
	}
	return next, effect
}

// called is a call of three seats: spr is asked of liam, sho of grace, and anaes of nobody at first.
func called(t interface {
	Helper()
	Fatalf(string, ...any)
}) Call {
	t.Helper()
	c := Call{Snapshot: Snapshot{ID: "ec_1", Place: "Ward 7", Team: TeamRef{"et_1", "Arrest"}, From: Sender{User: asha, Name: "AP"}}}
	for _, post := range []string{"spr", "sho", "anaes"} {
		c.Seats = append(c.Seats, SeatNow{Post: paging.PostRef{ID: directory.PostID(post), Name: post}, Required: post != "sho"})
	}
	c, _ = must(t, c, t0, Input{Verb: Raise, By: who(asha)})
	c, _ = must(t, c, t0, Input{Verb: Summon, By: who(asha), Pages: map[directory.PostID]paging.Snapshot{
		"spr": page("spr", liam, t0), "sho": page("sho", grace, t0), "anaes": passed(page("anaes", "", t0), "site", wei, t0, 1)}})
	return c
}

func shape(c Call) string {
	var all []string
	for _, s := range c.Seats {
		state := string(s.State)
		if s.Missing {
			state += "!"
		}
		all = append(all, fmt.Sprintf("%s:%s/%s", s.Post.ID, state, strings.TrimSuffix(strings.TrimPrefix(string(s.User), "@"), ":t")))
	}
	return strings.Join(all, " ")
}

func kinds(c Call) string {
	var all []string
	for _, e := range c.Steps {
		all = append(all, string(e.Kind))
	}
	return strings.Join(all, " ")
}

func TestStep(t *testing.T) {
	at := func(s int) time.Time { return t0.Add(time.Duration(s) * time.Second) }
	type move struct {
		in   Input
		want string
		err  fault.Kind
	}
	moved := func(p paging.Snapshot) Input { return Input{Verb: Move, Page: p} }
	tests := []struct {
		name  string
		moves []move
		kinds string // after the call was raised
		check func(t *testing.T, c Call)
	}{
		{"OK raised: who is asked, and what is missing from the start", nil, "", func(t *testing.T, c Call) {
			if got := shape(c); got != "spr:calling/lh sho:calling/go anaes:calling!/wz" || kinds(c) != "raised told told told" {
				t.Fatalf("%s: %s", got, kinds(c))
			}
		}},
		{"OK reached, seen, coming in four minutes, here: the first seat leads", []move{
			{moved(step(page("spr", liam, t0), paging.Reached, at(0))), "spr:reached/lh sho:calling/go anaes:calling!/wz", 0},
			{moved(step(step(page("spr", liam, t0), paging.Reached, at(0)), paging.Seen, at(1))), "spr:seen/lh sho:calling/go anaes:calling!/wz", 0},
			{moved(accepted(page("spr", liam, t0), liam, at(3), 4)), "spr:coming/lh sho:calling/go anaes:calling!/wz", 0},
			{Input{Verb: Arrive, By: who(liam), Who: who(liam)}, "spr:here/lh sho:calling/go anaes:calling!/wz", 0},
			{Input{Verb: Arrive, By: who(liam), Who: who(liam)}, "spr:here/lh sho:calling/go anaes:calling!/wz", 0},
		}, "reached seen coming leads here", func(t *testing.T, c Call) {
			if c.Leader == nil || c.Leader.User != liam || c.Seats[0].ETAAt != at(243).UnixMilli() {
				t.Fatalf("%+v, there at %d", c.Leader, c.Seats[0].ETAAt)
			}
		}},
		{"OK nobody answers: the next is asked and the seat is missing, until somebody comes", []move{
			{moved(passed(page("spr", liam, t0), "sho1", grace, at(60), 1)), "spr:calling!/go sho:calling/go anaes:calling!/wz", 0},
			{moved(func() paging.Snapshot {
				p := passed(page("spr", liam, t0), "switch", jo, at(120), 2)
				p.Exhausted = true
				return p
			}()), "spr:calling!/jb sho:calling/go anaes:calling!/wz", 0},
			{moved(accepted(passed(page("spr", liam, t0), "switch", jo, at(120), 2), jo, at(130), 0)), "spr:coming/jb sho:calling/go anaes:calling!/wz", 0},
		}, "told told missing coming leads", nil},
		{"OK whoever was asked first comes after all, and is there", []move{
			{moved(passed(page("spr", liam, t0), "sho1", grace, at(60), 1)), "spr:calling!/go sho:calling/go anaes:calling!/wz", 0},
			{Input{Verb: Arrive, By: who(liam), Who: who(liam)}, "spr:here/lh sho:calling/go anaes:calling!/wz", 0},
			{moved(accepted(passed(page("spr", liam, t0), "sho1", grace, at(60), 1), liam, at(70), 0)), "spr:here/lh sho:calling/go anaes:calling!/wz", 0},
		}, "told here leads", nil},
		{"OK whoever raised it marks others, a stranger is there without a seat, and goes", []move{
			{Input{Verb: Arrive, By: who(asha), Who: who(grace)}, "spr:calling/lh sho:here/go anaes:calling!/wz", 0},
			{Input{Verb: Arrive, By: who(jo), Board: true, Who: who("@porter:t"), Post: ""}, "spr:calling/lh sho:here/go anaes:calling!/wz", 0},
			{Input{Verb: Leave, By: who("@porter:t"), Who: who("@porter:t")}, "spr:calling/lh sho:here/go anaes:calling!/wz", 0},
			{Input{Verb: Leave, By: who(asha), Who: who(grace)}, "spr:calling/lh sho:coming/go anaes:calling!/wz", 0},
			{Input{Verb: Leave, By: who(asha), Who: who(grace)}, "", fault.Conflict},
		}, "here here left left", nil},
		{"ErrForbidden others are marked by whoever conducts only", []move{
			{Input{Verb: Arrive, By: who(grace), Who: who(liam)}, "", fault.Forbidden},
			{Input{Verb: Lead, By: who(grace)}, "spr:calling/lh sho:calling/go anaes:calling!/wz", 0},
			{Input{Verb: Arrive, By: who(grace), Who: who(liam)}, "spr:here/lh sho:calling/go anaes:calling!/wz", 0},
			{Input{Verb: Arrive, By: who(grace), Who: who(liam), Post: "none"}, "", fault.Invalid},
		}, "leads here", nil},
		{"ErrConflict nobody ends one seat's page alone", []move{
			{moved(func() paging.Snapshot { p := page("spr", liam, t0); p.Status = paging.Withdrawn; return p }()), "", fault.Conflict},
		}, "", nil},
		{"OK stood down: open seats are released, filled ones stay, later pages change nothing", []move{
			{moved(accepted(page("spr", liam, t0), liam, at(3), 0)), "spr:coming/lh sho:calling/go anaes:calling!/wz", 0},
			{Input{Verb: StandDown, By: who(grace), Reason: "x"}, "", fault.Forbidden},
			{Input{Verb: StandDown, By: who(liam), Reason: "  "}, "", fault.Invalid},
			{Input{Verb: StandDown, By: who(liam), Reason: strings.Repeat("x", 301)}, "", fault.Invalid},
			{Input{Verb: StandDown, By: who(liam), Reason: "False alarm"}, "spr:coming/lh sho:released/go anaes:released!/wz", 0},
			{Input{Verb: StandDown, By: who(liam), Reason: "again"}, "spr:coming/lh sho:released/go anaes:released!/wz", 0},
			{Input{Verb: StandDown, By: who(asha), Reason: "again"}, "", fault.Conflict},
			{moved(accepted(page("sho", grace, t0), grace, at(9), 0)), "spr:coming/lh sho:released/go anaes:released!/wz", 0},
			{Input{Verb: Arrive, By: who(liam), Who: who(liam)}, "", fault.Conflict},
			{Input{Verb: Lead, By: who(grace)}, "", fault.Conflict},
		}, "coming leads stood_down", nil},
		{"OK a drill is the same in everything", []move{
			{Input{Verb: StandDown, By: who(jo), Board: true, Reason: "Drill over"}, "spr:released/lh sho:released/go anaes:released!/wz", 0},
		}, "stood_down", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := called(t)
			before := len(c.Steps)
			for i, m := range tt.moves {
				next, _, err := Step(c, at(10*(i+1)), m.in)
				if m.err != 0 {
					if !fault.Is(err, m.err) || shape(next) != shape(c) {
						t.Fatalf("move %d: got %v, want %s", i, err, m.err)
					}
					continue
				}
				if err == nil {
					err = Check(next)
				}
				if err != nil {
					t.Fatalf("move %d: %v", i, err)
				}
				if c = next; shape(c) != m.want {
					t.Fatalf("move %d: got %s, want %s", i, shape(c), m.want)
				}
			}
			after := Call{Steps: c.Steps[before:]}
			if tt.check != nil {
				tt.check(t, c)
			}
			if tt.moves != nil && kinds(after) != tt.kinds {
				t.Errorf("got %q, want %q", kinds(after), tt.kinds)
			}
		})
	}
}

// TestStep_Properties throws random lives at a call: pages that move, are accepted and withdrawn by anybody, people who come, go, lead and
// stand it down, with and without the right to.
func TestStep_Properties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := called(t)
		users := []id.User{asha, liam, grace, wei, jo, "@porter:t", ""}
		now := t0
		for range rapid.IntRange(1, 40).Draw(t, "moves") {
			now = now.Add(time.Duration(rapid.IntRange(-30, 90).Draw(t, "wait")) * time.Second)
			seat := rapid.SampledFrom([]string{"spr", "sho", "anaes", "none"}).Draw(t, "seat")
			u := rapid.SampledFrom(users).Draw(t, "who")
			p := page(seat, u, now)
			switch rapid.IntRange(0, 4).Draw(t, "page") {
			case 0:
				p = accepted(p, u, now, rapid.IntRange(0, 10).Draw(t, "eta"))
			case 1:
				p = passed(p, "site", u, now, 1)
				p.Exhausted = rapid.Bool().Draw(t, "exhausted")
			case 2:
				p = step(p, paging.Seen, now)
			case 3:
				p.Status = paging.Withdrawn
			}
			by := rapid.SampledFrom(users).Draw(t, "by")
			in := Input{Verb: Verb(rapid.IntRange(int(Move), int(StandDown)).Draw(t, "verb")), By: Who{by, "B"}, Board: rapid.Bool().Draw(t, "board"), Page: p,
				Who: Who{u, "U"}, Post: directory.PostID(rapid.SampledFrom([]string{"", "", "spr", "anaes"}).Draw(t, "post")), Reason: rapid.SampledFrom([]string{"", "over"}).Draw(t, "reason")}
			if in.Verb == Move && p.Accepted != nil && u == "" {
				continue // no page is accepted by nobody
			}
			next, effect, err := Step(c, now, in)
			if err != nil {
				if shape(next) != shape(c) || next.Seq != c.Seq || effect.Tell != nil || effect.Close != nil {
					t.Fatalf("an error changed something: %v", err)
				}
				continue
			}
			if err := Check(next); err != nil {
				t.Fatalf("%v after verb %d", err, in.Verb)
			}
			switch {
			case c.Status == StoodDown && kinds(next) != kinds(c):
				t.Fatal("a call that was stood down went on")
			case next.Status == StoodDown && c.Status == Open && (in.Verb != StandDown || !c.Conducts(by, in.Board)):
				t.Fatalf("stood down by %q with verb %d", by, in.Verb)
			case len(effect.Over) > 0 && next.Status != Open:
				t.Fatal("a call that has ended passes pages on")
			case len(next.Steps) < len(c.Steps) || !slices.Equal(next.Steps[:len(c.Steps)], c.Steps):
				t.Fatal("what happened was changed")
			}
			for i, s := range c.Seats {
				if in.Verb == Move && s.Filled() && next.Seats[i].User != s.User {
					t.Fatalf("a page put %q out of seat %s", s.User, s.Post.ID)
				}
			}
			c = next
		}
		open := 0
		for _, s := range c.Seats {
			if s.ComingAt == 0 {
				open++
			}
		}
		if c.Status == Open { // however it went, whoever raised it can end it, and every open page is closed
			end, effect := must(t, c, now, Input{Verb: StandDown, By: who(asha), Reason: "over"})
			if len(effect.Close) != open || end.Ended.Reason != "over" {
				t.Fatalf("%d pages closed of %d open seats", len(effect.Close), open)
			}
		}
	})
}

func TestIntervals(t *testing.T) {
	at := func(s int) time.Time { return t0.Add(time.Duration(s) * time.Second) }
	c := called(t)
	c, _ = must(t, c, at(2), Input{Verb: Move, Page: step(page("spr", liam, t0), paging.Reached, at(2))})
	c, _ = must(t, c, at(5), Input{Verb: Move, Page: accepted(page("spr", liam, t0), liam, at(5), 2)})
	c, _ = must(t, c, at(90), Input{Verb: Arrive, By: who(liam), Who: who(liam)})
	c, _ = must(t, c, at(100), Input{Verb: Arrive, By: who(asha), Who: Who{wei, "=1+1"}, Post: "anaes"})
	c, _ = must(t, c, at(600), Input{Verb: StandDown, By: who(liam), Reason: "ROSC"})
	got := Intervals(c)
	if want := (Times{Post: c.Seats[0].Post, Required: true, Name: "LH", Asked: 1, Told: 0, Reached: 2000, Seen: Never, Coming: 5000, Here: 90_000}); got[0] != want {
		t.Errorf("got %+v, want %+v", got[0], want)
	}
	if got[1].Here != Never || got[1].Name != "" || got[2].Here != 100_000 {
		t.Errorf("got %+v", got[1:])
	}
	if m := MeasureOf([]Call{c}); m.Calls != 1 || m.FirstHere.P50 != 90_000 || m.AllHere.P50 != 100_000 || m.NeverThere != 0 {
		t.Errorf("got %+v", m)
	}
	drill := c
	drill.Drill = true
	if m := MeasureOf([]Call{c, drill}); m.Calls != 1 || m.Drills != 1 || m.FirstHere.Count != 1 {
		t.Errorf("a drill was measured: %+v", m)
	}
	if csv := joined(SeatTimes(drill)); !strings.Contains(csv, "DRILL") || !strings.Contains(csv, "LH,1,0.0,2.0,,5.0,90.0,600.0") {
		t.Error(csv)
	}
	if csv := joined(Timeline(c)); strings.Count(csv, "\n") != len(c.Steps)+1 || !strings.Contains(csv, "stood down,,LH,,ROSC") {
		t.Error(csv)
	}
}

func joined(rows [][]string) (text string) {
	for _, row := range rows {
		text += strings.Join(row, ",") + "\n"
	}
	return text
}
