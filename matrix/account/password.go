package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Cost of one password: 19 MiB, two passes. The value is kept with each hash, so it can rise later.
const (
	argonTime   = 2
	argonMemory = 19 * 1024
	argonLanes  = 1
	argonKey    = 32
)

// secret turns a password into what is stored, "" for none. It blocks while two others are being hashed.
func (s *Service) secret(ctx context.Context, password string) (string, error) {
	if password == "" {
		return "", nil
	}
	if len(password) > 512 {
		return "", fault.New(fault.Invalid, "M_WEAK_PASSWORD", "The password is longer than 512 characters.")
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails, by its documentation
	key, err := s.derive(ctx, password, salt, argonTime, argonMemory)
	if err != nil {
		return "", err
	}
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", argonMemory, argonTime, argonLanes, enc.EncodeToString(salt), enc.EncodeToString(key)), nil
}

func (s *Service) derive(ctx context.Context, password string, salt []byte, passes, memory uint32) ([]byte, error) {
	select {
	case s.hash <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-s.hash }()
	return argon2.IDKey([]byte(password), salt, passes, memory, argonLanes, argonKey), nil
}

var errPassword = fault.New(fault.Forbidden, "M_FORBIDDEN", "The user name or password is wrong.")

// checkPassword returns nil when the password is the account's. A missing account, one without a password and a wrong password
// take the same time and give the same fault.
func (s *Service) checkPassword(ctx context.Context, u id.User, password string) (userRow, error) {
	row, err := db.One(ctx, s.db, readUser, scanUser, string(u))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return row, err
	}
	var passes, memory, lanes uint32 = argonTime, argonMemory, argonLanes
	salt, want := make([]byte, 16), make([]byte, argonKey)
	known := err == nil && row.secret != "" && row.deactivated == 0
	if known {
		parts := strings.Split(row.secret, "$")
		if len(parts) != 6 {
			return row, fmt.Errorf("stored password of %s has %d parts", u, len(parts))
		}
		if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes); err != nil {
			return row, fmt.Errorf("stored password of %s: %w", u, err)
		}
		if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
			return row, fmt.Errorf("stored password of %s: %w", u, err)
		}
		if want, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil {
			return row, fmt.Errorf("stored password of %s: %w", u, err)
		}
	}
	got, err := s.derive(ctx, password, salt, passes, memory)
	if err != nil {
		return row, err
	}
	if subtle.ConstantTimeCompare(got, want) != 1 || !known {
		return row, errPassword
	}
	if s.NoPasswords && !row.admin {
		return row, errNoPasswords // only whoever knows the password learns that it is not taken
	}
	return row, nil
}

var errNoPasswords = fault.New(fault.Forbidden, "M_FORBIDDEN", "Passwords are not taken here. Sign in the way your colleagues do.")

// MayPassword says whether an account can be signed in to with a password.
func (s *Service) MayPassword(a Account) bool { return a.HasPassword && (!s.NoPasswords || a.Admin) }

// SetPassword replaces the account's password; with others set, every other device is signed out in the same act.
func (s *Service) SetPassword(ctx context.Context, a Actor, password string, others bool) error {
	if err := s.Manageable(a.User); err != nil {
		return err
	}
	if password == "" {
		return fault.New(fault.Invalid, "M_WEAK_PASSWORD", "The password is empty.")
	}
	secret, err := s.secret(ctx, password)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, "account.password", func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.Exec(ctx, setSecret, string(a.User), secret)
		if err != nil {
			return err
		}
		if n == 0 {
			return errNoUser
		}
		if err := audit.Append(ctx, tx, audit.Entry{At: time.Now(), Actor: string(a.User), Action: "account.password", Object: string(a.User)}); err != nil {
			return err
		}
		if !others {
			return nil
		}
		if _, err := tx.Exec(ctx, endLogins, string(a.User)); err != nil {
			return err
		}
		return s.signOut(ctx, tx, a.User, func(d id.Device) bool { return d != a.Device })
	})
}

// Deactivate ends the account: no password, no devices, no rooms, no addresses, for good. With erase, its name and picture go too, and
// who comes into its rooms later sees its messages only as they are after a redaction.
// spec: client-server-api#post_matrixclientv3accountdeactivate
func (s *Service) Deactivate(ctx context.Context, by, u id.User, erase bool) error {
	if err := s.Manageable(u); err != nil {
		return err
	}
	return s.db.Write(ctx, "account.deactivate", func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.Exec(ctx, endUser, string(u), time.Now().UnixMilli())
		if err != nil {
			return err
		}
		if n == 0 && !erase {
			return nil // it has ended already
		}
		if _, err := tx.Exec(ctx, endContacts, string(u)); err != nil {
			return err
		}
		if s.OnEnd != nil {
			if err := s.OnEnd(ctx, tx, u); err != nil {
				return err
			}
		}
		if erase {
			if err := s.erase(ctx, tx, u); err != nil {
				return err
			}
		}
		if err := audit.Append(ctx, tx, audit.Entry{At: time.Now(), Actor: string(by), Action: "account.end", Object: string(u), Detail: map[string]string{"erase": strconv.FormatBool(erase)}}); err != nil {
			return err
		}
		return s.signOut(ctx, tx, u, func(id.Device) bool { return true })
	})
}

// SetPasswordOf gives a user a new password and signs all their devices out if others is set, for an administrator or a reset.
func (s *Service) SetPasswordOf(ctx context.Context, u id.User, password string, others bool) error {
	return s.SetPassword(ctx, Actor{User: u}, password, others)
}
