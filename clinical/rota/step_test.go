package rota_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"wardline/clinical/rota"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func duty(name string, user id.User, from, until time.Duration) rota.Duty {
	return rota.Duty{ID: rota.DutyID(name), Post: "po", User: user, From: noon.Add(from), Until: noon.Add(until)}
}

func names(s rota.State) string {
	var all []string
	for _, h := range s.Now {
		all = append(all, string(h.User))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// play does one thing after another and holds each step to Check.
type play struct {
	t *testing.T
	s rota.State
	w rota.World
}

func (p *play) do(at time.Duration, in rota.Input) error {
	p.t.Helper()
	after, _, err := rota.Step(p.s, p.w, noon.Add(at), in)
	if err != nil {
		return err
	}
	if err := rota.Check(after, p.w, noon.Add(at)); err != nil {
		p.t.Fatalf("at %s: %v", at, err)
	}
	p.s = after
	return nil
}

func (p *play) is(holders string, alarm rota.AlarmKind) {
	p.t.Helper()
	got := rota.AlarmKind("")
	if p.s.Alarm != nil {
		got = p.s.Alarm.Kind
	}
	if names(p.s) != holders || got != alarm {
		p.t.Fatalf("held by %q with alarm %q, want %q and %q", names(p.s), got, holders, alarm)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func refused(t *testing.T, err error, code string) {
	t.Helper()
	if f := fault.As(err); f == nil || f.Code != code {
		t.Fatalf("got %v, want %s", err, code)
	}
}

var (
	day, night = duty("day", "@day:x", -4*time.Hour, 8*time.Hour), duty("night", "@night:x", 8*time.Hour, 20*time.Hour)
	tick       = rota.Input{}
)

// worlds are a post whose duties begin by themselves, and one whose duties have to be taken.
func worlds() (follow, confirm rota.World) {
	follow = rota.World{Holders: 1, Critical: true, Duties: []rota.Duty{day, night}}
	confirm = follow
	confirm.Confirm = true
	return follow, confirm
}

func TestStep(t *testing.T) {
	follow, _ := worlds()
	t.Run("OK a post follows its rota, and is an alarm in its gaps", func(t *testing.T) {
		p := &play{t: t, w: follow}
		ok(t, p.do(0, tick))
		p.is("@day:x", "")
		ok(t, p.do(8*time.Hour, tick))
		p.is("@night:x", "")
		ok(t, p.do(20*time.Hour, tick))
		p.is("", rota.Empty)
	})
	t.Run("OK given is held by the giver until the other accepts", func(t *testing.T) {
		p := &play{t: t, w: follow}
		ok(t, p.do(0, rota.Input{Verb: rota.Give, User: "@day:x", To: "@friend:x"}))
		p.is("@day:x", "")
		refused(t, p.do(time.Minute, rota.Input{Verb: rota.Accept, User: "@other:x"}), "UK_WARDLINE_NO_OFFER")
		ok(t, p.do(time.Minute, rota.Input{Verb: rota.Accept, User: "@friend:x"}))
		ok(t, p.do(time.Minute, rota.Input{Verb: rota.Accept, User: "@friend:x"})) // a second tap
		p.is("@friend:x", "")
		ok(t, p.do(8*time.Hour, tick))
		p.is("@night:x", "")
	})
	t.Run("OK refused stays with the giver", func(t *testing.T) {
		p := &play{t: t, w: follow}
		ok(t, p.do(0, rota.Input{Verb: rota.Give, User: "@day:x", To: "@friend:x"}))
		ok(t, p.do(1, rota.Input{Verb: rota.Refuse, User: "@friend:x"}))
		p.is("@day:x", "")
		refused(t, p.do(2, rota.Input{Verb: rota.Accept, User: "@friend:x"}), "UK_WARDLINE_NO_OFFER")
	})
	t.Run("ErrHeld taking what has its holder", func(t *testing.T) {
		p := &play{t: t, w: follow}
		ok(t, p.do(0, tick))
		refused(t, p.do(0, rota.Input{Verb: rota.Take, User: "@friend:x"}), "UK_WARDLINE_HELD")
		refused(t, p.do(0, rota.Input{Verb: rota.Give, User: "@friend:x", To: "@day:x"}), "UK_WARDLINE_NOT_HOLDER")
	})
	t.Run("OK taken over in an emergency, with a reason", func(t *testing.T) {
		p := &play{t: t, w: follow}
		if err := p.do(0, rota.Input{Verb: rota.TakeOver, User: "@friend:x", Reason: " "}); !fault.Is(err, fault.Invalid) {
			t.Fatalf("without a reason: %v", err)
		}
		ok(t, p.do(0, rota.Input{Verb: rota.TakeOver, User: "@friend:x", Reason: "Day is in theatre"}))
		p.is("@friend:x", "")
	})
	t.Run("OK anybody takes an empty post until the next duty", func(t *testing.T) {
		p := &play{t: t, w: rota.World{Holders: 1, Critical: true, Duties: []rota.Duty{night}}}
		ok(t, p.do(0, tick))
		p.is("", rota.Empty)
		ok(t, p.do(time.Hour, rota.Input{Verb: rota.Take, User: "@friend:x"}))
		p.is("@friend:x", "")
		ok(t, p.do(8*time.Hour, tick))
		p.is("@night:x", "")
	})
}

func TestStep_Late(t *testing.T) {
	follow, confirm := worlds()
	t.Run("OK where duties are confirmed, who is not relieved holds on, and somebody is told", func(t *testing.T) {
		p := &play{t: t, w: confirm}
		ok(t, p.do(0, tick))
		p.is("", rota.Empty)
		ok(t, p.do(0, rota.Input{Verb: rota.Take, User: "@day:x"}))
		p.is("@day:x", "")
		ok(t, p.do(8*time.Hour+9*time.Minute, tick))
		p.is("@day:x", "")
		ok(t, p.do(8*time.Hour+10*time.Minute, tick))
		p.is("@day:x", rota.Late)
		ok(t, p.do(8*time.Hour+20*time.Minute, rota.Input{Verb: rota.Take, User: "@night:x"}))
		p.is("@night:x", "")
	})
	t.Run("OK nobody counts who was never relieved and has gone to sleep", func(t *testing.T) {
		p := &play{t: t, w: confirm}
		ok(t, p.do(0, rota.Input{Verb: rota.Take, User: "@day:x"}))
		ok(t, p.do(10*time.Hour, tick))
		p.is("", rota.Empty)
	})
	t.Run("OK the next one may come early", func(t *testing.T) {
		p := &play{t: t, w: confirm}
		ok(t, p.do(0, rota.Input{Verb: rota.Take, User: "@day:x"}))
		refused(t, p.do(6*time.Hour, rota.Input{Verb: rota.Take, User: "@night:x"}), "UK_WARDLINE_HELD")
		ok(t, p.do(7*time.Hour+30*time.Minute, rota.Input{Verb: rota.Take, User: "@night:x"}))
		p.is("@night:x", "")
	})
	t.Run("OK who is away holds nothing, at once", func(t *testing.T) {
		for _, w := range []rota.World{follow, confirm} {
			p := &play{t: t, w: w}
			ok(t, p.do(0, rota.Input{Verb: rota.Take, User: "@day:x"}))
			p.w.Away = []rota.Away{{User: "@day:x", From: noon.Add(time.Hour), Until: noon.Add(2 * time.Hour)}}
			ok(t, p.do(time.Hour, tick))
			p.is("", rota.Empty)
			refused(t, p.do(time.Hour, rota.Input{Verb: rota.Take, User: "@day:x"}), "UK_WARDLINE_AWAY")
		}
	})
	t.Run("OK two of two", func(t *testing.T) {
		p := &play{t: t, w: rota.World{Holders: 2, Critical: true, Duties: []rota.Duty{day}}}
		ok(t, p.do(0, tick))
		p.is("@day:x", rota.Short)
		ok(t, p.do(0, rota.Input{Verb: rota.Take, User: "@friend:x"}))
		p.is("@day:x @friend:x", "")
		refused(t, p.do(0, rota.Input{Verb: rota.Give, User: "@day:x", To: "@friend:x"}), "UK_WARDLINE_HOLDS")
		if err := p.do(0, rota.Input{Verb: rota.TakeOver, User: "@third:x", Reason: "now"}); !fault.Is(err, fault.Invalid) {
			t.Fatalf("without saying from whom: %v", err)
		}
		ok(t, p.do(0, rota.Input{Verb: rota.TakeOver, User: "@third:x", From: "@day:x", Reason: "now"}))
		p.is("@friend:x @third:x", "")
	})
	t.Run("OK an alarm is told again until somebody sees to it", func(t *testing.T) {
		w := rota.World{Holders: 1, Critical: true}
		var s rota.State
		told := 0
		for m := 0; m <= 90; m++ {
			in := tick
			if m == 40 {
				in = rota.Input{Verb: rota.See, User: "@site:x"}
			}
			after, effects, err := rota.Step(s, w, noon.Add(time.Duration(m)*time.Minute), in)
			ok(t, err)
			for _, e := range effects {
				if e.Kind == rota.AlarmAgain {
					told++
				}
			}
			s = after
		}
		if told != 2 { // after 15 minutes, then an hour after that
			t.Errorf("told again %d times, want 2", told)
		}
	})
}

// TestStep_Properties: whatever people do and whenever the clock looks, at every instant a critical post has its holders or an alarm; and
// what is read between two looks is what the clock would have written down.
//
// hazard: H6 role empty or stale holder
func TestStep_Properties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		people := []id.User{"@a:x", "@b:x", "@c:x", "@d:x"}
		who := rapid.SampledFrom(people)
		w := rota.World{Holders: rapid.IntRange(1, 2).Draw(t, "holders"), Confirm: rapid.Bool().Draw(t, "confirm"), Critical: true}
		start := rapid.SampledFrom([]time.Time{noon, time.Date(2026, 10, 24, 16, 0, 0, 0, time.UTC), time.Date(2027, 3, 27, 16, 0, 0, 0, time.UTC)}).Draw(t, "start")
		day := rota.DateOf(start)
		for i := range rapid.IntRange(0, 8).Draw(t, "duties") {
			from := day.At(rapid.IntRange(-24*4, 48*4).Draw(t, "from") * 15)
			w.Duties = append(w.Duties, rota.Duty{ID: rota.DutyID(fmt.Sprint("du", i)), Post: "po", User: who.Draw(t, "user"), From: from, Until: from.Add(time.Duration(rapid.IntRange(1, 60).Draw(t, "long")) * 15 * time.Minute)})
		}
		var s rota.State
		s.Post = "po"
		at := start
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			// Sometimes the clock was not looked at for long, as after a crash.
			at = at.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "minutes")) * time.Minute)
			if rapid.IntRange(0, 9).Draw(t, "absent") == 0 {
				from := at.Add(time.Duration(rapid.IntRange(-60, 600).Draw(t, "away from")) * time.Minute)
				w.Away = append(w.Away, rota.Away{User: who.Draw(t, "away"), From: from, Until: from.Add(time.Duration(rapid.IntRange(1, 900).Draw(t, "away for")) * time.Minute)})
			}
			in := rota.Input{Verb: rota.Verb(rapid.IntRange(0, 7).Draw(t, "verb")), User: who.Draw(t, "by"), To: who.Draw(t, "to"), Reason: "why"}
			if in.Verb == rota.Tick {
				in.User = ""
			}
			after, effects, err := rota.Step(s, w, at, in)
			if err != nil {
				if fault.KindOf(err) == fault.Internal {
					t.Fatalf("%v", err)
				}
				after, effects, _ = rota.Step(s, w, at, rota.Input{})
			}
			if err := rota.Check(after, w, at); err != nil {
				t.Fatalf("at %s: %v", at, err)
			}
			if len(effects) > 12 {
				t.Fatalf("%d effects of one step", len(effects))
			}
			again, more, err := rota.Step(after, w, at, rota.Input{})
			if err != nil || names(again) != names(after) || len(more) > 0 {
				t.Fatalf("a second look at the same instant changed something: %v, %d effects", err, len(more))
			}
			// Between now and the wake-up nothing changes by itself.
			if between := after.WakeAt - at.UnixMilli(); between > 1 {
				probe := time.UnixMilli(at.UnixMilli() + rapid.Int64Range(1, between-1).Draw(t, "probe"))
				later, effects, _ := rota.Step(after, w, probe, rota.Input{})
				if names(later) != names(after) || len(effects) > 0 {
					t.Fatalf("at %s, before the wake-up at %d, it would change: %q to %q, %d effects", probe, after.WakeAt, names(after), names(later), len(effects))
				}
			}
			s = after
		}
	})
}
