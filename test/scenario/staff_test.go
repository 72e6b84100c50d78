package scenario

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/staff"
	"wardline/ground/fault"
	"wardline/matrix/account"
)

// hazard: H6
func TestLeaver(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	in(t, "OK in the middle of a duty: access ends everywhere at once, the post is an alarm, the page goes on", func(t *testing.T, w *Ward) {
		liam, asha := w.As("liam"), w.As("asha")
		ses, err := w.Accounts.Open(ctx, liam.User, account.SignIn{Name: "phone", Refresh: true})
		ok(t, err)
		link, err := w.Staff.Link(ctx, w.As("maya").User, liam.User)
		ok(t, err)
		_, err = w.Accounts.Authenticate(ctx, ses.Access)
		ok(t, err)
		cal, err := w.Rota.NewLink(ctx, liam.User)
		ok(t, err)
		page := asha.Page("po_med_spr", "pt_jones", "x")
		want(t, w.Staff.Leave(ctx, liam.User, liam.User), fault.Invalid)
		ok(t, w.Staff.Leave(ctx, w.As("maya").User, liam.User))

		_, err = w.Accounts.Authenticate(ctx, ses.Access)
		want(t, err, fault.Unauthenticated)
		_, err = w.Accounts.Refresh(ctx, ses.Refresh, "")
		want(t, err, fault.Unauthenticated)
		_, err = w.Accounts.LoginToken(ctx, link, account.SignIn{})
		want(t, err, fault.Forbidden)
		_, err = w.Accounts.Login(ctx, liam.User, "st-elsewhere", account.SignIn{})
		want(t, err, fault.Unauthenticated)
		_, err = w.Rota.Calendar(ctx, cal)
		want(t, err, fault.NotFound)
		if devices, err := w.Accounts.DevicesOf(ctx, liam.User); err != nil || len(devices) != 0 {
			t.Errorf("%d devices, %v", len(devices), err)
		}
		v, err := w.Rota.View(ctx, "po_med_spr")
		if ok(t, err); len(v.Holders) != 0 || v.Alarm == nil {
			t.Errorf("the post is held by %v, alarm %v", v.Holders, v.Alarm)
		}
		if page, err = asha.Sees(page.ID); err != nil || page.Current.User == liam.User {
			t.Errorf("the page is still with %s, %v", page.Current.User, err)
		}
		hits, err := w.Directory.Search(ctx, "liam", nil, 5)
		if ok(t, err); len(hits) != 0 {
			t.Errorf("the leaver is found: %v", hits[0].Person.Name)
		}
		if p := w.rings("po_med_spr"); p == nil || p.Current.User != w.As("grace").User || !strings.Contains(p.What, "Nobody holds Medical registrar on call") {
			t.Errorf("the next on the ladder has %+v", p)
		}
		// And back again: nobody is signed in by it.
		ok(t, w.Staff.Return(ctx, w.As("maya").User, liam.User))
		_, err = w.Accounts.Authenticate(ctx, ses.Access)
		want(t, err, fault.Unauthenticated)
		_, err = w.Accounts.Login(ctx, liam.User, "st-elsewhere", account.SignIn{})
		ok(t, err)
		w.Pass(time.Minute)
		if w.holder("po_med_spr") != "liam" {
			t.Errorf("held by %q after the return", w.holder("po_med_spr"))
		}
		if w.rings("po_med_spr") != nil {
			t.Error("it rings on after the return")
		}
	})
	in(t, "OK a crash in the act leaves all of it or nothing", func(t *testing.T, w *Ward) {
		for i, seam := range []string{"before-commit", "before-wake"} {
			w.Crash(seam, "staff.leave", func() { _ = w.Staff.Leave(ctx, w.As("maya").User, w.As("liam").User) })
			who, err := w.Accounts.Account(ctx, w.As("liam").User)
			ok(t, err)
			if gone := i == 1; who.Locked != gone || (w.holder("po_med_spr") == "") != gone {
				t.Errorf("after a crash at %s: locked %v, held by %q", seam, who.Locked, w.holder("po_med_spr"))
			}
		}
	})
}

const file = "Employee Number,Title,First Name,Last Name,Position Title,Pay Band,Staff Group,Department,Registration Body,Registration Number,Email Address,Leaving Date\n"

func TestImport(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	maya := func(w *Ward) (by func(body string, o staff.Options) (staff.Report, error)) {
		return func(body string, o staff.Options) (staff.Report, error) {
			return w.Staff.Import(ctx, w.As("maya").User, []byte(body), o)
		}
	}
	in(t, "OK a dry run changes nothing, and the run does what it said", func(t *testing.T, w *Ward) {
		do := maya(w)
		body := file +
			"1001,Ms,ZOE,O'BRIEN,Staff nurse,Band 5,Nursing,Ward 7,Nursing and Midwifery Council,98I1234E,zoe@st-elsewhere.example,\n" +
			"1002,Mr,Karl,Weiss,Porter,Band 2,Estates,Ward 3,,,karl@st-elsewhere.example,\n" +
			"1003,Mr,Old,Hand,Porter,Band 2,Estates,Ward 3,,,old@st-elsewhere.example,01/01/1999\n"
		dry, err := do(body, staff.Options{Dry: true})
		if ok(t, err); len(dry.New) != 2 || len(dry.Problems) != 0 || dry.Rows != 3 || dry.Unchanged != 1 {
			t.Fatalf("%+v", dry)
		}
		if _, err := directory.WithNumber(ctx, w.DB, "1001"); !fault.Is(err, fault.NotFound) {
			t.Fatalf("a dry run brought somebody in: %v", err)
		}
		_, err = do(body, staff.Options{})
		ok(t, err)
		zoe, err := directory.WithNumber(ctx, w.DB, "1001")
		if ok(t, err); zoe.Name != "Zoe O'Brien" || zoe.Registration != "NMC 98I1234E" || zoe.WardName != "Ward 7" || zoe.User != "@zoe:st-elsewhere" {
			t.Errorf("%+v", zoe)
		}
		again, err := do(body, staff.Options{})
		if ok(t, err); len(again.New)+len(again.Changed)+len(again.Leaving) != 0 {
			t.Errorf("the second time it would do %+v", again)
		}
		moved, err := do(strings.Replace(strings.Replace(body, "Ward 7", "Ward 5", 1), "karl@st-elsewhere.example,", "karl@st-elsewhere.example,31/12/1999", 1), staff.Options{})
		if ok(t, err); len(moved.Changed) != 1 || moved.Changed[0].What[0] != "ward" || len(moved.Leaving) != 1 {
			t.Errorf("%+v", moved)
		}
		if karl, err := directory.WithNumber(ctx, w.DB, "1002"); err != nil || !karl.Left() {
			t.Errorf("Karl has not left: %v", err)
		}
	})
	in(t, "ErrColumns a file with other columns says which it has, and can be mapped", func(t *testing.T, w *Ward) {
		do := maya(w)
		body := "Kennung;Wer\n7;Asha Two\n"
		_, err := do(body, staff.Options{Dry: true})
		if f := fault.As(err); f == nil || f.Kind != fault.Invalid || !strings.Contains(f.Public, "Kennung, Wer") {
			t.Fatalf("got %v", err)
		}
		_, err = do(body, staff.Options{Dry: true, Mapping: map[string]string{"number": "Kennung", "name": "Nobody"}})
		want(t, err, fault.Invalid)
		rep, err := do(body, staff.Options{Dry: true, Mapping: map[string]string{"number": "Kennung", "name": "Wer"}})
		if ok(t, err); len(rep.New) != 1 || rep.New[0].Name != "Asha Two" {
			t.Errorf("%+v", rep)
		}
		_, err = do("", staff.Options{})
		want(t, err, fault.Invalid)
		_, err = do("PK\x03\x04\x00\x00", staff.Options{})
		want(t, err, fault.Invalid)
	})
	in(t, "ErrLines what is wrong is named and left out, and the rest comes in", func(t *testing.T, w *Ward) {
		rep, err := maya(w)(file+
			"2001,,Two,Times,,,,Ward 7,,,,\n"+
			"2001,,Twice,Times,,,,Ward 7,,,,\n"+
			"2002,,Wrong,Ward,,,,Ward 99,,,,\n"+
			"2003,,Wrong,Pin,,,,Ward 7,NMC,12,,\n"+
			",,No,Number,,,,Ward 7,,,,\n"+
			"2004,,Too,Few\n"+
			"2005,,Bad,Date,,,,Ward 7,,,,soon\n"+
			"2006,,Bad,Mail,,,,Ward 7,,,nowhere,\n"+
			"\n"+
			"2007,,Good,One,,,,Ward 7,,,,\n", staff.Options{})
		if ok(t, err); len(rep.New) != 1 || len(rep.Problems) != 8 {
			t.Fatalf("%d new, problems %+v", len(rep.New), rep.Problems)
		}
		for _, p := range rep.Problems {
			if p.Line == 0 || p.Why == "" {
				t.Errorf("%+v", p)
			}
		}
	})
	in(t, "ErrMissing a file that was cut off lets nobody leave", func(t *testing.T, w *Ward) {
		do := maya(w)
		var b strings.Builder
		for i := range 40 {
			fmt.Fprintf(&b, "%d,,P%d,Erson,,,,Ward 7,,,,\n", 3000+i, i)
		}
		_, err := do(file+b.String(), staff.Options{})
		ok(t, err)
		_, err = do(file+"3000,,P0,Erson,,,,Ward 7,,,,\n", staff.Options{Missing: true})
		if f := fault.As(err); f == nil || f.Kind != fault.Conflict {
			t.Fatalf("got %v", err)
		}
		if p, err := directory.WithNumber(ctx, w.DB, "3039"); err != nil || p.Left() {
			t.Errorf("%v %v", p.Left(), err)
		}
		rest := strings.Join(strings.SplitAfter(b.String(), "\n")[:38], "")
		rep, err := do(file+rest, staff.Options{Missing: true})
		if ok(t, err); len(rep.Missing) != 2 {
			t.Fatalf("%d missing", len(rep.Missing))
		}
		if p, err := directory.WithNumber(ctx, w.DB, "3039"); err != nil || !p.Left() {
			t.Errorf("%v %v", p.Left(), err)
		}
	})
}

func TestAPI_Staff(t *testing.T) {
	t.Parallel()
	in(t, "OK cards for all staff, the rest for who looks after the directory", func(t *testing.T, w *Ward) {
		h := w.api()
		entry := `{"number":"77","name":"New Person","role":"Porter","ward":"Ward 7","registration":"","email":"new.person@st-elsewhere.example","languages":["Welsh"]}`
		for _, tt := range []struct {
			method, path, body string
			other              int
		}{
			{"GET", "/people/@liam:st-elsewhere", "", 200},
			{"GET", "/teams/tm_crash", "", 200},
			{"GET", "/places", "", 200},
			{"GET", "/staff?q=asha", "", 404},
			{"POST", "/staff", entry, 404},
			{"PUT", "/staff/@new.person:st-elsewhere", entry, 404},
			{"POST", "/staff/@new.person:st-elsewhere/link", `{}`, 404},
			{"GET", "/staff/@liam:st-elsewhere/devices", "", 404},
			{"POST", "/staff/@liam:st-elsewhere/sign-out", `{"device":""}`, 404},
			{"POST", "/staff/@new.person:st-elsewhere/leave", `{}`, 404},
			{"POST", "/staff/@new.person:st-elsewhere/return", `{}`, 404},
			{"GET", "/staff?left=true", "", 404},
			{"GET", "/staff/sources", "", 404},
			{"GET", "/arrange", "", 404},
			{"GET", "/arrange/posts/po_med_spr", "", 404},
			{"POST", "/arrange/posts", `{"name":"Night porter","service":"Site","must":1}`, 404},
			{"POST", "/arrange/teams", `{"name":"New team","members":[]}`, 404},
			{"PUT", "/arrange/keepers", `{"user":"@tom:st-elsewhere","service":"Medicine","on":true}`, 404},
			{"POST", "/staff/@new.person:st-elsewhere/reset", `{}`, 404},
			{"POST", "/staff/import?dry=true", file + "1,,A,B,,,,,,,,\n", 404},
		} {
			name := tt.method + " " + tt.path
			if status, v := call(t, h, "owen", tt.method, tt.path, tt.body); status != tt.other {
				t.Errorf("%s by somebody of the ward: %d %v, want %d", name, status, v, tt.other)
			}
			if status, v := call(t, h, "maya", tt.method, tt.path, tt.body); status != 200 {
				t.Errorf("%s: %d %v", name, status, v)
			}
			if status, _ := call(t, h, "stranger", tt.method, tt.path, tt.body); status != 404 {
				t.Errorf("%s by a stranger: %d", name, status)
			}
		}
		_, liam := call(t, h, "asha", "GET", "/people/@liam:st-elsewhere", "")
		if posts := liam["posts"].([]any); len(posts) != 1 || liam["number"] != nil {
			t.Errorf("%v", liam)
		}
		if status, _ := call(t, h, "asha", "GET", "/people/@nobody:st-elsewhere", ""); status != 404 {
			t.Errorf("nobody: %d", status)
		}
	})
}

func TestSearch_ForgivesSlips(t *testing.T) {
	t.Parallel()
	in(t, "OK", func(t *testing.T, w *Ward) {
		for q, want := range map[string]string{"hugehs": "Liam Hughes", "ftaima": "Fatima Siddiqui", "siddiqi": "Fatima Siddiqui", "registar stroke": "Stroke registrar", "obrien": "Aoife O’Brien",
			"llyr": "Bronwen Llŷr", "physiotherpist": "Kate Sullivan", "anesthetic": "Anaesthetic registrar"} {
			hits, err := w.Directory.Search(context.Background(), q, nil, 3)
			ok(t, err)
			var got []string
			for _, h := range hits {
				got = append(got, h.Post.Name+h.Person.Name+h.Team.Name)
			}
			if len(got) == 0 || got[0] != want {
				t.Errorf("%q finds %q, want %s first", q, got, want)
			}
		}
		if hits, err := w.Directory.Search(context.Background(), "zzzzzz", nil, 3); err != nil || len(hits) != 0 {
			t.Errorf("nonsense finds %d, %v", len(hits), err)
		}
	})
}

// hazard: H20
func TestStaff_NobodyComesInAsAnAdministrator(t *testing.T) {
	t.Parallel()
	in(t, "OK who keeps the staff list makes no link for an administrator", func(t *testing.T, w *Ward) {
		ctx := t.Context()
		keeper, boss := w.As("maya").User, w.As("jo").User
		_, err := w.Staff.Link(ctx, keeper, boss)
		ok(t, err)
		ok(t, w.Accounts.SetAdmin(ctx, "", boss, true))
		_, err = w.Staff.Link(ctx, keeper, boss)
		want(t, err, fault.Forbidden)
		ok(t, w.Accounts.SetAdmin(ctx, "", keeper, true))
		_, err = w.Staff.Link(ctx, keeper, boss)
		ok(t, err)
	})
}
