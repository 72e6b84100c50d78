package kernel

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"wardline/matrix/event"
	"wardline/matrix/id"
)

// TestIdentity_NeedsProofOnlyToBeReplaced sets up cross-signing as clients do: at first without a password, again because the answer
// was lost, and then with other keys.
func TestIdentity_NeedsProofOnlyToBeReplaced(t *testing.T) {
	w := newWorld(t)
	body := func(seed byte, rest string) string {
		secret := ed25519.NewKeyFromSeed(slices.Repeat([]byte{seed}, ed25519.SeedSize))
		public := base64.RawStdEncoding.EncodeToString(secret.Public().(ed25519.PublicKey))
		key := func(usage string) string {
			raw, err := event.SignJSON(json.RawMessage(fmt.Sprintf(`{"user_id":"@alice:hs1","usage":[%q],"keys":{"ed25519:%s":%q}}`, usage, public, public)), "@alice:hs1", id.Key("ed25519:"+public), secret)
			if err != nil {
				t.Fatal(err)
			}
			return string(raw)
		}
		return `{"master_key":` + key("master") + `,"self_signing_key":` + key("self_signing") + `,"user_signing_key":` + key("user_signing") + rest + `}`
	}
	const path = v3 + "keys/device_signing/upload"
	w.must("alice", "POST", path, body(1, ""))
	w.must("alice", "POST", path, body(1, ""))
	ask := w.ask("alice", "POST", path, body(2, ""))
	if ask.Status != 401 || ask.Body["flows"] == nil || ask.text("session") == "" {
		t.Fatalf("other keys without proof: %d %s, want 401 with flows", ask.Status, ask.Raw)
	}
	auth := `,"auth":{"type":"m.login.password","session":"` + ask.text("session") + `","identifier":{"type":"m.id.user","user":"alice"},"password":"%s"}`
	if no := w.ask("alice", "POST", path, body(2, fmt.Sprintf(auth, "wrong"))); no.Status != 401 {
		t.Errorf("with a wrong password: %d %s", no.Status, no.Raw)
	}
	seen := func(seed byte) bool {
		var up struct {
			Master struct{ Keys map[string]string } `json:"master_key"`
		}
		if err := json.Unmarshal([]byte(body(seed, "")), &up); err != nil {
			t.Fatal(err)
		}
		answer := string(w.must("bob", "POST", v3+"keys/query", `{"device_keys":{"@alice:hs1":[]}}`).Raw)
		for name := range up.Master.Keys {
			return strings.Contains(answer, name) && !strings.Contains(answer, `"user_signing_keys":{"@`)
		}
		return false
	}
	if !seen(1) || seen(2) {
		t.Error("bob does not see the first identity, or sees the refused one")
	}
	w.must("alice", "POST", path, body(2, fmt.Sprintf(auth, "pw")))
	if seen(1) || !seen(2) {
		t.Error("bob does not see the new identity")
	}
}

// TestKeys_StrangeCharacters sends what only one engine can keep; neither answers that the server made a mistake.
func TestKeys_StrangeCharacters(t *testing.T) {
	w := newWorld(t)
	w.must("alice", "POST", v3+"room_keys/version", `{"algorithm":"x","auth_data":{}}`)
	for _, c := range []struct{ method, path, body string }{
		{"PUT", "room_keys/keys?version=1", `{"rooms":{"!r\u0000:hs1":{"sessions":{"a\u0000":` + session + `}}}}`},
		{"PUT", "room_keys/keys/%00/%ff?version=1", session},
		{"PUT", "sendToDevice/%00/1", `{"messages":{"@bob:hs1":{"*":{}}}}`},
		{"PUT", "sendToDevice/m.x/%ff", `{"messages":{"@bob:hs1":{"*":{"a":"\u0000"}}}}`},
		{"POST", "keys/upload", `{"one_time_keys":{"a:\u0000":{}}}`},
		{"POST", "keys/query", `{"device_keys":{"@\u0000:hs1":["\u0000"]}}`},
		{"POST", "keys/claim", `{"one_time_keys":{"@\u0000:hs1":{"\u0000":"\u0000"}}}`},
		{"POST", "keys/signatures/upload", `{"@\u0000:hs1":{"\u0000":{}}}`},
		{"GET", "room_keys/version/%00", ""},
	} {
		if got := w.ask("alice", c.method, v3+c.path, c.body); got.Status >= 500 {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, got.Status, got.Raw)
		}
	}
}
