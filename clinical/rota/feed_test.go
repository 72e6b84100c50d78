package rota_test

import (
	"strings"
	"testing"
	"time"

	"wardline/clinical/rota"
)

// feedNow is when the feeds of these tests are read.
var feedNow = time.Date(2026, 9, 30, 12, 0, 0, 0, time.UTC)

// hazard: H7
func TestReadFeed(t *testing.T) {
	ics := func(body string) string {
		return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + body + "END:VCALENDAR\r\n"
	}
	ev := func(lines ...string) string {
		return "BEGIN:VEVENT\r\nUID:u1\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VEVENT\r\n"
	}
	for _, tt := range []struct {
		name, kind, raw string
		want            string // post|person|from|until
		trouble         int
	}{
		{"OK iCal in UTC", "ical", ics(ev("DTSTART:20261124T080000Z", "DTEND:20261124T200000Z", "SUMMARY:Med reg: Liam Hughes")), "Med reg|Liam Hughes|2026-11-24T08:00|2026-11-24T20:00", 0},
		{"OK iCal on the walls, in summer, folded", "ical", ics(ev("DTSTART;TZID=Europe/London:20260724T080000", "DTEND;TZID=Europe/London:20260724T200000", "SUMMARY:Li", " am", "ATTENDEE:mailto:LIAM@x.example")), "|liam@x.example|2026-07-24T07:00|2026-07-24T19:00", 0},
		{"OK iCal over the change in autumn", "ical", ics(ev("DTSTART:20261024T200000", "DTEND:20261025T080000", "SUMMARY:Liam")), "|Liam|2026-10-24T19:00|2026-10-25T08:00", 0},
		{"ErrZone another zone is not guessed", "ical", ics(ev("DTSTART;TZID=America/New_York:20260724T080000", "DTEND:20260724T200000Z", "SUMMARY:x") + ev("DTSTART:20261124T080000Z", "DTEND:20261124T200000Z", "SUMMARY:y")), "|y|2026-11-24T08:00|2026-11-24T20:00", 1},
		{"ErrRepeats within a day", "ical", ics(ev("DTSTART:20261124T080000Z", "DTEND:20261124T200000Z", "RRULE:FREQ=HOURLY", "SUMMARY:x") + ev("DTSTART:20261124T080000Z", "DTEND:20261124T200000Z", "SUMMARY:y")), "|y|2026-11-24T08:00|2026-11-24T20:00", 1},
		{"OK CSV, a night", "csv", "Role,Email,Date,Start,End\nMed reg,liam@x.example,2026-11-24,20:00,08:00\n", "Med reg|liam@x.example|2026-11-24T20:00|2026-11-25T08:00", 0},
		{"OK CSV with whole times", "csv", "post,staff number,start,end\npo_1,77,2026-07-24 08:00,2026-07-24 20:00\n,,,\n", "po_1|77|2026-07-24T07:00|2026-07-24T19:00", 1},
		{"OK XML with elements", "xml", `<rota><shift id="1"><role>Med reg</role><staffName>Liam Hughes</staffName><date>2026-11-24</date><startTime>08:00</startTime><endTime>20:00</endTime></shift></rota>`, "Med reg|Liam Hughes|2026-11-24T08:00|2026-11-24T20:00", 0},
		{"OK XML with attributes", "xml", `<a><Assignment assignmentId="9" role="Med reg" email="l@x.example" start="2026-11-24T08:00:00Z" end="2026-11-24T20:00:00Z"/></a>`, "Med reg|l@x.example|2026-11-24T08:00|2026-11-24T20:00", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			claims, trouble, err := rota.ReadFeed(tt.kind, []byte(tt.raw), feedNow)
			if err != nil || len(claims) != 1 || len(trouble) != tt.trouble {
				t.Fatalf("%d claims, %v, %v", len(claims), trouble, err)
			}
			c := claims[0]
			const form = "2006-01-02T15:04"
			if got := strings.Join([]string{c.Post, c.Person, c.From.UTC().Format(form), c.Until.UTC().Format(form)}, "|"); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if c.Ref == "" {
				t.Error("no name of its own")
			}
		})
	}
	for _, tt := range []struct{ name, kind, raw string }{
		{"ErrCutOff iCal", "ical", "BEGIN:VCALENDAR\r\n" + ev("DTSTART:20261124T080000Z", "DTEND:20261124T200000Z", "SUMMARY:x")},
		{"ErrCutOff XML", "xml", `<rota><shift id="1"><role>Med reg</role>`},
		{"ErrEmpty", "csv", "post,email,start,end\n"},
		{"ErrNothing", "ical", ""},
		{"ErrKind", "pdf", "x"},
		{"ErrHTML an error page is no rota", "xml", "<html><body>Sign in</body></html>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if claims, _, err := rota.ReadFeed(tt.kind, []byte(tt.raw), feedNow); err == nil {
				t.Errorf("it was read: %v", claims)
			}
		})
	}
}

// FuzzReadFeed: whatever comes, it is read or refused, and what is read has times.
func FuzzReadFeed(f *testing.F) {
	f.Add("ical", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261124T080000Z\nDTEND:20261124T200000Z\nSUMMARY:a\nEND:VEVENT\nEND:VCALENDAR\n")
	f.Add("ical", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nDTSTART;TZID=Europe/London:20261024T200000\nDTEND;TZID=Europe/London:20261025T080000\nRRULE:FREQ=MONTHLY;BYDAY=-1SA,2MO;BYSETPOS=-1;COUNT=9\nEXDATE;VALUE=DATE:20261128\nRDATE;VALUE=PERIOD:20261101T080000Z/PT3H\nSUMMARY:a\nEND:VEVENT\nBEGIN:VEVENT\nUID:a\nRECURRENCE-ID:20261024T190000Z\nDTSTART:20261024T190000Z\nDURATION:P1DT2H\nSUMMARY:b\nEND:VEVENT\nEND:VCALENDAR\n")
	f.Add("csv", "post,email,date,start,end\na,b,2026-01-01,20:00,08:00\n")
	f.Add("xml", `<shift role="a" email="b" start="2026-11-24T08:00:00Z" end="2026-11-24T20:00:00Z"/>`)
	f.Fuzz(func(t *testing.T, kind, raw string) {
		claims, _, err := rota.ReadFeed(kind, []byte(raw), feedNow)
		if err == nil && len(claims) == 0 {
			t.Fatal("nothing was read, and no error")
		}
		for _, c := range claims {
			if c.Ref == "" || c.From.Equal(time.Time{}) {
				t.Fatalf("%+v", c)
			}
		}
	})
}
