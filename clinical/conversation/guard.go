package conversation

import (
	"bytes"
	"context"
	"encoding/json"

	"wardline/clinical/patient"
	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// Guard refuses what a client may not write into a room: its class, its patient, and encryption where the trust does not allow it for the
// class, which would take the room out of the record's reach and its pages out of escalation's.
//
// Whoever takes the last owner out of a group, by whichever app or verb, gives it another in the same act.
func (s *Service) Guard(ctx context.Context, a *room.Act, d room.Draft) error {
	if d.Type == event.TypeMember && d.StateKey != nil {
		return s.goes(ctx, a, id.User(*d.StateKey), d.Content)
	}
	if !d.Client {
		return nil
	}
	if bytes.Contains(d.Content, []byte(`"`+NoticeKey+`"`)) {
		return fault.New(fault.Forbidden, "M_FORBIDDEN", "Only the server sends notices about duty.")
	}
	switch d.Type {
	case StateType, patient.StateType:
		return fault.New(fault.Forbidden, "M_FORBIDDEN", "Only the server says what a room is for and whom it is about.")
	case "m.room.encryption", "m.room.encrypted":
		if !s.Encrypted[ClassOf(a)] {
			return fault.New(fault.Forbidden, "M_FORBIDDEN", "This trust does not allow end-to-end encryption in such rooms.")
		}
	}
	if bytes.Contains(d.Content, []byte(ForwardedKey)) {
		if err := forged(d.Content); err != nil {
			return err
		}
	}
	if pollStarts[d.Type] {
		return unvoted(ctx, a, d)
	}
	if d.Type != "m.room.message" {
		return nil
	}
	if err := maySay(d.Content); err != nil {
		return err
	}
	if bytes.Contains(d.Content, []byte(MentionsKey)) {
		return s.named(ctx, a, d)
	}
	return nil
}

// goes looks whether somebody who is here is about to be so no more, and whether the group then needs an owner.
func (s *Service) goes(ctx context.Context, a *room.Act, who id.User, content json.RawMessage) error {
	var c struct {
		Membership string `json:"membership"`
	}
	if json.Unmarshal(content, &c) != nil || c.Membership != "leave" && c.Membership != "ban" || a.Membership(who) != "join" {
		return nil
	}
	return s.succeed(ctx, a, who)
}

// forged refuses content that claims to be forwarded, itself or in what it replaces.
func forged(content json.RawMessage) error {
	outer, inner := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if json.Unmarshal(content, &outer) != nil {
		return nil // not an object: the room itself refuses it
	}
	_ = json.Unmarshal(outer["m.new_content"], &inner)
	if outer[ForwardedKey] != nil || inner[ForwardedKey] != nil {
		return fault.New(fault.Forbidden, "M_FORBIDDEN", "Messages are forwarded through Wardline, not as plain events.")
	}
	return nil
}
