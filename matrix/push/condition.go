package push

import (
	"encoding/json"
	"strconv"
	"strings"

	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// program is a ruleset made ready to be tried on events.
type program struct {
	user    id.User
	ignored map[id.User]bool
	rules   []step
}

type step struct {
	conditions []condition
	actions    []json.RawMessage
	notify     bool
	highlight  bool
}

// condition says whether an event, as one user sees it, fits.
type condition func(v *view) bool

func never(*view) bool { return false }

// compile makes a program of the enabled rules. What it does not understand never matches.
func compile(u id.User, set *Ruleset) *program {
	p := &program{user: u}
	for _, kind := range Kinds {
		for _, r := range *set.kind(kind) {
			if !r.Enabled {
				continue
			}
			s := step{actions: r.Actions}
			s.notify, s.highlight = effects(r.Actions)
			switch kind {
			case "room":
				s.conditions = []condition{func(v *view) bool { return string(v.feed.ID) == r.ID }}
			case "sender":
				s.conditions = []condition{func(v *view) bool { return string(v.ev.Sender) == r.ID }}
			case "content":
				s.conditions = []condition{never}
				if r.Pattern != nil {
					s.conditions[0] = eventMatch("content.body", *r.Pattern)
				}
			default:
				for _, c := range r.Conditions {
					s.conditions = append(s.conditions, parseCondition(c))
				}
			}
			p.rules = append(p.rules, s)
		}
	}
	return p
}

// effects reads whether actions notify, and whether they highlight.
// spec: client-server-api#actions
func effects(actions []json.RawMessage) (notify, highlight bool) {
	for _, raw := range actions {
		var word string
		if json.Unmarshal(raw, &word) == nil {
			notify = notify || word == "notify"
			continue
		}
		var tweak struct {
			Set   string          `json:"set_tweak"`
			Value json.RawMessage `json:"value"`
		}
		if json.Unmarshal(raw, &tweak) == nil && tweak.Set == "highlight" {
			highlight = tweak.Value == nil || string(tweak.Value) == "true"
		}
	}
	return notify, highlight
}

// view is an event as the rules look at it.
type view struct {
	ev   *room.Event
	feed *room.Feed
	user id.User
	body []rune // of content.body in lower case, once it was asked for
	read bool
}

// judge tries the rules in order and returns what the first that fits does. Of people whom the user ignores, nothing fits.
func (p *program) judge(u id.User, f *room.Feed, ev *room.Event) (s step, fits bool) {
	if p.ignored[ev.Sender] {
		return step{}, false
	}
	v := &view{ev: ev, feed: f, user: u}
	for i := range p.rules {
		if p.rules[i].fits(v) {
			return p.rules[i], true
		}
	}
	return step{}, false
}

func (s *step) fits(v *view) bool {
	for _, c := range s.conditions {
		if !c(v) {
			return false
		}
	}
	return true
}

// spec: client-server-api#conditions-1
func parseCondition(raw json.RawMessage) condition {
	var b struct {
		Kind    string          `json:"kind"`
		Key     *string         `json:"key"`
		Pattern *string         `json:"pattern"`
		Value   json.RawMessage `json:"value"`
		Is      string          `json:"is"`
	}
	if json.Unmarshal(raw, &b) != nil {
		return never
	}
	switch {
	case b.Kind == "contains_display_name":
		return containsName
	case b.Kind == "room_member_count":
		return memberCount(b.Is)
	case b.Key == nil:
		return never
	case b.Kind == "event_match" && b.Pattern != nil:
		return eventMatch(*b.Key, *b.Pattern)
	case b.Kind == "event_property_is":
		return propertyIs(*b.Key, b.Value)
	case b.Kind == "event_property_contains":
		return propertyContains(*b.Key, b.Value)
	case b.Kind == "sender_notification_permission":
		key := *b.Key
		return func(v *view) bool { return v.feed.MayNotify(v.ev.Sender, key) }
	}
	return never
}

func eventMatch(key, pattern string) condition {
	path, g := splitPath(key), parseGlob(pattern)
	if key == "content.body" {
		return func(v *view) bool { return v.hasBody() && g.within(v.body) }
	}
	return func(v *view) bool {
		text, ok := v.text(path)
		return ok && g.whole(lower(text))
	}
}

func containsName(v *view) bool {
	name := v.feed.Text(event.TypeMember, string(v.user), "displayname")
	return name != "" && v.hasBody() && literal(name).within(v.body)
}

func memberCount(is string) condition {
	i := 0
	for i < len(is) && strings.IndexByte("=<>", is[i]) >= 0 {
		i++
	}
	n, err := strconv.Atoi(is[i:])
	if err != nil || n < 0 || is[i] == '+' {
		return never
	}
	var holds func(count int) bool
	switch is[:i] {
	case "", "==":
		holds = func(c int) bool { return c == n }
	case "<":
		holds = func(c int) bool { return c < n }
	case ">":
		holds = func(c int) bool { return c > n }
	case "<=":
		holds = func(c int) bool { return c <= n }
	case ">=":
		holds = func(c int) bool { return c >= n }
	default:
		return never
	}
	return func(v *view) bool {
		joined, _ := v.feed.Counts()
		return holds(joined)
	}
}

// scalar returns a value in its one canonical spelling, nil for what cannot be compared: objects, arrays and fractions.
func scalar(value json.RawMessage) json.RawMessage {
	c, err := event.Canonical(nil, value)
	if err != nil || event.IsObject(c) || event.IsArray(c) {
		return nil
	}
	return c
}

func propertyIs(key string, value json.RawMessage) condition {
	path, want := splitPath(key), scalar(value)
	if want == nil {
		return never
	}
	return func(v *view) bool { return string(v.value(path)) == string(want) }
}

func propertyContains(key string, value json.RawMessage) condition {
	path, want := splitPath(key), scalar(value)
	if want == nil {
		return never
	}
	return func(v *view) bool {
		for one := range event.Elements(v.value(path)) {
			if string(one) == string(want) {
				return true
			}
		}
		return false
	}
}

// splitPath reads a path of names with dots between them; a dot inside a name has a backslash before it.
// spec: appendices#dot-separated-property-paths
func splitPath(s string) []string {
	var path []string
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && (s[i+1] == '.' || s[i+1] == '\\'):
			i++
			b.WriteByte(s[i])
		case c == '.':
			path = append(path, b.String())
			b.Reset()
		default:
			b.WriteByte(c)
		}
	}
	return append(path, b.String())
}

// value returns what stands in the event at a path, nil for nothing.
func (v *view) value(path []string) json.RawMessage {
	if path[0] != "content" {
		if text, ok := v.top(path); ok {
			return event.AppendText(nil, text)
		}
		return nil
	}
	at := v.ev.Event.Content
	for _, name := range path[1:] {
		if at = member(at, name); at == nil {
			return nil
		}
	}
	return at
}

// member is event.Field for names that may need escaping.
func member(object json.RawMessage, name string) json.RawMessage {
	if !event.IsObject(object) {
		return nil
	}
	quoted := event.AppendText(nil, name)
	return event.Field(object, string(quoted[1:len(quoted)-1]))
}

// top returns the text of a member of the event itself.
func (v *view) top(path []string) (string, bool) {
	if len(path) != 1 {
		return "", false
	}
	switch path[0] {
	case "type":
		return v.ev.Type, true
	case "sender":
		return string(v.ev.Sender), true
	case "room_id":
		return string(v.feed.ID), true
	case "event_id":
		return string(v.ev.ID), true
	case "state_key":
		if v.ev.StateKey != nil {
			return *v.ev.StateKey, true
		}
	}
	return "", false
}

func (v *view) text(path []string) (string, bool) {
	if path[0] != "content" {
		return v.top(path)
	}
	return event.Text(v.value(path))
}

// hasBody reads the message's text for the patterns, once.
func (v *view) hasBody() bool {
	if !v.read {
		v.read = true
		if text, ok := event.Text(event.Field(v.ev.Event.Content, "body")); ok {
			v.body = append(lower(text), 0)[:len([]rune(text))] // never nil, also for an empty text
		}
	}
	return v.body != nil
}
