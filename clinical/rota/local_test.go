package rota_test

import (
	"testing"
	"time"

	"wardline/clinical/rota"
)

// hazard: H7
func TestDate_At(t *testing.T) {
	tests := []struct {
		name, date string
		minutes    int
		want       string
	}{
		{"OK winter", "2026-01-10", 8 * 60, "2026-01-10T08:00:00Z"},
		{"OK summer", "2026-07-10", 8 * 60, "2026-07-10T07:00:00Z"},
		{"OK before the hour that is missing", "2026-03-29", 30, "2026-03-29T00:30:00Z"},
		{"OK in the hour that is missing", "2026-03-29", 90, "2026-03-29T01:30:00Z"},
		{"OK after it", "2026-03-29", 120, "2026-03-29T01:00:00Z"},
		{"OK the morning of it", "2026-03-28", 24*60 + 8*60, "2026-03-29T07:00:00Z"},
		{"OK the first of the hour that comes twice", "2026-10-25", 90, "2026-10-25T00:30:00Z"},
		{"OK after it", "2026-10-25", 120, "2026-10-25T02:00:00Z"},
		{"OK the morning of it", "2026-10-24", 24*60 + 8*60, "2026-10-25T08:00:00Z"},
		{"OK midnight", "2026-10-25", 0, "2026-10-24T23:00:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := rota.ParseDate(tt.date)
			if err != nil {
				t.Fatal(err)
			}
			if got := d.At(tt.minutes).UTC().Format(time.RFC3339); got != tt.want {
				t.Errorf("%s + %d min: got %s, want %s", tt.date, tt.minutes, got, tt.want)
			}
		})
	}
}

// TestDate_At_Meets holds that one duty's end and the next one's start, written alike, are the same instant, and that time never runs backwards.
//
// hazard: H7
func TestDate_At_Meets(t *testing.T) {
	day, err := rota.ParseDate("2026-01-01")
	if err != nil {
		t.Fatal(err)
	}
	last := day.At(0)
	for range 800 {
		for m := 30; m <= 24*60; m += 30 {
			at := day.At(m)
			if at.Before(last) && at != day.At(m-30) && last.Sub(at) > time.Hour {
				t.Fatalf("%s + %d: %s after %s", day, m, at, last)
			}
			last = at
		}
		if a, b := day.At(24*60+90), day.Add(1).At(90); !a.Equal(b) {
			t.Fatalf("%s: a duty until 01:30 ends at %s, the next begins at %s", day, a, b)
		}
		day = day.Add(1)
	}
}

func TestPattern_AcrossClockChanges(t *testing.T) {
	p := rota.Pattern{ID: "p", Post: "po", Name: "Nights", Starts: "2026-10-19", Cycle: 1, Holidays: rota.AsUsual, Division: rota.England,
		Lines: []rota.Line{{Start: 8 * 60, End: 20 * 60, User: "@a:x"}, {Start: 20 * 60, End: 32 * 60, User: "@b:x"}}}
	for _, tt := range []struct {
		name, from, night string
		want              time.Duration
	}{
		{"OK autumn, a night of 13 hours", "2026-10-23", "2026-10-24", 13 * time.Hour},
		{"OK spring, a night of 11 hours", "2027-03-26", "2027-03-27", 11 * time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			from, _ := rota.ParseDate(tt.from)
			all, err := p.Expand(from, from.Add(4))
			if err != nil || len(all) != 10 {
				t.Fatalf("%d duties, %v", len(all), err)
			}
			for i := range all[1:] {
				if !all[i].Until.Equal(all[i+1].From) {
					t.Errorf("%s ends at %s, %s begins at %s", all[i].ID, all[i].Until, all[i+1].ID, all[i+1].From)
				}
				if rota.DateOf(all[i].From).String() == tt.night && all[i].User == "@b:x" {
					if got := all[i].Until.Sub(all[i].From); got != tt.want {
						t.Errorf("the night of %s lasts %s, want %s", tt.night, got, tt.want)
					}
				}
			}
		})
	}
}

func TestPattern_HolidaysAndExceptions(t *testing.T) {
	base := rota.Pattern{ID: "p", Post: "po", Name: "Clinic", Starts: "2026-12-21", Cycle: 7, Division: rota.England, Holidays: rota.AsUsual}
	for d := range 5 {
		base.Lines = append(base.Lines, rota.Line{Day: d, Start: 9 * 60, End: 17 * 60, User: "@week:x"})
	}
	base.Lines = append(base.Lines, rota.Line{Day: 6, Start: 8 * 60, End: 20 * 60, User: "@sunday:x"})
	from, _ := rota.ParseDate("2026-12-21")
	who := func(p rota.Pattern) string {
		all, err := p.Expand(from, from.Add(13))
		if err != nil {
			t.Fatal(err)
		}
		s := ""
		for _, d := range all {
			s += rota.DateOf(d.From).String()[8:] + string(d.User)[1:2] + " "
		}
		return s
	}
	// 25 December 2026 is a Friday; Boxing Day, a Saturday, moves to Monday 28.
	for _, tt := range []struct {
		name string
		on   rota.OnHoliday
		want string
	}{
		{"OK as usual", rota.AsUsual, "21w 22w 23w 24w 25w 27s 28w 29w 30w 31w 01w 03s "},
		{"OK none", rota.NoDuty, "21w 22w 23w 24w 27s 29w 30w 31w 03s "},
		{"OK as on Sunday", rota.AsSunday, "21w 22w 23w 24w 25s 27s 28s 29w 30w 31w 01s 03s "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := base
			p.Holidays = tt.on
			if got := who(p); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	t.Run("OK an exception stands in the place of its day", func(t *testing.T) {
		p := base
		p.Exceptions = []rota.Exception{{Date: "2026-12-22"}, {Date: "2026-12-23", Lines: []rota.Line{{Start: 600, End: 660, User: "@locum:x"}}}}
		if got, want := who(p), "21w 23l 24w 25w 27s 28w 29w 30w 31w 01w 03s "; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	for _, tt := range []struct {
		name  string
		spoil func(*rota.Pattern)
	}{
		{"ErrName", func(p *rota.Pattern) { p.Name = " " }},
		{"ErrDay", func(p *rota.Pattern) { p.Lines = []rota.Line{{Day: 7, Start: 1, End: 2}} }},
		{"ErrEndBeforeStart", func(p *rota.Pattern) { p.Lines = []rota.Line{{Start: 600, End: 600}} }},
		{"ErrTooLong", func(p *rota.Pattern) { p.Lines = []rota.Line{{Start: 0, End: 9 * 24 * 60}} }},
		{"ErrCycle", func(p *rota.Pattern) { p.Cycle = 0 }},
		{"ErrEnds", func(p *rota.Pattern) { p.Ends = "2026-12-01" }},
		{"ErrTwoExceptions", func(p *rota.Pattern) {
			p.Exceptions = []rota.Exception{{Date: "2026-12-22"}, {Date: "2026-12-22"}}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := base
			tt.spoil(&p)
			if p.Check() == nil {
				t.Error("it was accepted")
			}
		})
	}
}

func TestHolidays(t *testing.T) {
	// As the government has published them.
	want := map[int][]string{
		2025: {"2025-01-01", "2025-04-18", "2025-04-21", "2025-05-05", "2025-05-26", "2025-08-25", "2025-12-25", "2025-12-26"},
		2026: {"2026-01-01", "2026-04-03", "2026-04-06", "2026-05-04", "2026-05-25", "2026-08-31", "2026-12-25", "2026-12-28"},
		2027: {"2027-01-01", "2027-03-26", "2027-03-29", "2027-05-03", "2027-05-31", "2027-08-30", "2027-12-27", "2027-12-28"},
		2022: {"2022-01-03", "2022-04-15", "2022-04-18", "2022-12-26", "2022-12-27"},
	}
	for year, days := range want {
		got := rota.Holidays(year, rota.England)
		for _, s := range days {
			if d, _ := rota.ParseDate(s); got[d] == "" {
				t.Errorf("%s is no holiday, want one: %v", s, got)
			}
		}
		if year != 2022 && len(got) != len(days) {
			t.Errorf("%d has %d holidays, want %d", year, len(got), len(days))
		}
	}
	scots := rota.Holidays(2026, rota.Scotland)
	for _, s := range []string{"2026-01-02", "2026-08-03", "2026-11-30"} {
		if d, _ := rota.ParseDate(s); scots[d] == "" {
			t.Errorf("%s is no holiday in Scotland", s)
		}
	}
	if d, _ := rota.ParseDate("2026-04-06"); scots[d] != "" {
		t.Error("Easter Monday is one in Scotland")
	}
}

func TestRests(t *testing.T) {
	at := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	duty := func(id string, from, hours float64) rota.Duty {
		f := at.Add(time.Duration(from * float64(time.Hour)))
		return rota.Duty{ID: rota.DutyID(id), User: "@a:x", From: f, Until: f.Add(time.Duration(hours * float64(time.Hour)))}
	}
	for _, tt := range []struct {
		name string
		all  []rota.Duty
		want int
	}{
		{"OK eleven hours", []rota.Duty{duty("a", 0, 13), duty("b", 24, 12)}, 0},
		{"OK two posts at once", []rota.Duty{duty("a", 0, 12), duty("b", 0, 12), duty("c", 2, 8)}, 0},
		{"OK end to end within a day's work", []rota.Duty{duty("a", 0, 8), duty("b", 8, 4)}, 0},
		{"ErrTooShort", []rota.Duty{duty("b", 24, 12), duty("a", 0, 13.5)}, 1},
		{"ErrDayThenNight", []rota.Duty{duty("a", 0, 12), duty("b", 12, 12)}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := rota.Rests(tt.all); len(got) != tt.want {
				t.Errorf("got %d rests that are too short, want %d: %v", len(got), tt.want, got)
			}
		})
	}
}
