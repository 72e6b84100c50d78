package bridge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"wardline/ground/fault"
	"wardline/matrix/id"
)

// maxAnswer bounds what is read of a service's answer.
const maxAnswer = 4 << 20

// askTime is how long somebody waits for a service's answer to a question.
const askTime = 10 * time.Second

// answer is what a service said.
type answer struct {
	status int
	body   []byte
}

// call makes one request. The error is only ever that there was no answer.
func (s *Service) call(ctx context.Context, r *Registration, method, path string, body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(r.URL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+r.HomeToken)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return answer{resp.StatusCode, raw}, err
}

// try makes a request by the path of today and, when that has no success, by the one that older services know.
// spec: application-service-api#legacy-routes
func (s *Service) try(ctx context.Context, r *Registration, method, path, old string, body []byte) (answer, error) {
	a, err := s.call(ctx, r, method, path, body)
	if err != nil || a.status < 400 || a.status == http.StatusUnauthorized || a.status == http.StatusForbidden {
		return a, err
	}
	return s.call(ctx, r, method, old, body)
}

// exists asks whether a service has something, which it then has made.
func (s *Service) exists(ctx context.Context, r *Registration, kind, name string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	path := "/" + kind + "/" + url.PathEscape(name)
	a, err := s.try(ctx, r, http.MethodGet, "/_matrix/app/v1"+path, path, nil)
	if err != nil {
		return false, fault.Wrap(fault.Unavailable, "M_UNKNOWN", "The application service that knows about this does not answer.", err)
	}
	return a.status == http.StatusOK, nil
}

// AskAlias asks the services in whose namespace an alias nobody knows is, whether they make its room now; true when one did.
// spec: application-service-api#get_matrixappv1roomsroomalias
func (s *Service) AskAlias(ctx context.Context, alias id.Alias) (bool, error) {
	for _, r := range s.all {
		if r.URL != "" && r.Alias(alias) {
			if yes, err := s.exists(ctx, r, "rooms", string(alias)); yes || err != nil {
				return yes, err
			}
		}
	}
	return false, nil
}

// AskUser asks the service in whose namespace a user is, to make the user if there is none yet. Others are left alone.
// spec: application-service-api#get_matrixappv1usersuserid
func (s *Service) AskUser(ctx context.Context, u id.User) error {
	if s == nil {
		return nil
	}
	for _, r := range s.all {
		if r.URL == "" || u == r.Sender || !r.Speaks(u) {
			continue
		}
		err := s.accounts.Active(ctx, u)
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		if yes, err := s.exists(ctx, r, "users", string(u)); yes || err != nil {
			return err
		}
	}
	return nil
}

// Ping calls the actor's own service and returns how long that took.
// spec: client-server-api#post_matrixclientv1appserviceappserviceidping
func (s *Service) Ping(ctx context.Context, service, name, txn string) (time.Duration, error) {
	r := s.ByID(name)
	if r == nil || service != name {
		return 0, fault.New(fault.Forbidden, "M_FORBIDDEN", "The access token is not that application service's.")
	}
	if r.URL == "" {
		return 0, fault.New(fault.Invalid, "M_URL_NOT_SET", "The application service has no URL.")
	}
	content := map[string]string{}
	if txn != "" {
		content["transaction_id"] = txn
	}
	body, err := json.Marshal(content)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	began := time.Now()
	a, err := s.call(ctx, r, http.MethodPost, "/_matrix/app/v1/ping", body)
	var slow net.Error
	switch {
	case errors.As(err, &slow) && slow.Timeout():
		return 0, fault.Wrap(fault.Unavailable, "M_CONNECTION_TIMEOUT", "The application service did not answer in time.", err)
	case err != nil:
		return 0, fault.Wrap(fault.Unavailable, "M_CONNECTION_FAILED", "The application service cannot be reached.", err)
	case a.status != http.StatusOK:
		return 0, &fault.Fault{Kind: fault.Unavailable, Code: "M_BAD_STATUS", Public: fmt.Sprintf("The ping was answered %d.", a.status),
			Extra: map[string]any{"status": a.status, "body": strings.ToValidUTF8(string(a.body[:min(len(a.body), 4096)]), "\uFFFD")}}
	}
	return time.Since(began), nil
}

// Lookup relays a question about third-party networks to the services that provide a protocol, all of them for "", and returns the
// answers that came, by service. A service that does not answer has none.
// spec: client-server-api#third-party-lookups
func (s *Service) Lookup(ctx context.Context, protocol, path string, query url.Values) map[*Registration]json.RawMessage {
	out := map[*Registration]json.RawMessage{}
	if s == nil {
		return out
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	for _, r := range s.all {
		if r.URL == "" || len(r.Protocols) == 0 || protocol != "" && !r.provides(protocol) {
			continue
		}
		if len(query) > 0 {
			path += "?" + query.Encode()
			query = nil
		}
		a, err := s.try(ctx, r, http.MethodGet, "/_matrix/app/v1/thirdparty/"+path, "/_matrix/app/unstable/thirdparty/"+path, nil)
		switch {
		case err != nil:
			s.log.Warn("application service does not answer", "service", r.ID, "err", err)
		case a.status == http.StatusOK && json.Valid(a.body):
			out[r] = a.body
		}
	}
	return out
}

func (r *Registration) provides(protocol string) bool {
	for _, p := range r.Protocols {
		if p == protocol {
			return true
		}
	}
	return false
}

// Protocols are all protocols that services provide.
func (s *Service) Protocols() []string {
	var all []string
	if s == nil {
		return nil
	}
	for _, r := range s.all {
		all = append(all, r.Protocols...)
	}
	return all
}
