package clinic

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"wardline/clinical/measure"
	"wardline/clinical/paging"
	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
)

func (h *handler) report(r *http.Request, a account.Actor) (measure.Report, error) {
	q := r.URL.Query()
	instant := func(name string, or time.Time) (time.Time, error) {
		if q.Get(name) == "" {
			return or, nil
		}
		ms, err := strconv.ParseInt(q.Get(name), 10, 64)
		if err != nil {
			return or, fault.New(fault.Invalid, "M_INVALID_PARAM", "Give from and until in milliseconds.")
		}
		return time.UnixMilli(ms), nil
	}
	until, err := instant("until", h.Now())
	if err != nil {
		return measure.Report{}, err
	}
	from, err := instant("from", until.AddDate(0, 0, -28))
	if err != nil {
		return measure.Report{}, err
	}
	return measure.Pages(r.Context(), h.DB, by(a), from, until, paging.Urgency(q.Get("urgency")))
}

func (h *handler) measurePages(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	rep, err := h.report(r, a)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, rep)
}

// measureCSV is the same as a table: a line for everything, each post, each ward and each day. Times are seconds, empty when too few.
func (h *handler) measureCSV(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	rep, err := h.report(r, a)
	if err != nil {
		return err
	}
	lines := [][]string{{"by", "id", "name", "pages", "accepted", "withdrawn", "open", "escalated", "switchboard", "reached", "reach_median_s", "reach_p90_s", "accept_median_s", "accept_p90_s"},
		csvLine("all", measure.Group{Figures: rep.All})}
	for _, part := range []struct {
		by     string
		groups []measure.Group
	}{{"post", rep.Posts}, {"ward", rep.Wards}, {"day", rep.Days}} {
		for _, g := range part.groups {
			lines = append(lines, csvLine(part.by, g))
		}
	}
	return sendCSV(w, "pages.csv", lines)
}

func csvLine(by string, g measure.Group) []string {
	seconds := func(ms int64) string {
		if ms < 0 {
			return ""
		}
		return fmt.Sprintf("%.1f", float64(ms)/1000)
	}
	line := []string{by, g.ID, g.Name}
	for _, n := range []int{g.Pages, g.Accepted, g.Withdrawn, g.Open, g.Escalated, g.Switchboard, g.Reach.Count} {
		line = append(line, strconv.Itoa(n))
	}
	return append(line, seconds(g.Reach.Half), seconds(g.Reach.Most), seconds(g.Accept.Half), seconds(g.Accept.Most))
}

func (h *handler) interruptions(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	days := 28
	if s := r.URL.Query().Get("days"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 100 {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "Ask for between 1 and 100 days.")
		}
		days = n
	}
	mine, err := h.Ledger.Mine(r.Context(), a.User, days)
	if err != nil {
		return err
	}
	teams, err := h.Ledger.Teams(r.Context(), a.User, days)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"days": mine, "teams": teams, "kinds": measure.Kinds})
}
