package reach

import (
	"testing"
	"time"

	"wardline/matrix/push"
)

func TestKind(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1": "phone",
		"Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36":                         "phone",
		"Element X/25.11 (Pixel 8; Android 15; Sdk release)":                                                                                      "phone",
		"Mozilla/5.0 (Linux; Android 14; SM-X200) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36":                          "tablet",
		"Mozilla/5.0 (iPad; CPU OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148":                                    "tablet",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36":                         "computer",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15":                   "computer",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36":                                                                             "computer",
		"matrix-nio/0.25": "", "": "",
	} {
		if got := Kind(agent); got != want {
			t.Errorf("%s is a %q, want %q", agent, got, want)
		}
	}
}

// What is said before a page is sent is true of push: nothing subscribed, some of it failing, all of it.
func TestPushOf(t *testing.T) {
	now := time.UnixMilli(1_795_334_400_000)
	for _, c := range []struct {
		now  push.Standing
		want string
	}{
		{push.Standing{}, "no device has notifications on"},
		{push.Standing{Devices: 1}, "a device will be notified"},
		{push.Standing{Devices: 3, Failing: 1, Since: now.Add(-time.Hour)}, "2 devices will be notified"},
		{push.Standing{Devices: 2, Failing: 2, Since: now.Add(-5 * time.Minute)}, "not answering for 5 min"},
	} {
		if got := PushOf(c.now, now); got.Via != "push" || got.Detail != c.want {
			t.Errorf("%+v is %+v, want %q", c.now, got, c.want)
		}
	}
}
