package stateres

import (
	"errors"
	"fmt"

	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room/internal/auth"
)

// State is the state of a room at some point: for each type and state key the
// event that set it.
type State map[auth.Key]id.Event

// Source has the events of a room.
type Source interface {
	// Event returns the event of that name, or nil if it is not known.
	Event(id.Event) *event.Event
	// Rejected says whether the event was rejected when it came.
	Rejected(id.Event) bool
}

// ErrMissing is wrapped when the source does not have an event that the result
// depends on. The caller fetches it and tries again.
var ErrMissing = errors.New("event is missing")

// Resolve returns the one state that follows from several. Where they differ at
// all, the source must have the events of the states and of their auth chains,
// which are walked once in about a microsecond an event. The error wraps
// ErrMissing; the arguments are not changed.
//
// spec: rooms/v12#algorithm
func Resolve(v *event.Version, states []State, source Source) (State, error) {
	r := &resolution{v: v, source: source, known: map[id.Event]*event.Event{}, levels: map[id.Event]*auth.PowerLevels{}}
	unconflicted, conflicted := split(states)
	if len(conflicted) == 0 {
		return unconflicted, nil
	}
	r.fullSet(states, unconflicted, conflicted)

	partial := State{}
	if !v.ResolveFromEmpty {
		for k, e := range unconflicted {
			partial[k] = e
		}
	}
	power := r.powerEvents()
	r.check(partial, r.byPower(power))
	r.check(partial, r.byMainline(power, partial[auth.Key{Type: event.TypePowerLevels}]))
	if r.missing != "" {
		return nil, fmt.Errorf("resolve state: %w: %s", ErrMissing, r.missing)
	}
	for k, e := range unconflicted {
		partial[k] = e
	}
	return partial, nil
}

// split divides the states into what all of them agree on, and the events of
// the rest.
//
// spec: rooms/v12#definitions
func split(states []State) (unconflicted State, conflicted map[id.Event]bool) {
	unconflicted, conflicted = State{}, map[id.Event]bool{}
	for i, s := range states {
		for k, e := range s {
			if agreed(states, k, e) {
				if i == 0 {
					unconflicted[k] = e
				}
				continue
			}
			conflicted[e] = true
		}
	}
	return unconflicted, conflicted
}

func agreed(states []State, k auth.Key, e id.Event) bool {
	for _, s := range states {
		if s[k] != e {
			return false
		}
	}
	return true
}

// resolution is one call of Resolve.
type resolution struct {
	v      *event.Version
	source Source
	known  map[id.Event]*event.Event
	levels map[id.Event]*auth.PowerLevels
	create *auth.Create
	// full is the full conflicted set.
	full map[id.Event]bool
	// missing is the first event that the source did not have. Work goes on
	// without it, and the result is thrown away.
	missing id.Event
}

// event returns an event, or nil after noting that it is missing.
func (r *resolution) event(name id.Event) *event.Event {
	ev, ok := r.known[name]
	if !ok {
		ev = r.source.Event(name)
		r.known[name] = ev
	}
	if ev == nil && r.missing == "" {
		r.missing = name
	}
	return ev
}

func (r *resolution) authOf(name id.Event) []id.Event {
	if ev := r.event(name); ev != nil {
		return ev.AuthEvents
	}
	return nil
}

// check is the iterative auth check: each event that is allowed becomes part of
// the state.
//
// spec: rooms/v12#definitions
func (r *resolution) check(state State, order []id.Event) {
	for _, name := range order {
		ev := r.event(name)
		if ev == nil || !ev.IsState() {
			continue
		}
		if auth.Check(r.v, ev, &view{r: r, state: state, of: ev}) == nil {
			state[auth.Key{Type: ev.Type, StateKey: *ev.StateKey}] = name
		}
	}
}

// view is the state against which one event is checked: the state so far, and
// where that has nothing, the event's own auth events.
type view struct {
	r     *resolution
	state State
	of    *event.Event
	all   bool // its rejected auth events count too: they say how it is ranked, not whether it is allowed
}

// Get implements auth.State.
func (s *view) Get(typ, key string) *event.Event {
	if name, ok := s.state[auth.Key{Type: typ, StateKey: key}]; ok {
		return s.r.event(name)
	}
	if typ == event.TypeCreate && s.r.v.HashedRoomID {
		return s.r.event(s.of.RoomID.Create())
	}
	for _, name := range s.of.AuthEvents {
		if ev := s.r.event(name); ev != nil && ev.Is(typ, key) && (s.all || !s.r.source.Rejected(name)) {
			return ev
		}
	}
	return nil
}

// Create implements auth.Cached. A room has one create event, so it is parsed
// once.
func (s *view) Create() *auth.Create {
	ev := s.Get(event.TypeCreate, "")
	if ev == nil {
		return nil
	}
	if s.r.create == nil || s.r.create.ID != ev.ID {
		s.r.create = auth.ParseCreate(s.r.v, ev)
	}
	return s.r.create
}

// PowerLevels implements auth.Cached.
func (s *view) PowerLevels() *auth.PowerLevels {
	ev := s.Get(event.TypePowerLevels, "")
	if ev == nil {
		return nil
	}
	p := s.r.levels[ev.ID]
	if p == nil {
		p, _ = auth.ParsePowerLevels(s.r.v, ev.Content) // was checked when it came
		s.r.levels[ev.ID] = p
	}
	return p
}
