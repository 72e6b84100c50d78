package record

import (
	"context"
	"errors"
	"time"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/run"
)

// patience is the longest the worker sleeps without looking at the clock.
const patience = 30 * time.Second

// Run files what waits, one filing after another, until ctx ends; it returns an error only when the database cannot be read or
// written. It starts from whatever is in the outbox, so nothing is lost by a restart.
//
// hazard: H10 decision not filed, or filed twice
// hazard: H17 record write accepted by queue but rejected by EPR
func (s *Service) Run(ctx context.Context) error {
	for {
		next, err := s.pass(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if !run.Wait(ctx, min(next.Sub(s.Now()), patience), s.bell) {
			return nil
		}
	}
}

// pass tries every filing that is due and returns when the next one will be.
func (s *Service) pass(ctx context.Context) (time.Time, error) {
	next := s.Now().Add(patience)
	if s.Client == nil {
		return next, nil
	}
	all, err := db.Collect(ctx, s.DB, waiting, scanTask)
	if err != nil {
		return next, err
	}
	for _, t := range all {
		if at := time.UnixMilli(t.nextAt); at.After(s.Now()) {
			return minTime(next, at), nil
		}
		if err := s.file(ctx, t); err != nil {
			return next, err
		}
		next = s.Now() // look again
	}
	return next, nil
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// file makes one attempt. It writes down that it tries before it touches the network, so that after a crash the next attempt knows
// to ask first.
func (s *Service) file(ctx context.Context, t task) error {
	asked := t.Attempts > 0
	t.Attempts++
	t.nextAt = s.Now().Add(s.Retry.after(t.Attempts)).UnixMilli()
	if err := s.DB.Write(ctx, "record.attempt", func(ctx context.Context, tx *db.Tx) error {
		_, err := save(ctx, tx, t)
		return err
	}); err != nil {
		return err
	}
	recordID, err := s.attempt(ctx, t, asked)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	before := t.Reason
	t.At = s.Now().UnixMilli()
	var no *refusal
	switch {
	case err == nil:
		t.Status, t.RecordID, t.Reason = Filed, recordID, ""
	case errors.As(err, &no):
		t.Status, t.Reason = Refused, no.reason
	default:
		t.Reason = "The record system cannot be reached."
		s.Log.Warn("filing waits for the record system", "decision", t.Decision, "attempts", t.Attempts, "err", err)
	}
	return s.settle(ctx, t, t.Status != Waiting || t.Reason != before)
}

// attempt asks whether the record has the document already, when it might, and sends it otherwise.
func (s *Service) attempt(ctx context.Context, t task, ask bool) (string, error) {
	system := source{Org: s.Organisation}.system("decision")
	if ask {
		found, err := s.Client.find(ctx, system, string(t.Decision))
		if found != "" || err != nil {
			return found, err
		}
	}
	recordID, err := s.Client.post(ctx, t.bundle)
	if err != nil || recordID != "" {
		return recordID, err
	}
	// It was taken, but the answer does not say under which id.
	recordID, err = s.Client.find(ctx, system, string(t.Decision))
	if err == nil && recordID == "" {
		err = errors.New("the record took the filing and does not find it")
	}
	return recordID, err
}

// settle writes the outcome and, when people should know, tells the room, in one act.
func (s *Service) settle(ctx context.Context, t task, tell bool) error {
	return s.DB.Write(ctx, "record.settle", func(ctx context.Context, tx *db.Tx) error {
		changed, err := save(ctx, tx, t)
		if err != nil || !changed || !tell {
			return err
		}
		if t.Status != Waiting {
			if err := hurry(ctx, tx, t.At); err != nil {
				return err
			}
		}
		k, err := db.One(ctx, tx, decisionByID, scanDecision, string(t.Decision))
		if err != nil {
			return err
		}
		if err := s.announce(ctx, tx, k, t.Filing); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Entry{At: time.UnixMilli(t.At), Actor: "system", Action: "record." + string(t.Status), Object: string(t.Decision),
			Detail: map[string]string{"record": t.RecordID, "room": string(k.room)}})
	})
}

// announce tells the room how the filing stands. A room that will not hear it does not undo the filing.
func (s *Service) announce(ctx context.Context, tx *db.Tx, k kept, f Filing) error {
	a, err := s.Rooms.In(ctx, tx, k.room)
	if err != nil {
		return err
	}
	from := s.Steward
	if a.Membership(from) != "join" {
		from = k.By
	}
	typ, c := change(k.Decision, f)
	ev, err := a.Send(ctx, from, typ, c)
	if err != nil {
		s.Log.Error("filing is settled, but its room will not hear it", "decision", k.ID, "room", k.room, "status", f.Status, "err", err)
		return nil
	}
	_, err = tx.Exec(ctx, noteEvent, string(ev.ID), string(k.ID))
	return err
}
