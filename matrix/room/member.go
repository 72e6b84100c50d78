package room

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room/internal/auth"
)

// Change is what somebody does to somebody's membership.
type Change struct {
	Sender   id.User
	Target   id.User // "" for the sender
	Verb     string  // join, invite, leave, kick, ban, unban or knock
	Reason   string
	IsDirect bool            // invite: the room is meant as a direct chat
	Extra    json.RawMessage // further members of the content, from a client
	Signed   json.RawMessage // join: an identity server's word that the user is who was invited by address, nil for none
}

// ChangeMembership does what the verb says, as one act. Doing what is done already is no error and writes nothing.
// spec: client-server-api#room-membership
func (s *Service) ChangeMembership(ctx context.Context, room id.Room, c Change) error {
	return s.Do(ctx, room, func(ctx context.Context, a *Act) error {
		_, err := a.change(ctx, c, true)
		return err
	})
}

// Join brings a local user into the room at once: by's invitation and the user's own join, in this act. It does nothing when the
// user is in already.
func (a *Act) Join(ctx context.Context, by, user id.User) error {
	switch a.Membership(user) {
	case "join":
		return nil
	case "ban":
		return fault.New(fault.Forbidden, "M_FORBIDDEN", "That person is banned from the room.")
	case "invite":
	default:
		if _, err := a.change(ctx, Change{Sender: by, Target: user, Verb: "invite"}, false); err != nil {
			return err
		}
	}
	_, err := a.change(ctx, Change{Sender: user, Verb: "join"}, false)
	return err
}

// Leave takes a user out of the room, on the user's own behalf when by is the user.
func (a *Act) Leave(ctx context.Context, by, user id.User, reason string) error {
	verb := "kick"
	if by == user {
		verb = "leave"
	}
	_, err := a.change(ctx, Change{Sender: by, Target: user, Verb: verb, Reason: reason}, false)
	return err
}

func (a *Act) change(ctx context.Context, c Change, client bool) (*Event, error) {
	if c.Target == "" {
		c.Target = c.Sender
	}
	if c.Target != c.Sender && a.Membership(c.Sender) != "join" {
		return nil, errNoRoom // before anything is said about the target
	}
	now := a.Membership(c.Target)
	membership := c.Verb
	if client && now != "join" && (c.Verb == "join" || c.Verb == "knock" || c.Verb == "invite") {
		if err := a.s.Blocked(ctx, a.tx, a.feed.ID); err != nil {
			return nil, err
		}
	}
	switch c.Verb {
	case "join":
		if now == "join" {
			return nil, nil
		}
		if c.Signed != nil && now != "invite" {
			if err := a.redeem(ctx, c); err != nil {
				return nil, err
			}
		}
	case "invite":
		if now == "join" {
			return nil, fault.New(fault.Forbidden, "M_FORBIDDEN", "That person is in the room already.")
		}
		if err := a.s.mayExist(ctx, a.tx, c.Target); err != nil {
			return nil, err
		}
		if client && a.s.accounts.Local(c.Target) {
			if err := a.s.accounts.MayInvite(ctx, a.tx, c.Target); err != nil {
				return nil, err
			}
		}
	case "leave":
		if now == "leave" {
			return nil, nil
		}
		if now == "" {
			return nil, errNoRoom
		}
	case "kick":
		if now != "join" && now != "invite" && now != "knock" {
			return nil, fault.New(fault.Forbidden, "M_FORBIDDEN", "That person is not in the room.")
		}
		membership = "leave"
	case "unban":
		if now != "ban" {
			return nil, fault.New(fault.Forbidden, "M_BAD_STATE", "That person is not banned.")
		}
		membership = "leave"
	case "ban", "knock":
	default:
		return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "The membership is none that exists.")
	}
	content, err := a.memberContent(ctx, c, membership)
	if err != nil {
		return nil, err
	}
	if old := a.Current(event.TypeMember, string(c.Target)); old != nil && old.Sender == c.Sender && sameContent(old.Event.Content, content) {
		if err := a.mayRepeat(c); err != nil {
			return nil, err
		}
		return nil, nil
	}
	key := string(c.Target)
	ev, err := a.append(ctx, message{sender: c.Sender, typ: event.TypeMember, stateKey: &key, content: content, at: a.now, client: client})
	if err == nil && membership == "join" && a.s.accounts.Local(c.Target) {
		err = a.follow(ctx, c.Target)
	}
	return ev, err
}

// mayRepeat refuses to call something done that the sender may no longer do.
func (a *Act) mayRepeat(c Change) error {
	var err error
	switch c.Verb {
	case "ban":
		err = auth.CanBan(a.feed.Version, rules{a}, c.Sender, c.Target)
	case "invite":
		err = auth.CanInvite(a.feed.Version, rules{a}, c.Sender)
	}
	if err != nil {
		return fault.Wrap(fault.Forbidden, "M_FORBIDDEN", "You may not do that in this room: "+err.Error()+".", err)
	}
	return nil
}

// redeem turns an invitation by address into one of the user, on the word of the identity server that the room's invitation names.
// What does not fit the room's invitation is Forbidden, as a join without one is.
// spec: client-server-api#third-party-invites
func (a *Act) redeem(ctx context.Context, c Change) error {
	refused := func(err error) error {
		if a.Membership(c.Sender) == "" {
			return errNoRoom
		}
		return fault.Wrap(fault.Forbidden, "M_FORBIDDEN", "The invitation is none of this room's.", err)
	}
	token, _ := event.Text(event.Field(c.Signed, "token"))
	origin := a.Current(event.TypeThirdPartyInvite, token)
	if origin == nil || !event.TextIs(event.Field(c.Signed, "sender"), string(origin.Sender)) {
		return refused(nil)
	}
	signed := map[string]json.RawMessage{}
	for _, name := range []string{"mxid", "token", "signatures"} {
		signed[name] = event.Field(c.Signed, name)
	}
	shown, _ := event.Text(event.Field(origin.Event.Content, "display_name"))
	content, err := json.Marshal(map[string]any{"membership": "invite", "third_party_invite": map[string]any{"display_name": shown, "signed": signed}})
	if err != nil {
		return refused(err)
	}
	key := string(c.Sender)
	_, err = a.append(ctx, message{sender: origin.Sender, typ: event.TypeMember, stateKey: &key, content: content, at: a.now})
	if errors.Is(err, auth.ErrRefused) {
		return refused(err)
	}
	return err
}

// mayExist refuses an invitation of a local user who does not exist; of others nothing is known here.
func (s *Service) mayExist(ctx context.Context, q db.Querier, u id.User) error {
	if !s.accounts.Local(u) {
		return nil
	}
	if err := s.accounts.Exists(ctx, q, u); fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "M_NOT_FOUND", "There is no such person here.")
	} else if err != nil {
		return err
	}
	return nil
}

// memberContent is the content of a member event: the membership, the profile of whom it is about, and what else belongs.
// spec: client-server-api#mroommember
func (a *Act) memberContent(ctx context.Context, c Change, membership string) (json.RawMessage, error) {
	content := map[string]any{}
	if c.Extra != nil {
		if err := json.Unmarshal(c.Extra, &content); err != nil {
			return nil, fault.Wrap(fault.Invalid, "M_BAD_JSON", "The content is not an object.", err)
		}
	}
	delete(content, "join_authorised_via_users_server")
	content["membership"] = membership
	if c.Reason != "" {
		content["reason"] = c.Reason
	}
	if c.IsDirect {
		content["is_direct"] = true
	}
	if a.s.accounts.Local(c.Target) && (membership == "join" || membership == "invite" || membership == "knock") {
		p, err := a.s.accounts.Profile(ctx, a.tx, c.Target)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		for _, field := range []string{"displayname", "avatar_url"} {
			if text := p.Text(field); text != "" && content[field] == nil {
				content[field] = text
			}
		}
	}
	if membership == "join" {
		by, err := a.authoriser(ctx, c.Target)
		if err != nil {
			return nil, err
		}
		if by != "" {
			content["join_authorised_via_users_server"] = string(by)
		}
	}
	raw, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("member content: %w", err)
	}
	return raw, nil
}

// receiveMember takes a member event that a client set as state, through the same verbs as the membership calls.
func (a *Act) receiveMember(ctx context.Context, in Incoming) (id.Event, error) {
	membership, ok := event.Text(event.Field(in.Content, "membership"))
	if !ok {
		return "", fault.New(fault.Invalid, "M_BAD_JSON", "The content has no membership.")
	}
	target := id.User(*in.StateKey)
	if _, err := id.ParseUser(*in.StateKey); err != nil {
		return "", fault.Wrap(fault.Invalid, "M_BAD_JSON", "The state key is not a user id.", err)
	}
	if old := a.Current(event.TypeMember, *in.StateKey); old != nil && sameContent(old.Event.Content, in.Content) && a.Membership(in.Sender) == "join" {
		return old.ID, nil
	}
	c := Change{Sender: in.Sender, Target: target, Verb: membership, Extra: in.Content}
	if membership == "leave" && target != in.Sender {
		if c.Verb = "kick"; a.Membership(target) == "ban" {
			c.Verb = "unban"
		}
	}
	if membership == "join" && target == in.Sender && a.Membership(target) == "join" {
		ev, err := a.append(ctx, message{sender: in.Sender, typ: event.TypeMember, stateKey: in.StateKey, content: in.Content, at: a.now, client: true})
		if err != nil {
			return "", err
		}
		return ev.ID, nil
	}
	ev, err := a.change(ctx, c, true)
	if err != nil {
		return "", err
	}
	if ev == nil {
		ev = a.Current(event.TypeMember, *in.StateKey)
	}
	return ev.ID, nil
}

// Forget hides a room that the user has left from everything the user sees. A room the user is in is Invalid.
// spec: client-server-api#post_matrixclientv3roomsroomidforget
func (s *Service) Forget(ctx context.Context, room id.Room, u id.User) error {
	return s.Do(ctx, room, func(ctx context.Context, a *Act) error {
		switch a.Membership(u) {
		case "":
			return errNoRoom
		case "leave", "ban":
		default:
			return fault.New(fault.Invalid, "M_UNKNOWN", "Leave the room first.")
		}
		if _, err := a.tx.Exec(ctx, setForgotten, string(u), a.feed.nid, true); err != nil {
			return err
		}
		a.tx.OnCommit(func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if rooms := s.people[u]; rooms != nil {
				m := rooms[room]
				m.Forgotten = true
				rooms[room] = m
			}
		})
		return nil
	})
}

// ProfileChanged writes the user's changed name and picture into every room the user is in, inside the act that changed them.
// spec: client-server-api#events-on-change-of-profile-information
func (s *Service) ProfileChanged(ctx context.Context, tx *db.Tx, u id.User) error {
	all, err := db.Collect(ctx, tx, memberships, scanMembership, string(u))
	if err != nil {
		return err
	}
	p, err := s.accounts.Profile(ctx, tx, u)
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.Is != "join" {
			continue
		}
		a, err := s.In(ctx, tx, m.Room)
		if err != nil {
			return err
		}
		content := map[string]any{}
		if err := json.Unmarshal(a.State(event.TypeMember, string(u)), &content); err != nil {
			return fmt.Errorf("member event of %s: %w", u, err)
		}
		for _, field := range []string{"displayname", "avatar_url"} {
			if delete(content, field); p.Text(field) != "" {
				content[field] = p.Text(field)
			}
		}
		if _, err := a.SetState(ctx, u, event.TypeMember, string(u), content); err != nil {
			return err
		}
	}
	return nil
}

// LeaveAll takes a user out of every room and turns down every invitation, inside the act that ends the account.
func (s *Service) LeaveAll(ctx context.Context, tx *db.Tx, u id.User) error {
	all, err := db.Collect(ctx, tx, memberships, scanMembership, string(u))
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.Is != "join" && m.Is != "invite" && m.Is != "knock" {
			continue
		}
		a, err := s.In(ctx, tx, m.Room)
		if err != nil {
			return err
		}
		if err := a.Leave(ctx, u, u, ""); err != nil {
			return err
		}
	}
	return nil
}
