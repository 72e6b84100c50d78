package run

import (
	"context"
	"sync/atomic"
	"time"

	"wardline/ground/fault"
)

// Gate lets so many in at once, has so many wait, and turns the rest away: for work that takes memory while it goes on.
type Gate struct {
	slots   chan struct{}
	waiting atomic.Int64
	queue   int64
}

// NewGate returns a gate that lets width in at once and has at most queue wait.
func NewGate(width, queue int) *Gate {
	return &Gate{slots: make(chan struct{}, width), queue: int64(queue)}
}

// Enter waits until there is room; leave must be called once, after which another comes in. When too many wait already it is Limited at
// once; when ctx ends before there is room it is ctx's error.
func (g *Gate) Enter(ctx context.Context) (leave func(), err error) {
	select {
	case g.slots <- struct{}{}:
		return g.leave, nil
	default:
	}
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > g.queue {
		return nil, &fault.Fault{Kind: fault.Limited, Code: "M_LIMIT_EXCEEDED", Public: "The server is busy. Try again in a moment.", RetryAfter: 2 * time.Second}
	}
	select {
	case g.slots <- struct{}{}:
		return g.leave, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (g *Gate) leave() { <-g.slots }
