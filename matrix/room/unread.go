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
}

func noteOf(ev *Event) note { return note{ev.Pos, ev.Sender, ev.ForAll, ev.Mentions} }

var notesOf = db.SQL("room.notes", `SELECT pos, json FROM room_event WHERE room = $1 AND pos <= $2 AND notify ORDER BY pos DESC LIMIT $3`)

// Unread counts what others said after position from, and how much of it names the user, by the default push rules. Counting stops at
// a thousand. It reads memory, and the database once for whoever has not read for longer than a room's tail.
func (s *Service) Unread(ctx context.Context, f *Feed, u id.User, from int64) (count, highlights int, err error) {
	for {
		count, highlights, known := f.unread(u, from)
		if known {
			return count, highlights, nil
		}
		if err := s.recall(ctx, f); err != nil {
			return 0, 0, err
		}
	}
}

// unread counts in memory; known says whether that reaches back far enough.
func (f *Feed) unread(u id.User, from int64) (count, highlights int, known bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if from < f.notesFrom && len(f.notes) < notesKeep {
		return 0, 0, false
	}
	for i := len(f.notes) - 1; i >= 0 && f.notes[i].pos > from; i-- {
		n := f.notes[i]
		if n.sender == u {
			continue
		}
		named := len(n.mentions) > 0 && (slices.Contains(n.mentions, u) || slices.Contains(n.mentions, everybody))
		if n.all || named {
			count++
		}
		if named {
			highlights++
		}
	}
	return count, highlights, true
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
	if !bytes.Contains(raw, []byte("m.mentions")) {
		sender, _ := event.Text(event.Field(raw, "sender"))
		return note{pos: pos, sender: id.User(sender), all: true}, nil
	}
	pdu, err := event.Load(f.Version, "", raw)
	if err != nil {
		return note{}, fmt.Errorf("stored event at %d: %w", pos, err)
	}
	ev := &Event{Event: pdu, Pos: pos}
	_, ev.RelType = relation(pdu.Content)
	ev.concern(f.MayNotify)
	return noteOf(ev), nil
}
