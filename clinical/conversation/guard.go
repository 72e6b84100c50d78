package conversation

import (
	"bytes"
	"context"

	"wardline/clinical/patient"
	"wardline/ground/fault"
	"wardline/matrix/room"
)

// Guard refuses what a client may not write into a room: its class, its patient, and encryption where the trust does not allow it for the
// class, which would take the room out of the record's reach and its pages out of escalation's.
func (s *Service) Guard(_ context.Context, a *room.Act, d room.Draft) error {
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
	return nil
}
