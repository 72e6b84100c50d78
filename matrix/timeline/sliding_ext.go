package timeline

import (
	"context"
	"encoding/json"
	"slices"

	"wardline/matrix/id"
	"wardline/matrix/room"
)

// Extensions says what is wanted beside rooms.
type Extensions struct {
	Typing, Receipts, AccountData Extension
	ToDevice, E2EE                bool

	ToDeviceSince string // up to where the device has its messages, as the last answer said
	ToDeviceLimit int    // how many messages it wants at once, 0 for as many as an answer holds
}

// Extension is one that speaks of rooms: those of some lists and some subscriptions. Nil, or "*" among them, is all.
type Extension struct {
	Enabled bool
	Lists   []string
	Rooms   []id.Room
}

// everywhere says whether the extension speaks of every room that the connection knows.
func (x *Extension) everywhere() bool {
	return (x.Lists == nil || slices.Contains(x.Lists, "*")) && (x.Rooms == nil || slices.Contains(x.Rooms, "*"))
}

// about returns the rooms of which an extension speaks, by what the client will know of each: those it knows already and those that
// this answer brings, if the extension is not limited to lists or rooms that they are not in.
func (g *sliding) about(x *Extension) map[id.Room]*sentRoom {
	if x.everywhere() {
		return g.next.rooms
	}
	some := map[id.Room]*sentRoom{}
	for r, config := range g.wanted {
		inList := slices.ContainsFunc(config.lists, func(name string) bool {
			return x.Lists == nil || slices.Contains(x.Lists, "*") || slices.Contains(x.Lists, name)
		})
		_, subscribed := g.r.Subscriptions[r]
		inRooms := subscribed && (x.Rooms == nil || slices.Contains(x.Rooms, "*")) || slices.Contains(x.Rooms, r)
		if sent := g.next.rooms[r]; sent != nil && (inList || inRooms) {
			some[r] = sent
		}
	}
	return some
}

// extend writes the extensions.
func (g *sliding) extend(ctx context.Context) error {
	g.ext = map[string]any{}
	x := &g.r.Extensions
	if x.AccountData.Enabled {
		if err := g.extendData(ctx); err != nil {
			return err
		}
	}
	if x.Receipts.Enabled {
		g.ephemeral("receipts", "m.receipt", &x.Receipts, func(f *room.Feed) json.RawMessage {
			return extraOf(f).shown(g.r.User, g.base.at.Pos, g.to.Pos, g.base.rooms[f.ID] == nil, g.shown[f.ID])
		})
	}
	if x.Typing.Enabled {
		g.ephemeral("typing", "m.typing", &x.Typing, func(f *room.Feed) json.RawMessage {
			return extraOf(f).typingSince(g.base.at.Serial, g.base.rooms[f.ID] == nil)
		})
	}
	if x.ToDevice {
		if err := g.extendMessages(ctx); err != nil {
			return err
		}
	}
	if x.E2EE {
		return g.extendKeys(ctx)
	}
	return nil
}

// ephemeral writes an extension that has one event a room, for the rooms the user is in.
func (g *sliding) ephemeral(name, typ string, x *Extension, content func(f *room.Feed) json.RawMessage) {
	list := map[id.Room]any{}
	for r, sent := range g.about(x) {
		if sent.membership != "join" {
			continue
		}
		if f := g.Service.rooms.Known(r); f != nil {
			if c := content(f); c != nil {
				list[r] = map[string]any{"type": typ, "room_id": r, "content": c}
			}
		}
	}
	if len(list) > 0 {
		g.ext[name] = map[string]any{"rooms": list}
		g.news = true
	}
}

// extendData writes account data: the user's own, and that of rooms the client knows, all of it when the client learns of a room.
// spec: MSC3959
func (g *sliding) extendData(ctx context.Context) error {
	type item struct {
		Type    string          `json:"type"`
		Content json.RawMessage `json:"content"`
	}
	known := g.about(&g.r.Extensions.AccountData)
	data := g.data
	if g.base.at.Pos == 0 {
		var err error
		if data, err = g.withRules(ctx, g.r.User, data); err != nil {
			return err
		}
	}
	fresh := func(r id.Room) bool { return known[r] != nil && g.base.rooms[r] == nil }
	if g.base.at.Pos > 0 && slices.ContainsFunc(keysOf(known), fresh) {
		older, err := g.accounts.DataSince(ctx, g.db, g.r.User, 0, g.base.at.Pos)
		if err != nil {
			return err
		}
		for _, d := range older {
			if d.Room != "" && fresh(d.Room) {
				data = append(slices.Clip(data), d)
			}
		}
	}
	global, rooms := []item{}, map[id.Room][]item{}
	for _, d := range data {
		it := item{d.Type, d.Content}
		if d.Room == "" {
			global = append(global, it)
		} else if known[d.Room] != nil {
			rooms[d.Room] = append(rooms[d.Room], it)
		}
	}
	if news := len(global)+len(rooms) > 0; news || g.base.at.Pos == 0 {
		g.ext["account_data"] = map[string]any{"global": global, "rooms": rooms}
		g.news = g.news || news
	}
	return nil
}

func keysOf(rooms map[id.Room]*sentRoom) []id.Room {
	out := make([]id.Room, 0, len(rooms))
	for r := range rooms {
		out = append(out, r)
	}
	return out
}

// extendMessages writes the messages for the device itself. They have a token of their own, so that another connection of the same
// device proves nothing about them.
// spec: MSC3885
func (g *sliding) extendMessages(ctx context.Context) error {
	limit := g.r.Extensions.ToDeviceLimit
	if limit <= 0 || limit > maxMessages {
		limit = maxMessages
	}
	messages, upTo, err := g.inbox.Waiting(ctx, g.r.User, g.r.Device, g.received, g.to.Pos, limit)
	if err != nil {
		return err
	}
	g.ext["to_device"] = map[string]any{"next_batch": Token{Pos: upTo, Inbox: upTo}.String(), "events": messages}
	g.news = g.news || len(messages) > 0
	return nil
}

// extendKeys writes what a device must know to encrypt.
// spec: MSC3884
func (g *sliding) extendKeys(ctx context.Context) error {
	held, err := g.keys.Held(ctx, g.r.User, g.r.Device)
	if err != nil {
		return err
	}
	body := map[string]any{"device_one_time_keys_count": held.Counts, "device_unused_fallback_key_types": held.Fallbacks}
	lists, err := g.DeviceListsBetween(ctx, g.r.User, g.base.at.Pos, g.to.Pos)
	if err != nil {
		return err
	}
	if !lists.empty() {
		body["device_lists"] = lists
	}
	g.news = g.news || !lists.empty() || g.base.at.Pos > 0 && held.Pos > g.base.at.Pos
	g.ext["e2ee"] = body
	return nil
}
