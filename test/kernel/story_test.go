package kernel

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTransaction_RepeatedMakesNothing(t *testing.T) {
	w := newWorld(t)
	path := v3 + "rooms/{roomId}/send/m.room.message/again"
	first := w.must("alice", "PUT", path, `{"body":"once"}`).text("event_id")
	t.Run("OK", func(t *testing.T) {
		if got := w.must("alice", "PUT", path, `{"body":"once"}`).text("event_id"); got != first {
			t.Errorf("the second request made %s, the first %s", got, first)
		}
		if n := strings.Count(string(w.must("bob", "GET", v3+"rooms/{roomId}/messages?dir=b&limit=50", "").Raw), `"once"`); n != 1 {
			t.Errorf("history has it %d times, want once", n)
		}
	})
	t.Run("OKRedaction", func(t *testing.T) {
		redact := strings.Replace(v3+"rooms/{roomId}/redact/EVENT/r1", "EVENT", url.PathEscape(first), 1)
		a, b := w.must("alice", "PUT", redact, `{}`), w.must("alice", "PUT", redact, `{}`)
		if a.text("event_id") != b.text("event_id") {
			t.Errorf("two redactions, %s and %s, of one request", a.Raw, b.Raw)
		}
	})
	t.Run("OtherDevice", func(t *testing.T) {
		w.signIn("alice")
		if got := w.must("alice", "PUT", path, `{"body":"once"}`).text("event_id"); got == first {
			t.Errorf("another device's transaction is the first one's; want its own event")
		}
	})
	t.Run("OtherRoom", func(t *testing.T) {
		other := w.make("alice", `{}`)
		got := w.must("alice", "PUT", v3+"rooms/"+url.PathEscape(other)+"/send/m.room.message/again", `{"body":"once"}`).text("event_id")
		if got == first {
			t.Error("the same id in another room is the first one's event")
		}
	})
}

func TestRestart_KeepsEverything(t *testing.T) {
	for _, version := range []string{"10", "11", "12"} {
		t.Run("v"+version, func(t *testing.T) {
			dir := t.TempDir()
			read := []string{v3 + "rooms/{roomId}/messages?dir=b&limit=100", v3 + "rooms/{roomId}/state", v3 + "rooms/{roomId}/members", v3 + "joined_rooms",
				v1 + "rooms/{roomId}/relations/{eventId}", v3 + "user/{userId}/rooms/{roomId}/tags", v3 + "profile/@alice:hs1", v3 + "devices/{device of bob}"}
			before := map[string]string{}
			var tokens, vars map[string]string
			var since string
			t.Run("before", func(t *testing.T) {
				w := open(t, dir)
				w.signUp("alice", "bob")
				w.vars["roomId"] = w.make("alice", `{"room_version":"`+version+`","name":"Kept","topic":"t","invite":["@bob:hs1"],"preset":"trusted_private_chat"}`)
				w.must("bob", "POST", v3+"join/{roomId}", `{}`)
				w.vars["eventId"] = w.say("alice", w.vars["roomId"], "hello")
				w.must("bob", "PUT", v3+"rooms/{roomId}/send/m.reaction/{txnId}", `{"m.relates_to":{"rel_type":"m.annotation","event_id":"{eventId}","key":"+"}}`)
				slip := w.say("alice", w.vars["roomId"], "slip")
				w.must("alice", "PUT", v3+"rooms/{roomId}/redact/"+url.PathEscape(slip)+"/{txnId}", `{}`)
				w.must("bob", "POST", v3+"rooms/{roomId}/receipt/m.read/{eventId}", `{}`)
				w.must("bob", "PUT", v3+"user/{userId}/rooms/{roomId}/tags/u.x", `{"order":0.5}`)
				since = w.must("bob", "GET", v3+"sync", "").text("next_batch")
				for _, p := range read {
					before[p] = unseen(w.must("bob", "GET", p, "").Raw)
				}
				tokens, vars = w.tokens, w.vars
			})
			t.Run("after", func(t *testing.T) {
				w := open(t, dir)
				w.tokens, w.vars, w.serial = tokens, vars, 1000 // an older transaction id would rightly make nothing new
				for _, p := range read {
					if got := unseen(w.must("bob", "GET", p, "").Raw); got != before[p] {
						t.Errorf("%s after the restart:\n%s\nbefore:\n%s", p, got, before[p])
					}
				}
				quiet := w.must("bob", "GET", v3+"sync?since="+url.QueryEscape(since), "")
				if rooms, _ := quiet.Body["rooms"].(map[string]any); len(mapOf(rooms["join"])) > 0 {
					t.Errorf("a sync from before the restart brings %s; nothing has happened", quiet.Raw)
				}
				said := w.say("alice", w.vars["roomId"], "and on")
				if next := w.must("bob", "GET", v3+"sync?since="+url.QueryEscape(since), ""); !strings.Contains(string(next.Raw), said) {
					t.Errorf("what was said after the restart is not in %s", next.Raw)
				}
			})
		})
	}
}

// unseen leaves out when a device was last seen: asking changes it.
func unseen(raw []byte) string {
	return regexp.MustCompile(`"last_seen_ts":\d+`).ReplaceAllString(string(raw), "")
}

func mapOf(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// TestMedia_Headers fetches a file as a client does by token and as the web app does by cookie.
func TestMedia_Headers(t *testing.T) {
	w := newWorld(t)
	send := func(kind, name string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/_matrix/media/v3/upload?filename="+url.QueryEscape(name), strings.NewReader("0123456789"))
		r.Header.Set("Authorization", "Bearer "+w.tokens["alice"])
		r.Header.Set("Content-Type", kind)
		rec := httptest.NewRecorder()
		w.http.ServeHTTP(rec, r)
		return rec
	}
	up := func(kind, name string) string {
		rec := send(kind, name)
		_, media, ok := strings.Cut(rec.Body.String(), "mxc://hs1/")
		if !ok {
			t.Fatalf("upload of %s: %d %s", kind, rec.Code, rec.Body)
		}
		return strings.TrimSuffix(media, `"}`)
	}
	get := func(media string, change func(*http.Request)) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", v1+"media/download/hs1/"+media, nil)
		change(r)
		rec := httptest.NewRecorder()
		w.http.ServeHTTP(rec, r)
		return rec
	}
	cookie := func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "wl_session", Value: w.tokens["bob"]}) }
	text := up("text/plain; charset=utf-8", "notes über.txt")
	for _, c := range []struct{ name, media, want string }{
		{"Inline", text, "inline; filename"}, {"HTMLIsSaved", up("text/html", ""), "attachment"}, {"SVGIsSaved", up("image/svg+xml", ""), "attachment"},
		{"UnknownIsSaved", up("application/zip", "a.zip"), "attachment; filename"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec := get(c.media, cookie)
			if got := rec.Header().Get("Content-Disposition"); rec.Code != 200 || !strings.HasPrefix(got, c.want) {
				t.Errorf("%d, disposition %q, want %s", rec.Code, got, c.want)
			}
			for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "cross-origin"} {
				if got := rec.Header().Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if got := rec.Header().Get("Content-Security-Policy"); !strings.HasPrefix(got, "sandbox; default-src 'none'") {
				t.Errorf("the policy is %q", got)
			}
			if got := rec.Header().Get("Cache-Control"); !strings.Contains(got, "private") || strings.Contains(got, "public") {
				t.Errorf("caching is %q; a shared cache must not keep it", got)
			}
		})
	}
	t.Run("ErrPermitted", func(t *testing.T) {
		if rec := send("text/html", "a.html"); rec.Code != 403 || !strings.Contains(rec.Body.String(), "M_FORBIDDEN") {
			t.Errorf("a page that would run: %d %s, want 403 M_FORBIDDEN", rec.Code, rec.Body)
		}
	})
	t.Run("Range", func(t *testing.T) {
		rec := get(text, func(r *http.Request) { cookie(r); r.Header.Set("Range", "bytes=2-4") })
		if rec.Code != 206 || rec.Body.String() != "234" {
			t.Errorf("%d %q, want 206 with 234", rec.Code, rec.Body)
		}
	})
	t.Run("NotModified", func(t *testing.T) {
		tag := get(text, cookie).Header().Get("ETag")
		if rec := get(text, func(r *http.Request) { cookie(r); r.Header.Set("If-None-Match", tag) }); rec.Code != 304 {
			t.Errorf("%d, want 304 for the tag %s", rec.Code, tag)
		}
	})
	t.Run("ErrNobody", func(t *testing.T) {
		if rec := get(text, func(*http.Request) {}); rec.Code != 401 {
			t.Errorf("%d, want 401", rec.Code)
		}
	})
	t.Run("ErrFromAnotherSite", func(t *testing.T) {
		rec := get(text, func(r *http.Request) { cookie(r); r.Header.Set("Sec-Fetch-Site", "cross-site") })
		if rec.Code != 403 {
			t.Errorf("%d, want 403: another site's page must not read by our cookie", rec.Code)
		}
	})
}

// TestNotServed checks the specification's form of what nobody serves.
func TestNotServed(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/_matrix/client/v3/none", 404}, {"GET", "/_matrix/none", 404}, {"DELETE", v3 + "sync", 405}, {"POST", "/_matrix/client/versions", 405},
	} {
		got := w.ask("alice", c.method, c.path, "")
		if got.Status != c.status || got.text("errcode") != "M_UNRECOGNIZED" {
			t.Errorf("%s %s: %d %s, want %d M_UNRECOGNIZED", c.method, c.path, got.Status, got.Raw, c.status)
		}
	}
	for _, path := range []string{v3 + "sync", "/_matrix/client/r0/none", "/_matrix/media/v3/upload"} {
		got := w.ask("", "OPTIONS", path, "")
		if got.Status >= 300 || got.Head.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(got.Head.Get("Access-Control-Allow-Headers"), "Authorization") {
			t.Errorf("preflight of %s: %d %v", path, got.Status, got.Head)
		}
	}
	old := w.must("alice", "GET", "/_matrix/client/r0/account/whoami", "")
	if old.text("user_id") != "@alice:hs1" {
		t.Errorf("r0 answers %s", old.Raw)
	}
}

// TestOrder says sixty things from two people and reads them by pages of seven in both directions: each once, in one order.
func TestOrder(t *testing.T) {
	w := newWorld(t)
	var said []string
	for i := range 60 {
		said = append(said, w.say([]string{"alice", "bob"}[i%2], w.vars["roomId"], time.Unix(int64(i), 0).UTC().Format(time.TimeOnly)))
	}
	for _, dir := range []string{"b", "f"} {
		var got []string
		for from, first := "", true; first || from != ""; first = false {
			path := v3 + "rooms/{roomId}/messages?limit=7&dir=" + dir
			if from != "" {
				path += "&from=" + url.QueryEscape(from)
			}
			page := w.must("bob", "GET", path, "")
			list, _ := page.Body["chunk"].([]any)
			for _, e := range list {
				if m := mapOf(e); m["type"] == "m.room.message" && mapOf(m["content"])["body"] != "hello" {
					got = append(got, m["event_id"].(string))
				}
			}
			from = page.text("end")
		}
		if dir == "b" {
			slices.Reverse(got)
		}
		if !slices.Equal(got, said) {
			t.Errorf("dir=%s: got %d events, want %d in the order they were said\n%v\n%v", dir, len(got), len(said), got, said)
		}
	}
}
