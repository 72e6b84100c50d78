package timeline

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/keys"
	"wardline/matrix/room"
)

// SyncRequest is one call of /v3/sync.
type SyncRequest struct {
	User       id.User
	Device     id.Device
	Since      string // "" for everything
	Timeout    time.Duration
	Filter     *Filter
	FullState  bool
	Presence   string // what the client says of its user, "" for online
	known      *knownMembers
	waits      bool   // an answer without news is not sent but waited on
	StateAfter string // the name under which state after the timeline is wanted, "" for state before it
}

// Sync answers /v3/sync with its JSON body, waiting up to Timeout while there is nothing new. It holds nothing while it waits.
// spec: client-server-api#get_matrixclientv3sync
func (s *Service) Sync(ctx context.Context, r *SyncRequest) ([]byte, error) {
	var since Token
	if r.Since != "" {
		var err error
		if since, err = ParseToken(r.Since); err != nil {
			return nil, err
		}
		if since.Pos > s.db.Position() {
			return nil, fault.New(fault.Invalid, "M_UNKNOWN_POS", "The token is from the future of this server.")
		}
		s.delivered(r.User, r.Device, func(in id.Room, pos int64) bool { return pos <= since.Pos && r.Filter.wantsRoom(in) })
		if err := s.inbox.Received(ctx, r.User, r.Device, since.Inbox); err != nil {
			return nil, err
		}
	}
	l := s.listen(r.User)
	if since.Pos > l.proved.Load() && r.Filter.everyRoom() {
		l.proved.Store(since.Pos)
	}
	defer l.here()()
	defer s.arrived(r.User, r.Presence)()
	ends := l.ends.Load()
	if r.Filter.lazy() && !r.Filter.redundant() {
		r.known = s.known(r.User, r.Device, r.Since)
	}
	timer := time.NewTimer(max(r.Timeout, 0))
	defer timer.Stop()
	for late := false; ; {
		ring := l.bell.Wait()
		var body []byte
		var news bool
		r.waits = r.Since != "" && !r.FullState && r.Timeout > 0 && !late && !s.stopping.Load()
		err := s.inTurn(ctx, r.Since == "", func() (err error) {
			body, news, err = s.build(ctx, r, since)
			return err
		})
		if err == nil {
			err = s.still(ctx, l, r.User, r.Device, ends)
		}
		if err != nil {
			return nil, err
		}
		if news || !r.waits {
			return body, nil
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

// roomPart is what an answer says of a room.
type roomPart struct {
	room id.Room
	body []byte
}

// syncing is the state of one answer while it is built.
type syncing struct {
	*Service
	r         *SyncRequest
	since, to Token
	data      map[id.Room][]account.Data
	rooms_    map[string][]roomPart // join, invite, knock, leave → what is said of each room
	news      bool
	fields    [][]string   // what is wanted of each event, nil for all
	people    []sentMember // whose member events the answer holds
}

func (s *Service) build(ctx context.Context, r *SyncRequest, since Token) (body []byte, news bool, err error) {
	y := &syncing{Service: s, r: r, since: since, to: s.position(), rooms_: map[string][]roomPart{}, data: map[id.Room][]account.Data{}}
	for _, f := range r.Filter.EventFields {
		y.fields = append(y.fields, fieldPath(f))
	}
	list, err := s.dataSince(ctx, r.User, since.Pos, y.to.Pos)
	if err != nil {
		return nil, false, err
	}
	for _, d := range list {
		y.data[d.Room] = append(y.data[d.Room], d)
	}
	standings, err := s.rooms.Memberships(ctx, r.User)
	if err != nil {
		return nil, false, err
	}
	if since.Pos == 0 {
		slices.SortFunc(standings, func(a, b room.Membership) int { return int(a.Pos - b.Pos) })
	}
	for _, m := range standings {
		if m.Forgotten || !y.r.Filter.wantsRoom(m.Room) {
			continue
		}
		if err := y.room(ctx, m); err != nil {
			return nil, false, err
		}
	}
	return y.finish(ctx)
}

func (f *Filter) wantsRoom(in id.Room) bool {
	return (f.Room.Rooms == nil || slices.Contains(f.Room.Rooms, in)) && !slices.Contains(f.Room.NotRooms, in)
}

// everyRoom says whether the filter leaves no room out.
func (f *Filter) everyRoom() bool { return f.Room.Rooms == nil && len(f.Room.NotRooms) == 0 }

func (y *syncing) room(ctx context.Context, m room.Membership) error {
	switch m.Is {
	case "join":
		return y.joined(ctx, m)
	case "invite", "knock":
		if m.Pos <= y.since.Pos {
			return nil
		}
		if wanted, err := y.wantsInvite(ctx, y.r.User, m); err != nil || !wanted {
			return err
		}
		return y.outside(ctx, m)
	case "leave", "ban":
		if m.Pos <= y.since.Pos || y.since.Pos == 0 && !y.r.Filter.Room.IncludeLeave {
			return nil
		}
		return y.left(ctx, m)
	}
	return nil
}

// add puts a room into a section of the answer.
func (y *syncing) add(section string, r id.Room, body []byte) {
	y.rooms_[section] = append(y.rooms_[section], roomPart{r, body})
	y.news = true
}

// outside writes a room that the user is invited to or has knocked at.
func (y *syncing) outside(ctx context.Context, m room.Membership) error {
	f, err := y.rooms.Feed(ctx, m.Room)
	if err != nil {
		return err
	}
	name := "invite_state"
	if m.Is == "knock" {
		name = "knock_state"
	}
	b := append([]byte(`{"`+name+`":{"events":`), stripped(f, y.r.User)...)
	y.add(m.Is, m.Room, append(b, "}}"...))
	return nil
}

// strippedTypes are what somebody outside may know of a room.
// spec: client-server-api#stripped-state
var strippedTypes = []string{event.TypeCreate, "m.room.name", "m.room.avatar", "m.room.topic", event.TypeJoinRules, "m.room.canonical_alias", "m.room.encryption"}

func stripped(f *room.Feed, u id.User) []byte {
	b := []byte{'['}
	add := func(ev *room.Event) {
		if ev == nil {
			return
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = ev.AppendStripped(b)
	}
	for _, t := range strippedTypes {
		add(f.State(t, ""))
	}
	me := f.State(event.TypeMember, string(u))
	if me != nil && string(me.Sender) != string(u) {
		add(f.State(event.TypeMember, string(me.Sender)))
	}
	add(me)
	return append(b, ']')
}

// joined writes a room that the user is in, if there is anything new in it.
func (y *syncing) joined(ctx context.Context, m room.Membership) error {
	f, err := y.rooms.Feed(ctx, m.Room)
	if err != nil {
		return err
	}
	x := extraOf(f)
	from := y.since.Pos
	head, _ := f.Head()
	data := y.data[m.Room]
	receipts := x.batches(y.r.User, from, y.to.Pos)
	typing := x.typingSince(y.since.Serial, from == 0)
	if from > 0 && head <= from && receipts == nil && typing == nil && len(data) == 0 && !y.r.FullState {
		return nil
	}
	fresh := false // the user came in after since: everything is new
	if m.Pos > from && from > 0 {
		was, err := y.rooms.MembershipAt(ctx, f, y.r.User, from)
		if err != nil {
			return err
		}
		if was != "join" {
			from, fresh = 0, true
			receipts = x.batches(y.r.User, 0, y.to.Pos)
		}
	}
	w, err := y.look(ctx, f, y.r.User, from, y.to.Pos, y.r.Filter.Room.Timeline.limit(10, 100), &y.r.Filter.Room.Timeline)
	if err != nil {
		return err
	}
	if create := f.State(event.TypeCreate, ""); fresh && create != nil && w.start >= create.Pos {
		w.limited = true // what a client kept of an earlier stay does not go on here
	}
	b, err := y.roomBody(ctx, w, from, y.to.Pos)
	if err != nil {
		return err
	}
	b = append(b, `,"account_data":{"events":`...)
	if !y.r.Filter.Room.AccountData.room(m.Room) {
		data = nil
	}
	b = appendData(b, data, &y.r.Filter.Room.AccountData)
	b = append(b, `},"ephemeral":{"events":`...)
	if !y.r.Filter.Room.Ephemeral.room(m.Room) {
		typing, receipts = nil, nil
	}
	b = appendEphemeral(b, typing, receipts, &y.r.Filter.Room.Ephemeral)
	unread, err := y.unread(ctx, f, y.r.User, m.JoinedAt)
	if err != nil {
		return err
	}
	b = append(b, `},`...)
	b = appendUnread(b, unread, y.r.Filter.Room.Timeline.UnreadThreads)
	b = append(b, `,"summary":`...)
	b = append(b, summary(f, y.r.User, w, from == 0 || fresh)...)
	y.add("join", m.Room, append(b, '}'))
	return nil
}

// left writes a room that the user is no longer in, up to the moment of leaving.
func (y *syncing) left(ctx context.Context, m room.Membership) error {
	f, err := y.rooms.Feed(ctx, m.Room)
	if err != nil {
		return err
	}
	if !m.WasJoined {
		// All that somebody who never came in may see is how it ended.
		w := &window{feed: f, sight: room.Outside(y.r.User), start: m.Pos - 1}
		if me := f.State(event.TypeMember, string(y.r.User)); me != nil && me.Pos == m.Pos {
			w.events = []*room.Event{me}
		}
		b, err := y.events(ctx, []byte(`{"state":{"events":[]},"timeline":{"events":`), w, w.events, false)
		if err != nil {
			return err
		}
		y.add("leave", m.Room, append(b, `,"limited":false,"prev_batch":"`+place(w.start)+`"},"account_data":{"events":[]}}`...))
		return nil
	}
	w, err := y.look(ctx, f, y.r.User, y.since.Pos, m.Pos, y.r.Filter.Room.Timeline.limit(10, 100), &y.r.Filter.Room.Timeline)
	if err != nil {
		return err
	}
	b, err := y.roomBody(ctx, w, y.since.Pos, m.Pos)
	if err != nil {
		return err
	}
	y.add("leave", m.Room, append(b, `,"account_data":{"events":[]}}`...))
	return nil
}

// roomBody writes the timeline and the state that goes with it, leaving the object open.
func (y *syncing) roomBody(ctx context.Context, w *window, from, to int64) (b []byte, err error) {
	size := 1024
	for _, ev := range w.events {
		size += len(ev.Event.Content) + 512
	}
	b = append(make([]byte, 0, size), `{"timeline":{"events":`...)
	if b, err = y.events(ctx, b, w, w.events, w.limited || from == 0); err != nil {
		return nil, err
	}
	b = append(b, `,"limited":`...)
	b = strconv.AppendBool(b, w.limited)
	b = append(b, `,"prev_batch":"`...)
	b = append(b, place(w.start)...)
	b = append(b, `"},"`...)
	state, err := y.state(ctx, w, from, to)
	if err != nil {
		return nil, err
	}
	if y.r.StateAfter != "" {
		b = append(b, y.r.StateAfter...)
	} else {
		b = append(b, "state"...)
	}
	b = append(b, `":{"events":`...)
	if b, err = y.events(ctx, b, w, state, false); err != nil {
		return nil, err
	}
	return append(b, '}'), nil
}

// events writes events in the form and with the fields that the filter wants.
// spec: client-server-api#post_matrixclientv3useruseridfilter
func (y *syncing) events(ctx context.Context, b []byte, w *window, list []*room.Event, bundle bool) ([]byte, error) {
	if y.fields == nil && y.r.Filter.EventFormat != formatFederation {
		return y.appendEvents(ctx, b, w, list, y.r.User, y.r.Device, bundle)
	}
	b = append(b, '[')
	for i, ev := range list {
		if i > 0 {
			b = append(b, ',')
		}
		var one []byte
		if y.r.Filter.EventFormat == formatFederation {
			full, err := y.rooms.Any(ctx, w.feed, ev.ID) // memory keeps no more than clients are shown
			if err != nil {
				return nil, err
			}
			shown, err := y.veil(ctx, w, y.r.User, full)
			if err != nil {
				return nil, err
			}
			if one = full.JSON; shown != full {
				if one, err = event.Redact(w.feed.Version, full.JSON); err != nil {
					return nil, err
				}
			}
		} else {
			all, err := y.appendEvents(ctx, nil, w, list[i:i+1], y.r.User, y.r.Device, bundle)
			if err != nil {
				return nil, err
			}
			one = all[1 : len(all)-1]
		}
		if y.fields != nil {
			one = onlyFields(one, y.fields)
		}
		b = append(b, one...)
	}
	return append(b, ']'), nil
}

// appendUnread writes what is unread in a room: in all, or in its main timeline and in each thread where the client tells them apart.
// spec: client-server-api#receiving-notifications
func appendUnread(b []byte, c room.Counts, byThread bool) []byte {
	pair := func(b []byte, n room.Unread) []byte {
		b = append(b, `{"highlight_count":`...)
		b = strconv.AppendInt(b, int64(n.Highlights), 10)
		b = append(b, `,"notification_count":`...)
		b = strconv.AppendInt(b, int64(n.Count), 10)
		return append(b, '}')
	}
	b = append(b, `"unread_notifications":`...)
	if !byThread {
		return pair(b, c.Total())
	}
	b = pair(b, c.Main)
	if len(c.Threads) == 0 {
		return b
	}
	b = append(b, `,"unread_thread_notifications":{`...)
	first := true
	for root, n := range c.Threads {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, quote(string(root))...)
		b = pair(append(b, ':'), n)
	}
	return append(b, '}')
}

// state returns the state a client needs to read the window: what changed before it, or up to its end where that is asked for.
func (y *syncing) state(ctx context.Context, w *window, from, to int64) ([]*room.Event, error) {
	until := w.start
	if y.r.StateAfter != "" {
		until = to
	}
	filter := &y.r.Filter.Room.State
	lazy := y.r.Filter.lazy()
	needed := map[string]bool{}
	if lazy {
		needed[string(y.r.User)] = from == 0
		for _, ev := range w.events {
			needed[string(ev.Sender)] = true
		}
	}
	var list []*room.Event
	var err error
	switch {
	case from == 0 || y.r.FullState:
		list, err = y.rooms.StateAt(ctx, w.feed, until, func(k room.Key) bool { return !lazy || from > 0 || k.Type != event.TypeMember || needed[k.StateKey] })
	case until > from && (w.limited || y.r.StateAfter != "" || !y.r.Filter.Room.Timeline.everything()):
		list, err = y.stateSince(ctx, w.feed, from, until)
	}
	if err != nil {
		return nil, err
	}
	var keep []*room.Event
	have := map[string]bool{}
	for _, ev := range list {
		if ev.Type == event.TypeMember && lazy {
			if from == 0 && !needed[*ev.StateKey] {
				continue
			}
			have[*ev.StateKey] = true
		}
		if filter.pass(ev) {
			keep = append(keep, ev)
		}
	}
	for u := range needed {
		// Members who speak here and whose membership is older than what is sent.
		if !have[u] && from > 0 && needed[u] && filter.typ(event.TypeMember) {
			if ev := w.feed.State(event.TypeMember, u); ev != nil && ev.Pos <= until && !y.has(w, ev) {
				keep = append(keep, ev)
			}
		}
	}
	y.sends(w.feed.ID, keep, w.events)
	return keep, nil
}

// stateSince returns the state that changed after one position and held at another: from the room's tail in memory where that reaches
// back far enough, because a client that wants the state after the timeline asks so at every sync.
func (y *syncing) stateSince(ctx context.Context, f *room.Feed, from, until int64) ([]*room.Event, error) {
	tail, ok := f.Tail(from)
	if !ok {
		return y.rooms.StateSince(ctx, f, from, until)
	}
	last := map[room.Key]*room.Event{}
	for _, ev := range tail {
		if ev.IsState() && ev.Pos <= until {
			last[room.Key{Type: ev.Type, StateKey: *ev.StateKey}] = ev
		}
	}
	var list []*room.Event
	for _, ev := range tail {
		if ev.IsState() && last[room.Key{Type: ev.Type, StateKey: *ev.StateKey}] == ev {
			list = append(list, ev)
		}
	}
	return list, nil
}

// has says whether the device has a member event already and does not want it twice.
func (y *syncing) has(w *window, ev *room.Event) bool {
	return y.r.known != nil && !y.r.FullState && !w.limited && y.r.known.has(w.feed.ID, ev)
}

// sends notes whose member events the answer holds.
func (y *syncing) sends(name id.Room, lists ...[]*room.Event) {
	if y.r.known == nil {
		return
	}
	for _, list := range lists {
		for _, ev := range list {
			if ev.Type == event.TypeMember && ev.StateKey != nil {
				y.people = append(y.people, sentMember{name, *ev.StateKey, ev.Pos})
			}
		}
	}
}

// finish writes the whole answer.
func (y *syncing) finish(ctx context.Context) ([]byte, bool, error) {
	global := y.data[""]
	if y.since.Pos == 0 {
		var err error
		if global, err = y.withRules(ctx, y.r.User, global); err != nil {
			return nil, false, err
		}
	}
	held, err := y.keys.Held(ctx, y.r.User, y.r.Device)
	if err != nil {
		return nil, false, err
	}
	present, err := y.presenceSince(ctx, y.r.User, y.since, y.to, &y.r.Filter.Presence)
	if err != nil {
		return nil, false, err
	}
	y.news = y.news || y.since.Pos > 0 && len(present) > 0
	messages, upTo, err := y.inbox.Waiting(ctx, y.r.User, y.r.Device, y.since.Inbox, y.to.Pos, maxMessages)
	if err != nil {
		return nil, false, err
	}
	y.to.Inbox = upTo
	lists, err := y.DeviceListsBetween(ctx, y.r.User, y.since.Pos, y.to.Pos)
	if err != nil {
		return nil, false, err
	}
	y.news = y.news || len(messages) > 0 || !lists.empty() || y.since.Pos > 0 && held.Pos > y.since.Pos || len(y.data) > 0
	if !y.news && y.r.waits {
		return nil, false, nil // nobody reads it
	}
	if y.r.known != nil {
		y.r.known.answered(y.to.String(), y.people)
	}
	size := 512
	for _, parts := range y.rooms_ {
		for _, p := range parts {
			size += len(p.room) + len(p.body) + 4
		}
	}
	b := append(make([]byte, 0, size), `{"next_batch":"`...)
	b = append(b, y.to.String()...)
	b = append(b, `","account_data":{"events":`...)
	b = appendData(b, global, &y.r.Filter.AccountData)
	b = append(b, `},"rooms":{`...)
	for i, section := range []string{"join", "invite", "knock", "leave"} {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, section...)
		b = append(b, `":{`...)
		for k, p := range y.rooms_[section] {
			if k > 0 {
				b = append(b, ',')
			}
			b = append(b, '"')
			b = append(b, p.room...)
			b = append(b, `":`...)
			b = append(b, p.body...)
		}
		b = append(b, '}')
	}
	b = append(b, '}')
	b, err = appendRest(b, held, present, messages, lists)
	return b, y.news, err
}

// appendRest writes the members of an answer that do not belong to rooms. Mostly they are empty, and then nothing is marshalled.
func appendRest[P, M any](b []byte, held keys.Held, present []P, messages []M, lists DeviceLists) ([]byte, error) {
	var err error
	add := func(name string, empty bool, none string, v any) {
		raw := []byte(none)
		if !empty && err == nil {
			raw, err = json.Marshal(v)
		}
		b = append(b, `,"`...)
		b = append(b, name...)
		b = append(b, `":`...)
		b = append(b, raw...)
	}
	n, usual := held.Counts["signed_curve25519"]
	usual = usual && len(held.Counts) == 1
	add("device_one_time_keys_count", usual, `{"signed_curve25519":`+strconv.FormatInt(n, 10)+`}`, held.Counts)
	add("device_unused_fallback_key_types", len(held.Fallbacks) == 0, `[]`, held.Fallbacks)
	add("presence", len(present) == 0, `{"events":[]}`, map[string]any{"events": present})
	add("to_device", len(messages) == 0, `{"events":[]}`, map[string]any{"events": messages})
	if !lists.empty() {
		add("device_lists", false, "", lists)
	}
	return append(b, '}'), err
}
