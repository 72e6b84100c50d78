package conversation

import (
	"bytes"
	"context"
	"encoding/json"

	"wardline/clinical/patient"
	"wardline/ground/fault"
	"wardline/matrix/room"
)

// Guard refuses what a client may not write into a room: its class, its patient, and encryption where the trust does not allow it for the
// class, which would take the room out of the record's reach and its pages out of escalation's.
func (s *Service) Guard(ctx context.Context, a *room.Act, d room.Draft) error {
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
	if d.Type == "m.room.message" && bytes.Contains(d.Content, []byte(MentionsKey)) {
		return s.named(ctx, a, d)
	}
	return nil
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
