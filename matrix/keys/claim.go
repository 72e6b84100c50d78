package keys

import (
	"context"
	"encoding/json"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

var (
	nextKey     = db.SQL("keys.next", `SELECT name, key, fallback FROM keys_one_time WHERE member = $1 AND device = $2 AND algorithm = $3 ORDER BY fallback, pos, name LIMIT 1`)
	dropOneTime = db.SQL("keys.drop_one_time", `DELETE FROM keys_one_time WHERE member = $1 AND device = $2 AND name = $3 AND NOT fallback`)
	useFallback = db.SQL("keys.use_fallback", `UPDATE keys_one_time SET used = $4 WHERE member = $1 AND device = $2 AND name = $3 AND fallback`)
)

type namedKey struct {
	name     string
	key      []byte
	fallback bool
}

// Claims are keys by user, device and name.
type Claims map[id.User]map[id.Device]map[string]json.RawMessage

// maxClaims bounds the devices of one claim.
const maxClaims = 5000

// Claim hands out one key of each device, all in one act: the one-time key that came first, each once, or the fallback key when none
// is left. Whoever has neither, or does not exist, is missing from the answer.
// spec: client-server-api#post_matrixclientv3keysclaim
func (s *Service) Claim(ctx context.Context, wanted map[id.User]map[id.Device]string) (Claims, error) {
	n := 0
	for _, devices := range wanted {
		n += len(devices)
	}
	if n > maxClaims {
		return nil, fault.New(fault.TooLarge, "M_TOO_LARGE", "Claim keys of fewer devices at once.")
	}
	out := Claims{}
	if n == 0 {
		return out, nil
	}
	err := s.db.Write(ctx, "keys.claim", func(ctx context.Context, tx *db.Tx) error {
		from := map[owner]bool{}
		for u, devices := range wanted {
			for d, algorithm := range devices {
				k, err := db.One(ctx, tx, nextKey, func(r db.Row) (k namedKey, err error) { return k, r.Scan(&k.name, &k.key, &k.fallback) }, string(u), string(d), algorithm)
				if fault.Is(err, fault.NotFound) {
					continue
				}
				if err != nil {
					return err
				}
				if k.fallback {
					_, err = tx.Exec(ctx, useFallback, string(u), string(d), k.name, true)
				} else {
					_, err = tx.Exec(ctx, dropOneTime, string(u), string(d), k.name)
				}
				if err != nil {
					return err
				}
				from[owner{u, d}] = true
				if out[u] == nil {
					out[u] = map[id.Device]map[string]json.RawMessage{}
				}
				out[u][d] = map[string]json.RawMessage{k.name: k.key}
			}
		}
		if len(from) > 0 {
			s.claimed(tx, tx.Position(), from)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
