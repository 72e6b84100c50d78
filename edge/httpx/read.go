package httpx

import (
	"encoding/json"
	"net/http"

	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

// Room reads the room from the path's {roomId}. What cannot be a room's id is Invalid.
func Room(r *http.Request) (id.Room, error) {
	name, err := id.ParseRoom(r.PathValue("roomId"))
	if err != nil {
		return "", fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "That is not a room id.", err)
	}
	return name, nil
}

// Object reads a body of at most limit bytes that must be a JSON object, and returns it without its spaces and else as it is.
func Object(r *http.Request, limit int64) (json.RawMessage, error) {
	var raw json.RawMessage
	if err := Decode(r, &raw, limit); err != nil {
		return nil, err
	}
	compact, err := event.Compact(nil, raw)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "M_NOT_JSON", "The body is not JSON.", err)
	}
	if !event.IsObject(compact) {
		return nil, fault.New(fault.Invalid, "M_BAD_JSON", "The body is not an object.")
	}
	return compact, nil
}
