package carrier

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Webhook hands texts to a program of the trust's own, which calls, texts or rings a bell: the way to every telephone system that is not
// known here. What it gets and may tell later is in docs/protocol.md. Both sides sign with one secret.
type Webhook struct {
	URL    string
	Secret string
	Way    string // sms, voice, pager or email: what it is told to do
	Client *http.Client
	Now    func() time.Time
}

// Header names of what crosses in both directions.
const (
	stampHeader = "Wardline-Timestamp" // seconds since 1970
	signHeader  = "Wardline-Signature" // hex HMAC-SHA256 of "timestamp.body"
)

// fresh is how old a signed receipt may be, and how far ahead.
const fresh = 5 * time.Minute

// Check implements Carrier.
func (h *Webhook) Check(address string) (string, error) {
	switch h.Way {
	case "sms", "voice":
		return phone(address)
	case "pager":
		return pager(address)
	}
	return mailbox(address)
}

// Send implements Carrier.
func (h *Webhook) Send(ctx context.Context, m Message) (string, error) {
	body, err := json.Marshal(map[string]string{"ref": m.Ref, "way": h.Way, "to": m.To, "text": m.Text})
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, "POST", h.URL, bytes.NewReader(body))
	if err != nil {
		return "", bare(err)
	}
	stamp := strconv.FormatInt(h.Now().Unix(), 10)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", m.Ref)
	r.Header.Set(stampHeader, stamp)
	r.Header.Set(signHeader, h.sign(stamp, body))
	res, err := h.Client.Do(r)
	if err != nil {
		return "", bare(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxReply))
	if err != nil {
		return "", err
	}
	var answer struct{ ID string }
	_ = json.Unmarshal(raw, &answer) // a webhook need not name what it takes
	return answer.ID, settled(res.StatusCode)
}

func (h *Webhook) sign(stamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(h.Secret))
	mac.Write([]byte(stamp))
	mac.Write([]byte{'.'})
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// Read implements Teller.
func (h *Webhook) Read(r *http.Request) ([]Receipt, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxReply))
	if err != nil {
		return nil, err
	}
	stamp := r.Header.Get(stampHeader)
	at, err := strconv.ParseInt(stamp, 10, 64)
	age := h.Now().Sub(time.Unix(at, 0))
	if err != nil || h.Secret == "" || age > fresh || age < -fresh || !hmac.Equal([]byte(h.sign(stamp, body)), []byte(strings.ToLower(r.Header.Get(signHeader)))) {
		return nil, ErrForged
	}
	var b struct{ Ref, State, Reason string }
	if err := json.Unmarshal(body, &b); err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	got := Receipt{Ref: b.Ref, Reason: plain(b.Reason, 120)}
	if s := State(b.State); s == Arrived || s == Failed {
		got.State = s
	}
	return []Receipt{got}, nil
}
