// Package httpx is the one place where requests become calls and errors become answers.
//
// It promises that nothing is written to a client before success is certain, that every error has the specification's shape, that
// what a stranger may not know to exist looks like what does not exist, and that a body is bounded before it is read. Handlers decode,
// call one verb and render. Look first at Route and Server.
package httpx

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"wardline/ground/fault"
	"wardline/ground/run"
	"wardline/matrix/account"
)

// Handler answers a request, or returns why not. Actor is zero on routes without authentication.
type Handler func(w http.ResponseWriter, r *http.Request, a account.Actor) error

// Route is one line of a table of endpoints.
type Route struct {
	Pattern string // method and path as net/http's mux reads them
	Auth    bool   // only for those who are signed in
	Heavy   bool   // reads or writes much: only some go on at once (Server.Heavy)
	Maybe   bool   // for anybody; who is signed in is known to the handler
	Locked  bool   // also for those whose account is locked
	Handle  Handler
}

// Cookie is the name of the web app's session cookie.
const Cookie = "wl_session"

// Server turns routes into an http.Handler.
type Server struct {
	Log *slog.Logger
	// Authenticate returns who holds an access token.
	Authenticate func(ctx context.Context, token string) (account.Actor, error)
	// Assert returns as whom the holder of a token acts that is no person's but an application service's; false when it is none of
	// those. Nil when there are no application services.
	Assert func(r *http.Request, token string) (account.Actor, bool, error)
	// Admit may refuse a request before its work begins, for rate limits; nil admits all.
	Admit func(r *http.Request, a account.Actor) error
	// Heavy is where calls that take much memory wait for their turn; nil has none wait.
	Heavy *run.Gate
	// Suspended says what somebody whose account is suspended may still do; nil is everything.
	Suspended func(r *http.Request, pattern string, a account.Actor) error
	// Shut refuses what a locked device may not ask; nil refuses nothing.
	Shut func(pattern string, a account.Actor) error
	// Saw is told who has asked, from where; nil means nobody cares.
	Saw func(a account.Actor, ip, agent string)

	refusals, refusedAt atomic.Int64 // how many there were, and when one was logged last
}

// Mount adds routes to the mux. A pattern under /_matrix/client/v3/ also answers under r0, which older clients use.
func (s *Server) Mount(mux *http.ServeMux, routes []Route) {
	for _, rt := range routes {
		h := s.handler(rt)
		mux.Handle(rt.Pattern, h)
		for _, prefix := range []string{"/_matrix/client/v3/", "/_matrix/media/v3/"} {
			if method, path, ok := strings.Cut(rt.Pattern, " "); ok && strings.HasPrefix(path, prefix) {
				mux.Handle(method+" "+strings.Replace(path, "/v3/", "/r0/", 1), h)
			}
		}
	}
}

func (s *Server) handler(rt Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var a account.Actor
		var err error
		hurry(w, r)
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w = shrinker{w}
		}
		if rt.Auth || rt.Maybe && signed(r) {
			if a, err = s.actor(r); rt.Locked && a.User != "" && lockedOut(err) {
				err = nil
			}
			if err == nil && s.Saw != nil {
				s.Saw(a, Address(r), r.UserAgent())
			}
			if err == nil && s.Shut != nil {
				err = s.Shut(rt.Pattern, a)
			}
			if err == nil && a.Suspended && s.Suspended != nil {
				err = s.Suspended(r, rt.Pattern, a)
			}
		}
		if err == nil && s.Admit != nil {
			err = s.Admit(r, a)
		}
		if err == nil {
			err = s.handle(w, r, rt, a)
		}
		if err != nil {
			s.Fail(w, r, err)
		}
	})
}

// handle has a heavy call wait for its turn. Others never wait here: a message does not stand behind somebody's history.
func (s *Server) handle(w http.ResponseWriter, r *http.Request, rt Route, a account.Actor) error {
	if rt.Heavy && s.Heavy != nil {
		leave, err := s.Heavy.Enter(r.Context())
		if err != nil {
			return err
		}
		defer leave()
	}
	return rt.Handle(w, r, a)
}

// signed says whether the request claims to come from somebody.
func signed(r *http.Request) bool {
	_, err := r.Cookie(Cookie)
	return err == nil || r.Header.Get("Authorization") != ""
}

func lockedOut(err error) bool {
	f := fault.As(err)
	return f != nil && f.Code == "M_USER_LOCKED"
}

// Address is from where a request comes: what a proxy on the same machine says, or else the other end.
func Address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		if via := r.Header.Get("X-Forwarded-For"); via != "" {
			last := via[strings.LastIndexByte(via, ',')+1:]
			if ip := net.ParseIP(strings.TrimSpace(last)); ip != nil {
				return ip.String()
			}
		}
	}
	return host
}

// actor finds who makes the request: by bearer token, or by the web app's cookie, which is believed for a write only when the
// browser says that the page it came from is ours.
func (s *Server) actor(r *http.Request) (account.Actor, error) {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		token = strings.TrimSpace(token)
		if s.Assert != nil {
			if a, ok, err := s.Assert(r, token); ok || err != nil {
				return a, err
			}
		}
		return s.Authenticate(r.Context(), token)
	}
	if c, err := r.Cookie(Cookie); err == nil {
		if err := SameOrigin(r); err != nil {
			return account.Actor{}, err
		}
		return s.Authenticate(r.Context(), c.Value)
	}
	return s.Authenticate(r.Context(), "")
}

// SameOrigin refuses a request that another site's page has caused. Reads pass when the browser says nothing; writes do not.
func SameOrigin(r *http.Request) error {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case site == "same-origin", site == "none" && read:
		return nil
	case site == "" && origin != "" && (origin == "http://"+r.Host || origin == "https://"+r.Host):
		return nil
	case site == "" && origin == "" && read:
		return nil
	}
	return fault.New(fault.Forbidden, "M_FORBIDDEN", "The request came from another site.")
}

// status is the HTTP status and the errcode that a kind of fault has when it does not say one of its own.
func status(k fault.Kind) (int, string) {
	switch k {
	case fault.Invalid:
		return http.StatusBadRequest, "M_INVALID_PARAM"
	case fault.Unauthenticated:
		return http.StatusUnauthorized, "M_MISSING_TOKEN"
	case fault.Forbidden:
		return http.StatusForbidden, "M_FORBIDDEN"
	case fault.Hidden, fault.NotFound:
		return http.StatusNotFound, "M_NOT_FOUND"
	case fault.Conflict:
		return http.StatusConflict, "M_UNKNOWN"
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge, "M_TOO_LARGE"
	case fault.Limited:
		return http.StatusTooManyRequests, "M_LIMIT_EXCEEDED"
	case fault.Unavailable:
		return http.StatusServiceUnavailable, "M_UNKNOWN"
	}
	return http.StatusInternalServerError, "M_UNKNOWN"
}

// statusOf refines the status by the errcode, where the specification fixes one.
func statusOf(f *fault.Fault) int {
	code, _ := status(f.Kind)
	switch f.Code {
	case "M_FORBIDDEN":
		return http.StatusForbidden
	case "M_USER_IN_USE", "M_ROOM_IN_USE", "M_INVALID_USERNAME", "M_BAD_STATE":
		return http.StatusBadRequest
	case "M_UNRECOGNIZED":
		return http.StatusNotFound
	case "M_BAD_STATUS", "M_CONNECTION_FAILED":
		return http.StatusBadGateway
	case "M_CONNECTION_TIMEOUT", "M_NOT_YET_UPLOADED":
		return http.StatusGatewayTimeout
	}
	return code
}

// Fail writes an error's answer. Internal errors are logged with their cause; the client learns only that there was one.
func (s *Server) Fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // nobody is listening any more
	}
	f := fault.As(err)
	if f == nil {
		f = fault.Wrap(fault.Internal, "M_UNKNOWN", "The server made a mistake. It has been written down.", err)
	}
	if f.Kind == fault.Internal {
		s.Log.Error("request failed", "route", r.Pattern, "err", err)
	} else if f.Kind == fault.Unavailable {
		s.logRefusal(r, err)
	}
	body := map[string]any{}
	for k, v := range f.Extra {
		body[k] = v
	}
	body["errcode"], body["error"] = f.Code, f.Public
	if f.Code == "" {
		_, body["errcode"] = status(f.Kind)
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((f.RetryAfter+time.Second-1)/time.Second)))
		body["retry_after_ms"] = f.RetryAfter.Milliseconds()
	}
	_ = JSON(w, statusOf(f), body)
}

// refusalsEvery is how often refusals are logged: what makes one makes thousands, and the first says all.
const refusalsEvery = time.Minute

func (s *Server) logRefusal(r *http.Request, err error) {
	count, now, last := s.refusals.Add(1), time.Now().UnixNano(), s.refusedAt.Load()
	if now-last < int64(refusalsEvery) && last != 0 || !s.refusedAt.CompareAndSwap(last, now) {
		return
	}
	s.Log.Warn("requests refused", "route", r.Pattern, "since_start", count, "err", err)
}

// JSON writes an answer. Its error is only ever that the client has gone.
func JSON(w http.ResponseWriter, status int, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return Raw(w, status, raw)
}

// Raw writes an answer that is JSON already.
func Raw(w http.ResponseWriter, status int, body []byte) error {
	h := w.Header()
	body = shrink(w, body)
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may have gone; nothing can be done for it
	return nil
}

// shrinker marks an answer that may be compressed.
type shrinker struct{ http.ResponseWriter }

// Unwrap lets http.ResponseController reach the writer below.
func (s shrinker) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// shrinkFrom is the size from which an answer is worth compressing: initial syncs and pages of history, not single messages.
const shrinkFrom = 8 << 10

var shrinkers = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant that exists
	}
	return z
}}

// shrink compresses a large answer for a client that takes it so.
func shrink(w http.ResponseWriter, body []byte) []byte {
	if _, ok := w.(shrinker); !ok || len(body) < shrinkFrom {
		return body
	}
	z := shrinkers.Get().(*gzip.Writer)
	defer shrinkers.Put(z)
	var b bytes.Buffer
	z.Reset(&b)
	_, err := z.Write(body)
	if err = errors.Join(err, z.Close()); err != nil {
		return body
	}
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Set("Vary", "Accept-Encoding")
	return b.Bytes()
}

// OK writes the empty object with which the specification says "done".
func OK(w http.ResponseWriter) error { return Raw(w, http.StatusOK, []byte("{}")) }

// Body reads a request's body, at most limit bytes.
func Body(r *http.Request, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "M_NOT_JSON", "The request broke off.", err)
	}
	if int64(len(body)) > limit {
		return nil, fault.New(fault.TooLarge, "M_TOO_LARGE", "The request is too large.")
	}
	return body, nil
}

// Decode reads a JSON body of at most limit bytes into v. An empty body counts as {}. What is not JSON is M_NOT_JSON, what is not
// of v's shape is M_BAD_JSON.
func Decode(r *http.Request, v any, limit int64) error {
	body, err := Body(r, limit)
	if err != nil {
		return err
	}
	if len(body) == 0 {
		body = []byte("{}")
	}
	if !utf8.Valid(body) || !json.Valid(body) {
		return fault.New(fault.Invalid, "M_NOT_JSON", "The body is not JSON.")
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fault.Wrap(fault.Invalid, "M_BAD_JSON", "The body is JSON of another shape.", err)
	}
	return nil
}

// Query reads an integer from the query, def when absent.
func Query(r *http.Request, name string, def int) (int, error) {
	s := r.URL.Query().Get(name)
	if s == "" {
		return def, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, fault.New(fault.Invalid, "M_INVALID_PARAM", "The parameter "+name+" is not a number.")
	}
	return n, nil
}
