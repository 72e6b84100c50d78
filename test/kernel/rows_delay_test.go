package kernel

const msc4140 = "/_matrix/client/unstable/org.matrix.msc4140/"

// delayRows are the rows of delayed events.
var delayRows = []row{
	{route: "PUT " + msc4140 + "rooms/{roomId}/delayed_event/{eventType}/{txnId}", who: "bob", vars: set{"eventType": "m.room.message"}, body: `{"delay_ms":60000,"content":{"body":"later"}}`, has: `"delay_id"`},
	{route: "PUT " + msc4140 + "rooms/{roomId}/delayed_event/{eventType}/{txnId}", who: "bob", vars: set{"eventType": "m.room.message"}, body: `{"delay_ms":0,"content":{}}`, want: 400, has: "M_INVALID_PARAM"},
	{route: "PUT " + msc4140 + "rooms/{roomId}/delayed_event/{eventType}/{txnId}", who: "bob", vars: set{"eventType": "m.room.message"}, body: `{"delay_ms":-9007199254740991,"content":{}}`, want: 400, has: "M_INVALID_PARAM"},
	{route: "PUT " + msc4140 + "rooms/{roomId}/delayed_event/{eventType}/{txnId}", who: "bob", vars: set{"eventType": "m.room.message"}, body: `{"delay_ms":9007199254740991,"content":{}}`, want: 403, has: "M_FORBIDDEN"},
	{route: "PUT " + msc4140 + "rooms/{roomId}/delayed_event/{eventType}/{txnId}", who: "bob", vars: set{"eventType": "m.room.message"}, body: `{"delay_ms":"1","content":{}}`, want: 400, has: "M_BAD_JSON"},
	{route: "PUT " + msc4140 + "rooms/{roomId}/delayed_event/{eventType}/{txnId}", who: "bob", vars: set{"eventType": "m.room.message"}, body: `{"delay_ms":1000}`, want: 400, has: "M_MISSING_PARAM"},
	{route: "PUT " + msc4140 + "rooms/{roomId}/delayed_event/{eventType}/{txnId}", who: "mallory", vars: set{"eventType": "m.room.message"}, body: `{"delay_ms":1000,"content":{}}`, want: 403, has: "M_FORBIDDEN"},
	{route: "PUT " + v3 + "rooms/{roomId}/send/{eventType}/{txnId}", who: "bob", vars: set{"eventType": "m.room.message"}, query: "org.matrix.msc4140.delay=x", body: `{}`, want: 400, has: "M_INVALID_PARAM"},
	{route: "GET " + msc4140 + "delayed_events", who: "bob", has: `"running_since"`},
	{route: "GET " + msc4140 + "delayed_events", who: "mallory", has: `"delayed_events":[]`},
	{route: "GET " + msc4140 + "delayed_events/{delayId}", who: "bob", vars: set{"delayId": "none"}, want: 404, has: "M_NOT_FOUND"},
	{route: "POST " + msc4140 + "delayed_events/{delayId}", who: "bob", vars: set{"delayId": "none"}, body: `{"action":"send"}`, want: 404, has: "M_NOT_FOUND"},
	{route: "POST " + msc4140 + "delayed_events/{delayId}", who: "bob", vars: set{"delayId": "none"}, body: `{"action":"fly"}`, want: 400, has: "M_INVALID_PARAM"},
	{route: "POST " + msc4140 + "delayed_events/{delayId}", who: "bob", vars: set{"delayId": "none"}, body: `{}`, want: 400, has: "M_MISSING_PARAM"},
	{route: "POST " + msc4140 + "delayed_events/{delayId}/{action}", who: "bob", vars: set{"delayId": "none", "action": "cancel"}, body: `{}`, want: 404, has: "M_NOT_FOUND"},
	{route: "POST " + msc4140 + "delayed_events/{delayId}/{action}", who: "bob", vars: set{"delayId": "none", "action": "fly"}, body: `{}`, want: 404, has: "M_UNRECOGNIZED"},
}
