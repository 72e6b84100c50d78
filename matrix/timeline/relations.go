package timeline

import (
	"context"
	"encoding/json"

	"wardline/matrix/id"
	"wardline/matrix/room"
)

// relations are the events that relate to those of a list, by parent.
type relations map[id.Event][]*room.Event

// relate finds what relates to the events of a list, as far as the user may see it.
func (s *Service) relate(ctx context.Context, f *room.Feed, sight *room.Sight, u id.User, events []*room.Event) (relations, error) {
	first, last := events[0].Pos, events[0].Pos
	for _, ev := range events {
		first, last = min(first, ev.Pos), max(last, ev.Pos)
	}
	list, err := s.rooms.Related(ctx, f, first, last)
	if err != nil {
		return nil, err
	}
	rel := relations{}
	for _, ev := range list {
		if sight.Of(ev) && ev.RedactedBy == "" {
			rel[ev.Parent] = append(rel[ev.Parent], ev)
		}
	}
	return rel, nil
}

// bundle writes the aggregations that go with an event; nil for none.
// spec: client-server-api#aggregations-of-child-events
func (rel relations) bundle(ev *room.Event, r room.Reader) json.RawMessage {
	list := rel[ev.ID]
	if len(list) == 0 || ev.RedactedBy != "" {
		return nil
	}
	plain := room.Reader{User: r.User, Device: r.Device, Membership: r.Membership}
	out := map[string]any{}
	var refs []map[string]id.Event
	var edit, latest *room.Event
	replies, mine := 0, ev.Sender == r.User
	for _, c := range list {
		switch c.RelType {
		case "m.reference":
			refs = append(refs, map[string]id.Event{"event_id": c.ID})
		case "m.replace":
			if c.Sender == ev.Sender && c.Type == ev.Type && !ev.IsState() && ev.RelType != "m.replace" {
				edit = newer(edit, c)
			}
		case "m.thread":
			replies++
			latest = c
			mine = mine || c.Sender == r.User
		}
	}
	if refs != nil {
		out["m.reference"] = map[string]any{"chunk": refs}
	}
	if edit != nil {
		out["m.replace"] = json.RawMessage(edit.AppendClient(nil, plain))
	}
	if latest != nil {
		out["m.thread"] = map[string]any{"count": replies, "current_user_participated": mine, "latest_event": json.RawMessage(latest.AppendClient(nil, plain))}
	}
	if len(out) == 0 {
		return nil
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return nil
	}
	return raw
}

// newer picks the edit that holds: the later by its time, and by its id when they are the same.
// spec: client-server-api#event-replacements
func newer(a, b *room.Event) *room.Event {
	if a == nil || b.OriginServerTS > a.OriginServerTS || b.OriginServerTS == a.OriginServerTS && b.ID > a.ID {
		return b
	}
	return a
}
