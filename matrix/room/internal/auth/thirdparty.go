package auth

import (
	"crypto/ed25519"

	"wardline/matrix/event"
	"wardline/matrix/id"
)

// maxTries bounds the signatures that are verified for one invitation: an event
// has room for hundreds of keys and of signatures, and their product is work.
const maxTries = 64

// thirdParty is the invitation of somebody who was known by an e-mail address
// or telephone number only.
//
// spec: rooms/v12#authorisation-rules 5.4.1
func (m *member) thirdParty(tpi []byte, current string) error {
	// spec: rooms/v12#authorisation-rules 5.4.1.1
	if current == "ban" {
		return refuse("5.4.1.1", "the user is banned")
	}
	// spec: rooms/v12#authorisation-rules 5.4.1.2
	signed := event.Field(tpi, "signed")
	if !event.IsObject(signed) {
		return refuse("5.4.1.2", "the invitation is not signed")
	}
	// spec: rooms/v12#authorisation-rules 5.4.1.3
	mxid, ok := event.Text(event.Field(signed, "mxid"))
	token, ok2 := event.Text(event.Field(signed, "token"))
	if !ok || !ok2 {
		return refuse("5.4.1.3", "the invitation has no user or token")
	}
	// spec: rooms/v12#authorisation-rules 5.4.1.4
	if mxid != string(m.target) {
		return refuse("5.4.1.4", "the invitation is for another user")
	}
	// spec: rooms/v12#authorisation-rules 5.4.1.5
	origin := m.st.Get(event.TypeThirdPartyInvite, token)
	if origin == nil {
		return refuse("5.4.1.5", "the room has no such third-party invitation")
	}
	// spec: rooms/v12#authorisation-rules 5.4.1.6
	if origin.Sender != m.ev.Sender {
		return refuse("5.4.1.6", "the invitation was made by another user")
	}
	// spec: rooms/v12#authorisation-rules 5.4.1.7
	if !signedByAny(signed, publicKeys(origin.Content)) {
		return refuse("5.4.1.8", "no key of the invitation has signed it")
	}
	return nil
}

// publicKeys reads the single key and the list of an m.room.third_party_invite.
func publicKeys(content []byte) []ed25519.PublicKey {
	var keys []ed25519.PublicKey
	add := func(raw []byte) {
		text, _ := event.Text(raw)
		if k, err := event.DecodeBase64(text); err == nil && len(k) == ed25519.PublicKeySize {
			keys = append(keys, k)
		}
	}
	add(event.Field(content, "public_key"))
	for one := range event.Elements(event.Field(content, "public_keys")) {
		add(event.Field(one, "public_key"))
	}
	return keys
}

func signedByAny(signed []byte, keys []ed25519.PublicKey) bool {
	tries := 0
	signatures := event.Field(signed, "signatures")
	for server := range event.Members(signatures) {
		for _, name := range event.SignatureKeys(signatures, id.Server(server)) {
			for _, key := range keys {
				if tries++; tries > maxTries {
					return false
				}
				if event.VerifyJSON(signed, id.Server(server), name, key) == nil {
					return true
				}
			}
		}
	}
	return false
}
