package scenario

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wardline/clinical/directory"
)

func TestAPI_Rota(t *testing.T) {
	t.Parallel()
	in(t, "OK success, stranger, nobody, malformed, somebody who keeps no rota", func(t *testing.T, w *Ward) {
		h := w.api()
		w.keeper("asha", directory.Everything)
		from := w.now().Add(20 * 24 * time.Hour)
		w.duty("du_asha", "po_nic_w7", "asha", from, from.Add(8*time.Hour))
		duty := fmt.Sprintf(`{"post":"po_pharm","user":"@yusuf:st-elsewhere","from":%d,"until":%d}`, from.UnixMilli(), from.Add(time.Hour).UnixMilli())
		pattern := `{"post":"po_pharm","name":"Weeks","starts":"2000-03-01","ends":"","cycle":7,"holidays":"as-usual","division":"england-and-wales","lines":[{"day":0,"start":480,"end":1020,"user":"@yusuf:st-elsewhere"}],"exceptions":[]}`
		_, made := call(t, h, "asha", "POST", "/rota/patterns", pattern)
		_, put := call(t, h, "asha", "POST", "/rota/duties", duty)
		_, away := call(t, h, "asha", "POST", "/rota/away", fmt.Sprintf(`{"from":%d,"until":%d,"kind":"leave"}`, from.Add(48*time.Hour).UnixMilli(), from.Add(72*time.Hour).UnixMilli()))
		const keeper = 403
		for _, tt := range []struct {
			method, path, body string
			other              int // what somebody gets who is staff and keeps no rota; 0 where all staff may
		}{
			{"GET", "/posts/at?at=946700000000", "", 0},
			{"GET", "/posts/po_nic_w7/history", "", 0},
			{"POST", "/posts/po_med_spr/chat", `{}`, 0},
			{"POST", "/posts/po_nic_w7/give", `{"to":"@daniel:st-elsewhere"}`, 409},
			{"POST", "/posts/po_nic_w7/withdraw", `{}`, 409},
			{"POST", "/posts/po_site/takeover", `{"reason":"In theatre"}`, 0},
			{"PUT", "/posts/po_pharm/rule", `{"holders":1,"confirm":false}`, keeper},
			{"GET", "/rota?post=po_nic_w7&from=2000-01-10&until=2000-02-01", "", 0},
			{"GET", "/rota/mine", "", 0},
			{"PUT", "/rota/duties/" + put["id"].(string), duty, keeper},
			{"PUT", "/rota/patterns/" + made["id"].(string), pattern, keeper},
			{"POST", "/rota/patterns/" + made["id"].(string) + "/fill", `{"from":"2000-03-01","until":"2000-03-31"}`, keeper},
			{"POST", "/rota/publish", `{"post":"po_pharm","from":"2000-03-01","until":"2000-03-31","dry":false,"rested":false}`, keeper},
			{"GET", "/rota/requests", "", 0},
			{"POST", "/rota/requests", `{"kind":"cover","duty":"du_asha"}`, 403},
			{"POST", "/rota/link", `{}`, 0},
			{"DELETE", "/rota/link", "", 0},
			{"DELETE", "/rota/away/" + away["id"].(string), "", 404},
			{"DELETE", "/rota/patterns/" + made["id"].(string), "", keeper},
			{"DELETE", "/rota/duties/" + put["id"].(string), "", keeper},
		} {
			name := tt.method + " " + tt.path
			if tt.other != 0 {
				if status, v := call(t, h, "owen", tt.method, tt.path, tt.body); status != tt.other {
					t.Errorf("%s by an outsider: %d %v, want %d", name, status, v, tt.other)
				}
			}
			if status, v := call(t, h, "stranger", tt.method, tt.path, tt.body); status != 404 || v["errcode"] != "M_NOT_FOUND" {
				t.Errorf("%s by somebody who is no staff: %d %v", name, status, v)
			}
			if status, v := call(t, h, "", tt.method, tt.path, tt.body); status != 401 {
				t.Errorf("%s by nobody: %d %v", name, status, v)
			}
			if status, v := call(t, h, "asha", tt.method, tt.path, tt.body); status != 200 {
				t.Errorf("%s: %d %v", name, status, v)
			}
			if tt.body != "" && tt.body != "{}" {
				if status, v := call(t, h, "asha", tt.method, tt.path, `{"`); status != 400 || v["errcode"] != "M_NOT_JSON" {
					t.Errorf("%s malformed: %d %v", name, status, v)
				}
			}
		}
		for _, path := range []string{"/posts/po_none/history", "/rota?post=po_none"} {
			if status, v := call(t, h, "asha", "GET", path, ""); status != 404 || v["errcode"] != "M_NOT_FOUND" {
				t.Errorf("%s: %d %v", path, status, v)
			}
		}
		if status, _ := call(t, h, "asha", "POST", "/posts/po_med_spr/steal", `{}`); status != 404 {
			t.Errorf("an unknown verb: %d", status)
		}
		_, link := call(t, h, "tom", "POST", "/rota/link", `{}`)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest("GET", link["path"].(string), nil))
		if rec.Code != 200 || !strings.HasPrefix(rec.Body.String(), "BEGIN:VCALENDAR\r\n") {
			t.Errorf("calendar: %d %q", rec.Code, rec.Body)
		}
		rec = httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest("GET", "/_wardline/v1/calendar/guess/duties.ics", nil))
		if rec.Code != 404 {
			t.Errorf("a guessed calendar: %d", rec.Code)
		}
	})
}
