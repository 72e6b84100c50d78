package rota

import (
	"errors"
	"slices"
	"strings"
)

// property is one line of an iCalendar file.
type property struct {
	params map[string]string
	value  string
}

// component is one VEVENT: each name with its lines, in order.
type component map[string][]property

func (c component) text(name string) string {
	if len(c[name]) == 0 {
		return ""
	}
	return unescapeText(c[name][0].value)
}

// calendar is a file as it was read, before it is understood.
type calendar struct {
	events []component
	utc    map[string]bool // of each time zone that the file describes and that is known: whether it is UTC; otherwise it is the trust's
	zone   string          // of the description that is being read
	halves map[string]property
}

func parseICal(raw []byte) (*calendar, error) {
	text := strings.NewReplacer("\r\n ", "", "\r\n\t", "", "\n ", "", "\n\t", "").Replace(string(raw))
	cal := &calendar{utc: map[string]bool{}}
	var within []string
	var ev component
	open, ended := false, false
	for line := range strings.Lines(text) {
		name, p, ok := parseLine(strings.TrimRight(line, "\r\n"))
		if !ok {
			continue
		}
		value := strings.ToUpper(p.value)
		switch {
		case name == "BEGIN":
			within = append(within, value)
			switch {
			case value == "VCALENDAR":
				open = true
			case value == "VEVENT" && ev == nil:
				ev = component{}
			case value == "VTIMEZONE":
				cal.zone, cal.halves = "", map[string]property{}
			}
		case name == "END":
			if len(within) > 0 {
				within = within[:len(within)-1]
			}
			switch {
			case value == "VCALENDAR":
				ended = true
			case value == "VEVENT" && ev != nil:
				cal.events, ev = append(cal.events, ev), nil
			case value == "VTIMEZONE":
				cal.describe()
			}
		case len(within) == 0:
		case within[len(within)-1] == "VEVENT" && ev != nil: // an alarm inside has a summary and people of its own
			ev[name] = append(ev[name], p)
		case cal.halves != nil && slices.Contains(within, "VTIMEZONE"):
			if name == "TZID" {
				cal.zone = p.value
			}
			cal.halves[within[len(within)-1]+" "+name] = p
		}
	}
	if !open || !ended {
		return nil, errors.New("no whole VCALENDAR")
	}
	return cal, nil
}

// parseLine takes a line apart: NAME;PARAM=x;PARAM="y:z":value.
// spec: RFC 5545 3.1
func parseLine(line string) (string, property, bool) {
	quoted, at := false, -1
	for i, c := range line {
		if c == '"' {
			quoted = !quoted
		} else if c == ':' && !quoted {
			at = i
			break
		}
	}
	if at < 0 {
		return "", property{}, false
	}
	head, value := line[:at], line[at+1:]
	name, rest, more := strings.Cut(head, ";")
	p := property{value: value}
	if more {
		p.params = map[string]string{}
		for part := range strings.SplitSeq(rest, ";") {
			k, v, _ := strings.Cut(part, "=")
			p.params[strings.ToUpper(k)] = strings.Trim(v, `"`)
		}
	}
	return strings.ToUpper(strings.TrimSpace(name)), p, true
}

// describe notes what a VTIMEZONE of the file is, if it is one that the trust can mean: the United Kingdom's, by name or by its rule, or
// UTC. Outlook calls it "Customized Time Zone" when somebody has touched it.
func (cal *calendar) describe() {
	h := cal.halves
	defer func() { cal.halves = nil }()
	if place := h["VTIMEZONE X-LIC-LOCATION"].value; place != "" {
		if utc, ok := known(place); ok {
			cal.utc[cal.zone] = utc
			return
		}
	}
	winter, summer := h["STANDARD TZOFFSETTO"].value, h["DAYLIGHT TZOFFSETTO"].value
	last := func(half, month string) bool {
		rule := ";" + strings.ToUpper(h[half+" RRULE"].value) + ";"
		return strings.Contains(rule, ";BYMONTH="+month+";") && strings.Contains(rule, ";BYDAY=-1SU;")
	}
	switch {
	case winter == "+0000" && summer == "+0100" && last("STANDARD", "10") && last("DAYLIGHT", "3"):
		cal.utc[cal.zone] = false
	case winter == "+0000" && summer == "":
		cal.utc[cal.zone] = true
	}
}

// known says of a zone's name whether it is UTC; not ok is a zone that is neither that nor the trust's.
func known(zone string) (utc, ok bool) {
	z := strings.ToLower(strings.TrimSpace(zone))
	switch z {
	case "gmt standard time", "gb", "gb-eire", "europe/belfast", "europe/jersey", "europe/guernsey", "europe/isle_of_man", "british summer time":
		return false, true
	case "utc", "etc/utc", "z", "zulu", "etc/gmt", "gmt", "coordinated universal time", "greenwich standard time", "tzone://microsoft/utc":
		return true, true
	}
	return false, strings.Contains(z, "london")
}

func unescapeText(s string) string {
	return strings.NewReplacer(`\\`, `\`, `\;`, ";", `\,`, ",", `\n`, " ", `\N`, " ").Replace(s)
}
