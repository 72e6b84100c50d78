package timeline

import (
	"context"
	"slices"

	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/push"
	"wardline/matrix/room"
)

// UsePush makes everybody's own push rules count. It must be called before use.
func (s *Service) UsePush(p *push.Service) {
	s.push = p
	p.ReadTo = func(f *room.Feed, u id.User) room.Read { return extraOf(f).read(u) }
}

// unread counts what a user has not read in a room, by the user's own push rules; nothing before joinedAt is unread.
func (s *Service) unread(ctx context.Context, f *room.Feed, u id.User, joinedAt int64) (room.Counts, error) {
	read := extraOf(f).read(u)
	read.From = max(read.From, joinedAt)
	if s.push == nil {
		return s.rooms.Unread(ctx, f, u, read)
	}
	return s.push.Unread(ctx, f, u, read)
}

// withRules puts a user's push rules at the head of their account data, for a client that knows nothing yet.
func (s *Service) withRules(ctx context.Context, u id.User, list []account.Data) ([]account.Data, error) {
	if s.push == nil {
		return list, nil
	}
	rules, err := s.push.Content(ctx, u)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(slices.Clone(list), func(d account.Data) bool { return d.Type == push.Data })
	return append([]account.Data{{Type: push.Data, Content: rules}}, list...), nil
}
