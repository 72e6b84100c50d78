package passkey

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/ground/fault"
	"wardline/ground/stream"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

const (
	asha   = id.User("@asha:hs1")
	tom    = id.User("@tom:hs1")
	origin = "https://chat.example.org"
)

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// device holds a key as an authenticator does, and can be told to go wrong.
type device struct {
	key    *ecdsa.PrivateKey
	id     []byte
	handle []byte
	count  uint32
	flags  byte // user present and verified, unless a test says otherwise
	at     string
	rp     string
}

func newDevice(t *testing.T) *device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	d := &device{key: key, id: make([]byte, 16), flags: 0x05, at: origin, rp: "chat.example.org"}
	_, err = rand.Read(d.id)
	ok(t, err)
	return d
}

var b64 = base64.RawURLEncoding

// options is what of the server's question a device reads.
func options(t *testing.T, v any) (challenge string, handle []byte) {
	t.Helper()
	raw, err := json.Marshal(v)
	ok(t, err)
	var o struct {
		PublicKey struct {
			Challenge string
			User      struct{ ID string }
		}
	}
	ok(t, json.Unmarshal(raw, &o))
	handle, err = b64.DecodeString(o.PublicKey.User.ID)
	ok(t, err)
	return o.PublicKey.Challenge, handle
}

func (d *device) data(typ, challenge string) []byte {
	raw, _ := json.Marshal(map[string]any{"type": typ, "challenge": challenge, "origin": d.at, "crossOrigin": false})
	return raw
}

func (d *device) authData(flags byte) []byte {
	sum := sha256.Sum256([]byte(d.rp))
	return binary.BigEndian.AppendUint32(append(sum[:], flags), d.count)
}

// short writes a short byte string as CBOR has it.
func short(b []byte) []byte {
	if len(b) < 24 {
		return append([]byte{0x40 | byte(len(b))}, b...)
	}
	return append([]byte{0x58, byte(len(b))}, b...)
}

// makes answers a request for a key.
func (d *device) makes(t *testing.T, v any) json.RawMessage {
	t.Helper()
	challenge, handle := options(t, v)
	d.handle = handle
	point, err := d.key.PublicKey.Bytes()
	ok(t, err)
	cose := append([]byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21}, short(point[1:33])...)
	cose = append(append(cose, 0x22), short(point[33:65])...)
	auth := d.authData(d.flags | 0x40)
	auth = append(auth, make([]byte, 16)...)
	auth = binary.BigEndian.AppendUint16(auth, uint16(len(d.id)))
	auth = append(append(auth, d.id...), cose...)
	object := append([]byte{0xa3, 0x63, 'f', 'm', 't', 0x64, 'n', 'o', 'n', 'e', 0x67, 'a', 't', 't', 'S', 't', 'm', 't', 0xa0, 0x68, 'a', 'u', 't', 'h', 'D', 'a', 't', 'a'}, short(auth)...)
	return d.answer(map[string]string{"clientDataJSON": b64.EncodeToString(d.data("webauthn.create", challenge)), "attestationObject": b64.EncodeToString(object)})
}

// proves answers a request for a proof.
func (d *device) proves(t *testing.T, v any) json.RawMessage {
	t.Helper()
	challenge, _ := options(t, v)
	data, auth := d.data("webauthn.get", challenge), d.authData(d.flags)
	sum := sha256.Sum256(data)
	digest := sha256.Sum256(append(append([]byte{}, auth...), sum[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, d.key, digest[:])
	ok(t, err)
	return d.answer(map[string]string{"clientDataJSON": b64.EncodeToString(data), "authenticatorData": b64.EncodeToString(auth), "signature": b64.EncodeToString(sig), "userHandle": b64.EncodeToString(d.handle)})
}

func (d *device) answer(response map[string]string) json.RawMessage {
	raw, _ := json.Marshal(map[string]any{"id": b64.EncodeToString(d.id), "rawId": b64.EncodeToString(d.id), "type": "public-key", "response": response})
	return raw
}

func each(t *testing.T, fn func(t *testing.T, s *Service)) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		accounts := account.New(d, "hs1")
		for _, u := range []id.User{asha, tom} {
			ok(t, accounts.Create(t.Context(), account.NewUser{User: u, Password: "pw"}))
		}
		fn(t, New(d, accounts, "hs1", time.Now))
	}, audit.Migrations(), stream.Migrations(), account.Migrations(), Migrations())
}

// enrols gives somebody a key.
func enrols(t *testing.T, s *Service, u id.User, name string) (*device, Key) {
	t.Helper()
	d := newDevice(t)
	session, asked, err := s.Begin(t.Context(), u, origin)
	ok(t, err)
	k, err := s.Enrol(t.Context(), u, session, name, d.makes(t, asked))
	ok(t, err)
	return d, k
}

func TestProve(t *testing.T) {
	each(t, func(t *testing.T, s *Service) {
		ctx := t.Context()
		d, k := enrols(t, s, asha, "  My   phone ")
		other, _ := enrols(t, s, tom, "")
		if k.Name != "My phone" || k.UsedAt != 0 {
			t.Errorf("enrolled %+v", k)
		}
		sign := func(d *device, u id.User) (id.User, error) {
			t.Helper()
			session, asked, err := s.Ask(ctx, u, origin)
			ok(t, err)
			return s.Prove(ctx, u, session, d.proves(t, asked))
		}
		refused := func(what string, who id.User, err error) {
			t.Helper()
			if !fault.Is(err, fault.Forbidden) || who != "" {
				t.Errorf("%s: %q, %v, want a refusal", what, who, err)
			}
		}
		for _, u := range []id.User{"", asha} { // to sign in, and at her own lock
			d.count++
			if who, err := sign(d, u); err != nil || who != asha {
				t.Fatalf("signs in as %q, %v", who, err)
			}
		}
		session, asked, err := s.Ask(ctx, "", origin)
		ok(t, err)
		d.count++
		answer := d.proves(t, asked)
		_, err = s.Prove(ctx, "", session, answer)
		ok(t, err)
		who, err := s.Prove(ctx, "", session, answer)
		refused("the same proof again", who, err)
		session, _, err = s.Ask(ctx, "", origin)
		ok(t, err)
		who, err = s.Prove(ctx, "", session, answer)
		refused("a proof of another question", who, err)

		who, err = sign(other, asha)
		refused("somebody else's key at her lock", who, err)
		d.count++
		d.flags = 0x01
		who, err = sign(d, "")
		refused("a key that did not look who holds it", who, err)
		d.flags = 0x05
		d.at = "https://chat.example.org.evil.example"
		who, err = sign(d, "")
		refused("a proof given on another page", who, err)
		d.at, d.rp = origin, "evil.example"
		who, err = sign(d, "")
		refused("a proof for another server", who, err)
		d.rp = "chat.example.org"
		stolen := *d
		if stolen.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
		who, err = sign(&stolen, "")
		refused("another key under her key's name", who, err)
		d.handle = other.handle
		who, err = sign(d, "")
		refused("her key in somebody else's name", who, err)
	})
}

// hazard: H20 somebody is signed in as somebody else
func TestProve_Copy(t *testing.T) {
	each(t, func(t *testing.T, s *Service) {
		d, k := enrols(t, s, asha, "key")
		for _, step := range []struct {
			count uint32
			good  bool
		}{{5, true}, {6, true}, {4, false}, {9, false}} { // what was doubted once is not believed again
			d.count = step.count
			session, asked, err := s.Ask(t.Context(), "", origin)
			ok(t, err)
			if _, err = s.Prove(t.Context(), "", session, d.proves(t, asked)); (err == nil) != step.good {
				t.Errorf("counter %d: %v, want success %v", step.count, err, step.good)
			}
		}
		ok(t, s.Remove(t.Context(), asha, k.ID))
	})
}

func TestKeys(t *testing.T) {
	each(t, func(t *testing.T, s *Service) {
		ctx := t.Context()
		d, k := enrols(t, s, asha, "phone")
		if err := s.Rename(ctx, tom, k.ID, "mine"); !fault.Is(err, fault.NotFound) {
			t.Errorf("somebody else renames it: %v", err)
		}
		if err := s.Remove(ctx, tom, k.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("somebody else removes it: %v", err)
		}
		ok(t, s.Rename(ctx, asha, k.ID, strings.Repeat("é", 200)))
		list, err := s.Keys(ctx, asha)
		ok(t, err)
		if len(list) != 1 || list[0].Name != strings.Repeat("é", maxName) {
			t.Errorf("keys %+v", list)
		}
		session, asked, err := s.Begin(ctx, tom, origin)
		ok(t, err)
		if _, err := s.Enrol(ctx, asha, session, "", newDevice(t).makes(t, asked)); !fault.Is(err, fault.Forbidden) {
			t.Errorf("enrolled for somebody else than was asked: %v", err)
		}
		session, asked, err = s.Begin(ctx, tom, origin)
		ok(t, err)
		if _, err := s.Enrol(ctx, tom, session, "", d.makes(t, asked)); !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Forbidden) {
			t.Errorf("a key of somebody else's: %v", err)
		}
		session, asked, err = s.Begin(ctx, tom, origin)
		ok(t, err)
		weak := newDevice(t)
		weak.flags = 0x01
		if _, err := s.Enrol(ctx, tom, session, "", weak.makes(t, asked)); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a key that does not look who holds it: %v", err)
		}
		ok(t, s.Remove(ctx, asha, k.ID))
		if _, _, err := s.Ask(ctx, asha, origin); !fault.Is(err, fault.NotFound) {
			t.Errorf("asked for a key that is gone: %v", err)
		}
		if n, err := audit.Verify(ctx, s.db); err != nil || n == 0 {
			t.Errorf("audit: %d, %v", n, err)
		}
	})
}
