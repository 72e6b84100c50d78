package event

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"wardline/matrix/id"
)

// specKey is the key of the specification's test vectors.
//
// spec: appendices#cryptographic-test-vectors
func specKey() ed25519.PrivateKey {
	seed, err := base64.RawStdEncoding.DecodeString("YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1")
	if err != nil {
		panic(err)
	}
	return ed25519.NewKeyFromSeed(seed)
}

func version(t testing.TB, name string) *Version {
	t.Helper()
	v, err := Lookup(name)
	if err != nil {
		t.Fatalf("Lookup(%q): %v", name, err)
	}
	return v
}

func key(s string) *string { return &s }

// spec: appendices#json-signing
func TestSignJSON(t *testing.T) {
	secret := specKey()
	public := secret.Public().(ed25519.PublicKey)
	rows := []struct{ in, sig string }{
		{`{}`, "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ"},
		{`{"one":1,"two":"Two"}`, "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw"},
		{`{"unsigned":{"age":1},"signatures":{"a":{"ed25519:x":"y"},"z":{}},"two":"Two","one":1}`,
			"KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw"},
	}
	for _, r := range rows {
		out, err := SignJSON([]byte(r.in), "domain", "ed25519:1", secret)
		if err != nil {
			t.Fatalf("SignJSON(%s): %v", r.in, err)
		}
		var got struct {
			Signatures map[string]map[string]string
			Unsigned   any
		}
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("SignJSON(%s): %s: %v", r.in, out, err)
		}
		if s := got.Signatures["domain"]["ed25519:1"]; s != r.sig {
			t.Errorf("SignJSON(%s): got %s, want %s", r.in, s, r.sig)
		}
		if again, _ := Canonical(nil, out); !bytes.Equal(again, out) {
			t.Errorf("SignJSON(%s): not canonical: %s", r.in, out)
		}
		if strings.Contains(r.in, "unsigned") && (got.Unsigned == nil || got.Signatures["a"]["ed25519:x"] != "y" || got.Signatures["z"] == nil) {
			t.Errorf("SignJSON(%s): lost something: %s", r.in, out)
		}
		if err := VerifyJSON(out, "domain", "ed25519:1", public); err != nil {
			t.Errorf("VerifyJSON(%s): %v", out, err)
		}
		for _, bad := range []error{
			VerifyJSON(out, "other", "ed25519:1", public),
			VerifyJSON(out, "domain", "ed25519:2", public),
			VerifyJSON(out, "domain", "ed25519:1", make([]byte, 32)),
			VerifyJSON(out, "domain", "ed25519:1", nil),
			VerifyJSON(bytes.Replace(out, []byte(`{`), []byte(`{"a":1,`), 1), "domain", "ed25519:1", public),
		} {
			if !errors.Is(bad, ErrSignature) {
				t.Errorf("VerifyJSON of a wrong signature: got %v", bad)
			}
		}
	}
	if _, err := SignJSON([]byte(`[]`), "domain", "ed25519:1", secret); !errors.Is(err, ErrMalformed) {
		t.Errorf("SignJSON of an array: got %v", err)
	}
}

// The vectors are older than the event formats we parse, so they are tried on
// the steps beneath.
//
// spec: appendices#event-signing
func TestEventSigning(t *testing.T) {
	rows := []struct{ in, hash, sig string }{
		{`{"room_id":"!x:domain","sender":"@a:domain","origin":"domain","origin_server_ts":1000000,"signatures":{},"hashes":{},"type":"X","content":{},"prev_events":[],"auth_events":[],"depth":3,"unsigned":{"age_ts":1000000}}`,
			"5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos",
			"KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg"},
		{`{"content":{"body":"Here is the message content"},"event_id":"$0:domain","origin":"domain","origin_server_ts":1000000,"type":"m.room.message","room_id":"!r:domain","sender":"@u:domain","signatures":{},"unsigned":{"age_ts":1000000}}`,
			"onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g",
			"Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA"},
	}
	v := version(t, "6")
	for _, r := range rows {
		object, err := canonicalObject([]byte(r.in))
		if err != nil {
			t.Fatal(err)
		}
		object = appendWithout(nil, object, "unsigned", "")
		sum := sha256.Sum256(appendWithout(nil, object, "hashes", "signatures"))
		hash := base64.RawStdEncoding.EncodeToString(sum[:])
		if hash != r.hash {
			t.Errorf("content hash of %s: got %s, want %s", r.in, hash, r.hash)
		}
		object = set(nil, object, "hashes", []byte(`{"sha256":"`+hash+`"}`))
		redacted, err := Redact(v, object)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := SignJSON(redacted, "domain", "ed25519:1", specKey())
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(signed), r.sig) {
			t.Errorf("signature of %s: got %s, want %s", r.in, signed, r.sig)
		}
	}
}

// drafts has one of each kind of event, for a room of that version.
func drafts(v *Version) []Draft {
	room, auth := id.Room("!r:example.org"), []id.Event{"$c", "$p"}
	if v.HashedRoomID {
		room, auth = "!"+id.Room(strings.Repeat("r", 43)), auth[1:]
	}
	create := Draft{Room: room, Sender: "@a:example.org", Type: TypeCreate, StateKey: key(""),
		Content: json.RawMessage(`{"room_version":"` + v.ID + `","creator":"@a:example.org","x":1}`), OriginServerTS: 1}
	if v.HashedRoomID {
		create.Room = ""
	}
	event := func(typ string, state *string, content string) Draft {
		return Draft{Room: room, Sender: "@a:example.org", Type: typ, StateKey: state, Content: json.RawMessage(content),
			PrevEvents: []id.Event{"$x", "$y"}, AuthEvents: auth, Depth: 7, OriginServerTS: 1700000000000}
	}
	redaction := event(TypeRedaction, nil, `{"reason":"r"}`)
	redaction.Redacts = "$target"
	return []Draft{
		create, redaction,
		event("m.room.message", nil, `{"msgtype":"m.text", "body":"a\u00e9\n<&>\u2028"}`),
		event("m.room.message", nil, ``),
		event("m.room.name", key(""), `{"name":"n"}`),
		event("x\"y\\\n", key("k\"\t"), `{"b":[],"a":{"d":1,"c":-0}}`),
		event(TypeMember, key("@b:example.org"), `{"membership":"join","displayname":"B","join_authorised_via_users_server":"@c:example.org","third_party_invite":{"display_name":"d","signed":{"token":"t"}}}`),
		event(TypeMember, key("@b:example.org"), `{"membership":"join","third_party_invite":7}`),
		event(TypePowerLevels, key(""), `{"ban":1,"events":{"a":1},"events_default":1,"invite":1,"kick":1,"notifications":{"room":1},"redact":1,"state_default":1,"users":{"@a:b":1},"users_default":1,"zz":1}`),
		event(TypeJoinRules, key(""), `{"join_rule":"restricted","allow":[{"type":"m.room_membership"}],"x":1}`),
		event("m.room.history_visibility", key(""), `{"history_visibility":"shared","x":1}`),
		event("m.room.aliases", key("s"), `{"aliases":["x"]}`),
	}
}

// Built, signed, parsed and loaded, an event stays the same.
func TestBuild_RoundTrip(t *testing.T) {
	secret := specKey()
	public := secret.Public().(ed25519.PublicKey)
	for _, v := range Versions {
		for i, d := range drafts(v) {
			name := fmt.Sprintf("v%s draft %d %s", v.ID, i, d.Type)
			ev, err := Build(v, d)
			if err != nil {
				t.Errorf("%s: Build: %v", name, err)
				continue
			}
			if canonical, err := Canonical(nil, ev.JSON); err != nil || !bytes.Equal(canonical, ev.JSON) {
				t.Errorf("%s: not canonical: %s, %v", name, ev.JSON, err)
			}
			if len(ev.ID) != 44 || ev.CheckHash() != nil {
				t.Errorf("%s: id %s, hash %v", name, ev.ID, ev.CheckHash())
			}
			signed := Sign(ev, "example.org", "ed25519:1", secret)
			signed = set(nil, signed, "unsigned", []byte(`{"age":1}`))
			parsed, err := Parse(v, signed)
			if err != nil {
				t.Errorf("%s: Parse %s: %v", name, signed, err)
				continue
			}
			if err := Verify(parsed, "example.org", "ed25519:1", public); err != nil {
				t.Errorf("%s: Verify: %v", name, err)
			}
			same(t, name+" parsed", ev, parsed)
			loaded, err := Load(v, ev.ID, parsed.JSON)
			if err != nil {
				t.Errorf("%s: Load: %v", name, err)
				continue
			}
			same(t, name+" loaded", ev, loaded)
			redacted := parsed.Redacted()
			if again, err := Parse(v, redacted.JSON); err != nil || again.ID != ev.ID {
				t.Errorf("%s: redacted to %s: id %v, want %s (%v)", name, redacted.JSON, again, ev.ID, err)
			}
			if err := Verify(redacted, "example.org", "ed25519:1", public); err != nil {
				t.Errorf("%s: redacted: Verify: %v", name, err)
			}
			if plain, err := Redact(v, signed); err != nil || !bytes.Equal(plain, redacted.JSON) {
				t.Errorf("%s: Redact gives %s, Redacted %s (%v)", name, plain, redacted.JSON, err)
			}
		}
	}
}

func same(t *testing.T, name string, a, b *Event) {
	t.Helper()
	show := func(e *Event) string {
		state := "none"
		if e.StateKey != nil {
			state = *e.StateKey
		}
		return fmt.Sprintf("%s %s %s %q %q %s %v %v %d %d %s %x", e.ID, e.RoomID, e.Sender, e.Type, state, e.Content,
			e.PrevEvents, e.AuthEvents, e.Depth, e.OriginServerTS, e.Redacts, e.ContentHash)
	}
	if show(a) != show(b) {
		t.Errorf("%s:\n got %s\nwant %s", name, show(b), show(a))
	}
}

func TestBuild_Refuses(t *testing.T) {
	v := version(t, "12")
	base := Draft{Room: "!r", Sender: "@a:b", Type: "t"}
	long := strings.Repeat("x", 256)
	rows := map[string]struct {
		change func(*Draft)
		want   error
	}{
		"NoRoom":        {func(d *Draft) { d.Room = "" }, ErrMalformed},
		"CreateInRoom":  {func(d *Draft) { d.Type = TypeCreate }, ErrMalformed},
		"LongType":      {func(d *Draft) { d.Type = long }, ErrTooLarge},
		"LongStateKey":  {func(d *Draft) { d.StateKey = &long }, ErrTooLarge},
		"LongSender":    {func(d *Draft) { d.Sender = id.User(long) }, ErrTooLarge},
		"LongRoom":      {func(d *Draft) { d.Room = id.Room(long) }, ErrTooLarge},
		"NULType":       {func(d *Draft) { d.Type = "a\x00" }, ErrMalformed},
		"BadType":       {func(d *Draft) { d.Type = "\xff" }, ErrMalformed},
		"ManyPrev":      {func(d *Draft) { d.PrevEvents = make([]id.Event, 21) }, ErrMalformed},
		"ManyAuth":      {func(d *Draft) { d.AuthEvents = make([]id.Event, 11) }, ErrMalformed},
		"NegativeDepth": {func(d *Draft) { d.Depth = -1 }, ErrMalformed},
		"TimeRange":     {func(d *Draft) { d.OriginServerTS = MaxInt + 1 }, ErrMalformed},
		"ArrayContent":  {func(d *Draft) { d.Content = []byte(`[]`) }, ErrMalformed},
		"TwoTargets": {func(d *Draft) {
			d.Type, d.Redacts, d.Content = TypeRedaction, "$a", []byte(`{"redacts":"$b"}`)
		}, nil},
		"Float": {func(d *Draft) { d.Content = []byte(`{"a":1.5}`) }, nil},
		"TooLarge": {func(d *Draft) {
			d.Content = []byte(`{"a":"` + strings.Repeat("x", MaxSize-signatureRoom) + `"}`)
		}, ErrTooLarge},
	}
	for name, r := range rows {
		t.Run(name, func(t *testing.T) {
			d := base
			r.change(&d)
			_, err := Build(v, d)
			var je *JSONError
			if r.want == nil && !errors.As(err, &je) || r.want != nil && !errors.Is(err, r.want) {
				t.Errorf("Build: got %v, want %v", err, r.want)
			}
		})
	}
	d := base
	d.Depth = MaxInt + 5
	if ev, err := Build(v, d); err != nil || ev.Depth != MaxInt {
		t.Errorf("Build with a depth beyond the limit: got %v, %v", ev, err)
	}
}

// The largest event that Build accepts still fits when signed by a server with
// the longest names.
func TestBuild_SignatureFits(t *testing.T) {
	v := version(t, "12")
	server := id.Server(strings.Repeat("s", 230))
	d := Draft{Room: "!r", Sender: "@a:" + id.User(server), Type: "t"}
	empty, err := Build(v, d)
	if err != nil {
		t.Fatal(err)
	}
	d.Content = []byte(`{"a":"` + strings.Repeat("x", MaxSize-signatureRoom-len(empty.JSON)-len(`"a":""`)) + `"}`)
	ev, err := Build(v, d)
	if err != nil {
		t.Fatal(err)
	}
	signed := Sign(ev, server, "ed25519:"+id.Key(strings.Repeat("k", 64)), specKey())
	if _, err := Parse(v, signed); err != nil {
		t.Errorf("Parse of the largest event, %d bytes: %v", len(signed), err)
	}
	d.Content = append(d.Content[:len(d.Content)-2], `x"}`...)
	if _, err := Build(v, d); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Build of one byte more: got %v", err)
	}
}

func TestParse_Refuses(t *testing.T) {
	const hash = `{"sha256":"5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos"}`
	base := map[string]string{"auth_events": `[]`, "content": `{}`, "depth": `1`, "hashes": hash,
		"origin_server_ts": `1`, "prev_events": `[]`, "room_id": `"!r"`, "sender": `"@a:b"`,
		"signatures": `{}`, "type": `"t"`}
	ids := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat(`"$a",`, n), ",") + "]" }
	long := `"` + strings.Repeat("x", 256) + `"`
	rows := []struct {
		key, val string
		want     error // nil: accepted
	}{
		{"x", `1`, nil}, {"unsigned", `7`, nil}, {"origin_server_ts", `-1`, nil}, {"signatures", ``, nil},
		{"state_key", `""`, nil}, {"prev_events", ids(20), nil}, {"auth_events", ids(10), nil},
		{"hashes", `{"sha256":"5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos="}`, nil},
		{"content", `[]`, ErrMalformed}, {"content", ``, ErrMalformed}, {"depth", `"1"`, ErrMalformed},
		{"depth", `-1`, ErrMalformed}, {"depth", ``, ErrMalformed}, {"hashes", `{}`, ErrMalformed},
		{"hashes", `{"sha256":"AAAA"}`, ErrMalformed}, {"hashes", `{"sha256":"*"}`, ErrMalformed},
		{"hashes", ``, ErrMalformed}, {"origin_server_ts", `"1"`, ErrMalformed}, {"origin_server_ts", ``, ErrMalformed},
		{"prev_events", ``, ErrMalformed}, {"prev_events", `{}`, ErrMalformed}, {"prev_events", `[1]`, ErrMalformed},
		{"prev_events", `["x"]`, ErrMalformed}, {"prev_events", ids(21), ErrMalformed},
		{"auth_events", ids(11), ErrMalformed}, {"auth_events", `[["$a",{}]]`, ErrMalformed},
		{"room_id", `"!r:b"`, ErrMalformed}, {"room_id", ``, ErrMalformed}, {"room_id", `1`, ErrMalformed},
		{"room_id", `"!` + long[1:], ErrTooLarge}, {"sender", `"@a"`, ErrMalformed}, {"sender", ``, ErrMalformed},
		{"sender", `"@` + long[1:], ErrTooLarge}, {"signatures", `[]`, ErrMalformed}, {"state_key", `1`, ErrMalformed},
		{"state_key", long, ErrTooLarge}, {"state_key", `"\u0000"`, ErrMalformed}, {"type", ``, ErrMalformed},
		{"type", `1`, ErrMalformed}, {"type", long, ErrTooLarge},
		{"x", `"` + strings.Repeat("x", MaxSize) + `"`, ErrTooLarge},
		{"x", `1.5`, errJSON}, {"x", `1e3`, errJSON}, {"x", `{"a":1,"a":1}`, errJSON}, {"x", `"\ud800"`, errJSON},
	}
	v := version(t, "12")
	for _, r := range rows {
		var parts []string
		for k, val := range base {
			if k != r.key {
				parts = append(parts, `"`+k+`":`+val)
			}
		}
		if r.val != "" {
			parts = append(parts, `"`+r.key+`":`+r.val)
		}
		raw := "{" + strings.Join(parts, ",") + "}"
		_, err := Parse(v, []byte(raw))
		var je *JSONError
		if r.want == errJSON && !errors.As(err, &je) || r.want != errJSON && !errors.Is(err, r.want) {
			t.Errorf("Parse with %s %.60s: got %v, want %v", r.key, r.val, err, r.want)
		}
	}
	for _, raw := range []string{`[]`, `1`, `"x"`, `null`} {
		if _, err := Parse(v, []byte(raw)); !errors.Is(err, ErrMalformed) {
			t.Errorf("Parse(%s): got %v", raw, err)
		}
	}
}

var errJSON = errors.New("a JSONError")

func TestCheckHash(t *testing.T) {
	v := version(t, "11")
	ev, err := Build(v, Draft{Room: "!r:b", Sender: "@a:b", Type: "m.room.message", Content: []byte(`{"body":"one"}`)})
	if err != nil {
		t.Fatal(err)
	}
	forged, err := Parse(v, bytes.Replace(ev.JSON, []byte("one"), []byte("two"), 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := forged.CheckHash(); !errors.Is(err, ErrHash) {
		t.Errorf("CheckHash of changed content: got %v", err)
	}
	if r := forged.Redacted(); forged.ID != ev.ID || string(r.Content) != "{}" {
		t.Errorf("Redacted: got %s with content %s", r.ID, r.Content)
	}
}

func TestSign_Adds(t *testing.T) {
	v := version(t, "12")
	secret := specKey()
	ev, err := Build(v, Draft{Room: "!r", Sender: "@a:b", Type: TypeMember, StateKey: key("@a:b"),
		Content: []byte(`{"membership":"join","join_authorised_via_users_server":"@c:d"}`)})
	if err != nil {
		t.Fatal(err)
	}
	one, err := Load(v, ev.ID, Sign(ev, "b", "ed25519:1", secret))
	if err != nil {
		t.Fatal(err)
	}
	two, err := Load(v, ev.ID, Sign(one, "d", "ed25519:2", secret))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range Signers(two) {
		for _, k := range SignatureKeys(two.Signatures, s) {
			if err := Verify(two, s, k, secret.Public().(ed25519.PublicKey)); err != nil {
				t.Errorf("Verify %s %s: %v", s, k, err)
			}
		}
	}
	if got := fmt.Sprint(Signers(two), SignatureKeys(two.Signatures, "b"), SignatureKeys(two.Signatures, "d")); got != "[b d] [ed25519:1] [ed25519:2]" {
		t.Errorf("signers and keys: got %s", got)
	}
	if ev.Signatures != nil || len(SignatureKeys(ev.Signatures, "b")) != 0 {
		t.Error("Sign changed its argument")
	}
}

func TestVersionOf(t *testing.T) {
	for in, want := range map[string]string{`{"room_version":"10"}`: "10", `{}`: "", `{"room_version":"99"}`: "", `{"room_version":12}`: ""} {
		v, err := VersionOf([]byte(in))
		if want == "" && !errors.Is(err, ErrVersion) || want != "" && (err != nil || v.ID != want) {
			t.Errorf("VersionOf(%s): got %v, %v; want %q", in, v, err, want)
		}
	}
	if _, err := Lookup(Default); err != nil {
		t.Errorf("Lookup(Default): %v", err)
	}
}

// No secret of an event appears when it is printed.
func TestEvent_Prints(t *testing.T) {
	ev, err := Build(version(t, "12"), Draft{Room: "!r", Sender: "@a:b", Type: "m.room.message", Content: []byte(`{"body":"planted"}`)})
	if err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprintf("%v %s %v", ev, ev, ev.LogValue()); strings.Contains(s, "planted") || !strings.Contains(s, string(ev.ID)) {
		t.Errorf("printed %s", s)
	}
}
