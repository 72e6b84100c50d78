package scenario

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/paging"
	"wardline/clinical/status"
	"wardline/ground/fault"
	"wardline/ground/obs"
)

// Raises raises an urgent page to anybody.
func (a Actor) Raises(to paging.Target, txn string) (paging.Snapshot, error) {
	return a.w.Paging.Raise(context.Background(), a.User, paging.NewPage{Txn: txn, To: to, Urgency: paging.Urgent, Where: "Ward 7", What: obs.Hidden("about " + txn), Need: "ring"})
}

func called(p paging.Snapshot) string {
	var names []string
	for _, c := range p.Current.All() {
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}

func TestPage_Answers(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	both(t, "OK a question to the sender, and their answer", func(t *testing.T, w *Ward) {
		asha, liam := w.As("asha"), w.As("liam")
		p := asha.Page("po_med_spr", "pt_jones", "NEWS2 9")
		_, err := w.Paging.Reply(ctx, asha.User, p.ID, "6.9")
		want(t, err, fault.Conflict)
		_, err = w.Paging.Answer(ctx, liam.User, p.ID, paging.Answer{Verb: paging.AskBack, Reason: "What is the potassium?"})
		ok(t, err)
		got, err := w.Paging.Reply(ctx, asha.User, p.ID, " 6.9 ")
		if ok(t, err); kinds(got) != "sent asked replied" || got.Steps[2].Note != "6.9" {
			t.Fatalf("%s, %q", kinds(got), got.Steps[len(got.Steps)-1].Note)
		}
		if heard := asha.Hears(p.RoomID); !strings.Contains(string(heard[0].Content), "Asha Patel answers: 6.9") {
			t.Errorf("another client shows %s", heard[0].Content)
		}
	})
	both(t, "OK handed to another post, and accepted there", func(t *testing.T, w *Ward) {
		asha, liam, ines := w.As("asha"), w.As("liam"), w.As("ines")
		p := asha.Page("po_med_spr", "pt_jones", "belly")
		to := func(t paging.Target) error {
			_, err := w.Paging.Answer(ctx, liam.User, p.ID, paging.Answer{Verb: paging.Redirect, Reason: "surgical", To: t})
			return err
		}
		want(t, to(paging.Target{Post: "po_none"}), fault.Invalid)
		want(t, to(paging.Target{Post: "po_med_sho2"}), fault.Conflict) // nobody holds it
		want(t, to(paging.Target{Team: "tm_stroke"}), fault.Invalid)
		want(t, to(paging.Target{Person: "@nobody:st-elsewhere"}), fault.Invalid)
		ok(t, to(paging.Target{Post: "po_surg_spr"}))
		ok(t, ines.Accept(p.ID))
		got, err := asha.Sees(p.ID)
		if ok(t, err); got.Accepted == nil || got.Accepted.User != ines.User || kinds(got) != "sent redirected passed accepted" {
			t.Fatal(kinds(got))
		}
	})
	both(t, "OK a person by name, and not while they are off duty", func(t *testing.T, w *Ward) {
		asha := w.As("asha")
		p, err := asha.Raises(paging.Target{Person: w.As("grace").User}, "grace")
		if ok(t, err); called(p) != "Grace Obi" || p.Post.Name != "Grace Obi" {
			t.Fatal(called(p))
		}
		got, err := asha.Raises(paging.Target{Person: w.As("hana").User}, "hana") // at night only
		if ok(t, err); got.Current.User == w.As("hana").User || !strings.Contains(fmt.Sprint(got.Steps), "Hana Cole is off duty") {
			t.Fatalf("%s: %v", called(got), got.Steps)
		}
		_, err = asha.Raises(paging.Target{Person: "@nobody:st-elsewhere"}, "nobody")
		want(t, err, fault.Invalid)
		_, err = asha.Raises(paging.Target{Person: w.As("grace").User, Post: "po_med_spr"}, "two")
		want(t, err, fault.Invalid)
		_, err = asha.Raises(paging.Target{}, "none")
		want(t, err, fault.Invalid)
	})
	both(t, "OK everybody of a team who is at work", func(t *testing.T, w *Ward) {
		p, err := w.As("asha").Raises(paging.Target{Team: "tm_crash"}, "team")
		if ok(t, err); !strings.Contains(called(p), "Liam") || !strings.Contains(called(p), "Grace") || p.Post.Name != "Cardiac arrest team" {
			t.Fatalf("%s of %s", called(p), p.Post.Name)
		}
		mine, err := w.Paging.Mine(ctx, w.As("grace").User)
		if ok(t, err); len(mine) != 1 || mine[0].ID != p.ID {
			t.Fatalf("grace has %d pages", len(mine))
		}
		ok(t, w.As("grace").Accept(p.ID))
		want(t, w.As("liam").Accept(p.ID), fault.Conflict)
		if mine, err = w.Paging.Mine(ctx, w.As("liam").User); err != nil || len(mine) != 0 {
			t.Fatalf("liam still has %d pages, %v", len(mine), err)
		}
	})
	both(t, "OK a protected state, and its end", func(t *testing.T, w *Ward) {
		liam := w.As("liam")
		_, err := w.Status.Set(ctx, liam.User, status.Status{Kind: status.Sterile, Until: w.now().Add(time.Hour)})
		ok(t, err)
		p := w.As("asha").Page("po_med_spr", "pt_jones", "NEWS2 9")
		if called(p) != "Grace Obi" || !strings.Contains(p.Steps[1].Note, "Liam Hughes is in a sterile procedure") {
			t.Fatalf("%s: %v", called(p), p.Steps)
		}
		w.Pass(2 * time.Hour)
		if p = w.As("asha").Page("po_med_spr", "pt_jones", "again"); called(p) != "Liam Hughes" {
			t.Fatal(called(p))
		}
	})
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	admin := directory.By{User: "@nadia:st-elsewhere", Admin: true}
	stages := func(posts ...directory.PostID) (all []paging.Stage) {
		for _, p := range posts {
			all = append(all, paging.Stage{Posts: []directory.PostID{p}})
		}
		return all
	}
	both(t, "OK in force from the next page on, by version", func(t *testing.T, w *Ward) {
		before := w.As("asha").Page("po_med_spr", "pt_jones", "before")
		r := paging.Rules{Stages: stages("po_med_spr", "po_surg_spr"), Seconds: 30}
		r.Stages[0].Posts = append(r.Stages[0].Posts, "po_med_sho1")
		v, err := w.Paging.SetPolicy(ctx, admin, "po_med_spr", paging.Urgent, 0, r, "two at once")
		if ok(t, err); v.Version != 1 {
			t.Fatalf("version %d", v.Version)
		}
		p := w.As("asha").Page("po_med_spr", "pt_jones", "after")
		if called(p) != "Liam Hughes, Grace Obi" || p.Policy != 1 || p.Current.DueAt-p.RaisedAt != 30_000 {
			t.Fatalf("%s by policy %d until %d", called(p), p.Policy, p.Current.DueAt-p.RaisedAt)
		}
		if before, err = w.As("asha").Sees(before.ID); err != nil || before.Policy != 0 || called(before) != "Liam Hughes" {
			t.Fatalf("a page that ran is %s by %d, %v", called(before), before.Policy, err)
		}
		w.Pass(31 * time.Second)
		if p, err = w.As("asha").Sees(p.ID); err != nil || p.Current.Post.ID != "po_surg_spr" {
			t.Fatalf("then it is at %s, %v", p.Current.Post.Name, err)
		}
		_, err = w.Paging.SetPolicy(ctx, admin, "po_med_spr", paging.Urgent, 0, r, "")
		want(t, err, fault.Conflict)
		_, err = w.Paging.SetPolicy(ctx, admin, "po_med_spr", paging.Urgent, 1, paging.Rules{}, "back to the ladder")
		ok(t, err)
		if p = w.As("asha").Page("po_med_spr", "pt_jones", "last"); called(p) != "Liam Hughes" || p.Policy != 0 {
			t.Fatalf("%s by %d", called(p), p.Policy)
		}
		if all, err := w.Paging.PolicyOf(ctx, "po_med_spr", paging.Urgent); err != nil || len(all) != 2 || all[1].Note != "two at once" {
			t.Fatalf("%d versions, %v", len(all), err)
		}
	})
	both(t, "OK office hours, and who keeps a page in the end", func(t *testing.T, w *Ward) {
		r := paging.Rules{Stages: stages("po_med_spr", "po_surg_spr", "po_anaes"), Fallback: "po_site",
			Hours: &paging.Hours{From: "08:00", Until: "18:00", Days: []time.Weekday{1, 2, 3, 4, 5}}}
		r.Stages[1].When, r.Stages[2].When = paging.In, paging.Out
		_, err := w.Paging.SetPolicy(ctx, admin, "po_med_spr", paging.Urgent, 0, r, "")
		ok(t, err)
		for at, second := range map[string]string{"2026-11-24T09:00:00Z": "Surgical registrar on call", "2026-11-24T20:00:00Z": "Anaesthetic registrar",
			"2026-11-28T09:00:00Z": "Anaesthetic registrar", "2026-12-25T09:00:00Z": "Anaesthetic registrar"} {
			then, err := time.Parse(time.RFC3339, at)
			ok(t, err)
			plan, err := w.Paging.Preview(ctx, w.As("asha").User, paging.Target{Post: "po_med_spr"}, paging.Urgent, nil, then)
			ok(t, err)
			var posts []string
			for _, s := range plan.Steps {
				posts = append(posts, s.Posts[0].Name)
			}
			if len(posts) != 2 || posts[1] != second || plan.Then != "Site lead rings" {
				t.Errorf("%s: %v, then %s", at, posts, plan.Then)
			}
		}
	})
	both(t, "OK the preview of a draft changes nothing", func(t *testing.T, w *Ward) {
		draft := &paging.Rules{Stages: stages("po_med_spr", "po_pharm"), Seconds: 45, Quorum: 2}
		plan, err := w.Paging.Preview(ctx, w.As("asha").User, paging.Target{Post: "po_med_spr"}, paging.Urgent, draft, w.now())
		if ok(t, err); len(plan.Steps) != 2 || plan.Steps[1].After != 45*time.Second || plan.Quorum != 2 {
			t.Fatalf("%+v", plan)
		}
		if all, err := w.Paging.Policies(ctx); err != nil || len(all) != 0 {
			t.Fatalf("%d policies, %v", len(all), err)
		}
	})
	both(t, "OK the times of every post", func(t *testing.T, w *Ward) {
		_, err := w.Paging.SetPolicy(ctx, admin, "*", paging.Urgent, 0, paging.Rules{Seconds: 90}, "")
		ok(t, err)
		if p := w.As("asha").Page("po_stroke", "pt_jones", "x"); p.Current.DueAt-p.RaisedAt != 90_000 || p.Policy != 1 {
			t.Fatalf("%d ms by %d", p.Current.DueAt-p.RaisedAt, p.Policy)
		}
	})
	both(t, "Err what cannot work, and who may not", func(t *testing.T, w *Ward) {
		set := func(by directory.By, post directory.PostID, u paging.Urgency, r paging.Rules) error {
			_, err := w.Paging.SetPolicy(ctx, by, post, u, 0, r, "")
			return err
		}
		want(t, set(directory.By{User: w.As("asha").User}, "po_med_spr", paging.Urgent, paging.Rules{Seconds: 30}), fault.Forbidden)
		want(t, set(directory.By{User: w.As("asha").User}, "*", paging.Urgent, paging.Rules{Seconds: 30}), fault.Forbidden)
		want(t, set(admin, "po_none", paging.Urgent, paging.Rules{}), fault.Invalid)
		want(t, set(admin, "po_med_spr", "later", paging.Rules{}), fault.Invalid)
		want(t, set(admin, "po_med_spr", paging.Urgent, paging.Rules{Stages: stages("po_med_spr", "po_none")}), fault.Invalid)
		want(t, set(admin, "po_med_spr", paging.Urgent, paging.Rules{Stages: stages("po_med_spr"), Quorum: 2}), fault.Invalid)
		want(t, set(admin, "po_med_spr", paging.Urgent, paging.Rules{Fallback: "po_none"}), fault.Invalid)
		w.keeper("maya", "Medicine")
		ok(t, set(directory.By{User: w.As("maya").User}, "po_med_spr", paging.Urgent, paging.Rules{Seconds: 30}))
	})
}
