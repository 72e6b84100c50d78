package scenario

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/edge/fhir"
	"wardline/edge/httpx"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/account"
)

func (w *Ward) fhir() http.Handler {
	s := &httpx.Server{Log: w.log, Authenticate: func(_ context.Context, token string) (account.Actor, error) {
		if token == "" {
			return account.Actor{}, fault.New(fault.Unauthenticated, "M_MISSING_TOKEN", "Sign in.")
		}
		return account.Actor{User: w.As(strings.TrimPrefix(token, "admin-")).User, Device: "D", Admin: strings.HasPrefix(token, "admin-")}, nil
	}}
	mux := http.NewServeMux()
	s.Mount(mux, fhir.Routes(fhir.Deps{DB: w.DB, Rota: w.Rota, Inbound: w.Inbound, Name: "St Elsewhere", ODS: "RXX01", Public: "https://chat.st-elsewhere.example", Now: time.Now}))
	return s.Front(mux)
}

func fhirGet(t *testing.T, h http.Handler, who, path string) (int, object) {
	t.Helper()
	r := httptest.NewRequest("GET", "/_wardline/fhir/R4/"+path, nil)
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+who)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	var v object
	if err := json.Unmarshal(rec.Body.Bytes(), &v); err != nil {
		t.Fatalf("%s: %d %q", path, rec.Code, rec.Body)
	}
	// What comes out can be held to a validator that is not ours: docs/protocol.md says how.
	if dir := os.Getenv("WARDLINE_FHIR_OUT"); dir != "" && rec.Code == 200 {
		name := strings.NewReplacer("/", "_", "?", "_", "=", "_", "|", "_", "&", "_", ":", "_").Replace(path)
		if err := os.WriteFile(filepath.Join(dir, name+".json"), rec.Body.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return rec.Code, v
}

var fhirID = regexp.MustCompile(`^[A-Za-z0-9.-]{1,64}$`)

// sound looks at every resource for what R4 asks of it: ids, references that lead somewhere, no empty values.
func sound(t *testing.T, all map[string]object) {
	t.Helper()
	var walk func(where string, v any)
	walk = func(where string, v any) {
		switch v := v.(type) {
		case nil:
			t.Errorf("%s is null", where)
		case string:
			if v == "" {
				t.Errorf("%s is empty", where)
			}
		case []any:
			if len(v) == 0 {
				t.Errorf("%s is an empty list", where)
			}
			for _, one := range v {
				walk(where, one)
			}
		case object:
			for k, one := range v {
				if r, ok := one.(string); ok && k == "reference" && all[r] == nil {
					t.Errorf("%s leads to %s, which is not there", where, r)
				}
				walk(where+"."+k, one)
			}
		}
	}
	must := map[string][]string{"Practitioner": {"name"}, "PractitionerRole": {"practitioner", "organization", "period", "code"}, "Organization": {"name", "identifier"}, "Location": {"name", "status"},
		"HealthcareService": {"name", "providedBy"}, "Endpoint": {"status", "connectionType", "payloadType", "address"}}
	for name, o := range all {
		kind := o["resourceType"].(string)
		if !fhirID.MatchString(o["id"].(string)) || name != kind+"/"+o["id"].(string) {
			t.Errorf("%s: id %q", name, o["id"])
		}
		for _, field := range must[kind] {
			if o[field] == nil {
				t.Errorf("%s has no %s", name, field)
			}
		}
		if kind == "Endpoint" {
			delete(o, "meta")
		}
		walk(name, o)
	}
}

func TestFHIRDirectory(t *testing.T) {
	t.Parallel()
	in(t, "OK every resource is sound, found by its parameters and read alone", func(t *testing.T, w *Ward) {
		w.write(func(ctx context.Context, tx *db.Tx) error {
			p, err := directory.FindPerson(ctx, tx, w.As("liam").User)
			if err != nil {
				return err
			}
			p.Registration, p.Languages = "GMC 7012345", []string{"Welsh"}
			if err := directory.SavePerson(ctx, tx, p); err != nil {
				return err
			}
			if err := directory.SaveSite(ctx, tx, directory.Site{ID: "main", Name: "Main site", ODS: "RXX01"}); err != nil {
				return err
			}
			return directory.SaveWard(ctx, tx, directory.Ward{ID: "w7", Name: "Ward 7", Site: "main"})
		})
		h := w.fhir()
		all := map[string]object{}
		for _, kind := range []string{"Practitioner", "PractitionerRole", "Organization", "Location", "HealthcareService", "Endpoint"} {
			status, b := fhirGet(t, h, "asha", kind+"?_count=200")
			if status != 200 || b["resourceType"] != "Bundle" || b["type"] != "searchset" {
				t.Fatalf("%s: %d %v", kind, status, b)
			}
			entries, _ := b["entry"].([]any)
			if len(entries) == 0 || float64(len(entries)) != b["total"] {
				t.Errorf("%s: %d of %v", kind, len(entries), b["total"])
			}
			for _, e := range entries {
				o := e.(object)["resource"].(object)
				all[kind+"/"+o["id"].(string)] = o
			}
		}
		sound(t, all)
		for _, tt := range []struct {
			path string
			n    float64
		}{
			{"Practitioner?name=hugh", 1}, {"Practitioner?family=Hughes&given=liam", 1}, {"Practitioner?name:exact=hugh", 0},
			{"Practitioner?identifier=https://fhir.hl7.org.uk/Id/gmc-number|7012345", 1}, {"Practitioner?identifier=7012345", 1}, {"Practitioner?_id=liam,tom", 2},
			{"Practitioner?active=false", 0},
			{"PractitionerRole?practitioner=Practitioner/liam", 1}, {"PractitionerRole?service=HealthcareService/po-med-spr", 1}, {"PractitionerRole?role=stroke", 1},
			{"HealthcareService?specialty=medicine", 4}, {"HealthcareService?name=medical+reg", 1}, {"Location?name=ward+7", 1}, {"Location?partof=Location/site-main", 1},
			{"Organization?identifier=RXX01", 1}, {"Endpoint?organization=Organization/trust", 17},
		} {
			if status, b := fhirGet(t, h, "asha", tt.path); status != 200 || b["total"] != tt.n {
				t.Errorf("%s: %d, total %v, want %v", tt.path, status, b["total"], tt.n)
			}
		}
		status, role := fhirGet(t, h, "asha", "PractitionerRole/po-med-spr.liam")
		if status != 200 || role["period"].(object)["start"] == nil {
			t.Errorf("%d %v", status, role)
		}
		if status, c := fhirGet(t, h, "", "metadata"); status != 200 || c["fhirVersion"] != "4.0.1" {
			t.Errorf("metadata: %d %v", status, c)
		}
		seen := 0
		for offset := "0"; offset != ""; {
			_, b := fhirGet(t, h, "asha", "Practitioner?_count=7&_offset="+offset)
			seen += len(b["entry"].([]any))
			offset = ""
			for _, l := range b["link"].([]any) {
				if l := l.(object); l["relation"] == "next" {
					offset = strings.Split(strings.Split(l["url"].(string), "_offset=")[1], "&")[0]
				}
			}
		}
		if seen != 30 {
			t.Errorf("paged through %d people, want 30", seen)
		}
	})
	in(t, "ErrAsked what is not known is said, and who is no staff sees nothing", func(t *testing.T, w *Ward) {
		h := w.fhir()
		for path, want := range map[string]int{"Practitioner?phone=1": 400, "Practitioner?_format=xml": 400, "Patient": 404, "Practitioner/nobody": 404, "Practitioner?_count=x": 400} {
			if status, v := fhirGet(t, h, "asha", path); status != want || v["resourceType"] != "OperationOutcome" {
				t.Errorf("%s: %d %v", path, status, v)
			}
		}
		if status, _ := fhirGet(t, h, "", "Practitioner"); status != 401 {
			t.Errorf("nobody: %d", status)
		}
		if status, v := fhirGet(t, h, "stranger", "Practitioner"); status != 404 {
			t.Errorf("a stranger: %d %v", status, v)
		}
		ok(t, w.Staff.Leave(context.Background(), "@maya:st-elsewhere", w.As("liam").User))
		for _, path := range []string{"Practitioner?name=hughes", "PractitionerRole?practitioner=liam"} {
			if _, v := fhirGet(t, h, "asha", path); v["total"] != 0.0 {
				t.Errorf("%s finds the leaver", path)
			}
		}
		if status, _ := fhirGet(t, h, "liam", "Practitioner"); status != 404 {
			t.Errorf("the leaver: %d", status)
		}
		ok(t, w.As("ruth").Does(rota.Take, "po_med_spr"))
		if _, v := fhirGet(t, h, "asha", "PractitionerRole?service=po-med-spr"); v["total"] != 1.0 || !strings.Contains(v["entry"].([]any)[0].(object)["resource"].(object)["id"].(string), "ruth") {
			t.Errorf("who took it is not shown: %v", v)
		}
	})
}
