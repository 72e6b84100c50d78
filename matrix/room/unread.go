package room

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"wardline/ground/db"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

// note is one unread-making event, kept to count what somebody has not read.
type note struct {
	pos      int64
	sender   id.User
	all      bool // it concerns everybody, not only whom it names
	mentions []id.User
	thread   id.Event // "" for the main timeline
}

func noteOf(ev *Event) note { return note{ev.Pos, ev.Sender, ev.ForAll, ev.Mentions, ev.Thread()} }

// Thread returns the root of the thread that an event is a reply in, "" for the main timeline.
// spec: client-server-api#threaded-read-receipts
func (ev *Event) Thread() id.Event {
	if ev.RelType == "m.thread" {
		return ev.Parent
	}
	return ""
}

// Read says up to where somebody has read a room: everywhere up to From, and further in some threads, of which "" is the main timeline.
type Read struct {
	From    int64
	Threads map[id.Event]int64
}

// In returns up to where a thread has been read.
func (r Read) In(thread id.Event) int64 { return max(r.From, r.Threads[thread]) }

// Unread is how much is unread, and how much of it is for the reader above all.
type Unread struct{ Count, Highlights int }

// Counts is what is unread in a room, in its main timeline and in each thread that has something.
type Counts struct {
	Main    Unread
	Threads map[id.Event]Unread // nil for none
}

// Add counts one event more.
func (c *Counts) Add(thread id.Event, highlight bool) {
	n := c.Main
	if thread != "" {
		n = c.Threads[thread]
	}
	if n.Count++; highlight {
		n.Highlights++
	}
	if thread == "" {
		c.Main = n
		return
	}
	if c.Threads == nil {
		c.Threads = map[id.Event]Unread{}
	}
	c.Threads[thread] = n
}

// Total is what is unread in all.
func (c Counts) Total() Unread {
	n := c.Main
	for _, t := range c.Threads {
		n.Count, n.Highlights = n.Count+t.Count, n.Highlights+t.Highlights
	}
	return n
}

var notesOf = db.SQL("room.notes", `SELECT pos, json FROM room_event WHERE room = $1 AND pos <= $2 AND notify ORDER BY pos DESC LIMIT $3`)

// Unread counts what others said that the user has not read, and how much of it names the user, by the default push rules. Counting stops at
// a thousand. It reads memory, and the database once for whoever has not read for longer than a room's tail.
func (s *Service) Unread(ctx context.Context, f *Feed, u id.User, read Read) (Counts, error) {
	for {
		c, known := f.unread(u, read)
		if known {
			return c, nil
		}
		if err := s.recall(ctx, f); err != nil {
			return Counts{}, err
		}
	}
}

// unread counts in memory; known says whether that reaches back far enough.
func (f *Feed) unread(u id.User, read Read) (c Counts, known bool) {
	f.use()
	f.mu.RLock()
	defer f.mu.RUnlock()
	if read.From < f.notesFrom && len(f.notes) < notesKeep {
		return c, false
	}
	for i := len(f.notes) - 1; i >= 0 && f.notes[i].pos > read.From; i-- {
		n := f.notes[i]
		if n.sender == u || len(read.Threads) > 0 && n.pos <= read.In(n.thread) {
			continue
		}
		named := len(n.mentions) > 0 && (slices.Contains(n.mentions, u) || slices.Contains(n.mentions, everybody))
		if n.all || named {
			c.Add(n.thread, named)
		}
	}
	return c, true
}

// recall brings older notes into memory, up to as many as are kept. It may find that others were quicker, and then does nothing.
func (s *Service) recall(ctx context.Context, f *Feed) error {
	f.mu.RLock()
	from, have, emptied := f.notesFrom, len(f.notes), f.emptied
	f.mu.RUnlock()
	older, err := db.Collect(ctx, s.db, notesOf, f.scanNote, f.nid, from, notesKeep-have)
	if err != nil {
		return err
	}
	slices.Reverse(older)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.notesFrom != from || f.emptied != emptied {
		return nil // something was redacted or forgotten meanwhile: the caller looks again
	}
	f.notes = append(older, f.notes...)
	f.notesFrom = 0
	if len(older) == notesKeep-have {
		f.notesFrom = older[0].pos - 1
	}
	return nil
}

// scanNote reads a note. Most events name nobody, and those are not parsed.
func (f *Feed) scanNote(r db.Row) (note, error) {
	var pos int64
	var raw []byte
	if err := r.Scan(&pos, &raw); err != nil {
		return note{}, err
	}
	if !bytes.Contains(raw, []byte("m.mentions")) && !bytes.Contains(raw, []byte("m.thread")) {
		sender, _ := event.Text(event.Field(raw, "sender"))
		return note{pos: pos, sender: id.User(sender), all: true}, nil
	}
	pdu, err := event.Load(f.Version, "", raw)
	if err != nil {
		return note{}, fmt.Errorf("stored event at %d: %w", pos, err)
	}
	ev := &Event{Event: pdu, Pos: pos}
	ev.Parent, ev.RelType = relation(pdu.Content)
	ev.concern(f.MayNotify)
	return noteOf(ev), nil
}
