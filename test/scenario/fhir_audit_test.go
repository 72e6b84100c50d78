package scenario

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestFHIRDirectory_AuditEvents(t *testing.T) {
	t.Parallel()
	in(t, "OK what became of a page, for the trust's audit repository", func(t *testing.T, w *Ward) {
		p := w.As("asha").Page("po_med_spr", "pt_jones", "SECRET words")
		w.Pass(time.Second)
		ok(t, w.As("liam").Accept(p.ID))
		h := w.fhir()
		if code, v := fhirGet(t, h, "asha", "AuditEvent"); code != 404 {
			t.Fatalf("a nurse gets %d: %v", code, v)
		}
		for _, bad := range []string{"AuditEvent?date=2026", "AuditEvent?date=sa2026-01-01", "AuditEvent?_count=0", "AuditEvent?_after=x"} {
			if code, v := fhirGet(t, h, "admin-nadia", bad); code != 400 || v["resourceType"] != "OperationOutcome" {
				t.Errorf("%s: %d %v", bad, code, v)
			}
		}
		day := w.now().UTC().Format(time.DateOnly)
		path := "AuditEvent?date=ge" + day + "&_count=200"
		var actions []string
		for range 20 {
			code, v := fhirGet(t, h, "admin-nadia", path)
			if code != 200 {
				t.Fatalf("%d %v", code, v)
			}
			entries, _ := v["entry"].([]any)
			for _, e := range entries {
				r := e.(object)["resource"].(object)
				about := r["entity"].([]any)[0].(object)["what"].(object)["identifier"].(object)["value"]
				if about == string(p.ID) {
					actions = append(actions, r["subtype"].([]any)[0].(object)["code"].(string))
				}
				for _, d := range r["entity"].([]any) {
					if strings.Contains(strings.ToLower(fmt.Sprint(d)), "secret") {
						t.Errorf("it says what the page said: %v", d)
					}
				}
			}
			next := ""
			for _, l := range v["link"].([]any) {
				if l.(object)["relation"] == "next" {
					_, next, _ = strings.Cut(l.(object)["url"].(string), "/R4/")
				}
			}
			if next == "" {
				break
			}
			path = next
		}
		if got := strings.Join(actions, " "); got != "page.sent page.accepted" {
			t.Errorf("got %q", got)
		}
	})
}
