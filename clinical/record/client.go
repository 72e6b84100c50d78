package record

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client speaks to one FHIR R4 server. Its zero value is not usable: Base is required.
type Client struct {
	Base   string                  // "https://epr.example/fhir", without a slash at the end
	HTTP   *http.Client            // nil for one with a ten-second limit that follows no redirect
	Header func(http.Header) error // adds credentials to a request; nil for none
}

const (
	maxAnswer = 1 << 20
	fhirJSON  = "application/fhir+json"
)

// refusal says that the record has read a filing and will not take it.
type refusal struct{ reason string }

func (r *refusal) Error() string { return "the record refused it" } // the reason may quote the record: it is for the room, not the log

// defaultHTTP follows no redirect: a filing goes where the trust has said, and nowhere else.
var defaultHTTP = &http.Client{Timeout: 10 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func (c *Client) do(ctx context.Context, method, path string, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.Base, "/")+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("ask the record: %w", err)
	}
	req.Header.Set("Accept", fhirJSON)
	if body != nil {
		req.Header.Set("Content-Type", fhirJSON)
		req.Header.Set("Prefer", "return=minimal")
	}
	if c.Header != nil {
		if err := c.Header(req.Header); err != nil {
			return 0, nil, fmt.Errorf("credentials for the record: %w", err)
		}
	}
	client := c.HTTP
	if client == nil {
		client = defaultHTTP
	}
	res, err := client.Do(req)
	if err != nil {
		var where *url.Error
		if errors.As(err, &where) {
			err = where.Err // without the URL, whose query holds identifiers
		}
		return 0, nil, fmt.Errorf("reach the record: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return 0, nil, fmt.Errorf("read the record's answer: %w", err)
	}
	return res.StatusCode, answer, nil
}

// find looks a document up by its identifier and returns its id, or "" when the record has none.
func (c *Client) find(ctx context.Context, system, value string) (string, error) {
	q := url.Values{"identifier": {system + "|" + value}, "_elements": {"id"}, "_count": {"2"}}
	status, answer, err := c.do(ctx, http.MethodGet, "/DocumentReference?"+q.Encode(), nil)
	if err != nil {
		return "", err
	}
	if status != http.StatusOK {
		return "", fmt.Errorf("search the record: status %d", status)
	}
	var found struct {
		ResourceType string `json:"resourceType"`
		Entry        []struct {
			Resource struct {
				ResourceType string `json:"resourceType"`
				ID           string `json:"id"`
			} `json:"resource"`
		} `json:"entry"`
	}
	if err := json.Unmarshal(answer, &found); err != nil || found.ResourceType != "Bundle" {
		return "", fmt.Errorf("search the record: the answer is no bundle: %w", err)
	}
	for _, e := range found.Entry {
		if e.Resource.ResourceType == "DocumentReference" && e.Resource.ID != "" {
			return "DocumentReference/" + e.Resource.ID, nil
		}
	}
	return "", nil
}

// post sends a transaction and returns the id of its DocumentReference, or "" when the answer does not say. A refusal is a *refusal;
// any other error means that nobody knows, and that it must be tried again.
func (c *Client) post(ctx context.Context, bundle []byte) (string, error) {
	status, answer, err := c.do(ctx, http.MethodPost, "", bundle)
	switch {
	case err != nil:
		return "", err
	case status == http.StatusOK || status == http.StatusCreated:
		return location(answer), nil
	case status >= 400 && status < 500 && !passing(status):
		if reason, ok := outcome(answer); ok {
			return "", &refusal{reason}
		}
	}
	return "", fmt.Errorf("file into the record: status %d", status)
}

// passing says whether a client error is about the moment or the credentials, not about what was sent.
func passing(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestTimeout,
		http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return false
}

// location reads where the DocumentReference went.
func location(answer []byte) string {
	var b struct {
		Entry []struct {
			Response struct {
				Location string `json:"location"`
			} `json:"response"`
		} `json:"entry"`
	}
	if json.Unmarshal(answer, &b) != nil {
		return ""
	}
	for _, e := range b.Entry {
		parts := strings.Split(e.Response.Location, "/")
		for i := 0; i+1 < len(parts); i++ {
			if parts[i] == "DocumentReference" {
				return parts[i] + "/" + parts[i+1]
			}
		}
	}
	return ""
}

// outcome reads why the record said no; it says false when the answer is no OperationOutcome.
func outcome(answer []byte) (string, bool) {
	var o struct {
		ResourceType string `json:"resourceType"`
		Issue        []struct {
			Severity    string  `json:"severity"`
			Code        string  `json:"code"`
			Diagnostics string  `json:"diagnostics"`
			Details     concept `json:"details"`
		} `json:"issue"`
	}
	if json.Unmarshal(answer, &o) != nil || o.ResourceType != "OperationOutcome" {
		return "", false
	}
	var reasons []string
	for _, i := range o.Issue {
		if i.Severity != "error" && i.Severity != "fatal" {
			continue
		}
		text := i.Details.Text
		if text == "" {
			text = i.Diagnostics
		}
		if text == "" {
			text = i.Code
		}
		reasons = append(reasons, text)
	}
	text := strings.Join(reasons, "; ")
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + " …"
	}
	return text, true
}
