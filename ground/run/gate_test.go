package run_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"wardline/ground/fault"
	"wardline/ground/run"
)

func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := run.NewGate(1, 2)
		leave, err := g.Enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		gone, cancel := context.WithCancel(t.Context())
		var in, limited, left int
		enter := func(ctx context.Context) func(context.Context) error {
			return func(context.Context) error {
				leave, err := g.Enter(ctx)
				switch {
				case err == nil:
					in++
					leave()
				case errors.Is(err, context.Canceled):
					left++
				case fault.Is(err, fault.Limited):
					limited++
				default:
					return err
				}
				return nil
			}
		}
		err = run.All(t.Context(), enter(t.Context()), enter(gone), func(context.Context) error {
			synctest.Wait() // two wait
			if err := enter(t.Context())(t.Context()); err != nil {
				return err
			}
			if limited != 1 {
				t.Errorf("the third in the queue: %d limited, want 1", limited)
			}
			cancel()
			synctest.Wait()
			leave()
			return nil
		})
		if err != nil || in != 1 || left != 1 {
			t.Errorf("%d came in, %d gave up, %v; want 1, 1 and nil", in, left, err)
		}
	})
}
