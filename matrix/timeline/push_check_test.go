package timeline_test

import (
	"net/http"
	"testing"
	"time"

	"wardline/ground/db"
	"wardline/ground/dbtest"
)

func TestWebPush_Check(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newPushWorld(t, d)
		b := newBrowsers(t, w)
		b.subscribe(w, alice, "PHONE", "a")
		n, err := w.push.Check(t.Context(), alice, "ref-1", time.Minute)
		if w.ok(err); n != 1 {
			t.Fatalf("%d push services took it, want 1", n)
		}
		got, m := b.next(t)
		if m["check"] != "ref-1" || len(m) != 2 || got.Urgency != "high" {
			t.Errorf("the browser gets %s with urgency %s", got.Plain, got.Urgency)
		}
		if n, err := w.push.Check(t.Context(), bob, "ref-2", time.Minute); n != 0 || err != nil {
			t.Errorf("somebody without a browser: %d, %v", n, err)
		}
		b.Answer(http.StatusServiceUnavailable)
		if n, err := w.push.Check(t.Context(), alice, "ref-3", time.Minute); n != 0 || err == nil {
			t.Errorf("a push service that is away: %d, %v", n, err)
		}
		b.Unsubscribe("a")
		if n, err := w.push.Check(t.Context(), alice, "ref-4", time.Minute); n != 0 || err != nil || len(w.push.Pushers(alice)) != 0 {
			t.Errorf("a subscription that has ended: %d, %v, and there are %v", n, err, w.push.Pushers(alice))
		}
	}, pushMigrations...)
}
