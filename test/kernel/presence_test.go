package kernel

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wardline/app"
)

var presenceRows = []row{
	{route: "PUT " + v3 + "presence/{userId}/status", who: "alice", body: `{"presence":"unavailable","status_msg":"tea"}`},
	{route: "PUT " + v3 + "presence/{userId}/status", who: "alice", body: `{"presence":"dancing"}`, want: 400, has: "M_INVALID_PARAM"},
	{route: "PUT " + v3 + "presence/{userId}/status", who: "alice", body: `{}`, want: 400, has: "M_MISSING_PARAM"},
	{route: "PUT " + v3 + "presence/{userId}/status", who: "alice", vars: set{"userId": "@bob:hs1"}, body: `{"presence":"online"}`, want: 403, has: "M_FORBIDDEN"},
	{route: "GET " + v3 + "presence/{userId}/status", who: "bob", vars: set{"userId": "@alice:hs1"}, has: `{"presence":"offline"}`},
	{route: "GET " + v3 + "presence/{userId}/status", who: "mallory", vars: set{"userId": "@alice:hs1"}, want: 403, has: "M_FORBIDDEN"},
	{route: "GET " + v3 + "presence/{userId}/status", who: "mallory", vars: set{"userId": "@none:hs1"}, want: 403, has: "M_FORBIDDEN"},
	{route: "GET " + v3 + "sync", who: "alice", query: "set_presence=dancing", want: 400, has: "M_INVALID_PARAM"},
}

func TestPresence_IsWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openWith(t, func(c *app.Config) { c.Presence = true })
		w.signUp("alice", "bob", "mallory")
		w.vars["roomId"] = w.make("alice", `{"name":"Room","invite":["@bob:hs1"]}`)
		w.must("bob", "POST", v3+"join/{roomId}", `{}`)
		wait := func(who, since, more string) chan answer {
			done := make(chan answer, 1)
			w.app.Group.Go("waits", func(context.Context) error {
				done <- w.ask(who, "GET", v3+"sync?timeout=60000&since="+url.QueryEscape(since)+more, "")
				return nil
			})
			synctest.Wait()
			return done
		}
		quiet := "&set_presence=offline" // whoever watches is not seen
		since := w.must("alice", "GET", v3+"sync?set_presence=offline", "").text("next_batch")
		mallory := w.must("mallory", "GET", v3+"sync?set_presence=offline", "").text("next_batch")
		watching, stranger := wait("alice", since, quiet), wait("mallory", mallory, quiet)

		bob := w.must("bob", "GET", v3+"sync", "").text("next_batch")
		got := <-watching
		if !strings.Contains(string(got.Raw), `"sender":"@bob:hs1"`) || !strings.Contains(string(got.Raw), `"presence":"online"`) {
			t.Fatalf("bob comes and alice hears %s", got.Raw)
		}
		w.gets(200, `"presence":"online"`, "alice", "GET", v3+"presence/@bob:hs1/status", "")

		// Two apps of one person do not take turns in waking everybody.
		watching = wait("alice", got.text("next_batch"), quiet)
		one, two := wait("bob", bob, ""), wait("bob", bob, "&set_presence=unavailable")
		<-time.After(20 * time.Second)
		synctest.Wait()
		select {
		case got := <-watching:
			t.Errorf("a second app of bob's changes what alice sees: %s", got.Raw)
		default:
		}
		w.must("bob", "PUT", v3+"presence/{userId}/status", `{"presence":"unavailable","status_msg":"in theatre"}`)
		got = <-watching
		if !strings.Contains(string(got.Raw), `"status_msg":"in theatre"`) || !strings.Contains(string(got.Raw), `"presence":"unavailable"`) {
			t.Errorf("bob is busy and alice hears %s", got.Raw)
		}
		w.must("bob", "PUT", v3+"presence/{userId}/status", `{"presence":"online"}`)
		got = w.must("alice", "GET", v3+"sync?set_presence=offline&since="+url.QueryEscape(got.text("next_batch")), "")

		// Bob goes, and a little later he is gone.
		watching = wait("alice", got.text("next_batch"), quiet)
		<-one
		<-two
		gone := time.Now()
		got = <-watching
		if !strings.Contains(string(got.Raw), `"presence":"offline"`) || time.Since(gone) > 61*time.Second {
			t.Errorf("bob goes, and after %s alice hears %s", time.Since(gone), got.Raw)
		}
		if got := <-stranger; strings.Contains(string(got.Raw), "@bob:hs1") {
			t.Errorf("somebody who shares no room hears %s", got.Raw)
		}
		all := w.must("alice", "GET", v3+"sync?set_presence=offline&filter="+url.QueryEscape(`{"presence":{"not_types":["m.presence"]}}`), "")
		if strings.Contains(string(all.Raw), "m.presence") {
			t.Errorf("who wants no presence gets %s", all.Raw)
		}
	})
}
