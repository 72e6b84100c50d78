package timeline

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// SlidingRequest is one call of sliding sync, in either of its forms.
type SlidingRequest struct {
	User          id.User
	Device        id.Device
	Conn          string
	Pos           string // "" to start
	Timeout       time.Duration
	Lists         map[string]SlidingList
	Subscriptions map[id.Room]RoomConfig
	Extensions    Extensions
	Presence      string // what the client says of its user, "" for online
	Unstable      bool   // answer in the form of 2024 that Element X reads
}

// maxRules bounds the lists and the subscriptions of one request.
const maxRules = 100

// maxName bounds the name of a connection.
const maxName = 255

// Sliding answers a sliding sync request with its JSON body, waiting up to Timeout while there is nothing new.
// spec: MSC4186
func (s *Service) Sliding(ctx context.Context, r *SlidingRequest) ([]byte, error) {
	if len(r.Lists) > maxRules || len(r.Subscriptions) > maxRules {
		return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "At most 100 lists and 100 subscriptions are allowed.")
	}
	if len(r.Conn) > maxName {
		return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "The conn_id is too long.")
	}
	received, err := s.ParseMessagesToken(r.Extensions.ToDeviceSince)
	if err != nil {
		return nil, err
	}
	c, base, err := s.connection(owner{r.User, r.Device}, r.Conn, r.Pos)
	if err != nil {
		return nil, err
	}
	s.delivered(r.User, r.Device, base.has)
	if r.Extensions.ToDevice {
		if err := s.inbox.Received(ctx, r.User, r.Device, received); err != nil {
			return nil, err
		}
	}
	l := s.listen(r.User)
	defer l.here()()
	defer s.arrived(r.User, r.Presence)()
	ends := l.ends.Load()
	timer := time.NewTimer(max(r.Timeout, 0))
	defer timer.Stop()
	for late := false; ; {
		ring := l.bell.Wait()
		g := &sliding{Service: s, r: r, base: base, received: received, to: s.position(), rooms_: map[id.Room][]byte{}, shown: map[id.Room]map[id.Event]bool{}}
		if err := s.inTurn(ctx, r.Pos == "", func() error { return g.build(ctx) }); err != nil {
			return nil, err
		}
		if err := s.still(ctx, l, r.User, r.Device, ends); err != nil {
			return nil, err
		}
		if g.news || r.Pos == "" || r.Timeout <= 0 || late || s.stopping.Load() {
			return g.finish(c)
		}
		select {
		case <-ring:
		case <-timer.C:
			late = true // build once more: the answer was not kept while waiting
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// sliding is one answer while it is built.
type sliding struct {
	*Service
	r        *SlidingRequest
	base     *connState
	received int64 // up to where the device has its own messages
	to       Token
	next     *connState
	mine     map[id.Room]room.Membership
	own      personal
	counts   map[string]int
	rooms_   map[id.Room][]byte
	data     []account.Data
	ext      map[string]any
	wanted   map[id.Room]*roomConfig       // the rooms that a rule matches now
	shown    map[id.Room]map[id.Event]bool // events of rooms whose timeline is sent from its end, not as what is new
	news     bool
}

func (g *sliding) build(ctx context.Context) error {
	var err error
	if g.data, err = g.dataSince(ctx, g.r.User, g.base.at.Pos, g.to.Pos); err != nil {
		return err
	}
	standings, err := g.Service.rooms.Memberships(ctx, g.r.User)
	if err != nil {
		return err
	}
	if g.own, err = g.personal(ctx); err != nil {
		return err
	}
	g.next = &connState{at: g.to, rooms: maps.Clone(g.base.rooms)}
	if g.next.rooms == nil {
		g.next.rooms = map[id.Room]*sentRoom{}
	}
	g.mine = make(map[id.Room]room.Membership, len(standings))
	names := make([]id.Room, 0, len(standings))
	for _, m := range standings {
		wanted, err := g.wantsInvite(ctx, g.r.User, m)
		if err != nil {
			return err
		}
		if !m.Forgotten && wanted {
			g.mine[m.Room] = m
			names = append(names, m.Room)
		}
	}
	if g.wanted, err = g.match(ctx, names); err != nil {
		return err
	}
	for name, config := range g.wanted {
		if err := g.room(ctx, name, config); err != nil {
			return err
		}
	}
	return g.extend(ctx)
}

// personal reads the account data by which rooms are filtered and marked.
func (g *sliding) personal(ctx context.Context) (personal, error) {
	p := personal{tags: map[id.Room][]string{}}
	var err error
	if p.direct, err = g.direct(ctx); err != nil {
		return p, err
	}
	tagged := slices.ContainsFunc(slices.Collect(maps.Values(g.r.Lists)), func(l SlidingList) bool {
		return l.Filters != nil && (l.Filters.Tags != nil || l.Filters.NotTags != nil)
	})
	if !tagged {
		return p, nil
	}
	all, err := g.accounts.DataSince(ctx, g.db, g.r.User, 0, g.to.Pos)
	if err != nil {
		return p, err
	}
	for _, d := range all {
		if d.Type == "m.tag" {
			for name := range event.Members(event.Field(d.Content, "tags")) {
				p.tags[d.Room] = append(p.tags[d.Room], name)
			}
		}
	}
	return p, nil
}

// direct returns which rooms the user marked as direct chats, from memory when they were asked for before.
func (g *sliding) direct(ctx context.Context) (map[id.Room]bool, error) {
	l := g.listen(g.r.User)
	if known := l.direct.Load(); known != nil {
		return *known, nil
	}
	before := l.data.Load()
	rooms := map[id.Room]bool{}
	d, err := g.accounts.Data(ctx, g.db, g.r.User, "", "m.direct")
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	var by map[id.User][]id.Room
	if json.Unmarshal(d.Content, &by) == nil {
		for _, list := range by {
			for _, r := range list {
				rooms[r] = true
			}
		}
	}
	l.direct.Store(&rooms)
	if l.data.Load() != before {
		l.direct.Store(nil) // it changed while it was read
	}
	return rooms, nil
}

// match works out which rooms the lists and subscriptions want, and how much of each.
func (g *sliding) match(ctx context.Context, names []id.Room) (map[id.Room]*roomConfig, error) {
	inside := map[id.Room]*room.Feed{}
	// Whoever wants to hear of other people's devices must be found by room when those change (room.Service.EachNeighbour).
	if g.r.Extensions.E2EE || slices.ContainsFunc(slices.Collect(maps.Values(g.r.Lists)), func(l SlidingList) bool { return l.Filters.looksInside() }) {
		feeds, err := g.Service.rooms.Feeds(ctx, names)
		if err != nil {
			return nil, err
		}
		for _, f := range feeds {
			inside[f.ID] = f
		}
	}
	joined := slices.DeleteFunc(slices.Clone(names), func(name id.Room) bool { return g.mine[name].Is != "join" })
	bumps, err := g.Service.rooms.Bumps(ctx, g.r.User, joined)
	if err != nil {
		return nil, err
	}
	type ranked struct {
		m    room.Membership
		head int64
	}
	order := make([]ranked, 0, len(names))
	for _, name := range names {
		m := g.mine[name]
		if !g.listed(m) {
			continue
		}
		head := m.Pos
		if m.Is == "join" {
			head = bumps[name]
		}
		order = append(order, ranked{m, head})
	}
	slices.SortFunc(order, func(a, b ranked) int { return cmp.Compare(b.head, a.head) })
	wanted := map[id.Room]*roomConfig{}
	want := func(r id.Room, c RoomConfig, list string) {
		if wanted[r] == nil {
			wanted[r] = &roomConfig{}
		}
		wanted[r].add(c)
		if list != "" {
			wanted[r].lists = append(wanted[r].lists, list)
		}
	}
	g.counts = map[string]int{}
	for name, l := range g.r.Lists {
		n := 0
		for _, x := range order {
			if !g.pass(inside[x.m.Room], x.m, l.Filters, g.own, g.r.User) {
				continue
			}
			if l.holds(n) {
				want(x.m.Room, l.RoomConfig, name)
			}
			n++
		}
		g.counts[name] = n
	}
	for r, c := range g.r.Subscriptions {
		if m, ok := g.mine[r]; ok && g.listed(m) {
			want(r, c, "")
		}
	}
	return wanted, nil
}

// listed says whether a room belongs among the user's rooms: those the user has left only while the client does not know it.
func (g *sliding) listed(m room.Membership) bool {
	switch m.Is {
	case "join", "invite", "knock":
		return true
	case "leave", "ban":
		return g.base.rooms[m.Room] != nil || !m.BySelf && m.WasJoined
	}
	return false
}

// room writes one room, if the client lacks anything of it.
func (g *sliding) room(ctx context.Context, name id.Room, config *roomConfig) error {
	f, err := g.Service.rooms.Feed(ctx, name)
	if err != nil {
		return err
	}
	m := g.mine[name]
	sent := g.base.rooms[name]
	if sent != nil && sent.membership != m.Is && m.Is == "join" {
		sent = nil // came in since: the client starts afresh
	}
	switch m.Is {
	case "join":
		return g.member(ctx, f, m, sent, config)
	case "invite", "knock":
		if sent != nil && sent.membership == m.Is && sent.at >= m.Pos {
			return nil
		}
		g.stranger(f, m, config)
	default:
		if sent != nil && sent.membership == m.Is {
			return nil
		}
		return g.leaver(ctx, f, m, sent, config)
	}
	return nil
}

// stranger writes a room that the user is invited to or has knocked at.
func (g *sliding) stranger(f *room.Feed, m room.Membership, config *roomConfig) {
	o := object{}
	o.value("initial", true)
	o.value("membership", m.Is)
	o.value("bump_stamp", m.Pos)
	o.raw(g.strippedName(), stripped(f, g.r.User))
	g.put(f.ID, o, config, &sentRoom{at: m.Pos, config: *config, membership: m.Is})
}

// leaver writes the end of a room that the user is out of: what happened up to then, and that it is over.
func (g *sliding) leaver(ctx context.Context, f *room.Feed, m room.Membership, sent *sentRoom, config *roomConfig) error {
	o := object{}
	o.value("membership", m.Is)
	o.value("bump_stamp", m.Pos)
	if sent == nil {
		o.value("initial", true)
	}
	if m.WasJoined {
		from := int64(0)
		if sent != nil {
			from = sent.at
		}
		w, err := g.look(ctx, f, g.r.User, from, m.Pos, config.limit, &EventFilter{})
		if err != nil {
			return err
		}
		if err := g.timeline(ctx, &o, w); err != nil {
			return err
		}
		if me := f.State(event.TypeMember, string(g.r.User)); me != nil {
			o.raw("required_state", append(append([]byte{'['}, me.AppendClient(nil, room.Reader{User: g.r.User, Device: g.r.Device, Membership: m.Is})...), ']'))
		}
	}
	if !m.WasJoined { // an invitation that was turned down, or a knock
		me := []byte{'['}
		if ev := f.State(event.TypeMember, string(g.r.User)); ev != nil {
			me = ev.AppendStripped(me)
		}
		o.raw(g.strippedName(), append(me, ']'))
	}
	g.put(f.ID, o, config, &sentRoom{at: m.Pos, config: *config, membership: m.Is})
	return nil
}

// strippedName is under which name somebody outside gets a room's state.
func (g *sliding) strippedName() string {
	if g.r.Unstable {
		return "invite_state"
	}
	return "stripped_state"
}

func (g *sliding) put(r id.Room, o object, config *roomConfig, sent *sentRoom) {
	if len(config.lists) > 0 && !g.r.Unstable {
		slices.Sort(config.lists)
		o.value("lists", config.lists)
	}
	g.rooms_[r] = o.bytes()
	g.next.rooms[r] = sent
	g.news = true
}

// object is a JSON object while it is written.
type object struct{ b []byte }

func (o *object) raw(name string, value []byte) {
	if len(o.b) > 0 {
		o.b = append(o.b, ',')
	}
	o.b = append(o.b, '"')
	o.b = append(o.b, name...)
	o.b = append(o.b, `":`...)
	o.b = append(o.b, value...)
}

func (o *object) value(name string, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		raw = []byte("null")
	}
	o.raw(name, raw)
}

func (o *object) bytes() []byte { return append(append([]byte{'{'}, o.b...), '}') }

// finish writes the whole answer and moves the connection on.
func (g *sliding) finish(c *conn) ([]byte, error) {
	o := object{}
	o.value("pos", c.advance(g.next))
	lists := map[string]map[string]int{}
	for name, n := range g.counts {
		lists[name] = map[string]int{"count": n}
	}
	o.value("lists", lists)
	rooms := object{}
	for r, body := range g.rooms_ {
		rooms.raw(string(r), body)
	}
	o.raw("rooms", rooms.bytes())
	o.value("extensions", g.ext)
	return o.bytes(), nil
}
