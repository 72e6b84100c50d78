package scenario

import (
	"context"
	"strings"
	"testing"
	"time"

	"wardline/clinical/conversation"
	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/id"
)

func (w *Ward) duty(name string, post directory.PostID, login string, from, until time.Time) {
	w.T.Helper()
	err := w.DB.Write(context.Background(), "test.duty", func(ctx context.Context, tx *db.Tx) error {
		return rota.Save(ctx, tx, rota.Duty{ID: rota.DutyID(name), Post: post, User: w.As(login).User, From: from, Until: until})
	})
	if err != nil {
		w.T.Fatal(err)
	}
}

func TestDuty(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	in(t, "OK an open page follows its post at the end of a duty", func(t *testing.T, w *Ward) {
		now := time.Now()
		w.duty("du_swap", "po_med_spr", "hana", now.Add(5*time.Second), now.Add(time.Hour))
		w.duty("du_until", "po_med_spr", "liam", now.Add(-time.Minute), now.Add(5*time.Second))
		p := w.As("asha").Page("po_med_spr", "pt_jones", "x")
		if p.Current.User != w.As("liam").User {
			t.Fatalf("held by %s", p.Current.User)
		}
		w.Pass(5 * time.Second)
		if p, _ = w.As("asha").Sees(p.ID); p.Current.User != w.As("hana").User || p.Current.Rung != 0 {
			t.Fatalf("held by %s on rung %d: %s", p.Current.User, p.Current.Rung, kinds(p))
		}
		want(t, w.As("liam").Accept(p.ID), fault.Forbidden)
		ok(t, w.As("hana").Accept(p.ID))
	})
	in(t, "OK the later entry counts, and a swapped post is not held", func(t *testing.T, w *Ward) {
		now := time.Now()
		w.duty("du_swap", "po_med_spr", "hana", now.Add(-time.Second), now.Add(time.Hour))
		d, err := rota.Holder(ctx, w.DB, "po_med_spr", now)
		if ok(t, err); d.Name != "Hana Cole" {
			t.Fatalf("held by %s", d.Name)
		}
		held, err := rota.Held(ctx, w.DB, w.As("liam").User, now)
		if ok(t, err); len(held) != 0 {
			t.Fatalf("the one who swapped still holds %d posts", len(held))
		}
		next, err := rota.Next(ctx, w.DB, "po_med_spr", now.Add(time.Minute))
		if ok(t, err); !next.From.After(now) {
			t.Fatalf("next from %s", next.From)
		}
	})
	in(t, "OK a duty ends before its last instant, across the change of clocks too", func(t *testing.T, w *Ward) {
		// Britain's clocks went back on 25 October 2026: this night has 13 hours, and no instant without a holder.
		from := time.Date(2026, 10, 24, 19, 0, 0, 0, time.UTC)
		until := time.Date(2026, 10, 25, 8, 0, 0, 0, time.UTC)
		w.duty("du_night", "po_test", "hana", from, until)
		w.duty("du_day", "po_test", "liam", until, until.Add(12*time.Hour))
		for at := from; at.Before(until.Add(12 * time.Hour)); at = at.Add(15 * time.Minute) {
			d, err := rota.Holder(ctx, w.DB, "po_test", at)
			ok(t, err)
			if night := at.Before(until); night != (d.Name == "Hana Cole") {
				t.Fatalf("at %s: %s", at, d.Name)
			}
		}
		_, err := rota.Holder(ctx, w.DB, "po_test", from.Add(-time.Millisecond))
		want(t, err, fault.NotFound)
		_, err = rota.Holder(ctx, w.DB, "po_test", until.Add(12*time.Hour))
		want(t, err, fault.NotFound)
	})
	in(t, "ErrInvalid a duty that ends before it begins", func(t *testing.T, w *Ward) {
		err := w.DB.Write(ctx, "test.duty", func(ctx context.Context, tx *db.Tx) error {
			return rota.Save(ctx, tx, rota.Duty{ID: "x", Post: "p", From: time.Now(), Until: time.Now()})
		})
		want(t, err, fault.Invalid)
	})
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	in(t, "OK a search finds people and posts, and sees a change at once", func(t *testing.T, w *Ward) {
		first := func(q string) string {
			hits, err := w.Directory.Search(ctx, q, nil, 1)
			ok(t, err)
			if len(hits) == 0 {
				return ""
			}
			switch hits[0].Kind {
			case directory.KindPost:
				return hits[0].Post.Name
			case directory.KindTeam:
				return hits[0].Team.Name
			}
			return hits[0].Person.Name
		}
		for q, name := range map[string]string{"lucia": "Lucía Fernández", "obrien": "Aoife O’Brien", "llyr": "Bronwen Llŷr", "med reg": "Medical registrar on call",
			"asha": "Asha Patel", "stroke team": "Stroke team", "xyzzy": ""} {
			if got := first(q); got != name {
				t.Errorf("%q: got %q, want %q", q, got, name)
			}
		}
		ok(t, w.DB.Write(ctx, "test.person", func(ctx context.Context, tx *db.Tx) error {
			return directory.SavePerson(ctx, tx, directory.Person{User: "@x:st-elsewhere", Name: "Xyzzy Green", Role: "Porter"})
		}))
		if got := first("xyzzy"); got != "Xyzzy Green" {
			t.Errorf("after a change: got %q", got)
		}
	})
	in(t, "OK a ladder has each post once and the switchboard last", func(t *testing.T, w *Ward) {
		posts, err := directory.Posts(ctx, w.DB)
		ok(t, err)
		for _, p := range posts {
			ladder, err := directory.Ladder(ctx, w.DB, p.ID)
			ok(t, err)
			seen := map[directory.PostID]bool{}
			for i, r := range ladder {
				if seen[r.ID] || r.Switchboard != (i == len(ladder)-1) {
					t.Errorf("%s: rung %d is %s", p.ID, i, r.ID)
				}
				seen[r.ID] = true
			}
		}
		_, err = directory.Ladder(ctx, w.DB, "po_none")
		want(t, err, fault.NotFound)
	})
}

func TestConversation(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	in(t, "OK a group has the people and who holds the posts now, once for a transaction", func(t *testing.T, w *Ward) {
		asha := w.As("asha").User
		g := conversation.Group{Name: "Bay C", Class: conversation.Team, People: []id.User{w.As("tom").User}, Posts: []directory.PostID{"po_med_spr", "po_med_sho2"}, Txn: "g1"}
		made, err := w.Conversations.Group(ctx, asha, g)
		ok(t, err)
		if again, err := w.Conversations.Group(ctx, asha, g); err != nil || again != made {
			t.Fatalf("got %s and %s, %v", made, again, err)
		}
		f, err := w.Rooms.Feed(ctx, made)
		ok(t, err)
		for login, want := range map[string]string{"asha": "join", "tom": "join", "liam": "join", "grace": "", "wardline": "join"} {
			if got := f.Membership(w.As(login).User); got != want {
				t.Errorf("%s: %q, want %q", login, got, want)
			}
		}
		if heard := w.As("grace").Hears(made); len(heard) != 0 {
			t.Errorf("somebody outside hears %d events", len(heard))
		}
		_, err = w.Conversations.Add(ctx, w.As("grace").User, made, []id.User{w.As("grace").User}, nil)
		want(t, err, fault.Hidden)
		added, err := w.Conversations.Add(ctx, asha, made, []id.User{w.As("grace").User, w.As("tom").User}, []directory.PostID{"po_med_sho1"})
		if ok(t, err); len(added) != 1 || added[0] != w.As("grace").User {
			t.Errorf("added %v", added)
		}
		for name, bad := range map[string]conversation.Group{
			"no name":        {Class: conversation.Team},
			"long name":      {Name: obs.Hidden(strings.Repeat("x", 121)), Class: conversation.Team},
			"no class":       {Name: "x"},
			"class of ours":  {Name: "x", Class: "secret"},
			"unknown person": {Name: "x", Class: conversation.Team, People: []id.User{"@nobody:st-elsewhere"}},
			"unknown post":   {Name: "x", Class: conversation.Team, Posts: []directory.PostID{"po_none"}},
			"no patient":     {Class: conversation.Clinical, Patient: "pt_none"},
		} {
			if _, err := w.Conversations.Group(ctx, asha, bad); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: got %v, want invalid", name, err)
			}
		}
	})
	in(t, "OK a patient has one room, and coming in is in the audit", func(t *testing.T, w *Ward) {
		first, second := w.As("asha").PatientRoom("pt_smith"), w.As("tom").PatientRoom("pt_smith")
		if first != second || w.As("asha").PatientRoom("pt_jones") == first {
			t.Fatalf("rooms %s and %s", first, second)
		}
		entries, err := audit.ForObject(ctx, w.DB, string(first), 10)
		if ok(t, err); len(entries) != 2 || entries[1].Action != "conversation.enter" || entries[1].Actor != string(w.As("tom").User) {
			t.Fatalf("audit: %+v", entries)
		}
	})
	in(t, "OK direct chats are one for two people, also after somebody left", func(t *testing.T, w *Ward) {
		asha, tom := w.As("asha").User, w.As("tom").User
		first, err := w.Conversations.Direct(ctx, asha, tom)
		ok(t, err)
		if again, err := w.Conversations.Direct(ctx, tom, asha); err != nil || again != first {
			t.Fatalf("got %s and %s, %v", first, again, err)
		}
		f, err := w.Rooms.Feed(ctx, first)
		ok(t, err)
		if joined, _ := f.Counts(); joined != 2 {
			t.Fatalf("%d people in a chat for two", joined)
		}
		ok(t, w.Rooms.Do(ctx, first, leave(tom)))
		if again, err := w.Conversations.Direct(ctx, asha, tom); err != nil || again != first {
			t.Fatalf("after leaving: got %s, %v", again, err)
		}
		if f, _ = w.Rooms.Feed(ctx, first); f.Membership(tom) != "join" {
			t.Fatal("the one who left is not back")
		}
		_, err = w.Conversations.Direct(ctx, asha, asha)
		want(t, err, fault.Invalid)
		_, err = w.Conversations.Direct(ctx, asha, "@nobody:st-elsewhere")
		want(t, err, fault.Invalid)
	})
}
