package timeline

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
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
	threads  map[id.User]map[id.Event]int64 // how far each has read in threads, "" for the main timeline
	newest   int64                          // position of the newest receipt
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
	x := &extra{receipts: map[receiptKey]receipt{}, threads: map[id.User]map[id.Event]int64{}, typing: map[id.User]typist{}}
	for _, rc := range list {
		x.keep(rc)
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
		if err := s.inThread(ctx, f, ev, m.Thread); err != nil {
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
		if len(found) > 0 && s.push != nil {
			tx.OnCommit(func() { s.push.Read(u) })
		}
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

// threadHops is how many relations lead from an event to its thread at most.
// spec: client-server-api#threaded-read-receipts
const threadHops = 3

// inThread refuses a receipt for an event that is not in the thread which the receipt is about.
func (s *Service) inThread(ctx context.Context, f *room.Feed, ev *room.Event, thread string) error {
	if thread == "" || thread == string(ev.ID) {
		return nil
	}
	in, at := "main", ev
	for range threadHops {
		if at.Parent == "" {
			break
		}
		if at.RelType == "m.thread" {
			in = string(at.Parent)
			break
		}
		next, err := s.rooms.Any(ctx, f, at.Parent)
		if fault.Is(err, fault.NotFound) {
			break
		}
		if err != nil {
			return err
		}
		at = next
	}
	if in != thread {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The event is not in that thread.")
	}
	return nil
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
			x.keep(rc)
			s.receipts.Store(rc.pos)
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
		s.Ephemeral.Ring()
	})
	return nil
}

// ReadIn records that a user has read up to an event, inside an open act. It serves whoever writes both, such as an import.
func (s *Service) ReadIn(ctx context.Context, a *room.Act, u id.User, ev *room.Event, at time.Time) error {
	return s.saveIn(ctx, a.Tx(), a.Feed(), []receipt{{key: receiptKey{u, Read, ""}, event: ev.ID, eventPos: ev.Pos, at: at.UnixMilli()}})
}

// read returns up to where a user has read the room and its threads: of a public and a private receipt the one that is further on.
// spec: client-server-api#private-read-receipts
func (x *extra) read(u id.User) (r room.Read) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, kind := range []string{Read, ReadPrivate} {
		r.From = max(r.From, x.receipts[receiptKey{u, kind, ""}].eventPos)
	}
	if len(x.threads[u]) > 0 {
		r.Threads = maps.Clone(x.threads[u])
	}
	return r
}

// keep notes a receipt. The caller holds x.mu or is alone with x.
func (x *extra) keep(rc receipt) {
	x.receipts[rc.key] = rc
	x.newest = max(x.newest, rc.pos)
	if rc.key.thread == "" {
		return
	}
	thread := id.Event(rc.key.thread)
	if thread == "main" {
		thread = ""
	}
	mine := x.threads[rc.key.user]
	if mine == nil {
		mine = map[id.Event]int64{}
		x.threads[rc.key.user] = mine
	}
	mine[thread] = max(mine[thread], rc.eventPos)
}

// shown returns the receipts of after position from up to to that u may see, and those of events that are sent as they stand, for
// whoever can take only one event a room: of two receipts of one user for one event it has the unthreaded. When the client learns of
// the room it gets those of the events and u's own only, because a large room has as many as it has people.
// spec: MSC3960
func (x *extra) shown(u id.User, from, to int64, initial bool, events map[id.Event]bool) json.RawMessage {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.newest <= from && len(events) == 0 && !initial {
		return nil
	}
	all := x.contents(func(who id.User) bool { return who == u }, func(rc receipt) bool {
		return rc.pos <= to && (events[rc.event] || initial && rc.key.user == u || !initial && rc.pos > from)
	})
	if len(all) == 0 {
		return nil
	}
	return all[0]
}

// batches returns the receipts of after position from up to to that u may see, as the contents of m.receipt events; none when there
// are none. One event has room for one receipt of each kind and user for an event, so what somebody says of an event both for its
// thread and for the whole room comes in two.
// spec: client-server-api#mreceipt
func (x *extra) batches(u id.User, from, to int64) []json.RawMessage {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.newest <= from {
		return nil
	}
	return x.contents(func(who id.User) bool { return who == u }, func(rc receipt) bool { return rc.pos > from && rc.pos <= to })
}

// contents writes the receipts that are wanted, private ones of those only whose they are. The caller holds x.mu.
func (x *extra) contents(mine func(id.User) bool, want func(rc receipt) bool) []json.RawMessage {
	var found []receipt
	for k, rc := range x.receipts {
		if want(rc) && (k.kind != ReadPrivate || mine(k.user)) {
			found = append(found, rc)
		}
	}
	slices.SortFunc(found, func(a, b receipt) int {
		return cmp.Or(strings.Compare(a.key.thread, b.key.thread), cmp.Compare(a.pos, b.pos))
	})
	type contents map[id.Event]map[string]map[id.User]map[string]any
	var all []contents
	for _, rc := range found {
		body := map[string]any{"ts": rc.at}
		if rc.key.thread != "" {
			body["thread_id"] = rc.key.thread
		}
		at := slices.IndexFunc(all, func(c contents) bool { return c[rc.event][rc.key.kind][rc.key.user] == nil })
		if at < 0 {
			at, all = len(all), append(all, contents{})
		}
		kinds := all[at][rc.event]
		if kinds == nil {
			kinds = map[string]map[id.User]map[string]any{}
			all[at][rc.event] = kinds
		}
		if kinds[rc.key.kind] == nil {
			kinds[rc.key.kind] = map[id.User]map[string]any{}
		}
		kinds[rc.key.kind][rc.key.user] = body
	}
	out := make([]json.RawMessage, 0, len(all))
	for _, content := range all {
		if raw, err := json.Marshal(content); err == nil {
			out = append(out, raw)
		}
	}
	return out
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
		s.Ephemeral.Ring()
	}
}

// stopTyping ends the typing of somebody who is no longer in the room.
func (s *Service) stopTyping(f *room.Feed, ev *room.Event) {
	if room.MembershipIn(ev) == "join" {
		return
	}
	x, u := extraOf(f), id.User(*ev.StateKey)
	x.mu.RLock()
	_, typing := x.typing[u]
	x.mu.RUnlock()
	if typing {
		s.setTyping(f, u, 0)
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
	slices.Sort(users)
	raw, err := json.Marshal(map[string]any{"user_ids": users})
	if err != nil {
		return nil
	}
	return raw
}
