package fhir

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/inbound"
	"wardline/clinical/rota"
	"wardline/edge/httpx"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/account"
)

// Deps is what the interface needs. Name and ODS are the trust's; Public is the base URL that people reach, "" for the one that they asked.
type Deps struct {
	DB        *db.DB
	Rota      *rota.Service
	Inbound   *inbound.Service
	Name, ODS string
	Public    string
	Now       func() time.Time
}

const (
	base    = "/_wardline/fhir/R4"
	maxPage = 200
)

type api struct{ Deps }

// search is what each kind may be searched by, besides _id, _count and _offset.
var search = map[string]map[string]string{
	"Practitioner":      {"name": "string", "family": "string", "given": "string", "identifier": "token", "active": "token"},
	"PractitionerRole":  {"practitioner": "reference", "organization": "reference", "service": "reference", "location": "reference", "role": "string", "active": "token"},
	"Organization":      {"name": "string", "identifier": "token", "active": "token"},
	"Location":          {"name": "string", "organization": "reference", "partof": "reference"},
	"HealthcareService": {"name": "string", "organization": "reference", "specialty": "string", "location": "reference", "active": "token"},
	"Endpoint":          {"name": "string", "organization": "reference"},
}

// Routes returns the table of endpoints.
func Routes(d Deps) []httpx.Route {
	h := &api{d}
	table := []httpx.Route{
		{Pattern: "GET " + base + "/metadata", Handle: h.metadata},
		{Pattern: "GET " + base + "/AuditEvent", Auth: true, Heavy: true, Handle: h.staff(h.auditEvents)},
		{Pattern: "GET " + base + "/{kind}", Auth: true, Heavy: true, Handle: h.staff(h.find)},
		{Pattern: "GET " + base + "/{kind}/{id}", Auth: true, Handle: h.staff(h.read)},
	}
	for kind := range messages {
		table = append(table, httpx.Route{Pattern: "POST " + base + "/" + kind, Handle: h.receive(kind)}, httpx.Route{Pattern: "GET " + base + "/" + kind + "/{id}", Handle: h.readMessage(kind)})
	}
	return table
}

// staff lets only people of the directory in, and gives errors the form of an OperationOutcome.
func (h *api) staff(next httpx.Handler) httpx.Handler {
	return func(w http.ResponseWriter, r *http.Request, a account.Actor) error {
		p, err := directory.FindPerson(r.Context(), h.DB, a.User)
		if err == nil && p.Left() {
			err = fault.New(fault.NotFound, "M_NOT_FOUND", "Not found.")
		}
		if err == nil {
			err = next(w, r, a)
		}
		f := fault.As(err)
		if f == nil || f.Kind != fault.Invalid && f.Kind != fault.NotFound && f.Kind != fault.Hidden {
			return err
		}
		status, code := http.StatusBadRequest, "invalid"
		if f.Kind != fault.Invalid {
			status, code = http.StatusNotFound, "not-found"
		}
		return say(w, status, object{"resourceType": "OperationOutcome", "issue": []any{object{"severity": "error", "code": code, "diagnostics": f.Public}}})
	}
}

func say(w http.ResponseWriter, status int, o object) error {
	raw, err := json.Marshal(o)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/fhir+json")
	w.Header().Set("Cache-Control", "private, no-store")
	w.WriteHeader(status)
	_, err = w.Write(raw)
	return err
}

func (h *api) metadata(w http.ResponseWriter, _ *http.Request, _ account.Actor) error {
	var resources []any
	for _, kind := range []string{"Endpoint", "HealthcareService", "Location", "Organization", "Practitioner", "PractitionerRole"} {
		params := []any{object{"name": "_id", "type": "token"}}
		var names []string
		for name := range search[kind] {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			params = append(params, object{"name": name, "type": search[kind][name]})
		}
		r := object{"type": kind, "interaction": []any{object{"code": "read"}, object{"code": "search-type"}}, "searchParam": params}
		if kind != "Endpoint" {
			r["supportedProfile"] = []any{core + kind}
		}
		resources = append(resources, r)
	}
	for _, kind := range []string{"Communication", "CommunicationRequest", "Task"} {
		resources = append(resources, object{"type": kind, "interaction": []any{object{"code": "create"}, object{"code": "read"}}, "documentation": "For systems that the trust has given a token: what they post becomes a page."})
	}
	resources = append(resources, object{"type": "AuditEvent", "interaction": []any{object{"code": "search-type"}}, "searchParam": []any{object{"name": "date", "type": "date"}}, "documentation": "For administrators."})
	return say(w, http.StatusOK, object{"resourceType": "CapabilityStatement", "status": "active", "date": h.Now().UTC().Format(time.DateOnly), "kind": "instance",
		"implementation": object{"description": "Staff directory of " + h.Name}, "fhirVersion": "4.0.1", "format": []any{"json"},
		"rest": []any{object{"mode": "server", "resource": resources}}})
}

// all returns every resource of a kind that may be found.
func (h *api) all(ctx context.Context, kind, public string) ([]object, error) {
	var out []object
	switch kind {
	case "Organization":
		return []object{h.organization()}, nil
	case "Location":
		sites, err := directory.Sites(ctx, h.DB)
		if err != nil {
			return nil, err
		}
		names := map[directory.SiteID]string{}
		for _, s := range sites {
			names[s.ID] = s.Name
			out = append(out, h.site(s))
		}
		wards, err := directory.Wards(ctx, h.DB)
		for _, w := range wards {
			out = append(out, h.ward(w, names))
		}
		return out, err
	case "Practitioner":
		people, err := directory.People(ctx, h.DB)
		for _, p := range people {
			if !p.Left() {
				out = append(out, h.practitioner(p))
			}
		}
		return out, err
	}
	posts, err := directory.Posts(ctx, h.DB)
	if err != nil {
		return nil, err
	}
	var board *rota.Board
	if kind == "PractitionerRole" {
		if board, err = h.Rota.Board(ctx); err != nil {
			return nil, err
		}
	}
	for _, p := range posts {
		switch {
		case p.Closed:
		case kind == "HealthcareService":
			out = append(out, h.service(p))
		case kind == "Endpoint":
			out = append(out, h.endpoint(string(p.ID), p.Name, public+"/#/work/post/"+string(p.ID)))
		case board.Posts[p.ID] != nil:
			for _, x := range board.Posts[p.ID].Holders {
				name, err := directory.NameOf(ctx, h.DB, x.User)
				if err != nil {
					return nil, err
				}
				out = append(out, h.role(board.Posts[p.ID], x, name))
			}
		}
	}
	return out, nil
}

func (h *api) public(r *http.Request) string {
	if h.Public != "" {
		return strings.TrimSuffix(h.Public, "/")
	}
	return "http://" + r.Host
}

func (h *api) known(r *http.Request) (string, error) {
	kind := r.PathValue("kind")
	if search[kind] == nil {
		return "", fault.New(fault.NotFound, "M_NOT_FOUND", "There are no such resources here.")
	}
	return kind, nil
}

func (h *api) read(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	kind, err := h.known(r)
	if err != nil {
		return err
	}
	all, err := h.all(r.Context(), kind, h.public(r))
	if err != nil {
		return err
	}
	for _, o := range all {
		if o["id"] == r.PathValue("id") {
			return say(w, http.StatusOK, o)
		}
	}
	return fault.New(fault.NotFound, "M_NOT_FOUND", "There is no such resource.")
}

func (h *api) find(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	kind, err := h.known(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	count, err := httpx.Query(r, "_count", 50)
	if err != nil {
		return err
	}
	offset, err := httpx.Query(r, "_offset", 0)
	if err != nil {
		return err
	}
	for name := range q {
		if search[kind][strings.TrimSuffix(name, ":exact")] == "" && !slices.Contains([]string{"_id", "_count", "_offset", "_format"}, name) {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "The search parameter "+name+" is not known for "+kind+".")
		}
	}
	if f := q.Get("_format"); f != "" && f != "json" && f != "application/fhir+json" {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "Only JSON is spoken here.")
	}
	all, err := h.all(r.Context(), kind, h.public(r))
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(o object) bool { return !wanted(o, kind, q) })
	count = min(count, maxPage)
	page := all[min(offset, len(all)):min(offset+count, len(all))]
	entries := make([]any, 0, len(page))
	where := h.public(r) + base + "/"
	for _, o := range page {
		entries = append(entries, object{"fullUrl": where + kind + "/" + o["id"].(string), "resource": o, "search": object{"mode": "match"}})
	}
	links := []any{object{"relation": "self", "url": where + kind + "?" + q.Encode()}}
	if offset+count < len(all) && count > 0 {
		q.Set("_offset", strconv.Itoa(offset+count))
		links = append(links, object{"relation": "next", "url": where + kind + "?" + q.Encode()})
	}
	b := object{"resourceType": "Bundle", "type": "searchset", "total": len(all), "link": links}
	if len(entries) > 0 { // FHIR knows no empty lists
		b["entry"] = entries
	}
	return say(w, http.StatusOK, b)
}

// wanted says whether a resource answers every parameter; of several values with commas between, one must fit.
func wanted(o object, kind string, q url.Values) bool {
	for name, all := range q {
		bare, exact := strings.CutSuffix(name, ":exact")
		for _, value := range all {
			fits := slices.ContainsFunc(strings.Split(value, ","), func(v string) bool {
				switch search[kind][bare] {
				case "string":
					return hasText(o, bare, v, exact)
				case "reference":
					return refers(o, bare, v)
				case "token":
					return hasToken(o, bare, v)
				}
				return name != "_id" || o["id"] == v
			})
			if !fits {
				return false
			}
		}
	}
	return true
}

// texts are what a string parameter looks at.
func texts(o object, name string) []string {
	var all []string
	add := func(v any) {
		if s, ok := v.(string); ok {
			all = append(all, s)
		}
	}
	if name == "name" {
		add(o["name"])
	}
	names, _ := o["name"].([]any)
	for _, n := range names {
		n := n.(object)
		given, _ := n["given"].([]any)
		if name != "given" {
			add(n["family"])
		}
		if name != "family" {
			for _, g := range given {
				add(g)
			}
		}
		if name == "name" {
			add(n["text"])
		}
	}
	field := map[string]string{"specialty": "specialty", "role": "code"}[name]
	list, _ := o[field].([]any)
	for _, c := range list {
		add(c.(object)["text"])
	}
	return all
}

// hasText compares as FHIR's strings do: the beginning, without case or accents; exactly when asked.
func hasText(o object, name, want string, exact bool) bool {
	for _, s := range texts(o, name) {
		a, b := strings.Join(directory.Fold(s), " "), strings.Join(directory.Fold(want), " ")
		if exact && s == want || !exact && b != "" && strings.HasPrefix(a, b) {
			return true
		}
	}
	return false
}

func refers(o object, name, want string) bool {
	field := map[string]string{"service": "healthcareService", "organization": "organization", "partof": "partOf"}[name]
	if field == "" {
		field = name
	}
	var found []any
	for _, f := range []string{field, map[string]string{"organization": "managingOrganization"}[name], map[string]string{"organization": "providedBy"}[name]} {
		switch v := o[f].(type) {
		case []any:
			found = append(found, v...)
		case object:
			found = append(found, v)
		}
	}
	return slices.ContainsFunc(found, func(v any) bool {
		r, _ := v.(object)["reference"].(string)
		_, id, _ := strings.Cut(r, "/")
		return r == want || id == want
	})
}

func hasToken(o object, name, want string) bool {
	if name == "active" {
		return want == strconv.FormatBool(o["active"] == true)
	}
	system, value, both := strings.Cut(want, "|")
	if !both {
		system, value = "", want
	}
	list, _ := o["identifier"].([]any)
	return slices.ContainsFunc(list, func(v any) bool {
		i := v.(object)
		return (value == "" || i["value"] == value) && (system == "" || i["system"] == system)
	})
}
