package status

import (
	"embed"
	"time"

	"wardline/ground/db"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Migrations returns the tables of this package.
func Migrations() db.Migrations { return db.Migrations{Package: "status", FS: schemaFS} }

var (
	read = db.SQL("status.read", `SELECT kind, words, until_at FROM status_status WHERE member = $1 LIMIT 1`)
	save = db.SQL("status.save", `INSERT INTO status_status (member, kind, words, until_at, set_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (member) DO UPDATE SET kind = excluded.kind, words = excluded.words, until_at = excluded.until_at, set_at = excluded.set_at`)
	remove  = db.SQL("status.remove", `DELETE FROM status_status WHERE member = $1`)
	ended   = db.SQL("status.ended", `DELETE FROM status_status WHERE member = $1 AND until_at > 0 AND until_at <= $2`)
	running = db.SQL("status.running", `SELECT member, kind, words, until_at FROM status_status ORDER BY member LIMIT 100000`)
	ending  = db.SQL("status.ending", `SELECT member, until_at FROM status_status WHERE until_at > 0 ORDER BY until_at LIMIT 200`)
)

type end struct {
	user id.User
	at   int64
}

func scanEnd(r db.Row) (e end, err error) { return e, r.Scan(&e.user, &e.at) }

func scan(r db.Row) (Status, error) {
	var s Status
	var until int64
	err := r.Scan(&s.Kind, &s.Words, &until)
	s.Until = instant(until)
	return s, err
}

type owned struct {
	user id.User
	Status
}

func scanOwned(r db.Row) (o owned, err error) {
	var until int64
	err = r.Scan(&o.user, &o.Kind, &o.Words, &until)
	o.Until = instant(until)
	return o, err
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
