package record

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"wardline/clinical/patient"
	"wardline/clinical/record/fhirdouble"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func sample() source {
	return source{Org: Organisation{ODS: "RXX01", Name: "St Elsewhere", Server: "st-elsewhere"}, Decision: "dc_01",
		DecidedAt: time.UnixMilli(1_795_334_460_000), DecidedBy: author{"@lh:st-elsewhere", "Liam Hughes", "Medical SpR"},
		Event: "$m", Room: "!r", WrittenAt: time.UnixMilli(1_795_334_400_000), WrittenBy: author{"@go:st-elsewhere", "Grace Obi", "SHO"},
		Text:    "Treat as hyperkalaemia: 30 mL calcium gluconate 10 %.",
		Patient: patient.Patient{ID: "pt_1", NHS: "9434765919", Traced: true, Family: "Smith", Given: "Ann", Born: "1951-03-03", Hospital: "H 104 223"}}
}

// TestBundle_Golden holds the bytes that other systems read. Run with -update to change them on purpose.
func TestBundle_Golden(t *testing.T) {
	raw, err := sample().build()
	if err != nil {
		t.Fatal(err)
	}
	again, _ := sample().build()
	if !bytes.Equal(raw, again) {
		t.Fatal("the same source gives other bytes")
	}
	var got bytes.Buffer
	if err := json.Indent(&got, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	const file = "testdata/filing.golden.json"
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Fatalf("filing changed; read the diff and run with -update:\n%s", got.Bytes())
	}
}

func double(t *testing.T) (*fhirdouble.Server, *Client) {
	t.Helper()
	s, err := fhirdouble.New("")
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return s, &Client{Base: srv.URL + "/fhir", HTTP: srv.Client()}
}

func TestClient_Files(t *testing.T) {
	s, c := double(t)
	raw, err := sample().build()
	if err != nil {
		t.Fatal(err)
	}
	system := sample().system("decision")
	if found, err := c.find(context.Background(), system, "dc_01"); found != "" || err != nil {
		t.Fatalf("before filing: got %q, %v", found, err)
	}
	first, err := c.post(context.Background(), raw)
	if err != nil || !strings.HasPrefix(first, "DocumentReference/") {
		t.Fatalf("got %q, %v", first, err)
	}
	second, err := c.post(context.Background(), raw)
	if err != nil || second != first {
		t.Fatalf("again: got %q, %v; want %q", second, err, first)
	}
	if found, err := c.find(context.Background(), system, "dc_01"); found != first || err != nil {
		t.Fatalf("search: got %q, %v; want %q", found, err, first)
	}
	for _, kind := range []string{"Communication", "DocumentReference", "Provenance"} {
		if n := s.Count(kind); n != 1 {
			t.Errorf("%d resources of type %s, want 1", n, kind)
		}
	}
	var doc struct {
		Context struct{ Related []reference }
		Subject reference
	}
	if err := json.Unmarshal(s.Resource(first), &doc); err != nil || len(doc.Context.Related) != 1 ||
		!strings.HasPrefix(doc.Context.Related[0].Reference, "Communication/") || doc.Subject.Identifier.Value != "9434765919" {
		t.Fatalf("filed document: %+v, %v", doc, err)
	}
}

func TestClient_Refused(t *testing.T) {
	s, c := double(t)
	raw, _ := sample().build()
	s.Refuse("The patient has died.")
	_, err := c.post(context.Background(), raw)
	var no *refusal
	if !errors.As(err, &no) || no.reason != "The patient has died." || strings.Contains(err.Error(), "died") {
		t.Fatalf("got %v", err)
	}
	s.Refuse("")
	s.SetDown(true)
	if _, err := c.post(context.Background(), raw); err == nil || errors.As(err, &no) && false {
		t.Fatalf("down: got %v", err)
	}
	if _, err := c.find(context.Background(), "a", "b"); err == nil {
		t.Fatal("down: a search that cannot be made must not say that nothing is there")
	}
	s.SetDown(false)
	s.DropAnswers(1)
	if _, err := c.post(context.Background(), raw); err == nil || s.Count("DocumentReference") != 1 {
		t.Fatalf("dropped: got %v with %d documents", err, s.Count("DocumentReference"))
	}
}

// TestClient_WhoIsToBlame: only an answer about the content is a refusal; a proxy's page, credentials and rate limits are not.
func TestClient_WhoIsToBlame(t *testing.T) {
	outcome := `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"invalid","details":{"text":"no"}}]}`
	for _, tt := range []struct {
		status int
		body   string
		refuse bool
	}{{422, outcome, true}, {400, outcome, true}, {412, outcome, true}, {400, "<html>proxy</html>", false}, {401, outcome, false},
		{403, outcome, false}, {404, outcome, false}, {429, outcome, false}, {500, outcome, false}, {503, "", false}, {302, "", false}} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.status)
			_, _ = w.Write([]byte(tt.body))
		}))
		_, err := (&Client{Base: srv.URL, HTTP: srv.Client()}).post(context.Background(), []byte(`{}`))
		srv.Close()
		var no *refusal
		if err == nil || errors.As(err, &no) != tt.refuse {
			t.Errorf("%d %q: got %v, want refusal %v", tt.status, tt.body, err, tt.refuse)
		}
	}
}

func TestClient_FollowsNoRedirect(t *testing.T) {
	asked := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer elsewhere.Close()
	srv := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer srv.Close()
	c := &Client{Base: srv.URL}
	_, postErr := c.post(context.Background(), []byte(`{}`))
	_, findErr := c.find(context.Background(), "a", "b")
	if postErr == nil || findErr == nil || asked != 0 {
		t.Fatalf("got %v, %v, and the other server was asked %d times", postErr, findErr, asked)
	}
}
