package record

import (
	"context"
	"encoding/json"

	"wardline/ground/fault"
	"wardline/matrix/room"
)

var (
	errForged = fault.New(fault.Forbidden, "M_FORBIDDEN", "Decisions are marked and filed through Wardline, not as plain events.")
	errRelied = fault.New(fault.Forbidden, "M_FORBIDDEN", "This message is in the record: write a new one that corrects it.")
)

// Guard refuses events by which a client would forge a decision or its filing, and edits and removals of a decided message.
//
// hazard: H9 message edited or deleted after being relied on
// hazard: H10 decision not filed, or filed twice
func (s *Service) Guard(ctx context.Context, a *room.Act, d room.Draft) error {
	if !d.Client {
		return nil
	}
	if d.Type == FilingKey || d.Type == DecisionKey {
		return errForged
	}
	content := map[string]json.RawMessage{}
	if json.Unmarshal(d.Content, &content) != nil {
		return nil // not an object: the room itself refuses it
	}
	// Each member is read by itself, so that one of the wrong type does not hide another.
	replaced := map[string]json.RawMessage{}
	_ = json.Unmarshal(content["m.new_content"], &replaced)
	var rel relation
	_ = json.Unmarshal(content["m.relates_to"], &rel)
	for _, key := range []string{DecisionKey, FilingKey} {
		if content[key] != nil || replaced[key] != nil {
			return errForged
		}
	}
	target := d.Redacts
	if rel.RelType == "m.replace" {
		target = rel.EventID
	}
	if target == "" {
		return nil
	}
	held, err := relied(ctx, a.Tx(), target)
	if err == nil && held {
		return errRelied
	}
	return err
}
