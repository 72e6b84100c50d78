package httpx

import (
	"net/http"
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
	guess := strings.HasSuffix(r.URL.Path, "/validity") // asks whether a token is one, so that it could be found by asking
	if r.Method == http.MethodGet && !guess || r.Method == http.MethodHead || strings.HasSuffix(r.URL.Path, "/sync") || carriesSecret(r.URL.Path) {
		return nil
	}
	key, allowed := string(a.User), l.Writes
	if key == "" {
		key, allowed = "from "+Address(r), l.SignIns
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

// carriesSecret says whether a call is known by a secret that nobody can guess, so that slowing it down protects nothing: a whole site
// behind one address refreshes its tokens there.
func carriesSecret(path string) bool {
	return strings.HasSuffix(path, "/refresh") || path == "/_oauth/token" || path == "/_oauth/revoke"
}
