package kernel

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestMedia_Later announces a file, lets somebody ask for it, sends it, and reads it under another name.
func TestMedia_Later(t *testing.T) {
	w := newWorld(t)
	uri := w.must("alice", "POST", "/_matrix/media/v1/create", "").text("content_uri")
	name := strings.TrimPrefix(uri, "mxc://hs1/")
	path := v1 + "media/download/hs1/" + name
	w.want("bob", "GET", path+"?timeout_ms=0", "", 504, "M_NOT_YET_UPLOADED")
	put := func(who, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("PUT", "/_matrix/media/v3/upload/hs1/"+name+"?filename=plan.txt", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+w.tokens[who])
		r.Header.Set("Content-Type", "text/plain")
		rec := httptest.NewRecorder()
		w.http.ServeHTTP(rec, r)
		return rec
	}
	for _, c := range []struct {
		who, body string
		status    int
		has       string
	}{{"bob", "x", 403, "M_FORBIDDEN"}, {"alice", strings.Repeat("x", 1<<16+1), 413, "M_TOO_LARGE"}, {"alice", "the plan", 200, "{}"}, {"alice", "again", 409, "M_CANNOT_OVERWRITE_MEDIA"}} {
		if rec := put(c.who, c.body); rec.Code != c.status || !strings.Contains(rec.Body.String(), c.has) {
			t.Errorf("%s sends %.10q: %d %s, want %d %s", c.who, c.body, rec.Code, rec.Body, c.status, c.has)
		}
	}
	for path, want := range map[string]string{path: "inline; filename=plan.txt", path + "/other%20name.txt?allow_redirect=true&allow_remote=false": `inline; filename="other name.txt"`} {
		a := w.ask("bob", "GET", path, "")
		if a.Status != 200 || string(a.Raw) != "the plan" || a.Head.Get("Content-Disposition") != want {
			t.Errorf("%s: %d %q, %s", path, a.Status, a.Raw, a.Head.Get("Content-Disposition"))
		}
	}
	w.want("mallory", "GET", v1+"media/thumbnail/hs1/"+name+"?width=32&height=32", "", 400, "M_UNKNOWN")
	for _, old := range []string{"download", "thumbnail"} {
		w.want("bob", "GET", "/_matrix/media/v3/"+old+"/hs1/"+name+"?width=1&height=1", "", 404, "M_NOT_FOUND")
	}
}

// TestThumbnail_Headers asks for a still and a moving thumbnail.
func TestThumbnail_Headers(t *testing.T) {
	w := newWorld(t)
	p := color.Palette{color.RGBA{255, 0, 0, 255}, color.RGBA{0, 0, 255, 255}}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &gif.GIF{Image: []*image.Paletted{image.NewPaletted(image.Rect(0, 0, 64, 64), p), image.NewPaletted(image.Rect(0, 0, 64, 64), p)}, Delay: []int{1, 1}}); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/_matrix/media/v3/upload", &b)
	r.Header.Set("Authorization", "Bearer "+w.tokens["alice"])
	r.Header.Set("Content-Type", "image/gif")
	rec := httptest.NewRecorder()
	w.http.ServeHTTP(rec, r)
	_, name, _ := strings.Cut(strings.TrimSuffix(rec.Body.String(), `"}`), "mxc://hs1/")
	for query, want := range map[string]string{"": "image/jpeg", "&animated=false": "image/jpeg", "&animated=true": "image/gif"} {
		a := w.ask("bob", "GET", v1+"media/thumbnail/hs1/"+name+"?width=32&height=32&method=crop"+query, "")
		if a.Status != http.StatusOK || a.Head.Get("Content-Type") != want || !strings.HasPrefix(a.Head.Get("Content-Disposition"), "inline; filename=thumbnail.") {
			t.Errorf("%s: %d %s %s", query, a.Status, a.Head.Get("Content-Type"), a.Head.Get("Content-Disposition"))
		}
	}
}
