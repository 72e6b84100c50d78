// Command bundle derives test/spec/operations.json and test/spec/schemas.json from the OpenAPI files of the Matrix specification.
//
// It keeps of each operation what a test can hold a server to (who may call it, what goes in, what comes out) and drops prose and
// examples. References across files become references inside schemas.json. It is run by hand when a new version of the specification
// is to be served: go run ./test/spec/bundle DIR, where DIR is the folder data/api/client-server of the specification's repository.
// What does not resolve ends it, so that a bundle is whole or not made.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

type object = map[string]any

// methods are what of a path's object is an operation.
var methods = []string{"get", "put", "post", "delete", "head", "patch"}

// seconds are the operations that share method and path with another, which is the usual form of the two. In the data one path of each
// pair has a space at its end, so that they differ.
var seconds = []string{"inviteBy3PID", "peekEvents"}

// bundler reads files and collects the schemas that others refer to.
type bundler struct {
	dir   string
	files map[string]object
	defs  object
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./test/spec/bundle DIR")
		os.Exit(2)
	}
	if err := bundle(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		os.Exit(1)
	}
}

func bundle(dir string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	b := &bundler{dir: dir, files: map[string]object{}, defs: object{}}
	names, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(names) == 0 {
		return fmt.Errorf("no files in %s: %w", dir, err)
	}
	var ops []object
	for _, name := range names {
		ops = append(ops, b.operations(name)...)
	}
	slices.SortFunc(ops, func(x, y object) int {
		return strings.Compare(x["path"].(string)+" "+x["method"].(string)+" "+fmt.Sprint(x["id"]), y["path"].(string)+" "+y["method"].(string)+" "+fmt.Sprint(y["id"]))
	})
	b.defs["error"] = b.ref(filepath.Join(dir, "x.yaml"), "definitions/errors/error.yaml")
	var out bytes.Buffer
	out.WriteString("[\n")
	for i, op := range ops {
		out.Write(line(op))
		out.WriteString(map[bool]string{true: ",\n", false: "\n"}[i < len(ops)-1])
	}
	out.WriteString("]\n")
	if err := os.WriteFile("test/spec/operations.json", out.Bytes(), 0o644); err != nil {
		return err
	}
	out.Reset()
	out.WriteString("{\"$defs\":{\n")
	for i, name := range slices.Sorted(maps.Keys(b.defs)) {
		out.Write(line(name))
		out.WriteByte(':')
		out.Write(line(b.defs[name]))
		out.WriteString(map[bool]string{true: ",\n", false: "\n"}[i < len(b.defs)-1])
	}
	out.WriteString("}}\n")
	return os.WriteFile("test/spec/schemas.json", out.Bytes(), 0o644)
}

func line(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

// operations returns what one file says.
func (b *bundler) operations(name string) (ops []object) {
	doc := b.file(name)
	base := "/_matrix/client/v3"
	if s, ok := doc["servers"].([]any); ok {
		vars, _ := s[0].(object)["variables"].(object)
		if p, ok := vars["basePath"].(object); ok {
			base = p["default"].(string)
		}
	}
	paths, _ := doc["paths"].(object)
	for path, item := range paths {
		for _, method := range methods {
			op, ok := item.(object)[method].(object)
			if !ok {
				continue
			}
			o := object{"method": strings.ToUpper(method), "path": base + strings.TrimRight(path, " "), "id": op["operationId"], "file": filepath.Base(name), "auth": auth(op)}
			if slices.Contains(seconds, fmt.Sprint(o["id"])) {
				o["variant"] = true
			}
			if op["deprecated"] == true {
				o["deprecated"] = true
			}
			if v := op["x-addedInMatrixVersion"]; v != nil {
				o["since"] = fmt.Sprint(v)
			}
			if body := b.deref(name, op["requestBody"]); body != nil {
				o["body"] = b.content(name, body)
			}
			if ps := b.parameters(name, item.(object)["parameters"], op["parameters"]); ps != nil {
				o["parameters"] = ps
			}
			responses := object{}
			for status, r := range op["responses"].(object) {
				if c := b.content(name, b.deref(name, r)); c != nil {
					responses[status] = c
				} else {
					responses[status] = false // no JSON
				}
			}
			o["responses"] = responses
			ops = append(ops, o)
		}
	}
	return ops
}

// auth says whether an operation wants somebody: "yes", "no", or "maybe".
func auth(op object) string {
	ways, _ := op["security"].([]any)
	if len(ways) == 0 {
		return "no"
	}
	for _, way := range ways {
		if len(way.(object)) == 0 {
			return "maybe"
		}
	}
	return "yes"
}

// content is the schema of a body in JSON, nil when it is none.
func (b *bundler) content(name string, body object) any {
	name = origin(name, body)
	c, _ := body["content"].(object)
	j, ok := c["application/json"].(object)
	if !ok {
		return nil
	}
	if j["schema"] == nil {
		return true
	}
	return b.schema(name, j["schema"])
}

func (b *bundler) parameters(name string, lists ...any) (all []object) {
	for _, list := range lists {
		ps, _ := list.([]any)
		for _, raw := range ps {
			p := b.deref(name, raw)
			o := object{"name": p["name"], "in": p["in"], "schema": b.schema(origin(name, p), p["schema"])}
			if p["required"] == true {
				o["required"] = true
			}
			all = append(all, o)
		}
	}
	return all
}

// from is the key under which deref notes in which file an object was found.
const from = "\x00from"

func origin(name string, o object) string {
	if s, ok := o[from].(string); ok {
		return s
	}
	return name
}

// deref returns an object that may be given by reference.
func (b *bundler) deref(name string, v any) object {
	o, _ := v.(object)
	for o != nil {
		r, ok := o["$ref"].(string)
		if !ok {
			break
		}
		var found any
		name, _, found = b.find(name, r)
		o = maps.Clone(found.(object))
		o[from] = name
	}
	return o
}

// find resolves a reference made in a file.
func (b *bundler) find(name, ref string) (file, key string, found any) {
	path, fragment, _ := strings.Cut(ref, "#")
	if file = name; path != "" {
		file = filepath.Join(filepath.Dir(name), path)
	}
	found = b.file(file)
	for part := range strings.SplitSeq(strings.Trim(fragment, "/"), "/") {
		if part == "" {
			continue
		}
		o, ok := found.(object)
		if !ok || o[part] == nil {
			panic(fmt.Sprintf("%s: %s leads nowhere", name, ref))
		}
		found = o[part]
	}
	rel, err := filepath.Rel(b.dir, file)
	if err != nil {
		panic(err)
	}
	rel = strings.TrimPrefix(strings.TrimPrefix(filepath.ToSlash(rel), "../../"), "../")
	key = strings.ReplaceAll(strings.TrimSuffix(rel, ".yaml"), "/", ".") + strings.ReplaceAll(strings.TrimSuffix(fragment, "/"), "/", ".")
	return file, key, found
}

// ref puts the schema that is referred to among the definitions.
func (b *bundler) ref(name, ref string) object {
	file, key, found := b.find(name, ref)
	if _, ok := b.defs[key]; !ok {
		b.defs[key] = true // against going round
		b.defs[key] = b.schema(file, found)
	}
	return object{"$ref": "#/$defs/" + key}
}

// dropped are words of a schema that tell nothing to a test.
var dropped = []string{"description", "example", "examples", "title", "deprecated", "default", "discriminator", "readOnly", "$schema", "$id", from}

// schema copies a schema without its prose.
func (b *bundler) schema(name string, v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, m := range v {
			out[i] = b.schema(name, m)
		}
		return out
	case object:
		out := object{}
		for key, m := range v {
			switch {
			case slices.Contains(dropped, key) || strings.HasPrefix(key, "x-"):
			case key == "$ref":
				maps.Copy(out, b.ref(name, m.(string)))
			case key == "properties" || key == "patternProperties":
				members := object{}
				for n, s := range m.(object) {
					members[n] = b.schema(name, s)
				}
				out[key] = members
			case key == "enum" || key == "const" || key == "required":
				out[key] = m
			default:
				out[key] = b.schema(name, m)
			}
		}
		return out
	}
	return v
}

func (b *bundler) file(name string) object {
	if o, ok := b.files[name]; ok {
		return o
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		panic(err)
	}
	var v any
	if err := yaml.Unmarshal(raw, &v); err != nil {
		panic(fmt.Errorf("%s: %w", name, err))
	}
	o, ok := plain(v).(object)
	if !ok {
		panic(name + " holds no object")
	}
	b.files[name] = o
	return o
}

// plain gives every object names that are texts, as JSON has them.
func plain(v any) any {
	switch v := v.(type) {
	case map[any]any:
		o := object{}
		for k, m := range v {
			o[fmt.Sprint(k)] = plain(m)
		}
		return o
	case object:
		for k, m := range v {
			v[k] = plain(m)
		}
	case []any:
		for i, m := range v {
			v[i] = plain(m)
		}
	}
	return v
}
