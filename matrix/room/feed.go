package room

import (
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room/internal/auth"
)

// Event is an event with its place in the stream, as readers see it. It is shared and never changed.
type Event struct {
	*event.Event
	Pos        int64
	Notify     bool      // counts as unread for some of the others, by the default push rules
	ForAll     bool      // counts as unread for all of the others; else only for whom it names
	Mentions   []id.User // people it names; "@room" for everyone
	Parent     id.Event  // what it relates to, "" for nothing
	RelType    string
	Replaces   id.Event  // the state event it took the place of
	RedactedBy id.Event  // the redaction that emptied it
	Device     id.Device // which device sent it, with which transaction id
	Txn        string

	client []byte // the client form, open at the end of "unsigned"
	static bool   // "unsigned" has a member already
}

// Limits of what a room keeps in memory: events of the newest past, and unread-making events.
const (
	tailKeep  = 32
	tailMax   = 2 * tailKeep
	notesKeep = 1000
)

// Feed is the committed view of one room, for readers.
type Feed struct {
	ID       id.Room
	Version  *event.Version
	Attached any // what Service.OnLoad hung here

	nid int64

	// ahead is what open acts have laid over the committed view. Only the open act touches it.
	ahead struct {
		state  map[Key]*Event
		last   id.Event
		depth  int64
		create *auth.Create
		power  *auth.PowerLevels
	}

	used atomic.Bool // since rooms were last eased

	mu        sync.RWMutex // guards the rest
	state     map[Key]*Event
	members   map[string]*Event // the member events among the state, which may be thousands, by state key
	tail      []*Event          // the newest events, oldest first; complete after tailFrom
	tailFrom  int64
	notes     []note // the newest unread-making events, oldest first; complete after notesFrom
	notesFrom int64
	emptied   int              // how many events were redacted since the room came into memory
	head      int64            // position of the newest event
	bump      int64            // position of the newest event that people count as activity
	in        map[id.User]bool // who is joined
	invited   int
}

// at returns a piece of current state, or nil. mu must be held.
func (f *Feed) at(k Key) *Event {
	if k.Type == event.TypeMember {
		return f.members[k.StateKey]
	}
	return f.state[k]
}

// set makes an event the current state and keeps count of the members. mu must be held.
func (f *Feed) set(ev *Event) {
	if ev.Type != event.TypeMember {
		f.state[Key{ev.Type, *ev.StateKey}] = ev
		return
	}
	f.count(f.members[*ev.StateKey], -1)
	f.count(ev, +1)
	f.members[*ev.StateKey] = ev
}

// State returns a piece of current state, or nil.
func (f *Feed) State(typ, key string) *Event {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.at(Key{typ, key})
}

// Content returns the content of a piece of current state, nil when there is none.
func (f *Feed) Content(typ, key string) json.RawMessage {
	if ev := f.State(typ, key); ev != nil {
		return ev.Event.Content
	}
	return nil
}

// Text returns a string member of a piece of state's content, "" when absent.
func (f *Feed) Text(typ, key, member string) string {
	s, _ := event.Text(event.Field(f.Content(typ, key), member))
	return s
}

// Membership returns a user's current membership, "" for none.
func (f *Feed) Membership(u id.User) string { return f.Text(event.TypeMember, string(u), "membership") }

// AllState returns the current state, in the order it came.
func (f *Feed) AllState() []*Event {
	f.mu.RLock()
	all := f.current(nil)
	f.mu.RUnlock()
	return byPos(all)
}

// StateWhere returns the pieces of current state that want asks for, in the order they came.
func (f *Feed) StateWhere(want func(Key) bool) []*Event {
	f.mu.RLock()
	some := f.current(want)
	f.mu.RUnlock()
	return byPos(some)
}

// current returns the current state that want asks for, in no order; nil wants all. mu must be held.
func (f *Feed) current(want func(Key) bool) []*Event {
	all := make([]*Event, 0, len(f.state)+8)
	for k, ev := range f.state {
		if want == nil || want(k) {
			all = append(all, ev)
		}
	}
	for key, ev := range f.members {
		if want == nil || want(Key{event.TypeMember, key}) {
			all = append(all, ev)
		}
	}
	return all
}

func byPos(all []*Event) []*Event {
	slices.SortFunc(all, func(a, b *Event) int { return int(a.Pos - b.Pos) })
	return all
}

// StateOf returns the current state of one type, in the order it came.
func (f *Feed) StateOf(typ string) []*Event {
	f.mu.RLock()
	var all []*Event
	for k, ev := range f.state {
		if k.Type == typ {
			all = append(all, ev)
		}
	}
	if typ == event.TypeMember {
		all = slices.Collect(maps.Values(f.members))
	}
	f.mu.RUnlock()
	return byPos(all)
}

// Members returns the member events for which want says true, in the order they came.
func (f *Feed) Members(want func(membership string) bool) []*Event {
	f.mu.RLock()
	var all []*Event
	for _, ev := range f.members {
		if want(MembershipIn(ev)) {
			all = append(all, ev)
		}
	}
	f.mu.RUnlock()
	return byPos(all)
}

// MembershipIn reads the membership a member event gives.
func MembershipIn(ev *Event) string {
	m, _ := event.Text(event.Field(ev.Event.Content, "membership"))
	return m
}

// EachJoined calls fn with every joined user. fn must not block.
func (f *Feed) EachJoined(fn func(u id.User)) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for u := range f.in {
		fn(u)
	}
}

// Counts returns how many are joined and invited.
func (f *Feed) Counts() (joined, invited int) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return len(f.in), f.invited
}

// Head returns the position of the newest event, and of the newest that counts as activity.
func (f *Feed) Head() (head, bump int64) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.head, f.bump
}

// Tail returns the events after position from, oldest first, and whether memory reaches back that far. The slice must not be changed.
func (f *Feed) Tail(from int64) (events []*Event, complete bool) {
	f.use()
	f.mu.RLock()
	defer f.mu.RUnlock()
	if from < f.tailFrom {
		return nil, false
	}
	return f.after(from), true
}

// after returns the events of the tail after a position. mu must be held.
func (f *Feed) after(from int64) []*Event {
	i, _ := slices.BinarySearchFunc(f.tail, from+1, func(e *Event, pos int64) int { return int(e.Pos - pos) })
	return f.tail[i:len(f.tail):len(f.tail)]
}

// apply makes a committed event visible. Only the leader of a commit calls it.
func (f *Feed) apply(ev *Event) {
	ev.slim()
	f.mu.Lock()
	defer f.mu.Unlock()
	if ev.IsState() {
		f.set(ev)
		if k := (Key{ev.Type, *ev.StateKey}); f.ahead.state[k] == ev {
			delete(f.ahead.state, k)
		}
	}
	f.push(ev)
}

func (f *Feed) count(ev *Event, by int) {
	if ev == nil {
		return
	}
	switch u := id.User(*ev.StateKey); MembershipIn(ev) {
	case "join":
		if by > 0 {
			f.in[u] = true
		} else {
			delete(f.in, u)
		}
	case "invite":
		f.invited += by
	}
}

func (f *Feed) push(ev *Event) {
	f.use()
	if len(f.tail) >= tailMax {
		f.tailFrom = f.tail[tailKeep-1].Pos
		f.tail = slices.Clone(f.tail[tailKeep:])
	}
	f.tail = append(f.tail, ev)
	f.head = ev.Pos
	if isActivity(ev.Type) {
		f.bump = ev.Pos
	}
	if ev.Notify {
		if len(f.notes) >= 2*notesKeep {
			f.notesFrom = f.notes[notesKeep-1].pos
			f.notes = slices.Clone(f.notes[notesKeep:])
		}
		f.notes = append(f.notes, noteOf(ev))
	}
}

// replace puts an event's redacted form where the original was.
func (f *Feed) replace(ev *Event) {
	ev.slim()
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, old := range f.tail {
		if old.Pos == ev.Pos {
			f.tail = slices.Clone(f.tail)
			f.tail[i] = ev
			break
		}
	}
	if ev.IsState() {
		if old := f.at(Key{ev.Type, *ev.StateKey}); old != nil && old.Pos == ev.Pos {
			f.set(ev)
		}
	}
	f.emptied++
	f.notes = slices.DeleteFunc(slices.Clone(f.notes), func(n note) bool { return n.pos == ev.Pos })
}

// isActivity says whether an event moves its room up the list.
// spec: MSC4186#bump_stamp
func isActivity(typ string) bool {
	switch typ {
	case "m.room.create", "m.room.message", "m.room.encrypted", "m.sticker", "m.call.invite", "m.poll.start", "m.beacon_info":
		return true
	}
	return false
}

// Number is the room's short number in this database, for rows that other packages keep about rooms.
func (f *Feed) Number() int64 { return f.nid }

// Newest returns the newest events in memory, oldest first. The slice must not be changed.
func (f *Feed) Newest() []*Event {
	f.use()
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.tail[:len(f.tail):len(f.tail)]
}
