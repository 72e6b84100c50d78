package room

import (
	"context"
	"slices"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

// Moved returns the position of the newest change of anybody's membership anywhere, or of the start of this process when there was
// none since. It is noted before positions are published, so whoever has read up to a position at or after it has missed nothing.
func (s *Service) Moved() int64 { return s.moved.Load() }

// Has reports whether the user is in the room.
func (f *Feed) Has(u id.User) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.in[u]
}

// Share reports whether two users are in a room together.
func (s *Service) Share(ctx context.Context, a, b id.User) (bool, error) {
	mine, err := s.Memberships(ctx, a)
	if err != nil {
		return false, err
	}
	for _, m := range mine {
		if m.Is != "join" {
			continue
		}
		f, err := s.Feed(ctx, m.Room)
		if err != nil {
			return false, err
		}
		if f.Has(b) {
			return true, nil
		}
	}
	return false, nil
}

// EachNeighbour calls fn with everyone who is in a room with the user, as far as memory knows, some more than once. The rooms of
// whoever waits for news are in memory, so this finds all who can be woken. fn must not block.
func (s *Service) EachNeighbour(u id.User, fn func(id.User)) {
	s.mu.RLock()
	var feeds []*Feed
	if rooms, ok := s.people[u]; ok {
		for name, m := range rooms {
			if f := s.feeds[name]; f != nil && m.Is == "join" {
				feeds = append(feeds, f)
			}
		}
	} else {
		for _, f := range s.feeds {
			feeds = append(feeds, f)
		}
	}
	s.mu.RUnlock()
	for _, f := range feeds {
		if f.Has(u) {
			f.EachJoined(fn)
		}
	}
}

// Moves returns who came into a room after position from up to position to, and who went. Somebody who did both is in both.
func (s *Service) Moves(ctx context.Context, f *Feed, from, to int64) (came, went []id.User, err error) {
	if head, _ := f.Head(); head <= from {
		return nil, nil, nil
	}
	events, ok := f.Tail(from)
	if !ok {
		if events, err = s.StateSince(ctx, f, from, to); err != nil {
			return nil, nil, err
		}
	}
	for _, ev := range events {
		if ev.Type != event.TypeMember || ev.StateKey == nil || ev.Pos > to {
			continue
		}
		is, was := MembershipIn(ev), ev.before()
		switch u := id.User(*ev.StateKey); {
		case is == "join" && (was != "join" || !ok): // of what lies between two states read from disk nothing is known
			came = append(came, u)
		case is != "join" && (was == "join" || !ok):
			went = append(went, u)
		}
	}
	return came, went, nil
}

// before reads the membership that a member event replaced, "" for none or when it is no longer known.
func (ev *Event) before() string {
	whole := append(slices.Clone(ev.client), "}}"...)
	m, _ := event.Text(event.Field(event.Field(event.Field(whole, "unsigned"), "prev_content"), "membership"))
	return m
}

// Mutual lists the rooms that two users are both in, in the order of their names.
// spec: client-server-api#get_matrixclientv1mutual_rooms
func (s *Service) Mutual(ctx context.Context, a, b id.User) ([]id.Room, error) {
	mine, err := s.Memberships(ctx, a)
	if err != nil {
		return nil, err
	}
	var both []id.Room
	for _, m := range mine {
		if m.Is != "join" {
			continue
		}
		f, err := s.Feed(ctx, m.Room)
		if err != nil {
			return nil, err
		}
		if f.Has(b) {
			both = append(both, m.Room)
		}
	}
	slices.Sort(both)
	return both, nil
}

// InMemory returns the rooms in memory, in no order: all that anybody has asked about since this process began.
func (s *Service) InMemory() []*Feed {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]*Feed, 0, len(s.feeds))
	for _, f := range s.feeds {
		all = append(all, f)
	}
	return all
}

// AliasesOf lists the local aliases of a room, whoever asks.
func (s *Service) AliasesOf(ctx context.Context, f *Feed) ([]string, error) {
	return db.Collect(ctx, s.db, aliasesOf, db.Scalar[string], f.nid)
}

// DropAlias removes an alias of this server, on behalf of somebody to whom all such aliases belong.
func (s *Service) DropAlias(ctx context.Context, alias id.Alias) error {
	return s.db.Write(ctx, "room.drop_alias", func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.Exec(ctx, deleteAlias, string(alias))
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "M_NOT_FOUND", "There is no room of that alias.")
		}
		return err
	})
}
