// Package run owns every goroutine of the program: it names them, restarts them after a failure and stops them in reverse order.
//
// It promises that Stop returns only after everything it started has returned, last started first, so that what was opened early
// (the database) outlives what leans on it. It refuses anonymous work: a function without a name cannot be started. The statement
// `go` appears nowhere else, which a house test holds. Look first at Group.Go and Group.Stop.
package run

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// Group is a set of supervised functions with one life.
type Group struct {
	log *slog.Logger

	mu      sync.Mutex // guards members and stopped
	members []*member
	stopped bool
}

type member struct {
	name   string
	cancel context.CancelFunc
	done   chan struct{}
}

// NewGroup returns an empty group that logs failures to log.
func NewGroup(log *slog.Logger) *Group { return &Group{log: log} }

// Go starts fn under a name. fn runs until its context ends; when it returns an error or panics before that, it is logged and
// started again after a pause that doubles from 100 ms to 30 s. Returning nil ends it for good. After Stop, Go does nothing.
func (g *Group) Go(name string, fn func(ctx context.Context) error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	m := &member{name: name, cancel: cancel, done: make(chan struct{})}
	g.members = append(g.members, m)
	go func() {
		defer close(m.done)
		g.supervise(ctx, name, fn)
	}()
}

func (g *Group) supervise(ctx context.Context, name string, fn func(ctx context.Context) error) {
	pause := 100 * time.Millisecond
	for ctx.Err() == nil {
		began := time.Now()
		err := protect(ctx, fn)
		if err == nil || ctx.Err() != nil {
			return
		}
		if time.Since(began) > time.Minute {
			pause = 100 * time.Millisecond
		}
		g.log.Error("part failed, will start again", "part", name, "err", err, "pause", pause)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, 30*time.Second)
	}
}

func protect(ctx context.Context, fn func(ctx context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return fn(ctx)
}

// Stop ends every member, last started first, and waits for each. It blocks until all have returned or ctx ends; then it names
// the first that would not stop.
func (g *Group) Stop(ctx context.Context) error {
	g.mu.Lock()
	g.stopped = true
	members := g.members
	g.members = nil
	g.mu.Unlock()
	for i := len(members) - 1; i >= 0; i-- {
		members[i].cancel()
		select {
		case <-members[i].done:
		case <-ctx.Done():
			return fmt.Errorf("stop %s: %w", members[i].name, ctx.Err())
		}
	}
	return nil
}

// All runs the functions at the same time and waits for every one; it returns the first error. For short bounded work such as a
// benchmark's senders or a test's actors; a panic in one becomes its error.
func All(ctx context.Context, fns ...func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make(chan error, len(fns))
	for _, fn := range fns {
		go func() { errs <- protect(ctx, fn) }()
	}
	var first error
	for range fns {
		if err := <-errs; err != nil && first == nil {
			first = err
			cancel()
		}
	}
	return first
}
