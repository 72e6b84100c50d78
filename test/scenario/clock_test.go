package scenario

import (
	"context"
	"testing"
	"time"

	"wardline/clinical/paging"
	"wardline/ground/audit"
)

// patience is how soon at the latest a page notices that the clock was set.
const patience = 30 * time.Second

// TestClock sets the machine's clock while a page is open: the page neither waits for the clock to come round again, nor runs past
// somebody who had no time to answer, and can be accepted once as ever.
//
// hazard: H1 urgent message not delivered
// hazard: H18 clock skew reorders events
func TestClock(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]time.Duration{"back an hour": -time.Hour, "on ten minutes": 10 * time.Minute, "back a second": -time.Second} {
		both(t, "OK the clock goes "+name, func(t *testing.T, w *Ward) {
			asha, liam, grace := w.As("asha"), w.As("liam"), w.As("grace")
			p := asha.Page("po_med_spr", "pt_jones", "NEWS2 9")
			first := asha.Says(p.RoomID, "before")
			w.SetClock(by)
			second := asha.Says(p.RoomID, "after")
			if heard := asha.Hears(p.RoomID); heard[0].ID != second || heard[1].ID != first {
				t.Errorf("the order of messages is %s, %s", heard[1].ID, heard[0].ID)
			}
			w.Pass(rung() + patience)
			got, err := asha.Sees(p.ID)
			if ok(t, err); got.Status != paging.Open || got.Current.User == liam.User {
				t.Fatalf("a rung later it is %s with %s: %s", got.Status, got.Current.User, kinds(got))
			}
			if got.Current.User == grace.User {
				ok(t, grace.Accept(p.ID))
			}
			if n, err := audit.Verify(context.Background(), w.DB); n == 0 || err != nil {
				t.Errorf("audit: %d, %v", n, err)
			}
		})
	}
	both(t, "OK a jump takes from nobody the time to answer", func(t *testing.T, w *Ward) {
		asha, grace := w.As("asha"), w.As("grace")
		p := asha.Page("po_med_spr", "pt_jones", "NEWS2 9")
		w.Pass(0) // until the page's clock waits
		w.SetClock(10 * time.Minute)
		w.Pass(rung())
		for _, wait := range []time.Duration{0, rung() - time.Second} {
			w.Pass(wait)
			if got, err := asha.Sees(p.ID); err != nil || got.Current.User != grace.User || kinds(got) != "sent passed" {
				t.Fatalf("%s with %s, %v: one holder was passed over", kinds(got), got.Current.User, err)
			}
		}
		ok(t, grace.Accept(p.ID))
	})
}
