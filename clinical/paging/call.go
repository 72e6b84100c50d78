package paging

import (
	"bytes"
	"encoding/json"
	"slices"

	"wardline/matrix/id"
	"wardline/matrix/room"
)

// Calls says whether an event asks a person to answer a page, and which: the page's first event does, and each by which it passes on
// to them. It is quick for everything else. Only this program writes such events (Guard).
//
// hazard: H1 urgent message not delivered
func Calls(u id.User, ev *room.Event) (ID, Urgency, bool) {
	if ev.Type != messageType || !slices.Contains(ev.Mentions, u) || !bytes.Contains(ev.Event.Content, []byte(`"`+PageKey+`"`)) {
		return "", "", false
	}
	var c struct {
		Page struct {
			ID      ID      `json:"id"`
			Urgency Urgency `json:"urgency"`
			Status  Status  `json:"status"`
			Current Current `json:"current"`
		} `json:"uk.wardline.page"`
	}
	if json.Unmarshal(ev.Event.Content, &c) != nil || c.Page.Status != Open || !c.Page.Current.Calls(u) {
		return "", "", false
	}
	return c.Page.ID, c.Page.Urgency, true
}
