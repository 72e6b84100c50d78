package event

import (
	"bytes"
	"encoding/json"
	"iter"
	"strconv"
)

// The functions of this file read canonical JSON, such as Event.Content,
// without decoding it into maps. They never fail: what is not there, or is of
// another type, is absent.

// Field returns the value of a key of a canonical JSON object, or nil.
func Field(object []byte, key string) json.RawMessage {
	c := cursor{b: object}
	if !c.open('{') {
		return nil
	}
	for c.member() {
		if string(c.key) == key {
			return c.val
		}
	}
	return nil
}

// Text returns the text of a canonical JSON string.
func Text(value []byte) (string, bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	inside := value[1 : len(value)-1]
	if bytes.IndexByte(inside, '\\') < 0 {
		return string(inside), true
	}
	return string(unescape(nil, inside)), true
}

// TextIs says whether value is a JSON string that reads s, without making a
// copy of it. s must not need escaping.
func TextIs(value []byte, s string) bool {
	return len(value) == len(s)+2 && value[0] == '"' && string(value[1:len(value)-1]) == s
}

// Int returns the value of a canonical JSON integer.
func Int(value []byte) (int64, bool) {
	if len(value) == 0 || value[0] != '-' && (value[0] < '0' || value[0] > '9') {
		return 0, false
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	return n, err == nil
}

// IsObject says whether value is a JSON object.
func IsObject(value []byte) bool { return len(value) > 0 && value[0] == '{' }

// IsArray says whether value is a JSON array.
func IsArray(value []byte) bool { return len(value) > 0 && value[0] == '[' }

// Members yields the keys and values of a canonical JSON object, in order.
func Members(object []byte) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		c := cursor{b: object}
		if !c.open('{') {
			return
		}
		for c.member() {
			key := string(c.key)
			if bytes.IndexByte(c.key, '\\') >= 0 {
				key = string(unescape(nil, c.key))
			}
			if !yield(key, c.val) {
				return
			}
		}
	}
}

// Elements yields the values of a canonical JSON array, in order.
func Elements(array []byte) iter.Seq[json.RawMessage] {
	return func(yield func(json.RawMessage) bool) {
		c := cursor{b: array}
		if !c.open('[') {
			return
		}
		for c.element() {
			if !yield(c.val) {
				return
			}
		}
	}
}

// cursor walks over one canonical array or object. Text that is not canonical
// makes it stop early, nothing worse.
type cursor struct {
	b        []byte
	i        int
	key, val []byte // key without quotes, still escaped
}

func (c *cursor) open(with byte) bool {
	if len(c.b) < 2 || c.b[0] != with {
		return false
	}
	c.i = 1
	return true
}

func (c *cursor) separator() bool {
	if c.i < len(c.b) && c.b[c.i] == ',' {
		c.i++
	}
	return c.i < len(c.b)
}

func (c *cursor) member() bool {
	if !c.separator() || c.b[c.i] != '"' {
		return false
	}
	end := skip(c.b, c.i)
	if end >= len(c.b) || c.b[end] != ':' {
		return false
	}
	c.key = c.b[c.i+1 : end-1]
	return c.take(end + 1)
}

func (c *cursor) element() bool {
	if !c.separator() || c.b[c.i] == ']' {
		return false
	}
	return c.take(c.i)
}

func (c *cursor) take(from int) bool {
	end := skip(c.b, from)
	if end <= from {
		return false
	}
	c.val, c.i = c.b[from:end:end], end
	return true
}

// skip returns the position after the value at i, or len(b) if it does not end.
func skip(b []byte, i int) int {
	if i >= len(b) {
		return len(b)
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		depth := 0
		for i < len(b) {
			switch b[i] {
			case '"':
				i = skipString(b, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
			i++
		}
		return len(b)
	default:
		for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' {
			i++
		}
		return i
	}
}

func skipString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return len(b)
		}
		i += n
		// A quote is escaped when an odd number of backslashes precedes it.
		k := i
		for k > 0 && b[k-1] == '\\' {
			k--
		}
		if (i-k)%2 == 0 {
			return i + 1
		}
	}
	return len(b)
}
