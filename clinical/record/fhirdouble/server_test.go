package fhirdouble

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// golden is the filing that clinical/record really sends.
func golden(t *testing.T) object {
	t.Helper()
	raw, err := os.ReadFile("../testdata/filing.golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var b object
	if err := json.Unmarshal(raw, &b); err != nil {
		t.Fatal(err)
	}
	return b
}

func post(t *testing.T, s *Server, b any) (int, object) {
	t.Helper()
	raw, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/fhir", strings.NewReader(string(raw)))
	r.Header.Set("Content-Type", "application/fhir+json")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	var res object
	if err := json.Unmarshal(w.Body.Bytes(), &res); err != nil {
		t.Fatalf("answer %q: %v", w.Body, err)
	}
	return w.Code, res
}

func get(s *Server, path string) (int, object) {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	var res object
	_ = json.Unmarshal(w.Body.Bytes(), &res)
	return w.Code, res
}

// at walks into JSON by a path of names and indexes.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			v = v.(object)[p]
		case int:
			v = v.([]any)[p]
		}
	}
	return v
}

func newServer(t *testing.T) *Server {
	t.Helper()
	s, err := New("")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTransaction_OK(t *testing.T) {
	s := newServer(t)
	status, res := post(t, s, golden(t))
	if status != 200 || at(res, "entry", 1, "response", "location") != "DocumentReference/102/_history/1" {
		t.Fatalf("%d %v", status, res)
	}
	if status, o := get(s, "/fhir/DocumentReference/102"); status != 200 || at(o, "context", "related", 0, "reference") != "Communication/101" {
		t.Fatalf("%d %v", status, o)
	}
	if status, o := get(s, "/fhir/DocumentReference?identifier=https://st-elsewhere/fhir/identifier/decision%7Cdc_01"); status != 200 || o["total"] != 1.0 {
		t.Fatalf("%d %v", status, o)
	}
	if _, o := get(s, "/fhir/DocumentReference?identifier=https://st-elsewhere/fhir/identifier/decision%7Cother"); o["total"] != 0.0 {
		t.Fatalf("%v", o)
	}
	if status, _ := post(t, s, golden(t)); status != 200 || s.Count("DocumentReference") != 1 || s.Count("Provenance") != 1 {
		t.Fatalf("again: %d, %d documents", status, s.Count("DocumentReference"))
	}
	if status, o := get(s, "/fhir/metadata"); status != 200 || o["resourceType"] != "CapabilityStatement" || o["fhirVersion"] != "4.0.1" {
		t.Fatalf("%d %v", status, o)
	}
}

// TestTransaction_Strict spoils one thing at a time: each must be refused with an OperationOutcome, and nothing be kept.
func TestTransaction_Strict(t *testing.T) {
	for name, spoil := range map[string]func(b object){
		"not a transaction":      func(b object) { b["type"] = "batch" },
		"no entries":             func(b object) { b["entry"] = []any{} },
		"element of no resource": func(b object) { at(b, "entry", 1, "resource").(object)["colour"] = "blue" },
		"no status":              func(b object) { delete(at(b, "entry", 1, "resource").(object), "status") },
		"unknown code":           func(b object) { at(b, "entry", 1, "resource").(object)["status"] = "finished" },
		"no subject":             func(b object) { delete(at(b, "entry", 0, "resource").(object), "subject") },
		"subject is a staff member": func(b object) {
			at(b, "entry", 0, "resource", "subject").(object)["type"] = "Practitioner"
		},
		"wrong NHS number": func(b object) {
			at(b, "entry", 1, "resource", "subject", "identifier").(object)["value"] = "9434765918"
		},
		"no verification status": func(b object) {
			delete(at(b, "entry", 1, "resource", "subject", "identifier").(object), "extension")
		},
		"wrong ODS code": func(b object) { at(b, "entry", 1, "resource", "custodian", "identifier").(object)["value"] = "rxx 1" },
		"unknown profile": func(b object) {
			at(b, "entry", 1, "resource", "meta", "profile").([]any)[0] = "https://example/Profile"
		},
		"no profile": func(b object) { delete(at(b, "entry", 1, "resource", "meta").(object), "profile") },
		"wrong size": func(b object) { at(b, "entry", 1, "resource", "content", 0, "attachment").(object)["size"] = 1 },
		"wrong hash": func(b object) { at(b, "entry", 1, "resource", "content", 0, "attachment").(object)["hash"] = "AAAA" },
		"not base64": func(b object) { at(b, "entry", 1, "resource", "content", 0, "attachment").(object)["data"] = "&&&" },
		"wrong media type": func(b object) {
			at(b, "entry", 1, "resource", "content", 0, "attachment").(object)["contentType"] = "application/x-sh"
		},
		"not an instant": func(b object) { at(b, "entry", 2, "resource").(object)["recorded"] = "yesterday" },
		"dangling reference": func(b object) {
			at(b, "entry", 2, "resource", "target", 0).(object)["reference"] = "urn:uuid:00000000-0000-8000-8000-000000000000"
		},
		"reference to a stranger": func(b object) {
			at(b, "entry", 2, "resource", "target", 0).(object)["reference"] = "DocumentReference/999"
		},
		"fullUrl used twice":  func(b object) { at(b, "entry", 2).(object)["fullUrl"] = at(b, "entry", 1, "fullUrl") },
		"fullUrl is no urn":   func(b object) { at(b, "entry", 2).(object)["fullUrl"] = "http://x/1" },
		"posted elsewhere":    func(b object) { at(b, "entry", 2, "request").(object)["url"] = "Patient" },
		"put":                 func(b object) { at(b, "entry", 2, "request").(object)["method"] = "PUT" },
		"unknown condition":   func(b object) { at(b, "entry", 2, "request").(object)["ifNoneExist"] = "status=current" },
		"unknown resource":    func(b object) { at(b, "entry", 2, "resource").(object)["resourceType"] = "Patient" },
		"empty list":          func(b object) { at(b, "entry", 2, "resource").(object)["agent"] = []any{} },
		"object for a string": func(b object) { at(b, "entry", 1, "resource").(object)["description"] = object{} },
		"not a bundle":        func(b object) { b["resourceType"] = "Patient" },
	} {
		s := newServer(t)
		b := golden(t)
		spoil(b)
		status, res := post(t, s, b)
		if status < 400 || status > 499 || res["resourceType"] != "OperationOutcome" {
			t.Errorf("%s: %d %v", name, status, res)
		}
		if n := s.Count("Communication") + s.Count("DocumentReference") + s.Count("Provenance"); n != 0 {
			t.Errorf("%s: kept %d resources", name, n)
		}
	}
}

func TestServer_File(t *testing.T) {
	file := filepath.Join(t.TempDir(), "record.json")
	s, err := New(file)
	if err != nil {
		t.Fatal(err)
	}
	if status, res := post(t, s, golden(t)); status != 200 {
		t.Fatalf("%d %v", status, res)
	}
	again, err := New(file)
	if err != nil || again.Count("DocumentReference") != 1 {
		t.Fatalf("after a restart: %v", err)
	}
	if status, _ := post(t, again, golden(t)); status != 200 || again.Count("DocumentReference") != 1 {
		t.Fatalf("%d, %d documents", status, again.Count("DocumentReference"))
	}
}

func TestServer_Down(t *testing.T) {
	s := newServer(t)
	s.SetDown(true)
	if status, _ := get(s, "/fhir/metadata"); status != 503 {
		t.Fatalf("got %d", status)
	}
	s.SetDown(false)
	for path, want := range map[string]int{"/fhir/metadata": 200, "/fhir/Patient/1": 404, "/fhir/DocumentReference/1": 404, "/fhir/DocumentReference": 400,
		"/fhir/DocumentReference?colour=blue": 400, "/fhir/DocumentReference?identifier=a%7Cb&identifier=c": 400} {
		if status, _ := get(s, path); status != want {
			t.Errorf("%s: got %d, want %d", path, status, want)
		}
	}
}

func FuzzTransaction(f *testing.F) {
	raw, err := os.ReadFile("../testdata/filing.golden.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"x","resource":[],"request":{}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := New("")
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/fhir", strings.NewReader(string(body)))
		r.Header.Set("Content-Type", "application/fhir+json")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code == 200 && s.Count("DocumentReference")+s.Count("Communication")+s.Count("Provenance") == 0 {
			t.Fatalf("took %s and kept nothing", body)
		}
	})
}
