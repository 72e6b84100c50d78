// Package webpush speaks Web Push to the services that browsers get their notices from.
//
// It promises that a message can be read by the browser that subscribed and by nobody between (RFC 8291, RFC 8188), that every request
// proves who sends it (VAPID, RFC 8292), and that messages of all lengths look alike from outside. It refuses addresses that are no
// known push service's, so that whoever is signed in cannot make the server call its own network. Look first at Sender.Send.
package webpush

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MaxPlain is how long a message may be. All are padded to it, because lengths tell.
const MaxPlain = 1024

// Subscription is where a browser is told, and the keys that only it can undo.
type Subscription struct {
	Endpoint string
	Key      string // p256dh: the browser's public key, an uncompressed point, base64url
	Auth     string // 16 secret bytes, base64url
}

// Urgency is how much a phone's battery the message is worth.
// spec: RFC 8030 section 5.3
type Urgency string

// The urgencies.
const (
	Low    Urgency = "low"
	Normal Urgency = "normal"
	High   Urgency = "high"
)

// Message is one thing to tell.
type Message struct {
	Plain   []byte        // at most MaxPlain bytes
	TTL     time.Duration // how long the service keeps it for a phone that is out of reach
	Urgency Urgency
	Topic   string // a later message of the same topic replaces this one while it waits; at most 32 letters of base64url, or empty
}

// ErrGone says that the subscription has ended and must be forgotten.
var ErrGone = errors.New("the subscription has ended")

// Busy says that a service wants to be left alone for a while.
type Busy struct {
	Status int
	After  time.Duration // 0 when it did not say
}

// Error says what the service answered.
func (b *Busy) Error() string { return fmt.Sprintf("push service answered %d", b.Status) }

// Services are the push services of the browsers in use: Chrome and Edge on Android, Firefox, Safari, Edge on Windows. A name that
// begins with a dot stands for all names that end so.
var Services = []string{"fcm.googleapis.com", ".push.services.mozilla.com", ".push.apple.com", ".notify.windows.com"}

// Known says whether an address is a known push service's, or one of the hosts that the operator trusts; the latter may be plain http.
func Known(u *url.URL, trusted []string) bool {
	if Trusted(u, trusted) {
		return u.Scheme == "https" || u.Scheme == "http"
	}
	if u.Scheme != "https" || u.Port() != "" && u.Port() != "443" {
		return false
	}
	host := strings.ToLower(u.Hostname())
	return slices.ContainsFunc(Services, func(s string) bool { return host == s || s[0] == '.' && strings.HasSuffix(host, s) })
}

// Trusted says whether the operator has named the host.
func Trusted(u *url.URL, trusted []string) bool {
	return slices.Contains(trusted, u.Host) || slices.Contains(trusted, u.Hostname())
}

// Decode reads base64url with or without its padding, which browsers disagree about.
func Decode(s string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
}

// Check refuses keys that nothing could be told with.
func (s Subscription) Check() error {
	_, _, err := s.keys()
	return err
}

func (s Subscription) keys() (*ecdh.PublicKey, []byte, error) {
	raw, err := Decode(s.Key)
	if err != nil {
		return nil, nil, fmt.Errorf("the key: %w", err)
	}
	key, err := ecdh.P256().NewPublicKey(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("the key: %w", err)
	}
	auth, err := Decode(s.Auth)
	if err != nil {
		return nil, nil, fmt.Errorf("the secret: %w", err)
	}
	if len(auth) != 16 {
		return nil, nil, errors.New("the secret is not 16 bytes long")
	}
	return key, auth, nil
}

// Encrypt makes the body that only the subscribed browser can read.
// spec: RFC 8291 section 3, RFC 8188 section 2
func Encrypt(s Subscription, plain []byte) ([]byte, error) {
	if len(plain) > MaxPlain {
		return nil, fmt.Errorf("a message of %d bytes is too long", len(plain))
	}
	ours, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return nil, err
	}
	return seal(s, plain, ours, salt, MaxPlain-len(plain))
}

// seal encrypts one record with the given key, salt and so much padding.
func seal(s Subscription, plain []byte, ours *ecdh.PrivateKey, salt []byte, padding int) ([]byte, error) {
	theirs, auth, err := s.keys()
	if err != nil {
		return nil, err
	}
	shared, err := ours.ECDH(theirs)
	if err != nil {
		return nil, err
	}
	gcm, nonce, err := Derive(shared, auth, salt, theirs.Bytes(), ours.PublicKey().Bytes())
	if err != nil {
		return nil, err
	}
	record := slices.Concat(plain, []byte{2}, make([]byte, padding)) // 2: this record is the last
	head := binary.BigEndian.AppendUint32(slices.Clone(salt), 4096)
	head = append(append(head, 65), ours.PublicKey().Bytes()...)
	return gcm.Seal(head, nonce, record, nil), nil
}

// Derive makes the content key and nonce from what both sides know, for either of them.
// spec: RFC 8291 section 3.4
func Derive(shared, auth, salt, browser, server []byte) (cipher.AEAD, []byte, error) {
	info := slices.Concat([]byte("WebPush: info\x00"), browser, server)
	ikm, err := hkdf.Key(sha256.New, shared, auth, string(info), 32)
	if err != nil {
		return nil, nil, err
	}
	key, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, nil, err
	}
	nonce, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, nil, err
	}
	gcm, err := cipher.NewGCM(block)
	return gcm, nonce, err
}

// Sender tells browsers.
type Sender struct {
	Key     *Key
	Contact string       // mailto: or https: of whoever runs this server, for the service's people
	Client  *http.Client // decides which addresses may be called
}

// Send hands a message to the subscription's service. ErrGone asks to forget the subscription, *Busy to come again later; any other
// error may pass by itself.
func (s *Sender) Send(ctx context.Context, to Subscription, m Message) error {
	u, err := url.Parse(to.Endpoint)
	if err != nil {
		return err
	}
	body, err := Encrypt(to, m.Plain)
	if err != nil {
		return err
	}
	token, err := s.Key.Token(u.Scheme+"://"+u.Host, s.Contact, time.Now())
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.Endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Header.Set("Content-Encoding", "aes128gcm")
	req.Header.Set("Authorization", "vapid t="+token+", k="+s.Key.Public())
	req.Header.Set("TTL", strconv.Itoa(int(m.TTL.Seconds())))
	if m.Urgency != "" {
		req.Header.Set("Urgency", string(m.Urgency))
	}
	if m.Topic != "" {
		req.Header.Set("Topic", m.Topic)
	}
	resp, err := s.Client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	switch {
	case resp.StatusCode < 300:
		return nil
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusGone:
		return ErrGone
	}
	return &Busy{resp.StatusCode, retryAfter(resp.Header.Get("Retry-After"), time.Now())}
}

// retryAfter reads seconds or a date, and is never longer than an hour.
func retryAfter(s string, now time.Time) time.Duration {
	var d time.Duration
	if n, err := strconv.Atoi(s); err == nil {
		d = time.Duration(min(n, 3600)) * time.Second
	} else if at, err := http.ParseTime(s); err == nil {
		d = at.Sub(now)
	}
	return max(0, min(d, time.Hour))
}
