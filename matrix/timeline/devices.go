package timeline

import (
	"context"
	"slices"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
	"wardline/matrix/inbox"
	"wardline/matrix/keys"
)

// hear attaches the service to what devices are told beside rooms: whose keys changed, and messages of their own.
func (s *Service) hear(k *keys.Service, in *inbox.Service) {
	k.OnChange = func(tx *db.Tx, u, viewer id.User) {
		tx.AfterCommit(func() {
			s.ring(u)
			if viewer != "" {
				s.ring(viewer)
				return
			}
			s.rooms.EachNeighbour(u, s.ring)
		})
	}
	k.OnHeld = func(tx *db.Tx, u id.User) { tx.AfterCommit(func() { s.ring(u) }) }
	in.OnMessage = func(tx *db.Tx, u id.User) { tx.AfterCommit(func() { s.ring(u) }) }
}

// DeviceLists says whose keys a client should look at again, and with whom it no longer shares a room.
type DeviceLists struct {
	Changed []id.User `json:"changed"`
	Left    []id.User `json:"left"`
}

func (l DeviceLists) empty() bool { return len(l.Changed) == 0 && len(l.Left) == 0 }

// DeviceListsBetween is what changed for a user about devices between two positions: of those who share a room, whose devices or keys
// are different; who has come to share one; and who shares none any more. When nobody's membership or keys changed it looks at two
// numbers only.
// spec: client-server-api#e2e-extensions-to-sync
func (s *Service) DeviceListsBetween(ctx context.Context, u id.User, from, to int64) (DeviceLists, error) {
	lists := DeviceLists{[]id.User{}, []id.User{}}
	if from == 0 {
		return lists, nil // a client that begins asks for what it needs
	}
	changes, err := s.keys.Changes(ctx, u, from, to)
	if err != nil {
		return lists, err
	}
	moved := from < s.started || s.rooms.Moved() > from
	if len(changes) == 0 && !moved {
		return lists, nil
	}
	changed := map[id.User]bool{}
	for _, c := range changes {
		known := c.User == u || c.Viewer == u
		if !known {
			if known, err = s.rooms.Share(ctx, u, c.User); err != nil {
				return lists, err
			}
		}
		if known {
			changed[c.User] = true
		}
	}
	if !moved {
		lists.Changed = users(changed)
		return lists, nil
	}
	came, went, err := s.moves(ctx, u, from, to)
	if err != nil {
		return lists, err
	}
	for who := range came {
		changed[who] = true
	}
	delete(went, u)
	for who := range went {
		shared, err := s.rooms.Share(ctx, u, who)
		if err != nil {
			return lists, err
		}
		if shared {
			delete(went, who)
		} else {
			delete(changed, who)
		}
	}
	lists.Changed, lists.Left = users(changed), users(went)
	return lists, nil
}

// users lists a set, always as a list.
func users(set map[id.User]bool) []id.User {
	list := make([]id.User, 0, len(set))
	for u := range set {
		list = append(list, u)
	}
	slices.Sort(list)
	return list
}

// moves returns with whom a user has come to share a room between two positions, and with whom a shared room has ended.
func (s *Service) moves(ctx context.Context, u id.User, from, to int64) (came, went map[id.User]bool, err error) {
	came, went = map[id.User]bool{}, map[id.User]bool{}
	standings, err := s.rooms.Memberships(ctx, u)
	if err != nil {
		return nil, nil, err
	}
	for _, m := range standings {
		if m.Is != "join" && (!m.WasJoined || m.Pos <= from) {
			continue
		}
		f, err := s.rooms.Feed(ctx, m.Room)
		if err != nil {
			return nil, nil, err
		}
		in, out, err := s.rooms.Moves(ctx, f, from, to)
		if err != nil {
			return nil, nil, err
		}
		everyone := came
		switch {
		case m.Is != "join":
			everyone = went
		case !slices.Contains(in, u):
			everyone = nil
		}
		if everyone != nil {
			f.EachJoined(func(who id.User) { everyone[who] = true })
		}
		for _, who := range in {
			if m.Is == "join" && f.Has(who) {
				came[who] = true
			}
		}
		for _, who := range out {
			went[who] = true
		}
	}
	delete(came, u)
	return came, went, nil
}

// maxMessages is how many messages from other devices one answer holds; the next brings the rest.
// spec: client-server-api#server-behaviour-2
const maxMessages = 100

// ParseMessagesToken reads up to where a device has its messages, as an answer of sliding sync gave it.
func (s *Service) ParseMessagesToken(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	t, err := ParseToken(text)
	if err != nil {
		return 0, err
	}
	if t.Inbox > s.db.Position() {
		return 0, fault.New(fault.Invalid, "M_INVALID_PARAM", "The since of to_device is from the future of this server.")
	}
	return t.Inbox, nil
}
