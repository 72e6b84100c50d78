package testpage

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wardline/clinical/reach"
	"wardline/clinical/rota"
	"wardline/ground/fault"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	x, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// hazard: H7
func TestPlan(t *testing.T) {
	every := []time.Weekday{0, 1, 2, 3, 4, 5, 6}
	for _, c := range []struct {
		name             string
		time, since, now string
		days             []time.Weekday
		had              string // days that have their run, with spaces
		want, next       string
	}{
		{"OK at its time", "07:30", "2026-11-01T12:00:00Z", "2026-11-02T07:30:00Z", every, "", "2026-11-02 run", "2026-11-03T07:30:00Z"},
		{"OK before its time nothing", "07:30", "2026-11-01T12:00:00Z", "2026-11-02T07:29:59Z", every, "", "", "2026-11-02T07:30:00Z"},
		{"OK late by two hours it still runs", "07:30", "2026-11-01T12:00:00Z", "2026-11-02T09:30:00Z", every, "", "2026-11-02 run", "2026-11-03T07:30:00Z"},
		{"OK later it was not run", "07:30", "2026-11-01T12:00:00Z", "2026-11-02T09:30:01Z", every, "", "2026-11-02 none", "2026-11-03T07:30:00Z"},
		{"OK a day has one", "07:30", "2026-11-01T12:00:00Z", "2026-11-02T08:00:00Z", every, "2026-11-02", "", "2026-11-03T07:30:00Z"},
		{"OK a time moved to later gives the day no second", "09:00", "2026-11-02T08:00:00Z", "2026-11-02T09:00:00Z", every, "2026-11-02", "", "2026-11-03T09:00:00Z"},
		{"OK a time that had passed when it was set waits for tomorrow", "07:30", "2026-11-02T08:00:00Z", "2026-11-02T08:00:00Z", every, "", "", "2026-11-03T07:30:00Z"},
		{"OK over midnight", "23:50", "2026-11-01T12:00:00Z", "2026-11-03T00:40:00Z", every, "", "2026-11-01 none, 2026-11-02 run", "2026-11-03T23:50:00Z"},
		{"OK days that it was down for", "07:30", "2026-11-01T12:00:00Z", "2026-11-05T08:00:00Z", every, "", "2026-11-02 none, 2026-11-03 none, 2026-11-04 none, 2026-11-05 run", "2026-11-06T07:30:00Z"},
		{"OK only on its days", "07:30", "2026-11-01T12:00:00Z", "2026-11-02T08:00:00Z", []time.Weekday{2}, "", "", "2026-11-03T07:30:00Z"},
		{"OK in summer by the wall", "07:30", "2026-06-01T12:00:00Z", "2026-06-02T06:30:00Z", every, "", "2026-06-02 run", "2026-06-03T06:30:00Z"},
		{"OK 01:30 that is missing is 02:30", "01:30", "2026-03-28T12:00:00Z", "2026-03-29T01:29:59Z", every, "", "", "2026-03-29T01:30:00Z"},
		{"OK and runs then", "01:30", "2026-03-28T12:00:00Z", "2026-03-29T01:30:00Z", every, "", "2026-03-29 run", "2026-03-30T00:30:00Z"},
		{"OK 01:30 that comes twice is the first", "01:30", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z", every, "", "2026-10-25 run", "2026-10-26T01:30:00Z"},
		{"OK and not the second", "01:30", "2026-10-24T12:00:00Z", "2026-10-25T01:30:00Z", every, "2026-10-25", "", "2026-10-26T01:30:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Rules{On: true, At: c.time, Days: c.days, Minutes: 5}
			due, next := Plan(r, at(t, c.since), at(t, c.now), func(d rota.Date) bool { return strings.Contains(c.had, d.String()) })
			var got []string
			for _, d := range due {
				got = append(got, fmt.Sprintf("%s %s", d.Date, map[bool]string{true: "run", false: "none"}[d.Run]))
			}
			if strings.Join(got, ", ") != c.want || !next.Equal(at(t, c.next)) {
				t.Errorf("got %q, next %s; want %q, next %s", strings.Join(got, ", "), next.UTC(), c.want, c.next)
			}
			r.On = false
			if due, next := Plan(r, at(t, c.since), at(t, c.now), func(rota.Date) bool { return false }); len(due) > 0 || !next.IsZero() {
				t.Error("switched off, and something is due")
			}
		})
	}
}

func TestJudge(t *testing.T) {
	offered, none := Way{Way: App, State: Offered}, Way{Way: Push, State: NoWay}
	for name, c := range map[string]struct {
		ways []Way
		want State
	}{
		"OK nothing":                                {nil, Unreached},
		"OK the app was not open":                   {[]Way{offered, none}, Unreached},
		"OK what failed reached nobody":             {[]Way{offered, {Way: Push, State: Failed}, {Way: "pager", State: Failed}}, Unreached},
		"OK shown in the app":                       {[]Way{{Way: App, State: OnDevice, DeviceAt: 1}, none}, Unanswered},
		"OK a push service has it":                  {[]Way{offered, {Way: Push, State: Taken}}, Unanswered},
		"OK a pager's carrier has it":               {[]Way{offered, none, {Way: "pager", State: Taken}}, Unanswered},
		"OK it was dropped because it was needless": {[]Way{offered, {Way: Push, State: Dropped}}, Unreached},
	} {
		if got := judge(c.ways); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestRules_Check(t *testing.T) {
	if r, err := standard().check(); err != nil || r.On {
		t.Errorf("what a trust begins with is %+v, %v", r, err)
	}
	for name, change := range map[string]func(*Rules){
		"ErrTime":      func(r *Rules) { r.At = "7:30" },
		"ErrNoTime":    func(r *Rules) { r.At = "24:00" },
		"ErrNoMinutes": func(r *Rules) { r.Minutes = 0 },
		"ErrTooLong":   func(r *Rules) { r.Minutes = 31 },
		"ErrDay":       func(r *Rules) { r.Days = []time.Weekday{7} },
		"ErrNoDay":     func(r *Rules) { r.On, r.Days = true, nil },
		"ErrWay":       func(r *Rules) { r.Ways = []reach.Way{"smoke"} },
		"ErrBoth":      func(r *Rules) { r.In, r.Out = append(r.In, "po_x"), append(r.Out, "po_x") },
	} {
		r := standard()
		change(&r)
		if _, err := r.check(); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want Invalid", name, err)
		}
	}
}
