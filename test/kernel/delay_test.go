package kernel

import (
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestCall_EndsWhenItsPhoneIsGone is what a call does: membership that is kept alive, and that ends by itself when nobody does so.
func TestCall_EndsWhenItsPhoneIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.make("alice", `{"power_level_content_override":{"events":{"org.matrix.msc3401.call.member":0}},"invite":["@bob:hs1"]}`)
		w.must("bob", "POST", room(r)+"join", `{}`)
		state := room(r) + "state/org.matrix.msc3401.call.member/_@bob:hs1_DEVICE_m.call"
		name := w.must("bob", "PUT", state+"?org.matrix.msc4140.delay=8000", `{}`).text("delay_id")
		w.want("bob", "PUT", state, `{"application":"m.call"}`, 200, "event_id")
		for range 4 {
			wait(t, 5*time.Second)
			w.must("bob", "POST", msc4140+"delayed_events/"+name, `{"action":"restart"}`)
		}
		w.want("alice", "GET", state, "", 200, "m.call")
		since := w.must("alice", "GET", v3+"sync", "").text("next_batch")
		began := time.Now()
		a := w.must("alice", "GET", v3+"sync?timeout=60000&since="+since, "")
		if took := time.Since(began); took != 8*time.Second || !strings.Contains(string(a.Raw), `"content":{}`) {
			t.Errorf("after %v: %s", took, a.Raw)
		}
		w.want("bob", "POST", msc4140+"delayed_events/"+name+"/restart", `{}`, 409, "M_UNKNOWN")
		e := w.want("bob", "GET", msc4140+"delayed_events/"+name, "", 200, `"finalised_ts"`)
		w.want("bob", "GET", room(r)+"event/"+url.PathEscape(e.text("event_id")), "", 200, `"org.matrix.msc4140.delay_id":"`+name)
		if other := w.must("alice", "GET", room(r)+"event/"+url.PathEscape(e.text("event_id")), ""); strings.Contains(string(other.Raw), "delay_id") {
			t.Errorf("alice is told the name of bob's delayed event: %s", other.Raw)
		}
	})
}

// wait lets time go by inside a bubble.
func wait(t *testing.T, d time.Duration) {
	t.Helper()
	synctest.Wait()
	<-time.After(d)
}

// TestDelayedRedaction lets a message vanish by itself.
func TestDelayedRedaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.must("alice", "PUT", msc4140+"rooms/{roomId}/delayed_event/m.room.redaction/{txnId}", `{"delay_ms":60000,"content":{"redacts":"{eventId}","reason":"old"}}`)
		w.want("bob", "GET", v3+"rooms/{roomId}/event/{eventId}", "", 200, "hello")
		wait(t, 2*time.Minute)
		if a := w.must("bob", "GET", v3+"rooms/{roomId}/event/{eventId}", ""); strings.Contains(string(a.Raw), "hello") || !strings.Contains(string(a.Raw), `"reason":"old"`) {
			t.Errorf("got %s", a.Raw)
		}
		w.want("bob", "PUT", v3+"rooms/{roomId}/send/m.room.redaction/{txnId}", `{"redacts":"{eventId}"}`, 403, "M_FORBIDDEN")
		w.want("bob", "PUT", v3+"rooms/{roomId}/send/m.room.redaction/{txnId}", `{}`, 400, "M_BAD_JSON")
		said := w.say("bob", w.vars["roomId"], "mine")
		w.want("bob", "PUT", v3+"rooms/{roomId}/send/m.room.redaction/{txnId}", `{"redacts":"`+said+`"}`, 200, "event_id")
	})
}
