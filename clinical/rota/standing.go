package rota

import (
	"context"
	"time"

	"wardline/ground/db"
	"wardline/matrix/id"
)

// Standing is whether somebody is at work.
type Standing struct {
	On       bool // holds a post now
	Rostered bool // has a duty within a fortnight: only of such a person can be said that they are off duty
}

// fortnight is how near a duty must be for somebody to count as on a rota.
const fortnight = 14 * 24 * time.Hour

var near = db.SQL("rota.near", `SELECT count(*) FROM rota_duty WHERE user_id = $1 AND from_at <= $2 AND until_at > $3`)

// StandingOf says whether a person is at work at the instant.
func StandingOf(ctx context.Context, q db.Querier, user id.User, at time.Time) (Standing, error) {
	held, err := Held(ctx, q, user, at)
	if err != nil || len(held) > 0 {
		return Standing{On: true, Rostered: true}, err
	}
	n, err := db.One(ctx, q, near, db.Scalar[int64], string(user), at.Add(fortnight).UnixMilli(), at.Add(-fortnight).UnixMilli())
	return Standing{Rostered: n > 0}, err
}
