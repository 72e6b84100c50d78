// Package keys keeps the public keys that devices publish for end-to-end encryption.
//
// Wardline's rooms are readable by the trust's server by default, but clients stop when these calls are missing. It promises that a
// one-time key is handed out once. It refuses to judge keys: signatures are checked by the clients that use them. Cross-signing,
// backup and device lists between servers come later. Look first at Service.Upload and Service.Claim.
package keys

import (
	"context"
	"embed"
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the schema of keys.
func Migrations() db.Migrations { return db.Migrations{Package: "keys", FS: schema} }

// Service answers for the keys of local devices.
type Service struct {
	db      *db.DB
	started int64        // position when this process began
	newest  atomic.Int64 // position of the newest change of device keys since

	mu   sync.Mutex // guards held
	held map[owner]Held
}

type owner struct {
	user   id.User
	device id.Device
}

// Held is how many keys a device has left here, which every sync tells it.
type Held struct {
	Counts    map[string]int64 // one-time keys by algorithm; signed_curve25519 is always in it
	Fallbacks []string         // algorithms of which it has a fallback key that nobody has used
}

// maxHeld bounds the devices kept in memory; past it all are dropped and read again.
const maxHeld = 100_000

// New returns the service.
func New(d *db.DB) *Service {
	return &Service{db: d, started: d.Position(), held: map[owner]Held{}}
}

// Held returns what a device has left, from memory when it was asked before.
func (s *Service) Held(ctx context.Context, u id.User, d id.Device) (Held, error) {
	s.mu.Lock()
	h, ok := s.held[owner{u, d}]
	s.mu.Unlock()
	if ok {
		return h, nil
	}
	// Read as an act, so that no change can fall between the reading and the remembering.
	err := s.db.Write(ctx, "keys.held", func(ctx context.Context, tx *db.Tx) error {
		var err error
		if h.Counts, err = countsIn(ctx, tx, u, d); err != nil {
			return err
		}
		if h.Fallbacks, err = db.Collect(ctx, tx, fallbacks, db.Scalar[string], string(u), string(d)); err != nil {
			return err
		}
		tx.OnCommit(func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if len(s.held) >= maxHeld {
				clear(s.held)
			}
			s.held[owner{u, d}] = h
		})
		return nil
	})
	return h, err
}

// changed makes Held read again once the act commits.
func (s *Service) changed(tx *db.Tx, u id.User, d id.Device) {
	tx.OnCommit(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.held, owner{u, d})
	})
}

var (
	saveDevice  = db.SQL("keys.save_device", `INSERT INTO keys_device (member, device, keys, pos) VALUES ($1, $2, $3, $4) ON CONFLICT (member, device) DO UPDATE SET keys = excluded.keys, pos = excluded.pos`)
	devicesOf   = db.SQL("keys.devices", `SELECT device, keys FROM keys_device WHERE member = $1 ORDER BY device LIMIT 1000`)
	saveOneTime = db.SQL("keys.save_one_time", `INSERT INTO keys_one_time (member, device, name, algorithm, key, fallback, used) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (member, device, name, fallback) DO NOTHING`)
	oneTime      = db.SQL("keys.one_time", `SELECT key FROM keys_one_time WHERE member = $1 AND device = $2 AND name = $3 AND NOT fallback`)
	dropFallback = db.SQL("keys.drop_fallback", `DELETE FROM keys_one_time WHERE member = $1 AND device = $2 AND algorithm = $3 AND fallback`)
	counts       = db.SQL("keys.counts", `SELECT algorithm, count(*) FROM keys_one_time WHERE member = $1 AND device = $2 AND NOT fallback GROUP BY algorithm LIMIT 100`)
	fallbacks    = db.SQL("keys.fallbacks", `SELECT algorithm FROM keys_one_time WHERE member = $1 AND device = $2 AND fallback AND NOT used ORDER BY algorithm LIMIT 100`)
	nextKey      = db.SQL("keys.next", `SELECT name, key, fallback FROM keys_one_time WHERE member = $1 AND device = $2 AND algorithm = $3 ORDER BY fallback, name LIMIT 1`)
	dropOneTime  = db.SQL("keys.drop_one_time", `DELETE FROM keys_one_time WHERE member = $1 AND device = $2 AND name = $3 AND NOT fallback`)
	useFallback  = db.SQL("keys.use_fallback", `UPDATE keys_one_time SET used = $4 WHERE member = $1 AND device = $2 AND name = $3 AND fallback`)
	changedSince = db.SQL("keys.changed", `SELECT DISTINCT member FROM keys_device WHERE pos > $1 AND pos <= $2 LIMIT 10000`)
)

// Upload is what a device publishes.
type Upload struct {
	DeviceKeys   json.RawMessage            `json:"device_keys"`
	OneTimeKeys  map[string]json.RawMessage `json:"one_time_keys"`
	FallbackKeys map[string]json.RawMessage `json:"fallback_keys"`
}

// Upload keeps a device's keys and returns how many one-time keys of each algorithm it now has. Another key under a name that is
// taken is Invalid.
// spec: client-server-api#post_matrixclientv3keysupload
func (s *Service) Upload(ctx context.Context, u id.User, d id.Device, up Upload) (map[string]int64, error) {
	if up.DeviceKeys != nil {
		keys, err := event.Canonical(nil, up.DeviceKeys)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, "M_BAD_JSON", "The device keys are not canonical JSON.", err)
		}
		up.DeviceKeys = keys // clients may write it with spaces
		owner, _ := event.Text(event.Field(up.DeviceKeys, "user_id"))
		device, _ := event.Text(event.Field(up.DeviceKeys, "device_id"))
		if owner != string(u) || device != string(d) {
			return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "The keys are of another device.")
		}
	}
	if len(up.OneTimeKeys) > 1000 || len(up.FallbackKeys) > 50 {
		return nil, fault.New(fault.TooLarge, "M_TOO_LARGE", "Those are too many keys at once.")
	}
	err := s.db.Write(ctx, "keys.upload", func(ctx context.Context, tx *db.Tx) error {
		s.changed(tx, u, d)
		if up.DeviceKeys != nil {
			pos := tx.Position()
			if _, err := tx.Exec(ctx, saveDevice, string(u), string(d), []byte(up.DeviceKeys), pos); err != nil {
				return err
			}
			tx.OnCommit(func() { s.newest.Store(pos) })
		}
		if err := s.saveKeys(ctx, tx, u, d, up.OneTimeKeys, false); err != nil {
			return err
		}
		return s.saveKeys(ctx, tx, u, d, up.FallbackKeys, true)
	})
	if err != nil {
		return nil, err
	}
	h, err := s.Held(ctx, u, d)
	return h.Counts, err
}

func (s *Service) saveKeys(ctx context.Context, tx *db.Tx, u id.User, d id.Device, all map[string]json.RawMessage, fallback bool) error {
	for name, key := range all {
		algorithm, _, ok := strings.Cut(name, ":")
		if !ok {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "A key's name has the form algorithm:id.")
		}
		if fallback {
			if _, err := tx.Exec(ctx, dropFallback, string(u), string(d), algorithm); err != nil {
				return err
			}
		}
		n, err := tx.Exec(ctx, saveOneTime, string(u), string(d), name, algorithm, []byte(key), fallback, false)
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		old, err := db.One(ctx, tx, oneTime, db.Scalar[[]byte], string(u), string(d), name)
		if err != nil {
			return err
		}
		if string(old) != string(key) {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "There is another key of that name.")
		}
	}
	return nil
}

type count struct {
	algorithm string
	n         int64
}

func countsIn(ctx context.Context, q db.Querier, u id.User, d id.Device) (map[string]int64, error) {
	list, err := db.Collect(ctx, q, counts, func(r db.Row) (c count, err error) { return c, r.Scan(&c.algorithm, &c.n) }, string(u), string(d))
	if err != nil {
		return nil, err
	}
	out := map[string]int64{"signed_curve25519": 0}
	for _, c := range list {
		out[c.algorithm] = c.n
	}
	return out, nil
}

type deviceKeys struct {
	device string
	keys   []byte
}

// Query returns the keys of a user's devices: all of them, or those named. names gives what people call each device.
// spec: client-server-api#post_matrixclientv3keysquery
func (s *Service) Query(ctx context.Context, u id.User, want []id.Device, names map[id.Device]string) (map[id.Device]json.RawMessage, error) {
	list, err := db.Collect(ctx, s.db, devicesOf, func(r db.Row) (k deviceKeys, err error) { return k, r.Scan(&k.device, &k.keys) }, string(u))
	if err != nil {
		return nil, err
	}
	out := map[id.Device]json.RawMessage{}
	for _, k := range list {
		d := id.Device(k.device)
		if _, here := names[d]; !here || len(want) > 0 && !contains(want, d) {
			continue
		}
		out[d] = withName(k.keys, names[d])
	}
	return out, nil
}

func contains(all []id.Device, d id.Device) bool {
	for _, x := range all {
		if x == d {
			return true
		}
	}
	return false
}

// withName adds the device's name to its keys, outside what is signed.
func withName(keys []byte, name string) json.RawMessage {
	if name == "" {
		return keys
	}
	var m map[string]json.RawMessage
	if json.Unmarshal(keys, &m) != nil {
		return keys
	}
	m["unsigned"], _ = json.Marshal(map[string]string{"device_display_name": name})
	out, err := json.Marshal(m)
	if err != nil {
		return keys
	}
	return out
}

type namedKey struct {
	name     string
	key      []byte
	fallback bool
}

// Claim hands out one key of a device, each one-time key once; when none is left, the fallback key. No key is an empty answer.
// spec: client-server-api#post_matrixclientv3keysclaim
func (s *Service) Claim(ctx context.Context, u id.User, d id.Device, algorithm string) (map[string]json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	err := s.db.Write(ctx, "keys.claim", func(ctx context.Context, tx *db.Tx) error {
		k, err := db.One(ctx, tx, nextKey, func(r db.Row) (k namedKey, err error) { return k, r.Scan(&k.name, &k.key, &k.fallback) }, string(u), string(d), algorithm)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if k.fallback {
			_, err = tx.Exec(ctx, useFallback, string(u), string(d), k.name, true)
		} else {
			_, err = tx.Exec(ctx, dropOneTime, string(u), string(d), k.name)
		}
		s.changed(tx, u, d)
		out[k.name] = k.key
		return err
	})
	return out, err
}

// Changed returns whose device keys changed in between two positions.
func (s *Service) Changed(ctx context.Context, from, to int64) ([]id.User, error) {
	if from >= s.started && s.newest.Load() <= from {
		return nil, nil
	}
	list, err := db.Collect(ctx, s.db, changedSince, db.Scalar[string], from, to)
	out := make([]id.User, len(list))
	for i, u := range list {
		out[i] = id.User(u)
	}
	return out, err
}
