package timeline

import (
	"context"
	"encoding/json"
	"math"
	"slices"

	"wardline/ground/fault"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// relations are the events that relate to those of a list, oldest first, by parent.
type relations struct {
	s        *Service
	w        *window
	q        *quiet
	children map[id.Event][]*room.Event
	replies  map[id.Event]int // how many replies a thread has, where there are more than were read
}

// Bounds of what is read of the events that relate to others.
const (
	maxChildren     = 1000 // of one event
	maxDescendants  = 5000
	recursionDepth  = 3
	relatedAtOnce   = 10_000 // room.related's own bound
	denseWithinSpan = 2
)

// relate finds what relates to the events of a list, as far as the user may see it.
func (s *Service) relate(ctx context.Context, f *room.Feed, sight *room.Sight, events []*room.Event) (*relations, error) {
	q, err := s.quietOf(ctx, sight.User())
	if err != nil {
		return nil, err
	}
	rel := &relations{s: s, w: &window{feed: f, sight: sight}, q: q, children: map[id.Event][]*room.Event{}, replies: map[id.Event]int{}}
	first, last := events[0], events[0]
	for _, ev := range events {
		if ev.Pos < first.Pos {
			first = ev
		}
		if ev.Pos > last.Pos {
			last = ev
		}
	}
	// Depth counts the room's events: a list with few gaps is asked for at once, a scattered one event by event.
	if last.Depth-first.Depth <= int64(denseWithinSpan*len(events)+100) {
		list, err := s.rooms.Related(ctx, f, first.Pos, last.Pos)
		if err != nil {
			return nil, err
		}
		if len(list) < relatedAtOnce {
			for _, ev := range list {
				if err := rel.add(ctx, ev); err != nil {
					return nil, err
				}
			}
			return rel, s.relateLatest(ctx, f, rel, events)
		}
	}
	for _, ev := range events {
		if err := s.relateOne(ctx, f, rel, ev); err != nil {
			return nil, err
		}
	}
	return rel, s.relateLatest(ctx, f, rel, events)
}

// add takes an event in that the user may see and wants to hear.
// spec: client-server-api#ignoring-users
func (rel *relations) add(ctx context.Context, ev *room.Event) error {
	if !rel.w.sight.Of(ev) || ev.RedactedBy != "" || !rel.s.hears(rel.q, ev) {
		return nil
	}
	shown, err := rel.s.veil(ctx, rel.w, rel.w.sight.User(), ev)
	if err == nil && shown == ev {
		rel.children[ev.Parent] = append(rel.children[ev.Parent], ev)
	}
	return err
}

// relateOne finds what relates to one event, unless that is known already.
func (s *Service) relateOne(ctx context.Context, f *room.Feed, rel *relations, ev *room.Event) error {
	if ev.IsState() || rel.children[ev.ID] != nil {
		return nil
	}
	list, err := s.rooms.Children(ctx, f, ev.ID, math.MaxInt64, 0, maxChildren, false)
	if err != nil {
		return err
	}
	if len(list) == maxChildren {
		if rel.replies[ev.ID], err = s.rooms.CountChildren(ctx, f, ev.ID, "m.thread"); err != nil {
			return err
		}
	}
	for _, child := range slices.Backward(list) {
		if err := rel.add(ctx, child); err != nil {
			return err
		}
	}
	return nil
}

// relateLatest finds what relates to the newest replies of threads, because those are shown with their own aggregations.
// spec: client-server-api#server-side-aggregation-of-mthread-relationships
func (s *Service) relateLatest(ctx context.Context, f *room.Feed, rel *relations, events []*room.Event) error {
	for _, ev := range events {
		if latest := rel.latest(ev); latest != nil {
			if err := s.relateOne(ctx, f, rel, latest); err != nil {
				return err
			}
		}
	}
	return nil
}

// latest is the newest reply in the thread that an event begins, nil for none.
func (rel *relations) latest(ev *room.Event) *room.Event {
	for _, c := range slices.Backward(rel.children[ev.ID]) {
		if c.RelType == "m.thread" {
			return c
		}
	}
	return nil
}

// bundle writes the aggregations that go with an event; nil for none.
// spec: client-server-api#aggregations-of-child-events
func (rel *relations) bundle(ev *room.Event, r room.Reader) json.RawMessage {
	return rel.bundleTo(ev, r, 1)
}

func (rel *relations) bundleTo(ev *room.Event, r room.Reader, threads int) json.RawMessage {
	list := rel.children[ev.ID]
	if len(list) == 0 || ev.RedactedBy != "" || ev.IsState() {
		return nil
	}
	plain := room.Reader{User: r.User, Device: r.Device, Membership: r.Membership}
	out := map[string]any{}
	var refs []map[string]id.Event
	var edit *room.Event
	replies, mine := 0, ev.Sender == r.User
	for _, c := range list {
		switch c.RelType {
		case "m.reference":
			refs = append(refs, map[string]id.Event{"event_id": c.ID})
		case "m.replace":
			if c.CanReplace(ev) {
				edit = edit.Newer(c)
			}
		case "m.thread":
			replies++
			mine = mine || c.Sender == r.User
		}
	}
	if refs != nil {
		out["m.reference"] = map[string]any{"chunk": refs}
	}
	if edit != nil {
		out["m.replace"] = json.RawMessage(edit.AppendClient(nil, plain))
	}
	if latest := rel.latest(ev); latest != nil && threads > 0 {
		shown := plain
		shown.Relations = rel.bundleTo(latest, plain, threads-1)
		out["m.thread"] = map[string]any{"count": max(replies, rel.replies[ev.ID]), "current_user_participated": mine, "latest_event": json.RawMessage(latest.AppendClient(nil, shown))}
	}
	if len(out) == 0 {
		return nil
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return nil
	}
	return raw
}

// RelationsRequest asks for the events that relate to another.
type RelationsRequest struct {
	PageRequest
	Parent  id.Event
	RelType string // "" for any
	Type    string // "" for any
	Recurse bool   // also those that relate to those

	heard func(ev *room.Event) bool
}

func (r *RelationsRequest) wants(ev *room.Event, sight *room.Sight) bool {
	return sight.Of(ev) && r.heard(ev) && ev.RedactedBy == "" && (r.RelType == "" || ev.RelType == r.RelType) && (r.Type == "" || ev.Type == r.Type)
}

// Relations answers with a page of the events that relate to one.
// spec: client-server-api#get_matrixclientv1roomsroomidrelationseventid
func (s *Service) Relations(ctx context.Context, r RelationsRequest) ([]byte, error) {
	f, err := s.rooms.Feed(ctx, r.Room)
	if err != nil {
		return nil, fault.Hide(err, "M_NOT_FOUND", "There is no such event.")
	}
	_, sight, err := s.rooms.Find(ctx, f, r.User, r.Parent)
	if err != nil {
		return nil, err
	}
	from, floor, ceiling, err := s.bounds(r.PageRequest)
	if err != nil {
		return nil, err
	}
	if r.Backward {
		ceiling = from
	} else {
		floor = from
	}
	q, err := s.quietOf(ctx, r.User)
	if err != nil {
		return nil, err
	}
	r.heard = func(ev *room.Event) bool { return s.hears(q, ev) }
	limit := max(1, min(r.Limit, maxPage))
	var found []*room.Event
	if r.Recurse {
		found, err = s.descendants(ctx, f, sight, &r, floor, ceiling)
	} else {
		found, err = s.related(ctx, f, sight, &r, floor, ceiling, limit+1)
	}
	if err != nil {
		return nil, err
	}
	more := len(found) > limit
	found = found[:min(len(found), limit)]
	chunk, err := s.appendEvents(ctx, nil, &window{feed: f, sight: sight}, found, r.User, r.Device, true)
	if err != nil {
		return nil, err
	}
	o := object{}
	o.raw("chunk", chunk)
	if r.From != "" {
		o.value("prev_batch", r.From)
	}
	if more {
		o.value("next_batch", beyond(found[limit-1], r.Backward))
	}
	if r.Recurse {
		o.value("recursion_depth", recursionDepth)
	}
	return o.bytes(), nil
}

// beyond is the token of the place behind an event.
func beyond(ev *room.Event, backward bool) string {
	if backward {
		return place(ev.Pos - 1)
	}
	return place(ev.Pos)
}

// related reads the direct relations that are wanted, in the direction asked for.
func (s *Service) related(ctx context.Context, f *room.Feed, sight *room.Sight, r *RelationsRequest, floor, ceiling int64, limit int) ([]*room.Event, error) {
	var found []*room.Event
	for {
		n := max(limit-len(found), 50)
		list, err := s.rooms.Children(ctx, f, r.Parent, ceiling, floor, n, !r.Backward)
		if err != nil {
			return nil, err
		}
		for _, ev := range list {
			if r.wants(ev, sight) {
				if found = append(found, ev); len(found) == limit {
					return found, nil
				}
			}
		}
		if len(list) < n {
			return found, nil
		}
		if last := list[len(list)-1].Pos; r.Backward {
			ceiling = last - 1
		} else {
			floor = last
		}
	}
}

// descendants reads what relates to the parent over up to three steps, in the direction asked for.
func (s *Service) descendants(ctx context.Context, f *room.Feed, sight *room.Sight, r *RelationsRequest, floor, ceiling int64) ([]*room.Event, error) {
	var found []*room.Event
	seen, parents := map[id.Event]bool{r.Parent: true}, []id.Event{r.Parent}
	for range recursionDepth {
		var next []id.Event
		for _, parent := range parents {
			list, err := s.rooms.Children(ctx, f, parent, math.MaxInt64, 0, maxChildren, !r.Backward)
			if err != nil {
				return nil, err
			}
			for _, ev := range list {
				if seen[ev.ID] || len(seen) > maxDescendants {
					continue
				}
				seen[ev.ID] = true
				next = append(next, ev.ID)
				if ev.Pos > floor && ev.Pos <= ceiling && r.wants(ev, sight) {
					found = append(found, ev)
				}
			}
		}
		parents = next
	}
	slices.SortFunc(found, func(a, b *room.Event) int {
		if r.Backward {
			a, b = b, a
		}
		return int(a.Pos - b.Pos)
	})
	return found, nil
}

// ThreadsRequest asks for the threads of a room.
type ThreadsRequest struct {
	User         id.User
	Device       id.Device
	Room         id.Room
	Participated bool // only those that the user has begun or replied in
	Limit        int
	From         string
}

// Threads answers with a page of a room's thread roots, the one with the newest reply first.
// spec: client-server-api#get_matrixclientv1roomsroomidthreads
func (s *Service) Threads(ctx context.Context, r ThreadsRequest) ([]byte, error) {
	f, sight, err := s.sight(ctx, r.Room, r.User)
	if err != nil {
		return nil, err
	}
	until := s.db.Position()
	// Somebody who has left does not learn that talk in a thread went on.
	if last, err := s.rooms.Until(ctx, f, r.User); err == nil {
		until = min(until, last)
	} else if !fault.Is(err, fault.Hidden) {
		return nil, err
	}
	from := until
	if r.From != "" {
		t, err := ParseToken(r.From)
		if err != nil {
			return nil, err
		}
		from = t.Pos
	}
	who := id.User("")
	if r.Participated {
		who = r.User
	}
	q, err := s.quietOf(ctx, r.User)
	if err != nil {
		return nil, err
	}
	limit := max(1, min(r.Limit, 100))
	var roots []*room.Event
	next := ""
	for len(roots) < limit {
		list, err := s.rooms.Threads(ctx, f, who, until, from, limit+1)
		if err != nil {
			return nil, err
		}
		for i, t := range list {
			from = t.Newest - 1
			one, err := s.rooms.On(ctx, f, t.Root-1, t.Root, 1)
			if err != nil {
				return nil, err
			}
			if len(one) == 1 && sight.Of(one[0]) {
				root := one[0]
				if !s.hears(q, root) { // its thread is there all the same
					if root, err = root.Emptied(f.Version); err != nil {
						return nil, err
					}
				}
				if roots = append(roots, root); len(roots) == limit {
					if i+1 < len(list) {
						next = place(from)
					}
					break
				}
			}
		}
		if len(list) <= limit {
			break
		}
	}
	chunk, err := s.appendEvents(ctx, nil, &window{feed: f, sight: sight}, roots, r.User, r.Device, true)
	if err != nil {
		return nil, err
	}
	o := object{}
	o.raw("chunk", chunk)
	if next != "" {
		o.value("next_batch", next)
	}
	return o.bytes(), nil
}
