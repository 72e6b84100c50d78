package event

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"wardline/matrix/id"
)

// Sign returns the JSON of ev with the server's signature added to those that
// it has. ev itself is not changed: Load the result to have it as an event.
//
// spec: server-server-api#adding-hashes-and-signatures-to-outgoing-events
func Sign(ev *Event, server id.Server, key id.Key, secret ed25519.PrivateKey) []byte {
	sig := ed25519.Sign(secret, ev.signedPart())
	return withSignature(ev.JSON, ev.Signatures, server, key, sig)
}

// Verify checks the server's signature of ev with one of its keys. It returns
// an error that wraps ErrSignature if there is none or if it is wrong. Which
// keys may be used for an event of that age is for the caller to decide.
//
// spec: server-server-api#validating-hashes-and-signatures-on-received-events
func Verify(ev *Event, server id.Server, key id.Key, public ed25519.PublicKey) error {
	return verify(ev.signedPart(), ev.Signatures, server, key, public)
}

// signedPart is the event as it is signed: redacted, without signatures.
func (ev *Event) signedPart() []byte {
	return ev.Version.redaction.append(make([]byte, 0, 1024), ev.JSON, ev.Type, false)
}

// Signers returns the servers whose signature an event must have: that of the
// sender, and for a restricted join that of the user who authorised it. An
// invitation by way of a third-party identifier needs none, because it carries
// a signature of its own that the authorisation rules check.
//
// spec: server-server-api#validating-hashes-and-signatures-on-received-events
// spec: rooms/v12#authorisation-rules 5.2
func Signers(ev *Event) []id.Server {
	if ev.Type != TypeMember {
		return []id.Server{ev.Sender.Server()}
	}
	if TextIs(Field(ev.Content, "membership"), "invite") && Field(ev.Content, "third_party_invite") != nil {
		return nil
	}
	servers := []id.Server{ev.Sender.Server()}
	if !ev.Version.Restricted {
		return servers
	}
	if by, ok := Text(Field(ev.Content, "join_authorised_via_users_server")); ok {
		if s := id.User(by).Server(); s != servers[0] {
			servers = append(servers, s)
		}
	}
	return servers
}

// SignatureKeys returns the names of the ed25519 keys with which the server has
// signed, given the value of a "signatures" key.
func SignatureKeys(signatures json.RawMessage, server id.Server) []id.Key {
	var keys []id.Key
	for name := range Members(Field(signatures, string(server))) {
		if strings.HasPrefix(name, "ed25519:") {
			keys = append(keys, id.Key(name))
		}
	}
	return keys
}

// SignJSON returns the JSON object in canonical form with the server's
// signature added. "unsigned" and other signatures are kept, and not covered.
//
// spec: appendices#signing-details
func SignJSON(object []byte, server id.Server, key id.Key, secret ed25519.PrivateKey) ([]byte, error) {
	canonical, err := canonicalObject(object)
	if err != nil {
		return nil, err
	}
	part := appendWithout(nil, canonical, "signatures", "unsigned")
	return withSignature(canonical, Field(canonical, "signatures"), server, key, ed25519.Sign(secret, part)), nil
}

// VerifyJSON checks that the server has signed the JSON object with the key.
// The error wraps ErrSignature, or is a *JSONError or wraps ErrMalformed if
// object is no JSON object.
//
// spec: appendices#checking-for-a-signature
func VerifyJSON(object []byte, server id.Server, key id.Key, public ed25519.PublicKey) error {
	canonical, err := canonicalObject(object)
	if err != nil {
		return err
	}
	part := appendWithout(nil, canonical, "signatures", "unsigned")
	return verify(part, Field(canonical, "signatures"), server, key, public)
}

func canonicalObject(object []byte) ([]byte, error) {
	canonical, err := Canonical(nil, object)
	if err != nil {
		return nil, err
	}
	if !IsObject(canonical) {
		return nil, malformed("not an object")
	}
	return canonical, nil
}

func verify(part []byte, signatures json.RawMessage, server id.Server, key id.Key, public ed25519.PublicKey) error {
	text, ok := Text(Field(Field(signatures, string(server)), string(key)))
	if !ok {
		return fmt.Errorf("%w: none by %s with %s", ErrSignature, server, key)
	}
	sig, err := DecodeBase64(text)
	if err != nil || len(public) != ed25519.PublicKeySize || !ed25519.Verify(public, part, sig) {
		return fmt.Errorf("%w: by %s with %s", ErrSignature, server, key)
	}
	return nil
}

// DecodeBase64 decodes what servers write as unpadded base64: padding and the
// URL-safe alphabet are tolerated.
//
// spec: appendices#unpadded-base64
func DecodeBase64(s string) ([]byte, error) {
	s = strings.TrimRight(s, "=")
	if strings.ContainsAny(s, "-_") {
		return base64.RawURLEncoding.DecodeString(s)
	}
	return base64.RawStdEncoding.DecodeString(s)
}

// withSignature writes the canonical object with one signature more.
func withSignature(object, signatures []byte, server id.Server, key id.Key, sig []byte) []byte {
	text := make([]byte, 0, 88)
	text = append(text, '"')
	text = base64.RawStdEncoding.AppendEncode(text, sig)
	text = append(text, '"')
	mine := set(nil, Field(signatures, string(server)), string(key), text)
	all := set(nil, signatures, string(server), mine)
	return set(make([]byte, 0, len(object)+len(all)+len(`"signatures":,`)), object, "signatures", all)
}

// set writes a canonical object with the key set to value. An object that is
// not one is taken as empty.
func set(dst, object []byte, key string, value []byte) []byte {
	dst = append(dst, '{')
	from, done := len(dst), false
	quoted := appendString(nil, key)
	name := quoted[1 : len(quoted)-1]
	c := cursor{b: object}
	for ok := c.open('{') && c.member(); ok; ok = c.member() {
		have := c.key
		if bytes.IndexByte(have, '\\') >= 0 {
			have = unescape(nil, have)
		}
		order := bytes.Compare(have, []byte(key))
		if order >= 0 && !done {
			dst, done = append(appendRawKey(dst, from, name), value...), true
		}
		if order != 0 {
			dst = append(appendRawKey(dst, from, c.key), c.val...)
		}
	}
	if !done {
		dst = append(appendRawKey(dst, from, name), value...)
	}
	return append(dst, '}')
}
