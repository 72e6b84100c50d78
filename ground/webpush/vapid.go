package webpush

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// Key is what a server proves itself with to push services. Browsers bind their subscriptions to it, so it must outlive them all.
// spec: RFC 8292
type Key struct {
	private *ecdsa.PrivateKey
	public  string
}

// tokenLife is how long a token is good for; services refuse more than a day.
const tokenLife = 12 * time.Hour

// NewKey makes a key.
func NewKey() (*Key, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return wrap(k)
}

// ParseKey reads what Bytes has written.
func ParseKey(raw []byte) (*Key, error) {
	k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw)
	if err != nil {
		return nil, fmt.Errorf("the key for Web Push: %w", err)
	}
	return wrap(k)
}

func wrap(k *ecdsa.PrivateKey) (*Key, error) {
	point, err := k.PublicKey.Bytes()
	if err != nil {
		return nil, err
	}
	return &Key{k, base64.RawURLEncoding.EncodeToString(point)}, nil
}

// Bytes is the secret, for the database.
func (k *Key) Bytes() ([]byte, error) { return k.private.Bytes() }

// Public is what browsers subscribe with: an uncompressed point, base64url.
func (k *Key) Public() string { return k.public }

// Token proves to the service at an origin who sends.
// spec: RFC 8292 section 2
func (k *Key) Token(origin, contact string, now time.Time) (string, error) {
	claims, err := json.Marshal(map[string]any{"aud": origin, "exp": now.Add(tokenLife).Unix(), "sub": contact})
	if err != nil {
		return "", err
	}
	b64 := base64.RawURLEncoding
	signed := b64.EncodeToString([]byte(`{"typ":"JWT","alg":"ES256"}`)) + "." + b64.EncodeToString(claims)
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, k.private, digest[:])
	if err != nil {
		return "", err
	}
	sig := make([]byte, 64)
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return signed + "." + b64.EncodeToString(sig), nil
}

// PublicFrom reads a public key as Public writes it.
func PublicFrom(s string) (*ecdsa.PublicKey, error) {
	raw, err := Decode(s)
	if err != nil {
		return nil, err
	}
	if _, err := ecdh.P256().NewPublicKey(raw); err != nil {
		return nil, err
	}
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
}
