package remind

import (
	"embed"
	"time"

	"wardline/ground/db"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Migrations returns the tables of this package.
func Migrations() db.Migrations { return db.Migrations{Package: "remind", FS: schemaFS} }

type kind string

const (
	message kind = "message" // comes back
	silence kind = "silence" // ends
)

type state string

const (
	waiting state = "waiting"
	telling state = "telling" // due, and devices are still to be told
	told    state = "told"    // due, and told
)

var (
	put = db.SQL("remind.put", `INSERT INTO remind_later (member, kind, room, event, due_at, state, tries, next_at) VALUES ($1, $2, $3, $4, $5, 'waiting', 0, $5)
		ON CONFLICT (member, kind, room, event) DO UPDATE SET due_at = excluded.due_at, state = excluded.state, tries = 0, next_at = excluded.next_at`)
	drop   = db.SQL("remind.drop", `DELETE FROM remind_later WHERE member = $1 AND kind = $2 AND room = $3 AND event = $4`)
	move   = db.SQL("remind.move", `UPDATE remind_later SET state = $5, tries = $6, next_at = $7 WHERE member = $1 AND kind = $2 AND room = $3 AND event = $4`)
	own    = db.SQL("remind.own", `SELECT room, event, due_at, state FROM remind_later WHERE member = $1 AND kind = 'message' ORDER BY due_at LIMIT 200`)
	amount = db.SQL("remind.amount", `SELECT COUNT(*) FROM remind_later WHERE member = $1 AND kind = 'message' LIMIT 1`)
	next   = db.SQL("remind.next", `SELECT member, kind, room, event, due_at, state, tries, next_at FROM remind_later WHERE state <> 'told' ORDER BY next_at LIMIT 200`)
	again  = db.SQL("remind.again", `SELECT member, kind, room, event, due_at, state, tries, next_at FROM remind_later WHERE member = $1 AND kind = $2 AND room = $3 AND event = $4 LIMIT 1`)
)

type later struct {
	user   id.User
	kind   kind
	room   id.Room
	event  id.Event
	due    time.Time
	state  state
	tries  int64
	nextAt time.Time
}

func scanLater(r db.Row) (l later, err error) {
	var due, next int64
	err = r.Scan(&l.user, &l.kind, &l.room, &l.event, &due, &l.state, &l.tries, &next)
	l.due, l.nextAt = time.UnixMilli(due), time.UnixMilli(next)
	return l, err
}

func scanReminder(r db.Row) (m Reminder, err error) {
	var st state
	err = r.Scan(&m.Room, &m.Event, &m.At, &st)
	m.Due = st != waiting
	return m, err
}

func (l later) key() []any {
	return []any{string(l.user), string(l.kind), string(l.room), string(l.event)}
}
