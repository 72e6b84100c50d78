package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wardline/clinical/paging"
	"wardline/ground/audit"
	"wardline/ground/dbtest"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// in runs a scenario on a fresh ward, beside others.
func in(t *testing.T, name string, fn func(t *testing.T, w *Ward)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) { begin(t, New(t), fn) })
	})
}

// both runs a scenario on SQLite, and on PostgreSQL when one is at hand.
func both(t *testing.T, name string, fn func(t *testing.T, w *Ward)) {
	in(t, name, fn)
	if os.Getenv(dbtest.Env) == "" {
		return
	}
	t.Run(name+" (PostgreSQL)", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) { begin(t, newWard(t, &pgStore{}), fn) })
	})
}

// begin lets the ward's clocks see what is due now before anything is done.
func begin(t *testing.T, w *Ward, fn func(t *testing.T, w *Ward)) {
	synctest.Wait()
	fn(t, w)
}

func want(t *testing.T, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Fatalf("got %v, want %s", err, kind)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func kinds(p paging.Snapshot) string {
	var all []string
	for _, s := range p.Steps {
		all = append(all, string(s.Kind))
	}
	return strings.Join(all, " ")
}

func TestPage(t *testing.T) {
	t.Parallel()
	both(t, "OK silence passes it on, the next holder accepts, everybody sees it", func(t *testing.T, w *Ward) {
		asha, liam, grace := w.As("asha"), w.As("liam"), w.As("grace")
		p := asha.Page("po_med_spr", "pt_jones", "NEWS2 9, BP 82/40")
		if p.Current.User != liam.User || p.Status != paging.Open || p.Patient.Name != "JONES, Raj" {
			t.Fatalf("held by %s, %s", p.Current.User, p.Status)
		}
		mine, err := w.Paging.Mine(context.Background(), liam.User)
		if ok(t, err); len(mine) != 1 || mine[0].ID != p.ID {
			t.Fatalf("the registrar's box has %d pages", len(mine))
		}
		w.Pass(rung())
		p, err = asha.Sees(p.ID)
		if ok(t, err); p.Current.User != grace.User || kinds(p) != "sent passed" {
			t.Fatalf("after silence: held by %s, %s", p.Current.User, kinds(p))
		}
		want(t, liam.Accept(p.ID), fault.Forbidden)
		ok(t, grace.Accept(p.ID))
		ok(t, grace.Accept(p.ID)) // over bad Wi-Fi an answer is sent twice
		want(t, w.As("maya").Accept(p.ID), fault.Hidden)
		want(t, liam.Accept(p.ID), fault.Conflict)
		p, err = asha.Sees(p.ID)
		if ok(t, err); p.Status != paging.Accepted || p.Accepted.Name != "Grace Obi" || kinds(p) != "sent passed accepted" {
			t.Fatalf("%s by %+v: %s", p.Status, p.Accepted, kinds(p))
		}
		w.Pass(10 * rung())
		if p, _ = asha.Sees(p.ID); kinds(p) != "sent passed accepted" {
			t.Fatalf("an accepted page moved on: %s", kinds(p))
		}
		heard := grace.Hears(p.RoomID)
		if !strings.Contains(string(heard[0].Content), "Accepted by Grace Obi") {
			t.Fatalf("newest event: %s", heard[0].Type)
		}
	})
	both(t, "OK nobody answers: the switchboard keeps it and it is never over", func(t *testing.T, w *Ward) {
		asha, jo := w.As("asha"), w.As("jo")
		p := asha.Page("po_med_spr", "pt_jones", "falls")
		w.Pass(20 * rung())
		p, err := asha.Sees(p.ID)
		if ok(t, err); !p.Exhausted || p.Status != paging.Open || p.Current.User != jo.User || p.Current.DueAt != 0 {
			t.Fatalf("exhausted %v, %s, held by %s", p.Exhausted, p.Status, p.Current.User)
		}
		if strings.Contains(kinds(p), "sho2") || p.Current.Post.ID != "po_switch" {
			t.Fatalf("ladder: %s", kinds(p))
		}
		want(t, w.As("grace").Accept(p.ID), fault.Forbidden)
		ok(t, jo.Accept(p.ID))
	})
	both(t, "OK decline passes at once", func(t *testing.T, w *Ward) {
		p := w.As("asha").Page("po_med_spr", "pt_jones", "x")
		ok(t, w.As("liam").Decline(p.ID, "in theatre"))
		if p, _ = w.As("asha").Sees(p.ID); p.Current.User != w.As("grace").User || kinds(p) != "sent declined passed" {
			t.Fatalf("held by %s: %s", p.Current.User, kinds(p))
		}
	})
	both(t, "OK the same transaction is the same page", func(t *testing.T, w *Ward) {
		first, err := w.As("asha").TryPage("po_med_spr", "pt_jones", "once", "t1")
		ok(t, err)
		again, err := w.As("asha").TryPage("po_med_spr", "pt_jones", "once", "t1")
		if ok(t, err); again.ID != first.ID || again.EventID != first.EventID {
			t.Fatalf("got %s and %s", first.ID, again.ID)
		}
		other, err := w.As("daniel").TryPage("po_med_spr", "pt_jones", "once", "t1")
		if ok(t, err); other.ID == first.ID {
			t.Fatal("another sender got this sender's page")
		}
	})
}

// TestPage_Sight: who learns of a page, and who must not.
func TestPage_Sight(t *testing.T) {
	t.Parallel()
	both(t, "OK a device of the holder that has it is noted once, and one more, and nobody else's", func(t *testing.T, w *Ward) {
		w.Paging.Kind = func(_ context.Context, u id.User, d id.Device) string { return string(d) } // a kind of its own, to see which it was
		p := w.As("asha").Page("po_med_spr", "pt_jones", "x")
		synctest.Wait()
		all := func(r id.Room, pos int64) bool { return r == p.RoomID && pos <= w.Rooms.Position() }
		none := func(id.Room, int64) bool { return false }
		w.Timeline.OnDelivered(w.As("grace").User, "D", all)
		w.Timeline.OnDelivered(w.As("liam").User, "D", none)
		synctest.Wait()
		if p, _ = w.As("asha").Sees(p.ID); kinds(p) != "sent" {
			t.Fatalf("got %s", kinds(p))
		}
		for _, device := range []id.Device{"D", "D", "E", "D", "E", "F"} {
			w.Timeline.OnDelivered(w.As("liam").User, device, all)
			synctest.Wait()
		}
		if p, _ = w.As("asha").Sees(p.ID); notes(p) != "sent, reached D, second E" {
			t.Fatalf("got %s", notes(p))
		}
		raw, err := json.Marshal(p)
		if ok(t, err); strings.Contains(string(raw), "device") {
			t.Errorf("the page tells of devices: %s", raw)
		}
	})
	both(t, "ErrHidden an outsider sees nothing of it", func(t *testing.T, w *Ward) {
		p := w.As("asha").Page("po_med_spr", "pt_jones", "private words")
		porter := w.As("owen")
		_, err := porter.Sees(p.ID)
		want(t, err, fault.Hidden)
		want(t, porter.Accept(p.ID), fault.Hidden)
		_, err = porter.Sees("pg_none")
		want(t, err, fault.Hidden)
		open, err := w.Paging.Open(context.Background(), porter.User)
		if ok(t, err); len(open) != 0 {
			t.Fatalf("sees %d open pages", len(open))
		}
		if heard := porter.Hears(p.RoomID); len(heard) != 0 {
			t.Fatalf("hears %d events", len(heard))
		}
		w.Pass(30 * rung())
		for _, planted := range []string{"private words", "JONES", "Raj", "9990000018", "4417"} {
			if strings.Contains(w.Log.String(), planted) {
				t.Fatalf("%q is in the log", planted)
			}
		}
	})
	both(t, "ErrInvalid wrong patient for the room, unknown post, no need", func(t *testing.T, w *Ward) {
		asha := w.As("asha")
		about := asha.PatientRoom("pt_smith")
		_, err := w.Paging.Raise(context.Background(), asha.User, paging.NewPage{Txn: "a", To: paging.Target{Post: "po_med_spr"}, Urgency: paging.Urgent,
			Patient: "pt_jones", Room: about, What: "x", Need: "attend"})
		want(t, err, fault.Invalid)
		_, err = w.Paging.Raise(context.Background(), asha.User, paging.NewPage{Txn: "b", To: paging.Target{Post: "po_none"}, Urgency: paging.Urgent, Room: about, What: "x", Need: "attend"})
		want(t, err, fault.Invalid)
		_, err = w.Paging.Raise(context.Background(), asha.User, paging.NewPage{Txn: "c", To: paging.Target{Post: "po_med_spr"}, Urgency: paging.Urgent, Room: about, What: "x"})
		want(t, err, fault.Invalid)
		_, err = w.Paging.Raise(context.Background(), w.As("owen").User, paging.NewPage{Txn: "d", To: paging.Target{Post: "po_med_spr"}, Urgency: paging.Urgent, Room: about, What: "x", Need: "ring"})
		want(t, err, fault.Hidden)
	})
	both(t, "OK every step is in the audit, and the chain holds", func(t *testing.T, w *Ward) {
		p := w.As("asha").Page("po_med_spr", "pt_jones", "x")
		w.Pass(rung())
		ok(t, w.As("grace").Accept(p.ID))
		entries, err := audit.ForObject(context.Background(), w.DB, string(p.ID), 10)
		ok(t, err)
		var actions []string
		for _, e := range entries {
			actions = append(actions, e.Action+" "+strings.TrimSuffix(e.Actor, ":st-elsewhere"))
		}
		if got := strings.Join(actions, ", "); got != "page.sent @asha, page.passed system, page.accepted @grace" {
			t.Fatalf("audit: %s", got)
		}
		_, err = audit.Verify(context.Background(), w.DB)
		ok(t, err)
	})
}

func TestPreview(t *testing.T) {
	t.Parallel()
	both(t, "OK says who gets it when", func(t *testing.T, w *Ward) {
		plan, err := w.Paging.Preview(context.Background(), w.As("asha").User, paging.Target{Post: "po_med_spr"}, paging.Urgent, nil, time.Now())
		ok(t, err)
		var got []string
		for _, r := range plan.Steps {
			name := "nobody"
			if r.Holder != nil {
				name = r.Holder.Name
			}
			got = append(got, fmt.Sprintf("%ds %s %s", int(r.After.Seconds()), r.Posts[0].Name, name))
		}
		if s := strings.Join(got, "; "); s != "0s Medical registrar on call Liam Hughes; 20s SHO 1 Grace Obi; 40s SHO 2 nobody; 40s Site lead Maya Lind" || plan.Then != "Switchboard rings" {
			t.Fatalf("got %s; then %s", s, plan.Then)
		}
		if empty := plan.Steps[2]; plan.Last.Name != "Switchboard" || plan.Stays || empty.Note != "nobody holds it" || empty.Why != (paging.Reason{Code: paging.Empty}) || plan.Steps[1].Why.Code != paging.NoAnswer {
			t.Errorf("as codes: %+v, then %+v", plan.Steps, plan.Last)
		}
	})
}

func TestPageGuard(t *testing.T) {
	t.Parallel()
	page := func(w *Ward) (paging.Snapshot, Actor) {
		p := w.As("asha").Page("po_med_spr", "pt_jones", "x")
		w.As("grace").PatientRoom("pt_jones")
		return p, w.As("grace")
	}
	both(t, "ErrForbidden a forged acceptance is refused before it is written", func(t *testing.T, w *Ward) {
		p, grace := page(w)
		before := len(grace.Hears(p.RoomID))
		for name, try := range map[string]func() error{
			"answer by somebody else": func() error {
				_, err := grace.Sends(p.RoomID, paging.AnswerType, map[string]any{"page": p.ID, "answer": "accept"})
				return err
			},
			"step as a message": func() error {
				_, err := grace.Sends(p.RoomID, "m.room.message", map[string]any{"msgtype": "m.notice", "body": "Accepted", paging.StepKey: map[string]any{"kind": "accepted"}})
				return err
			},
			"page as a message": func() error {
				_, err := grace.Sends(p.RoomID, "m.room.message", map[string]any{"msgtype": "m.text", "body": "x", paging.PageKey: map[string]any{"id": p.ID, "status": "accepted"}})
				return err
			},
			"page hidden in an edit": func() error {
				_, err := grace.Sends(p.RoomID, "m.room.message", map[string]any{"msgtype": "m.text", "body": "x",
					"m.new_content": map[string]any{paging.PageKey: map[string]any{"status": "accepted"}}})
				return err
			},
			"step as its own type": func() error {
				_, err := grace.Sends(p.RoomID, paging.StepKey, map[string]any{})
				return err
			},
			"edit of the page": func() error {
				_, err := w.As("asha").Sends(p.RoomID, "m.room.message", map[string]any{"msgtype": "m.text", "body": "never mind",
					"m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": p.EventID}, "m.new_content": map[string]any{"msgtype": "m.text", "body": "never mind"}})
				return err
			},
			"removal of the page": func() error { return w.As("asha").Redacts(p.RoomID, p.EventID) },
			"class of the room": func() error {
				return w.As("asha").Sets(p.RoomID, "uk.wardline.room", map[string]any{"class": "social"})
			},
			"patient of the room": func() error {
				return w.As("asha").Sets(p.RoomID, "uk.wardline.patient", map[string]any{"id": "pt_smith"})
			},
			"encryption": func() error {
				return w.As("asha").Sets(p.RoomID, "m.room.encryption", map[string]any{"algorithm": "m.megolm.v1.aes-sha2"})
			},
		} {
			if err := try(); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s: got %v, want forbidden", name, err)
			}
		}
		if after := len(grace.Hears(p.RoomID)); after != before {
			t.Fatalf("%d events were written", after-before)
		}
		if p, _ := grace.Sees(p.ID); p.Status != paging.Open {
			t.Fatalf("the page is %s", p.Status)
		}
	})
	both(t, "OK the holder's own answer from any client is the answer", func(t *testing.T, w *Ward) {
		p, _ := page(w)
		_, err := w.As("liam").Sends(p.RoomID, paging.AnswerType, map[string]any{"page": p.ID, "answer": "accept", "eta_minutes": 4,
			"m.relates_to": map[string]any{"rel_type": "m.reference", "event_id": p.EventID}})
		ok(t, err)
		p, err = w.As("asha").Sees(p.ID)
		if ok(t, err); p.Status != paging.Accepted || p.Accepted.ETAMinutes != 4 {
			t.Fatalf("%s", p.Status)
		}
		types := []string{}
		for _, ev := range w.As("asha").Hears(p.RoomID)[:2] {
			types = append(types, ev.Type)
		}
		slices.Sort(types)
		if types[0] != "m.room.message" || types[1] != paging.AnswerType {
			t.Fatalf("written: %v", types)
		}
	})
	both(t, "ErrConflict an answer event to a closed page is refused", func(t *testing.T, w *Ward) {
		p, _ := page(w)
		ok(t, w.As("liam").Accept(p.ID))
		_, err := w.As("grace").Sends(p.RoomID, paging.AnswerType, map[string]any{"page": p.ID, "answer": "accept"})
		want(t, err, fault.Conflict)
	})
	both(t, "ErrForbidden an answer in another room", func(t *testing.T, w *Ward) {
		p, _ := page(w)
		other := w.As("liam").PatientRoom("pt_smith")
		_, err := w.As("liam").Sends(other, paging.AnswerType, map[string]any{"page": p.ID, "answer": "accept"})
		want(t, err, fault.Forbidden)
	})
}

func TestPageCrash(t *testing.T) {
	t.Parallel()
	count := func(w *Ward) int {
		all, err := w.Paging.Sent(context.Background(), w.As("asha").User)
		ok(w.T.(*testing.T), err)
		return len(all)
	}
	for _, seam := range []string{"before-commit", "before-wake", "before-ack"} {
		both(t, "raise killed "+seam, func(t *testing.T, w *Ward) {
			w.As("asha").PatientRoom("pt_jones")
			w.Crash(seam, "paging.raise", func() { _, _ = w.As("asha").TryPage("po_med_spr", "pt_jones", "x", "t1") })
			if seam == "before-commit" && count(w) != 0 || seam != "before-commit" && count(w) != 1 {
				t.Fatalf("%d pages on the disk", count(w))
			}
			p, err := w.As("asha").TryPage("po_med_spr", "pt_jones", "x", "t1") // the app sends again what was not acknowledged
			if ok(t, err); count(w) != 1 {
				t.Fatalf("%d pages after the repeat", count(w))
			}
			w.Pass(rung())
			if p, _ = w.As("asha").Sees(p.ID); p.Current.User != w.As("grace").User {
				t.Fatalf("the clock stands: held by %s", p.Current.User)
			}
		})
		both(t, "accept killed "+seam, func(t *testing.T, w *Ward) {
			p := w.As("asha").Page("po_med_spr", "pt_jones", "x")
			w.Crash(seam, "paging.answer", func() { _ = w.As("liam").Accept(p.ID) })
			p, err := w.As("asha").Sees(p.ID)
			ok(t, err)
			if accepted := p.Status == paging.Accepted; accepted != (seam != "before-commit") {
				t.Fatalf("the page is %s", p.Status)
			}
			ok(t, w.As("liam").Accept(p.ID))
			if p, _ = w.As("asha").Sees(p.ID); kinds(p) != "sent accepted" {
				t.Fatalf("got %s", kinds(p))
			}
		})
		both(t, "tick killed "+seam, func(t *testing.T, w *Ward) {
			p := w.As("asha").Page("po_med_spr", "pt_jones", "x")
			w.Crash(seam, "paging.tick", func() { w.Pass(rung()) })
			w.Pass(time.Second)
			if p, _ = w.As("asha").Sees(p.ID); kinds(p) != "sent passed" {
				t.Fatalf("got %s", kinds(p))
			}
		})
	}
	both(t, "OK the clock goes on while nobody is there", func(t *testing.T, w *Ward) {
		p := w.As("asha").Page("po_med_spr", "pt_jones", "x")
		w.Restart(time.Hour)
		p, err := w.As("asha").Sees(p.ID)
		if ok(t, err); p.Current.User != w.As("grace").User {
			t.Fatalf("after an hour's outage: held by %s", p.Current.User)
		}
		if due := time.Until(time.UnixMilli(p.Current.DueAt)); due != rung() {
			t.Fatalf("the next holder has %s, want the whole %s", due, rung())
		}
	})
}
