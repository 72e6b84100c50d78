package scenario

import (
	"testing"

	"wardline/clinical/directory"
	"wardline/clinical/staff"
	"wardline/ground/audit"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// hazard: H6
func TestArrange_Posts(t *testing.T) {
	t.Parallel()
	in(t, "OK made, renamed, closed; never under a holder, never the last switchboard", func(t *testing.T, w *Ward) {
		ctx := t.Context()
		maya := w.As("maya").User
		entry := staff.PostEntry{Name: "  Stroke   nurse on call", Service: "Medicine", Critical: true, Pageable: true, Must: 2, Ladder: []directory.PostID{"po_med_spr"}}
		p, err := w.Staff.SavePost(ctx, maya, "", entry)
		ok(t, err)
		if p.Name != "Stroke nurse on call" {
			t.Errorf("called %q", p.Name)
		}
		v, err := w.Rota.View(ctx, p.ID)
		if ok(t, err); v.Alarm == nil || v.Must != 2 {
			t.Errorf("a new critical post without holders has no alarm: %+v", v)
		}
		next, err := directory.Rungs(ctx, w.DB, p.ID)
		if ok(t, err); len(next) != 1 || next[0] != "po_med_spr" {
			t.Errorf("asked next: %v", next)
		}
		hits, err := w.Directory.Search(ctx, "stroke nurse", nil, 5)
		if ok(t, err); len(hits) == 0 {
			t.Error("it is not found")
		}
		_, err = w.Staff.SavePost(ctx, maya, "", entry)
		want(t, err, fault.Conflict)
		for name, change := range map[string]func(e *staff.PostEntry){
			"no name":                  func(e *staff.PostEntry) { e.Name = " " },
			"no service":               func(e *staff.PostEntry) { e.Service = "" },
			"all services":             func(e *staff.PostEntry) { e.Service = "*" },
			"no holders":               func(e *staff.PostEntry) { e.Must = 0 },
			"ten holders":              func(e *staff.PostEntry) { e.Must = 10 },
			"itself asked next":        func(e *staff.PostEntry) { e.Ladder = []directory.PostID{p.ID} },
			"one asked twice":          func(e *staff.PostEntry) { e.Ladder = []directory.PostID{"po_med_spr", "po_med_spr"} },
			"one that there is not":    func(e *staff.PostEntry) { e.Ladder = []directory.PostID{"po_none"} },
			"a ward that there is not": func(e *staff.PostEntry) { e.Place = "wd_none" },
		} {
			e := entry
			if change(&e); e.Name == entry.Name {
				e.Name = "Another " + name
			}
			id := directory.PostID("")
			if name == "itself asked next" {
				id = p.ID
			}
			if _, err := w.Staff.SavePost(ctx, maya, id, e); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		held := staff.PostEntry{Name: "Medical registrar on call", Service: "Medicine", Critical: true, Pageable: true, Must: 1, Closed: true}
		_, err = w.Staff.SavePost(ctx, maya, "po_med_spr", held)
		want(t, err, fault.Conflict)
		held.Closed, held.Name = false, "Med reg on call"
		_, err = w.Staff.SavePost(ctx, maya, "po_med_spr", held)
		ok(t, err)
		all, err := directory.Posts(ctx, w.DB)
		ok(t, err)
		for _, o := range all {
			if o.Switchboard && !o.Closed {
				_, err = w.Staff.SavePost(ctx, maya, o.ID, staff.PostEntry{Name: o.Name, Service: o.Service, Pageable: true, Must: 1})
				want(t, err, fault.Conflict)
			}
		}
		entry.Closed, entry.Ladder = true, nil
		_, err = w.Staff.SavePost(ctx, maya, p.ID, entry)
		ok(t, err)
		if v, err = w.Rota.View(ctx, p.ID); err != nil || v.Alarm != nil {
			t.Errorf("a closed post has an alarm: %+v, %v", v.Alarm, err)
		}
		if hits, err = w.Directory.Search(ctx, "stroke nurse", nil, 5); err != nil || len(hits) > 0 && hits[0].Post.ID == p.ID {
			t.Errorf("a closed post is found: %v", err)
		}
		if n, err := audit.Verify(ctx, w.DB); err != nil || n == 0 {
			t.Errorf("audit: %d, %v", n, err)
		}
	})
}

func TestArrange_TeamsAndKeepers(t *testing.T) {
	t.Parallel()
	in(t, "OK made, changed, ended; given and taken away", func(t *testing.T, w *Ward) {
		ctx := t.Context()
		maya, tom := w.As("maya").User, w.As("tom").User
		team, err := w.Staff.SaveTeam(ctx, maya, "", " Night  team ", "", []id.User{tom, maya, tom})
		ok(t, err)
		if got, err := directory.FindTeam(ctx, w.DB, team.ID); err != nil || got.Name != "Night team" || len(got.Members) != 2 {
			t.Errorf("team %+v, %v", got, err)
		}
		_, err = w.Staff.SaveTeam(ctx, maya, team.ID, "Nights", "", []id.User{"@stranger:st-elsewhere"})
		want(t, err, fault.Invalid)
		_, err = w.Staff.SaveTeam(ctx, maya, "", "night team", "", nil)
		want(t, err, fault.Conflict)
		ok(t, w.Staff.DropTeam(ctx, maya, team.ID))
		_, err = directory.FindTeam(ctx, w.DB, team.ID)
		want(t, err, fault.NotFound)

		ok(t, w.Staff.SetKeeper(ctx, maya, tom, "Medicine", true))
		ok(t, directory.MayKeep(ctx, w.DB, directory.By{User: tom}, "Medicine"))
		want(t, w.Staff.SetKeeper(ctx, maya, tom, "Alchemy", true), fault.Invalid)
		want(t, w.Staff.SetKeeper(ctx, maya, "@stranger:st-elsewhere", "Medicine", true), fault.NotFound)
		want(t, w.Staff.SetKeeper(ctx, maya, maya, directory.Everything, false), fault.Conflict)
		ok(t, w.Staff.SetKeeper(ctx, maya, tom, "Medicine", false))
		want(t, directory.MayKeep(ctx, w.DB, directory.By{User: tom}, "Medicine"), fault.Forbidden)
		ok(t, w.Staff.Leave(ctx, maya, tom))
		want(t, w.Staff.SetKeeper(ctx, maya, tom, "Medicine", true), fault.Conflict)
	})
}
