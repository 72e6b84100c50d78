package emergency

import (
	"context"
	"fmt"
	"time"

	"wardline/clinical/rota"
	"wardline/ground/db"
	"wardline/ground/run"
	"wardline/matrix/id"
)

// overlong is after how long whoever conducts an open call is asked whether it still goes on, and again after as long.
const overlong = time.Hour

// patience is the longest the loop sleeps without looking at the clock.
const patience = 30 * time.Second

// Run reminds of calls that nobody has stood down, from whatever is in the database, until ctx ends. It ends none by itself.
func (s *Service) Run(ctx context.Context) error {
	for {
		next, err := s.pass(ctx)
		if err != nil {
			return err
		}
		if !run.Wait(ctx, min(max(next.Sub(s.Now()), time.Second), patience), s.bell) {
			return nil
		}
	}
}

type due struct {
	id ID
	at int64
}

func (s *Service) pass(ctx context.Context) (time.Time, error) {
	now := s.Now()
	next := now.Add(patience)
	all, err := db.Collect(ctx, s.DB, dueCalls, func(r db.Row) (d due, err error) { return d, r.Scan(&d.id, &d.at) })
	if err != nil {
		return next, err
	}
	for _, d := range all {
		if at := time.UnixMilli(d.at); at.After(now) {
			if at.Before(next) {
				next = at
			}
			continue
		}
		if err := s.DB.Write(ctx, "emergency.remind", func(ctx context.Context, tx *db.Tx) error { return s.remind(ctx, tx, d.id) }); err != nil && ctx.Err() == nil {
			s.Log.Error("nobody could be reminded of an open emergency call", "call", d.id, "err", err)
		}
	}
	return next, nil
}

// remind asks whoever may stand the call down whether it still goes on.
func (s *Service) remind(ctx context.Context, tx *db.Tx, call ID) error {
	c, err := find(ctx, tx, call)
	if err != nil || c.Status != Open {
		return err
	}
	now := s.Now()
	if _, err := tx.Exec(ctx, later, string(call), now.Add(overlong).UnixMilli()); err != nil {
		return err
	}
	to := map[id.User]bool{c.From.User: true}
	if c.Leader != nil {
		to[c.Leader.User] = true
	}
	posts, err := switchboards(ctx, tx)
	if err != nil {
		return err
	}
	for _, p := range posts {
		holders, err := rota.Holders(ctx, tx, p, now)
		if err != nil {
			return err
		}
		for _, h := range holders {
			to[h.User] = true
		}
	}
	words := fmt.Sprintf("The emergency call %s, raised at %s, is still open. If it is over, open it and stand it down.", c.Title(), rota.Local(time.UnixMilli(c.RaisedAt)).Format("15:04"))
	for u := range to {
		if err := s.Conversations.Inform(ctx, tx, u, words); err != nil {
			return err
		}
	}
	return nil
}
