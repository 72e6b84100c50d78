package paging

import "time"

// Policy says how long each rung of a ladder has before the page passes on. A trust sets it; a page keeps what it was raised with.
type Policy struct {
	Urgent    time.Duration
	Emergency time.Duration
}

// DefaultPolicy is five minutes for an urgent page and one for an emergency.
func DefaultPolicy() Policy { return Policy{Urgent: 5 * time.Minute, Emergency: time.Minute} }

// DemoPolicy is short enough to watch.
func DemoPolicy() Policy { return Policy{Urgent: 20 * time.Second, Emergency: 10 * time.Second} }

// Rung returns the time a rung has. It is never less than a second, so that a slip in a configuration cannot make a storm.
//
// hazard: H8 escalation loops or storms
func (p Policy) Rung(u Urgency) time.Duration {
	d := p.Urgent
	if u == Emergency {
		d = p.Emergency
	}
	return max(d, time.Second)
}
