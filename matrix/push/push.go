// Package push holds the rules by which clients decide what is worth a notification.
//
// Every user has the specification's default rules. Custom rules, pushers and the push gateway come later; what counts as unread is
// worked out with the same defaults when an event is written (package room). Look first at Rules.
package push

import (
	"encoding/json"

	"wardline/matrix/id"
)

type rule struct {
	ID         string           `json:"rule_id"`
	Default    bool             `json:"default"`
	Enabled    bool             `json:"enabled"`
	Pattern    string           `json:"pattern,omitempty"`
	Conditions []map[string]any `json:"conditions,omitempty"`
	Actions    []any            `json:"actions"`
}

type ruleset struct {
	Override  []rule `json:"override"`
	Content   []rule `json:"content"`
	Room      []rule `json:"room"`
	Sender    []rule `json:"sender"`
	Underride []rule `json:"underride"`
}

func is(key string, value any) map[string]any {
	return map[string]any{"kind": "event_property_is", "key": key, "value": value}
}

func match(key, pattern string) map[string]any {
	return map[string]any{"kind": "event_match", "key": key, "pattern": pattern}
}

func sound(name string) map[string]any { return map[string]any{"set_tweak": "sound", "value": name} }

var highlight = map[string]any{"set_tweak": "highlight"}

// Ruleset returns a user's rules by kind, as /pushrules answers.
// spec: client-server-api#predefined-rules
func Ruleset(u id.User) json.RawMessage {
	member := match("type", "m.room.member")
	dm := map[string]any{"kind": "room_member_count", "is": "2"}
	set := ruleset{
		Override: []rule{
			{ID: ".m.rule.master", Default: true, Enabled: false, Actions: []any{}},
			{ID: ".m.rule.suppress_notices", Default: true, Enabled: true, Conditions: []map[string]any{match("content.msgtype", "m.notice")}, Actions: []any{}},
			{ID: ".m.rule.invite_for_me", Default: true, Enabled: true, Conditions: []map[string]any{member, match("content.membership", "invite"), match("state_key", string(u))}, Actions: []any{"notify", sound("default")}},
			{ID: ".m.rule.member_event", Default: true, Enabled: true, Conditions: []map[string]any{member}, Actions: []any{}},
			{ID: ".m.rule.is_user_mention", Default: true, Enabled: true, Conditions: []map[string]any{
				{"kind": "event_property_contains", "key": `content.m\.mentions.user_ids`, "value": string(u)}}, Actions: []any{"notify", sound("default"), highlight}},
			{ID: ".m.rule.is_room_mention", Default: true, Enabled: true, Conditions: []map[string]any{is(`content.m\.mentions.room`, true),
				{"kind": "sender_notification_permission", "key": "room"}}, Actions: []any{"notify", highlight}},
			{ID: ".m.rule.tombstone", Default: true, Enabled: true, Conditions: []map[string]any{match("type", "m.room.tombstone"), match("state_key", "")}, Actions: []any{"notify", highlight}},
			{ID: ".m.rule.reaction", Default: true, Enabled: true, Conditions: []map[string]any{match("type", "m.reaction")}, Actions: []any{}},
			{ID: ".m.rule.room.server_acl", Default: true, Enabled: true, Conditions: []map[string]any{match("type", "m.room.server_acl"), match("state_key", "")}, Actions: []any{}},
			{ID: ".m.rule.suppress_edits", Default: true, Enabled: true, Conditions: []map[string]any{is(`content.m\.relates_to.rel_type`, "m.replace")}, Actions: []any{}},
		},
		Content: []rule{}, Room: []rule{}, Sender: []rule{},
		Underride: []rule{
			{ID: ".m.rule.call", Default: true, Enabled: true, Conditions: []map[string]any{match("type", "m.call.invite")}, Actions: []any{"notify", sound("ring")}},
			{ID: ".m.rule.encrypted_room_one_to_one", Default: true, Enabled: true, Conditions: []map[string]any{dm, match("type", "m.room.encrypted")}, Actions: []any{"notify", sound("default")}},
			{ID: ".m.rule.room_one_to_one", Default: true, Enabled: true, Conditions: []map[string]any{dm, match("type", "m.room.message")}, Actions: []any{"notify", sound("default")}},
			{ID: ".m.rule.message", Default: true, Enabled: true, Conditions: []map[string]any{match("type", "m.room.message")}, Actions: []any{"notify"}},
			{ID: ".m.rule.encrypted", Default: true, Enabled: true, Conditions: []map[string]any{match("type", "m.room.encrypted")}, Actions: []any{"notify"}},
		},
	}
	raw, err := json.Marshal(set)
	if err != nil {
		return json.RawMessage("{}")
	}
	return raw
}

// Rules returns a user's rules as account data of type m.push_rules has them.
func Rules(u id.User) json.RawMessage {
	return append(append(json.RawMessage(`{"global":`), Ruleset(u)...), '}')
}
