// Package delay keeps events that people want sent later, and sends them.
//
// It promises that an event whose scheduling was acknowledged is sent once, not before its time, across any restart, unless its owner
// takes it back or the room refuses it then; a call that breaks off ends because of it. It refuses to keep more for one person, or for
// longer, than it says (MaxDelay, MaxScheduled). Whether somebody may send is decided when the time has come. Look first at
// Service.Schedule and Service.Run.
//
// spec: MSC4140
package delay

import (
	"context"
	"embed"
	"encoding/json"
	"log/slog"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the schema of delayed events.
func Migrations() db.Migrations { return db.Migrations{Package: "delay", FS: schema} }

// Limits, which clients are told as a capability.
const (
	MaxDelay     = 7 * 24 * time.Hour
	MaxScheduled = 100 // of one user at once
)

// What is kept of events that were sent, taken back or refused.
const (
	keptFor   = 7 * 24 * time.Hour
	keptCount = 1000 // of one user
)

// maxContent leaves room in an event for everything else.
const maxContent = 60 << 10

// ID names a delayed event.
type ID string

// Event is a delayed event as its owner sees it.
type Event struct {
	ID          ID              `json:"delay_id"`
	Room        id.Room         `json:"room_id"`
	Type        string          `json:"type"`
	StateKey    *string         `json:"state_key,omitempty"`
	DelayMS     int64           `json:"delay_ms"`
	ScheduledAt int64           `json:"scheduled_at"` // in ms since 1970
	Content     json.RawMessage `json:"content"`
	Error       json.RawMessage `json:"error,omitempty"`        // why it was not sent
	EventID     id.Event        `json:"event_id,omitempty"`     // what it became
	FinalisedAt int64           `json:"finalised_ts,omitempty"` // 0 while it waits

	owner  id.User
	device id.Device
	dueAt  int64
}

// Service keeps the delayed events of one server.
type Service struct {
	DB    *db.DB
	Rooms *room.Service
	Log   *slog.Logger
	Now   func() time.Time
	// MaySend refuses somebody who may send nothing at present, whatever the room says. Set before use; nil refuses nobody.
	MaySend func(ctx context.Context, u id.User) error

	bell chan struct{} // capacity 1: something is due at another time than it was
}

// New returns the service. Run must run for anything to be sent.
func New(d *db.DB, rooms *room.Service, log *slog.Logger) *Service {
	return &Service{DB: d, Rooms: rooms, Log: log, Now: time.Now, bell: make(chan struct{}, 1)}
}

func (s *Service) ring() {
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

// Plan is an event and how long it shall wait.
type Plan struct {
	Owner    id.User
	Device   id.Device
	Room     id.Room
	Type     string
	StateKey *string // nil for a message
	Content  json.RawMessage
	Delay    time.Duration
	Txn      string // the request's transaction id, "" for none
}

// Schedule keeps an event until its time and returns the name by which its owner speaks of it. A repeated transaction id keeps nothing
// and returns the first one's name. Somebody who is not in the room is Hidden, as if there were none.
func (s *Service) Schedule(ctx context.Context, p Plan) (ID, error) {
	switch {
	case p.Delay < time.Millisecond:
		return "", fault.New(fault.Invalid, "M_INVALID_PARAM", "The delay is a positive number of milliseconds.")
	case p.Delay > MaxDelay:
		return "", fault.New(fault.Forbidden, "M_FORBIDDEN", "That is longer than an event may wait here.")
	case len(p.Content) > maxContent:
		return "", fault.New(fault.TooLarge, "M_TOO_LARGE", "The event is too large.")
	case len(p.Type) > 255 || p.StateKey != nil && len(*p.StateKey) > 255:
		return "", fault.New(fault.TooLarge, "M_TOO_LARGE", "The event's type or state key is too long.")
	}
	content, err := event.Canonical(nil, p.Content)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, "M_BAD_JSON", "The content cannot be canonical JSON.", err)
	}
	if !event.IsObject(content) {
		return "", fault.New(fault.Invalid, "M_BAD_JSON", "The content is not an object.")
	}
	made := ID(id.NewOpaque(18))
	err = s.DB.Write(ctx, "delay.schedule", func(ctx context.Context, tx *db.Tx) error {
		a, err := s.Rooms.In(ctx, tx, p.Room)
		if err != nil {
			return err
		}
		if a.Membership(p.Owner) != "join" {
			return fault.New(fault.Hidden, "M_FORBIDDEN", "You are not in this room, or there is no such room.")
		}
		var txn *string
		if p.Txn != "" {
			scoped := string(p.Room) + "\n" + p.Type + "\n" + p.Txn
			txn = &scoped
			earlier, err := db.Collect(ctx, tx, byTxn, db.Scalar[string], string(p.Owner), string(p.Device), scoped)
			if err != nil {
				return err
			}
			if len(earlier) > 0 {
				made = ID(earlier[0])
				return nil
			}
		}
		if err := s.mayKeep(ctx, tx, p.Owner); err != nil {
			return err
		}
		now := s.Now().UnixMilli()
		_, err = tx.Exec(ctx, insert, string(made), string(p.Owner), string(p.Device), txn, string(p.Room), p.Type, p.StateKey, content,
			p.Delay.Milliseconds(), now, now+p.Delay.Milliseconds())
		tx.AfterCommit(s.ring)
		return err
	})
	return made, err
}

// mayKeep refuses one more event of somebody who has as many as one may have, and says when the next of them will be sent.
func (s *Service) mayKeep(ctx context.Context, tx *db.Tx, u id.User) error {
	waiting, err := db.Collect(ctx, tx, waitingOf, scan, string(u), MaxScheduled)
	if err != nil || len(waiting) < MaxScheduled {
		return err
	}
	f := fault.New(fault.Limited, "M_LIMIT_EXCEEDED", "As many of your events wait as may.")
	f.RetryAfter = max(time.UnixMilli(waiting[0].dueAt).Sub(s.Now()), time.Second)
	return f
}

var errUnknown = fault.New(fault.Hidden, "M_NOT_FOUND", "There is no such delayed event.")

// find returns a delayed event of its owner; anybody else's is NotFound, as one that does not exist.
func (s *Service) find(ctx context.Context, q db.Querier, u id.User, name ID) (Event, error) {
	e, err := db.One(ctx, q, byID, scan, string(name))
	if fault.Is(err, fault.NotFound) || err == nil && e.owner != u {
		return e, errUnknown
	}
	return e, err
}

// Find returns a delayed event of its owner, also one that was sent, taken back or refused not long ago.
func (s *Service) Find(ctx context.Context, u id.User, name ID) (Event, error) {
	return s.find(ctx, s.DB, u, name)
}

// Waiting returns what waits of a user, the next first.
func (s *Service) Waiting(ctx context.Context, u id.User) ([]Event, error) {
	return db.Collect(ctx, s.DB, waitingOf, scan, string(u), MaxScheduled)
}

// conflict is the answer to who wants what can no longer be.
func conflict() error {
	return fault.New(fault.Conflict, "M_UNKNOWN", "That event has been sent or taken back already.")
}

// Cancel takes a delayed event back. One that was taken back or refused already stays so; one that was sent is Conflict.
func (s *Service) Cancel(ctx context.Context, u id.User, name ID) error {
	return s.DB.Write(ctx, "delay.cancel", func(ctx context.Context, tx *db.Tx) error {
		e, err := s.find(ctx, tx, u, name)
		if err != nil {
			return err
		}
		switch {
		case e.EventID != "":
			return conflict()
		case e.FinalisedAt != 0:
			return nil
		}
		return s.finalise(ctx, tx, e, "", nil)
	})
}

// Restart lets a delayed event wait for its whole time again. One that waits no longer is Conflict.
func (s *Service) Restart(ctx context.Context, u id.User, name ID) error {
	return s.DB.Write(ctx, "delay.restart", func(ctx context.Context, tx *db.Tx) error {
		e, err := s.find(ctx, tx, u, name)
		if err != nil {
			return err
		}
		if e.FinalisedAt != 0 {
			return conflict()
		}
		now := s.Now().UnixMilli()
		_, err = tx.Exec(ctx, restart, string(name), now, now+e.DelayMS)
		tx.AfterCommit(s.ring)
		return err
	})
}

// Send sends a delayed event now. One that was sent already stays so; one that was taken back or refused is Conflict. When the room
// refuses it, that is the answer, and the event goes on waiting.
func (s *Service) Send(ctx context.Context, u id.User, name ID) error {
	return s.DB.Write(ctx, "delay.send", func(ctx context.Context, tx *db.Tx) error {
		e, err := s.find(ctx, tx, u, name)
		if err != nil {
			return err
		}
		switch {
		case e.EventID != "":
			return nil
		case e.FinalisedAt != 0:
			return conflict()
		}
		return s.send(ctx, tx, e)
	})
}

// send writes the event into its room and notes that it is done, in one act.
func (s *Service) send(ctx context.Context, tx *db.Tx, e Event) error {
	sent, err := s.Rooms.ReceiveIn(ctx, tx, e.Room, room.Incoming{Sender: e.owner, Device: e.device, Type: e.Type, StateKey: e.StateKey,
		Content: e.Content, Delay: string(e.ID)})
	if err != nil {
		return err
	}
	return s.finalise(ctx, tx, e, sent, nil)
}

func (s *Service) finalise(ctx context.Context, tx *db.Tx, e Event, sent id.Event, why []byte) error {
	now := s.Now()
	if _, err := tx.Exec(ctx, finalise, string(e.ID), now.UnixMilli(), string(sent), why); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, forgetOld, now.Add(-keptFor).UnixMilli()); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, forgetMany, string(e.owner), keptCount)
	return err
}
