package delay

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/ground/run"
	"wardline/ground/stream"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

const (
	alice = id.User("@alice:hs1")
	bob   = id.User("@bob:hs1")
)

var migrations = []db.Migrations{audit.Migrations(), stream.Migrations(), account.Migrations(), room.Migrations(), Migrations()}

// world is a room of alice and bob, and a clock that a test sets.
type world struct {
	t    *testing.T
	s    *Service
	room id.Room
	now  time.Time
}

func open(t *testing.T, d *db.DB) *world {
	w := &world{t: t, now: time.UnixMilli(1_000_000_000_000)}
	accounts := account.New(d, "hs1")
	w.s = New(d, room.New(d, accounts), obs.Discard())
	w.s.Now = func() time.Time { return w.now }
	return w
}

func newWorld(t *testing.T, d *db.DB) *world {
	w := open(t, d)
	w.ok(account.New(d, "hs1").CreateAll(t.Context(), []account.NewUser{{User: alice}, {User: bob}}))
	var err error
	w.room, err = w.s.Rooms.Create(t.Context(), room.CreateSpec{Creator: alice, Join: []id.User{bob}})
	w.ok(err)
	return w
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) plan(body string, after time.Duration) Plan {
	return Plan{Owner: bob, Device: "D", Room: w.room, Type: "m.room.message", Content: json.RawMessage(`{"body":"` + body + `"}`), Delay: after}
}

func (w *world) schedule(p Plan) ID {
	w.t.Helper()
	made, err := w.s.Schedule(w.t.Context(), p)
	w.ok(err)
	return made
}

// pass lets time go on and sends what is due.
func (w *world) pass(by time.Duration) {
	w.t.Helper()
	w.now = w.now.Add(by)
	_, err := w.s.pass(w.t.Context(), map[ID]time.Time{})
	w.ok(err)
}

// said are the bodies of the room's messages, oldest first.
func (w *world) said() string {
	w.t.Helper()
	f, err := w.s.Rooms.Feed(w.t.Context(), w.room)
	w.ok(err)
	var all []string
	for _, ev := range f.Newest() {
		var c struct{ Body string }
		if json.Unmarshal(ev.Event.Content, &c); ev.Type == "m.room.message" {
			all = append(all, c.Body)
		}
	}
	return strings.Join(all, " ")
}

func is(err error, code string, kind fault.Kind) bool {
	f := fault.As(err)
	return f != nil && f.Code == code && f.Kind == kind
}

func TestDelay_SendsInOrderAndOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.schedule(w.plan("second", 2*time.Second))
		first := w.plan("first", time.Second)
		first.Txn = "t"
		name := w.schedule(first)
		if again := w.schedule(first); again != name {
			t.Errorf("the same request made %s and %s", name, again)
		}
		w.pass(999 * time.Millisecond)
		if got := w.said(); got != "" {
			t.Fatalf("sent before its time: %q", got)
		}
		list, err := w.s.Waiting(t.Context(), bob)
		if w.ok(err); len(list) != 2 || list[0].ID != name {
			t.Errorf("waiting: %+v", list)
		}
		// The server is away for an hour: another process, another clock.
		later := open(t, d)
		later.room, later.now = w.room, w.now.Add(time.Hour)
		later.pass(0)
		later.pass(time.Hour)
		if got := later.said(); got != "first second" {
			t.Errorf("said %q, want both, the earlier first, once", got)
		}
		e, err := later.s.Find(t.Context(), bob, name)
		if w.ok(err); e.EventID == "" || e.FinalisedAt == 0 || e.Error != nil {
			t.Errorf("after it was sent: %+v", e)
		}
		if _, err := later.s.Find(t.Context(), alice, name); !is(err, "M_NOT_FOUND", fault.Hidden) {
			t.Errorf("alice sees bob's event: %v", err)
		}
		later.pass(8 * 24 * time.Hour)
		w = later
		w.schedule(w.plan("third", time.Second))
		w.pass(time.Minute)
		if _, err := w.s.Find(t.Context(), bob, name); !is(err, "M_NOT_FOUND", fault.Hidden) {
			t.Errorf("kept for more than a week: %v", err)
		}
	}, migrations...)
}

func TestDelay_CanBeTakenBackRestartedAndSent(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		act := map[string]func(ID) error{
			"cancel":  func(n ID) error { return w.s.Cancel(t.Context(), bob, n) },
			"restart": func(n ID) error { return w.s.Restart(t.Context(), bob, n) },
			"send":    func(n ID) error { return w.s.Send(t.Context(), bob, n) },
		}
		for _, c := range []struct {
			first, conflicts string
			repeats          bool
		}{{"cancel", "send restart", true}, {"send", "cancel restart", true}} {
			n := w.schedule(w.plan(c.first, time.Minute))
			w.ok(act[c.first](n))
			if err := act[c.first](n); err != nil {
				t.Errorf("%s again: %v", c.first, err)
			}
			for _, other := range strings.Fields(c.conflicts) {
				if err := act[other](n); !is(err, "M_UNKNOWN", fault.Conflict) {
					t.Errorf("%s after %s: %v, want a conflict", other, c.first, err)
				}
			}
		}
		n := w.schedule(w.plan("kept alive", 10*time.Second))
		for range 5 {
			w.pass(9 * time.Second)
			w.ok(act["restart"](n))
		}
		if got := w.said(); got != "send" {
			t.Errorf("said %q while it was kept alive", got)
		}
		w.pass(10 * time.Second)
		if got := w.said(); got != "send kept alive" {
			t.Errorf("said %q", got)
		}
		for verb, fn := range map[string]func() error{
			"cancel": func() error { return w.s.Cancel(t.Context(), alice, n) }, "restart": func() error { return w.s.Restart(t.Context(), alice, n) },
			"send": func() error { return w.s.Send(t.Context(), alice, n) }, "unknown": func() error { return w.s.Send(t.Context(), bob, "none") },
		} {
			if err := fn(); !is(err, "M_NOT_FOUND", fault.Hidden) {
				t.Errorf("%s by somebody else: %v", verb, err)
			}
		}
	}, migrations...)
}

// Whether somebody may send is asked when the time has come.
func TestDelay_IsRefusedByTheRoomThen(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		key := ""
		topic := w.plan("", time.Second)
		topic.Type, topic.StateKey, topic.Content = "m.room.topic", &key, json.RawMessage(`{"topic":"bob's"}`)
		refused := w.schedule(topic)
		if err := w.s.Send(t.Context(), bob, refused); !is(err, "M_FORBIDDEN", fault.Forbidden) {
			t.Errorf("sent at once without the power: %v", err)
		}
		gone := w.schedule(w.plan("after leaving", time.Second))
		fine := w.plan("alice's", time.Second)
		fine.Owner = alice
		w.schedule(fine)
		w.ok(w.s.Rooms.ChangeMembership(t.Context(), w.room, room.Change{Sender: alice, Target: bob, Verb: "kick"}))
		w.pass(time.Second)
		if got := w.said(); got != "alice's" {
			t.Errorf("said %q; a refusal must hold up nothing", got)
		}
		w.s.MaySend = func(_ context.Context, u id.User) error {
			if u == alice {
				return fault.New(fault.Forbidden, "M_FORBIDDEN", "Not now.")
			}
			return nil
		}
		halted := w.schedule(fine)
		w.pass(time.Second)
		if e, err := w.s.Find(t.Context(), alice, halted); err != nil || e.EventID != "" || !strings.Contains(string(e.Error), "Not now.") {
			t.Errorf("sent for somebody who may not: %+v, %v", e, err)
		}
		for _, n := range []ID{refused, gone} {
			e, err := w.s.Find(t.Context(), bob, n)
			if w.ok(err); e.EventID != "" || e.FinalisedAt == 0 || !strings.Contains(string(e.Error), `"errcode":"M_FORBIDDEN"`) {
				t.Errorf("%+v, want the refusal", e)
			}
			if err := w.s.Cancel(t.Context(), bob, n); err != nil {
				t.Errorf("cancel what was refused: %v", err)
			}
		}
	}, migrations...)
}

func TestSchedule_RefusesTooMuch(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t, migrations...))
	for name, c := range map[string]struct {
		change func(*Plan)
		code   string
		kind   fault.Kind
	}{
		"nothing to wait": {func(p *Plan) { p.Delay = 0 }, "M_INVALID_PARAM", fault.Invalid},
		"too long":        {func(p *Plan) { p.Delay = MaxDelay + 1 }, "M_FORBIDDEN", fault.Forbidden},
		"too large":       {func(p *Plan) { p.Content = json.RawMessage(`{"a":"` + strings.Repeat("x", maxContent) + `"}`) }, "M_TOO_LARGE", fault.TooLarge},
		"no object":       {func(p *Plan) { p.Content = json.RawMessage(`[]`) }, "M_BAD_JSON", fault.Invalid},
		"a fraction":      {func(p *Plan) { p.Content = json.RawMessage(`{"a":1.5}`) }, "M_BAD_JSON", fault.Invalid},
		"a stranger":      {func(p *Plan) { p.Owner = "@carol:hs1" }, "M_FORBIDDEN", fault.Hidden},
		"no room":         {func(p *Plan) { p.Room = "!none:hs1" }, "M_FORBIDDEN", fault.Hidden},
	} {
		p := w.plan("x", time.Second)
		c.change(&p)
		if _, err := w.s.Schedule(t.Context(), p); !is(err, c.code, c.kind) {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	for range MaxScheduled {
		w.schedule(w.plan("x", time.Minute))
	}
	if _, err := w.s.Schedule(t.Context(), w.plan("x", time.Minute)); !is(err, "M_LIMIT_EXCEEDED", fault.Limited) || fault.As(err).RetryAfter != time.Minute {
		t.Errorf("one too many: %v", err)
	}
	w.pass(time.Minute)
	w.schedule(w.plan("x", time.Minute))
}

// Run sleeps until the next event is due, and no longer when one comes that is due before.
func TestRun_IsOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "d.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if err := d.Migrate(t.Context(), migrations...); err != nil {
			t.Fatal(err)
		}
		w := newWorld(t, d)
		w.s.Now = time.Now
		began := time.Now()
		var at []time.Duration
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{}, 2)
		w.s.Rooms.OnCommit = func(_ *room.Feed, ev *room.Event) {
			if ev.Type == "m.room.message" {
				at = append(at, time.Since(began))
				done <- struct{}{}
			}
		}
		w.ok(run.All(t.Context(), func(context.Context) error { return w.s.Run(ctx) }, func(context.Context) error {
			synctest.Wait()
			w.schedule(w.plan("slow", 10*time.Minute))
			w.schedule(w.plan("quick", 5*time.Second))
			<-done
			<-done
			cancel()
			return nil
		}))
		if len(at) != 2 || at[0] != 5*time.Second || at[1] != 10*time.Minute {
			t.Errorf("sent after %v", at)
		}
	})
}
