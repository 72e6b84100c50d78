package scim

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"wardline/ground/fault"
)

type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

var (
	errPath     = &fault.Fault{Kind: fault.Invalid, Code: "invalidPath", Public: "The path of an operation is not understood."}
	errValue    = &fault.Fault{Kind: fault.Invalid, Code: "invalidValue", Public: "The value of an operation does not fit its path."}
	errNoTarget = &fault.Fault{Kind: fault.Invalid, Code: "noTarget", Public: "Nothing matches the path of an operation."}
	errSyntax   = &fault.Fault{Kind: fault.Invalid, Code: "invalidSyntax", Public: "An operation is add, replace or remove."}
)

// maxOperations bounds one PATCH.
const maxOperations = 1000

// applyPatch does the operations one after another to a copy of a resource, and returns the copy: when one of them is refused, none has
// happened.
// spec: RFC 7644 3.5.2
func applyPatch(o object, ops []operation) (object, error) {
	if len(ops) == 0 || len(ops) > maxOperations {
		return nil, errSyntax
	}
	raw, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	var out object
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, err
	}
	for _, op := range ops {
		if err := applyOne(out, op); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func applyOne(o object, op operation) error {
	op.Op = strings.ToLower(op.Op)
	if op.Op != "add" && op.Op != "replace" && op.Op != "remove" {
		return errSyntax
	}
	if op.Path == "" {
		v, ok := op.Value.(object)
		if !ok || op.Op == "remove" {
			return errValue
		}
		for name, value := range v { // some directories write whole paths as names here
			if inner, ok := value.(object); ok && strings.EqualFold(name, enterprise) {
				for sub, x := range inner {
					if err := applyOne(o, operation{op.Op, enterprise + ":" + sub, x}); err != nil {
						return err
					}
				}
				continue
			}
			if err := applyOne(o, operation{op.Op, name, value}); err != nil {
				return err
			}
		}
		return nil
	}
	head, rest, picked := strings.Cut(op.Path, "[")
	if !picked {
		return set(o, split(op.Path), op)
	}
	cond, sub, ok := strings.Cut(rest, "]")
	if !ok {
		return errPath
	}
	f, err := parseFilter(cond)
	if err != nil {
		return err
	}
	return within(o, key(o, head), f, strings.TrimPrefix(sub, "."), op, cond)
}

// within does an operation to those members of a list that a filter picks.
func within(o object, name string, f filter, sub string, op operation, cond string) error {
	list, _ := o[name].([]any)
	hit := false
	kept := list[:0:0]
	for _, v := range list {
		m, ok := v.(object)
		if !ok || !f(m) {
			kept = append(kept, v)
			continue
		}
		hit = true
		switch {
		case op.Op == "remove" && sub == "":
			continue
		case op.Op == "remove":
			delete(m, key(m, sub))
		case sub != "":
			m[key(m, sub)] = op.Value
		default:
			w, ok := op.Value.(object)
			if !ok {
				return errValue
			}
			for k, x := range w {
				m[key(m, k)] = x
			}
		}
		kept = append(kept, m)
	}
	if !hit && op.Op == "remove" {
		return nil // what is not there is removed
	}
	if !hit { // emails[type eq "work"].value, of somebody who has none yet: it is made
		attr, want, ok := strings.Cut(cond, " eq ")
		if !ok || sub == "" {
			return errNoTarget
		}
		var v any
		if json.Unmarshal([]byte(want), &v) != nil {
			return errNoTarget
		}
		kept = append(kept, object{strings.TrimSpace(attr): v, sub: op.Value})
	}
	o[name] = kept
	return nil
}

func set(o object, parts []string, op operation) error {
	for len(parts) > 1 {
		k := key(o, parts[0])
		inner, ok := o[k].(object)
		if !ok {
			if o[k] != nil {
				return errPath
			}
			if op.Op == "remove" {
				return nil
			}
			inner = object{}
			o[k] = inner
		}
		o, parts = inner, parts[1:]
	}
	k := key(o, parts[0])
	if k == "" {
		return errPath
	}
	list, isList := o[k].([]any)
	isList = isList || k == "members" || k == "emails"
	switch {
	case op.Op == "remove" && isList && op.Value != nil: // only these members: how some directories take people out of a group
		gone := asList(op.Value)
		o[k] = slices.DeleteFunc(list, func(v any) bool { return contains(gone, v) })
	case op.Op == "remove":
		delete(o, k)
	case op.Op == "add" && isList:
		for _, v := range asList(op.Value) {
			if !contains(list, v) {
				list = append(list, v)
			}
		}
		o[k] = list
	case isList:
		o[k] = asList(op.Value)
	default:
		was, both := o[k].(object)
		now, both2 := op.Value.(object)
		if both && both2 {
			for name, v := range now {
				was[key(was, name)] = v
			}
			return nil
		}
		o[k] = op.Value
	}
	return nil
}

func asList(v any) []any {
	if l, ok := v.([]any); ok {
		return l
	}
	return []any{v}
}

// contains says whether a list has a member, which is told by its value.
func contains(list []any, v any) bool {
	value := func(x any) any {
		if o, ok := x.(object); ok && o["value"] != nil {
			return o["value"]
		}
		return x
	}
	return slices.ContainsFunc(list, func(x any) bool { return reflect.DeepEqual(value(x), value(v)) })
}
