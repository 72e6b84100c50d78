package room

import (
	"context"
	"math"

	"wardline/ground/db"
	"wardline/matrix/event"
)

// CanReplace says whether an event is a valid replacement of another.
// spec: client-server-api#validity-of-replacement-events
func (ev *Event) CanReplace(old *Event) bool {
	if ev.Sender != old.Sender || ev.Type != old.Type || ev.IsState() || old.IsState() || old.RelType == "m.replace" {
		return false
	}
	// What an encrypted replacement holds only its readers know.
	return ev.Type == "m.room.encrypted" || event.IsObject(event.Field(ev.Event.Content, "m.new_content"))
}

// Newer picks of two replacements the one that holds: the later by its time, and by its id when those are the same. The receiver may
// be nil.
// spec: client-server-api#event-replacements
func (ev *Event) Newer(other *Event) *Event {
	if ev == nil || other.OriginServerTS > ev.OriginServerTS || other.OriginServerTS == ev.OriginServerTS && other.ID > ev.ID {
		return other
	}
	return ev
}

// maxReplacements bounds how many edits of one event are looked at, the newest first.
const maxReplacements = 500

// Replacement returns the edit that holds for an event, nil when there is none.
func (s *Service) Replacement(ctx context.Context, f *Feed, ev *Event) (*Event, error) {
	list, err := s.Children(ctx, f, ev.ID, math.MaxInt64, 0, maxReplacements, false)
	if err != nil {
		return nil, err
	}
	var edit *Event
	for _, c := range list {
		if c.RelType == "m.replace" && c.RedactedBy == "" && c.CanReplace(ev) {
			edit = edit.Newer(c)
		}
	}
	return edit, nil
}

var keyAt = db.SQL("room.key_at", `SELECT `+eventColumns+` FROM room_state s JOIN room_event e ON e.pos = s.from_pos
	WHERE s.room = $1 AND s.type = $2 AND s.state_key = $3 AND s.from_pos <= $4 ORDER BY s.from_pos DESC LIMIT 1`)

// KeyAt returns the piece of state that held at a position, nil for none.
func (s *Service) KeyAt(ctx context.Context, f *Feed, typ, key string, pos int64) (*Event, error) {
	list, err := db.Collect(ctx, s.db, keyAt, f.scan, f.nid, typ, key, pos)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}
