package emergency

import (
	"context"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Find returns a call that somebody may see: they have to do with it, are in its room, hold the switchboard, or look after the directory.
// Any other is fault.Hidden.
func (s *Service) Find(ctx context.Context, by directory.By, call ID) (Call, error) {
	c, err := find(ctx, s.DB, call)
	if err != nil {
		return Call{}, err
	}
	all, err := s.all(ctx, by)
	if err != nil {
		return Call{}, err
	}
	if all {
		return c, nil
	}
	may, err := s.sees(ctx, by.User, c)
	if err == nil && !may {
		err = errHidden
	}
	if err != nil {
		return Call{}, err
	}
	return c, nil
}

// all says whether somebody may see every call.
func (s *Service) all(ctx context.Context, by directory.By) (bool, error) {
	board, err := Switchboard(ctx, s.DB, by.User, s.Now())
	return board || err == nil && May(ctx, s.DB, by) == nil, err
}

// sees says whether somebody has to do with a call, or is in its room.
func (s *Service) sees(ctx context.Context, user id.User, c Call) (bool, error) {
	if c.holds(user) {
		return true, nil
	}
	in, err := s.Rooms.Standing(ctx, user, c.RoomID)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil && in.Is == "join", err
}

// Open returns the calls that go on and that somebody may see, oldest first.
func (s *Service) Open(ctx context.Context, by directory.By) ([]Call, error) {
	calls, err := db.Collect(ctx, s.DB, openCalls, scan)
	if err != nil {
		return nil, err
	}
	return s.seen(ctx, by, calls)
}

// Past returns the calls raised in an interval that somebody may see, newest first, at most 500.
func (s *Service) Past(ctx context.Context, by directory.By, from, until time.Time) ([]Call, error) {
	calls, err := db.Collect(ctx, s.DB, pastCalls, scan, from.UnixMilli(), until.UnixMilli())
	if err != nil {
		return nil, err
	}
	return s.seen(ctx, by, calls)
}

func (s *Service) seen(ctx context.Context, by directory.By, calls []Call) ([]Call, error) {
	all, err := s.all(ctx, by)
	if err != nil {
		return nil, err
	}
	out := []Call{}
	for _, c := range calls {
		may := all
		if !may {
			if may, err = s.sees(ctx, by.User, c); err != nil {
				return nil, err
			}
		}
		if may {
			out = append(out, c)
		}
	}
	return out, nil
}

// Enter brings whoever holds the switchboard into the room of a call, for one that was raised before they came. Anybody else gets fault.Hidden.
func (s *Service) Enter(ctx context.Context, by id.User, call ID) (Call, error) {
	var c Call
	err := s.DB.WriteFirst(ctx, "emergency.enter", func(ctx context.Context, tx *db.Tx) (err error) {
		if c, err = find(ctx, tx, call); err != nil {
			return err
		}
		a, err := s.Rooms.In(ctx, tx, c.RoomID)
		if err != nil || a.Membership(by) == "join" {
			return err
		}
		board, err := Switchboard(ctx, tx, by, s.Now())
		if err == nil && !board {
			err = errHidden
		}
		if err != nil {
			return err
		}
		return a.Join(ctx, s.Steward, by)
	})
	if err != nil {
		return Call{}, err
	}
	return c, nil
}
