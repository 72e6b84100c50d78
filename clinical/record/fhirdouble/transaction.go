package fhirdouble

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// planned is what a transaction will do with one entry.
type planned struct {
	name     string // "DocumentReference/103"
	resource object
	created  bool
}

// transaction takes a bundle, whole or not at all.
//
// spec: hl7.org/fhir/R4/http#transaction
func (s *Server) transaction(w http.ResponseWriter, r *http.Request) {
	s.posts++
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/fhir+json" {
		fail(w, http.StatusUnsupportedMediaType, "not-supported", "send application/fhir+json")
		return
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		fail(w, http.StatusRequestEntityTooLarge, "too-costly", "the bundle is too large")
		return
	}
	var b object
	d := json.NewDecoder(bytes.NewReader(raw))
	if err := d.Decode(&b); err != nil || d.More() {
		fail(w, http.StatusBadRequest, "structure", "the body is not one JSON object")
		return
	}
	if s.refuse != "" {
		fail(w, http.StatusUnprocessableEntity, "business-rule", s.refuse)
		return
	}
	c := check{types: s.types}
	if text(b, "resourceType") != "Bundle" {
		fail(w, http.StatusBadRequest, "structure", "the body is not a Bundle")
		return
	}
	c.object("Bundle", b, "Bundle")
	if len(c.issues) > 0 {
		fail(w, http.StatusUnprocessableEntity, "invalid", c.issues...)
		return
	}
	plan, status, issue := s.plan(b)
	if issue != "" {
		fail(w, status, "processing", issue)
		return
	}
	if issue := s.resolve(plan, c.refs); issue != "" {
		fail(w, http.StatusBadRequest, "not-found", issue)
		return
	}
	s.commit(w, b, plan)
}

// plan decides for each entry, by fullUrl, whether it is created, or is there already.
func (s *Server) plan(b object) (map[string]planned, int, string) {
	plan := map[string]planned{}
	next := len(s.order)
	for i, v := range b["entry"].([]any) {
		e := v.(object)
		resource, req := e["resource"].(object), e["request"].(object)
		kind, full := text(resource, "resourceType"), text(e, "fullUrl")
		switch {
		case !urnForm.MatchString(full):
			return nil, http.StatusBadRequest, fmt.Sprintf("entry %d: the fullUrl is not a urn:uuid", i)
		case plan[full].name != "":
			return nil, http.StatusBadRequest, fmt.Sprintf("entry %d: the fullUrl is used twice", i)
		case text(req, "url") != kind:
			return nil, http.StatusBadRequest, fmt.Sprintf("entry %d: a %s cannot be posted to %s", i, kind, text(req, "url"))
		}
		if condition := text(req, "ifNoneExist"); condition != "" {
			q, err := url.ParseQuery(condition)
			if err != nil || len(q) != 1 || q.Get("identifier") == "" && q.Get("_tag") == "" {
				return nil, http.StatusBadRequest, fmt.Sprintf("entry %d: ifNoneExist is not a search that is supported", i)
			}
			var there []string
			for param := range q {
				there = s.match(kind, param, q.Get(param))
			}
			if len(there) > 1 {
				return nil, http.StatusPreconditionFailed, fmt.Sprintf("entry %d: ifNoneExist matches %d resources", i, len(there))
			}
			if len(there) == 1 {
				plan[full] = planned{name: there[0]}
				continue
			}
		}
		next++
		plan[full] = planned{name: fmt.Sprintf("%s/%d", kind, 100+next), resource: resource, created: true}
	}
	return plan, 0, ""
}

// resolve points every reference inside the bundle at where its target will be.
func (s *Server) resolve(plan map[string]planned, refs []object) string {
	for _, o := range refs {
		ref := text(o, "reference")
		switch {
		case ref == "":
		case strings.HasPrefix(ref, "urn:uuid:"):
			target, ok := plan[ref]
			if !ok {
				return "a reference points at nothing in the bundle"
			}
			o["reference"] = target.name
		default:
			if _, ok := s.stored[ref]; !ok {
				return "a reference points at a resource that is not here"
			}
		}
	}
	return ""
}

func (s *Server) commit(w http.ResponseWriter, b object, plan map[string]planned) {
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	entries := []object{}
	for _, v := range b["entry"].([]any) {
		p := plan[text(v.(object), "fullUrl")]
		status := "200 OK"
		if p.created {
			status = "201 Created"
			p.resource["id"] = strings.SplitN(p.name, "/", 2)[1]
			p.resource["meta"].(object)["versionId"], p.resource["meta"].(object)["lastUpdated"] = "1", now
			s.keep(p.name, p.resource)
		}
		entries = append(entries, object{"response": object{"status": status, "location": p.name + "/_history/1", "etag": `W/"1"`, "lastModified": now}})
	}
	if err := s.save(); err != nil {
		fail(w, http.StatusInternalServerError, "exception", "the double could not write its file")
		return
	}
	if s.drop > 0 {
		s.drop--
		panic(http.ErrAbortHandler) // committed, and nobody is told
	}
	answer(w, http.StatusOK, object{"resourceType": "Bundle", "type": "transaction-response", "entry": entries})
}
