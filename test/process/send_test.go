package process

import (
	"fmt"
	"slices"
	"testing"
)

// TestSend_SurvivesACrashAtEachSeam: what was acknowledged is there; what was not is there once at most, and exactly once after the
// client has repeated it with the same transaction id, as clients do.
func TestSend_SurvivesACrashAtEachSeam(t *testing.T) {
	for seam, kept := range map[string]bool{"before-commit": false, "before-wake": true, "before-ack": true} {
		t.Run(seam, func(t *testing.T) {
			dir := t.TempDir()
			args := []string{"serve", "-server-name", "crash", "-data", dir, "-open-registration", "-no-rate-limits"}
			// The third act on a room after it was made is the third message.
			s := start(t, append(args, "-crash-at", seam+":room.do:3")...)
			c := &client{server: s}
			var made struct {
				Token string `json:"access_token"`
				Room  string `json:"room_id"`
			}
			c.must("POST", "/_matrix/client/v3/register", map[string]any{"username": "asha", "password": "pw", "auth": map[string]string{"type": "m.login.dummy"}}, &made)
			c.token = made.Token
			c.must("POST", "/_matrix/client/v3/createRoom", map[string]any{"name": "Ward"}, &made)
			send := func(n int) bool {
				_, ok := c.call("PUT", fmt.Sprintf("/_matrix/client/v3/rooms/%s/send/m.room.message/t%d", made.Room, n), say(n), nil)
				return ok
			}
			if !send(1) || !send(2) {
				t.Fatal("the first two messages were not accepted")
			}
			if send(3) {
				t.Fatal("the third message was acknowledged although the server was to crash in it")
			}
			s.dies()
			verifyAudit(t, dir)

			s = start(t, args...)
			c.server = s
			want := []string{"message 1", "message 2"}
			if kept {
				want = append(want, "message 3")
			}
			if got := c.bodies(made.Room); !slices.Equal(got, want) {
				t.Errorf("after the restart: got %q, want %q", got, want)
			}
			if !send(3) || !send(4) {
				t.Fatal("messages were refused after the restart")
			}
			if got, want := c.bodies(made.Room), []string{"message 1", "message 2", "message 3", "message 4"}; !slices.Equal(got, want) {
				t.Errorf("after repeating: got %q, want %q", got, want)
			}
			s.kill()
			verifyAudit(t, dir)
		})
	}
}
