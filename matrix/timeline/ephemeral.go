package timeline

import (
	"encoding/json"
	"time"

	"wardline/matrix/id"
	"wardline/matrix/room"
)

// Now returns the present place in the stream.
func (s *Service) Now() Token { return s.position() }

// Quiet reports whether no typing and no receipt has changed anywhere since a place.
func (s *Service) Quiet(since Token) bool {
	return since.Pos >= s.started && s.receipts.Load() <= since.Pos && s.serial.Load() <= since.Serial
}

// EphemeralOf returns typing and receipts of a room that changed between two places, as events that say of which room they are.
// Private receipts are given only of users for whom mine says true.
// spec: application-service-api#pushing-ephemeral-data
func (s *Service) EphemeralOf(f *room.Feed, since, to Token, mine func(id.User) bool) []json.RawMessage {
	x := extraOf(f)
	var out []json.RawMessage
	add := func(typ string, content json.RawMessage) {
		raw, err := json.Marshal(map[string]any{"type": typ, "room_id": f.ID, "content": content})
		if err == nil && content != nil {
			out = append(out, raw)
		}
	}
	add("m.typing", x.typingSince(since.Serial, false))
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.newest <= since.Pos {
		return out
	}
	for _, content := range x.contents(mine, func(rc receipt) bool { return rc.pos > since.Pos && rc.pos <= to.Pos }) {
		add("m.receipt", content)
	}
	return out
}

// PresenceBetween returns whose presence changed between two places, as events; none while presence is off.
func (s *Service) PresenceBetween(since, to Token) map[id.User]json.RawMessage {
	p := &s.presences
	if !p.on {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.newest <= since.Serial {
		return nil
	}
	out, now := map[id.User]json.RawMessage{}, time.Now()
	for who, one := range p.people {
		if one.serial <= since.Serial || one.serial > to.Serial {
			continue
		}
		if raw, err := json.Marshal(presenceEvent{"m.presence", who, one.status(now)}); err == nil {
			out[who] = raw
		}
	}
	return out
}
