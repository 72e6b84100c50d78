package rota

import (
	"context"
	"slices"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// forever is the end of an absence that has none.
const forever = int64(1) << 52

var (
	addAway    = db.SQL("rota.add_away", `INSERT INTO rota_away (id, user_id, from_at, until_at, kind, by_user) VALUES ($1, $2, $3, $4, $5, $6)`)
	awayByID   = db.SQL("rota.away", `SELECT id, user_id, from_at, until_at, kind, by_user FROM rota_away WHERE id = $1 LIMIT 1`)
	deleteAway = db.SQL("rota.delete_away", `DELETE FROM rota_away WHERE id = $1`)
	endLeft    = db.SQL("rota.end_left", `DELETE FROM rota_away WHERE user_id = $1 AND kind = 'left'`)
	postsAfter = db.SQL("rota.posts_after", `SELECT DISTINCT post FROM rota_duty WHERE user_id = $1 AND until_at > $2 LIMIT 2000`)
	keptPosts  = db.SQL("rota.kept_posts", `SELECT DISTINCT post FROM rota_held WHERE user_id = $1 AND until_at = 0 LIMIT 200`)
)

// AwayKinds are the words for an absence that people may choose. Why somebody is sick is nobody's business here.
var AwayKinds = []string{"leave", "sick", "study", "other"}

// SetAway notes that somebody is not there for a time. People may say so of themselves, and whoever keeps a rota of anybody. What they
// hold then passes on or raises an alarm at once.
func (s *Service) SetAway(ctx context.Context, by directory.By, a Away) (Away, error) {
	switch {
	case !a.Until.After(a.From) || a.Until.Sub(a.From) > 400*24*time.Hour:
		return a, fault.New(fault.Invalid, "M_INVALID_PARAM", "An absence ends after it begins, and lasts 400 days at most.")
	case !slices.Contains(AwayKinds, a.Kind):
		return a, fault.New(fault.Invalid, "M_INVALID_PARAM", "Say whether it is leave, sick, study or other.")
	}
	err := s.DB.WriteFirst(ctx, "rota.away", func(ctx context.Context, tx *db.Tx) error {
		if a.User != by.User {
			if err := directory.KeepsAny(ctx, tx, by); err != nil {
				return err
			}
		}
		if err := s.staff(ctx, tx, a.User); err != nil {
			return err
		}
		a.ID, a.By = "aw_"+id.NewOpaque(9), by.User
		return s.follow(ctx, tx, a.User, func() error {
			if _, err := tx.Exec(ctx, addAway, a.ID, string(a.User), a.From.UnixMilli(), a.Until.UnixMilli(), a.Kind, string(by.User)); err != nil {
				return err
			}
			return s.note(ctx, tx, by.User, "rota.away", string(a.User), map[string]string{"away": a.ID})
		})
	})
	return a, err
}

// EndAway takes an absence back.
func (s *Service) EndAway(ctx context.Context, by directory.By, away string) error {
	return s.DB.WriteFirst(ctx, "rota.away", func(ctx context.Context, tx *db.Tx) error {
		a, err := db.One(ctx, tx, awayByID, scanAway, away)
		if err != nil {
			return err
		}
		if a.Kind == "left" {
			return fault.New(fault.NotFound, "M_NOT_FOUND", "Not found.")
		}
		if a.User != by.User {
			if err := directory.KeepsAny(ctx, tx, by); err != nil {
				return fault.Wrap(fault.Hidden, "M_NOT_FOUND", "Not found.", err)
			}
		}
		return s.follow(ctx, tx, a.User, func() error {
			if _, err := tx.Exec(ctx, deleteAway, away); err != nil {
				return err
			}
			return s.note(ctx, tx, by.User, "rota.back", string(a.User), map[string]string{"away": a.ID})
		})
	})
}

// AwayOf returns somebody's absences that have not ended.
func AwayOf(ctx context.Context, q db.Querier, user id.User, at time.Time) ([]Away, error) {
	return db.Collect(ctx, q, awayOf, scanAway, string(user), at.UnixMilli())
}

// follow makes a change about somebody inside an open act, and brings every post that they hold, or are planned for, up to date before it
// and after it: what has changed hands by it is then known, and what belongs to the post goes with it.
func (s *Service) follow(ctx context.Context, tx *db.Tx, user id.User, change func() error) error {
	posts, err := db.Collect(ctx, tx, keptPosts, db.Scalar[directory.PostID], string(user))
	if err != nil {
		return err
	}
	planned, err := db.Collect(ctx, tx, postsAfter, db.Scalar[directory.PostID], string(user), s.Now().UnixMilli())
	if err != nil {
		return err
	}
	posts = append(posts, planned...)
	slices.Sort(posts)
	posts = slices.Compact(posts)
	for _, p := range posts {
		if err := s.Tick(ctx, tx, p); err != nil {
			return err
		}
	}
	if err := change(); err != nil {
		return err
	}
	for _, p := range posts {
		if err := s.Tick(ctx, tx, p); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, bump); err != nil {
		return err
	}
	tx.AfterCommit(s.Changed)
	return nil
}

// Left ends, inside an open act, everything that somebody who leaves holds or is planned for: posts pass on or raise an alarm at once, and
// their calendars' links end. Their duties stay in the rota, as gaps, until somebody fills them.
//
// hazard: H6 role empty or stale holder
func (s *Service) Left(ctx context.Context, tx *db.Tx, by, user id.User) error {
	if err := s.back(ctx, tx, user); err != nil {
		return err
	}
	return s.follow(ctx, tx, user, func() error {
		if _, err := tx.Exec(ctx, addAway, "aw_"+id.NewOpaque(9), string(user), s.Now().UnixMilli(), forever, "left", string(by)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, endLinks, string(user))
		return err
	})
}

// Returned takes Left back, for somebody who works here again: the posts that they are planned for are theirs at once, and what rang for
// them rings no more.
func (s *Service) Returned(ctx context.Context, tx *db.Tx, user id.User) error {
	return s.follow(ctx, tx, user, func() error { return s.back(ctx, tx, user) })
}

func (s *Service) back(ctx context.Context, tx *db.Tx, user id.User) error {
	if _, err := tx.Exec(ctx, endLeft, string(user)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, bump)
	return err
}
