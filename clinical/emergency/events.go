package emergency

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// Content keys and event types.
const (
	Key     = "uk.wardline.emergency"
	StepKey = "uk.wardline.emergency.step" // also the type of the steps that need no line
)

const messageType = "m.room.message"

type object = map[string]any

// begin writes the event by which the room learns what it is for.
func (s *Service) begin(ctx context.Context, a *room.Act, c *Call) error {
	content := object{"msgtype": "m.text", "body": c.body(), Key: c.Snapshot, "m.mentions": object{"user_ids": []id.User{}}}
	ev, err := a.SendAt(ctx, c.From.User, messageType, content, time.UnixMilli(c.RaisedAt))
	if err != nil {
		return err
	}
	c.EventID = ev.ID
	if _, err := a.Tx().Exec(ctx, noteEvent, string(ev.ID), string(c.ID)); err != nil {
		return err
	}
	return s.note(ctx, a.Tx(), *c, c.From.User, c.Steps[0])
}

// body is the call in words, for every Matrix client.
func (c *Call) body() string {
	var b strings.Builder
	if c.Drill {
		b.WriteString("DRILL. ")
	}
	b.WriteString("EMERGENCY CALL: " + c.Team.Name + ". " + c.Place + ".")
	if c.What != "" {
		b.WriteString(" " + c.What)
		if !strings.HasSuffix(c.What, ".") {
			b.WriteByte('.')
		}
	}
	names := make([]string, 0, len(c.Seats))
	for _, seat := range c.Seats {
		names = append(names, seat.Post.Name)
	}
	b.WriteString(" Called: " + strings.Join(names, ", ") + ".")
	return b.String()
}

// tell writes what happened into the room, with the whole board. What the pages' own lines say already is an event without words.
func (s *Service) tell(ctx context.Context, a *room.Act, c Call, actor id.User, e Event) error {
	typ, content := StepKey, object{Key: c.Snapshot, StepKey: e, "m.relates_to": object{"rel_type": "m.reference", "event_id": c.EventID}}
	if words := c.line(e); words != "" {
		typ = messageType
		content["msgtype"], content["body"], content["m.mentions"] = "m.notice", words, object{"user_ids": []id.User{}}
	}
	from := s.Steward
	if actor != "" && a.Membership(actor) == "join" {
		from = actor
	}
	ev, err := a.SendAt(ctx, from, typ, content, time.UnixMilli(e.At))
	switch fault.KindOf(err) {
	case fault.Forbidden, fault.Hidden, fault.NotFound, fault.Invalid, fault.TooLarge:
		s.Log.Error("emergency call goes on without a room event", "call", c.ID, "room", c.RoomID, "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	_, err = a.Tx().Exec(ctx, noteEvent, string(ev.ID), string(c.ID))
	return err
}

// line is what people read of an event, "" for nothing.
func (c *Call) line(e Event) string {
	text := ""
	switch e.Kind {
	case HereKind:
		if text = e.Name + " is here"; e.PostName != "" {
			text += ", " + e.PostName
		}
	case LeftKind:
		text = e.Name + " is not here any more"
	case Leads:
		text = e.Name + " leads"
	case Ended:
		text = fmt.Sprintf("Stood down by %s: %s", e.Name, e.Note)
	default:
		return ""
	}
	if e.By != "" {
		text += ", says " + e.By
	}
	if c.Drill {
		text = "DRILL. " + text
	}
	return text
}

var (
	errForged = fault.New(fault.Forbidden, "M_FORBIDDEN", "Emergency calls are made through Wardline, not as plain events. Ring 2222 if it does not work.")
	errRelied = fault.New(fault.Forbidden, "M_FORBIDDEN", "An emergency call is part of the record: it cannot be edited or removed.")
)

// Guard refuses events by which a client would forge, edit or remove a call or what happened in it.
//
// hazard: H9 message edited or deleted after being relied on
func (s *Service) Guard(ctx context.Context, a *room.Act, d room.Draft) error {
	if !d.Client {
		return nil
	}
	if strings.HasPrefix(d.Type, Key) {
		return errForged
	}
	target := d.Redacts
	if bytes.Contains(d.Content, []byte(`"m.`)) || bytes.Contains(d.Content, []byte(Key)) {
		for _, key := range []string{Key, StepKey} {
			if event.Field(d.Content, key) != nil || event.Field(event.Field(d.Content, "m.new_content"), key) != nil {
				return errForged
			}
		}
		rel := event.Field(d.Content, "m.relates_to")
		if kind, _ := event.Text(event.Field(rel, "rel_type")); kind == "m.replace" {
			replaced, _ := event.Text(event.Field(rel, "event_id"))
			target = id.Event(replaced)
		}
	}
	if target == "" {
		return nil
	}
	relied, err := tells(ctx, a.Tx(), target)
	if err == nil && relied {
		return errRelied
	}
	return err
}
