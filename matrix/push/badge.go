package push

import (
	"context"
	"encoding/json"
	"time"

	"wardline/matrix/id"
)

// badgeAfter is how long after somebody read something their phones are told of the new count: who reads through ten rooms is told of
// once.
const badgeAfter = 2 * time.Second

// Read hears, after its commit, that somebody has read on. Their phones hear the new count alone, so that the number on the app's icon
// goes when the messages were read elsewhere. It is no promise: after a restart the next push brings the count. A browser is not told,
// because it must show something for each push.
// spec: push-gateway-api#post_matrixpushv1notify
func (s *Service) Read(u id.User) {
	if s.queued.Load() == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pushers[u] {
		if p.Kind != WebKind && p.badgeAt.IsZero() {
			p.badgeAt = time.Now().Add(badgeAfter)
			s.ready[p] = true
			s.due.Ring()
		}
	}
}

// badge is the body that tells a gateway the count alone, nil when it was told the same before.
func (s *Service) badge(ctx context.Context, p *pusher) ([]byte, error) {
	unread, err := s.allUnread(ctx, p.user)
	if err != nil || p.knows && p.told == unread {
		return nil, err
	}
	p.told, p.knows = unread, true
	return json.Marshal(map[string]any{"notification": map[string]any{"prio": "low", "counts": map[string]int{"unread": unread}, "devices": []any{p.wire()}}})
}

// wire is how a gateway hears whom to tell.
func (p *pusher) wire() map[string]any {
	data := make(map[string]json.RawMessage, len(p.Data))
	for k, v := range p.Data {
		if k != "url" {
			data[k] = v
		}
	}
	return map[string]any{"app_id": p.App, "pushkey": p.Key, "pushkey_ts": p.updatedAt.Unix(), "data": data}
}
