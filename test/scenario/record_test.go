package scenario

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wardline/clinical/record"
	"wardline/ground/audit"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// plan lets the registrar write a plan about Ann Smith.
func plan(w *Ward) (id.Room, id.Event) {
	liam := w.As("liam")
	in := liam.PatientRoom("pt_smith")
	return in, liam.Says(in, "Calcium gluconate 10 % 30 mL, then insulin and glucose.")
}

// filed checks that the record has the decision once, and returns the filing.
func filed(t *testing.T, w *Ward, d record.DecisionID) record.Filing {
	t.Helper()
	f, err := w.Record.Find(context.Background(), w.As("liam").User, d)
	ok(t, err)
	if f.Status != record.Filed || !strings.HasPrefix(f.RecordID, "DocumentReference/") {
		t.Fatalf("filing is %+v after %d posts", f, w.EPR.Posts())
	}
	for _, kind := range []string{"Communication", "DocumentReference", "Provenance"} {
		if n := w.EPR.Count(kind); n != 1 {
			t.Fatalf("the record has %d resources of type %s, want 1", n, kind)
		}
	}
	if w.EPR.Resource(f.RecordID) == nil {
		t.Fatalf("the record has no %s", f.RecordID)
	}
	return f
}

func TestRecord(t *testing.T) {
	t.Parallel()
	in(t, "OK a decision is filed and the room is told", func(t *testing.T, w *Ward) {
		room, m := plan(w)
		d, f, err := w.As("liam").Decides(room, m)
		if ok(t, err); f.Status != record.Waiting || d.Patient.Name != "SMITH, Ann" {
			t.Fatalf("%+v", f)
		}
		synctest.Wait()
		f = filed(t, w, d.ID)
		newest := w.As("liam").Hears(room)[0]
		var c struct {
			Filing record.Filing `json:"uk.wardline.filing"`
		}
		if ok(t, json.Unmarshal(newest.Content, &c)); newest.Type != record.FilingKey || c.Filing.RecordID != f.RecordID {
			t.Fatalf("newest event %s %s", newest.Type, newest.Content)
		}
		again, f2, err := w.As("liam").Decides(room, m)
		if ok(t, err); again.ID != d.ID || f2.Status != record.Filed {
			t.Fatalf("marked again: %s %s", again.ID, f2.Status)
		}
		entries, err := audit.ForObject(context.Background(), w.DB, string(d.ID), 10)
		if ok(t, err); len(entries) != 2 || entries[1].Action != "record.filed" {
			t.Fatalf("audit: %+v", entries)
		}
		if strings.Contains(w.Log.String(), "gluconate") || strings.Contains(w.Log.String(), "943476") {
			t.Fatal("the log holds what was filed")
		}
	})
	in(t, "OK down: it waits, and goes once when the record is back", func(t *testing.T, w *Ward) {
		room, m := plan(w)
		w.EPR.SetDown(true)
		d, _, err := w.As("liam").Decides(room, m)
		ok(t, err)
		w.Pass(10 * time.Minute)
		f, err := w.Record.Find(context.Background(), w.As("liam").User, d.ID)
		if ok(t, err); f.Status != record.Waiting || f.Attempts < 5 || f.Attempts > 25 || f.Reason == "" {
			t.Fatalf("%+v", f)
		}
		told := 0
		for _, ev := range w.As("liam").Hears(room) {
			if ev.Type == record.FilingKey {
				told++
			}
		}
		if told != 1 {
			t.Fatalf("the room was told %d times that it waits, want once", told)
		}
		w.Restart(time.Minute)
		w.EPR.SetDown(false)
		w.Pass(2 * time.Minute)
		filed(t, w, d.ID)
	})
	in(t, "OK back again: one gets through, and all others follow at once", func(t *testing.T, w *Ward) {
		room, m := plan(w)
		w.EPR.SetDown(true)
		liam := w.As("liam")
		_, _, err := liam.Decides(room, m)
		ok(t, err)
		w.Pass(30 * time.Minute)
		var late []record.DecisionID
		for _, text := range []string{"one", "two", "three"} {
			d, _, err := liam.Decides(room, liam.Says(room, text))
			ok(t, err)
			late = append(late, d.ID)
			w.Pass(50 * time.Second)
		}
		w.EPR.SetDown(false)
		w.Pass(61 * time.Second) // the longest pause between tries
		for _, d := range late {
			if f, err := w.Record.Find(t.Context(), liam.User, d); err != nil || f.Status != record.Filed {
				t.Errorf("%+v, %v", f, err)
			}
		}
		if n := w.EPR.Count("DocumentReference"); n != 4 {
			t.Errorf("the record has %d documents, want 4", n)
		}
	})
	in(t, "OK lost answers: committed there, unknown here, filed once", func(t *testing.T, w *Ward) {
		room, m := plan(w)
		w.EPR.DropAnswers(1)
		d, _, err := w.As("liam").Decides(room, m)
		ok(t, err)
		w.Pass(time.Minute)
		filed(t, w, d.ID)
		if w.EPR.Posts() != 1 {
			t.Fatalf("%d posts: the retry must ask before it sends", w.EPR.Posts())
		}
	})
}

// TestRecord_Limits: what is refused, by the record or before it, and what exactly is filed.
func TestRecord_Limits(t *testing.T) {
	t.Parallel()
	in(t, "OK refused: the reason is shown to the room, never logged, never tried again", func(t *testing.T, w *Ward) {
		room, m := plan(w)
		w.EPR.Refuse("The patient is deceased.")
		d, _, err := w.As("liam").Decides(room, m)
		ok(t, err)
		w.Pass(time.Hour)
		f, err := w.Record.Find(context.Background(), w.As("liam").User, d.ID)
		if ok(t, err); f.Status != record.Refused || f.Reason != "The patient is deceased." || w.EPR.Posts() != 1 {
			t.Fatalf("%+v after %d posts", f, w.EPR.Posts())
		}
		if newest := w.As("liam").Hears(room)[0]; newest.Type != "m.room.message" || !strings.Contains(string(newest.Content), "deceased") {
			t.Fatalf("newest event %s", newest.Type)
		}
		if strings.Contains(w.Log.String(), "deceased") {
			t.Fatal("the log holds the reason")
		}
	})
	in(t, "OK what is filed is what is shown: the latest edit", func(t *testing.T, w *Ward) {
		room, m := plan(w)
		_, err := w.As("liam").Sends(room, "m.room.message", map[string]any{"msgtype": "m.text", "body": "* 20 mL", "m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": m},
			"m.new_content": map[string]any{"msgtype": "m.text", "body": "Calcium gluconate 10 % 20 mL."}})
		ok(t, err)
		d, _, err := w.As("liam").Decides(room, m)
		ok(t, err)
		synctest.Wait()
		f := filed(t, w, d.ID)
		var doc struct {
			Content []struct{ Attachment struct{ Data []byte } }
		}
		if ok(t, json.Unmarshal(w.EPR.Resource(f.RecordID), &doc)); !strings.Contains(string(doc.Content[0].Attachment.Data), "20 mL.") {
			t.Fatalf("filed: %s", doc.Content[0].Attachment.Data)
		}
	})
	in(t, "ErrInvalid no patient, another patient, no text; ErrHidden for an outsider", func(t *testing.T, w *Ward) {
		room, m := plan(w)
		_, _, err := w.Record.Decide(context.Background(), w.As("liam").User, room, m, "pt_jones")
		want(t, err, fault.Invalid)
		_, _, err = w.As("owen").Decides(room, m)
		want(t, err, fault.Hidden)
		_, _, err = w.As("liam").Decides(room, "$none")
		want(t, err, fault.Hidden)
		_, _, err = w.As("liam").Decides("!none", m)
		want(t, err, fault.Hidden)
		direct, err := w.Conversations.Direct(context.Background(), w.As("liam").User, w.As("ken").User)
		ok(t, err)
		_, _, err = w.As("liam").Decides(direct, w.As("liam").Says(direct, "Accept"))
		want(t, err, fault.Invalid)
		w.Pass(time.Minute)
		if w.EPR.Posts() != 0 {
			t.Fatal("something was filed")
		}
	})
}

func TestRecordGuard(t *testing.T) {
	t.Parallel()
	in(t, "ErrForbidden a decided message cannot be edited or removed, a decision not forged", func(t *testing.T, w *Ward) {
		room, m := plan(w)
		liam := w.As("liam")
		d, _, err := liam.Decides(room, m)
		ok(t, err)
		synctest.Wait()
		before := len(liam.Hears(room))
		for name, try := range map[string]func() error{
			"edit": func() error {
				_, err := liam.Sends(room, "m.room.message", map[string]any{"msgtype": "m.text", "body": "x", "m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": m},
					"m.new_content": map[string]any{"msgtype": "m.text", "body": "x"}})
				return err
			},
			"removal": func() error { return liam.Redacts(room, m) },
			"forged decision": func() error {
				_, err := liam.Sends(room, "m.room.message", map[string]any{"msgtype": "m.text", "body": "x", record.DecisionKey: map[string]any{"id": d.ID}})
				return err
			},
			"forged filing": func() error {
				_, err := liam.Sends(room, record.FilingKey, map[string]any{record.FilingKey: map[string]any{"decision": d.ID, "status": "filed"}})
				return err
			},
			"forged filing beside a value of the wrong type": func() error {
				_, err := liam.Sends(room, "org.example", map[string]any{"m.relates_to": 7, record.FilingKey: 7})
				return err
			},
		} {
			if err := try(); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s: got %v, want forbidden", name, err)
			}
		}
		if after := len(liam.Hears(room)); after != before {
			t.Fatalf("%d events were written", after-before)
		}
		ok(t, liam.Redacts(room, liam.Says(room, "a message that nobody relies on")))
	})
}

func TestRecordCrash(t *testing.T) {
	t.Parallel()
	for _, act := range []string{"record.decide", "record.attempt", "record.settle"} {
		for _, seam := range []string{"before-commit", "before-wake", "before-ack"} {
			in(t, act+" killed "+seam, func(t *testing.T, w *Ward) {
				room, m := plan(w)
				w.Crash(seam, act, func() {
					_, _, _ = w.As("liam").Decides(room, m)
					synctest.Wait()
				})
				d, _, err := w.As("liam").Decides(room, m) // the app sends again what was not acknowledged
				ok(t, err)
				w.Pass(5 * time.Minute)
				if act != "record.decide" || seam != "before-commit" {
					filed(t, w, d.ID)
					return
				}
				// The decision itself was lost with its acknowledgement, but the record is another machine: in this world it has heard of
				// the lost one, because the process went on after the copy was taken. What counts is that ours is filed, and once.
				f, err := w.Record.Find(context.Background(), w.As("liam").User, d.ID)
				if ok(t, err); f.Status != record.Filed {
					t.Fatalf("%+v", f)
				}
			})
		}
	}
}
