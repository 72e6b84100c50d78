package kernel

import (
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
)

// odd are values that no client should send. Each goes wherever a path or a query takes a value.
var odd = []string{"", "\x00", "a\x00b", "..", "!", "!x:", "!\x00:hs1", "$", "#:", "#a\x00:hs1", "@", "@\x00:hs1", "\xff\xfe", "'; DROP TABLE room_event; --", "%", "_", "\u202e", strings.Repeat("x", 3000), "-1", "99999999999999999999", "s-1_0", "s9223372036854775807_0", "t0", "null"}

// oddBodies are bodies of every shape. KEY stands for each name that bodies of the specification have.
var oddBodies = []string{``, `null`, `7`, `"x"`, `[]`, `{}`, `{"KEY":null}`, `{"KEY":7}`, `{"KEY":-9007199254740993}`, `{"KEY":1e400}`, `{"KEY":"\u0000"}`, `{"KEY":"\ud800"}`, `{"KEY":[]}`, `{"KEY":[null,7,"x",{}]}`, `{"KEY":{}}`, `{"KEY":{"KEY":{"KEY":"x"}}}`,
	`{"KEY":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, `{"\u0000":1}`}

// bodyKeys are names that bodies have.
var bodyKeys = []string{"user_id", "reason", "room_id", "invite", "initial_state", "creation_content", "power_level_content_override", "visibility", "room_alias_name", "preset", "name", "topic", "room_version", "content", "body", "limit", "since",
	"filter", "search_categories", "new_version", "additional_creators", "third_party_signed", "m.read", "m.fully_read", "thread_id", "typing", "timeout", "delay_ms", "action", "url", "tags", "order", "m.relates_to", "membership", "alias", "allow", "displayname"}

// oddEvery is which part of all requests is made in every run: all of them take a minute. WARDLINE_ODD=all makes them all.
const oddEvery = 11

// quietly makes a request as alice and fails on an answer that says that the server made a mistake.
func (w *world) quietly(t *testing.T, method, path, body string) {
	t.Helper()
	if w.serial++; w.serial%oddEvery != 0 && os.Getenv("WARDLINE_ODD") != "all" {
		return
	}
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	u, err := url.Parse(path)
	if err != nil {
		return
	}
	r.URL, r.RequestURI = u, path
	r.Header.Set("Authorization", "Bearer "+w.tokens["alice"])
	rec := httptest.NewRecorder()
	w.http.ServeHTTP(rec, r)
	if rec.Code == 500 || rec.Code == 503 {
		t.Errorf("%s %.200q with %.100q: %d %.200s", method, path, body, rec.Code, rec.Body)
	}
}

// TestOdd sends what no client should send to every call, and wants no call to break.
func TestOdd(t *testing.T) {
	w := newWorld(t)
	skip := []string{"/logout", "/account/deactivate", "/delete_devices", "DELETE /_matrix/client/v3/devices", "/account/password"}
	for _, route := range slices.Concat(w.app.API.Routes(), w.app.Admin.Routes()) {
		if containsAny(route.Pattern, skip) {
			continue
		}
		method, path, _ := strings.Cut(route.Pattern, " ")
		path = strings.ReplaceAll(path, "...}", "}")
		names := braces.FindAllString(path, -1)
		good := path
		for _, n := range names {
			value := w.vars[strings.Trim(n, "{}")]
			switch n {
			case "{userId}":
				value = "@alice:hs1"
			case "{verb}":
				value = "invite"
			case "{roomIdOrAlias}":
				value = w.vars["roomId"]
			}
			if value == "" {
				value = "x"
			}
			good = strings.ReplaceAll(good, n, url.PathEscape(value))
		}
		for _, n := range names {
			for _, v := range odd {
				if v == "" {
					continue
				}
				w.quietly(t, method, strings.ReplaceAll(strings.ReplaceAll(path, n, url.PathEscape(v)), "{roomId}", url.PathEscape(w.vars["roomId"])), `{}`)
			}
		}
		if method == "GET" {
			for _, key := range []string{"from", "to", "since", "at", "dir=b&from", "dir", "limit", "filter", "ts", "dir=f&ts", "timeout_ms", "width", "width=9&height", "membership", "include", "room_id", "from=s0_0&to", "url", "format", "max_depth"} {
				for _, v := range odd {
					w.quietly(t, method, good+"?timeout=0&"+key+"="+url.QueryEscape(v), "")
				}
			}
			continue
		}
		for _, body := range oddBodies {
			if !strings.Contains(body, "KEY") {
				w.quietly(t, method, good, body)
				continue
			}
			for _, key := range bodyKeys {
				w.quietly(t, method, good, strings.ReplaceAll(body, "KEY", key))
			}
		}
	}
}

func containsAny(s string, list []string) bool {
	for _, one := range list {
		if strings.Contains(s, one) {
			return true
		}
	}
	return false
}
