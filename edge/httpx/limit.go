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

// Limiter holds people and addresses to what a person can reasonably do: it slows guessing of passwords and runaway programs.
type Limiter struct {
	mu      sync.Mutex // guards buckets
	buckets map[string]*rate.Limiter
}

// Rates: signing in is limited by address, writing by person. Reading and waiting are free.
const (
	signInPerSecond = 0.5
	signInBurst     = 30
	writePerSecond  = 50
	writeBurst      = 300
	maxBuckets      = 50_000
)

// Admit refuses a request of somebody who has made too many; it says when to come back. It suits Server.Admit.
func (l *Limiter) Admit(r *http.Request, a account.Actor) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead || strings.HasSuffix(r.URL.Path, "/sync") || carriesSecret(r.URL.Path) {
		return nil
	}
	key, perSecond, burst := string(a.User), rate.Limit(writePerSecond), writeBurst
	if key == "" {
		key, perSecond, burst = "from "+Address(r), signInPerSecond, signInBurst
	}
	l.mu.Lock()
	if l.buckets == nil || len(l.buckets) >= maxBuckets {
		l.buckets = map[string]*rate.Limiter{}
	}
	b := l.buckets[key]
	if b == nil {
		b = rate.NewLimiter(perSecond, burst)
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
