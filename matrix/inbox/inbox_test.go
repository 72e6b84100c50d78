package inbox_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/inbox"
)

const (
	alice = id.User("@alice:hs1")
	bob   = id.User("@bob:hs1")
)

func each(t *testing.T, fn func(t *testing.T, d *db.DB, accounts *account.Service, s *inbox.Service)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		accounts := account.New(d, "hs1")
		s := inbox.New(d, accounts)
		err := accounts.CreateAll(t.Context(), []account.NewUser{{User: alice}, {User: bob}})
		for _, device := range []id.Device{"B", "C"} {
			if err == nil {
				_, err = accounts.Open(t.Context(), bob, account.SignIn{Device: device})
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		fn(t, d, accounts, s)
	}, audit.Migrations(), account.Migrations(), inbox.Migrations())
}

func send(t *testing.T, s *inbox.Service, txn string, device id.Device, content string) error {
	t.Helper()
	return s.Send(t.Context(), inbox.Outgoing{Sender: alice, Device: "A", Type: "m.x", Txn: txn, Messages: map[id.User]map[id.Device]json.RawMessage{bob: {device: json.RawMessage(content)}}})
}

func waits(t *testing.T, d *db.DB, s *inbox.Service, device id.Device, from int64) int {
	t.Helper()
	list, _, err := s.Waiting(t.Context(), bob, device, from, d.Position(), 100_000)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestSend(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, accounts *account.Service, s *inbox.Service) {
		for name, content := range map[string]string{"no object": `[]`, "no JSON": `{`, "too large": `{"a":"` + strings.Repeat("x", 70<<10) + `"}`} {
			if err := send(t, s, name, "B", content); fault.As(err) == nil {
				t.Errorf("%s: %v, want it refused", name, err)
			}
		}
		if n := waits(t, d, s, "B", 0); n != 0 {
			t.Errorf("what was refused left %d messages", n)
		}
		for range 2 {
			if err := send(t, s, "once", inbox.Everyone, `{ "a": 1.5 }`); err != nil {
				t.Fatal(err)
			}
		}
		if b, c := waits(t, d, s, "B", 0), waits(t, d, s, "C", 0); b != 1 || c != 1 {
			t.Errorf("sent twice by one request: %d and %d messages, want one each", b, c)
		}
		again := inbox.New(d, accounts) // as after a restart
		if n := waits(t, d, again, "B", 0); n != 1 {
			t.Errorf("after a restart %d messages wait, want 1", n)
		}
		if err := again.Received(t.Context(), bob, "B", d.Position()); err != nil {
			t.Fatal(err)
		}
		if n := waits(t, d, inbox.New(d, accounts), "B", 0); n != 0 {
			t.Errorf("%d messages are there after they were received", n)
		}
		if n := waits(t, d, again, "C", 0); n != 1 {
			t.Errorf("the other device has %d messages, want its own", n)
		}
	})
}

// A device that never comes back does not grow without end; the oldest messages go first, and its sender notices nothing.
func TestSend_BoundsADeadDevice(t *testing.T) {
	if testing.Short() {
		t.Skip("sends eleven thousand messages")
	}
	d := dbtest.SQLite(t, audit.Migrations(), account.Migrations(), inbox.Migrations())
	accounts := account.New(d, "hs1")
	s := inbox.New(d, accounts)
	if err := accounts.Create(t.Context(), account.NewUser{User: bob}); err != nil {
		t.Fatal(err)
	}
	if _, err := accounts.Open(t.Context(), bob, account.SignIn{Device: "B"}); err != nil {
		t.Fatal(err)
	}
	const most, extra = 10_000, 400
	for i := range most + extra {
		if err := send(t, s, fmt.Sprint(i), "B", fmt.Sprintf(`{"n":%d}`, i)); err != nil {
			t.Fatal(err)
		}
	}
	list, _, err := s.Waiting(t.Context(), bob, "B", 0, d.Position(), 100_000)
	if err != nil {
		t.Fatal(err)
	}
	if last := string(list[len(list)-1].Content); len(list) > most+100 || len(list) < most || last != fmt.Sprintf(`{"n":%d}`, most+extra-1) {
		t.Errorf("%d messages wait, the last is %s; want about %d and the newest", len(list), last, most)
	}
}
