package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"wardline/clinical/carrier"
	"wardline/clinical/directory"
	"wardline/clinical/paging"
	"wardline/clinical/reach"
	"wardline/clinical/rota"
	"wardline/clinical/status"
	"wardline/clinical/testpage"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

func (b *browsers) heard(u id.User) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, x := range b.told {
		if x == u {
			n++
		}
	}
	return n
}

const sprPost, shoPost = directory.PostID("po_med_spr"), directory.PostID("po_med_sho1")

// only are rules that test these posts and no other, daily at a time.
func (w *Ward) only(at string, posts ...directory.PostID) testpage.Rules {
	w.T.Helper()
	r := testpage.Rules{On: true, At: at, Days: []time.Weekday{0, 1, 2, 3, 4, 5, 6}, Minutes: 5, In: posts}
	all, err := directory.Posts(context.Background(), w.DB)
	if err != nil {
		w.T.Fatal(err)
	}
	for _, p := range all {
		if !slices.Contains(posts, p.ID) {
			r.Out = append(r.Out, p.ID)
		}
	}
	return r
}

// tests puts rules in force.
func (w *Ward) tests(r testpage.Rules) {
	w.T.Helper()
	all, err := w.Tests.Rules(context.Background())
	if err != nil {
		w.T.Fatal(err)
	}
	if _, err := w.Tests.SetRules(context.Background(), w.As("jo").User, all[0].Version, r, "a scenario"); err != nil {
		w.T.Fatal(err)
	}
}

// until lets time pass to a time of the trust's walls, today or tomorrow.
func (w *Ward) until(at string) {
	w.T.Helper()
	clock, err := time.Parse("15:04", at)
	if err != nil {
		w.T.Fatal(err)
	}
	d := rota.DateOf(w.now())
	then := d.At(clock.Hour()*60 + clock.Minute())
	if !then.After(w.now()) {
		then = d.Add(1).At(clock.Hour()*60 + clock.Minute())
	}
	w.Pass(then.Sub(w.now()))
}

// tested is what the holder's devices are to answer.
func (a Actor) tested() []testpage.RunID {
	a.w.T.Helper()
	d, err := a.w.Accounts.DataOf(context.Background(), a.User, "", testpage.Type)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		a.w.T.Fatal(err)
	}
	var c struct {
		Tests []struct {
			Run testpage.RunID `json:"run"`
		} `json:"tests"`
	}
	if err := json.Unmarshal(d.Content, &c); err != nil {
		a.w.T.Fatal(err)
	}
	var all []testpage.RunID
	for _, t := range c.Tests {
		all = append(all, t.Run)
	}
	return all
}

// receives answers the one test that the person has.
func (a Actor) receives() testpage.Answer {
	a.w.T.Helper()
	all := a.tested()
	if len(all) != 1 {
		a.w.T.Fatalf("%s has the tests %v", a.User, all)
	}
	got, err := a.w.Tests.Receive(context.Background(), a.User, all[0])
	if err != nil {
		a.w.T.Fatalf("%s: %v", a.User, err)
	}
	return got
}

// informed are the lines about the test page that somebody was told.
func (a Actor) informed() []string {
	a.w.T.Helper()
	rooms, err := a.w.Rooms.Mutual(context.Background(), Steward, a.User)
	if err != nil {
		a.w.T.Fatal(err)
	}
	var all []string
	for _, r := range rooms {
		for _, body := range a.bodies(r) {
			if strings.Contains(strings.ToLower(body), "test page") {
				all = append(all, body)
			}
		}
	}
	return all
}

func (w *Ward) testBoard() testpage.Board {
	w.T.Helper()
	b, err := w.Tests.Board(context.Background())
	if err != nil {
		w.T.Fatal(err)
	}
	return b
}

// row is a post on the board; missing it is a failure.
func (w *Ward) row(post directory.PostID) testpage.Row {
	w.T.Helper()
	for _, r := range w.testBoard().Rows {
		if r.Post == post {
			return r
		}
	}
	w.T.Fatalf("%s is not on the board", post)
	return testpage.Row{}
}

func wayOf(r testpage.Row, way string) testpage.WayState {
	for _, w := range r.Ways {
		if w.Way == way {
			return w.State
		}
	}
	return ""
}

// runs counts the runs of the history by their state.
func (w *Ward) runs() map[testpage.RunState]int {
	w.T.Helper()
	h, err := w.Tests.History(context.Background())
	if err != nil {
		w.T.Fatal(err)
	}
	n := map[testpage.RunState]int{}
	for _, r := range h.Runs {
		n[r.State]++
	}
	return n
}

// hazard: H1
func TestTestPage(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	in(t, "OK at its time whoever holds each post has a test, answers, and the board says after how long and by which way", func(t *testing.T, w *Ward) {
		w.Browsers.of = map[id.User]int{w.As("grace").User: 1}
		liam, grace := w.As("liam"), w.As("grace")
		w.tests(w.only("00:05", sprPost, shoPost))
		w.until("00:04")
		if len(liam.tested())+w.Browsers.heard(grace.User) != 0 {
			t.Fatal("it came too early")
		}
		w.until("00:05")
		run := liam.tested()
		if len(run) != 1 || w.row(sprPost).State != testpage.Waiting || w.Browsers.heard(grace.User) != 1 {
			t.Fatalf("%v, %+v", run, w.row(sprPost))
		}
		w.Pass(4 * time.Second)
		ok(t, w.Tests.Reached(ctx, liam.User, run[0], testpage.App))
		ok(t, w.Tests.Reached(ctx, grace.User, run[0], testpage.Push))
		w.Pass(8 * time.Second)
		for range 2 { // over bad Wi-Fi
			got, err := w.Tests.Receive(ctx, liam.User, run[0])
			if ok(t, err); got.Posts != 1 || got.Late || got.After != 12_000 {
				t.Fatalf("%+v", got)
			}
		}
		grace.receives()
		r, g := w.row(sprPost), w.row(shoPost)
		if r.State != testpage.Received || r.Via != testpage.App || wayOf(r, testpage.Push) != testpage.NoWay || len(liam.tested()) != 0 {
			t.Errorf("%+v", r)
		}
		if g.State != testpage.Received || g.Via != testpage.Push || wayOf(g, testpage.Push) != testpage.OnDevice {
			t.Errorf("%+v", g)
		}
		if told := w.As("jo").informed(); len(told) != 0 {
			t.Errorf("all is well, and the switchboard was told %q", told)
		}
		if n := w.runs(); n[testpage.Done] != 1 {
			t.Errorf("%v", n)
		}
		w.Pass(24 * time.Hour)
		if n := w.runs(); n[testpage.Done]+n[testpage.Running] != 2 {
			t.Errorf("the next day there are %v", n)
		}
	})
	in(t, "OK who does not answer is red, one whom no device reached and one who looked apart, and the switchboard hears of it once", func(t *testing.T, w *Ward) {
		liam, grace := w.As("liam"), w.As("grace")
		w.tests(w.only("00:05", sprPost, shoPost, "po_med_sho2"))
		w.until("00:05")
		ok(t, w.Tests.Reached(ctx, grace.User, grace.tested()[0], testpage.App))
		if w.row("po_med_sho2").State != testpage.Nobody {
			t.Errorf("%+v", w.row("po_med_sho2"))
		}
		w.Pass(5 * time.Minute)
		if a, b := w.row(sprPost).State, w.row(shoPost).State; a != testpage.Unreached || b != testpage.Unanswered {
			t.Errorf("%s, %s", a, b)
		}
		told := w.As("jo").informed()
		if len(told) != 1 || !strings.Contains(told[0], "3 of 3 posts did not pass") || !strings.Contains(told[0], "SHO 1 (not answered)") {
			t.Errorf("the switchboard was told %q", told)
		}
		w.Restart(time.Minute)
		if n := len(w.As("jo").informed()); n != 1 {
			t.Errorf("after a restart it was told %d times", n)
		}
		// An answer after the time is late, and no pass.
		if got := liam.receives(); !got.Late {
			t.Errorf("%+v", got)
		}
		if r := w.row(sprPost); r.State != testpage.Late || !r.State.Failed() {
			t.Errorf("%+v", r)
		}
		// Half an hour later it is put away, and refused with a sentence.
		run := grace.tested()[0]
		w.Pass(31 * time.Minute)
		if len(grace.tested()) != 0 {
			t.Error("it is still shown")
		}
		_, err := w.Tests.Receive(ctx, grace.User, run)
		want(t, err, fault.Conflict)
		ok(t, w.Tests.Phoned(ctx, w.As("jo").User, w.row(shoPost).ID, " battery  flat "))
		if r := w.row(shoPost); r.State != testpage.Unanswered || r.PhoneName != "Jo Bright" || string(r.PhoneNote) != "battery flat" {
			t.Errorf("%+v", r)
		}
		b := w.testBoard()
		if b.Rows[0].Post != "po_med_sho2" {
			t.Errorf("first on the board is %s", b.Rows[0].Post)
		}
		_, err = w.Tests.TestNow(ctx, w.As("jo").User, "again", nil)
		ok(t, err)
		w.Pass(6 * time.Minute)
		if r := w.row(shoPost); !r.Twice {
			t.Error("it failed twice running, and that is not seen")
		}
		h, err := w.Tests.History(ctx)
		if ok(t, err); len(h.Strips) != 3 || len(h.Runs) != 2 || h.Strips[0].Percent != 0 || h.Strips[0].Marks[0] != testpage.Fail {
			t.Errorf("%+v", h)
		}
		table, err := w.Tests.Table(ctx)
		ok(t, err)
		var text string
		for _, row := range table {
			text += strings.Join(row, "|") + "\n"
		}
		if !strings.Contains(text, "SHO 1|Grace Obi|not answered||") || !strings.Contains(text, "received late") || !strings.Contains(text, "Jo Bright") {
			t.Error(text)
		}
	})
}

// hazard: H6
func TestTestPage_Holders(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	in(t, "OK protected states are left alone, also one that begins meanwhile", func(t *testing.T, w *Ward) {
		liam, grace := w.As("liam"), w.As("grace")
		w.tests(w.only("00:05", sprPost, shoPost))
		w.until("00:04")
		_, err := w.Status.Set(ctx, liam.User, status.Status{Kind: status.Sterile, Until: w.now().Add(time.Hour)})
		ok(t, err)
		w.Pass(time.Minute)
		if len(liam.tested()) != 0 || w.Browsers.heard(liam.User) != 0 || w.row(sprPost).State != testpage.Protected || w.row(sprPost).Why != "is in a sterile procedure" || w.row(sprPost).Reason != (testpage.Reason{Code: "sterile"}) {
			t.Errorf("%+v", w.row(sprPost))
		}
		_, err = w.Status.Set(ctx, grace.User, status.Status{Kind: status.Rest, Until: w.now().Add(time.Hour)})
		ok(t, err)
		w.Pass(6 * time.Minute)
		if r := w.row(shoPost); r.State != testpage.Protected || len(grace.tested()) != 0 {
			t.Errorf("%+v", r)
		}
		if told := w.As("jo").informed(); len(told) != 0 {
			t.Errorf("the switchboard was told %q", told)
		}
	})
	in(t, "OK a test goes with its post to a new holder, whose time begins then", func(t *testing.T, w *Ward) {
		liam, ruth := w.As("liam"), w.As("ruth")
		w.tests(w.only("00:05", sprPost))
		w.until("00:05")
		run := liam.tested()[0]
		w.Pass(4 * time.Minute)
		ok(t, liam.Does(rota.Give, sprPost, "ruth"))
		ok(t, ruth.Does(rota.Accept, sprPost))
		w.Pass(time.Second)
		if len(liam.tested()) != 0 || len(ruth.tested()) != 1 || w.Browsers.heard(ruth.User) != 1 {
			t.Fatalf("Liam has %v, Ruth %v", liam.tested(), ruth.tested())
		}
		_, err := w.Tests.Receive(ctx, liam.User, run)
		want(t, err, fault.Conflict)
		w.Pass(2 * time.Minute)
		if got := ruth.receives(); got.Late || got.After != 121_000 {
			t.Errorf("%+v", got)
		}
		if r := w.row(sprPost); r.State != testpage.Received || r.UserName != "Ruth Cole" || r.Why != "was with Liam Hughes" || r.Reason != (testpage.Reason{Code: testpage.Moved, Name: "Liam Hughes"}) {
			t.Errorf("%+v", r)
		}
	})
	in(t, "OK handed to and fro it has an end all the same", func(t *testing.T, w *Ward) {
		w.tests(w.only("00:05", sprPost))
		w.until("00:05")
		had := "liam"
		for _, who := range []string{"ruth", "ken", "sofia", "ines"} {
			w.Pass(3 * time.Minute)
			ok(t, w.As(had).Does(rota.Give, sprPost, who))
			ok(t, w.As(who).Does(rota.Accept, sprPost))
			had = who
		}
		if r := w.row(sprPost); r.State.Failed() != true || r.EndedAt-r.ToldAt > (5*time.Minute).Milliseconds() {
			t.Errorf("%+v", r)
		}
	})
	in(t, "OK whose holder falls ill or leaves the trust meanwhile nobody holds", func(t *testing.T, w *Ward) {
		w.tests(w.only("00:05", sprPost, shoPost))
		w.until("00:05")
		w.As("liam").falls()
		if r := w.row(sprPost); r.State != testpage.Nobody || len(w.As("liam").tested()) != 0 {
			t.Errorf("%+v", r)
		}
		ok(t, w.Staff.Leave(ctx, w.As("maya").User, w.As("grace").User))
		if r := w.row(shoPost); r.State != testpage.Nobody && r.User == w.As("grace").User {
			t.Errorf("%+v", r)
		}
		w.Pass(6 * time.Minute)
		if n := w.runs(); n[testpage.Running] != 0 {
			t.Errorf("%v", n)
		}
	})
}

// hazard: H11
func TestTestPage_IsNoPage(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	in(t, "OK it raises no page, is in no measure and no ledger, and nobody's notice but the holder's", func(t *testing.T, w *Ward) {
		w.tests(w.only("00:05", sprPost))
		w.until("00:05")
		w.Pass(10 * time.Minute)
		pages, err := w.Switchboard.Pages(ctx)
		if ok(t, err); len(pages) != 0 {
			t.Errorf("%d pages are open", len(pages))
		}
		ok(t, paging.Between(ctx, w.DB, w.now().Add(-24*time.Hour), w.now().Add(time.Hour), func(p paging.Page) error {
			t.Errorf("a page to %s was raised", p.Post.Name)
			return nil
		}))
		days, err := w.Ledger.Mine(ctx, w.As("liam").User, 2)
		if ok(t, err); len(days[0].Kinds)+len(days[1].Kinds) != 0 {
			t.Errorf("the ledger has %+v", days)
		}
		if len(w.As("grace").tested()) != 0 || w.Browsers.heard(w.As("grace").User) != 0 {
			t.Error("it climbed")
		}
		if _, err := audit.Verify(ctx, w.DB); err != nil {
			t.Error(err)
		}
	})
	in(t, "OK a page that comes meanwhile is not held up, and its answer answers no test", func(t *testing.T, w *Ward) {
		w.tests(w.only("00:05", sprPost))
		w.until("00:05")
		p := w.As("asha").Page(sprPost, "pt_jones", "NEWS2 9")
		ok(t, w.As("liam").Accept(p.ID))
		if r := w.row(sprPost); r.State != testpage.Waiting {
			t.Errorf("%+v", r)
		}
		w.As("liam").receives()
	})
	in(t, "OK carriers are used only where the rules say so, in words that are plainly a test", func(t *testing.T, w *Ward) {
		pager, sms := &telephone{}, &telephone{}
		w.Carriers = reach.Config{Carriers: map[reach.Way]carrier.Carrier{reach.Pager: pager, reach.SMS: sms}}
		w.Restart(0)
		ok(t, w.Reach.SetContact(ctx, w.As("maya").User, reach.Post(sprPost), reach.Pager, "+4471"))
		ok(t, w.Reach.SetContact(ctx, w.As("liam").User, reach.Person(w.As("liam").User), reach.SMS, "+447700900123"))
		r := w.only("00:05", sprPost)
		r.Ways = []reach.Way{reach.Pager}
		w.tests(r)
		w.until("00:05")
		got := pager.texts()
		if len(got) != 1 || len(sms.texts()) != 0 || got[0].To != "+4471" || !strings.HasPrefix(got[0].Text, "TEST for Medical registrar on call. Nobody needs you.") {
			t.Fatalf("%+v %+v", got, sms.texts())
		}
		if wayOf(w.row(sprPost), "pager") != testpage.Taken {
			t.Errorf("%+v", w.row(sprPost).Ways)
		}
		req, _ := http.NewRequest("POST", "/", strings.NewReader("honest "+got[0].Ref+" arrived"))
		ok(t, w.Reach.Receive(ctx, reach.Pager, req))
		if wayOf(w.row(sprPost), "pager") != testpage.Arrived {
			t.Errorf("%+v", w.row(sprPost).Ways)
		}
		w.Pass(6 * time.Minute) // a carrier's word passes no test
		if r := w.row(sprPost); r.State != testpage.Unanswered {
			t.Errorf("%+v", r)
		}
		pager.be(carrier.ErrRefused)
		_, err := w.Tests.TestNow(ctx, w.As("jo").User, "again", []directory.PostID{sprPost})
		ok(t, err)
		w.Pass(6 * time.Minute)
		if r := w.row(sprPost); r.State != testpage.Unreached || wayOf(r, "pager") != testpage.Failed {
			t.Errorf("%+v", r)
		}
		if strings.Contains(w.Log.String(), "900123") || strings.Contains(w.Log.String(), "4471") {
			t.Error("a number is in the log")
		}
	})
	in(t, "OK a push service that cannot be reached is tried three times and said so", func(t *testing.T, w *Ward) {
		w.Browsers.fail = errors.New("no route")
		w.tests(w.only("00:05", sprPost))
		w.until("00:05")
		w.Pass(4 * time.Minute)
		if r := w.row(sprPost); w.Browsers.heard(w.As("liam").User) != 3 || wayOf(r, testpage.Push) != testpage.Failed {
			t.Errorf("%+v", r)
		}
	})
}

func TestTestPage_Operators(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	in(t, "OK the usual posts are the critical ones and those of emergency teams; single ones are put in and left out", func(t *testing.T, w *Ward) {
		names := func(r testpage.Rules) string {
			posts, err := testpage.Posts(ctx, w.DB, r)
			ok(t, err)
			var all []string
			for _, p := range posts {
				all = append(all, string(p.ID))
			}
			return " " + strings.Join(all, " ") + " "
		}
		usual := names(testpage.Rules{})
		for post, is := range map[string]bool{"po_med_spr": true, "po_outreach": true, "po_switch": true, "po_pharm": false, "po_surg_sho": false} {
			if strings.Contains(usual, " "+post+" ") != is {
				t.Errorf("%s: %v; they are%s", post, !is, usual)
			}
		}
		some := names(testpage.Rules{In: []directory.PostID{"po_pharm"}, Out: []directory.PostID{"po_med_spr"}})
		if !strings.Contains(some, " po_pharm ") || strings.Contains(some, " po_med_spr ") {
			t.Error(some)
		}
	})
	in(t, "OK test now, of one post or all, once for a press; a post that is being tested is left out", func(t *testing.T, w *Ward) {
		jo := w.As("jo").User
		for range 2 {
			_, err := w.Tests.TestNow(ctx, jo, "1", []directory.PostID{sprPost})
			ok(t, err)
		}
		w.Pass(time.Second)
		if len(w.As("liam").tested()) != 1 {
			t.Fatalf("%v", w.As("liam").tested())
		}
		_, err := w.Tests.TestNow(ctx, jo, "2", []directory.PostID{sprPost})
		want(t, err, fault.Conflict)
		_, err = w.Tests.TestNow(ctx, jo, "3", []directory.PostID{"po_none"})
		want(t, err, fault.Invalid)
		run, err := w.Tests.TestNow(ctx, jo, "4", nil)
		if ok(t, err); run.Kind != testpage.All {
			t.Errorf("%+v", run)
		}
		w.Pass(time.Second)
		if len(w.As("liam").tested()) != 1 || len(w.As("grace").tested()) != 1 {
			t.Errorf("Liam %v, Grace %v", w.As("liam").tested(), w.As("grace").tested())
		}
		w.As("liam").receives()
		w.As("maya").receives() // site lead: one press for all their posts
	})
	in(t, "OK three hundred posts are told, each by an act of its own", func(t *testing.T, w *Ward) {
		w.write(func(ctx context.Context, tx *db.Tx) error {
			for i := range 300 {
				p := directory.Post{ID: directory.PostID(fmt.Sprintf("po_x%03d", i)), Name: fmt.Sprintf("Post %03d", i), Service: "Many", Critical: true, Pageable: true, Place: "w7"}
				if err := directory.SavePost(ctx, tx, p); err != nil {
					return err
				}
			}
			return nil
		})
		_, err := w.Tests.TestNow(ctx, w.As("jo").User, "all", nil)
		ok(t, err)
		w.Pass(time.Second)
		if b := w.testBoard(); len(b.Rows) < 300 || slices.ContainsFunc(b.Rows, func(r testpage.Row) bool { return r.State == testpage.Planned }) {
			t.Errorf("%d rows", len(b.Rows))
		}
	})
	in(t, "OK rules are kept by version, and refuse what somebody else has changed", func(t *testing.T, w *Ward) {
		jo := w.As("jo").User
		r := w.only("00:05", sprPost)
		_, err := w.Tests.SetRules(ctx, jo, 0, r, "")
		ok(t, err)
		_, err = w.Tests.SetRules(ctx, jo, 0, r, "")
		want(t, err, fault.Conflict)
		r.In = append(r.In, "po_none")
		_, err = w.Tests.SetRules(ctx, jo, 1, r, "")
		want(t, err, fault.Invalid)
		all, err := w.Tests.Rules(ctx)
		if ok(t, err); len(all) != 1 || all[0].By != jo {
			t.Errorf("%+v", all)
		}
	})
	in(t, "OK rules that change in the minute of the test take nothing from the day", func(t *testing.T, w *Ward) {
		w.tests(w.only("00:05", sprPost))
		w.until("00:04")
		w.SetClock(time.Minute) // nothing has looked at the clock yet
		w.tests(w.only("00:05", sprPost, shoPost))
		w.Pass(time.Second)
		if n := w.runs(); n[testpage.Running] != 1 {
			t.Errorf("%v", n)
		}
	})
}

func TestTestPage_Hidden(t *testing.T) {
	t.Parallel()
	in(t, "ErrHidden for who is neither at the switchboard nor keeps everything, and for a test that is not one's own", func(t *testing.T, w *Ward) {
		w.tests(w.only("00:05", sprPost))
		w.until("00:05")
		run, test := w.As("liam").tested()[0], w.row(sprPost).ID
		h := w.api()
		for _, c := range []struct{ method, path, body string }{{"GET", "", ""}, {"GET", "/history", ""}, {"GET", "/history.csv", ""}, {"GET", "/rules", ""}, {"PUT", "/rules", `{}`}, {"POST", "/runs", `{"txn":"x"}`},
			{"POST", "/posts/" + string(test) + "/telephone", `{}`}, {"GET", "/posts/" + string(test) + "/numbers", ""}} {
			if status, v := call(t, h, "asha", c.method, "/switchboard/test"+c.path, c.body); status != 404 || v["errcode"] != "M_NOT_FOUND" {
				t.Errorf("%s %s: %d %v", c.method, c.path, status, v)
			}
		}
		for _, path := range []string{string(run) + "/received", string(run) + "/reached", "tr_none/received"} {
			if status, v := call(t, h, "asha", "POST", "/tests/"+path, `{"way":"app"}`); status != 404 || v["errcode"] != "M_NOT_FOUND" {
				t.Errorf("%s: %d %v", path, status, v)
			}
		}
		if status, v := call(t, h, "liam", "POST", "/tests/"+string(run)+"/reached", `{"way":"app"}`); status != 200 {
			t.Errorf("%d %v", status, v)
		}
		if status, v := call(t, h, "liam", "POST", "/tests/"+string(run)+"/received", `{}`); status != 200 || v["posts"] != 1.0 {
			t.Errorf("%d %v", status, v)
		}
		if status, v := call(t, h, "jo", "GET", "/switchboard/test", ""); status != 200 || len(v["rows"].([]any)) != 1 {
			t.Errorf("%d %v", status, v)
		}
		if status, v := call(t, h, "jo", "GET", "/switchboard/test/rules", ""); status != 200 || len(v["posts"].([]any)) < 10 {
			t.Errorf("%d %v", status, v)
		}
		if status, v := call(t, h, "jo", "GET", "/switchboard/test/posts/"+string(test)+"/numbers", ""); status != 200 {
			t.Errorf("%d %v", status, v)
		}
		if status, v := call(t, h, "jo", "POST", "/switchboard/test/posts/"+string(test)+"/telephone", `{"note":"x"}`); status != 409 {
			t.Errorf("an answered test, by telephone: %d %v", status, v)
		}
	})
}
