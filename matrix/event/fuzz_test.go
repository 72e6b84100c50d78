package event

import (
	"bytes"
	"testing"
)

// Whatever Parse accepts survives being written and read again, has the same
// name in its redacted form, and can be signed and verified.
func FuzzParse(f *testing.F) {
	for _, v := range Versions {
		for _, d := range drafts(v) {
			ev, err := Build(v, d)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(v.ID, []byte(ev.JSON))
		}
	}
	f.Fuzz(func(t *testing.T, name string, raw []byte) {
		v, err := Lookup(name)
		if err != nil {
			return
		}
		ev, err := Parse(v, raw)
		if err != nil {
			return
		}
		again, err := Parse(v, ev.JSON)
		if err != nil || again.ID != ev.ID || !bytes.Equal(again.JSON, ev.JSON) {
			t.Fatalf("parsed again: %v, %v; want %s", again, err, ev.JSON)
		}
		redacted, err := Parse(v, ev.Redacted().JSON)
		if err != nil || redacted.ID != ev.ID {
			t.Fatalf("redacted: %v, %v; want %s from %s", redacted, err, ev.ID, ev.JSON)
		}
		if loaded, err := Load(v, ev.ID, ev.JSON); err != nil || loaded.RoomID != ev.RoomID {
			t.Fatalf("loaded: %v, %v; want %s", loaded, err, ev.JSON)
		}
		ev.CheckHash()
		Signers(ev)
		signed := Sign(ev, "s", "ed25519:k", specKey())
		if canonical, err := Canonical(nil, signed); err != nil || !bytes.Equal(canonical, signed) {
			t.Fatalf("signed: %s, %v: not canonical", signed, err)
		}
	})
}
