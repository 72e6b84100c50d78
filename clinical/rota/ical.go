package rota

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"wardline/ground/fault"
)

// Bounds of what is read of an iCalendar file. Each series is looked at day by day from its first, so their number and their age bound
// the work.
const (
	maxSeries = 10_000
	maxAge    = 20 * 366                  // days that a series may have begun before now
	repeats   = 400 * 24 * time.Hour      // how far ahead what repeats is written out
	maxDates  = 2_000                     // dates that a series names one by one, added or taken out
	maxHours  = longest + 100*time.Minute // a length beyond this is nobody's shift
)

// readICal reads events: SUMMARY names the person, or "post: person"; an ATTENDEE's address counts more than a name. What repeats is
// written out, each shift on its own.
// spec: RFC 5545
func readICal(raw []byte, now time.Time) ([]Claim, []Trouble, error) {
	cal, err := parseICal(raw)
	if err != nil {
		return nil, nil, err
	}
	series := map[string][]component{} // what changes single shifts of a series, by its UID
	var masters, all int
	for _, ev := range cal.events {
		if ev.text("RECURRENCE-ID") != "" {
			series[ev.text("UID")] = append(series[ev.text("UID")], ev)
		}
	}
	var claims []Claim
	var trouble []Trouble
	add := func(uid string, more []Claim, err error) {
		if err != nil {
			trouble = append(trouble, Trouble{uid, fault.As(err).Public})
			return
		}
		claims = append(claims, more...)
	}
	for _, ev := range cal.events {
		uid := ev.text("UID")
		if all = len(claims) + len(trouble); all > maxClaims {
			return nil, nil, errFeedSize
		}
		switch {
		case ev.text("RECURRENCE-ID") != "":
			if strings.EqualFold(ev.text("STATUS"), "CANCELLED") {
				continue
			}
			c, err := cal.changed(ev)
			add(uid, []Claim{c}, err)
		case strings.EqualFold(ev.text("STATUS"), "CANCELLED"):
		case len(ev["RRULE"])+len(ev["RDATE"])+len(ev["EXRULE"]) > 0:
			if masters++; masters > maxSeries {
				return nil, nil, errFeedSize
			}
			more, err := cal.series(ev, series[uid], now)
			add(uid, more, err)
		default:
			c, err := cal.single(ev)
			add(uid, []Claim{c}, err)
		}
	}
	return claims, trouble, nil
}

// stamp is a time as the file has it: what the clock shows, in UTC or on the trust's walls, or a day alone.
type stamp struct {
	wall time.Time // its fields, as if they were UTC
	utc  bool
	day  bool
}

func (s stamp) instant() time.Time { return s.at(s.wall) }

// at is the instant at which the stamp's clock shows what the wall does.
func (s stamp) at(wall time.Time) time.Time {
	if s.utc {
		return wall
	}
	return onWalls(wall)
}

func (s stamp) date() Date { return Date{s.wall.Year(), s.wall.Month(), s.wall.Day()} }

// stamp reads UTC times, those of the trust's zone, and times without a zone, which are the trust's walls'. Another zone is an error:
// guessing would put somebody on at the wrong hour.
func (cal *calendar) stamp(p property, value string) (stamp, error) {
	var s stamp
	if t, err := time.Parse("20060102T150405Z", value); err == nil {
		return stamp{wall: t, utc: true}, nil
	}
	if zone := p.params["TZID"]; zone != "" {
		utc, ok := cal.utc[zone]
		if !ok {
			utc, ok = known(zone)
		}
		if !ok {
			return s, fmt.Errorf("zone %q", zone)
		}
		s.utc = utc
	}
	form := "20060102T150405"
	if len(value) == len("20060102") {
		form, s.day, s.utc = "20060102", true, false
	}
	var err error
	s.wall, err = time.Parse(form, value)
	return s, err
}

// span is the start of an event, and how its end follows from a start on the same clock.
type span struct {
	start stamp
	wall  time.Duration // on the clock's face
	exact time.Duration // and after that, really passing
}

// unread says in a sentence for people why a part of a feed was not understood.
func unread(say string) error { return fault.New(fault.Invalid, "M_INVALID_PARAM", say) }

var (
	errStart = unread("Its start is no time that is understood.")
	errEnd   = unread("Its end is no time that is understood.")
)

// span reads when an event is. Its end is kept as what the clock shows, not as a length: a night from eight to eight ends at eight on
// the night of a clock change as well. RFC 5545 wants the same length for each repeat of an event with DTEND; in October that would leave
// the post empty for the hour before the day begins.
//
// hazard: H7 rota feed stale or wrong time zone or clock change
func (cal *calendar) span(ev component) (span, error) {
	var s span
	var err error
	if len(ev["DTSTART"]) == 0 {
		return s, errStart
	}
	if s.start, err = cal.stamp(ev["DTSTART"][0], ev["DTSTART"][0].value); err != nil {
		return s, errStart
	}
	switch {
	case len(ev["DTEND"]) > 0:
		end, err := cal.stamp(ev["DTEND"][0], ev["DTEND"][0].value)
		if err != nil {
			return s, errEnd
		}
		if s.start.utc == end.utc {
			s.wall = end.wall.Sub(s.start.wall)
		} else {
			s.exact = end.instant().Sub(s.start.instant())
		}
	case len(ev["DURATION"]) > 0:
		if s.wall, s.exact, err = parseLength(ev["DURATION"][0].value); err != nil {
			return s, errEnd
		}
	case s.start.day:
		s.wall = 24 * time.Hour
	default:
		return s, errEnd
	}
	if s.wall+s.exact > maxHours || s.wall+s.exact < -maxHours {
		return s, errEnd
	}
	return s, nil
}

func (s span) until(wall time.Time) time.Time { return s.start.at(wall.Add(s.wall)).Add(s.exact) }

// parseLength reads a DURATION such as P1D or PT12H30M: days on the clock's face, and the time that passes.
// spec: RFC 5545 3.3.6
func parseLength(v string) (wall, exact time.Duration, err error) {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(v, "+"), "P")
	if !ok || len(v) > 20 {
		return 0, 0, fmt.Errorf("duration %q", v)
	}
	days, hours, _ := strings.Cut(rest, "T")
	read := func(s string, units string, of []time.Duration) (sum time.Duration, err error) {
		for s != "" {
			i := strings.IndexAny(s, units)
			if i < 0 {
				return 0, fmt.Errorf("duration %q", v)
			}
			n, err := strconv.Atoi(s[:i])
			if err != nil || n < 0 || n > 20_000 {
				return 0, fmt.Errorf("duration %q", v)
			}
			sum += time.Duration(n) * of[strings.IndexByte(units, s[i])]
			s = s[i+1:]
		}
		return sum, nil
	}
	if wall, err = read(days, "WD", []time.Duration{7 * 24 * time.Hour, 24 * time.Hour}); err != nil {
		return 0, 0, err
	}
	exact, err = read(hours, "HMS", []time.Duration{time.Hour, time.Minute, time.Second})
	return wall, exact, err
}

// who fills in whom an event is about.
func (ev component) who(c Claim) Claim {
	c.Person = ev.text("SUMMARY")
	if post, person, ok := strings.Cut(c.Person, ": "); ok {
		c.Post, c.Person = post, person
	}
	if mail, ok := strings.CutPrefix(strings.ToLower(ev.text("ATTENDEE")), "mailto:"); ok {
		c.Person = mail
	}
	return c
}

func (cal *calendar) single(ev component) (Claim, error) {
	s, err := cal.span(ev)
	if err != nil {
		return Claim{}, err
	}
	c := ev.who(Claim{Ref: ev.text("UID"), From: s.start.instant(), Until: s.until(s.start.wall)})
	if c.Ref == "" {
		c.Ref = c.Person + ev.text("DTSTART")
	}
	return c, nil
}

// ref names one shift of a series by when it was first meant to begin, so that it stays the same shift when it is moved.
func ref(uid string, first time.Time) string { return uid + "/" + zulu(first) }

// changed is one shift of a series that was moved or given to somebody else.
// spec: RFC 5545 3.8.4.4
func (cal *calendar) changed(ev component) (Claim, error) {
	p := ev["RECURRENCE-ID"][0]
	first, err := cal.stamp(p, p.value)
	if err != nil {
		return Claim{}, unread("It changes a shift whose time is not understood.")
	}
	c, err := cal.single(ev)
	if first.day && len(ev["DTSTART"]) > 0 { // a day alone: the shift of that day, at the time of its own start
		if own, e := cal.stamp(ev["DTSTART"][0], ev["DTSTART"][0].value); e == nil && !own.day {
			first = stamp{wall: first.wall.Add(own.wall.Sub(own.date().utc())), utc: own.utc}
		}
	}
	c.Ref = ref(ev.text("UID"), first.instant())
	return c, err
}

// series writes out what repeats. A series that is understood in part only is left out as a whole, because half a rota looks like a
// whole one.
//
// hazard: H7 rota feed stale or wrong time zone or clock change
func (cal *calendar) series(ev component, changed []component, now time.Time) ([]Claim, error) {
	s, err := cal.span(ev)
	if err != nil {
		return nil, err
	}
	if len(ev["EXRULE"]) > 0 || len(ev["RRULE"]) > 1 {
		return nil, unread("It repeats by more than one rule; export each shift on its own.")
	}
	from, until := now.Add(-longest), now.Add(repeats)
	walls := []time.Time{s.start.wall}
	if len(ev["RRULE"]) == 1 {
		r, err := cal.parseRule(ev["RRULE"][0].value)
		if err != nil {
			return nil, err
		}
		first := s.start.date()
		if DateOf(now).Days(first) > maxAge {
			return nil, unread("It began more than twenty years ago; let it begin anew.")
		}
		clock := s.start.wall.Sub(first.utc())
		dates := r.dates(first, DateOf(until).Add(1), func(d Date) bool { return r.past(s.start, d.utc().Add(clock)) })
		if !DateOf(until).Before(first) && (len(dates) == 0 || dates[0] != first) {
			return nil, unread("Its first shift does not fit its own rule, so it is not known when it is.")
		}
		walls = walls[:0]
		for _, d := range dates {
			walls = append(walls, d.utc().Add(clock))
		}
	}
	shifts := map[int64]Claim{}
	put := func(first, end time.Time) {
		if first.After(from) && first.Before(until) {
			shifts[first.UnixMilli()] = ev.who(Claim{Ref: ref(ev.text("UID"), first), From: first, Until: end})
		}
	}
	for _, w := range walls {
		put(s.start.at(w), s.until(w))
	}
	if err := cal.eachDate(ev["RDATE"], func(at stamp, end time.Time) {
		if at.day && !s.start.day {
			at = stamp{wall: at.wall.Add(s.start.wall.Sub(s.start.date().utc())), utc: s.start.utc}
		}
		if end.IsZero() {
			end = at.at(at.wall.Add(s.wall)).Add(s.exact)
		}
		put(at.instant(), end)
	}); err != nil {
		return nil, err
	}
	days := map[Date]bool{} // taken out whole: some programs name the day only
	gone := func(at stamp, _ time.Time) {
		if delete(shifts, at.instant().UnixMilli()); at.day {
			days[at.date()] = true
		}
	}
	if err := cal.eachDate(ev["EXDATE"], gone); err != nil {
		return nil, err
	}
	for _, c := range changed {
		p := c["RECURRENCE-ID"][0]
		if p.params["RANGE"] != "" {
			return nil, unread("One change in it is meant for all that follow; end the series there and begin another.")
		}
		at, err := cal.stamp(p, p.value)
		if err != nil {
			return nil, unread("It changes a shift whose time is not understood.")
		}
		gone(at, time.Time{})
	}
	var all []Claim
	for _, c := range shifts {
		if len(days) == 0 || !days[s.shows(c.From)] {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b Claim) int { return a.From.Compare(b.From) })
	return all, nil
}

// shows is the day on which the series' own clock shows an instant.
func (s span) shows(at time.Time) Date {
	if s.start.utc {
		return Date{at.UTC().Year(), at.UTC().Month(), at.UTC().Day()}
	}
	return DateOf(at)
}

// eachDate goes through the dates of RDATE or EXDATE lines; a period has its own end.
// spec: RFC 5545 3.8.5.1, 3.8.5.2
func (cal *calendar) eachDate(lines []property, do func(at stamp, end time.Time)) error {
	bad := unread("A date that it adds or takes out is not understood.")
	n := 0
	for _, p := range lines {
		for value := range strings.SplitSeq(p.value, ",") {
			if n++; n > maxDates {
				return unread("It adds or takes out too many dates.")
			}
			first, last, period := strings.Cut(strings.TrimSpace(value), "/")
			at, err := cal.stamp(p, first)
			if err != nil {
				return bad
			}
			var end time.Time
			if period {
				if stop, err := cal.stamp(p, last); err == nil {
					end = stop.instant()
				} else if wall, exact, err := parseLength(last); err == nil {
					end = at.at(at.wall.Add(wall)).Add(exact)
				} else {
					return bad
				}
			}
			do(at, end)
		}
	}
	return nil
}
