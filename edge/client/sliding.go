package client

import (
	"net/http"
	"regexp"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/timeline"
)

// opaque is the grammar of names that clients make up.
// spec: appendices#opaque-identifiers
var opaque = regexp.MustCompile(`^[0-9a-zA-Z._~-]{1,255}$`)

type extensionBody struct {
	Enabled bool      `json:"enabled"`
	Lists   []string  `json:"lists"`
	Rooms   []id.Room `json:"rooms"`
}

func (e extensionBody) read() timeline.Extension {
	return timeline.Extension{Enabled: e.Enabled, Lists: e.Lists, Rooms: e.Rooms}
}

type extensionsBody struct {
	Typing      extensionBody `json:"typing"`
	Receipts    extensionBody `json:"receipts"`
	AccountData extensionBody `json:"account_data"`
	ToDevice    struct {
		extensionBody
		Since string `json:"since"`
		Limit int    `json:"limit"`
	} `json:"to_device"`
	E2EE extensionBody `json:"e2ee"`
}

func (e extensionsBody) read() timeline.Extensions {
	return timeline.Extensions{Typing: e.Typing.read(), Receipts: e.Receipts.read(), AccountData: e.AccountData.read(), ToDevice: e.ToDevice.Enabled, E2EE: e.E2EE.Enabled,
		ToDeviceSince: e.ToDevice.Since, ToDeviceLimit: e.ToDevice.Limit}
}

// spec: MSC4186
func (h *API) sliding(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	return h.slide(w, r, a, readSliding)
}

func (h *API) slidingUnstable(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	return h.slide(w, r, a, readUnstable)
}

// slide leaves the reading to a function that is gone from the stack while the request waits: what a waiting request holds counts.
func (h *API) slide(w http.ResponseWriter, r *http.Request, a account.Actor, read func(*http.Request, account.Actor) (*timeline.SlidingRequest, error)) error {
	req, err := read(r, a)
	if err != nil {
		return err
	}
	body, err := h.Timeline.Sliding(r.Context(), req)
	if err != nil {
		return err
	}
	return httpx.Raw(w, http.StatusOK, body)
}

func readSliding(r *http.Request, a account.Actor) (*timeline.SlidingRequest, error) {
	var b struct {
		Conn          string                          `json:"conn_id"`
		Pos           string                          `json:"pos"`
		Timeout       int                             `json:"timeout"`
		Presence      string                          `json:"set_presence"`
		Lists         map[string]timeline.SlidingList `json:"lists"`
		Subscriptions map[id.Room]timeline.RoomConfig `json:"room_subscriptions"`
		Extensions    extensionsBody                  `json:"extensions"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return nil, err
	}
	if _, err := timeline.ParsePresence(b.Presence); err != nil {
		return nil, err
	}
	for name, l := range b.Lists {
		if !opaque.MatchString(name) {
			return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "A list's name has characters that it may not have.")
		}
		if l.TimelineLimit < 0 || l.Range != nil && (l.Range[0] < 0 || l.Range[1] < l.Range[0]) {
			return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "A list's range or timeline_limit makes no sense.")
		}
	}
	for _, c := range b.Subscriptions {
		if c.TimelineLimit < 0 {
			return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "A subscription's timeline_limit makes no sense.")
		}
	}
	return &timeline.SlidingRequest{User: a.User, Device: a.Device, Conn: b.Conn, Pos: b.Pos, Timeout: wait(max(b.Timeout, 0)), Presence: b.Presence,
		Lists: b.Lists, Subscriptions: b.Subscriptions, Extensions: b.Extensions.read()}, nil
}

// unstableConfig is a room config in the form of 2024.
type unstableConfig struct {
	TimelineLimit int         `json:"timeline_limit"`
	Required      [][2]string `json:"required_state"`
}

// read turns pairs of type and state key with * , $LAZY and $ME into the accepted form.
func (c unstableConfig) read(me id.User) timeline.RoomConfig {
	out := timeline.RoomConfig{TimelineLimit: max(c.TimelineLimit, 0)}
	for _, pair := range c.Required {
		var m timeline.StateMatch
		if pair[0] == event.TypeMember && pair[1] == "$LAZY" {
			out.Required.Lazy = true
			continue
		}
		if pair[0] != "*" {
			m.Type = &pair[0]
		}
		switch pair[1] {
		case "*":
		case "$ME":
			own := string(me)
			m.StateKey = &own
		default:
			m.StateKey = &pair[1]
		}
		out.Required.Include = append(out.Required.Include, m)
	}
	return out
}

func readUnstable(r *http.Request, a account.Actor) (*timeline.SlidingRequest, error) {
	var b struct {
		Conn  string `json:"conn_id"`
		Lists map[string]struct {
			unstableConfig
			Ranges  [][2]int `json:"ranges"`
			Filters *struct {
				timeline.RoomFilter
				IsInvite *bool `json:"is_invite"`
			} `json:"filters"`
		} `json:"lists"`
		Subscriptions map[id.Room]unstableConfig `json:"room_subscriptions"`
		Extensions    extensionsBody             `json:"extensions"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return nil, err
	}
	ms, err := httpx.Query(r, "timeout", 0)
	if err != nil {
		return nil, err
	}
	presence, err := timeline.ParsePresence(r.URL.Query().Get("set_presence"))
	if err != nil {
		return nil, err
	}
	req := &timeline.SlidingRequest{User: a.User, Device: a.Device, Conn: b.Conn, Pos: r.URL.Query().Get("pos"), Timeout: wait(ms), Presence: presence, Unstable: true,
		Lists: map[string]timeline.SlidingList{}, Subscriptions: map[id.Room]timeline.RoomConfig{}, Extensions: b.Extensions.read()}
	for name, l := range b.Lists {
		list := timeline.SlidingList{RoomConfig: l.unstableConfig.read(a.User)}
		for i, span := range l.Ranges {
			if span[0] < 0 || span[1] < span[0] {
				return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "A list's range makes no sense.")
			}
			if i == 0 {
				list.Range = &span
			} else {
				list.More = append(list.More, span)
			}
		}
		if l.Filters != nil {
			list.Filters = &l.Filters.RoomFilter
			if l.Filters.IsInvite != nil {
				list.Filters.IsInvited = l.Filters.IsInvite
			}
		}
		req.Lists[name] = list
	}
	for name, c := range b.Subscriptions {
		req.Subscriptions[name] = c.read(a.User)
	}
	return req, nil
}
