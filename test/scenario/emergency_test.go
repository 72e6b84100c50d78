package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wardline/clinical/conversation"
	"wardline/clinical/directory"
	"wardline/clinical/emergency"
	"wardline/clinical/paging"
	"wardline/ground/audit"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/id"
)

// Calls raises an emergency call and fails the test when it cannot.
func (a Actor) Calls(team emergency.TeamID, drill bool) emergency.Call {
	a.w.T.Helper()
	c, err := a.w.Emergency.Raise(context.Background(), a.User, emergency.NewCall{Txn: "c1", Team: team, Place: "Ward 7, Bed 4", What: "No pulse", Patient: "pt_smith", Drill: drill})
	if err != nil {
		a.w.T.Fatalf("%s calls %s: %v", a.User, team, err)
	}
	return c
}

// board is how far every seat of a call is, by the logins.
func (w *Ward) board(call emergency.ID) string {
	w.T.Helper()
	c, err := w.Emergency.Find(context.Background(), directory.By{Admin: true}, call)
	if err != nil {
		w.T.Fatal(err)
	}
	var all []string
	for _, s := range c.Seats {
		state := string(s.State)
		if s.Missing {
			state += "!"
		}
		all = append(all, fmt.Sprintf("%s:%s/%s", strings.TrimPrefix(string(s.Post.ID), "po_"), state, s.User.Localpart()))
	}
	return strings.Join(all, " ")
}

func seat(t *testing.T, c emergency.Call, post directory.PostID) emergency.SeatNow {
	t.Helper()
	for _, s := range c.Seats {
		if s.Post.ID == post {
			return s
		}
	}
	t.Fatalf("no seat %s", post)
	return emergency.SeatNow{}
}

func TestEmergency(t *testing.T) {
	t.Parallel()
	both(t, "OK the whole team is called at once, comes, is there and is stood down", func(t *testing.T, w *Ward) {
		asha, liam, grace, jo := w.As("asha"), w.As("liam"), w.As("grace"), w.As("jo")
		c := asha.Calls("et_arrest", false)
		if got, want := w.board(c.ID), "med_spr:calling/liam anaes:calling/wei med_sho1:calling/grace outreach:calling/aoife site:calling/maya"; got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
		for _, login := range []string{"asha", "liam", "grace", "wei", "aoife", "maya", "jo"} {
			if in, err := w.Rooms.Standing(t.Context(), w.As(login).User, c.RoomID); err != nil || in.Is != "join" {
				t.Errorf("%s is not in the room: %v %v", login, in.Is, err)
			}
		}
		p, err := liam.Sees(seat(t, c, "po_med_spr").Page)
		if ok(t, err); p.Urgency != paging.Emergency || p.RoomID != c.RoomID || !strings.HasPrefix(p.What, "Adult cardiac arrest. No pulse") || p.Where != "Ward 7, Bed 4" || p.Patient == nil {
			t.Fatalf("the seat's page: %s %s %q %q", p.Urgency, p.RoomID, p.Where, p.What)
		}
		_, err = w.Paging.Reached(t.Context(), liam.User, "D", p.ID)
		ok(t, err)
		_, err = w.Paging.Seen(t.Context(), liam.User, p.ID)
		ok(t, err)
		w.Pass(3 * time.Second)
		ok(t, liam.Accept(p.ID))
		if got := w.board(c.ID); !strings.HasPrefix(got, "med_spr:coming/liam ") {
			t.Fatalf("after the registrar's answer: %s", got)
		}
		w.Pass(paging.DemoPolicy().Emergency - 3*time.Second)                       // Grace does not answer for SHO 1: its ladder goes on
		if got := w.board(c.ID); !strings.Contains(got, "med_sho1:calling!/maya") { // over the registrar, who comes already
			t.Fatalf("after a rung: %s", got)
		}
		if _, err = w.Emergency.Here(t.Context(), grace.User, c.ID, "", "", true); err != nil { // and is there all the same
			t.Fatal(err)
		}
		if p, err = grace.Sees(seat(t, c, "po_med_sho1").Page); err != nil || p.Status != paging.Accepted || p.Accepted.User != grace.User {
			t.Fatalf("being there has not answered the page: %s, %v", p.Status, err)
		}
		_, err = w.Emergency.Here(t.Context(), grace.User, c.ID, w.As("wei").User, "", true)
		want(t, err, fault.Forbidden)
		_, err = w.Emergency.Here(t.Context(), liam.User, c.ID, w.As("wei").User, "", true) // the first seat leads
		ok(t, err)
		_, err = w.Emergency.StandDown(t.Context(), grace.User, c.ID, "I think")
		want(t, err, fault.Forbidden)
		_, err = w.Paging.Withdraw(t.Context(), asha.User, seat(t, c, "po_site").Page, "not needed")
		want(t, err, fault.Conflict)
		end, err := w.Emergency.StandDown(t.Context(), liam.User, c.ID, "ROSC, to critical care")
		if ok(t, err); end.Status != emergency.StoodDown || end.Ended.Reason != "ROSC, to critical care" {
			t.Fatalf("%s %+v", end.Status, end.Ended)
		}
		for _, s := range end.Seats {
			if p, err := asha.Sees(s.Page); err != nil || p.Status == paging.Open {
				t.Errorf("the page of %s is %s, %v", s.Post.Name, p.Status, err)
			}
		}
		w.Pass(5 * time.Minute)
		if again, err := w.Emergency.Find(t.Context(), directory.By{User: jo.User}, c.ID); err != nil || again.Seq != end.Seq {
			t.Fatalf("a call that was stood down went on: %v", err)
		}
		heard := ""
		for _, ev := range asha.Hears(c.RoomID) {
			heard += string(ev.Content)
		}
		for _, line := range []string{"EMERGENCY CALL: Adult cardiac arrest. Ward 7, Bed 4.", "Liam Hughes leads", "Grace Obi is here, SHO 1", "Wei Zhang is here, Anaesthetic registrar, says Liam Hughes", "Stood down by Liam Hughes: ROSC", "Withdrawn by Liam Hughes: stood down"} {
			if !strings.Contains(heard, line) {
				t.Errorf("the room did not hear %q in %s", line, heard)
			}
		}
		if n, err := audit.Verify(t.Context(), w.DB); n == 0 || err != nil {
			t.Errorf("audit: %d, %v", n, err)
		}
		if strings.Contains(w.Log.String(), "No pulse") || strings.Contains(w.Log.String(), "ROSC") {
			t.Error("the log knows what the call was about")
		}
	})
}

func TestEmergency_Call(t *testing.T) {
	t.Parallel()
	both(t, "OK the same transaction is the same call, another is another", func(t *testing.T, w *Ward) {
		first, again := w.As("asha").Calls("et_arrest", false), w.As("asha").Calls("et_arrest", false)
		if again.ID != first.ID || again.RoomID != first.RoomID {
			t.Fatalf("got %s and %s", first.ID, again.ID)
		}
		if other := w.As("daniel").Calls("et_arrest", false); other.ID == first.ID {
			t.Fatal("another person's call")
		}
	})
	both(t, "OK a drill says so everywhere and is in no measure", func(t *testing.T, w *Ward) {
		c := w.As("asha").Calls("et_arrest", true)
		p, err := w.As("liam").Sees(seat(t, c, "po_med_spr").Page)
		if ok(t, err); !strings.HasPrefix(p.What, "DRILL: ") || p.Urgency != paging.Emergency {
			t.Fatalf("%q %s", p.What, p.Urgency)
		}
		_, err = w.Emergency.StandDown(t.Context(), w.As("jo").User, c.ID, "Drill over")
		ok(t, err)
		for _, ev := range w.As("asha").Hears(c.RoomID) {
			var body struct{ Body string }
			ok(t, json.Unmarshal(ev.Content, &body))
			if body.Body != "" && !strings.Contains(body.Body, "DRILL") && !strings.HasPrefix(body.Body, "Withdrawn") {
				t.Errorf("%q does not say that it is a drill", body.Body)
			}
		}
		status, v := call(t, w.api(), "maya", "GET", "/emergencies?box=past", "")
		if m := v["measure"].(object); status != 200 || m["calls"] != 0.0 || m["drills"] != 1.0 {
			t.Errorf("%d %v", status, v["measure"])
		}
	})
	both(t, "OK who raises it fills their own seat, and nobody's post is asked further up", func(t *testing.T, w *Ward) {
		c := w.As("liam").Calls("et_arrest", false)
		if got := w.board(c.ID); !strings.HasPrefix(got, "med_spr:here/liam ") || c.Leader == nil || c.Leader.User != w.As("liam").User {
			t.Fatalf("%s, led by %+v", got, c.Leader)
		}
	})
	both(t, "OK a call outlives the process, and nobody who forgets it is left alone", func(t *testing.T, w *Ward) {
		c := w.As("asha").Calls("et_stroke", false)
		w.Restart(2 * time.Second)
		w.Pass(10 * time.Minute)
		if got := w.board(c.ID); !strings.Contains(got, "stroke:calling!/jo") {
			t.Fatalf("ten minutes later: %s", got)
		}
		w.Pass(time.Hour)
		told := w.As("jo").Informed()
		if strings.Count(told, "is still open") != 1 {
			t.Errorf("the switchboard was told: %s", told)
		}
	})
	both(t, "ErrHidden an outsider learns nothing; ErrInvalid bad calls", func(t *testing.T, w *Ward) {
		c := w.As("asha").Calls("et_arrest", false)
		owen := w.As("owen")
		for name, err := range map[string]error{
			"here":  second(w.Emergency.Here(t.Context(), owen.User, c.ID, "", "", true)),
			"lead":  second(w.Emergency.Lead(t.Context(), owen.User, c.ID)),
			"end":   second(w.Emergency.StandDown(t.Context(), owen.User, c.ID, "x")),
			"enter": second(w.Emergency.Enter(t.Context(), owen.User, c.ID)),
			"find":  second(w.Emergency.Find(t.Context(), directory.By{User: owen.User}, c.ID)),
			"none":  second(w.Emergency.Find(t.Context(), directory.By{User: owen.User}, "ec_none")),
		} {
			if !fault.Is(err, fault.Hidden) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, n := range map[string]emergency.NewCall{
			"no place": {Txn: "x", Team: "et_arrest", Place: "  "}, "no team": {Txn: "x", Team: "et_none", Place: "Ward 7"}, "no txn": {Team: "et_arrest", Place: "Ward 7"},
			"no patient": {Txn: "x", Team: "et_arrest", Place: "Ward 7", Patient: "pt_none"}, "too long": {Txn: "x", Team: "et_arrest", Place: obs.Hidden(strings.Repeat("x", 200))},
		} {
			_, err := w.Emergency.Raise(t.Context(), owen.User, n)
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		open, err := w.Emergency.Open(t.Context(), directory.By{User: owen.User})
		if ok(t, err); len(open) != 0 {
			t.Errorf("an outsider sees %d calls", len(open))
		}
	})
	both(t, "OK a post that is closed keeps nobody else from being called", func(t *testing.T, w *Ward) {
		ok(t, w.DB.Write(t.Context(), "test", w.closePost("po_anaes")))
		c := w.As("asha").Calls("et_arrest", false)
		if got := w.board(c.ID); !strings.HasPrefix(got, "med_spr:calling/liam anaes:calling!/ med_sho1:calling/grace") {
			t.Fatalf("got %s", got)
		}
		_, err := w.Emergency.StandDown(t.Context(), w.As("asha").User, c.ID, "x")
		ok(t, err)
	})
}

// Informed is everything that the server has said to somebody in the room of their own.
func (a Actor) Informed() string {
	a.w.T.Helper()
	rooms, err := a.w.Rooms.Mutual(context.Background(), Steward, a.User)
	ok(a.w.T.(*testing.T), err)
	all := ""
	for _, r := range rooms {
		feed, err := a.w.Rooms.Feed(context.Background(), r)
		ok(a.w.T.(*testing.T), err)
		if feed.Text("m.room.name", "", "name") == "Duty and rota" {
			for _, ev := range feed.Newest() {
				all += string(ev.Event.Content)
			}
		}
	}
	return all
}

func second(_ emergency.Call, err error) error { return err }

// TestEmergency_Teams: who may say what the teams are, and what makes none.
func TestEmergency_Teams(t *testing.T) {
	t.Parallel()
	both(t, "OK and what is refused", func(t *testing.T, w *Ward) {
		keeper := directory.By{User: w.As("maya").User}
		trauma := emergency.Team{Name: "Trauma", Seats: []emergency.Seat{{Post: "po_ed_lead", Required: true}, {Post: "po_surg_spr"}}}
		made, err := w.Emergency.SetTeam(t.Context(), keeper, trauma)
		ok(t, err)
		made.Name = "Major trauma"
		_, err = w.Emergency.SetTeam(t.Context(), keeper, made)
		ok(t, err)
		for name, c := range map[string]struct {
			by   directory.By
			team emergency.Team
			kind fault.Kind
		}{
			"a ward's keeper": {directory.By{User: w.As("priya").User}, trauma, fault.Forbidden},
			"the same name":   {keeper, emergency.Team{Name: "stroke", Seats: trauma.Seats}, fault.Conflict},
			"no seat":         {keeper, emergency.Team{Name: "Empty"}, fault.Invalid},
			"nobody required": {keeper, emergency.Team{Name: "Lax", Seats: []emergency.Seat{{Post: "po_site"}}}, fault.Invalid},
			"a post twice":    {keeper, emergency.Team{Name: "Twice", Seats: []emergency.Seat{{Post: "po_site", Required: true}, {Post: "po_site"}}}, fault.Invalid},
			"no such post":    {keeper, emergency.Team{Name: "None", Seats: []emergency.Seat{{Post: "po_none", Required: true}}}, fault.Invalid},
			"no such team":    {keeper, emergency.Team{ID: "et_none", Name: "None", Seats: trauma.Seats}, fault.NotFound},
			"no name":         {keeper, emergency.Team{Seats: trauma.Seats}, fault.Invalid},
		} {
			if _, err := w.Emergency.SetTeam(t.Context(), c.by, c.team); !fault.Is(err, c.kind) {
				t.Errorf("%s: %v", name, err)
			}
		}
		want(t, w.Emergency.DropTeam(t.Context(), directory.By{User: w.As("priya").User}, made.ID), fault.Forbidden)
		ok(t, w.Emergency.DropTeam(t.Context(), keeper, made.ID))
		want(t, w.Emergency.DropTeam(t.Context(), keeper, made.ID), fault.NotFound)
	})
}

// TestEmergency_Guard: no client forges, edits or removes what a call says.
//
// hazard: H9 message edited or deleted after being relied on
func TestEmergency_Guard(t *testing.T) {
	t.Parallel()
	both(t, "ErrForbidden", func(t *testing.T, w *Ward) {
		asha := w.As("asha")
		c := asha.Calls("et_arrest", false)
		forged := object{"id": "ec_forged", "status": "open"}
		_, err := asha.Sends(c.RoomID, "m.room.message", object{"msgtype": "m.text", "body": "EMERGENCY CALL", emergency.Key: forged})
		want(t, err, fault.Forbidden)
		_, err = asha.Sends(c.RoomID, emergency.StepKey, object{emergency.Key: forged})
		want(t, err, fault.Forbidden)
		_, err = asha.Sends(c.RoomID, "m.room.message", object{"msgtype": "m.text", "body": "x", "m.new_content": object{"msgtype": "m.text", "body": "x", emergency.StepKey: object{}},
			"m.relates_to": object{"rel_type": "m.replace", "event_id": string(asha.Says(c.RoomID, "hello"))}})
		want(t, err, fault.Forbidden)
		_, err = asha.Sends(c.RoomID, "m.room.message", object{"msgtype": "m.text", "body": "x", "m.new_content": object{"msgtype": "m.text", "body": "Not there"},
			"m.relates_to": object{"rel_type": "m.replace", "event_id": string(c.EventID)}})
		want(t, err, fault.Forbidden)
		want(t, asha.Redacts(c.RoomID, c.EventID), fault.Forbidden)
		want(t, asha.Sets(c.RoomID, "m.room.name", object{"name": "Not an emergency"}), fault.Forbidden)
		_, err = w.Conversations.Forward(t.Context(), asha.User, conversation.Forward{From: c.RoomID, Event: c.EventID, To: c.RoomID, Txn: "f"})
		want(t, err, fault.Invalid)
	})
}

// TestEmergency_Crash: a call is there whole, with its clocks running, or not at all; repeating it makes it once.
//
// hazard: H1 urgent message not delivered
func TestEmergency_Crash(t *testing.T) {
	t.Parallel()
	for seam, kept := range map[string]bool{"before-commit": false, "before-wake": true, "before-ack": true} {
		both(t, "OK "+seam, func(t *testing.T, w *Ward) {
			w.Crash(seam, "emergency.raise", func() { w.As("asha").Calls("et_arrest", false) })
			open, err := w.Emergency.Open(t.Context(), directory.By{User: w.As("jo").User})
			if ok(t, err); (len(open) == 1) != kept || len(open) > 1 {
				t.Fatalf("%d calls", len(open))
			}
			mine, err := w.Paging.Mine(t.Context(), w.As("liam").User)
			if ok(t, err); (len(mine) == 1) != kept {
				t.Fatalf("the registrar has %d pages", len(mine))
			}
			c := w.As("asha").Calls("et_arrest", false)
			w.Crash(seam, "emergency.stand_down", func() {
				_, err := w.Emergency.StandDown(context.Background(), w.As("asha").User, c.ID, "over")
				ok(t, err)
			})
			now, err := w.Emergency.Find(t.Context(), directory.By{User: w.As("asha").User}, c.ID)
			if ok(t, err); (now.Status == emergency.StoodDown) != kept {
				t.Fatalf("the call is %s", now.Status)
			}
			end, err := w.Emergency.StandDown(t.Context(), w.As("asha").User, c.ID, "over")
			if ok(t, err); end.Status != emergency.StoodDown {
				t.Fatalf("after repeating it is %s", end.Status)
			}
			synctest.Wait()
			mine, err = w.Paging.Mine(t.Context(), w.As("liam").User)
			if ok(t, err); len(mine) != 0 {
				t.Fatalf("the registrar still has %d pages", len(mine))
			}
			n, err := audit.Verify(t.Context(), w.DB)
			if ok(t, err); n == 0 {
				t.Error("no audit")
			}
		})
	}
}

// TestEmergency_HTTP: the calls of the app, and what the room's events say.
func TestEmergency_HTTP(t *testing.T) {
	t.Parallel()
	both(t, "OK", func(t *testing.T, w *Ward) {
		h := w.api()
		_, teams := call(t, h, "asha", "GET", "/emergencies/teams", "")
		if list := teams["teams"].([]any); len(list) != 2 || teams["may_change"] != false || list[0].(object)["seats"].([]any)[0].(object)["holder"].(object)["name"] != "Liam Hughes" {
			t.Fatalf("%v", teams)
		}
		status, c := call(t, h, "asha", "POST", "/emergencies", `{"txn":"t","team":"et_arrest","place":"Ward 7, Bed 4","what":"","patient":"","drill":false}`)
		if status != 200 || c["may_conduct"] != true || len(c["times"].([]any)) != 5 {
			t.Fatalf("%d %v", status, c)
		}
		one := "/emergencies/" + c["id"].(string)
		for _, tt := range []struct {
			who, method, path, body string
			status                  int
		}{
			{"liam", "POST", one + "/here", `{"user":"","post":"","here":true}`, 200},
			{"liam", "POST", one + "/here", `{"user":"@wei:st-elsewhere","post":"","here":true}`, 200},
			{"grace", "POST", one + "/here", `{"user":"@wei:st-elsewhere","post":"","here":false}`, 403},
			{"owen", "POST", one + "/here", `{"user":"","post":"","here":true}`, 404},
			{"owen", "GET", one, "", 404},
			{"maya", "GET", one, "", 200},
			{"grace", "POST", one + "/lead", `{}`, 200},
			{"liam", "POST", one + "/stand-down", `{"reason":"x"}`, 403},
			{"grace", "POST", one + "/stand-down", `{"reason":""}`, 400},
			{"grace", "POST", one + "/stand-down", `{"reason":"False alarm"}`, 200},
			{"grace", "POST", one + "/stand-down", `{"reason":"False alarm"}`, 200},
			{"asha", "POST", one + "/stand-down", `{"reason":"False alarm"}`, 409},
			{"jo", "GET", "/emergencies?box=open", "", 200},
			{"jo", "GET", "/emergencies?box=all", "", 400},
			{"jo", "POST", one + "/enter", `{}`, 200},
			{"priya", "POST", "/emergencies/teams", `{"name":"Mine","seats":[{"post":"po_site","required":true}]}`, 403},
		} {
			if got, v := call(t, h, tt.who, tt.method, tt.path, tt.body); got != tt.status {
				t.Errorf("%s %s by %s: %d %v", tt.method, tt.path, tt.who, got, v)
			}
		}
		for _, file := range []string{"/timeline.csv", "/seats.csv"} {
			r := httptest.NewRequest("GET", "/_wardline/v1"+one+file, nil)
			r.Header.Set("Authorization", "Bearer asha")
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			if rec.Code != http.StatusOK || !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/csv") || !strings.Contains(rec.Body.String(), "Medical registrar on call") {
				t.Errorf("%s: %d %s", file, rec.Code, rec.Body)
			}
		}
		met := map[string]int{}
		for _, ev := range w.As("asha").Hears(id.Room(c["room_id"].(string))) {
			var content object
			ok(t, json.Unmarshal(ev.Content, &content))
			name := ""
			switch {
			case content[emergency.StepKey] != nil:
				name = "emergency-step"
			case content[emergency.Key] != nil:
				name = "emergency"
			default:
				continue
			}
			met[name]++
			if wrong := fits(t, name, load(t, name+".schema.json"), any(content)); wrong != nil {
				t.Errorf("%s %s: %s", ev.Type, name, strings.Join(wrong, "; "))
			}
		}
		if met["emergency"] != 1 || met["emergency-step"] < 5 {
			t.Errorf("met %v", met)
		}
	})
}
