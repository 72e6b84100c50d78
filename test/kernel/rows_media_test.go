package kernel

// mediaRows are the rows of files.
var mediaRows = []row{
	{route: "POST /_matrix/media/v1/create", who: "alice", has: `"unused_expires_at"`},
	{route: "GET " + v1 + "media/preview_url", who: "alice", query: "url=https://example.invalid/", want: 404, has: "M_UNRECOGNIZED"},
	{route: "GET " + v1 + "media/preview_url", who: "alice", query: "url=https://example.invalid/&ts=x", want: 400, has: "M_INVALID_PARAM"},
	{route: "GET /_matrix/media/v3/preview_url", who: "alice", query: "url=https://example.invalid/", want: 404, has: "M_UNRECOGNIZED"},
	{route: "PUT /_matrix/media/v3/upload/{serverName}/{mediaId}", who: "alice", vars: set{"serverName": "hs1", "mediaId": "none"}, body: "x", want: 404, has: "M_NOT_FOUND"},
	{route: "PUT /_matrix/media/v3/upload/{serverName}/{mediaId}", who: "alice", vars: set{"serverName": "hs2", "mediaId": "none"}, body: "x", want: 404, has: "M_NOT_FOUND"},
	{route: "GET " + v1 + "media/download/{serverName}/{mediaId}", who: "alice", vars: set{"serverName": "hs1", "mediaId": "none"}, query: "timeout_ms=x", want: 400, has: "M_INVALID_PARAM"},
	{route: "GET " + v1 + "media/thumbnail/{serverName}/{mediaId}", who: "alice", vars: set{"serverName": "hs1", "mediaId": "none"}, query: "width=-1&height=1", want: 400, has: "M_INVALID_PARAM"},
	{route: "GET " + v1 + "media/thumbnail/{serverName}/{mediaId}", who: "alice", vars: set{"serverName": "hs1", "mediaId": "none"}, query: "width=1&height=1&method=stretch", want: 400, has: "M_INVALID_PARAM"},
	{route: "GET " + v1 + "media/thumbnail/{serverName}/{mediaId}", who: "alice", vars: set{"serverName": "hs1", "mediaId": "none"}, query: "width=0&height=1", want: 400, has: "M_INVALID_PARAM"},
}
