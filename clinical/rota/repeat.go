package rota

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rule is an iCalendar recurrence rule, of those that a rota can mean: whole days, by weeks, months or years.
//
// It is ours, and looks at each day of a bounded time, because what comes in a feed may be anything: a rule that never fits any day, such as
// the thirtieth of February, costs what any other does.
// spec: RFC 5545 3.3.10
type rule struct {
	freq      string
	interval  int
	count     int // 0 for without
	until     *stamp
	months    []int
	monthDays []int
	days      []nthDay
	positions []int
	weekStart time.Weekday
}

// nthDay is a day of the week; n counts it within its month or year, from the end when negative, and is 0 for each.
type nthDay struct {
	n   int
	day time.Weekday
}

// maxList bounds each list of a rule.
const maxList = 400

var (
	errRule  = unread("It repeats by a rule that is not understood; export each shift on its own.")
	errOften = unread("It repeats more than once a day; export each shift on its own.")
	weekDays = map[string]time.Weekday{"SU": time.Sunday, "MO": time.Monday, "TU": time.Tuesday, "WE": time.Wednesday, "TH": time.Thursday, "FR": time.Friday, "SA": time.Saturday}
)

// parseRule reads a rule. A part that is not known is an error, because to leave it out would be another rota.
func (cal *calendar) parseRule(s string) (rule, error) {
	r := rule{interval: 1, weekStart: time.Monday}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(strings.TrimSuffix(s, ";"), ";") {
		key, value, _ := strings.Cut(part, "=")
		key, value = strings.ToUpper(strings.TrimSpace(key)), strings.ToUpper(strings.TrimSpace(value))
		if seen[key] || value == "" {
			return r, errRule
		}
		seen[key] = true
		if err := r.set(cal, key, value); err != nil {
			return r, err
		}
	}
	nth := slices.ContainsFunc(r.days, func(d nthDay) bool { return d.n != 0 })
	switch {
	case r.freq == "", r.count > 0 && r.until != nil:
		return r, errRule
	case r.freq == "WEEKLY" && len(r.monthDays) > 0, nth && r.freq != "MONTHLY" && r.freq != "YEARLY":
		return r, errRule // the standard forbids both
	}
	return r, nil
}

func (r *rule) set(cal *calendar, key, value string) (err error) {
	switch key {
	case "FREQ":
		switch r.freq = value; value {
		case "DAILY", "WEEKLY", "MONTHLY", "YEARLY":
		case "HOURLY", "MINUTELY", "SECONDLY":
			err = errOften
		default:
			err = errRule
		}
	case "INTERVAL":
		r.interval, err = number(value, 1, 1000)
	case "COUNT":
		r.count, err = number(value, 1, 1_000_000_000)
	case "UNTIL":
		until, e := cal.stamp(property{}, value)
		r.until, err = &until, e
	case "BYMONTH":
		r.months, err = numbers(value, 1, 12)
	case "BYMONTHDAY":
		r.monthDays, err = numbers(value, -31, 31)
	case "BYSETPOS":
		r.positions, err = numbers(value, -366, 366)
	case "WKST":
		day, ok := weekDays[value]
		if r.weekStart = day; !ok {
			err = errRule
		}
	case "BYDAY":
		r.days, err = nthDays(value)
	case "BYHOUR", "BYMINUTE", "BYSECOND":
		err = errOften
	default:
		err = errRule
	}
	if err != nil && !errors.Is(err, errOften) {
		return errRule
	}
	return err
}

func number(s string, low, high int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		return 0, errRule
	}
	return n, nil
}

func numbers(s string, low, high int) ([]int, error) {
	var all []int
	for part := range strings.SplitSeq(s, ",") {
		n, err := number(part, low, high)
		if err != nil || n == 0 || len(all) == maxList {
			return nil, errRule
		}
		all = append(all, n)
	}
	return all, nil
}

func nthDays(s string) ([]nthDay, error) {
	var all []nthDay
	for part := range strings.SplitSeq(s, ",") {
		if len(part) < 2 || len(all) == maxList {
			return nil, errRule
		}
		day, ok := weekDays[part[len(part)-2:]]
		if !ok {
			return nil, errRule
		}
		d := nthDay{day: day}
		if count := part[:len(part)-2]; count != "" {
			var err error
			if d.n, err = number(count, -53, 53); err != nil || d.n == 0 {
				return nil, errRule
			}
		}
		all = append(all, d)
	}
	return all, nil
}

// dates returns the days on which the rule fits, from the first, which it counts from, up to and with the last. Past says that a day is
// beyond the rule's own end. It looks at each day between the two once.
func (r rule) dates(first, last Date, past func(Date) bool) []Date {
	var out []Date
	for n := 0; ; n++ {
		begin, days := r.period(first, n)
		if last.Before(begin) {
			return out
		}
		set := make([]Date, 0, 7)
		for i := range days {
			if d := begin.Add(i); r.fits(d, first) {
				set = append(set, d)
			}
		}
		for _, d := range r.pick(set) {
			switch {
			case d.Before(first):
			case last.Before(d), past(d), r.count > 0 && len(out) == r.count:
				return out
			default:
				out = append(out, d)
			}
		}
	}
}

// period returns where the nth period of the rule begins, and how many days it has.
func (r rule) period(first Date, n int) (Date, int) {
	n *= r.interval
	switch r.freq {
	case "WEEKLY":
		back := (int(first.Weekday()) - int(r.weekStart) + 7) % 7
		return first.Add(7*n - back), 7
	case "MONTHLY":
		m := Date{first.Year, first.Month, 1}.months(n)
		return m, m.months(1).Days(m)
	case "YEARLY":
		y := Date{first.Year + n, time.January, 1}
		return y, Date{y.Year + 1, time.January, 1}.Days(y)
	}
	return first.Add(n), 1
}

// months is the first of the month that is so many later.
func (d Date) months(n int) Date {
	t := time.Date(d.Year, d.Month+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	return Date{t.Year(), t.Month(), 1}
}

// fits says whether a day of a period belongs to the rule, before positions are looked at.
func (r rule) fits(d, first Date) bool {
	if len(r.months) > 0 && !slices.Contains(r.months, int(d.Month)) {
		return false
	}
	if len(r.monthDays) > 0 {
		of := Date{d.Year, d.Month, 1}.months(1).Days(Date{d.Year, d.Month, 1})
		if !slices.Contains(r.monthDays, d.Day) && !slices.Contains(r.monthDays, d.Day-of-1) {
			return false
		}
	}
	if len(r.days) > 0 {
		return slices.ContainsFunc(r.days, func(n nthDay) bool { return r.nth(d, n) })
	}
	if len(r.monthDays) > 0 {
		return true
	}
	switch r.freq {
	case "WEEKLY":
		return d.Weekday() == first.Weekday()
	case "MONTHLY":
		return d.Day == first.Day
	case "YEARLY":
		return d.Day == first.Day && (len(r.months) > 0 || d.Month == first.Month)
	}
	return true
}

// nth says whether a day is the nth of its kind, in its month or, where the rule names no month, in its year.
func (r rule) nth(d Date, n nthDay) bool {
	if d.Weekday() != n.day {
		return false
	}
	if n.n == 0 {
		return true
	}
	begin := Date{d.Year, d.Month, 1}
	end := begin.months(1)
	if r.freq == "YEARLY" && len(r.months) == 0 {
		begin, end = Date{d.Year, time.January, 1}, Date{d.Year + 1, time.January, 1}
	}
	if n.n > 0 {
		return d.Days(begin)/7+1 == n.n
	}
	return -((end.Days(d)-1)/7 + 1) == n.n
}

// pick takes those of a period that the rule's positions name.
func (r rule) pick(set []Date) []Date {
	if len(r.positions) == 0 {
		return set
	}
	var out []Date
	for i, d := range set {
		if slices.Contains(r.positions, i+1) || slices.Contains(r.positions, i-len(set)) {
			out = append(out, d)
		}
	}
	return out
}

// past says whether a shift that begins then is beyond the rule's end. The end is a day, an instant, or a time on the walls.
func (r rule) past(start stamp, wall time.Time) bool {
	switch {
	case r.until == nil:
		return false
	case r.until.day:
		return r.until.date().Before(stamp{wall: wall}.date())
	case r.until.utc:
		return start.at(wall).After(r.until.wall)
	}
	return wall.After(r.until.wall)
}
