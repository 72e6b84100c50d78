package record

import "wardline/matrix/id"

// Content keys, the second also an event type.
const (
	DecisionKey = "uk.wardline.decision"
	FilingKey   = "uk.wardline.filing"
)

type relation struct {
	RelType string   `json:"rel_type"`
	EventID id.Event `json:"event_id"`
}

// content is every event of this package: the decision's notice has all of it, a filing's change no body, except when people must
// know because the record refused it.
type content struct {
	MsgType  string   `json:"msgtype,omitempty"`
	Body     string   `json:"body,omitempty"`
	Relation relation `json:"m.relates_to"`
	Decision Decision `json:"uk.wardline.decision"`
	Filing   Filing   `json:"uk.wardline.filing"`
}

func contentOf(d Decision, f Filing) content {
	return content{Relation: relation{"m.reference", d.EventID}, Decision: d, Filing: f}
}

// change is the event that tells of a filing's new state.
func change(d Decision, f Filing) (string, content) {
	c := contentOf(d, f)
	if f.Status == Refused {
		c.MsgType, c.Body = "m.notice", "Not filed: the record refused this decision. "+f.Reason
		return "m.room.message", c
	}
	return FilingKey, c
}
