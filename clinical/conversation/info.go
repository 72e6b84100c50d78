package conversation

import (
	"cmp"
	"context"
	"slices"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/fault"
	"wardline/matrix/id"
	"wardline/matrix/timeline"
)

// Standing is how far a message has come with one person, in words that are never merged.
type Standing string

// The standings.
const (
	Seen    Standing = "seen"    // the person has marked the room as read up to it or beyond
	Reached Standing = "reached" // a device of theirs has proved that it has it
	Unknown Standing = "unknown" // nothing is known: the device may be off, or the server was started since
)

// Reader is one person for whom a message was.
type Reader struct {
	User     id.User
	Name     string
	Detail   string
	Standing Standing
	// SeenAt is when they said that they have read this message, or the newest of what they have read since: then Exact is false and
	// the message was seen at that time at the latest.
	SeenAt time.Time
	Exact  bool
	// LastHere is when a device of theirs last asked for news, zero when not since the server was started.
	LastHere time.Time
}

// Info is what can be said of how a message went.
type Info struct {
	Event  id.Event
	SentAt time.Time
	People []Reader
}

// maxReaders bounds an Info.
const maxReaders = 500

// Info says of a message whom it has reached and who has seen it: everybody who is in the room now but its sender and the trust's own
// account. A message that the person cannot see is fault.Hidden.
func (s *Service) Info(ctx context.Context, by id.User, in id.Room, message id.Event) (Info, error) {
	feed, err := s.Rooms.Feed(ctx, in)
	if err != nil {
		return Info{}, fault.Hide(err, "M_NOT_FOUND", "There is no such message.")
	}
	ev, _, err := s.Rooms.Find(ctx, feed, by, message)
	if err != nil {
		return Info{}, fault.Hide(err, "M_NOT_FOUND", "There is no such message.")
	}
	if feed.Membership(by) != "join" {
		return Info{}, errNoMessage
	}
	info := Info{Event: ev.ID, SentAt: time.UnixMilli(ev.OriginServerTS)}
	var users []id.User
	for _, m := range feed.Members(func(membership string) bool { return membership == "join" }) {
		if u := id.User(*m.StateKey); u != ev.Sender && u != s.Steward && len(users) < maxReaders {
			users = append(users, u)
		}
	}
	reach := s.Timeline.Reach(feed, ev, users)
	for _, u := range users {
		r, err := s.reader(ctx, u, reach[u])
		if err != nil {
			return info, err
		}
		info.People = append(info.People, r)
	}
	slices.SortFunc(info.People, func(a, b Reader) int { return cmp.Compare(a.Name, b.Name) })
	return info, nil
}

func (s *Service) reader(ctx context.Context, u id.User, r timeline.Reach) (Reader, error) {
	out := Reader{User: u, Name: string(u), Standing: Unknown, SeenAt: r.ReadAt, Exact: r.Exact}
	out.LastHere, _ = s.Timeline.Seen(u)
	switch {
	case !r.ReadAt.IsZero():
		out.Standing = Seen
	case r.Held:
		out.Standing = Reached
	}
	p, err := directory.FindPerson(ctx, s.DB, u)
	if fault.Is(err, fault.NotFound) {
		return out, nil
	}
	out.Name, out.Detail = p.Name, p.Detail()
	return out, err
}
