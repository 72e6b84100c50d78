package process

import (
	"net/http"
	"strings"
	"testing"
)

// TestEncryption_Policy: where the trust does not allow encryption, an app that asks for it unasked still gets its room, without; turning
// it on later and sending what the server cannot read are refused; and apps are told beforehand.
func TestEncryption_Policy(t *testing.T) {
	s := start(t, append(serveArgs(t.TempDir()), "-encrypted-rooms", "team")...)
	l := joinAll(s, 1)[0]
	var made struct {
		RoomID string `json:"room_id"`
	}
	on := map[string]any{"algorithm": "m.megolm.v1.aes-sha2"}
	if status, ok := l.call("POST", "/_matrix/client/v3/createRoom", map[string]any{"name": "n",
		"initial_state": []any{map[string]any{"type": "m.room.encryption", "state_key": "", "content": on}}}, &made); !ok || status != http.StatusOK {
		t.Fatalf("a room that asks for encryption: %d", status)
	}
	state := "/_matrix/client/v3/rooms/" + made.RoomID + "/state/m.room.encryption/"
	for what, want := range map[string]struct {
		method, path string
		body         any
		status       int
	}{
		"it was not turned on":      {"GET", state, nil, http.StatusNotFound},
		"it cannot be":              {"PUT", state, on, http.StatusForbidden},
		"nor can it be gone around": {"PUT", "/_matrix/client/v3/rooms/" + made.RoomID + "/send/m.room.encrypted/1", map[string]any{"algorithm": "x", "ciphertext": "x"}, http.StatusForbidden},
	} {
		if status, ok := l.call(want.method, want.path, want.body, nil); !ok || status != want.status {
			t.Errorf("%s: %d, want %d", what, status, want.status)
		}
	}
	var known map[string]any
	if status, ok := l.call("GET", "/.well-known/matrix/client", nil, &known); !ok || status != http.StatusOK {
		t.Fatalf("well-known: %d", status)
	}
	if e, _ := known["io.element.e2ee"].(map[string]any); e["force_disable"] != true {
		t.Errorf("apps are told %v", known)
	}
	if out, err := tool(append(serveArgs(t.TempDir()), "-encrypted-rooms", "clincal", "-listen", "127.0.0.1:0")...); err == nil || !strings.Contains(out, "clincal") {
		t.Errorf("a misspelt class: %q, %v", out, err)
	}
}
