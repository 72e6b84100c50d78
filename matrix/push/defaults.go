package push

import (
	"encoding/json"

	"wardline/matrix/id"
)

func raw(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only texts and numbers of this file come here
	}
	return b
}

func is(key string, value any) json.RawMessage {
	return raw(map[string]any{"kind": "event_property_is", "key": key, "value": value})
}

func match(key, pattern string) json.RawMessage {
	return raw(map[string]any{"kind": "event_match", "key": key, "pattern": pattern})
}

var (
	notify    = raw("notify")
	highlight = raw(map[string]any{"set_tweak": "highlight"})
	sound     = raw(map[string]any{"set_tweak": "sound", "value": "default"})
	ring      = raw(map[string]any{"set_tweak": "sound", "value": "ring"})
)

// Defaults returns the rules that everybody begins with.
// spec: client-server-api#predefined-rules
func Defaults(u id.User) *Ruleset {
	type list = []json.RawMessage
	rule := func(name string, actions list, conditions ...json.RawMessage) Rule {
		if conditions == nil {
			conditions = list{}
		}
		return Rule{ID: name, Default: true, Enabled: name != ".m.rule.master", Conditions: conditions, Actions: actions}
	}
	member, pair := match("type", "m.room.member"), raw(map[string]any{"kind": "room_member_count", "is": "2"})
	state := match("state_key", "")
	return &Ruleset{
		Override: []Rule{
			rule(".m.rule.master", list{}),
			rule(".m.rule.suppress_notices", list{}, match("content.msgtype", "m.notice")),
			rule(".m.rule.invite_for_me", list{notify, sound}, member, match("content.membership", "invite"), match("state_key", string(u))),
			rule(".m.rule.member_event", list{}, member),
			rule(".m.rule.is_user_mention", list{notify, sound, highlight},
				raw(map[string]any{"kind": "event_property_contains", "key": `content.m\.mentions.user_ids`, "value": string(u)})),
			rule(".m.rule.is_room_mention", list{notify, highlight}, is(`content.m\.mentions.room`, true),
				raw(map[string]any{"kind": "sender_notification_permission", "key": "room"})),
			rule(".m.rule.tombstone", list{notify, highlight}, match("type", "m.room.tombstone"), state),
			rule(".m.rule.reaction", list{}, match("type", "m.reaction")),
			rule(".m.rule.room.server_acl", list{}, match("type", "m.room.server_acl"), state),
			rule(".m.rule.suppress_edits", list{}, is(`content.m\.relates_to.rel_type`, "m.replace")),
		},
		Content: []Rule{}, Room: []Rule{}, Sender: []Rule{},
		Underride: []Rule{
			rule(".m.rule.call", list{notify, ring}, match("type", "m.call.invite")),
			rule(".m.rule.encrypted_room_one_to_one", list{notify, sound}, pair, match("type", "m.room.encrypted")),
			rule(".m.rule.room_one_to_one", list{notify, sound}, pair, match("type", "m.room.message")),
			rule(".m.rule.message", list{notify}, match("type", "m.room.message")),
			// spec: MSC3930
			rule(".m.rule.poll_start_one_to_one", list{notify, sound}, pair, match("type", "m.poll.start")),
			rule(".m.rule.poll_start", list{notify}, match("type", "m.poll.start")),
			rule(".m.rule.encrypted", list{notify}, match("type", "m.room.encrypted")),
		},
	}
}
