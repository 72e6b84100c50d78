package conversation

import (
	"context"
	"encoding/json"

	"wardline/ground/fault"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

var pollStarts = map[string]bool{"m.poll.start": true, "org.matrix.msc3381.poll.start": true}

// unvoted refuses to change a poll once somebody has voted in it or it has ended: a vote is for the words that were there. A vote that was
// taken back counts no more.
func unvoted(ctx context.Context, a *room.Act, d room.Draft) error {
	var c struct {
		Relates struct {
			Type  string   `json:"rel_type"`
			Event id.Event `json:"event_id"`
		} `json:"m.relates_to"`
	}
	if json.Unmarshal(d.Content, &c) != nil || c.Relates.Type != "m.replace" {
		return nil
	}
	for _, answered := range []struct{ stable, unstable, why string }{
		{"m.poll.response", "org.matrix.msc3381.poll.response", "Somebody has voted, so this poll stays as it is. End it and make another."},
		{"m.poll.end", "org.matrix.msc3381.poll.end", "This poll has ended, so it stays as it is."},
	} {
		n, err := a.CountReferences(ctx, c.Relates.Event, answered.stable, answered.unstable)
		if err != nil {
			return err
		}
		if n > 0 {
			return fault.New(fault.Conflict, "UK_WARDLINE_POLL", answered.why)
		}
	}
	return nil
}
