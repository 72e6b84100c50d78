package factor

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/ground/fault"
	"wardline/ground/run"
	"wardline/ground/stream"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

const asha = id.User("@asha:hs1")

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestAt are the vectors of RFC 6238's appendix B for SHA-1, of which six digits are the last six.
func TestAt(t *testing.T) {
	secret := []byte("12345678901234567890")
	for at8, unix := range map[string]int64{"94287082": 59, "07081804": 1111111109, "14050471": 1111111111, "89005924": 1234567890, "69279037": 2000000000, "65353130": 20000000000} {
		if got := at(secret, unix/30); got != at8[2:] {
			t.Errorf("at %d: %s, want %s", unix, got, at8[2:])
		}
	}
}

// world is a service whose clock the test holds.
type world struct {
	*Service
	t     *testing.T
	clock time.Time
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		accounts := account.New(d, "hs1")
		ok(t, accounts.Create(t.Context(), account.NewUser{User: asha, Password: "pw"}))
		w := &world{t: t, clock: time.Unix(1_800_000_000, 0)}
		s, err := New(d, accounts, []byte("a key of the server"), "hs1", func() time.Time { return w.clock })
		ok(t, err)
		w.Service = s
		fn(t, w)
	}, audit.Migrations(), stream.Migrations(), account.Migrations(), Migrations())
}

// code is what the phone shows.
func (w *world) code(secret []byte) string { return at(secret, w.clock.Unix()/30) }

// enrol switches it on and returns what the phone knows, and the codes for paper.
func (w *world) enrol() ([]byte, []string) {
	w.t.Helper()
	address, typed, err := w.Begin(w.t.Context(), asha)
	ok(w.t, err)
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "otpauth" || u.Query().Get("secret") != typed || u.Query().Get("issuer") != "hs1" {
		w.t.Fatalf("address %q: %v", address, err)
	}
	v, err := db.One(w.t.Context(), w.db, find, scan, string(asha))
	ok(w.t, err)
	if strings.Contains(string(v.secret), typed) {
		w.t.Error("the secret lies open in the database")
	}
	secret, err := w.open(asha, v.secret)
	ok(w.t, err)
	if st, _ := w.Of(w.t.Context(), asha); st.On || w.Check(w.t.Context(), asha, "") != nil {
		w.t.Error("it counts before it was confirmed")
	}
	codes, err := w.Confirm(w.t.Context(), asha, w.code(secret))
	ok(w.t, err)
	w.clock = w.clock.Add(period)
	return secret, codes
}

func TestCheck(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		secret, codes := w.enrol()
		if len(codes) != recoveries {
			t.Fatalf("%d codes for paper", len(codes))
		}
		want := func(what string, err error, code string) {
			t.Helper()
			f := fault.As(err)
			if code == "" && err != nil || code != "" && (f == nil || f.Code != code) {
				t.Errorf("%s: %v, want %q", what, err, code)
			}
		}
		now := w.code(secret)
		want("no code", w.Check(ctx, asha, ""), CodeWanted)
		want("a right one", w.Check(ctx, asha, now[:3]+" "+now[3:]), "")
		want("the same again", w.Check(ctx, asha, now), CodeWrong)
		w.clock = w.clock.Add(period)
		late := w.code(secret)
		w.clock = w.clock.Add(period)
		want("half a minute late", w.Check(ctx, asha, late), "")
		w.clock = w.clock.Add(3 * period)
		want("long ago", w.Check(ctx, asha, at(secret, w.clock.Unix()/30-2)), CodeWrong)
		want("one from paper, as people type", w.Check(ctx, asha, strings.ToUpper(strings.ReplaceAll(codes[0], "-", " "))), "")
		want("and again", w.Check(ctx, asha, codes[0]), CodeWrong)
		if st, err := w.Of(ctx, asha); err != nil || !st.On || st.Recovery != recoveries-1 {
			t.Errorf("state %+v, %v", st, err)
		}
		want("somebody without one", w.Check(ctx, "@tom:hs1", ""), "")
	})
}

func TestCheck_Guessing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		secret, codes := w.enrol()
		var tries []func(context.Context) error
		results := make([]error, 20)
		for i := range results {
			tries = append(tries, func(ctx context.Context) error {
				results[i] = w.Check(ctx, asha, "000000x")
				return nil
			})
		}
		ok(t, run.All(ctx, tries...))
		wrong := 0
		for _, err := range results {
			if f := fault.As(err); f != nil && f.Code == CodeWrong {
				wrong++
			} else if !fault.Is(err, fault.Limited) {
				t.Errorf("a guess: %v", err)
			}
		}
		if wrong != maxTries {
			t.Errorf("%d guesses were looked at, want %d", wrong, maxTries)
		}
		if err := w.Check(ctx, asha, w.code(secret)); !fault.Is(err, fault.Limited) {
			t.Errorf("the right one after that: %v", err)
		}
		if err := w.Check(ctx, asha, codes[1]); !fault.Is(err, fault.Limited) {
			t.Errorf("one from paper after that: %v", err)
		}
		w.clock = w.clock.Add(tryPeriod + time.Second)
		ok(t, w.Check(ctx, asha, w.code(secret)))
	})
}

func TestRemove(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		secret, codes := w.enrol()
		if _, _, err := w.Begin(ctx, asha); !fault.Is(err, fault.Conflict) {
			t.Errorf("another one beside it: %v", err)
		}
		if err := w.Remove(ctx, asha, "123"); !fault.Is(err, fault.Forbidden) {
			t.Errorf("removed without a code: %v", err)
		}
		renewed, err := w.Renew(ctx, asha, codes[0])
		ok(t, err)
		if err := w.Check(ctx, asha, codes[1]); !fault.Is(err, fault.Forbidden) {
			t.Errorf("an old code for paper: %v", err)
		}
		ok(t, w.Check(ctx, asha, renewed[0]))
		ok(t, w.Remove(ctx, asha, w.code(secret)))
		ok(t, w.Check(ctx, asha, ""))
		if _, err := w.Confirm(ctx, asha, "123456"); !fault.Is(err, fault.NotFound) {
			t.Errorf("confirmed without a beginning: %v", err)
		}
		w.enrol()
		ok(t, w.db.Write(ctx, "test", func(ctx context.Context, tx *db.Tx) error { return w.ResetIn(ctx, tx, "@admin:hs1", asha) }))
		ok(t, w.Check(ctx, asha, ""))
		if n, err := audit.Verify(ctx, w.db); err != nil || n == 0 {
			t.Errorf("audit: %d, %v", n, err)
		}
	})
}
