package staff_test

import (
	"context"
	"testing"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/clinical/staff"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/ground/obs"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

// TestEngines goes once through what the scenarios try on SQLite, on every engine at hand: joining, planning, holding, feeds, leaving.
func TestEngines(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		ok := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		r := rota.New(rota.Deps{DB: d, Now: time.Now, Log: obs.Discard()})
		s := staff.New(staff.Deps{DB: d, Accounts: account.New(d, "x"), Rota: r, Now: time.Now})
		admin := directory.By{User: "@boss:x", Admin: true}
		ok(d.Write(ctx, "seed", func(ctx context.Context, tx *db.Tx) error {
			if err := directory.SaveSite(ctx, tx, directory.Site{ID: "s", Name: "Site", ODS: "RX1"}); err != nil {
				return err
			}
			if err := directory.SaveWard(ctx, tx, directory.Ward{ID: "w", Name: "Ward 1", Site: "s"}); err != nil {
				return err
			}
			return directory.SavePost(ctx, tx, directory.Post{ID: "po", Name: "Registrar", Service: "Medicine", Critical: true, Pageable: true, Place: "w"})
		}))
		rep, err := s.Import(ctx, "@boss:x", []byte("Number,Name,Ward,Email,Languages\n1,Ada One,Ward 1,ada@x.example,\"Welsh, BSL\"\n2,Bob Two,ward 1,bob@x.example,\n"), staff.Options{})
		ok(err)
		if len(rep.New) != 2 {
			t.Fatalf("%+v", rep)
		}
		ada, err := directory.WithEmail(ctx, d, "ada@x.example")
		if ok(err); len(ada.Languages) != 2 || ada.WardName != "Ward 1" {
			t.Errorf("%+v", ada)
		}
		_, err = r.Act(ctx, rota.Ask{Verb: rota.Take, Post: "po", By: ada.User})
		ok(err)
		_, err = r.Act(ctx, rota.Ask{Verb: rota.Give, Post: "po", By: ada.User, To: "@bob:x"})
		ok(err)
		_, err = r.Act(ctx, rota.Ask{Verb: rota.Accept, Post: "po", By: "@bob:x"})
		ok(err)
		day := rota.DateOf(time.Now()).Add(10)
		p, err := r.SavePattern(ctx, admin, rota.Pattern{Post: "po", Name: "p", Starts: day.String(), Cycle: 2, Holidays: rota.AsUsual, Division: rota.England,
			Lines: []rota.Line{{Start: 480, End: 1200, User: ada.User}, {Day: 1, Start: 480, End: 1200}}})
		ok(err)
		_, err = r.Fill(ctx, admin, p.ID, day, day.Add(5))
		ok(err)
		out, err := r.Publish(ctx, admin, "po", day, day.Add(5), false, false)
		if ok(err); len(out.Duties) != 3 || len(out.Gaps) == 0 {
			t.Errorf("%d duties, %d gaps", len(out.Duties), len(out.Gaps))
		}
		q, err := r.Request(ctx, rota.Request{Kind: rota.Cover, Duty: out.Duties[0].ID, By: ada.User})
		ok(err)
		_, err = r.Reply(ctx, directory.By{User: "@bob:x"}, q.ID, rota.SayAgree, false)
		ok(err)
		_, err = r.Reply(ctx, admin, q.ID, rota.SayApprove, false)
		ok(err)
		f, err := r.SetFeed(ctx, admin, rota.Feed{Name: "f", Kind: "csv", Post: "po"})
		ok(err)
		fed, err := r.TakeFeed(ctx, f.ID, []byte("id,person,start,end\n1,Ada One,"+day.Add(20).String()+" 08:00,"+day.Add(20).String()+" 20:00\n"))
		if ok(err); fed.New != 1 {
			t.Errorf("%+v", fed)
		}
		secret, err := r.NewLink(ctx, ada.User)
		ok(err)
		_, err = r.Calendar(ctx, secret)
		ok(err)
		g, err := s.SetGroup(ctx, "", func(g staff.Group) (staff.Group, error) {
			g.Name, g.Members = "Team", []id.User{ada.User, "@bob:x"}
			return g, nil
		})
		ok(err)
		_, err = s.ProvisionNew(ctx, staff.Provision{Entry: staff.Entry{Login: "cy", Name: "Cy Three"}, Active: true, External: "e", UserName: "cy@x.example"})
		ok(err)
		ok(s.Leave(ctx, "@boss:x", "@bob:x"))
		v, err := r.View(ctx, "po")
		if ok(err); len(v.Holders) != 0 || v.Alarm == nil {
			t.Errorf("after the leaver: %+v", v)
		}
		if g, err = s.Group(ctx, g.ID); err != nil || len(g.Members) != 1 {
			t.Errorf("the team has %v, %v", g.Members, err)
		}
		b, err := r.Board(ctx)
		if ok(err); b.Posts["po"].Alarm == nil {
			t.Error("the board has no alarm")
		}
		open, err := r.Alarms(ctx)
		if ok(err); len(open) != 1 {
			t.Errorf("%d open alarms", len(open))
		}
		past, err := rota.History(ctx, d, "po", 10)
		if ok(err); len(past) != 2 {
			t.Errorf("%d lines of history", len(past))
		}
		all, err := directory.New(d).Search(ctx, "bob", nil, 5)
		if ok(err); len(all) != 0 {
			t.Error("the leaver is found")
		}
		records, err := s.Records(ctx)
		if ok(err); len(records) != 3 {
			t.Errorf("%d records", len(records))
		}
	}, audit.Migrations(), account.Migrations(), directory.Migrations(), rota.Migrations(), staff.Migrations())
}
