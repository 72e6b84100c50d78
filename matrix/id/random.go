package id

import (
	"crypto/rand"
	"encoding/base64"
)

const (
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	capital = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// NewRoom makes up a room ID of the older form, "!opaque:server", for room
// versions below 12. The opaque part has more than 100 bits of chance.
func NewRoom(server Server) Room {
	return Room("!" + pick(letters, 18) + ":" + string(server))
}

// NewDevice makes up a device ID of ten capital letters, short enough to be
// read aloud.
func NewDevice() Device { return Device(pick(capital, 10)) }

// NewOpaque returns n random bytes as URL-safe base64 without padding: for
// access tokens (32 bytes), transaction and session names (16 bytes).
func NewOpaque(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails: it ends the program if there is no randomness
	return base64.RawURLEncoding.EncodeToString(b)
}

// pick draws n characters of the alphabet without bias.
func pick(alphabet string, n int) string {
	out := make([]byte, 0, n)
	fair := 256 - 256%len(alphabet)
	var b [32]byte
	for {
		rand.Read(b[:])
		for _, c := range b {
			if int(c) >= fair {
				continue
			}
			out = append(out, alphabet[int(c)%len(alphabet)])
			if len(out) == n {
				return string(out)
			}
		}
	}
}
