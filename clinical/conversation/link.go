package conversation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// LinkID names an invitation link. It opens nothing: that is what the token does, which is shown once and kept as a hash.
type LinkID string

// Link is an invitation that whoever works for the trust and has its token may follow, until it ends or is taken back.
type Link struct {
	ID      LinkID
	Room    id.Room
	By      id.User
	Name    string // of who made it
	Made    time.Time
	Expires time.Time
	Revoked time.Time // zero while it stands
	Used    int64
}

// How long a link lives.
const (
	minLink = 5 * time.Minute
	maxLink = 30 * 24 * time.Hour
	maxLive = 50 // links of one room at once
)

var (
	errNoLink      = fault.New(fault.Hidden, "M_NOT_FOUND", "This invitation has ended or was taken back. Ask for a new one.")
	errLinkTime    = fault.New(fault.Invalid, "M_INVALID_PARAM", "An invitation lasts between five minutes and thirty days.")
	errTooManyLink = fault.New(fault.Conflict, "UK_WARDLINE_LINKS", "This group has as many invitations as it may: take one back first.")
)

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// MakeLink makes an invitation to a group and returns it with its token, which nobody can read again. Only an owner or admin may; a
// room about a patient has none, because whoever enters that must have a reason of their own.
func (s *Service) MakeLink(ctx context.Context, by id.User, in id.Room, life time.Duration) (Link, string, error) {
	if life < minLink || life > maxLink {
		return Link{}, "", errLinkTime
	}
	token := id.NewOpaque(24)
	now := s.Now()
	l := Link{ID: LinkID("il_" + id.NewOpaque(12)), Room: in, By: by, Made: now, Expires: now.Add(life)}
	err := s.DB.Write(ctx, "conversation.link", func(ctx context.Context, tx *db.Tx) error {
		_, p, err := s.group(ctx, tx, by, in)
		if err != nil {
			return err
		}
		if p.role(by) == Member {
			return errNotAdmin
		}
		live, err := db.Collect(ctx, tx, linksOf, scanLink, string(in), now.UnixMilli())
		if err != nil {
			return err
		}
		if len(live) >= maxLive {
			return errTooManyLink
		}
		if _, err := tx.Exec(ctx, saveLink, string(l.ID), string(in), string(by), hashOf(token), now.UnixMilli(), l.Expires.UnixMilli()); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Entry{At: now, Actor: string(by), Action: "conversation.link", Object: string(in), Detail: map[string]string{"link": string(l.ID)}})
	})
	return l, token, err
}

// Links returns the invitations to a group that stand now, the newest first, for whoever is in it.
func (s *Service) Links(ctx context.Context, by id.User, in id.Room) ([]Link, error) {
	feed, err := s.Rooms.Feed(ctx, in)
	if err != nil || feed.Membership(by) != "join" {
		return nil, fault.Hide(cond(err, errNoRoom), "M_NOT_FOUND", "There is no such conversation.")
	}
	list, err := db.Collect(ctx, s.DB, linksOf, scanLink, string(in), s.Now().UnixMilli())
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].Name, err = directory.NameOf(ctx, s.DB, list[i].By); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func cond(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// RevokeLink takes an invitation back. Whoever made it may, and an owner or admin; to others it does not exist.
func (s *Service) RevokeLink(ctx context.Context, by id.User, in id.Room, link LinkID) error {
	return s.DB.Write(ctx, "conversation.unlink", func(ctx context.Context, tx *db.Tx) error {
		_, p, err := s.group(ctx, tx, by, in)
		if err != nil {
			return err
		}
		l, err := db.One(ctx, tx, linkByID, scanLink, string(link))
		if fault.Is(err, fault.NotFound) || err == nil && l.Room != in {
			return errNoLink
		}
		if err != nil {
			return err
		}
		if p.role(by) == Member && l.By != by {
			return errNotAdmin
		}
		if !l.Revoked.IsZero() {
			return nil
		}
		if _, err := tx.Exec(ctx, revokeLink, string(link), s.Now().UnixMilli()); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Entry{At: s.Now(), Actor: string(by), Action: "conversation.unlink", Object: string(in), Detail: map[string]string{"link": string(link)}})
	})
}

// Invitation is what somebody is shown before they follow a link.
type Invitation struct {
	Room    id.Room
	Name    string
	Topic   string
	Class   Class
	People  int
	By      string
	Expires time.Time
	In      bool // the person is in the group already
}

// LookLink says where an invitation leads. One that has ended, was taken back or never was is fault.Hidden, all alike.
func (s *Service) LookLink(ctx context.Context, by id.User, token string) (Invitation, error) {
	l, err := s.live(ctx, s.DB, token)
	if err != nil {
		return Invitation{}, err
	}
	feed, err := s.Rooms.Feed(ctx, l.Room)
	if err != nil {
		return Invitation{}, fault.Hide(err, "M_NOT_FOUND", errNoLink.Public)
	}
	name, err := directory.NameOf(ctx, s.DB, l.By)
	if err != nil {
		return Invitation{}, err
	}
	joined, _ := feed.Counts()
	if feed.Membership(s.Steward) == "join" {
		joined--
	}
	return Invitation{Room: l.Room, Name: feed.Text("m.room.name", "", "name"), Topic: feed.Text("m.room.topic", "", "topic"),
		Class: Class(feed.Text(StateType, "", "class")), People: joined, By: name, Expires: l.Expires, In: feed.Membership(by) == "join"}, nil
}

// FollowLink lets somebody into the group that an invitation leads to. Whoever was banned from it stays out. It is audited.
func (s *Service) FollowLink(ctx context.Context, by id.User, token string) (id.Room, error) {
	var in id.Room
	err := s.DB.Write(ctx, "conversation.enter", func(ctx context.Context, tx *db.Tx) error {
		l, err := s.live(ctx, tx, token)
		if err != nil {
			return err
		}
		a, err := s.Rooms.In(ctx, tx, l.Room)
		if err != nil {
			return fault.Hide(err, "M_NOT_FOUND", errNoLink.Public)
		}
		in = l.Room
		if a.Membership(by) == "join" {
			return nil
		}
		if err := a.Join(ctx, s.host(a, l.By), by); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, useLink, string(l.ID)); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Entry{At: s.Now(), Actor: string(by), Action: "conversation.enter", Object: string(in), Detail: map[string]string{"link": string(l.ID)}})
	})
	return in, err
}

// host is who invites: the service account if it is in the room, otherwise whoever asks.
func (s *Service) host(a *room.Act, by id.User) id.User {
	if a.Membership(s.Steward) == "join" {
		return s.Steward
	}
	return by
}

// live finds a link that stands, by its token.
func (s *Service) live(ctx context.Context, q db.Querier, token string) (Link, error) {
	if token == "" || len(token) > 100 {
		return Link{}, errNoLink
	}
	l, err := db.One(ctx, q, linkByHash, scanLink, hashOf(token))
	if fault.Is(err, fault.NotFound) || err == nil && (!l.Revoked.IsZero() || !s.Now().Before(l.Expires)) {
		return Link{}, errNoLink
	}
	return l, err
}

func scanLink(r db.Row) (Link, error) {
	var l Link
	var made, expires, revoked int64
	err := r.Scan(&l.ID, &l.Room, &l.By, &made, &expires, &revoked, &l.Used)
	l.Made, l.Expires = time.UnixMilli(made), time.UnixMilli(expires)
	if revoked > 0 {
		l.Revoked = time.UnixMilli(revoked)
	}
	return l, err
}

var (
	saveLink = db.SQL("conversation.save_link", `INSERT INTO conversation_link (id, room, by_user, hash, made_at, expires_at, revoked_at, used) VALUES ($1, $2, $3, $4, $5, $6, 0, 0)`)
	linksOf  = db.SQL("conversation.links", `SELECT id, room, by_user, made_at, expires_at, revoked_at, used FROM conversation_link
WHERE room = $1 AND revoked_at = 0 AND expires_at > $2 ORDER BY made_at DESC, id LIMIT 100`)
	linkByID   = db.SQL("conversation.link_by_id", `SELECT id, room, by_user, made_at, expires_at, revoked_at, used FROM conversation_link WHERE id = $1 LIMIT 1`)
	linkByHash = db.SQL("conversation.link_by_hash", `SELECT id, room, by_user, made_at, expires_at, revoked_at, used FROM conversation_link WHERE hash = $1 LIMIT 1`)
	revokeLink = db.SQL("conversation.revoke_link", `UPDATE conversation_link SET revoked_at = $2 WHERE id = $1 AND revoked_at = 0`)
	useLink    = db.SQL("conversation.use_link", `UPDATE conversation_link SET used = used + 1 WHERE id = $1`)
)
