package timeline

import (
	"crypto/rand"
	"strconv"
	"strings"
	"sync"
	"time"

	"wardline/ground/fault"
	"wardline/matrix/id"
)

// connKey names a sliding sync connection.
type connKey struct {
	user   id.User
	device id.Device
	name   string
}

// conn remembers what a connection has been sent. It keeps the state the client last asked from and those it was given since, because
// a client may ask again for an answer that got lost, and a request it has given up may still be answered after the one that
// replaced it.
type conn struct {
	mu     sync.Mutex // guards the rest
	nonce  string     // tells this memory from one before a restart
	seq    int64
	states []*connState // by seq; the first is what the client has confirmed
	used   time.Time
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

// Limits of connections. An idle one costs what its rooms cost.
const (
	maxConnsADevice = 16
	maxUnconfirmed  = 8 // answers kept until the client names one of them
	connIdle        = 24 * time.Hour
)

var errUnknownPos = fault.New(fault.Invalid, "M_UNKNOWN_POS", "The position is unknown or has ended. Start again without one.")

// connection finds the connection and the state a request builds on; without a position it starts a new one.
// spec: MSC4186#connections
func (s *Service) connection(k connKey, pos string) (*conn, *connState, error) {
	s.mu.Lock()
	c := s.conns[k]
	if pos == "" {
		c = &conn{nonce: rand.Text(), used: time.Now()}
		s.conns[k] = c
		s.dropOldConns(k)
		s.mu.Unlock()
		return c, &connState{}, nil
	}
	s.mu.Unlock()
	if c == nil {
		return nil, nil, errUnknownPos
	}
	nonce, rest, _ := strings.Cut(strings.TrimPrefix(pos, "c"), "_")
	number, _, _ := strings.Cut(rest, "_")
	seq, err := strconv.ParseInt(number, 10, 64)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used = time.Now()
	if err != nil || nonce != c.nonce {
		return nil, nil, errUnknownPos
	}
	for i, state := range c.states {
		if state.seq == seq {
			c.states = c.states[i:]
			return c, state, nil
		}
	}
	return nil, nil, errUnknownPos
}

// dropOldConns keeps the connections of a device few, and forgets those nobody has used for a day. The caller holds s.mu.
func (s *Service) dropOldConns(k connKey) {
	var oldest connKey
	var oldestUse time.Time
	n := 0
	for other, c := range s.conns {
		if other.user != k.user || other.device != k.device {
			continue
		}
		n++
		if other != k && (oldestUse.IsZero() || c.used.Before(oldestUse)) {
			oldest, oldestUse = other, c.used
		}
	}
	if n > maxConnsADevice {
		delete(s.conns, oldest)
	}
	if len(s.conns)%1024 != 0 {
		return
	}
	for other, c := range s.conns {
		if time.Since(c.used) > connIdle {
			delete(s.conns, other)
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
