package timeline

import (
	"context"

	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// quiet is what a user does not want to hear: some people, and perhaps every invitation.
type quiet struct {
	users     map[id.User]bool
	noInvites bool
}

var loud = &quiet{}

// hushes says whether an account data type decides what a user wants to hear.
func hushes(typ string) bool { return typ == ignoredType || typ == inviteType }

const (
	ignoredType = "m.ignored_user_list"
	inviteType  = "m.invite_permission_config"
)

// quietOf reads what a user does not want to hear, from memory when it was asked for before.
func (s *Service) quietOf(ctx context.Context, u id.User) (*quiet, error) {
	l := s.listen(u)
	if q := l.quiet.Load(); q != nil {
		return q, nil
	}
	at := l.data.Load()
	ignored, err := s.accounts.Ignored(ctx, s.db, u)
	if err != nil {
		return nil, err
	}
	err = s.accounts.MayInvite(ctx, s.db, u)
	if err != nil && !fault.Is(err, fault.Forbidden) {
		return nil, err
	}
	q := loud
	if len(ignored) > 0 || err != nil {
		q = &quiet{users: ignored, noInvites: err != nil}
	}
	l.quiet.Store(q)
	if l.data.Load() != at {
		l.quiet.Store(nil) // it changed while it was read
	}
	return q, nil
}

// hears says whether a user wants an event. State is always wanted, so that a room looks the same to everybody.
// spec: client-server-api#ignoring-users
func (s *Service) hears(q *quiet, ev *room.Event) bool {
	return len(q.users) == 0 || ev.StateKey != nil || !q.users[ev.Sender] || s.Vital != nil && s.Vital(ev)
}

// wantsInvite says whether a user wants to know of the invitation to a room.
// spec: client-server-api#invite-permission
func (s *Service) wantsInvite(ctx context.Context, u id.User, m room.Membership) (bool, error) {
	if m.Is != "invite" {
		return true, nil
	}
	q, err := s.quietOf(ctx, u)
	if err != nil || q == loud {
		return err == nil, err
	}
	if q.noInvites {
		return false, nil
	}
	f, err := s.rooms.Feed(ctx, m.Room)
	if err != nil {
		return false, err
	}
	me := f.State(event.TypeMember, string(u))
	return me == nil || !q.users[me.Sender], nil
}

// veil gives an event as a reader may have it: emptied, when its sender has asked to be forgotten before the reader came into the room.
// What a room is like stays readable.
// spec: client-server-api#post_matrixclientv3accountdeactivate
func (s *Service) veil(ctx context.Context, w *window, u id.User, ev *room.Event) (*room.Event, error) {
	at := s.accounts.ErasedAt(ev.Sender)
	if at == 0 || ev.StateKey != nil && ev.Type != event.TypeMember {
		return ev, nil
	}
	if w.wasIn == nil {
		w.wasIn = map[int64]bool{}
	}
	was, known := w.wasIn[at]
	if !known {
		m, err := s.rooms.MembershipAt(ctx, w.feed, u, at)
		if err != nil {
			return nil, err
		}
		was = m == "join"
		w.wasIn[at] = was
	}
	if was {
		return ev, nil
	}
	return ev.Emptied(w.feed.Version)
}
