package auth

import (
	"wardline/matrix/event"
	"wardline/matrix/id"
)

// Key names one piece of a room's state.
type Key struct{ Type, StateKey string }

// State is what a room is like at some point. Get returns the state event of
// that type and key, or nil if there is none.
type State interface {
	Get(typ, key string) *event.Event
}

// Cached is a State that keeps the two events that are asked for at every
// check in parsed form. Both methods may return nil, which means that the room
// has no such event; they must agree with Get.
type Cached interface {
	State
	Create() *Create
	PowerLevels() *PowerLevels
}

// Events is a State that is a short list: an event's auth_events, or the state
// events of a room that is being created. Where it has two events for one key,
// the later one counts.
type Events []*event.Event

// Get implements State.
func (l Events) Get(typ, key string) *event.Event {
	for i := len(l) - 1; i >= 0; i-- {
		if l[i].Is(typ, key) {
			return l[i]
		}
	}
	return nil
}

// Create is what the rules need to know of a create event.
type Create struct {
	// ID and Room are those of the event.
	ID   id.Event
	Room id.Room
	// Sender is the user who created the room.
	Sender id.User
	// Creators have the power of their office: one up to version 11, in
	// version 12 also those whom the creator has named.
	Creators []id.User
	// Federate is false if only the creator's server may take part.
	Federate bool
}

// ParseCreate reads a create event. It has no error: what is malformed has been
// refused by Check, or counts as absent.
//
// spec: client-server-api#mroomcreate
func ParseCreate(v *event.Version, ev *event.Event) *Create {
	c := &Create{ID: ev.ID, Room: ev.RoomID, Sender: ev.Sender}
	c.Federate = string(event.Field(ev.Content, "m.federate")) != "false"
	creator := ev.Sender
	if v.CreatorInContent {
		text, _ := event.Text(event.Field(ev.Content, "creator"))
		creator = id.User(text)
	}
	c.Creators = append(c.Creators, creator)
	if v.PrivilegedCreators {
		for raw := range event.Elements(event.Field(ev.Content, "additional_creators")) {
			if u, ok := event.Text(raw); ok {
				c.Creators = append(c.Creators, id.User(u))
			}
		}
	}
	return c
}

// IsCreator says whether u is among the creators.
func (c *Create) IsCreator(u id.User) bool {
	for _, creator := range c.Creators {
		if creator == u {
			return true
		}
	}
	return false
}

func createOf(v *event.Version, st State) *Create {
	if c, ok := st.(Cached); ok {
		return c.Create()
	}
	if ev := st.Get(event.TypeCreate, ""); ev != nil {
		return ParseCreate(v, ev)
	}
	return nil
}

// membership returns the membership of u, "leave" if nothing is known.
func membership(st State, u id.User) string {
	ev := st.Get(event.TypeMember, string(u))
	if ev == nil {
		return "leave"
	}
	m, _ := event.Text(event.Field(ev.Content, "membership"))
	return m
}

func joined(st State, u id.User) bool {
	ev := st.Get(event.TypeMember, string(u))
	return ev != nil && event.TextIs(event.Field(ev.Content, "membership"), "join")
}

// AuthTypes returns the pieces of state that the event of a draft must list in
// auth_events, as far as the room has them.
//
// spec: server-server-api#auth-events-selection
func AuthTypes(v *event.Version, d *event.Draft) []Key {
	content := []byte(d.Content)
	if d.Type == event.TypeMember {
		// Content of a draft may be in any form. Bad content says nothing, and
		// Build refuses it later.
		var err error
		if content, err = event.Canonical(nil, content); err != nil {
			content = nil
		}
	}
	return selection(v, d.Type, d.Sender, d.StateKey, content)
}

func selection(v *event.Version, typ string, sender id.User, stateKey *string, content []byte) []Key {
	if typ == event.TypeCreate {
		return nil
	}
	keys := make([]Key, 0, 4)
	if !v.HashedRoomID {
		keys = append(keys, Key{event.TypeCreate, ""})
	}
	keys = append(keys, Key{event.TypePowerLevels, ""}, Key{event.TypeMember, string(sender)})
	if typ != event.TypeMember || stateKey == nil {
		return keys
	}
	keys = withKey(keys, Key{event.TypeMember, *stateKey})
	membership, _ := event.Text(event.Field(content, "membership"))
	switch membership {
	case "join", "invite", "knock":
		keys = append(keys, Key{event.TypeJoinRules, ""})
	}
	if membership == "invite" {
		signed := event.Field(event.Field(content, "third_party_invite"), "signed")
		if token, ok := event.Text(event.Field(signed, "token")); ok {
			keys = append(keys, Key{event.TypeThirdPartyInvite, token})
		}
	}
	if membership == "join" && v.Restricted {
		if by, ok := event.Text(event.Field(content, "join_authorised_via_users_server")); ok {
			keys = withKey(keys, Key{event.TypeMember, by})
		}
	}
	return keys
}

func withKey(keys []Key, k Key) []Key {
	for _, have := range keys {
		if have == k {
			return keys
		}
	}
	return append(keys, k)
}
