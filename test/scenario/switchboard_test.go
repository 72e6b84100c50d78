package scenario

import (
	"slices"
	"strings"
	"testing"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/paging"
	"wardline/clinical/rota"
	"wardline/clinical/switchboard"
	"wardline/ground/fault"
)

// TestSwitchboard: what an operator sees and does for others, and that all of it says so.
//
// hazard: H3 noticed, nobody owns it
func TestSwitchboard(t *testing.T) {
	t.Parallel()
	both(t, "OK a page that nobody answered is ended by telephone, by a named person", func(t *testing.T, w *Ward) {
		jo, asha, ruth := w.As("jo"), w.As("asha"), w.As("ruth")
		p := asha.Page("po_med_spr", "pt_jones", "NEWS2 9")
		w.Pass(20 * rung())
		pages, err := w.Switchboard.Pages(t.Context())
		if ok(t, err); len(pages) != 1 || !pages[0].Exhausted {
			t.Fatalf("the console shows %d pages", len(pages))
		}
		d, err := w.Switchboard.Page(t.Context(), jo.User, p.ID)
		if ok(t, err); len(d.Rungs) < 3 || d.Rungs[0].Name != "Liam Hughes" {
			t.Fatalf("%d rungs", len(d.Rungs))
		}
		for _, later := range []time.Duration{4 * time.Minute, 4 * time.Minute, 6 * time.Minute} { // fetched anew twice, and opened again
			w.Pass(later)
			_, err = w.Switchboard.Page(t.Context(), jo.User, p.ID)
			ok(t, err)
		}
		no := switchboard.Call{Txn: "1", Page: p.ID, User: w.As("liam").User, Outcome: switchboard.NoAnswer}
		after, err := w.Switchboard.Spoke(t.Context(), jo.User, no)
		if ok(t, err); after.Status != paging.Open {
			t.Fatalf("a call that nobody took closed the page: %s", after.Status)
		}
		yes := switchboard.Call{Txn: "2", Page: p.ID, User: ruth.User, Outcome: switchboard.Coming, Minutes: 20}
		for range 2 { // over bad Wi-Fi
			if after, err = w.Switchboard.Spoke(t.Context(), jo.User, yes); err != nil || after.Accepted == nil || after.Accepted.User != ruth.User {
				t.Fatalf("%s %+v %v", after.Status, after.Accepted, err)
			}
		}
		if last := after.Steps[len(after.Steps)-1]; last.By != jo.User || !strings.Contains(last.Note, "Jo Bright") {
			t.Errorf("the page does not say who told it: %+v", last)
		}
		yes.Txn = "3"
		yes.User = w.As("maya").User
		_, err = w.Switchboard.Spoke(t.Context(), jo.User, yes)
		want(t, err, fault.Conflict)
		lines, err := w.Switchboard.Log(t.Context(), rota.DateOf(w.now()))
		ok(t, err)
		var text string
		for _, row := range switchboard.Table(lines) {
			text += strings.Join(row, "|") + "\n"
		}
		for _, words := range []string{"Jo Bright|telephone call", "Liam Hughes, no answer", "|Ruth Cole, spoken to, coming\n", "numbers looked at", "Jo Bright|accepted|" + string(p.ID) + "|Switchboard, Ruth Cole\n"} {
			if !strings.Contains(text, words) {
				t.Errorf("the log does not have %q: %s", words, text)
			}
		}
		if !slices.ContainsFunc(lines, func(l switchboard.Line) bool {
			return l.Code == "switchboard.call" && slices.Contains(l.Facts, switchboard.Fact{Kind: "outcome", Value: "no_answer"}) && slices.Contains(l.Facts, switchboard.Fact{Kind: "user", Value: "Liam Hughes"})
		}) {
			t.Errorf("no line says in a code and facts that Liam did not answer: %+v", lines)
		}
		if n := strings.Count(text, "numbers looked at"); n != 2 {
			t.Errorf("numbers were looked at %d times, want 2", n)
		}
		if strings.Contains(text, "NEWS2") {
			t.Error("the log holds what the page was about")
		}
	})
	both(t, "OK a page for a caller says for whom", func(t *testing.T, w *Ward) {
		n := paging.NewPage{Txn: "x", To: paging.Target{Post: "po_med_spr"}, Urgency: paging.Urgent, Where: "Theatre 3", What: "ring back", Need: "ring", Callback: "5501", For: "Sister Kelly"}
		p, err := w.Switchboard.Raise(t.Context(), w.As("jo").User, n)
		if ok(t, err); p.From.Role != "for Sister Kelly" || p.From.User != w.As("jo").User {
			t.Fatalf("%+v", p.From)
		}
		n.Txn, n.For = "y", " "
		_, err = w.Switchboard.Raise(t.Context(), w.As("jo").User, n)
		want(t, err, fault.Invalid)
		n.For, n.Callback = "Sister Kelly", ""
		_, err = w.Switchboard.Raise(t.Context(), w.As("jo").User, n)
		want(t, err, fault.Invalid)
	})
	both(t, "OK who is on, the empty ones first, and tonight's gaps; ErrHidden for everybody else", func(t *testing.T, w *Ward) {
		w.Pass(time.Second)
		posts, err := w.Switchboard.Posts(t.Context())
		if ok(t, err); posts[0].ID != "po_med_sho2" || posts[0].Alarm == nil {
			t.Fatalf("first is %s", posts[0].ID)
		}
		gaps, err := w.Switchboard.Gaps(t.Context())
		if ok(t, err); len(gaps) == 0 || gaps[0].Post.ID != "po_med_sho2" {
			t.Fatalf("%d gaps", len(gaps))
		}
		ok(t, w.Switchboard.May(t.Context(), directory.By{User: w.As("jo").User}))
		ok(t, w.Switchboard.May(t.Context(), directory.By{User: w.As("maya").User}))
		want(t, w.Switchboard.May(t.Context(), directory.By{User: w.As("priya").User}), fault.Hidden)
		h := w.api()
		for _, path := range []string{"/switchboard", "/switchboard/log", "/switchboard/log.csv", "/switchboard/pages/pg_none"} {
			if status, v := call(t, h, "asha", "GET", path, ""); status != 404 || v["errcode"] != "M_NOT_FOUND" {
				t.Errorf("%s by a nurse: %d %v", path, status, v)
			}
		}
		if status, v := call(t, h, "jo", "GET", "/switchboard", ""); status != 200 || len(v["posts"].([]any)) != 17 {
			t.Errorf("%d %v", status, v)
		}
		if status, _ := call(t, h, "jo", "GET", "/switchboard/log?day=tomorrow", ""); status != 400 {
			t.Errorf("a day that is none: %d", status)
		}
		if status, v := call(t, h, "jo", "POST", "/switchboard/emergencies", `{"txn":"e","team":"et_stroke","place":"ED R2","what":"","drill":false,"caller":"ED reception"}`); status != 200 || v["from"].(object)["role"] != "for ED reception" {
			t.Errorf("%d %v", status, v)
		}
	})
}
