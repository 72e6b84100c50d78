package fhir

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"wardline/ground/audit"
	"wardline/ground/fault"
	"wardline/matrix/account"
)

// exported are the acts that leave as AuditEvent: what was done to pages and emergency calls, and the rules they followed.
var exported = []string{"page.", "emergency."}

// auditEvents answers GET AuditEvent?date=ge…&date=lt…: what became of each page, for the trust's own audit repository. It is for
// administrators; to others there are no such resources. Next is a link, as long as there may be more.
// spec: http://hl7.org/fhir/R4/auditevent.html
func (h *api) auditEvents(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if !a.Admin || a.App != "" {
		return fault.New(fault.NotFound, "M_NOT_FOUND", "There are no such resources here.")
	}
	q := r.URL.Query()
	from, until, err := between(q["date"], h.Now())
	if err != nil {
		return err
	}
	count, after := maxPage, int64(0)
	if s := q.Get("_count"); s != "" {
		if count, err = strconv.Atoi(s); err != nil || count < 1 {
			return invalid("_count is a number from 1.")
		}
		count = min(count, maxPage)
	}
	if s := q.Get("_after"); s != "" {
		if after, err = strconv.ParseInt(s, 10, 64); err != nil || after < 0 {
			return invalid("_after comes from a next link.")
		}
	}
	var entries []any
	list, err := audit.Between(r.Context(), h.DB, from, until, after, count)
	if err != nil {
		return err
	}
	for _, e := range list {
		if slices.ContainsFunc(exported, func(p string) bool { return strings.HasPrefix(e.Action, p) }) {
			entries = append(entries, object{"fullUrl": h.public(r) + base + "/AuditEvent/" + strconv.FormatInt(e.Seq, 10), "resource": h.auditEvent(e), "search": object{"mode": "match"}})
		}
	}
	links := []any{object{"relation": "self", "url": h.public(r) + r.URL.RequestURI()}}
	if len(list) == count {
		next := url.Values{"date": q["date"], "_count": {strconv.Itoa(count)}, "_after": {strconv.FormatInt(list[len(list)-1].Seq, 10)}}
		links = append(links, object{"relation": "next", "url": h.public(r) + base + "/AuditEvent?" + next.Encode()})
	}
	bundle := object{"resourceType": "Bundle", "type": "searchset", "link": links}
	if len(entries) > 0 {
		bundle["entry"] = entries
	}
	return say(w, http.StatusOK, bundle)
}

func invalid(words string) error { return fault.New(fault.Invalid, "M_INVALID_PARAM", words) }

// between reads ge and lt (also gt, le) of date; without them it is the last day.
func between(dates []string, now time.Time) (from, until time.Time, err error) {
	from, until = now.Add(-24*time.Hour), now.Add(time.Second)
	for _, d := range dates {
		if len(d) < 3 {
			return from, until, invalid("date is such as ge2026-11-01 or lt2026-11-02T08:00:00Z.")
		}
		t, err := time.Parse(time.RFC3339, d[2:])
		if err != nil {
			if t, err = time.Parse(time.DateOnly, d[2:]); err != nil {
				return from, until, invalid("date is such as ge2026-11-01 or lt2026-11-02T08:00:00Z.")
			}
		}
		switch d[:2] {
		case "ge", "gt":
			from = t
		case "lt", "le":
			until = t
		default:
			return from, until, invalid("date begins with ge, gt, lt or le.")
		}
	}
	return from, until, nil
}

// auditEvent is one entry. It names who, what and when, and never what a page said.
func (h *api) auditEvent(e audit.Entry) object {
	act, code := "U", "amend"
	if e.Action == "page.sent" || e.Action == "emergency.raised" {
		act, code = "C", "originate"
	}
	what := []any{}
	keys := make([]string, 0, len(e.Detail))
	for k := range e.Detail {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if v := e.Detail[k]; v != "" && k != "rules" {
			what = append(what, object{"type": k, "valueString": v})
		}
	}
	entity := object{"what": object{"identifier": object{"system": h.own("page"), "value": e.Object}}}
	if len(what) > 0 {
		entity["detail"] = what
	}
	return object{"resourceType": "AuditEvent", "id": strconv.FormatInt(e.Seq, 10), "recorded": e.At.UTC().Format("2006-01-02T15:04:05.000Z"), "action": act, "outcome": "0",
		"type":    object{"system": "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "code": code},
		"subtype": []any{object{"system": h.own("audit-action"), "code": e.Action}},
		"agent":   []any{object{"who": object{"identifier": object{"system": h.own("user"), "value": e.Actor}}, "requestor": e.Actor != "system"}},
		"source":  object{"observer": object{"display": h.Name}, "site": h.ODS}, "entity": []any{entity}}
}

// own is a namespace of this server's.
func (h *api) own(what string) string {
	return strings.TrimSuffix(h.Public, "/") + "/fhir/" + what
}
