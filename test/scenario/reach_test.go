package scenario

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wardline/clinical/carrier"
	"wardline/clinical/paging"
	"wardline/clinical/reach"
	"wardline/ground/fault"
)

// telephone is a carrier without a network, which is outside of a bubble's time; the real ones are held to the same contract beside real
// servers in clinical/carrier.
type telephone struct {
	mu   sync.Mutex
	fail error
	got  []carrier.Message
	took func(m carrier.Message) // what happens before Send returns; nil for nothing
}

func (p *telephone) Check(a string) (string, error) {
	if !strings.HasPrefix(a, "+") {
		return "", fault.New(fault.Invalid, "M_INVALID_PARAM", "Write the number with +.")
	}
	return a, nil
}

func (p *telephone) Send(_ context.Context, m carrier.Message) (string, error) {
	p.mu.Lock()
	p.got = append(p.got, m)
	took, fail := p.took, p.fail
	p.mu.Unlock()
	if took != nil {
		took(m)
	}
	return "theirs", fail
}

// Read takes "ref state" as a receipt that proves itself by its first word.
func (p *telephone) Read(r *http.Request) ([]carrier.Receipt, error) {
	var b bytes.Buffer
	_, _ = b.ReadFrom(r.Body)
	part := strings.Fields(b.String())
	if len(part) != 3 || part[0] != "honest" {
		return nil, carrier.ErrForged
	}
	return []carrier.Receipt{{Ref: part[1], State: carrier.State(part[2])}}, nil
}

func (p *telephone) be(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = err
}

func (p *telephone) texts() []carrier.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.got)
}

// phones gives a ward text messages after five seconds and calls after ten, and the registrar and the consultant numbers.
func phones(t *testing.T, w *Ward) (sms, voice *telephone) {
	sms, voice = &telephone{}, &telephone{}
	w.Carriers = reach.Config{Carriers: map[reach.Way]carrier.Carrier{reach.SMS: sms, reach.Voice: voice},
		Urgent: []reach.When{{Way: reach.SMS, After: 5 * time.Second}, {Way: reach.Voice, After: 10 * time.Second}}}
	w.Restart(0)
	for _, who := range []string{"liam", "grace"} {
		u := w.As(who).User
		for _, way := range []reach.Way{reach.SMS, reach.Voice} {
			ok(t, w.Reach.SetContact(context.Background(), u, reach.Person(u), way, "+447700900123"))
		}
	}
	return sms, voice
}

func notes(p paging.Snapshot) string {
	var all []string
	for _, s := range p.Steps {
		if s.Note != "" {
			all = append(all, string(s.Kind)+" "+s.Note)
		} else {
			all = append(all, string(s.Kind))
		}
	}
	return strings.Join(all, ", ")
}

func (w *Ward) receipt(text string) error {
	r, _ := http.NewRequest("POST", "/", strings.NewReader(text))
	return w.Reach.Receive(context.Background(), reach.SMS, r)
}

func TestReach(t *testing.T) {
	t.Parallel()
	in(t, "OK a text, then a call, to whoever has the page, and then to the next", func(t *testing.T, w *Ward) {
		sms, voice := phones(t, w)
		asha := w.As("asha")
		p := asha.Page("po_med_spr", "pt_jones", "NEWS2 9, BP 82/40")
		w.Pass(4 * time.Second)
		if len(sms.texts()) != 0 {
			t.Fatal("the text went at once")
		}
		w.Pass(2 * time.Second)
		got := sms.texts()
		if len(got) != 1 || got[0].To != "+447700900123" || !strings.Contains(got[0].Text, "Urgent page for Medical registrar on call") {
			t.Fatalf("texts: %+v", got)
		}
		for _, secret := range []string{"JONES", "Raj", "NEWS2", "82/40", "Asha"} {
			if strings.Contains(got[0].Text, secret) {
				t.Errorf("the text says %q", secret)
			}
		}
		ok(t, w.receipt("honest "+got[0].Ref+" arrived"))
		ok(t, w.receipt("honest "+got[0].Ref+" arrived"))
		ok(t, w.receipt("honest try_unknown arrived"))
		want(t, w.receipt("forged "+got[0].Ref+" failed"), fault.Hidden)
		w.Pass(5 * time.Second)
		p, err := asha.Sees(p.ID)
		if ok(t, err); notes(p) != "sent, tried text message, taken text message, arrived text message, tried call, taken call" {
			t.Fatalf("steps: %s", notes(p))
		}
		w.Pass(20 * time.Second) // the page is the consultant's now
		if n, m := len(sms.texts()), len(voice.texts()); n != 2 || m != 2 {
			t.Fatalf("%d texts and %d calls, want 2 and 2", n, m)
		}
		ok(t, w.receipt("honest "+got[0].Ref+" failed")) // late, and about who had it before
		ok(t, w.As("grace").Accept(p.ID))
		w.Pass(time.Minute)
		if n, m := len(sms.texts()), len(voice.texts()); n != 2 || m != 2 {
			t.Errorf("after the answer %d texts and %d calls", n, m)
		}
		if strings.Contains(w.Log.String(), "900123") {
			t.Error("a number is in the log")
		}
	})
	in(t, "OK who has looked gets no text, and is called all the same", func(t *testing.T, w *Ward) {
		sms, voice := phones(t, w)
		p := w.As("asha").Page("po_med_spr", "pt_jones", "please")
		_, err := w.Paging.Seen(context.Background(), w.As("liam").User, p.ID)
		ok(t, err)
		w.Pass(15 * time.Second)
		if n, m := len(sms.texts()), len(voice.texts()); n != 0 || m != 1 {
			t.Errorf("%d texts and %d calls, want 0 and 1", n, m)
		}
	})
	in(t, "OK every carrier fails and the page comes to the switchboard", func(t *testing.T, w *Ward) {
		sms, voice := phones(t, w)
		sms.be(errors.New("no route"))
		voice.be(carrier.ErrRefused)
		asha := w.As("asha")
		p := asha.Page("po_med_spr", "pt_jones", "please")
		w.Pass(18 * time.Second)
		if p, _ = asha.Sees(p.ID); notes(p) != "sent, tried text message, tried call, failed call: refused" || len(sms.texts()) < 2 || len(voice.texts()) != 1 {
			t.Fatalf("%s after %d texts and %d calls", notes(p), len(sms.texts()), len(voice.texts()))
		}
		w.Pass(10 * rung())
		if p, _ = asha.Sees(p.ID); !p.Exhausted || p.Status != paging.Open {
			t.Errorf("nobody was reached and the page is %s: %s", p.Status, notes(p))
		}
	})
	in(t, "OK a receipt that is quicker than the carrier's own answer is not undone by it", func(t *testing.T, w *Ward) {
		sms, _ := phones(t, w)
		sms.took = func(m carrier.Message) { ok(t, w.receipt("honest "+m.Ref+" arrived")) }
		asha := w.As("asha")
		p := asha.Page("po_med_spr", "pt_jones", "please")
		w.Pass(6 * time.Second)
		p, err := asha.Sees(p.ID)
		if ok(t, err); notes(p) != "sent, tried text message, arrived text message" {
			t.Errorf("steps: %s", notes(p))
		}
		w.Pass(30 * time.Second)
		if n := len(sms.texts()); n != 2 {
			t.Errorf("%d texts, want one to each holder", n)
		}
	})
	in(t, "OK who pages hears in which ways the holder would be told; a post's number stands in for one that nobody wrote", func(t *testing.T, w *Ward) {
		sms, _ := phones(t, w)
		ctx, liam, maya := context.Background(), w.As("liam").User, w.As("maya").User
		ways, err := w.Reach.Reachable(ctx, "po_med_spr", liam, paging.Urgent)
		if ok(t, err); len(ways) != 2 || ways[0] != (paging.Way{Via: "sms", Detail: "text message after 5 s", Code: "after", MS: 5000}) || ways[1].Detail != "call after 10 s" {
			t.Errorf("liam: %+v", ways)
		}
		if ways, err = w.Reach.Reachable(ctx, "po_med_spr", maya, paging.Urgent); err != nil || len(ways) != 0 {
			t.Errorf("maya, who wrote no number: %+v, %v", ways, err)
		}
		if ways, err = w.Reach.Reachable(ctx, "po_med_spr", liam, paging.Emergency); err != nil || len(ways) != 0 {
			t.Errorf("an emergency, for which this trust plans nothing: %+v, %v", ways, err)
		}
		ok(t, w.Reach.SetContact(ctx, liam, reach.Person(liam), reach.SMS, ""))
		ok(t, w.Reach.SetContact(ctx, liam, reach.Post("po_med_spr"), reach.SMS, "+442079460123"))
		w.As("asha").Page("po_med_spr", "pt_jones", "please")
		w.Pass(6 * time.Second)
		if got := sms.texts(); len(got) != 1 || got[0].To != "+442079460123" {
			t.Errorf("%d texts, want one to the post's own number", len(got))
		}
	})
	in(t, "OK an earlier number is used no more, a wrong one never", func(t *testing.T, w *Ward) {
		sms, _ := phones(t, w)
		liam := w.As("liam").User
		want(t, w.Reach.SetContact(context.Background(), liam, reach.Person(liam), reach.SMS, "2345"), fault.Invalid)
		want(t, w.Reach.SetContact(context.Background(), liam, reach.Person(liam), reach.Pager, "2345"), fault.Invalid)
		w.As("asha").Page("po_med_spr", "pt_jones", "please")
		ok(t, w.Reach.SetContact(context.Background(), liam, reach.Person(liam), reach.SMS, ""))
		w.Pass(15 * time.Second)
		if n := len(sms.texts()); n != 0 {
			t.Errorf("%d texts to a number that was taken back", n)
		}
	})
}

// TestReach_Crash kills the process at each seam of each act that sends: one text more may go, and never one less.
func TestReach_Crash(t *testing.T) {
	t.Parallel()
	for _, seam := range []string{"before-commit", "before-wake", "before-ack"} {
		for _, act := range []string{"reach.begin", "reach.settle"} {
			in(t, seam+" of "+act, func(t *testing.T, w *Ward) {
				sms, voice := phones(t, w)
				asha := w.As("asha")
				p := asha.Page("po_med_spr", "pt_jones", "please")
				w.Crash(seam, act, func() { w.Pass(6 * time.Second) })
				w.Pass(12 * time.Second)
				if n, m := len(sms.texts()), len(voice.texts()); n < 1 || n > 2 || m != 1 {
					t.Errorf("%d texts and %d calls, want one or two and one", n, m)
				}
				refs := map[string]bool{}
				for _, m := range sms.texts() {
					refs[m.Ref] = true
				}
				p, err := asha.Sees(p.ID)
				if ok(t, err); len(refs) != 1 || notes(p) != "sent, tried text message, taken text message, tried call, taken call" {
					t.Errorf("%d names of one text; steps: %s", len(refs), notes(p))
				}
			})
		}
	}
}

// Numbers are their owner's business; a post's belong to whoever keeps its rota; a carrier proves itself.
func TestReach_HTTP(t *testing.T) {
	t.Parallel()
	in(t, "OK", func(t *testing.T, w *Ward) {
		phones(t, w)
		h := w.api()
		code, got := call(t, h, "asha", "PUT", "/me/reach/sms", `{"address":"+447700900999"}`)
		if code != 200 || !strings.Contains(text(got), "+447700900999") {
			t.Fatalf("%d %s", code, text(got))
		}
		for _, c := range []struct {
			who, method, path, body string
			want                    int
		}{
			{"", "GET", "/me/reach", "", 401}, {"", "PUT", "/me/reach/sms", `{"address":""}`, 401},
			{"asha", "PUT", "/me/reach/sms", `{"address":"nobody"}`, 400}, {"asha", "PUT", "/me/reach/fax", `{"address":"+447700900999"}`, 400},
			{"asha", "PUT", "/me/reach/pager", `{"address":"2345"}`, 400}, {"asha", "PUT", "/me/reach/sms", `[]`, 400},
			{"asha", "GET", "/posts/po_med_spr/reach", "", 403}, {"asha", "PUT", "/posts/po_med_spr/reach/sms", `{"address":""}`, 403},
			{"asha", "GET", "/posts/po_none/reach", "", 404},
			{"", "POST", "/carriers/sms/receipt", "forged try_1 arrived", 404}, {"", "POST", "/carriers/fax/receipt", "honest try_1 arrived", 404},
			{"", "POST", "/carriers/pager/receipt", "honest try_1 arrived", 404},
		} {
			if code, got := call(t, h, c.who, c.method, c.path, c.body); code != c.want || strings.Contains(text(got), "900123") {
				t.Errorf("%s %s by %q: %d %s, want %d", c.method, c.path, c.who, code, text(got), c.want)
			}
		}
		_, got = call(t, h, "liam", "GET", "/me/reach", "")
		if strings.Contains(text(got), "900999") || !strings.Contains(text(got), "900123") {
			t.Errorf("liam sees %s", text(got))
		}
	})
}

func text(v any) string {
	raw, _ := json.Marshal(v)
	return string(raw)
}
