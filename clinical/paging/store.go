package paging

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
func Migrations() db.Migrations { return db.Migrations{Package: "paging", FS: schemaFS} }

// stored is a page as it lies in the database.
type stored struct {
	Page
	told int64 // position of the newest room event about it
}

func scan(r db.Row) (stored, error) {
	var raw []byte
	var s stored
	if err := r.Scan(&raw, &s.told); err != nil {
		return s, err
	}
	if err := json.Unmarshal(raw, &s.Page); err != nil {
		return s, fmt.Errorf("stored page: %w", err)
	}
	return s, nil
}

var byID = db.SQL("paging.page", `SELECT state, told_pos FROM paging_page WHERE id = $1 LIMIT 1`)

func find(ctx context.Context, q db.Querier, page ID) (stored, error) {
	return db.One(ctx, q, byID, scan, string(page))
}

var byTxn = db.SQL("paging.by_txn", `SELECT state, told_pos FROM paging_page WHERE from_user = $1 AND txn = $2 LIMIT 1`)

// earlier returns the page that the sender has already raised with this transaction id, and whether there is one.
func earlier(ctx context.Context, q db.Querier, from id.User, txn string) (stored, bool, error) {
	s, err := db.One(ctx, q, byTxn, scan, string(from), txn)
	if fault.Is(err, fault.NotFound) {
		return s, false, nil
	}
	return s, err == nil, err
}

var held = db.SQL("paging.held", `SELECT state, told_pos FROM paging_page WHERE current_user_id = $1 AND status = 'open' ORDER BY raised_at LIMIT 200`)

var sent = db.SQL("paging.sent", `SELECT state, told_pos FROM paging_page WHERE from_user = $1 ORDER BY raised_at DESC LIMIT 100`)

var openPages = db.SQL("paging.open", `SELECT state, told_pos FROM paging_page WHERE status = 'open' ORDER BY raised_at LIMIT 1000`)

type due struct {
	id     ID
	wakeAt int64
}

var dueNext = db.SQL("paging.due", `SELECT id, wake_at FROM paging_page WHERE status = 'open' ORDER BY wake_at, id LIMIT 200`)

func scanDue(r db.Row) (due, error) {
	var d due
	err := r.Scan(&d.id, &d.wakeAt)
	return d, err
}

var insert = db.SQL("paging.insert", `INSERT INTO paging_page (id, room, status, from_user, txn, current_user_id, raised_at, wake_at, told_pos, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`)

func add(ctx context.Context, tx *db.Tx, s stored, txn string) error {
	raw, err := json.Marshal(s.Page)
	if err != nil {
		return fmt.Errorf("store page %s: %w", s.ID, err)
	}
	_, err = tx.Exec(ctx, insert, string(s.ID), string(s.RoomID), string(s.Status), string(s.From.User), txn, string(s.Current.User),
		s.RaisedAt, s.WakeAt, s.told, raw)
	return err
}

var update = db.SQL("paging.update", `UPDATE paging_page SET status = $2, current_user_id = $3, wake_at = $4, told_pos = $5, state = $6 WHERE id = $1`)

func save(ctx context.Context, tx *db.Tx, s stored) error {
	raw, err := json.Marshal(s.Page)
	if err != nil {
		return fmt.Errorf("store page %s: %w", s.ID, err)
	}
	_, err = tx.Exec(ctx, update, string(s.ID), string(s.Status), string(s.Current.User), s.WakeAt, s.told, raw)
	return err
}

var noteEvent = db.SQL("paging.note_event", `INSERT INTO paging_event (event, page) VALUES ($1, $2) ON CONFLICT (event) DO NOTHING`)

var eventPage = db.SQL("paging.event_page", `SELECT page FROM paging_event WHERE event = $1 LIMIT 1`)

// tells says whether an event tells of a page.
func tells(ctx context.Context, q db.Querier, event id.Event) (bool, error) {
	_, err := db.One(ctx, q, eventPage, db.Scalar[ID], string(event))
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}
