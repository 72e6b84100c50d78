package timeline

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// EventFilter chooses events.
// spec: client-server-api#filtering
type EventFilter struct {
	Limit       *int      `json:"limit"`
	Types       []string  `json:"types"`
	NotTypes    []string  `json:"not_types"`
	Senders     []id.User `json:"senders"`
	NotSenders  []id.User `json:"not_senders"`
	Rooms       []id.Room `json:"rooms"`
	NotRooms    []id.Room `json:"not_rooms"`
	ContainsURL *bool     `json:"contains_url"`

	LazyLoadMembers         bool      `json:"lazy_load_members"`
	IncludeRedundantMembers bool      `json:"include_redundant_members"`
	UnreadThreads           bool      `json:"unread_thread_notifications"`
	RelatedByRelTypes       []string  `json:"related_by_rel_types"`
	RelatedBySenders        []id.User `json:"related_by_senders"`
}

// Filter is what a client wants of /sync.
type Filter struct {
	AccountData EventFilter `json:"account_data"`
	Presence    EventFilter `json:"presence"`
	EventFields []string    `json:"event_fields"`
	EventFormat string      `json:"event_format"`
	Room        struct {
		AccountData  EventFilter `json:"account_data"`
		Ephemeral    EventFilter `json:"ephemeral"`
		IncludeLeave bool        `json:"include_leave"`
		State        EventFilter `json:"state"`
		Timeline     EventFilter `json:"timeline"`
		Rooms        []id.Room   `json:"rooms"`
		NotRooms     []id.Room   `json:"not_rooms"`
	} `json:"room"`
}

// formatFederation is the form in which servers exchange events.
const formatFederation = "federation"

// lazy says whether members are sent only as they are needed.
func (f *Filter) lazy() bool { return f.Room.State.LazyLoadMembers || f.Room.Timeline.LazyLoadMembers }

// redundant says whether they are to be sent every time that they are needed.
func (f *Filter) redundant() bool {
	return f.Room.State.IncludeRedundantMembers || f.Room.Timeline.IncludeRedundantMembers
}

// ParseFilter reads a filter; nil is one that wants everything.
// spec: client-server-api#post_matrixclientv3useruseridfilter
func ParseFilter(raw json.RawMessage) (*Filter, error) {
	f := &Filter{}
	if len(raw) == 0 {
		return f, nil
	}
	if err := json.Unmarshal(raw, f); err != nil {
		return nil, fault.Wrap(fault.Invalid, "M_BAD_JSON", "The filter is not one.", err)
	}
	if f.EventFormat != "" && f.EventFormat != "client" && f.EventFormat != formatFederation {
		return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "The event_format is client or federation.")
	}
	lists := []*EventFilter{&f.AccountData, &f.Presence, &f.Room.AccountData, &f.Room.Ephemeral, &f.Room.State, &f.Room.Timeline, {Rooms: f.Room.Rooms, NotRooms: f.Room.NotRooms}}
	for _, list := range lists {
		if err := list.check(); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// check refuses what names no room and nobody: a client that thinks it filters would be sent what it did not want, or nothing.
func (f *EventFilter) check() error {
	for _, r := range slices.Concat(f.Rooms, f.NotRooms) {
		if _, err := id.ParseRoom(string(r)); err != nil {
			return fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "The filter names something that is not a room id.", err)
		}
	}
	for _, u := range slices.Concat(f.Senders, f.NotSenders) {
		if _, err := id.ParseUser(string(u)); err != nil {
			return fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "The filter names something that is not a user id.", err)
		}
	}
	return nil
}

// ParseEventFilter reads the filter of one list of events; nil is one that wants everything.
func ParseEventFilter(raw json.RawMessage) (*EventFilter, error) {
	f := &EventFilter{}
	if len(raw) == 0 {
		return f, nil
	}
	if err := json.Unmarshal(raw, f); err != nil {
		return nil, fault.Wrap(fault.Invalid, "M_BAD_JSON", "The filter is not one.", err)
	}
	return f, f.check()
}

// limit returns how many events are wanted, def when the filter does not say, never more than most.
func (f *EventFilter) limit(def, most int) int {
	if f.Limit == nil {
		return def
	}
	return max(0, min(*f.Limit, most))
}

// everything reports whether the filter lets all events of a room pass.
func (f *EventFilter) everything() bool {
	return f.Types == nil && f.NotTypes == nil && f.Senders == nil && f.NotSenders == nil && f.Rooms == nil && f.NotRooms == nil && f.ContainsURL == nil && !f.relatedBy()
}

// relatedBy says whether what relates to an event decides.
func (f *EventFilter) relatedBy() bool {
	return f.RelatedByRelTypes != nil || f.RelatedBySenders != nil
}

// sieve returns what decides about the events of a list, after a look at what relates to them where the filter asks.
func (s *Service) sieve(ctx context.Context, f *room.Feed, sight *room.Sight, filter *EventFilter, list []*room.Event) (func(*room.Event) bool, error) {
	if !filter.relatedBy() || len(list) == 0 {
		return filter.pass, nil
	}
	rel, err := s.relate(ctx, f, sight, list)
	if err != nil {
		return nil, err
	}
	return func(ev *room.Event) bool {
		return filter.pass(ev) && slices.ContainsFunc(rel.children[ev.ID], func(c *room.Event) bool {
			return (filter.RelatedByRelTypes == nil || slices.Contains(filter.RelatedByRelTypes, c.RelType)) &&
				(filter.RelatedBySenders == nil || slices.Contains(filter.RelatedBySenders, c.Sender))
		})
	}, nil
}

func (f *EventFilter) room(r id.Room) bool {
	return (f.Rooms == nil || slices.Contains(f.Rooms, r)) && !slices.Contains(f.NotRooms, r)
}

func (f *EventFilter) typ(t string) bool {
	return (f.Types == nil || matches(f.Types, t)) && !matches(f.NotTypes, t)
}

func (f *EventFilter) sender(u id.User) bool {
	return (f.Senders == nil || slices.Contains(f.Senders, u)) && !slices.Contains(f.NotSenders, u)
}

func (f *EventFilter) pass(ev *room.Event) bool {
	if f.everything() {
		return true
	}
	if !f.typ(ev.Type) || !f.room(ev.RoomID) {
		return false
	}
	if f.Senders != nil && !slices.Contains(f.Senders, ev.Sender) || slices.Contains(f.NotSenders, ev.Sender) {
		return false
	}
	if f.ContainsURL != nil {
		_, has := event.Text(event.Field(ev.Event.Content, "url"))
		return has == *f.ContainsURL
	}
	return true
}

// matches says whether a type fits one of the patterns, in which * stands for anything.
func matches(patterns []string, typ string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return p == typ || fits(p, typ) })
}

// fits matches a whole text against a pattern. Its work is bounded by the product of both lengths, whatever the pattern.
func fits(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && pattern[p] == s[i]:
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
