package room

import (
	"context"
	"slices"
	"time"
)

// A room that has come into memory stays there: whoever waits is found through it. But most of what it holds, its newest events and the
// notes that unread counts look at, is for readers, and after a year most rooms have none any more. They keep who is in
// them and what they are called, and read the rest again when it is asked for.
const (
	restEach = 10 * time.Minute
	restTail = 4    // events that a resting room keeps
	wakeful  = 1000 // rooms that may always keep all: some 80 MB, and everybody who returns in the morning finds them ready
)

// Rest lets the rooms that nobody read or wrote for ten to twenty minutes keep less in memory when there are many, until ctx ends.
func (s *Service) Rest(ctx context.Context) error {
	tick := time.NewTicker(restEach)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.Ease(wakeful)
		}
	}
}

// Ease makes the rooms rest that nobody used since it was called before, unless there are no more than so many in memory, and returns
// how many those are. No reader notices but by the time of a query.
func (s *Service) Ease(above int) (eased int) {
	all := s.InMemory()
	for _, f := range all {
		if !f.used.Swap(false) && len(all) > above && f.rest() {
			eased++
		}
	}
	return eased
}

// use notes that somebody reads or writes the room. It writes only once between two rounds, since many processors read it.
func (f *Feed) use() {
	if !f.used.Load() {
		f.used.Store(true)
	}
}

func (f *Feed) rest() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.tail) <= restTail {
		return false
	}
	f.tailFrom = f.tail[len(f.tail)-restTail-1].Pos
	f.tail = slices.Clone(f.tail[len(f.tail)-restTail:])
	f.notes, f.notesFrom = nil, f.head
	return true
}
