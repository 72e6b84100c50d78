package timeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/ground/run"
	"wardline/ground/stream"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/inbox"
	"wardline/matrix/keys"
	"wardline/matrix/push"
	"wardline/matrix/room"
	"wardline/matrix/timeline"
)

var pushMigrations = []db.Migrations{audit.Migrations(), stream.Migrations(), account.Migrations(), room.Migrations(), keys.Migrations(), inbox.Migrations(), push.Migrations(), timeline.Migrations()}

// pushWorld is a kernel of its own with alice, bob and carol in one room.
type pushWorld struct {
	t        *testing.T
	db       *db.DB
	accounts *account.Service
	rooms    *room.Service
	timeline *timeline.Service
	push     *push.Service
	room     id.Room
	txn      int
}

func newPushWorld(t *testing.T, d *db.DB) *pushWorld {
	w := &pushWorld{t: t, db: d}
	w.wire()
	w.ok(w.accounts.CreateAll(t.Context(), []account.NewUser{{User: alice, DisplayName: "Alice"}, {User: bob, DisplayName: "bob"}, {User: carol, DisplayName: "carol"}}))
	var err error
	w.room, err = w.rooms.Create(t.Context(), room.CreateSpec{Creator: bob, Name: "r", Join: []id.User{alice, carol}})
	w.ok(err)
	return w
}

// wire builds the services anew, as a process that has just started.
func (w *pushWorld) wire() {
	w.txn += 1000
	w.accounts = account.New(w.db, "hs1")
	w.rooms = room.New(w.db, w.accounts)
	w.timeline = timeline.New(w.db, w.rooms, w.accounts, keys.New(w.db, w.accounts), inbox.New(w.db, w.accounts))
	w.push = push.New(w.db, w.accounts, w.rooms)
	w.push.Gateways.Private = true
	w.timeline.UsePush(w.push)
	w.accounts.OnSignOut = append(w.accounts.OnSignOut, w.push.SignedOut)
	before := w.rooms.OnCommit
	w.rooms.OnCommit = func(f *room.Feed, ev *room.Event) { before(f, ev); w.push.Committed(f, ev) }
	w.ok(w.push.Load(w.t.Context()))
}

func (w *pushWorld) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *pushWorld) send(u id.User, typ, content string) id.Event {
	w.t.Helper()
	w.txn++
	e, err := w.rooms.Receive(w.t.Context(), w.room, room.Incoming{Sender: u, Device: "D", Type: typ, Content: json.RawMessage(content), Txn: fmt.Sprint(w.txn)})
	w.ok(err)
	return e
}

func (w *pushWorld) say(u id.User, text string) id.Event {
	w.t.Helper()
	return w.send(u, "m.room.message", fmt.Sprintf(`{"msgtype":"m.text","body":%q}`, text))
}

// unread is what a sync says, as "count/highlights".
func (w *pushWorld) unread(u id.User) string {
	w.t.Helper()
	body, err := w.timeline.Sync(w.t.Context(), &timeline.SyncRequest{User: u, Device: "D", Filter: &timeline.Filter{}})
	w.ok(err)
	var b struct {
		Rooms struct {
			Join map[id.Room]struct {
				Unread struct {
					Count      int `json:"notification_count"`
					Highlights int `json:"highlight_count"`
				} `json:"unread_notifications"`
			}
		}
	}
	w.ok(json.Unmarshal(body, &b))
	n := b.Rooms.Join[w.room].Unread
	return fmt.Sprintf("%d/%d", n.Count, n.Highlights)
}

func (w *pushWorld) want(u id.User, want, why string) {
	w.t.Helper()
	if got := w.unread(u); got != want {
		w.t.Errorf("%s has %s unread, want %s: %s", u, got, want, why)
	}
}

func (w *pushWorld) change(u id.User, change func(*push.Ruleset) error) {
	w.t.Helper()
	w.ok(w.push.Change(w.t.Context(), u, change))
}

func actions(list ...string) []json.RawMessage {
	out := []json.RawMessage{}
	for _, a := range list {
		out = append(out, json.RawMessage(a))
	}
	return out
}

func TestUnread_FollowsEachUsersOwnRules(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newPushWorld(t, d)
		first := w.say(bob, "hello")
		w.ok(w.timeline.SetRead(t.Context(), alice, w.room, timeline.Mark{Kind: timeline.Read, Event: first}))
		w.ok(w.timeline.SetRead(t.Context(), carol, w.room, timeline.Mark{Kind: timeline.Read, Event: first}))
		w.want(alice, "0/0", "she has read it")
		pattern := "cake"
		w.change(alice, func(set *push.Ruleset) error {
			return set.Put(push.Change{Kind: "content", ID: "c", Pattern: &pattern, Actions: actions(`"notify"`, `{"set_tweak":"highlight"}`)})
		})
		w.say(bob, "there is Cake")
		w.say(bob, "cupcake")
		slip := w.say(bob, "cake again")
		w.send(bob, "m.room.message", `{"msgtype":"m.notice","body":"a notice"}`)
		w.want(alice, "3/2", "two of three name cake")
		w.want(carol, "3/0", "carol has no rule")
		w.want(bob, "0/0", "he said it himself")
		_, err := w.rooms.Redact(t.Context(), w.room, slip, "", room.Incoming{Sender: bob, Device: "D", Txn: "r"})
		w.ok(err)
		w.want(alice, "2/1", "one was removed")

		w.change(carol, func(set *push.Ruleset) error { return set.Enable("override", ".m.rule.master", true) })
		w.want(carol, "0/0", "she wants to hear of nothing")
		w.change(carol, func(set *push.Ruleset) error { return set.Enable("override", ".m.rule.master", false) })
		w.want(carol, "2/0", "and then of all again")
		w.change(alice, func(set *push.Ruleset) error {
			return set.Put(push.Change{Kind: "room", ID: string(w.room), Actions: actions()})
		})
		w.say(bob, "dull")
		w.want(alice, "1/1", "content rules stand before room rules, everything else in the room is silent")
		w.change(alice, func(set *push.Ruleset) error { return set.Delete("content", "c") })
		w.want(alice, "0/0", "the room is silent")

		w.wire()
		w.want(alice, "0/0", "a new process knows her rules")
		w.want(carol, "3/0", "and counts what was unread before")
	}, pushMigrations...)
}

func TestUnread_ByDefaultRules(t *testing.T) {
	w := newPushWorld(t, dbtest.SQLite(t, pushMigrations...))
	for _, c := range []struct {
		name, who, typ, content, alice, carol string
	}{
		{"Message", "bob", "m.room.message", `{"msgtype":"m.text","body":"x"}`, "1/0", "1/0"},
		{"Mention", "bob", "m.room.message", `{"body":"x","m.mentions":{"user_ids":["@alice:hs1"]}}`, "1/1", "1/0"},
		{"MentionInAReaction", "bob", "m.reaction", `{"m.mentions":{"user_ids":["@alice:hs1"]}}`, "1/1", "0/0"},
		{"Reaction", "bob", "m.reaction", `{}`, "0/0", "0/0"},
		{"Notice", "bob", "m.room.message", `{"msgtype":"m.notice","body":"x","m.mentions":{"user_ids":["@alice:hs1"]}}`, "0/0", "0/0"},
		{"Edit", "bob", "m.room.message", `{"body":"x","m.relates_to":{"rel_type":"m.replace","event_id":"$x"}}`, "0/0", "0/0"},
		{"EditThatNamesAlice", "bob", "m.room.message", `{"body":"x","m.mentions":{"user_ids":["@alice:hs1"]},"m.relates_to":{"rel_type":"m.replace","event_id":"$x"}}`, "1/1", "0/0"},
		{"WholeRoom", "bob", "m.room.message", `{"body":"x","m.mentions":{"room":true}}`, "1/1", "1/1"},
		{"WholeRoomWithoutPower", "carol", "m.room.message", `{"body":"x","m.mentions":{"room":true}}`, "1/0", "0/0"},
		{"PretendedRoom", "carol", "m.room.message", `{"body":"x","m.mentions":{"user_ids":["@room"]}}`, "1/0", "0/0"},
		{"Call", "bob", "m.call.invite", `{}`, "1/0", "1/0"},
		{"Other", "bob", "org.example.thing", `{}`, "0/0", "0/0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			e := w.send(id.User("@"+c.who+":hs1"), c.typ, c.content)
			w.want(alice, c.alice, c.content)
			w.want(carol, c.carol, c.content)
			// A rule that changes nothing makes her own program do the same judging.
			w.change(alice, func(set *push.Ruleset) error {
				return set.Put(push.Change{Kind: "sender", ID: "@nobody:hs1", Actions: actions()})
			})
			w.want(alice, c.alice, "with rules of her own: "+c.content)
			for _, u := range []id.User{alice, carol} {
				w.ok(w.timeline.SetRead(t.Context(), u, w.room, timeline.Mark{Kind: timeline.ReadPrivate, Event: e}))
				w.want(u, "0/0", "read")
			}
		})
	}
}

// gateway is a push gateway that answers as told and hands on what it hears.
type gateway struct {
	*httptest.Server
	heard  chan map[string]any
	answer chan func(http.ResponseWriter)
}

func newGateway(t *testing.T) *gateway {
	g := &gateway{heard: make(chan map[string]any, 100), answer: make(chan func(http.ResponseWriter), 100)}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var b struct{ Notification map[string]any }
		if json.NewDecoder(r.Body).Decode(&b) != nil || r.URL.Path != "/_matrix/push/v1/notify" {
			http.Error(w, "bad", 400)
			return
		}
		select {
		case fn := <-g.answer:
			fn(w)
		default:
			fmt.Fprint(w, `{"rejected":[]}`)
		}
		g.heard <- b.Notification
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) next(t *testing.T) map[string]any {
	t.Helper()
	select {
	case n := <-g.heard:
		return n
	case <-time.After(20 * time.Second):
		t.Fatal("the gateway hears nothing")
		return nil
	}
}

// running pushes until the returned function is called.
func (w *pushWorld) running() (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	g := run.NewGroup(nil)
	svc := w.push
	g.Go("push", func(context.Context) error { done <- svc.Run(ctx); return nil })
	return func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("push ended with %v", err)
		}
	}
}

func (w *pushWorld) phone(u id.User, g *gateway, key string) push.Pusher {
	return push.Pusher{Key: key, Kind: "http", App: "app", AppName: "App", DeviceName: "Phone", Lang: "en",
		Data: map[string]json.RawMessage{"url": json.RawMessage(`"` + g.URL + `/_matrix/push/v1/notify"`), "format": json.RawMessage(`"event_id_only"`), "extra": json.RawMessage(`7`)}}
}

func TestPush_TellsEachPhoneOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, g := newPushWorld(t, d), newGateway(t)
		w.ok(w.push.Set(t.Context(), alice, "PHONE", w.phone(alice, g, "k"), false))
		stop := w.running()
		e := w.say(bob, "a secret")
		n := g.next(t)
		raw, _ := json.Marshal(n)
		if n["event_id"] != string(e) || n["room_id"] != string(w.room) || n["content"] != nil || n["sender"] != nil {
			t.Errorf("the gateway hears %s; want the ids of %s and nothing of what was said", raw, e)
		}
		device := n["devices"].([]any)[0].(map[string]any)
		data := device["data"].(map[string]any)
		if device["pushkey"] != "k" || data["url"] != nil || data["extra"] != 7.0 || n["counts"].(map[string]any)["unread"] != 1.0 {
			t.Errorf("the gateway hears %s", raw)
		}
		w.say(alice, "she herself")
		w.send(bob, "m.reaction", `{}`)
		next := w.say(bob, "more")
		if n := g.next(t); n["event_id"] != string(next) {
			t.Errorf("then %v, want %s and nothing between", n["event_id"], next)
		}

		// A gateway that fails is asked again, and the order stays.
		g.answer <- func(rw http.ResponseWriter) { rw.WriteHeader(502) }
		third := w.say(bob, "third")
		fourth := w.say(bob, "fourth")
		for _, want := range []id.Event{third, third, fourth} {
			if n := g.next(t); n["event_id"] != string(want) {
				t.Errorf("got %v, want %s", n["event_id"], want)
			}
		}
		stop()

		// What was said while nobody pushed is pushed by the next process, and only that.
		w.wire()
		missed := w.say(bob, "missed")
		w.wire()
		stop = w.running()
		n = g.next(t)
		if n["event_id"] == string(fourth) {
			n = g.next(t) // its answer may not have come before the end; a gateway knows it by its id
		}
		if n["event_id"] != string(missed) {
			t.Errorf("after the restart %v, want %s", n["event_id"], missed)
		}

		// A key that the gateway rejects is forgotten.
		g.answer <- func(rw http.ResponseWriter) { fmt.Fprint(rw, `{"rejected":["k"]}`) }
		w.say(bob, "last")
		g.next(t)
		stop()
		if list := w.push.Pushers(alice); len(list) != 0 {
			t.Errorf("there is still %v", list)
		}
		w.wire()
		if list := w.push.Pushers(alice); len(list) != 0 {
			t.Errorf("after a restart there is still %v", list)
		}
	}, pushMigrations...)
}

func TestPush_SaysNothingAfterReadingOrSigningOut(t *testing.T) {
	w, g := newPushWorld(t, dbtest.SQLite(t, pushMigrations...)), newGateway(t)
	ses, err := w.accounts.Open(t.Context(), alice, account.SignIn{Device: "PHONE"})
	w.ok(err)
	w.ok(w.push.Set(t.Context(), alice, ses.Device, w.phone(alice, g, "k"), false))
	e := w.say(bob, "read at once")
	w.ok(w.timeline.SetRead(t.Context(), alice, w.room, timeline.Mark{Kind: timeline.Read, Event: e}))
	stop := w.running()
	next := w.say(bob, "unread")
	if n := g.next(t); n["event_id"] != string(next) {
		t.Errorf("got %v, want only %s", n["event_id"], next)
	}
	t.Run("ChangedHands", func(t *testing.T) {
		w.ok(w.push.Set(t.Context(), carol, "C", w.phone(carol, g, "k"), false))
		if list := w.push.Pushers(alice); len(list) != 0 {
			t.Errorf("alice keeps %v after carol has the phone", list)
		}
		w.ok(w.push.Set(t.Context(), alice, ses.Device, w.phone(alice, g, "k"), true))
		if a, c := len(w.push.Pushers(alice)), len(w.push.Pushers(carol)); a != 1 || c != 1 {
			t.Errorf("with append alice has %d and carol %d, want one each", a, c)
		}
	})
	t.Run("SignedOut", func(t *testing.T) {
		w.ok(w.accounts.Logout(t.Context(), alice, func(id.Device) bool { return true }))
		if list := w.push.Pushers(alice); len(list) != 0 {
			t.Errorf("the lost phone keeps %v", list)
		}
	})
	stop()
}

func TestPush_SaysNothingToALockedAccount(t *testing.T) {
	w, g := newPushWorld(t, dbtest.SQLite(t, pushMigrations...)), newGateway(t)
	others := newGateway(t)
	w.ok(w.push.Set(t.Context(), alice, "PHONE", w.phone(alice, g, "a"), false))
	w.ok(w.push.Set(t.Context(), carol, "PHONE", w.phone(carol, others, "c"), false))
	lock := func(on bool) {
		w.ok(w.accounts.Restrict(t.Context(), account.Actor{User: bob, Admin: true}, alice, account.Locked, on))
	}
	lock(true)
	stop := w.running()
	for range 5 {
		w.say(bob, "while alice is locked out")
		others.next(t)
	}
	w.say(bob, "the last of it")
	others.next(t)
	stop()
	if n := len(g.heard); n > 0 {
		t.Errorf("the phone of a locked account was told %d times", n)
	}
	lock(false)
	stop = w.running()
	e := w.say(bob, "afterwards")
	for g.next(t)["event_id"] != string(e) {
		continue // of what was not looked at before the stop it may hear now
	}
	stop()
}

func TestGateways(t *testing.T) {
	for _, c := range []struct {
		url  string
		only string
		ok   bool
	}{
		{"https://push.example.org/_matrix/push/v1/notify", "", true},
		{"https://push.example.org/_matrix/push/v1/notify", "other.example.org", false},
		{"http://push.example.org/_matrix/push/v1/notify", "", false},
		{"http://push.example.org/_matrix/push/v1/notify", "push.example.org", true},
		{"https://push.example.org/elsewhere", "", false},
		{"https://10.0.0.1/_matrix/push/v1/notify", "", false},
		{"https://127.0.0.1/_matrix/push/v1/notify", "", false},
		{"https://[::1]/_matrix/push/v1/notify", "", false},
		{"https://[::ffff:10.0.0.1]/_matrix/push/v1/notify", "", false},
		{"https://169.254.169.254/_matrix/push/v1/notify", "", false},
		{"https://100.64.0.1/_matrix/push/v1/notify", "", false},
		{"https://[::10.0.0.1]/_matrix/push/v1/notify", "", false},
		{"https://[64:ff9b:1::a00:1]/_matrix/push/v1/notify", "", false},
		{"https://[2002:a00:1::]/_matrix/push/v1/notify", "", false},
		{"https://198.18.0.1/_matrix/push/v1/notify", "", false},
		{"https://0.1.2.3/_matrix/push/v1/notify", "", false},
		{"https://u:p@push.example.org/_matrix/push/v1/notify", "", false},
		{"ftp://push.example.org/_matrix/push/v1/notify", "", false},
		{"", "", false},
	} {
		w := newPushWorld(t, dbtest.SQLite(t, pushMigrations...))
		w.push.Gateways = push.Gateways{}
		if c.only != "" {
			w.push.Gateways.Only = []string{c.only}
		}
		raw, _ := json.Marshal(c.url)
		p := push.Pusher{Key: "k", Kind: "http", App: "app", AppName: "App", DeviceName: "Phone", Lang: "en", Data: map[string]json.RawMessage{"url": raw}}
		if err := w.push.Set(t.Context(), alice, "D", p, false); (err == nil) != c.ok {
			t.Errorf("%q with %q alone allowed: %v, want allowed=%v", c.url, c.only, err, c.ok)
		}
	}
}

// What was read on one device takes the number from the icon of the others: the count alone, once, and not when it is known already.
func TestPush_TellsTheCountAfterReading(t *testing.T) {
	w, g := newPushWorld(t, dbtest.SQLite(t, pushMigrations...)), newGateway(t)
	w.ok(w.push.Set(t.Context(), alice, "PHONE", w.phone(alice, g, "k"), false))
	defer w.running()()
	first, second := w.say(bob, "one"), w.say(bob, "two")
	g.next(t)
	g.next(t)
	g.answer <- func(rw http.ResponseWriter) { rw.WriteHeader(502) } // and it is asked again
	for _, e := range []id.Event{first, second} {
		w.ok(w.timeline.SetRead(t.Context(), alice, w.room, timeline.Mark{Kind: timeline.ReadPrivate, Event: e}))
	}
	for range 2 {
		n := g.next(t)
		if n["event_id"] != nil || n["room_id"] != nil || n["prio"] != "low" || n["counts"].(map[string]any)["unread"] != 0.0 || len(n["devices"].([]any)) != 1 {
			t.Errorf("after reading the gateway hears %v", n)
		}
	}
	w.push.Read(alice) // nothing is new
	third := w.say(bob, "three")
	if n := g.next(t); n["event_id"] != string(third) {
		t.Errorf("then %v, want %s", n, third)
	}
	if len(g.heard) > 0 {
		t.Errorf("and %v", <-g.heard)
	}
}
