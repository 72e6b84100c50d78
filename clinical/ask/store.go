package ask

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"

	"wardline/clinical/directory"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Migrations returns the tables of this package.
func Migrations() db.Migrations { return db.Migrations{Package: "ask", FS: schemaFS} }

func scan(r db.Row) (State, error) {
	var raw []byte
	var s State
	if err := r.Scan(&raw); err != nil {
		return s, err
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("stored ask: %w", err)
	}
	return s, nil
}

type due struct {
	id     ID
	wakeAt int64
}

var (
	byID    = db.SQL("ask.by_id", `SELECT state FROM ask_ask WHERE id = $1 LIMIT 1`)
	byEvent = db.SQL("ask.by_event", `SELECT state FROM ask_ask WHERE event = $1 LIMIT 1`)
	byTxn   = db.SQL("ask.by_txn", `SELECT state FROM ask_ask WHERE from_user = $1 AND txn = $2 LIMIT 1`)
	askedBy = db.SQL("ask.asked", `SELECT state FROM ask_ask WHERE from_user = $1 AND status = 'open' ORDER BY due_at LIMIT 200`)
	owedBy  = db.SQL("ask.owed", `SELECT state FROM ask_ask WHERE owner_user = $1 AND owner_post = '' AND status = 'open' ORDER BY due_at LIMIT 200`)
	owedIn  = db.SQL("ask.owed_post", `SELECT state FROM ask_ask WHERE owner_post = $1 AND status = 'open' ORDER BY due_at LIMIT 200`)
	running = db.SQL("ask.running", `SELECT event FROM ask_ask WHERE status = 'open' LIMIT 100000`)
	dueNext = db.SQL("ask.due", `SELECT id, wake_at FROM ask_ask WHERE status = 'open' AND wake_at > 0 ORDER BY wake_at, id LIMIT 200`)
	insert  = db.SQL("ask.insert", `INSERT INTO ask_ask (id, room, event, status, from_user, txn, owner_user, owner_post, due_at, wake_at, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`)
	update    = db.SQL("ask.update", `UPDATE ask_ask SET status = $2, owner_user = $3, owner_post = $4, wake_at = $5, state = $6 WHERE id = $1`)
	noteEvent = db.SQL("ask.note_event", `INSERT INTO ask_event (event, ask) VALUES ($1, $2) ON CONFLICT (event) DO NOTHING`)
	tellsOf   = db.SQL("ask.tells", `SELECT ask FROM ask_event WHERE event = $1 LIMIT 1`)
)

func scanDue(r db.Row) (d due, err error) { return d, r.Scan(&d.id, &d.wakeAt) }

func (s State) post() directory.PostID {
	if s.Owner.Post == nil {
		return ""
	}
	return s.Owner.Post.ID
}

func add(ctx context.Context, tx *db.Tx, s State, txn string) error {
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, insert, string(s.ID), string(s.RoomID), string(s.EventID), string(s.Status), string(s.From.User), txn,
		string(s.Owner.User), string(s.post()), s.DueAt, s.WakeAt, raw)
	return err
}

func save(ctx context.Context, tx *db.Tx, s State) error {
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, update, string(s.ID), string(s.Status), string(s.Owner.User), string(s.post()), s.WakeAt, raw)
	return err
}

// tells says whether an event tells of an ask.
func tells(ctx context.Context, q db.Querier, event id.Event) (bool, error) {
	_, err := db.One(ctx, q, tellsOf, db.Scalar[ID], string(event))
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}
