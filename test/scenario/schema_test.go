package scenario

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wardline/clinical/paging"
	"wardline/clinical/record"
)

const schemas = "../../docs/protocol/"

type object = map[string]any

func load(t *testing.T, file string) object {
	t.Helper()
	raw, err := os.ReadFile(schemas + file)
	ok(t, err)
	var v object
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return v
}

// fits says what in v breaks the schema: the part of JSON Schema that our files use, and a complaint about any other keyword.
func fits(t *testing.T, path string, schema, v any) (wrong []string) {
	bad := func(format string, args ...any) { wrong = append(wrong, path+": "+fmt.Sprintf(format, args...)) }
	s, isObject := schema.(object)
	if !isObject {
		if schema == false {
			bad("must not be there")
		}
		return wrong
	}
	for word, rule := range s {
		switch word {
		case "$schema", "title", "additionalProperties":
		case "$ref":
			wrong = append(wrong, fits(t, path, load(t, rule.(string)), v)...)
		case "type":
			allowed, list := rule.([]any)
			if !list {
				allowed = []any{rule}
			}
			if !slices.ContainsFunc(allowed, func(a any) bool { return isA(a.(string), v) }) {
				bad("%v is no %v", v, rule)
			}
		case "const":
			if !reflect.DeepEqual(v, rule) {
				bad("%v is not %v", v, rule)
			}
		case "enum":
			if !slices.ContainsFunc(rule.([]any), func(a any) bool { return reflect.DeepEqual(a, v) }) {
				bad("%v is none of %v", v, rule)
			}
		case "required":
			if o, is := v.(object); is {
				for _, name := range rule.([]any) {
					if _, there := o[name.(string)]; !there {
						bad("%s is missing", name)
					}
				}
			}
		case "properties":
			o, _ := v.(object)
			for name, member := range o {
				if sub, known := rule.(object)[name]; known {
					wrong = append(wrong, fits(t, path+"."+name, sub, member)...)
				} else if s["additionalProperties"] == false {
					bad("%s is not known", name)
				}
			}
		case "items":
			list, _ := v.([]any)
			for i, member := range list {
				wrong = append(wrong, fits(t, fmt.Sprintf("%s[%d]", path, i), rule, member)...)
			}
		case "minItems":
			if list, is := v.([]any); is && len(list) < int(rule.(float64)) {
				bad("has %d members", len(list))
			}
		case "minimum", "maximum":
			if n, is := v.(float64); is && (word == "minimum" && n < rule.(float64) || word == "maximum" && n > rule.(float64)) {
				bad("%v is beyond the %s %v", v, word, rule)
			}
		case "minLength", "maxLength":
			if text, is := v.(string); is && (word == "minLength" && len(text) < int(rule.(float64)) || word == "maxLength" && len(text) > int(rule.(float64))) {
				bad("has the length %d", len(text))
			}
		case "pattern":
			if text, is := v.(string); is && !regexp.MustCompile(rule.(string)).MatchString(text) {
				bad("%q does not match %v", text, rule)
			}
		default:
			bad("the schema uses %q, which this test does not know", word)
		}
	}
	return wrong
}

func isA(name string, v any) bool {
	switch x := v.(type) {
	case nil:
		return name == "null"
	case string:
		return name == "string"
	case bool:
		return name == "boolean"
	case float64:
		return name == "number" || name == "integer" && x == float64(int64(x))
	case []any:
		return name == "array"
	}
	return name == "object"
}

// TestProtocol_Examples: each documented example fits its schema, and each schema has one.
func TestProtocol_Examples(t *testing.T) {
	files, err := filepath.Glob(schemas + "*.schema.json")
	ok(t, err)
	if len(files) < 8 {
		t.Fatalf("%d schemas", len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".schema.json")
		if name == "snapshot" || name == "ask-snapshot" || name == "emergency-snapshot" {
			continue // part of others
		}
		schema := load(t, name+".schema.json")
		example := load(t, name+".example.json")
		if wrong := fits(t, name, schema, any(example)); wrong != nil {
			t.Errorf("%s: %s", name, strings.Join(wrong, "; "))
		}
		for member := range example {
			if required, _ := schema["required"].([]any); slices.Contains(required, any(member)) {
				spoilt := load(t, name+".example.json")
				delete(spoilt, member)
				if fits(t, name, schema, any(spoilt)) == nil {
					t.Errorf("%s fits without %s: the test sees nothing", name, member)
				}
			}
		}
	}
}

// TestProtocol_Events: what the program really writes fits the documented schemas.
func TestProtocol_Events(t *testing.T) {
	t.Parallel()
	in(t, "OK pages, steps, decisions, filings and state", func(t *testing.T, w *Ward) {
		asha, liam, grace := w.As("asha"), w.As("liam"), w.As("grace")
		p := asha.Page("po_med_spr", "pt_smith", "K 6.1")
		_, err := w.Paging.Reached(t.Context(), liam.User, "D", p.ID)
		ok(t, err)
		_, err = w.Paging.Seen(t.Context(), liam.User, p.ID)
		ok(t, err)
		w.Pass(rung())
		ok(t, grace.Decline(p.ID, "in theatre"))
		w.Pass(20 * rung())
		_, err = w.Paging.Withdraw(t.Context(), asha.User, p.ID, "better")
		ok(t, err)
		q := asha.Page("po_med_spr", "pt_smith", "again")
		ok(t, liam.Accept(q.ID))
		_, _, err = liam.Decides(p.RoomID, liam.Says(p.RoomID, "Calcium."))
		ok(t, err)
		synctest.Wait()
		w.EPR.Refuse("no")
		_, _, err = liam.Decides(p.RoomID, liam.Says(p.RoomID, "Insulin."))
		ok(t, err)
		w.Pass(time.Minute)
		met := map[string]int{}
		for _, ev := range liam.Hears(p.RoomID) {
			var c object
			ok(t, json.Unmarshal(ev.Content, &c))
			name := ""
			switch {
			case ev.Type == "uk.wardline.room":
				name = "room"
			case ev.Type == "uk.wardline.patient":
				name = "patient"
			case c[paging.StepKey] != nil:
				name = "page-step"
				met[c[paging.StepKey].(object)["kind"].(string)]++
			case c[paging.PageKey] != nil:
				name = "page"
			case ev.Type == record.FilingKey || strings.HasPrefix(fmt.Sprint(c["body"]), "Not filed"):
				name = "filing"
			case c[record.DecisionKey] != nil:
				name = "decision"
			default:
				continue
			}
			met[name]++
			if wrong := fits(t, name, load(t, name+".schema.json"), any(c)); wrong != nil {
				t.Errorf("%s %s: %s", ev.Type, name, strings.Join(wrong, "; "))
			}
		}
		for _, name := range []string{"room", "patient", "page", "decision", "filing", "reached", "seen", "declined", "passed", "accepted", "withdrawn", "exhausted"} {
			if met[name] == 0 {
				t.Errorf("no event of kind %s was met", name)
			}
		}
		if met["filing"] != 2 || met["decision"] != 2 {
			t.Errorf("met %v", met)
		}
	})
}
