package room

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"wardline/matrix/event"
	"wardline/matrix/id"
)

// render writes the client form of the event once, for all readers: everything but what differs between them, open at the end of
// "unsigned".
// spec: client-server-api#room-event-format
func (ev *Event) render() {
	b := make([]byte, 0, len(ev.Event.Content)+len(ev.ID)+len(ev.RoomID)+len(ev.Sender)+len(ev.Type)+160)
	b = append(b, `{"content":`...)
	b = append(b, ev.Event.Content...)
	b = append(b, `,"event_id":`...)
	b = appendString(b, string(ev.ID))
	b = append(b, `,"origin_server_ts":`...)
	b = strconv.AppendInt(b, ev.OriginServerTS, 10)
	if ev.Redacts != "" {
		b = append(b, `,"redacts":`...)
		b = appendString(b, string(ev.Redacts))
	}
	b = append(b, `,"room_id":`...)
	b = appendString(b, string(ev.RoomID))
	b = append(b, `,"sender":`...)
	b = appendString(b, string(ev.Sender))
	if ev.StateKey != nil {
		b = append(b, `,"state_key":`...)
		b = appendString(b, *ev.StateKey)
	}
	b = append(b, `,"type":`...)
	b = appendString(b, ev.Type)
	b = append(b, `,"unsigned":{`...)
	ev.client, ev.static = b, false
}

// unsign adds a member of "unsigned" that is the same for every reader.
func (ev *Event) unsign(name string, value json.RawMessage) {
	if ev.static {
		ev.client = append(ev.client, ',')
	}
	ev.client = appendString(ev.client, name)
	ev.client = append(ev.client, ':')
	ev.client = append(ev.client, value...)
	ev.static = true
}

// unsignReplaced says what a state event took the place of.
func (ev *Event) unsignReplaced(content json.RawMessage, sender json.RawMessage, name id.Event) {
	ev.unsign("prev_content", content)
	ev.unsign("prev_sender", sender)
	ev.unsign("replaces_state", appendString(nil, string(name)))
}

// slim lets go of what readers never ask of an event in memory: the PDU's own bytes and its place in the graph. The content is
// the one inside the client form. It must not be called once others can see the event.
func (ev *Event) slim() {
	const lead = len(`{"content":`)
	pdu := *ev.Event
	pdu.Content = ev.client[lead : lead+len(pdu.Content) : lead+len(pdu.Content)]
	pdu.JSON, pdu.Signatures, pdu.PrevEvents, pdu.AuthEvents = nil, nil, nil, nil
	ev.Event = &pdu
}

// Reader is for whom an event is written out.
type Reader struct {
	User       id.User
	Device     id.Device
	Membership string          // the reader's membership at the event, "" to leave it out
	Relations  json.RawMessage // bundled relations, nil for none
}

// AppendClient writes the event as a client reads it.
func (ev *Event) AppendClient(dst []byte, r Reader) []byte {
	dst = append(dst, ev.client...)
	comma := ev.static
	member := func(name string) {
		if comma {
			dst = append(dst, ',')
		}
		comma = true
		dst = append(dst, '"')
		dst = append(dst, name...)
		dst = append(dst, `":`...)
	}
	if r.Membership != "" {
		member("membership")
		dst = appendString(dst, r.Membership)
	}
	// What waited to be sent tells so to all devices of its sender: it answers no request.
	// spec: MSC4140#delay_id-in-unsigned-event-data
	delayed := ev.Txn != "" && ev.Sender == r.User && delayOf(ev.Txn) != ""
	if ev.Txn != "" && ev.Sender == r.User && ev.Device == r.Device && !delayed {
		member("transaction_id")
		dst = appendString(dst, clientTxn(ev.Txn))
	}
	if delayed {
		member("org.matrix.msc4140.delay_id")
		dst = appendString(dst, delayOf(ev.Txn))
	}
	if r.Relations != nil {
		member("m.relations")
		dst = append(dst, r.Relations...)
	}
	return append(dst, "}}"...)
}

// AppendStripped writes the few members that somebody outside the room may see of a piece of state.
// spec: client-server-api#stripped-state
func (ev *Event) AppendStripped(dst []byte) []byte {
	dst = append(dst, `{"content":`...)
	dst = append(dst, ev.Event.Content...)
	dst = append(dst, `,"sender":`...)
	dst = appendString(dst, string(ev.Sender))
	dst = append(dst, `,"state_key":`...)
	dst = appendString(dst, *ev.StateKey)
	dst = append(dst, `,"type":`...)
	dst = appendString(dst, ev.Type)
	return append(dst, '}')
}

// AppendInvitation is AppendStripped with what a list of notifications needs to name the event.
// spec: client-server-api#get_matrixclientv3notifications
func (ev *Event) AppendInvitation(dst []byte) []byte {
	dst = ev.AppendStripped(dst)
	dst = append(dst[:len(dst)-1], `,"event_id":`...)
	dst = appendString(dst, string(ev.ID))
	dst = append(dst, `,"origin_server_ts":`...)
	dst = appendInt(dst, ev.OriginServerTS)
	return append(dst, '}')
}

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

// appendString writes a JSON string. Plain ASCII, which ids are, takes the short way.
func appendString(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			b, err := json.Marshal(s)
			if err != nil {
				return append(dst, `""`...)
			}
			return append(dst, b...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// relation reads what an event relates to.
// spec: client-server-api#forming-relationships-between-events
func relation(content json.RawMessage) (parent id.Event, relType string) {
	rel := event.Field(content, "m.relates_to")
	if !event.IsObject(rel) {
		return "", ""
	}
	relType, ok := event.Text(event.Field(rel, "rel_type"))
	p, ok2 := event.Text(event.Field(rel, "event_id"))
	if !ok || !ok2 {
		return "", ""
	}
	return id.Event(p), relType
}
