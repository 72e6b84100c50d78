package preview

import (
	"bytes"
	"image"
	"image/png"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"wardline/ground/dbtest"
	"wardline/ground/fault"
	"wardline/matrix/media"
)

func open(t *testing.T, private bool) *Service {
	t.Helper()
	m, err := media.Open(dbtest.SQLite(t, media.Migrations()), "hs1", filepath.Join(t.TempDir(), "media"), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return New(m, "@server:hs1", true, private)
}

func TestLook(t *testing.T) {
	var drawn bytes.Buffer
	if err := png.Encode(&drawn, image.NewRGBA(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	asked := map[string]int{}
	answer := func(kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			asked[r.URL.Path]++
			if r.Header.Get("Cookie") != "" || r.Header.Get("Referer") != "" || r.Header.Get("Authorization") != "" {
				t.Errorf("%s was asked with %v", r.URL, r.Header)
			}
			w.Header().Set("Content-Type", kind)
			_, _ = io.WriteString(w, body)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/full", answer("text/html; charset=utf-8", `<!DOCTYPE html><html><head><!-- <meta property="og:title" content="no"> --><script>"<meta property=og:title content=no>"</script>
		<title>Lesser</title><META Property='og:title' content="Beds &amp; bays"><meta content="What it says" name=description><meta property=og:image content=/pic.png>
		<meta property="og:title" content="second"></head><body><meta property="og:site_name" content="late"></body>`))
	mux.HandleFunc("/plain", answer("text/html", "<title>\n Only\n a title </title>"))
	mux.HandleFunc("/latin", answer("text/html; charset=iso-8859-1", "<title>caf\xe9</title>"))
	mux.HandleFunc("/pic.png", answer("image/png", drawn.String()))
	mux.HandleFunc("/file", answer("application/pdf", "%PDF"))
	mux.HandleFunc("/large", answer("text/html", "<title>Large</title>"+strings.Repeat(" ", maxPage)))
	mux.HandleFunc("/broken", answer("text/html", `<title>x</title><meta property="og:title" content="`))
	mux.Handle("/away", http.RedirectHandler("/plain", http.StatusFound))
	mux.Handle("/circle", http.RedirectHandler("/circle", http.StatusFound))
	mux.Handle("/inside", http.RedirectHandler("file:///etc/passwd", http.StatusFound))
	srv := httptest.NewServer(mux)
	defer srv.Close()
	s := open(t, true)
	for path, want := range map[string]map[string]any{
		"/full":   {"og:title": "Beds & bays", "og:description": "What it says", "og:image:type": "image/png", "og:image:width": 40, "og:image:height": 30},
		"/plain":  {"og:title": "Only a title"},
		"/latin":  {"og:title": "café"},
		"/away":   {"og:title": "Only a title"},
		"/file":   {},
		"/large":  {"og:title": "Large"},
		"/broken": {"og:title": "x"},
	} {
		got, err := s.Look(t.Context(), srv.URL+path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		got = maps.Clone(got)
		if uri, ok := got["og:image"].(string); ok != (path == "/full") || ok && !strings.HasPrefix(uri, "mxc://hs1/") {
			t.Errorf("%s: the picture is at %v", path, got["og:image"])
		}
		delete(got, "og:image")
		delete(got, "matrix:image:size")
		if !maps.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
	if _, err := s.Look(t.Context(), srv.URL+"/full#part"); err != nil || asked["/full"] != 1 {
		t.Errorf("asked %d times (%v), want once: it was remembered", asked["/full"], err)
	}
	if got, err := s.Look(t.Context(), srv.URL+"/pic.png"); err != nil || got["og:image:width"] != 40 {
		t.Errorf("a picture itself: %v, %v", got, err)
	}
	for _, path := range []string{"/none", "/circle", "/inside"} {
		if _, err := s.Look(t.Context(), srv.URL+path); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", path, err)
		}
	}
	// Where private addresses are not allowed, a server on this machine is as if it were not there.
	before := len(asked)
	outside := open(t, false)
	for _, address := range []string{srv.URL + "/full", "http://localhost/", "http://[::1]/", "http://169.254.169.254/latest", "http://10.0.0.1", "http://example.invalid:22/", "http://0x7f000001/", "http://user@1.1.1.1/"} {
		if _, err := outside.Look(t.Context(), address); !fault.Is(err, fault.NotFound) || fault.As(err).Public != errNone.Public {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"", "x", "ftp://a/b", "file:///etc/passwd", "javascript:1", "https://" + strings.Repeat("x", maxURL)} {
		if _, err := outside.Look(t.Context(), address); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", address, err)
		}
	}
	if len(asked) != before {
		t.Error("a private address was asked")
	}
	outside.On = false
	if _, err := outside.Look(t.Context(), "https://example.invalid/"); fault.As(err) == nil || fault.As(err).Code != "M_UNRECOGNIZED" {
		t.Errorf("switched off: %v", err)
	}
}

// FuzzPage reads pages that are none.
func FuzzPage(f *testing.F) {
	for _, s := range []string{"<", "<meta", "<meta property=", `<meta property="`, "<title>", "<!--", "<script>", "<meta a=b c = 'd' e>", "\xff<title>\xe9</title>", strings.Repeat("<meta property=og:x content=y>", 100)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for name, value := range readPage(body, "") {
			if !strings.HasPrefix(name, "og:") || value == "" || len(value) > maxValue {
				t.Errorf("%q: %q", name, value)
			}
		}
	})
}
