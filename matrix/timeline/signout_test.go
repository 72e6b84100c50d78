package timeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"wardline/ground/fault"
	"wardline/ground/run"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/timeline"
)

// A device that is signed out while its request waits gets its refusal at once, and nothing of what is said after; another device
// of the same person goes on.
func TestSignOut_EndsWaiting(t *testing.T) {
	kinds := map[string]func(*world, context.Context, id.Device) func() error{
		"sync": func(w *world, ctx context.Context, d id.Device) func() error {
			since := w.sync(ctx, bob, "", 0, "").Next
			f, err := timeline.ParseFilter(nil)
			w.ok(err)
			return func() error {
				_, err := w.timeline.Sync(ctx, &timeline.SyncRequest{User: bob, Device: d, Since: since, Timeout: time.Minute, Filter: f})
				return err
			}
		},
		"sliding": func(w *world, ctx context.Context, d id.Device) func() error {
			ask := timeline.SlidingRequest{User: bob, Device: d}
			body, err := w.timeline.Sliding(ctx, &ask)
			w.ok(err)
			var first slidingAnswer
			w.ok(json.Unmarshal(body, &first))
			ask.Pos, ask.Timeout = first.Pos, time.Minute
			return func() error {
				_, err := w.timeline.Sliding(ctx, &ask)
				return err
			}
		},
	}
	for name, prepare := range kinds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				r := w.room("Room", bob)
				lost, err := w.accounts.Open(t.Context(), bob, account.SignIn{})
				w.ok(err)
				kept, err := w.accounts.Open(t.Context(), bob, account.SignIn{})
				w.ok(err)
				ofLost, ofKept := prepare(w, t.Context(), lost.Device), prepare(w, t.Context(), kept.Device)
				began := time.Now()
				w.ok(run.All(t.Context(), func(context.Context) error {
					var f *fault.Fault
					if err := ofLost(); !errors.As(err, &f) || f.Code != "M_UNKNOWN_TOKEN" || time.Since(began) != 0 {
						t.Errorf("the lost device got %v after %v", err, time.Since(began))
					}
					return nil
				}, func(context.Context) error { return ofKept() }, func(ctx context.Context) error {
					synctest.Wait()
					w.ok(w.accounts.Logout(ctx, bob, func(d id.Device) bool { return d == lost.Device }))
					synctest.Wait()
					w.say(alice, r, "after")
					return nil
				}))
			})
		})
	}
}
