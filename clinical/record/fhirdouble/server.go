package fhirdouble

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"

	"strings"
	"sync"
	"time"
)

// Server is one record system. Its zero value is not usable: see New.
type Server struct {
	types map[string]map[string]element
	file  string

	mu     sync.Mutex // guards the rest
	stored map[string]object
	order  []string
	down   bool
	drop   int
	refuse string
	posts  int
}

// New returns an empty server; with a file it starts from what the file holds and keeps it there.
func New(file string) (*Server, error) {
	s := &Server{types: parseDefinitions(), file: file, stored: map[string]object{}}
	if file == "" {
		return s, nil
	}
	raw, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the record double: %w", err)
	}
	var all []object
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, fmt.Errorf("read the record double: %w", err)
	}
	for _, o := range all {
		s.keep(text(o, "resourceType")+"/"+text(o, "id"), o)
	}
	return s, nil
}

// Serve answers on the listener until ctx ends, and closes the listener.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(l); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serve the record double: %w", err)
	}
	return nil
}

// SetDown makes the server answer 503 to everything, or work again.
func (s *Server) SetDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// DropAnswers makes the server commit the next n transactions and then cut the connection instead of answering.
func (s *Server) DropAnswers(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop = n
}

// Refuse makes the server refuse every transaction for the reason; "" ends that.
func (s *Server) Refuse(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = reason
}

// Count returns how many resources of a type there are.
func (s *Server) Count(resource string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for name := range s.stored {
		if strings.HasPrefix(name, resource+"/") {
			n++
		}
	}
	return n
}

// Posts returns how many transactions have been sent, good or bad.
func (s *Server) Posts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.posts
}

// Resource returns one resource as JSON, or nil.
func (s *Server) Resource(name string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.stored[name]
	if !ok {
		return nil
	}
	raw, err := json.Marshal(o)
	if err != nil {
		panic(err) // it came from JSON
	}
	return raw
}

func (s *Server) keep(name string, o object) {
	s.stored[name] = o
	s.order = append(s.order, name)
}

// save writes everything to the file, whole or not at all.
func (s *Server) save() error {
	if s.file == "" {
		return nil
	}
	all := make([]object, 0, len(s.order))
	for _, name := range s.order {
		all = append(all, s.stored[name])
	}
	raw, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.file+".new", raw, 0o600); err != nil {
		return err
	}
	return os.Rename(s.file+".new", s.file)
}

const maxBody = 1 << 20

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		http.Error(w, "down for maintenance", http.StatusServiceUnavailable)
		return
	}
	path := strings.Trim(strings.TrimPrefix(r.URL.Path, "/fhir"), "/")
	kind, rest, _ := strings.Cut(path, "/")
	switch {
	case r.Method == http.MethodPost && path == "":
		s.transaction(w, r)
	case r.Method != http.MethodGet:
		fail(w, http.StatusMethodNotAllowed, "not-supported", "only transactions are accepted")
	case path == "metadata":
		answer(w, http.StatusOK, s.capabilities())
	case profiles[kind] == "":
		fail(w, http.StatusNotFound, "not-supported", "there are no resources of this type here")
	case rest == "":
		s.search(w, r, kind)
	default:
		if o, ok := s.stored[kind+"/"+rest]; ok {
			answer(w, http.StatusOK, o)
			return
		}
		fail(w, http.StatusNotFound, "not-found", "there is no such resource")
	}
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/fhir+json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func fail(w http.ResponseWriter, status int, code string, issues ...string) {
	var list []object
	for _, i := range issues {
		list = append(list, object{"severity": "error", "code": code, "diagnostics": i})
	}
	answer(w, status, object{"resourceType": "OperationOutcome", "issue": list})
}

func (s *Server) capabilities() object {
	var resources []object
	for _, kind := range []string{"Communication", "DocumentReference", "Provenance"} {
		resources = append(resources, object{"type": kind, "supportedProfile": []string{profiles[kind]}, "conditionalCreate": true,
			"interaction": []object{{"code": "create"}, {"code": "read"}, {"code": "search-type"}},
			"searchParam": []object{{"name": "identifier", "type": "token"}, {"name": "_tag", "type": "token"}}})
	}
	return object{"resourceType": "CapabilityStatement", "status": "active", "date": "2026-11-22", "kind": "instance", "fhirVersion": "4.0.1",
		"format": []string{"application/fhir+json"}, "implementation": object{"description": "Wardline's record double: for tests only"},
		"rest": []object{{"mode": "server", "resource": resources, "interaction": []object{{"code": "transaction"}}}}}
}

func (s *Server) search(w http.ResponseWriter, r *http.Request, kind string) {
	q := r.URL.Query()
	var found []string
	for param, values := range q {
		switch {
		case len(values) != 1:
			fail(w, http.StatusBadRequest, "invalid", "give each parameter once")
			return
		case param == "identifier" || param == "_tag":
			found = s.match(kind, param, values[0])
		case param == "_count" || param == "_elements":
		default:
			fail(w, http.StatusBadRequest, "not-supported", "the search parameter "+param+" is not supported")
			return
		}
	}
	if q.Get("identifier") == "" && q.Get("_tag") == "" {
		fail(w, http.StatusBadRequest, "required", "search by identifier or _tag")
		return
	}
	entries := []object{}
	for _, name := range found {
		entries = append(entries, object{"fullUrl": "http://" + r.Host + "/fhir/" + name, "resource": s.stored[name], "search": object{"mode": "match"}})
	}
	answer(w, http.StatusOK, object{"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": entries})
}

// match returns the resources of a type that have the identifier or the tag, "system|value".
func (s *Server) match(kind, param, token string) []string {
	system, value, _ := strings.Cut(token, "|")
	var names []string
	for _, name := range s.order {
		if !strings.HasPrefix(name, kind+"/") {
			continue
		}
		o := s.stored[name]
		list, _ := o["identifier"].([]any)
		member := "value"
		if param == "_tag" {
			m, _ := o["meta"].(object)
			list, _ = m["tag"].([]any)
			member = "code"
		}
		for _, i := range list {
			if o, _ := i.(object); text(o, "system") == system && text(o, member) == value {
				names = append(names, name)
				break
			}
		}
	}
	return names
}
