package client

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"wardline/ground/fault"
	"wardline/matrix/account"
)

//go:embed page.html
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "page.html"))

// proofPath is where the link of a letter leads.
const proofPath = "/_wardline/account/confirm"

// page is what a small page of this server shows: a heading, sentences, and at most one form.
type page struct {
	Title   string
	Lines   []string
	Problem string
	Ways    []link // to sign in elsewhere, before the form
	Code    string // to be read out or compared
	Facts   []fact
	Action  string // where the form goes, "" for no form
	Hidden  []field
	Fields  []field
	Buttons []button
	Links   []link
	Done    bool // tells the app that opened the page, by the one script that any page has
}

type fact struct{ Name, Value string }

type field struct {
	Name, Label, Type, Value, Auto string
	Optional                       bool
}

type button struct {
	Name, Value, Text string
	Second            bool
}

type link struct{ URL, Text string }

// show writes a page that runs no script, loads nothing, is framed by nobody, and posts only to this server. to are further places to
// which the form's answer may lead on.
func (p page) show(w http.ResponseWriter, status int, to ...string) error {
	var b strings.Builder
	if err := pages.ExecuteTemplate(&b, "page", p); err != nil {
		return err
	}
	head := w.Header()
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Content-Length", strconv.Itoa(b.Len()))
	script := ""
	if p.Done {
		script = "script-src 'sha256-" + pageScript + "'; "
	}
	head.Set("Content-Security-Policy", "default-src 'none'; "+script+"style-src 'sha256-"+pageStyle+"'; base-uri 'none'; frame-ancestors 'none'; form-action "+strings.Join(append([]string{"'self'"}, to...), " "))
	head.Set("Cache-Control", "no-store")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("X-Frame-Options", "DENY")
	head.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(b.String())) // the reader may have gone
	return nil
}

// proofPage asks once more before an address is taken as proved: programs that look at mail follow links, people press buttons.
func (h *API) proofPage(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	q := r.URL.Query()
	return page{Title: "Confirm your address", Lines: []string{"Press the button to confirm that you asked for this. Then go back to your app."},
		Action: proofPath, Hidden: []field{{Name: "sid", Value: q.Get("sid")}, {Name: "token", Value: q.Get("token")}},
		Buttons: []button{{Text: "Confirm"}}}.show(w, http.StatusOK)
}

func (h *API) confirmProof(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	err := h.Accounts.Confirm(r.Context(), r.PostFormValue("sid"), r.PostFormValue("token"))
	if fault.Is(err, fault.Invalid) {
		return page{Title: "That did not work", Lines: []string{"The link has ended, or is not whole. Ask your app for a new one."}}.show(w, http.StatusBadRequest)
	}
	if err != nil {
		return err
	}
	return page{Title: "Confirmed", Lines: []string{"Your address is confirmed. Go back to your app; you can close this page."}}.show(w, http.StatusOK)
}

// pageStyle and pageScript are the hashes of the one style sheet and the one script, which are parts of the pages.
var pageStyle, pageScript = partHash("style"), partHash("done")

func partHash(name string) string {
	var b strings.Builder
	if err := pages.ExecuteTemplate(&b, name, nil); err != nil {
		panic(err) // the template is part of the program
	}
	sum := sha256.Sum256([]byte(b.String()))
	return base64.StdEncoding.EncodeToString(sum[:])
}
