package obs

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestHidden_NeverPrints(t *testing.T) {
	const secret = "JONES, Raj"
	h := Hidden(secret)
	var b bytes.Buffer
	NewLogger(&b, "debug", true).Info("x", "who", h)
	NewLogger(&b, "debug", false).Info("x", "who", h)
	fmt.Fprintf(&b, "%v %s %q %#v %+v", h, h, h, h, struct{ H Hidden }{h})
	if strings.Contains(b.String(), secret) {
		t.Errorf("printed: %s", b.String())
	}
}
