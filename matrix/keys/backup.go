package keys

import (
	"context"
	"encoding/json"
	"strconv"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

// Backup is one version of a user's backup of message keys. The server cannot read what is in it.
// spec: client-server-api#server-side-key-backups
type Backup struct {
	Version   string          `json:"version"`
	Algorithm string          `json:"algorithm"`
	Auth      json.RawMessage `json:"auth_data"`
	ETag      string          `json:"etag"`
	Count     int64           `json:"count"`
}

// SessionKey is the backed-up key of one session.
type SessionKey struct {
	First     int64           `json:"first_message_index"`
	Forwarded int64           `json:"forwarded_count"`
	Verified  bool            `json:"is_verified"`
	Data      json.RawMessage `json:"session_data"`
}

// better says whether a key takes the place of the one that is there.
// spec: client-server-api#backup-algorithm-mmegolm_backupv1curve25519-aes-sha2
func (k SessionKey) better(old SessionKey) bool {
	switch {
	case k.Verified != old.Verified:
		return k.Verified
	case k.First != old.First:
		return k.First < old.First
	}
	return k.Forwarded < old.Forwarded
}

// Sessions are keys by room and session.
type Sessions map[id.Room]map[string]SessionKey

// Place is which keys of a backup are meant: Room "" is all of them, Session "" all of a room.
type Place struct {
	Room    id.Room
	Session string
}

var (
	newestBackup = db.SQL("keys.newest_backup", `SELECT version, algorithm, auth, etag, keys, deleted FROM keys_backup WHERE member = $1 AND NOT deleted ORDER BY version DESC LIMIT 1`)
	readBackup   = db.SQL("keys.read_backup", `SELECT version, algorithm, auth, etag, keys, deleted FROM keys_backup WHERE member = $1 AND version = $2`)
	lastVersion  = db.SQL("keys.last_backup", `SELECT coalesce(max(version), 0) FROM keys_backup WHERE member = $1`)
	insertBackup = db.SQL("keys.insert_backup", `INSERT INTO keys_backup (member, version, algorithm, auth, etag, keys, deleted) VALUES ($1, $2, $3, $4, 0, 0, $5)`)
	setAuth      = db.SQL("keys.backup_auth", `UPDATE keys_backup SET auth = $3 WHERE member = $1 AND version = $2`)
	endBackup    = db.SQL("keys.end_backup", `UPDATE keys_backup SET deleted = $3, keys = 0, auth = $4 WHERE member = $1 AND version = $2`)
	touchBackup  = db.SQL("keys.touch_backup", `UPDATE keys_backup SET etag = etag + 1, keys = keys + $3 WHERE member = $1 AND version = $2`)
	dropKeys     = db.SQL("keys.backup_drop", `DELETE FROM keys_backup_key WHERE member = $1 AND version = $2`)
	dropRoomKeys = db.SQL("keys.backup_drop_room", `DELETE FROM keys_backup_key WHERE member = $1 AND version = $2 AND room = $3`)
	dropOneKey   = db.SQL("keys.backup_drop_one", `DELETE FROM keys_backup_key WHERE member = $1 AND version = $2 AND room = $3 AND session = $4`)
	allKeys      = db.SQL("keys.backup_all", `SELECT room, session, first_index, forwarded, verified, data FROM keys_backup_key WHERE member = $1 AND version = $2 LIMIT 10000000`)
	roomKeys     = db.SQL("keys.backup_room", `SELECT room, session, first_index, forwarded, verified, data FROM keys_backup_key WHERE member = $1 AND version = $2 AND room = $3 LIMIT 10000000`)
	oneKey       = db.SQL("keys.backup_one", `SELECT room, session, first_index, forwarded, verified, data FROM keys_backup_key WHERE member = $1 AND version = $2 AND room = $3 AND session = $4`)
	saveOneKey   = db.SQL("keys.backup_save", `INSERT INTO keys_backup_key (member, version, room, session, first_index, forwarded, verified, data) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (member, version, room, session) DO UPDATE SET first_index = excluded.first_index, forwarded = excluded.forwarded, verified = excluded.verified, data = excluded.data`)
)

type backupRow struct {
	version, etag, keys int64
	algorithm           string
	auth                []byte
	deleted             bool
}

func scanBackup(r db.Row) (b backupRow, err error) {
	return b, r.Scan(&b.version, &b.algorithm, &b.auth, &b.etag, &b.keys, &b.deleted)
}

func (b backupRow) public() Backup {
	return Backup{strconv.FormatInt(b.version, 10), b.algorithm, b.auth, strconv.FormatInt(b.etag, 10), b.keys}
}

var errNoBackup = fault.New(fault.NotFound, "M_NOT_FOUND", "There is no such backup.")

// backup reads a version, deleted ones too. What cannot be a version is not there.
func backup(ctx context.Context, q db.Querier, u id.User, version string) (backupRow, error) {
	n, err := strconv.ParseInt(version, 10, 64)
	if err != nil {
		return backupRow{}, errNoBackup
	}
	b, err := db.One(ctx, q, readBackup, scanBackup, string(u), n)
	if fault.Is(err, fault.NotFound) {
		err = errNoBackup
	}
	return b, err
}

func newest(ctx context.Context, q db.Querier, u id.User) (backupRow, error) {
	b, err := db.One(ctx, q, newestBackup, scanBackup, string(u))
	if fault.Is(err, fault.NotFound) {
		err = fault.New(fault.NotFound, "M_NOT_FOUND", "There is no current backup.")
	}
	return b, err
}

// maxBackups bounds how many backups a user has ever made: each leaves a row.
const maxBackups = 10_000

// NewBackup makes a backup and returns its version; it is now the current one.
// spec: client-server-api#post_matrixclientv3room_keysversion
func (s *Service) NewBackup(ctx context.Context, u id.User, algorithm string, auth json.RawMessage) (string, error) {
	if algorithm == "" || len(algorithm) > maxKeyName || !object(auth) {
		return "", fault.New(fault.Invalid, "M_BAD_JSON", "A backup needs an algorithm and auth_data.")
	}
	var version int64
	err := s.db.Write(ctx, "keys.new_backup", func(ctx context.Context, tx *db.Tx) error {
		last, err := db.One(ctx, tx, lastVersion, db.Scalar[int64], string(u))
		if err != nil {
			return err
		}
		if version = last + 1; version > maxBackups {
			return fault.New(fault.TooLarge, "M_TOO_LARGE", "You have made too many backups.")
		}
		_, err = tx.Exec(ctx, insertBackup, string(u), version, algorithm, []byte(auth), false)
		return err
	})
	return strconv.FormatInt(version, 10), err
}

// object says whether JSON is an object of a size that belongs into a row.
func object(raw json.RawMessage) bool {
	compact, err := event.Compact(nil, raw)
	return err == nil && event.IsObject(compact) && len(raw) <= 64<<10
}

// Backup returns a version of the user's backup, the current one for "". NotFound when there is none.
func (s *Service) Backup(ctx context.Context, u id.User, version string) (Backup, error) {
	if version == "" {
		b, err := newest(ctx, s.db, u)
		return b.public(), err
	}
	b, err := backup(ctx, s.db, u, version)
	if err == nil && b.deleted {
		err = errNoBackup
	}
	return b.public(), err
}

// SetBackupAuth replaces the auth data of a backup. The algorithm must be the one it has.
// spec: client-server-api#put_matrixclientv3room_keysversionversion
func (s *Service) SetBackupAuth(ctx context.Context, u id.User, version, algorithm string, auth json.RawMessage) error {
	if !object(auth) {
		return fault.New(fault.Invalid, "M_BAD_JSON", "A backup needs auth_data.")
	}
	return s.db.Write(ctx, "keys.backup_auth", func(ctx context.Context, tx *db.Tx) error {
		b, err := backup(ctx, tx, u, version)
		if err == nil && b.deleted {
			err = errNoBackup
		}
		if err != nil {
			return err
		}
		if algorithm != b.algorithm {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "The algorithm is not the backup's.")
		}
		_, err = tx.Exec(ctx, setAuth, string(u), b.version, []byte(auth))
		return err
	})
}

// DeleteBackup removes a backup and all keys in it. One that was deleted before is no error.
// spec: client-server-api#delete_matrixclientv3room_keysversionversion
func (s *Service) DeleteBackup(ctx context.Context, u id.User, version string) error {
	return s.db.Write(ctx, "keys.delete_backup", func(ctx context.Context, tx *db.Tx) error {
		b, err := backup(ctx, tx, u, version)
		if err != nil || b.deleted {
			return err
		}
		if _, err := tx.Exec(ctx, dropKeys, string(u), b.version); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, endBackup, string(u), b.version, true, []byte("{}"))
		return err
	})
}

// current returns the version if it is the one that may be written to, and otherwise what is wrong.
func current(ctx context.Context, tx *db.Tx, u id.User, version string) (backupRow, error) {
	b, err := backup(ctx, tx, u, version)
	if err != nil {
		return b, err
	}
	now, err := newest(ctx, tx, u)
	if err == nil && now.version != b.version {
		err = &fault.Fault{Kind: fault.Forbidden, Code: "M_WRONG_ROOM_KEYS_VERSION", Public: "That is not the current backup.",
			Extra: map[string]any{"current_version": strconv.FormatInt(now.version, 10)}}
	}
	return b, err
}

type sessionRow struct {
	room    id.Room
	session string
	SessionKey
}

func scanSession(r db.Row) (k sessionRow, err error) {
	var data []byte
	err = r.Scan(&k.room, &k.session, &k.First, &k.Forwarded, &k.Verified, &data)
	k.Data = data
	return k, err
}

// Stored is how a backup stands after its keys were changed.
type Stored struct {
	ETag  string `json:"etag"`
	Count int64  `json:"count"`
}

// SaveKeys puts keys into the current backup; where there is one already, the better of the two is kept. Any other version is
// Forbidden M_WRONG_ROOM_KEYS_VERSION, one that never was is NotFound.
// spec: client-server-api#put_matrixclientv3room_keyskeys
func (s *Service) SaveKeys(ctx context.Context, u id.User, version string, all Sessions) (Stored, error) {
	for room, list := range all {
		for session, k := range list {
			if !object(k.Data) || k.First < 0 || k.Forwarded < 0 || len(room) > maxKeyName || len(session) > maxKeyName {
				return Stored{}, fault.New(fault.Invalid, "M_BAD_JSON", "A key has no session_data, or a number that makes no sense.")
			}
		}
	}
	var out Stored
	err := s.db.Write(ctx, "keys.save_backup", func(ctx context.Context, tx *db.Tx) error {
		b, err := current(ctx, tx, u, version)
		if err != nil {
			return err
		}
		added, changed := int64(0), false
		for room, list := range all {
			for session, k := range list {
				old, err := db.One(ctx, tx, oneKey, scanSession, string(u), b.version, string(room), session)
				if err != nil && !fault.Is(err, fault.NotFound) {
					return err
				}
				if err == nil && !k.better(old.SessionKey) {
					continue
				}
				if err != nil {
					added++
				}
				changed = true
				if _, err := tx.Exec(ctx, saveOneKey, string(u), b.version, string(room), session, k.First, k.Forwarded, k.Verified, []byte(k.Data)); err != nil {
					return err
				}
			}
		}
		out, err = touch(ctx, tx, u, b, added, changed)
		return err
	})
	return out, err
}

// touch gives a backup whose keys have changed its new etag and count.
func touch(ctx context.Context, tx *db.Tx, u id.User, b backupRow, added int64, changed bool) (Stored, error) {
	if changed {
		b.etag, b.keys = b.etag+1, b.keys+added
		if _, err := tx.Exec(ctx, touchBackup, string(u), b.version, added); err != nil {
			return Stored{}, err
		}
	}
	p := b.public()
	return Stored{p.ETag, p.Count}, nil
}

// Keys returns keys of a backup. For one session that is not there it is NotFound; for all, or all of a room, it is an empty answer.
// spec: client-server-api#get_matrixclientv3room_keyskeys
func (s *Service) Keys(ctx context.Context, u id.User, version string, at Place) (Sessions, error) {
	b, err := backup(ctx, s.db, u, version)
	if err == nil && b.deleted {
		err = errNoBackup
	}
	if err != nil {
		return nil, err
	}
	var list []sessionRow
	switch {
	case at.Room == "":
		list, err = db.Collect(ctx, s.db, allKeys, scanSession, string(u), b.version)
	case at.Session == "":
		list, err = db.Collect(ctx, s.db, roomKeys, scanSession, string(u), b.version, string(at.Room))
	default:
		list, err = db.Collect(ctx, s.db, oneKey, scanSession, string(u), b.version, string(at.Room), at.Session)
		if err == nil && len(list) == 0 {
			err = fault.New(fault.NotFound, "M_NOT_FOUND", "There is no such key in the backup.")
		}
	}
	if err != nil {
		return nil, err
	}
	out := Sessions{}
	for _, k := range list {
		if out[k.room] == nil {
			out[k.room] = map[string]SessionKey{}
		}
		out[k.room][k.session] = k.SessionKey
	}
	return out, nil
}

// DeleteKeys removes keys of a backup. Keys that are not there are no error; a version that is not there is NotFound.
// spec: client-server-api#delete_matrixclientv3room_keyskeys
func (s *Service) DeleteKeys(ctx context.Context, u id.User, version string, at Place) (Stored, error) {
	var out Stored
	err := s.db.Write(ctx, "keys.drop_backup", func(ctx context.Context, tx *db.Tx) error {
		b, err := backup(ctx, tx, u, version)
		if err == nil && b.deleted {
			err = errNoBackup
		}
		if err != nil {
			return err
		}
		var gone int64
		switch {
		case at.Room == "":
			gone, err = tx.Exec(ctx, dropKeys, string(u), b.version)
		case at.Session == "":
			gone, err = tx.Exec(ctx, dropRoomKeys, string(u), b.version, string(at.Room))
		default:
			gone, err = tx.Exec(ctx, dropOneKey, string(u), b.version, string(at.Room), at.Session)
		}
		if err != nil {
			return err
		}
		out, err = touch(ctx, tx, u, b, -gone, gone > 0)
		return err
	})
	return out, err
}
