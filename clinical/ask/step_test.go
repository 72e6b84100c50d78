package ask

import (
	"math/rand/v2"
	"testing"
	"time"

	"wardline/ground/fault"
)

var (
	asha = Who{"@asha:x", "Asha"}
	tom  = Who{"@tom:x", "Tom"}
	liam = Who{"@liam:x", "Liam"}
	now  = time.Date(2026, 3, 28, 23, 0, 0, 0, time.UTC) // an hour before the clocks go on
)

func fresh(o Owner) State {
	at := now.UnixMilli()
	return State{Snapshot: Snapshot{ID: "qu_1", Seq: 1, Kind: Question, From: asha, Owner: o, AskedAt: at, DueAt: at + 7_200_000, Status: Open,
		Steps: []Event{{Kind: Asked, At: at, User: asha.User, Name: asha.Name}}}, RemindAt: at + 6_300_000, TellAt: at + 8_100_000, WakeAt: at + 6_300_000}
}

func TestStep(t *testing.T) {
	toTom, spr := Owner{Who: tom}, Owner{Who: liam, Post: &Post{"po_spr", "Med reg"}}
	for name, tt := range map[string]struct {
		from  State
		after time.Duration
		in    Input
		want  Status
		kind  string // of the last step, "" when nothing happens
		hear  int
		fault fault.Kind
	}{
		"OK the owner answers":                   {fresh(toTom), time.Minute, Input{Verb: Answer, By: tom}, Answered, "answered", 0, 0},
		"OK the owner has done it":               {fresh(toTom), time.Minute, Input{Verb: Finish, By: tom}, Done, "done", 0, 0},
		"OK the owner is on it":                  {fresh(toTom), time.Minute, Input{Verb: Take, By: tom}, Open, Taken, 0, 0},
		"OK anybody answers what nobody owes":    {fresh(Owner{}), time.Minute, Input{Verb: Answer, By: liam}, Answered, "answered", 0, 0},
		"OK whoever holds the post now answers":  {fresh(spr), time.Minute, Input{Verb: Answer, By: tom, Holders: []Who{tom}}, Answered, "answered", 0, 0},
		"OK the asker closes":                    {fresh(toTom), time.Minute, Input{Verb: Close, By: asha}, Closed, "closed", 0, 0},
		"OK the owner passes it on":              {fresh(toTom), time.Minute, Input{Verb: Pass, By: tom, To: Owner{Who: liam}}, Open, Passed, 1, 0},
		"OK not due yet":                         {fresh(toTom), 104 * time.Minute, Input{}, Open, "", 0, 0},
		"OK reminded":                            {fresh(toTom), 105 * time.Minute, Input{}, Open, Reminded, 1, 0},
		"OK overdue, and only that after a jump": {fresh(toTom), 121 * time.Minute, Input{}, Open, Overdue, 2, 0},
		"OK the asker is told":                   {fresh(toTom), 5 * time.Hour, Input{}, Open, Unanswered, 2, 0},
		"OK the post's new holder is reminded":   {fresh(spr), 105 * time.Minute, Input{Holders: []Who{tom}}, Open, Reminded, 1, 0},
		"somebody else answers":                  {fresh(toTom), time.Minute, Input{Verb: Answer, By: liam}, Open, "", 0, fault.Forbidden},
		"the asker answers what nobody owes":     {fresh(Owner{}), time.Minute, Input{Verb: Answer, By: asha}, Open, "", 0, fault.Forbidden},
		"who no longer holds the post, nor owes": {fresh(spr), time.Minute, Input{Verb: Answer, By: tom, Holders: []Who{liam}}, Open, "", 0, fault.Forbidden},
		"the owner closes what another asked":    {fresh(toTom), time.Minute, Input{Verb: Close, By: tom}, Open, "", 0, fault.Forbidden},
		"somebody else passes it on":             {fresh(toTom), time.Minute, Input{Verb: Pass, By: liam, To: Owner{Who: liam}}, Open, "", 0, fault.Forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			got, effects, err := Step(tt.from, now.Add(tt.after), tt.in)
			if fault.KindOf(err) != tt.fault && err != nil || err == nil && tt.fault != 0 {
				t.Fatalf("error %v, want kind %v", err, tt.fault)
			}
			if got.Status != tt.want {
				t.Errorf("status %s, want %s", got.Status, tt.want)
			}
			if tt.kind == "" {
				if len(effects) != 0 {
					t.Errorf("effects %v", effects)
				}
				return
			}
			if len(effects) != 1 || effects[0].Step.Kind != tt.kind || len(effects[0].Hear) != tt.hear {
				t.Errorf("effects %v, want %s heard by %d", effects, tt.kind, tt.hear)
			}
			if err := Check(got); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestStep_Properties lets anything happen in any order: an ask ends once at most, tells at most three times by itself, and while it is
// open it has a clock or has told its asker.
func TestStep_Properties(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	people := []Who{asha, tom, liam}
	for range 3000 {
		s, at := fresh([]Owner{{}, {Who: tom}, {Who: liam, Post: &Post{"po", "P"}}}[r.IntN(3)]), now
		told := 0
		for range 30 {
			at = at.Add(time.Duration(r.IntN(60)-5) * time.Minute)
			in := Input{Verb: Verb(r.IntN(6)), By: people[r.IntN(3)], To: Owner{Who: people[r.IntN(3)]}, Holders: people[r.IntN(3):]}
			next, effects, err := Step(s, at, in)
			if err != nil {
				continue
			}
			if s.Status != Open && len(effects) > 0 {
				t.Fatalf("%s, and then %v", s.Status, effects)
			}
			if in.Verb == Tick {
				told += len(effects)
			}
			if err := Check(next); err != nil {
				t.Fatal(err)
			}
			s = next
		}
		if told > 3 {
			t.Fatalf("told %d times", told)
		}
	}
}
