package run

import (
	"context"
	"time"
)

// Wait returns true after d, at once when d is none, or as soon as bell has something; false when ctx ends. It is how a loop sleeps
// that finds what is due next in the database.
func Wait(ctx context.Context, d time.Duration, bell <-chan struct{}) bool {
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-bell:
	case <-timer.C:
	}
	return true
}
