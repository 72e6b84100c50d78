package scenario

import (
	"context"
	"strings"
	"testing"
	"time"

	"wardline/clinical/alarm"
	"wardline/clinical/ask"
	"wardline/clinical/directory"
	"wardline/clinical/paging"
	"wardline/clinical/rota"
	"wardline/ground/db"
	"wardline/ground/fault"
)

// rings returns the one page that rings for a post's alarm, nil for none, and fails when there are two or it is closed.
func (w *Ward) rings(post directory.PostID) *paging.Snapshot {
	w.T.Helper()
	ctx := context.Background()
	all, err := alarm.Ringing(ctx, w.DB, post)
	if err != nil || len(all) > 1 {
		w.T.Fatalf("%s rings with pages %v, %v", post, all, err)
	}
	if len(all) == 0 {
		return nil
	}
	p, err := paging.Look(ctx, w.DB, all[0])
	if err != nil || p.Status != paging.Open {
		w.T.Fatalf("%s rings with a page that is %s, %v", post, p.Status, err)
	}
	return &p
}

// falls makes somebody sick for an hour.
func (a Actor) falls() rota.Away {
	a.w.T.Helper()
	away, err := a.w.Rota.SetAway(context.Background(), directory.By{User: a.User}, rota.Away{User: a.User, From: a.w.now(), Until: a.w.now().Add(time.Hour), Kind: "sick"})
	if err != nil {
		a.w.T.Fatal(err)
	}
	return away
}

// hazard: H6
func TestAlarm(t *testing.T) {
	t.Parallel()
	const spr = directory.PostID("po_med_spr")
	ctx := context.Background()
	in(t, "OK a post that nobody holds rings with the next on its ladder, goes on, and whoever accepts sees to it", func(t *testing.T, w *Ward) {
		w.As("liam").falls()
		p := w.rings(spr)
		if p == nil || p.Current.User != w.As("grace").User || !strings.HasPrefix(p.What, "Nobody holds Medical registrar on call since ") || p.Need != "cover" || p.From.Name != "Wardline" {
			t.Fatalf("%+v", p)
		}
		if told := w.As("grace").Told(); len(told) != 0 {
			t.Errorf("Grace has the page and was told besides: %q", told)
		}
		if told := w.As("liam").Told(); len(told) != 0 {
			t.Errorf("Liam, who is sick, was told %q", told)
		}
		w.Pass(rung() + time.Second)
		if p = w.rings(spr); p == nil || p.Current.User != w.As("maya").User {
			t.Fatalf("nobody answered, and it is with %v", p)
		}
		ok(t, w.As("maya").Accept(p.ID))
		if w.rings(spr) != nil {
			t.Error("it rings on")
		}
		v, err := w.Rota.View(ctx, spr)
		if ok(t, err); v.Alarm == nil || v.Alarm.By != w.As("maya").User {
			t.Errorf("the alarm is %+v", v.Alarm)
		}
		w.Pass(16 * time.Minute)
		if w.rings(spr) != nil {
			t.Error("it rings again while somebody sees to it")
		}
	})
	in(t, "OK it ends by itself when the post is held again, and says so", func(t *testing.T, w *Ward) {
		away := w.As("liam").falls()
		p := w.rings(spr)
		w.Pass(time.Second)
		ok(t, w.Rota.EndAway(ctx, directory.By{User: w.As("liam").User}, away.ID))
		after, err := w.As("grace").Sees(p.ID)
		if ok(t, err); after.Status != paging.Withdrawn || after.Steps[len(after.Steps)-1].Note != "Liam Hughes holds Medical registrar on call now" {
			t.Errorf("%s: %+v", after.Status, after.Steps)
		}
		if w.rings(spr) != nil {
			t.Error("it rings on")
		}
	})
	in(t, "OK it ends when somebody says at the post that they see to it", func(t *testing.T, w *Ward) {
		w.As("liam").falls()
		p := w.rings(spr)
		ok(t, w.As("ruth").Does(rota.See, spr))
		after, err := w.As("grace").Sees(p.ID)
		if ok(t, err); after.Status != paging.Withdrawn || !strings.HasSuffix(after.Steps[len(after.Steps)-1].Note, "sees to it") {
			t.Errorf("%s: %+v", after.Status, after.Steps)
		}
	})
	in(t, "OK while the site lead sees to SHO 2 it rings with nobody; a post that is not critical never does", func(t *testing.T, w *Ward) {
		w.Pass(time.Minute)
		w.As("yusuf").falls()
		for _, p := range []directory.PostID{"po_med_sho2", "po_pharm"} {
			if w.rings(p) != nil {
				t.Errorf("%s rings", p)
			}
		}
	})
	in(t, "OK when nobody on the ladder can be paged, they are told", func(t *testing.T, w *Ward) {
		w.write(func(ctx context.Context, tx *db.Tx) error {
			ladder, err := directory.Ladder(ctx, tx, spr)
			for _, p := range ladder[1:] {
				if p.Pageable = false; err == nil {
					err = directory.SavePost(ctx, tx, p)
				}
			}
			return err
		})
		w.As("liam").falls()
		if w.rings(spr) != nil {
			t.Error("it rings")
		}
		if told := strings.Join(w.As("grace").Told(), "; "); !strings.Contains(told, "Nobody holds Medical registrar on call") {
			t.Errorf("Grace was told %q", told)
		}
	})
	in(t, "OK an alarm that came and went while the server was down rings with nobody; one that is still so rings once", func(t *testing.T, w *Ward) {
		now := w.now()
		w.duty("du_1", "po_stroke", "ken", now.Add(time.Hour), now.Add(2*time.Hour))
		_, err := w.Rota.SetAway(ctx, directory.By{User: w.As("ken").User}, rota.Away{User: w.As("ken").User, From: now.Add(30 * time.Minute), Until: now.Add(time.Hour), Kind: "other"})
		ok(t, err)
		_, err = w.Rota.SetAway(ctx, directory.By{User: w.As("wei").User}, rota.Away{User: w.As("wei").User, From: now.Add(40 * time.Minute), Until: now.Add(9 * time.Hour), Kind: "other"})
		ok(t, err)
		w.Restart(90 * time.Minute)
		if w.rings("po_stroke") != nil {
			t.Error("the stroke registrar is there, and it rings")
		}
		if p := w.rings("po_anaes"); p == nil || p.Current.User != w.As("maya").User {
			t.Errorf("nobody holds the anaesthetic registrar, and it rings with %+v", p)
		}
	})
	in(t, "ErrAway who is away takes no post, and one who will be is relieved by an alarm in time", func(t *testing.T, w *Ward) {
		w.As("liam").falls()
		_, err := w.Rota.SetAway(ctx, directory.By{User: w.As("ellie").User}, rota.Away{User: w.As("ellie").User, From: w.now().Add(10 * time.Minute), Until: w.now().Add(time.Hour), Kind: "leave"})
		ok(t, err)
		want(t, w.As("liam").Does(rota.Take, spr), fault.Conflict)
		ok(t, w.As("ellie").Does(rota.Take, spr))
		w.Pass(10*time.Minute + time.Second)
		if w.rings(spr) == nil {
			t.Error("Ellie is on leave, and nothing rings")
		}
	})
	in(t, "ErrCrash the alarm and its page are whole or not at all", func(t *testing.T, w *Ward) {
		for _, seam := range []string{"before-commit", "before-wake"} {
			w.Crash(seam, "rota.away", func() { w.As("liam").falls() })
			v, err := w.Rota.View(ctx, spr)
			ok(t, err)
			if (v.Alarm != nil) != (w.rings(spr) != nil) || (v.Alarm != nil) != (seam == "before-wake") {
				t.Errorf("after a crash at %s the alarm is %v and rings %v", seam, v.Alarm, w.rings(spr))
			}
		}
	})
}

// hazard: H6
func TestAsk_Follow(t *testing.T) {
	t.Parallel()
	in(t, "OK a question travels with the post, into a conversation that its new holder was not in, and says so", func(t *testing.T, w *Ward) {
		asha := w.As("asha")
		room := asha.PatientRoom("pt_jones")
		a, err := asha.asks(room, ask.Question, "", "spr", "May he eat?")
		ok(t, err)
		if a.Owner.User != w.As("liam").User {
			t.Fatalf("%+v", a.Owner)
		}
		ok(t, w.As("liam").Does(rota.Give, "po_med_spr", "ruth"))
		ok(t, w.As("ruth").Does(rota.Accept, "po_med_spr"))
		owed := w.As("ruth").owes()
		if len(owed) != 1 || owed[0].Owner.User != w.As("ruth").User || owed[0].Steps[len(owed[0].Steps)-1].Kind != ask.Moved {
			t.Fatalf("%+v", owed)
		}
		if said := strings.Join(w.As("ruth").bodies(room), "; "); !strings.Contains(said, "Ruth Cole holds Medical registrar on call now, and owes the question of Asha Patel") {
			t.Errorf("the room says %s", said)
		}
		if n := len(w.As("liam").owes()); n != 0 {
			t.Errorf("Liam owes %d", n)
		}
	})
	in(t, "OK while nobody holds the post it stays with whom it was, and moves when somebody does", func(t *testing.T, w *Ward) {
		a, err := w.As("asha").asks(w.As("asha").PatientRoom("pt_jones"), ask.Question, "", "spr", "May he eat?")
		ok(t, err)
		w.As("liam").falls()
		if owed, err := w.Asks.Asked(context.Background(), a.From.User); err != nil || len(owed) != 1 || owed[0].Owner.User != w.As("liam").User {
			t.Fatalf("%+v, %v", owed, err)
		}
		ok(t, w.As("hana").Does(rota.Take, "po_med_spr"))
		if owed, err := w.Asks.Asked(context.Background(), a.From.User); err != nil || owed[0].Owner.User != w.As("hana").User {
			t.Errorf("%+v, %v", owed, err)
		}
	})
}
