package event

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// numberMode says which numbers a canon accepts.
type numberMode uint8

const (
	// integers accepts what has an integer value, and writes it shortest.
	integers numberMode = iota
	// digitsOnly accepts integers without an exponent: what arrives as part of
	// an event must not be read differently by two servers.
	digitsOnly
	// anyNumber keeps every JSON number as it is.
	anyNumber
)

// plain marks the bytes that stand for themselves inside a JSON string and
// need no further look.
var plain = func() (t [256]bool) {
	for b := 0x20; b < utf8.RuneSelf; b++ {
		t[b] = b != '"' && b != '\\'
	}
	return t
}()

// text copies a string with its quotes and says whether the copy has escapes.
func (c *canon) text() (escaped bool, err error) {
	src, i := c.src, c.i+1
	from := c.i // what is copied next, opening quote included
	for {
		for i < len(src) && plain[src[i]] {
			i++
		}
		if i >= len(src) {
			c.i = i
			return false, c.syntax("a string does not end")
		}
		switch b := src[i]; {
		case b == '"':
			i++
			c.dst = append(c.dst, src[from:i]...)
			c.i = i
			return escaped, nil
		case b == '\\':
			c.dst = append(c.dst, src[from:i]...)
			c.i = i
			before := len(c.dst)
			if err := c.escape(); err != nil {
				return false, err
			}
			escaped = escaped || c.dst[before] == '\\'
			i, from = c.i, c.i
		case b < 0x20:
			c.i = i
			return false, c.syntax("a control character stands unescaped in a string")
		default:
			r, n := utf8.DecodeRune(src[i:])
			if r == utf8.RuneError && n == 1 {
				c.i = i
				return false, c.syntax("text is not UTF-8")
			}
			i += n
		}
	}
}

// escape copies one escape sequence in its canonical form.
func (c *canon) escape() error {
	c.i++
	if c.i >= len(c.src) {
		return c.syntax("a string does not end")
	}
	b := c.src[c.i]
	c.i++
	switch b {
	case '"', '\\', 'b', 'f', 'n', 'r', 't':
		c.dst = append(c.dst, '\\', b)
	case '/':
		c.dst = append(c.dst, '/')
	case 'u':
		r, ok := c.hex()
		if !ok {
			return c.syntax("an escape has no four hexadecimal digits")
		}
		if utf16.IsSurrogate(r) {
			low := rune(0)
			if c.i+1 < len(c.src) && c.src[c.i] == '\\' && c.src[c.i+1] == 'u' {
				c.i += 2
				low, ok = c.hex()
			}
			if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
				return c.unfit("a surrogate stands alone")
			}
		}
		c.dst = appendRune(c.dst, r)
	default:
		return c.syntax("unknown escape")
	}
	return nil
}

func (c *canon) hex() (rune, bool) {
	if c.i+4 > len(c.src) {
		return 0, false
	}
	r, ok := hex4(c.src[c.i:])
	c.i += 4
	return r, ok
}

func hex4(b []byte) (r rune, ok bool) {
	for _, d := range b[:4] {
		switch {
		case '0' <= d && d <= '9':
			d -= '0'
		case 'a' <= d && d <= 'f':
			d -= 'a' - 10
		case 'A' <= d && d <= 'F':
			d -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(d)
	}
	return r, true
}

// appendRune writes r as it stands in a canonical string.
func appendRune(dst []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	if r < 0x20 {
		const digits = "0123456789abcdef"
		return append(dst, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
	}
	return utf8.AppendRune(dst, r)
}

// AppendText writes s as a canonical JSON string. s must be UTF-8.
func AppendText(dst []byte, s string) []byte { return appendString(dst, s) }

// appendString writes s as a canonical JSON string. s must be UTF-8.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		if b := s[i]; !plain[b] && b < utf8.RuneSelf {
			dst = append(dst, s[from:i]...)
			dst = appendRune(dst, rune(b))
			from = i + 1
		}
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}

// unescape appends the text that the inside of a canonical string stands for.
func unescape(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 >= len(b) {
			dst = append(dst, b[i])
			continue
		}
		i++
		switch b[i] {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			if i+4 < len(b) {
				if r, ok := hex4(b[i+1:]); ok {
					dst = utf8.AppendRune(dst, r)
				}
			}
			i += 4
		default:
			dst = append(dst, b[i])
		}
	}
	return dst
}

func (c *canon) number() error {
	from := c.i
	if c.src[c.i] == '-' {
		c.i++
	}
	first := c.i
	c.digits()
	switch n := c.i - first; {
	case n == 0:
		return c.syntax("a digit was expected")
	case n > 1 && c.src[first] == '0':
		return c.syntax("a number starts with zero")
	}
	last, point, exponent := c.i, false, 0
	if c.i < len(c.src) && c.src[c.i] == '.' {
		point = true
		if c.i++; c.digits() == 0 {
			return c.syntax("a digit was expected")
		}
	}
	if c.i < len(c.src) && c.src[c.i]|0x20 == 'e' {
		sign := c.i + 1
		if c.i++; c.i < len(c.src) && (c.src[c.i] == '+' || c.src[c.i] == '-') {
			c.i++
		}
		if c.digits() == 0 {
			return c.syntax("a digit was expected")
		}
		exponent = 1
		if c.mode == integers && !point {
			e, err := strconv.Atoi(string(c.src[sign:c.i]))
			if err != nil || e < 0 || e > 16 {
				return c.unfit("a number is not an integer in range")
			}
			return c.integer(c.src[from] == '-', append(append([]byte(nil), c.src[first:last]...), "0000000000000000"[:e]...))
		}
	}
	if c.mode == anyNumber {
		c.dst = append(c.dst, c.src[from:c.i]...)
		return nil
	}
	if point || exponent != 0 {
		return c.unfit("a number is not an integer")
	}
	return c.integer(c.src[from] == '-', c.src[first:last])
}

func (c *canon) digits() (n int) {
	for c.i < len(c.src) && '0' <= c.src[c.i] && c.src[c.i] <= '9' {
		c.i++
		n++
	}
	return n
}

// integer writes the digits if their value is in range. There is no minus zero.
func (c *canon) integer(negative bool, digits []byte) error {
	for len(digits) > 1 && digits[0] == '0' {
		digits = digits[1:]
	}
	if n := len(digits); n > 16 || n == 16 && string(digits) > "9007199254740991" {
		return c.unfit("an integer is out of range")
	}
	if negative && digits[0] != '0' {
		c.dst = append(c.dst, '-')
	}
	c.dst = append(c.dst, digits...)
	return nil
}
