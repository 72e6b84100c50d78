package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"wardline/app"
	"wardline/clinical/directory"
	"wardline/clinical/paging"
	"wardline/ground/db"
	"wardline/ground/obs"
	"wardline/matrix/id"
)

// groupPages is open pages that nobody answers: what their clocks cost, and how late a rung ends.
func groupPages(ctx context.Context, o *options, t *table) error {
	n, rung := o.pick(200, 10_000), time.Duration(o.pick(10, 60))*time.Second
	var h *hospital
	var pages []openPage
	fill := func(ctx context.Context, a *app.App) (err error) {
		if h, err = found(ctx, a, "pages", 100); err != nil {
			return err
		}
		if err := a.DB.Write(ctx, "bench.team", func(ctx context.Context, tx *db.Tx) error { return team(ctx, tx, h.users) }); err != nil {
			return err
		}
		if _, err := a.Clinic.Paging.SetPolicy(ctx, directory.By{Admin: true}, "*", paging.Urgent, 0, paging.Rules{Seconds: int(rung.Seconds())}, ""); err != nil {
			return err
		}
		pages, err = raiseMany(ctx, a, h, n)
		return err
	}
	return with(ctx, o, fill, func(ctx context.Context, s *target) error {
		for _, u := range h.users {
			u.s = s
		}
		l, err := scenarioPages(ctx, s, pages, rung)
		t.add(l)
		return err
	})
}

// openPage is a page and somebody who may look at it.
type openPage struct {
	id paging.ID
	by *user
}

func raiseMany(ctx context.Context, a *app.App, h *hospital, n int) ([]openPage, error) {
	var pages []openPage
	for len(pages) < n {
		err := a.DB.Write(ctx, "bench.pages", func(ctx context.Context, tx *db.Tx) error {
			for range min(50, n-len(pages)) {
				k := len(pages)
				room := h.rooms[k%len(h.rooms)]
				in := slices.DeleteFunc(slices.Clone(h.members[room]), func(i int) bool { return i <= teamSize }) // who holds no post
				by := h.users[in[k%len(in)]]
				p, err := a.Clinic.Paging.RaiseIn(ctx, tx, id.User(by.id), paging.NewPage{Txn: fmt.Sprint("p", k), To: paging.Target{Post: directory.PostID(fmt.Sprint("po_", k%teamSize))},
					Urgency: paging.Urgent, Room: id.Room(room), Where: "Ward 7", What: obs.Hidden(words), Need: "attend"})
				if err != nil {
					return err
				}
				pages = append(pages, openPage{p.ID, by})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return pages, nil
}

// scenarioPages lets a rung and a bit pass, and then asks each page when it moved and when it should have.
func scenarioPages(ctx context.Context, s *target, pages []openPage, rung time.Duration) (Line, error) {
	line := Line{Scenario: fmt.Sprintf("%d open pages, a rung of %v: how late it ends", len(pages), rung)}
	began, cpu := time.Now(), s.cpu()
	pause(ctx, rung+5*time.Second)
	took, spent := time.Since(began), s.cpu()-cpu
	var late []time.Duration
	for _, p := range pages {
		var got paging.Snapshot
		if err := p.by.call(ctx, "GET", "/_wardline/v1/pages/"+string(p.id), nil, &got); err != nil {
			return line, err
		}
		since := got.RaisedAt
		for _, step := range got.Steps {
			if step.Kind != paging.Passed && step.Kind != paging.Exhausted {
				continue
			}
			if at := time.UnixMilli(step.At); at.After(began.Add(3 * time.Second)) { // before that it may have waited for the program to start
				late = append(late, max(0, at.Sub(time.UnixMilli(since).Add(rung))))
			}
			since = step.At
		}
		if got.Status == paging.Open && got.Current.DueAt > 0 && time.UnixMilli(got.Current.DueAt).Before(began.Add(rung)) {
			line.Errors++ // it should have moved
		}
	}
	figures(&line, late, took, spent)
	line.RSSMB = s.rss()
	return line, nil
}
