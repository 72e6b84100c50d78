package timeline

import (
	"sync"

	"wardline/matrix/id"
	"wardline/matrix/room"
)

// knownMembers is which member events a device has been sent, for filters that do not want them twice. What an answer holds counts once
// the device asks on from it: an answer may be lost. A device that asks from anywhere else is sent everybody again.
// spec: client-server-api#lazy-loading-room-members
type knownMembers struct {
	mu      sync.Mutex // guards the rest
	token   string     // the answer that has not been confirmed yet
	before  string     // the one that it was built on
	sent    map[id.Room]map[string]int64
	pending []sentMember
	size    int
}

type sentMember struct {
	room id.Room
	user string
	pos  int64 // of the member event
}

// Limits of this memory; a device beyond them is sent people again.
const (
	maxKnownMembers = 20_000 // of one device
	maxKnowing      = 5_000  // devices
)

// known returns what a device has been sent, as of its token.
func (s *Service) known(u id.User, d id.Device, since string) *knownMembers {
	s.mu.Lock()
	k := s.knowing[owner{u, d}]
	if k == nil {
		if len(s.knowing) >= maxKnowing {
			clear(s.knowing)
		}
		k = &knownMembers{}
		s.knowing[owner{u, d}] = k
	}
	s.mu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	switch since {
	case "":
		k.forget()
	case k.token:
		if k.size+len(k.pending) > maxKnownMembers {
			k.forget()
			break
		}
		for _, m := range k.pending {
			if k.sent[m.room] == nil {
				k.sent[m.room] = map[string]int64{}
			}
			k.sent[m.room][m.user] = m.pos
		}
		k.size += len(k.pending)
	case k.before: // the answer was lost
	default:
		k.forget()
	}
	k.token, k.before, k.pending = "", since, nil
	return k
}

func (k *knownMembers) forget() { k.sent, k.size = map[id.Room]map[string]int64{}, 0 }

// has says whether the device has this very member event.
func (k *knownMembers) has(r id.Room, ev *room.Event) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.sent[r][*ev.StateKey] == ev.Pos
}

// answered notes what an answer holds.
func (k *knownMembers) answered(token string, list []sentMember) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.token, k.pending = token, list
}
