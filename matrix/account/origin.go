package account

import (
	"context"
	"slices"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

var (
	insertFrom  = db.SQL("account.insert_token_from", `INSERT INTO account_token (hash, kind, member, device, expires_at, parent, app, origin) VALUES ($1, 'login', $2, '', $3, NULL, '', $4)`)
	tokenOrigin = db.SQL("account.token_origin", `SELECT origin FROM account_token WHERE hash = $1`)
	deviceFrom  = db.SQL("account.device_origin", `SELECT origin FROM account_device WHERE member = $1 AND device = $2`)
	endFrom     = db.SQL("account.end_from", `DELETE FROM account_token WHERE member = $1 AND kind = 'login' AND origin = $2`)
	fromOrigin  = db.SQL("account.devices_from", `SELECT device FROM account_device WHERE member = $1 AND origin = $2 ORDER BY device LIMIT 1000`)
)

// NewLoginTokenFrom makes a one-time token like NewLoginToken inside an open act. What is opened with it is of the origin, and ends with it.
func (s *Service) NewLoginTokenFrom(ctx context.Context, tx *db.Tx, u id.User, origin string, life time.Duration) (string, error) {
	token := "wll_" + id.NewOpaque(32)
	h := hashOf(token)
	_, err := tx.Exec(ctx, insertFrom, h[:], string(u), time.Now().Add(life).UnixMilli(), origin)
	return token, err
}

// OriginOf returns through which sign-in elsewhere a device was opened, "" for none.
func (s *Service) OriginOf(ctx context.Context, q db.Querier, u id.User, d id.Device) (string, error) {
	origin, err := db.One(ctx, q, deviceFrom, db.Scalar[string], string(u), string(d))
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	return origin, err
}

// EndOrigins signs out, inside an open act, every device of a user that came to be through one of the origins, and ends the links that are
// still unused. It says which devices those were.
func (s *Service) EndOrigins(ctx context.Context, tx *db.Tx, u id.User, origins ...string) ([]id.Device, error) {
	var gone []id.Device
	for _, origin := range origins {
		if origin == "" {
			continue // whoever signed in here, with a password
		}
		devices, err := db.Collect(ctx, tx, fromOrigin, db.Scalar[id.Device], string(u), origin)
		if err != nil {
			return nil, err
		}
		gone = append(gone, devices...)
		if _, err := tx.Exec(ctx, endFrom, string(u), origin); err != nil {
			return nil, err
		}
	}
	return gone, s.signOut(ctx, tx, u, func(d id.Device) bool { return slices.Contains(gone, d) })
}

// SignOutIn ends the sessions of all of a user's devices inside an open act.
func (s *Service) SignOutIn(ctx context.Context, tx *db.Tx, u id.User) error {
	return s.signOut(ctx, tx, u, func(id.Device) bool { return true })
}

// OriginUsed says whether a device of the user came from an origin.
func (s *Service) OriginUsed(ctx context.Context, q db.Querier, u id.User, origin string) (bool, error) {
	devices, err := db.Collect(ctx, q, fromOrigin, db.Scalar[id.Device], string(u), origin)
	return len(devices) > 0, err
}
