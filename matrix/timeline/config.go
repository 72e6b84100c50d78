package timeline

import (
	"slices"

	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// StateMatch matches pieces of state; nil matches anything.
type StateMatch struct {
	Type     *string `json:"type"`
	StateKey *string `json:"state_key"`
}

func (m StateMatch) match(k room.Key) bool {
	return (m.Type == nil || *m.Type == k.Type) && (m.StateKey == nil || *m.StateKey == k.StateKey)
}

// RequiredState says which state a client wants of a room.
// spec: MSC4186#requiredstaterequest
type RequiredState struct {
	Include []StateMatch `json:"include"`
	Exclude []StateMatch `json:"exclude"`
	Lazy    bool         `json:"lazy_members"`
}

// wants says whether a piece of state is asked for. What matches every type does not mean members when those come as needed.
// spec: MSC4186#lazy-loaded-memberships
func (r *RequiredState) wants(k room.Key) bool {
	lazy := r.Lazy && k.Type == event.TypeMember
	return slices.ContainsFunc(r.Include, func(m StateMatch) bool { return m.match(k) && !(lazy && m.Type == nil && m.StateKey == nil) }) &&
		!slices.ContainsFunc(r.Exclude, func(m StateMatch) bool { return m.match(k) })
}

func (r *RequiredState) equal(o *RequiredState) bool {
	same := func(a, b StateMatch) bool { return sameText(a.Type, b.Type) && sameText(a.StateKey, b.StateKey) }
	return r.Lazy == o.Lazy && slices.EqualFunc(r.Include, o.Include, same) && slices.EqualFunc(r.Exclude, o.Exclude, same)
}

func sameText(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }

// RoomConfig is what a rule wants of the rooms it matches.
type RoomConfig struct {
	TimelineLimit int           `json:"timeline_limit"`
	Required      RequiredState `json:"required_state"`
}

// RoomFilter chooses rooms of a list.
// spec: MSC4186#slidingroomfilter
type RoomFilter struct {
	IsDM         *bool     `json:"is_dm"`
	Spaces       []id.Room `json:"spaces"`
	IsEncrypted  *bool     `json:"is_encrypted"`
	IsInvited    *bool     `json:"is_invited"`
	RoomTypes    []*string `json:"room_types"`
	NotRoomTypes []*string `json:"not_room_types"`
	Tags         []string  `json:"tags"`
	NotTags      []string  `json:"not_tags"`
}

// SlidingList is a window onto the user's rooms, newest activity first.
type SlidingList struct {
	RoomConfig
	Range   *[2]int     `json:"range"`
	More    [][2]int    `json:"-"` // further ranges, which the form of 2024 has
	Filters *RoomFilter `json:"filters"`
}

// holds says whether the window has the room at a place of the list.
func (l *SlidingList) holds(n int) bool {
	in := func(span [2]int) bool { return n >= span[0] && n <= span[1] }
	return l.Range == nil || in(*l.Range) || slices.ContainsFunc(l.More, in)
}

// roomConfig is the union of all rules that match a room.
type roomConfig struct {
	limit    int
	required []RequiredState
	lists    []string
}

// maxTimeline bounds the events of one room in one answer.
const maxTimeline = 100

func (c *roomConfig) add(r RoomConfig) {
	c.limit = max(c.limit, min(r.TimelineLimit, maxTimeline))
	if !slices.ContainsFunc(c.required, func(have RequiredState) bool { return have.equal(&r.Required) }) {
		c.required = append(c.required, r.Required)
	}
}

func (c *roomConfig) wants(k room.Key) bool {
	return slices.ContainsFunc(c.required, func(r RequiredState) bool { return r.wants(k) })
}

func (c *roomConfig) lazy() bool {
	return slices.ContainsFunc(c.required, func(r RequiredState) bool { return r.Lazy })
}

// covers says whether this config asks for no state beyond what o asked for, as far as it is plain to see.
func (c *roomConfig) covered(o *roomConfig) bool {
	for i := range c.required {
		if !slices.ContainsFunc(o.required, func(have RequiredState) bool { return have.equal(&c.required[i]) }) {
			return false
		}
	}
	return true
}

// personal is what a filter asks about a user's own view of rooms.
type personal struct {
	direct map[id.Room]bool
	tags   map[id.Room][]string
}

// looksInside says whether a filter asks about a room's state, for which the room must be in memory.
func (f *RoomFilter) looksInside() bool {
	return f != nil && (f.IsEncrypted != nil || f.RoomTypes != nil || f.NotRoomTypes != nil || f.Spaces != nil)
}

// pass says whether a room belongs in a filtered list. f is nil unless the filter looks inside.
func (s *Service) pass(f *room.Feed, m room.Membership, filter *RoomFilter, p personal, u id.User) bool {
	if filter == nil {
		return true
	}
	if filter.IsDM != nil && *filter.IsDM != p.direct[m.Room] {
		return false
	}
	if filter.IsInvited != nil && *filter.IsInvited != (m.Is == "invite") {
		return false
	}
	if filter.IsEncrypted != nil && *filter.IsEncrypted != (f.State("m.room.encryption", "") != nil) {
		return false
	}
	kind := func(list []*string) bool {
		typ := f.Text(event.TypeCreate, "", "type")
		return slices.ContainsFunc(list, func(t *string) bool { return t == nil && typ == "" || t != nil && *t == typ })
	}
	if filter.RoomTypes != nil && !kind(filter.RoomTypes) || filter.NotRoomTypes != nil && kind(filter.NotRoomTypes) {
		return false
	}
	tagged := func(list []string) bool {
		return slices.ContainsFunc(p.tags[m.Room], func(t string) bool { return slices.Contains(list, t) })
	}
	if filter.Tags != nil && !tagged(filter.Tags) || tagged(filter.NotTags) {
		return false
	}
	return filter.Spaces == nil || s.inSpaces(m.Room, filter.Spaces, u)
}

func (s *Service) inSpaces(r id.Room, spaces []id.Room, u id.User) bool {
	return slices.ContainsFunc(spaces, func(space id.Room) bool {
		f := s.rooms.Known(space)
		return f != nil && f.Membership(u) == "join" && event.IsArray(event.Field(f.Content("m.space.child", string(r)), "via"))
	})
}
