package conversation

import (
	"context"
	"slices"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/run"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// Following are the posts and teams whose people a room has, whoever they are at the time.
type Following struct {
	Posts []directory.PostID
	Teams []directory.TeamID
}

// follows is one line of that.
type follows struct {
	room      id.Room
	kind, ref string
}

const (
	byPost = "post"
	byTeam = "team"
)

const maxFollowing = 20 // posts and teams of one room

var errFollowing = fault.New(fault.Invalid, "M_INVALID_PARAM", "A group follows at most twenty posts and teams.")

// Followed returns what a room follows, for whoever is in it.
func (s *Service) Followed(ctx context.Context, by id.User, in id.Room) (Following, error) {
	var f Following
	feed, err := s.Rooms.Feed(ctx, in)
	if err != nil || feed.Membership(by) != "join" {
		return f, fault.Hide(cond(err, errNoRoom), "M_NOT_FOUND", "There is no such conversation.")
	}
	return s.following(ctx, s.DB, in)
}

func (s *Service) following(ctx context.Context, q db.Querier, in id.Room) (f Following, err error) {
	lines, err := db.Collect(ctx, q, followsOf, scanFollows, string(in))
	for _, l := range lines {
		if l.kind == byPost {
			f.Posts = append(f.Posts, directory.PostID(l.ref))
		} else {
			f.Teams = append(f.Teams, directory.TeamID(l.ref))
		}
	}
	return f, err
}

// Follow makes a group have the people of these posts and teams from now on: who comes to hold a post, or joins a team, comes in;
// who no longer does goes out, unless somebody brought them in by hand. It replaces what the group followed. Only an owner or admin may;
// an unknown post or team is fault.Invalid. It is audited.
func (s *Service) Follow(ctx context.Context, by id.User, in id.Room, f Following) error {
	return s.DB.Write(ctx, "conversation.follow", func(ctx context.Context, tx *db.Tx) error {
		a, p, err := s.group(ctx, tx, by, in)
		if err != nil {
			return err
		}
		if p.role(by) == Member {
			return errNotAdmin
		}
		return s.followIn(ctx, a, by, f)
	})
}

func (s *Service) followIn(ctx context.Context, a *room.Act, by id.User, f Following) error {
	tx := a.Tx()
	if len(f.Posts)+len(f.Teams) > maxFollowing {
		return errFollowing
	}
	if _, err := tx.Exec(ctx, clearFollows, string(a.Room())); err != nil {
		return err
	}
	for _, p := range f.Posts {
		if _, err := directory.FindPost(ctx, tx, p); fault.Is(err, fault.NotFound) {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "One of these posts is not in the directory.")
		} else if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, saveFollows, string(a.Room()), byPost, string(p)); err != nil {
			return err
		}
	}
	for _, t := range f.Teams {
		if _, err := directory.FindTeam(ctx, tx, t); fault.Is(err, fault.NotFound) {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "One of these teams is not in the directory.")
		} else if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, saveFollows, string(a.Room()), byTeam, string(t)); err != nil {
			return err
		}
	}
	if err := s.keepUp(ctx, a); err != nil {
		return err
	}
	tx.AfterCommit(s.ring)
	return s.note(ctx, tx, by, "conversation.follow", a.Room())
}

// due says who belongs into a room by what it follows, now.
func (s *Service) due(ctx context.Context, q db.Querier, f Following) ([]id.User, error) {
	var who []id.User
	for _, p := range f.Posts {
		holders, err := rota.Holders(ctx, q, p, s.Now())
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		for _, d := range holders {
			who = append(who, d.User)
		}
	}
	for _, t := range f.Teams {
		team, err := directory.FindTeam(ctx, q, t)
		switch {
		case err == nil:
			who = append(who, team.Members...)
		case !fault.Is(err, fault.NotFound):
			return nil, err
		}
	}
	slices.Sort(who)
	return slices.Compact(who), nil
}

// changes says who must come into a room and whose line must go, by what it follows.
func (s *Service) changes(ctx context.Context, q db.Querier, in id.Room) (come, gone []id.User, err error) {
	f, err := s.following(ctx, q, in)
	if err != nil {
		return nil, nil, err
	}
	due, err := s.due(ctx, q, f)
	if err != nil {
		return nil, nil, err
	}
	have, err := db.Collect(ctx, q, followedOf, db.Scalar[id.User], string(in))
	if err != nil {
		return nil, nil, err
	}
	come = slices.DeleteFunc(slices.Clone(due), func(u id.User) bool { return slices.Contains(have, u) })
	gone = slices.DeleteFunc(have, func(u id.User) bool { return slices.Contains(due, u) })
	return come, gone, nil
}

// keepUp makes a room have who belongs there. Somebody who left of their own accord, or was taken out, while they belong stays out
// until they have stopped belonging and come again.
func (s *Service) keepUp(ctx context.Context, a *room.Act) error {
	come, gone, err := s.changes(ctx, a.Tx(), a.Room())
	if err != nil {
		return err
	}
	for _, u := range come {
		if m := a.Membership(u); m == "join" || m == "ban" {
			continue // brought in by hand, and stays when the post passes on
		}
		if err := a.Join(ctx, s.Steward, u); fault.Is(err, fault.Forbidden) || fault.Is(err, fault.NotFound) {
			continue // no account, or one that has ended
		} else if err != nil {
			return err
		}
		if _, err := a.Tx().Exec(ctx, saveFollowed, string(a.Room()), string(u)); err != nil {
			return err
		}
		if err := s.moved(ctx, a, u, "conversation.follow_in"); err != nil {
			return err
		}
	}
	for _, u := range gone {
		if _, err := a.Tx().Exec(ctx, dropFollowed, string(a.Room()), string(u)); err != nil {
			return err
		}
		if a.Membership(u) != "join" {
			continue
		}
		if err := s.succeed(ctx, a, u); err != nil {
			return err
		}
		if err := a.Leave(ctx, s.Steward, u, "The group follows a post or team that they no longer belong to."); err != nil {
			return err
		}
		if err := s.moved(ctx, a, u, "conversation.follow_out"); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) moved(ctx context.Context, a *room.Act, u id.User, action string) error {
	return audit.Append(ctx, a.Tx(), audit.Entry{At: s.Now(), Actor: "system", Action: action, Object: string(a.Room()), Detail: map[string]string{"user": string(u)}})
}

// lookAgain is the longest a change of a post or a team goes unnoticed: the rota and the directory are changed by others, and by
// time itself.
const lookAgain = 15 * time.Second

// maxFollowers bounds how many rooms follow something.
const maxFollowers = 20_000

// Run keeps the rooms that follow posts and teams up with them, from whatever is in the database, until ctx ends. A room that cannot
// be changed is left for the next look and does not keep the others.
//
// hazard: H6 role empty or stale holder
func (s *Service) Run(ctx context.Context) error {
	for {
		if err := s.look(ctx); err != nil {
			return err
		}
		if !run.Wait(ctx, lookAgain, s.bell) {
			return nil
		}
	}
}

func (s *Service) look(ctx context.Context) error {
	rooms, err := db.Collect(ctx, s.DB, followers, db.Scalar[id.Room], maxFollowers)
	if err != nil {
		return err
	}
	for _, in := range rooms {
		late, err := s.late(ctx, in)
		if err == nil && late {
			err = s.DB.Write(ctx, "conversation.keep_up", func(ctx context.Context, tx *db.Tx) error {
				a, err := s.Rooms.In(ctx, tx, in)
				if err != nil {
					return err
				}
				return s.keepUp(ctx, a)
			})
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && s.Log != nil {
			s.Log.Error("a group could not follow its posts and teams, will try again", "room", in, "err", err)
		}
	}
	return nil
}

// late says whether a room lacks somebody, or has somebody too many, by what it follows.
func (s *Service) late(ctx context.Context, in id.Room) (bool, error) {
	come, gone, err := s.changes(ctx, s.DB, in)
	if err != nil || len(gone) > 0 || len(come) == 0 {
		return len(gone) > 0, err
	}
	feed, err := s.Rooms.Feed(ctx, in)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(come, func(u id.User) bool { m := feed.Membership(u); return m != "join" && m != "ban" }), nil
}

// ring has the rooms looked at now; it never blocks.
func (s *Service) ring() {
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

func scanFollows(r db.Row) (f follows, err error) { return f, r.Scan(&f.room, &f.kind, &f.ref) }

var (
	followsOf    = db.SQL("conversation.follows", `SELECT room, kind, ref FROM conversation_follow WHERE room = $1 ORDER BY kind, ref LIMIT 100`)
	followedOf   = db.SQL("conversation.followed", `SELECT user_id FROM conversation_followed WHERE room = $1 ORDER BY user_id LIMIT 5000`)
	followers    = db.SQL("conversation.followers", `SELECT room FROM conversation_follow UNION SELECT room FROM conversation_followed ORDER BY room LIMIT $1`)
	clearFollows = db.SQL("conversation.clear_follows", `DELETE FROM conversation_follow WHERE room = $1`)
	saveFollows  = db.SQL("conversation.save_follows", `INSERT INTO conversation_follow (room, kind, ref) VALUES ($1, $2, $3) ON CONFLICT (room, kind, ref) DO NOTHING`)
	saveFollowed = db.SQL("conversation.save_followed", `INSERT INTO conversation_followed (room, user_id) VALUES ($1, $2) ON CONFLICT (room, user_id) DO NOTHING`)
	dropFollowed = db.SQL("conversation.drop_followed", `DELETE FROM conversation_followed WHERE room = $1 AND user_id = $2`)
)
