package push

import (
	"context"
	"slices"
	"sync"

	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// place is one user in one room.
type place struct {
	user id.User
	room id.Room
}

// tally is what a user's own rules make of a room's events, as far as somebody has asked.
type tally struct {
	mu       sync.Mutex // guards the rest
	by       *program   // the rules it was made with
	from, to int64      // it covers (from, to]
	notes    []noted
}

type noted struct {
	pos       int64
	event     id.Event
	highlight bool
	thread    id.Event
}

// Counting stops at so many events, as it does for everybody (room.Feed.Unread).
const tallyKeep = 1000

// Unread counts what a user has not read in a room, by the user's own rules. For people with the default rules
// it reads two numbers; for others it judges what has come since they last asked.
// spec: client-server-api#receiving-notifications
func (s *Service) Unread(ctx context.Context, f *room.Feed, u id.User, read room.Read) (c room.Counts, err error) {
	p, err := s.program(ctx, u)
	if err != nil {
		return c, err
	}
	if p == nil {
		return s.rooms.Unread(ctx, f, u, read)
	}
	t := s.tally(place{u, f.ID})
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.by != p || read.From < t.from || t.to == 0 {
		t.by, t.from, t.to, t.notes = p, read.From, read.From, nil
	}
	if err := s.advance(ctx, f, t); err != nil {
		return c, err
	}
	for _, n := range t.notes {
		if n.pos > read.In(n.thread) {
			c.Add(n.thread, n.highlight)
		}
	}
	return c, nil
}

func (s *Service) tally(k place) *tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tallies[k]
	if t == nil {
		if len(s.tallies) >= maxRemembered {
			clear(s.tallies)
		}
		t = &tally{}
		s.tallies[k] = t
	}
	return t
}

// advance judges what has happened in the room since.
func (s *Service) advance(ctx context.Context, f *room.Feed, t *tally) error {
	head, _ := f.Head()
	if head <= t.to {
		return nil
	}
	events, complete := f.Tail(t.to)
	if !complete {
		back, err := s.rooms.Back(ctx, f, head, t.to, tallyKeep)
		if err != nil {
			return err
		}
		slices.Reverse(back)
		events = back
	}
	for _, ev := range events {
		if ev.Type == event.TypeRedaction && ev.Redacts != "" {
			t.notes = slices.DeleteFunc(t.notes, func(n noted) bool { return n.event == ev.Redacts })
		}
		if ev.Sender == t.by.user || ev.RedactedBy != "" {
			continue
		}
		if st, fits := t.by.judge(t.by.user, f, ev); fits && st.notify {
			t.notes = append(t.notes, noted{ev.Pos, ev.ID, st.highlight, ev.Thread()})
		}
	}
	if over := len(t.notes) - 2*tallyKeep; over > 0 {
		t.notes = slices.Clone(t.notes[len(t.notes)-tallyKeep:])
	}
	t.to = head
	return nil
}
