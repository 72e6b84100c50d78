package room

import (
	"encoding/json"

	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room/internal/auth"
)

// concern works out, by the default push rules and once for everybody, whom an event makes unread: all others, or only those whom it
// names. What people with rules of their own make of it is worked out when they look (package push).
// spec: client-server-api#predefined-rules
func (ev *Event) concern(mayNotify func(u id.User, kind string) bool) {
	content := ev.Event.Content
	if event.TextIs(event.Field(content, "msgtype"), "m.notice") || ev.Type == event.TypeMember {
		return
	}
	ev.Mentions = mentions(content, func() bool { return mayNotify(ev.Sender, "room") })
	switch {
	case ev.Is("m.room.tombstone", ""):
		ev.ForAll, ev.Mentions = true, append(ev.Mentions, everybody)
	case ev.RelType == "m.replace":
	case ev.Type == "m.room.message", ev.Type == "m.room.encrypted", ev.Type == "m.call.invite", ev.Type == "m.poll.start":
		ev.ForAll = true
	}
	ev.Notify = ev.ForAll || len(ev.Mentions) > 0
}

// everybody stands among the mentions for all who are in the room.
const everybody = id.User("@room")

// maxMentions bounds whom one message can name.
const maxMentions = 100

// mentions reads whom a message names; everybody only when its sender may.
// spec: client-server-api#user-and-room-mentions
func mentions(content json.RawMessage, mayNameAll func() bool) []id.User {
	m := event.Field(content, "m.mentions")
	if !event.IsObject(m) {
		return nil
	}
	var users []id.User
	if ids := event.Field(m, "user_ids"); event.IsArray(ids) {
		for raw := range event.Elements(ids) {
			if u, ok := event.Text(raw); ok && len(users) < maxMentions && id.User(u) != everybody {
				users = append(users, id.User(u))
			}
		}
	}
	if string(event.Field(m, "room")) == "true" && mayNameAll() {
		users = append(users, everybody)
	}
	return users
}

func (a *Act) mayNotify(u id.User, kind string) bool {
	return auth.Power(a.feed.Version, rules{a}, u) >= auth.NotifyPower(a.feed.Version, rules{a}, kind)
}

// shown is a room's committed state as the authorisation rules ask for it.
type shown struct{ f *Feed }

// Get implements auth.State.
func (s shown) Get(typ, key string) *event.Event {
	if ev := s.f.State(typ, key); ev != nil {
		return ev.Event
	}
	return nil
}

// MayNotify reports whether a user has the power to trigger a kind of notification, such as "room" for a mention of everybody.
// spec: client-server-api#mroompower_levels
func (f *Feed) MayNotify(u id.User, kind string) bool {
	return auth.Power(f.Version, shown{f}, u) >= auth.NotifyPower(f.Version, shown{f}, kind)
}

// Emptied returns the event as it would be after a redaction, for readers who may not have what it said.
func (ev *Event) Emptied(v *event.Version) (*Event, error) {
	raw := append([]byte(`{"content":`), ev.Event.Content...)
	raw = append(raw, `,"type":`...)
	raw = append(appendString(raw, ev.Type), '}')
	bare, err := event.Redact(v, raw)
	if err != nil {
		return nil, err
	}
	pdu := *ev.Event
	pdu.Content = event.Field(bare, "content")
	out := &Event{Event: &pdu, Pos: ev.Pos, Replaces: ev.Replaces, RedactedBy: ev.RedactedBy}
	out.render()
	return out, nil
}
