package measure

import (
	"context"
	"fmt"
	"testing"
	"time"

	"wardline/clinical/ask"
	"wardline/clinical/directory"
	"wardline/clinical/paging"
	"wardline/clinical/rota"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/push"
	"wardline/matrix/room"
)

func TestSpread(t *testing.T) {
	if s := spread([]int64{4, 1, 3, 2}); s.Half != -1 || s.Most != -1 || s.Count != 4 {
		t.Errorf("four give %+v: too few to show", s)
	}
	if s := spread([]int64{10, 9, 8, 7, 6, 5, 4, 3, 2, 1}); s.Half != 5 || s.Most != 9 {
		t.Errorf("got %+v", s)
	}
	if s := spread([]int64{1, 2, 3, 4, 5}); s.Half != 3 || s.Most != 5 {
		t.Errorf("got %+v", s)
	}
}

func TestFigures(t *testing.T) {
	page := func(status paging.Status, accepted int64, steps ...paging.Event) paging.Page {
		p := paging.Page{Snapshot: paging.Snapshot{Status: status, RaisedAt: 1000, Steps: steps}}
		if status == paging.Accepted {
			p.Accepted = &paging.Acceptance{At: accepted}
		}
		return p
	}
	var f Figures
	f.add(page(paging.Accepted, 61_000, paging.Event{Kind: paging.Sent, At: 1000}, paging.Event{Kind: paging.Reached, At: 1500}, paging.Event{Kind: paging.Seen, At: 2000}))
	f.add(page(paging.Accepted, 301_000, paging.Event{Kind: paging.Passed, At: 241_000}, paging.Event{Kind: paging.Arrived, At: 242_000}))
	f.add(page(paging.Withdrawn, 0, paging.Event{Kind: paging.Exhausted, At: 600_000}))
	f.add(page(paging.Open, 0))
	if f.Pages != 4 || f.Accepted != 2 || f.Withdrawn != 1 || f.Open != 1 || f.Escalated != 2 || f.Switchboard != 1 {
		t.Errorf("got %+v", f)
	}
	if fmt.Sprint(f.reach, f.accept) != "[500 241000] [60000 300000]" {
		t.Errorf("reach %v, accept %v", f.reach, f.accept)
	}
}

func TestLedger(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		now := time.Date(2026, 1, 10, 23, 30, 0, 0, time.UTC)
		l := NewLedger(d, func() time.Time { return now })
		people := []id.User{"@a:x", "@b:x", "@c:x", "@d:x", "@e:x", "@f:x"}
		err := d.Write(t.Context(), "seed", func(ctx context.Context, tx *db.Tx) error {
			for _, u := range people {
				if err := directory.SavePerson(ctx, tx, directory.Person{User: u, Name: string(u)}); err != nil {
					return err
				}
			}
			if err := directory.SaveTeam(ctx, tx, directory.Team{ID: "tm_few", Name: "Few", Members: people[:4]}); err != nil {
				return err
			}
			return directory.SaveTeam(ctx, tx, directory.Team{ID: "tm_all", Name: "All", Members: people})
		})
		if err != nil {
			t.Fatal(err)
		}
		told := func(name string, typ string, mentions ...id.User) *room.Event {
			ev := &room.Event{Event: &event.Event{}, Mentions: mentions}
			ev.ID, ev.Type = id.Event(name), typ
			return ev
		}
		l.Told("@a:x", told("$1", "m.room.message"), push.Notice{Level: push.Alarm})
		l.Told("@a:x", told("$1", "m.room.message"), push.Notice{Level: push.Alarm}) // another device
		l.Told("@a:x", told("$2", "m.room.message", "@a:x"), push.Notice{Level: push.Direct})
		l.Told("@a:x", told("$3", "m.room.message", "@a:x"), push.Notice{Level: push.Direct, Silent: true})
		l.Told("@a:x", told("$4", "m.room.message"), push.Notice{Level: push.Normal})
		l.Told("@a:x", told("$5", ask.NudgeType, "@a:x"), push.Notice{Level: push.Direct})
		now = now.Add(time.Hour) // the next day
		l.Told("@a:x", told("$6", "m.room.message"), push.Notice{Level: push.Urgent})
		days, err := l.Mine(t.Context(), "@a:x", 2)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintln(days[0].Day, days[0].Kinds, days[0].Hours[23], days[1].Day, days[1].Kinds); got != "2026-01-10 map[ask:1 emergency:1 mention:1] 3 2026-01-11 map[urgent:1]\n" {
			t.Errorf("got %s", got)
		}
		if days, err := l.Mine(t.Context(), "@b:x", 2); err != nil || len(days[0].Kinds)+len(days[1].Kinds) != 0 {
			t.Errorf("somebody else's are shown: %v, %v", days, err)
		}
		for _, u := range people[1:5] {
			l.Told(u, told("$2", "m.room.message", u), push.Notice{Level: push.Direct})
		}
		if err := l.keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		teams, err := l.Teams(t.Context(), "@a:x", 2)
		if err != nil || len(teams) != 2 || teams[0].Name != "All" || teams[0].Median != 0.5 || teams[1].Median != -1 {
			t.Errorf("got %+v, %v; want a median of five and none of four", teams, err)
		}
		if teams, err := l.Teams(t.Context(), "@z:x", 2); err != nil || len(teams) != 0 {
			t.Errorf("who is in no team sees %+v, %v", teams, err)
		}
		now = now.Add(keepFor + time.Hour)
		l.Told("@a:x", told("$7", "m.room.message"), push.Notice{Level: push.Urgent})
		if err := l.keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, err := db.One(t.Context(), d, howMany, db.Scalar[int64], "@a:x", int64(0)); err != nil || n != 1 {
			t.Errorf("%d rows are left, %v; want the newest", n, err)
		}
	}, audit.Migrations(), directory.Migrations(), rota.Migrations(), Migrations())
}
