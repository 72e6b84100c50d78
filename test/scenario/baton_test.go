package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/paging"
	"wardline/clinical/rota"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Does does something to a post.
func (a Actor) Does(verb rota.Verb, post directory.PostID, more ...string) error {
	ask := rota.Ask{Verb: verb, Post: post, By: a.User, Rested: true}
	if len(more) > 0 {
		ask.To, ask.Reason = a.w.As(more[0]).User, more[0]
	}
	_, err := a.w.Rota.Act(context.Background(), ask)
	return err
}

// Told returns what the server has told somebody about their duties, the newest last.
func (a Actor) Told() []string {
	a.w.T.Helper()
	var all []string
	rooms, err := a.w.Rooms.Mutual(context.Background(), Steward, a.User)
	if err != nil {
		a.w.T.Fatal(err)
	}
	for _, r := range rooms {
		feed, err := a.w.Rooms.Feed(context.Background(), r)
		if err != nil {
			a.w.T.Fatal(err)
		}
		if feed.Text("m.room.name", "", "name") != "Duty and rota" {
			continue
		}
		for _, ev := range feed.Newest() {
			var c struct {
				Body string          `json:"body"`
				Duty json.RawMessage `json:"uk.wardline.duty"`
			}
			if json.Unmarshal(ev.Event.Content, &c) == nil && c.Duty != nil {
				all = append(all, c.Body)
			}
		}
	}
	return all
}

func (w *Ward) holder(post directory.PostID) string {
	w.T.Helper()
	d, err := rota.Holder(context.Background(), w.DB, post, w.now())
	if fault.Is(err, fault.NotFound) {
		return ""
	}
	if err != nil {
		w.T.Fatal(err)
	}
	return d.User.Localpart()
}

func (w *Ward) write(fn func(ctx context.Context, tx *db.Tx) error) {
	w.T.Helper()
	if err := w.DB.Write(context.Background(), "test.write", fn); err != nil {
		w.T.Fatal(err)
	}
}

func (w *Ward) keeper(login, service string) {
	w.write(func(ctx context.Context, tx *db.Tx) error {
		return directory.SetKeeper(ctx, tx, w.As(login).User, service, true)
	})
}

// hazard: H6
func TestBaton(t *testing.T) {
	t.Parallel()
	const spr = directory.PostID("po_med_spr")
	ctx := context.Background()
	both(t, "OK pages and conversations travel with the post", func(t *testing.T, w *Ward) {
		asha, liam, grace := w.As("asha"), w.As("liam"), w.As("grace")
		room, err := w.Conversations.Post(ctx, asha.User, spr)
		ok(t, err)
		page := asha.Page(spr, "pt_jones", "x")
		ok(t, liam.Does(rota.Give, spr, "ruth"))
		if w.holder(spr) != "liam" {
			t.Fatalf("held by %s before anybody accepted", w.holder(spr))
		}
		want(t, grace.Does(rota.Accept, spr), fault.Conflict)
		ok(t, w.As("ruth").Does(rota.Accept, spr))
		if w.holder(spr) != "ruth" {
			t.Fatalf("held by %s", w.holder(spr))
		}
		if page, err = asha.Sees(page.ID); err != nil || page.Current.User != w.As("ruth").User {
			t.Fatalf("the page is with %s, %v", page.Current.User, err)
		}
		want(t, liam.Accept(page.ID), fault.Forbidden)
		feed, err := w.Rooms.Feed(ctx, room)
		ok(t, err)
		for u, is := range map[string]string{"asha": "join", "ruth": "join", "liam": "leave"} {
			if got := feed.Membership(w.As(u).User); got != is {
				t.Errorf("%s is %q in the post's conversation, want %q", u, got, is)
			}
		}
		again, err := w.Conversations.Post(ctx, asha.User, spr)
		if ok(t, err); again != room {
			t.Errorf("a second conversation %s, want %s", again, room)
		}
		if told := w.As("liam").Told(); len(told) == 0 || !strings.Contains(told[len(told)-1], "relieved") {
			t.Errorf("Liam was told %q", told)
		}
		past, err := rota.History(ctx, w.DB, spr, 5)
		if ok(t, err); len(past) != 2 || past[0].How != rota.ByGive || past[1].Ended != "given" || past[1].Until.IsZero() {
			t.Errorf("history %+v", past)
		}
		entries, err := audit.ForObject(ctx, w.DB, string(spr), 10)
		if ok(t, err); len(entries) < 3 {
			t.Errorf("%d audit entries", len(entries))
		}
	})
	both(t, "OK nobody holds a critical post: whoever sees to it is told again, and whoever takes it ends the alarm", func(t *testing.T, w *Ward) {
		w.Pass(61 * time.Minute)
		if told := w.As("maya").Told(); len(told) != 1 || !strings.HasPrefix(told[0], "Still: Nobody holds SHO 2 since ") {
			t.Fatalf("Maya was told %q", told)
		}
		if told := w.As("yusuf").Told(); len(told) != 0 {
			t.Errorf("the pharmacist was told %q", told)
		}
		ok(t, w.As("tom").Does(rota.Take, "po_med_sho2"))
		b, err := w.Rota.Board(ctx)
		if ok(t, err); b.Posts["po_med_sho2"].Alarm != nil || len(b.Held(w.As("tom").User)) != 2 {
			t.Errorf("%+v, Tom holds %v", b.Posts["po_med_sho2"], b.Held(w.As("tom").User))
		}
	})
	both(t, "ErrForged a client cannot send a notice about duty", func(t *testing.T, w *Ward) {
		room, err := w.Conversations.Direct(ctx, w.As("tom").User, w.As("asha").User)
		ok(t, err)
		_, err = w.As("tom").Sends(room, "m.room.message", map[string]any{"msgtype": "m.text", "body": "x", "uk.wardline.duty": map[string]string{"kind": "alarm"}})
		want(t, err, fault.Forbidden)
	})
	both(t, "OK who is away in the middle of a duty is replaced by an alarm at once", func(t *testing.T, w *Ward) {
		now := w.now()
		_, err := w.Rota.SetAway(ctx, directory.By{User: w.As("grace").User}, rota.Away{User: w.As("liam").User, From: now, Until: now.Add(time.Hour), Kind: "sick"})
		want(t, err, fault.Forbidden)
		a, err := w.Rota.SetAway(ctx, directory.By{User: w.As("liam").User}, rota.Away{User: w.As("liam").User, From: now, Until: now.Add(time.Hour), Kind: "sick"})
		ok(t, err)
		v, err := w.Rota.View(ctx, spr)
		if ok(t, err); len(v.Holders) != 0 || v.Alarm == nil || v.Alarm.Kind != rota.Empty {
			t.Fatalf("%+v", v)
		}
		ok(t, w.Rota.EndAway(ctx, directory.By{User: w.As("liam").User}, a.ID))
		if w.holder(spr) != "liam" {
			t.Errorf("held by %q after the absence was taken back", w.holder(spr))
		}
	})
	both(t, "OK what the clock missed while the server was down is in the history", func(t *testing.T, w *Ward) {
		now := w.now()
		w.duty("du_1", "po_stroke", "liam", now.Add(time.Hour), now.Add(2*time.Hour))
		w.duty("du_2", "po_stroke", "hana", now.Add(2*time.Hour), now.Add(3*time.Hour))
		w.Pass(time.Minute)
		w.Restart(150 * time.Minute)
		if w.holder("po_stroke") != "hana" {
			t.Fatalf("held by %s", w.holder("po_stroke"))
		}
		past, err := rota.History(ctx, w.DB, "po_stroke", 5)
		ok(t, err)
		if len(past) != 3 || past[1].Name != "Liam Hughes" || !past[1].From.Equal(now.Add(time.Hour)) || !past[1].Until.Equal(now.Add(2*time.Hour)) {
			t.Errorf("history %+v", past)
		}
	})
	both(t, "OK an act is whole or not at all, whenever the server dies", func(t *testing.T, w *Ward) {
		for i, seam := range []string{"before-commit", "before-wake"} {
			ok(t, w.As("asha").Does(rota.Take, "po_med_sho2")) // no effect the second time
			w.Crash(seam, "rota.act", func() { _ = w.As("tom").Does(rota.TakeOver, "po_nic_w7", "theatre") })
			got := w.holder("po_nic_w7")
			if got != []string{"asha", "tom"}[i] {
				t.Errorf("after a crash at %s held by %q", seam, got)
			}
		}
	})
}

// TestBaton_EveryInstant: random rotas over both clock changes, absences, people who take, give and take over, and a server that dies in
// between: at every instant each critical post has its holders or an alarm, and what lists show is what the clock writes down.
//
// hazard: H6
// hazard: H7
func TestBaton_EveryInstant(t *testing.T) {
	t.Parallel()
	for _, change := range []string{"2000-03-25", "2000-10-28"} {
		for seed := range seeds {
			both(t, fmt.Sprintf("OK around %s, seed %d", change, seed), func(t *testing.T, w *Ward) {
				day, err := rota.ParseDate(change)
				ok(t, err)
				w.Only("rota.clock", "conversation.follow", "paging.scheduler")
				w.Policy = paging.Policy{Urgent: time.Hour} // a page that rings for hours at the demo's pace is much work for no more truth
				w.Paging.Policy = w.Policy
				w.SetClock(day.At(18 * 60).Sub(w.now()))
				w.Pass(time.Minute)
				randomDays(t, w, rand.New(rand.NewPCG(seed, 7)), day)
			})
		}
	}
}

func randomDays(t *testing.T, w *Ward, r *rand.Rand, day rota.Date) {
	ctx := context.Background()
	people := []string{"liam", "hana", "grace", "tom", "ruth", "ellie"}
	posts := []directory.PostID{"po_med_spr", "po_med_sho1", "po_stroke"}
	pick := func(of []string) string { return of[r.IntN(len(of))] }
	w.write(func(ctx context.Context, tx *db.Tx) error {
		if err := w.Rota.SetRule(ctx, tx, "po_med_spr", 1, true); err != nil {
			return err
		}
		return w.Rota.SetRule(ctx, tx, "po_med_sho1", 2, false)
	})
	for i := range 30 {
		from := day.At(r.IntN(60*2) * 30)
		w.duty(fmt.Sprint("du_r", i), posts[r.IntN(3)], pick(people), from, from.Add(time.Duration(1+r.IntN(24))*30*time.Minute))
	}
	for range moves {
		who, post := w.As(pick(people)), posts[r.IntN(3)]
		switch r.IntN(11) {
		case 0:
			_ = who.Does(rota.Take, post)
		case 1:
			_ = who.Does(rota.Give, post, pick(people))
		case 2:
			_ = who.Does(rota.Accept, post)
		case 3:
			_ = who.Does(rota.TakeOver, post, "theatre")
		case 4:
			from := w.now().Add(time.Duration(r.IntN(120)-60) * time.Minute)
			_, err := w.Rota.SetAway(ctx, directory.By{User: who.User}, rota.Away{User: who.User, From: from, Until: from.Add(time.Duration(1+r.IntN(300)) * time.Minute), Kind: "other"})
			ok(t, err)
		case 5:
			w.Restart(time.Duration(r.IntN(200)) * time.Minute)
		case 6:
			_ = who.Does(rota.Refuse, post)
		case 7:
			_ = who.Does(rota.See, post)
		case 9: // a machine takes over whose clock is up to ten minutes apart from the last one's
			w.HandOver(time.Duration(r.IntN(120))*time.Second, time.Duration(w.ahead.Load())+time.Duration(r.IntN(1201)-600)*time.Second, r.IntN(2) == 0)
		case 8:
			if ring := w.rings(post); ring != nil {
				_ = Actor{w, ring.Current.User}.Accept(ring.ID)
			}
		}
		w.Pass(time.Duration(1+r.IntN(5400)) * time.Second)
		board, err := w.Rota.Board(ctx)
		ok(t, err)
		for _, p := range posts {
			pl := board.Posts[p]
			if len(pl.Holders) < pl.Must && pl.Alarm == nil {
				t.Fatalf("%s at %s: %d of %d hold it, and no alarm", p, w.now(), len(pl.Holders), pl.Must)
			}
			open, err := w.Rota.Alarms(ctx)
			ok(t, err)
			if pl.Alarm != nil && pl.Alarm.ID == "" { // the clock has not come to it yet; it sleeps half a minute at the longest
				w.Pass(30 * time.Second)
				board, err = w.Rota.Board(ctx)
				ok(t, err)
				pl = board.Posts[p]
			}
			if ring := w.rings(p); (ring != nil) != (pl.Alarm != nil && pl.Alarm.Kind != rota.Late && pl.Alarm.By == "") {
				t.Fatalf("%s at %s: the alarm is %+v, and rings with %v", p, w.now(), pl.Alarm, ring)
			}
			written := false
			for _, a := range open {
				written = written || a.Post == p
			}
			if written != (pl.Alarm != nil) {
				t.Fatalf("%s at %s: the board shows alarm %v, the clock has written %v", p, w.now(), pl.Alarm, written)
			}
		}
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	setup := func(t *testing.T, w *Ward) (id.User, id.User, directory.By) {
		w.keeper("priya", "Medicine")
		from := w.now().Add(10 * 24 * time.Hour)
		w.duty("du_mine", "po_med_spr", "liam", from, from.Add(12*time.Hour))
		w.duty("du_other", "po_med_spr", "hana", from.Add(48*time.Hour), from.Add(60*time.Hour))
		return w.As("liam").User, w.As("hana").User, directory.By{User: w.As("priya").User}
	}
	both(t, "OK a swap is asked, agreed and approved", func(t *testing.T, w *Ward) {
		liam, hana, priya := setup(t, w)
		r, err := w.Rota.Request(ctx, rota.Request{Kind: rota.Swap, Duty: "du_mine", Want: "du_other", By: liam, To: hana})
		ok(t, err)
		_, err = w.Rota.Reply(ctx, priya, r.ID, rota.SayApprove, false)
		want(t, err, fault.Conflict)
		_, err = w.Rota.Reply(ctx, directory.By{User: w.As("tom").User}, r.ID, rota.SayAgree, false)
		want(t, err, fault.Hidden)
		_, err = w.Rota.Reply(ctx, directory.By{User: hana}, r.ID, rota.SayAgree, false)
		ok(t, err)
		_, err = w.Rota.Reply(ctx, directory.By{User: liam}, r.ID, rota.SayApprove, false)
		want(t, err, fault.Forbidden)
		_, err = w.Rota.Reply(ctx, priya, r.ID, rota.SayApprove, false)
		ok(t, err)
		for duty, who := range map[rota.DutyID]id.User{"du_mine": hana, "du_other": liam} {
			if d, err := rota.Find(ctx, w.DB, duty); err != nil || d.User != who {
				t.Errorf("%s is %s's, want %s (%v)", duty, d.User, who, err)
			}
		}
		if told := w.As("hana").Told(); len(told) != 2 {
			t.Errorf("Hana was told %q", told)
		}
	})
	both(t, "OK anybody may cover, and too little rest wants a yes", func(t *testing.T, w *Ward) {
		liam, _, priya := setup(t, w)
		at := w.now().Add(10*24*time.Hour - 14*time.Hour)
		w.duty("du_before", "po_stroke", "ken", at, at.Add(12*time.Hour)) // two hours before
		r, err := w.Rota.Request(ctx, rota.Request{Kind: rota.Cover, Duty: "du_mine", By: liam})
		ok(t, err)
		_, err = w.Rota.Request(ctx, rota.Request{Kind: rota.Cover, Duty: "du_mine", By: liam})
		want(t, err, fault.Conflict)
		_, err = w.Rota.Reply(ctx, directory.By{User: w.As("ken").User}, r.ID, rota.SayAgree, false)
		ok(t, err)
		_, err = w.Rota.Reply(ctx, priya, r.ID, rota.SayApprove, false)
		if f := fault.As(err); f == nil || f.Code != rota.ErrRest {
			t.Fatalf("got %v", err)
		}
		_, err = w.Rota.Reply(ctx, priya, r.ID, rota.SayApprove, true)
		ok(t, err)
	})
	both(t, "ErrTooLate a request lapses when its duty begins, and somebody is told", func(t *testing.T, w *Ward) {
		liam, _, priya := setup(t, w)
		r, err := w.Rota.Request(ctx, rota.Request{Kind: rota.Cover, Duty: "du_mine", By: liam})
		ok(t, err)
		_, err = w.Rota.Request(ctx, rota.Request{Kind: rota.Cover, Duty: "du_other", By: liam})
		want(t, err, fault.Forbidden)
		w.Only("rota.clock", "conversation.follow")
		w.Restart(10*24*time.Hour - time.Hour)
		w.Pass(time.Hour + time.Minute)
		_, err = w.Rota.Reply(ctx, priya, r.ID, rota.SayDecline, false)
		want(t, err, fault.Conflict)
		if told := strings.Join(w.As("liam").Told(), "; "); !strings.Contains(told, "in time") {
			t.Errorf("Liam was told %q", told)
		}
	})
}

func TestPlanning(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	both(t, "OK a pattern is filled, looked at, published, and comes to people's calendars", func(t *testing.T, w *Ward) {
		w.keeper("priya", "Medicine")
		priya := directory.By{User: w.As("priya").User}
		from := rota.DateOf(w.now().Add(30 * 24 * time.Hour))
		p := rota.Pattern{Post: "po_med_sho2", Name: "SHO 2", Starts: from.String(), Cycle: 2, Holidays: rota.AsUsual, Division: rota.England, Lines: []rota.Line{
			{Day: 0, Start: 480, End: 1200, User: w.As("tom").User}, {Day: 0, Start: 1200, End: 1920, User: w.As("ellie").User}, {Day: 1, Start: 480, End: 1200, User: w.As("ellie").User}, {Day: 1, Start: 1200, End: 1920}}}
		_, err := w.Rota.SavePattern(ctx, directory.By{User: w.As("tom").User}, p)
		want(t, err, fault.Forbidden)
		p, err = w.Rota.SavePattern(ctx, priya, p)
		ok(t, err)
		n, err := w.Rota.Fill(ctx, priya, p.ID, from, from.Add(3))
		if ok(t, err); n != 8 {
			t.Fatalf("filled %d", n)
		}
		if n, err = w.Rota.Fill(ctx, priya, p.ID, from, from.Add(3)); err != nil || n != 8 {
			t.Fatalf("filled again: %d, %v", n, err)
		}
		rep, err := w.Rota.Publish(ctx, priya, "po_med_sho2", from, from.Add(3), true, false)
		if ok(t, err); len(rep.Duties) != 6 || len(rep.Gaps) == 0 || len(rep.Rests) != 2 {
			t.Fatalf("%d duties, %d gaps, %d rests", len(rep.Duties), len(rep.Gaps), len(rep.Rests))
		}
		_, err = w.Rota.Publish(ctx, priya, "po_med_sho2", from, from.Add(3), false, false)
		if f := fault.As(err); f == nil || f.Code != rota.ErrRest {
			t.Fatalf("too little rest was planned silently: %v", err)
		}
		_, err = w.Rota.Publish(ctx, priya, "po_med_sho2", from, from.Add(3), false, true)
		ok(t, err)
		if told := w.As("tom").Told(); !strings.Contains(told[len(told)-1], "2 duties") {
			t.Errorf("Tom was told %q", told)
		}
		secret, err := w.Rota.NewLink(ctx, w.As("tom").User)
		ok(t, err)
		cal, err := w.Rota.Calendar(ctx, secret)
		if ok(t, err); strings.Count(string(cal), "SUMMARY:SHO 2\r\n") != 2 || strings.Contains(string(cal), "Ellie") {
			t.Errorf("calendar:\n%s", cal)
		}
		newer, err := w.Rota.NewLink(ctx, w.As("tom").User)
		ok(t, err)
		_, err = w.Rota.Calendar(ctx, secret)
		want(t, err, fault.NotFound)
		ok(t, w.Rota.EndLink(ctx, w.As("tom").User))
		_, err = w.Rota.Calendar(ctx, newer)
		want(t, err, fault.NotFound)
	})
	both(t, "OK the past of a rota is nobody's to change silently: a duty by hand stays when its pattern is filled again", func(t *testing.T, w *Ward) {
		w.keeper("priya", directory.Everything)
		priya := directory.By{User: w.As("priya").User}
		from := rota.DateOf(w.now().Add(30 * 24 * time.Hour))
		p, err := w.Rota.SavePattern(ctx, priya, rota.Pattern{Post: "po_pharm", Name: "x", Starts: from.String(), Cycle: 1, Holidays: rota.AsUsual, Division: rota.England,
			Lines: []rota.Line{{Start: 480, End: 1200, User: w.As("yusuf").User}}})
		ok(t, err)
		_, err = w.Rota.Fill(ctx, priya, p.ID, from, from)
		ok(t, err)
		all, err := rota.Between(ctx, w.DB, "po_pharm", from.At(0), from.Add(1).At(0))
		if ok(t, err); len(all) != 1 {
			t.Fatalf("%d duties", len(all))
		}
		d := all[0]
		d.User = w.As("kate").User
		_, err = w.Rota.Put(ctx, priya, d, false)
		ok(t, err)
		n, err := w.Rota.Fill(ctx, priya, p.ID, from, from)
		if ok(t, err); n != 0 {
			t.Errorf("filled %d over what was changed by hand", n)
		}
	})
}
