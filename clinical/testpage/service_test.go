package testpage

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"wardline/clinical/conversation"
	"wardline/clinical/directory"
	"wardline/clinical/emergency"
	"wardline/clinical/reach"
	"wardline/clinical/rota"
	"wardline/clinical/status"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/ground/fault"
	"wardline/ground/stream"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

const liam, ruth id.User = "@liam:x", "@ruth:x"

// migrations are of all that a test of a post needs.
func migrations() []db.Migrations {
	return []db.Migrations{audit.Migrations(), stream.Migrations(), account.Migrations(), directory.Migrations(), rota.Migrations(), status.Migrations(), conversation.Migrations(), reach.Migrations(), emergency.Migrations(), Migrations()}
}

// posts returns the service over three posts: Liam holds one, nobody the second, and Ruth, who rests, the third.
func posts(t *testing.T, d *db.DB, now func() time.Time, pushed chan<- id.User) *Service {
	t.Helper()
	ctx := t.Context()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	accounts := account.New(d, "x")
	ok(accounts.CreateAll(ctx, []account.NewUser{{User: liam, DisplayName: "Liam Hughes"}, {User: ruth, DisplayName: "Ruth Cole"}}))
	ok(d.Write(ctx, "test.staff", func(ctx context.Context, tx *db.Tx) error {
		if err := directory.SaveWard(ctx, tx, directory.Ward{ID: "w7", Name: "Ward 7"}); err != nil {
			return err
		}
		for u, name := range map[id.User]string{liam: "Liam Hughes", ruth: "Ruth Cole"} {
			if err := directory.SavePerson(ctx, tx, directory.Person{User: u, Name: name, Ward: "w7"}); err != nil {
				return err
			}
		}
		for _, p := range []directory.PostID{"po_spr", "po_empty", "po_rest"} {
			if err := directory.SavePost(ctx, tx, directory.Post{ID: p, Name: "Post " + string(p), Service: "Medicine", Critical: true, Pageable: true, Place: "w7"}); err != nil {
				return err
			}
		}
		for post, u := range map[directory.PostID]id.User{"po_spr": liam, "po_rest": ruth} {
			if err := rota.Save(ctx, tx, rota.Duty{ID: rota.DutyID("du_" + post), Post: post, User: u, From: now().Add(-time.Hour), Until: now().Add(8 * time.Hour)}); err != nil {
				return err
			}
		}
		return nil
	}))
	resting := status.New(status.Deps{DB: d, Now: now, Note: func(id.User, string) {}})
	_, err := resting.Set(ctx, ruth, status.Status{Kind: status.Rest, Until: now().Add(time.Hour)})
	ok(err)
	return New(Deps{DB: d, Accounts: accounts, Conversations: conversation.New(conversation.Deps{DB: d, Now: now}), Reach: reach.New(reach.Deps{DB: d, Now: now}),
		Push: func(_ context.Context, u id.User, _ string, _ time.Duration) (int, error) { pushed <- u; return 1, nil }, Keep: 60 * 24 * time.Hour, Now: now, Log: slog.New(slog.DiscardHandler)})
}

// TestService goes through a day on each engine: what a scenario plays on one of them must be read alike by the other.
func TestService(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		ok := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		now := time.Date(2026, 11, 30, 7, 29, 0, 0, time.UTC)
		pushed := make(chan id.User, 10)
		s := posts(t, d, func() time.Time { return now }, pushed)
		_, err := s.SetRules(ctx, ruth, 0, Rules{On: true, At: "07:30", Days: []time.Weekday{1}, Minutes: 5}, "")
		ok(err)
		now = now.Add(time.Minute)
		_, err = s.SetRules(ctx, ruth, 1, Rules{On: true, At: "07:30", Days: []time.Weekday{1}, Minutes: 5}, "begins what is due")
		ok(err)

		_, err = s.pass(ctx)
		ok(err)
		_, err = s.send(ctx, Push)
		ok(err)
		if u := <-pushed; u != liam {
			t.Errorf("%s was told", u)
		}
		b, err := s.Board(ctx)
		ok(err)
		got := map[directory.PostID]State{}
		for _, r := range b.Rows {
			got[r.Post] = r.State
		}
		if got["po_spr"] != Waiting || got["po_empty"] != Nobody || got["po_rest"] != Protected {
			t.Fatalf("%v", got)
		}
		now = now.Add(12 * time.Second)
		ok(s.Reached(ctx, liam, b.Runs[0].ID, Push))
		a, err := s.Receive(ctx, liam, b.Runs[0].ID)
		if ok(err); a.Posts != 1 || a.Late || a.After != 12_000 {
			t.Errorf("%+v", a)
		}
		if err := s.Phoned(ctx, ruth, b.Rows[0].ID, "spoke to nobody"); err != nil {
			t.Error(err)
		}
		h, err := s.History(ctx)
		if ok(err); len(h.Runs) != 1 || h.Runs[0].State != Done || h.Runs[0].Day != "2026-11-30" || len(h.Strips) != 3 {
			t.Errorf("%+v", h)
		}
		if rows, err := s.Table(ctx); err != nil || len(rows) != 4 {
			t.Errorf("%v, %v", rows, err)
		}
		if _, err := s.Receive(ctx, ruth, b.Runs[0].ID); !fault.Is(err, fault.Conflict) {
			t.Errorf("who was not to be disturbed answers: %v", err)
		}
	}, migrations()...)
}
