package keys_test

import (
	"encoding/json"
	"testing"

	"wardline/ground/fault"
	"wardline/matrix/id"
	"wardline/matrix/keys"
)

const algorithm = "m.megolm_backup.v1.curve25519-aes-sha2"

func session(first, forwarded int64, verified bool, data string) keys.SessionKey {
	return keys.SessionKey{First: first, Forwarded: forwarded, Verified: verified, Data: json.RawMessage(`{"d":"` + data + `"}`)}
}

func TestBackup_Versions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.keys.Backup(ctx, alice, "")
		w.wants(err, "M_NOT_FOUND")
		_, err = w.keys.NewBackup(ctx, alice, "", json.RawMessage(`{}`))
		w.wants(err, "M_BAD_JSON")
		first, err := w.keys.NewBackup(ctx, alice, algorithm, json.RawMessage(`{"public_key":"a"}`))
		w.ok(err)
		second, err := w.keys.NewBackup(ctx, alice, algorithm, json.RawMessage(`{"public_key":"b"}`))
		w.ok(err)
		if now, err := w.keys.Backup(ctx, alice, ""); err != nil || now.Version != second || first == second {
			t.Errorf("current is %v (%v), want %s", now, err, second)
		}
		w.wants(w.keys.SetBackupAuth(ctx, alice, second, "other", json.RawMessage(`{}`)), "M_INVALID_PARAM")
		w.wants(w.keys.SetBackupAuth(ctx, alice, "99", algorithm, json.RawMessage(`{}`)), "M_NOT_FOUND")
		w.wants(w.keys.SetBackupAuth(ctx, bob, second, algorithm, json.RawMessage(`{}`)), "M_NOT_FOUND")
		w.wants(w.keys.SetBackupAuth(ctx, alice, second, algorithm, json.RawMessage(`{"public_key":"c"}`)), "")
		_, err = w.keys.SaveKeys(ctx, alice, first, keys.Sessions{"!r:hs1": {"s": session(1, 0, true, "x")}})
		w.wants(err, "M_WRONG_ROOM_KEYS_VERSION")
		_, err = w.keys.SaveKeys(ctx, alice, "99", keys.Sessions{"!r:hs1": {"s": session(1, 0, true, "x")}})
		w.wants(err, "M_NOT_FOUND")
		for range 2 { // deleting again is no error
			w.wants(w.keys.DeleteBackup(ctx, alice, second), "")
		}
		w.wants(w.keys.DeleteBackup(ctx, alice, "99"), "M_NOT_FOUND")
		w.wants(w.keys.DeleteBackup(ctx, alice, "x"), "M_NOT_FOUND")
		_, err = w.keys.Backup(ctx, alice, second)
		w.wants(err, "M_NOT_FOUND")
		if now, err := w.keys.Backup(ctx, alice, ""); err != nil || now.Version != first {
			t.Errorf("after the newest was deleted, current is %v (%v), want %s", now, err, first)
		}
		third, err := w.keys.NewBackup(ctx, alice, algorithm, json.RawMessage(`{}`))
		if err != nil || third == second {
			t.Errorf("the version %s of a deleted backup came again (%v)", third, err)
		}
	})
}

func TestBackup_Keys(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		v, err := w.keys.NewBackup(ctx, alice, algorithm, json.RawMessage(`{}`))
		w.ok(err)
		const room = id.Room("!r:hs1")
		etag := "0"
		for _, c := range []struct {
			name string
			key  keys.SessionKey
			want string // whose data is there afterwards
		}{
			{"first", session(5, 2, false, "a"), "a"},
			{"same again", session(5, 2, false, "b"), "a"},
			{"lower index", session(4, 9, false, "c"), "c"},
			{"higher index", session(5, 0, false, "d"), "c"},
			{"fewer forwards", session(4, 1, false, "e"), "e"},
			{"verified with a higher index", session(50, 9, true, "f"), "f"},
			{"unverified with a lower index", session(0, 0, false, "g"), "f"},
		} {
			before := etag
			st, err := w.keys.SaveKeys(ctx, alice, v, keys.Sessions{room: {"s": c.key}})
			w.ok(err)
			etag = st.ETag
			got, err := w.keys.Keys(ctx, alice, v, keys.Place{Room: room, Session: "s"})
			w.ok(err)
			if string(got[room]["s"].Data) != `{"d":"`+c.want+`"}` || st.Count != 1 {
				t.Errorf("%s: kept %s of %d keys, want %s of 1", c.name, got[room]["s"].Data, st.Count, c.want)
			}
			if kept := string(c.key.Data) == string(got[room]["s"].Data); kept == (before == etag) {
				t.Errorf("%s: the etag went from %s to %s", c.name, before, etag)
			}
		}
		st, err := w.keys.SaveKeys(ctx, alice, v, keys.Sessions{room: {"t": session(1, 0, true, "x")}, "!q:hs1": {"u": session(1, 0, true, "y")}})
		if err != nil || st.Count != 3 {
			t.Errorf("%v %v, want three keys", st, err)
		}
		if all, err := w.keys.Keys(ctx, alice, v, keys.Place{}); err != nil || len(all[room]) != 2 || len(all["!q:hs1"]) != 1 {
			t.Errorf("all are %v (%v)", all, err)
		}
		if none, err := w.keys.Keys(ctx, alice, v, keys.Place{Room: "!none:hs1"}); err != nil || len(none) != 0 {
			t.Errorf("a room without keys: %v %v, want none and no error", none, err)
		}
		_, err = w.keys.Keys(ctx, alice, v, keys.Place{Room: room, Session: "none"})
		w.wants(err, "M_NOT_FOUND")
		_, err = w.keys.Keys(ctx, bob, v, keys.Place{})
		w.wants(err, "M_NOT_FOUND")
		_, err = w.keys.SaveKeys(ctx, alice, v, keys.Sessions{room: {"bad": {Data: json.RawMessage(`[]`)}}})
		w.wants(err, "M_BAD_JSON")
		for i, at := range []keys.Place{{Room: room, Session: "none"}, {Room: room, Session: "s"}, {Room: room}, {}} {
			st, err := w.keys.DeleteKeys(ctx, alice, v, at)
			if want := []int64{3, 2, 1, 0}[i]; err != nil || st.Count != want {
				t.Errorf("delete %v leaves %d (%v), want %d", at, st.Count, err, want)
			}
		}
		_, err = w.keys.DeleteKeys(ctx, alice, "99", keys.Place{})
		w.wants(err, "M_NOT_FOUND")
	})
}

// What only one engine can keep is refused by the other as the client's mistake, not as the server's.
func TestBackup_StrangeNames(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		v, err := w.keys.NewBackup(t.Context(), alice, algorithm, json.RawMessage(`{}`))
		w.ok(err)
		for _, name := range []string{"a\x00", "\xff"} {
			_, err = w.keys.SaveKeys(t.Context(), alice, v, keys.Sessions{id.Room(name): {name: session(1, 0, true, "x")}})
			if err != nil && !fault.Is(err, fault.Invalid) {
				t.Errorf("saving as %q: %v", name, err)
			}
			if _, err = w.keys.Keys(t.Context(), alice, v, keys.Place{Room: id.Room(name), Session: name}); err != nil && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.NotFound) {
				t.Errorf("reading %q: %v", name, err)
			}
		}
	})
}
