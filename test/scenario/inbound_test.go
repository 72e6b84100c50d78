package scenario

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/inbound"
	"wardline/clinical/paging"
	"wardline/ground/db"
	"wardline/ground/fault"
)

var chief = directory.By{User: "@nadia:st-elsewhere", Admin: true}

func lab(t *testing.T, w *Ward, rules ...inbound.Rule) (inbound.Source, string) {
	t.Helper()
	src, token, err := w.Inbound.NewSource(context.Background(), chief, "Laboratory", 60)
	ok(t, err)
	for i := range rules {
		if rules[i].Source == "lab" {
			rules[i].Source = src.ID
		}
	}
	_, err = w.Inbound.SetRules(context.Background(), chief, 0, rules)
	ok(t, err)
	return src, token
}

func TestInbound(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	potassium := inbound.Rule{Source: "lab", Code: "K", Level: "critical", Post: "po_med_spr", Urgency: paging.Emergency, Need: "ring"}
	both(t, "OK the first rule that fits, once, with the patient", func(t *testing.T, w *Ward) {
		src, token := lab(t, w, potassium, inbound.Rule{Ward: "ward 7", Post: "po_med_sho1", Urgency: paging.Urgent, Need: "attend"})
		if got, err := w.Inbound.Admit(ctx, token); err != nil || got.ID != src.ID {
			t.Fatal(got, err)
		}
		m := inbound.Message{Ref: "r1", Code: "k", Level: "CRITICAL", Text: "K 6.9 at 08:12", Callback: "4417", NHS: "999 000 0018"}
		got, err := w.Inbound.Take(ctx, src, m)
		ok(t, err)
		p := got.Page
		if got.Rule != 1 || p.Post.ID != "po_med_spr" || p.Urgency != paging.Emergency || p.From.Name != "Laboratory" || p.Patient == nil || p.Patient.ID != "pt_jones" {
			t.Fatalf("rule %d, %+v", got.Rule, p.Post)
		}
		m.Text = "changed"
		again, err := w.Inbound.Take(ctx, src, m)
		if ok(t, err); again.Page.ID != p.ID || again.ID != got.ID || again.Fresh {
			t.Fatal("the same twice is two pages")
		}
		ok(t, w.As("liam").Accept(p.ID))
		if seen, err := w.Inbound.Find(ctx, src, got.ID); err != nil || seen.Page.Status != paging.Accepted {
			t.Fatal(seen.Page.Status, err)
		}
		_, err = w.Inbound.Find(ctx, inbound.Source{ID: "src_other"}, got.ID)
		want(t, err, fault.NotFound)
	})
	both(t, "OK what no rule fits goes to the switchboard, and never nowhere", func(t *testing.T, w *Ward) {
		src, _ := lab(t, w, potassium)
		for ref, m := range map[string]inbound.Message{"a": {Text: "odd", NHS: "9990000019"}, "b": {Text: "odd", Post: "po_none"}, "c": {Text: "odd", Stat: true}} {
			m.Ref = ref
			got, err := w.Inbound.Take(ctx, src, m)
			ok(t, err)
			if got.Rule != 0 || got.Page.Post.Name != "Switchboard" || (got.Page.Urgency == paging.Emergency) != m.Stat {
				t.Errorf("%s: %s", ref, got.Page.Post.Name)
			}
			if ref == "a" && (got.Page.Patient != nil || !strings.Contains(got.Page.What, "not known here")) {
				t.Errorf("a number that is wrong: %+v", got.Page.Patient)
			}
		}
		// A rule whose post has been closed since stays as urgent as it was.
		w.write(func(ctx context.Context, tx *db.Tx) error {
			p, err := directory.FindPost(ctx, tx, "po_med_spr")
			if err != nil {
				return err
			}
			p.Closed = true
			return directory.SavePost(ctx, tx, p)
		})
		closed, err := w.Inbound.Take(ctx, src, inbound.Message{Ref: "e", Code: "K", Level: "critical", Text: "K 6.9"})
		if ok(t, err); closed.Page.Post.Name != "Switchboard" || closed.Page.Urgency != paging.Emergency || closed.Page.Need != "ring" {
			t.Errorf("a rule of a closed post: %s %s", closed.Page.Urgency, closed.Page.Post.Name)
		}
		got, err := w.Inbound.Take(ctx, src, inbound.Message{Ref: "d", Text: "to a post", Post: "po_surg_spr"})
		if ok(t, err); got.Page.Post.ID != "po_surg_spr" {
			t.Errorf("asked for a post: %s", got.Page.Post.Name)
		}
	})
	both(t, "Err what cannot be taken, and who may not arrange it", func(t *testing.T, w *Ward) {
		src, token := lab(t, w)
		for _, m := range []inbound.Message{{}, {Ref: "a"}, {Text: "b"}, {Ref: strings.Repeat("x", 101), Text: "b"}, {Ref: "a", Text: "x", Code: strings.Repeat("x", 200)}} {
			_, err := w.Inbound.Take(ctx, src, m)
			want(t, err, fault.Invalid)
		}
		nurse := directory.By{User: w.As("asha").User}
		_, _, err := w.Inbound.NewSource(ctx, nurse, "x", 1)
		want(t, err, fault.Forbidden)
		_, err = w.Inbound.SetRules(ctx, nurse, 1, nil)
		want(t, err, fault.Forbidden)
		_, err = w.Inbound.Sources(ctx, nurse)
		want(t, err, fault.Forbidden)
		_, err = w.Inbound.SetRules(ctx, chief, 0, nil)
		want(t, err, fault.Conflict)
		_, err = w.Inbound.SetRules(ctx, chief, 1, inbound.Rules{{Post: "po_none", Urgency: paging.Urgent, Need: "ring"}})
		want(t, err, fault.Invalid)
		_, err = w.Inbound.SetRules(ctx, chief, 1, inbound.Rules{{Post: "po_med_spr", Urgency: "soon", Need: "ring"}})
		want(t, err, fault.Invalid)
		other, err := w.Inbound.Rotate(ctx, chief, src.ID)
		ok(t, err)
		_, err = w.Inbound.Admit(ctx, token)
		want(t, err, fault.Unauthenticated)
		_, err = w.Inbound.Admit(ctx, "")
		want(t, err, fault.Unauthenticated)
		for err = nil; err == nil; _, err = w.Inbound.Admit(ctx, other) {
			continue
		}
		want(t, err, fault.Limited)
		w.Pass(time.Minute)
		ok(t, w.Inbound.EndSource(ctx, chief, src.ID))
		_, err = w.Inbound.Admit(ctx, other)
		want(t, err, fault.Unauthenticated)
	})
}

func TestInbound_Crash(t *testing.T) {
	t.Parallel()
	for _, seam := range []string{"before-commit", "before-wake", "before-ack"} {
		both(t, "OK killed "+seam+", and sent again", func(t *testing.T, w *Ward) {
			src, _ := lab(t, w)
			m := inbound.Message{Ref: "r1", Text: "K 6.9"}
			w.Crash(seam, "inbound.take", func() { _, _ = w.Inbound.Take(context.Background(), src, m) })
			_, err := w.Inbound.Take(context.Background(), src, m)
			ok(t, err)
			n := 0
			ok(t, paging.Between(context.Background(), w.DB, w.now().Add(-time.Hour), w.now().Add(time.Hour), func(p paging.Page) error {
				if p.From.Name == "Laboratory" {
					n++
				}
				return nil
			}))
			if n != 1 {
				t.Errorf("%d pages", n)
			}
		})
	}
}

func TestFHIRDirectory_Inbound(t *testing.T) {
	t.Parallel()
	post := func(t *testing.T, h http.Handler, token, kind, body string) (int, http.Header, object) {
		t.Helper()
		r := httptest.NewRequest("POST", "/_wardline/fhir/R4/"+kind, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		var v object
		if err := json.Unmarshal(rec.Body.Bytes(), &v); err != nil {
			t.Fatalf("%d %q", rec.Code, rec.Body)
		}
		return rec.Code, rec.Header(), v
	}
	bodies := map[string]string{
		"CommunicationRequest": `{"resourceType":"CommunicationRequest","status":"active","priority":"urgent","identifier":[{"system":"https://lab.st-elsewhere.example","value":"1"}],"category":[{"coding":[{"system":"https://lab.st-elsewhere.example/codes","code":"K"}]}],"subject":{"identifier":{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"9990000018"}},"payload":[{"contentString":"K 6.9"}]}`,
		"Communication":        `{"resourceType":"Communication","status":"in-progress","priority":"stat","identifier":[{"value":"1"}],"recipient":[{"reference":"HealthcareService/po_surg_spr"}],"payload":[{"contentString":"Nurse call, bay C"}]}`,
		"Task":                 `{"resourceType":"Task","status":"requested","intent":"order","priority":"routine","identifier":[{"value":"2"}],"code":{"text":"news2"},"for":{"identifier":{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"9990000018"}},"location":{"display":"Ward 7"},"description":"NEWS2 9, see observations"}`,
	}
	both(t, "OK posted, once, and read again as it stands", func(t *testing.T, w *Ward) {
		_, token := lab(t, w, inbound.Rule{Source: "lab", Code: "K", Post: "po_med_spr", Urgency: paging.Urgent, Need: "ring"})
		h := w.fhir()
		for kind, body := range bodies {
			code, head, v := post(t, h, token, kind, body)
			if code != 201 || v["resourceType"] != kind || !strings.HasSuffix(head.Get("Location"), kind+"/"+v["id"].(string)) {
				t.Fatalf("%s: %d %v", kind, code, v)
			}
			if code, _, again := post(t, h, token, kind, body); code != 200 || again["id"] != v["id"] {
				t.Errorf("%s again: %d %v", kind, code, again)
			}
			if code, read := fhirGet(t, h, token, kind+"/"+v["id"].(string)); code != 200 || read["status"] != v["status"] {
				t.Errorf("%s read: %d %v", kind, code, read)
			}
			if code, read := fhirGet(t, h, "liam", kind+"/"+v["id"].(string)); code != 401 || read["resourceType"] != "OperationOutcome" {
				t.Errorf("%s read by a person: %d %v", kind, code, read)
			}
		}
		mine, err := w.Paging.Mine(context.Background(), w.As("liam").User)
		if ok(t, err); len(mine) != 1 || mine[0].What != "K 6.9" || mine[0].Patient == nil {
			t.Fatalf("%d pages", len(mine))
		}
		ok(t, w.As("liam").Accept(mine[0].ID))
		if code, _, v := post(t, h, token, "CommunicationRequest", bodies["CommunicationRequest"]); code != 200 || v["status"] != "completed" {
			t.Errorf("accepted: %d %v", code, v["status"])
		}
	})
	both(t, "Err malformed, unnamed, of another kind, or without a token", func(t *testing.T, w *Ward) {
		_, token := lab(t, w)
		h := w.fhir()
		for body, want := range map[string]int{"{": 400, `{"resourceType":"Task"}`: 400, `{"resourceType":"Communication","payload":[{"contentString":"x"}]}`: 400, `{"resourceType":"Communication","identifier":[{"value":"1"}]}`: 400} {
			if code, _, v := post(t, h, token, "Communication", body); code != want || v["resourceType"] != "OperationOutcome" {
				t.Errorf("%s: %d %v", body, code, v)
			}
		}
		if code, _, v := post(t, h, "no", "Communication", bodies["Communication"]); code != 401 || v["resourceType"] != "OperationOutcome" {
			t.Errorf("no token: %d %v", code, v)
		}
		if code, v := fhirGet(t, h, token, "Task/in-0"); code != 404 {
			t.Errorf("unknown: %d %v", code, v)
		}
	})
}
