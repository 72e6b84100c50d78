package emergency

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"

	"wardline/clinical/paging"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Migrations returns the tables of this package.
func Migrations() db.Migrations { return db.Migrations{Package: "emergency", FS: schemaFS} }

func scan(r db.Row) (Call, error) {
	var raw []byte
	var c Call
	if err := r.Scan(&raw); err != nil {
		return c, err
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return c, fmt.Errorf("stored call: %w", err)
	}
	return c, nil
}

func scanTeam(r db.Row) (Team, error) {
	var raw []byte
	var t Team
	if err := r.Scan(&t.ID, &t.Name, &raw); err != nil {
		return t, err
	}
	if err := json.Unmarshal(raw, &t.Seats); err != nil {
		return t, fmt.Errorf("stored team: %w", err)
	}
	return t, nil
}

var (
	byID      = db.SQL("emergency.by_id", `SELECT state FROM emergency_call WHERE id = $1 LIMIT 1`)
	byTxn     = db.SQL("emergency.by_txn", `SELECT state FROM emergency_call WHERE from_user = $1 AND txn = $2 LIMIT 1`)
	byPage    = db.SQL("emergency.by_page", `SELECT call FROM emergency_page WHERE page = $1 LIMIT 1`)
	openCalls = db.SQL("emergency.open", `SELECT state FROM emergency_call WHERE status = 'open' ORDER BY raised_at LIMIT 200`)
	pastCalls = db.SQL("emergency.past", `SELECT state FROM emergency_call WHERE raised_at >= $1 AND raised_at < $2 ORDER BY raised_at DESC LIMIT 500`)
	dueCalls  = db.SQL("emergency.due", `SELECT id, remind_at FROM emergency_call WHERE status = 'open' ORDER BY remind_at, id LIMIT 50`)
	insert    = db.SQL("emergency.insert", `INSERT INTO emergency_call (id, room, team, status, drill, from_user, txn, raised_at, remind_at, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`)
	update    = db.SQL("emergency.update", `UPDATE emergency_call SET status = $2, state = $3 WHERE id = $1`)
	later     = db.SQL("emergency.later", `UPDATE emergency_call SET remind_at = $2 WHERE id = $1`)
	notePage  = db.SQL("emergency.note_page", `INSERT INTO emergency_page (page, call) VALUES ($1, $2)`)
	noteEvent = db.SQL("emergency.note_event", `INSERT INTO emergency_event (event, call) VALUES ($1, $2) ON CONFLICT (event) DO NOTHING`)
	tellsOf   = db.SQL("emergency.tells", `SELECT call FROM emergency_event WHERE event = $1 LIMIT 1`)
	allTeams  = db.SQL("emergency.teams", `SELECT id, name, seats FROM emergency_team ORDER BY name, id LIMIT 200`)
	oneTeam   = db.SQL("emergency.team", `SELECT id, name, seats FROM emergency_team WHERE id = $1 LIMIT 1`)
	saveTeam  = db.SQL("emergency.save_team", `INSERT INTO emergency_team (id, name, seats, changed_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, seats = excluded.seats, changed_at = excluded.changed_at`)
	dropTeam = db.SQL("emergency.drop_team", `DELETE FROM emergency_team WHERE id = $1`)
)

func find(ctx context.Context, q db.Querier, call ID) (Call, error) {
	c, err := db.One(ctx, q, byID, scan, string(call))
	if fault.Is(err, fault.NotFound) {
		return c, errHidden
	}
	return c, err
}

func add(ctx context.Context, tx *db.Tx, c Call, txn string, remindAt int64) error {
	raw, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("store call %s: %w", c.ID, err)
	}
	_, err = tx.Exec(ctx, insert, string(c.ID), string(c.RoomID), string(c.Team.ID), string(c.Status), c.Drill, string(c.From.User), txn, c.RaisedAt, remindAt, raw)
	return err
}

func save(ctx context.Context, tx *db.Tx, c Call) error {
	raw, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("store call %s: %w", c.ID, err)
	}
	_, err = tx.Exec(ctx, update, string(c.ID), string(c.Status), raw)
	return err
}

// tells says whether an event tells of a call.
func tells(ctx context.Context, q db.Querier, event id.Event) (bool, error) {
	_, err := db.One(ctx, q, tellsOf, db.Scalar[ID], string(event))
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// OfPage returns the call that a page belongs to, "" for none.
func OfPage(ctx context.Context, q db.Querier, page paging.ID) (ID, error) {
	c, err := db.One(ctx, q, byPage, db.Scalar[ID], string(page))
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	return c, err
}

// Teams returns the teams that can be called, by name.
func Teams(ctx context.Context, q db.Querier) ([]Team, error) {
	return db.Collect(ctx, q, allTeams, scanTeam)
}

// SaveTeam keeps a team as it is given; Service.SetTeam checks what people enter.
func SaveTeam(ctx context.Context, tx *db.Tx, t Team, at int64) error {
	raw, err := json.Marshal(t.Seats)
	if err != nil {
		return fmt.Errorf("store team %s: %w", t.ID, err)
	}
	_, err = tx.Exec(ctx, saveTeam, string(t.ID), t.Name, raw, at)
	return err
}
