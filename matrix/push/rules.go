package push

import (
	"encoding/json"
	"slices"
	"strings"

	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Rule is one push rule, in the form that clients read and write.
// spec: client-server-api#push-rules
type Rule struct {
	ID         string            `json:"rule_id"`
	Default    bool              `json:"default"`
	Enabled    bool              `json:"enabled"`
	Pattern    *string           `json:"pattern,omitempty"`
	Conditions []json.RawMessage `json:"conditions,omitzero"`
	Actions    []json.RawMessage `json:"actions"`
}

// Ruleset is a user's rules by kind, each kind with the most important rule first.
type Ruleset struct {
	Override  []Rule `json:"override"`
	Content   []Rule `json:"content"`
	Room      []Rule `json:"room"`
	Sender    []Rule `json:"sender"`
	Underride []Rule `json:"underride"`
}

// Kinds are the kinds of rules in the order in which they are tried.
var Kinds = []string{"override", "content", "room", "sender", "underride"}

// Limits of what one user may make.
const (
	maxRules    = 1000
	maxRuleID   = 255
	maxRuleSize = 16 << 10
	maxSetSize  = 256 << 10
)

var errNoRule = fault.New(fault.NotFound, "M_NOT_FOUND", "There is no such push rule.")

// kind returns the list of a kind, nil for a word that names none.
func (s *Ruleset) kind(kind string) *[]Rule {
	switch kind {
	case "override":
		return &s.Override
	case "content":
		return &s.Content
	case "room":
		return &s.Room
	case "sender":
		return &s.Sender
	case "underride":
		return &s.Underride
	}
	return nil
}

func find(list []Rule, name string) int {
	return slices.IndexFunc(list, func(r Rule) bool { return r.ID == name })
}

// Rule returns one rule. A kind or a name that does not exist is NotFound.
func (s *Ruleset) Rule(kind, name string) (*Rule, error) {
	list := s.kind(kind)
	if list == nil {
		return nil, errNoRule
	}
	i := find(*list, name)
	if i < 0 {
		return nil, errNoRule
	}
	return &(*list)[i], nil
}

// Change is a rule as somebody wants it, and where among their own rules of its kind: next before Before, or next after After.
type Change struct {
	Kind, ID      string
	Before, After string
	Pattern       *string
	Conditions    []json.RawMessage
	Actions       []json.RawMessage
}

// Put adds or replaces a user's own rule.
// spec: client-server-api#put_matrixclientv3pushrulesglobalkindruleid
func (s *Ruleset) Put(c Change) error {
	list := s.kind(c.Kind)
	if list == nil {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "There is no such kind of push rule.")
	}
	rule, err := c.rule()
	if err != nil {
		return err
	}
	at, first := find(*list, c.ID), 0
	if c.Kind == "override" {
		first = 1 // the master rule stands above all
	}
	if at >= 0 {
		rule.Enabled = (*list)[at].Enabled
		if c.Before == "" && c.After == "" {
			(*list)[at] = rule
			return nil
		}
		*list = slices.Delete(slices.Clone(*list), at, at+1)
	}
	where := first
	if next := c.Before; next != "" || c.After != "" {
		if next == "" {
			next = c.After
		}
		where = find(*list, next)
		if where < 0 || (*list)[where].Default {
			return fault.New(fault.Invalid, "M_UNKNOWN", "The rule to put it before or after is none of yours.")
		}
		if c.Before == "" {
			where++
		}
	}
	if s.own() >= maxRules {
		return fault.New(fault.Invalid, "M_TOO_LARGE", "There are too many push rules.")
	}
	*list = slices.Insert(slices.Clone(*list), where, rule)
	return nil
}

func (s *Ruleset) own() int {
	n := 0
	for _, k := range Kinds {
		for _, r := range *s.kind(k) {
			if !r.Default {
				n++
			}
		}
	}
	return n
}

// rule checks a change and makes the rule of it.
func (c Change) rule() (Rule, error) {
	bad := func(text string) (Rule, error) { return Rule{}, fault.New(fault.Invalid, "M_INVALID_PARAM", text) }
	switch {
	case c.ID == "" || len(c.ID) > maxRuleID:
		return bad("The rule's name must have 1 to 255 characters.")
	case strings.HasPrefix(c.ID, "."):
		return bad("Names that begin with a dot are the server's own.")
	case strings.ContainsAny(c.ID, `/\`):
		return bad("The rule's name may hold no slash and no backslash.")
	}
	r := Rule{ID: c.ID, Enabled: true}
	var err error
	if r.Actions, err = checkActions(c.Actions); err != nil {
		return Rule{}, err
	}
	size := 0
	switch c.Kind {
	case "content":
		if c.Pattern == nil {
			return Rule{}, fault.New(fault.Invalid, "M_MISSING_PARAM", "A content rule needs a pattern.")
		}
		r.Pattern, size = c.Pattern, len(*c.Pattern)
	case "override", "underride":
		r.Conditions = []json.RawMessage{}
		for _, raw := range c.Conditions {
			var b struct {
				Kind *string `json:"kind"`
			}
			if json.Unmarshal(raw, &b) != nil || b.Kind == nil {
				return bad("A condition is an object with a kind.")
			}
			r.Conditions = append(r.Conditions, raw)
			size += len(raw)
		}
	}
	for _, a := range r.Actions {
		size += len(a)
	}
	if size > maxRuleSize {
		return Rule{}, fault.New(fault.TooLarge, "M_TOO_LARGE", "The rule is too large.")
	}
	return r, nil
}

// checkActions refuses what is no action, and leaves out those of older versions, which mean nothing.
// spec: client-server-api#historical-actions
func checkActions(list []json.RawMessage) ([]json.RawMessage, error) {
	if list == nil {
		return nil, fault.New(fault.Invalid, "M_MISSING_PARAM", "The actions are missing.")
	}
	keep := []json.RawMessage{}
	for _, raw := range list {
		var word string
		if json.Unmarshal(raw, &word) == nil {
			if word == "dont_notify" || word == "coalesce" {
				continue
			}
			if word != "notify" {
				return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "There is no such action.")
			}
			keep = append(keep, raw)
			continue
		}
		var tweak struct {
			Set *string `json:"set_tweak"`
		}
		if json.Unmarshal(raw, &tweak) != nil || tweak.Set == nil {
			return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "An action is a word or an object with set_tweak.")
		}
		keep = append(keep, raw)
	}
	return keep, nil
}

// Delete removes a user's own rule. The server's own rules can only be switched off.
func (s *Ruleset) Delete(kind, name string) error {
	r, err := s.Rule(kind, name)
	if err != nil {
		return err
	}
	if r.Default {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The server's own rules cannot be deleted, only switched off.")
	}
	list := s.kind(kind)
	i := find(*list, name)
	*list = slices.Delete(slices.Clone(*list), i, i+1)
	return nil
}

// Enable switches a rule on or off.
func (s *Ruleset) Enable(kind, name string, on bool) error {
	r, err := s.Rule(kind, name)
	if err == nil {
		r.Enabled = on
	}
	return err
}

// SetActions changes what a rule does, also one of the server's own.
func (s *Ruleset) SetActions(kind, name string, actions []json.RawMessage) error {
	r, err := s.Rule(kind, name)
	if err != nil {
		return err
	}
	list, err := checkActions(actions)
	if err == nil {
		r.Actions = list
	}
	return err
}

// merge puts what a user has changed into today's default rules, so that a rule which a later version adds reaches everybody.
func merge(u id.User, stored *Ruleset) *Ruleset {
	set := Defaults(u)
	for _, kind := range Kinds {
		list, first := set.kind(kind), 0
		if kind == "override" {
			first = 1
		}
		var own []Rule
		for _, r := range *stored.kind(kind) {
			if !strings.HasPrefix(r.ID, ".") {
				r.Default = false
				own = append(own, r)
			} else if i := find(*list, r.ID); i >= 0 {
				(*list)[i].Enabled, (*list)[i].Actions = r.Enabled, r.Actions
			}
		}
		*list = slices.Insert(*list, first, own...)
	}
	return set
}
