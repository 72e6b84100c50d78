package scenario

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/ground/fault"
)

var admin = directory.By{User: "@priya:st-elsewhere", Admin: true}

// head and line make a feed in CSV: the shift begins so many days from now, at an hour on the walls.
const head = "id,post,person,start,end\n"

func line(w *Ward, ref, post, who string, day, from, hours int) string {
	at := rota.DateOf(w.now().Add(time.Duration(day) * 24 * time.Hour)).At(from * 60)
	return fmt.Sprintf("%s,%s,%s,%s,%s\n", ref, post, who, at.UTC().Format(time.RFC3339), at.Add(time.Duration(hours)*time.Hour).UTC().Format(time.RFC3339))
}

// hazard: H7
func TestFeed(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	in(t, "OK a feed's shifts come, move and go; what a person changed stays", func(t *testing.T, w *Ward) {
		f, err := w.Rota.SetFeed(ctx, admin, rota.Feed{Name: "Doctors", Kind: "csv"})
		ok(t, err)
		_, err = w.Rota.SetFeed(ctx, directory.By{User: admin.User}, rota.Feed{Name: "x", Kind: "csv"})
		want(t, err, fault.Forbidden)
		body := head + line(w, "a", "SHO 2", "Tom Reid", 20, 8, 12) + line(w, "b", "po_med_sho2", "ellie marsden", 21, 8, 12) + line(w, "c", "Nowhere", "Tom Reid", 20, 8, 12) + line(w, "d", "SHO 2", "Nobody Here", 22, 8, 12)
		rep, err := w.Rota.TakeFeed(ctx, f.ID, []byte(body))
		if ok(t, err); rep.New != 2 || len(rep.Trouble) != 2 || len(rep.Conflicts) != 0 {
			t.Fatalf("%+v", rep)
		}
		if rep, err = w.Rota.TakeFeed(ctx, f.ID, []byte(body)); err != nil || rep.Kept != 2 || rep.New+rep.Changed+rep.Removed != 0 {
			t.Fatalf("the second time: %+v, %v", rep, err)
		}
		all, err := rota.Between(ctx, w.DB, "po_med_sho2", w.now().Add(19*24*time.Hour), w.now().Add(23*24*time.Hour))
		if ok(t, err); len(all) != 2 {
			t.Fatalf("%d duties", len(all))
		}
		hand := all[0]
		hand.User = w.As("grace").User
		_, err = w.Rota.Put(ctx, admin, hand, true)
		ok(t, err)
		rep, err = w.Rota.TakeFeed(ctx, f.ID, []byte(head+line(w, "a", "SHO 2", "Tom Reid", 20, 8, 12)))
		if ok(t, err); rep.Removed != 1 || len(rep.Conflicts) != 1 {
			t.Fatalf("%+v", rep)
		}
		if d, err := rota.Find(ctx, w.DB, hand.ID); err != nil || d.User != hand.User {
			t.Errorf("what was changed by hand is %s's, %v", d.User, err)
		}
		_, err = w.Rota.TakeFeed(ctx, f.ID, []byte("<html>"))
		want(t, err, fault.Invalid)
		if d, err := rota.Find(ctx, w.DB, hand.ID); err != nil || d.User != hand.User {
			t.Errorf("after a broken feed: %v", err)
		}
	})
	in(t, "ErrConflict two feeds claim one shift: the first stays, and somebody is told", func(t *testing.T, w *Ward) {
		w.keeper("priya", directory.Everything)
		one, err := w.Rota.SetFeed(ctx, admin, rota.Feed{Name: "One", Kind: "csv"})
		ok(t, err)
		two, err := w.Rota.SetFeed(ctx, admin, rota.Feed{Name: "Two", Kind: "csv"})
		ok(t, err)
		_, err = w.Rota.TakeFeed(ctx, one.ID, []byte(head+line(w, "a", "SHO 2", "Tom Reid", 20, 8, 12)))
		ok(t, err)
		rep, err := w.Rota.TakeFeed(ctx, two.ID, []byte(head+line(w, "z", "SHO 2", "Grace Obi", 20, 8, 12)))
		if ok(t, err); rep.New != 0 || len(rep.Conflicts) != 1 || !strings.Contains(rep.Conflicts[0].Why, "Tom Reid") {
			t.Fatalf("%+v", rep)
		}
		if told := strings.Join(w.As("priya").Told(), ";"); !strings.Contains(told, "disagree about 1 shift") {
			t.Errorf("Priya was told %q", told)
		}
	})
	in(t, "ErrStale a feed that stops is told, once a day", func(t *testing.T, w *Ward) {
		w.keeper("priya", directory.Everything)
		f, err := w.Rota.SetFeed(ctx, admin, rota.Feed{Name: "Doctors", Kind: "csv", Stale: 2 * time.Hour})
		ok(t, err)
		w.Only("conversation.follow")
		w.group.Go("rota.feeds", w.Rota.RunFeeds)
		w.Pass(90 * time.Minute)
		if n := strings.Count(strings.Join(w.As("priya").Told(), ";"), "has not been read"); n != 0 {
			t.Fatalf("told %d times before it was stale", n)
		}
		w.Pass(12 * time.Hour)
		if n := strings.Count(strings.Join(w.As("priya").Told(), ";"), "has not been read"); n != 1 {
			t.Fatalf("told %d times, want once", n)
		}
		_, err = w.Rota.TakeFeed(ctx, f.ID, []byte(head+line(w, "a", "SHO 2", "Tom Reid", 20, 8, 12)))
		ok(t, err)
		w.Pass(3 * time.Hour)
		if n := strings.Count(strings.Join(w.As("priya").Told(), ";"), "has not been read"); n != 2 {
			t.Errorf("told %d times, want twice: it stopped again", n)
		}
	})
}

// hazard: H7
func TestFeed_Trial(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	in(t, "OK a calendar's series is shifts of its own: one is moved, one given away, the rest stay as they were", func(t *testing.T, w *Ward) {
		w.SetClock(rota.Date{Year: 2026, Month: 10, Day: 20}.At(12 * 60).Sub(w.now()))
		f, err := w.Rota.SetFeed(ctx, admin, rota.Feed{Name: "Nights", Kind: "ical", Post: "po_med_sho2"})
		ok(t, err)
		ics := func(more string) []byte {
			return []byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:n\r\nDTSTART;TZID=GMT Standard Time:20261021T200000\r\nDTEND;TZID=GMT Standard Time:20261022T080000\r\nRRULE:FREQ=DAILY;COUNT=6\r\nSUMMARY:Tom Reid\r\nEND:VEVENT\r\n" + more + "END:VCALENDAR\r\n")
		}
		rep, err := w.Rota.TakeFeed(ctx, f.ID, ics(""))
		if ok(t, err); rep.New != 6 || len(rep.Trouble)+len(rep.Conflicts) != 0 {
			t.Fatalf("%+v", rep)
		}
		rep, err = w.Rota.TakeFeed(ctx, f.ID, ics("BEGIN:VEVENT\r\nUID:n\r\nRECURRENCE-ID;TZID=GMT Standard Time:20261024T200000\r\nDTSTART:20261024T200000Z\r\nDTEND:20261025T080000Z\r\nSUMMARY:Ellie Marsden\r\nEND:VEVENT\r\n"))
		if ok(t, err); rep.Kept != 5 || rep.Changed != 1 || rep.New+rep.Removed != 0 {
			t.Fatalf("%+v", rep)
		}
		all, err := rota.Between(ctx, w.DB, "po_med_sho2", w.now(), w.now().Add(10*24*time.Hour))
		ok(t, err)
		var got []string
		for _, d := range all {
			got = append(got, fmt.Sprintf("%s %s-%s", d.User.Localpart(), rota.Local(d.From).Format("02 15:04"), rota.Local(d.Until).Format("15:04")))
		}
		const nights = "tom 21 20:00-08:00, tom 22 20:00-08:00, tom 23 20:00-08:00, ellie 24 21:00-08:00, tom 25 20:00-08:00, tom 26 20:00-08:00"
		if strings.Join(got, ", ") != nights {
			t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), nights)
		}
	})
	in(t, "OK a feed on trial says what it would do, and does nothing", func(t *testing.T, w *Ward) {
		f, err := w.Rota.SetFeed(ctx, admin, rota.Feed{Name: "Doctors", Kind: "csv"})
		ok(t, err)
		_, err = w.Rota.TakeFeed(ctx, f.ID, []byte(head+line(w, "a", "SHO 2", "Tom Reid", 20, 8, 12)+line(w, "b", "SHO 2", "Ellie Marsden", 21, 8, 12)))
		ok(t, err)
		body := []byte(head + line(w, "a", "SHO 2", "Grace Obi", 20, 8, 12) + line(w, "c", "SHO 2", "Tom Reid", 23, 8, 12) + line(w, "d", "SHO 2", "Nobody Here", 24, 8, 12) + line(w, "e", "SHO 1", "Tom Reid", 0, 0, 400))
		before := w.planned("po_med_sho2")
		for range 2 {
			trial, err := w.Rota.TryFeed(ctx, directory.By{User: admin.User}, f, body)
			if ok(t, err); trial.New != 1 || trial.Changed != 1 || trial.Removed != 1 || len(trial.Trouble) != 1 || len(trial.Shifts) != 3 || trial.Read != 4 {
				t.Fatalf("%+v", trial)
			}
			if s := trial.Shifts[0]; s.Kind != "changed" || s.Duty.Name != "Grace Obi" || s.Was == nil || s.Was.Name != "Tom Reid" || s.Post != "SHO 2" {
				t.Errorf("%+v", s)
			}
		}
		if after := w.planned("po_med_sho2"); after != before {
			t.Errorf("got  %s\nwant %s", after, before)
		}
		trial, err := w.Rota.TryFeed(ctx, admin, rota.Feed{Kind: "csv"}, []byte("<html>"))
		if ok(t, err); trial.Error == "" {
			t.Error("a page of HTML is a feed")
		}
		_, err = w.Rota.TryFeed(ctx, directory.By{User: admin.User}, rota.Feed{Kind: "csv", URL: "https://rota.example/x"}, nil)
		want(t, err, fault.Forbidden)
		_, err = w.Rota.TryFeed(ctx, admin, rota.Feed{Kind: "csv", URL: "file:///etc/passwd"}, nil)
		want(t, err, fault.Invalid)
	})
}

// planned is what stands in the rota of a post, in a line.
func (w *Ward) planned(post directory.PostID) string {
	w.T.Helper()
	all, err := rota.Between(context.Background(), w.DB, post, w.now(), w.now().Add(60*24*time.Hour))
	if err != nil {
		w.T.Fatal(err)
	}
	return fmt.Sprint(all)
}
