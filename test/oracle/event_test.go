//go:build goexperiment.jsonv2

package oracle

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	jsonv2 "encoding/json/v2"
	"testing"
	"time"

	"maunium.net/go/mautrix/crypto/canonicaljson"
	"maunium.net/go/mautrix/federation/pdu"
	mid "maunium.net/go/mautrix/id"

	"wardline/matrix/event"
)

const rounds = 3000

var (
	secret = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	public = secret.Public().(ed25519.PublicKey)
)

// keys gives our one key for every server, for ever.
func keys(string, mid.KeyID, time.Time) (mid.SigningKey, time.Time, error) {
	return mid.SigningKey(base64.RawStdEncoding.EncodeToString(public)), time.UnixMilli(event.MaxInt), nil
}

func read(t *testing.T, raw []byte) *pdu.PDU {
	t.Helper()
	var p *pdu.PDU
	if err := jsonv2.Unmarshal(raw, &p); err != nil {
		t.Fatalf("the oracle cannot read %s: %v", raw, err)
	}
	return p
}

func TestCanonical(t *testing.T) {
	d := newDice(1)
	for range 10 * rounds {
		in := d.encode(d.value(4))
		ours, err := event.Canonical(nil, in)
		if err != nil {
			t.Fatalf("Canonical(%q): %v", in, err)
		}
		theirs, err := canonicaljson.CanonicalJSON(bytes.Clone(in))
		if err != nil || !bytes.Equal(ours, theirs) {
			t.Fatalf("Canonical(%q):\n ours  %q\n theirs %q (%v)", in, ours, theirs, err)
		}
	}
}

// Identifiers, hashes, redactions and signatures agree in both directions.
func TestEvents(t *testing.T) {
	for _, v := range event.Versions {
		t.Run(v.ID, func(t *testing.T) {
			d := newDice(2)
			for range rounds {
				draft := d.draft(v)
				ev, err := event.Build(v, draft)
				if err != nil {
					t.Fatalf("Build %s: %v", draft.Content, err)
				}
				compare(t, v, ev)
			}
		})
	}
}

func compare(t *testing.T, v *event.Version, ev *event.Event) {
	t.Helper()
	version := mid.RoomVersion(v.ID)
	p := read(t, ev.JSON)
	name, err := p.GetEventID(version)
	if err != nil || string(name) != string(ev.ID) {
		t.Fatalf("id of %s: ours %s, theirs %s (%v)", ev.JSON, ev.ID, name, err)
	}
	if hash, err := p.CalculateContentHash(); err != nil || hash != ev.ContentHash || sha256.Size != len(hash) {
		t.Fatalf("content hash of %s: ours %x, theirs %x (%v)", ev.JSON, ev.ContentHash, hash, err)
	}
	if theirs, err := canonicaljson.Marshal(p.Clone().Redact(version)); err != nil || !bytes.Equal(theirs, ev.Redacted().JSON) {
		t.Fatalf("redaction of %s:\n ours  %s\ntheirs %s (%v)", ev.JSON, ev.Redacted().JSON, theirs, err)
	}
	if ev.Depth%8 != 0 {
		return // signatures cost more than all the rest
	}
	if err := read(t, event.Sign(ev, "s.org", "ed25519:k", secret)).VerifySignature(version, "s.org", keys); err != nil {
		t.Fatalf("our signature of %s: %v", ev.JSON, err)
	}
	if err := p.Sign(version, "s.org", "ed25519:k", secret); err != nil {
		t.Fatal(err)
	}
	theirs, err := canonicaljson.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	back, err := event.Parse(v, theirs)
	if err != nil || back.ID != ev.ID || back.CheckHash() != nil {
		t.Fatalf("parse of theirs %s: %v, %v", theirs, back, err)
	}
	if err := event.Verify(back, "s.org", "ed25519:k", public); err != nil {
		t.Fatalf("their signature of %s: %v", theirs, err)
	}
}
