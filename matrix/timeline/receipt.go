package timeline

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

type receiptKey struct {
	user         id.User
	kind, thread string
}

type receipt struct {
	key      receiptKey
	event    id.Event
	eventPos int64
	at       int64
	pos      int64
}

// extra is what this package keeps with a room in memory.
type extra struct {
	mu       sync.RWMutex // guards the rest
	receipts map[receiptKey]receipt
	newest   int64 // position of the newest receipt
	typing   map[id.User]typist
	serial   int64 // of the newest change of typing
}

type typist struct {
	timer *time.Timer
}

var (
	receiptsOf  = db.SQL("timeline.receipts", `SELECT member, kind, thread, event, event_pos, at, pos FROM timeline_receipt WHERE room = $1 LIMIT 1000000`)
	saveReceipt = db.SQL("timeline.save_receipt", `INSERT INTO timeline_receipt (room, member, kind, thread, event, event_pos, at, pos) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (room, member, kind, thread) DO UPDATE SET event = excluded.event, event_pos = excluded.event_pos, at = excluded.at, pos = excluded.pos`)
)

// attach reads a room's receipts when the room comes into memory.
func (s *Service) attach(ctx context.Context, q db.Querier, f *room.Feed) (any, error) {
	list, err := db.Collect(ctx, q, receiptsOf, func(r db.Row) (rc receipt, err error) {
		return rc, r.Scan(&rc.key.user, &rc.key.kind, &rc.key.thread, &rc.event, &rc.eventPos, &rc.at, &rc.pos)
	}, f.Number())
	if err != nil {
		return nil, err
	}
	x := &extra{receipts: map[receiptKey]receipt{}, typing: map[id.User]typist{}}
	for _, rc := range list {
		x.receipts[rc.key] = rc
		x.newest = max(x.newest, rc.pos)
	}
	return x, nil
}

func extraOf(f *room.Feed) *extra { return f.Attached.(*extra) }

// Kinds of receipts.
// spec: client-server-api#receipts
const (
	Read        = "m.read"
	ReadPrivate = "m.read.private"
	FullyRead   = "m.fully_read"
)

// Mark is how far a user has read.
type Mark struct {
	Kind   string // Read, ReadPrivate or FullyRead
	Event  id.Event
	Thread string    // "" for the whole room, "main" or the thread's root
	At     time.Time // zero for now
}

// SetRead records how far a user has read, as one act. A receipt never moves back. An event that the user cannot see is NotFound.
// spec: client-server-api#post_matrixclientv3roomsroomidreceiptreceipttypeeventid
func (s *Service) SetRead(ctx context.Context, u id.User, in id.Room, marks ...Mark) error {
	f, err := s.rooms.Feed(ctx, in)
	if err != nil {
		return err
	}
	if f.Membership(u) != "join" {
		return fault.New(fault.Hidden, "M_FORBIDDEN", "You are not in this room, or there is no such room.")
	}
	var found []receipt
	var fully id.Event
	for _, m := range marks {
		ev, _, err := s.rooms.Find(ctx, f, u, m.Event)
		if err != nil {
			return err
		}
		switch m.Kind {
		case FullyRead:
			fully = m.Event
			continue
		case Read, ReadPrivate:
		default:
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "There is no such kind of receipt.")
		}
		if m.At.IsZero() {
			m.At = time.Now()
		}
		found = append(found, receipt{key: receiptKey{u, m.Kind, m.Thread}, event: m.Event, eventPos: ev.Pos, at: m.At.UnixMilli()})
	}
	found = s.ahead(f, found)
	if len(found) == 0 && fully == "" {
		return nil
	}
	return s.db.Write(ctx, "timeline.read", func(ctx context.Context, tx *db.Tx) error {
		if fully != "" {
			content, err := json.Marshal(map[string]string{"event_id": string(fully)})
			if err != nil {
				return err
			}
			if err := s.accounts.SetDataIn(ctx, tx, u, in, FullyRead, content); err != nil {
				return err
			}
		}
		return s.saveIn(ctx, tx, f, found)
	})
}

// ahead drops receipts that would not move on.
func (s *Service) ahead(f *room.Feed, list []receipt) []receipt {
	x := extraOf(f)
	x.mu.RLock()
	defer x.mu.RUnlock()
	var keep []receipt
	for _, rc := range list {
		if old, ok := x.receipts[rc.key]; !ok || old.eventPos < rc.eventPos {
			keep = append(keep, rc)
		}
	}
	return keep
}

// saveIn writes receipts inside an open act and makes them visible at its commit.
func (s *Service) saveIn(ctx context.Context, tx *db.Tx, f *room.Feed, list []receipt) error {
	for i := range list {
		rc := &list[i]
		rc.pos = tx.Position()
		if _, err := tx.Exec(ctx, saveReceipt, f.Number(), string(rc.key.user), rc.key.kind, rc.key.thread, string(rc.event), rc.eventPos, rc.at, rc.pos); err != nil {
			return err
		}
	}
	tx.OnCommit(func() {
		x := extraOf(f)
		x.mu.Lock()
		defer x.mu.Unlock()
		for _, rc := range list {
			x.receipts[rc.key] = rc
			x.newest = max(x.newest, rc.pos)
		}
	})
	tx.AfterCommit(func() {
		public := false
		for _, rc := range list {
			public = public || rc.key.kind == Read
			s.ring(rc.key.user)
		}
		if public {
			f.EachJoined(s.ring)
		}
	})
	return nil
}

// ReadIn records that a user has read up to an event, inside an open act. It serves whoever writes both, such as an import.
func (s *Service) ReadIn(ctx context.Context, a *room.Act, u id.User, ev *room.Event, at time.Time) error {
	return s.saveIn(ctx, a.Tx(), a.Feed(), []receipt{{key: receiptKey{u, Read, ""}, event: ev.ID, eventPos: ev.Pos, at: at.UnixMilli()}})
}

// readTo returns up to where a user has read the room, by either kind of receipt.
func (x *extra) readTo(u id.User) int64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	pos := int64(0)
	for _, kind := range []string{Read, ReadPrivate} {
		for _, thread := range []string{"", "main"} {
			pos = max(pos, x.receipts[receiptKey{u, kind, thread}].eventPos)
		}
	}
	return pos
}

// unread counts what a user has not read in a room; the user's own newest message counts as having read up to it.
func unread(f *room.Feed, u id.User, joinedAt int64) (count, highlights int) {
	return f.Unread(u, max(extraOf(f).readTo(u), joinedAt))
}

// since returns the receipts of after position from up to to that u may see, as the content of an m.receipt event; nil for none.
// spec: client-server-api#mreceipt
func (x *extra) since(u id.User, from, to int64) json.RawMessage {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.newest <= from {
		return nil
	}
	content := map[id.Event]map[string]map[id.User]map[string]any{}
	for k, rc := range x.receipts {
		if rc.pos <= from || rc.pos > to || k.kind == ReadPrivate && k.user != u {
			continue
		}
		kinds := content[rc.event]
		if kinds == nil {
			kinds = map[string]map[id.User]map[string]any{}
			content[rc.event] = kinds
		}
		if kinds[k.kind] == nil {
			kinds[k.kind] = map[id.User]map[string]any{}
		}
		body := map[string]any{"ts": rc.at}
		if k.thread != "" {
			body["thread_id"] = k.thread
		}
		kinds[k.kind][k.user] = body
	}
	if len(content) == 0 {
		return nil
	}
	raw, err := json.Marshal(content)
	if err != nil {
		return nil
	}
	return raw
}

// SetTyping says that a user is typing for at most life, or has stopped when life is 0.
// spec: client-server-api#put_matrixclientv3roomsroomidtypinguserid
func (s *Service) SetTyping(ctx context.Context, u id.User, in id.Room, life time.Duration) error {
	f, err := s.rooms.Feed(ctx, in)
	if err != nil {
		return err
	}
	if f.Membership(u) != "join" {
		return fault.New(fault.Hidden, "M_FORBIDDEN", "You are not in this room, or there is no such room.")
	}
	s.setTyping(f, u, min(life, 2*time.Minute))
	return nil
}

func (s *Service) setTyping(f *room.Feed, u id.User, life time.Duration) {
	x := extraOf(f)
	x.mu.Lock()
	old, was := x.typing[u]
	if was {
		old.timer.Stop()
	}
	if life > 0 {
		x.typing[u] = typist{timer: time.AfterFunc(life, func() { s.setTyping(f, u, 0) })}
	} else {
		delete(x.typing, u)
	}
	changed := was != (life > 0)
	if changed {
		x.serial = s.serial.Add(1)
	}
	x.mu.Unlock()
	if changed {
		f.EachJoined(s.ring)
	}
}

// typingSince returns the content of an m.typing event when typing has changed after serial; nil when it has not. initial leaves
// out an empty list.
func (x *extra) typingSince(serial int64, initial bool) json.RawMessage {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.serial <= serial || initial && len(x.typing) == 0 {
		return nil
	}
	users := make([]id.User, 0, len(x.typing))
	for u := range x.typing {
		users = append(users, u)
	}
	raw, err := json.Marshal(map[string]any{"user_ids": users})
	if err != nil {
		return nil
	}
	return raw
}
