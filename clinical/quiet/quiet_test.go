package quiet

import (
	"testing"
	"time"

	"wardline/clinical/rota"
	"wardline/matrix/push"
)

func TestDecide(t *testing.T) {
	night := Hours{On: true, From: "22:00", To: "07:00"}
	at := func(clock string) time.Time {
		d, err := time.Parse("2006-01-02 15:04 MST", "2026-01-10 "+clock+" UTC") // in winter, the same as London's
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	on, off, none := rota.Standing{On: true, Rostered: true}, rota.Standing{Rostered: true}, rota.Standing{}
	for _, c := range []struct {
		name   string
		level  push.Level
		set    Settings
		duty   rota.Standing
		clock  string
		want   push.Level
		silent bool
	}{
		{"OK", push.Direct, Settings{}, on, "12:00", push.Direct, false},
		{"OnDutyInQuietHours", push.Direct, Settings{Hours: night}, on, "23:00", push.Direct, false},
		{"PageInQuietHours", push.Urgent, Settings{Hours: night, OffDuty: Never}, off, "23:00", push.Urgent, false},
		{"EmergencyOffDuty", push.Alarm, Settings{OffDuty: Never}, off, "12:00", push.Alarm, false},
		{"OffDuty", push.Direct, Settings{}, off, "12:00", push.Normal, true},
		{"OffDutyNever", push.Direct, Settings{OffDuty: Never}, off, "12:00", push.Quiet, false},
		{"OffDutyAlways", push.Direct, Settings{OffDuty: Always}, off, "12:00", push.Direct, false},
		{"OffDutyAlwaysInQuietHours", push.Direct, Settings{OffDuty: Always, Hours: night}, off, "22:00", push.Quiet, false},
		{"QuietUntil", push.Normal, Settings{Hours: night}, none, "06:59", push.Quiet, false},
		{"NoLongerQuiet", push.Normal, Settings{Hours: night}, none, "07:00", push.Normal, false},
		{"OnNoRota", push.Direct, Settings{}, none, "03:00", push.Direct, false},
		{"Nonsense", push.Direct, Settings{Hours: Hours{On: true, From: "x", To: "07:00"}, OffDuty: "loud"}, none, "03:00", push.Direct, false},
		{"DayHours", push.Direct, Settings{Hours: Hours{On: true, From: "09:00", To: "17:00"}}, none, "17:00", push.Direct, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Decide(push.Notice{Level: c.level}, c.set, c.duty, at(c.clock))
			if got.Level != c.want || got.Silent != c.silent {
				t.Errorf("level %d becomes %d, silent %v; want %d, %v", c.level, got.Level, got.Silent, c.want, c.silent)
			}
		})
	}
}
