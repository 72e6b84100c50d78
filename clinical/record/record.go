package record

import (
	"log/slog"

	"wardline/clinical/patient"
	"wardline/matrix/id"
)

// DecisionID names a decision.
type DecisionID string

// Decision is a message that somebody has marked as one.
type Decision struct {
	ID      DecisionID  `json:"id"`
	EventID id.Event    `json:"event_id"`
	By      id.User     `json:"by"`
	Name    string      `json:"name"`
	At      int64       `json:"at"`
	Patient patient.Ref `json:"patient"`
}

// LogValue implements slog.LogValuer.
func (d Decision) LogValue() slog.Value { return slog.StringValue(string(d.ID)) }

// Status is where a filing stands.
type Status string

// The states of a filing.
const (
	Waiting Status = "waiting" // on its way; also while the record system is down
	Filed   Status = "filed"   // the record has it
	Refused Status = "refused" // the record will not take it, and says why
)

// Filing is a decision's way into the record.
type Filing struct {
	Decision DecisionID `json:"decision"`
	Status   Status     `json:"status"`
	At       int64      `json:"at"`
	RecordID string     `json:"record_id"` // "DocumentReference/123"
	Attempts int        `json:"attempts"`
	Reason   string     `json:"reason,omitempty"`
}

// LogValue implements slog.LogValuer. The reason may quote the patient's record.
func (f Filing) LogValue() slog.Value {
	return slog.GroupValue(slog.String("decision", string(f.Decision)), slog.String("status", string(f.Status)), slog.Int("attempts", f.Attempts))
}

// Organisation is the trust, as the record knows it.
type Organisation struct {
	ODS    string    // "RXX01"
	Name   string    // "St Elsewhere"
	Server id.Server // names our identifier systems
}
