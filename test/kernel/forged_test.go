package kernel

import (
	"net/http"
	"strings"
	"testing"
)

// What only this program may write is refused however it is spelt: guards look for names in what a client sends, and JSON can spell a
// name with escapes.
func TestForged_HoweverItIsSpelt(t *testing.T) {
	w := open(t, t.TempDir())
	w.signUp("alice")
	room := w.make("alice", `{}`)
	for _, name := range []string{"uk.wardline.page", "uk.wardline.page.step", "uk.wardline.ask", "uk.wardline.ask.step", "uk.wardline.duty", "uk.wardline.decision", "uk.wardline.filing", "uk.wardline.forwarded"} {
		content := `{"msgtype":"m.text","body":"x","` + name + `":{"id":"x"}}`
		plain := w.ask("alice", "PUT", v3+"rooms/"+room+"/send/m.room.message/a-"+name, content)
		if plain.Status != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, plain.Status, plain.Raw)
		}
		spelt := w.ask("alice", "PUT", v3+"rooms/"+room+"/send/m.room.message/b-"+name, strings.Replace(content, "uk.", `\u0075k\u002e`, 1))
		if spelt.Status != plain.Status {
			t.Errorf("%s with escapes: %d %s, want %d", name, spelt.Status, spelt.Raw, plain.Status)
		}
	}
}
