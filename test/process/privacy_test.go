package process

import (
	"net/http"
	"strings"
	"testing"
)

// TestLogs_HoldNoPatientAndNoMessage plants names in everything a person can send, well-formed and not, with the log at its most
// talkative, and then looks for them in all that the process printed.
func TestLogs_HoldNoPatientAndNoMessage(t *testing.T) {
	const name, number, words = "ZEBEDEE-PLANTED", "9990548609", "planted words about a planted person"
	s := start(t, "demo", "-data", t.TempDir()+"/demo", "-log-level", "debug")
	res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Get(s.base + "/demo/as/asha")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	cookie, _, _ := strings.Cut(res.Header.Get("Set-Cookie"), ";")
	c := &client{server: s, cookie: cookie}

	var made struct {
		Room string `json:"room_id"`
	}
	c.must("POST", "/_wardline/v1/groups", map[string]any{"name": name, "class": "team", "people": []string{"@tom:st-elsewhere"}, "posts": []string{}, "txn": "g1"}, &made)
	send := "/_matrix/client/v3/rooms/" + made.Room + "/send/"
	c.must("PUT", send+"m.room.message/1", map[string]string{"msgtype": "m.text", "body": words + name + number}, nil)
	for _, try := range []struct{ method, path string }{
		{"PUT", send + "m.room.message/2"}, {"POST", "/_wardline/v1/patients/search"}, {"POST", "/_wardline/v1/pages"}, {"POST", "/_wardline/v1/pages/preview"},
		{"POST", "/_wardline/v1/decisions"}, {"POST", "/_wardline/v1/directs"}, {"POST", "/_matrix/client/v3/createRoom"}, {"POST", "/_matrix/client/v4/sync"},
		{"POST", "/_matrix/client/v3/login"}, {"POST", "/_wardline/v1/session"}, {"PUT", "/_matrix/client/v3/rooms/" + made.Room + "/state/m.room.name"},
		{"POST", "/_matrix/client/v3/user_directory/search"}, {"POST", "/_wardline/v1/" + name},
	} {
		for _, body := range []any{
			map[string]any{"q": name, "name": name, "body": words, "what": words, "where": words, "user": name, "password": words, "search_term": name, "txn": name,
				"post": name, "patient": name, "urgency": "urgent", "callback": number, "room": name, "event_id": name, "conn_id": name, "pos": name, "preset": name, "type": "m.login.password"},
			map[string]any{"q": 1.5, "name": []string{words}, "body": 1.5, "what": map[string]string{name: number}, "lists": words},
			[]string{words, name}, words,
		} {
			if _, ok := c.call(try.method, try.path, body, nil); !ok {
				t.Errorf("%s %s: no answer", try.method, try.path)
			}
		}
	}
	page := map[string]any{"txn": "p1", "post": "po_med_spr", "urgency": "urgent", "patient": nil, "room": made.Room, "where": words, "what": words + number, "need": "attend", "callback": number}
	if status, ok := c.call("POST", "/_wardline/v1/pages", page, nil); !ok || status != http.StatusOK {
		t.Errorf("page: status %d", status)
	}
	s.kill()
	for _, planted := range []string{name, number, "planted words"} {
		if out := s.said.String(); strings.Contains(out, planted) {
			t.Errorf("the log holds %q:\n%s", planted, out)
		}
	}
}
