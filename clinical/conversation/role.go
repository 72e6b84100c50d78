package conversation

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// Role is what somebody may do in a group.
type Role string

// The roles in a group. An owner says who has which; an admin renames, describes, takes people out and removes messages.
const (
	Owner  Role = "owner"
	Admin  Role = "admin"
	Member Role = "member"
)

var levels = map[Role]int64{Owner: ownerLevel, Admin: adminLevel, Member: 0}

var (
	errNotOwner   = fault.New(fault.Forbidden, "M_FORBIDDEN", "Only an owner of the group may do that.")
	errNotAdmin   = fault.New(fault.Forbidden, "M_FORBIDDEN", "Only an owner or admin of the group may do that.")
	errLastOwner  = fault.New(fault.Conflict, "UK_WARDLINE_LAST_OWNER", "A group keeps at least one owner: make somebody else an owner first.")
	errNotHere    = fault.New(fault.Invalid, "M_INVALID_PARAM", "That person is not in the group.")
	errNotGroup   = fault.New(fault.Invalid, "M_INVALID_PARAM", "This conversation is not a group with owners.")
	errNoSuchRole = fault.New(fault.Invalid, "M_INVALID_PARAM", "The role is owner, admin or member.")
)

// powers are the power levels of a room, with every member that this package does not know kept as it is.
type powers struct {
	all   map[string]json.RawMessage
	users map[id.User]json.Number
}

func powersOf(a *room.Act) (powers, error) {
	p := powers{all: map[string]json.RawMessage{}, users: map[id.User]json.Number{}}
	raw := a.State(event.TypePowerLevels, "")
	if raw == nil {
		return p, nil
	}
	if err := json.Unmarshal(raw, &p.all); err != nil {
		return p, fmt.Errorf("power levels of %s: %w", a.Room(), err)
	}
	if u := p.all["users"]; u != nil {
		if err := json.Unmarshal(u, &p.users); err != nil {
			return p, fmt.Errorf("power levels of %s: %w", a.Room(), err)
		}
	}
	return p, nil
}

func (p powers) level(u id.User) int64 {
	n, err := p.users[u].Int64()
	if err != nil {
		return 0
	}
	return n
}

func (p powers) role(u id.User) Role {
	switch n := p.level(u); {
	case n >= ownerLevel:
		return Owner
	case n >= adminLevel:
		return Admin
	}
	return Member
}

// owners lists the owners who are in the room.
func (p powers) owners(a *room.Act) []id.User {
	var all []id.User
	for u := range p.users {
		if p.role(u) == Owner && a.Membership(u) == "join" {
			all = append(all, u)
		}
	}
	slices.Sort(all)
	return all
}

// set writes the levels with some users' changed, in the name of the trust's account.
func (s *Service) set(ctx context.Context, a *room.Act, p powers, change map[id.User]Role) error {
	for u, r := range change {
		delete(p.users, u)
		if r != Member {
			p.users[u] = json.Number(fmt.Sprint(levels[r]))
		}
	}
	users, err := json.Marshal(p.users)
	if err != nil {
		return err
	}
	p.all["users"] = users
	_, err = a.SetState(ctx, s.Steward, event.TypePowerLevels, "", p.all)
	return err
}

// group opens a group for somebody who is in it, with its levels. A room about a patient, a direct chat and a room that the trust's
// account does not keep are fault.Invalid.
func (s *Service) group(ctx context.Context, tx *db.Tx, by id.User, in id.Room) (*room.Act, powers, error) {
	a, err := s.Joined(ctx, tx, by, in)
	if err != nil {
		return nil, powers{}, err
	}
	if a.Membership(s.Steward) != "join" || aboutWhom(a) != "" || ClassOf(a) == "" {
		return nil, powers{}, errNotGroup
	}
	p, err := powersOf(a)
	return a, p, err
}

// SetRole makes somebody in a group its owner, admin or plain member. Only an owner may (fault.Forbidden), and the last owner stays
// one (fault.Conflict). It is audited.
func (s *Service) SetRole(ctx context.Context, by id.User, in id.Room, user id.User, role Role) error {
	if _, known := levels[role]; !known {
		return errNoSuchRole
	}
	return s.DB.Write(ctx, "conversation.role", func(ctx context.Context, tx *db.Tx) error {
		a, p, err := s.group(ctx, tx, by, in)
		if err != nil {
			return err
		}
		switch {
		case p.role(by) != Owner:
			return errNotOwner
		case a.Membership(user) != "join" || user == s.Steward:
			return errNotHere
		case p.role(user) == role:
			return nil
		case p.role(user) == Owner && len(p.owners(a)) == 1:
			return errLastOwner
		}
		if err := s.set(ctx, a, p, map[id.User]Role{user: role}); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Entry{At: s.Now(), Actor: string(by), Action: "conversation.role", Object: string(in),
			Detail: map[string]string{"user": string(user), "role": string(role)}})
	})
}

// Leave takes somebody out of a conversation on their own behalf. When the last owner of a group leaves, the admin who has been there
// longest becomes its owner, or else the member who has (Guard sees to that, for every way of leaving).
func (s *Service) Leave(ctx context.Context, by id.User, in id.Room) error {
	return s.DB.Write(ctx, "conversation.leave", func(ctx context.Context, tx *db.Tx) error {
		a, err := s.Joined(ctx, tx, by, in)
		if err != nil {
			return err
		}
		if err := a.Leave(ctx, by, by, ""); err != nil {
			return err
		}
		return s.note(ctx, tx, by, "conversation.leave", in)
	})
}

// succeed finds a new owner when the one who leaves is the last.
func (s *Service) succeed(ctx context.Context, a *room.Act, leaving id.User) error {
	if a.Membership(s.Steward) != "join" || aboutWhom(a) != "" || ClassOf(a) == "" {
		return nil
	}
	p, err := powersOf(a)
	if err != nil || !slices.Equal(p.owners(a), []id.User{leaving}) {
		return err
	}
	heirs := a.Feed().Members(func(m string) bool { return m == "join" })
	slices.SortFunc(heirs, func(x, y *room.Event) int {
		if d := p.level(id.User(*y.StateKey)) - p.level(id.User(*x.StateKey)); d != 0 {
			return int(d)
		}
		if x.Pos != y.Pos {
			return int(x.Pos - y.Pos)
		}
		return strings.Compare(*x.StateKey, *y.StateKey)
	})
	for _, m := range heirs {
		if u := id.User(*m.StateKey); u != leaving && u != s.Steward && a.Membership(u) == "join" {
			return s.set(ctx, a, p, map[id.User]Role{u: Owner, leaving: Member})
		}
	}
	return nil
}
