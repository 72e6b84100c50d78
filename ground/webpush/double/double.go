// Package double is a push service and the browsers behind it, for tests and trials: small, real, and over the wire.
//
// It promises to accept only what a browser's push service would: a known subscription, a valid proof of the sender, a body that the
// browser can decrypt. It refuses everything else with the status that such services use. Look first at Service.Subscribe.
package double

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"wardline/ground/webpush"
)

// Got is a message as the browser sees it, with what the service saw of it.
type Got struct {
	Browser string
	Plain   []byte
	TTL     int
	Urgency string
	Topic   string
	Size    int // of the encrypted body
}

// Service is a push service. Use New.
type Service struct {
	Base  string      // its own address, which senders must name
	Heard chan Got    // every message that was accepted
	Gone  chan string // every browser that was told though its subscription had ended
	Hung  chan string // every browser for which a request began to hang

	mu       sync.Mutex // guards the rest
	browsers map[string]*browser
	answers  []int
	tries    int
}

type browser struct {
	key    *ecdh.PrivateKey
	auth   []byte
	sender string // the sender's public key that the subscription is bound to
}

// New returns a service at a base URL.
func New(base string) *Service {
	return &Service{Base: base, Heard: make(chan Got, 1000), Gone: make(chan string, 1000), Hung: make(chan string, 1000), browsers: map[string]*browser{}}
}

// Subscribe makes a browser that only the holder of the sender's key may tell.
func (s *Service) Subscribe(name, sender string) (webpush.Subscription, error) {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return webpush.Subscription{}, err
	}
	auth := make([]byte, 16)
	if _, err := rand.Read(auth); err != nil {
		return webpush.Subscription{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.browsers[name] = &browser{key, auth, sender}
	b64 := base64.RawURLEncoding
	return webpush.Subscription{Endpoint: s.Base + "/push/" + name, Key: b64.EncodeToString(key.PublicKey().Bytes()), Auth: b64.EncodeToString(auth)}, nil
}

// Unsubscribe ends a browser's subscription.
func (s *Service) Unsubscribe(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.browsers, name)
}

// Hang, given to Answer, lets a request wait for an answer that does not come: it ends when its sender gives up.
const Hang = -1

// Answer makes the next requests get these statuses instead.
func (s *Service) Answer(statuses ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = append(s.answers, statuses...)
}

// Tries is how many requests came.
func (s *Service) Tries() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tries
}

func (s *Service) next(name string) (b *browser, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries++
	if len(s.answers) > 0 {
		status, s.answers = s.answers[0], s.answers[1:]
	}
	return s.browsers[name], status
}

// ServeHTTP is the wire.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutPrefix(r.URL.Path, "/push/")
	if !ok || r.Method != http.MethodPost {
		http.NotFound(w, r)
		return
	}
	b, status := s.next(name)
	switch {
	case status == Hang:
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not notice that the sender is gone
		s.Hung <- name
		<-r.Context().Done()
		return
	case status != 0:
		w.WriteHeader(status)
		return
	case b == nil:
		w.WriteHeader(http.StatusGone)
		s.Gone <- name
		return
	}
	if err := s.proved(r.Header.Get("Authorization"), b); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	ttl, err := strconv.Atoi(r.Header.Get("TTL"))
	if err != nil || r.Header.Get("Content-Encoding") != "aes128gcm" || len(r.Header.Get("Topic")) > 32 {
		http.Error(w, "headers", http.StatusBadRequest)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 4097))
	if err != nil || len(body) > 4096 {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	plain, err := open(b, body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.Heard <- Got{name, plain, ttl, r.Header.Get("Urgency"), r.Header.Get("Topic"), len(body)}
	w.WriteHeader(http.StatusCreated)
}

// proved checks the sender's proof as RFC 8292 asks.
func (s *Service) proved(header string, b *browser) error {
	var token, key string
	for part := range strings.SplitSeq(strings.TrimPrefix(header, "vapid "), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			token = value
		case "k":
			key = value
		}
	}
	if key != b.sender {
		return errors.New("another sender's key")
	}
	public, err := webpush.PublicFrom(key)
	if err != nil {
		return err
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return errors.New("no token")
	}
	sig, err := webpush.Decode(parts[2])
	if err != nil || len(sig) != 64 {
		return errors.New("no signature")
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(public, digest[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		return errors.New("wrong signature")
	}
	raw, err := webpush.Decode(parts[1])
	if err != nil {
		return err
	}
	var claims struct {
		Aud, Sub string
		Exp      int64
	}
	if err := json.Unmarshal(raw, &claims); err != nil {
		return err
	}
	left := time.Until(time.Unix(claims.Exp, 0))
	if claims.Aud != s.Base || left <= 0 || left > 24*time.Hour || !strings.HasPrefix(claims.Sub, "mailto:") && !strings.HasPrefix(claims.Sub, "https:") {
		return fmt.Errorf("claims %+v", claims)
	}
	return nil
}

// open decrypts as a browser does.
func open(b *browser, body []byte) ([]byte, error) {
	const head = 16 + 4 + 1 + 65
	if len(body) < head+17 || body[20] != 65 || binary.BigEndian.Uint32(body[16:20]) < 18 {
		return nil, errors.New("no header")
	}
	theirs, err := ecdh.P256().NewPublicKey(body[21:head])
	if err != nil {
		return nil, err
	}
	shared, err := b.key.ECDH(theirs)
	if err != nil {
		return nil, err
	}
	gcm, nonce, err := webpush.Derive(shared, b.auth, body[:16], b.key.PublicKey().Bytes(), theirs.Bytes())
	if err != nil {
		return nil, err
	}
	record, err := gcm.Open(nil, nonce, body[head:], nil)
	if err != nil {
		return nil, err
	}
	for i := len(record) - 1; i >= 0; i-- {
		switch record[i] {
		case 0:
			continue
		case 2:
			return record[:i], nil
		}
		break
	}
	return nil, errors.New("no end of the record")
}
