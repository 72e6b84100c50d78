package kernel

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wardline/test/spec"
)

// TestRefusals_Methods asks every route with a method that it has not, and paths that nobody has.
func TestRefusals_Methods(t *testing.T) {
	w := newWorld(t)
	for _, route := range slices.Concat(w.app.API.Routes(), w.app.Admin.Routes()) {
		_, path, _ := strings.Cut(route.Pattern, " ")
		if got := w.run(row{route: "PATCH " + path}, "alice", `{}`); got.Status != 405 || got.text("errcode") != "M_UNRECOGNIZED" {
			t.Errorf("PATCH %s: %d %.200s, want 405 M_UNRECOGNIZED", path, got.Status, got.Raw)
		}
	}
	for _, path := range []string{"/_matrix/client/v3/none", "/_matrix/client/v9/sync", "/_matrix/none", "/_matrix/client/v3/rooms/{roomId}/none/x/y", "/_matrix/client/v3/sync/", "/_matrix/client/v3", "/_synapse/none"} {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
			if got := w.ask("alice", method, path, `{}`); got.Status != 404 || got.text("errcode") != "M_UNRECOGNIZED" {
				t.Errorf("%s %s: %d %.200s, want 404 M_UNRECOGNIZED", method, path, got.Status, got.Raw)
			}
		}
	}
}

// TestRefusals_EndedToken asks every route as somebody whose token has ended and may be refreshed.
func TestRefusals_EndedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		<-time.After(2 * time.Hour)
		for _, route := range slices.Concat(w.app.API.Routes(), w.app.Admin.Routes()) {
			if !route.Auth {
				continue
			}
			got := w.run(row{route: route.Pattern}, "alice", `{}`)
			if got.Status != 401 || got.text("errcode") != "M_UNKNOWN_TOKEN" || got.Body["soft_logout"] != true {
				t.Errorf("%s: %d %.200s, want 401 M_UNKNOWN_TOKEN with soft_logout", route.Pattern, got.Status, got.Raw)
			}
		}
	})
}

// operation returns which of the specification's a row is for.
func (r row) operation() *spec.Operation {
	method, path, _ := strings.Cut(r.route, " ")
	for name, v := range r.vars {
		path = strings.ReplaceAll(path, "{"+name+"}", v)
	}
	return spec.Find(method, strings.TrimSuffix(path, "{$}"))
}

// lenient are members that are not looked at, so that anything may stand there.
var lenient = map[string]string{
	"queryKeys timeout":               "no other server is asked, so nothing is waited for",
	"claimKeys timeout":               "no other server is asked, so nothing is waited for",
	"delete3pidFromAccount id_server": "no identity server was ever told",
	"unbind3pidFromAccount id_server": "no identity server was ever told",
}

// TestBodies_EveryOperation takes what succeeds and spoils it: without each member that must be there, with each member of another
// type, and larger than anything may be. None of it may succeed, but for what is listed with a reason.
func TestBodies_EveryOperation(t *testing.T) {
	w := newWorld(t)
	done := map[string]bool{}
	for _, r := range walk() {
		op := r.operation()
		if op == nil || r.want >= 400 || r.body == "" || r.who == "temp" || done[op.ID] {
			if op != nil && r.who != "temp" && r.want < 400 {
				w.run(r, r.who, r.body) // later rows lean on it
			}
			continue
		}
		w.run(r, r.who, r.body)
		schema, _ := op.Body.(map[string]any)
		var body map[string]json.RawMessage
		if schema == nil || json.Unmarshal([]byte(r.body), &body) != nil {
			continue
		}
		done[op.ID] = true
		refusedWith := func(what string, changed map[string]json.RawMessage, want ...string) {
			t.Helper()
			raw, err := json.Marshal(changed)
			if err != nil {
				t.Fatal(err)
			}
			got := w.run(r, r.who, string(raw))
			if !slices.Contains(want, got.text("errcode")) {
				t.Errorf("%s %s: %.200s: %d %.200s, want one of %v", op.ID, what, raw, got.Status, got.Raw, want)
			}
		}
		required, _ := schema["required"].([]any)
		for _, name := range required {
			less := maps.Clone(body)
			delete(less, name.(string))
			refusedWith("without "+name.(string), less, "M_MISSING_PARAM", "M_BAD_JSON", "M_INVALID_PARAM")
		}
		properties, _ := schema["properties"].(map[string]any)
		for name, p := range properties {
			kind, _ := p.(map[string]any)["type"].(string)
			wrong := map[string]string{"string": `[7]`, "integer": `"x"`, "number": `[7]`, "boolean": `"x"`, "array": `"x"`, "object": `"x"`}[kind]
			if wrong == "" || lenient[op.ID+" "+name] != "" {
				continue
			}
			other := maps.Clone(body)
			other[name] = json.RawMessage(wrong)
			refusedWith("with another "+name, other, "M_BAD_JSON", "M_INVALID_PARAM", "M_MISSING_PARAM")
		}
		large := maps.Clone(body)
		large["x.filler"] = json.RawMessage(`"` + strings.Repeat("x", 5<<20) + `"`)
		refusedWith("too large", large, "M_TOO_LARGE")
	}
}
