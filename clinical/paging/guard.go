package paging

import (
	"context"
	"encoding/json"
	"strings"

	"wardline/ground/fault"
	"wardline/matrix/room"
)

var (
	errForged = fault.New(fault.Forbidden, "M_FORBIDDEN", "Pages are sent and answered through Wardline, not as plain events.")
	errRelied = fault.New(fault.Forbidden, "M_FORBIDDEN", "A page is part of the record: it cannot be edited or removed.")
)

// protected are the content keys that only this program writes.
var protected = []string{PageKey, StepKey}

type answerContent struct {
	Page       ID     `json:"page"`
	Answer     string `json:"answer"`
	ETAMinutes int    `json:"eta_minutes"`
	Reason     string `json:"reason"`
}

// Guard refuses events by which a client would forge, edit or remove a page or a step of one. One event is let through: an AnswerType
// from the person who holds the page now is the answer, taken inside the same transaction. From anybody else it is refused before it
// is written.
//
// hazard: H3 noticed, nobody owns it
// hazard: H9 message edited or deleted after being relied on
func (s *Service) Guard(ctx context.Context, a *room.Act, d room.Draft) error {
	if !d.Client {
		return nil
	}
	if d.Type == AnswerType && d.StateKey == nil {
		return s.answered(ctx, a, d)
	}
	if strings.HasPrefix(d.Type, PageKey) {
		return errForged
	}
	content := map[string]json.RawMessage{}
	if err := json.Unmarshal(d.Content, &content); err != nil {
		return nil // not an object: the room itself refuses it
	}
	for _, key := range protected {
		if _, forged := content[key]; forged {
			return errForged
		}
	}
	inner := map[string]json.RawMessage{}
	if json.Unmarshal(content["m.new_content"], &inner) == nil {
		for _, key := range protected {
			if _, forged := inner[key]; forged {
				return errForged
			}
		}
	}
	return s.keep(ctx, a, content, d)
}

// keep refuses an edit or a redaction of an event that tells of a page.
func (s *Service) keep(ctx context.Context, a *room.Act, content map[string]json.RawMessage, d room.Draft) error {
	target := d.Redacts
	var rel relation
	if json.Unmarshal(content["m.relates_to"], &rel) == nil && rel.RelType == "m.replace" {
		target = rel.EventID
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

// answered takes an answer that came as an event.
func (s *Service) answered(ctx context.Context, a *room.Act, d room.Draft) error {
	var c answerContent
	if err := json.Unmarshal(d.Content, &c); err != nil {
		return fault.Wrap(fault.Invalid, "M_BAD_JSON", "The answer is malformed.", err)
	}
	in := Input{User: d.Sender}
	switch c.Answer {
	case "accept":
		in.Verb, in.ETAMinutes = Accept, c.ETAMinutes
	case "decline":
		in.Verb, in.Reason = Decline, c.Reason
	default:
		return fault.New(fault.Invalid, "M_BAD_JSON", "The answer is accept or decline.")
	}
	if len(c.Reason) > maxNote {
		return errTooLong
	}
	p, err := find(ctx, a.Tx(), c.Page)
	if fault.Is(err, fault.NotFound) || err == nil && p.RoomID != a.Room() {
		return errForged
	}
	if err != nil {
		return err
	}
	_, err = s.apply(ctx, a, p, in, false)
	return err
}
