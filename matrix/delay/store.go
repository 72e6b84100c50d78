package delay

import "wardline/ground/db"

var (
	insert = db.SQL("delay.insert", `INSERT INTO delay_event (id, owner, device, txn, room, type, state_key, content, delay_ms, scheduled_at, due_at, finalised_at, event_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, '')`)
	byID      = db.SQL("delay.by_id", `SELECT id, owner, device, room, type, state_key, content, delay_ms, scheduled_at, due_at, finalised_at, event_id, error FROM delay_event WHERE id = $1`)
	byTxn     = db.SQL("delay.by_txn", `SELECT id FROM delay_event WHERE owner = $1 AND device = $2 AND txn = $3`)
	waitingOf = db.SQL("delay.waiting_of", `SELECT id, owner, device, room, type, state_key, content, delay_ms, scheduled_at, due_at, finalised_at, event_id, error FROM delay_event
		WHERE owner = $1 AND finalised_at = 0 ORDER BY due_at, id LIMIT $2`)
	dueNext = db.SQL("delay.due_next", `SELECT id, owner, device, room, type, state_key, content, delay_ms, scheduled_at, due_at, finalised_at, event_id, error FROM delay_event
		WHERE finalised_at = 0 ORDER BY due_at, scheduled_at, id LIMIT $1`)
	restart    = db.SQL("delay.restart", `UPDATE delay_event SET scheduled_at = $2, due_at = $3 WHERE id = $1`)
	finalise   = db.SQL("delay.finalise", `UPDATE delay_event SET finalised_at = $2, event_id = $3, error = $4 WHERE id = $1`)
	forgetOld  = db.SQL("delay.forget_old", `DELETE FROM delay_event WHERE finalised_at > 0 AND finalised_at < $1`)
	forgetMany = db.SQL("delay.forget_many", `DELETE FROM delay_event WHERE owner = $1 AND finalised_at > 0
		AND id NOT IN (SELECT id FROM delay_event WHERE owner = $1 AND finalised_at > 0 ORDER BY finalised_at DESC LIMIT $2)`)
)

func scan(r db.Row) (e Event, err error) {
	var content, why []byte
	err = r.Scan(&e.ID, &e.owner, &e.device, &e.Room, &e.Type, &e.StateKey, &content, &e.DelayMS, &e.ScheduledAt, &e.dueAt, &e.FinalisedAt, &e.EventID, &why)
	e.Content, e.Error = content, why
	return e, err
}
