package conversation

import (
	"context"
	"encoding/json"
	"slices"

	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// MentionsKey is the content member by which a message names posts: {"posts":["po_med_spr"]}.
const MentionsKey = "uk.wardline.mentions"

const maxNamed = 5 // posts of one message

// named makes sure that a message which names posts reaches whoever holds them as it is written: they come into the conversation, and
// are named again by the trust's account when the sender's device knew somebody else. When nobody holds a post, the conversation is told.
// Posts can be named only where the trust's account is, in conversations about work; elsewhere the message is fault.Invalid.
//
// hazard: H6 role empty or stale holder
func (s *Service) named(ctx context.Context, a *room.Act, d room.Draft) error {
	var content struct {
		Posts struct {
			Posts []directory.PostID `json:"posts"`
		} `json:"uk.wardline.mentions"`
		Mentions struct {
			Users []id.User `json:"user_ids"`
		} `json:"m.mentions"`
	}
	if json.Unmarshal(d.Content, &content) != nil || len(content.Posts.Posts) == 0 || a.Membership(d.Sender) != "join" {
		return nil
	}
	if event.TextIs(event.Field(event.Field(d.Content, "m.relates_to"), "rel_type"), "m.replace") {
		return nil // a change of a message names nobody anew
	}
	if len(content.Posts.Posts) > maxNamed {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "Name at most five posts in one message.")
	}
	if class := ClassOf(a); a.Membership(s.Steward) != "join" || class == "" || class == Social || class == PatientContact {
		return fault.New(fault.Invalid, "UK_WARDLINE_POST", "Posts can be named in groups about work. Here, write to the person, or page the post.")
	}
	for _, p := range content.Posts.Posts {
		if err := s.reach(ctx, a, d.Sender, p, content.Mentions.Users); err != nil {
			return err
		}
	}
	return nil
}

// reach brings in whoever holds a post now, and tells the conversation what the sender could not know.
func (s *Service) reach(ctx context.Context, a *room.Act, by id.User, p directory.PostID, told []id.User) error {
	post, err := directory.FindPost(ctx, a.Tx(), p)
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "One of these posts is not in the directory.")
	}
	if err != nil {
		return err
	}
	holders, err := rota.Holders(ctx, a.Tx(), p, s.Now())
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if len(holders) == 0 {
		return s.say(ctx, a, "Nobody holds "+post.Name+" now. Page the post, so that it goes to the next.", nil)
	}
	for _, h := range holders {
		if a.Membership(h.User) != "join" {
			if err := a.Join(ctx, s.Steward, h.User); err != nil {
				return err
			}
			if err := s.note(ctx, a.Tx(), by, "conversation.add", a.Room()); err != nil {
				return err
			}
		}
		if h.User != by && !slices.Contains(told, h.User) {
			if err := s.say(ctx, a, post.Name+" is "+h.Name+" now, who is named in what follows.", []id.User{h.User}); err != nil {
				return err
			}
		}
	}
	return nil
}

// say is a line of the trust's own account.
func (s *Service) say(ctx context.Context, a *room.Act, words string, name []id.User) error {
	if name == nil {
		name = []id.User{}
	}
	_, err := a.Send(ctx, s.Steward, "m.room.message", map[string]any{"msgtype": "m.notice", "body": words, "m.mentions": map[string]any{"user_ids": name}})
	return err
}
