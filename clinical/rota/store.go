package rota

import (
	"context"
	"embed"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Migrations returns the tables of this package.
func Migrations() db.Migrations { return db.Migrations{Package: "rota", FS: schemaFS} }

func scan(r db.Row) (Duty, error) {
	var d Duty
	var from, until int64
	err := r.Scan(&d.ID, &d.Post, &d.User, &from, &until)
	d.From, d.Until = time.UnixMilli(from), time.UnixMilli(until)
	return d, err
}

// named fills in who a duty belongs to. Names are the directory's to read, hence the second query.
func named(ctx context.Context, q db.Querier, d Duty) (Duty, error) {
	var err error
	d.Name, err = directory.NameOf(ctx, q, d.User)
	return d, err
}

var holder = db.SQL("rota.holder", `SELECT id, post, user_id, from_at, until_at FROM rota_duty
WHERE post = $1 AND from_at <= $2 AND until_at > $2 ORDER BY from_at DESC, id DESC LIMIT 1`)

// Holder returns the duty by which somebody holds the post at the instant, or fault.NotFound when nobody does.
//
// hazard: H6 role empty or stale holder
func Holder(ctx context.Context, q db.Querier, post directory.PostID, at time.Time) (Duty, error) {
	d, err := db.One(ctx, q, holder, scan, string(post), at.UnixMilli())
	if err != nil {
		return d, err
	}
	return named(ctx, q, d)
}

var next = db.SQL("rota.next", `SELECT id, post, user_id, from_at, until_at FROM rota_duty
WHERE post = $1 AND from_at > $2 ORDER BY from_at, id DESC LIMIT 1`)

// Next returns the first duty on the post that begins after the instant, or fault.NotFound when none is planned.
func Next(ctx context.Context, q db.Querier, post directory.PostID, at time.Time) (Duty, error) {
	d, err := db.One(ctx, q, next, scan, string(post), at.UnixMilli())
	if err != nil {
		return d, err
	}
	return named(ctx, q, d)
}

var heldBy = db.SQL("rota.held", `SELECT id, post, user_id, from_at, until_at FROM rota_duty
WHERE user_id = $1 AND from_at <= $2 AND until_at > $2 ORDER BY from_at, id LIMIT 50`)

// Held returns the duties by which the user holds posts at the instant; a post that somebody else has taken over is left out.
func Held(ctx context.Context, q db.Querier, user id.User, at time.Time) ([]Duty, error) {
	mine, err := db.Collect(ctx, q, heldBy, scan, string(user), at.UnixMilli())
	if err != nil {
		return nil, err
	}
	var held []Duty
	for _, d := range mine {
		now, err := Holder(ctx, q, d.Post, at)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if now.ID == d.ID {
			held = append(held, now)
		}
	}
	return held, nil
}

var save = db.SQL("rota.save", `INSERT INTO rota_duty (id, post, user_id, from_at, until_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (id) DO UPDATE SET post = excluded.post, user_id = excluded.user_id, from_at = excluded.from_at, until_at = excluded.until_at`)

// Save adds or changes a duty. One that does not end after it begins is fault.Invalid.
func Save(ctx context.Context, tx *db.Tx, d Duty) error {
	if !d.Until.After(d.From) {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "A duty must end after it begins.")
	}
	_, err := tx.Exec(ctx, save, string(d.ID), string(d.Post), string(d.User), d.From.UnixMilli(), d.Until.UnixMilli())
	return err
}
