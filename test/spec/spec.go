// Package spec holds what the Matrix specification says about each operation of the client-server API, for tests.
//
// It promises that a request is found under the operation that the specification has for it, and that an answer which Check lets pass
// has the form that is written there. The data beside it is derived by test/spec/bundle and never edited: see NOTICE. Nothing of it is
// part of the program. Look first at Operation.
package spec

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Version is the version of the specification that the data is of.
const Version = "v1.19"

//go:embed operations.json
var operationsJSON []byte

//go:embed schemas.json
var schemasJSON []byte

// Parameter is a value that a path, a query or a header takes.
type Parameter struct {
	Name     string         `json:"name"`
	In       string         `json:"in"`
	Required bool           `json:"required"`
	Schema   map[string]any `json:"schema"`
}

// Operation is one method on one path.
type Operation struct {
	ID         string         `json:"id"`
	Method     string         `json:"method"`
	Path       string         `json:"path"`
	File       string         `json:"file"` // of the specification, which is its subject
	Auth       string         `json:"auth"` // "yes", "no" or "maybe"
	Deprecated bool           `json:"deprecated"`
	Variant    bool           `json:"variant"` // a second form of an operation with the same path
	Since      string         `json:"since"`
	Parameters []Parameter    `json:"parameters"`
	Body       any            `json:"body"`      // schema, nil without a body in JSON
	Responses  map[string]any `json:"responses"` // schema by status, false for what is no JSON
}

// Anchor is where the specification's page speaks of the operation.
func (o *Operation) Anchor() string {
	var b strings.Builder
	for _, c := range strings.ToLower(o.Method + o.Path) {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-' {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// Operations returns all of them, in the order of their paths. Callers do not change it.
var Operations = sync.OnceValue(func() []*Operation {
	var all []*Operation
	if err := json.Unmarshal(operationsJSON, &all); err != nil {
		panic(err) // the data is part of this package
	}
	return all
})

// Find returns the operation that a request is for, nil when the specification has none. Paths of the old API r0 are read as v3.
func Find(method, path string) *Operation {
	path, _, _ = strings.Cut(path, "?")
	path = strings.Replace(path, "/client/r0/", "/client/v3/", 1)
	parts := strings.Split(path, "/")
	var best *Operation
	fixed := -1
	for _, o := range Operations() {
		if o.Method != method || o.Variant {
			continue
		}
		if n := fits(strings.Split(o.Path, "/"), parts); n > fixed {
			best, fixed = o, n
		}
	}
	return best
}

// fits returns how many parts of a path are the template's own words, -1 when the path is another.
func fits(template, parts []string) int {
	// A state key may be empty, and may hold slashes.
	if last := len(template) - 1; template[last] == "{stateKey}" && len(parts) > len(template) {
		parts = append(parts[:last:last], strings.Join(parts[last:], "/"))
	} else if template[last] == "{stateKey}" && len(parts) == last {
		parts = append(parts[:last:last], "")
	}
	if len(parts) != len(template) {
		return -1
	}
	n := 0
	for i, t := range template {
		if p, err := url.PathUnescape(parts[i]); t == parts[i] || err == nil && t == p {
			n++
		} else if !strings.HasPrefix(t, "{") || parts[i] == "" && t != "{stateKey}" {
			return -1
		}
	}
	return n
}

// schemas compiles on demand; checks run beside each other.
var schemas struct {
	sync.Mutex
	compiler *jsonschema.Compiler
	done     map[string]*jsonschema.Schema
}

const schemasURL = "https://spec.matrix.org/schemas.json"

// compiled returns a schema of the data; make is asked for it when it is wanted for the first time.
func compiled(key string, make func() any) (*jsonschema.Schema, error) {
	schemas.Lock()
	defer schemas.Unlock()
	if s := schemas.done[key]; s != nil {
		return s, nil
	}
	if schemas.compiler == nil {
		schemas.done = map[string]*jsonschema.Schema{}
		schemas.compiler = jsonschema.NewCompiler()
		for name, sign := range map[string]string{"mx-user-id": "@", "mx-room-id": "!", "mx-room-alias": "#", "mx-event-id": "$", "mx-mxc-uri": "mxc://"} {
			schemas.compiler.RegisterFormat(&jsonschema.Format{Name: name, Validate: func(v any) error {
				if s, ok := v.(string); ok && !strings.HasPrefix(s, sign) {
					return fmt.Errorf("does not begin with %s", sign)
				}
				return nil
			}})
		}
		schemas.compiler.AssertFormat()
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(schemasJSON)))
		if err != nil {
			return nil, err
		}
		if err := schemas.compiler.AddResource(schemasURL, doc); err != nil {
			return nil, err
		}
	}
	at := "https://spec.matrix.org/" + url.PathEscape(key)
	if err := schemas.compiler.AddResource(at, absolute(make())); err != nil {
		return nil, err
	}
	s, err := schemas.compiler.Compile(at)
	if err != nil {
		return nil, err
	}
	schemas.done[key] = s
	return s, nil
}

// absolute makes references lead to the common definitions.
func absolute(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, m := range v {
			out[i] = absolute(m)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k, m := range v {
			if s, ok := m.(string); ok && k == "$ref" {
				out[k] = schemasURL + s
			} else {
				out[k] = absolute(m)
			}
		}
		return out
	}
	return v
}

// Check says what in an answer is not as the specification has it, nil when all is.
func (o *Operation) Check(status int, body []byte) error {
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(body)))
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	said, known := o.Responses[strconv.Itoa(status)]
	if m, ok := v.(map[string]any); status >= 400 && ok && m["errcode"] != nil {
		// Any call may be refused for reasons that are common to all, so a schema for the refusal counts only beside this one.
		if err := check("error", func() any { return map[string]any{"$ref": "#/$defs/error"} }, v); err != nil {
			return err
		}
		if m["flows"] == nil {
			return nil
		}
	}
	if !known {
		if status >= 400 && status != 401 {
			return fmt.Errorf("no errcode in the answer %d", status)
		}
		if status < 400 {
			return fmt.Errorf("the specification has no answer %d", status)
		}
	}
	if said == false || said == nil {
		if known {
			return fmt.Errorf("the specification has no JSON in the answer %d", status)
		}
		return nil
	}
	same := []error{check(o.Method+o.Path+o.ID+strconv.Itoa(status), func() any { return said }, v)}
	for _, other := range Operations() {
		if same[0] != nil && other.Variant && other.Method == o.Method && other.Path == o.Path && other.Responses[strconv.Itoa(status)] != nil {
			if check(other.Method+other.Path+other.ID+strconv.Itoa(status), func() any { return other.Responses[strconv.Itoa(status)] }, v) == nil {
				return nil
			}
		}
	}
	return same[0]
}

func check(key string, make func() any, v any) error {
	s, err := compiled(key, make)
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// definitions are the schemas that others refer to.
var definitions = sync.OnceValue(func() map[string]any {
	var doc struct {
		Defs map[string]any `json:"$defs"`
	}
	if err := json.Unmarshal(schemasJSON, &doc); err != nil {
		panic(err) // the data is part of this package
	}
	return doc.Defs
})

// Definition returns the schema that a reference in an operation leads to.
func Definition(ref string) any { return definitions()[strings.TrimPrefix(ref, "#/$defs/")] }
