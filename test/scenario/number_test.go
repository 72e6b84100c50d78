package scenario

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"wardline/clinical/carrier"
	"wardline/clinical/reach"
	"wardline/ground/audit"
	"wardline/ground/fault"
)

// tested is what has become of the newest test of an owner's text messages.
func tested(t *testing.T, w *Ward, o reach.Owner) string {
	t.Helper()
	list, err := w.Reach.Contacts(context.Background(), o)
	ok(t, err)
	for _, c := range list {
		if c.Way == reach.SMS {
			return strings.TrimSpace(c.Test.State + " " + c.Test.Why)
		}
	}
	return "no such way"
}

// TestReach_Number: a test of a number goes by its carrier, says that it is one, is in the audit, and not too often; its state is shown.
func TestReach_Number(t *testing.T) {
	ctx := context.Background()
	in(t, "OK", func(t *testing.T, w *Ward) {
		sms, voice := phones(t, w)
		liam := w.As("liam").User
		if got := tested(t, w, reach.Person(liam)); got != "" {
			t.Errorf("before any test it is %q", got)
		}
		_, err := w.Reach.Try(ctx, liam, reach.Person(liam), reach.SMS)
		ok(t, err)
		got := sms.texts()
		if len(got) != 1 || got[0].To != "+447700900123" || got[0].Text != "TEST of Wardline. Nobody needs you. TEST." || tested(t, w, reach.Person(liam)) != "taken" {
			t.Fatalf("%+v, %s", got, tested(t, w, reach.Person(liam)))
		}
		want(t, w.receipt("forged "+got[0].Ref+" failed"), fault.Hidden)
		ok(t, w.receipt("honest "+got[0].Ref+" arrived"))
		ok(t, w.receipt("honest "+got[0].Ref+" failed")) // late, or twice
		ok(t, w.receipt("honest num_unknown failed"))
		if got := tested(t, w, reach.Person(liam)); got != "arrived" {
			t.Errorf("it is %q", got)
		}
		_, err = w.Reach.Try(ctx, liam, reach.Person(liam), reach.SMS)
		want(t, err, fault.Limited)
		_, err = w.Reach.Try(ctx, liam, reach.Person(liam), reach.Voice) // another number is another matter
		if ok(t, err); len(voice.texts()) != 1 {
			t.Errorf("%d calls", len(voice.texts()))
		}
		w.Pass(61 * time.Second)
		sms.be(fmt.Errorf("%w: no such number", carrier.ErrRefused))
		_, err = w.Reach.Try(ctx, liam, reach.Person(liam), reach.SMS)
		if ok(t, err); tested(t, w, reach.Person(liam)) != "failed refused" {
			t.Errorf("refused, it is %q", tested(t, w, reach.Person(liam)))
		}
		w.Pass(61 * time.Second)
		sms.be(errors.New("no route"))
		_, err = w.Reach.Try(ctx, liam, reach.Person(liam), reach.SMS)
		if ok(t, err); tested(t, w, reach.Person(liam)) != "failed the carrier cannot be reached" {
			t.Errorf("without a network it is %q", tested(t, w, reach.Person(liam)))
		}
		entries, err := audit.ForObject(ctx, w.DB, string(liam), 100)
		ok(t, err)
		n := 0
		for _, e := range entries {
			if e.Action == "reach.test" {
				n++
			}
		}
		if n != 4 || strings.Contains(w.Log.String(), "900123") {
			t.Errorf("%d tests in the audit, want 4", n)
		}
		w.Pass(25 * time.Hour)
		if got := tested(t, w, reach.Person(liam)); got != "" {
			t.Errorf("a day later it still says %q", got)
		}
	})
	in(t, "OK a post's own pager, for whoever keeps it; a page goes to it before the holder's", func(t *testing.T, w *Ward) {
		pager := &telephone{}
		w.Carriers = reach.Config{Carriers: map[reach.Way]carrier.Carrier{reach.Pager: pager}, Urgent: []reach.When{{Way: reach.Pager}}}
		w.Restart(0)
		h := w.api()
		_, got := call(t, h, "maya", "GET", "/posts/po_med_spr", "")
		if keeps, _ := got["keeps"].(bool); !keeps {
			t.Fatalf("who keeps the rota is not told so: %s", text(got))
		}
		if _, got = call(t, h, "asha", "GET", "/posts/po_med_spr", ""); got["keeps"] != nil {
			t.Errorf("asha keeps it: %s", text(got))
		}
		for _, c := range []struct {
			who, method, path, body string
			want                    int
		}{
			{"maya", "POST", "/posts/po_med_spr/reach/pager/test", "{}", 400}, // there is no number yet
			{"maya", "PUT", "/posts/po_med_spr/reach/pager", `{"address":"2345"}`, 400},
			{"maya", "PUT", "/posts/po_med_spr/reach/pager", `{"address":"+2345"}`, 200},
			{"asha", "POST", "/posts/po_med_spr/reach/pager/test", "{}", 403}, {"maya", "POST", "/posts/po_none/reach/pager/test", "{}", 404},
			{"maya", "POST", "/posts/po_med_spr/reach/sms/test", "{}", 400}, {"", "POST", "/me/reach/pager/test", "{}", 401},
			{"asha", "POST", "/me/reach/pager/test", "{}", 400},
			{"maya", "POST", "/posts/po_med_spr/reach/pager/test", "{}", 200}, {"maya", "POST", "/posts/po_med_spr/reach/pager/test", "{}", 429},
		} {
			if code, got := call(t, h, c.who, c.method, c.path, c.body); code != c.want {
				t.Errorf("%s %s by %q: %d %s, want %d", c.method, c.path, c.who, code, text(got), c.want)
			}
		}
		sent := pager.texts()
		if len(sent) != 1 || sent[0].To != "+2345" || sent[0].Text != "TEST of Wardline for Medical registrar on call. Nobody needs you. TEST." {
			t.Fatalf("%+v", sent)
		}
		liam := w.As("liam").User
		ok(t, w.Reach.SetContact(ctx, liam, reach.Person(liam), reach.Pager, "+812"))
		w.As("asha").Page("po_med_spr", "pt_jones", "please")
		w.Pass(time.Second)
		if sent = pager.texts(); len(sent) != 2 || sent[1].To != "+2345" {
			t.Errorf("the page goes to %+v", sent)
		}
	})
}

// TestReach_NumberLimits: not too often, and a crash in between leaves the truth.
func TestReach_NumberLimits(t *testing.T) {
	ctx := context.Background()
	in(t, "ErrLimited after twenty a day", func(t *testing.T, w *Ward) {
		phones(t, w)
		liam := w.As("liam").User
		for range 20 {
			_, err := w.Reach.Try(ctx, liam, reach.Person(liam), reach.SMS)
			ok(t, err)
			w.Pass(2 * time.Minute)
		}
		_, err := w.Reach.Try(ctx, liam, reach.Person(liam), reach.SMS)
		want(t, err, fault.Limited)
	})
	in(t, "OK killed while it is sent, a test says that it is being tried, and the next may go", func(t *testing.T, w *Ward) {
		phones(t, w)
		liam := w.As("liam").User
		w.Crash("before-ack", "reach.number", func() { _, _ = w.Reach.Try(ctx, liam, reach.Person(liam), reach.SMS) })
		if got := tested(t, w, reach.Person(liam)); got != "trying" {
			t.Errorf("it is %q", got)
		}
		w.Pass(2 * time.Minute)
		_, err := w.Reach.Try(ctx, liam, reach.Person(liam), reach.SMS)
		if ok(t, err); tested(t, w, reach.Person(liam)) != "taken" {
			t.Errorf("it is %q", tested(t, w, reach.Person(liam)))
		}
	})
}
