package event

import (
	"bytes"
	"slices"
	"sync"
)

const (
	// MaxDepth is how deeply arrays and objects may be nested. The
	// specification has no bound; everybody's stack has.
	MaxDepth = 512
	// MaxInt is the largest integer of canonical JSON; the smallest is its
	// negative.
	MaxInt = 1<<53 - 1
)

// Canonical appends the canonical form of the JSON text src to dst. It returns
// a *JSONError for text that is not JSON, and for JSON without a canonical
// form: fractions, integers beyond MaxInt, duplicate keys, text that is not
// Unicode, nesting beyond MaxDepth. dst and src must not overlap. On error
// what was appended is undefined.
//
// spec: appendices#canonical-json
func Canonical(dst, src []byte) ([]byte, error) {
	return transform(dst, src, integers)
}

// Compact is Canonical for JSON that need not be signed: numbers of every kind
// are kept as they were written. It is meant for what clients store for
// themselves, such as account data.
func Compact(dst, src []byte) ([]byte, error) {
	return transform(dst, src, anyNumber)
}

func transform(dst, src []byte, mode numberMode) ([]byte, error) {
	c := canons.Get().(*canon)
	defer c.release()
	c.reset(dst, src, mode)
	err := c.document()
	return c.dst, err
}

// canon rewrites one JSON text into canonical form, in one pass over the input.
// Objects are written as they come; where the keys were out of order, the
// finished object is permuted through the scratch buffer.
type canon struct {
	src []byte
	i   int // position in src
	dst []byte
	// members is a stack: each open object has its members above those of its
	// parent. After document() the members of the outermost object remain.
	members []member
	scratch []byte
	mode    numberMode
}

// member is a key and value in dst: the key with its quotes at [start,key),
// a colon, the value at [key+1,end).
type member struct {
	start, key, end int
	escaped         bool // the key has a backslash
}

var canons = sync.Pool{New: func() any { return new(canon) }}

func (c *canon) reset(dst, src []byte, mode numberMode) {
	c.dst, c.src, c.i, c.mode = dst, src, 0, mode
	c.members = c.members[:0]
}

// release gives c back to the pool, without what belongs to the caller.
func (c *canon) release() {
	c.dst, c.src = nil, nil
	if cap(c.scratch) > 1<<17 || cap(c.members) > 1<<12 {
		return
	}
	canons.Put(c)
}

func (c *canon) syntax(reason string) error {
	return &JSONError{Offset: c.i, Reason: reason, Syntax: true}
}

func (c *canon) unfit(reason string) error {
	return &JSONError{Offset: c.i, Reason: reason}
}

func (c *canon) document() error {
	if err := c.value(0); err != nil {
		return err
	}
	if c.space(); c.i != len(c.src) {
		return c.syntax("text after the end")
	}
	return nil
}

func (c *canon) space() {
	for c.i < len(c.src) {
		switch c.src[c.i] {
		case ' ', '\n', '\t', '\r':
			c.i++
		default:
			return
		}
	}
}

// peek skips white space and returns the next byte, 0 at the end.
func (c *canon) peek() byte {
	c.space()
	if c.i < len(c.src) {
		return c.src[c.i]
	}
	return 0
}

func (c *canon) value(depth int) error {
	switch b := c.peek(); {
	case b == '"':
		_, err := c.text()
		return err
	case b == '{':
		return c.object(depth + 1)
	case b == '[':
		return c.array(depth + 1)
	case b == '-' || '0' <= b && b <= '9':
		return c.number()
	case b == 't':
		return c.word("true")
	case b == 'f':
		return c.word("false")
	case b == 'n':
		return c.word("null")
	default:
		return c.syntax("a value was expected")
	}
}

func (c *canon) word(w string) error {
	if !bytes.HasPrefix(c.src[c.i:], []byte(w)) {
		return c.syntax("a value was expected")
	}
	c.i += len(w)
	c.dst = append(c.dst, w...)
	return nil
}

func (c *canon) array(depth int) error {
	if depth > MaxDepth {
		return c.unfit("nested too deeply")
	}
	c.i++
	c.dst = append(c.dst, '[')
	if c.peek() == ']' {
		c.i++
		c.dst = append(c.dst, ']')
		return nil
	}
	for {
		if err := c.value(depth); err != nil {
			return err
		}
		switch c.peek() {
		case ',':
			c.i++
			c.dst = append(c.dst, ',')
		case ']':
			c.i++
			c.dst = append(c.dst, ']')
			return nil
		default:
			return c.syntax("a comma or the end of an array was expected")
		}
	}
}

func (c *canon) object(depth int) error {
	if depth > MaxDepth {
		return c.unfit("nested too deeply")
	}
	base, sorted := len(c.members), true
	c.i++
	c.dst = append(c.dst, '{')
	if c.peek() == '}' {
		c.i++
		c.dst = append(c.dst, '}')
		return nil
	}
	for {
		if c.peek() != '"' {
			return c.syntax("a key was expected")
		}
		m := member{start: len(c.dst)}
		var err error
		if m.escaped, err = c.text(); err != nil {
			return err
		}
		m.key = len(c.dst)
		if c.peek() != ':' {
			return c.syntax("a colon was expected")
		}
		c.i++
		c.dst = append(c.dst, ':')
		at := len(c.members)
		if sorted && at > base {
			sorted = c.compare(c.members[at-1], m) < 0
		}
		c.members = append(c.members, m)
		if err := c.value(depth); err != nil {
			return err
		}
		c.members[at].end = len(c.dst)
		switch c.peek() {
		case ',':
			c.i++
			c.dst = append(c.dst, ',')
			continue
		case '}':
			c.i++
			c.dst = append(c.dst, '}')
		default:
			return c.syntax("a comma or the end of an object was expected")
		}
		if !sorted {
			if err := c.sort(c.members[base:]); err != nil {
				return err
			}
		}
		if depth > 1 {
			c.members = c.members[:base]
		}
		return nil
	}
}

// sort brings the members of the object that ends dst into order.
func (c *canon) sort(ms []member) error {
	from := ms[0].start
	slices.SortFunc(ms, c.compare)
	out := c.scratch[:0]
	for i := range ms {
		m := &ms[i]
		if i > 0 {
			if c.compare(ms[i-1], *m) == 0 {
				return c.unfit("duplicate key")
			}
			out = append(out, ',')
		}
		out = append(out, c.dst[m.start:m.end]...)
	}
	// Positions are moved only now: compare reads the keys through them.
	at := from
	for i := range ms {
		m := &ms[i]
		size, key := m.end-m.start, m.key-m.start
		m.start, m.key, m.end = at, at+key, at+size
		at += size + 1
	}
	copy(c.dst[from:], out)
	c.scratch = out
	return nil
}

// compare orders two members by the code points of their keys, which is the
// byte order of their UTF-8 once escapes are undone.
func (c *canon) compare(a, b member) int {
	x, y := c.dst[a.start+1:a.key-1], c.dst[b.start+1:b.key-1]
	if !a.escaped && !b.escaped {
		return bytes.Compare(x, y)
	}
	return bytes.Compare(unescape(nil, x), unescape(nil, y))
}
