package paging

import (
	"encoding/json"
	"testing"

	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// TestCalls: whoever the page is with now is called by the event that brings it, whether that is a message or a notice, and nobody else is.
//
// hazard: H1 urgent message not delivered
func TestCalls(t *testing.T) {
	all := holders("spr", string(liam), "sho1", string(grace), "switch", string(board))
	p, effects, err := Step(newPage("spr", "sho1", "switch"), t0, Input{Verb: Raise, Holders: all})
	if err != nil {
		t.Fatal(err)
	}
	told := func(e Effect) *room.Event {
		typ, content := p.content(e)
		raw, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		return &room.Event{Event: &event.Event{Type: typ, Content: raw}}
	}
	check := func(e Effect, who string, calls bool) {
		t.Helper()
		for _, u := range people[1:] {
			page, since, yes := CallsSince(id.User(u), told(e))
			_, urgency, same := Calls(id.User(u), told(e))
			if yes != (calls && u == who) || same != yes || yes && (page != p.ID || since != p.Current.Since || urgency != Urgent) {
				t.Errorf("%s: %s is called: %v, %s since %d", e.Step.Kind, u, yes, page, since)
			}
		}
	}
	check(effects[0], string(liam), true)
	for _, m := range []struct {
		in    Input
		who   string
		calls bool
	}{
		{Input{Verb: Reach, User: liam}, string(liam), false},
		{Input{Verb: AskBack, User: liam, Reason: "which bay?"}, string(asha), false},
		{Input{Verb: Reply, User: asha, Reason: "C"}, string(liam), false},
		{Input{Verb: Decline, User: liam}, string(grace), true},
		{Input{Verb: Decline, User: grace}, string(board), true},
		{Input{Verb: Withdraw, User: asha}, string(board), false},
	} {
		m.in.Holders = all
		if p, effects, err = Step(p, t0, m.in); err != nil {
			t.Fatal(err)
		}
		check(effects[len(effects)-1], m.who, m.calls)
	}
}
