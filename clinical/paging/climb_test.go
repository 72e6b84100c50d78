package paging

import (
	"fmt"
	"testing"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/status"
	"wardline/ground/fault"
)

// life runs moves over a page, as TestStep does, and names everybody who is called.
func life(t *testing.T, p Page, world Holders, moves []move) Page {
	t.Helper()
	for i, m := range moves {
		if m.in.Holders == nil {
			m.in.Holders = world
		}
		next, effects, err := Step(p, t0.Add(m.after), m.in)
		if m.err != 0 {
			if !fault.Is(err, m.err) {
				t.Fatalf("move %d: got %v, want a %v", i, err, m.err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("move %d: %v", i, err)
		}
		if err := Check(next, t0.Add(m.after)); err != nil {
			t.Fatalf("move %d: %v", i, err)
		}
		var kinds []Kind
		for _, e := range effects {
			kinds = append(kinds, e.Step.Kind)
		}
		got := fmt.Sprintf("%v %v/%d %s", kinds, users(next.Current.All()), next.Current.Rung, next.Status)
		if got != m.want {
			t.Fatalf("move %d: got %q, want %q", i, got, m.want)
		}
		p = next
	}
	return p
}

func TestStep_Together(t *testing.T) {
	world := holders("spr", string(liam), "sho1", string(grace), "site", string(maya), "switch", string(board))
	page := func(quorum int) Page {
		p := newPage("spr", "site", "switch")
		p.Quorum, p.Ladder[0].With = quorum, []PostRef{{ID: "sho1", Name: "sho1"}}
		return p
	}
	raised := move{0, Input{Verb: Raise}, "[sent] [@lh:t @go:t]/0 open", 0}
	s := time.Second
	t.Run("OK either answers", func(t *testing.T) {
		p := life(t, page(0), world, []move{raised,
			{s, Input{Verb: See, User: grace}, "[seen] [@lh:t @go:t]/0 open", 0},
			{s, Input{Verb: Accept, User: maya}, "", fault.Forbidden},
			{s, Input{Verb: Accept, User: grace}, "[accepted] [@lh:t @go:t]/0 accepted", 0}})
		if p.Accepted.User != grace || p.Accepted.Name != string(grace) {
			t.Errorf("accepted by %v", p.Accepted)
		}
	})
	t.Run("OK one declines, the other keeps it", func(t *testing.T) {
		life(t, page(0), world, []move{raised,
			{s, Input{Verb: Decline, User: liam}, "[declined] [@go:t]/0 open", 0},
			{2 * s, Input{Verb: Decline, User: grace}, "[declined passed] [@ml:t]/1 open", 0}})
	})
	t.Run("OK two are needed", func(t *testing.T) {
		p := life(t, page(2), world, []move{raised,
			{s, Input{Verb: Accept, User: liam, ETAMinutes: 3}, "[coming] [@go:t]/0 open", 0},
			{s, Input{Verb: Accept, User: liam, ETAMinutes: 3}, "[] [@go:t]/0 open", 0},
			{60 * s, Input{Verb: Tick}, "[passed] [@ml:t]/1 open", 0},
			{61 * s, Input{Verb: Accept, User: maya}, "[accepted] [@ml:t]/1 accepted", 0},
			{62 * s, Input{Verb: Accept, User: liam}, "[] [@ml:t]/1 accepted", 0}})
		if len(p.Coming) != 2 || p.Coming[0].User != liam || p.Coming[1].User != maya {
			t.Errorf("coming: %v", p.Coming)
		}
	})
	t.Run("OK who was coming cannot any more", func(t *testing.T) {
		life(t, page(2), world, []move{raised,
			{s, Input{Verb: Accept, User: liam}, "[coming] [@go:t]/0 open", 0},
			{2 * s, Input{Verb: Decline, User: liam}, "[declined] [@go:t]/0 open", 0},
			{3 * s, Input{Verb: Accept, User: grace}, "[coming passed] [@ml:t]/1 open", 0},
			{4 * s, Input{Verb: Accept, User: maya}, "[accepted] [@ml:t]/1 accepted", 0}})
	})
	t.Run("OK the switchboard's answer is enough", func(t *testing.T) {
		life(t, page(5), world, []move{raised,
			{60 * s, Input{Verb: Tick}, "[passed] [@ml:t]/1 open", 0},
			{120 * s, Input{Verb: Tick}, "[exhausted] [@sw:t]/2 open", 0},
			{121 * s, Input{Verb: Accept, User: board}, "[accepted] [@sw:t]/2 accepted", 0}})
	})
	t.Run("OK one post changes hands, the other's time runs on", func(t *testing.T) {
		gone := holders("spr", string(liam), "site", string(maya), "switch", string(board))
		life(t, page(0), world, []move{raised,
			{30 * s, Input{Verb: Tick, Holders: gone}, "[passed] [@lh:t]/0 open", 0},
			{60 * s, Input{Verb: Tick, Holders: gone}, "[passed] [@ml:t]/1 open", 0}})
	})
	t.Run("OK everybody who holds a post", func(t *testing.T) {
		p := newPage("spr", "switch")
		p.Ladder[0].All = true
		life(t, p, holders("spr", string(liam), "spr", string(grace), "switch", string(board)), []move{{0, Input{Verb: Raise}, "[sent] [@lh:t @go:t]/0 open", 0}})
	})
}

func TestStep_Busy(t *testing.T) {
	world := Holders{"spr": {{User: liam, Name: "Liam", Busy: status.Sterile}}, "sho1": {{User: grace, Name: "Grace"}}, "switch": {{User: board, Name: "board"}}}
	p := life(t, newPage("spr", "sho1", "switch"), world, []move{{0, Input{Verb: Raise}, "[sent passed] [@go:t]/1 open", 0}})
	if got := p.Steps[1]; got.Note != "Liam is in a sterile procedure" || got.Why != (Reason{Code: "sterile", Name: "Liam"}) {
		t.Errorf("the sender is told %q, %+v", got.Note, got.Why)
	}
	// When nobody free is left they are asked before the switchboard is.
	world["sho1"] = nil
	p = life(t, newPage("spr", "sho1", "switch"), world, []move{{0, Input{Verb: Raise}, "[sent] [@lh:t]/0 open", 0}})
	// And who becomes busy while they have a page keeps it.
	life(t, p, world, []move{{time.Second, Input{Verb: Tick}, "[] [@lh:t]/0 open", 0}, {2 * time.Second, Input{Verb: Accept, User: liam}, "[accepted] [@lh:t]/0 accepted", 0}})
}

func TestStep_Redirect(t *testing.T) {
	world := holders("spr", string(liam), "sho1", string(grace), "site", string(maya), "switch", string(board))
	world["busy"] = []Holder{{User: "@bz:t", Name: "Bea", Busy: "is teaching"}}
	to := func(who string, in Input) Input {
		in.Verb, in.To = Redirect, PostRef{ID: directory.PostID(who), Name: who}
		return in
	}
	s := time.Second
	raised := move{0, Input{Verb: Raise}, "[sent] [@lh:t]/0 open", 0}
	t.Run("OK it is theirs, and goes on from there", func(t *testing.T) {
		p := life(t, newPage("spr", "sho1", "switch"), world, []move{raised,
			{s, to("site", Input{User: grace}), "", fault.Forbidden},
			{s, to("nowhere", Input{User: liam}), "", fault.Conflict},
			{s, to("busy", Input{User: liam}), "", fault.Conflict},
			{s, to("spr", Input{User: liam}), "", fault.Conflict},
			{s, to("site", Input{User: liam, Reason: "surgical"}), "[redirected passed] [@ml:t]/1 open", 0},
			{2 * s, to("site", Input{User: liam}), "", fault.Forbidden},
			{61 * s, Input{Verb: Tick}, "[passed] [@go:t]/2 open", 0},
			{121 * s, Input{Verb: Tick}, "[exhausted] [@sw:t]/3 open", 0}})
		if p.Ladder[1].ID != "site" || p.Post.ID != "spr" {
			t.Errorf("ladder %v of a page to %s", p.Ladder, p.Post.ID)
		}
	})
	t.Run("OK the switchboard hands it out, and has it again", func(t *testing.T) {
		p := life(t, newPage("spr", "switch"), world, []move{raised,
			{60 * s, Input{Verb: Tick}, "[exhausted] [@sw:t]/1 open", 0},
			{61 * s, to("site", Input{User: board}), "[redirected passed] [@ml:t]/1 open", 0},
			{121 * s, Input{Verb: Tick}, "[exhausted] [@sw:t]/2 open", 0}})
		for range maxRedirects - 1 {
			q, _, err := Step(p, t0, to("sho1", Input{User: board, Holders: world}))
			if err != nil {
				t.Fatal(err)
			}
			if p, _, err = Step(q, t0.Add(time.Hour), Input{Verb: Decline, User: grace, Holders: world}); err != nil {
				t.Fatal(err)
			}
			p.Passers = nil
		}
		life(t, p, world, []move{{time.Hour, to("sho1", Input{User: board}), "", fault.Conflict}})
	})
}

func TestStep_AskBack(t *testing.T) {
	world := holders("spr", string(liam), "switch", string(board))
	s := time.Second
	raised := move{0, Input{Verb: Raise}, "[sent] [@lh:t]/0 open", 0}
	asks := Input{Verb: AskBack, User: liam, Reason: "What is the potassium?"}
	p := life(t, newPage("spr", "switch"), world, []move{raised,
		{s, Input{Verb: Reply, User: asha, Reason: "6.9"}, "", fault.Conflict},
		{30 * s, Input{Verb: AskBack, User: liam}, "", fault.Invalid},
		{30 * s, Input{Verb: AskBack, User: grace, Reason: "?"}, "", fault.Forbidden},
		{30 * s, asks, "[asked] [@lh:t]/0 open", 0},
		{31 * s, asks, "[] [@lh:t]/0 open", 0},
		{32 * s, Input{Verb: Reply, User: liam, Reason: "6.9"}, "", fault.Forbidden},
		{33 * s, Input{Verb: Reply, User: asha, Reason: "6.9"}, "[replied] [@lh:t]/0 open", 0},
		{40 * s, Input{Verb: AskBack, User: liam, Reason: "And the ECG?"}, "[asked] [@lh:t]/0 open", 0},
		{89 * s, Input{Verb: Tick}, "[] [@lh:t]/0 open", 0}, // the first question gave the time anew, the second did not
		{90 * s, Input{Verb: Tick}, "[exhausted] [@sw:t]/1 open", 0}})
	if p.Exhausted != true {
		t.Error("not at the switchboard")
	}
	e := newPage("spr", "switch")
	e.Urgency = Emergency
	life(t, e, world, []move{raised, {30 * s, asks, "[asked] [@lh:t]/0 open", 0}, {60 * s, Input{Verb: Tick}, "[exhausted] [@sw:t]/1 open", 0}})
}
