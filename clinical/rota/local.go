package rota

import (
	"sync"
	"time"
	_ "time/tzdata" // a static binary on a bare machine has no other
)

var london = sync.OnceValue(func() *time.Location {
	uk, err := time.LoadLocation("Europe/London")
	if err != nil {
		panic(err) // it is built in
	}
	return uk
})

// Local returns the instant as the wall clocks of the trust show it.
func Local(t time.Time) time.Time { return t.In(london()) }

// Date is a day of the calendar on the trust's walls.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf returns the day on which an instant lies.
func DateOf(t time.Time) Date {
	y, m, d := Local(t).Date()
	return Date{y, m, d}
}

// ParseDate reads 2026-11-24.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, err
	}
	return Date{t.Year(), t.Month(), t.Day()}, nil
}

// String writes 2026-11-24.
func (d Date) String() string { return d.utc().Format(time.DateOnly) }

func (d Date) utc() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// Add returns the day so many days later.
func (d Date) Add(days int) Date {
	t := d.utc().AddDate(0, 0, days)
	return Date{t.Year(), t.Month(), t.Day()}
}

// Days returns how many days lie from another day to this one.
func (d Date) Days(from Date) int { return int(d.utc().Sub(from.utc()) / (24 * time.Hour)) }

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday { return d.utc().Weekday() }

// Before says whether the day comes before another.
func (d Date) Before(o Date) bool { return d.utc().Before(o.utc()) }

// At returns the instant at which the walls show so many minutes after midnight of the day. In spring an hour is missing: a time in it
// is the instant at which it would have been, had the clocks not gone on (01:30 is 02:30). In autumn an hour comes twice: the first is
// meant. So one duty's end and the next one's start, written alike, are the same instant on every night of the year.
//
// hazard: H7 rota feed stale or wrong time zone or clock change
func (d Date) At(minutes int) time.Time {
	wall := time.Date(d.Year, d.Month, d.Day, 0, minutes, 0, 0, time.UTC)
	before, after := wall.Add(-24*time.Hour).In(london()), wall.Add(24*time.Hour).In(london())
	_, first := before.Zone()
	_, second := after.Zone()
	a := wall.Add(-time.Duration(first) * time.Second) // as if the clocks had not changed yet
	if first == second || sameWall(a, wall) {
		return a
	}
	b := wall.Add(-time.Duration(second) * time.Second)
	if sameWall(b, wall) {
		return b
	}
	return a // the hour that is missing
}

func sameWall(t, wall time.Time) bool {
	l := Local(t)
	return l.Hour() == wall.Hour() && l.Minute() == wall.Minute() && l.Day() == wall.Day()
}
