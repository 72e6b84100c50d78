package paging

import (
	"context"
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
		case page := <-s.reached:
			s.note(ctx, page)
		}
		timer.Stop()
	}
}

// pass moves every page that is due and returns when the next one will be.
func (s *Service) pass(ctx context.Context, later map[ID]time.Time) (time.Time, error) {
	now := s.Now()
	next := now.Add(patience)
	longest := max(s.Policy.Rung(Urgent), s.Policy.Rung(Emergency))
	all, err := db.Collect(ctx, s.DB, dueNext, scanDue)
	if err != nil {
		return next, err
	}
	for _, d := range all {
		at := time.UnixMilli(d.wakeAt)
		if again, failed := later[d.id]; failed && again.After(at) {
			at = again
		}
		early := at.After(now)
		if early && at.Before(next) {
			next = at
		}
		if early && !at.After(now.Add(longest)) { // later than that is no rung: the clock was set back, and Step must see it
			continue
		}
		if !early {
			delete(later, d.id)
			next = now // look again: the page will have a new time
		}
		if err := s.tickOne(ctx, d.id); err != nil {
			s.Log.Error("page could not be moved on, will try again", "page", d.id, "err", err)
			later[d.id] = now.Add(retry)
		}
	}
	return next, nil
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
	pages, err := db.Collect(ctx, s.DB, openPages, scan)
	if err != nil {
		return err
	}
	for _, p := range pages {
		s.await(p)
	}
	return nil
}

// await remembers whose device a page waits for, or forgets it when the page has reached its holder or is closed.
func (s *Service) await(p stored) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.awaited, p.ID)
	if p.Status == Open && p.Current.User != "" && !p.had(Reached) && !p.had(Seen) {
		s.awaited[p.ID] = awaited{p.Current.User, p.RoomID, p.told}
	}
	s.waiting.Store(int64(len(s.awaited)))
}

// Delivered is told by the timeline what a device has proved to have. It is quick and never blocks: what it finds out is written by
// the scheduler.
func (s *Service) Delivered(user id.User, _ id.Device, has func(r id.Room, pos int64) bool) {
	if s.waiting.Load() == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for page, w := range s.awaited {
		if w.user != user || !has(w.room, w.told) {
			continue
		}
		select {
		case s.reached <- page:
		default:
		}
	}
}

// note writes down that a page has reached its holder.
func (s *Service) note(ctx context.Context, page ID) {
	s.mu.Lock()
	w, ok := s.awaited[page]
	s.mu.Unlock()
	if !ok {
		return
	}
	if _, err := s.Reached(ctx, w.user, page); err != nil && ctx.Err() == nil {
		s.Log.Warn("page reached its holder, but that could not be written", "page", page, "err", err)
	}
}

// Follow brings every open page at a post to whoever holds it now, inside the act by which the post changed hands. It suits
// rota.Deps.Hands.
//
// hazard: H6 role empty or stale holder
func (s *Service) Follow(ctx context.Context, tx *db.Tx, post directory.PostID, _, _ []id.User) error {
	pages, err := db.Collect(ctx, tx, openPages, scan)
	if err != nil {
		return err
	}
	for _, p := range pages {
		if p.Current.Post.ID != post {
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
