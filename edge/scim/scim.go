package scim

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"wardline/clinical/directory"
	"wardline/clinical/staff"
	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

// The names of the schemas.
const (
	userSchema  = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupSchema = "urn:ietf:params:scim:schemas:core:2.0:Group"
	enterprise  = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	listSchema  = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	patchSchema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	errorSchema = "urn:ietf:params:scim:api:messages:2.0:Error"
)

const (
	base    = "/_wardline/scim/v2"
	maxBody = 4 << 20
	maxPage = 200
)

// Deps is what the interface needs. Token is the secret of whoever may use it; with none the interface is not there.
type Deps struct {
	Staff *staff.Service
	Token string
}

type api struct{ Deps }

// Routes returns the table of endpoints, empty without a token.
func Routes(d Deps) []httpx.Route {
	if d.Token == "" {
		return nil
	}
	h := &api{d}
	table := []httpx.Route{
		{Pattern: "GET " + base + "/ServiceProviderConfig", Handle: h.config},
		{Pattern: "GET " + base + "/ResourceTypes", Handle: h.resourceTypes},
		{Pattern: "GET " + base + "/Schemas", Handle: h.schemas},
		{Pattern: "GET " + base + "/Users", Handle: h.listUsers},
		{Pattern: "POST " + base + "/Users", Handle: h.addUser},
		{Pattern: "GET " + base + "/Users/{id}", Handle: h.oneUser},
		{Pattern: "PUT " + base + "/Users/{id}", Handle: h.putUser},
		{Pattern: "PATCH " + base + "/Users/{id}", Handle: h.patchUser},
		{Pattern: "DELETE " + base + "/Users/{id}", Handle: h.dropUser},
		{Pattern: "GET " + base + "/Groups", Handle: h.listGroups},
		{Pattern: "POST " + base + "/Groups", Handle: h.addGroup},
		{Pattern: "GET " + base + "/Groups/{id}", Handle: h.oneGroup},
		{Pattern: "PUT " + base + "/Groups/{id}", Handle: h.putGroup},
		{Pattern: "PATCH " + base + "/Groups/{id}", Handle: h.patchGroup},
		{Pattern: "DELETE " + base + "/Groups/{id}", Handle: h.dropGroup},
	}
	for i := range table {
		table[i].Handle = h.guarded(table[i].Handle)
	}
	return table
}

// guarded lets in whoever has the token, and gives errors SCIM's form.
func (h *api) guarded(next httpx.Handler) httpx.Handler {
	return func(w http.ResponseWriter, r *http.Request, a account.Actor) error {
		if !Holds(r, h.Token) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			return say(w, http.StatusUnauthorized, object{"schemas": []string{errorSchema}, "status": "401", "detail": "The token is missing or wrong."}, "")
		}
		err := next(w, r, a)
		f := fault.As(err)
		if err == nil || f == nil || f.Kind == fault.Internal || f.Kind == fault.Unavailable || f.Kind == fault.Limited {
			return err // answered, or trouble that has to be logged: the usual way
		}
		status, kind := http.StatusBadRequest, f.Code
		switch f.Kind {
		case fault.NotFound, fault.Hidden:
			status, kind = http.StatusNotFound, ""
		case fault.Conflict:
			if status, kind = http.StatusConflict, "uniqueness"; f.Code == "precondition" {
				status, kind = http.StatusPreconditionFailed, ""
			}
		case fault.Forbidden:
			status, kind = http.StatusForbidden, ""
		case fault.TooLarge:
			status, kind = http.StatusRequestEntityTooLarge, ""
		default:
			if strings.HasPrefix(kind, "M_NOT_JSON") || strings.HasPrefix(kind, "M_BAD_JSON") {
				kind = "invalidSyntax"
			} else if strings.HasPrefix(kind, "M_") || kind == "" {
				kind = "invalidValue"
			}
		}
		body := object{"schemas": []string{errorSchema}, "status": strconv.Itoa(status), "detail": f.Public}
		if kind != "" {
			body["scimType"] = kind
		}
		return say(w, status, body, "")
	}
}

// Holds says whether a request carries the token, which must not be empty.
func Holds(r *http.Request, token string) bool {
	got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	x, y := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(token))
	return ok && token != "" && subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// Prefix is where the interface is.
const Prefix = base + "/"

func say(w http.ResponseWriter, status int, body any, etag string) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/scim+json")
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	w.WriteHeader(status)
	_, err = w.Write(raw)
	return err
}

// etag is the version of a resource: what it says, hashed.
func etag(o object) string {
	raw, err := json.Marshal(o)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(raw)
	return `W/"` + hex.EncodeToString(sum[:8]) + `"`
}

// finish gives a resource its meta and version.
func finish(kind, name string, o object) (object, string) {
	tag := etag(o)
	o["meta"] = object{"resourceType": kind, "location": base + "/" + kind + "s/" + name, "version": tag}
	return o, tag
}

// matches refuses a request whose If-Match names another version.
func matches(r *http.Request, o object) error {
	want := r.Header.Get("If-Match")
	if want == "" || want == "*" {
		return nil
	}
	for tag := range strings.SplitSeq(want, ",") {
		if strings.TrimSpace(tag) == etag(o) {
			return nil
		}
	}
	return &fault.Fault{Kind: fault.Conflict, Code: "precondition", Public: "The resource has changed since it was read. Read it again."}
}

func (h *api) list(w http.ResponseWriter, r *http.Request, kind string, all []object, names []string) error {
	q := r.URL.Query()
	if text := q.Get("filter"); text != "" {
		f, err := parseFilter(text)
		if err != nil {
			return err
		}
		n := 0
		for i, o := range all {
			if f(o) {
				all[n], names[n] = o, names[i]
				n++
			}
		}
		all, names = all[:n], names[:n]
	}
	start, err := httpx.Query(r, "startIndex", 1)
	if err != nil {
		start = 1 // below one is one, by RFC 7644 3.4.2.4
	}
	count, err := httpx.Query(r, "count", 100)
	if err != nil {
		count = 0
	}
	from := min(max(start, 1)-1, len(all))
	page := all[from:min(from+min(count, maxPage), len(all))]
	out := make([]object, 0, len(page))
	for i, o := range page {
		full, _ := finish(kind, names[from+i], o)
		if slices.Contains(strings.Split(q.Get("excludedAttributes"), ","), "members") {
			delete(full, "members")
		}
		out = append(out, full)
	}
	return say(w, http.StatusOK, object{"schemas": []string{listSchema}, "totalResults": len(all), "startIndex": max(start, 1), "itemsPerPage": len(out), "Resources": out}, "")
}

func (h *api) config(w http.ResponseWriter, _ *http.Request, _ account.Actor) error {
	yes, no := object{"supported": true}, object{"supported": false}
	return say(w, http.StatusOK, object{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"}, "patch": yes, "etag": yes, "changePassword": no, "sort": no,
		"bulk": object{"supported": false, "maxOperations": 0, "maxPayloadSize": 0}, "filter": object{"supported": true, "maxResults": maxPage},
		"authenticationSchemes": []object{{"type": "oauthbearertoken", "name": "Bearer token", "description": "The token of the server's settings."}}}, "")
}

func (h *api) resourceTypes(w http.ResponseWriter, _ *http.Request, _ account.Actor) error {
	kind := func(name, schema string, more ...object) object {
		return object{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:ResourceType"}, "id": name, "name": name, "endpoint": "/" + name + "s", "schema": schema, "schemaExtensions": more}
	}
	all := []object{kind("User", userSchema, object{"schema": enterprise, "required": false}), kind("Group", groupSchema)}
	return say(w, http.StatusOK, object{"schemas": []string{listSchema}, "totalResults": 2, "startIndex": 1, "itemsPerPage": 2, "Resources": all}, "")
}

func (h *api) schemas(w http.ResponseWriter, _ *http.Request, _ account.Actor) error {
	attr := func(name, typ string, must bool) object {
		return object{"name": name, "type": typ, "multiValued": typ == "complex" && (name == "emails" || name == "members"), "required": must, "caseExact": false, "mutability": "readWrite", "returned": "default", "uniqueness": "none"}
	}
	schema := func(name, title string, attrs ...object) object {
		return object{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Schema"}, "id": name, "name": title, "attributes": attrs}
	}
	all := []object{
		schema(userSchema, "User", attr("userName", "string", true), attr("name", "complex", false), attr("displayName", "string", false), attr("title", "string", false), attr("active", "boolean", false), attr("emails", "complex", false)),
		schema(enterprise, "EnterpriseUser", attr("employeeNumber", "string", false), attr("department", "string", false)),
		schema(groupSchema, "Group", attr("displayName", "string", true), attr("members", "complex", false)),
	}
	return say(w, http.StatusOK, object{"schemas": []string{listSchema}, "totalResults": 3, "startIndex": 1, "itemsPerPage": 3, "Resources": all}, "")
}

// userOf is a person as SCIM has them, without meta.
func userOf(p staff.Record) object {
	given, family := p.Name, ""
	if i := strings.LastIndexByte(p.Name, ' '); i >= 0 {
		given, family = p.Name[:i], p.Name[i+1:]
	}
	o := object{"schemas": []any{userSchema, enterprise}, "id": p.User.Localpart(), "userName": p.UserName, "displayName": p.Name, "active": !p.Left(),
		"name": object{"formatted": p.Name, "givenName": given, "familyName": family}}
	text := func(into object, name, v string) {
		if v != "" {
			into[name] = v
		}
	}
	text(o, "externalId", p.External)
	text(o, "title", p.Role)
	if p.Email != "" {
		o["emails"] = []any{object{"value": p.Email, "type": "work", "primary": true}}
	}
	more := object{}
	text(more, "employeeNumber", p.Number)
	text(more, "department", p.WardName)
	if len(more) > 0 {
		o[enterprise] = more
	}
	return o
}

func first(o object, path string) string {
	for _, v := range values(o, path) {
		if s, ok := v.(string); ok {
			return strings.TrimSpace(s)
		}
	}
	return ""
}

// provisionOf reads what a resource asks for, over what the person is.
func provisionOf(o object, was staff.Record) (staff.Provision, error) {
	e := staff.Entry{Role: first(o, "title"), Email: strings.ToLower(first(o, "emails")), Number: first(o, enterprise+":employeeNumber"), Ward: first(o, enterprise+":department"),
		Grade: was.Grade, Profession: was.Profession, Registration: was.Registration, Languages: was.Languages}
	p := staff.Provision{Active: true, External: first(o, "externalId"), UserName: first(o, "userName")}
	if p.UserName == "" {
		return p, &fault.Fault{Kind: fault.Invalid, Code: "invalidValue", Public: "The userName is missing."}
	}
	if was.User != "" && !strings.EqualFold(p.UserName, was.UserName) && login(p.UserName) != was.User.Localpart() {
		return p, &fault.Fault{Kind: fault.Invalid, Code: "mutability", Public: "A userName cannot be changed: it is in the address that colleagues know."}
	}
	e.Login = login(p.UserName)
	if e.Email == "" && strings.Contains(p.UserName, "@") {
		e.Email = strings.ToLower(p.UserName)
	}
	formatted := strings.TrimSpace(first(o, "name.givenName") + " " + first(o, "name.familyName"))
	for _, name := range []string{first(o, "displayName"), first(o, "name.formatted"), formatted, e.Login} {
		if e.Name = name; name != "" && name != was.Name {
			break // of several names the one that is new is meant
		}
	}
	if e.Name == e.Login && was.Name != "" {
		e.Name = was.Name
	}
	switch v := o[key(o, "active")].(type) {
	case nil:
	case bool:
		p.Active = v
	case string: // some directories write it so
		p.Active = !strings.EqualFold(v, "false")
	default:
		return p, &fault.Fault{Kind: fault.Invalid, Code: "invalidValue", Public: "active is true or false."}
	}
	p.Entry = e
	return p, nil
}

func login(userName string) string {
	local, _, _ := strings.Cut(strings.ToLower(userName), "@")
	return local
}

func (h *api) user(r *http.Request) id.User {
	return id.User("@" + strings.ToLower(r.PathValue("id")) + ":" + string(h.Staff.Accounts.Server()))
}

func (h *api) listUsers(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	all, err := h.Staff.Records(r.Context())
	if err != nil {
		return err
	}
	users, names := make([]object, 0, len(all)), make([]string, 0, len(all))
	for _, p := range all {
		users, names = append(users, userOf(p)), append(names, p.User.Localpart())
	}
	return h.list(w, r, "User", users, names)
}

func (h *api) showUser(w http.ResponseWriter, status int, p staff.Record, err error) error {
	if err != nil {
		return err
	}
	o, tag := finish("User", p.User.Localpart(), userOf(p))
	if status == http.StatusCreated {
		w.Header().Set("Location", base+"/Users/"+p.User.Localpart())
	}
	return say(w, status, o, tag)
}

func (h *api) oneUser(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	p, err := h.Staff.Record(r.Context(), h.user(r))
	if err == nil && r.Header.Get("If-None-Match") == etag(userOf(p)) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return h.showUser(w, http.StatusOK, p, err)
}

func (h *api) addUser(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	var o object
	if err := httpx.Decode(r, &o, maxBody); err != nil {
		return err
	}
	want, err := provisionOf(o, staff.Record{})
	if err != nil {
		return err
	}
	p, err := h.Staff.ProvisionNew(r.Context(), want)
	return h.showUser(w, http.StatusCreated, p, err)
}

func (h *api) putUser(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	var o object
	if err := httpx.Decode(r, &o, maxBody); err != nil {
		return err
	}
	p, err := h.Staff.Provision(r.Context(), h.user(r), func(was staff.Record) (staff.Provision, error) {
		if err := matches(r, userOf(was)); err != nil {
			return staff.Provision{}, err
		}
		return provisionOf(o, was)
	})
	return h.showUser(w, http.StatusOK, p, err)
}

// operations reads the body of a PATCH.
func operations(r *http.Request) ([]operation, error) {
	var b struct {
		Schemas    []string    `json:"schemas"`
		Operations []operation `json:"Operations"`
	}
	if err := httpx.Decode(r, &b, maxBody); err != nil {
		return nil, err
	}
	if !slices.Contains(b.Schemas, patchSchema) {
		return nil, errSyntax
	}
	return b.Operations, nil
}

func (h *api) patchUser(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	ops, err := operations(r)
	if err != nil {
		return err
	}
	p, err := h.Staff.Provision(r.Context(), h.user(r), func(was staff.Record) (staff.Provision, error) {
		o := userOf(was)
		if err := matches(r, o); err != nil {
			return staff.Provision{}, err
		}
		o, err := applyPatch(o, ops)
		if err != nil {
			return staff.Provision{}, err
		}
		return provisionOf(o, was)
	})
	return h.showUser(w, http.StatusOK, p, err)
}

func (h *api) dropUser(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	if err := h.Staff.Unprovision(r.Context(), h.user(r), func(was staff.Record) error { return matches(r, userOf(was)) }); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// groupOf is a team as SCIM has it, without meta.
func groupOf(g staff.Group) object {
	members := []any{}
	for _, m := range g.Members {
		members = append(members, object{"value": m.Localpart(), "$ref": base + "/Users/" + m.Localpart()})
	}
	o := object{"schemas": []any{groupSchema}, "id": string(g.ID), "displayName": g.Name, "members": members}
	if g.External != "" {
		o["externalId"] = g.External
	}
	return o
}

func (h *api) groupFrom(o object, was staff.Group) staff.Group {
	g := staff.Group{Team: directory.Team{ID: was.ID, Name: first(o, "displayName"), Detail: was.Detail}, External: first(o, "externalId")}
	list, _ := o[key(o, "members")].([]any)
	for _, m := range list {
		if v, ok := m.(object); ok {
			g.Members = append(g.Members, id.User("@"+strings.ToLower(first(v, "value"))+":"+string(h.Staff.Accounts.Server())))
		}
	}
	return g
}

func (h *api) listGroups(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	all, err := h.Staff.Groups(r.Context())
	if err != nil {
		return err
	}
	groups, names := make([]object, 0, len(all)), make([]string, 0, len(all))
	for _, g := range all {
		groups, names = append(groups, groupOf(g)), append(names, string(g.ID))
	}
	return h.list(w, r, "Group", groups, names)
}

func (h *api) showGroup(w http.ResponseWriter, status int, g staff.Group, err error) error {
	if err != nil {
		return err
	}
	o, tag := finish("Group", string(g.ID), groupOf(g))
	if status == http.StatusCreated {
		w.Header().Set("Location", base+"/Groups/"+string(g.ID))
	}
	return say(w, status, o, tag)
}

func (h *api) oneGroup(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	g, err := h.Staff.Group(r.Context(), directory.TeamID(r.PathValue("id")))
	return h.showGroup(w, http.StatusOK, g, err)
}

func (h *api) addGroup(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	var o object
	if err := httpx.Decode(r, &o, maxBody); err != nil {
		return err
	}
	g, err := h.Staff.SetGroup(r.Context(), "", func(was staff.Group) (staff.Group, error) { return h.groupFrom(o, was), nil })
	return h.showGroup(w, http.StatusCreated, g, err)
}

func (h *api) putGroup(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	var o object
	if err := httpx.Decode(r, &o, maxBody); err != nil {
		return err
	}
	g, err := h.Staff.SetGroup(r.Context(), directory.TeamID(r.PathValue("id")), func(was staff.Group) (staff.Group, error) {
		return h.groupFrom(o, was), matches(r, groupOf(was))
	})
	return h.showGroup(w, http.StatusOK, g, err)
}

func (h *api) patchGroup(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	ops, err := operations(r)
	if err != nil {
		return err
	}
	g, err := h.Staff.SetGroup(r.Context(), directory.TeamID(r.PathValue("id")), func(was staff.Group) (staff.Group, error) {
		o := groupOf(was)
		if err := matches(r, o); err != nil {
			return was, err
		}
		o, err := applyPatch(o, ops)
		if err != nil {
			return was, err
		}
		return h.groupFrom(o, was), nil
	})
	return h.showGroup(w, http.StatusOK, g, err)
}

func (h *api) dropGroup(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	if err := h.Staff.DropGroup(r.Context(), directory.TeamID(r.PathValue("id")), func(was staff.Group) error { return matches(r, groupOf(was)) }); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
