package push

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"wardline/ground/webpush"
	"wardline/matrix/id"
)

// Check tells each of a person's browsers, at once, that somebody checks whether they can be told, and returns how many push services took
// it; with no browser there it does nothing. Ref is an opaque id that the browser answers with. It asks nobody's rules and counts as no
// notice. A subscription that has ended is forgotten; the error is of what failed otherwise.
func (s *Service) Check(ctx context.Context, u id.User, ref string, ttl time.Duration) (int, error) {
	s.mu.Lock()
	var to []*pusher
	for _, p := range s.pushers[u] {
		if p.Kind == WebKind {
			to = append(to, p)
		}
	}
	s.mu.Unlock()
	if len(to) == 0 {
		return 0, nil
	}
	plain, err := json.Marshal(map[string]any{"level": Direct, "check": ref})
	if err != nil {
		return 0, err
	}
	taken := 0
	var failed error
	for _, p := range to {
		switch err := s.post(ctx, p.subscription(), webpush.Message{Plain: plain, TTL: ttl, Urgency: webpush.High}); {
		case err == nil:
			taken++
		case errors.Is(err, webpush.ErrGone):
			failed = errors.Join(failed, s.Remove(ctx, u, p.App, p.Key))
		default:
			failed = errors.Join(failed, err)
		}
	}
	return taken, failed
}
