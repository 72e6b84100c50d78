package carrier

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// GovUK sends text messages by GOV.UK Notify. The template must be of one field, ((text)).
// spec: docs.notifications.service.gov.uk/rest-api.html
type GovUK struct {
	Base     string // https://api.notifications.service.gov.uk
	Service  string // id of the trust's service there: a part of its key
	Secret   string // the rest of the key
	Template string
	Token    string // with which Notify's receipts prove themselves; empty takes none
	Client   *http.Client
	Now      func() time.Time
}

// uuid is the length of a UUID: an API key is a name, the service's id and the secret, with hyphens between.
const uuid = 36

// ParseKey takes the two parts out of an API key of GOV.UK Notify.
func ParseKey(key string) (service, secret string, err error) {
	if len(key) < 2*uuid+1 || key[len(key)-uuid-1] != '-' {
		return "", "", errors.New("an API key of GOV.UK Notify ends with two ids of 36 characters")
	}
	return key[len(key)-2*uuid-1 : len(key)-uuid-1], key[len(key)-uuid:], nil
}

// Check implements Carrier.
func (g *GovUK) Check(address string) (string, error) { return phone(address) }

// Send implements Carrier.
func (g *GovUK) Send(ctx context.Context, m Message) (string, error) {
	body, err := json.Marshal(map[string]any{"phone_number": m.To, "template_id": g.Template, "reference": m.Ref, "personalisation": map[string]string{"text": m.Text}})
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, "POST", strings.TrimSuffix(g.Base, "/")+"/v2/notifications/sms", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+g.jwt())
	res, err := g.Client.Do(r)
	if err != nil {
		return "", bare(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxReply))
	if err != nil {
		return "", err
	}
	if err := settled(res.StatusCode); err != nil {
		return "", err
	}
	var answer struct{ ID string }
	if json.Unmarshal(raw, &answer) != nil || answer.ID == "" {
		return "", errors.New("the answer of GOV.UK Notify has no id")
	}
	return answer.ID, nil
}

// jwt proves who we are for the next half minute.
func (g *GovUK) jwt() string {
	e := base64.RawURLEncoding
	head := e.EncodeToString([]byte(`{"typ":"JWT","alg":"HS256"}`)) + "." + e.EncodeToString(fmt.Appendf(nil, `{"iss":%q,"iat":%d}`, g.Service, g.Now().Unix()))
	mac := hmac.New(sha256.New, []byte(g.Secret))
	mac.Write([]byte(head))
	return head + "." + e.EncodeToString(mac.Sum(nil))
}

// Read implements Teller.
func (g *GovUK) Read(r *http.Request) ([]Receipt, error) {
	given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if g.Token == "" || subtle.ConstantTimeCompare([]byte(given), []byte(g.Token)) != 1 {
		return nil, ErrForged
	}
	var b struct{ Reference, Status string }
	if err := json.NewDecoder(io.LimitReader(r.Body, maxReply)).Decode(&b); err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	got := Receipt{Ref: b.Reference}
	switch b.Status {
	case "delivered":
		got.State = Arrived
	case "permanent-failure":
		got.State, got.Reason = Failed, "the number does not exist"
	case "temporary-failure":
		got.State, got.Reason = Failed, "the phone is off or out of reach"
	case "technical-failure":
		got.State, got.Reason = Failed, "the network has a fault"
	}
	return []Receipt{got}, nil
}

// bare takes the URL out of a client's error: it may be a secret of the trust.
func bare(err error) error {
	var u interface{ Unwrap() error }
	if errors.As(err, &u) {
		if inner := u.Unwrap(); inner != nil {
			return inner
		}
	}
	return err
}
