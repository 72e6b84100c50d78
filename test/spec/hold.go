package spec

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Departure is an answer that is not as the data has it, and is meant to be so.
type Departure struct {
	ID     string // of the operation, "" for any
	When   string // what the URL or, after "answer:", the answer holds
	Reason string
}

// Departures are all that Hold lets pass. docs/matrix.md lists them.
var Departures = []Departure{
	{"", "msc4140", "An event that is kept back (MSC4140) has no id yet; the answer names the delay."},
	{"sync", "event_format", "A filter that asks for the servers' form gets events without an id, which the data does not describe."},
	{"sync", "event_fields", "A filter that names fields gets events without the others, which the data does not describe."},
	{"getTurnServer", "answer:{}", "A server without a relay answers an empty object, which clients take for \"none\"; the prose has no error for it."},
}

// seen are the tests in which an operation succeeded.
var seen struct {
	sync.Mutex
	by map[string]map[string]bool
}

// Seen returns in which tests each operation succeeded, in the order of their names.
func Seen() map[string][]string {
	seen.Lock()
	defer seen.Unlock()
	all := map[string][]string{}
	for id, tests := range seen.by {
		all[id] = slices.Sorted(maps.Keys(tests))
	}
	return all
}

func saw(op *Operation, test string) {
	seen.Lock()
	defer seen.Unlock()
	if seen.by == nil {
		seen.by = map[string]map[string]bool{}
	}
	if seen.by[op.ID] == nil {
		seen.by[op.ID] = map[string]bool{}
	}
	test, _, _ = strings.Cut(test, "/")
	seen.by[op.ID][test] = true
}

// Hold stands before a server and fails the test on each answer that is not as the specification has it.
func Hold(t *testing.T, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method, url, escaped := r.Method, r.URL.String(), r.URL.EscapedPath()
		c := &copier{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(c, r)
		op := Find(method, escaped)
		if op != nil && c.status < 400 && !strings.HasPrefix(t.Name(), "TestOdd") { // which of the odd requests are made is chance
			saw(op, t.Name())
		}
		if op == nil || !strings.HasPrefix(c.Header().Get("Content-Type"), "application/json") || c.Header().Get("Content-Encoding") != "" || t.Context().Err() != nil {
			return
		}
		body := c.body.Bytes()
		for _, d := range Departures {
			said, ofAnswer := strings.CutPrefix(d.When, "answer:")
			if (d.ID == "" || d.ID == op.ID) && (ofAnswer && string(body) == said || !ofAnswer && strings.Contains(url, said)) {
				return
			}
		}
		if err := op.Check(c.status, body); err != nil {
			t.Errorf("%s %.300s: the answer %d %.600s is not as the specification has it (%s): %v", method, url, c.status, body, op.ID, err)
		}
	})
}

// copier keeps what is written.
type copier struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// Unwrap lets http.ResponseController reach the writer below.
func (c *copier) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// WriteHeader notes the status.
func (c *copier) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

// Write notes the answer.
func (c *copier) Write(b []byte) (int, error) {
	c.body.Write(b)
	return c.ResponseWriter.Write(b)
}
