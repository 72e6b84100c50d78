package switchboard

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/ground/audit"
	"wardline/matrix/id"
)

// shown are the beginnings of the actions that the console's log shows.
var shown = []string{"page.", "emergency.", "switchboard.", "testpage."}

// most is how many lines of a day the log shows.
const most = 5000

var verbs = map[string]string{"page.sent": "page sent", "page.reached": "reached a device", "page.second": "reached a second device", "page.tried": "tried in another way", "page.taken": "sent out", "page.arrived": "delivered", "page.failed": "not delivered", "page.seen": "seen", "page.accepted": "accepted", "page.declined": "declined", "page.passed": "passed on",
	"page.withdrawn": "withdrawn", "page.exhausted": "nobody answered: at the switchboard", "emergency.raised": "emergency call", "emergency.here": "here", "emergency.left": "not here any more",
	"emergency.leads": "leads", "emergency.stood_down": "emergency call stood down", "emergency.team": "emergency team changed", "switchboard.call": "telephone call", "switchboard.page": "page for a caller", "switchboard.numbers": "numbers looked at",
	"testpage.rules": "test page changed", "testpage.begun": "test page begun", "testpage.ended": "test page ended", "testpage.not_run": "test page was not run", "testpage.telephone": "post tested by telephone", "testpage.void": "test page given up: the clock was set back"}

// Log returns what was done on a day of the trust's calendar with pages and emergency calls, oldest first, from the audit. It holds no words of a page.
func (s *Service) Log(ctx context.Context, day rota.Date) ([]Line, error) {
	var entries []audit.Entry
	for after := int64(0); len(entries) < most; {
		some, err := audit.Between(ctx, s.DB, day.At(0), day.Add(1).At(0), after, 1000)
		if err != nil {
			return nil, err
		}
		for _, e := range some {
			after = e.Seq
			if slices.ContainsFunc(shown, func(b string) bool { return strings.HasPrefix(e.Action, b) }) {
				entries = append(entries, e)
			}
		}
		if len(some) < 1000 {
			break
		}
	}
	var err error
	names := map[string]string{"system": "Wardline"}
	name := func(user string) (string, error) {
		if n, ok := names[user]; ok || user == "" {
			return n, nil
		}
		n, err := directory.NameOf(ctx, s.DB, id.User(user))
		names[user] = n
		return n, err
	}
	posts, err := directory.Posts(ctx, s.DB)
	if err != nil {
		return nil, err
	}
	called := map[string]string{}
	for _, p := range posts {
		called[string(p.ID)] = p.Name
	}
	lines := make([]Line, 0, len(entries))
	for _, e := range entries {
		l := Line{At: e.At.UnixMilli(), Action: verbs[e.Action], Object: e.Object, Code: e.Action, Facts: []Fact{}}
		if l.Action == "" {
			_, l.Action, _ = strings.Cut(e.Action, ".")
		}
		if l.Who, err = name(e.Actor); err != nil {
			return nil, err
		}
		var parts []string
		for _, key := range []string{"post", "holder", "user", "outcome", "for", "name"} {
			v := e.Detail[key]
			if e.Action == "page.accepted" { // who comes is what is asked afterwards, and not who held it
				switch key {
				case "holder":
					v = cmp.Or(e.Detail["user"], e.Actor)
				case "user":
					continue
				}
			}
			fact := v
			switch key {
			case "post":
				v = called[v]
			case "holder", "user":
				if v, err = name(v); err != nil {
					return nil, err
				}
			case "outcome":
				if o := said[Outcome(v)]; o != "" {
					v = o
				}
			case "for":
				if v != "" {
					v = "for " + v
				}
			}
			if v == "" {
				continue
			}
			if parts = append(parts, v); key != "outcome" && key != "for" {
				fact = v
			}
			l.Facts = append(l.Facts, Fact{key, fact})
		}
		l.Detail = strings.Join(parts, ", ")
		lines = append(lines, l)
	}
	return lines, nil
}

// Table is the log as a table with a heading, in the trust's wall time.
func Table(lines []Line) [][]string {
	rows := [][]string{{"time", "who", "what", "page or call", "details"}}
	for _, l := range lines {
		rows = append(rows, []string{rota.Local(time.UnixMilli(l.At)).Format("2006-01-02 15:04:05"), l.Who, l.Action, l.Object, l.Detail})
	}
	return rows
}
