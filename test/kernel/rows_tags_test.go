package kernel

import "strings"

// tagRows are the rows of tags and of account data beside rooms.
var tagRows = []row{
	{route: "PUT " + v3 + "user/{userId}/rooms/{roomId}/tags/{tag}", who: "alice", vars: set{"tag": "u.a", "roomId": "nonsense"}, body: `{}`, want: 400, has: "M_INVALID_PARAM"},
	{route: "PUT " + v3 + "user/{userId}/rooms/{roomId}/tags/{tag}", who: "alice", vars: set{"tag": strings.Repeat("x", 256)}, body: `{}`, want: 400, has: "M_INVALID_PARAM"},
	{route: "PUT " + v3 + "user/{userId}/rooms/{roomId}/tags/{tag}", who: "alice", vars: set{"tag": "u.a"}, body: `{"order":"first"}`, want: 400, has: "M_BAD_JSON"},
	{route: "PUT " + v3 + "user/{userId}/rooms/{roomId}/tags/{tag}", who: "bob", vars: set{"tag": "u.a", "userId": "@alice:hs1"}, body: `{}`, want: 403, has: "M_FORBIDDEN"},
	{route: "DELETE " + v3 + "user/{userId}/rooms/{roomId}/tags/{tag}", who: "alice", vars: set{"tag": "never"}},
	{route: "GET " + v3 + "user/{userId}/rooms/{roomId}/tags", who: "bob", vars: set{"userId": "@alice:hs1"}, want: 403, has: "M_FORBIDDEN"},
	{route: "PUT " + v3 + "user/{userId}/rooms/{roomId}/account_data/{type}", who: "alice", vars: set{"type": "m.fully_read"}, body: `{}`, want: 405, has: "M_BAD_JSON"},
	{route: "PUT " + v3 + "user/{userId}/rooms/{roomId}/account_data/{type}", who: "alice", vars: set{"type": "a", "roomId": "nonsense"}, body: `{}`, want: 400, has: "M_INVALID_PARAM"},
}
