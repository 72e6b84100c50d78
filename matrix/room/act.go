package room

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

// Act is what one transaction does in one room. It is valid only inside the function that got it.
type Act struct {
	s    *Service
	tx   *db.Tx
	feed *Feed
	now  time.Time
}

// Tx returns the open transaction, for the caller's own rows.
func (a *Act) Tx() *db.Tx { return a.tx }

// Room returns which room this is.
func (a *Act) Room() id.Room { return a.feed.ID }

// Version returns the room's version.
func (a *Act) Version() *event.Version { return a.feed.Version }

// Current returns a piece of state as this act sees it, nil for none.
func (a *Act) Current(typ, key string) *Event {
	if ev := a.feed.ahead.state[Key{typ, key}]; ev != nil {
		return ev
	}
	return a.feed.State(typ, key)
}

// State returns the content of a piece of state as this act sees it, nil for none.
func (a *Act) State(typ, key string) json.RawMessage {
	if ev := a.Current(typ, key); ev != nil {
		return ev.Event.Content
	}
	return nil
}

// Membership returns a user's membership as this act sees it, "" for none.
func (a *Act) Membership(u id.User) string {
	if ev := a.Current(event.TypeMember, string(u)); ev != nil {
		return MembershipIn(ev)
	}
	return ""
}

// Event returns an event of this room. One of another room is NotFound.
func (a *Act) Event(ctx context.Context, e id.Event) (*Event, error) {
	return db.One(ctx, a.tx, byID, a.feed.scan, a.feed.nid, string(e))
}

// message is everything that decides about a new event.
type message struct {
	sender   id.User
	typ      string
	stateKey *string
	content  json.RawMessage
	redacts  id.Event
	at       time.Time
	client   bool
	device   id.Device
	txn      string
}

// Send writes an event that is not state, on behalf of a user. Content is anything that becomes a JSON object. The event is
// authorised like any other; guards know that no client sent it.
func (a *Act) Send(ctx context.Context, sender id.User, typ string, content any) (*Event, error) {
	return a.SendAt(ctx, sender, typ, content, a.now)
}

// SendAt is Send with the time that the event will show, for what is brought in from elsewhere.
func (a *Act) SendAt(ctx context.Context, sender id.User, typ string, content any, at time.Time) (*Event, error) {
	raw, err := object(content)
	if err != nil {
		return nil, err
	}
	return a.append(ctx, message{sender: sender, typ: typ, content: raw, at: at})
}

// SetState writes a piece of state on behalf of a user.
func (a *Act) SetState(ctx context.Context, sender id.User, typ, stateKey string, content any) (*Event, error) {
	raw, err := object(content)
	if err != nil {
		return nil, err
	}
	return a.append(ctx, message{sender: sender, typ: typ, stateKey: &stateKey, content: raw, at: a.now})
}

func object(content any) (json.RawMessage, error) {
	if raw, ok := content.(json.RawMessage); ok {
		return raw, nil
	}
	raw, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("event content: %w", err)
	}
	return raw, nil
}

// append builds, authorises, guards and stores an event, and lays its effects over the committed view.
func (a *Act) append(ctx context.Context, m message) (*Event, error) {
	d := Draft{Room: a.feed.ID, Sender: m.sender, Type: m.typ, StateKey: m.stateKey, Content: m.content, Redacts: m.redacts, Client: m.client}
	for _, guard := range a.s.guards {
		if err := guard(ctx, a, d); err != nil {
			return nil, err
		}
	}
	pdu, err := a.build(m)
	if err != nil {
		return nil, err
	}
	if err := a.authorise(pdu); err != nil {
		return nil, err
	}
	ev := &Event{Event: pdu, Pos: a.tx.Position(), Device: m.device, Txn: m.txn}
	ev.Parent, ev.RelType = relation(pdu.Content)
	ev.concern(a.mayNotify)
	ev.render()
	if m.stateKey != nil {
		if old := a.Current(m.typ, *m.stateKey); old != nil {
			ev.Replaces = old.ID
			ev.unsignReplaced(old.Event.Content, appendString(nil, string(old.Sender)), old.ID)
		}
	}
	if err := a.store(ctx, ev); err != nil {
		return nil, err
	}
	a.lay(ev)
	return ev, nil
}

func (a *Act) build(m message) (*event.Event, error) {
	draft := event.Draft{Room: a.feed.ID, Sender: m.sender, Type: m.typ, StateKey: m.stateKey, Content: m.content, Redacts: m.redacts,
		Depth: a.feed.ahead.depth + 1, OriginServerTS: millis(m.at), PrevEvents: []id.Event{}, AuthEvents: []id.Event{}}
	if a.feed.ahead.last != "" {
		draft.PrevEvents = []id.Event{a.feed.ahead.last}
	}
	if m.typ == event.TypeCreate && a.feed.Version.HashedRoomID {
		draft.Room = ""
	}
	draft.AuthEvents = a.authEvents(m)
	pdu, err := event.Build(a.feed.Version, draft)
	if err != nil {
		return nil, buildFault(err)
	}
	return pdu, nil
}

// buildFault says to a client what is wrong with its event.
func buildFault(err error) error {
	var bad *event.JSONError
	switch {
	case errors.As(err, &bad):
		return fault.Wrap(fault.Invalid, "M_BAD_JSON", "The content cannot be canonical JSON: "+bad.Error()+".", err)
	case errors.Is(err, event.ErrTooLarge):
		return fault.Wrap(fault.TooLarge, "M_TOO_LARGE", "The event is too large.", err)
	case errors.Is(err, event.ErrMalformed):
		return fault.Wrap(fault.Invalid, "M_BAD_JSON", "The event is malformed.", err)
	}
	return err
}

// lay puts an event over the committed view, to be taken back if the act is undone and made visible when it commits.
func (a *Act) lay(ev *Event) {
	f, s := a.feed, a.s
	last, depth := f.ahead.last, f.ahead.depth
	var k Key
	var before *Event
	if ev.IsState() {
		k = Key{ev.Type, *ev.StateKey}
		before = f.ahead.state[k]
		f.ahead.state[k] = ev
		if k.Type == event.TypePowerLevels || k.Type == event.TypeCreate {
			f.ahead.power = nil
		}
	}
	f.ahead.last, f.ahead.depth = ev.ID, ev.Depth
	a.tx.OnUndo(func() {
		f.ahead.last, f.ahead.depth = last, depth
		if !ev.IsState() {
			return
		}
		f.ahead.power, f.ahead.create = nil, nil
		if before == nil {
			delete(f.ahead.state, k)
		} else {
			f.ahead.state[k] = before
		}
	})
	a.tx.OnCommit(func() { f.apply(ev) })
	a.tx.AfterCommit(func() {
		if s.OnCommit != nil {
			s.OnCommit(f, ev)
		}
	})
}

// Incoming is an event that a client asks to send.
type Incoming struct {
	Sender   id.User
	Device   id.Device
	Type     string
	StateKey *string // nil for a message
	Content  json.RawMessage
	Txn      string    // the client's transaction id, "" for none
	Delay    string    // the name under which the event waited to be sent, "" for one that did not
	At       time.Time // what the event shall show as its time; zero for now
}

// Receive writes a client's event and returns its id. A repeated transaction id of the same device, room and type writes nothing
// and returns the first event's id.
// spec: client-server-api#transaction-identifiers
func (s *Service) Receive(ctx context.Context, room id.Room, in Incoming) (id.Event, error) {
	var sent id.Event
	if _, err := s.Feed(ctx, room); err != nil {
		return "", err
	}
	err := s.db.Write(ctx, "room.do", func(ctx context.Context, tx *db.Tx) (err error) {
		sent, err = s.ReceiveIn(ctx, tx, room, in)
		return err
	})
	return sent, err
}

// ReceiveIn is Receive inside an open transaction.
func (s *Service) ReceiveIn(ctx context.Context, tx *db.Tx, room id.Room, in Incoming) (id.Event, error) {
	a, err := s.In(ctx, tx, room)
	if err != nil {
		return "", err
	}
	if in.StateKey != nil && in.Type == event.TypeMember {
		return a.receiveMember(ctx, in)
	}
	return a.receive(ctx, in)
}

func (a *Act) receive(ctx context.Context, in Incoming) (id.Event, error) {
	m := message{sender: in.Sender, typ: in.Type, stateKey: in.StateKey, content: in.Content, at: a.now, client: true}
	if !in.At.IsZero() {
		m.at = in.At
	}
	switch {
	case in.Type == event.TypeCreate:
		return "", fault.New(fault.Invalid, "M_INVALID_PARAM", "A room is created only once.")
	case in.StateKey == nil && in.Type == event.TypeRedaction:
		content, err := event.Compact(nil, in.Content)
		if err != nil || !a.feed.Version.RedactsInContent {
			return "", fault.New(fault.Invalid, "M_BAD_JSON", "Use the redact call to remove an event.")
		}
		// spec: rooms/v11#moving-the-redacts-property-of-mroomredaction-events-to-a-content-property
		target, ok := event.Text(event.Field(content, "redacts"))
		if !ok {
			return "", fault.New(fault.Invalid, "M_BAD_JSON", "The content does not say which event to remove.")
		}
		in.Content = content
		return a.redact(ctx, id.Event(target), in)
	}
	if in.Delay != "" {
		m.device, m.txn = in.Device, scopedTxn(a.feed.ID, delayedTxn, in.Delay)
	} else if in.Txn != "" {
		m.device, m.txn = in.Device, scopedTxn(a.feed.ID, in.Type, in.Txn)
	}
	if m.txn != "" {
		earlier, err := db.Collect(ctx, a.tx, byTxn, db.Scalar[string], string(in.Sender), string(in.Device), m.txn)
		if err != nil {
			return "", err
		}
		if len(earlier) > 0 {
			return id.Event(earlier[0]), nil
		}
	}
	if in.StateKey != nil {
		if old := a.Current(in.Type, *in.StateKey); old != nil && old.Sender == in.Sender && a.Membership(in.Sender) == "join" && sameContent(old.Event.Content, in.Content) {
			return old.ID, nil
		}
		if err := a.checkState(ctx, in); err != nil {
			return "", err
		}
	}
	if err := a.refuseRepeat(ctx, in); err != nil {
		return "", err
	}
	if err := a.refuseThread(ctx, in); err != nil {
		return "", err
	}
	ev, err := a.append(ctx, m)
	if err != nil {
		return "", err
	}
	return ev.ID, nil
}

// refuseRepeat refuses a reaction that its sender has given the same event already.
// spec: client-server-api#avoiding-duplicate-annotations
func (a *Act) refuseRepeat(ctx context.Context, in Incoming) error {
	if in.StateKey != nil || !bytes.Contains(in.Content, []byte("m.annotation")) {
		return nil
	}
	content, err := event.Compact(nil, in.Content)
	if err != nil {
		return nil // append says what is wrong with it
	}
	parent, rel := relation(content)
	if rel != "m.annotation" {
		return nil
	}
	key := annotation(content)
	given, err := db.Collect(ctx, a.tx, annotations, a.feed.scan, string(parent), a.feed.nid, string(in.Sender))
	if err != nil {
		return err
	}
	for _, ev := range given {
		if ev.Type == in.Type && annotation(ev.Event.Content) == key {
			return fault.New(fault.Invalid, "M_DUPLICATE_ANNOTATION", "You have given that reaction already.")
		}
	}
	return nil
}

// refuseThread refuses to begin a thread at an event that itself relates to another.
// spec: client-server-api#validation-of-mthread-relationships
func (a *Act) refuseThread(ctx context.Context, in Incoming) error {
	if in.StateKey != nil || !bytes.Contains(in.Content, []byte("m.thread")) {
		return nil
	}
	content, err := event.Compact(nil, in.Content)
	if err != nil {
		return nil // append says what is wrong with it
	}
	parent, rel := relation(content)
	if rel != "m.thread" || a.Membership(in.Sender) != "join" {
		return nil
	}
	root, err := a.Event(ctx, parent)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err == nil && root.RelType != "" {
		err = fault.New(fault.Invalid, "M_UNKNOWN", "A thread cannot begin at a message that belongs to another.")
	}
	return err
}

// annotation reads the key of a reaction.
func annotation(content json.RawMessage) string {
	key, _ := event.Text(event.Field(event.Field(content, "m.relates_to"), "key"))
	return key
}

// scopedTxn makes a transaction id that is unique to the call it was given to.
func scopedTxn(room id.Room, typ, txn string) string { return string(room) + "\n" + typ + "\n" + txn }

// delayedTxn stands in a transaction id in the place of the type, for events that waited to be sent. No type may hold it.
const delayedTxn = "\x01delayed"

// delayOf returns the name under which an event waited, "" for one that did not.
func delayOf(scoped string) string {
	_, name, _ := strings.Cut(scoped, "\n"+delayedTxn+"\n")
	return name
}

// clientTxn takes the client's own transaction id out of a scoped one.
func clientTxn(scoped string) string { return scoped[strings.LastIndexByte(scoped, '\n')+1:] }

// sameContent says whether new content is what is there already; setting it again then changes nothing.
func sameContent(old, new json.RawMessage) bool {
	canonical, err := event.Canonical(nil, new)
	return err == nil && string(canonical) == string(old)
}

// Redact writes a redaction and empties its target, keeping the original for the audit. A target that is not in the room is NotFound.
// spec: client-server-api#put_matrixclientv3roomsroomidredacteventidtxnid
func (s *Service) Redact(ctx context.Context, room id.Room, target id.Event, reason string, in Incoming) (id.Event, error) {
	if in.Content = json.RawMessage("{}"); reason != "" {
		in.Content, _ = json.Marshal(map[string]string{"reason": reason})
	}
	var sent id.Event
	err := s.Do(ctx, room, func(ctx context.Context, a *Act) (err error) {
		sent, err = a.redact(ctx, target, in)
		return err
	})
	return sent, err
}

func (a *Act) redact(ctx context.Context, target id.Event, in Incoming) (id.Event, error) {
	m := message{sender: in.Sender, typ: event.TypeRedaction, redacts: target, at: a.now, client: true, device: in.Device, content: in.Content}
	switch {
	case in.Delay != "":
		m.txn = scopedTxn(a.feed.ID, delayedTxn, in.Delay)
	case in.Txn != "":
		m.txn = scopedTxn(a.feed.ID, "redact "+string(target), in.Txn)
	}
	if event.Field(in.Content, "redacts") != nil {
		m.redacts = "" // the content has it
	}
	if m.txn != "" {
		earlier, err := db.Collect(ctx, a.tx, byTxn, db.Scalar[string], string(m.sender), string(m.device), m.txn)
		if err != nil {
			return "", err
		}
		if len(earlier) > 0 {
			return id.Event(earlier[0]), nil
		}
	}
	if a.Membership(in.Sender) != "join" {
		return "", errNoRoom
	}
	victim, err := a.Event(ctx, target)
	if err != nil {
		return "", err
	}
	if err := a.mayRedact(in.Sender, victim); err != nil {
		return "", err
	}
	ev, err := a.append(ctx, m)
	if err != nil {
		return "", err
	}
	return ev.ID, a.empty(ctx, victim, ev)
}

// empty replaces an event by its redacted form, in the database and, after the commit, in memory.
func (a *Act) empty(ctx context.Context, victim, by *Event) error {
	if victim.RedactedBy != "" {
		return nil
	}
	if _, err := a.tx.Exec(ctx, keepOriginal, victim.Pos, victim.JSON); err != nil {
		return err
	}
	bare := victim.Event.Redacted()
	because := by.AppendClient(nil, Reader{})
	if _, err := a.tx.Exec(ctx, setRedacted, victim.Pos, bare.JSON, string(by.ID), because, false); err != nil {
		return err
	}
	after := &Event{Event: bare, Pos: victim.Pos, Replaces: victim.Replaces, RedactedBy: by.ID, Device: victim.Device, Txn: victim.Txn}
	after.render()
	after.unsign("redacted_because", because)
	f := a.feed
	if after.IsState() {
		k := Key{after.Type, *after.StateKey}
		if cur := a.Current(k.Type, k.StateKey); cur != nil && cur.Pos == after.Pos {
			before := f.ahead.state[k]
			f.ahead.state[k], f.ahead.power, f.ahead.create = after, nil, nil
			a.tx.OnUndo(func() {
				f.ahead.power, f.ahead.create = nil, nil
				if before == nil {
					delete(f.ahead.state, k)
				} else {
					f.ahead.state[k] = before
				}
			})
		}
	}
	a.tx.OnCommit(func() {
		f.replace(after)
		if after.IsState() {
			if k := (Key{after.Type, *after.StateKey}); f.ahead.state[k] == after {
				delete(f.ahead.state, k)
			}
		}
	})
	return nil
}
