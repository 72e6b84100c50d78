package rota_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/teambition/rrule-go"

	"wardline/clinical/rota"
	"wardline/ground/fault"
)

// file is an iCalendar file of events, each a list of lines.
func file(events ...[]string) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
	for _, ev := range events {
		b.WriteString("BEGIN:VEVENT\r\nUID:u1\r\n" + strings.Join(ev, "\r\n") + "\r\nEND:VEVENT\r\n")
	}
	b.WriteString("END:VCALENDAR\r\n")
	return b.String()
}

// nightEvent begins on 19 October 2026, in summer time.
const nightEvent = "DTSTART;TZID=Europe/London:20261019T200000|DTEND;TZID=Europe/London:20261020T080000|SUMMARY:Med reg: Liam Hughes"

func lines(s string, more ...string) []string { return append(strings.Split(s, "|"), more...) }

// hazard: H7
func TestReadFeed_Repeats(t *testing.T) {
	custom := "BEGIN:VTIMEZONE\r\nTZID:Customized Time Zone\r\nBEGIN:STANDARD\r\nDTSTART:16010101T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0000\r\nRRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\n" +
		"BEGIN:DAYLIGHT\r\nDTSTART:16010101T010000\r\nTZOFFSETFROM:+0000\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n"
	for _, tt := range []struct {
		name, raw string
		want      string // the shifts, in UTC
		trouble   string
	}{
		{"OK nights over the change in autumn end at eight on the walls", file(lines(nightEvent, "RRULE:FREQ=DAILY;INTERVAL=3;COUNT=4")), "1019T19-1020T07 1022T19-1023T07 1025T20-1026T08 1028T20-1029T08", ""},
		{"OK the night of the change itself has an hour more", file(lines(nightEvent, "RRULE:FREQ=DAILY;COUNT=7")), "1019T19-1020T07 1020T19-1021T07 1021T19-1022T07 1022T19-1023T07 1023T19-1024T07 1024T19-1025T08 1025T20-1026T08", ""},
		{"OK and in spring an hour less", file(lines("DTSTART;TZID=GMT Standard Time:20270327T200000|DTEND;TZID=GMT Standard Time:20270328T080000|SUMMARY:x", "RRULE:FREQ=DAILY;COUNT=2")), "0327T20-0328T07 0328T19-0329T07", ""},
		{"OK by UTC it is by UTC", file(lines("DTSTART:20261024T190000Z|DTEND:20261025T070000Z|SUMMARY:x", "RRULE:FREQ=DAILY;COUNT=2")), "1024T19-1025T07 1025T19-1026T07", ""},
		{"OK a length is a length", file(lines("DTSTART;TZID=Europe/London:20261024T200000|DURATION:PT12H|SUMMARY:x", "RRULE:FREQ=DAILY;COUNT=2")), "1024T19-1025T07 1025T20-1026T08", ""},
		{"OK weeks on some days, until an instant", file(lines(nightEvent, "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;UNTIL=20261102T200000Z")), "1019T19-1020T07 1021T19-1022T07 1102T20-1103T08", ""},
		{"OK until a day, which counts", file(lines(nightEvent, "RRULE:FREQ=WEEKLY;UNTIL=20261026")), "1019T19-1020T07 1026T20-1027T08", ""},
		{"OK the third Monday", file(lines(nightEvent, "RRULE:FREQ=MONTHLY;BYDAY=3MO;COUNT=3")), "1019T19-1020T07 1116T20-1117T08 1221T20-1222T08", ""},
		{"OK some taken out, by time, by UTC and by day", file(lines(nightEvent, "RRULE:FREQ=DAILY;COUNT=5", "EXDATE;TZID=Europe/London:20261020T200000,20261021T200000", "EXDATE:20261022T190000Z", "EXDATE;VALUE=DATE:20261023")), "1019T19-1020T07", ""},
		{"OK some added, one of its own length", file(lines(nightEvent, "RDATE;TZID=Europe/London:20261101T200000", "RDATE;VALUE=PERIOD:20261103T090000Z/PT3H,20261104T090000Z/20261104T100000Z")), "1019T19-1020T07 1101T20-1102T08 1103T09-1103T12 1104T09-1104T10", ""},
		{"OK one moved, one called off", file(lines(nightEvent, "RRULE:FREQ=DAILY;COUNT=3"), lines("RECURRENCE-ID;TZID=Europe/London:20261020T200000|DTSTART:20261020T210000Z|DTEND:20261021T070000Z|SUMMARY:Med reg: Tom Reid"), lines("RECURRENCE-ID:20261021T190000Z|DTSTART:20261021T190000Z|DTEND:20261022T070000Z|STATUS:CANCELLED")), "1019T19-1020T07 1020T21-1021T07", ""},
		{"OK what is inside an event is not the event", file(lines(nightEvent, "BEGIN:VALARM", "SUMMARY:wake up", "ATTENDEE:mailto:other@x.example", "TRIGGER:-PT15M", "END:VALARM")), "1019T19-1020T07", ""},
		{"OK a name of Outlook's, by its rule", strings.Replace(file(lines("DTSTART;TZID=\"Customized Time Zone\":20261024T200000|DTEND;TZID=Customized Time Zone:20261025T080000|SUMMARY:x", "RRULE:FREQ=DAILY;COUNT=2")), "BEGIN:VEVENT", custom+"BEGIN:VEVENT", 1), "1024T19-1025T08 1025T20-1026T08", ""},
		{"OK a rule without end is written out for 400 days", file(lines("DTSTART:20250101T080000Z|DTEND:20250101T200000Z|SUMMARY:x", "RRULE:FREQ=YEARLY")), "0101T08-0101T20", ""},
		{"OK a huge count is no work", file(lines("DTSTART:20250101T080000Z|DTEND:20250101T200000Z|SUMMARY:x", "RRULE:FREQ=YEARLY;COUNT=999999999")), "0101T08-0101T20", ""},
		{"ErrSecondly", file(lines(nightEvent, "RRULE:FREQ=SECONDLY"), lines(nightEvent)), "1019T19-1020T07", "more than once a day"},
		{"ErrHours", file(lines(nightEvent, "RRULE:FREQ=DAILY;BYHOUR=8,20"), lines(nightEvent)), "1019T19-1020T07", "more than once a day"},
		{"ErrPart that is not known is no rule", file(lines(nightEvent, "RRULE:FREQ=YEARLY;BYWEEKNO=20"), lines(nightEvent)), "1019T19-1020T07", "not understood"},
		{"ErrNever the thirtieth of February", file(lines(nightEvent, "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"), lines(nightEvent)), "1019T19-1020T07", "does not fit"},
		{"ErrOutOfStep a first shift that is none of its rule's", file(lines(nightEvent, "RRULE:FREQ=WEEKLY;BYDAY=TU"), lines(nightEvent)), "1019T19-1020T07", "does not fit"},
		{"ErrAllThatFollow", file(lines(nightEvent, "RRULE:FREQ=DAILY;COUNT=3"), lines("RECURRENCE-ID;RANGE=THISANDFUTURE:20261020T190000Z|DTSTART:20261020T210000Z|DTEND:20261021T070000Z|SUMMARY:Tom")), "1020T21-1021T07", "all that follow"},
		{"ErrOld", file(lines("DTSTART:19260101T080000Z|DTEND:19260101T200000Z|SUMMARY:x", "RRULE:FREQ=DAILY"), lines(nightEvent)), "1019T19-1020T07", "twenty years"},
		{"ErrInterval", file(lines(nightEvent, "RRULE:FREQ=DAILY;INTERVAL=0"), lines(nightEvent)), "1019T19-1020T07", "not understood"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			begun := time.Now()
			claims, trouble, err := rota.ReadFeed("ical", []byte(tt.raw), feedNow)
			if err != nil {
				t.Fatal(err, trouble)
			}
			var got []string
			refs := map[string]bool{}
			for _, c := range claims {
				got = append(got, c.From.UTC().Format("0102T15")+"-"+c.Until.UTC().Format("0102T15"))
				refs[c.Ref] = true
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, " "), tt.want)
			}
			if len(refs) != len(claims) {
				t.Errorf("%d shifts, %d names", len(claims), len(refs))
			}
			why := ""
			if len(trouble) > 0 {
				why = trouble[0].Why
			}
			if (tt.trouble == "") != (why == "") || !strings.Contains(why, tt.trouble) {
				t.Errorf("trouble %q, want %q", why, tt.trouble)
			}
			if took := time.Since(begun); took > 3*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
	t.Run("OK a moved shift keeps its name", func(t *testing.T) {
		one, _, err := rota.ReadFeed("ical", []byte(file(lines(nightEvent, "RRULE:FREQ=DAILY;COUNT=1"))), feedNow)
		if err != nil {
			t.Fatal(err)
		}
		two, _, err := rota.ReadFeed("ical", []byte(file(lines(nightEvent, "RRULE:FREQ=DAILY;COUNT=1"), lines("RECURRENCE-ID;VALUE=DATE:20261019|DTSTART;TZID=Europe/London:20261019T200000|DTEND:20261020T050000Z|SUMMARY:Tom"))), feedNow)
		if err != nil || len(two) != 1 || two[0].Ref != one[0].Ref || two[0].Person != "Tom" {
			t.Errorf("%v then %v, %v", one, two, err)
		}
	})
	t.Run("ErrMany more series than a trust has", func(t *testing.T) {
		var all [][]string
		for range 10_001 {
			all = append(all, lines("DTSTART:20100101T080000Z|DTEND:20100101T200000Z|SUMMARY:x", "RRULE:FREQ=DAILY;COUNT=2"))
		}
		_, _, err := rota.ReadFeed("ical", []byte(file(all...)), feedNow)
		if !fault.Is(err, fault.TooLarge) {
			t.Errorf("got %v", err)
		}
	})
}

// TestRule_SecondOpinion holds our rule to a library that others wrote, for rules made up at random: it is not what reads feeds, because
// rules that never fit keep it busy for minutes and some make it panic.
func TestRule_SecondOpinion(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	days := []string{"MO", "TU", "WE", "TH", "FR", "SA", "SU"}
	some := func(n int, pick func() string) string {
		var all []string
		for range 1 + r.IntN(n) {
			all = append(all, pick())
		}
		return strings.Join(all, ",")
	}
	from, until := feedNow.Add(-8*24*time.Hour), feedNow.Add(400*24*time.Hour)
	compared, shifts := 0, 0
	for range 300 {
		freq := []string{"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}[r.IntN(4)]
		rule := fmt.Sprintf("FREQ=%s;INTERVAL=%d", freq, 1+r.IntN(4))
		if r.IntN(3) == 0 {
			rule += ";BYMONTH=" + some(4, func() string { return fmt.Sprint(1 + r.IntN(12)) })
		}
		if r.IntN(3) == 0 && freq != "WEEKLY" {
			rule += ";BYMONTHDAY=" + some(4, func() string { return fmt.Sprint([]int{1, 2, 13, 28, 30, 31, -1, -2, -29}[r.IntN(9)]) })
		}
		if r.IntN(2) == 0 {
			counted := (freq == "MONTHLY" || freq == "YEARLY") && r.IntN(2) == 0 // the library takes a mixture for both at once
			rule += ";BYDAY=" + some(3, func() string {
				n := ""
				if counted {
					n = fmt.Sprint([]int{1, 2, 4, -1, -2}[r.IntN(5)])
				}
				return n + days[r.IntN(7)]
			})
			if freq != "WEEKLY" && r.IntN(3) == 0 { // the library counts positions from the middle of a first week
				rule += ";BYSETPOS=" + some(2, func() string { return fmt.Sprint([]int{1, 2, -1}[r.IntN(3)]) })
			}
		}
		if r.IntN(3) == 0 {
			rule += ";WKST=" + days[r.IntN(7)]
		}
		if r.IntN(3) == 0 {
			rule += fmt.Sprintf(";COUNT=%d", 1+r.IntN(300))
		}
		start := time.Date(2020+r.IntN(7), time.Month(1+r.IntN(12)), 1+r.IntN(28), 8, 0, 0, 0, time.UTC)
		opts, err := rrule.StrToROption(rule)
		if err != nil {
			t.Fatalf("%s: %v", rule, err)
		}
		opts.Dtstart = start
		if opts.Count == 0 {
			opts.Until = start.AddDate(12, 0, 0)
			rule += ";UNTIL=" + opts.Until.Format("20060102T150405Z")
		}
		lib, err := rrule.NewRRule(*opts)
		if err != nil {
			t.Fatalf("%s: %v", rule, err)
		}
		first := lib.After(start, true)
		if first.IsZero() || first.After(feedNow) {
			continue
		}
		opts.Dtstart = first // in step with its own rule
		if lib, err = rrule.NewRRule(*opts); err != nil {
			t.Fatal(err)
		}
		if !lib.After(first, true).Equal(first) {
			continue // by positions it is not, from there
		}
		var want []string
		for _, at := range lib.Between(from, until, false) {
			want = append(want, at.Format("20060102"))
		}
		claims, trouble, err := rota.ReadFeed("ical", []byte(file([]string{"DTSTART:" + first.Format("20060102T150405Z"), "DTEND:" + first.Add(time.Hour).Format("20060102T150405Z"), "RRULE:" + rule, "SUMMARY:x"}, lines("DTSTART:20260101T080000Z|DTEND:20260101T090000Z|SUMMARY:y"))), feedNow)
		if err != nil || len(trouble) > 0 {
			t.Fatalf("%s from %s: %v, %v", rule, first, err, trouble)
		}
		var got []string
		for _, c := range claims {
			if c.Person == "x" {
				got = append(got, c.From.UTC().Format("20060102"))
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Fatalf("%s from %s:\ngot  %v\nwant %v", rule, first, got, want)
		}
		compared, shifts = compared+1, shifts+len(got)
	}
	if t.Logf("%d rules, %d shifts", compared, shifts); compared < 100 || shifts < 1_000 {
		t.Errorf("%d rules and %d shifts only", compared, shifts)
	}
}
