package push

import (
	"context"
	"time"

	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Outcome is what came of an attempt to tell one device of an event.
type Outcome int

// The outcomes.
const (
	unasked Outcome = iota // nobody was asked
	Taken                  // its push service or gateway has it
	Waiting                // that fails or is busy, and is asked again
	Ended                  // the subscription is over; the pusher is gone
	Refused                // the service will never take this
	Late                   // it was no use any more when the service could have taken it
)

// outcome puts what a service has said into one word.
func outcome(came Outcome, err error) Outcome {
	switch {
	case err == nil:
		return came
	case hopeless(err):
		return Refused
	}
	return Waiting
}

// attempt asks the pusher's service or gateway once, where there is still something to tell; rejected are keys that it wants to hear of no more.
func (s *Service) attempt(ctx context.Context, p *pusher, it item) (came Outcome, rejected []string, err error) {
	locked := s.accounts.Unlocked(ctx, p.user)
	var body []byte
	switch {
	case fault.Is(locked, fault.Unauthenticated): // and hears nothing; once it is freed, the count tells of it
		return unasked, nil, nil
	case locked != nil:
		return unasked, nil, locked
	case it.placed.Event == nil:
		if body, err = s.badge(ctx, p); body == nil {
			return unasked, nil, err
		}
	case s.ReadTo(it.placed.Feed, p.user).In(it.placed.Thread()) >= it.placed.Pos:
		return unasked, nil, nil
	case p.Kind == WebKind:
		came, err = s.tellWeb(ctx, p, it)
		return came, nil, err
	default:
		if body, err = s.notification(ctx, p, it); err != nil {
			return unasked, nil, err
		}
	}
	rejected, err = s.Gateways.post(ctx, p.url, body)
	return Taken, rejected, err
}

// Standing is how somebody can be told while no app is open.
type Standing struct {
	Devices int       // that are subscribed
	Failing int       // of those, whose service did not take what it was last told
	Since   time.Time // since when the first of those fails; zero for none
}

// Standing says how somebody could be told now, by what is known of their devices. It reads memory only.
func (s *Service) Standing(u id.User) (now Standing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pushers[u] {
		now.Devices++
		if p.failingAt.IsZero() {
			continue
		}
		now.Failing++
		if now.Since.IsZero() || p.failingAt.Before(now.Since) {
			now.Since = p.failingAt
		}
	}
	return now
}
