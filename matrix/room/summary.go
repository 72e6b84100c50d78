package room

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

// Summary is what may be told of a room to somebody who is not in it but may know that it exists.
// spec: client-server-api#get_matrixclientv1room_summaryroomidoralias
type Summary struct {
	Room       id.Room   `json:"room_id"`
	Name       string    `json:"name,omitempty"`
	Topic      string    `json:"topic,omitempty"`
	Alias      string    `json:"canonical_alias,omitempty"`
	Avatar     string    `json:"avatar_url,omitempty"`
	Rule       string    `json:"join_rule,omitempty"`
	Type       string    `json:"room_type,omitempty"`
	Members    int       `json:"num_joined_members"`
	World      bool      `json:"world_readable"`
	GuestJoin  bool      `json:"guest_can_join"`
	Encryption string    `json:"encryption,omitempty"`
	Version    string    `json:"room_version,omitempty"`
	Allowed    []id.Room `json:"allowed_room_ids,omitempty"`
}

// Summary returns what may be told of the room.
func (f *Feed) Summary() Summary {
	joined, _ := f.Counts()
	s := Summary{Room: f.ID, Name: f.Text("m.room.name", "", "name"), Topic: f.Text("m.room.topic", "", "topic"), Alias: f.Text("m.room.canonical_alias", "", "alias"),
		Avatar: f.Text("m.room.avatar", "", "url"), Rule: f.joinRule(), Type: f.Text(event.TypeCreate, "", "type"), Members: joined,
		World: visibilityNow(f) == "world_readable", GuestJoin: f.Text("m.room.guest_access", "", "guest_access") == "can_join",
		Encryption: f.Text("m.room.encryption", "", "algorithm"), Version: f.Version.ID}
	if s.Rule == "restricted" || s.Rule == "knock_restricted" {
		s.Allowed = allowedRooms(f.Content(event.TypeJoinRules, ""))
	}
	return s
}

// joinRule is the room's join rule; a room that has none is by invitation.
// spec: client-server-api#mroomjoin_rules
func (f *Feed) joinRule() string {
	if rule := f.Text(event.TypeJoinRules, "", "join_rule"); rule != "" {
		return rule
	}
	return "invite"
}

// allowedRooms are the rooms whose members a restricted join rule takes.
func allowedRooms(rule json.RawMessage) []id.Room {
	var list []id.Room
	if allow := event.Field(rule, "allow"); event.IsArray(allow) {
		for raw := range event.Elements(allow) {
			if name, ok := event.Text(event.Field(raw, "room_id")); ok && event.TextIs(event.Field(raw, "type"), "m.room_membership") {
				list = append(list, id.Room(name))
			}
		}
	}
	return list
}

// mayKnow says whether a user, "" for nobody, may know of the room: members and the invited, and everyone when the room lets people
// in or at least knock, or shows itself to the world.
// spec: client-server-api#get_matrixclientv1roomsroomidhierarchy
func (s *Service) mayKnow(ctx context.Context, f *Feed, u id.User) (bool, error) {
	if visibilityNow(f) == "world_readable" {
		return true, nil
	}
	if u != "" {
		switch f.Membership(u) {
		case "join", "invite":
			return true, nil
		case "ban":
			return false, nil // to whom the door is shut there is no door
		}
	}
	switch rule := f.joinRule(); {
	case rule == "public", rule == "knock" && f.Version.Knock, rule == "knock_restricted" && f.Version.KnockRestricted:
		return true, nil
	case rule == "restricted" && f.Version.Restricted && u != "":
		return s.inAny(ctx, allowedRooms(f.Content(event.TypeJoinRules, "")), u)
	}
	return false, nil
}

// inAny says whether the user is in one of the rooms.
func (s *Service) inAny(ctx context.Context, rooms []id.Room, u id.User) (bool, error) {
	for _, name := range rooms {
		f, err := s.Feed(ctx, name)
		if fault.Is(err, fault.Hidden) {
			continue
		}
		if err != nil {
			return false, err
		}
		if f.Membership(u) == "join" {
			return true, nil
		}
	}
	return false, nil
}

// Summarise returns the summary of a room and the user's membership in it; u is "" for nobody. A room that the user may not know of
// is NotFound, as is one that does not exist.
func (s *Service) Summarise(ctx context.Context, room id.Room, u id.User) (Summary, string, error) {
	unknown := fault.New(fault.Hidden, "M_NOT_FOUND", "There is no such room.")
	f, err := s.Feed(ctx, room)
	if err != nil {
		return Summary{}, "", fault.Hide(err, unknown.Code, unknown.Public)
	}
	may, err := s.mayKnow(ctx, f, u)
	if err != nil {
		return Summary{}, "", err
	}
	if !may {
		return Summary{}, "", unknown
	}
	if u == "" {
		return f.Summary(), "", nil
	}
	return f.Summary(), cmp.Or(f.Membership(u), "leave"), nil
}

// HierarchyAsk asks for a part of the tree of rooms below a space.
type HierarchyAsk struct {
	Root      id.Room
	Suggested bool
	Depth     int    // how far down; -1 for as far as the server goes
	Limit     int    // 0 for the server's own
	From      string // a token of an earlier answer
}

// HierarchyRoom is one room of a tree.
type HierarchyRoom struct {
	Summary
	Children []json.RawMessage `json:"children_state"`
}

// Bounds of a walk through spaces.
const (
	maxHierarchyDepth = 50
	maxHierarchyPage  = 500
	hierarchyPage     = 50
	maxHierarchyRooms = 10_000
)

// hierarchyToken says how far an answer came. It holds what the first request asked, because that may not change between pages.
type hierarchyToken struct {
	Root      id.Room `json:"r"`
	Suggested bool    `json:"s"`
	Depth     int     `json:"d"`
	At        int     `json:"n"`
}

func (t hierarchyToken) String() string {
	raw, err := json.Marshal(t)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// Hierarchy walks the tree below a space, depth first, and returns a page of the rooms that the user may know of. Each room comes
// once, however the spaces refer to each other.
// spec: client-server-api#get_matrixclientv1roomsroomidhierarchy
func (s *Service) Hierarchy(ctx context.Context, u id.User, ask HierarchyAsk) (rooms []HierarchyRoom, next string, err error) {
	here := hierarchyToken{Root: ask.Root, Suggested: ask.Suggested, Depth: ask.Depth}
	if ask.From != "" {
		raw, err := base64.RawURLEncoding.DecodeString(ask.From)
		given := here
		if err != nil || json.Unmarshal(raw, &given) != nil || given.At < 0 {
			return nil, "", fault.New(fault.Invalid, "M_INVALID_PARAM", "The token is none of this server's.")
		}
		if here.At = given.At; given != here {
			return nil, "", fault.New(fault.Invalid, "M_INVALID_PARAM", "suggested_only and max_depth cannot change between pages.")
		}
	}
	root, err := s.Feed(ctx, ask.Root)
	if err != nil {
		return nil, "", err
	}
	if may, err := s.mayKnow(ctx, root, u); err != nil {
		return nil, "", err
	} else if !may {
		return nil, "", errNoRoom
	}
	limit := hierarchyPage
	if ask.Limit > 0 {
		limit = min(ask.Limit, maxHierarchyPage)
	}
	depth := maxHierarchyDepth
	if ask.Depth >= 0 {
		depth = min(ask.Depth, depth)
	}
	type step struct {
		feed  *Feed
		depth int
	}
	stack, seen := []step{{root, 0}}, map[id.Room]bool{root.ID: true}
	rooms = []HierarchyRoom{}
	for n := 0; len(stack) > 0 && n < maxHierarchyRooms; n++ {
		top := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if len(rooms) == limit {
			here.At += limit
			return rooms, here.String(), nil
		}
		children := top.feed.spaceChildren(ask.Suggested)
		if n >= here.At {
			r := HierarchyRoom{Summary: top.feed.Summary(), Children: []json.RawMessage{}}
			for _, ev := range children {
				r.Children = append(r.Children, ev.appendChild(nil))
			}
			rooms = append(rooms, r)
		}
		if top.depth == depth {
			continue
		}
		for _, ev := range slices.Backward(children) { // the first child is walked first
			name := id.Room(*ev.StateKey)
			if seen[name] {
				continue
			}
			f, err := s.Feed(ctx, name)
			if fault.Is(err, fault.Hidden) {
				continue
			}
			if err != nil {
				return nil, "", err
			}
			if may, err := s.mayKnow(ctx, f, u); err != nil {
				return nil, "", err
			} else if may {
				seen[name] = true
				stack = append(stack, step{f, top.depth + 1})
			}
		}
	}
	return rooms, "", nil
}

// spaceChildren returns the children of a space, in the order in which they are shown; of other rooms none.
// spec: client-server-api#ordering-of-children-within-a-space
func (f *Feed) spaceChildren(suggested bool) []*Event {
	if f.Text(event.TypeCreate, "", "type") != "m.space" {
		return nil
	}
	var list []*Event
	for _, ev := range f.StateOf("m.space.child") {
		via := event.Field(ev.Event.Content, "via")
		if !event.IsArray(via) || string(via) == "[]" {
			continue // that is how a child is taken out
		}
		if suggested && string(event.Field(ev.Event.Content, "suggested")) != "true" {
			continue
		}
		list = append(list, ev)
	}
	slices.SortFunc(list, func(a, b *Event) int {
		x, y := childOrder(a), childOrder(b)
		switch {
		case x != "" && y == "":
			return -1
		case x == "" && y != "":
			return 1
		}
		return cmp.Or(strings.Compare(x, y), cmp.Compare(a.OriginServerTS, b.OriginServerTS), strings.Compare(*a.StateKey, *b.StateKey))
	})
	return list
}

// childOrder reads a child's order, "" when it has none that counts.
// spec: client-server-api#mspacechild
func childOrder(ev *Event) string {
	order, _ := event.Text(event.Field(ev.Event.Content, "order"))
	if len(order) > 50 || strings.ContainsFunc(order, func(r rune) bool { return r < 0x20 || r > 0x7E }) {
		return ""
	}
	return order
}

// appendChild writes a piece of state in its stripped form, with its time.
func (ev *Event) appendChild(dst []byte) []byte {
	dst = ev.AppendStripped(dst)
	dst = append(dst[:len(dst)-1], `,"origin_server_ts":`...)
	return append(appendInt(dst, ev.OriginServerTS), '}')
}
