package timeline

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strings"

	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
	"wardline/matrix/search"
)

// SearchRequest asks for events that have all the words of a term.
type SearchRequest struct {
	User    id.User
	Device  id.Device
	Term    string
	Keys    []string // search.Body, search.Name, search.Topic; nil for all
	Filter  *EventFilter
	Recent  bool     // the newest first; otherwise the best first
	GroupBy []string // room_id, sender
	Around  *SearchContext
	State   bool   // with the state of every room that has a result
	Next    string // a token of an earlier answer, "" for the beginning
}

// SearchContext says how much of what was said around a result is wanted.
type SearchContext struct {
	Before, After int
	Profiles      bool
}

// Bounds of a search. A word that stands in half of all messages costs no more than one that stands in few: only the newest are looked
// at, and of these the best are chosen.
const (
	searchWindow  = 200   // events that the user may see, from which the best are taken
	searchScan    = 2_000 // positions looked at for a window
	searchStep    = 100
	searchDefault = 10
	searchMost    = 100
	searchAround  = 50
)

// searchToken says where the next page begins: in which window, how far into it, and in which group.
type searchToken struct {
	Before int64  `json:"b"`
	Skip   int    `json:"s,omitempty"`
	Key    string `json:"k,omitempty"`
	Value  string `json:"v,omitempty"`
}

func (t searchToken) String() string {
	raw, err := json.Marshal(t)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

func parseSearchToken(s string) (searchToken, error) {
	t := searchToken{Before: math.MaxInt64}
	if s == "" {
		return t, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || json.Unmarshal(raw, &t) != nil || t.Skip < 0 || t.Before < 0 || t.Key != "" && t.Key != "room_id" && t.Key != "sender" {
		return t, fault.New(fault.Invalid, "M_INVALID_PARAM", "The token is none of this server's.")
	}
	return t, nil
}

// hit is an event that a search has found.
type hit struct {
	room.Placed
	sight *room.Sight
	rank  float64
}

func (h hit) group(key string) string {
	if key == "room_id" {
		return string(h.RoomID)
	}
	return string(h.Sender)
}

// Search answers with a page of the events that have the words and that the user may see: in rooms that the user is in or has been in.
// spec: client-server-api#post_matrixclientv3search
func (s *Service) Search(ctx context.Context, r SearchRequest) ([]byte, error) {
	token, err := parseSearchToken(r.Next)
	if err != nil {
		return nil, err
	}
	words := search.Words(r.Term)
	if len(words) == 0 {
		return s.foundNothing(r)
	}
	if r.Next == "" {
		token.Before = s.db.Position() + 1 // later pages do not shift with what is said meanwhile
	}
	window, last, more, err := s.searchWindow(ctx, r, words, token)
	if err != nil {
		return nil, err
	}
	if !r.Recent {
		slices.SortStableFunc(window, func(a, b hit) int {
			switch {
			case a.rank > b.rank:
				return -1
			case a.rank < b.rank:
				return 1
			}
			return 0
		})
	}
	limit := r.Filter.limit(searchDefault, searchMost)
	at := min(token.Skip, len(window))
	page := window[at:min(at+limit, len(window))]
	o := object{}
	o.value("count", len(window)) // of those that were looked at: how many more there may be that the user must not see is not told
	o.value("highlights", highlights(r.Term, words))
	results, err := s.searchResults(ctx, r, page)
	if err != nil {
		return nil, err
	}
	o.raw("results", results)
	next := searchToken{Before: token.Before, Skip: at + len(page), Key: token.Key, Value: token.Value}
	switch {
	case next.Skip < len(window) && len(page) > 0:
		o.value("next_batch", next.String())
	case more && next.Skip >= len(window):
		o.value("next_batch", searchToken{Before: last, Key: token.Key, Value: token.Value}.String())
	}
	if len(r.GroupBy) > 0 {
		o.value("groups", searchGroups(r.GroupBy, window, at, len(page), token, last, more))
	}
	if r.State {
		state, err := s.searchState(ctx, r, page)
		if err != nil {
			return nil, err
		}
		o.raw("state", state)
	}
	return searchBody(o), nil
}

func searchBody(o object) []byte {
	categories, body := object{}, object{}
	categories.raw("room_events", o.bytes())
	body.raw("search_categories", categories.bytes())
	return body.bytes()
}

func (s *Service) foundNothing(r SearchRequest) ([]byte, error) {
	o := object{}
	o.value("count", 0)
	o.value("highlights", []string{})
	o.value("results", []any{})
	if len(r.GroupBy) > 0 {
		o.value("groups", map[string]any{})
	}
	if r.State {
		o.value("state", map[string]any{})
	}
	return searchBody(o), nil
}

// highlights are the words to mark in results: as they were typed and as they are looked for.
func highlights(term string, words []string) []string {
	all := slices.Clone(words)
	for _, w := range strings.Fields(strings.ToLower(term)) {
		if w = strings.Trim(w, `.,;:!?()[]{}"'`); w != "" {
			all = append(all, w)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// searchWindow finds the newest events that pass, before the token's place. last is the lowest position that was looked at, more
// whether there may be others below.
func (s *Service) searchWindow(ctx context.Context, r SearchRequest, words []string, token searchToken) (hits []hit, last int64, more bool, err error) {
	if err := s.Index.Fresh(ctx); err != nil {
		return nil, 0, false, err
	}
	feeds, err := s.searchable(ctx, r, token)
	if err != nil || len(feeds) == 0 {
		return nil, 0, false, err
	}
	sights := map[id.Room]*room.Sight{}
	last = token.Before
	most := searchWindow
	if r.Recent { // the newest need no choosing among; one more says that there are more
		most = token.Skip + r.Filter.limit(searchDefault, searchMost) + 1
	}
	for looked := 0; looked < searchScan; {
		found, err := s.Index.Find(ctx, search.Query{Words: words, Keys: r.Keys, Rooms: feeds, Before: last, Limit: min(searchStep, most+searchStep/4)})
		if err != nil {
			return nil, 0, false, err
		}
		looked += len(found.Positions)
		events, err := s.rooms.At(ctx, found.Positions)
		if err != nil {
			return nil, 0, false, err
		}
		for _, p := range events {
			last = p.Pos
			h, ok, err := s.hit(ctx, r, words, token, feeds, sights, p)
			if err != nil {
				return nil, 0, false, err
			}
			if ok {
				if hits = append(hits, h); len(hits) == most {
					return hits, last, true, nil
				}
			}
		}
		if last = found.Last; !found.More {
			return hits, last, false, nil
		}
		if len(found.Positions) < searchStep/4 {
			break // a word that nearly only others use: the next page goes on
		}
	}
	return hits, last, true, nil
}

// searchable are the rooms that a user may find something in: those the user is in or has been in, unless forgotten.
func (s *Service) searchable(ctx context.Context, r SearchRequest, token searchToken) ([]*room.Feed, error) {
	standings, err := s.rooms.Memberships(ctx, r.User)
	if err != nil {
		return nil, err
	}
	var names []id.Room
	for _, m := range standings {
		if m.WasJoined && !m.Forgotten && r.Filter.room(m.Room) && (token.Key != "room_id" || token.Value == string(m.Room)) {
			names = append(names, m.Room)
		}
	}
	return s.rooms.Feeds(ctx, names)
}

// hit looks at one event that the index has named: whether the user may see it, and whether it is wanted.
func (s *Service) hit(ctx context.Context, r SearchRequest, words []string, token searchToken, feeds []*room.Feed, sights map[id.Room]*room.Sight, p room.Placed) (h hit, ok bool, err error) {
	h.Placed = p
	if !slices.Contains(feeds, h.Feed) {
		return h, false, nil
	}
	if h.sight = sights[h.Feed.ID]; h.sight == nil {
		h.sight, err = s.rooms.Sight(ctx, h.Feed, r.User)
		if fault.Is(err, fault.Hidden) {
			return h, false, nil
		}
		if err != nil {
			return h, false, err
		}
		sights[h.Feed.ID] = h.sight
	}
	key := search.Key(h.Event)
	if !h.sight.Of(h.Event) || h.RedactedBy != "" || !r.Filter.pass(h.Event) || len(r.Keys) > 0 && !slices.Contains(r.Keys, key) || token.Key == "sender" && token.Value != string(h.Sender) {
		return h, false, nil
	}
	if r.Filter.relatedBy() {
		pass, err := s.sieve(ctx, h.Feed, h.sight, r.Filter, []*room.Event{h.Event})
		if err != nil || !pass(h.Event) {
			return h, false, err
		}
	}
	q, err := s.quietOf(ctx, r.User)
	if err != nil || !s.hears(q, h.Event) {
		return h, false, err
	}
	shown, err := s.veil(ctx, &window{feed: h.Feed, sight: h.sight}, r.User, h.Event)
	if err != nil || shown != h.Event {
		return h, false, err
	}
	// Where the event's own text has not got the words, an edit has, which somebody who left before it may not see.
	text := search.Text(h.Event)
	if !hasAll(search.Words(text), words) {
		if text, err = s.editedText(ctx, h); err != nil || !hasAll(search.Words(text), words) {
			return h, false, err
		}
	}
	h.rank = search.Rank(words, text)
	return h, true, nil
}

// editedText is what an event says by its newest edit, "" when there is none or the user may not see it.
func (s *Service) editedText(ctx context.Context, h hit) (string, error) {
	edit, err := s.rooms.Replacement(ctx, h.Feed, h.Event)
	if err != nil || edit == nil || !h.sight.Of(edit) {
		return "", err
	}
	text, _ := event.Text(event.Field(event.Field(edit.Event.Content, "m.new_content"), "body"))
	return text, nil
}

func hasAll(have, want []string) bool {
	return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(have, w) })
}

// searchResults writes a page of results.
func (s *Service) searchResults(ctx context.Context, r SearchRequest, page []hit) ([]byte, error) {
	b := []byte{'['}
	for i, h := range page {
		if i > 0 {
			b = append(b, ',')
		}
		w := &window{feed: h.Feed, sight: h.sight}
		one, err := s.appendEvents(ctx, nil, w, []*room.Event{h.Event}, r.User, r.Device, true)
		if err != nil {
			return nil, err
		}
		o := object{}
		o.value("rank", h.rank)
		o.raw("result", one[1:len(one)-1])
		if r.Around != nil {
			around, err := s.searchAround(ctx, r, h, w)
			if err != nil {
				return nil, err
			}
			o.raw("context", around)
		}
		b = append(b, o.bytes()...)
	}
	return append(b, ']'), nil
}

// searchAround writes what lies around a result, as the user may see it.
func (s *Service) searchAround(ctx context.Context, r SearchRequest, h hit, w *window) ([]byte, error) {
	around := func(from int64, limit int, backward bool) ([]*room.Event, int64, error) {
		if limit = max(0, min(limit, searchAround)); limit == 0 {
			return nil, from, nil
		}
		list, at, _, err := s.page(ctx, h.Feed, h.sight, from, 0, s.db.Position(), limit, backward, &EventFilter{})
		return list, at, err
	}
	before, start, err := around(h.Pos-1, r.Around.Before, true)
	if err != nil {
		return nil, err
	}
	after, end, err := around(h.Pos, r.Around.After, false)
	if err != nil {
		return nil, err
	}
	o := object{}
	o.value("start", place(start))
	o.value("end", place(end))
	for name, list := range map[string][]*room.Event{"events_before": before, "events_after": after} {
		b, err := s.appendEvents(ctx, nil, w, list, r.User, r.Device, true)
		if err != nil {
			return nil, err
		}
		o.raw(name, b)
	}
	if !r.Around.Profiles {
		return o.bytes(), nil
	}
	profiles := map[id.User]map[string]string{}
	for _, ev := range append(append([]*room.Event{h.Event}, before...), after...) {
		if profiles[ev.Sender] != nil {
			continue
		}
		profiles[ev.Sender] = map[string]string{}
		member, err := s.rooms.KeyAt(ctx, h.Feed, event.TypeMember, string(ev.Sender), ev.Pos)
		if err != nil {
			return nil, err
		}
		if member == nil {
			continue
		}
		for _, field := range []string{"displayname", "avatar_url"} {
			if text, ok := event.Text(event.Field(member.Event.Content, field)); ok {
				profiles[ev.Sender][field] = text
			}
		}
	}
	o.value("profile_info", profiles)
	return o.bytes(), nil
}

type searchGroup struct {
	Order   int        `json:"order"`
	Results []id.Event `json:"results"`
	Next    string     `json:"next_batch,omitempty"`
}

// searchGroups says which results of the page are in which group, and where each group goes on.
func searchGroups(keys []string, window []hit, at, n int, token searchToken, last int64, more bool) map[string]map[string]*searchGroup {
	all := map[string]map[string]*searchGroup{}
	for _, key := range keys {
		groups := map[string]*searchGroup{}
		all[key] = groups
		for _, h := range window[at : at+n] {
			g := groups[h.group(key)]
			if g == nil {
				g = &searchGroup{Order: len(groups) + 1}
				groups[h.group(key)] = g
			}
			g.Results = append(g.Results, h.ID)
		}
		for value, g := range groups {
			inGroup, shown := 0, 0
			for i, h := range window {
				if h.group(key) == value {
					if inGroup++; i < at+n {
						shown++
					}
				}
			}
			switch {
			case token.Key != "" && token.Key != key:
			case shown < inGroup:
				g.Next = searchToken{Before: token.Before, Skip: shown, Key: key, Value: value}.String()
			case more:
				g.Next = searchToken{Before: last, Key: key, Value: value}.String()
			}
		}
	}
	return all
}

// searchState writes the state of the rooms that have results, as far as the user may know it.
func (s *Service) searchState(ctx context.Context, r SearchRequest, page []hit) ([]byte, error) {
	o := object{}
	done := map[id.Room]bool{}
	for _, h := range page {
		if done[h.RoomID] {
			continue
		}
		done[h.RoomID] = true
		list, err := s.State(ctx, r.User, r.Device, h.RoomID, nil)
		if err != nil {
			return nil, err
		}
		o.raw(string(h.RoomID), list)
	}
	return o.bytes(), nil
}
