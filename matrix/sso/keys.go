package sso

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// keys are the keys that a provider signs with. A key that is not known is looked for at once, which is how a new one is found; after that
// not again for a while, so that nobody can have this server knock at the provider by making signatures up. Keys that were taken back are
// forgotten within the hour.
type keys struct {
	url        string
	algorithms []jose.SignatureAlgorithm
	client     *http.Client
	now        func() time.Time

	mu       sync.Mutex // guards the rest, and is held while the provider is asked
	set      []jose.JSONWebKey
	askedAt  time.Time // with success
	soughtAt time.Time // for a key that was not there
}

// How long keys are believed: after the first they are asked for again, after the second they are not believed even if nobody answers.
const (
	keysLife   = time.Hour
	keysLimit  = 24 * time.Hour
	seekPause  = 30 * time.Second
	maxSetKeys = 100
)

// errKeys says that the keys could not be had.
var errKeys = errors.New("the provider's keys cannot be had")

var errSignature = errors.New("no key of the provider made the signature")

// VerifySignature returns what a token says when one of the provider's keys has signed it.
func (k *keys) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(token, k.algorithms)
	if err != nil {
		return nil, err
	}
	if len(jws.Signatures) != 1 {
		return nil, errSignature
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.set == nil || k.now().Sub(k.askedAt) > keysLife {
		if err := k.ask(ctx); err != nil && (k.set == nil || k.now().Sub(k.askedAt) > keysLimit) {
			return nil, fmt.Errorf("%w: %w", errKeys, err)
		}
	}
	if payload, ok := k.try(jws); ok {
		return payload, nil
	}
	if now := k.now(); now.Sub(k.soughtAt) > seekPause {
		k.soughtAt = now
		if err := k.ask(ctx); err != nil {
			return nil, fmt.Errorf("%w: %w", errKeys, err)
		}
		if payload, ok := k.try(jws); ok {
			return payload, nil
		}
	}
	return nil, errSignature
}

func (k *keys) try(jws *jose.JSONWebSignature) ([]byte, bool) {
	head := jws.Signatures[0].Protected
	for _, key := range k.set {
		if head.KeyID != "" && key.KeyID != head.KeyID || key.Algorithm != "" && key.Algorithm != head.Algorithm {
			continue
		}
		if payload, err := jws.Verify(key); err == nil {
			return payload, true
		}
	}
	return nil, false
}

// ask fetches the keys. A provider that has none is one that makes a mistake.
func (k *keys) ask(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return err
	}
	res, err := k.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // it was only read
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(res.Body).Decode(&raw); err != nil {
		return err
	}
	var set []jose.JSONWebKey
	for _, one := range raw.Keys {
		var key jose.JSONWebKey
		if len(set) == maxSetKeys || key.UnmarshalJSON(one) != nil || !key.Valid() || !key.IsPublic() || key.Use != "" && key.Use != "sig" {
			continue // of a kind that is not used here
		}
		set = append(set, key)
	}
	if len(set) == 0 {
		return errors.New("there is no key")
	}
	k.set, k.askedAt = set, k.now()
	return nil
}
