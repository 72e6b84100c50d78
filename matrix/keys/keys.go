// Package keys keeps the public keys that people and their devices publish for end-to-end encryption, and backups of message keys.
//
// Wardline's rooms are readable by the trust's server by default, but clients stop when these calls are missing, and a trust may let
// some rooms be encrypted. It promises that a one-time key is handed out once, that a user's identity is replaced only by somebody who
// has proved who they are, and that what changed is told to those who may know (Service.Changes). Device keys are kept as they come:
// the clients that use them check them. Look first at Service.Upload, Service.SetIdentity and Service.Changes.
//
// spec: client-server-api#end-to-end-encryption
package keys

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"strings"
	"sync"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the schema of keys.
func Migrations() db.Migrations { return db.Migrations{Package: "keys", FS: schema} }

// Service answers for the keys of local users.
type Service struct {
	db       *db.DB
	accounts *account.Service

	// OnChange is called inside the act that changes what the user's devices or keys look like, to wake who should know: everyone who
	// shares a room with the user when viewer is "", otherwise only viewer. Set before use.
	OnChange func(tx *db.Tx, user, viewer id.User)
	// OnHeld is called inside the act that takes a key from a device, to wake the device. Set before use.
	OnHeld func(tx *db.Tx, user id.User)

	changes changes

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
	Pos       int64            // position of the newest claim since this process began
}

// maxHeld bounds the devices kept in memory; past it all are dropped and read again.
const maxHeld = 100_000

// New returns the service. What belongs to devices ends when accounts signs them out.
func New(d *db.DB, accounts *account.Service) *Service {
	s := &Service{db: d, accounts: accounts, held: map[owner]Held{}}
	s.changes.begin(d.Position())
	accounts.OnSignOut = append(accounts.OnSignOut, s.dropDevices)
	return s
}

// Held returns what a device has left, from memory when it was asked before.
func (s *Service) Held(ctx context.Context, u id.User, d id.Device) (Held, error) {
	s.mu.Lock()
	h, ok := s.held[owner{u, d}]
	s.mu.Unlock()
	if ok && h.Counts != nil {
		return h, nil
	}
	// Read as an act, so that no change can fall between the reading and the remembering.
	err := s.db.WriteLast(ctx, "keys.held", func(ctx context.Context, tx *db.Tx) error {
		var err error
		h, err = s.count(ctx, tx, u, d)
		return err
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	h.Pos = s.held[owner{u, d}].Pos
	return h, err
}

// count reads what a device has left inside an act and remembers it at the commit.
func (s *Service) count(ctx context.Context, tx *db.Tx, u id.User, d id.Device) (Held, error) {
	var h Held
	list, err := db.Collect(ctx, tx, counts, func(r db.Row) (c count, err error) { return c, r.Scan(&c.algorithm, &c.n) }, string(u), string(d))
	if err != nil {
		return h, err
	}
	h.Counts = map[string]int64{"signed_curve25519": 0}
	for _, c := range list {
		h.Counts[c.algorithm] = c.n
	}
	if h.Fallbacks, err = db.Collect(ctx, tx, fallbacks, db.Scalar[string], string(u), string(d)); err != nil {
		return h, err
	}
	if h.Fallbacks == nil {
		h.Fallbacks = []string{}
	}
	tx.OnCommit(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.held) >= maxHeld {
			clear(s.held)
		}
		h.Pos = s.held[owner{u, d}].Pos
		s.held[owner{u, d}] = h
	})
	return h, nil
}

type count struct {
	algorithm string
	n         int64
}

// claimed makes Held read again once the act commits, and notes where in the stream that was.
func (s *Service) claimed(tx *db.Tx, pos int64, from map[owner]bool) {
	tx.OnCommit(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for o := range from {
			s.held[o] = Held{Pos: pos}
		}
	})
	for o := range from {
		if s.OnHeld != nil {
			s.OnHeld(tx, o.user)
		}
	}
}

var (
	saveDevice  = db.SQL("keys.save_device", `INSERT INTO keys_device (member, device, keys, pos) VALUES ($1, $2, $3, $4) ON CONFLICT (member, device) DO UPDATE SET keys = excluded.keys, pos = excluded.pos`)
	deviceOf    = db.SQL("keys.device", `SELECT device, keys FROM keys_device WHERE member = $1 AND device = $2`)
	devicesOf   = db.SQL("keys.devices", `SELECT device, keys FROM keys_device WHERE member = $1 ORDER BY device LIMIT 1000`)
	dropDevice  = db.SQL("keys.drop_device", `DELETE FROM keys_device WHERE member = $1 AND device = $2`)
	dropAllOf   = db.SQL("keys.drop_one_times", `DELETE FROM keys_one_time WHERE member = $1 AND device = $2`)
	saveOneTime = db.SQL("keys.save_one_time", `INSERT INTO keys_one_time (member, device, name, algorithm, key, fallback, used, pos) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (member, device, name, fallback) DO NOTHING`)
	oneTime      = db.SQL("keys.one_time", `SELECT key FROM keys_one_time WHERE member = $1 AND device = $2 AND name = $3 AND fallback = $4`)
	dropFallback = db.SQL("keys.drop_fallback", `DELETE FROM keys_one_time WHERE member = $1 AND device = $2 AND algorithm = $3 AND fallback`)
	counts       = db.SQL("keys.counts", `SELECT algorithm, count(*) FROM keys_one_time WHERE member = $1 AND device = $2 AND NOT fallback GROUP BY algorithm LIMIT 100`)
	fallbacks    = db.SQL("keys.fallbacks", `SELECT algorithm FROM keys_one_time WHERE member = $1 AND device = $2 AND fallback AND NOT used ORDER BY algorithm LIMIT 100`)
)

// Upload is what a device publishes.
type Upload struct {
	DeviceKeys   json.RawMessage            `json:"device_keys"`
	OneTimeKeys  map[string]json.RawMessage `json:"one_time_keys"`
	FallbackKeys map[string]json.RawMessage `json:"fallback_keys"`
}

// Bounds of what a device publishes: clients keep some fifty one-time keys of one algorithm.
const (
	maxUploaded = 1000
	maxKept     = 5000
	maxKeySize  = 16 << 10
	maxKeyName  = 255
)

// Upload keeps a device's keys and returns how many one-time keys of each algorithm it now has. Another key under a name that is
// taken is Invalid; the same one again changes nothing.
// spec: client-server-api#post_matrixclientv3keysupload
func (s *Service) Upload(ctx context.Context, u id.User, d id.Device, up Upload) (map[string]int64, error) {
	if string(up.DeviceKeys) == "null" {
		up.DeviceKeys = nil
	}
	if up.DeviceKeys != nil {
		keys, err := event.Canonical(nil, up.DeviceKeys)
		if err != nil || !event.IsObject(keys) {
			return nil, fault.Wrap(fault.Invalid, "M_BAD_JSON", "The device keys are not canonical JSON.", err)
		}
		up.DeviceKeys = keys // clients may write it with spaces
		owner, _ := event.Text(event.Field(keys, "user_id"))
		device, _ := event.Text(event.Field(keys, "device_id"))
		if owner != string(u) || device != string(d) {
			return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "The keys are of another device.")
		}
		if !event.IsObject(event.Field(keys, "keys")) {
			return nil, fault.New(fault.Invalid, "M_BAD_JSON", "The device keys hold no keys.")
		}
	}
	if len(up.OneTimeKeys) > maxUploaded || len(up.FallbackKeys) > 50 || len(up.DeviceKeys) > maxKeySize {
		return nil, fault.New(fault.TooLarge, "M_TOO_LARGE", "Those are too many keys at once.")
	}
	var h Held
	err := s.db.Write(ctx, "keys.upload", func(ctx context.Context, tx *db.Tx) error {
		// The device may have been signed out meanwhile; its keys would then stay for ever.
		if err := s.accounts.HasDevice(ctx, tx, u, d); fault.Is(err, fault.NotFound) {
			return fault.New(fault.Unauthenticated, "M_UNKNOWN_TOKEN", "You were signed out.")
		} else if err != nil {
			return err
		}
		if err := s.saveIdentityKeys(ctx, tx, u, d, up.DeviceKeys); err != nil {
			return err
		}
		if len(up.OneTimeKeys)+len(up.FallbackKeys) > 0 {
			pos := tx.Position() // by which they are given out in order
			if err := s.saveKeys(ctx, tx, u, d, up.OneTimeKeys, false, pos); err != nil {
				return err
			}
			if err := s.saveKeys(ctx, tx, u, d, up.FallbackKeys, true, pos); err != nil {
				return err
			}
		}
		var err error
		if h, err = s.count(ctx, tx, u, d); err != nil {
			return err
		}
		for _, n := range h.Counts {
			if n > maxKept {
				return fault.New(fault.TooLarge, "M_TOO_LARGE", "The device has too many one-time keys.")
			}
		}
		return nil
	})
	return h.Counts, err
}

// saveIdentityKeys keeps a device's own keys. Signatures that others gave older ones end with them.
func (s *Service) saveIdentityKeys(ctx context.Context, tx *db.Tx, u id.User, d id.Device, keys json.RawMessage) error {
	if keys == nil {
		return nil
	}
	old, err := db.One(ctx, tx, deviceOf, scanDevice, string(u), string(d))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err == nil && string(old.keys) == string(keys) {
		return nil
	}
	if err == nil && string(event.Field(old.keys, "keys")) != string(event.Field(keys, "keys")) {
		if _, err := tx.Exec(ctx, dropSignatures, string(u), string(d)); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, saveDevice, string(u), string(d), []byte(keys), tx.LastPosition()); err != nil {
		return err
	}
	return s.change(ctx, tx, u, "")
}

func (s *Service) saveKeys(ctx context.Context, tx *db.Tx, u id.User, d id.Device, all map[string]json.RawMessage, fallback bool, pos int64) error {
	seen := map[string]bool{}
	for name, raw := range all {
		algorithm, _, ok := strings.Cut(name, ":")
		if !ok || algorithm == "" || len(name) > maxKeyName {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "A key's name has the form algorithm:id.")
		}
		key, err := event.Canonical(nil, raw)
		if err != nil || len(key) > maxKeySize {
			return fault.Wrap(fault.Invalid, "M_BAD_JSON", "A key is not canonical JSON of a sensible size.", err)
		}
		old, err := db.One(ctx, tx, oneTime, db.Scalar[[]byte], string(u), string(d), name, fallback)
		switch {
		case err != nil && !fault.Is(err, fault.NotFound):
			return err
		case err == nil && same(old, key):
			continue // sent again, because the answer was lost; it stays used if it was
		case err == nil && !fallback:
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "There is another key of that name.")
		}
		if fallback {
			if seen[algorithm] {
				return fault.New(fault.Invalid, "M_INVALID_PARAM", "There can be one fallback key of an algorithm.")
			}
			seen[algorithm] = true
			if _, err := tx.Exec(ctx, dropFallback, string(u), string(d), algorithm); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, saveOneTime, string(u), string(d), name, algorithm, key, fallback, false, pos); err != nil {
			return err
		}
	}
	return nil
}

// same compares a stored key with a canonical one. Those of older versions were stored as they came.
func same(stored, key []byte) bool {
	canonical, err := event.Canonical(nil, stored)
	return err == nil && string(canonical) == string(key)
}

type deviceKeys struct {
	device string
	keys   []byte
}

func scanDevice(r db.Row) (k deviceKeys, err error) { return k, r.Scan(&k.device, &k.keys) }

// dropDevices removes what devices published, inside the act that signs them out.
func (s *Service) dropDevices(ctx context.Context, tx *db.Tx, u id.User, devices []id.Device) error {
	changed := false
	for _, d := range devices {
		n, err := tx.Exec(ctx, dropDevice, string(u), string(d))
		_, second := tx.Exec(ctx, dropAllOf, string(u), string(d))
		_, third := tx.Exec(ctx, dropSignatures, string(u), string(d))
		if err := errors.Join(err, second, third); err != nil {
			return err
		}
		changed = changed || n > 0
	}
	tx.OnCommit(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, d := range devices {
			delete(s.held, owner{u, d})
		}
	})
	if !changed {
		return nil
	}
	return s.change(ctx, tx, u, "")
}
