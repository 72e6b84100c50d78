package timeline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/ground/fault"
	"wardline/ground/webpush/double"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/push"
	"wardline/matrix/room"
)

// browsers is a push service with whose browsers people of a push world are told.
type browsers struct {
	*double.Service
	host string
}

func newBrowsers(t *testing.T, w *pushWorld) *browsers {
	s := double.New("")
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	s.Base = srv.URL
	b := &browsers{s, strings.TrimPrefix(srv.URL, "http://")}
	b.trust(w)
	return b
}

// trust makes the world's service believe this push service, as after each start.
func (b *browsers) trust(w *pushWorld) {
	w.push.Gateways.Private = false
	w.push.Web.Trusted, w.push.Web.Contact = []string{b.host}, "mailto:it@trust.example"
	w.ok(w.push.Load(w.t.Context()))
}

func (b *browsers) subscribe(w *pushWorld, u id.User, d id.Device, name string) push.Pusher {
	w.t.Helper()
	sub, err := b.Subscribe(name, w.push.WebKey())
	w.ok(err)
	raw := func(s string) json.RawMessage { return json.RawMessage(`"` + s + `"`) }
	p := push.Pusher{Key: sub.Key, Kind: push.WebKind, App: "uk.wardline.web", AppName: "Wardline", DeviceName: "Phone", Lang: "en",
		Data: map[string]json.RawMessage{"endpoint": raw(sub.Endpoint), "auth": raw(sub.Auth)}}
	w.ok(w.push.Set(w.t.Context(), u, d, p, false))
	return p
}

func (b *browsers) next(t *testing.T) (double.Got, map[string]any) {
	t.Helper()
	select {
	case g := <-b.Heard:
		m := map[string]any{}
		if err := json.Unmarshal(g.Plain, &m); err != nil {
			t.Fatalf("the browser gets %s: %v", g.Plain, err)
		}
		return g, m
	case <-time.After(20 * time.Second):
		t.Fatal("the browser hears nothing")
		return double.Got{}, nil
	}
}

func TestWebPush_TellsIdsAndNeverWhatWasSaid(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newPushWorld(t, d)
		b := newBrowsers(t, w)
		key := w.push.WebKey()
		b.subscribe(w, alice, "PHONE", "a")
		stop := w.running()
		e := w.say(bob, "a secret about somebody")
		got, m := b.next(t)
		if m["event_id"] != string(e) || m["room_id"] != string(w.room) || m["unread"] != 1.0 || m["level"] != 1.0 {
			t.Errorf("the browser gets %s", got.Plain)
		}
		for _, word := range []string{"secret", "somebody", "bob", "Alice", "body", `"r"`} {
			if bytes.Contains(got.Plain, []byte(word)) {
				t.Errorf("the notice %s says %q", got.Plain, word)
			}
		}
		mention := w.send(bob, "m.room.message", `{"msgtype":"m.text","body":"x","m.mentions":{"user_ids":["@alice:hs1"]}}`)
		if got, m := b.next(t); m["event_id"] != string(mention) || m["level"] != 2.0 || got.Urgency != "high" {
			t.Errorf("a mention is told as %s with urgency %s", got.Plain, got.Urgency)
		}

		// A failing service is asked again; a new process uses the same key and tells what came meanwhile, once.
		b.Answer(http.StatusServiceUnavailable)
		third := w.say(bob, "third")
		if _, m := b.next(t); m["event_id"] != string(third) {
			t.Errorf("after a failure it is %v, want %s", m["event_id"], third)
		}
		stop()
		w.wire()
		b.trust(w)
		missed := w.say(bob, "missed")
		w.wire()
		b.trust(w)
		if w.push.WebKey() != key || key == "" {
			t.Errorf("the key was %q and is %q", key, w.push.WebKey())
		}
		stop = w.running()
		_, m = b.next(t)
		if m["event_id"] == string(third) {
			_, m = b.next(t)
		}
		if m["event_id"] != string(missed) {
			t.Errorf("after a restart it is %v, want %s", m["event_id"], missed)
		}

		// What the browser has ended is forgotten, in memory and on disk.
		b.Unsubscribe("a")
		carols := b.subscribe(w, carol, "C", "c")
		w.say(bob, "last")
		b.next(t)
		select {
		case <-b.Gone:
		case <-time.After(20 * time.Second):
			t.Fatal("the ended subscription was not tried")
		}
		stop() // waits for what the answer makes of it
		if list := w.push.Pushers(alice); len(list) != 0 {
			t.Errorf("there is still %v", list)
		}
		w.wire()
		b.trust(w)
		if a, c := w.push.Pushers(alice), w.push.Pushers(carol); len(a) != 0 || len(c) != 1 || c[0].Key != carols.Key || c[0].Data["auth"] != nil {
			t.Errorf("after a restart alice has %v, carol %v", a, c)
		}
	}, pushMigrations...)
}

func TestWebPush_EndsWithTheSession(t *testing.T) {
	w := newPushWorld(t, dbtest.SQLite(t, pushMigrations...))
	b := newBrowsers(t, w)
	ses, err := w.accounts.Open(t.Context(), alice, account.SignIn{Device: "PHONE"})
	w.ok(err)
	b.subscribe(w, alice, ses.Device, "first")
	b.subscribe(w, alice, ses.Device, "second")
	if n := len(w.push.Pushers(alice)); n != 1 {
		t.Errorf("one browser has %d subscriptions", n)
	}
	w.ok(w.accounts.Logout(t.Context(), alice, func(id.Device) bool { return true }))
	if n := len(w.push.Pushers(alice)); n != 0 {
		t.Errorf("after the sign-out there are %d", n)
	}
	if err := w.push.Try(t.Context(), alice, ses.Device); !fault.Is(err, fault.NotFound) {
		t.Errorf("a trial afterwards: %v", err)
	}
}

func TestWebPush_UrgentGoesFirstAndWhateverTheRules(t *testing.T) {
	w := newPushWorld(t, dbtest.SQLite(t, pushMigrations...))
	b := newBrowsers(t, w)
	b.subscribe(w, alice, "PHONE", "a")
	w.push.Rank = func(u id.User, ev *room.Event) (push.Notice, bool) {
		if u == alice && ev.Type == "org.example.alarm" {
			return push.Notice{Level: push.Alarm, Ref: "pg_1", TTL: time.Minute}, true
		}
		return push.Notice{}, false
	}
	w.push.Temper = func(_ context.Context, _ id.User, n push.Notice) (push.Notice, error) {
		if n.Level < push.Urgent {
			n.Level = push.Quiet // off duty
		}
		return n, nil
	}
	w.change(alice, func(set *push.Ruleset) error { return set.Enable("override", ".m.rule.master", true) })
	w.say(bob, "silenced by her rules")
	w.change(alice, func(set *push.Ruleset) error { return set.Enable("override", ".m.rule.master", false) })
	w.say(bob, "off duty")
	w.say(bob, "off duty too")
	alarm := w.send(bob, "org.example.alarm", `{}`)
	stop := w.running()
	got, m := b.next(t)
	if m["event_id"] != string(alarm) || m["level"] != 4.0 || m["ref"] != "pg_1" || got.TTL < 50 || got.TTL > 60 || got.Urgency != "high" || got.Topic != "" {
		t.Errorf("first comes %s with %d s, %s", got.Plain, got.TTL, got.Urgency)
	}
	stop()
	if n := len(b.Heard); n != 0 {
		t.Errorf("and %d more, want none", n)
	}
}

func TestWebPush_OneNoticeARoomWaits(t *testing.T) {
	w := newPushWorld(t, dbtest.SQLite(t, pushMigrations...))
	b := newBrowsers(t, w)
	b.subscribe(w, alice, "PHONE", "a")
	const many = 5
	judged, all := 0, make(chan struct{})
	w.push.Rank = func(id.User, *room.Event) (push.Notice, bool) {
		if judged++; judged == many+1 {
			close(all)
		}
		return push.Notice{}, false
	}
	w.push.Temper = func(_ context.Context, _ id.User, n push.Notice) (push.Notice, error) {
		<-all // nothing leaves before everything was judged
		return n, nil
	}
	for range many {
		w.say(bob, "many")
	}
	last := w.say(carol, "judged after them")
	stop := w.running()
	var told []any
	for len(told) == 0 || told[len(told)-1] != string(last) {
		_, m := b.next(t)
		told = append(told, m["event_id"])
		if len(told) > 3 {
			t.Fatalf("%v were told, want the newest after at most one", told)
		}
	}
	stop()
}

func TestWebPush_Addresses(t *testing.T) {
	w := newPushWorld(t, dbtest.SQLite(t, pushMigrations...))
	b := newBrowsers(t, w)
	good := b.subscribe(w, alice, "PHONE", "a")
	for name, endpoint := range map[string]string{
		"Private":  "https://10.0.0.1/x",
		"Metadata": "http://169.254.169.254/latest",
		"Unknown":  "https://push.evil.example/x",
		"Plain":    "http://fcm.googleapis.com/x",
		"Empty":    "",
	} {
		p := good
		p.Data = map[string]json.RawMessage{"endpoint": json.RawMessage(`"` + endpoint + `"`), "auth": good.Data["auth"]}
		if err := w.push.Set(t.Context(), alice, "PHONE", p, false); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
	w.ok(w.push.Try(t.Context(), alice, "PHONE"))
	if _, m := b.next(t); m["trial"] != true {
		t.Errorf("the trial is %v", m)
	}
}

// TestWebPush_SaysWhatCameOfIt: each answer of a push service, and none, is told onwards once, beside what is known of the device.
func TestWebPush_SaysWhatCameOfIt(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newPushWorld(t, d)
		b := newBrowsers(t, w)
		b.subscribe(w, alice, "PHONE", "a")
		type came struct {
			of  id.Event
			how push.Outcome
			now push.Standing
		}
		heard := make(chan came, 100)
		listen := func() {
			w.push.Came = func(u id.User, ev *room.Event, n push.Notice, o push.Outcome) {
				if u != alice || n.Level < push.Normal {
					t.Errorf("%s is told %v at level %d", u, o, n.Level)
				}
				heard <- came{ev.ID, o, w.push.Standing(u)}
			}
		}
		listen()
		next := func(e id.Event, how push.Outcome) push.Standing {
			t.Helper()
			select {
			case c := <-heard:
				if c.of != e || c.how != how {
					t.Errorf("of %s came %v, want %v of %s", c.of, c.how, how, e)
				}
				return c.now
			case <-time.After(20 * time.Second):
				t.Fatal("nothing came of it")
				return push.Standing{}
			}
		}
		stop := w.running()
		next(w.say(bob, "taken"), push.Taken)
		for _, status := range []int{http.StatusTooManyRequests, http.StatusInternalServerError} {
			b.Answer(status)
			e := w.say(bob, "later")
			if now := next(e, push.Waiting); now.Devices != 1 || now.Failing != 0 {
				t.Errorf("before anything has failed it is %+v", now)
			}
			if now := next(e, push.Taken); now.Failing != 1 || now.Since.IsZero() {
				t.Errorf("after %d it is %+v", status, now)
			}
		}
		b.Answer(http.StatusRequestEntityTooLarge)
		if now := next(w.say(bob, "never"), push.Refused); now.Failing != 0 {
			t.Errorf("after it worked again it is %+v", now)
		}
		b.Answer(double.Hang)
		e := w.say(bob, "no answer")
		<-b.Hung
		stop()
		next(e, push.Waiting)
		w.wire()
		b.trust(w)
		listen()
		stop = w.running()
		next(e, push.Taken)
		b.Answer(http.StatusGone)
		next(w.say(bob, "gone"), push.Ended)
		stop()
		if now := w.push.Standing(alice); now != (push.Standing{}) {
			t.Errorf("without a subscription it is %+v", now)
		}
	}, pushMigrations...)
}
