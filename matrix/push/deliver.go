package push

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"wardline/ground/db"
	"wardline/ground/run"
	"wardline/ground/webpush"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// How pushing goes on: so many gateways are told at once, and one more when something urgent waits behind slow ones; a gateway that fails is tried again after 1 s, 2 s and so on, what could not
// be pushed for a day is given up, and one phone has at most so many waiting.
const (
	workers    = 4
	firstPause = time.Second
	lastPause  = time.Hour
	pressing   = 15 * time.Second // the longest pause while something urgent waits
	giveUp     = 24 * time.Hour
	maxPending = 200
	saveSoon   = time.Second
	saveLater  = time.Minute
)

// item is one event to push. Without an event it is the count alone.
type item struct {
	placed  room.Placed
	actions []json.RawMessage
	notice  Notice
}

// queue is what was committed and not yet judged for pushes. When it is full it says so, and the database is read instead.
type queue struct {
	mu    sync.Mutex // guards the rest
	items []room.Placed
	lost  bool
}

const maxQueue = 10_000

func (q *queue) overflow() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items, q.lost = nil, true
}

func (q *queue) take() (items []room.Placed, lost bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	items, lost = q.items, q.lost
	q.items, q.lost = nil, false
	return items, lost
}

// Committed hears of an event after its commit. While nobody has a pusher it does nothing.
func (s *Service) Committed(f *room.Feed, ev *room.Event) {
	if s.queued.Load() == 0 {
		return
	}
	q := &s.queue
	q.mu.Lock()
	if len(q.items) >= maxQueue {
		q.items, q.lost = nil, true
	} else if !q.lost {
		q.items = append(q.items, room.Placed{Feed: f, Event: ev})
	}
	q.mu.Unlock()
	s.bell.Ring()
}

// Run pushes until ctx ends. What was not pushed when the last process ended is found again from the place that each pusher keeps.
func (s *Service) Run(ctx context.Context) error {
	defer s.Gateways.client.CloseIdleConnections()
	parts := []func(context.Context) error{s.feed}
	for i := range workers + 1 {
		parts = append(parts, func(ctx context.Context) error { return s.work(ctx, i == workers) })
	}
	return run.All(ctx, parts...)
}

// feed judges what happens for everybody who has a pusher, and writes down now and then how far that is.
func (s *Service) feed(ctx context.Context) error {
	at := int64(0) // everything up to here was judged
	save := time.NewTimer(saveLater)
	defer save.Stop()
	for {
		wake := s.bell.Wait()
		items, lost := s.queue.take()
		if lost {
			head := s.db.Position()
			if err := s.catchUp(ctx, head); err != nil {
				return s.again(ctx, err)
			}
			at = max(at, head)
		}
		for _, it := range items {
			if it.Pos <= at {
				continue
			}
			if err := s.consider(ctx, it); err != nil {
				return s.again(ctx, err)
			}
			at = it.Pos
		}
		s.reach(at)
		select {
		case <-ctx.Done():
			return s.save(context.WithoutCancel(ctx))
		case <-wake:
			if s.dirty() {
				save.Reset(saveSoon)
			}
		case <-save.C:
			if err := s.save(context.WithoutCancel(ctx)); err != nil {
				return err
			}
			save.Reset(saveLater)
		}
	}
}

// again makes the next feed read from the database what this one could not judge. When the process ends, that is no error.
func (s *Service) again(ctx context.Context, err error) error {
	s.queue.overflow()
	if ctx.Err() != nil {
		return s.save(context.WithoutCancel(ctx))
	}
	return err
}

// catchUp judges what was committed since the place of whoever is furthest behind.
func (s *Service) catchUp(ctx context.Context, head int64) error {
	const page = 500
	s.mu.Lock()
	from := head
	for _, list := range s.pushers {
		for _, p := range list {
			from = min(from, s.place(p))
		}
	}
	s.mu.Unlock()
	for from < head {
		all, err := s.rooms.Stream(ctx, from, head, page)
		if err != nil {
			return err
		}
		for _, it := range all {
			if err := s.consider(ctx, it); err != nil {
				return err
			}
		}
		if len(all) < page {
			return nil
		}
		from = all[len(all)-1].Pos
	}
	return nil
}

// consider queues an event for the phones of those whom it concerns.
func (s *Service) consider(ctx context.Context, it room.Placed) error {
	var who []id.User
	s.mu.Lock()
	it.Feed.EachJoined(func(u id.User) {
		if len(s.pushers[u]) > 0 && u != it.Sender {
			who = append(who, u)
		}
	})
	if it.Type == event.TypeMember && it.StateKey != nil && room.MembershipIn(it.Event) == "invite" {
		if u := id.User(*it.StateKey); len(s.pushers[u]) > 0 {
			who = append(who, u)
		}
	}
	s.mu.Unlock()
	for _, u := range who {
		n, whatever := s.rank(u, it.Event)
		st, yes, err := s.judge(ctx, u, it.Feed, it.Event)
		if err != nil {
			return err
		}
		if !yes && !whatever {
			continue
		}
		next := item{it, st.actions, n}
		if whatever {
			next.actions = []json.RawMessage{notify, highlight, sound}
		} else {
			next.notice.Level = weigh(next)
		}
		s.enqueue(u, next)
	}
	return nil
}

func (s *Service) enqueue(u id.User, it item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pushers[u] {
		if it.placed.Pos <= max(s.place(p), p.top) {
			continue // it was pushed before the last process ended, or waits already
		}
		p.top = it.placed.Pos
		if p.Kind == WebKind {
			p.supersede(it)
		}
		if it.notice.Level >= Urgent {
			p.dueAt = time.Time{} // whatever failed before, this is tried now
		}
		if len(p.pending) >= maxPending {
			p.pending = append(p.pending[:0:0], p.pending[1:]...) // the count still tells of it
		}
		p.pending = append(p.pending, it)
		s.ready[p] = true
		s.due.Ring()
	}
}

// reach notes that everything up to at was judged.
func (s *Service) reach(at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.judged = max(s.judged, at)
}

// place is up to where a pusher has pushed everything: what was judged, unless something waits. Only for who holds mu.
func (s *Service) place(p *pusher) int64 {
	if len(p.pending) == 0 && !p.busy {
		return max(p.pos, s.judged)
	}
	return p.pos
}

func (s *Service) dirty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.delivered
}

// save writes down how far each pusher has come.
func (s *Service) save(ctx context.Context) error {
	type place struct {
		p            *pusher
		pos, failing int64
	}
	var moved []place
	s.mu.Lock()
	s.delivered = false
	for _, list := range s.pushers {
		for _, p := range list {
			if pos := s.place(p); pos != p.saved {
				at := place{p, pos, 0}
				if !p.failingAt.IsZero() {
					at.failing = p.failingAt.UnixMilli()
				}
				moved = append(moved, at)
			}
		}
	}
	s.mu.Unlock()
	if len(moved) == 0 {
		return nil
	}
	return s.db.Write(ctx, "push.save", func(ctx context.Context, tx *db.Tx) error {
		for _, m := range moved {
			if _, err := tx.Exec(ctx, savePlace, string(m.p.user), m.p.App, m.p.Key, m.pos, m.failing); err != nil {
				return err
			}
		}
		tx.OnCommit(func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, m := range moved {
				m.p.saved = m.pos
			}
		})
		return nil
	})
}

// work pushes what is due, one at a time; a worker kept for what is urgent does nothing else.
func (s *Service) work(ctx context.Context, kept bool) error {
	for {
		wake := s.due.Wait()
		p, it, next := s.pick(time.Now(), kept)
		if p != nil {
			s.deliver(ctx, p, it)
			continue
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// pick takes a pusher that has something to push and whose time has come, one with something urgent before all others; without one it
// says how long to wait.
func (s *Service) pick(now time.Time, kept bool) (*pusher, item, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait := saveLater
	var best *pusher
	var next item
	for p := range s.ready {
		if p.busy {
			continue
		}
		if d := p.due().Sub(now); d > 0 {
			wait = min(wait, d)
			continue
		}
		if it := p.first(); best == nil || it.notice.Level > next.notice.Level {
			best, next = p, it
		}
	}
	if best == nil || kept && next.notice.Level < Urgent {
		return nil, item{}, wait
	}
	best.busy = true
	if next.placed.Event == nil {
		best.badgeAt = time.Time{}
	}
	return best, next, 0
}

// waits says whether there is something to tell. Only for who holds mu.
func (p *pusher) waits() bool { return len(p.pending) > 0 || !p.badgeAt.IsZero() }

// due is when a pusher is next told something. Only for who holds mu.
func (p *pusher) due() time.Time {
	if len(p.pending) == 0 && p.badgeAt.After(p.dueAt) {
		return p.badgeAt
	}
	return p.dueAt
}

// first is what a pusher tells next: a browser the most urgent of what waits, a gateway the oldest. Only for who holds mu.
func (p *pusher) first() item {
	if len(p.pending) == 0 {
		return item{}
	}
	best := p.pending[0]
	if p.Kind != WebKind {
		return best
	}
	for _, it := range p.pending[1:] {
		if it.notice.Level >= Urgent && it.notice.Level > best.notice.Level {
			best = it
		}
	}
	return best
}

// supersede drops what waits for a browser from the same room and is no louder than what came now: one notice a room is shown. Only
// for who holds mu.
func (p *pusher) supersede(by item) {
	p.pending = slices.DeleteFunc(slices.Clone(p.pending), func(it item) bool {
		return it.placed.Feed == by.placed.Feed && it.notice.Level <= by.notice.Level && it.notice.Level < Urgent
	})
}

// deliver pushes one event to one phone, unless its owner has read it meanwhile or is locked out.
func (s *Service) deliver(ctx context.Context, p *pusher, it item) {
	came, rejected, err := s.attempt(ctx, p, it)
	ctx = context.WithoutCancel(ctx) // what the gateway has said counts, also when the server stops
	if errors.Is(err, webpush.ErrGone) {
		rejected, err = []string{p.Key}, nil
	}
	if came = outcome(came, err); slices.Contains(rejected, p.Key) {
		came = Ended
	}
	if came != unasked && it.placed.Event != nil && s.Came != nil {
		s.Came(p.user, it.placed.Event, it.notice, came)
	}
	for _, key := range rejected {
		if key == p.Key {
			if err := s.Remove(ctx, p.user, p.App, p.Key); err != nil && s.Log != nil {
				s.Log.Warn("rejected pusher could not be removed", "user", p.user, "err", err)
			}
			return
		}
	}
	if err != nil && s.Log != nil {
		s.Log.Info("push gateway failed", "user", p.user, "app", p.App, "err", err)
	}
	s.settle(p, it, err, time.Now())
}

// settle notes how a delivery went.
func (s *Service) settle(p *pusher, it item, err error, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.busy, s.delivered = false, true
	if p.gone {
		return
	}
	if err == nil || hopeless(err) {
		p.failures, p.failingAt, p.dueAt = 0, time.Time{}, time.Time{}
	} else {
		if p.failingAt.IsZero() {
			p.failingAt = now
		}
		p.dueAt = now.Add(p.pause(err))
		p.failures++
		if p.knows = false; it.placed.Event == nil {
			p.badgeAt = now
		}
		if now.Sub(p.failingAt) < giveUp {
			return
		}
		// A day is over: older news is no use any more, and the count in the next push tells of it.
		p.pending, p.failingAt, p.badgeAt = nil, time.Time{}, time.Time{}
	}
	s.done(p, it)
	s.due.Ring()
	s.bell.Ring()
}

// done takes what was told, or given up, out of what waits. Only for who holds mu.
func (s *Service) done(p *pusher, it item) {
	p.pending = slices.DeleteFunc(slices.Clone(p.pending), func(o item) bool { return o.placed.Event == it.placed.Event })
	switch {
	case len(p.pending) > 0:
		p.pos = max(p.pos, p.pending[0].placed.Pos-1) // what waits longest decides where the next process begins
	case it.placed.Event != nil:
		p.pos = max(p.pos, it.placed.Pos)
	}
	if !p.waits() {
		delete(s.ready, p)
	}
}

// pause is how long a pusher is left alone after a failure: longer each time, as long as its service asks, and never long while
// something urgent waits. Only for who holds mu.
func (p *pusher) pause(err error) time.Duration {
	d := min(firstPause<<min(p.failures, 12), lastPause)
	var b *webpush.Busy
	if errors.As(err, &b) {
		d = max(d, b.After)
	}
	if slices.ContainsFunc(p.pending, func(it item) bool { return it.notice.Level >= Urgent }) {
		d = min(d, pressing)
	}
	return d
}
