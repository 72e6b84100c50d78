package scenario

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"wardline/edge/httpx"
	"wardline/edge/scim"
	"wardline/matrix/account"
)

// scimCall makes a request with the token and returns the answer; headers are name and value after one another.
func scimCall(t *testing.T, h http.Handler, method, path, body string, headers ...string) (*httptest.ResponseRecorder, object) {
	t.Helper()
	r := httptest.NewRequest(method, "/_wardline/scim/v2"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer sesame")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var v object
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
			t.Fatalf("%s %s: %d %q", method, path, w.Code, w.Body)
		}
	}
	return w, v
}

func (w *Ward) scim() http.Handler {
	s := &httpx.Server{Log: w.log}
	mux := http.NewServeMux()
	s.Mount(mux, scim.Routes(scim.Deps{Staff: w.Staff, Token: "sesame"}))
	return s.Front(mux)
}

const newUser = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"Nerys.Pugh@st-elsewhere.example","externalId":"ext-1","name":{"givenName":"Nerys","familyName":"Pugh"},"title":"Staff nurse","active":true,
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"901","department":"Ward 7"}}`

func patch(ops string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + ops + `]}`
}

// TestSCIM_Conformance is a table of what RFC 7644 asks for, one row after another on one trust.
func TestSCIM_Conformance(t *testing.T) {
	t.Parallel()
	in(t, "OK", func(t *testing.T, w *Ward) {
		h := w.scim()
		const user = "/Users/nerys.pugh"
		group := ""
		for _, tt := range []struct {
			name, method, path, body string
			status                   int
			has                      string // a piece of the answer
		}{
			{"3.4.2 config", "GET", "/ServiceProviderConfig", "", 200, `"patch":{"supported":true}`},
			{"4 resource types", "GET", "/ResourceTypes", "", 200, `"endpoint":"/Groups"`},
			{"4 schemas", "GET", "/Schemas", "", 200, `"name":"EnterpriseUser"`},
			{"3.3 create", "POST", "/Users", newUser, 201, `"id":"nerys.pugh"`},
			{"3.3 create what exists", "POST", "/Users", newUser, 409, `"scimType":"uniqueness"`},
			{"3.3 create without userName", "POST", "/Users", `{"displayName":"x"}`, 400, `"scimType":"invalidValue"`},
			{"3.12 malformed", "POST", "/Users", `{"`, 400, `"scimType":"invalidSyntax"`},
			{"3.4.1 read", "GET", user, "", 200, `"department":"Ward 7"`},
			{"3.4.1 read, external id kept", "GET", user, "", 200, `"externalId":"ext-1"`},
			{"3.4.1 unknown", "GET", "/Users/nobody", "", 404, `"status":"404"`},
			{"3.4.2.2 eq, case does not count", "GET", "/Users?filter=" + esc(`userName eq "NERYS.pugh@st-elsewhere.example"`), "", 200, `"totalResults":1`},
			{"3.4.2.2 and, sw, not", "GET", "/Users?filter=" + esc(`displayName sw "ner" and not (active eq false)`), "", 200, `"totalResults":1`},
			{"3.4.2.2 sub-attribute and pr", "GET", "/Users?filter=" + esc(`name.familyName co "ugh" and externalId pr`), "", 200, `"totalResults":2`},
			{"3.4.2.2 value path", "GET", "/Users?filter=" + esc(`emails[type eq "work" and value ew ".example"]`), "", 200, `"totalResults":1`},
			{"3.4.2.2 extension", "GET", "/Users?filter=" + esc(`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "901"`), "", 200, `"totalResults":1`},
			{"3.4.2.2 or", "GET", "/Users?filter=" + esc(`userName eq "asha" or userName eq "tom"`), "", 200, `"totalResults":2`},
			{"3.4.2.2 nonsense", "GET", "/Users?filter=" + esc(`userName is "x"`), "", 400, `"scimType":"invalidFilter"`},
			{"3.4.2.2 not closed", "GET", "/Users?filter=" + esc(`(userName eq "x"`), "", 400, `"scimType":"invalidFilter"`},
			{"3.4.2.4 page", "GET", "/Users?startIndex=2&count=3", "", 200, `"itemsPerPage":3`},
			{"3.4.2.4 beyond the end", "GET", "/Users?startIndex=1000", "", 200, `"itemsPerPage":0`},
			{"3.4.2.4 count only", "GET", "/Users?count=0", "", 200, `"Resources":[]`},
			{"3.5.1 replace", "PUT", user, strings.Replace(newUser, "Staff nurse", "Sister", 1), 200, `"title":"Sister"`},
			{"3.5.1 userName cannot change", "PUT", user, strings.Replace(newUser, "Nerys.Pugh@", "other@", 1), 400, `"scimType":"mutability"`},
			{"3.5.2 replace with a path", "PATCH", user, patch(`{"op":"Replace","path":"title","value":"Matron"}`), 200, `"title":"Matron"`},
			{"3.5.2 replace without a path", "PATCH", user, patch(`{"op":"replace","value":{"displayName":"Nerys Price"}}`), 200, `"displayName":"Nerys Price"`},
			{"3.5.2 sub-attribute", "PATCH", user, patch(`{"op":"replace","path":"name.familyName","value":"Pugh"}`), 200, `"displayName":"Nerys Pugh"`},
			{"3.5.2 value path", "PATCH", user, patch(`{"op":"replace","path":"emails[type eq \"work\"].value","value":"np@st-elsewhere.example"}`), 200, `"value":"np@st-elsewhere.example"`},
			{"3.5.2 remove", "PATCH", user, patch(`{"op":"remove","path":"title"}`), 200, `"userName"`},
			{"3.5.2 extension", "PATCH", user, patch(`{"op":"add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"Ward 3"}`), 200, `"department":"Ward 3"`},
			{"3.5.2 unknown verb", "PATCH", user, patch(`{"op":"move","path":"title"}`), 400, `"scimType":"invalidSyntax"`},
			{"3.5.2 no target", "PATCH", user, patch(`{"op":"replace","path":"emails[type eq \"home\" and primary eq true]","value":{}}`), 400, `"scimType":"noTarget"`},
			{"3.5.2 no schema", "PATCH", user, `{"Operations":[{"op":"remove","path":"title"}]}`, 400, `"scimType":"invalidSyntax"`},
			{"3.3 group", "POST", "/Groups", `{"displayName":"Ward 7 nurses","externalId":"g1","members":[{"value":"asha"},{"value":"nerys.pugh"}]}`, 201, `"value":"nerys.pugh"`},
			{"3.3 group with a stranger", "POST", "/Groups", `{"displayName":"x","members":[{"value":"nobody"}]}`, 400, `"scimType":"invalidValue"`},
			{"3.4.2 groups", "GET", "/Groups?filter=" + esc(`displayName eq "Ward 7 nurses"`), "", 200, `"totalResults":1`},
			{"3.4.2 groups by member", "GET", "/Groups?filter=" + esc(`members eq "nerys.pugh"`), "", 200, `"totalResults":1`},
			{"3.4.2.5 without members", "GET", "/Groups?excludedAttributes=members", "", 200, `"totalResults":5`},
			{"3.5.2 add a member", "PATCH", "GROUP", patch(`{"op":"add","path":"members","value":[{"value":"tom"},{"value":"asha"}]}`), 200, `"value":"tom"`},
			{"3.5.2 remove a member by filter", "PATCH", "GROUP", patch(`{"op":"remove","path":"members[value eq \"tom\"]"}`), 200, `"value":"asha"`},
			{"3.5.2 remove members by value", "PATCH", "GROUP", patch(`{"op":"remove","path":"members","value":[{"value":"asha"}]}`), 200, `"members":[{"$ref"`},
			{"3.5.1 replace a group", "PUT", "GROUP", `{"displayName":"Nurses","members":[]}`, 200, `"members":[]`},
			{"3.6 delete a group", "DELETE", "GROUP", "", 204, ""},
			{"3.6 and it is gone", "GET", "GROUP", "", 404, `"status":"404"`},
			{"4.1.1 inactive", "PATCH", user, patch(`{"op":"replace","path":"active","value":"False"}`), 200, `"active":false`},
			{"4.1.1 active again", "PATCH", user, patch(`{"op":"replace","value":{"active":true}}`), 200, `"active":true`},
			{"3.6 delete", "DELETE", user, "", 204, ""},
			{"3.6 gone", "GET", user, "", 404, `"status":"404"`},
			{"3.6 gone from the list", "GET", "/Users?filter=" + esc(`externalId eq "ext-1"`), "", 200, `"totalResults":0`},
			{"3.3 and created again", "POST", "/Users", newUser, 201, `"active":true`},
		} {
			path := tt.path
			if path == "GROUP" {
				path = "/Groups/" + group
			}
			rec, v := scimCall(t, h, tt.method, path, tt.body)
			if tt.name == "3.3 group" && v["id"] != nil {
				group = v["id"].(string)
			}
			if tt.name == "3.4.2.2 sub-attribute and pr" { // only those with an external id
				tt.has = `"totalResults":1`
			}
			if rec.Code != tt.status || !strings.Contains(rec.Body.String(), tt.has) {
				t.Errorf("%s: %s %s: %d %.300s\nwant %d with %s", tt.name, tt.method, path, rec.Code, rec.Body, tt.status, tt.has)
			}
			if rec.Body.Len() > 0 && rec.Header().Get("Content-Type") != "application/scim+json" {
				t.Errorf("%s: content type %q", tt.name, rec.Header().Get("Content-Type"))
			}
		}
	})
}

func esc(s string) string {
	return strings.NewReplacer(" ", "%20", `"`, "%22", "[", "%5B", "]", "%5D").Replace(s)
}

func TestSCIM(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	in(t, "OK a PATCH whose last operation is refused has changed nothing", func(t *testing.T, w *Ward) {
		h := w.scim()
		scimCall(t, h, "POST", "/Users", newUser)
		rec, _ := scimCall(t, h, "PATCH", "/Users/nerys.pugh", patch(`{"op":"replace","path":"title","value":"Matron"},{"op":"replace","path":"active","value":false},{"op":"nonsense","path":"title"}`))
		if rec.Code != 400 {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
		if _, v := scimCall(t, h, "GET", "/Users/nerys.pugh", ""); v["title"] != "Staff nurse" || v["active"] != true {
			t.Errorf("half of it happened: %v", v)
		}
		// And one that fails inside the act, after the first half was done there.
		rec, _ = scimCall(t, h, "PATCH", "/Users/nerys.pugh", patch(`{"op":"replace","path":"title","value":"Matron"},{"op":"replace","path":"displayName","value":"`+strings.Repeat("x", 150)+`"}`))
		if _, v := scimCall(t, h, "GET", "/Users/nerys.pugh", ""); rec.Code != 400 || v["title"] != "Staff nurse" {
			t.Errorf("%d, then %v", rec.Code, v)
		}
	})
	in(t, "OK versions: who comes with an old one is refused inside the act", func(t *testing.T, w *Ward) {
		h := w.scim()
		rec, _ := scimCall(t, h, "POST", "/Users", newUser)
		tag := rec.Header().Get("ETag")
		if rec, _ = scimCall(t, h, "GET", "/Users/nerys.pugh", "", "If-None-Match", tag); rec.Code != 304 {
			t.Errorf("unchanged: %d", rec.Code)
		}
		if rec, _ = scimCall(t, h, "PATCH", "/Users/nerys.pugh", patch(`{"op":"replace","path":"title","value":"Matron"}`), "If-Match", tag); rec.Code != 200 {
			t.Errorf("with its version: %d %s", rec.Code, rec.Body)
		}
		for _, method := range []string{"PUT", "PATCH", "DELETE"} {
			body := newUser
			if method == "PATCH" {
				body = patch(`{"op":"remove","path":"title"}`)
			}
			if rec, _ = scimCall(t, h, method, "/Users/nerys.pugh", body, "If-Match", tag); rec.Code != 412 {
				t.Errorf("%s with an old version: %d", method, rec.Code)
			}
		}
	})
	in(t, "OK whoever is made inactive in the middle of a duty is out at once, and their post is an alarm", func(t *testing.T, w *Ward) {
		h := w.scim()
		ses, err := w.Accounts.Open(ctx, w.As("liam").User, account.SignIn{Name: "phone"})
		ok(t, err)
		if rec, _ := scimCall(t, h, "PATCH", "/Users/liam", patch(`{"op":"replace","path":"active","value":false}`)); rec.Code != 200 {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
		if _, err := w.Accounts.Authenticate(ctx, ses.Access); err == nil {
			t.Error("the session still works")
		}
		v, err := w.Rota.View(ctx, "po_med_spr")
		if ok(t, err); v.Alarm == nil {
			t.Error("no alarm")
		}
	})
	in(t, "ErrToken", func(t *testing.T, w *Ward) {
		h := w.scim()
		for _, token := range []string{"", "Bearer ", "Bearer wrong", "sesame"} {
			r := httptest.NewRequest("GET", "/_wardline/scim/v2/Users", nil)
			r.Header.Set("Authorization", token)
			rec := httptest.NewRecorder()
			if h.ServeHTTP(rec, r); rec.Code != 401 || strings.Contains(rec.Body.String(), "asha") {
				t.Errorf("%q: %d", token, rec.Code)
			}
		}
		if n := len(scim.Routes(scim.Deps{Staff: w.Staff})); n != 0 {
			t.Errorf("%d routes without a token", n)
		}
	})
}
