package paging

import (
	"slices"
	"testing"
	"time"

	"wardline/ground/fault"
	"wardline/matrix/id"
)

func TestStep_Behalf(t *testing.T) {
	all := holders("spr", string(liam), "switch", string(board))
	raised := func() Page {
		p, _, err := Step(newPage("spr", "switch"), t0, Input{Verb: Raise, Holders: all})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	now := t0.Add(time.Second)
	do := func(p Page, in Input) (Page, []Effect, error) {
		in.Holders = all
		q, effects, err := Step(p, now, in)
		if err == nil {
			if err := Check(q, now); err != nil {
				t.Fatal(err)
			}
		}
		return q, effects, err
	}
	told := Input{Verb: AnswerFor, User: board, Name: "Jo", For: maya, ForName: "Maya", ETAMinutes: 3, Reason: "told by telephone"}

	t.Run("OK the switchboard tells who comes, once", func(t *testing.T) {
		p, effects, err := do(raised(), told)
		if err != nil || p.Status != Accepted || p.Accepted.User != maya || len(effects) != 1 || effects[0].Step.By != board || !slices.Equal(effects[0].Join, []id.User{maya}) {
			t.Fatalf("%s %+v %+v %v", p.Status, p.Accepted, effects, err)
		}
		if q, effects, err := do(p, told); err != nil || len(effects) != 0 || q.Seq != p.Seq {
			t.Errorf("again: %+v %v", effects, err)
		}
		other := told
		other.For = grace
		if _, _, err := do(p, other); !fault.Is(err, fault.Conflict) {
			t.Errorf("a second who comes: %v", err)
		}
		if _, _, err := do(p, Input{Verb: StandDown, User: board}); !fault.Is(err, fault.Conflict) {
			t.Errorf("an accepted page was stood down: %v", err)
		}
	})
	t.Run("OK stood down by somebody else than its sender", func(t *testing.T) {
		p, _, err := do(raised(), Input{Verb: StandDown, User: liam, Name: "Liam", Reason: "stood down"})
		if err != nil || p.Status != Withdrawn || p.Steps[1].User != liam || p.WakeAt != 0 {
			t.Fatalf("%s %+v %v", p.Status, p.Steps, err)
		}
		if _, effects, err := do(p, Input{Verb: StandDown, User: liam}); err != nil || len(effects) != 0 {
			t.Errorf("again: %+v %v", effects, err)
		}
	})
	t.Run("OK passed over whoever is needed elsewhere, once, and not on the last rung", func(t *testing.T) {
		p, effects, err := do(raised(), Input{Verb: PassOver, User: liam, Reason: "comes in another seat"})
		if err != nil || p.Current.User != board || len(effects) == 0 || p.Status != Open {
			t.Fatalf("%s with %s, %v", p.Status, p.Current.User, err)
		}
		for _, u := range []id.User{liam, board} {
			if q, effects, err := do(p, Input{Verb: PassOver, User: u}); err != nil || len(effects) != 0 || q.Current.User != board {
				t.Errorf("%s: %+v %v", u, effects, err)
			}
		}
	})
	for name, in := range map[string]Input{"nobody comes": {Verb: AnswerFor, User: board}, "nobody tells it": {Verb: AnswerFor, For: maya},
		"in five hours": {Verb: AnswerFor, User: board, For: maya, ETAMinutes: 300}, "nobody stands it down": {Verb: StandDown}} {
		t.Run("ErrInvalid "+name, func(t *testing.T) {
			if p, _, err := do(raised(), in); !fault.Is(err, fault.Invalid) || p.Status != Open {
				t.Errorf("%s, %v", p.Status, err)
			}
		})
	}
}
