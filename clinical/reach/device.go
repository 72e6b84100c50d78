package reach

import "strings"

// Kind is what kind of device calls itself so: "phone", "tablet" or "computer", "" for one that does not say. It reads what browsers and
// apps send with each request, never what a person has called their device.
func Kind(agent string) string {
	a := strings.ToLower(agent)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(a, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("ipad", "tablet", "kindle"):
		return "tablet"
	case has("iphone", "ipod"), has("android") && has("mobile"):
		return "phone"
	case has("android"):
		// A browser on a tablet leaves "mobile" out; an app that names the system alone is on a phone more often than not.
		if has("mozilla/") {
			return "tablet"
		}
		return "phone"
	case has("windows", "macintosh", "mac os", "macos", "x11", "cros", "linux"):
		return "computer"
	}
	return ""
}
