package room

import (
	"bytes"
	"net/netip"
	"strings"

	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

// checkACL refuses server access lists that are malformed, and one that would shut this server itself out of the room: nobody here
// could ever take it back.
// spec: client-server-api#server-access-control-lists-acls-for-rooms
func (a *Act) checkACL(content []byte) error {
	for _, name := range []string{"allow", "deny"} {
		raw := event.Field(content, name)
		if raw == nil {
			continue
		}
		if !event.IsArray(raw) {
			return fault.New(fault.Invalid, "M_BAD_JSON", name+" is not a list.")
		}
		for one := range event.Elements(raw) {
			if _, ok := event.Text(one); !ok {
				return fault.New(fault.Invalid, "M_BAD_JSON", name+" holds something that is not a text.")
			}
		}
	}
	if !Admits(content, a.s.server) {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "That list would shut this server out of the room.")
	}
	return nil
}

// Admits says whether a server access list, nil for none, lets a server take part in its room.
// spec: client-server-api#mroomserver_acl
func Admits(acl []byte, server id.Server) bool {
	if acl == nil {
		return true
	}
	host := hostOf(string(server))
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil && string(event.Field(acl, "allow_ip_literals")) == "false" {
		return false
	}
	return !matchesAny(event.Field(acl, "deny"), host) && matchesAny(event.Field(acl, "allow"), host)
}

// hostOf cuts a port off a server's name.
func hostOf(name string) string {
	name = strings.ToLower(name)
	if i := strings.LastIndexByte(name, ':'); i > 0 && !strings.HasSuffix(name, "]") {
		return name[:i]
	}
	return name
}

func matchesAny(list []byte, host string) bool {
	if !event.IsArray(list) {
		return false
	}
	for raw := range event.Elements(list) {
		if pattern, ok := event.Text(raw); ok && glob(strings.ToLower(pattern), host) {
			return true
		}
	}
	return false
}

// glob matches a whole text against a pattern in which * stands for any run of characters and ? for one. Its work is bounded by the
// product of both lengths, whatever the pattern.
// spec: appendices#glob-style-matching
func glob(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return len(bytes.Trim([]byte(pattern[p:]), "*")) == 0
}
