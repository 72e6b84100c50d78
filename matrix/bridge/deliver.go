package bridge

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
	"wardline/matrix/room"
	"wardline/matrix/timeline"
)

var (
	readCursor = db.SQL("bridge.cursor", `SELECT pos, next_txn FROM bridge_cursor WHERE service = $1`)
	saveCursor = db.SQL("bridge.save_cursor", `INSERT INTO bridge_cursor (service, pos, next_txn) VALUES ($1, $2, $3)
		ON CONFLICT (service) DO UPDATE SET pos = excluded.pos, next_txn = excluded.next_txn`)
	waiting = db.SQL("bridge.waiting", `SELECT id, body FROM bridge_transaction WHERE service = $1`)
	keep    = db.SQL("bridge.keep", `INSERT INTO bridge_transaction (service, id, body) VALUES ($1, $2, $3)`)
	settle  = db.SQL("bridge.settle", `DELETE FROM bridge_transaction WHERE service = $1 AND id = $2`)
)

// How a service is told: so many events a transaction at most, gathered for a moment; again after 1 s, 2 s and so on when it does not
// take one.
const (
	maxEvents  = 100
	maxRead    = 500
	gather     = 20 * time.Millisecond
	firstPause = time.Second
	lastPause  = 5 * time.Minute
	saveEvery  = 1000 // positions that may be looked at again after a crash because nothing in them was for the service
)

// courier tells one service what happens.
type courier struct {
	*Service
	r     *Registration
	at    cursor
	saved int64          // the position of the cursor on disk
	heard timeline.Token // up to where typing and receipts were told
	late  int            // attempts at the present transaction that failed
}

type cursor struct{ pos, next int64 }

// Couriers are the loops that tell services what happens, by name. Each runs until its context ends and begins where the last one
// stopped.
func (s *Service) Couriers() map[string]func(ctx context.Context) error {
	out := map[string]func(ctx context.Context) error{}
	for _, r := range s.all {
		if r.URL != "" {
			out["bridge."+r.ID] = func(ctx context.Context) error { return (&courier{Service: s, r: r}).run(ctx) }
		}
	}
	return out
}

func (c *courier) run(ctx context.Context) error {
	if err := c.begin(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
		bell, soft := c.Bell.Wait(), c.timeline.Ephemeral.Wait()
		if !c.r.Ephemeral {
			soft = nil
		}
		pause, err := c.step(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if pause == 0 {
			continue
		}
		timer := time.NewTimer(pause)
		if c.late > 0 {
			bell, soft = nil, nil // nothing new changes what is to be sent
		}
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-bell:
			rest(ctx, gather)
		case <-soft:
			rest(ctx, gather)
		}
		timer.Stop()
	}
	return nil
}

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// begin finds where the last run stopped. A service that is new begins with what happens from now on.
func (c *courier) begin(ctx context.Context) error {
	c.heard = c.timeline.Now()
	at, err := db.One(ctx, c.db, readCursor, func(r db.Row) (x cursor, err error) { return x, r.Scan(&x.pos, &x.next) }, c.r.ID)
	if fault.Is(err, fault.NotFound) {
		at = cursor{c.db.Position(), 1}
		err = c.save(ctx, at, nil)
	}
	c.at, c.saved = at, at.pos
	return err
}

// save writes the cursor, with the transaction that takes it there.
func (c *courier) save(ctx context.Context, at cursor, body []byte) error {
	err := c.db.Write(ctx, "bridge.save", func(ctx context.Context, tx *db.Tx) error {
		if body != nil {
			if _, err := tx.Exec(ctx, keep, c.r.ID, at.next-1, body); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, saveCursor, c.r.ID, at.pos, at.next)
		return err
	})
	if err == nil {
		c.at, c.saved = at, at.pos
	}
	return err
}

type transaction struct {
	id   int64
	body []byte
}

// step sends the transaction that waits, or makes the next one. It returns how long to wait before the next step, 0 for not at all.
func (c *courier) step(ctx context.Context) (time.Duration, error) {
	t, err := db.One(ctx, c.db, waiting, func(r db.Row) (t transaction, err error) { return t, r.Scan(&t.id, &t.body) }, c.r.ID)
	if fault.Is(err, fault.NotFound) {
		return c.make(ctx)
	}
	if err != nil {
		return 0, err
	}
	name := strconv.FormatInt(t.id, 10)
	a, err := c.try(ctx, c.r, http.MethodPut, "/_matrix/app/v1/transactions/"+name, "/transactions/"+name, t.body)
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if err == nil && a.status >= 200 && a.status < 300 {
		c.late = 0
		return 0, c.db.Write(ctx, "bridge.settle", func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, settle, c.r.ID, t.id)
			return err
		})
	}
	pause := min(firstPause<<min(c.late, 16), lastPause)
	if c.late++; c.late == 1 {
		c.log.Warn("application service takes no transaction", "service", c.r.ID, "status", a.status, "err", err)
	}
	return pause, nil
}

// make gathers what the service has not heard of into the next transaction. When there is nothing it says so by a long wait.
func (c *courier) make(ctx context.Context) (time.Duration, error) {
	head := c.timeline.Now()
	i := &interest{Service: c.Service, r: c.r, rooms: map[id.Room]*concern{}}
	events, to, err := c.events(ctx, i, head.Pos)
	if err != nil {
		return 0, err
	}
	soft, err := c.ephemeral(ctx, i, timeline.Token{Pos: to, Serial: head.Serial})
	if err != nil {
		return 0, err
	}
	if len(events)+len(soft) == 0 {
		c.at.pos = to
		c.heard = timeline.Token{Pos: to, Serial: head.Serial}
		if to-c.saved >= saveEvery {
			err = c.save(ctx, c.at, nil)
		}
		if to < head.Pos {
			return 0, err
		}
		return lastPause, err
	}
	content := map[string]any{"events": events}
	if c.r.Ephemeral && len(soft) > 0 {
		content["ephemeral"] = soft
	}
	body, err := json.Marshal(content)
	if err != nil {
		return 0, err
	}
	c.heard = timeline.Token{Pos: to, Serial: head.Serial}
	return 0, c.save(ctx, cursor{to, c.at.next + 1}, body)
}

// events returns the next events for the service, and up to where that is all of them.
func (c *courier) events(ctx context.Context, i *interest, head int64) ([]json.RawMessage, int64, error) {
	out := []json.RawMessage{}
	list, err := c.rooms.Stream(ctx, c.at.pos, head, maxRead)
	if err != nil {
		return nil, 0, err
	}
	for _, p := range list {
		yes, err := i.wants(ctx, p.Feed, p.Event)
		if err != nil {
			return nil, 0, err
		}
		if !yes {
			continue
		}
		if out = append(out, p.AppendClient(nil, room.Reader{})); len(out) == maxEvents {
			return out, p.Pos, nil
		}
	}
	if len(list) == maxRead {
		return out, list[maxRead-1].Pos, nil
	}
	return out, head, nil
}

// ephemeral returns typing, receipts and presence that the service has not heard of, if it wants any.
func (c *courier) ephemeral(ctx context.Context, i *interest, to timeline.Token) ([]json.RawMessage, error) {
	if !c.r.Ephemeral || c.timeline.Quiet(c.heard) {
		return nil, nil
	}
	var out []json.RawMessage
	for _, f := range c.rooms.InMemory() {
		news := c.timeline.EphemeralOf(f, c.heard, to, c.r.Speaks)
		if len(news) == 0 {
			continue
		}
		yes, err := i.present(ctx, f)
		if err != nil {
			return nil, err
		}
		if yes {
			out = append(out, news...)
		}
	}
	for who, news := range c.timeline.PresenceBetween(c.heard, to) {
		yes, err := i.near(ctx, who)
		if err != nil {
			return nil, err
		}
		if yes {
			out = append(out, news)
		}
	}
	return out, nil
}
