package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// Inputs and results of the specification's examples, and what they leave out.
//
// spec: appendices#canonical-json
func TestCanonical(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	rows := []struct{ in, want string }{
		{`{}`, `{}`},
		{"{ \"one\": 1,\n\"two\": \"Two\" }", `{"one":1,"two":"Two"}`},
		{`{"b":"2","a":"1"}`, `{"a":"1","b":"2"}`},
		{`{"auth":{"success":true,"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":[{"medium":"email","address":"john.doe@example.org"},{"medium":"msisdn","address":"123456789"}]}}}`,
			`{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":[{"address":"john.doe@example.org","medium":"email"},{"address":"123456789","medium":"msisdn"}]},"success":true}}`},
		{`{"a":"日本語"}`, `{"a":"日本語"}`},
		{`{"本":2,"日":1}`, `{"日":1,"本":2}`},
		{`{"a":"\u65E5"}`, `{"a":"日"}`},
		{`{"a":null}`, `{"a":null}`},
		{`{"a":-0,"b":1e10}`, `{"a":0,"b":10000000000}`},

		{`[9007199254740991,-9007199254740991,0,1E+2,0e5]`, `[9007199254740991,-9007199254740991,0,100,0]`},
		{`"\u0000\u001F\u000a\u0009\b\f\r\u0022\u005c\/\u007f"`, "\"\\u0000\\u001f\\n\\t\\b\\f\\r\\\"\\\\/\x7f\""},
		{`"\ud83d\ude00"`, `"😀"`},
		{`{"a\"b":1,"a\u0041":2,"a\u0001":3}`, `{"a\u0001":3,"a\"b":1,"aA":2}`},
		{`{"\uffff":1,"😀":2}`, "{\"\uffff\":1,\"😀\":2}"},
		{`{"":1,"a":{"z":[{"y":1,"x":2}],"b":1}}`, `{"":1,"a":{"b":1,"z":[{"x":2,"y":1}]}}`},
		{` true `, `true`},
		{deep(MaxDepth), deep(MaxDepth)},

		{``, ""}, {`{`, ""}, {`{"a"`, ""}, {`{"a":`, ""}, {`{"a":1`, ""}, {`{"a":1,`, ""}, {`{"a":1,}`, ""},
		{`[1,]`, ""}, {`[1 2]`, ""}, {`{"a" 1}`, ""}, {`{a:1}`, ""}, {`{} {}`, ""}, {`nul`, ""}, {`NaN`, ""},
		{`Infinity`, ""}, {`'a'`, ""}, {`"a`, ""}, {`"\`, ""}, {`"\x"`, ""}, {`"\u12"`, ""}, {`"\u12G4"`, ""},
		{"\"\n\"", ""}, {"\"\xff\"", ""}, {"\"\xed\xa0\x80\"", ""}, {`"\ud800"`, ""}, {`"\udc00"`, ""},
		{`"\ud800\u0041"`, ""}, {`"\ud800x"`, ""}, {`01`, ""}, {`-`, ""}, {`-01`, ""}, {`+1`, ""}, {`1.`, ""},
		{`.5`, ""}, {`1e`, ""}, {`1.5`, ""}, {`1.0`, ""}, {`1e-2`, ""}, {`1e99`, ""}, {`1e16`, ""},
		{`9007199254740992`, ""}, {`-9007199254740992`, ""}, {`99999999999999999999`, ""},
		{`{"a":1,"a":2}`, ""}, {`{"b":1,"a":2,"b":3}`, ""}, {`{"a":1,"\u0061":2}`, ""},
		{"\ufeff{}", ""}, {deep(MaxDepth + 1), ""},
	}
	for _, r := range rows {
		got, err := Canonical([]byte("prefix"), []byte(r.in))
		if r.want == "" {
			var je *JSONError
			if !errors.As(err, &je) {
				t.Errorf("Canonical(%.40q): got %q and %v, want a JSONError", r.in, got, err)
			}
			continue
		}
		if err != nil || string(got) != "prefix"+r.want {
			t.Errorf("Canonical(%.80q):\n got %s, %v\nwant %s", r.in, got, err, r.want)
		}
	}
}

func TestCompact(t *testing.T) {
	got, err := Compact(nil, []byte(`{"b": [1.50, -0, 1e400], "a": 9007199254740993}`))
	if want := `{"a":9007199254740993,"b":[1.50,-0,1e400]}`; err != nil || string(got) != want {
		t.Errorf("Compact: got %s, %v; want %s", got, err, want)
	}
	if _, err := Compact(nil, []byte(`[1.]`)); err == nil {
		t.Error("Compact: accepts a number that is none")
	}
}

func TestJSONError_Syntax(t *testing.T) {
	for in, want := range map[string]bool{`{`: true, `[1,]`: true, `1.5`: false, `{"a":1,"a":1}`: false} {
		_, err := Canonical(nil, []byte(in))
		var je *JSONError
		if !errors.As(err, &je) || je.Syntax != want {
			t.Errorf("Canonical(%q): got %v, want Syntax %v", in, err, want)
		}
	}
}

func TestRead(t *testing.T) {
	obj := []byte(`{"a\"b":1,"n":-5,"s":"x\n\u0001é","t":{"u":[1,"]",{}]},"z":"}\\"}`)
	if s, ok := Text(Field(obj, "s")); !ok || s != "x\n\x01é" {
		t.Errorf("Text: got %q, %v", s, ok)
	}
	if n, ok := Int(Field(obj, "n")); !ok || n != -5 {
		t.Errorf("Int: got %d, %v", n, ok)
	}
	if !TextIs(Field(obj, "z"), `}\\`) || TextIs(Field(obj, "none"), "") {
		t.Error("TextIs: wrong")
	}
	var keys []string
	for k := range Members(obj) {
		keys = append(keys, k)
	}
	if got := strings.Join(keys, ","); got != `a"b,n,s,t,z` {
		t.Errorf("Members: got %s", got)
	}
	var elems []string
	for e := range Elements(Field(Field(obj, "t"), "u")) {
		elems = append(elems, string(e))
	}
	if got := strings.Join(elems, ";"); got != `1;"]";{}` {
		t.Errorf("Elements: got %s", got)
	}
}

// What Canonical accepts, encoding/json accepts too and reads the same; it is
// idempotent; and the readers walk over it without panic.
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{`{"b":[1,-0,1e3,{"\u0061\"":"\ud83d\ude00\/"}],"a":"\n"}`, `{"a":1,"a":2}`, `[[[]]]`, `"\u00`, `{"\\":"\\\""}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out, err := Canonical(nil, in)
		walk(in) // must not panic on anything
		if err != nil {
			return
		}
		again, err := Canonical(nil, out)
		if err != nil || !bytes.Equal(out, again) {
			t.Fatalf("not idempotent: %q -> %q -> %q, %v", in, out, again, err)
		}
		if !json.Valid(in) || !json.Valid(out) {
			t.Fatalf("accepted what is not JSON: %q -> %q", in, out)
		}
		if got, want := plainly(t, out), plainly(t, in); got != want {
			t.Fatalf("changed the meaning: %q -> %q: %s is not %s", in, out, got, want)
		}
		if n := walk(out); n != strings.Count(string(skeleton(out)), "v") {
			t.Fatalf("walk of %q saw %d values", out, n)
		}
	})
}

// plainly reads JSON with the standard library and writes it back.
func plainly(t *testing.T, in []byte) string {
	var v any
	if err := json.Unmarshal(in, &v); err != nil {
		t.Fatalf("unmarshal %q: %v", in, err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("marshal %v: %v", v, err)
	}
	return string(bytes.ReplaceAll(out, []byte("-0"), []byte("0")))
}

// walk counts all values that the cursor finds.
func walk(b []byte) int {
	n := 1
	for _, v := range Members(b) {
		n += walk(v)
	}
	for v := range Elements(b) {
		n += walk(v)
	}
	Text(b)
	Int(b)
	return n
}

// skeleton writes a "v" for each value, found with the standard library.
func skeleton(b []byte) []byte {
	var out []byte
	var count func(v any)
	count = func(v any) {
		out = append(out, 'v')
		switch v := v.(type) {
		case map[string]any:
			for _, e := range v {
				count(e)
			}
		case []any:
			for _, e := range v {
				count(e)
			}
		}
	}
	var v any
	if json.Unmarshal(b, &v) == nil {
		count(v)
	}
	return out
}

// set puts a key in its place among others, escaped ones too.
func TestSet(t *testing.T) {
	rows := []struct{ object, key, want string }{
		{``, "k", `{"k":0}`},
		{`{}`, "k", `{"k":0}`},
		{`{"a":1,"z":2}`, "k", `{"a":1,"k":0,"z":2}`},
		{`{"k":1}`, "k", `{"k":0}`},
		{`{"a\"":1,"b":2}`, "a\"", `{"a\"":0,"b":2}`},
		{`{"\n":1}`, "!", `{"\n":1,"!":0}`},
		{`{"\\":1}`, "]", `{"\\":1,"]":0}`},
	}
	for _, r := range rows {
		if got := set(nil, []byte(r.object), r.key, []byte("0")); string(got) != r.want {
			t.Errorf("set %q in %s: got %s, want %s", r.key, r.object, got, r.want)
		}
	}
}
