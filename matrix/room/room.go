// Package room is the kernel's heart: rooms, the events in them and the state that follows.
//
// It promises that an event is authorised against the state it was built on, that what Do has done is one transaction and is
// readable the moment it is acknowledged, and that readers never see half an act. It refuses to know what events mean to people;
// guards may refuse an event before it is written, and whoever reads on is told after the commit. Look first at Service.Do and
// Act.Send.
//
// The database runs one act after another, so an open act owns every room it touches: what it changes is laid over the committed
// view (Feed) until the commit, and taken back if the act is undone. Lock order: Service.mu before Feed.mu.
package room

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the schema of rooms.
func Migrations() db.Migrations { return db.Migrations{Package: "room", FS: schema} }

// open is the end of a state interval that still holds.
const open = int64(math.MaxInt64)

// Key names a piece of state.
type Key struct{ Type, StateKey string }

// Draft is an event before it is written, as a guard sees it.
type Draft struct {
	Room     id.Room
	Sender   id.User
	Type     string
	StateKey *string
	Content  json.RawMessage
	Redacts  id.Event // what a redaction removes, "" for every other event
	Client   bool     // a client sent it through the Matrix API; false for the program's own verbs
}

// Guard may refuse an event before it is written, by returning a fault. It runs inside the act and may write rows of its own there.
type Guard func(ctx context.Context, a *Act, d Draft) error

// Service answers for all rooms of one server.
type Service struct {
	db       *db.DB
	accounts *account.Service
	server   id.Server

	// Steward is the server's own account: rooms that people create have it as an additional creator, because in room version 12
	// a creator has power for ever and people leave. "" for none. Set before use.
	Steward id.User
	// OnCommit is told each event after its commit, in order. It must be quick. Set before use.
	OnCommit func(f *Feed, ev *Event)
	// OnUnknownAlias is asked outside any act for an alias that leads nowhere, and says whether it has made its room. Set before use;
	// nil for nobody.
	OnUnknownAlias func(ctx context.Context, alias id.Alias) (bool, error)
	// OnLoad may hang something of its own on a room when the room comes into memory. It runs inside an act. Set before use.
	OnLoad func(ctx context.Context, q db.Querier, f *Feed) (any, error)

	guards []Guard
	moved  atomic.Int64 // position of the newest change of a membership

	mu     sync.RWMutex // guards feeds, people and bumps
	feeds  map[id.Room]*Feed
	people map[id.User]map[id.Room]Membership
	bumps  map[id.Room]int64 // of rooms that are not in memory
	nextID int64             // the next room's nid; owned by the open act
}

// New returns the service. It needs no key: events are stored without signatures, which are made when an event leaves for another
// server (decision 7).
func New(d *db.DB, accounts *account.Service) *Service {
	s := &Service{db: d, accounts: accounts, server: accounts.Server(), feeds: map[id.Room]*Feed{}, people: map[id.User]map[id.Room]Membership{}, bumps: map[id.Room]int64{}}
	s.moved.Store(d.Position())
	return s
}

// Guard adds a guard. Guards run in the order they were added; all must be added before the first act.
func (s *Service) Guard(g Guard) { s.guards = append(s.guards, g) }

// Server returns the name of this server.
func (s *Service) Server() id.Server { return s.server }

// Do runs fn as one act on a room: its events, its own rows and its audit become durable together or not at all. It returns after
// the commit. An unknown room is Hidden. fn must not call Do, nor wait for anything but the database.
func (s *Service) Do(ctx context.Context, room id.Room, fn func(ctx context.Context, a *Act) error) error {
	if _, err := s.Feed(ctx, room); err != nil {
		return err
	}
	return s.db.Write(ctx, "room.do", func(ctx context.Context, tx *db.Tx) error {
		a, err := s.In(ctx, tx, room)
		if err != nil {
			return err
		}
		return fn(ctx, a)
	})
}

// In returns an act on a room inside a transaction that is already open, so that a caller's own rows commit with the events.
func (s *Service) In(ctx context.Context, tx *db.Tx, room id.Room) (*Act, error) {
	f, err := s.load(ctx, tx, room, nil)
	if err != nil {
		return nil, err
	}
	return &Act{s: s, tx: tx, feed: f, now: time.Now()}, nil
}

// Feed returns the committed view of a room. An unknown room is Hidden.
func (s *Service) Feed(ctx context.Context, room id.Room) (*Feed, error) {
	s.mu.RLock()
	f := s.feeds[room]
	s.mu.RUnlock()
	if f != nil {
		return f, nil
	}
	// Bringing a room in is an act; asking for one that does not exist costs the writer nothing.
	_, err := db.One(ctx, s.db, readRoom, func(r db.Row) (row roomRow, err error) { return row, r.Scan(&row.nid, &row.version) }, string(room))
	if fault.Is(err, fault.NotFound) {
		return nil, errNoRoom
	}
	if err != nil {
		return nil, err
	}
	all, err := s.Feeds(ctx, []id.Room{room})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// Feeds returns the committed views of many rooms, bringing those that are not in memory in together.
func (s *Service) Feeds(ctx context.Context, rooms []id.Room) ([]*Feed, error) {
	out := make([]*Feed, len(rooms))
	missing := false
	s.mu.RLock()
	for i, r := range rooms {
		out[i] = s.feeds[r]
		missing = missing || out[i] == nil
	}
	s.mu.RUnlock()
	if !missing {
		return out, nil
	}
	ahead := map[id.Room]*Feed{}
	for i, r := range rooms {
		if out[i] == nil {
			f, err := s.readAhead(ctx, r)
			if err != nil {
				return nil, err
			}
			ahead[r] = f
		}
	}
	// They become known in an act, so that no commit can fall between the reading and that.
	err := s.db.WriteLast(ctx, "room.load", func(ctx context.Context, tx *db.Tx) (err error) {
		for i, r := range rooms {
			if out[i], err = s.load(ctx, tx, r, ahead[r]); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// errNoRoom is what an outsider learns about a room, whether it exists or not.
var errNoRoom = fault.New(fault.Hidden, "M_FORBIDDEN", "You are not in this room, or there is no such room.")

// load returns the room's view inside an act. When it is not in memory, it is what was read ahead, if nothing has happened in the room
// since, or is read now.
func (s *Service) load(ctx context.Context, tx *db.Tx, room id.Room, ahead *Feed) (*Feed, error) {
	s.mu.RLock()
	f := s.feeds[room]
	s.mu.RUnlock()
	if f != nil {
		return f, nil
	}
	f, err := s.current(ctx, tx, room, ahead)
	if fault.Is(err, fault.NotFound) {
		return nil, errNoRoom
	}
	if err != nil {
		return nil, fmt.Errorf("load room %s: %w", room, err)
	}
	if s.OnLoad != nil {
		if f.Attached, err = s.OnLoad(ctx, tx, f); err != nil {
			return nil, fmt.Errorf("load room %s: %w", room, err)
		}
	}
	s.mu.Lock()
	s.feeds[room] = f
	delete(s.bumps, room)
	s.mu.Unlock()
	return f, nil
}

func (s *Service) current(ctx context.Context, tx *db.Tx, room id.Room, ahead *Feed) (*Feed, error) {
	if ahead != nil {
		newest, err := db.One(ctx, tx, newestOf, db.Scalar[int64], ahead.nid)
		if err != nil || newest == ahead.head {
			return ahead, err
		}
	}
	return s.read(ctx, tx, room)
}

// readAhead reads a room beside the writer, which nobody then waits for: a room of thousands takes a tenth of a second. It returns nil
// when something happened in the room meanwhile.
func (s *Service) readAhead(ctx context.Context, room id.Room) (*Feed, error) {
	row, err := db.One(ctx, s.db, readRoom, scanRoom, string(room))
	if fault.Is(err, fault.NotFound) {
		return nil, errNoRoom
	}
	if err != nil {
		return nil, err
	}
	newest, err := db.One(ctx, s.db, newestOf, db.Scalar[int64], row.nid)
	if err != nil {
		return nil, err
	}
	f, err := s.read(ctx, s.db, room)
	if err != nil {
		return nil, fmt.Errorf("load room %s: %w", room, err)
	}
	if f.head != newest {
		return nil, nil
	}
	return f, nil
}

// version returns a supported room version by name, "" for the default.
func version(name string) (*event.Version, error) {
	if name == "" {
		name = event.Default
	}
	v, err := event.Lookup(name)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "M_UNSUPPORTED_ROOM_VERSION", "This server does not know that room version.", err)
	}
	return v, nil
}

// Known returns the committed view of a room that is in memory, nil otherwise.
func (s *Service) Known(room id.Room) *Feed {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.feeds[room]
}
