package reach

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"wardline/clinical/carrier"
	"wardline/clinical/paging"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/run"
	"wardline/matrix/id"
)

// How a carrier is asked: so many texts at once, each with so much time, again after a few seconds, and not for ever: the page goes on to
// the next holder meanwhile, and they have carriers of their own.
const (
	together = 8
	patience = 30 * time.Second
	attempt  = 15 * time.Second
	attempts = 4
	keepFor  = 90 * 24 * time.Hour
)

func pause(tried int64) time.Duration { return 5 * time.Second << min(max(tried-1, 0), 4) }

// The states of a try. The last four are ends.
const (
	due     = "due"
	taken   = "taken"
	dropped = "dropped" // it was not needed any more
	arrived = "arrived"
	failed  = "failed"
)

// try is one way of telling one holder of one page.
type try struct {
	id       string
	page     paging.ID
	since    int64
	holder   id.User
	way      Way
	state    string
	nextAt   int64
	attempts int64
}

func scanTry(r db.Row) (t try, err error) {
	return t, r.Scan(&t.id, &t.page, &t.since, &t.holder, &t.way, &t.state, &t.nextAt, &t.attempts)
}

var (
	insertTry = db.SQL("reach.insert_try", `INSERT INTO reach_try (id, page, since, holder, way, state, next_at, attempts, name, updated_at) VALUES ($1, $2, $3, $4, $5, 'due', $6, 0, '', $7) ON CONFLICT (page, since, holder, way) DO NOTHING`)
	dueTries  = db.SQL("reach.due", `SELECT id, page, since, holder, way, state, next_at, attempts FROM reach_try WHERE way = $1 AND state = 'due' ORDER BY next_at LIMIT $2`)
	oneTry    = db.SQL("reach.try", `SELECT id, page, since, holder, way, state, next_at, attempts FROM reach_try WHERE id = $1 AND way = $2 LIMIT 1`)
	beginTry  = db.SQL("reach.begin_try", `UPDATE reach_try SET attempts = $2, next_at = $3, updated_at = $4 WHERE id = $1 AND state = 'due'`)
	laterTry  = db.SQL("reach.later", `UPDATE reach_try SET next_at = $2 WHERE id = $1 AND state = 'due'`)
	resume    = db.SQL("reach.resume", `UPDATE reach_try SET next_at = $1 WHERE state = 'due' AND attempts > 0 AND next_at > $1`)
	endTry    = db.SQL("reach.end_try", `UPDATE reach_try SET state = $2, name = $3, updated_at = $4 WHERE id = $1`)
	oldTries  = db.SQL("reach.old", `DELETE FROM reach_try WHERE updated_at < $1 AND state <> 'due'`)
)

// Plan writes down what is to be sent to whoever has an open page now, in the transaction of the step that brought it to them. The same
// again changes nothing, so it suits paging.Deps.OnStep.
func (s *Service) Plan(ctx context.Context, tx *db.Tx, p paging.Snapshot) error {
	if p.Status != paging.Open {
		return nil
	}
	s.unpushed(tx, p)
	list := p.Current.All()
	if len(list) == 0 { // a switchboard that nobody holds has a telephone all the same
		list = []paging.Called{{Post: p.Current.Post}}
	}
	for _, c := range list {
		for _, w := range s.Config.plan(p.Urgency) {
			if err := s.planOne(ctx, tx, p, c, w); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) planOne(ctx context.Context, tx *db.Tx, p paging.Snapshot, c paging.Called, w When) error {
	at, err := s.address(ctx, tx, w.Way, c.User, c.Post.ID)
	if err != nil || at == "" {
		return err
	}
	when := p.Current.Since + w.After.Milliseconds()
	if _, err := tx.Exec(ctx, insertTry, "try_"+id.NewOpaque(16), string(p.ID), p.Current.Since, string(c.User), string(w.Way), when, s.Now().UnixMilli()); err != nil {
		return err
	}
	tx.AfterCommit(func() { s.ring(w.Way) })
	return nil
}

func (s *Service) ring(w Way) {
	select {
	case s.bells[w] <- struct{}{}:
	default:
	}
}

// Run sends what is due until ctx ends, each way beside the others. It starts from whatever is in the database.
//
// hazard: H1 urgent message not delivered
func (s *Service) Run(ctx context.Context) error {
	err := s.DB.Write(ctx, "reach.old", func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, oldTries, s.Now().Add(-keepFor).UnixMilli()); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, oldTests, s.Now().Add(-keepFor).UnixMilli()); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, resume, s.Now().UnixMilli()) // what the last process began and did not end
		return err
	})
	if err != nil {
		return err
	}
	fns := []func(context.Context) error{func(ctx context.Context) error { <-ctx.Done(); return nil }}
	for w := range s.Config.Carriers {
		fns = append(fns, func(ctx context.Context) error { return s.serve(ctx, w) })
	}
	return run.All(ctx, fns...)
}

func (s *Service) serve(ctx context.Context, w Way) error {
	for {
		next, err := s.pass(ctx, w)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if !run.Wait(ctx, min(max(next.Sub(s.Now()), 0), patience), s.bells[w]) {
			return nil
		}
	}
}

// pass sends what is due in one way, several at once, and returns when something will be.
func (s *Service) pass(ctx context.Context, w Way) (time.Time, error) {
	now := s.Now()
	next := now.Add(patience)
	list, err := db.Collect(ctx, s.DB, dueTries, scanTry, string(w), together)
	if err != nil {
		return next, err
	}
	var fns []func(context.Context) error
	for _, t := range list {
		if at := time.UnixMilli(t.nextAt); at.After(now) {
			next = minTime(next, at)
			break
		}
		fns = append(fns, func(ctx context.Context) error { return s.send(ctx, t) })
	}
	if len(fns) == 0 {
		return next, nil
	}
	return now, run.All(ctx, fns...) // and look again
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// send makes one attempt. It writes down that it tries before it touches the network, so that after a crash the text goes once more and
// never once less.
func (s *Service) send(ctx context.Context, t try) error {
	var m carrier.Message
	err := s.DB.WriteFirst(ctx, "reach.begin", func(ctx context.Context, tx *db.Tx) (err error) {
		m, err = s.begin(ctx, tx, &t)
		return err
	})
	if err != nil || m.To == "" {
		return err
	}
	out, cancel := context.WithTimeout(ctx, attempt)
	name, err := s.Config.Carriers[t.way].Send(out, m)
	cancel()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	switch {
	case err == nil:
		return s.settle(ctx, t, taken, name, paging.Taken, "")
	case errors.Is(err, carrier.ErrRefused):
		s.Log.Warn("a carrier refuses", "way", t.way, "page", t.page, "err", err)
		return s.settle(ctx, t, failed, "", paging.Failed, "refused")
	case t.attempts >= attempts:
		s.Log.Warn("a carrier could not be reached", "way", t.way, "page", t.page, "err", err)
		return s.settle(ctx, t, failed, "", paging.Failed, "the carrier cannot be reached")
	}
	s.Log.Info("a carrier will be asked again", "way", t.way, "page", t.page, "err", err)
	wait := pause(t.attempts)
	if later := (*carrier.Later)(nil); errors.As(err, &later) {
		wait = max(wait, later.After)
	}
	return s.DB.WriteFirst(ctx, "reach.later", func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, laterTry, t.id, s.Now().Add(wait).UnixMilli())
		return err
	})
}

// begin looks whether a try is still needed and notes that it is made; without an address in the message it is not.
func (s *Service) begin(ctx context.Context, tx *db.Tx, t *try) (m carrier.Message, err error) {
	p, err := paging.Look(ctx, tx, t.page)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return m, err
	}
	now := s.Now()
	c, called := calledAs(p, t.holder)
	needed := err == nil && p.Status == paging.Open && called && p.Current.Since == t.since && (t.way == Voice || !p.Looked(t.holder))
	to := ""
	if needed {
		if to, err = s.address(ctx, tx, t.way, c.User, c.Post.ID); err != nil {
			return m, err
		}
	}
	if to == "" {
		_, err = tx.Exec(ctx, endTry, t.id, dropped, "", now.UnixMilli())
		return m, err
	}
	t.attempts++
	if _, err := tx.Exec(ctx, beginTry, t.id, t.attempts, now.Add(attempt+pause(t.attempts)).UnixMilli(), now.UnixMilli()); err != nil {
		return m, err
	}
	if t.attempts == 1 {
		if err := s.note(ctx, tx, *t, paging.Tried, ""); err != nil {
			return m, err
		}
	}
	return carrier.Message{Ref: t.id, To: to, Text: text(p, t.way, s.Public)}, nil
}

// settle writes down how an attempt went, unless a receipt was quicker.
func (s *Service) settle(ctx context.Context, t try, state, name string, k paging.Kind, why string) error {
	return s.DB.WriteFirst(ctx, "reach.settle", func(ctx context.Context, tx *db.Tx) error {
		is, err := db.One(ctx, tx, oneTry, scanTry, t.id, string(t.way))
		if err != nil || is.state != due {
			return err
		}
		if _, err := tx.Exec(ctx, endTry, t.id, state, name, s.Now().UnixMilli()); err != nil {
			return err
		}
		return s.note(ctx, tx, t, k, why)
	})
}

// note tells the page.
func (s *Service) note(ctx context.Context, tx *db.Tx, t try, k paging.Kind, why string) error {
	what := t.way.words()
	if why != "" {
		what += ": " + why
	}
	_, err := s.Paging.ActIn(ctx, tx, t.page, paging.Input{Verb: paging.Carry, User: t.holder, Carried: k, Since: t.since, Reason: what})
	return err
}

var errUnknown = fault.New(fault.Hidden, "M_NOT_FOUND", "There is nothing here.")

// Receive takes what a carrier tells of a text that it took. A way without such a carrier, and a receipt that is not the carrier's, are the
// same Hidden; one that was told before, comes late or names nothing of ours changes nothing and is no error, so that it is not repeated.
func (s *Service) Receive(ctx context.Context, w Way, r *http.Request) error {
	c, ok := s.Config.Carriers[w].(carrier.Teller)
	if !ok {
		return errUnknown
	}
	got, err := c.Read(r)
	switch {
	case errors.Is(err, carrier.ErrForged):
		return errUnknown
	case err != nil:
		return fault.Wrap(fault.Invalid, "M_NOT_JSON", "The receipt cannot be read.", err)
	}
	got = slices.DeleteFunc(got, func(r carrier.Receipt) bool { return r.State == "" })
	if len(got) == 0 {
		return nil
	}
	return s.DB.WriteFirst(ctx, "reach.receipt", func(ctx context.Context, tx *db.Tx) error {
		for _, r := range got {
			if err := s.receive(ctx, tx, w, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// receive takes one receipt.
func (s *Service) receive(ctx context.Context, tx *db.Tx, w Way, got carrier.Receipt) error {
	if strings.HasPrefix(got.Ref, testRef) {
		return s.settleTest(ctx, tx, got.Ref, w, string(got.State), got.Reason, due, taken)
	}
	t, err := db.One(ctx, tx, oneTry, scanTry, got.Ref, string(w))
	if fault.Is(err, fault.NotFound) && s.Trials != nil {
		return s.Trials(ctx, tx, got.Ref, got.State != carrier.Failed, got.Reason)
	}
	if fault.Is(err, fault.NotFound) || err == nil && t.state != due && t.state != taken {
		return nil
	}
	if err != nil {
		return err
	}
	state, k := arrived, paging.Arrived
	if got.State == carrier.Failed {
		state, k = failed, paging.Failed
	}
	if _, err := tx.Exec(ctx, endTry, t.id, state, "", s.Now().UnixMilli()); err != nil {
		return err
	}
	return s.note(ctx, tx, t, k, got.Reason)
}

// calledAs is by which post somebody is called, and whether they are; nobody is called where a switchboard stands empty.
func calledAs(p paging.Snapshot, user id.User) (paging.Called, bool) {
	for _, c := range p.Current.All() {
		if c.User == user {
			return c, true
		}
	}
	return paging.Called{Post: p.Current.Post}, user == "" && p.Current.User == ""
}
