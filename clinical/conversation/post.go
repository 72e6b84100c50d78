package conversation

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// NoticeKey is the content key of what the server tells somebody about their duties.
const NoticeKey = "uk.wardline.duty"

var (
	noticeRoom = db.SQL("conversation.notice_room", `SELECT room FROM conversation_notice WHERE user_id = $1 LIMIT 1`)
	saveNotice = db.SQL("conversation.save_notice", `INSERT INTO conversation_notice (user_id, room) VALUES ($1, $2) ON CONFLICT (user_id) DO UPDATE SET room = excluded.room`)
	postRoom   = db.SQL("conversation.post_room", `SELECT room FROM conversation_post WHERE post = $1 AND asker = $2 LIMIT 1`)
	savePost   = db.SQL("conversation.save_post", `INSERT INTO conversation_post (post, asker, room, used_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (post, asker) DO UPDATE SET room = excluded.room, used_at = excluded.used_at`)
	postRooms = db.SQL("conversation.post_rooms", `SELECT asker, room FROM conversation_post WHERE post = $1 AND used_at > $2 ORDER BY used_at DESC LIMIT 200`)
)

// recent is how long after it was last opened a conversation with a post still follows it. An older one does when it is opened again.
const recent = 14 * 24 * time.Hour

type noticeContent struct {
	MsgType  string      `json:"msgtype"`
	Body     string      `json:"body"`
	Mentions mentionList `json:"m.mentions"`
	Duty     *noticeDuty `json:"uk.wardline.duty,omitempty"`
}

type mentionList struct {
	UserIDs []id.User `json:"user_ids"`
}

type noticeDuty struct {
	Kind string           `json:"kind"`
	Post directory.PostID `json:"post"`
	Name string           `json:"name"`
}

// Tell brings a notice to people, each in a room of their own with the server, inside the act that it is about. It suits rota.Deps.Tell.
// Who has no account any more is left out.
func (s *Service) Tell(ctx context.Context, tx *db.Tx, n rota.Notice) error {
	for _, u := range n.To {
		a, err := s.noticeRoom(ctx, tx, u)
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Forbidden) {
			continue
		}
		if err != nil {
			return err
		}
		c := noticeContent{MsgType: "m.text", Body: n.Body, Mentions: mentionList{[]id.User{u}}, Duty: &noticeDuty{Kind: string(n.Kind), Post: n.Post, Name: n.Name}}
		if _, err := a.SendAt(ctx, s.Steward, "m.room.message", c, s.Now()); err != nil {
			return err
		}
	}
	return nil
}

// Inform brings a line to one person in the room where the server speaks to them, inside the act that it is about. Who has no account any
// more is left out.
func (s *Service) Inform(ctx context.Context, tx *db.Tx, user id.User, words string) error {
	a, err := s.noticeRoom(ctx, tx, user)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Forbidden) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = a.SendAt(ctx, s.Steward, "m.room.message", noticeContent{MsgType: "m.text", Body: words, Mentions: mentionList{[]id.User{user}}}, s.Now())
	return err
}

// noticeRoom is an act on the room in which the server tells somebody about their duties; who has left it comes back in.
func (s *Service) noticeRoom(ctx context.Context, tx *db.Tx, user id.User) (*room.Act, error) {
	if p, err := directory.FindPerson(ctx, tx, user); err != nil {
		return nil, err
	} else if p.Left() {
		return nil, fault.New(fault.NotFound, "M_NOT_FOUND", "Not found.")
	}
	known, err := found(ctx, tx, noticeRoom, string(user))
	if err != nil {
		return nil, err
	}
	if known != "" {
		a, err := s.Rooms.In(ctx, tx, known)
		if err != nil || a.Membership(user) == "join" {
			return a, err
		}
		return a, a.Join(ctx, s.Steward, user)
	}
	a, err := s.kept(ctx, tx, user, "Duty and rota", Team, true)
	if err != nil {
		return nil, err
	}
	_, err = tx.Exec(ctx, saveNotice, string(user), string(a.Room()))
	return a, err
}

// Post returns the room in which somebody writes to a post, made when there is none yet; whoever holds the post now is in it, and who
// held it is not. An unknown or closed post is fault.NotFound; a holder who writes to the own post alone is fault.Invalid.
func (s *Service) Post(ctx context.Context, by id.User, post directory.PostID) (id.Room, error) {
	var made id.Room
	err := s.DB.Write(ctx, "conversation.post", func(ctx context.Context, tx *db.Tx) error {
		p, err := directory.FindPost(ctx, tx, post)
		if err != nil {
			return err
		}
		if p.Closed {
			return fault.New(fault.NotFound, "M_NOT_FOUND", "Not found.")
		}
		holders, err := rota.Holders(ctx, tx, post, s.Now())
		if err != nil {
			return err
		}
		var users []id.User
		for _, h := range holders {
			users = append(users, h.User)
		}
		if len(users) == 1 && users[0] == by {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "You hold this post yourself.")
		}
		known, err := found(ctx, tx, postRoom, string(post), string(by))
		if err != nil {
			return err
		}
		var a *room.Act
		if known == "" {
			name, err := directory.NameOf(ctx, tx, by)
			if err != nil {
				return err
			}
			if a, err = s.kept(ctx, tx, by, fmt.Sprintf("%s · %s", p.Name, name), Clinical, false); err != nil {
				return err
			}
			if err := s.note(ctx, tx, by, "conversation.post", a.Room()); err != nil {
				return err
			}
		} else if a, err = s.Rooms.In(ctx, tx, known); err != nil {
			return err
		}
		made = a.Room()
		if err := s.hold(ctx, a, by, nil, users); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, savePost, string(post), string(by), string(made), s.Now().UnixMilli())
		return err
	})
	return made, err
}

// hold brings the holders and the asker into the room, and takes everybody else out of it but the service account. out are those who
// must go; nil is everybody who does not belong there.
func (s *Service) hold(ctx context.Context, a *room.Act, asker id.User, out, in []id.User) error {
	if out == nil {
		a.Feed().EachJoined(func(m id.User) {
			if m != s.Steward {
				out = append(out, m)
			}
		})
	}
	for _, u := range out {
		if u != asker && !slices.Contains(in, u) && a.Membership(u) == "join" {
			if err := a.Leave(ctx, s.Steward, u, "The post has changed hands."); err != nil {
				return err
			}
		}
	}
	for _, u := range append([]id.User{asker}, in...) {
		if a.Membership(u) != "join" {
			if err := a.Join(ctx, s.Steward, u); err != nil && !fault.Is(err, fault.Forbidden) {
				return err
			}
		}
	}
	return nil
}

// FollowPost lets the conversations with a post follow it to its new holders, inside the act by which it changed hands. It suits
// rota.Deps.Hands.
func (s *Service) FollowPost(ctx context.Context, tx *db.Tx, post directory.PostID, out, in []id.User) error {
	type one struct {
		asker id.User
		room  id.Room
	}
	rooms, err := db.Collect(ctx, tx, postRooms, func(r db.Row) (o one, err error) { return o, r.Scan(&o.asker, &o.room) }, string(post), s.Now().Add(-recent).UnixMilli())
	if err != nil {
		return err
	}
	for _, r := range rooms {
		a, err := s.Rooms.In(ctx, tx, r.room)
		if err != nil {
			return err
		}
		if err := s.hold(ctx, a, r.asker, append([]id.User{}, out...), in); err != nil {
			return err
		}
		for _, u := range in {
			name, err := directory.NameOf(ctx, tx, u)
			if err != nil {
				return err
			}
			c := noticeContent{MsgType: "m.notice", Body: name + " holds this post now.", Mentions: mentionList{[]id.User{}}}
			if _, err := a.SendAt(ctx, s.Steward, "m.room.message", c, s.Now()); err != nil {
				return err
			}
		}
	}
	return nil
}

// kept makes a room that only the server keeps: nobody in it can rename it or take others out; in a quiet one only the server speaks.
func (s *Service) kept(ctx context.Context, tx *db.Tx, user id.User, name string, class Class, quiet bool) (*room.Act, error) {
	state, err := stateEvent(StateType, classContent{class})
	if err != nil {
		return nil, err
	}
	levels := power("")
	if quiet {
		m := map[string]any{}
		if err := json.Unmarshal(levels, &m); err != nil {
			return nil, err
		}
		m["events_default"], m["invite"] = 50, 50
		if levels, err = json.Marshal(m); err != nil {
			return nil, err
		}
	}
	return s.Rooms.CreateIn(ctx, tx, room.CreateSpec{Creator: s.Steward, Preset: "private_chat", Name: name, Join: []id.User{user},
		State: []room.StateEvent{state}, Power: levels, CreatedAt: s.Now()})
}
