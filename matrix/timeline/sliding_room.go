package timeline

import (
	"context"
	"maps"

	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// member writes a room that the user is in.
// spec: MSC4186#roomresult
func (g *sliding) member(ctx context.Context, f *room.Feed, m room.Membership, sent *sentRoom, config *roomConfig) error {
	head, bump := f.Head()
	unread, err := g.unread(ctx, f, g.r.User, m.JoinedAt)
	if err != nil {
		return err
	}
	joined, invited := f.Counts()
	now := &sentRoom{at: g.to.Pos, config: *config, membership: "join", unread: [2]int{unread.Total().Count, unread.Total().Highlights}, counts: [2]int{joined, invited},
		name: f.Text("m.room.name", "", "name"), avatar: f.Text("m.room.avatar", "", "url"), direct: g.own.direct[f.ID], bump: bump}
	initial := sent == nil
	expanded := !initial && config.limit > sent.config.limit
	wider := !initial && !config.covered(&sent.config)
	if initial {
		sent = &sentRoom{}
	}
	if !initial && head <= sent.at && !expanded && !wider && now.unread == sent.unread && now.direct == sent.direct {
		return nil
	}
	from := sent.at
	if expanded {
		from = 0
	}
	w, err := g.look(ctx, f, g.r.User, from, g.to.Pos, config.limit, &EventFilter{})
	if err != nil {
		return err
	}
	o := object{}
	if initial {
		o.value("initial", true)
	}
	if expanded {
		if g.r.Unstable {
			o.value("unstable_expanded_timeline", true)
		} else {
			o.value("expanded_timeline", true)
		}
	}
	if now.gap = sent.gap; w.limited || w.from == 0 {
		now.gap = w.start
	}
	now.members = sent.members
	if err := g.describe(ctx, &o, f, w, sent, now, initial, wider); err != nil {
		return err
	}
	if err := g.timeline(ctx, &o, w); err != nil {
		return err
	}
	now.config.limit = max(config.limit, sent.config.limit) // it has seen that many
	g.put(f.ID, o, config, now)
	return nil
}

// describe writes what is known of a room beside its timeline: only what the client lacks.
func (g *sliding) describe(ctx context.Context, o *object, f *room.Feed, w *window, sent, now *sentRoom, initial, wider bool) error {
	o.value("membership", "join")
	if initial || now.bump != sent.bump {
		o.value("bump_stamp", now.bump)
	}
	text := func(name, new, old string) {
		switch {
		case new != "" && (initial || new != old):
			o.value(name, new)
		case new == "" && !initial && old != "":
			o.value(name, nil)
		}
	}
	text("name", now.name, sent.name)
	text("avatar", now.avatar, sent.avatar)
	if now.name == "" && (initial || now.counts != sent.counts || sent.name != "") {
		list := []map[string]string{}
		for _, ev := range heroes(f, g.r.User) {
			hero := map[string]string{"user_id": *ev.StateKey}
			for _, field := range []string{"displayname", "avatar_url"} {
				if s, ok := event.Text(event.Field(ev.Event.Content, field)); ok {
					hero[field] = s
				}
			}
			list = append(list, hero)
		}
		o.value("heroes", list)
	}
	if initial && now.direct || !initial && now.direct != sent.direct {
		o.value("is_dm", now.direct)
	}
	if initial || now.counts != sent.counts {
		o.value("joined_count", now.counts[0])
		o.value("invited_count", now.counts[1])
	}
	if initial || now.unread != sent.unread {
		o.value("notification_count", now.unread[0])
		o.value("highlight_count", now.unread[1])
	}
	state, err := g.required(ctx, f, w, sent, now, initial, wider)
	if err != nil || len(state) == 0 {
		return err
	}
	b, err := g.appendEvents(ctx, nil, w, state, g.r.User, g.r.Device, false)
	if err != nil {
		return err
	}
	o.raw("required_state", b)
	return nil
}

// required returns the state that the client asked for and lacks.
func (g *sliding) required(ctx context.Context, f *room.Feed, w *window, sent, now *sentRoom, initial, wider bool) ([]*room.Event, error) {
	var list []*room.Event
	lazy := now.config.lazy()
	if initial || wider {
		for _, ev := range f.StateWhere(now.config.wants) {
			if initial || ev.Pos > sent.at || !sent.config.wants(room.Key{Type: ev.Type, StateKey: *ev.StateKey}) {
				list = append(list, ev)
			}
		}
	} else {
		changed, err := g.changedState(ctx, f, sent.at)
		if err != nil {
			return nil, err
		}
		for _, ev := range changed {
			k := room.Key{Type: ev.Type, StateKey: *ev.StateKey}
			if now.config.wants(k) || lazy && ev.Type == event.TypeMember && !w.limited {
				list = append(list, ev)
			}
		}
	}
	if lazy {
		list = g.lazyMembers(f, w, sent, now, list)
	}
	return list, nil
}

// changedState returns the state that changed after a position and holds now.
func (g *sliding) changedState(ctx context.Context, f *room.Feed, from int64) ([]*room.Event, error) {
	tail, ok := f.Tail(from)
	if !ok {
		return g.Service.rooms.StateSince(ctx, f, from, g.to.Pos)
	}
	var list []*room.Event
	for _, ev := range tail {
		if ev.IsState() && f.State(ev.Type, *ev.StateKey) == ev {
			list = append(list, ev)
		}
	}
	return list, nil
}

// lazyMembers adds the member events of those who speak in the window, unless the client has them, and notes what it then has.
// spec: MSC4186#lazy-loaded-memberships
func (g *sliding) lazyMembers(f *room.Feed, w *window, sent, now *sentRoom, list []*room.Event) []*room.Event {
	has := maps.Clone(sent.members)
	// After a gap the client drops the members it has, because changes inside the gap were not sent.
	if has == nil || w.limited {
		has = map[id.User]bool{}
	}
	for _, ev := range list {
		if ev.Type == event.TypeMember {
			has[id.User(*ev.StateKey)] = true
		}
	}
	need := func(u string) {
		if has[id.User(u)] {
			return
		}
		if ev := f.State(event.TypeMember, u); ev != nil {
			has[id.User(u)] = true
			list = append(list, ev)
		}
	}
	for _, ev := range w.events {
		need(string(ev.Sender))
		if ev.Type == event.TypeMember && ev.StateKey != nil {
			need(*ev.StateKey)
		}
	}
	now.members = has
	return list
}

// timeline writes a window's events and how they join on to what the client has.
func (g *sliding) timeline(ctx context.Context, o *object, w *window) error {
	b, err := g.appendEvents(ctx, nil, w, w.events, g.r.User, g.r.Device, w.limited || w.from == 0)
	if err != nil {
		return err
	}
	o.raw("timeline", b)
	if w.limited {
		o.value("limited", true)
	}
	if w.limited || w.from == 0 || len(w.events) > 0 {
		o.value("prev_batch", place(w.start))
	}
	live := 0
	if g.base.at.Pos > 0 {
		for _, ev := range w.events {
			if ev.Pos > g.base.at.Pos {
				live++
			}
		}
	}
	o.value("num_live", live)
	if w.from == 0 {
		seen := make(map[id.Event]bool, len(w.events))
		for _, ev := range w.events {
			seen[ev.ID] = true
		}
		g.shown[w.feed.ID] = seen
	}
	return nil
}
