package remind

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/run"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/push"
	"wardline/matrix/room"
)

// Deps is what the service needs; all are required.
type Deps struct {
	DB       *db.DB
	Rooms    *room.Service
	Accounts *account.Service
	Push     *push.Service
	Now      func() time.Time
	Log      *slog.Logger
}

// Service keeps what people want later.
type Service struct {
	Deps
	bell chan struct{} // wakes Run
}

// New returns the service. It starts nothing.
func New(d Deps) *Service { return &Service{Deps: d, bell: make(chan struct{}, 1)} }

var errNoMessage = fault.New(fault.Hidden, "M_NOT_FOUND", "There is no such message.")

// Remind brings a message back to somebody at an instant, in place of an earlier wish for the same message. It is durable when Remind
// returns. A message that they may not see is fault.Hidden.
func (s *Service) Remind(ctx context.Context, u id.User, in id.Room, event id.Event, at time.Time) error {
	if err := checkTime(at, s.Now()); err != nil {
		return err
	}
	if err := s.sees(ctx, u, in, event); err != nil {
		return err
	}
	err := s.DB.Write(ctx, "remind.message", func(ctx context.Context, tx *db.Tx) error {
		n, err := db.One(ctx, tx, amount, db.Scalar[int64], string(u))
		if err != nil {
			return err
		}
		if n >= most {
			return fault.New(fault.Invalid, "M_TOO_LARGE", "You have a hundred reminders already. Put some away first.")
		}
		if _, err := tx.Exec(ctx, put, string(u), string(message), string(in), string(event), at.UnixMilli()); err != nil {
			return err
		}
		return s.show(ctx, tx, u)
	})
	s.ring()
	return err
}

// Forget puts a reminder away, due or not. One that is not there is no error.
func (s *Service) Forget(ctx context.Context, u id.User, in id.Room, event id.Event) error {
	return s.DB.Write(ctx, "remind.forget", func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.Exec(ctx, drop, string(u), string(message), string(in), string(event))
		if err != nil || n == 0 {
			return err
		}
		return s.show(ctx, tx, u)
	})
}

// List returns somebody's reminders, the soonest first.
func (s *Service) List(ctx context.Context, u id.User) ([]Reminder, error) {
	return db.Collect(ctx, s.DB, own, scanReminder, string(u))
}

// Hear says how somebody wants to be told of a conversation, and until when; a zero until is until they say otherwise. Push rules and the
// end are one act. A conversation that they are not in is fault.Hidden.
func (s *Service) Hear(ctx context.Context, u id.User, in id.Room, level Level, until time.Time) error {
	if level != All && level != Mentions && level != Nothing {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The level is all, mentions or nothing.")
	}
	if level != Nothing && !until.IsZero() {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "Only silence has an end.")
	}
	if !until.IsZero() {
		if err := checkTime(until, s.Now()); err != nil {
			return err
		}
	}
	feed, err := s.Rooms.Feed(ctx, in)
	if err != nil {
		return fault.Hide(err, "M_NOT_FOUND", "There is no such conversation.")
	}
	if feed.Membership(u) != "join" {
		return fault.New(fault.Hidden, "M_NOT_FOUND", "There is no such conversation.")
	}
	err = s.DB.Write(ctx, "remind.hear", func(ctx context.Context, tx *db.Tx) error {
		if err := s.Push.ChangeIn(ctx, tx, u, func(set *push.Ruleset) error { return ruled(set, in, level) }); err != nil {
			return err
		}
		if until.IsZero() {
			n, err := tx.Exec(ctx, drop, string(u), string(silence), string(in), "")
			if err != nil || n == 0 {
				return err
			}
		} else if _, err := tx.Exec(ctx, put, string(u), string(silence), string(in), "", until.UnixMilli()); err != nil {
			return err
		}
		return s.silent(ctx, tx, u, in, until)
	})
	s.ring()
	return err
}

func (s *Service) sees(ctx context.Context, u id.User, in id.Room, event id.Event) error {
	feed, err := s.Rooms.Feed(ctx, in)
	if err != nil {
		return fault.Hide(err, "M_NOT_FOUND", "There is no such message.")
	}
	if _, _, err := s.Rooms.Find(ctx, feed, u, event); err != nil {
		return fault.Hide(err, "M_NOT_FOUND", "There is no such message.")
	}
	if feed.Membership(u) != "join" {
		return errNoMessage
	}
	return nil
}

// show lets the person's devices find their reminders.
func (s *Service) show(ctx context.Context, tx *db.Tx, u id.User) error {
	list, err := db.Collect(ctx, tx, own, scanReminder, string(u))
	if err != nil {
		return err
	}
	if list == nil {
		list = []Reminder{}
	}
	raw, err := json.Marshal(map[string]any{"reminders": list})
	if err != nil {
		return err
	}
	return s.Accounts.SetDataIn(ctx, tx, u, "", Type, raw)
}

// silent lets the person's devices know until when a conversation is silent.
func (s *Service) silent(ctx context.Context, tx *db.Tx, u id.User, in id.Room, until time.Time) error {
	content := map[string]int64{}
	if !until.IsZero() {
		content["until"] = until.UnixMilli()
	}
	raw, err := json.Marshal(content)
	if err != nil {
		return err
	}
	return s.Accounts.SetDataIn(ctx, tx, u, in, SilenceType, raw)
}

func (s *Service) ring() {
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

// patience is the longest the loop sleeps without looking at the clock; pause and tries are for devices that cannot be told.
const (
	patience = 30 * time.Second
	pause    = 20 * time.Second
	maxTries = 6
)

// Run does what is due, from whatever is in the database, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	for {
		next, err := s.pass(ctx)
		if err != nil {
			return err
		}
		if !run.Wait(ctx, min(next.Sub(s.Now()), patience), s.bell) {
			return nil
		}
	}
}

func (s *Service) pass(ctx context.Context) (time.Time, error) {
	now := s.Now()
	all, err := db.Collect(ctx, s.DB, next, scanLater)
	if err != nil {
		return now, err
	}
	for _, l := range all {
		if l.nextAt.After(now) {
			return l.nextAt, nil
		}
		if err := s.come(ctx, l); err != nil {
			if ctx.Err() != nil {
				return now, nil
			}
			s.Log.Error("what somebody wanted later could not be done, will try again", "kind", l.kind, "err", err)
			if err := s.putOff(ctx, l); err != nil {
				return now, err
			}
		}
	}
	if len(all) > 0 {
		return now, nil
	}
	return now.Add(patience), nil
}

// putOff leaves something alone for a while that could not be done, so that it does not keep the others.
func (s *Service) putOff(ctx context.Context, l later) error {
	return s.DB.Write(ctx, "remind.put_off", func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, move, append(l.key(), string(l.state), l.tries, s.Now().Add(pause).UnixMilli())...)
		return err
	})
}

// come does one thing that is due. First it becomes due for the person's open devices, in one act; then those that are closed are told,
// and again when that fails.
func (s *Service) come(ctx context.Context, l later) error {
	if l.state == telling {
		return s.tell(ctx, l)
	}
	return s.DB.Write(ctx, "remind.due", func(ctx context.Context, tx *db.Tx) error {
		now, err := db.One(ctx, tx, again, scanLater, l.key()...)
		if fault.Is(err, fault.NotFound) || err == nil && (now.state != waiting || now.nextAt.After(s.Now())) {
			return nil // put away, or put off, since it was read
		}
		if err != nil {
			return err
		}
		if l.kind == silence {
			if _, err := tx.Exec(ctx, drop, l.key()...); err != nil {
				return err
			}
			if err := s.Push.ChangeIn(ctx, tx, l.user, func(set *push.Ruleset) error { return ruled(set, l.room, All) }); err != nil {
				return err
			}
			return s.silent(ctx, tx, l.user, l.room, time.Time{})
		}
		if _, err := tx.Exec(ctx, move, append(l.key(), string(telling), int64(0), s.Now().UnixMilli())...); err != nil {
			return err
		}
		return s.show(ctx, tx, l.user)
	})
}

func (s *Service) tell(ctx context.Context, l later) error {
	to, at := told, s.Now()
	err := s.Push.Remind(ctx, l.user, l.room, l.event)
	if err != nil && l.tries+1 < maxTries {
		to, at = telling, at.Add(pause<<l.tries)
		s.Log.Warn("a reminder could not be told to a device, will try again", "err", err)
	}
	return s.DB.Write(ctx, "remind.told", func(ctx context.Context, tx *db.Tx) error {
		now, err := db.One(ctx, tx, again, scanLater, l.key()...)
		if fault.Is(err, fault.NotFound) || err == nil && now.state != telling {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, move, append(l.key(), string(to), l.tries+1, at.UnixMilli())...)
		return err
	})
}
