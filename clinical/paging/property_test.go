package paging

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"wardline/clinical/directory"
	"wardline/clinical/status"
	"wardline/matrix/id"
)

var (
	postNames = []string{"spr", "sho1", "sho2", "site", "switch"}
	people    = []string{"", string(asha), string(liam), string(grace), string(maya), string(board)}
)

// TestStep_Properties throws random lives at a page: random ladders, holders that come and go, answers by anybody, late clocks.
func TestStep_Properties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, len(postNames)).Draw(t, "rungs")
		p := newPage(postNames[len(postNames)-n:]...)
		p.Quorum = rapid.IntRange(0, 3).Draw(t, "quorum")
		p.Urgency = rapid.SampledFrom([]Urgency{Urgent, Emergency}).Draw(t, "urgency")
		for i := range p.Ladder[:n-1] {
			p.Ladder[i].All, p.Ladder[i].For = rapid.Bool().Draw(t, "all"), time.Duration(rapid.IntRange(0, 120).Draw(t, "for"))*time.Second
			if rapid.Bool().Draw(t, "with") {
				p.Ladder[i].With = []PostRef{{ID: directory.PostID(rapid.SampledFrom(postNames).Draw(t, "beside"))}}
			}
		}
		now := t0
		world := func() Holders {
			h := Holders{}
			for _, post := range postNames {
				u := rapid.SampledFrom(people).Draw(t, post)
				if u != "" {
					h[directory.PostID(post)] = []Holder{{User: id.User(u), Name: u, Until: now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "until")) * time.Second).UnixMilli(), Busy: rapid.SampledFrom([]status.Kind{status.None, status.None, status.Sterile}).Draw(t, "busy")}}
					if rapid.Bool().Draw(t, "two") {
						h[directory.PostID(post)] = append(h[directory.PostID(post)], Holder{User: grace, Name: "grace"})
					}
				}
			}
			return h
		}
		p, _, err := Step(p, now, Input{Verb: Raise, Holders: world()})
		if err != nil {
			t.Fatalf("raise: %v", err)
		}
		for range rapid.IntRange(1, 30).Draw(t, "moves") {
			now = now.Add(time.Duration(rapid.IntRange(-90, 90).Draw(t, "wait")) * time.Second)
			verb := rapid.SampledFrom([]Verb{Tick, Reach, See, Accept, Decline, Withdraw, Carry, Redirect, AskBack, Reply, AnswerFor, PassOver}).Draw(t, "verb")
			in := Input{Verb: verb, For: grace, Carried: rapid.SampledFrom([]Kind{Tried, Taken, Arrived, Failed, Passed}).Draw(t, "carried"),
				Since: p.Current.Since - int64(rapid.IntRange(0, 1).Draw(t, "stale")), Device: id.Device(rapid.SampledFrom([]string{"", "A", "B", "C"}).Draw(t, "device")), Reason: rapid.SampledFrom([]string{"text message", "call", ""}).Draw(t, "way"), To: PostRef{ID: directory.PostID(rapid.SampledFrom(postNames).Draw(t, "to"))}, User: id.User(rapid.SampledFrom(people).Draw(t, "who")), Holders: world()}
			live(t, &p, now, in)
		}
		// Whatever happened: if only the clock goes on, the page ends closed or exhausted, within a bounded number of ticks.
		quiet := world()
		for range 4*len(p.Ladder) + 4 {
			if p.Status != Open {
				return
			}
			now = time.UnixMilli(max(p.WakeAt, now.UnixMilli()))
			live(t, &p, now, Input{Verb: Tick, Holders: quiet})
		}
		if p.Status == Open && !p.Exhausted {
			t.Fatalf("open and not exhausted after %d ticks: rung %d of %d", 4*len(p.Ladder)+4, p.Current.Rung, len(p.Ladder))
		}
	})
}

// noted counts the steps of a kind since the page is where it is.
func noted(p Page, k Kind) (n int) {
	for _, e := range p.Steps {
		if e.Kind == k && e.At >= p.Current.Since {
			n++
		}
	}
	return n
}

type failer interface {
	Fatalf(format string, args ...any)
}

func live(t failer, p *Page, now time.Time, in Input) {
	before := *p
	next, effects, err := Step(*p, now, in)
	if err != nil {
		if len(effects) > 0 {
			t.Fatalf("an error with effects: %v", err)
		}
		next = before
	} else if err := Check(next, now); err != nil {
		t.Fatalf("%v after verb %d", err, in.Verb)
	}
	switch {
	case next.Seq != before.Seq+int64(len(effects)):
		t.Fatalf("seq went from %d to %d with %d effects", before.Seq, next.Seq, len(effects))
	case before.Status != Open && next.Status != before.Status:
		t.Fatalf("closed page went from %s to %s", before.Status, next.Status)
	case in.Verb == Carry && (next.Status != before.Status || next.Current.User != before.Current.User || next.Current.Rung != before.Current.Rung):
		t.Fatalf("a carrier moved the page")
	case in.Verb == Reach && (next.Status != before.Status || next.Current.DueAt > before.Current.DueAt || !slices.Equal(next.Current.All(), before.Current.All()) || len(effects) > 1):
		t.Fatalf("a device moved the page")
	case next.Current.Since == before.Current.Since && noted(next, Second) > len(next.Current.All())+len(next.Coming):
		t.Fatalf("%d second devices of %d people", noted(next, Second), len(next.Current.All()))
	case next.Current.Rung < before.Current.Rung:
		t.Fatalf("went down the ladder from %d to %d", before.Current.Rung, next.Current.Rung)
	case next.Status == Accepted && before.Status == Open && in.Verb != AnswerFor && !before.Current.Calls(in.User):
		t.Fatalf("accepted by %q, held by %v", in.User, before.Current.All())
	case before.Status == Open && next.Status == Open && len(effects) == 0 && !slices.Equal(next.Current.All(), before.Current.All()):
		t.Fatalf("from %v to %v, and nobody is told", before.Current.All(), next.Current.All())
	case err == nil && in.Verb == Accept && before.Status == Open && before.Current.Calls(in.User) && !before.comes(in.User) && (before.Quorum <= 1 || len(before.Coming)+1 >= before.Quorum || before.last()) && next.Status != Accepted:
		t.Fatalf("accepted by %q, and it is %s: %d of %d", in.User, next.Status, len(next.Coming), next.Quorum)
	case in.Verb == AskBack && next.Current.Rung != before.Current.Rung:
		t.Fatalf("a question moved the page")
	case len(effects) > 2+len(p.Ladder):
		t.Fatalf("%d effects of one input: a storm", len(effects))
	}
	*p = next
}

// FuzzStep reads a life from bytes: each triple is a wait, a verb and who, and the holders come from the fourth.
func FuzzStep(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 60, 1, 0, 9, 5, 4, 3, 200})
	f.Add([]byte{90, 1, 0, 0, 90, 1, 0, 0, 90, 5, 5, 1, 1, 4, 4, 255})
	f.Fuzz(func(t *testing.T, life []byte) {
		now := t0
		world := func(b byte) Holders {
			h := Holders{}
			for i, post := range postNames {
				if u := people[(int(b)>>i+i)%len(people)]; u != "" {
					h[directory.PostID(post)] = []Holder{{User: id.User(u), Name: u, Until: now.UnixMilli() + int64(b)*500}}
				}
			}
			return h
		}
		p, _, err := Step(newPage(postNames...), now, Input{Verb: Raise, Holders: world(byte(len(life)))})
		if err != nil {
			t.Fatal(err)
		}
		for ; len(life) >= 4; life = life[4:] {
			now = now.Add(time.Duration(life[0]) * time.Second)
			in := Input{Verb: Verb(int(life[1])%int(Reply) + 1), To: PostRef{ID: directory.PostID(postNames[int(life[3])%len(postNames)])}, Reason: string(life[2:3]), Carried: []Kind{Tried, Taken, Arrived, Failed}[int(life[2])%4], Since: p.Current.Since - int64(life[3]%2), User: id.User(people[int(life[2])%len(people)]), ETAMinutes: int(life[2]), Holders: world(life[3])}
			live(t, &p, now, in)
		}
	})
}
