package timeline

import (
	"crypto/rand"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wardline/ground/fault"
	"wardline/matrix/id"
)

// owner is whose sliding sync connections they are; each has a name of the client's.
type owner struct {
	user   id.User
	device id.Device
}

// conn remembers what a connection has been sent. It keeps the state the client last asked from and those it was given since, because
// a client may ask again for an answer that got lost, and a request it has given up may still be answered after the one that
// replaced it.
type conn struct {
	mu     sync.Mutex // guards the rest
	nonce  string     // tells this memory from one before a restart
	seq    int64
	states []*connState // by seq; the first is what the client has confirmed
	proven bool         // the client has confirmed something at all
	used   atomic.Int64 // when the client last asked, in ms; guarded by nothing
}

// connState is what a client has once it has seen answer seq. It is never changed.
type connState struct {
	seq   int64
	at    Token
	rooms map[id.Room]*sentRoom
}

// sentRoom is what a client has of one room.
type sentRoom struct {
	at         int64
	gap        int64 // events after this position and up to at were sent without a hole
	config     roomConfig
	membership string
	members    map[id.User]bool // whose member events it has, when they are sent as needed
	unread     [2]int
	counts     [2]int
	name       string
	avatar     string
	direct     bool
	bump       int64
}

// has says whether the client has been sent the event at a position of a room.
func (c *connState) has(r id.Room, pos int64) bool {
	sent := c.rooms[r]
	return sent != nil && sent.membership == "join" && pos > sent.gap && pos <= sent.at
}

// Limits of connections. An idle one costs what its rooms cost.
const (
	maxConnsADevice = 16
	maxUnconfirmed  = 8 // answers kept until the client names one of them
	connIdle        = 24 * time.Hour
)

var errUnknownPos = fault.New(fault.Invalid, "M_UNKNOWN_POS", "The position is unknown or has ended. Start again without one.")

// connection finds the connection and the state a request builds on; without a position it starts a new one.
// spec: MSC4186#connections
func (s *Service) connection(o owner, name, pos string) (*conn, *connState, error) {
	if pos == "" {
		c := &conn{nonce: rand.Text()}
		c.used.Store(time.Now().UnixMilli())
		s.keepConn(o, name, c)
		return c, &connState{}, nil
	}
	s.mu.RLock()
	c := s.conns[o][name]
	s.mu.RUnlock()
	if c == nil {
		return nil, nil, errUnknownPos
	}
	nonce, rest, _ := strings.Cut(strings.TrimPrefix(pos, "c"), "_")
	number, _, _ := strings.Cut(rest, "_")
	seq, err := strconv.ParseInt(number, 10, 64)
	c.used.Store(time.Now().UnixMilli())
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil || nonce != c.nonce {
		return nil, nil, errUnknownPos
	}
	for i, state := range c.states {
		if state.seq == seq {
			c.states, c.proven = c.states[i:], true
			return c, state, nil
		}
	}
	return nil, nil, errUnknownPos
}

// keepConn puts a new connection in the place of the one with its name. It keeps the connections of a device few, and now and then
// forgets those that nobody has used for a day.
func (s *Service) keepConn(o owner, name string, c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mine := s.conns[o]
	if mine == nil {
		mine = map[string]*conn{}
		s.conns[o] = mine
	}
	mine[name] = c
	if len(mine) > maxConnsADevice {
		oldest := name
		for other, c := range mine {
			if other != name && (oldest == name || c.used.Load() < mine[oldest].used.Load()) {
				oldest = other
			}
		}
		delete(mine, oldest)
	}
	if s.begun++; s.begun%1024 != 0 {
		return
	}
	end := time.Now().Add(-connIdle).UnixMilli()
	for o, conns := range s.conns {
		maps.DeleteFunc(conns, func(_ string, c *conn) bool { return c.used.Load() < end })
		if len(conns) == 0 {
			delete(s.conns, o)
		}
	}
}

// advance makes next what the client has once it confirms, and returns its position token.
func (c *conn) advance(next *connState) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	next.seq = c.seq
	if len(c.states) > maxUnconfirmed {
		c.states = append(c.states[:1:1], c.states[2:]...)
	}
	c.states = append(c.states, next)
	return "c" + c.nonce + "_" + strconv.FormatInt(next.seq, 10) + "_" + strconv.FormatInt(next.at.Pos, 10)
}
