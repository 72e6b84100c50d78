package scenario

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wardline/clinical/ask"
	"wardline/clinical/conversation"
	"wardline/edge/clinic"
	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/lock"
	"wardline/matrix/passkey"
)

// api answers requests as the server would; the token is the login.
func (w *Ward) api() http.Handler {
	s := &httpx.Server{Log: w.log, Authenticate: func(_ context.Context, token string) (account.Actor, error) {
		if token == "" {
			return account.Actor{}, fault.New(fault.Unauthenticated, "M_MISSING_TOKEN", "Sign in.")
		}
		return account.Actor{User: w.As(token).User, Device: "D"}, nil
	}}
	mux := http.NewServeMux()
	s.Mount(mux, clinic.Routes(clinic.Deps{Asks: w.Asks, DB: w.DB, Directory: w.Directory, Rota: w.Rota, Staff: w.Staff, Status: w.Status, Reminders: w.Reminders, Accounts: w.Accounts, Locks: lock.New(w.DB, w.Accounts), Passkeys: passkey.New(w.DB, w.Accounts, "Wardline", time.Now), Origin: func(*http.Request) string { return "https://chat.example.org" }, Patients: w.Patients, Conversations: w.Conversations, Paging: w.Paging,
		Record: w.Record, Reach: w.Reach, Emergency: w.Emergency, Ledger: w.Ledger, Inbound: w.Inbound, Switchboard: w.Switchboard, Tests: w.Tests, Now: time.Now, MaxPhotoPx: 2048, MaxPhotoBytes: 1 << 20}))
	return s.Front(mux)
}

// call makes a request as somebody and returns the status and the answer.
func call(t *testing.T, h http.Handler, who, method, path, body string) (int, object) {
	t.Helper()
	r := httptest.NewRequest(method, "/_wardline/v1"+path, strings.NewReader(body))
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+who)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var v object
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%s %s: %d %q", method, path, w.Code, w.Body)
	}
	return w.Code, v
}

const raiseBody = `{"txn":"t1","post":"po_med_spr","urgency":"urgent","patient":"pt_jones","room":null,"where":"Bed 12","what":"NEWS2 9","need":"attend","callback":"4417"}`

func TestAPI_EveryRoute(t *testing.T) {
	t.Parallel()
	in(t, "OK success, stranger, nobody, malformed, hidden", func(t *testing.T, w *Ward) {
		h := w.api()
		ok(t, w.Accounts.CreateAll(t.Context(), []account.NewUser{{User: "@stranger:st-elsewhere"}}))
		_, page := call(t, h, "asha", "POST", "/pages", raiseBody)
		pageID, room := page["id"].(string), page["room_id"].(string)
		m := w.As("asha").Says(id.Room(room), "Second litre now.")
		team := string(w.As("asha").Group(conversation.Group{Name: "Bay C", Class: conversation.Team, People: []id.User{w.As("tom").User}}))
		_, token, err := w.Conversations.MakeLink(t.Context(), w.As("asha").User, id.Room(team), time.Hour)
		ok(t, err)
		link, _, err := w.Conversations.MakeLink(t.Context(), w.As("asha").User, id.Room(team), time.Hour)
		ok(t, err)
		question, err := w.Asks.Ask(t.Context(), w.As("asha").User, ask.Draft{Txn: "a1", Room: id.Room(team), Kind: ask.Question, Text: "Echo?", User: w.As("tom").User})
		ok(t, err)
		emergency := string(w.As("asha").Calls("et_stroke", true).ID)
		decide := `{"room":"` + room + `","event_id":"` + string(m) + `","patient":null}`
		for _, tt := range []struct {
			method, path, body string
			hidden             int // what somebody gets who is staff and has nothing to do with it; 0 where all staff may
		}{
			{"GET", "/directory?q=med&kind=post,person&limit=5", "", 0},
			{"GET", "/posts", "", 0},
			{"GET", "/posts/po_med_spr", "", 0},
			{"GET", "/patients", "", 0},
			{"POST", "/patients/search", `{"q":"jones","limit":20}`, 0},
			{"GET", "/patients/pt_jones", "", 0},
			{"POST", "/groups", `{"name":"Bay C","class":"team","people":["@tom:st-elsewhere"],"posts":["po_med_spr"],"patient":null,"txn":"g1"}`, 0},
			{"POST", "/groups/" + room + "/members", `{"people":["@tom:st-elsewhere"],"posts":[]}`, 404},
			{"POST", "/groups/" + team + "/roles", `{"user":"@tom:st-elsewhere","role":"admin"}`, 404},
			{"PUT", "/groups/" + team + "/follows", `{"posts":["po_med_spr"],"teams":["tm_stroke"]}`, 404},
			{"GET", "/groups/" + team + "/follows", "", 404},
			{"POST", "/groups/" + team + "/links", `{"life_ms":3600000}`, 404},
			{"GET", "/groups/" + team + "/links", "", 404},
			{"DELETE", "/groups/" + team + "/links/" + string(link.ID), "", 404},
			{"POST", "/links/look", `{"token":"` + token + `"}`, 0},
			{"POST", "/links/join", `{"token":"` + token + `"}`, 0},
			{"POST", "/asks", `{"txn":"a2","room":"` + team + `","kind":"question","text":"Home today?","user":"@tom:st-elsewhere","post":"","within_ms":0}`, 404},
			{"GET", "/asks?box=owed", "", 0},
			{"GET", "/asks?box=asked", "", 0},
			{"POST", "/asks/" + string(question.ID) + "/pass", `{"user":"","post":"po_med_spr"}`, 404},
			{"POST", "/asks/" + string(question.ID) + "/close", `{}`, 404},
			{"POST", "/forwards", `{"from":"` + room + `","event_id":"` + string(m) + `","to":"` + team + `","txn":"f1"}`, 404},
			{"GET", "/rooms/" + room + "/events/" + string(m) + "/info", "", 404},
			{"PUT", "/rooms/" + room + "/events/" + string(m) + "/reminder", `{"at":` + strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli(), 10) + `}`, 404},
			{"GET", "/reminders", "", 0},
			{"DELETE", "/rooms/" + room + "/events/" + string(m) + "/reminder", "", 0},
			{"PUT", "/rooms/" + team + "/level", `{"level":"mentions","until":0}`, 404},
			{"PUT", "/status", `{"kind":"theatre","words":"list of four","until":0}`, 0},
			{"GET", "/status", "", 0},
			{"DELETE", "/status", "", 0},
			{"POST", "/groups/" + team + "/leave", `{}`, 404},
			{"GET", "/places", "", 0},
			{"POST", "/directs", `{"user":"@tom:st-elsewhere"}`, 0},
			{"POST", "/pages/preview", `{"post":"po_med_spr","urgency":"urgent"}`, 0},
			{"POST", "/pages", raiseBody, 0},
			{"GET", "/pages?box=mine", "", 0},
			{"GET", "/pages?box=sent", "", 0},
			{"GET", "/pages?box=open", "", 0},
			{"GET", "/pages/" + pageID, "", 404},
			{"POST", "/pages/" + pageID + "/reached", `{}`, 404},
			{"POST", "/pages/" + pageID + "/seen", `{}`, 404},
			{"POST", "/decisions", decide, 404},
			{"POST", "/pages/" + pageID + "/withdraw", `{"reason":"better"}`, 404},
			{"GET", "/policy", "", 0},
			{"GET", "/emergencies/teams", "", 0},
			{"GET", "/emergencies?box=open", "", 0},
			{"GET", "/emergencies?box=past", "", 0},
			{"POST", "/emergencies", `{"txn":"e1","team":"et_arrest","place":"Ward 7","what":"","patient":"","drill":true}`, 0},
			{"GET", "/emergencies/" + emergency, "", 404},
			{"POST", "/emergencies/" + emergency + "/here", `{"user":"","post":"","here":true}`, 404},
			{"POST", "/emergencies/" + emergency + "/lead", `{}`, 404},
			{"POST", "/emergencies/" + emergency + "/enter", `{}`, 404},
			{"POST", "/emergencies/" + emergency + "/stand-down", `{"reason":"over"}`, 404},
		} {
			name := tt.method + " " + tt.path
			if tt.hidden != 0 {
				if status, v := call(t, h, "owen", tt.method, tt.path, tt.body); status != tt.hidden || v["errcode"] != "M_NOT_FOUND" {
					t.Errorf("%s by an outsider: %d %v", name, status, v)
				}
			}
			if status, v := call(t, h, "asha", tt.method, tt.path, tt.body); status != 200 {
				t.Errorf("%s: %d %v", name, status, v)
			}
			if status, v := call(t, h, "", tt.method, tt.path, tt.body); status != 401 {
				t.Errorf("%s by nobody: %d %v", name, status, v)
			}
			if status, v := call(t, h, "stranger", tt.method, tt.path, tt.body); status != 404 || v["errcode"] != "M_NOT_FOUND" {
				t.Errorf("%s by somebody who is no staff: %d %v", name, status, v)
			}
			if tt.body != "" && tt.body != "{}" {
				if status, v := call(t, h, "asha", tt.method, tt.path, `{"`); status != 400 || v["errcode"] != "M_NOT_JSON" {
					t.Errorf("%s malformed: %d %v", name, status, v)
				}
				if status, _ := call(t, h, "asha", tt.method, tt.path, `{"q":"`+strings.Repeat("x", 40<<10)+`"}`); status != 413 {
					t.Errorf("%s too large: %d", name, status)
				}
			}
		}
		for _, path := range []string{"/posts/po_none", "/patients/pt_none", "/pages/pg_none"} {
			if status, v := call(t, h, "asha", "GET", path, ""); status != 404 || v["errcode"] != "M_NOT_FOUND" {
				t.Errorf("%s: %d %v", path, status, v)
			}
		}
		synctest.Wait()
	})
}

func TestAPI_Answers(t *testing.T) {
	t.Parallel()
	in(t, "OK the story of a page over HTTP", func(t *testing.T, w *Ward) {
		h := w.api()
		status, p := call(t, h, "asha", "POST", "/pages", raiseBody)
		if status != 200 || p["current"].(object)["name"] != "Liam Hughes" || p["patient"].(object)["plate"] != "B12" {
			t.Fatalf("%d %v", status, p)
		}
		_, again := call(t, h, "asha", "POST", "/pages", raiseBody)
		if again["id"] != p["id"] {
			t.Fatal("the same transaction made a second page")
		}
		answer := "/pages/" + p["id"].(string) + "/answer"
		if status, v := call(t, h, "asha", "POST", answer, `{"answer":"accept"}`); status != 403 || v["errcode"] != "M_FORBIDDEN" {
			t.Fatalf("the sender accepts: %d %v", status, v)
		}
		if status, v := call(t, h, "liam", "POST", answer, `{"answer":"perhaps"}`); status != 400 {
			t.Fatalf("%d %v", status, v)
		}
		if status, v := call(t, h, "liam", "POST", answer, `{"answer":"accept","eta_minutes":4}`); status != 200 || v["status"] != "accepted" {
			t.Fatalf("%d %v", status, v)
		}
		if status, v := call(t, h, "asha", "POST", answer, `{"answer":"accept"}`); status != 409 || v["errcode"] != "UK_WARDLINE_CLOSED" {
			t.Fatalf("closed: %d %v", status, v)
		}
		if status, v := call(t, h, "asha", "GET", "/pages?box=nonsense", ""); status != 400 {
			t.Fatalf("%d %v", status, v)
		}
	})
	in(t, "OK shapes of the contract", func(t *testing.T, w *Ward) {
		h := w.api()
		has := func(v any, where string, names ...string) {
			t.Helper()
			o, is := v.(object)
			for _, n := range names {
				if _, there := o[n]; !is || !there {
					t.Errorf("%s has no %s: %v", where, n, v)
				}
			}
		}
		_, v := call(t, h, "asha", "GET", "/directory?q=asha", "")
		person := v["results"].([]any)[0].(object)
		has(person, "person", "kind", "id", "name", "detail", "on_duty", "posts")
		if person["detail"] != "Staff nurse, Ward 7" || person["on_duty"] != true {
			t.Errorf("person: %v", person)
		}
		_, v = call(t, h, "asha", "GET", "/directory?q=med+reg&kind=post", "")
		has(v["results"].([]any)[0], "post", "kind", "id", "name", "detail", "holder")
		_, v = call(t, h, "asha", "GET", "/posts/po_med_spr", "")
		has(v, "post", "id", "name", "service", "holder", "next", "pageable")
		has(v["holder"], "holder", "user", "name", "since", "until")
		has(v["next"], "next", "user", "name", "from")
		_, v = call(t, h, "asha", "GET", "/posts/po_med_sho2", "")
		if holder, there := v["holder"]; !there || holder != nil {
			t.Errorf("an empty post: %v", v)
		}
		_, v = call(t, h, "asha", "GET", "/patients/pt_jones", "")
		has(v, "patient", "id", "nhs_number", "family", "given", "title", "born", "age", "ward", "bed", "plate", "consultant", "hospital_number", "alerts", "needs", "room_id")
		if v["nhs_number"] != "999 000 0018" {
			t.Errorf("patient: %v", v["nhs_number"])
		}
		_, v = call(t, h, "asha", "POST", "/pages/preview", `{"post":"po_med_spr","urgency":"urgent"}`)
		has(v, "preview", "post", "steps", "then")
		has(v["steps"].([]any)[0], "step", "after_ms", "post", "holder", "reach")
		_, v = call(t, h, "asha", "GET", "/policy", "")
		has(v, "policy", "urgent", "emergency", "max_photo_px", "photo_max_bytes")
		if status, v := call(t, h, "asha", "GET", "/patients?q="+url.QueryEscape("jones"), ""); status != 400 {
			t.Errorf("a name in a URL: %d %v", status, v)
		}
	})
}
