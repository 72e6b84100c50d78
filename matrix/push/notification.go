package push

import (
	"context"
	"encoding/json"

	"wardline/matrix/event"
	"wardline/matrix/id"
)

// notification is the body with which a gateway is told. What was said, by whom and in which room by name is left out, whatever the
// client asks for: it would pass through companies that the conversation is none of the business of. The app fetches it by the id.
// spec: push-gateway-api#post_matrixpushv1notify
func (s *Service) notification(ctx context.Context, p *pusher, it item) ([]byte, error) {
	unread, err := s.allUnread(ctx, p.user)
	if err != nil {
		return nil, err
	}
	tweaks := map[string]json.RawMessage{}
	for _, raw := range it.actions {
		var tweak struct {
			Set   string          `json:"set_tweak"`
			Value json.RawMessage `json:"value"`
		}
		if json.Unmarshal(raw, &tweak) != nil || tweak.Set == "" {
			continue
		}
		if tweak.Value == nil && tweak.Set == "highlight" {
			tweak.Value = json.RawMessage("true")
		}
		if tweak.Value != nil {
			tweaks[tweak.Set] = tweak.Value
		}
	}
	device := p.wire()
	whole := string(p.Data["format"]) != `"event_id_only"`
	if whole {
		device["tweaks"] = tweaks
	}
	ev := it.placed
	prio := "low"
	if len(tweaks) > 0 || ev.Type == "m.room.encrypted" {
		prio = "high"
	}
	n := map[string]any{"event_id": ev.ID, "room_id": ev.Feed.ID, "prio": prio, "devices": []any{device}}
	p.told, p.knows = unread, true
	counts := map[string]int{}
	if unread > 0 {
		counts["unread"] = unread
	}
	n["counts"] = counts
	if whole {
		n["type"], n["sender"] = ev.Type, ev.Sender
		if ev.Type == event.TypeMember {
			n["user_is_target"] = *ev.StateKey == string(p.user)
		}
	}
	return json.Marshal(map[string]any{"notification": n})
}

// allUnread counts a user's unread messages over all rooms.
func (s *Service) allUnread(ctx context.Context, u id.User) (int, error) {
	all, err := s.rooms.Memberships(ctx, u)
	if err != nil {
		return 0, err
	}
	sum := 0
	for _, m := range all {
		if m.Is == "invite" {
			sum++
		}
		if m.Is != "join" {
			continue
		}
		f, err := s.rooms.Feed(ctx, m.Room)
		if err != nil {
			return 0, err
		}
		read := s.ReadTo(f, u)
		read.From = max(read.From, m.JoinedAt)
		c, err := s.Unread(ctx, f, u, read)
		if err != nil {
			return 0, err
		}
		sum += c.Total().Count
	}
	return sum, nil
}
