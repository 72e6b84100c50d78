package timeline

import (
	"encoding/json"
	"strings"
)

// fieldPath cuts a field's name at its dots; a dot or backslash behind a backslash is part of the name.
// spec: client-server-api#dot-separated-property-paths
func fieldPath(s string) []string {
	var path []string
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '.' || s[i+1] == '\\'):
			i++
			b.WriteByte(s[i])
		case s[i] == '.':
			path = append(path, b.String())
			b.Reset()
		default:
			b.WriteByte(s[i])
		}
	}
	return append(path, b.String())
}

// onlyFields leaves of an event what the paths name.
// spec: client-server-api#post_matrixclientv3useruseridfilter
func onlyFields(ev json.RawMessage, paths [][]string) json.RawMessage {
	var whole map[string]any
	if json.Unmarshal(ev, &whole) != nil {
		return ev
	}
	out := map[string]any{}
	for _, p := range paths {
		pick(out, whole, p)
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return ev
	}
	return raw
}

// pick copies what a path names from one object into another.
func pick(to, from map[string]any, path []string) {
	v, ok := from[path[0]]
	if !ok {
		return
	}
	if len(path) == 1 {
		to[path[0]] = v
		return
	}
	inner, ok := v.(map[string]any)
	if !ok {
		return
	}
	sub, ok := to[path[0]].(map[string]any)
	if !ok {
		sub = map[string]any{}
	}
	if pick(sub, inner, path[1:]); len(sub) > 0 {
		to[path[0]] = sub
	}
}
