package kernel

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"wardline/app"
)

// TestRest has the calls that no other story needs to succeed.
func TestRest(t *testing.T) {
	t.Run("Filter", func(t *testing.T) {
		w := newWorld(t)
		path := v3 + "user/{userId}/filter"
		w.vars["filter"] = w.must("alice", "POST", path, `{"room":{"timeline":{"limit":7}}}`).text("filter_id")
		w.gets(200, `"limit":7`, "alice", "GET", path+"/{filter}", "")
		w.gets(404, "M_NOT_FOUND", "bob", "GET", path+"/{filter}", "")
		w.gets(403, "M_FORBIDDEN", "bob", "GET", v3+"user/@alice:hs1/filter/{filter}", "")
	})
	t.Run("AddressByTheOlderCall", func(t *testing.T) {
		w := newWorld(t)
		post := letters(w)
		w.vars["sid"] = w.must("", "POST", v3+"account/3pid/email/requestToken", `{"client_secret":"s","email":"alice@example.org","send_attempt":1}`).text("sid")
		add := `{"three_pid_creds":{"sid":"{sid}","client_secret":"s"}}`
		w.gets(403, "M_THREEPID_AUTH_FAILED", "alice", "POST", v3+"account/3pid", add)
		w.follow(<-post)
		w.gets(200, "{}", "alice", "POST", v3+"account/3pid", add)
		w.gets(200, "alice@example.org", "alice", "GET", v3+"account/3pid", "")
		w.gets(200, `"sid"`, "", "POST", v3+"register/email/requestToken", `{"client_secret":"s","email":"new@example.org","send_attempt":1}`)
	})
	t.Run("Preview", func(t *testing.T) {
		page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(`<html><head><meta property="og:title" content="A page"></head></html>`))
		}))
		defer page.Close()
		w := openWith(t, func(c *app.Config) { c.LinkPreviews, c.AllowPrivateNetworks = true, true })
		w.signUp("alice")
		for _, path := range []string{v1 + "media/preview_url", "/_matrix/media/v3/preview_url"} {
			w.gets(200, `"og:title":"A page"`, "alice", "GET", path+"?url="+url.QueryEscape(page.URL), "")
		}
	})
}
