package archive

import (
	"fmt"
	"os"
	"strings"

	"filippo.io/age"

	"wardline/ground/fault"
)

// Recipients says to whom a backup is encrypted: public keys (age1…), separated by commas, or whoever knows the passphrase on the
// first line of a file. Both empty is nobody, and no encryption; both given is Invalid, because a passphrase must stand alone.
func Recipients(keys, passphraseFile string) ([]age.Recipient, error) {
	switch {
	case keys != "" && passphraseFile != "":
		return nil, fault.New(fault.Invalid, "", "Give either -recipient or -passphrase-file.")
	case keys != "":
		all, err := age.ParseRecipients(strings.NewReader(strings.ReplaceAll(keys, ",", "\n")))
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, "", "A recipient is a public key that begins with age1.", err)
		}
		return all, nil
	case passphraseFile != "":
		words, err := passphrase(passphraseFile)
		if err != nil {
			return nil, err
		}
		one, err := age.NewScryptRecipient(words)
		if err != nil {
			return nil, fmt.Errorf("passphrase: %w", err)
		}
		return []age.Recipient{one}, nil
	}
	return nil, nil
}

// Identities says with what a backup may be opened: a file of secret keys (AGE-SECRET-KEY-…), or one whose first line is a
// passphrase. Both may be given.
func Identities(keyFile, passphraseFile string) (all []age.Identity, err error) {
	if keyFile != "" {
		f, err := os.Open(keyFile)
		if err != nil {
			return nil, fmt.Errorf("read identity: %w", err)
		}
		defer f.Close()
		if all, err = age.ParseIdentities(f); err != nil {
			return nil, fmt.Errorf("read identity %s: %w", keyFile, err)
		}
	}
	if passphraseFile != "" {
		words, err := passphrase(passphraseFile)
		if err != nil {
			return nil, err
		}
		one, err := age.NewScryptIdentity(words)
		if err != nil {
			return nil, fmt.Errorf("passphrase: %w", err)
		}
		all = append(all, one)
	}
	return all, nil
}

func passphrase(file string) (string, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read passphrase: %w", err)
	}
	words, _, _ := strings.Cut(string(raw), "\n")
	if words = strings.TrimRight(words, "\r"); words == "" {
		return "", fault.New(fault.Invalid, "", "The first line of the passphrase file is empty.")
	}
	return words, nil
}
