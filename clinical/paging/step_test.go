package paging

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

const (
	asha  = id.User("@ap:t")
	liam  = id.User("@lh:t")
	grace = id.User("@go:t")
	maya  = id.User("@ml:t")
	board = id.User("@sw:t")
)

var t0 = time.UnixMilli(1_795_334_400_000)

func newPage(ladder ...string) Page {
	p := Page{Snapshot: Snapshot{ID: "pg_1", Urgency: Urgent, From: Sender{User: asha, Name: "Asha"}}, RungFor: time.Minute}
	for _, l := range ladder {
		p.Ladder = append(p.Ladder, Rung{PostRef: PostRef{ID: directory.PostID(l), Name: l}})
	}
	if len(p.Ladder) > 0 {
		p.Post = p.Ladder[0].PostRef
	}
	return p
}

func holders(pairs ...string) Holders {
	m := Holders{}
	for i := 0; i < len(pairs); i += 2 {
		post := directory.PostID(pairs[i])
		m[post] = append(m[post], Holder{User: id.User(pairs[i+1]), Name: pairs[i+1]})
	}
	return m
}

// script runs inputs one after another and describes what happened in one line for each.
type move struct {
	after time.Duration // since t0
	in    Input
	want  string // kinds of the steps told, then who holds it on which rung, then the status
	err   fault.Kind
}

func TestStep(t *testing.T) {
	all := holders("spr", string(liam), "sho1", string(grace), "site", string(maya), "switch", string(board))
	with := func(in Input, h Holders) Input { in.Holders = h; return in }
	tests := []struct {
		name   string
		ladder []string
		moves  []move
	}{
		{"OK accepted by the first holder", []string{"spr", "sho1", "switch"}, []move{
			{0, with(Input{Verb: Raise}, all), "[sent] @lh:t/0 open", 0},
			{time.Second, with(Input{Verb: Reach, User: liam}, all), "[reached] @lh:t/0 open", 0},
			{2 * time.Second, with(Input{Verb: See, User: liam}, all), "[seen] @lh:t/0 open", 0},
			{3 * time.Second, with(Input{Verb: See, User: liam}, all), "[] @lh:t/0 open", 0},
			{4 * time.Second, with(Input{Verb: Accept, User: liam, ETAMinutes: 4}, all), "[accepted] @lh:t/0 accepted", 0},
			{5 * time.Second, with(Input{Verb: Accept, User: liam}, all), "[] @lh:t/0 accepted", 0},
			{6 * time.Second, with(Input{Verb: Accept, User: grace}, all), "", fault.Conflict},
			{7 * time.Second, with(Input{Verb: Decline, User: liam}, all), "", fault.Conflict},
		}},
		{"OK silence passes it on, then the switchboard keeps it", []string{"spr", "sho1", "switch"}, []move{
			{0, with(Input{Verb: Raise}, all), "[sent] @lh:t/0 open", 0},
			{59 * time.Second, with(Input{Verb: Tick}, all), "[] @lh:t/0 open", 0},
			{60 * time.Second, with(Input{Verb: Tick}, all), "[passed] @go:t/1 open", 0},
			{61 * time.Second, with(Input{Verb: Accept, User: liam}, all), "", fault.Forbidden},
			{time.Hour, with(Input{Verb: Tick}, all), "[exhausted] @sw:t/2 open", 0},
			{2 * time.Hour, with(Input{Verb: Tick}, all), "[] @sw:t/2 open", 0},
			{2 * time.Hour, with(Input{Verb: Accept, User: board}, all), "[accepted] @sw:t/2 accepted", 0},
		}},
		{"OK decline passes at once and skips the same person", []string{"spr", "sho1", "site", "switch"}, []move{
			{0, with(Input{Verb: Raise}, holders("spr", string(liam), "sho1", string(liam), "site", string(maya))), "[sent] @lh:t/0 open", 0},
			{time.Second, with(Input{Verb: Decline, User: liam, Reason: "in theatre"}, holders("spr", string(liam), "sho1", string(liam), "site", string(maya))),
				"[declined passed] @ml:t/2 open", 0},
			{2 * time.Second, with(Input{Verb: Decline, User: maya}, holders("site", string(maya))), "[declined exhausted] /3 open", 0},
		}},
		{"OK empty rung is skipped when raised", []string{"spr", "sho1", "switch"}, []move{
			{0, with(Input{Verb: Raise}, holders("sho1", string(grace))), "[sent passed] @go:t/1 open", 0},
		}},
		{"OK nobody at all is the switchboard's", []string{"spr", "sho1", "switch"}, []move{
			{0, with(Input{Verb: Raise}, holders()), "[sent exhausted] /2 open", 0},
			{time.Minute, with(Input{Verb: Tick}, holders("switch", string(board))), "[passed] @sw:t/2 open", 0},
		}},
		{"OK sender does not page themselves", []string{"spr", "sho1", "switch"}, []move{
			{0, with(Input{Verb: Raise}, holders("spr", string(asha), "sho1", string(grace))), "[sent passed] @go:t/1 open", 0},
		}},
		{"OK follows the post when the duty ends", []string{"spr", "sho1", "switch"}, []move{
			{0, with(Input{Verb: Raise}, all), "[sent] @lh:t/0 open", 0},
			{10 * time.Second, with(Input{Verb: Tick}, holders("spr", string(maya), "sho1", string(grace))), "[passed] @ml:t/0 open", 0},
			{11 * time.Second, with(Input{Verb: Accept, User: liam}, all), "", fault.Forbidden},
			{69 * time.Second, with(Input{Verb: Tick}, holders("spr", string(maya), "sho1", string(grace))), "[] @ml:t/0 open", 0},
			{70 * time.Second, with(Input{Verb: Tick}, holders("spr", string(maya), "sho1", string(grace))), "[passed] @go:t/1 open", 0},
		}},
		{"OK post left empty passes on", []string{"spr", "sho1", "switch"}, []move{
			{0, with(Input{Verb: Raise}, all), "[sent] @lh:t/0 open", 0},
			{10 * time.Second, with(Input{Verb: Tick}, holders("sho1", string(grace))), "[passed] @go:t/1 open", 0},
		}},
		{"OK withdrawn by the sender only", []string{"spr", "switch"}, []move{
			{0, with(Input{Verb: Raise}, all), "[sent] @lh:t/0 open", 0},
			{1, with(Input{Verb: Withdraw, User: liam}, all), "", fault.Forbidden},
			{2, with(Input{Verb: Withdraw, User: asha, Reason: "better"}, all), "[withdrawn] @lh:t/0 withdrawn", 0},
			{3, with(Input{Verb: Withdraw, User: asha}, all), "[] @lh:t/0 withdrawn", 0},
			{4, with(Input{Verb: Accept, User: liam}, all), "", fault.Conflict},
			{5, with(Input{Verb: Tick}, all), "[] @lh:t/0 withdrawn", 0},
		}},
		{"OK the switchboard itself can be paged", []string{"switch"}, []move{
			{0, with(Input{Verb: Raise}, all), "[sent] @sw:t/0 open", 0},
			{time.Minute, with(Input{Verb: Tick}, all), "[exhausted] @sw:t/0 open", 0},
			{2 * time.Minute, with(Input{Verb: Tick}, all), "[] @sw:t/0 open", 0},
		}},
		{"ErrNobodyActs", []string{"spr", "switch"}, []move{
			{0, with(Input{Verb: Raise}, holders()), "[sent exhausted] /1 open", 0},
			{1, with(Input{Verb: Accept}, holders()), "", fault.Forbidden},
			{1, with(Input{Verb: Decline}, holders()), "", fault.Forbidden},
		}},
		{"ErrNoLadder", nil, []move{{0, Input{Verb: Raise}, "", fault.Invalid}}},
		{"ErrETA", []string{"spr", "switch"}, []move{
			{0, with(Input{Verb: Raise}, all), "[sent] @lh:t/0 open", 0},
			{1, with(Input{Verb: Accept, User: liam, ETAMinutes: -1}, all), "", fault.Invalid},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			playAll(t, newPage(tt.ladder...), tt.moves)
		})
	}
}

// playAll does one move after another and holds each to what it wants.
func playAll(t *testing.T, p Page, moves []move) {
	t.Helper()
	for i, m := range moves {
		next, effects, err := Step(p, t0.Add(m.after), m.in)
		if m.err != 0 {
			if !fault.Is(err, m.err) {
				t.Fatalf("move %d: got error %v, want %v", i, err, m.err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("move %d: %v", i, err)
		}
		kinds := []Kind{}
		for _, e := range effects {
			kinds = append(kinds, e.Step.Kind)
		}
		got := fmt.Sprintf("%v %s/%d %s", kinds, next.Current.User, next.Current.Rung, next.Status)
		if got != m.want {
			t.Fatalf("move %d: got %q, want %q", i, got, m.want)
		}
		if err := Check(next, t0.Add(m.after)); err != nil {
			t.Fatalf("move %d: %v", i, err)
		}
		p = next
	}
}

// A page says that a device of its holder has it, and that a second one does, and nothing of a third or of anybody else's.
//
// hazard: H2 delivered, not noticed
func TestStep_Second(t *testing.T) {
	all := holders("spr", string(liam), "sho1", string(grace), "switch", string(board))
	with := func(in Input, h Holders) Input { in.Holders = h; return in }
	playAll(t, newPage("spr", "sho1", "switch"), []move{
		{0, with(Input{Verb: Raise}, all), "[sent] @lh:t/0 open", 0},
		{time.Second, with(Input{Verb: Reach, User: grace, Device: "G", On: "phone"}, all), "[] @lh:t/0 open", 0},
		{time.Second, with(Input{Verb: Reach, User: liam, Device: "A", On: "phone"}, all), "[reached] @lh:t/0 open", 0},
		{2 * time.Second, with(Input{Verb: Reach, User: liam, Device: "A", On: "phone"}, all), "[] @lh:t/0 open", 0},
		{2 * time.Second, with(Input{Verb: Reach, User: liam}, all), "[] @lh:t/0 open", 0},
		{3 * time.Second, with(Input{Verb: Reach, User: liam, Device: "B", On: "computer"}, all), "[second] @lh:t/0 open", 0},
		{4 * time.Second, with(Input{Verb: Reach, User: liam, Device: "C", On: "tablet"}, all), "[] @lh:t/0 open", 0},
		{60 * time.Second, with(Input{Verb: Tick}, all), "[passed] @go:t/1 open", 0},
		{61 * time.Second, with(Input{Verb: Reach, User: liam, Device: "D"}, all), "[] @go:t/1 open", 0},
		{61 * time.Second, with(Input{Verb: Reach, User: grace}, all), "[reached] @go:t/1 open", 0},
		{62 * time.Second, with(Input{Verb: Reach, User: grace, Device: "H"}, all), "[] @go:t/1 open", 0},
		{63 * time.Second, with(Input{Verb: See, User: grace}, all), "[seen] @go:t/1 open", 0},
		{64 * time.Second, with(Input{Verb: Reach, User: grace, Device: "I"}, all), "[] @go:t/1 open", 0},
	})
}

func TestStep_WakesWhenDutyEnds(t *testing.T) {
	until := t0.Add(10 * time.Second).UnixMilli()
	h := Holders{"spr": {{User: liam, Until: until}}}
	p, _, err := Step(newPage("spr", "switch"), t0, Input{Verb: Raise, Holders: h})
	if err != nil || p.WakeAt != until {
		t.Fatalf("got wake at %d, %v; want %d, the end of the duty", p.WakeAt, err, until)
	}
	if want := t0.Add(time.Minute).UnixMilli(); p.Current.DueAt != want {
		t.Fatalf("got due %d, want %d", p.Current.DueAt, want)
	}
}

func TestStep_ErrorChangesNothing(t *testing.T) {
	p, _, err := Step(newPage("spr", "switch"), t0, Input{Verb: Raise, Holders: holders("spr", string(liam))})
	if err != nil {
		t.Fatal(err)
	}
	q, effects, err := Step(p, t0.Add(time.Second), Input{Verb: Accept, User: grace})
	if !errors.Is(err, errNotHolder) || len(effects) != 0 || q.Seq != p.Seq || q.WakeAt != p.WakeAt {
		t.Fatalf("got seq %d wake %d effects %d err %v; want nothing changed", q.Seq, q.WakeAt, len(effects), err)
	}
}
