package conversation

import (
	"encoding/json"

	"wardline/matrix/room"
)

// StateType is the state event that says a room's class.
const StateType = "uk.wardline.room"

type classContent struct {
	Class Class `json:"class"`
}

func stateEvent(typ string, content any) (room.StateEvent, error) {
	raw, err := json.Marshal(content)
	return room.StateEvent{Type: typ, Content: raw}, err
}

// ClassOf returns the class of the room of an act, "" for a room that has none.
func ClassOf(a *room.Act) Class {
	var c classContent
	if json.Unmarshal(a.State(StateType, ""), &c) != nil {
		return ""
	}
	return c.Class
}

// Levels of power in the trust's rooms. The service account, which made them, stands above all.
const (
	ownerLevel = 75
	adminLevel = 50
)

// power makes a person who asked for a group its owner: they may rename it, take people out and say who else may, and lose that when
// they leave. Whoever is in the room may invite and pin.
func power(owner string) json.RawMessage {
	users := map[string]int{}
	if owner != "" {
		users[owner] = ownerLevel
	}
	raw, err := json.Marshal(map[string]any{"users": users, "invite": 0, "kick": adminLevel, "ban": adminLevel, "redact": adminLevel, "state_default": adminLevel,
		"events": map[string]int{"m.room.power_levels": 100, "m.room.encryption": 100, "m.room.history_visibility": 100,
			"m.room.tombstone": 100, "m.room.server_acl": 100, StateType: 100, "uk.wardline.patient": 100, "m.room.name": adminLevel,
			"m.room.topic": adminLevel, "m.room.pinned_events": 0}})
	if err != nil {
		panic(err) // a constant
	}
	return raw
}
