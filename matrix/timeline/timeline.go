// Package timeline tells clients what happened: both forms of sync, history, receipts and typing.
//
// It promises that a waiting request holds nothing but its own memory, that an answer is built against one position and checks
// membership when it is built, and that what a device has confirmed is reported onwards (Service.OnDelivered). Facts come from rooms
// in memory, and from the database only for absences longer than a room's tail. Look first at Service.Sync and Service.Sliding.
package timeline

import (
	"context"
	"embed"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/run"
	"wardline/ground/stream"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/inbox"
	"wardline/matrix/keys"
	"wardline/matrix/push"
	"wardline/matrix/room"
	"wardline/matrix/search"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the schema of receipts.
func Migrations() db.Migrations { return db.Migrations{Package: "timeline", FS: schema} }

// Service answers what is new, and what was.
type Service struct {
	db       *db.DB
	rooms    *room.Service
	accounts *account.Service
	keys     *keys.Service
	inbox    *inbox.Service

	// Push knows everybody's push rules; nil when all have the default ones. Set before use, with UsePush.
	push *push.Service

	// Index finds events by their words, for Search. Set before use.
	Index *search.Index
	// Vital says which events people are shown although they ignore who sent them; nil is none. Set before use.
	Vital func(ev *room.Event) bool
	// OnDelivered is told that a device has proved by its next request what it has: has says whether the event at a position of a room
	// is among it. A connection of sliding sync proves only what it carried, so one that carries no rooms proves nothing about them. It
	// must be quick, and has must not be called later. Set before use.
	OnDelivered func(u id.User, d id.Device, has func(r id.Room, pos int64) bool)

	// Ephemeral is rung when typing or receipts change anywhere.
	Ephemeral stream.Bell

	// Heavy is where answers to clients that know nothing yet wait for their turn, because each may be megabytes; nil has none wait. Set
	// before use.
	Heavy *run.Gate

	serial   atomic.Int64 // of typing; memory only
	receipts atomic.Int64 // position of the newest receipt since this process began
	stopping atomic.Bool
	started  int64 // position when this process began

	presences presences

	peeking atomic.Int64 // how many wait at rooms that they are not in

	mu    sync.RWMutex // guards users, conns, begun and peeps
	users map[id.User]*listener
	conns map[owner]map[string]*conn
	begun int // sliding connections so far
	peeps map[id.Room]*peep
	// knowing is which people devices have been sent, for filters that do not want them twice.
	knowing map[owner]*knownMembers
}

// listener is what this process knows of a user who has been here since it began.
type listener struct {
	bell    stream.Bell
	seen    atomic.Int64 // when a device last asked, in ms
	waiting atomic.Int64 // how many requests wait now
	ends    atomic.Int64 // how often devices were signed out
	data    atomic.Int64 // position of the newest account data
	proved  atomic.Int64 // up to where some device has everything, by the tokens of /sync
	// direct are the rooms that the user marked as direct chats, nil while not known.
	direct atomic.Pointer[map[id.Room]bool]
	// quiet is what the user does not want to hear, nil while not known.
	quiet atomic.Pointer[quiet]
}

// New returns the service and attaches it to the rooms and accounts it listens to.
func New(d *db.DB, rooms *room.Service, accounts *account.Service, k *keys.Service, in *inbox.Service) *Service {
	s := &Service{db: d, rooms: rooms, accounts: accounts, keys: k, inbox: in, started: d.Position(), users: map[id.User]*listener{}, conns: map[owner]map[string]*conn{},
		peeps: map[id.Room]*peep{}, knowing: map[owner]*knownMembers{}}
	// What is in memory only has numbers that go on behind those of an earlier process, or nobody who knew that one would hear of it.
	s.serial.Store(time.Now().UnixMilli())
	rooms.OnLoad = s.attach
	rooms.OnCommit = s.committed
	accounts.OnData = func(tx *db.Tx, u id.User, typ string, pos int64) {
		l := s.listen(u)
		tx.OnCommit(func() {
			l.data.Store(pos)
			l.direct.Store(nil)
			if hushes(typ) {
				l.quiet.Store(nil)
				if s.push != nil {
					s.push.Forget(u)
				}
			}
		})
		tx.AfterCommit(l.bell.Ring)
	}
	accounts.OnGone = s.gone
	accounts.OnStanding = func(u id.User) { s.gone(u, nil) }
	s.hear(k, in)
	return s
}

func (s *Service) listen(u id.User) *listener {
	s.mu.RLock()
	l := s.users[u]
	s.mu.RUnlock()
	if l != nil {
		return l
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if l = s.users[u]; l == nil {
		l = &listener{}
		s.users[u] = l
	}
	return l
}

// ring wakes a user's waiting requests, if there are any.
func (s *Service) ring(u id.User) {
	s.mu.RLock()
	l := s.users[u]
	s.mu.RUnlock()
	if l != nil {
		l.bell.Ring()
	}
}

// committed wakes everyone whom an event concerns.
func (s *Service) committed(f *room.Feed, ev *room.Event) {
	f.EachJoined(s.ring)
	if ev.Type == "m.room.member" && ev.StateKey != nil {
		s.ring(id.User(*ev.StateKey))
		s.stopTyping(f, ev)
	}
	s.peeked(f.ID)
}

// gone ends the sync connections of devices that were signed out and wakes their requests, which then find no session.
func (s *Service) gone(u id.User, devices []id.Device) {
	s.listen(u).ends.Add(1)
	s.mu.Lock()
	for _, d := range devices {
		delete(s.conns, owner{u, d})
		delete(s.knowing, owner{u, d})
	}
	s.mu.Unlock()
	s.ring(u)
}

// inTurn builds an answer; one that begins with everything waits for its turn.
func (s *Service) inTurn(ctx context.Context, everything bool, build func() error) error {
	if everything && s.Heavy != nil {
		leave, err := s.Heavy.Enter(ctx)
		if err != nil {
			return err
		}
		defer leave()
	}
	return build()
}

// still refuses to answer a device that was signed out while its request waited: a lost phone gets nothing of what came after.
// ends is what the listener had when the request came; while it stands nothing is read.
func (s *Service) still(ctx context.Context, l *listener, u id.User, d id.Device, ends int64) error {
	if l.ends.Load() == ends || d == "" { // an application service acts without a device
		return nil
	}
	list, err := s.accounts.DevicesOf(ctx, u)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(one account.Device) bool { return one.ID == d }) {
		return fault.New(fault.Unauthenticated, "M_UNKNOWN_TOKEN", "You were signed out.")
	}
	return s.accounts.Unlocked(ctx, u)
}

// Token is a place in the stream, as clients carry it: everything up to Pos, typing up to Serial, and messages for the device itself
// up to Inbox, which lags behind Pos while there are more than an answer holds.
type Token struct {
	Pos    int64
	Serial int64
	Inbox  int64
}

// String writes a token of /sync, which /messages also takes.
func (t Token) String() string {
	s := "s" + strconv.FormatInt(t.Pos, 10) + "_" + strconv.FormatInt(t.Serial, 10)
	if t.Inbox != t.Pos {
		s += "_" + strconv.FormatInt(t.Inbox, 10)
	}
	return s
}

// ParseToken reads a token of either sync or of /messages; anything else is Invalid.
func ParseToken(s string) (Token, error) {
	bad := fault.New(fault.Invalid, "M_INVALID_PARAM", "The token is none of this server's.")
	var t Token
	var err error
	switch {
	case strings.HasPrefix(s, "s"):
		pos, rest, _ := strings.Cut(s[1:], "_")
		serial, inbox, lags := strings.Cut(rest, "_")
		if t.Pos, err = strconv.ParseInt(pos, 10, 64); err != nil {
			return t, bad
		}
		if serial != "" {
			if t.Serial, err = strconv.ParseInt(serial, 10, 64); err != nil {
				return t, bad
			}
		}
		if t.Inbox = t.Pos; lags {
			if t.Inbox, err = strconv.ParseInt(inbox, 10, 64); err == nil && (t.Inbox < 0 || t.Inbox > t.Pos) {
				return t, bad
			}
		}
	case strings.HasPrefix(s, "t"):
		t.Pos, err = strconv.ParseInt(s[1:], 10, 64)
	case strings.HasPrefix(s, "c"):
		_, rest, _ := strings.Cut(s, "_")
		_, pos, _ := strings.Cut(rest, "_")
		t.Pos, err = strconv.ParseInt(pos, 10, 64)
	default:
		return t, bad
	}
	if err != nil || t.Pos < 0 {
		return t, bad
	}
	return t, nil
}

// place writes a token of history: the boundary after position pos.
func place(pos int64) string { return "t" + strconv.FormatInt(pos, 10) }

// delivered reports what a device has confirmed.
func (s *Service) delivered(u id.User, d id.Device, has func(r id.Room, pos int64) bool) {
	if s.OnDelivered != nil {
		s.OnDelivered(u, d, has)
	}
}

// position returns the present: the newest committed position and the newest typing.
func (s *Service) position() Token {
	pos := s.db.Position()
	return Token{Pos: pos, Serial: s.serial.Load(), Inbox: pos}
}

// dataSince reads account data that changed in between, without asking the database when nothing did.
func (s *Service) dataSince(ctx context.Context, u id.User, from, to int64) ([]account.Data, error) {
	if from >= s.started && s.listen(u).data.Load() <= from {
		return nil, nil
	}
	return s.accounts.DataSince(ctx, s.db, u, from, to)
}

// Stop answers every waiting request now, with what there is, and lets none wait any more.
func (s *Service) Stop() {
	s.stopping.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.users {
		l.bell.Ring()
	}
	for _, p := range s.peeps {
		p.bell.Ring()
	}
}

// Seen returns when a user's device last asked what is new, zero if not since this process began, and whether one waits for an
// answer right now.
func (s *Service) Seen(u id.User) (last time.Time, open bool) {
	s.mu.Lock()
	l := s.users[u]
	s.mu.Unlock()
	if l == nil || l.seen.Load() == 0 {
		return time.Time{}, false
	}
	return time.UnixMilli(l.seen.Load()), l.waiting.Load() > 0
}

// here notes that a device of the user is asking, until the returned function is called.
func (l *listener) here() func() {
	l.seen.Store(time.Now().UnixMilli())
	l.waiting.Add(1)
	return func() {
		l.seen.Store(time.Now().UnixMilli())
		l.waiting.Add(-1)
	}
}
