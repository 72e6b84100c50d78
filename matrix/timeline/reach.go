package timeline

import (
	"slices"
	"time"

	"wardline/matrix/id"
	"wardline/matrix/room"
)

// Reach is how far an event has come with a user.
type Reach struct {
	Held   bool      // a device has proved that it has the event, since this process began
	ReadAt time.Time // when the user publicly said to have read it, or something after it; zero when not
	Exact  bool      // ReadAt is of this very event
}

// Reach says of some users how far an event has come with each. Private receipts stay private. What devices proved is known while
// their connections are: it is read here and costs those who sync nothing.
func (s *Service) Reach(f *room.Feed, ev *room.Event, users []id.User) map[id.User]Reach {
	out := make(map[id.User]Reach, len(users))
	for _, u := range users {
		out[u] = Reach{}
	}
	thread := "main"
	if ev.RelType == "m.thread" {
		thread = string(ev.Parent)
	}
	x := extraOf(f)
	x.mu.RLock()
	for k, rc := range x.receipts {
		r, asked := out[k.user]
		if !asked || k.kind != Read || rc.eventPos < ev.Pos || k.thread != "" && k.thread != thread {
			continue
		}
		if at := time.UnixMilli(rc.at); r.ReadAt.IsZero() || at.Before(r.ReadAt) {
			r.ReadAt, r.Exact = at, rc.event == ev.ID
			out[k.user] = r
		}
	}
	x.mu.RUnlock()
	for u := range s.holders(f.ID, ev.Pos, out) {
		r := out[u]
		r.Held = true
		out[u] = r
	}
	return out
}

// holders finds which of the users asked about have a device that proved to have the event at a position of a room.
func (s *Service) holders(in id.Room, pos int64, asked map[id.User]Reach) map[id.User]bool {
	held := map[id.User]bool{}
	conns := map[id.User][]*conn{}
	s.mu.RLock()
	for u := range asked {
		if l := s.users[u]; l != nil && l.proved.Load() >= pos {
			held[u] = true
		}
	}
	for o, list := range s.conns {
		if _, wanted := asked[o.user]; wanted && !held[o.user] {
			for _, c := range list {
				conns[o.user] = append(conns[o.user], c)
			}
		}
	}
	s.mu.RUnlock()
	for u, list := range conns {
		if slices.ContainsFunc(list, func(c *conn) bool { return c.proves(in, pos) }) {
			held[u] = true
		}
	}
	return held
}

// proves says whether the client has confirmed an answer with the event at a position of a room.
func (c *conn) proves(in id.Room, pos int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.states) > 0 && c.proven && c.states[0].has(in, pos)
}
