package id

import (
	"net/netip"
	"strings"
)

// Server names a homeserver: a host name or address, and perhaps a port. Names
// are compared as they are, case included.
type Server string

// ParseServer checks s as a server name.
//
// spec: appendices#server-name
func ParseServer(s string) (Server, error) {
	if len(s) > MaxLength {
		return "", invalid("server name", "is longer than 255 bytes")
	}
	host, port := split(s)
	if port != "" && !validPort(port[1:]) {
		return "", invalid("server name", "has a port that is not 1 to 5 digits")
	}
	if strings.HasPrefix(host, "[") {
		inner, ok := strings.CutSuffix(host[1:], "]")
		addr, err := netip.ParseAddr(inner)
		if !ok || err != nil || !addr.Is6() || addr.Zone() != "" {
			return "", invalid("server name", "has a malformed IPv6 address")
		}
		return Server(s), nil
	}
	if host == "" {
		return "", invalid("server name", "is empty")
	}
	for i := range len(host) {
		c := host[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.':
		default:
			return "", invalid("server name", "has a character that no host name has")
		}
	}
	return Server(s), nil
}

// Host returns the name without its port; IPv6 addresses keep their brackets.
func (s Server) Host() string {
	host, _ := split(string(s))
	return host
}

// Port returns the port as written, or "" if there is none.
func (s Server) Port() string {
	_, port := split(string(s))
	return strings.TrimPrefix(port, ":")
}

// split cuts before the colon of the port. The colons of an IPv6 address stand
// between brackets.
func split(s string) (host, port string) {
	from := strings.LastIndexByte(s, ']') + 1
	if i := strings.IndexByte(s[from:], ':'); i >= 0 {
		return s[:from+i], s[from+i:]
	}
	return s, ""
}

func validPort(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 5
}
