package id

import "strings"

// Key names a signing key of a server: "ed25519:name".
type Key string

// ParseKey checks s as a signing key identifier. Keys of algorithms other than
// ed25519 parse too; nobody can use them.
//
// spec: appendices#signing-details
func ParseKey(s string) (Key, error) {
	algorithm, name, ok := strings.Cut(s, ":")
	switch {
	case len(s) > MaxLength:
		return "", invalid("key id", "is longer than 255 bytes")
	case !ok || algorithm == "" || name == "":
		return "", invalid("key id", "is not algorithm:name")
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '_', c == ':', c == '-', c == '.', c == '+', c == '/', c == '=':
		default:
			return "", invalid("key id", "has a character that no key name has")
		}
	}
	return Key(s), nil
}

// Algorithm returns the part before the colon.
func (k Key) Algorithm() string {
	algorithm, _, _ := strings.Cut(string(k), ":")
	return algorithm
}
