package kernel

// bridgeRows are what people without an application service get of its calls.
var bridgeRows = []row{
	{route: "POST " + v1 + "appservice/{appserviceId}/ping", who: "alice", vars: set{"appserviceId": "x"}, body: `{"transaction_id":"t"}`, want: 403, has: "M_FORBIDDEN"},
	{route: "PUT " + v3 + "directory/list/appservice/{networkId}/{roomId}", who: "alice", vars: set{"networkId": "n"}, body: `{"visibility":"public"}`, want: 403, has: "M_FORBIDDEN"},
	{route: "GET " + v3 + "thirdparty/protocols", who: "alice", has: `{}`},
	{route: "GET " + v3 + "thirdparty/protocol/{protocol}", who: "alice", vars: set{"protocol": "irc"}, want: 404, has: "M_NOT_FOUND"},
	{route: "GET " + v3 + "thirdparty/location/{protocol}", who: "alice", vars: set{"protocol": "irc"}, want: 404, has: "M_NOT_FOUND"},
	{route: "GET " + v3 + "thirdparty/user/{protocol}", who: "alice", vars: set{"protocol": "irc"}, want: 404, has: "M_NOT_FOUND"},
	{route: "GET " + v3 + "thirdparty/location", who: "alice", query: "alias=%23x:hs1", want: 404, has: "M_NOT_FOUND"},
	{route: "GET " + v3 + "thirdparty/location", who: "alice", want: 400, has: "M_MISSING_PARAM"},
	{route: "GET " + v3 + "thirdparty/user", who: "alice", query: "userid=@x:hs1", want: 404, has: "M_NOT_FOUND"},
	{route: "POST " + v3 + "login", body: `{"type":"m.login.application_service","identifier":{"type":"m.id.user","user":"alice"}}`, want: 401, has: "M_MISSING_TOKEN"},
	{route: "POST " + v3 + "register", body: `{"type":"m.login.application_service","username":"x"}`, want: 401, has: "M_MISSING_TOKEN"},
	{route: "POST " + v3 + "register", who: "alice", body: `{"type":"m.login.application_service","username":"x"}`, want: 401, has: "M_UNKNOWN_TOKEN"},
}
