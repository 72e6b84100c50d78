package kernel

import "strings"

const rk = v3 + "room_keys/"

// session is a backed-up key as clients send it.
const session = `{"first_message_index":1,"forwarded_count":0,"is_verified":true,"session_data":{"x":"y"}}`

// keyRows are about device keys, messages to devices and backups of keys. Backups belong to bob.
var keyRows = []row{
	{route: "POST " + v3 + "keys/upload", who: "alice", body: `{"one_time_keys":{"signed_curve25519:A":{"key":"k","signatures":{"@alice:hs1":{"ed25519:A":"s"}}}}}`, has: `"signed_curve25519":1`},
	{route: "POST " + v3 + "keys/upload", who: "alice", body: `{"device_keys":{"user_id":"@alice:hs1","device_id":"no","keys":{}}}`, want: 400, has: "M_INVALID_PARAM"},
	{route: "POST " + v3 + "keys/query", who: "bob", body: `{"device_keys":{"@alice:hs1":[],"@no:hs1":[],"@far:hs2":[]}}`, has: `"failures":{"hs2"`},
	{route: "POST " + v3 + "keys/query", who: "bob", body: `{}`, want: 400, has: "M_MISSING_PARAM"},
	{route: "POST " + v3 + "keys/claim", who: "bob", body: `{"one_time_keys":{"@alice:hs1":{"{device of alice}":"signed_curve25519"}}}`, has: `"signed_curve25519:A"`},
	{route: "POST " + v3 + "keys/claim", who: "bob", body: `{"one_time_keys":{"@alice:hs1":{"{device of alice}":"signed_curve25519"}}}`, has: `"one_time_keys":{}`},
	{route: "GET " + v3 + "keys/changes", who: "alice", query: "from=s0_0&to=s1_0", has: `"changed"`},
	{route: "GET " + v3 + "keys/changes", who: "alice", query: "from=s0_0", want: 400, has: "M_MISSING_PARAM"},
	{route: "GET " + v3 + "keys/changes", who: "alice", query: "from=x&to=s1_0", want: 400, has: "M_INVALID_PARAM"},
	{route: "POST " + v3 + "keys/device_signing/upload", who: "alice", body: `{}`, want: 400, has: "M_MISSING_PARAM"},
	{route: "POST " + v3 + "keys/signatures/upload", who: "alice", body: `{"@alice:hs1":{"NONE":{}}}`, has: `{"failures":{"@alice:hs1":{"NONE":{"errcode":"M_NOT_FOUND"`},
	{route: "PUT " + v3 + "sendToDevice/{eventType}/{txnId}", who: "alice", vars: set{"eventType": "m.test"}, body: `{"messages":{"@bob:hs1":{"*":{"a":1}}}}`, has: `{}`},
	{route: "PUT " + v3 + "sendToDevice/{eventType}/{txnId}", who: "alice", vars: set{"eventType": "m.test"}, body: `{}`, want: 400, has: "M_MISSING_PARAM"},
	{route: "PUT " + v3 + "sendToDevice/{eventType}/{txnId}", who: "alice", vars: set{"eventType": "m.test"}, body: `{"messages":{"@bob:hs1":{"*":"text"}}}`, want: 400, has: "M_BAD_JSON"},
	{route: "PUT " + v3 + "sendToDevice/{eventType}/{txnId}", who: "alice", vars: set{"eventType": "m.test"}, body: `{"messages":{"@bob:hs1":{"*":{"a":"` + strings.Repeat("x", 70<<10) + `"}}}}`,
		want: 413, has: "M_TOO_LARGE"},
	{route: "GET " + v3 + "sync", who: "bob", has: `"type":"m.test"`},

	{route: "GET " + rk + "version", who: "bob", want: 404, has: "M_NOT_FOUND"},
	{route: "POST " + rk + "version", who: "bob", body: `{"algorithm":"m.megolm_backup.v1.curve25519-aes-sha2","auth_data":{"public_key":"x"}}`, has: `"version":"1"`},
	{route: "POST " + rk + "version", who: "bob", body: `{"algorithm":"m.megolm_backup.v1.curve25519-aes-sha2"}`, want: 400, has: "M_BAD_JSON"},
	{route: "GET " + rk + "version", who: "bob", has: `"etag":"0"`},
	{route: "GET " + rk + "version/{version}", who: "bob", vars: set{"version": "1"}, has: `"count":0`},
	{route: "GET " + rk + "version/{version}", who: "alice", vars: set{"version": "1"}, want: 404, has: "M_NOT_FOUND"},
	{route: "PUT " + rk + "version/{version}", who: "bob", vars: set{"version": "1"}, body: `{"algorithm":"m.megolm_backup.v1.curve25519-aes-sha2","auth_data":{},"version":"1"}`, has: `{}`},
	{route: "PUT " + rk + "version/{version}", who: "bob", vars: set{"version": "1"}, body: `{"algorithm":"m.megolm_backup.v1.curve25519-aes-sha2","auth_data":{},"version":"2"}`, want: 400, has: "M_INVALID_PARAM"},
	{route: "PUT " + rk + "version/{version}", who: "bob", vars: set{"version": "7"}, body: `{"algorithm":"m.megolm_backup.v1.curve25519-aes-sha2","auth_data":{}}`, want: 404, has: "M_NOT_FOUND"},
	{route: "PUT " + rk + "keys", who: "bob", query: "version=1", body: `{"rooms":{"!r:hs1":{"sessions":{"a":` + session + `}}}}`, has: `{"etag":"1","count":1}`},
	{route: "PUT " + rk + "keys", who: "bob", body: `{"rooms":{}}`, want: 400, has: "M_MISSING_PARAM"},
	{route: "PUT " + rk + "keys", who: "bob", query: "version=1", body: `{"rooms":{"!r:hs1":{"sessions":{"a":{}}}}}`, want: 400, has: "M_BAD_JSON"},
	{route: "PUT " + rk + "keys/{roomId}", who: "bob", query: "version=1", vars: set{"roomId": "!r:hs1"}, body: `{"sessions":{"b":` + session + `}}`, has: `"count":2`},
	{route: "PUT " + rk + "keys/{roomId}/{sessionId}", who: "bob", query: "version=1", vars: set{"roomId": "!r:hs1", "sessionId": "c"}, body: session, has: `"count":3`},
	{route: "PUT " + rk + "keys/{roomId}/{sessionId}", who: "bob", query: "version=9", vars: set{"roomId": "!r:hs1", "sessionId": "c"}, body: session, want: 404, has: "M_NOT_FOUND"},
	{route: "GET " + rk + "keys", who: "bob", query: "version=1", has: `{"rooms":{"!r:hs1":{"sessions":{"a":` + session},
	{route: "GET " + rk + "keys", who: "bob", want: 400, has: "M_MISSING_PARAM"},
	{route: "GET " + rk + "keys/{roomId}", who: "bob", query: "version=1", vars: set{"roomId": "!none:hs1"}, has: `{"sessions":{}}`},
	{route: "GET " + rk + "keys/{roomId}/{sessionId}", who: "bob", query: "version=1", vars: set{"roomId": "!r:hs1", "sessionId": "c"}, has: session},
	{route: "GET " + rk + "keys/{roomId}/{sessionId}", who: "bob", query: "version=1", vars: set{"roomId": "!r:hs1", "sessionId": "none"}, want: 404, has: "M_NOT_FOUND"},
	{route: "DELETE " + rk + "keys/{roomId}/{sessionId}", who: "bob", query: "version=1", vars: set{"roomId": "!r:hs1", "sessionId": "c"}, has: `"count":2`},
	{route: "DELETE " + rk + "keys/{roomId}", who: "bob", query: "version=1", vars: set{"roomId": "!r:hs1"}, has: `"count":0`},
	{route: "DELETE " + rk + "keys", who: "bob", query: "version=1", has: `"count":0`},
	{route: "POST " + rk + "version", who: "bob", body: `{"algorithm":"m.megolm_backup.v1.curve25519-aes-sha2","auth_data":{}}`, has: `"version":"2"`},
	{route: "PUT " + rk + "keys", who: "bob", query: "version=1", body: `{"rooms":{}}`, want: 403, has: `"current_version":"2"`},
	{route: "DELETE " + rk + "version/{version}", who: "bob", vars: set{"version": "1"}, has: `{}`},
	{route: "DELETE " + rk + "version/{version}", who: "bob", vars: set{"version": "1"}, has: `{}`},
	{route: "DELETE " + rk + "version/{version}", who: "bob", vars: set{"version": "9"}, want: 404, has: "M_NOT_FOUND"},
}
