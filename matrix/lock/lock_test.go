package lock_test

import (
	"context"
	"sync/atomic"
	"testing"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/ground/fault"
	"wardline/ground/run"
	"wardline/ground/stream"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/lock"
)

const alice = id.User("@alice:hs1")

var migrations = []db.Migrations{audit.Migrations(), stream.Migrations(), account.Migrations(), lock.Migrations()}

type world struct {
	t        *testing.T
	accounts *account.Service
	lock     *lock.Service
	phone    account.Actor
	other    account.Actor
}

func newWorld(t *testing.T, d *db.DB) *world {
	w := &world{t: t, accounts: account.New(d, "hs1")}
	w.lock = lock.New(d, w.accounts)
	w.accounts.OnSignOut = append(w.accounts.OnSignOut, w.lock.SignedOut)
	w.ok(w.accounts.CreateAll(t.Context(), []account.NewUser{{User: alice, DisplayName: "Alice"}}))
	w.phone, w.other = w.signIn(), w.signIn()
	return w
}

func (w *world) signIn() account.Actor {
	ses, err := w.accounts.Open(w.t.Context(), alice, account.SignIn{Name: "phone"})
	w.ok(err)
	return ses.Actor
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) want(err error, kind fault.Kind) {
	w.t.Helper()
	if !fault.Is(err, kind) {
		w.t.Fatalf("got %v, want %s", err, kind)
	}
}

func TestLock_OpensWithItsCodeOnly(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		ctx := t.Context()
		w.want(w.lock.Shut(ctx, w.phone), fault.NotFound)
		w.ok(w.lock.Set(ctx, w.phone, "", "2580"))
		w.want(w.lock.Set(ctx, w.phone, "", "1973"), fault.Forbidden)
		w.ok(w.lock.Set(ctx, w.phone, "2580", "1973"))
		w.ok(w.lock.Shut(ctx, w.phone))
		if !w.lock.Locked(w.phone) || w.lock.Locked(w.other) {
			t.Fatal("the phone is open, or the other device is shut")
		}
		w.want(w.lock.Open(ctx, w.phone, "2580"), fault.Forbidden)
		again := lock.New(d, w.accounts) // a new process
		w.ok(again.Load(ctx))
		if !again.Locked(w.phone) {
			t.Fatal("a restart opens the phone")
		}
		w.ok(again.Open(ctx, w.phone, "1973"))
		if again.Locked(w.phone) {
			t.Fatal("the code does not open the phone")
		}
		w.want(w.lock.Remove(ctx, w.phone, "0001"), fault.Forbidden)
		w.ok(w.lock.Remove(ctx, w.phone, "1973"))
		if has, err := w.lock.Has(ctx, w.phone); has || err != nil {
			t.Errorf("a removed code is there: %v, %v", has, err)
		}
	}, migrations...)
}

func TestLock_EndsTheSessionAfterFiveTries(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		ctx := t.Context()
		w.ok(w.lock.Set(ctx, w.phone, "", "2580"))
		w.ok(w.lock.Shut(ctx, w.phone))
		for left := lock.MaxTries - 1; left > 0; left-- {
			err := w.lock.Open(ctx, w.phone, "1111")
			if w.want(err, fault.Forbidden); fault.As(err).Extra["tries_left"] != int64(left) {
				t.Errorf("it says %v left, want %d", fault.As(err).Extra, left)
			}
		}
		w.want(w.lock.Open(ctx, w.phone, "1111"), fault.Unauthenticated)
		w.want(w.accounts.HasDevice(ctx, d, alice, w.phone.Device), fault.NotFound)
		w.ok(w.accounts.HasDevice(ctx, d, alice, w.other.Device))
		w.want(w.lock.Open(ctx, w.phone, "2580"), fault.NotFound)
		if w.lock.Locked(w.phone) {
			t.Error("what is gone is still counted as locked")
		}
	}, migrations...)
}

func TestLock_ManyAtOnceHaveNoMoreTries(t *testing.T) {
	d := dbtest.SQLite(t, migrations...)
	w := newWorld(t, d)
	w.ok(w.lock.Set(t.Context(), w.phone, "", "2580"))
	w.ok(w.lock.Shut(t.Context(), w.phone))
	var looked atomic.Int64
	var all []func(context.Context) error
	for range 20 {
		all = append(all, func(ctx context.Context) error {
			if err := w.lock.Open(ctx, w.phone, "9999"); fault.Is(err, fault.Forbidden) {
				looked.Add(1)
			}
			return nil
		})
	}
	w.ok(run.All(t.Context(), all...))
	if n := looked.Load(); n >= lock.MaxTries {
		t.Errorf("%d wrong codes were answered, want at most %d", n, lock.MaxTries-1)
	}
	w.want(w.accounts.HasDevice(t.Context(), d, alice, w.phone.Device), fault.NotFound)
}

func TestLock_RefusesWhatEverybodyTriesFirst(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t, migrations...))
	for _, code := range []string{"", "123", "1111", "1234", "87654", "12a4", "123456789", "²³⁴⁵"} {
		w.want(w.lock.Set(t.Context(), w.phone, "", code), fault.Invalid)
	}
}
