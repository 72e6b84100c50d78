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

// power makes a person who asked for a group its keeper: they may rename it and take people out, and lose that when they leave.
func power(keeper string) json.RawMessage {
	users := map[string]int{}
	if keeper != "" {
		users[keeper] = 50
	}
	raw, err := json.Marshal(map[string]any{"users": users, "invite": 0, "kick": 50, "ban": 50, "redact": 50, "state_default": 50,
		"events": map[string]int{"m.room.power_levels": 100, "m.room.encryption": 100, "m.room.history_visibility": 100,
			"m.room.tombstone": 100, "m.room.server_acl": 100, StateType: 100, "uk.wardline.patient": 100, "m.room.name": 50}})
	if err != nil {
		panic(err) // a constant
	}
	return raw
}
