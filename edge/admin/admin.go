// Package admin serves the part of the administration interface under /_synapse/admin that common tools use.
//
// Its paths and shapes are those that the tools expect; no specification has them. Only administrators may call it, and never an app that
// acts for one. Signing in as somebody else is left out: whoever did it would write in their name, and the audit would say that they did.
// Look first at Routes.
package admin

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/media"
	"wardline/matrix/report"
	"wardline/matrix/room"
)

// API is the administration interface of one server.
type API struct {
	Accounts *account.Service
	Rooms    *room.Service
	Media    *media.Service
	Reports  *report.Service
	Whois    httpx.Handler // the specification's own, which tools ask under this prefix too
	Version  string        // of the program

	closed closings
}

// bodyLimit bounds JSON bodies.
const bodyLimit = 64 << 10

// Routes is the table of endpoints.
func (h *API) Routes() []httpx.Route {
	const v1, v2 = "/_synapse/admin/v1/", "/_synapse/admin/v2/"
	admin := func(pattern string, fn httpx.Handler) httpx.Route {
		return httpx.Route{Pattern: pattern, Auth: true, Handle: func(w http.ResponseWriter, r *http.Request, a account.Actor) error {
			if !a.Admin {
				return fault.New(fault.Forbidden, "M_FORBIDDEN", "Only administrators may do that.")
			}
			if a.App != "" { // what the person has allowed the app says nothing of other people's accounts
				return fault.New(fault.Forbidden, "M_FORBIDDEN", "An app that was allowed to act for an administrator is none itself.")
			}
			return fn(w, r, a)
		}}
	}
	return []httpx.Route{
		admin("GET "+v1+"server_version", h.version),
		admin("GET "+v2+"users", h.users),
		admin("GET "+v2+"users/{userId}", h.user),
		admin("PUT "+v2+"users/{userId}", h.setUser),
		admin("GET "+v1+"users/{userId}/admin", h.isAdmin),
		admin("PUT "+v1+"users/{userId}/admin", h.setAdmin),
		admin("POST "+v1+"deactivate/{userId}", h.deactivate),
		admin("POST "+v1+"reset_password/{userId}", h.resetPassword),
		admin("GET "+v1+"whois/{userId}", h.Whois),
		admin("GET "+v1+"rooms", h.rooms),
		admin("GET "+v1+"rooms/{roomId}", h.room),
		admin("GET "+v1+"rooms/{roomId}/members", h.members),
		admin("GET "+v1+"rooms/{roomId}/state", h.state),
		admin("DELETE "+v1+"rooms/{roomId}", h.closeAtOnce),
		admin("DELETE "+v2+"rooms/{roomId}", h.deleteRoom),
		admin("GET "+v2+"rooms/{first}/{second}", h.deleteStatus), // delete_status stands in either place
		admin("POST "+v1+"media/quarantine/{serverName}/{mediaId}", h.quarantine),
		admin("POST "+v1+"media/unquarantine/{serverName}/{mediaId}", h.release),
		admin("POST "+v1+"user/{userId}/media/quarantine", h.quarantineUser),
		admin("POST "+v1+"room/{roomId}/media/quarantine", h.quarantineRoom),
		admin("GET "+v1+"registration_tokens", h.tokens),
		admin("POST "+v1+"registration_tokens/new", h.newToken),
		admin("GET "+v1+"registration_tokens/{token}", h.token),
		admin("PUT "+v1+"registration_tokens/{token}", h.setToken),
		admin("DELETE "+v1+"registration_tokens/{token}", h.deleteToken),
		admin("GET "+v1+"event_reports", h.reports),
		admin("GET "+v1+"event_reports/{reportId}", h.report),
		admin("DELETE "+v1+"event_reports/{reportId}", h.deleteReport),
	}
}

func (h *API) version(w http.ResponseWriter, _ *http.Request, _ account.Actor) error {
	return httpx.JSON(w, http.StatusOK, map[string]string{"server_version": "Wardline " + h.Version})
}

// paging reads from where and how many rows are wanted.
func paging(r *http.Request) (from, limit int, err error) {
	if from, err = httpx.Query(r, "from", 0); err != nil {
		return 0, 0, err
	}
	limit, err = httpx.Query(r, "limit", 100)
	return from, max(1, min(limit, 1000)), err
}

// backwards reads the direction of a list.
func backwards(r *http.Request, forward string) (bool, error) {
	switch dir := r.URL.Query().Get("dir"); dir {
	case "", forward:
		return false, nil
	case "f", "b":
		return true, nil
	}
	return false, fault.New(fault.Invalid, "M_INVALID_PARAM", "The direction is neither f nor b.")
}

func (h *API) quarantine(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	file := media.ID(r.PathValue("mediaId"))
	if err := h.Media.Known(r.Context(), r.PathValue("serverName"), file); err != nil {
		return err
	}
	if _, err := h.Media.Quarantine(r.Context(), a.User, string(file), file); err != nil {
		return err
	}
	return httpx.OK(w)
}

func (h *API) release(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	file := media.ID(r.PathValue("mediaId"))
	if err := h.Media.Known(r.Context(), r.PathValue("serverName"), file); err != nil {
		return err
	}
	if err := h.Media.Release(r.Context(), a.User, file); err != nil {
		return err
	}
	return httpx.OK(w)
}

func (h *API) quarantineUser(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	n, err := h.Media.QuarantineFrom(r.Context(), a.User, id.User(r.PathValue("userId")))
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]int{"num_quarantined": n})
}

func (h *API) quarantineRoom(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	name, err := httpx.Room(r)
	if err != nil {
		return err
	}
	names, err := h.Rooms.FilesIn(r.Context(), name)
	if err != nil {
		return err
	}
	var files []media.ID
	for _, n := range names {
		files = append(files, media.ID(n))
	}
	n, err := h.Media.Quarantine(r.Context(), a.User, string(name), files...)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]int{"num_quarantined": n})
}

type tokenBody struct {
	Token     string `json:"token"`
	Uses      *int64 `json:"uses_allowed"`
	Pending   int64  `json:"pending"`
	Completed int64  `json:"completed"`
	Expires   *int64 `json:"expiry_time"`
}

func tokenOf(v account.Voucher) tokenBody {
	b := tokenBody{Token: v.Token, Completed: v.Used}
	if v.Uses >= 0 {
		b.Uses = &v.Uses
	}
	if !v.ExpiresAt.IsZero() {
		at := v.ExpiresAt.UnixMilli()
		b.Expires = &at
	}
	return b
}

// optional is a number that may be left out, or be null for "without limit".
type optional struct {
	Set   bool
	Value *int64
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *optional) UnmarshalJSON(b []byte) error {
	o.Set, o.Value = true, nil
	if string(b) == "null" {
		return nil
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return err
	}
	o.Value = &n
	return nil
}

type tokenChange struct {
	Token   string   `json:"token"`
	Length  *int     `json:"length"`
	Uses    optional `json:"uses_allowed"`
	Expires optional `json:"expiry_time"`
}

// apply puts what was given over a token.
func (b *tokenChange) apply(v *account.Voucher) error {
	if b.Uses.Set {
		v.Uses = -1
		if b.Uses.Value != nil {
			if v.Uses = *b.Uses.Value; v.Uses < 0 {
				return fault.New(fault.Invalid, "M_INVALID_PARAM", "The number of uses must not be negative.")
			}
		}
	}
	if b.Expires.Set {
		v.ExpiresAt = time.Time{}
		if b.Expires.Value != nil {
			v.ExpiresAt = time.UnixMilli(*b.Expires.Value)
		}
	}
	return nil
}

func (h *API) tokens(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	all, err := h.Accounts.Vouchers(r.Context())
	if err != nil {
		return err
	}
	list := []tokenBody{}
	for _, v := range all {
		switch r.URL.Query().Get("valid") {
		case "true":
			if !v.Valid(time.Now()) {
				continue
			}
		case "false":
			if v.Valid(time.Now()) {
				continue
			}
		}
		list = append(list, tokenOf(v))
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"registration_tokens": list})
}

func (h *API) newToken(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	var b tokenChange
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	v := account.Voucher{Token: b.Token, Uses: -1}
	if err := b.apply(&v); err != nil {
		return err
	}
	if v.Token == "" && b.Length != nil {
		if *b.Length < 1 || *b.Length > 64 {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "A token has 1 to 64 characters.")
		}
		v.Token = id.NewOpaque(64)[:*b.Length]
	}
	v, err := h.Accounts.NewVoucher(r.Context(), v)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, tokenOf(v))
}

func (h *API) token(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	v, err := h.Accounts.Voucher(r.Context(), r.PathValue("token"))
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, tokenOf(v))
}

func (h *API) setToken(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	var b tokenChange
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	v, err := h.Accounts.Voucher(r.Context(), r.PathValue("token"))
	if err != nil {
		return err
	}
	if err := b.apply(&v); err != nil {
		return err
	}
	if v, err = h.Accounts.SetVoucher(r.Context(), v); err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, tokenOf(v))
}

func (h *API) deleteToken(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	if err := h.Accounts.DeleteVoucher(r.Context(), r.PathValue("token")); err != nil {
		return err
	}
	return httpx.OK(w)
}

func reportOf(p report.Report) map[string]any {
	return map[string]any{"id": p.ID, "received_ts": p.At.UnixMilli(), "room_id": p.Room, "event_id": p.Event, "user_id": p.Reporter, "sender": p.About, "reason": p.Reason, "score": p.Score}
}

// reports lists reports of events, and with all=true also those of rooms and people, which the tools do not know.
func (h *API) reports(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	from, limit, err := paging(r)
	if err != nil {
		return err
	}
	oldest, err := backwards(r, "b")
	if err != nil {
		return err
	}
	q := r.URL.Query()
	list, total, err := h.Reports.List(r.Context(), report.Filter{Reporter: id.User(q.Get("user_id")), Room: id.Room(q.Get("room_id")), All: q.Get("all") == "true", Oldest: oldest}, from, limit)
	if err != nil {
		return err
	}
	out := []any{}
	for _, p := range list {
		out = append(out, reportOf(p))
	}
	body := map[string]any{"event_reports": out, "total": total}
	if int64(from+len(list)) < total {
		body["next_token"] = from + len(list)
	}
	return httpx.JSON(w, http.StatusOK, body)
}

func reportID(r *http.Request) (int64, error) {
	n, err := strconv.ParseInt(r.PathValue("reportId"), 10, 64)
	if err != nil || n < 0 {
		return 0, fault.New(fault.Invalid, "M_INVALID_PARAM", "That is not the number of a report.")
	}
	return n, nil
}

func (h *API) report(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	n, err := reportID(r)
	if err != nil {
		return err
	}
	p, err := h.Reports.Find(r.Context(), n)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, reportOf(p))
}

func (h *API) deleteReport(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	n, err := reportID(r)
	if err != nil {
		return err
	}
	if err := h.Reports.Delete(r.Context(), a.User, n); err != nil {
		return err
	}
	return httpx.OK(w)
}

// local reads a user of this server from the path.
func (h *API) local(r *http.Request) (id.User, error) {
	u := id.User(r.PathValue("userId"))
	if !strings.HasPrefix(string(u), "@") || !h.Accounts.Local(u) {
		return "", fault.New(fault.Invalid, "M_UNKNOWN", "That is no user of this server.")
	}
	return u, nil
}
