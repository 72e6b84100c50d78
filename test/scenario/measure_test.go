package scenario

import (
	"context"
	"testing"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/measure"
	"wardline/clinical/paging"
	"wardline/ground/fault"
)

func TestMeasure(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	in(t, "OK pages are counted from the pages, and drills are not", func(t *testing.T, w *Ward) {
		asha, liam := w.As("asha"), w.As("liam")
		began := w.now()
		for range 5 {
			p, err := asha.TryPage("po_med_spr", "pt_jones", "x", w.now().String())
			ok(t, err)
			w.Pass(10 * time.Second)
			ok(t, liam.Accept(p.ID))
		}
		p := asha.Page("po_stroke", "pt_jones", "nobody comes")
		w.Pass(3 * time.Minute)
		_, err := w.Paging.Raise(ctx, asha.User, paging.NewPage{Txn: "drill", To: paging.Target{Post: "po_stroke"}, Urgency: paging.Emergency, What: "DRILL", Need: "attend", Practice: true})
		ok(t, err)
		_, err = measure.Pages(ctx, w.DB, directory.By{User: asha.User}, began, w.now().Add(time.Second), "")
		want(t, err, fault.Forbidden)
		admin := directory.By{User: "@nadia:st-elsewhere", Admin: true}
		_, err = measure.Pages(ctx, w.DB, admin, w.now(), began, "")
		want(t, err, fault.Invalid)
		r, err := measure.Pages(ctx, w.DB, admin, began, w.now().Add(time.Second), "")
		ok(t, err)
		if r.All.Pages != 6 || r.All.Accepted != 5 || r.All.Switchboard != 1 || r.All.Open != 1 || r.All.Accept.Half != 10_000 {
			t.Fatalf("%+v; the page that nobody answered is %s", r.All, p.ID)
		}
		if len(r.Posts) != 2 || r.Posts[0].Name != "Medical registrar on call" || r.Posts[0].Accept.Half != 10_000 || r.Posts[1].Accept.Half != -1 {
			t.Errorf("posts: %+v", r.Posts)
		}
		if len(r.Wards) != 1 || r.Wards[0].Name != "Ward 7" {
			t.Errorf("wards: %+v", r.Wards)
		}
		if r, err = measure.Pages(ctx, w.DB, admin, began, w.now().Add(time.Second), paging.Emergency); err != nil || r.All.Pages != 0 {
			t.Errorf("emergencies: %+v, %v", r.All, err)
		}
	})
}
