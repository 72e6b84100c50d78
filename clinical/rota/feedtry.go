package rota

import (
	"context"
	"errors"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// FeedShift is one shift that a feed would bring, change or take away. Was is what it would change, nil for nothing.
type FeedShift struct {
	Kind string // new, changed, gone
	Duty Duty
	Post string // its post's name
	Was  *Duty
}

// FeedTrial is what reading a feed would do. Shifts are the first of them, at most 200; the report counts them all.
type FeedTrial struct {
	FeedReport
	Shifts []FeedShift
	Read   int // shifts that were understood
}

// maxShown bounds the shifts that a trial lists.
const maxShown = 200

var errDry = errors.New("a dry run")

// TryFeed says what a feed would do if it were read now, and does nothing: the same act is done and undone. Raw is what the feed says;
// without it, it is fetched from the feed's address, which only administrators may. A feed that cannot be fetched or read is no error:
// the report says why. The feed need not be there yet.
//
// hazard: H7 rota feed stale or wrong time zone or clock change
func (s *Service) TryFeed(ctx context.Context, by directory.By, f Feed, raw []byte) (FeedTrial, error) {
	var t FeedTrial
	if raw == nil && !by.Admin {
		return t, fault.New(fault.Forbidden, "M_FORBIDDEN", "Only administrators may do that.")
	}
	if f.Name == "" {
		f.Name = "A trial"
	}
	if f.Stale == 0 {
		f.Stale = 24 * time.Hour
	}
	if err := f.check(); err != nil {
		return t, err
	}
	if raw == nil {
		if f.URL == "" {
			return t, fault.New(fault.Invalid, "M_INVALID_PARAM", "Give the address of the feed, or a file to try.")
		}
		var err error
		if raw, err = s.download(ctx, f.URL); err != nil {
			s.Log.Warn("rota feed on trial could not be fetched", "err", err)
			t.Error = sayFeed(err)
			return t, nil
		}
	}
	claims, trouble, err := ReadFeed(f.Kind, raw, s.Now())
	if t.Trouble = trouble; err != nil {
		t.Error = sayFeed(err)
		return t, nil
	}
	t.Read = len(claims)
	err = s.DB.WriteLast(ctx, "rota.try_feed", func(ctx context.Context, tx *db.Tx) error {
		if f.Post != "" {
			if _, err := directory.FindPost(ctx, tx, f.Post); err != nil {
				return err
			}
		}
		if f.ID != "" {
			if _, err := db.One(ctx, tx, feedByID, scanFeed, f.ID); err != nil {
				return err
			}
		}
		t.FeedReport, t.Shifts = FeedReport{Trouble: trouble, shifts: &t.Shifts}, nil
		if _, err := s.align(ctx, tx, f, claims, &t.FeedReport); err != nil {
			return err
		}
		return errDry
	})
	if errors.Is(err, errDry) {
		err = nil
	}
	t.shifts = nil
	return t, err
}

// sayFeed is why a feed could not be read, in a sentence.
func sayFeed(err error) string {
	if f := fault.As(err); f != nil {
		return f.Public
	}
	return "The feed could not be fetched."
}

// list adds a shift to those that a dry run shows.
func (r *FeedReport) list(ctx context.Context, q db.Querier, kind string, d Duty, was *Duty) error {
	if r.shifts == nil || len(*r.shifts) >= maxShown {
		return nil
	}
	p, err := directory.FindPost(ctx, q, d.Post)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	name := func(u id.User) (string, error) {
		if u == "" {
			return "", nil
		}
		return directory.NameOf(ctx, q, u)
	}
	if d.Name, err = name(d.User); err != nil {
		return err
	}
	if was != nil {
		old := *was
		if old.Name, err = name(old.User); err != nil {
			return err
		}
		was = &old
	}
	*r.shifts = append(*r.shifts, FeedShift{Kind: kind, Duty: d, Post: p.Name, Was: was})
	return nil
}
