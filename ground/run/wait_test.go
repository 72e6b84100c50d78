package run_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"wardline/ground/run"
)

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bell := make(chan struct{}, 1)
		began := time.Now()
		took := func() time.Duration { defer func() { began = time.Now() }(); return time.Since(began) }
		if !run.Wait(t.Context(), time.Minute, bell) || took() != time.Minute {
			t.Error("it did not wait for its time")
		}
		bell <- struct{}{}
		if !run.Wait(t.Context(), time.Minute, bell) || took() != 0 {
			t.Error("the bell did not wake it")
		}
		if !run.Wait(t.Context(), -time.Minute, bell) || took() != 0 {
			t.Error("it waited for what is past")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if run.Wait(ctx, time.Minute, bell) || took() != time.Second {
			t.Error("it outlived its context")
		}
	})
}
