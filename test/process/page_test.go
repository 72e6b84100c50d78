package process

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// page is what these tests read of one.
type page struct {
	ID      string
	EventID string `json:"event_id"`
	RoomID  string `json:"room_id"`
	Status  string
	Current struct {
		User  string
		DueAt int64 `json:"due_at"`
	}
	Steps []struct{ Kind string }
}

func (p page) kinds() string {
	all := ""
	for _, s := range p.Steps {
		all += s.Kind + " "
	}
	return all
}

// as signs in as one of the demo's people.
func (s *server) as(login string) *client {
	s.t.Helper()
	c := &client{server: s}
	var in struct {
		Token string `json:"access_token"`
	}
	c.must("POST", "/_matrix/client/v3/login", map[string]any{"type": "m.login.password", "password": "st-elsewhere",
		"identifier": map[string]string{"type": "m.id.user", "user": login}}, &in)
	c.token = in.Token
	return c
}

var newPage = map[string]any{"txn": "t1", "post": "po_med_spr", "urgency": "urgent", "patient": "pt_jones", "where": "Bed 12", "what": "NEWS2 9", "need": "attend", "callback": "4417"}

const pagesPath = "/_wardline/v1/pages"

// sent returns the pages that asha has sent about this patient's room.
func (c *client) sent(room string) []page {
	var box struct{ Pages []page }
	c.must("GET", pagesPath+"?box=sent", nil, &box)
	var all []page
	for _, p := range box.Pages {
		if p.RoomID == room {
			all = append(all, p)
		}
	}
	return all
}

// TestPage_SurvivesACrashAtEachSeam: a page that was acknowledged is there with its clock running; one that was not is there once at
// most, and exactly once after the app has repeated it. The same for the acceptance.
//
// hazard: H1 urgent message not delivered
func TestPage_SurvivesACrashAtEachSeam(t *testing.T) {
	for seam, kept := range map[string]bool{"before-commit": false, "before-wake": true, "before-ack": true} {
		t.Run(seam, func(t *testing.T) {
			dir := t.TempDir()
			args := []string{"demo", "-data", dir, "-urgent-rung", "2m", "-log-level", "error"}
			s := start(t, append(args, "-crash-at", seam+":paging.raise")...)
			asha := s.as("asha")
			var jones struct {
				Room string `json:"room_id"`
			}
			asha.must("GET", "/_wardline/v1/patients/pt_jones", nil, &jones)
			if _, ok := asha.call("POST", pagesPath, newPage, nil); ok {
				t.Fatal("the page was acknowledged although the server was to crash in it")
			}
			s.dies()

			s = start(t, append(args, "-crash-at", seam+":paging.answer")...)
			asha.server = s
			if got := len(asha.sent(jones.Room)); (got == 1) != kept || got > 1 {
				t.Fatalf("%d pages after the crash", got)
			}
			var p page
			asha.must("POST", pagesPath, newPage, &p)
			if all := asha.sent(jones.Room); len(all) != 1 || all[0].ID != p.ID || p.Current.User != "@liam:st-elsewhere" || p.Current.DueAt == 0 {
				t.Fatalf("after repeating: %d pages, %+v", len(all), p)
			}
			liam := s.as("liam")
			accept := map[string]any{"answer": "accept", "eta_minutes": 4}
			if _, ok := liam.call("POST", pagesPath+"/"+p.ID+"/answer", accept, nil); ok {
				t.Fatal("the answer was acknowledged although the server was to crash in it")
			}
			s.dies()

			s = start(t, args...)
			asha.server, liam.server = s, s
			asha.must("GET", pagesPath+"/"+p.ID, nil, &p)
			if (p.Status == "accepted") != kept {
				t.Fatalf("after the crash the page is %s", p.Status)
			}
			liam.must("POST", pagesPath+"/"+p.ID+"/answer", accept, &p)
			if p.kinds() != "sent accepted " {
				t.Fatalf("after repeating: %s", p.kinds())
			}
			if status, _ := s.as("grace").call("POST", pagesPath+"/"+p.ID+"/answer", accept, nil); status != http.StatusNotFound && status != http.StatusConflict {
				t.Fatalf("a second acceptance: %d", status)
			}
			s.kill()
			verifyAudit(t, dir)
		})
	}
}

// TestEmergency_SurvivesACrashAtEachSeam: a call that was acknowledged is there whole, with a page for each seat; one that was not is there
// whole or not at all, and exactly once after the app has repeated it. The same for its end.
//
// hazard: H1 urgent message not delivered
func TestEmergency_SurvivesACrashAtEachSeam(t *testing.T) {
	newCall := map[string]any{"txn": "t1", "team": "et_arrest", "place": "Ward 7, Bed 4", "what": "", "patient": "", "drill": false}
	const path = "/_wardline/v1/emergencies"
	type call struct {
		ID, Status string
		Seats      []struct{ Page, State string }
	}
	for seam, kept := range map[string]bool{"before-commit": false, "before-wake": true, "before-ack": true} {
		t.Run(seam, func(t *testing.T) {
			dir := t.TempDir()
			args := []string{"demo", "-data", dir, "-urgent-rung", "4m", "-log-level", "error"}
			s := start(t, append(args, "-crash-at", seam+":emergency.raise")...)
			asha := s.as("asha")
			if _, ok := asha.call("POST", path, newCall, nil); ok {
				t.Fatal("the call was acknowledged although the server was to crash in it")
			}
			s.dies()

			s = start(t, append(args, "-crash-at", seam+":emergency.stand_down")...)
			asha.server = s
			var open struct{ Calls []call }
			asha.must("GET", path+"?box=open", nil, &open)
			if got := len(open.Calls); (got == 1) != kept || got > 1 {
				t.Fatalf("%d calls after the crash", got)
			}
			var c call
			asha.must("POST", path, newCall, &c)
			if kept && c.ID != open.Calls[0].ID {
				t.Fatal("repeating made another call")
			}
			for _, seat := range c.Seats {
				var p page
				asha.must("GET", pagesPath+"/"+seat.Page, nil, &p)
				if p.Status != "open" || p.Current.User == "" || p.Current.DueAt == 0 {
					t.Fatalf("a seat's page: %+v", p)
				}
			}
			end := map[string]any{"reason": "over"}
			if _, ok := asha.call("POST", path+"/"+c.ID+"/stand-down", end, nil); ok {
				t.Fatal("the end was acknowledged although the server was to crash in it")
			}
			s.dies()

			s = start(t, args...)
			asha.server = s
			asha.must("GET", path+"/"+c.ID, nil, &c)
			if (c.Status == "stood_down") != kept {
				t.Fatalf("after the crash the call is %s", c.Status)
			}
			asha.must("POST", path+"/"+c.ID+"/stand-down", end, &c)
			for _, seat := range c.Seats {
				var p page
				asha.must("GET", pagesPath+"/"+seat.Page, nil, &p)
				if p.Status != "withdrawn" {
					t.Fatalf("a seat's page is %s after the end", p.Status)
				}
			}
			s.kill()
			verifyAudit(t, dir)
		})
	}
}

// documents counts what the demo's record has kept.
func documents(t *testing.T, dir string) int {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "fhir.json"))
	if os.IsNotExist(err) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []struct{ ResourceType string }
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, r := range all {
		if r.ResourceType == "DocumentReference" {
			n++
		}
	}
	return n
}

// TestFiling_SurvivesACrashAtEachSeam: the decision that the demo comes with and the one made here are each in the record once,
// wherever the server dies on the way.
//
// hazard: H10 decision not filed, or filed twice
func TestFiling_SurvivesACrashAtEachSeam(t *testing.T) {
	for _, act := range []string{"record.decide", "record.attempt:2", "record.settle:2"} {
		for _, seam := range []string{"before-commit", "before-wake", "before-ack"} {
			t.Run(act+" "+seam, func(t *testing.T) {
				dir := t.TempDir()
				args := []string{"demo", "-data", dir, "-log-level", "error"}
				s := start(t, append(args, "-crash-at", seam+":"+act)...)
				liam := s.as("liam")
				var smith struct {
					Room string `json:"room_id"`
				}
				liam.must("GET", "/_wardline/v1/patients/pt_smith", nil, &smith)
				var m struct {
					Event string `json:"event_id"`
				}
				liam.must("PUT", "/_matrix/client/v3/rooms/"+smith.Room+"/send/m.room.message/t1", say(1), &m)
				decide := map[string]any{"room": smith.Room, "event_id": m.Event, "patient": nil}
				_, _ = liam.call("POST", "/_wardline/v1/decisions", decide, nil)
				s.dies()

				s = start(t, args...)
				liam.server = s
				tick, limit := time.NewTicker(20*time.Millisecond), time.After(20*time.Second)
				defer tick.Stop()
				for {
					var d struct{ Filing struct{ Status string } }
					liam.must("POST", "/_wardline/v1/decisions", decide, &d)
					if d.Filing.Status == "filed" && documents(t, dir) >= 2 {
						break
					}
					select {
					case <-limit:
						t.Fatalf("the filing is %s with %d documents", d.Filing.Status, documents(t, dir))
					case <-tick.C:
					}
				}
				s.kill()
				if n := documents(t, dir); n != 2 {
					t.Errorf("the record has %d documents, want 2", n)
				}
				verifyAudit(t, dir)
			})
		}
	}
}
