package timeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wardline/ground/run"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/inbox"
	"wardline/matrix/keys"
	"wardline/matrix/timeline"
)

// personal is the part of an answer that is about the device itself.
type personal struct {
	Next     string `json:"next_batch"`
	ToDevice struct {
		Events []struct {
			Sender, Type string
			Content      struct{ N int }
		}
	} `json:"to_device"`
	Lists  timeline.DeviceLists `json:"device_lists"`
	Counts map[string]int       `json:"device_one_time_keys_count"`
}

// device asks for news as one device of a user, and returns what is about that device.
func (w *world) device(ctx context.Context, u id.User, d id.Device, since string, wait time.Duration) personal {
	w.t.Helper()
	f, err := timeline.ParseFilter(nil)
	w.ok(err)
	body, err := w.timeline.Sync(ctx, &timeline.SyncRequest{User: u, Device: d, Since: since, Timeout: wait, Filter: f})
	w.ok(err)
	var p personal
	w.ok(json.Unmarshal(body, &p))
	return p
}

func (p personal) numbers() []int {
	out := []int{}
	for _, e := range p.ToDevice.Events {
		out = append(out, e.Content.N)
	}
	return out
}

func (w *world) signIn(u id.User, d id.Device) {
	w.t.Helper()
	_, err := w.accounts.Open(w.t.Context(), u, account.SignIn{Device: d})
	w.ok(err)
}

// post sends message n from alice's device A to devices of a user.
func (w *world) post(n int, to id.User, devices ...id.Device) {
	w.t.Helper()
	out := inbox.Outgoing{Sender: alice, Device: "A", Type: "m.test", Txn: fmt.Sprint(n), Messages: map[id.User]map[id.Device]json.RawMessage{to: {}}}
	for _, d := range devices {
		out.Messages[to][d] = json.RawMessage(fmt.Sprintf(`{"N":%d}`, n))
	}
	w.ok(w.inbox.Send(w.t.Context(), out))
}

func TestToDevice_StaysUntilTheNextTokenProvesIt(t *testing.T) {
	w := newWorld(t)
	w.signIn(alice, "A")
	w.signIn(bob, "B")
	w.signIn(bob, "C")
	start := w.device(t.Context(), bob, "B", "", 0).Next
	w.post(1, bob, "B")
	w.post(1, bob, "B") // a repeated request
	w.post(2, bob, "*")
	w.post(3, bob, "NONE")
	w.post(4, "@nobody:hs1", "*")
	w.post(5, "@elsewhere:hs2", "*")
	first := w.device(t.Context(), bob, "B", start, 0)
	if got := first.numbers(); !slices.Equal(got, []int{1, 2}) {
		t.Fatalf("B got %v, want 1 and 2 once each", got)
	}
	if e := first.ToDevice.Events[0]; e.Sender != string(alice) || e.Type != "m.test" {
		t.Errorf("the message is %v", e)
	}
	if got := w.device(t.Context(), bob, "B", start, 0).numbers(); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("asked again with the old token B got %v, want the same", got)
	}
	w.restart()
	if got := w.device(t.Context(), bob, "B", start, 0).numbers(); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("after a restart B got %v, want the same", got)
	}
	w.post(6, bob, "B")
	second := w.device(t.Context(), bob, "B", first.Next, 0)
	if got := second.numbers(); !slices.Equal(got, []int{6}) {
		t.Errorf("with the next token B got %v, want 6 only", got)
	}
	if got := w.device(t.Context(), bob, "B", "", 0).numbers(); !slices.Equal(got, []int{6}) {
		t.Errorf("a first request brings %v, want what was not proved", got)
	}
	if got := w.device(t.Context(), bob, "C", "", 0).numbers(); !slices.Equal(got, []int{2}) {
		t.Errorf("C got %v, want its own copy of 2", got)
	}
	w.device(t.Context(), bob, "B", second.Next, 0)
	w.ok(w.accounts.Logout(t.Context(), bob, func(d id.Device) bool { return d == "C" }))
	w.signIn(bob, "C")
	for _, d := range []id.Device{"B", "C"} {
		if got := w.device(t.Context(), bob, d, "", 0).numbers(); len(got) > 0 {
			t.Errorf("%s still has %v", d, got)
		}
	}
}

func TestToDevice_ManyComeInPortions(t *testing.T) {
	w := newWorld(t)
	w.signIn(alice, "A")
	w.signIn(bob, "B")
	since := w.device(t.Context(), bob, "B", "", 0).Next
	var want, got []int
	for n := range 230 {
		w.post(n, bob, "B")
		want = append(want, n)
	}
	for range 3 {
		p := w.device(t.Context(), bob, "B", since, time.Minute)
		if len(p.numbers()) > 100 {
			t.Errorf("one answer has %d messages, want at most 100", len(p.numbers()))
		}
		got, since = append(got, p.numbers()...), p.Next
		if _, err := timeline.ParseToken(since); err != nil {
			t.Errorf("the token %s: %v", since, err)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestToDevice_WakesAndOnlyWhoHasNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.signIn(alice, "A")
		w.signIn(bob, "B")
		w.signIn(bob, "C")
		b, c := w.device(t.Context(), bob, "B", "", 0).Next, w.device(t.Context(), bob, "C", "", 0).Next
		began := time.Now()
		w.ok(run.All(t.Context(), func(ctx context.Context) error {
			if got := w.device(ctx, bob, "B", b, time.Minute).numbers(); !slices.Equal(got, []int{1}) || time.Since(began) != 0 {
				t.Errorf("B got %v after %v, want its message at once", got, time.Since(began))
			}
			return nil
		}, func(ctx context.Context) error {
			if got := w.device(ctx, bob, "C", c, time.Minute).numbers(); len(got) != 0 || time.Since(began) != time.Minute {
				t.Errorf("C got %v after %v, want nothing after its minute", got, time.Since(began))
			}
			return nil
		}, func(context.Context) error {
			synctest.Wait()
			w.post(1, bob, "B")
			return nil
		}))
	})
}

// publish gives a device keys of its own, another each time.
func (w *world) publish(u id.User, d id.Device) {
	w.t.Helper()
	w.txn++
	_, err := w.keys.Upload(w.t.Context(), u, d, keys.Upload{DeviceKeys: json.RawMessage(fmt.Sprintf(`{"user_id":%q,"device_id":%q,"keys":{"x":"%d"}}`, u, d, w.txn))})
	w.ok(err)
}

func sorted(users []id.User) string {
	var names []string
	for _, u := range users {
		names = append(names, u.Localpart())
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestDeviceLists(t *testing.T) {
	w := newWorld(t)
	for u, d := range map[id.User]id.Device{alice: "A", bob: "B", carol: "C"} {
		w.signIn(u, d)
	}
	room := w.room("One", bob)
	steps := []struct {
		name          string
		do            func()
		changed, left string // what bob is told
	}{
		{"somebody in the room", func() { w.publish(alice, "A") }, "alice", ""},
		{"oneself", func() { w.publish(bob, "B") }, "bob", ""},
		{"a stranger", func() { w.publish(carol, "C") }, "", ""},
		{"a name is no key", func() {
			w.ok(w.accounts.SetProfile(t.Context(), alice, "displayname", json.RawMessage(`"Al"`)))
		}, "", ""},
		{"a message is no key", func() { w.say(alice, room, "x") }, "", ""},
		{"an invitation shares nothing yet", func() { w.change(alice, carol, room, "invite") }, "", ""},
		{"somebody comes", func() { w.change(carol, carol, room, "join") }, "carol", ""},
		{"and is heard", func() { w.publish(carol, "C") }, "carol", ""},
		{"a second room", func() { w.room("Two", bob, carol) }, "alice carol", ""},
		{"leaving one of two", func() { w.change(carol, carol, room, "leave") }, "", ""},
		{"oneself leaving one of two", func() { w.change(bob, bob, room, "leave") }, "", ""},
	}
	since := w.device(t.Context(), bob, "B", "", 0).Next
	for _, s := range steps {
		before := since
		s.do()
		p := w.device(t.Context(), bob, "B", since, 0)
		if sorted(p.Lists.Changed) != s.changed || sorted(p.Lists.Left) != s.left {
			t.Errorf("%s: changed %q left %q, want %q and %q", s.name, sorted(p.Lists.Changed), sorted(p.Lists.Left), s.changed, s.left)
		}
		since = p.Next
		from, err := timeline.ParseToken(before)
		w.ok(err)
		to, err := timeline.ParseToken(since)
		w.ok(err)
		if again, err := w.timeline.DeviceListsBetween(t.Context(), bob, from.Pos, to.Pos); err != nil || sorted(again.Changed) != s.changed || sorted(again.Left) != s.left {
			t.Errorf("%s, asked by keys/changes: %v %v", s.name, again, err)
		}
	}
	two := w.room("Three", bob)
	since = w.device(t.Context(), bob, "B", since, 0).Next
	for _, r := range []id.Room{two} {
		w.change(alice, bob, r, "kick")
	}
	if p := w.device(t.Context(), bob, "B", since, 0); sorted(p.Lists.Left) != "" {
		t.Errorf("kicked from one of two rooms: left %v, alice is still in the other", p.Lists.Left)
	}
}

func TestDeviceLists_TheLastSharedRoomEnds(t *testing.T) {
	for name, end := range map[string]func(w *world, r id.Room){
		"they leave": func(w *world, r id.Room) { w.change(carol, carol, r, "leave") },
		"I leave":    func(w *world, r id.Room) { w.change(bob, bob, r, "leave") },
		"I am banned": func(w *world, r id.Room) {
			w.change(alice, bob, r, "ban")
		},
	} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprint(name, restart), func(t *testing.T) {
				w := newWorld(t)
				w.signIn(bob, "B")
				w.signIn(carol, "C")
				r := w.room("One", bob, carol)
				since := w.device(t.Context(), bob, "B", "", 0).Next
				end(w, r)
				if restart {
					w.restart()
				}
				p := w.device(t.Context(), bob, "B", since, 0)
				if !slices.Contains(p.Lists.Left, carol) || slices.Contains(p.Lists.Changed, carol) {
					t.Errorf("changed %v left %v, want carol to be left", p.Lists.Changed, p.Lists.Left)
				}
				w.publish(carol, "C")
				if p = w.device(t.Context(), bob, "B", p.Next, 0); len(p.Lists.Changed) > 0 {
					t.Errorf("bob still hears of carol's devices: %v", p.Lists)
				}
			})
		}
	}
}

func TestDeviceLists_WakeWhoShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for u, d := range map[id.User]id.Device{alice: "A", bob: "B", carol: "C"} {
			w.signIn(u, d)
		}
		w.room("One", bob)
		b, c := w.device(t.Context(), bob, "B", "", 0).Next, w.device(t.Context(), carol, "C", "", 0).Next
		began := time.Now()
		w.ok(run.All(t.Context(), func(ctx context.Context) error {
			if p := w.device(ctx, bob, "B", b, time.Minute); sorted(p.Lists.Changed) != "alice" || time.Since(began) != 0 {
				t.Errorf("bob got %v after %v", p.Lists, time.Since(began))
			}
			return nil
		}, func(ctx context.Context) error {
			if p := w.device(ctx, carol, "C", c, time.Minute); len(p.Lists.Changed) > 0 || time.Since(began) != time.Minute {
				t.Errorf("carol, who shares no room, got %v after %v", p.Lists, time.Since(began))
			}
			return nil
		}, func(context.Context) error {
			synctest.Wait()
			w.publish(alice, "A")
			return nil
		}))
	})
}

// Whoever claims a device's last keys wakes it, so that it makes new ones.
func TestCounts_WakeTheDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.signIn(bob, "B")
		_, err := w.keys.Upload(t.Context(), bob, "B", keys.Upload{OneTimeKeys: map[string]json.RawMessage{"signed_curve25519:1": json.RawMessage(`{}`)}})
		w.ok(err)
		since := w.device(t.Context(), bob, "B", "", 0).Next
		began := time.Now()
		w.ok(run.All(t.Context(), func(ctx context.Context) error {
			if p := w.device(ctx, bob, "B", since, time.Minute); p.Counts["signed_curve25519"] != 0 || time.Since(began) != 0 {
				t.Errorf("bob got %v after %v, want to hear at once that no key is left", p.Counts, time.Since(began))
			}
			return nil
		}, func(ctx context.Context) error {
			synctest.Wait()
			_, err := w.keys.Claim(ctx, map[id.User]map[id.Device]string{bob: {"B": "signed_curve25519"}})
			return err
		}))
	})
}

// A page learns from a device's next request that it got there. One connection proves nothing about what another carries, and a hole
// in a timeline is not something that was sent.
func TestDelivered_ProvesOnlyWhatWasCarried(t *testing.T) {
	w := newWorld(t)
	r := w.room("Room", bob)
	var has func(id.Room, int64) bool
	w.timeline.OnDelivered = func(_ id.User, _ id.Device, of func(id.Room, int64) bool) { has = of }
	ask := func(conn, pos string, limit int) string {
		t.Helper()
		req := timeline.SlidingRequest{User: bob, Device: "D", Conn: conn, Pos: pos}
		if limit > 0 {
			req.Lists = map[string]timeline.SlidingList{"all": {RoomConfig: timeline.RoomConfig{TimelineLimit: limit}}}
		} else {
			req.Extensions = timeline.Extensions{ToDevice: true, E2EE: true}
		}
		body, err := w.timeline.Sliding(t.Context(), &req)
		w.ok(err)
		var a slidingAnswer
		w.ok(json.Unmarshal(body, &a))
		return a.Pos
	}
	rooms, keys := ask("list", "", 5), ask("encryption", "", 0)
	w.say(alice, r, "page")
	at := w.db.Position()
	ask("encryption", ask("encryption", keys, 0), 0)
	if has(r, at) {
		t.Error("the connection for keys proved that a message came")
	}
	rooms = ask("list", rooms, 5)
	if has(r, at) {
		t.Error("asking for the answer proved that it came")
	}
	rooms = ask("list", rooms, 5)
	if !has(r, at) || has("!other:hs1", at) || has(r, at+1) {
		t.Error("the next request must prove this message, and nothing else")
	}
	w.say(alice, r, "lost in a gap")
	gap := w.db.Position()
	for range 3 {
		w.say(alice, r, "more")
	}
	rooms = ask("list", rooms, 1)
	ask("list", rooms, 1)
	if has(r, gap) || !has(r, w.db.Position()) {
		t.Error("what was left out of a short timeline counts as delivered, or what was in it does not")
	}
}
