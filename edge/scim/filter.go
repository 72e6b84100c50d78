package scim

import (
	"encoding/json"
	"fmt"
	"strings"

	"wardline/ground/fault"
)

// object is a resource as JSON has it.
type object = map[string]any

// filter says whether a resource is wanted.
type filter func(o object) bool

var errFilter = &fault.Fault{Kind: fault.Invalid, Code: "invalidFilter", Public: "The filter is not understood."}

// maxFilter bounds a filter's text and its nesting.
const (
	maxFilter = 2000
	maxDepth  = 20
)

// parseFilter understands a filter of RFC 7644 section 3.4.2.2: comparisons, pr, and, or, not, parentheses, and attr[filter].
func parseFilter(text string) (filter, error) {
	if len(text) > maxFilter {
		return nil, errFilter
	}
	words, err := cut(text)
	if err != nil {
		return nil, err
	}
	p := &parser{words: words}
	f, err := p.or(0)
	if err != nil || len(p.words) > 0 {
		return nil, errFilter
	}
	return f, nil
}

// cut makes words of a filter: quoted texts keep their quotes.
func cut(text string) ([]string, error) {
	var words []string
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ':
			i++
		case c == '(' || c == ')' || c == '[' || c == ']':
			words = append(words, string(c))
			i++
		case c == '"':
			j := i + 1
			for j < len(text) && text[j] != '"' {
				if text[j] == '\\' {
					j++
				}
				j++
			}
			if j >= len(text) {
				return nil, errFilter
			}
			words = append(words, text[i:j+1])
			i = j + 1
		default:
			j := i
			for j < len(text) && !strings.ContainsRune(` ()[]"`, rune(text[j])) {
				j++
			}
			words = append(words, text[i:j])
			i = j
		}
	}
	return words, nil
}

type parser struct{ words []string }

func (p *parser) peek() string {
	if len(p.words) == 0 {
		return ""
	}
	return p.words[0]
}

func (p *parser) next() string {
	w := p.peek()
	if w != "" {
		p.words = p.words[1:]
	}
	return w
}

func (p *parser) or(depth int) (filter, error) {
	a, err := p.and(depth)
	for err == nil && strings.EqualFold(p.peek(), "or") {
		p.next()
		var b filter
		if b, err = p.and(depth); err == nil {
			x := a
			a = func(o object) bool { return x(o) || b(o) }
		}
	}
	return a, err
}

func (p *parser) and(depth int) (filter, error) {
	a, err := p.one(depth)
	for err == nil && strings.EqualFold(p.peek(), "and") {
		p.next()
		var b filter
		if b, err = p.one(depth); err == nil {
			x := a
			a = func(o object) bool { return x(o) && b(o) }
		}
	}
	return a, err
}

func (p *parser) one(depth int) (filter, error) {
	if depth > maxDepth {
		return nil, errFilter
	}
	switch w := p.next(); {
	case w == "(":
		f, err := p.or(depth + 1)
		if err != nil || p.next() != ")" {
			return nil, errFilter
		}
		return f, nil
	case strings.EqualFold(w, "not") && p.peek() == "(":
		f, err := p.one(depth + 1)
		if err != nil {
			return nil, err
		}
		return func(o object) bool { return !f(o) }, nil
	case w == "" || strings.ContainsAny(w, `()[]"`):
		return nil, errFilter
	case p.peek() == "[":
		p.next()
		f, err := p.or(depth + 1)
		if err != nil || p.next() != "]" {
			return nil, errFilter
		}
		return func(o object) bool {
			for _, v := range values(o, w) {
				if inner, ok := v.(object); ok && f(inner) {
					return true
				}
			}
			return false
		}, nil
	default:
		return p.comparison(w)
	}
}

func (p *parser) comparison(path string) (filter, error) {
	op := strings.ToLower(p.next())
	if op == "pr" {
		return func(o object) bool { return len(values(o, path)) > 0 }, nil
	}
	var want any
	if err := json.Unmarshal([]byte(p.next()), &want); err != nil {
		return nil, errFilter
	}
	switch op {
	case "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le":
	default:
		return nil, errFilter
	}
	return func(o object) bool {
		all := values(o, path)
		if op == "ne" {
			for _, v := range all {
				if same(v, want) {
					return false
				}
			}
			return true
		}
		for _, v := range all {
			if compare(v, op, want) {
				return true
			}
		}
		return false
	}, nil
}

func same(a, b any) bool {
	x, ok := a.(string)
	y, ok2 := b.(string)
	if ok && ok2 {
		return strings.EqualFold(x, y)
	}
	return a == b
}

func compare(v any, op string, want any) bool {
	if op == "eq" {
		return same(v, want)
	}
	a, b := strings.ToLower(fmt.Sprint(v)), strings.ToLower(fmt.Sprint(want))
	switch op {
	case "co":
		return strings.Contains(a, b)
	case "sw":
		return strings.HasPrefix(a, b)
	case "ew":
		return strings.HasSuffix(a, b)
	case "gt":
		return a > b
	case "ge":
		return a >= b
	case "lt":
		return a < b
	}
	return a <= b
}

// values returns what a path names in a resource: of a list, the value of each member, or its "value" when the path ends there.
func values(o object, path string) []any {
	parts := split(path)
	var all []any
	var walk func(v any, parts []string)
	walk = func(v any, parts []string) {
		switch v := v.(type) {
		case nil:
		case []any:
			for _, one := range v {
				walk(one, parts)
			}
		case object:
			switch {
			case len(parts) == 0 && v["value"] != nil:
				all = append(all, v["value"], v)
			case len(parts) == 0:
				all = append(all, v)
			default:
				walk(v[key(v, parts[0])], parts[1:])
			}
		default:
			if len(parts) == 0 && v != "" {
				all = append(all, v)
			}
		}
	}
	walk(o, parts)
	return all
}

// split cuts a path at its dots; the name of a schema before it holds dots of its own.
func split(path string) []string {
	if rest, ok := cutFold(path, enterprise); ok {
		if rest = strings.TrimPrefix(rest, ":"); rest == "" {
			return []string{enterprise}
		}
		return append([]string{enterprise}, strings.Split(rest, ".")...)
	}
	for _, schema := range []string{userSchema, groupSchema} {
		if rest, ok := cutFold(path, schema+":"); ok {
			path = rest
		}
	}
	return strings.Split(path, ".")
}

func cutFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

// key finds a name in an object whatever its case: SCIM's names have none.
func key(o object, name string) string {
	if _, ok := o[name]; ok {
		return name
	}
	for k := range o {
		if strings.EqualFold(k, name) {
			return k
		}
	}
	return name
}
