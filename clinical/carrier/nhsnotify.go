package carrier

import (
	"bytes"
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// NHSNotify sends text messages, or e-mail, by NHS Notify to a number or address that is given with the message. It reaches citizens by
// their NHS number; that a message may name a number instead (contactDetails) is for the trust to agree with NHS Notify.
// spec: digital.nhs.uk/developer/api-catalogue/nhs-notify
type NHSNotify struct {
	Base   string // https://api.service.nhs.uk/comms; tokens come from /oauth2/token of the same host
	Way    string // sms or email
	Plan   string // id of the routing plan; "" is NHS Notify's own plan for free text in this way
	Key    string // the application's API key
	KeyID  string // under which the public half of Signs is known there
	Signs  *rsa.PrivateKey
	App    string // the application's id, and
	Token  string // the API key that callbacks carry; without both no callback is believed
	Client *http.Client
	Now    func() time.Time

	mu    sync.Mutex // guards the rest; never held while the network is waited for
	token string
	until time.Time // when the token is renewed
	quiet time.Time // until when they have asked to be left alone
}

// NHS Notify's own routing plans for words that the sender has written.
const (
	planText = "00000000-0000-0000-0000-000000000003"
	planMail = "00000000-0000-0000-0000-000000000002"
)

// assertionLife is how long a proof of who we are counts; five minutes are allowed. spare is how long before its end a token is renewed.
const (
	assertionLife = 3 * time.Minute
	spare         = 30 * time.Second
)

// ParseSigner reads the private key with which an application proves itself to NHS Notify: RSA with at least 2048 bits, in PEM.
func ParseSigner(raw []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, errors.New("the private key is not in PEM form")
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		any, other := x509.ParsePKCS8PrivateKey(block.Bytes)
		is, ok := any.(*rsa.PrivateKey)
		if other != nil || !ok {
			return nil, errors.New("the private key is no RSA key without a password")
		}
		key = is
	}
	if key.N.BitLen() < 2048 {
		return nil, errors.New("the private key has less than 2048 bits")
	}
	return key, nil
}

// Check implements Carrier.
func (n *NHSNotify) Check(address string) (string, error) {
	if n.Way == "email" {
		at, err := mailbox(address)
		if err == nil && len(at) > 90 {
			return "", sentence("NHS Notify takes e-mail addresses of at most 90 characters.")
		}
		return at, err
	}
	return phone(address)
}

// Send implements Carrier. The reference is what NHS Notify tells a repeat by: a message that it has already is taken.
func (n *NHSNotify) Send(ctx context.Context, m Message) (string, error) {
	body, err := json.Marshal(map[string]any{"data": n.message(m)})
	if err != nil {
		return "", err
	}
	for again := false; ; again = true {
		token, err := n.bearer(ctx)
		if err != nil {
			return "", err
		}
		code, raw, err := n.post(ctx, n.base()+"/v1/messages", "application/vnd.api+json", body, map[string]string{"Authorization": "Bearer " + token, "X-Correlation-ID": m.Ref})
		if err != nil {
			return "", err
		}
		if code == http.StatusUnauthorized && !again { // it ended early: their clock, or a key that was changed
			n.forget(token)
			continue
		}
		return n.answer(code, raw)
	}
}

// message is a message as NHS Notify wants it.
func (n *NHSNotify) message(m Message) map[string]any {
	plan, to, words := n.Plan, map[string]string{"sms": m.To}, map[string]string{"sms_body": m.Text}
	if n.Way == "email" {
		to, words = map[string]string{"email": m.To}, map[string]string{"email_subject": "Wardline: you are wanted", "email_body": m.Text}
	}
	if plan == "" {
		if plan = planText; n.Way == "email" {
			plan = planMail
		}
	}
	return map[string]any{"type": "Message", "attributes": map[string]any{"routingPlanId": plan, "messageReference": m.Ref,
		"recipient": map[string]any{"contactDetails": to}, "personalisation": words}}
}

// answer makes sense of what came back. Their words about it may repeat the number, so only their codes are read.
func (n *NHSNotify) answer(code int, raw []byte) (string, error) {
	switch code {
	case http.StatusUnprocessableEntity:
		return "", nil // they had it before
	case http.StatusTooEarly:
		return "", &Later{Code: code}
	case http.StatusNotFound:
		return "", refused("it knows no such routing plan")
	case http.StatusBadRequest:
		return "", refused(whyNot(raw))
	}
	if err := settled(code); err != nil {
		return "", err
	}
	var b struct{ Data struct{ ID string } }
	if json.Unmarshal(raw, &b) != nil || b.Data.ID == "" {
		return "", errors.New("the answer of NHS Notify has no id")
	}
	return b.Data.ID, nil
}

// whyNot reads the codes of a refusal.
func whyNot(raw []byte) string {
	var b struct{ Errors []struct{ Code string } }
	_ = json.Unmarshal(raw, &b) // what cannot be read has no code
	for _, e := range b.Errors {
		switch e.Code {
		case "CM_CANNOT_SET_CONTACT_DETAILS":
			return "this account may not name numbers: agree that with NHS Notify"
		case "CM_MISSING_VALUE":
			return "a value is missing, perhaps an NHS number: agree with NHS Notify that this account sends without"
		case "CM_ODS_CODE_REQUIRED":
			return "the account has no ODS code"
		case "CM_INVALID_VALUE", "CM_NULL_VALUE":
			return "it does not take this number or this text"
		}
	}
	return "it answers 400"
}

func (n *NHSNotify) base() string { return strings.TrimSuffix(n.Base, "/") }

// post sends one request, unless they have asked to be left alone, and minds it when they do.
func (n *NHSNotify) post(ctx context.Context, to, kind string, body []byte, header map[string]string) (int, []byte, error) {
	n.mu.Lock()
	left := n.quiet.Sub(n.Now())
	n.mu.Unlock()
	if left > 0 {
		return 0, nil, &Later{left, http.StatusTooManyRequests}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return 0, nil, bare(err)
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Accept", "application/json")
	for k, v := range header {
		r.Header.Set(k, v)
	}
	res, err := n.Client.Do(r)
	if err != nil {
		return 0, nil, bare(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxReply))
	if err != nil {
		return 0, nil, bare(err)
	}
	after := seconds(res.Header.Get("Retry-After"))
	switch res.StatusCode {
	case http.StatusTooManyRequests:
		after = max(after, time.Second)
		n.mu.Lock()
		n.quiet = n.Now().Add(after)
		n.mu.Unlock()
		return 0, nil, &Later{after, res.StatusCode}
	case http.StatusServiceUnavailable, http.StatusTooEarly:
		return 0, nil, &Later{after, res.StatusCode}
	}
	return res.StatusCode, raw, nil
}

// seconds reads a Retry-After, at most ten minutes: after that nobody waits for a text any more.
func seconds(s string) time.Duration {
	k, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return time.Duration(min(max(k, 0), 600)) * time.Second
}

// bearer is the token with which messages are sent; it is fetched when there is none, or when its end is near.
func (n *NHSNotify) bearer(ctx context.Context) (string, error) {
	n.mu.Lock()
	token, fresh := n.token, n.Now().Before(n.until)
	n.mu.Unlock()
	if token != "" && fresh {
		return token, nil
	}
	u, err := url.Parse(n.base())
	if err != nil {
		return "", bare(err)
	}
	at := u.Scheme + "://" + u.Host + "/oauth2/token"
	proof, err := n.assertion(at)
	if err != nil {
		return "", err
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {proof}}
	code, raw, err := n.post(ctx, at, "application/x-www-form-urlencoded", []byte(form.Encode()), nil)
	if err != nil {
		return "", err
	}
	if code != http.StatusOK {
		return "", fmt.Errorf("NHS Notify gives no token, and answers %d", code)
	}
	var b struct {
		Token string          `json:"access_token"`
		Life  json.RawMessage `json:"expires_in"` // a number, or one in quotes
	}
	if json.Unmarshal(raw, &b) != nil || b.Token == "" {
		return "", errors.New("the token of NHS Notify cannot be read")
	}
	life, err := strconv.Atoi(strings.Trim(string(b.Life), `"`))
	if err != nil || life < 0 {
		life = 0 // it is used this once
	}
	left := time.Duration(min(life, 86_400)) * time.Second
	n.mu.Lock()
	defer n.mu.Unlock()
	n.token, n.until = b.Token, n.Now().Add(max(left-spare, left/2))
	return b.Token, nil
}

func (n *NHSNotify) forget(token string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.token == token {
		n.token = ""
	}
}

// assertion proves who we are to whoever gives tokens, once.
// spec: RFC 7523 section 2.2
func (n *NHSNotify) assertion(at string) (string, error) {
	head, err := json.Marshal(map[string]string{"alg": "RS512", "typ": "JWT", "kid": n.KeyID})
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{"iss": n.Key, "sub": n.Key, "aud": at, "jti": rand.Text(), "exp": n.Now().Add(assertionLife).Unix()})
	if err != nil {
		return "", err
	}
	e := base64.RawURLEncoding
	signs := e.EncodeToString(head) + "." + e.EncodeToString(claims)
	sum := sha512.Sum512([]byte(signs))
	sig, err := rsa.SignPKCS1v15(rand.Reader, n.Signs, crypto.SHA512, sum[:])
	if err != nil {
		return "", err
	}
	return signs + "." + e.EncodeToString(sig), nil
}

// Read implements Teller. One callback may tell of several messages.
func (n *NHSNotify) Read(r *http.Request) ([]Receipt, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxReply))
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, []byte(n.App+"."+n.Token))
	mac.Write(body)
	want := hex.EncodeToString(mac.Sum(nil))
	key := subtle.ConstantTimeCompare([]byte(r.Header.Get("x-api-key")), []byte(n.Token))
	sig := subtle.ConstantTimeCompare([]byte(strings.ToLower(r.Header.Get("x-hmac-sha256-signature"))), []byte(want))
	if n.App == "" || n.Token == "" || key&sig != 1 {
		return nil, ErrForged
	}
	var b struct {
		Data []struct {
			Type       string
			Attributes notice
		}
	}
	if err := json.Unmarshal(body, &b); err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	var all []Receipt
	for _, d := range b.Data {
		got := Receipt{Ref: d.Attributes.MessageReference}
		switch d.Type {
		case "MessageStatus":
			got.State, got.Reason = d.Attributes.message(n.Way)
		case "ChannelStatus":
			got.State, got.Reason = d.Attributes.channel(n.Way)
		}
		all = append(all, got)
	}
	return all, nil
}

// notice is what a callback says of one message, or of one channel of it.
type notice struct {
	MessageReference string
	MessageStatus    string
	Channels         []struct{ Type, ChannelStatus string }
	Channel          string
	ChannelStatus    string
	SupplierStatus   string
}

// message reads how a message went in all its channels. What came to them in another channel than ours is no news of ours.
func (c notice) message(way string) (State, string) {
	switch c.MessageStatus {
	case "delivered":
		if len(c.Channels) == 0 || slices.ContainsFunc(c.Channels, func(one struct{ Type, ChannelStatus string }) bool {
			return one.Type == way && one.ChannelStatus == "delivered"
		}) {
			return Arrived, ""
		}
	case "failed":
		return Failed, "NHS Notify could not deliver it"
	}
	return "", ""
}

// channel reads how one channel went.
func (c notice) channel(way string) (State, string) {
	switch {
	case c.Channel != way:
		return "", ""
	case c.ChannelStatus == "delivered":
		return Arrived, ""
	case c.ChannelStatus != "failed":
		return "", ""
	}
	switch c.SupplierStatus {
	case "permanent_failure":
		return Failed, "the number does not exist"
	case "temporary_failure":
		return Failed, "the phone is off or out of reach"
	case "technical_failure":
		return Failed, "the network has a fault"
	}
	return Failed, "NHS Notify could not deliver it"
}
