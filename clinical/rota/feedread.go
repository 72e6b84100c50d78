package rota

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"wardline/ground/fault"
)

// Claim is one duty as a feed has it: who is named in the feed's own words.
type Claim struct {
	Ref    string // what the feed calls it
	Post   string // id or name; "" where the feed is for one post
	Person string // e-mail address, staff number or name
	From   time.Time
	Until  time.Time
}

// Trouble is a part of a feed that was not used, and why.
type Trouble struct {
	Where string `json:"where"`
	Why   string `json:"why"`
}

// maxClaims bounds one feed.
const maxClaims = 200_000

var errFeedSize = fault.New(fault.TooLarge, "M_TOO_LARGE", "The feed is too large.")

// ReadFeed understands a feed: "ical", "csv" or "xml". Of what repeats it returns the shifts from eight days before now to 400 days after.
// A part that cannot be understood is a trouble; a feed that cannot be read to its end, or has nothing in it, is fault.Invalid, because a
// rota that was cut off must not look like one with gaps.
//
// hazard: H7 rota feed stale or wrong time zone or clock change
func ReadFeed(kind string, raw []byte, now time.Time) ([]Claim, []Trouble, error) {
	var claims []Claim
	var trouble []Trouble
	var err error
	switch kind {
	case "ical":
		claims, trouble, err = readICal(raw, now)
	case "csv":
		claims, trouble, err = readCSV(raw)
	case "xml":
		claims, trouble, err = readXML(raw)
	default:
		return nil, nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "A feed is ical, csv or xml.")
	}
	switch {
	case fault.Is(err, fault.TooLarge):
		return nil, nil, err
	case err != nil:
		return nil, nil, fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "The feed cannot be read to its end.", err)
	case len(claims) == 0:
		return nil, trouble, fault.New(fault.Invalid, "M_INVALID_PARAM", "The feed has no shift in it that can be understood.")
	case len(claims) > maxClaims:
		return nil, nil, errFeedSize
	}
	return claims, trouble, nil
}

// onWalls is the instant at which the walls show what t shows in UTC.
func onWalls(t time.Time) time.Time {
	return Date{t.Year(), t.Month(), t.Day()}.At(t.Hour()*60 + t.Minute())
}

var feedHeaders = map[string][]string{
	"ref":    {"ref", "id", "shift id", "uid", "assignmentid", "shiftid"},
	"post":   {"post", "role", "rota", "duty", "position", "rolename", "session"},
	"person": {"email", "e-mail", "person", "name", "staff", "staff number", "employee number", "employeenumber", "staffname"},
	"from":   {"start", "from", "start time", "starts", "starttime", "startdatetime"},
	"until":  {"end", "until", "end time", "ends", "to", "endtime", "enddatetime"},
	"date":   {"date", "day", "shiftdate"},
}

func feedField(header string) string {
	h := strings.ToLower(strings.TrimSpace(header))
	for field, all := range feedHeaders {
		for _, name := range all {
			if name == h {
				return field
			}
		}
	}
	return ""
}

func readCSV(raw []byte) ([]Claim, []Trouble, error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(raw, []byte{0xef, 0xbb, 0xbf})))
	r.FieldsPerRecord, r.TrimLeadingSpace = -1, true
	head, err := r.Read()
	if err != nil {
		return nil, nil, err
	}
	var claims []Claim
	var trouble []Trouble
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return claims, trouble, nil
		}
		if err != nil {
			return nil, nil, err
		}
		line, _ := r.FieldPos(0)
		got := map[string]string{}
		for i, h := range head {
			if f := feedField(h); f != "" && i < len(rec) && got[f] == "" {
				got[f] = strings.TrimSpace(rec[i])
			}
		}
		c, why := claimFrom(got)
		if why != "" {
			trouble = append(trouble, Trouble{fmt.Sprintf("line %d", line), why})
			continue
		}
		claims = append(claims, c)
	}
}

// readXML reads any document in which each shift is an element of its own, with what it says in attributes or elements inside it.
func readXML(raw []byte) ([]Claim, []Trouble, error) {
	dec := xml.NewDecoder(bytes.NewReader(raw))
	var claims []Claim
	var trouble []Trouble
	var got map[string]string
	var field string
	depth, begun, n := 0, 0, 0
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			if depth != 0 {
				return nil, nil, io.ErrUnexpectedEOF
			}
			return claims, trouble, nil
		}
		if err != nil {
			return nil, nil, err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			depth++
			name := strings.ToLower(t.Name.Local)
			if got == nil && (name == "shift" || name == "assignment" || name == "session" || name == "onduty") {
				got, begun, n = map[string]string{}, depth, n+1
			}
			if got != nil {
				for _, a := range t.Attr {
					if f := feedField(a.Name.Local); f != "" {
						got[f] = a.Value
					}
				}
				field = feedField(name)
			}
		case xml.CharData:
			if text := strings.TrimSpace(string(t)); got != nil && field != "" && text != "" {
				got[field] = text
			}
		case xml.EndElement:
			field = ""
			if got != nil && depth == begun {
				c, why := claimFrom(got)
				if why != "" {
					trouble = append(trouble, Trouble{fmt.Sprintf("shift %d", n), why})
				} else {
					claims = append(claims, c)
				}
				got = nil
			}
			depth--
		}
	}
}

func claimFrom(got map[string]string) (Claim, string) {
	c := Claim{Ref: got["ref"], Post: got["post"], Person: got["person"]}
	var err error
	if c.From, err = feedTime(got["date"], got["from"]); err != nil {
		return c, "Its start is no time that is understood."
	}
	if c.Until, err = feedTime(got["date"], got["until"]); err != nil {
		return c, "Its end is no time that is understood."
	}
	if got["date"] != "" && !c.Until.After(c.From) && len(got["until"]) <= 5 { // 20:00 to 08:00: the next morning
		c.Until = DateOf(c.Until).Add(1).At(Local(c.Until).Hour()*60 + Local(c.Until).Minute())
	}
	if c.Person == "" {
		return c, "Nobody is named."
	}
	if c.Ref == "" {
		c.Ref = c.Post + "|" + c.Person + "|" + zulu(c.From)
	}
	return c, ""
}

// feedTime reads instants with a zone, and times on the trust's walls, with their day before them or beside them.
func feedTime(day, s string) (time.Time, error) {
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(form, s); err == nil {
			return t, nil
		}
	}
	if day != "" && len(s) <= 8 {
		s = day + " " + s
	}
	for _, form := range []string{"2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02T15:04:05", "02/01/2006 15:04", "02/01/2006 15:04:05"} {
		if t, err := time.Parse(form, s); err == nil {
			return onWalls(t), nil
		}
	}
	return time.Time{}, fmt.Errorf("time %q", s)
}
