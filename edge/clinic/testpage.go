package clinic

import (
	"net/http"

	"wardline/clinical/directory"
	"wardline/clinical/testpage"
	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/account"
)

// testRoutes are the test page in the operators' console; switchboardRoutes guards them.
func (h *handler) testRoutes(at string) []httpx.Route {
	return []httpx.Route{
		{Pattern: "GET " + at, Handle: h.testBoard},
		{Pattern: "GET " + at + "/history", Heavy: true, Handle: h.testHistory},
		{Pattern: "GET " + at + "/history.csv", Heavy: true, Handle: h.testCSV},
		{Pattern: "GET " + at + "/rules", Handle: h.testRules},
		{Pattern: "PUT " + at + "/rules", Handle: h.setTestRules},
		{Pattern: "POST " + at + "/runs", Handle: h.testNow},
		{Pattern: "POST " + at + "/posts/{test}/telephone", Handle: h.testPhoned},
		{Pattern: "GET " + at + "/posts/{test}/numbers", Handle: h.testNumbers},
	}
}

func runID(r *http.Request) testpage.RunID { return testpage.RunID(r.PathValue("run")) }

func testID(r *http.Request) testpage.TestID { return testpage.TestID(r.PathValue("test")) }

// own refuses apps that a person has allowed something: only their own session answers a test.
func own(a account.Actor) error {
	if a.App != "" {
		return fault.New(fault.Hidden, "M_NOT_FOUND", "Not found.")
	}
	return nil
}

func (h *handler) reachedTest(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Way string `json:"way"`
	}
	if err := httpx.Decode(r, &b, maxBody); err != nil {
		return err
	}
	if err := own(a); err != nil {
		return err
	}
	if err := h.Tests.Reached(r.Context(), a.User, runID(r), b.Way); err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{})
}

func (h *handler) receivedTest(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := own(a); err != nil {
		return err
	}
	got, err := h.Tests.Receive(r.Context(), a.User, runID(r))
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, got)
}

func (h *handler) testBoard(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	b, err := h.Tests.Board(r.Context())
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, b)
}

func (h *handler) testHistory(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	past, err := h.Tests.History(r.Context())
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, past)
}

func (h *handler) testCSV(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	rows, err := h.Tests.Table(r.Context())
	if err != nil {
		return err
	}
	return sendCSV(w, "test-page.csv", rows)
}

type testVersion struct {
	Version int64          `json:"version"`
	At      int64          `json:"at"`
	ByName  string         `json:"by_name"`
	Note    string         `json:"note"`
	Rules   testpage.Rules `json:"rules"`
}

// testRules are the versions of the rules, the posts that there are to choose from, and the carriers of this trust.
func (h *handler) testRules(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	ctx := r.Context()
	all, err := h.Tests.Rules(ctx)
	if err != nil {
		return err
	}
	versions := []testVersion{}
	for _, v := range all {
		t := testVersion{Version: v.Version, Note: v.Note, Rules: v.Rules}
		if v.Version > 0 {
			t.At = v.At.UnixMilli()
			if t.ByName, err = directory.NameOf(ctx, h.DB, v.By); err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
		}
		versions = append(versions, t)
	}
	plain := all[0].Rules // what is tested with nothing put in or left out
	plain.In, plain.Out = nil, nil
	usual, err := testpage.Posts(ctx, h.DB, plain)
	if err != nil {
		return err
	}
	is := map[directory.PostID]bool{}
	for _, p := range usual {
		is[p.ID] = true
	}
	posts, err := directory.Posts(ctx, h.DB)
	if err != nil {
		return err
	}
	choice := []map[string]any{}
	for _, p := range posts {
		if p.Pageable && !p.Closed {
			choice = append(choice, map[string]any{"id": p.ID, "name": p.Name, "service": p.Service, "usual": is[p.ID]})
		}
	}
	ways := []string{}
	for _, way := range h.Tests.Ways() {
		ways = append(ways, string(way))
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"versions": versions, "posts": choice, "carriers": ways})
}

func (h *handler) setTestRules(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Based int64          `json:"based"`
		Note  obs.Hidden     `json:"note"`
		Rules testpage.Rules `json:"rules"`
	}
	if err := httpx.Decode(r, &b, 4*maxBody); err != nil {
		return err
	}
	v, err := h.Tests.SetRules(r.Context(), a.User, b.Based, b.Rules, b.Note)
	if err != nil {
		return err
	}
	name, err := directory.NameOf(r.Context(), h.DB, a.User)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	return httpx.JSON(w, http.StatusOK, testVersion{Version: v.Version, At: v.At.UnixMilli(), ByName: name, Note: v.Note, Rules: v.Rules})
}

func (h *handler) testNow(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Txn   string             `json:"txn"`
		Posts []directory.PostID `json:"posts"`
	}
	if err := httpx.Decode(r, &b, maxBody); err != nil {
		return err
	}
	run, err := h.Tests.TestNow(r.Context(), a.User, b.Txn, b.Posts)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, run)
}

func (h *handler) testPhoned(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Note obs.Hidden `json:"note"`
	}
	if err := httpx.Decode(r, &b, maxBody); err != nil {
		return err
	}
	if err := h.Tests.Phoned(r.Context(), a.User, testID(r), b.Note); err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{})
}

// testNumbers is where an operator rings about a test; that they looked is in the audit.
func (h *handler) testNumbers(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	post, holder, err := h.Tests.Numbers(r.Context(), testID(r))
	if err != nil {
		return err
	}
	all, err := h.Switchboard.Numbers(r.Context(), a.User, post, holder)
	if err != nil {
		return err
	}
	numbers := []map[string]string{}
	for _, c := range all {
		numbers = append(numbers, map[string]string{"way": string(c.Way), "number": string(c.Address)})
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"user": holder, "numbers": numbers})
}
