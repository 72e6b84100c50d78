package keys_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/keys"
)

const (
	alice = id.User("@alice:hs1")
	bob   = id.User("@bob:hs1")
)

// world is the keys of two people, with a device each: A of alice, B of bob.
type world struct {
	t        *testing.T
	db       *db.DB
	accounts *account.Service
	keys     *keys.Service
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := &world{t: t, db: d, accounts: account.New(d, "hs1")}
		w.keys = keys.New(d, w.accounts)
		w.ok(w.accounts.CreateAll(t.Context(), []account.NewUser{{User: alice}, {User: bob}}))
		w.signIn(alice, "A")
		w.signIn(bob, "B")
		fn(t, w)
	}, audit.Migrations(), account.Migrations(), keys.Migrations())
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) signIn(u id.User, d id.Device) {
	w.t.Helper()
	_, err := w.accounts.Open(w.t.Context(), u, account.SignIn{Device: d, Name: "name of " + string(d)})
	w.ok(err)
}

// wants checks an error's code; "" is none.
func (w *world) wants(err error, code string) {
	w.t.Helper()
	f := fault.As(err)
	if code == "" && err != nil || code != "" && (f == nil || f.Code != code) {
		w.t.Errorf("got %v, want %q", err, code)
	}
}

func (w *world) upload(u id.User, d id.Device, body string) (map[string]int64, error) {
	w.t.Helper()
	var up keys.Upload
	w.ok(json.Unmarshal([]byte(body), &up))
	return w.keys.Upload(w.t.Context(), u, d, up)
}

func (w *world) claim(u id.User, d id.Device) string {
	w.t.Helper()
	got, err := w.keys.Claim(w.t.Context(), map[id.User]map[id.Device]string{u: {d: "signed_curve25519"}})
	w.ok(err)
	for name := range got[u][d] {
		return name
	}
	return ""
}

// pair is a signing key of a test; its seed makes it the same every time.
type pair struct {
	secret ed25519.PrivateKey
	public string
}

func newPair(seed byte) pair {
	secret := ed25519.NewKeyFromSeed(slices.Repeat([]byte{seed}, ed25519.SeedSize))
	return pair{secret, base64.RawStdEncoding.EncodeToString(secret.Public().(ed25519.PublicKey))}
}

func (p pair) name() string { return "ed25519:" + p.public }

// object is a cross-signing key as its owner uploads it, signed by others.
func (w *world) object(u id.User, usage string, p pair, by ...pair) json.RawMessage {
	w.t.Helper()
	raw := json.RawMessage(fmt.Sprintf(`{"user_id":%q,"usage":[%q],"keys":{%q:%q}}`, u, usage, p.name(), p.public))
	for _, signer := range by {
		raw = w.sign(raw, u, signer.name(), signer)
	}
	return raw
}

func (w *world) sign(raw json.RawMessage, u id.User, name string, p pair) json.RawMessage {
	w.t.Helper()
	signed, err := event.SignJSON(raw, id.Server(u), id.Key(name), p.secret)
	w.ok(err)
	return signed
}

func (w *world) changed(viewer id.User, from int64) []string {
	w.t.Helper()
	list, err := w.keys.Changes(w.t.Context(), viewer, from, w.db.Position())
	w.ok(err)
	out := []string{}
	for _, c := range list {
		out = append(out, string(c.User))
	}
	return out
}

// Clients write JSON as they like. What is kept is canonical, and another device's keys are still refused.
func TestUpload_DeviceKeys(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		spaced := "{\"device_keys\": { \"user_id\" : \"@alice:hs1\",\n \"device_id\": \"A\", \"keys\": {} } }"
		if _, err := w.upload(alice, "A", spaced); err != nil {
			t.Fatalf("%s: %v", spaced, err)
		}
		got, err := w.keys.Query(t.Context(), bob, map[id.User][]id.Device{alice: nil, "@nobody:hs1": nil})
		w.ok(err)
		if want := `{"device_id":"A","keys":{},"unsigned":{"device_display_name":"name of A"},"user_id":"@alice:hs1"}`; string(got.Devices[alice]["A"]) != want {
			t.Errorf("kept %s, want %s", got.Devices[alice]["A"], want)
		}
		if _, there := got.Devices["@nobody:hs1"]; there {
			t.Error("somebody who does not exist has an entry")
		}
		before := w.db.Position()
		if _, err := w.upload(alice, "A", spaced); err != nil || len(w.changed(bob, before)) > 0 {
			t.Errorf("the same keys again: %v, and told as a change: %v", err, w.changed(bob, before))
		}
		for body, code := range map[string]string{
			`{"device_keys":{"user_id":"@alice:hs1","device_id":"OTHER","keys":{}}}`: "M_INVALID_PARAM",
			`{"device_keys":{"user_id":"@bob:hs1","device_id":"A","keys":{}}}`:       "M_INVALID_PARAM",
			`{"device_keys":[]}`: "M_BAD_JSON",
			`{"device_keys":{"user_id":"@alice:hs1","device_id":"A"}}`: "M_BAD_JSON",
			`{"one_time_keys":{"nocolon":"x"}}`:                        "M_INVALID_PARAM",
		} {
			_, err := w.upload(alice, "A", body)
			w.wants(err, code)
		}
		_, err = w.upload(alice, "GONE", `{"one_time_keys":{"signed_curve25519:1":{}}}`)
		w.wants(err, "M_UNKNOWN_TOKEN")
	})
}

func TestClaim_EachKeyOnceInTheOrderTheyCame(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, body := range []string{`{"one_time_keys":{"signed_curve25519:z":{"key":"1"}}}`, `{"one_time_keys":{"signed_curve25519:a":{"key":"2"}}}`,
			`{"fallback_keys":{"signed_curve25519:f":{"key":"3","fallback":true}}}`, `{"one_time_keys":{"signed_curve25519:z":{ "key":"1" }}}`} {
			_, err := w.upload(alice, "A", body)
			w.ok(err)
		}
		_, err := w.upload(alice, "A", `{"one_time_keys":{"signed_curve25519:z":{"key":"other"}}}`)
		w.wants(err, "M_INVALID_PARAM")
		h, err := w.keys.Held(t.Context(), alice, "A")
		w.ok(err)
		if h.Counts["signed_curve25519"] != 2 || !slices.Equal(h.Fallbacks, []string{"signed_curve25519"}) {
			t.Errorf("held %v, want two keys and an unused fallback", h)
		}
		var got []string
		for range 4 {
			got = append(got, strings.TrimPrefix(w.claim(alice, "A"), "signed_curve25519:"))
		}
		if want := []string{"z", "a", "f", "f"}; !slices.Equal(got, want) {
			t.Errorf("claimed %v, want %v", got, want)
		}
		if h, err = w.keys.Held(t.Context(), alice, "A"); err != nil || h.Counts["signed_curve25519"] != 0 || len(h.Fallbacks) != 0 || h.Pos == 0 {
			t.Errorf("held %v after the claims (%v), want nothing left, the fallback used, and where that was", h, err)
		}
		// The same fallback key again is a repeated request; another one is fresh.
		_, err = w.upload(alice, "A", `{"fallback_keys":{"signed_curve25519:f":{"key":"3","fallback":true}}}`)
		w.ok(err)
		if h, _ = w.keys.Held(t.Context(), alice, "A"); len(h.Fallbacks) != 0 {
			t.Error("a used fallback key became unused by being sent again")
		}
		_, err = w.upload(alice, "A", `{"fallback_keys":{"signed_curve25519:g":{"key":"4","fallback":true}}}`)
		w.ok(err)
		if h, _ = w.keys.Held(t.Context(), alice, "A"); len(h.Fallbacks) != 1 {
			t.Error("a new fallback key does not count as unused")
		}
		if got := w.claim(bob, "B"); got != "" {
			t.Errorf("bob, who has no keys, gave %s", got)
		}
	})
}

func TestSetIdentity(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		m, ssk, usk, other := newPair(1), newPair(2), newPair(3), newPair(4)
		full := keys.Identity{Master: w.object(alice, keys.Master, m), SelfSigning: w.object(alice, keys.SelfSigning, ssk, m), UserSigning: w.object(alice, keys.UserSigning, usk, m)}
		set := func(up keys.Identity, confirmed bool) error {
			return w.keys.SetIdentity(t.Context(), alice, up, confirmed)
		}
		w.wants(set(keys.Identity{}, true), "M_MISSING_PARAM")
		w.wants(set(keys.Identity{SelfSigning: full.SelfSigning}, true), "M_MISSING_PARAM")
		w.wants(set(keys.Identity{Master: w.object(bob, keys.Master, m)}, true), "M_INVALID_PARAM")
		w.wants(set(keys.Identity{Master: w.object(alice, keys.SelfSigning, m)}, true), "M_INVALID_PARAM")
		w.wants(set(keys.Identity{Master: json.RawMessage(`{"user_id":"@alice:hs1","usage":["master"],"keys":{"ed25519:short":"short"}}`)}, true), "M_INVALID_PARAM")
		w.wants(set(keys.Identity{Master: full.Master, SelfSigning: w.object(alice, keys.SelfSigning, ssk, other)}, true), "M_INVALID_SIGNATURE")
		if got, err := w.keys.Query(t.Context(), alice, map[id.User][]id.Device{alice: nil}); err != nil || len(got.Master) > 0 {
			t.Fatalf("refused keys were kept: %s %v", got.Master[alice], err)
		}
		t.Run("OKFirst", func(t *testing.T) { w.wants(set(full, false), "") })
		t.Run("OKAgain", func(t *testing.T) {
			before := w.db.Position()
			w.wants(set(full, false), "")
			if got := w.changed(bob, before); len(got) > 0 {
				t.Errorf("the same keys again are told as a change: %v", got)
			}
		})
		t.Run("ErrReplaced", func(t *testing.T) {
			next := keys.Identity{Master: w.object(alice, keys.Master, other)}
			if err := set(next, false); !errors.Is(err, keys.ErrConfirm) {
				t.Errorf("another master key without proof: %v", err)
			}
			next = keys.Identity{SelfSigning: w.object(alice, keys.SelfSigning, other, m)}
			if err := set(next, false); !errors.Is(err, keys.ErrConfirm) {
				t.Errorf("another self-signing key without proof: %v", err)
			}
		})
		t.Run("OKSeen", func(t *testing.T) {
			mine, err := w.keys.Query(t.Context(), alice, map[id.User][]id.Device{alice: nil})
			w.ok(err)
			theirs, err := w.keys.Query(t.Context(), bob, map[id.User][]id.Device{alice: nil})
			w.ok(err)
			if mine.Master[alice] == nil || mine.SelfSigning[alice] == nil || mine.UserSigning[alice] == nil {
				t.Errorf("alice does not see her own keys: %v", mine)
			}
			if theirs.Master[alice] == nil || theirs.SelfSigning[alice] == nil || theirs.UserSigning[alice] != nil {
				t.Errorf("bob must see the master and self-signing key and no other: %v", theirs)
			}
		})
		t.Run("OKOwnKeyIsOwnBusiness", func(t *testing.T) {
			before := w.db.Position()
			w.wants(set(keys.Identity{UserSigning: w.object(alice, keys.UserSigning, other, m)}, true), "")
			if got := w.changed(bob, before); len(got) > 0 {
				t.Errorf("bob hears of alice's user-signing key: %v", got)
			}
			if got := w.changed(alice, before); len(got) != 1 {
				t.Errorf("alice's devices hear %v, want her", got)
			}
		})
		t.Run("ErrKeyIsADevice", func(t *testing.T) {
			p := newPair(9)
			w.signIn(bob, id.Device(p.public))
			w.wants(w.keys.SetIdentity(t.Context(), bob, keys.Identity{Master: w.object(bob, keys.Master, p)}, true), "M_FORBIDDEN")
		})
	})
}

func TestSign(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		device, m, ssk, usk := newPair(10), newPair(1), newPair(2), newPair(3)
		bare := json.RawMessage(fmt.Sprintf(`{"user_id":"@alice:hs1","device_id":"A","algorithms":[],"keys":{"ed25519:A":%q}}`, device.public))
		_, err := w.keys.Upload(t.Context(), alice, "A", keys.Upload{DeviceKeys: w.sign(bare, alice, "ed25519:A", device)})
		w.ok(err)
		w.ok(w.keys.SetIdentity(t.Context(), alice, keys.Identity{Master: w.object(alice, keys.Master, m), SelfSigning: w.object(alice, keys.SelfSigning, ssk, m),
			UserSigning: w.object(alice, keys.UserSigning, usk, m)}, false))
		bm := newPair(5)
		w.ok(w.keys.SetIdentity(t.Context(), bob, keys.Identity{Master: w.object(bob, keys.Master, bm)}, false))
		sign := func(of id.User, target string, raw json.RawMessage) string {
			t.Helper()
			bad, err := w.keys.Sign(t.Context(), alice, map[id.User]map[string]json.RawMessage{of: {target: raw}})
			w.ok(err)
			if f := bad[of][target]; f != nil {
				return f.Code
			}
			return ""
		}
		good := w.sign(bare, alice, ssk.name(), ssk)
		for _, c := range []struct {
			name, target string
			of           id.User
			raw          json.RawMessage
			want         string
		}{
			{"ErrWrongKey", "A", alice, w.sign(bare, alice, ssk.name(), m), "M_INVALID_SIGNATURE"},
			{"ErrByAnotherUsage", "A", alice, w.sign(bare, alice, usk.name(), usk), "M_INVALID_SIGNATURE"},
			{"ErrOtherContent", "A", alice, w.sign(json.RawMessage(`{"user_id":"@alice:hs1","device_id":"A","algorithms":["x"],"keys":{}}`), alice, ssk.name(), ssk), "M_INVALID_SIGNATURE"},
			{"ErrNoDevice", "Z", alice, good, "M_NOT_FOUND"},
			{"ErrNoUser", "x", "@nobody:hs1", good, "M_NOT_FOUND"},
			{"ErrSomebodysDevice", "B", bob, good, "M_NOT_FOUND"},
			{"ErrNotJSONObject", "A", alice, json.RawMessage(`[]`), "M_BAD_JSON"},
			{"OKDevice", "A", alice, good, ""},
			{"OKMaster", m.public, alice, w.sign(w.object(alice, keys.Master, m), alice, "ed25519:A", device), ""},
			{"OKOther", bm.public, bob, w.sign(w.object(bob, keys.Master, bm), alice, usk.name(), usk), ""},
		} {
			if got := sign(c.of, c.target, c.raw); got != c.want {
				t.Errorf("%s: got %q, want %q", c.name, got, c.want)
			}
		}
		count := func(viewer, of id.User, part string) int {
			a, err := w.keys.Query(t.Context(), viewer, map[id.User][]id.Device{of: nil})
			w.ok(err)
			return strings.Count(string(a.Devices[of]["A"])+string(a.Master[of]), part)
		}
		if count(bob, alice, ssk.name()) != 1 || count(bob, alice, "ed25519:A\":\"") != 3 {
			t.Error("bob does not see who signed alice's device and master key")
		}
		if count(alice, bob, usk.name()) != 1 || count(bob, bob, usk.name()) != 0 {
			t.Error("alice's signature on bob's master key is hers to see, and nobody else's")
		}
		before := w.db.Position()
		if got := sign(alice, "A", good); got != "" || len(w.changed(bob, before)) > 0 {
			t.Errorf("the same signature again: %q, told as %v", got, w.changed(bob, before))
		}
		// New keys of the device, a new identity and a sign-out take the signatures with them.
		w.ok(w.keys.SetIdentity(t.Context(), alice, keys.Identity{Master: w.object(alice, keys.Master, newPair(20))}, true))
		if got := count(bob, alice, "ed25519:A\":\""); got != 2 {
			t.Errorf("the new master key has %d mentions of the device's key, want those of the device only", got)
		}
		before = w.db.Position()
		w.ok(w.accounts.Logout(t.Context(), alice, func(id.Device) bool { return true }))
		if got := w.changed(bob, before); !slices.Equal(got, []string{"@alice:hs1"}) {
			t.Errorf("a sign-out is told as %v", got)
		}
		if got := count(bob, alice, "ed25519:A"); got != 0 {
			t.Error("a signed-out device still has keys")
		}
	})
}

func TestChanges_LongPast(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, err := w.upload(alice, "A", `{"device_keys":{"user_id":"@alice:hs1","device_id":"A","keys":{}}}`)
		w.ok(err)
		again := keys.New(w.db, w.accounts) // as after a restart
		list, err := again.Changes(t.Context(), bob, 0, w.db.Position())
		if err != nil || len(list) != 1 || list[0].User != alice {
			t.Errorf("changes from before the start: %v %v, want alice", list, err)
		}
		if list, err = again.Changes(t.Context(), bob, w.db.Position(), w.db.Position()); err != nil || len(list) != 0 {
			t.Errorf("changes of now: %v %v, want none", list, err)
		}
	})
}
