package scenario

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wardline/edge/clinic"
	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/lock"
	"wardline/matrix/media"
)

// TestAPI_Uploads: a file comes in parts by HTTP, from whoever was given its name and from nobody else.
func TestAPI_Uploads(t *testing.T) {
	t.Parallel()
	in(t, "OK in parts, and what is refused", func(t *testing.T, w *Ward) {
		files, err := media.Open(w.DB, "st-elsewhere", t.TempDir(), 1<<20)
		ok(t, err)
		s := &httpx.Server{Log: w.log, Authenticate: func(_ context.Context, token string) (account.Actor, error) {
			if token == "" {
				return account.Actor{}, fault.New(fault.Unauthenticated, "M_MISSING_TOKEN", "Sign in.")
			}
			return account.Actor{User: w.As(token).User, Device: "D"}, nil
		}}
		mux := http.NewServeMux()
		s.Mount(mux, clinic.Routes(clinic.Deps{DB: w.DB, Directory: w.Directory, Accounts: w.Accounts, Locks: lock.New(w.DB, w.Accounts), Media: files, Now: time.Now}))
		h := s.Front(mux)
		ok(t, w.Accounts.CreateAll(t.Context(), []account.NewUser{{User: "@stranger:st-elsewhere"}}))
		name, _, err := files.Reserve(t.Context(), w.As("asha").User)
		ok(t, err)
		path := "/uploads/" + string(name)
		for _, tt := range []struct {
			who, method, path, body string
			status                  int
			says                    string
		}{
			{"", "GET", path, "", 401, "M_MISSING_TOKEN"},
			{"", "PUT", path + "?offset=0&size=8", "bed", 401, "M_MISSING_TOKEN"},
			{"tom", "GET", path, "", 404, "M_NOT_FOUND"},
			{"tom", "PUT", path + "?offset=0&size=8", "bed", 404, "M_NOT_FOUND"},
			{"stranger", "GET", path, "", 404, "M_NOT_FOUND"},
			{"asha", "GET", "/uploads/nobodys", "", 404, "M_NOT_FOUND"},
			{"asha", "GET", path, "", 200, `"offset":0`},
			{"asha", "PUT", path + "?size=8", "bed", 400, "M_MISSING_PARAM"},
			{"asha", "PUT", path + "?offset=0", "bed", 400, "M_MISSING_PARAM"},
			{"asha", "PUT", path + "?offset=x&size=8", "bed", 400, "M_INVALID_PARAM"},
			{"asha", "PUT", path + "?offset=0&size=2000000", "bed", 413, "M_TOO_LARGE"},
			{"asha", "PUT", path + "?offset=0&size=8", "bed", 200, `"offset":3`},
			{"asha", "PUT", path + "?offset=0&size=8", "bed", 409, "M_CANNOT_OVERWRITE_MEDIA"},
			{"asha", "GET", path, "", 200, `"offset":3`},
			{"tom", "DELETE", path, "", 200, "{}"},
			{"asha", "PUT", path + "?offset=3&size=8", " four", 200, `"done":true`},
			{"asha", "GET", path, "", 200, `"done":true`},
			{"asha", "PUT", path + "?offset=3&size=8", " four", 200, `"done":true`},
			{"asha", "DELETE", path, "", 200, "{}"},
			{"asha", "GET", path, "", 200, `"done":true`},
		} {
			r := httptest.NewRequest(tt.method, "/_wardline/v1"+tt.path, strings.NewReader(tt.body))
			r.Header.Set("Content-Type", "text/plain")
			if tt.who != "" {
				r.Header.Set("Authorization", "Bearer "+tt.who)
			}
			got := httptest.NewRecorder()
			h.ServeHTTP(got, r)
			if got.Code != tt.status || !strings.Contains(got.Body.String(), tt.says) || !json.Valid(got.Body.Bytes()) {
				t.Errorf("%s %s by %q: got %d %s, want %d with %s", tt.method, tt.path, tt.who, got.Code, got.Body, tt.status, tt.says)
			}
		}
		c, err := files.Download(t.Context(), "st-elsewhere", string(name), 0)
		ok(t, err)
		defer c.Close()
		b := make([]byte, 20)
		if n, _ := c.Read(b); string(b[:n]) != "bed four" || c.Type != "text/plain" {
			t.Errorf("got %q as %s", b[:n], c.Type)
		}
	})
}
