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
	posts := []string{"one", "two", "last"}
	worlds := everyWorld(posts, []id.User{"", "@a:t", "@b:t"})
	p, _, err := Step(newPage(posts...), t0, Input{Verb: Raise, Holders: worlds[0]})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	queue := []Page{}
	meet := func(p Page) {
		if k := shape(p); !seen[k] {
			seen[k] = true
			queue = append(queue, p)
		}
	}
	meet(p)
	for _, w := range worlds {
		if q, _, err := Step(newPage(posts...), t0, Input{Verb: Raise, Holders: w}); err == nil {
			meet(q)
		}
	}
	steps, ended := 0, map[Status]int{}
	for len(queue) > 0 {
		p, queue = queue[0], queue[1:]
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
	if len(seen) < 500 || ended[Accepted] == 0 || ended[Withdrawn] == 0 {
		t.Errorf("%d states only: the exploration does not explore", len(seen))
	}
}

// everyWorld is every way in which the posts can be held.
func everyWorld(posts []string, who []id.User) []map[directory.PostID]Holder {
	worlds := []map[directory.PostID]Holder{{}}
	for _, post := range posts {
		var next []map[directory.PostID]Holder
		for _, w := range worlds {
			for _, u := range who {
				more := map[directory.PostID]Holder{}
				for k, h := range w {
					more[k] = h
				}
				if u != "" {
					more[directory.PostID(post)] = Holder{User: u, Name: string(u)}
				}
				next = append(next, more)
			}
		}
		worlds = next
	}
	return worlds
}

func everyInput(p Page, worlds []map[directory.PostID]Holder) []Input {
	var all []Input
	for _, w := range worlds {
		all = append(all, Input{Verb: Tick, Holders: w})
		for _, u := range []id.User{"@a:t", "@b:t", asha} {
			all = append(all, Input{Verb: Decline, User: u, Holders: w})
		}
	}
	for _, w := range []map[directory.PostID]Holder{worlds[0], worlds[len(worlds)-1]} {
		for _, u := range []id.User{"@a:t", "@b:t", asha} {
			for _, verb := range []Verb{Reach, See, Accept, Withdraw} {
				all = append(all, Input{Verb: verb, User: u, Holders: w})
			}
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
	fmt.Fprint(&b, p.Status, p.Current.Rung, p.Current.User, p.Exhausted, passers, p.had(Reached), p.had(Seen), p.Next != nil && p.Next.Name != "")
	for _, k := range []Kind{Tried, Taken, Arrived, Failed} {
		fmt.Fprint(&b, p.had(k))
	}
	return b.String()
}

// rings lets only time pass, in the first world and the last, while every carrier fails.
func rings(t *testing.T, p Page, worlds []map[directory.PostID]Holder) {
	for _, w := range []map[directory.PostID]Holder{worlds[0], worlds[len(worlds)-1]} {
		q := p
		for range 3*len(p.Ladder) + 3 {
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
