package kernel

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"wardline/test/spec"
)

var (
	fuzzFor  = flag.Duration("fuzz-for", 0, "how long TestOdd_Generated goes on; 0 is 1,000 requests")
	fuzzSeed = flag.Uint64("fuzz-seed", 1, "where the requests of TestOdd_Generated begin")
)

// maker makes requests of about the form that a schema has.
type maker struct {
	*rand.Rand
	w *world
}

func (m maker) one(of ...string) string { return of[m.IntN(len(of))] }

// text is mostly something that exists.
func (m maker) text() string {
	if m.IntN(4) == 0 {
		return odd[m.IntN(len(odd))]
	}
	return m.one("@alice:hs1", "@bob:hs1", "@none:hs1", m.w.vars["roomId"], m.w.vars["eventId"], "#open:hs1", "m.room.message", "m.read", "m.text", "f", "b", "pw", "1", "m.room.member", "join", "public", "global", "override", "m.login.dummy", m.w.vars["device of alice"], "mxc://hs1/x")
}

// value fits the schema four times in five.
func (m maker) value(schema any, depth int) any {
	s, _ := schema.(map[string]any)
	if ref, ok := s["$ref"].(string); ok {
		return m.value(spec.Definition(ref), depth+1)
	}
	kind, _ := s["type"].(string)
	if kind == "" && s["properties"] != nil {
		kind = "object"
	}
	if list, ok := s["enum"].([]any); ok && m.IntN(5) > 0 {
		return list[m.IntN(len(list))]
	}
	if m.IntN(5) == 0 || kind == "" {
		kind = m.one("string", "integer", "number", "boolean", "array", "object", "null")
	}
	switch kind {
	case "string":
		return m.text()
	case "integer":
		return []int64{0, 1, -1, 7, 100, 1 << 31, 1<<53 - 1, -1 << 53, 1 << 62}[m.IntN(9)]
	case "number":
		return []float64{0, 0.5, -1, 1e300}[m.IntN(4)]
	case "boolean":
		return m.IntN(2) == 0
	case "array":
		list := []any{}
		for range m.IntN(3) {
			if depth < 6 {
				list = append(list, m.value(s["items"], depth+1))
			}
		}
		return list
	case "object":
		o := map[string]any{}
		if depth > 6 {
			return o
		}
		all, _ := s["allOf"].([]any)
		for _, part := range append(all, s) {
			p, _ := part.(map[string]any)
			if ref, ok := p["$ref"].(string); ok {
				p, _ = spec.Definition(ref).(map[string]any)
			}
			members, _ := p["properties"].(map[string]any)
			for name, member := range members {
				if m.IntN(3) > 0 {
					o[name] = m.value(member, depth+1)
				}
			}
		}
		if s["additionalProperties"] != nil || len(o) == 0 {
			o[m.text()] = m.value(s["additionalProperties"], depth+1)
		}
		return o
	}
	return nil
}

// TestOdd_Generated sends requests that are made from the specification's schemas, with something wrong in most of them, and wants no
// call to break. tools/fuzz.sh lets it run for longer.
func TestOdd_Generated(t *testing.T) {
	w := newWorld(t)
	bare := w.app.HTTP.Front(w.app.Mux) // not held to schemas: what a client stored wrongly comes back as it was stored
	begun, n := time.Now(), 0
	ops := spec.Operations()
	for ; *fuzzFor == 0 && n < 1000 || time.Since(begun) < *fuzzFor; n++ {
		m := maker{rand.New(rand.NewPCG(*fuzzSeed, uint64(n))), w}
		op := ops[m.IntN(len(ops))]
		if containsAny(op.Path, []string{"/logout", "/deactivate", "/delete_devices", "/account/password"}) || op.Method == "DELETE" && strings.Contains(op.Path, "/devices/") {
			continue
		}
		path, query := op.Path, url.Values{"timeout": {"0"}}
		for _, p := range op.Parameters {
			v := m.text()
			if known := map[string]string{"roomId": w.vars["roomId"], "eventId": w.vars["eventId"], "userId": "@alice:hs1", "roomIdOrAlias": w.vars["roomId"]}[p.Name]; known != "" && m.IntN(4) > 0 {
				v = known
			}
			if p.In == "path" {
				if v == "" {
					v = "x"
				}
				path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(v))
			} else if p.In == "query" && m.IntN(2) == 0 && !strings.HasPrefix(p.Name, "timeout") {
				query.Set(p.Name, fmt.Sprint(m.value(p.Schema, 0)))
			}
		}
		body := ""
		if op.Body != nil {
			raw, err := json.Marshal(m.value(op.Body, 0))
			if err != nil {
				t.Fatal(err)
			}
			body = string(raw)
		}
		u, err := url.Parse(path + "?" + query.Encode())
		if err != nil {
			continue
		}
		r := httptest.NewRequest(op.Method, "/", strings.NewReader(body))
		r.URL, r.RequestURI = u, u.String()
		r.Header.Set("Authorization", "Bearer "+w.tokens["alice"])
		rec := httptest.NewRecorder()
		bare.ServeHTTP(rec, r)
		known := rec.Code == 502 || rec.Code == 504 // another machine's fault, or a file that is not there yet
		if rec.Code >= 500 && !known {
			t.Errorf("seed %d, request %d: %s %.300s with %.500s: %d %.200s", *fuzzSeed, n, op.Method, u, body, rec.Code, rec.Body)
		}
	}
	t.Logf("%d requests", n)
}
