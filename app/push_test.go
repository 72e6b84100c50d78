package app_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wardline/app"
	"wardline/clinical/directory"
	"wardline/clinical/paging"
	"wardline/clinical/rota"
	"wardline/ground/obs"
	"wardline/ground/webpush/double"
	"wardline/matrix/id"
	"wardline/matrix/push"
	"wardline/matrix/room"
)

// TestPush_APageReachesAClosedPhone raises a page to somebody who has muted everything, and looks at what the push service was given.
//
// hazard: H1 urgent message not delivered
func TestPush_APageReachesAClosedPhone(t *testing.T) {
	service := double.New("")
	srv := httptest.NewServer(service)
	defer srv.Close()
	service.Base = srv.URL
	config := app.Config{ServerName: "st-elsewhere", Data: t.TempDir(), NoRateLimits: true, EncryptedRooms: "social",
		UrgentRung: 5 * time.Minute, AlarmRung: time.Minute, MaxUpload: 1 << 20, PushServices: strings.TrimPrefix(srv.URL, "http://")}
	a, err := app.Open(t.Context(), config, obs.Discard())
	ok(t, err)
	defer func() { ok(t, a.Close()) }()
	ok(t, a.StartDemo(t.Context(), nil))

	post, err := directory.FindPost(t.Context(), a.DB, "po_med_spr")
	ok(t, err)
	held, err := rota.Holder(t.Context(), a.DB, post.ID, time.Now())
	ok(t, err)
	subscribe := func(name string, u id.User) {
		t.Helper()
		sub, err := service.Subscribe(name, a.Push.WebKey())
		ok(t, err)
		ok(t, a.Push.Set(t.Context(), u, id.Device(name), push.Pusher{Key: sub.Key, Kind: push.WebKind, App: "uk.wardline.web", AppName: "Wardline", DeviceName: "Phone", Lang: "en",
			Data: map[string]json.RawMessage{"endpoint": json.RawMessage(`"` + sub.Endpoint + `"`), "auth": json.RawMessage(`"` + sub.Auth + `"`)}}, false))
	}
	subscribe("phone", held.User)
	ok(t, a.Push.Change(t.Context(), held.User, func(set *push.Ruleset) error { return set.Enable("override", ".m.rule.master", true) }))

	by := id.User("@asha:st-elsewhere")
	page, err := a.Clinic.Paging.Raise(t.Context(), by, paging.NewPage{Txn: "t", To: paging.Target{Post: post.ID}, Urgency: paging.Urgent, Patient: "pt_jones", Where: "Bed 12", What: "NEWS2 9 SECRET", Need: "attend", Callback: "4417"})
	ok(t, err)
	hears := func() (got double.Got) {
		t.Helper()
		select {
		case got = <-service.Heard:
		case <-time.After(20 * time.Second):
			t.Fatal("the phone hears nothing of the page")
		}
		return got
	}
	got := hears()
	var m struct {
		Level int
		Ref   string
		Event id.Event `json:"event_id"`
	}
	ok(t, json.Unmarshal(got.Plain, &m))
	if m.Level != int(push.Urgent) || m.Ref != string(page.ID) || got.Urgency != "high" {
		t.Errorf("the phone gets %s with urgency %s", got.Plain, got.Urgency)
	}
	for _, word := range []string{"SECRET", "NEWS2", "JONES", "Bed", "4417", "asha", held.Name} {
		if bytes.Contains(got.Plain, []byte(word)) {
			t.Errorf("the notice %s says %q", got.Plain, word)
		}
	}
	if n := len(service.Heard); n != 0 {
		t.Errorf("one page is told %d times more", n)
	}

	// Others in the room, and the same words from a client, are no page.
	feed, err := a.Rooms.Feed(t.Context(), page.RoomID)
	ok(t, err)
	events, _ := feed.Tail(0)
	for _, ev := range events {
		if _, _, calls := paging.Calls(by, ev); calls {
			t.Errorf("%s calls its own sender", ev.ID)
		}
	}
	_, err = a.Rooms.Receive(t.Context(), page.RoomID, room.Incoming{Sender: by, Device: "D", Type: "m.room.message", Txn: "x", Content: json.RawMessage(
		`{"msgtype":"m.text","body":"x","m.mentions":{"user_ids":["` + string(held.User) + `"]},"uk.wardline.page":{"id":"pg_x","status":"open","current":{"user":"` + string(held.User) + `"}}}`)})
	if err == nil {
		t.Error("a page was forged")
	}

	// It passes on, and the next phone rings as loudly, though what tells of it in the room is a notice.
	subscribe("next", id.User("@grace:st-elsewhere"))
	page, err = a.Clinic.Paging.Answer(t.Context(), held.User, page.ID, paging.Answer{Verb: paging.Decline})
	if ok(t, err); page.Current.User != "@grace:st-elsewhere" {
		t.Fatalf("it passed on to %s", page.Current.User)
	}
	got = hears()
	if ok(t, json.Unmarshal(got.Plain, &m)); got.Browser != "next" || m.Level != int(push.Urgent) || m.Ref != string(page.ID) {
		t.Errorf("after it passed on, %s gets %s", got.Browser, got.Plain)
	}

	// And what the push service took stands on the page, also when the server stops right then.
	ok(t, a.Close())
	a, err = app.Open(t.Context(), config, obs.Discard())
	ok(t, err)
	page, err = paging.Look(t.Context(), a.DB, page.ID)
	ok(t, err)
	var steps []string
	for _, e := range page.Steps {
		steps = append(steps, strings.TrimSpace(string(e.Kind)+" "+e.Note))
	}
	if got := strings.Join(steps, ", "); !strings.HasSuffix(got, "passed, taken push") {
		t.Errorf("steps: %s", got)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
