package paging

import (
	"context"
	"time"

	"wardline/ground/db"
)

var between = db.SQL("paging.between", `SELECT state, told_pos FROM paging_page WHERE (raised_at > $1 OR raised_at = $1 AND id > $2) AND raised_at < $3 ORDER BY raised_at, id LIMIT 500`)

// Between calls fn with each page that was raised in [from, until), oldest first, for whoever counts them. It holds a few hundred at a time.
func Between(ctx context.Context, q db.Querier, from, until time.Time, fn func(Page) error) error {
	at, after := from.UnixMilli(), ID("")
	for {
		list, err := db.Collect(ctx, q, between, scan, at, string(after), until.UnixMilli())
		if err != nil || len(list) == 0 {
			return err
		}
		for _, p := range list {
			if err := fn(p.Page); err != nil {
				return err
			}
		}
		last := list[len(list)-1]
		at, after = last.RaisedAt, last.ID
	}
}
