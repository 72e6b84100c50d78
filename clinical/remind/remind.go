package remind

import (
	"encoding/json"
	"time"

	"wardline/ground/fault"
	"wardline/matrix/id"
	"wardline/matrix/push"
)

// Level is how one person is told of one conversation.
type Level string

// The levels. A page comes through all of them.
const (
	All      Level = "all"      // as the person's rules have it for every conversation
	Mentions Level = "mentions" // only what names them, or what they owe
	Nothing  Level = "nothing"
)

// Type is the account data in which a person's devices find their reminders.
const Type = "uk.wardline.reminders"

// SilenceType is the account data of a room that says until when it is silent.
const SilenceType = "uk.wardline.silence"

// Reminder is a message that comes back. It holds no words.
type Reminder struct {
	Room  id.Room  `json:"room_id"`
	Event id.Event `json:"event_id"`
	At    int64    `json:"at"`  // in ms
	Due   bool     `json:"due"` // its time has come, and nobody has put it away
}

// Limits.
const (
	soonest = 5 * time.Second
	latest  = 60 * 24 * time.Hour
	most    = 100 // reminders of one person
)

func checkTime(at, now time.Time) error {
	if at.Before(now.Add(soonest)) || at.After(now.Add(latest)) {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "Choose a time that is still to come, sixty days from now at the latest.")
	}
	return nil
}

// ruled gives a conversation a level among somebody's push rules, in the manner of other apps: an override rule without actions for
// nothing, a room rule without actions for mentions.
// spec: client-server-api#push-rules
func ruled(set *push.Ruleset, room id.Room, level Level) error {
	for _, kind := range []string{"override", "room"} {
		if err := set.Delete(kind, string(room)); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	switch level {
	case Mentions:
		return set.Put(push.Change{Kind: "room", ID: string(room), Actions: []json.RawMessage{}})
	case Nothing:
		condition, err := json.Marshal(map[string]string{"kind": "event_match", "key": "room_id", "pattern": string(room)})
		if err != nil {
			return err
		}
		return set.Put(push.Change{Kind: "override", ID: string(room), Conditions: []json.RawMessage{condition}, Actions: []json.RawMessage{}})
	}
	return nil
}
