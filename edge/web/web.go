// Package web serves the embedded app: its files, compressed ahead of time, under a strict content policy.
//
// It promises that no page can load anything from elsewhere, that named-by-hash files are kept for ever and the rest is asked for
// again, and that a binary built without the app says so instead of showing nothing. Look first at Handler.
package web

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// policy allows the app its own files and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; " +
	"font-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types svelte-trusted-html wardline wardline-pdf"

type file struct {
	plain, gzip, brotli []byte
	etag, contentType   string
	hashed              bool
}

// Handler serves the files of dist. Paths that are no file get the app's page, which finds its own way.
func Handler(dist fs.FS) (http.Handler, error) {
	files := map[string]*file{}
	err := fs.WalkDir(dist, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(dist, name)
		if err != nil {
			return err
		}
		base := strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".br")
		f := files[base]
		if f == nil {
			f = &file{contentType: contentType(base), hashed: strings.HasPrefix(base, "assets/")}
			files[base] = f
		}
		switch {
		case base == name:
			f.plain = body
			sum := sha256.Sum256(body)
			f.etag = `"` + hex.EncodeToString(sum[:12]) + `"`
		case strings.HasSuffix(name, ".gz"):
			f.gzip = body
		default:
			f.brotli = body
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(w, r, files) }), nil
}

func contentType(name string) string {
	switch path.Ext(name) {
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".webmanifest":
		return "application/manifest+json"
	case ".woff2":
		return "font/woff2"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

func serve(w http.ResponseWriter, r *http.Request, files map[string]*file) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(self), microphone=(self), screen-wake-lock=(self), geolocation=(), payment=(), usb=()")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "Only GET is served here.", http.StatusMethodNotAllowed)
		return
	}
	f := files[strings.TrimPrefix(path.Clean(r.URL.Path), "/")]
	if f == nil || f.plain == nil {
		if strings.HasPrefix(r.URL.Path, "/assets/") {
			http.Error(w, "There is no such file.", http.StatusNotFound)
			return
		}
		f = files["index.html"]
	}
	if f == nil || f.plain == nil {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("The server runs; the web app was not built into it. Run `make` and start it again.\n"))
		return
	}
	h.Set("Content-Type", f.contentType)
	h.Set("ETag", f.etag)
	h.Set("Vary", "Accept-Encoding")
	if f.hashed {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	if r.Header.Get("If-None-Match") == f.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := f.plain
	accept := r.Header.Get("Accept-Encoding")
	switch {
	case f.brotli != nil && strings.Contains(accept, "br"):
		body = f.brotli
		h.Set("Content-Encoding", "br")
	case f.gzip != nil && strings.Contains(accept, "gzip"):
		body = f.gzip
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body)
	}
}
