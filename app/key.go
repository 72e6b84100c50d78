package app

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"wardline/matrix/id"
)

// newKeyFile makes a key and how it is kept: "ed25519 id seed", as other servers keep theirs.
func newKeyFile() []byte {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err) // the system has no randomness: nothing can be promised
	}
	return fmt.Appendf(nil, "ed25519 a_%s %s\n", rand.Text()[:6], base64.RawStdEncoding.EncodeToString(key.Seed()))
}

func parseKeyFile(raw []byte) (id.Key, ed25519.PrivateKey, error) {
	parts := strings.Fields(string(raw))
	if len(parts) != 3 || parts[0] != "ed25519" {
		return "", nil, errors.New("signing key: want a line of the form `ed25519 id seed`")
	}
	seed, err := base64.RawStdEncoding.DecodeString(parts[2])
	if err != nil || len(seed) != ed25519.SeedSize {
		return "", nil, errors.New("signing key: the seed is not 32 bytes of base64")
	}
	return id.Key("ed25519:" + parts[1]), ed25519.NewKeyFromSeed(seed), nil
}

// killSelf ends the process as a power cut would: no defer, no flush.
func killSelf() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
