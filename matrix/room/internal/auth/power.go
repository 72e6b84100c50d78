package auth

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"wardline/matrix/event"
	"wardline/matrix/id"
)

// Infinite is the power of a creator since room version 12. It is more than any
// power level can say.
const Infinite = math.MaxInt64

// PowerLevels is the content of an m.room.power_levels event, with defaults
// filled in. A caller keeps it as long as it keeps the event.
//
// spec: client-server-api#mroompower_levels
type PowerLevels struct {
	UsersDefault, EventsDefault, StateDefault int64
	Ban, Kick, Redact, Invite                 int64

	Users         map[id.User]int64
	Events        map[string]int64
	Notifications map[string]int64

	// present has a bit for each of the scalars that the event has.
	present uint8
}

// scalars are the single levels, in the order of their bits in present.
var scalars = [...]struct {
	name  string
	field func(*PowerLevels) *int64
}{
	{"users_default", func(p *PowerLevels) *int64 { return &p.UsersDefault }},
	{"events_default", func(p *PowerLevels) *int64 { return &p.EventsDefault }},
	{"state_default", func(p *PowerLevels) *int64 { return &p.StateDefault }},
	{"ban", func(p *PowerLevels) *int64 { return &p.Ban }},
	{"redact", func(p *PowerLevels) *int64 { return &p.Redact }},
	{"kick", func(p *PowerLevels) *int64 { return &p.Kick }},
	{"invite", func(p *PowerLevels) *int64 { return &p.Invite }},
}

// noLevels is what holds in a room without power levels.
//
// spec: server-server-api#definitions
var noLevels = PowerLevels{StateDefault: 50, Ban: 50, Kick: 50, Redact: 50}

var (
	errScalar = errors.New("a level is not an integer")
	errMap    = errors.New("events or notifications is not an object of integers")
	errUsers  = errors.New("users is not an object of user ids and integers")
)

// ParsePowerLevels reads the content of an m.room.power_levels event. It always
// returns usable levels, in which whatever is malformed counts as absent; the
// error says what the rules have against the content.
//
// spec: rooms/v12#authorisation-rules 10.1
// spec: rooms/v12#authorisation-rules 10.2
// spec: rooms/v12#authorisation-rules 10.3
func ParsePowerLevels(v *event.Version, content []byte) (*PowerLevels, error) {
	p := noLevels
	var err error
	complain := func(e error) {
		if err == nil {
			err = e
		}
	}
	for i, s := range scalars {
		raw := event.Field(content, s.name)
		if raw == nil {
			continue
		}
		if n, ok := level(v, raw); ok {
			*s.field(&p), p.present = n, p.present|1<<i
		} else if v.IntegerPower {
			complain(errScalar)
		}
	}
	var ok bool
	if p.Events, ok = levels(v, event.Field(content, "events")); !ok && v.IntegerPower {
		complain(errMap)
	}
	if p.Notifications, ok = levels(v, event.Field(content, "notifications")); !ok && v.IntegerPower {
		complain(errMap)
	}
	users, ok := levels(v, event.Field(content, "users"))
	if !ok {
		complain(errUsers)
	}
	p.Users = make(map[id.User]int64, len(users))
	for name, n := range users {
		if !userLike(name) {
			complain(errUsers)
			continue
		}
		p.Users[id.User(name)] = n
	}
	return &p, err
}

// userLike is the test for user IDs among power levels. It is wider than
// id.ParseUser on purpose: other servers do not look at the form of the domain
// here, and to refuse an event that they accept would split the room.
func userLike(s string) bool { return s != "" && s[0] == '@' && strings.Contains(s, ":") }

// levels reads an object of levels. It is false if something in it is not one.
func levels(v *event.Version, raw []byte) (map[string]int64, bool) {
	if raw == nil {
		return nil, true
	}
	if !event.IsObject(raw) {
		return nil, false
	}
	out, all := make(map[string]int64), true
	for key, val := range event.Members(raw) {
		n, ok := level(v, val)
		if ok {
			out[key] = n
		}
		all = all && ok
	}
	return out, all
}

// level reads an integer, or in older versions text that is one.
//
// spec: rooms/v9#mroompower_levels-events-accept-values-as-strings
func level(v *event.Version, raw []byte) (int64, bool) {
	if v.IntegerPower {
		return event.Int(raw)
	}
	if n, ok := event.Int(raw); ok {
		return n, true
	}
	text, ok := event.Text(raw)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return n, err == nil && n >= -event.MaxInt && n <= event.MaxInt
}

func (p *PowerLevels) user(u id.User) int64 {
	if n, ok := p.Users[u]; ok {
		return n
	}
	return p.UsersDefault
}

// ToSend returns the level that is needed to send an event of that type.
//
// spec: server-server-api#definitions
func (p *PowerLevels) ToSend(typ string, state bool) int64 {
	if n, ok := p.Events[typ]; ok {
		return n
	}
	if state {
		return p.StateDefault
	}
	return p.EventsDefault
}

// ToNotify returns the level that is needed for a kind of notification, such
// as "room" for a mention of everybody.
//
// spec: client-server-api#mroompower_levels
func (p *PowerLevels) ToNotify(kind string) int64 {
	if n, ok := p.Notifications[kind]; ok {
		return n
	}
	return 50
}

// office is who may do what at one state: creators and levels together.
type office struct {
	v      *event.Version
	create *Create
	levels *PowerLevels
	// listed is false in a room without an m.room.power_levels event.
	listed bool
}

func officeOf(v *event.Version, st State) office {
	return officeWith(v, st, createOf(v, st))
}

func officeWith(v *event.Version, st State, create *Create) office {
	o := office{v: v, create: create}
	if c, ok := st.(Cached); ok {
		o.levels = c.PowerLevels()
	} else if ev := st.Get(event.TypePowerLevels, ""); ev != nil {
		o.levels, _ = ParsePowerLevels(v, ev.Content) // refused when it came, or as good as its parts
	}
	if o.listed = o.levels != nil; !o.listed {
		o.levels = &noLevels
	}
	return o
}

func (o *office) power(u id.User) int64 {
	if o.create != nil && (o.v.PrivilegedCreators || !o.listed) && o.create.IsCreator(u) {
		if o.v.PrivilegedCreators {
			return Infinite
		}
		return 100
	}
	return o.levels.user(u)
}
