package paging

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wardline/clinical/directory"
	"wardline/matrix/id"
)

// TestStep_EveryWay goes through every state that a page on a ladder of three can come into, by everything that can happen in each: who
// holds what may change at every step, the clock may be early, people may say anything in any order, and carriers may take, bring or
// fail in any order. In each it holds Step to Check; and from each a page that nobody ever answers comes to the switchboard and rings
// there, however many carriers fail.
func TestStep_EveryWay(t *testing.T) {
	t.Parallel()
	explore(t, newPage("one", "two", "last"), everyWorld([]string{"one", "two", "last"}, []id.User{"", "@a:t", "@b:t"}), 500)
}

// TestStep_EveryWayTogether is the same of a page that calls two posts at once, needs two people, and may be handed about and talked of.
func TestStep_EveryWayTogether(t *testing.T) {
	t.Parallel()
	p := newPage("one", "two", "last")
	p.Quorum, p.Ladder[0].With = 2, []PostRef{{ID: "two", Name: "two"}}
	p.Redirects = maxRedirects - 1 // once, so that there is an end of states
	explore(t, p, everyWorld([]string{"one", "two", "last"}, []id.User{"", "@a:t", "@b:t"}), 500)
}

// explore has a run of its own: Step is pure, so the race detector finds nothing in it and takes ten times as long.
func explore(t *testing.T, fresh Page, worlds []Holders, least int) {
	if races {
		t.Skip("without the race detector: tools/test.sh runs this by itself")
	}
	seen := map[string]bool{}
	queue := []Page{}
	meet := func(p Page) {
		if k := shape(p); !seen[k] {
			seen[k] = true
			queue = append(queue, p)
		}
	}
	spent := fresh.Redirects
	for _, w := range worlds {
		p, _, err := Step(fresh, t0, Input{Verb: Raise, Holders: w})
		if err != nil {
			t.Fatal(err)
		}
		p.Redirects = spent
		meet(p)
	}
	steps, ended := 0, map[Status]int{}
	for len(queue) > 0 {
		p := queue[0]
		queue = queue[1:]
		ended[p.Status]++
		if p.Status == Open {
			rings(t, p, worlds)
		}
		for _, in := range everyInput(p, worlds) {
			for _, now := range []time.Time{time.UnixMilli(p.Current.Since + 1), time.UnixMilli(max(p.WakeAt, p.Current.Since))} {
				if in.Verb != Tick && now.UnixMilli() != p.Current.Since+1 {
					continue
				}
				q := p
				live(t, &q, now, in)
				steps++
				meet(q)
			}
		}
	}
	t.Logf("%d states by %d steps: %d open, %d accepted, %d withdrawn", len(seen), steps, ended[Open], ended[Accepted], ended[Withdrawn])
	if len(seen) < least || ended[Accepted] == 0 || ended[Withdrawn] == 0 {
		t.Errorf("%d states only: the exploration does not explore", len(seen))
	}
}

// everyWorld is every way in which the posts can be held.
func everyWorld(posts []string, who []id.User) []Holders {
	worlds := []Holders{{}}
	for _, post := range posts {
		var next []Holders
		for _, w := range worlds {
			for _, u := range who {
				more := Holders{}
				for k, h := range w {
					more[k] = h
				}
				if u != "" {
					more[directory.PostID(post)] = []Holder{{User: u, Name: string(u)}}
				}
				next = append(next, more)
			}
		}
		worlds = next
	}
	return worlds
}

func everyInput(p Page, worlds []Holders) []Input {
	var all []Input
	for i, w := range worlds {
		all = append(all, Input{Verb: Tick, Holders: w})
		if p.Quorum > 1 && i%13 != 0 {
			continue
		}
		for _, u := range []id.User{"@a:t", "@b:t", asha} {
			all = append(all, Input{Verb: Decline, User: u, Holders: w})
		}
	}
	for _, w := range []Holders{worlds[0], worlds[len(worlds)-1]} {
		for _, u := range []id.User{"@a:t", "@b:t", asha} {
			for _, verb := range []Verb{Reach, See, Accept, Withdraw} {
				all = append(all, Input{Verb: verb, User: u, Holders: w})
			}
			if p.Quorum <= 1 {
				all = append(all, Input{Verb: Reach, User: u, Device: "A", On: "phone", Holders: w}, Input{Verb: Reach, User: u, Device: "B", On: "computer", Holders: w})
			}
		}
		if p.Quorum > 1 {
			for _, u := range []id.User{"@a:t", "@b:t"} {
				all = append(all, Input{Verb: Redirect, User: u, To: PostRef{ID: "two", Name: "two"}, Holders: w}, Input{Verb: AskBack, User: u, Reason: "?", Holders: w})
			}
			all = append(all, Input{Verb: Reply, User: asha, Reason: "!", Holders: w})
			continue
		}
		for _, k := range []Kind{Tried, Taken, Arrived, Failed} {
			all = append(all, Input{Verb: Carry, User: p.Current.User, Carried: k, Since: p.Current.Since, Reason: "call", Holders: w})
		}
	}
	return all
}

// shape is what of a page decides what can happen to it.
func shape(p Page) string {
	var b strings.Builder
	passers := slices.Clone(p.Passers)
	slices.Sort(passers)
	var coming []id.User
	for _, a := range p.Coming {
		coming = append(coming, a.User)
	}
	fmt.Fprint(&b, p.Status, len(p.Ladder), p.Redirects, p.Current.Rung, users(p.Current.All()), coming, p.Current.AskedAt > 0, p.talk(), p.Exhausted, passers, p.had(Reached, p.Current.User), p.had(Second, p.Current.User), p.first(p.Current.User), p.had(Seen, p.Current.User), p.Next != nil && p.Next.Name != "")
	for _, k := range []Kind{Tried, Taken, Arrived, Failed} {
		fmt.Fprint(&b, p.had(k, p.Current.User))
	}
	return b.String()
}

// talk is the newest question and answer.
func (p Page) talk() (kinds string) {
	for _, e := range p.Steps {
		if e.Kind == Asked || e.Kind == Replied {
			kinds += string(e.Kind)
		}
	}
	return kinds[max(0, len(kinds)-12):]
}

// rings lets only time pass, in the first world and the last, while every carrier fails.
func rings(t *testing.T, p Page, worlds []Holders) {
	for _, w := range []Holders{worlds[0], worlds[len(worlds)-1]} {
		q := p
		for range 4*len(p.Ladder) + 4 {
			if q.Exhausted {
				break
			}
			live(t, &q, time.UnixMilli(q.WakeAt), Input{Verb: Carry, User: q.Current.User, Carried: Failed, Since: q.Current.Since, Reason: "call", Holders: w})
			live(t, &q, time.UnixMilli(q.WakeAt), Input{Verb: Tick, Holders: w})
		}
		if !q.Exhausted || q.Status != Open || q.WakeAt == 0 {
			t.Fatalf("a page that nobody answers is %s on rung %d and does not ring at the switchboard: %s", q.Status, q.Current.Rung, shape(p))
		}
	}
}
