package paging

import (
	"bytes"
	"encoding/json"
	"slices"

	"wardline/matrix/id"
	"wardline/matrix/room"
)

// asking is what an event that asks somebody to answer a page says of it.
type asking struct {
	Mentions mentions `json:"m.mentions"`
	Step     *struct {
		Kind Kind `json:"kind"`
	} `json:"uk.wardline.page.step"`
	Page struct {
		ID      ID      `json:"id"`
		Urgency Urgency `json:"urgency"`
		Status  Status  `json:"status"`
		Current Current `json:"current"`
	} `json:"uk.wardline.page"`
}

// read looks into the content, because the kernel takes no mentions out of notices, which the steps of a page are.
func read(u id.User, ev *room.Event) (c asking, calls bool) {
	content := ev.Event.Content
	if ev.Type != messageType || !bytes.Contains(content, []byte(`"`+PageKey+`"`)) || !bytes.Contains(content, []byte(u)) || json.Unmarshal(content, &c) != nil {
		return c, false
	}
	brings := c.Step == nil || c.Step.Kind == Passed || c.Step.Kind == Exhausted
	return c, brings && slices.Contains(c.Mentions.UserIDs, u) && c.Page.Status == Open && c.Page.Current.Calls(u)
}

// Calls says whether an event asks a person to answer a page, and which: the page's first event does, and each by which it passes on
// to them. It is quick for everything else. Only this program writes such events (Guard).
//
// hazard: H1 urgent message not delivered
func Calls(u id.User, ev *room.Event) (ID, Urgency, bool) {
	c, yes := read(u, ev)
	if !yes {
		return "", "", false
	}
	return c.Page.ID, c.Page.Urgency, true
}

// CallsSince is Calls with the instant since when the page is with them, as Input.Since wants it.
func CallsSince(u id.User, ev *room.Event) (ID, int64, bool) {
	c, yes := read(u, ev)
	if !yes {
		return "", 0, false
	}
	return c.Page.ID, c.Page.Current.Since, true
}
