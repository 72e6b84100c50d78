package kernel

// searchRows are the rows of search.
var searchRows = []row{
	{route: "POST " + v3 + "search", who: "bob", body: `{"search_categories":{"room_events":{"search_term":"open"}}}`, has: `"count"`},
	{route: "POST " + v3 + "search", who: "bob", body: `{"search_categories":{}}`, has: `"search_categories":{}`},
	{route: "POST " + v3 + "search", who: "bob", body: `{}`, want: 400, has: "M_MISSING_PARAM"},
	{route: "POST " + v3 + "search", who: "bob", body: `{"search_categories":{"room_events":{}}}`, want: 400, has: "M_MISSING_PARAM"},
	{route: "POST " + v3 + "search", who: "bob", body: `{"search_categories":{"room_events":{"search_term":7}}}`, want: 400, has: "M_BAD_JSON"},
	{route: "POST " + v3 + "search", who: "bob", body: `{"search_categories":{"room_events":{"search_term":" -\"*() "}}}`, has: `"count":0`},
	{route: "POST " + v3 + "search", who: "bob", body: `{"search_categories":{"room_events":{"search_term":"NOT OR AND NEAR( a* ' \" \\ r_1 k_body","groupings":{"group_by":[{"key":"room_id"}]},"include_state":true}}}`, has: `"count":0`},
	{route: "POST " + v3 + "search", who: "bob", body: `{"search_categories":{"room_events":{"search_term":"a","keys":["content.secret"]}}}`, want: 400, has: "M_INVALID_PARAM"},
	{route: "POST " + v3 + "search", who: "bob", body: `{"search_categories":{"room_events":{"search_term":"a","order_by":"best"}}}`, want: 400, has: "M_INVALID_PARAM"},
	{route: "POST " + v3 + "search", who: "bob", body: `{"search_categories":{"room_events":{"search_term":"a","groupings":{"group_by":[{"key":"x"}]}}}}`, want: 400, has: "M_INVALID_PARAM"},
	{route: "POST " + v3 + "search", who: "bob", body: `{"search_categories":{"room_events":{"search_term":"a","event_context":{"before_limit":-1}}}}`, want: 400, has: "M_INVALID_PARAM"},
	{route: "POST " + v3 + "search", who: "bob", body: `{"search_categories":{"room_events":{"search_term":"a","filter":[]}}}`, want: 400, has: "M_BAD_JSON"},
	{route: "POST " + v3 + "search", who: "bob", query: "next_batch=nonsense", body: `{"search_categories":{"room_events":{"search_term":"a"}}}`, want: 400, has: "M_INVALID_PARAM"},
}
