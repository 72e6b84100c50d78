package record

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Migrations returns the tables of this package.
func Migrations() db.Migrations { return db.Migrations{Package: "record", FS: schemaFS} }

// kept is a decision with where it was made.
type kept struct {
	Decision
	room   id.Room
	notice id.Event
}

func scanDecision(r db.Row) (kept, error) {
	var k kept
	var raw []byte
	if err := r.Scan(&k.room, &k.notice, &raw); err != nil {
		return k, err
	}
	if err := json.Unmarshal(raw, &k.Decision); err != nil {
		return k, fmt.Errorf("stored decision: %w", err)
	}
	return k, nil
}

var decisionByEvent = db.SQL("record.decision_by_event", `SELECT room, notice, state FROM record_decision WHERE room = $1 AND event = $2 LIMIT 1`)

var decisionByID = db.SQL("record.decision", `SELECT room, notice, state FROM record_decision WHERE id = $1 LIMIT 1`)

var insertDecision = db.SQL("record.insert_decision", `INSERT INTO record_decision (id, room, event, notice, state) VALUES ($1, $2, $3, $4, $5)`)

var insertFiling = db.SQL("record.insert_filing", `INSERT INTO record_filing (decision, status, at, record_id, reason, attempts, next_at, bundle)
VALUES ($1, $2, $3, '', '', 0, $4, $5)`)

func insert(ctx context.Context, tx *db.Tx, k kept, f Filing, nextAt int64, bundle []byte) error {
	raw, err := json.Marshal(k.Decision)
	if err != nil {
		return fmt.Errorf("store decision %s: %w", k.ID, err)
	}
	if _, err := tx.Exec(ctx, insertDecision, string(k.ID), string(k.room), string(k.EventID), string(k.notice), raw); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, insertFiling, string(k.ID), string(f.Status), f.At, nextAt, bundle)
	return err
}

// task is a filing that waits for its turn.
type task struct {
	Filing
	nextAt int64
	bundle []byte
}

func scanTask(r db.Row) (task, error) {
	var t task
	err := r.Scan(&t.Decision, &t.Status, &t.At, &t.RecordID, &t.Reason, &t.Attempts, &t.nextAt, &t.bundle)
	return t, err
}

var filingByID = db.SQL("record.filing", `SELECT decision, status, at, record_id, reason, attempts, next_at, bundle FROM record_filing WHERE decision = $1 LIMIT 1`)

var waiting = db.SQL("record.waiting", `SELECT decision, status, at, record_id, reason, attempts, next_at, bundle FROM record_filing
WHERE status = 'waiting' ORDER BY next_at, decision LIMIT 20`)

var updateFiling = db.SQL("record.update_filing", `UPDATE record_filing SET status = $2, at = $3, record_id = $4, reason = $5, attempts = $6, next_at = $7
WHERE decision = $1 AND status = 'waiting'`)

func save(ctx context.Context, tx *db.Tx, t task) (bool, error) {
	n, err := tx.Exec(ctx, updateFiling, string(t.Decision), string(t.Status), t.At, t.RecordID, t.Reason, int64(t.Attempts), t.nextAt)
	return n > 0, err
}

var hurryFilings = db.SQL("record.hurry", `UPDATE record_filing SET next_at = $1 WHERE status = 'waiting' AND next_at > $1`)

// hurry makes every waiting filing due now: the record has just answered, so there is nothing to wait for.
func hurry(ctx context.Context, tx *db.Tx, at int64) error {
	_, err := tx.Exec(ctx, hurryFilings, at)
	return err
}

var noteEvent = db.SQL("record.note_event", `INSERT INTO record_event (event, decision) VALUES ($1, $2) ON CONFLICT (event) DO NOTHING`)

var reliedOn = db.SQL("record.relied_on", `SELECT decision FROM record_event WHERE event = $1 LIMIT 1`)

// relied says whether an event is a decided message or tells of a decision.
func relied(ctx context.Context, q db.Querier, event id.Event) (bool, error) {
	_, err := db.One(ctx, q, reliedOn, db.Scalar[DecisionID], string(event))
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}
