package timeline

import (
	"context"
	"slices"
	"time"

	"wardline/ground/fault"
	"wardline/ground/stream"
	"wardline/matrix/account"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// InitialSync answers with what somebody needs who looks into one room: as a member, as one who was, or from outside where the room
// shows itself to the world.
// spec: client-server-api#get_matrixclientv3roomsroomidinitialsync
func (s *Service) InitialSync(ctx context.Context, r PageRequest) ([]byte, error) {
	now := s.position()
	data, err := s.accounts.DataSince(ctx, s.db, r.User, 0, now.Pos)
	if err != nil {
		return nil, err
	}
	return s.roomInfo(ctx, r, now, data)
}

func (s *Service) roomInfo(ctx context.Context, r PageRequest, now Token, data []account.Data) ([]byte, error) {
	state, w, err := s.stateFor(ctx, r.User, r.Room, nil)
	if err != nil {
		return nil, err
	}
	m, err := s.rooms.Standing(ctx, r.User, r.Room)
	if err != nil {
		return nil, err
	}
	limit := max(1, min(r.Limit, maxPage))
	events, at, more, err := s.page(ctx, w.feed, w.sight, now.Pos, 0, now.Pos, limit, true, &EventFilter{})
	if err != nil {
		return nil, err
	}
	slices.Reverse(events)
	chunk, err := s.appendEvents(ctx, nil, w, events, r.User, r.Device, false)
	if err != nil {
		return nil, err
	}
	messages := object{}
	messages.raw("chunk", chunk)
	messages.value("end", now.String())
	if more {
		messages.value("start", place(at))
	}
	published, err := s.rooms.Published(ctx, r.Room)
	if err != nil {
		return nil, err
	}
	b, err := s.appendEvents(ctx, nil, w, state, r.User, r.Device, false)
	if err != nil {
		return nil, err
	}
	o := object{}
	o.value("room_id", r.Room)
	if m.Is != "" {
		o.value("membership", m.Is)
	}
	o.value("visibility", map[bool]string{true: "public", false: "private"}[published])
	o.raw("messages", messages.bytes())
	o.raw("state", b)
	o.raw("account_data", appendData(nil, dataOf(data, r.Room), &EventFilter{}))
	return o.bytes(), nil
}

// dataOf is what of a user's account data lies beside one room, "" for what lies beside none.
func dataOf(data []account.Data, name id.Room) []account.Data {
	var own []account.Data
	for _, d := range data {
		if d.Room == name {
			own = append(own, d)
		}
	}
	return own
}

// Everything answers as the first clients of all began: with every room that the user is in or invited to, and with archived also those
// that the user has left.
// spec: client-server-api#get_matrixclientv3initialsync
func (s *Service) Everything(ctx context.Context, r PageRequest, archived bool) ([]byte, error) {
	now := s.position()
	data, err := s.accounts.DataSince(ctx, s.db, r.User, 0, now.Pos)
	if err != nil {
		return nil, err
	}
	standings, err := s.rooms.Memberships(ctx, r.User)
	if err != nil {
		return nil, err
	}
	b := []byte{'['}
	add := func(one []byte) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(b, one...)
	}
	for _, m := range standings {
		switch {
		case m.Is == "join", archived && m.WasJoined && !m.Forgotten && (m.Is == "leave" || m.Is == "ban"):
			r.Room = m.Room
			one, err := s.roomInfo(ctx, r, now, data)
			if err != nil {
				return nil, err
			}
			add(one)
		case m.Is == "invite":
			wanted, err := s.wantsInvite(ctx, r.User, m)
			if err != nil {
				return nil, err
			}
			f, err := s.rooms.Feed(ctx, m.Room)
			if err != nil {
				return nil, err
			}
			if me := f.State(event.TypeMember, string(r.User)); wanted && me != nil {
				o := object{}
				o.value("room_id", m.Room)
				o.value("membership", m.Is)
				o.raw("invite", me.AppendClient(nil, room.Reader{User: r.User, Device: r.Device}))
				add(o.bytes())
			}
		}
	}
	o := object{}
	o.value("end", now.String())
	o.value("presence", []any{})
	o.raw("rooms", append(b, ']'))
	o.raw("account_data", appendData(nil, dataOf(data, ""), &EventFilter{}))
	return o.bytes(), nil
}

// Single answers with one event, whichever room it is in.
// spec: client-server-api#get_matrixclientv3eventseventid
func (s *Service) Single(ctx context.Context, u id.User, d id.Device, e id.Event) ([]byte, error) {
	name, err := s.rooms.RoomOf(ctx, e)
	if err != nil {
		return nil, fault.Hide(err, "M_NOT_FOUND", "There is no such event.")
	}
	return s.Event(ctx, u, d, name, e)
}

// peep is a room that somebody outside it waits at.
type peep struct {
	bell    stream.Bell
	waiting int
}

// peek lets a request be woken by a room, whoever is in it, until done is called.
func (s *Service) peek(name id.Room) (p *peep, done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p = s.peeps[name]
	if p == nil {
		p = &peep{}
		s.peeps[name] = p
	}
	p.waiting++
	s.peeking.Add(1)
	return p, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.peeking.Add(-1)
		if p.waiting--; p.waiting == 0 {
			delete(s.peeps, name)
		}
	}
}

// peeked wakes those who wait at a room from outside. While there are none it costs one look at a counter.
func (s *Service) peeked(name id.Room) {
	if s.peeking.Load() == 0 {
		return
	}
	s.mu.Lock()
	p := s.peeps[name]
	s.mu.Unlock()
	if p != nil {
		p.bell.Ring()
	}
}

// EventsRequest is one call of the older stream of events.
type EventsRequest struct {
	User    id.User
	Device  id.Device
	Room    id.Room // one room, "" for all that the user is in
	From    string  // "" for now
	Timeout time.Duration
}

// maxEvents bounds the events of one answer.
const maxEvents = 100

// Events answers with what happened after a place, waiting up to Timeout while there is nothing.
// spec: client-server-api#get_matrixclientv3events-1
func (s *Service) Events(ctx context.Context, r EventsRequest) ([]byte, error) {
	from := s.position()
	if r.From != "" {
		var err error
		if from, err = ParseToken(r.From); err != nil {
			return nil, err
		}
		if from.Pos > s.db.Position() {
			return nil, fault.New(fault.Invalid, "M_UNKNOWN_POS", "The token is from the future of this server.")
		}
	}
	l := s.listen(r.User)
	defer l.here()()
	ends := l.ends.Load()
	var bells []*stream.Bell
	if bells = append(bells, &l.bell); r.Room != "" {
		p, done := s.peek(r.Room)
		defer done()
		bells = append(bells, &p.bell)
	}
	timer := time.NewTimer(max(r.Timeout, 0))
	defer timer.Stop()
	for late := r.Timeout <= 0; ; {
		ring, also := bells[0].Wait(), bells[len(bells)-1].Wait()
		events, end, err := s.eventsAfter(ctx, r, from)
		if err == nil {
			err = s.still(ctx, l, r.User, r.Device, ends)
		}
		if err != nil {
			return nil, err
		}
		if len(events) > len("[]") || late || s.stopping.Load() {
			o := object{}
			o.value("start", from.String())
			o.value("end", end.String())
			o.raw("chunk", events)
			return o.bytes(), nil
		}
		select {
		case <-ring:
		case <-also:
		case <-timer.C:
			late = true
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (s *Service) eventsAfter(ctx context.Context, r EventsRequest, from Token) ([]byte, Token, error) {
	end := s.position()
	rooms := []id.Room{r.Room}
	if r.Room == "" {
		standings, err := s.rooms.Memberships(ctx, r.User)
		if err != nil {
			return nil, end, err
		}
		rooms = rooms[:0]
		for _, m := range standings {
			if m.Is == "join" {
				rooms = append(rooms, m.Room)
			}
		}
	}
	type seen struct {
		ev *room.Event
		w  *window
	}
	var all []seen
	for _, name := range rooms {
		f, sight, err := s.sight(ctx, name, r.User)
		if err != nil {
			return nil, end, err
		}
		if head, _ := f.Head(); head <= from.Pos {
			continue
		}
		list, _, _, err := s.page(ctx, f, sight, from.Pos, 0, end.Pos, maxEvents, false, &EventFilter{})
		if err != nil {
			return nil, end, err
		}
		w := &window{feed: f, sight: sight}
		for _, ev := range list {
			all = append(all, seen{ev, w})
		}
	}
	slices.SortFunc(all, func(a, b seen) int { return int(a.ev.Pos - b.ev.Pos) })
	if len(all) > maxEvents {
		all = all[:maxEvents]
	}
	b := []byte{'['}
	for i, one := range all {
		if i > 0 {
			b = append(b, ',')
		}
		list, err := s.appendEvents(ctx, nil, one.w, []*room.Event{one.ev}, r.User, r.Device, false)
		if err != nil {
			return nil, end, err
		}
		b = append(b, list[1:len(list)-1]...)
	}
	if len(all) == maxEvents {
		end.Pos = all[len(all)-1].ev.Pos
	}
	return append(b, ']'), end, nil
}
