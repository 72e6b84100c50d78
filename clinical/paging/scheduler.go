package paging

import (
	"context"
	"slices"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// patience is the longest the scheduler sleeps without looking at the clock, so that a clock that was set, or a machine that was
// asleep, delays no page for longer.
const patience = 30 * time.Second

// retry is how long a page that could not be moved is left alone.
const retry = 2 * time.Second

// Run lets time pass for every open page: one loop over what is due next, in the database. It starts from whatever is there, so a
// page's clock runs on through a restart. It returns nil when ctx ends, and an error when the database cannot be read; the group
// that runs it starts it again.
//
// hazard: H1 urgent message not delivered
func (s *Service) Run(ctx context.Context) error {
	if err := s.recall(ctx); err != nil {
		return err
	}
	later := map[ID]time.Time{} // pages that failed, and when to try again
	for {
		next, err := s.pass(ctx, later)
		if err != nil {
			return err
		}
		timer := time.NewTimer(min(max(next.Sub(s.Now()), 0), patience))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-s.bell:
		case <-timer.C:
		case p := <-s.reached:
			s.note(ctx, p)
		}
		timer.Stop()
	}
}

// together is how many pages are moved in one act: they share what is looked up of who holds what. Most bounds what one look at the database
// brings.
const (
	together = 16
	most     = 256
)

// pass moves every page that is due, and each that a clock set back has left ahead of its time, and returns when the next one will be due.
//
// hazard: H18 clock skew reorders events
func (s *Service) pass(ctx context.Context, later map[ID]time.Time) (time.Time, error) {
	now := s.Now()
	list, err := db.Collect(ctx, s.DB, aheadNow, db.Scalar[ID], now.UnixMilli(), most)
	if err != nil {
		return now, err
	}
	due, err := db.Collect(ctx, s.DB, dueNow, db.Scalar[ID], now.UnixMilli(), most+len(later))
	if err != nil {
		return now, err
	}
	next := now.Add(patience)
	var pages []ID
	for _, page := range append(list, due...) {
		if again, failed := later[page]; failed && again.After(now) {
			next = sooner(next, again)
			continue
		}
		delete(later, page)
		pages = append(pages, page)
	}
	for some := range slices.Chunk(pages, together) {
		if s.tickSome(ctx, some) == nil {
			continue
		}
		for _, page := range some { // one of them is the trouble
			if err := s.tickOne(ctx, page); err != nil && ctx.Err() == nil {
				s.Log.Error("page could not be moved on, will try again", "page", page, "err", err)
				later[page] = now.Add(retry)
			}
		}
	}
	if len(pages) > 0 {
		return now, nil // and look again: they have new times
	}
	soon, err := db.One(ctx, s.DB, nextAfter, db.Scalar[int64], now.UnixMilli())
	if fault.Is(err, fault.NotFound) {
		return next, nil
	}
	return sooner(next, time.UnixMilli(soon)), err
}

func sooner(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// tickSome lets the time of several pages pass in one act, all of them or none.
func (s *Service) tickSome(ctx context.Context, pages []ID) error {
	return s.DB.WriteFirst(ctx, "paging.tick", func(ctx context.Context, tx *db.Tx) error {
		world := Holders{} // nothing in this act changes who holds a post
		for _, page := range pages {
			p, a, err := s.load(ctx, tx, page)
			if err != nil {
				return err
			}
			if _, err := s.apply(ctx, a, p, Input{Verb: Tick, Holders: world}, false); err != nil {
				return err
			}
		}
		return nil
	})
}

// tickOne lets one page's time pass. When the room refuses to take part, the page moves on without it.
func (s *Service) tickOne(ctx context.Context, page ID) error {
	move := func(mute bool) error {
		return s.DB.WriteFirst(ctx, "paging.tick", func(ctx context.Context, tx *db.Tx) error {
			p, a, err := s.load(ctx, tx, page)
			if err != nil {
				return err
			}
			_, err = s.apply(ctx, a, p, Input{Verb: Tick}, mute)
			return err
		})
	}
	err := move(false)
	if err == nil || ctx.Err() != nil || fault.Is(err, fault.Unavailable) {
		return err
	}
	s.Log.Error("page moves on without its room", "page", page, "err", err)
	return move(true)
}

// recall finds out after a start whose devices have not been heard of yet.
func (s *Service) recall(ctx context.Context) error {
	for after := ID(""); ; {
		pages, err := db.Collect(ctx, s.DB, openAfter, scan, string(after))
		if err != nil || len(pages) == 0 {
			return err
		}
		for _, p := range pages {
			s.await(p)
		}
		after = pages[len(pages)-1].ID
	}
}

// await remembers whose devices a page waits for, the first and one more, or forgets them when everybody has looked or the page is closed.
func (s *Service) await(p stored) {
	w := awaited{room: p.RoomID, told: p.told, first: map[id.User]id.Device{}}
	for _, c := range p.Current.All() {
		first, reached := p.first(c.User), p.had(Reached, c.User)
		if p.Status != Open || p.had(Seen, c.User) || p.had(Second, c.User) || reached && first == "" {
			continue
		}
		if w.users = append(w.users, c.User); reached {
			w.first[c.User] = first
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.awaited[p.ID].users {
		if delete(s.of[u], p.ID); len(s.of[u]) == 0 {
			delete(s.of, u)
		}
	}
	delete(s.awaited, p.ID)
	if len(w.users) > 0 {
		s.awaited[p.ID] = w
	}
	for _, u := range w.users {
		if s.of[u] == nil {
			s.of[u] = map[ID]bool{}
		}
		s.of[u][p.ID] = true
	}
	s.waiting.Store(int64(len(s.awaited)))
}

// Delivered is told by the timeline what a device has proved to have. It is quick and never blocks: what it finds out is written by
// the scheduler.
func (s *Service) Delivered(user id.User, device id.Device, has func(r id.Room, pos int64) bool) {
	if s.waiting.Load() == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for page := range s.of[user] {
		if w := s.awaited[page]; w.first[user] == device && device != "" || !has(w.room, w.told) {
			continue
		}
		select {
		case s.reached <- proof{page, user, device}:
		default:
		}
	}
}

// note writes down that a page has reached somebody who is called.
func (s *Service) note(ctx context.Context, p proof) {
	s.mu.Lock()
	w, ok := s.awaited[p.page]
	s.mu.Unlock()
	if !ok || !slices.Contains(w.users, p.user) {
		return
	}
	if _, err := s.Reached(ctx, p.user, p.device, p.page); err != nil && ctx.Err() == nil {
		s.Log.Warn("page reached its holder, but that could not be written", "page", p.page, "err", err)
	}
}

// Follow brings every open page at a post to whoever holds it now, inside the act by which the post changed hands. It suits
// rota.Deps.Hands.
//
// hazard: H6 role empty or stale holder
func (s *Service) Follow(ctx context.Context, tx *db.Tx, post directory.PostID, _, _ []id.User) error {
	pages, err := db.Collect(ctx, tx, openAt, scan, string(post))
	if err != nil {
		return err
	}
	for _, p := range pages {
		if !p.at(post) {
			continue
		}
		p, a, err := s.load(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		if _, err := s.apply(ctx, a, p, Input{Verb: Tick}, false); err != nil {
			return err
		}
	}
	return nil
}

// at says whether the page calls whoever holds the post.
func (p Page) at(post directory.PostID) bool {
	return p.Current.Post.ID == post || slices.ContainsFunc(p.Current.With, func(c Called) bool { return c.Post.ID == post })
}
