package bridge

import (
	"context"

	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// interest answers for one stretch of the stream what a service wants to hear of. It remembers what it found of each room.
type interest struct {
	*Service
	r     *Registration
	rooms map[id.Room]*concern
}

// concern is what makes a room interesting to a service.
type concern struct {
	always bool      // by its id or an alias
	users  []id.User // those of the service who have or had a standing in the room
}

func (i *interest) concern(ctx context.Context, f *room.Feed) (*concern, error) {
	if c := i.rooms[f.ID]; c != nil {
		return c, nil
	}
	c := &concern{}
	c.always, _ = in(i.r.NamespaceList.Rooms, string(f.ID))
	if len(i.r.NamespaceList.Aliases) > 0 && !c.always {
		names, err := i.Service.rooms.AliasesOf(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			c.always = c.always || i.r.Alias(id.Alias(name))
		}
	}
	for _, ev := range f.Members(func(string) bool { return true }) {
		if u := id.User(*ev.StateKey); i.r.Speaks(u) {
			c.users = append(c.users, u)
		}
	}
	i.rooms[f.ID] = c
	return c, nil
}

// wants says whether the service wants to hear of an event: its room is in a namespace, it is about one of the service's users, or one
// of them was in the room when it happened.
func (i *interest) wants(ctx context.Context, f *room.Feed, ev *room.Event) (bool, error) {
	c, err := i.concern(ctx, f)
	if err != nil || c.always {
		return c != nil && c.always, err
	}
	if ev.Type == event.TypeMember && ev.StateKey != nil && i.r.Speaks(id.User(*ev.StateKey)) {
		return true, nil
	}
	for _, u := range c.users {
		// What holds now and held before the event held then; otherwise history knows.
		now := f.State(event.TypeMember, string(u))
		is := ""
		if now != nil && now.Pos <= ev.Pos {
			is = room.MembershipIn(now)
		} else if is, err = i.Service.rooms.MembershipAt(ctx, f, u, ev.Pos); err != nil {
			return false, err
		}
		if is == "join" {
			return true, nil
		}
	}
	return false, nil
}

// present says whether the service hears of what goes on in a room just now.
func (i *interest) present(ctx context.Context, f *room.Feed) (bool, error) {
	c, err := i.concern(ctx, f)
	if err != nil || c.always {
		return c != nil && c.always, err
	}
	for _, u := range c.users {
		if f.Has(u) {
			return true, nil
		}
	}
	return false, nil
}

// near says whether a user is one of the service's or in a room with one of them.
func (i *interest) near(ctx context.Context, u id.User) (bool, error) {
	if i.r.Speaks(u) {
		return true, nil
	}
	all, err := i.Service.rooms.Memberships(ctx, u)
	if err != nil {
		return false, err
	}
	for _, m := range all {
		if m.Is != "join" {
			continue
		}
		f, err := i.Service.rooms.Feed(ctx, m.Room)
		if err != nil {
			return false, err
		}
		if yes, err := i.present(ctx, f); yes || err != nil {
			return yes, err
		}
	}
	return false, nil
}
