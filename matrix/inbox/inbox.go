// Package inbox carries messages from one device to others without a room, such as the keys of encrypted messages.
//
// It promises that a message is durable before its sender is answered, that each addressed device is given it in order until the
// device's next request proves that it came, and that a repeated request sends nothing twice. It refuses to keep more than a bounded
// number for a device that never comes back: the oldest go first. Look first at Service.Send and Service.Waiting.
//
// spec: client-server-api#send-to-device-messaging
package inbox

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the schema of inboxes.
func Migrations() db.Migrations { return db.Migrations{Package: "inbox", FS: schema} }

// Service carries messages to the devices of local users.
type Service struct {
	db       *db.DB
	accounts *account.Service

	// OnMessage is called inside the act that brings a user's devices messages, to wake them. Set before use.
	OnMessage func(tx *db.Tx, user id.User)

	mu    sync.Mutex // guards known
	known map[owner]span
	acts  int // how many sends since repeated ones were last forgotten; owned by the open act
}

type owner struct {
	user   id.User
	device id.Device
}

// span is where in the stream a device's waiting messages lie: after gone and up to newest. fresh counts those that came since this
// process began.
type span struct{ gone, newest, fresh int64 }

// New returns the service. What waits for a device ends when accounts signs it out.
func New(d *db.DB, accounts *account.Service) *Service {
	s := &Service{db: d, accounts: accounts, known: map[owner]span{}}
	accounts.OnSignOut = append(accounts.OnSignOut, s.drop)
	return s
}

var (
	insertMessage = db.SQL("inbox.insert", `INSERT INTO inbox_message (member, device, pos, sender, type, content) VALUES ($1, $2, $3, $4, $5, $6)`)
	messagesOf    = db.SQL("inbox.waiting", `SELECT pos, sender, type, content FROM inbox_message WHERE member = $1 AND device = $2 AND pos > $3 AND pos <= $4 ORDER BY pos LIMIT $5`)
	newestOf      = db.SQL("inbox.newest", `SELECT coalesce(max(pos), 0) FROM inbox_message WHERE member = $1 AND device = $2`)
	overflow      = db.SQL("inbox.overflow", `SELECT pos FROM inbox_message WHERE member = $1 AND device = $2 ORDER BY pos DESC LIMIT 1 OFFSET $3`)
	deleteUpTo    = db.SQL("inbox.delete", `DELETE FROM inbox_message WHERE member = $1 AND device = $2 AND pos <= $3`)
	deleteAll     = db.SQL("inbox.drop", `DELETE FROM inbox_message WHERE member = $1 AND device = $2`)
	insertSent    = db.SQL("inbox.sent", `INSERT INTO inbox_sent (sender, device, txn, at) VALUES ($1, $2, $3, $4) ON CONFLICT (sender, device, txn) DO NOTHING`)
	dropSent      = db.SQL("inbox.forget", `DELETE FROM inbox_sent WHERE sender = $1 AND device = $2`)
	forgetSent    = db.SQL("inbox.forget_old", `DELETE FROM inbox_sent WHERE at < $1`)
)

// Bounds of one request and of what waits for one device.
const (
	maxAddressed = 10_000
	maxContent   = 64 << 10
	maxWaiting   = 10_000
	maxName      = 255
	boundEvery   = 100 // messages for a device between two looks at how many wait
)

// A repeated request is recognised for at least this long; how often older ones are forgotten, in sends.
const (
	rememberSent = 24 * time.Hour
	forgetEvery  = 256
)

// Everyone addresses all devices of a user.
const Everyone = id.Device("*")

// Outgoing is one request to send.
type Outgoing struct {
	Sender   id.User
	Device   id.Device // that sends
	Type     string
	Txn      string
	Messages map[id.User]map[id.Device]json.RawMessage
}

// Send puts a message into the inbox of each addressed device, all in one act. A repeated transaction id of the same device and type
// does nothing. Devices that do not exist are passed over; so are users of other servers, who cannot be reached.
// spec: client-server-api#put_matrixclientv3sendtodeviceeventtypetxnid
func (s *Service) Send(ctx context.Context, out Outgoing) error {
	if out.Type == "" || len(out.Type) > maxName || len(out.Txn) > maxName {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The type or the transaction id is empty or too long.")
	}
	n := 0
	for _, devices := range out.Messages {
		for _, content := range devices {
			compact, err := event.Compact(nil, content)
			if err != nil || !event.IsObject(compact) {
				return fault.Wrap(fault.Invalid, "M_BAD_JSON", "A message is not a JSON object.", err)
			}
			if n++; len(content) > maxContent || n > maxAddressed {
				return fault.New(fault.TooLarge, "M_TOO_LARGE", "The messages are too large, or too many at once.")
			}
		}
	}
	return s.db.Write(ctx, "inbox.send", func(ctx context.Context, tx *db.Tx) error {
		now := time.Now()
		fresh, err := tx.Exec(ctx, insertSent, string(out.Sender), string(out.Device), out.Type+"\n"+out.Txn, now.UnixMilli())
		if err != nil || fresh == 0 {
			return err
		}
		if s.acts++; s.acts%forgetEvery == 0 {
			if _, err := tx.Exec(ctx, forgetSent, now.Add(-rememberSent).UnixMilli()); err != nil {
				return err
			}
		}
		for u, devices := range out.Messages {
			if err := s.deliver(ctx, tx, out, u, devices); err != nil {
				return err
			}
		}
		return nil
	})
}

// deliver puts one user's messages into the inboxes of the user's devices.
func (s *Service) deliver(ctx context.Context, tx *db.Tx, out Outgoing, u id.User, devices map[id.Device]json.RawMessage) error {
	if len(devices) == 0 || !s.accounts.Local(u) {
		return nil
	}
	list, err := s.accounts.Devices(ctx, tx, u)
	if err != nil {
		return err
	}
	pos, any := tx.Position(), false
	for _, d := range list {
		content, ok := devices[d.ID]
		if !ok {
			content, ok = devices[Everyone]
		}
		if !ok {
			continue
		}
		compact, err := event.Compact(nil, content)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, insertMessage, string(u), string(d.ID), pos, string(out.Sender), out.Type, compact); err != nil {
			return err
		}
		if err := s.bound(ctx, tx, owner{u, d.ID}); err != nil {
			return err
		}
		any = true
		tx.OnCommit(func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			x := s.known[owner{u, d.ID}]
			x.newest, x.fresh = pos, x.fresh+1
			s.known[owner{u, d.ID}] = x
		})
	}
	if any && s.OnMessage != nil {
		s.OnMessage(tx, u)
	}
	return nil
}

// bound lets go of a device's oldest messages when there are too many. It looks only now and then, because looking costs as much as
// there is.
func (s *Service) bound(ctx context.Context, tx *db.Tx, o owner) error {
	s.mu.Lock()
	fresh := s.known[o].fresh
	s.mu.Unlock()
	if fresh%boundEvery != boundEvery-1 {
		return nil
	}
	old, err := db.Collect(ctx, tx, overflow, db.Scalar[int64], string(o.user), string(o.device), maxWaiting)
	if err != nil || len(old) == 0 {
		return err
	}
	_, err = tx.Exec(ctx, deleteUpTo, string(o.user), string(o.device), old[0])
	return err
}

// Message is one message that waits for a device.
type Message struct {
	Pos     int64           `json:"-"`
	Sender  id.User         `json:"sender"`
	Type    string          `json:"type"`
	Content json.RawMessage `json:"content"`
}

// Waiting returns the messages for a device after position from and up to position to, oldest first and at most limit, and the
// position up to which that is all of them. It reads no database when nothing waits.
func (s *Service) Waiting(ctx context.Context, u id.User, d id.Device, from, to int64, limit int) ([]Message, int64, error) {
	x, err := s.span(ctx, u, d)
	if err != nil {
		return nil, from, err
	}
	if x.newest <= max(from, x.gone) {
		return []Message{}, to, nil
	}
	list, err := db.Collect(ctx, s.db, messagesOf, func(r db.Row) (m Message, err error) {
		var content []byte
		err = r.Scan(&m.Pos, &m.Sender, &m.Type, &content)
		m.Content = content
		return m, err
	}, string(u), string(d), from, to, limit)
	if err != nil {
		return nil, from, err
	}
	if len(list) == 0 {
		return []Message{}, to, nil
	}
	if len(list) < limit {
		return list, to, nil
	}
	return list, list[limit-1].Pos, nil
}

// span returns where a device's messages lie, from memory when they were asked for before.
func (s *Service) span(ctx context.Context, u id.User, d id.Device) (span, error) {
	s.mu.Lock()
	x, ok := s.known[owner{u, d}]
	s.mu.Unlock()
	if ok {
		return x, nil
	}
	newest, err := db.One(ctx, s.db, newestOf, db.Scalar[int64], string(u), string(d))
	if err != nil {
		return x, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if x, ok := s.known[owner{u, d}]; ok {
		return x, nil // a message came meanwhile, and its position is newer than what was read
	}
	s.known[owner{u, d}] = span{newest: newest}
	return s.known[owner{u, d}], nil
}

// Received removes a device's messages up to a position: the device has proved that it has them.
func (s *Service) Received(ctx context.Context, u id.User, d id.Device, pos int64) error {
	x, err := s.span(ctx, u, d)
	if err != nil {
		return err
	}
	if pos <= x.gone || x.newest <= x.gone {
		return nil
	}
	return s.db.Write(ctx, "inbox.received", func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, deleteUpTo, string(u), string(d), pos); err != nil {
			return err
		}
		tx.OnCommit(func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			x := s.known[owner{u, d}]
			x.gone = max(x.gone, pos)
			s.known[owner{u, d}] = x
		})
		return nil
	})
}

// drop removes what waits for devices and what they have sent, inside the act that signs them out.
func (s *Service) drop(ctx context.Context, tx *db.Tx, u id.User, devices []id.Device) error {
	for _, d := range devices {
		_, first := tx.Exec(ctx, deleteAll, string(u), string(d))
		_, second := tx.Exec(ctx, dropSent, string(u), string(d))
		if err := errors.Join(first, second); err != nil {
			return err
		}
	}
	tx.OnCommit(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, d := range devices {
			delete(s.known, owner{u, d})
		}
	})
	return nil
}
