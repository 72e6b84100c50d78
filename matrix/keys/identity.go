package keys

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"strings"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

// Usages of cross-signing keys.
// spec: client-server-api#cross-signing
const (
	Master      = "master"
	SelfSigning = "self_signing"
	UserSigning = "user_signing"
)

// Identity is what a user uploads to be known by across devices; members that are nil stay as they are.
type Identity struct {
	Master      json.RawMessage `json:"master_key"`
	SelfSigning json.RawMessage `json:"self_signing_key"`
	UserSigning json.RawMessage `json:"user_signing_key"`
}

// ErrConfirm says that the change replaces what is there, so its author must first prove who they are.
var ErrConfirm = errors.New("the identity can only be replaced by somebody who has confirmed who they are")

var (
	saveKey        = db.SQL("keys.save_identity", `INSERT INTO keys_identity (member, usage, public, keys) VALUES ($1, $2, $3, $4) ON CONFLICT (member, usage) DO UPDATE SET public = excluded.public, keys = excluded.keys`)
	identityOf     = db.SQL("keys.identity", `SELECT usage, public, keys FROM keys_identity WHERE member = $1 LIMIT 3`)
	dropIdentity   = db.SQL("keys.drop_identity", `DELETE FROM keys_identity WHERE member = $1`)
	dropSignatures = db.SQL("keys.drop_signatures", `DELETE FROM keys_signature WHERE member = $1 AND target = $2`)
	dropSignedBy   = db.SQL("keys.drop_signed_by", `DELETE FROM keys_signature WHERE signer = $1 AND key = $2`)
)

// signing is one cross-signing key.
type signing struct {
	usage  string
	public string // as in its name, ed25519:public
	keys   []byte // canonical JSON
}

func (k signing) name() id.Key { return id.Key("ed25519:" + k.public) }

// identity reads the cross-signing keys of a user by usage.
func identity(ctx context.Context, q db.Querier, u id.User) (map[string]signing, error) {
	list, err := db.Collect(ctx, q, identityOf, func(r db.Row) (k signing, err error) { return k, r.Scan(&k.usage, &k.public, &k.keys) }, string(u))
	out := map[string]signing{}
	for _, k := range list {
		out[k.usage] = k
	}
	return out, err
}

// readSigning reads one uploaded key, or says what is wrong with it; nil for none.
func readSigning(u id.User, usage string, raw json.RawMessage) (*signing, error) {
	if raw == nil || string(raw) == "null" {
		return nil, nil
	}
	bad := func(text string) error { return fault.New(fault.Invalid, "M_INVALID_PARAM", text) }
	canonical, err := event.Canonical(nil, raw)
	if err != nil || !event.IsObject(canonical) || len(canonical) > maxKeySize {
		return nil, fault.Wrap(fault.Invalid, "M_BAD_JSON", "A key is not a JSON object of a sensible size.", err)
	}
	if !event.TextIs(event.Field(canonical, "user_id"), string(u)) {
		return nil, bad("The " + usage + " key belongs to another user.")
	}
	fits := false
	for one := range event.Elements(event.Field(canonical, "usage")) {
		fits = fits || event.TextIs(one, usage)
	}
	if !fits {
		return nil, bad("The " + usage + " key says that it is for something else.")
	}
	k := &signing{usage: usage, keys: canonical}
	for name, value := range event.Members(event.Field(canonical, "keys")) {
		public, ok := strings.CutPrefix(name, "ed25519:")
		text, isText := event.Text(value)
		if !ok || !isText || text != public || k.public != "" {
			return nil, bad("The " + usage + " key must be one ed25519 key under its own name.")
		}
		k.public = public
	}
	if raw, err := event.DecodeBase64(k.public); err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, bad("The " + usage + " key is no ed25519 key.")
	}
	return k, nil
}

// signed says whether a JSON object carries a good signature of a user's key.
func signed(object []byte, by id.User, name id.Key, public string) bool {
	raw, err := event.DecodeBase64(public)
	return err == nil && event.VerifyJSON(object, id.Server(by), name, ed25519.PublicKey(raw)) == nil
}

// SetIdentity keeps a user's cross-signing keys. Anything that replaces or adds to a master key that is there needs confirmed, or
// nothing is done and ErrConfirm returned; the same keys again need nothing and change nothing. Keys that are not signed by the
// master key are Invalid M_INVALID_SIGNATURE.
// spec: client-server-api#post_matrixclientv3keysdevice_signingupload
func (s *Service) SetIdentity(ctx context.Context, u id.User, up Identity, confirmed bool) error {
	var given []*signing
	for _, one := range []struct {
		usage string
		raw   json.RawMessage
	}{{Master, up.Master}, {SelfSigning, up.SelfSigning}, {UserSigning, up.UserSigning}} {
		k, err := readSigning(u, one.usage, one.raw)
		if err != nil {
			return err
		}
		if k != nil {
			given = append(given, k)
		}
	}
	if len(given) == 0 {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "There is no key in the request.")
	}
	return s.db.Write(ctx, "keys.identity", func(ctx context.Context, tx *db.Tx) error {
		old, err := identity(ctx, tx, u)
		if err != nil {
			return err
		}
		fresh := given[:0:0]
		for _, k := range given {
			if old[k.usage].public != k.public {
				fresh = append(fresh, k)
			}
		}
		if len(fresh) == 0 {
			return nil
		}
		if fresh[0].usage == Master {
			fresh = given // all of it is under a new master key
		}
		if _, has := old[Master]; has && !confirmed {
			return ErrConfirm
		}
		return s.replaceIdentity(ctx, tx, u, old, fresh)
	})
}

// replaceIdentity writes keys that differ from the old ones, after it has checked who signed them.
func (s *Service) replaceIdentity(ctx context.Context, tx *db.Tx, u id.User, old map[string]signing, fresh []*signing) error {
	master, has := old[Master]
	if fresh[0].usage == Master {
		master, has = *fresh[0], true
	}
	if !has {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "There is no master key to have signed this.")
	}
	devices, err := s.accounts.Devices(ctx, tx, u)
	if err != nil {
		return err
	}
	for _, k := range fresh {
		for _, d := range devices {
			if string(d.ID) == k.public {
				return fault.New(fault.Forbidden, "M_FORBIDDEN", "The key's id is in use by a device.")
			}
		}
		if k.usage != Master && !signed(k.keys, u, master.name(), master.public) {
			return fault.New(fault.Invalid, "M_INVALID_SIGNATURE", "The "+strings.ReplaceAll(k.usage, "_", "-")+" key is not signed by the master key.")
		}
	}
	if fresh[0].usage == Master {
		// What the old master key had signed, and what signed it, is worth nothing any more.
		if _, err := tx.Exec(ctx, dropIdentity, string(u)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, dropSignatures, string(u), old[Master].public); err != nil {
			return err
		}
	}
	public := false
	for _, k := range fresh {
		if was := old[k.usage]; was.public != "" && k.usage != Master {
			if _, err := tx.Exec(ctx, dropSignedBy, string(u), string(was.name())); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, saveKey, string(u), k.usage, k.public, k.keys); err != nil {
			return err
		}
		public = public || k.usage != UserSigning
	}
	if public {
		return s.change(ctx, tx, u, "")
	}
	return s.change(ctx, tx, u, u)
}
