package paging

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"slices"

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

var held = db.SQL("paging.held", `SELECT p.state, p.told_pos FROM paging_called c JOIN paging_page p ON p.id = c.page WHERE c.user_id = $1 AND p.status = 'open' ORDER BY p.raised_at LIMIT 200`)

var sent = db.SQL("paging.sent", `SELECT state, told_pos FROM paging_page WHERE from_user = $1 ORDER BY raised_at DESC LIMIT 100`)

var openPages = db.SQL("paging.open", `SELECT state, told_pos FROM paging_page WHERE status = 'open' ORDER BY raised_at LIMIT 1000`)

var openAfter = db.SQL("paging.open_after", `SELECT state, told_pos FROM paging_page WHERE status = 'open' AND id > $1 ORDER BY id LIMIT 500`)

// openAt is the open pages that call whoever holds a post. Rows from before posts were noted have none.
var openAt = db.SQL("paging.open_at", `SELECT p.state, p.told_pos FROM paging_page p WHERE p.status = 'open' AND p.id IN (SELECT page FROM paging_called WHERE post = $1 OR post = '') ORDER BY p.raised_at LIMIT 10000`)

// What is due, what a clock that was set back left ahead of its time, and when the next will be due.
var (
	dueNow    = db.SQL("paging.due", `SELECT id FROM paging_page WHERE status = 'open' AND wake_at <= $1 ORDER BY wake_at, id LIMIT $2`)
	aheadNow  = db.SQL("paging.ahead", `SELECT id FROM paging_page WHERE status = 'open' AND since_at > $1 ORDER BY since_at DESC, id LIMIT $2`)
	nextAfter = db.SQL("paging.next", `SELECT wake_at FROM paging_page WHERE status = 'open' AND wake_at > $1 ORDER BY wake_at LIMIT 1`)
)

var insert = db.SQL("paging.insert", `INSERT INTO paging_page (id, room, status, from_user, txn, current_user_id, raised_at, wake_at, told_pos, state, since_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`)

func add(ctx context.Context, tx *db.Tx, s stored, txn string) error {
	raw, err := json.Marshal(s.Page)
	if err != nil {
		return fmt.Errorf("store page %s: %w", s.ID, err)
	}
	_, err = tx.Exec(ctx, insert, string(s.ID), string(s.RoomID), string(s.Status), string(s.From.User), txn, string(s.Current.User),
		s.RaisedAt, s.WakeAt, s.told, raw, s.began())
	if err != nil {
		return err
	}
	return call(ctx, tx, s, nil)
}

var (
	addCalled = db.SQL("paging.add_called", `INSERT INTO paging_called (page, user_id, post) VALUES ($1, $2, $3) ON CONFLICT (page, user_id) DO NOTHING`)
	endCalled = db.SQL("paging.end_called", `DELETE FROM paging_called WHERE page = $1`)
)

// call writes down who is called by a page, and by which posts, when that has changed.
func call(ctx context.Context, tx *db.Tx, s stored, before []Called) error {
	var now []Called
	if s.Status == Open {
		if now = s.Current.All(); len(now) == 0 {
			now = []Called{{Post: s.Current.Post}}
		}
	}
	if slices.Equal(now, before) {
		return nil
	}
	if _, err := tx.Exec(ctx, endCalled, string(s.ID)); err != nil {
		return err
	}
	for _, c := range now {
		if _, err := tx.Exec(ctx, addCalled, string(s.ID), string(c.User), string(c.Post.ID)); err != nil {
			return err
		}
	}
	return nil
}

var update = db.SQL("paging.update", `UPDATE paging_page SET status = $2, current_user_id = $3, wake_at = $4, told_pos = $5, state = $6, since_at = $7 WHERE id = $1`)

func save(ctx context.Context, tx *db.Tx, s stored, before []Called) error {
	raw, err := json.Marshal(s.Page)
	if err != nil {
		return fmt.Errorf("store page %s: %w", s.ID, err)
	}
	_, err = tx.Exec(ctx, update, string(s.ID), string(s.Status), string(s.Current.User), s.WakeAt, s.told, raw, s.began())
	if err != nil {
		return err
	}
	return call(ctx, tx, s, before)
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
