package httpx

import (
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"wardline/ground/fault"
	"wardline/matrix/account"
)

// Limiter holds people and addresses to what a person can reasonably do: it slows guessing of passwords and runaway programs. Signing
// in is limited by address, writing by person. Reading and waiting are free, because they are limited by how many go on at once.
type Limiter struct {
	Writes  Rate // by each person
	SignIns Rate // from each address

	mu      sync.Mutex // guards buckets
	buckets map[string]*rate.Limiter
}

// Rate is how many calls are let through: Burst at once, and PerMinute in the long run.
type Rate struct{ PerMinute, Burst int }

func (r Rate) limiter() *rate.Limiter {
	return rate.NewLimiter(rate.Limit(float64(r.PerMinute)/60), r.Burst)
}

// maxBuckets bounds how many people and addresses are remembered.
const maxBuckets = 50_000

// Admit refuses a request of somebody who has made too many; it says when to come back. It suits Server.Admit.
func (l *Limiter) Admit(r *http.Request, a account.Actor) error {
	// By the route, never by the path: a path may end in whatever a client likes, such as its own transaction id.
	method, route, _ := strings.Cut(r.Pattern, " ")
	if method == http.MethodGet && !tells(route) || method == http.MethodHead || strings.HasSuffix(route, "/sync") || carriesSecret(route) {
		return nil
	}
	key, allowed := string(a.User), l.Writes
	if key == "" {
		key, allowed = "from "+neighbourhood(Address(r)), l.SignIns
	}
	l.mu.Lock()
	if l.buckets == nil || len(l.buckets) >= maxBuckets {
		l.buckets = map[string]*rate.Limiter{}
	}
	b := l.buckets[key]
	if b == nil {
		b = allowed.limiter()
		l.buckets[key] = b
	}
	l.mu.Unlock()
	res := b.Reserve()
	if d := res.Delay(); d > 0 {
		res.Cancel()
		return &fault.Fault{Kind: fault.Limited, Code: "M_LIMIT_EXCEEDED", Public: "Too many requests. Wait a moment.", RetryAfter: max(d, time.Second)}
	}
	return nil
}

// neighbourhood is what an address is counted by: of IPv6 the network, because one house has more addresses than could be counted.
func neighbourhood(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || !ip.Is6() || ip.Is4In6() {
		return address
	}
	net, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return net.String()
}

// tells says whether a reading call tells if a token, a code or a name is one, so that it could be found by asking.
func tells(route string) bool {
	return strings.HasSuffix(route, "/validity") || strings.HasSuffix(route, "/register/available") || route == "/_oauth/link" || strings.HasPrefix(route, "/_wardline/sso/") && strings.HasSuffix(route, "/begin")
}

// carriesSecret says whether a call is known by a secret that nobody can guess, so that slowing it down protects nothing: a whole site
// behind one address refreshes its tokens there.
func carriesSecret(route string) bool {
	return route == "/_wardline/v1/inbound" || strings.HasPrefix(route, "/_wardline/fhir/") || // other systems' tokens, which have rates of their own
		strings.HasSuffix(route, "/refresh") || route == "/_oauth/token" || route == "/_oauth/revoke" ||
		strings.HasPrefix(route, "/_wardline/sso/") && strings.HasSuffix(route, "/logout") // signed, and at the end of a shift there are many
}
