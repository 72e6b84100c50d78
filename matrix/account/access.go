package account

import (
	"context"
	"encoding/json"
	"time"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

var endTokens = db.SQL("account.end_tokens", `DELETE FROM account_token WHERE member = $1`)

// CreateIn is Create inside an open act, of an account without a password: its owner signs in elsewhere, or with a link.
func (s *Service) CreateIn(ctx context.Context, tx *db.Tx, n NewUser) error {
	if n.Password != "" {
		return fault.New(fault.Internal, "", "A password is hashed before an act begins.")
	}
	return s.create(ctx, tx, n, "")
}

// EndAccess locks an account inside an open act and ends everything that it is signed in with: devices, tokens, links, and what hangs on
// them. The account stays, so that Readmit can open it again.
func (s *Service) EndAccess(ctx context.Context, tx *db.Tx, by, u id.User) error {
	if err := s.Manageable(u); err != nil {
		return err
	}
	n, err := tx.Exec(ctx, setLocked, string(u), time.Now().UnixMilli())
	if err != nil {
		return err
	}
	if n == 0 {
		return errNoUser
	}
	if err := s.signOut(ctx, tx, u, func(id.Device) bool { return true }); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, endTokens, string(u)); err != nil {
		return err
	}
	return s.stood(ctx, tx, by, u, "lock")
}

// Readmit takes EndAccess back inside an open act. Nobody is signed in by it.
func (s *Service) Readmit(ctx context.Context, tx *db.Tx, by, u id.User) error {
	n, err := tx.Exec(ctx, setLocked, string(u), int64(0))
	if err != nil {
		return err
	}
	if n == 0 {
		return errNoUser
	}
	return s.stood(ctx, tx, by, u, "unlock")
}

// stood notes a change of an account's standing.
func (s *Service) stood(ctx context.Context, tx *db.Tx, by, u id.User, what string) error {
	tx.OnCommit(func() { s.forgetDevices(u, func(id.Device) bool { return true }) })
	if s.OnStanding != nil {
		tx.AfterCommit(func() { s.OnStanding(u) })
	}
	return audit.Append(ctx, tx, audit.Entry{At: time.Now(), Actor: string(by), Action: "account." + what, Object: string(u)})
}

// Rename sets a display name inside an open act, and rooms follow in it.
func (s *Service) Rename(ctx context.Context, tx *db.Tx, u id.User, name string) error {
	p, err := s.Profile(ctx, tx, u)
	if err != nil || p.Text("displayname") == name {
		return err
	}
	value, err := json.Marshal(name)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, saveProfile, string(u), "displayname", string(value)); err != nil || s.OnProfile == nil {
		return err
	}
	return s.OnProfile(ctx, tx, u)
}

// Taken says whether there is an account of that name, also one that has ended.
func (s *Service) Taken(ctx context.Context, q db.Querier, u id.User) (bool, error) {
	_, err := db.One(ctx, q, readUser, scanUser, string(u))
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}
