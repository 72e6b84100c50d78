package timeline

import (
	"context"
	"sync"
	"time"

	"wardline/ground/fault"
	"wardline/matrix/id"
)

// presences is who is here, worked out from who waits for news. It lives in memory only. While it is switched off nobody's is noted.
type presences struct {
	on bool

	mu     sync.Mutex // guards the rest
	people map[id.User]*presence
	newest int64 // serial of the newest change
}

type presence struct {
	waits  [2]int   // connections that say online, and such as say unavailable
	last   [2]int64 // when one of either was last open, in ms
	forced string   // what the user has set by hand below online, "" for nothing
	note   string
	stands string // what is told in place of the note, whatever the user's apps say
	shown  string // what others see
	active int64  // when the user was last here, in ms
	serial int64  // of the last change of what others see
	ends   *time.Timer
}

// now works out what others see. Of several connections the one that says most counts, so that two apps of one person do not take turns.
func (one *presence) now(ms int64) string {
	at := func(i int) bool {
		return one.waits[i] > 0 || one.last[i] != 0 && ms-one.last[i] < presenceGrace.Milliseconds()
	}
	switch {
	case one.forced == "offline", !at(0) && !at(1):
		return "offline"
	case one.forced == "unavailable", !at(0):
		return "unavailable"
	}
	return "online"
}

// presenceGrace is how long somebody without a connection still counts as here: apps ask, are answered, and ask again.
const presenceGrace = 30 * time.Second

// maxNote bounds what somebody says of themselves.
const maxNote = 1024

// UsePresence switches presence on. It must be called before use.
func (s *Service) UsePresence() {
	s.presences.on, s.presences.people = true, map[id.User]*presence{}
}

// ParsePresence reads what a client says of its user; "" for online.
func ParsePresence(said string) (string, error) {
	switch said {
	case "":
		return "online", nil
	case "online", "unavailable", "offline":
		return said, nil
	}
	return "", fault.New(fault.Invalid, "M_INVALID_PARAM", "Presence is online, unavailable or offline.")
}

// arrived notes that somebody has begun to wait for news, as said; the returned function notes that they have stopped.
// spec: client-server-api#get_matrixclientv3sync
func (s *Service) arrived(u id.User, said string) func() {
	if !s.presences.on || said == "offline" {
		return func() {}
	}
	kind := 0
	if said == "unavailable" {
		kind = 1
	}
	s.present(u, func(one *presence, ms int64) {
		one.waits[kind]++
		one.active = ms
	})
	return func() {
		s.present(u, func(one *presence, ms int64) {
			one.waits[kind]--
			one.last[kind], one.active = ms, ms
			if one.ends != nil {
				one.ends.Stop()
			}
			one.ends = time.AfterFunc(presenceGrace, func() { s.present(u, func(*presence, int64) {}) })
		})
	}
}

// present changes what is known of somebody and tells who shares a room with them when others see a difference.
func (s *Service) present(u id.User, change func(one *presence, ms int64)) {
	p, ms := &s.presences, time.Now().UnixMilli()
	p.mu.Lock()
	one := p.people[u]
	if one == nil {
		one = &presence{shown: "offline"}
		p.people[u] = one
	}
	note := one.told()
	change(one, ms)
	shown := one.now(ms)
	differs := one.shown != shown || note != one.told()
	if differs {
		one.shown, one.serial = shown, s.serial.Add(1)
		p.newest = one.serial
	}
	p.mu.Unlock()
	if differs {
		s.ring(u)
		s.rooms.EachNeighbour(u, s.ring)
		s.Ephemeral.Ring()
	}
}

// SetPresence sets what a user says of themselves. While presence is off it is accepted and changes nothing.
// spec: client-server-api#put_matrixclientv3presenceuseridstatus
func (s *Service) SetPresence(u id.User, said, note string) error {
	if said == "" {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The presence is missing.")
	}
	if _, err := ParsePresence(said); err != nil {
		return err
	}
	if len(note) > maxNote {
		return fault.New(fault.TooLarge, "M_TOO_LARGE", "The status message is too long.")
	}
	if s.presences.on {
		s.present(u, func(one *presence, ms int64) {
			one.note, one.active, one.forced = note, ms, said
			if one.last[0] = ms; said == "online" {
				one.forced = ""
			}
			if one.ends != nil {
				one.ends.Stop()
			}
			one.ends = time.AfterFunc(presenceGrace, func() { s.present(u, func(*presence, int64) {}) })
		})
	}
	return nil
}

// SetStanding sets a status message that holds whatever the user's apps say of them meanwhile; "" leaves it to the apps again. It does not
// count as being here. While presence is off it changes nothing.
func (s *Service) SetStanding(u id.User, note string) {
	if s.presences.on {
		s.present(u, func(one *presence, _ int64) { one.stands = note })
	}
}

// told is the status message that others see.
func (one *presence) told() string {
	if one.stands != "" {
		return one.stands
	}
	return one.note
}

// Status is what others see of somebody.
type Status struct {
	Presence  string `json:"presence"`
	Note      string `json:"status_msg,omitempty"`
	ActiveAgo *int64 `json:"last_active_ago,omitempty"`
	Active    *bool  `json:"currently_active,omitempty"`
}

func (one *presence) status(now time.Time) Status {
	st := Status{Presence: one.shown, Note: one.told()}
	if one.active != 0 {
		ago := max(now.UnixMilli()-one.active, 0)
		st.ActiveAgo = &ago
	}
	if one.shown == "online" {
		yes := true
		st.Active = &yes
	}
	return st
}

// PresenceOf returns what a user sees of another with whom they share a room. Of anybody else, existing or not, it is Forbidden.
// spec: client-server-api#get_matrixclientv3presenceuseridstatus
func (s *Service) PresenceOf(ctx context.Context, by, u id.User) (Status, error) {
	if by != u {
		shared, err := s.rooms.Share(ctx, by, u)
		if err != nil {
			return Status{}, err
		}
		if !shared {
			return Status{}, fault.New(fault.Forbidden, "M_FORBIDDEN", "You share no room with that person, or there is no such person.")
		}
	}
	p := &s.presences
	p.mu.Lock()
	defer p.mu.Unlock()
	if one := p.people[u]; one != nil {
		return one.status(time.Now()), nil
	}
	return Status{Presence: "offline"}, nil
}

type presenceEvent struct {
	Type    string  `json:"type"`
	Sender  id.User `json:"sender"`
	Content Status  `json:"content"`
}

// presenceSince returns what has changed between two answers for those who share a room with the user, and for the user; and what others
// are who have come to share one meanwhile. At first, and of those, who is not here is left out.
func (s *Service) presenceSince(ctx context.Context, u id.User, since, to Token, filter *EventFilter) ([]presenceEvent, error) {
	p := &s.presences
	list := []presenceEvent{}
	if !p.on || !filter.typ("m.presence") {
		return list, nil
	}
	initial := since.Pos == 0
	var came map[id.User]bool
	if !initial {
		var err error
		if came, _, err = s.moves(ctx, u, since.Pos, to.Pos); err != nil {
			return nil, err
		}
	}
	now := time.Now()
	p.mu.Lock()
	if p.newest <= since.Serial && !initial && len(came) == 0 {
		p.mu.Unlock()
		return list, nil
	}
	for who, one := range p.people {
		here := (initial || came[who]) && one.shown != "offline"
		news := !initial && one.serial > since.Serial && one.serial <= to.Serial
		if !here && !news || !filter.sender(who) {
			continue
		}
		list = append(list, presenceEvent{"m.presence", who, one.status(now)})
	}
	p.mu.Unlock()
	seen := list[:0]
	for _, ev := range list {
		shared := ev.Sender == u
		if !shared {
			var err error
			if shared, err = s.rooms.Share(ctx, u, ev.Sender); err != nil {
				return nil, err
			}
		}
		if shared {
			seen = append(seen, ev)
		}
	}
	return seen, nil
}
