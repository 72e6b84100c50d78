package httpx

import (
	"net/http"
	"strings"

	"wardline/ground/fault"
)

// Front stands before the mux: it answers preflights from a constant, gives every answer of the API its headers, and puts the
// mux's own 404 and 405 into the specification's form.
func (s *Server) Front(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w = newPatientWriter(w)
		if !strings.HasPrefix(r.URL.Path, "/_") && !strings.HasPrefix(r.URL.Path, "/.well-known/") {
			mux.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		if !strings.HasPrefix(r.URL.Path, "/_wardline/") {
			// spec: client-server-api#web-browser-clients
			h.Set("Access-Control-Allow-Origin", "*")
			h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, PATCH, OPTIONS")
			h.Set("Access-Control-Allow-Headers", "X-Requested-With, Content-Type, Authorization")
			h.Set("Access-Control-Max-Age", "86400")
			if r.Method == http.MethodOptions {
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
		_, pattern := mux.Handler(r)
		if pattern == "" || pattern == "/" || strings.HasSuffix(pattern, " /") {
			s.unrecognised(mux, w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// unrecognised answers for paths and methods that nobody serves.
// spec: client-server-api#common-error-codes
func (s *Server) unrecognised(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
		if method == r.Method {
			continue
		}
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := mux.Handler(other); pattern != "" && pattern != "/" && !strings.HasSuffix(pattern, " /") {
			_ = JSON(w, http.StatusMethodNotAllowed, map[string]string{"errcode": "M_UNRECOGNIZED", "error": "That method is not served here."})
			return
		}
	}
	s.Fail(w, r, fault.New(fault.NotFound, "M_UNRECOGNIZED", "There is nothing here."))
}
