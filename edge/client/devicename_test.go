package client

import "testing"

func TestAppName(t *testing.T) {
	for _, c := range []struct {
		agent  string
		shared bool
		want   string
	}{
		{"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36", false, "Wardline in Chrome on Android"},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0", true, "Wardline in Edge on Windows, shared computer"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1", false, "Wardline in Safari on iPhone"},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:132.0) Gecko/20100101 Firefox/132.0", false, "Wardline in Firefox on Mac"},
		{"", false, "Wardline web app"},
		{"<script>", true, "Wardline web app, shared computer"},
	} {
		t.Run(c.want, func(t *testing.T) {
			if got := appName(c.agent, c.shared); got != c.want {
				t.Errorf("got %q, want %q for %q", got, c.want, c.agent)
			}
		})
	}
}
