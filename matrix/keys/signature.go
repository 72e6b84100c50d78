package keys

import (
	"context"
	"encoding/json"
	"strings"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

var (
	saveSignature = db.SQL("keys.save_signature", `INSERT INTO keys_signature (member, target, signer, key, signature) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (member, target, signer, key) DO UPDATE SET signature = excluded.signature`)
	signaturesOn = db.SQL("keys.signatures", `SELECT target, signer, key, signature FROM keys_signature WHERE member = $1 AND (signer = $1 OR signer = $2) ORDER BY target, signer, key LIMIT 10000`)
)

// signature is one that was given after the upload of what it stands on.
type signature struct {
	target    string // device or public master key
	signer    id.User
	key       string
	signature string
}

// maxSigned bounds the objects of one upload of signatures.
const maxSigned = 1000

// Sign keeps signatures that a user gives: the self-signing key's on the user's own devices, a device's on the user's master key, and
// the user-signing key's on other people's master keys. It returns why each that was not kept was not.
// spec: client-server-api#post_matrixclientv3keyssignaturesupload
func (s *Service) Sign(ctx context.Context, u id.User, objects map[id.User]map[string]json.RawMessage) (map[id.User]map[string]*fault.Fault, error) {
	n := 0
	for _, list := range objects {
		n += len(list)
	}
	if n > maxSigned {
		return nil, fault.New(fault.TooLarge, "M_TOO_LARGE", "Upload fewer signatures at once.")
	}
	failures := map[id.User]map[string]*fault.Fault{}
	if n == 0 {
		return failures, nil
	}
	err := s.db.Write(ctx, "keys.sign", func(ctx context.Context, tx *db.Tx) error {
		mine, err := identity(ctx, tx, u)
		if err != nil {
			return err
		}
		for of, list := range objects {
			told := false
			for target, raw := range list {
				var wrote bool
				err := keepable(string(of), target) // asked first: PostgreSQL refuses the rest of an act after a statement that failed
				if err == nil {
					wrote, err = s.signOne(ctx, tx, u, mine, of, target, raw)
				}
				if f := fault.As(err); f != nil && (f.Kind == fault.Invalid || f.Kind == fault.NotFound) {
					if failures[of] == nil {
						failures[of] = map[string]*fault.Fault{}
					}
					failures[of][target] = f
					continue
				}
				if err != nil {
					return err
				}
				told = told || wrote
			}
			if !told {
				continue
			}
			viewer := id.User("")
			if of != u {
				viewer = u // whom somebody has verified is nobody else's business
			}
			if err := s.change(ctx, tx, of, viewer); err != nil {
				return err
			}
		}
		return nil
	})
	return failures, err
}

// signOne keeps the signatures on one object and says whether there was a new one. A NotFound or Invalid fault is about this object.
func (s *Service) signOne(ctx context.Context, tx *db.Tx, u id.User, mine map[string]signing, of id.User, target string, raw json.RawMessage) (bool, error) {
	object, err := event.Canonical(nil, raw)
	if err != nil || !event.IsObject(object) {
		return false, fault.Wrap(fault.Invalid, "M_BAD_JSON", "The signed object is no JSON object.", err)
	}
	stored, signer, public, err := s.signable(ctx, tx, u, mine, of, target, object)
	if err != nil {
		return false, err
	}
	if string(bare(stored)) != string(bare(object)) {
		return false, fault.New(fault.Invalid, "M_INVALID_SIGNATURE", "What was signed is not what is published.")
	}
	name, ok := event.Text(event.Field(event.Field(event.Field(object, "signatures"), string(u)), signer))
	if !ok || !signed(object, u, id.Key(signer), public) {
		return false, fault.New(fault.Invalid, "M_INVALID_SIGNATURE", "The signature is missing or wrong.")
	}
	have, err := db.Collect(ctx, tx, signaturesOn, scanSignature, string(of), string(u))
	if err != nil {
		return false, err
	}
	for _, one := range have {
		if one.target == target && one.signer == u && one.key == signer && one.signature == name {
			return false, nil
		}
	}
	_, err = tx.Exec(ctx, saveSignature, string(of), target, string(u), signer, name)
	return true, err
}

func scanSignature(r db.Row) (x signature, err error) {
	return x, r.Scan(&x.target, &x.signer, &x.key, &x.signature)
}

// signable finds what is published under a target, and with which key of u's it may be signed.
func (s *Service) signable(ctx context.Context, tx *db.Tx, u id.User, mine map[string]signing, of id.User, target string, object []byte) (stored []byte, key, public string, err error) {
	missing := fault.New(fault.NotFound, "M_NOT_FOUND", "There is no such key.")
	if of != u {
		theirs, err := identity(ctx, tx, of)
		if err != nil {
			return nil, "", "", err
		}
		if theirs[Master].public != target || target == "" {
			return nil, "", "", missing
		}
		with := mine[UserSigning]
		return theirs[Master].keys, string(with.name()), with.public, nil
	}
	if master := mine[Master]; master.public == target && target != "" {
		// By one of the user's devices, whichever has signed it.
		for name := range event.Members(event.Field(event.Field(object, "signatures"), string(u))) {
			device, ok := strings.CutPrefix(name, "ed25519:")
			if !ok || device == master.public {
				continue
			}
			k, err := db.One(ctx, tx, deviceOf, scanDevice, string(u), device)
			if fault.Is(err, fault.NotFound) {
				continue
			}
			if err != nil {
				return nil, "", "", err
			}
			public, _ := event.Text(event.Field(event.Field(k.keys, "keys"), name))
			return master.keys, name, public, nil
		}
		return nil, "", "", fault.New(fault.Invalid, "M_INVALID_SIGNATURE", "The master key is signed by none of the user's devices.")
	}
	k, err := db.One(ctx, tx, deviceOf, scanDevice, string(u), target)
	if fault.Is(err, fault.NotFound) {
		return nil, "", "", missing
	}
	if err != nil {
		return nil, "", "", err
	}
	with := mine[SelfSigning]
	return k.keys, string(with.name()), with.public, nil
}

// bare is an object without what is not signed.
func bare(object []byte) []byte {
	members := map[string]json.RawMessage{}
	for name, value := range event.Members(object) {
		if name != "signatures" && name != "unsigned" {
			members[name] = value
		}
	}
	raw, err := json.Marshal(members)
	if err != nil {
		return nil
	}
	return raw
}

// withSignatures adds to an object the signatures that stand on it and that the reader may see.
func withSignatures(object []byte, target string, all []signature) json.RawMessage {
	var add []signature
	for _, x := range all {
		if x.target == target {
			add = append(add, x)
		}
	}
	if len(add) == 0 {
		return object
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &members) != nil {
		return object
	}
	var have map[id.User]map[string]json.RawMessage
	if json.Unmarshal(members["signatures"], &have) != nil || have == nil {
		have = map[id.User]map[string]json.RawMessage{}
	}
	for _, x := range add {
		if have[x.signer] == nil {
			have[x.signer] = map[string]json.RawMessage{}
		}
		text, err := json.Marshal(x.signature)
		if err != nil {
			continue
		}
		have[x.signer][x.key] = text
	}
	signatures, err := json.Marshal(have)
	if err != nil {
		return object
	}
	members["signatures"] = signatures
	out, err := json.Marshal(members)
	if err != nil {
		return object
	}
	return out
}

// keepable refuses names with a character that only one of the engines could keep.
func keepable(names ...string) error {
	for _, n := range names {
		if strings.IndexByte(n, 0) >= 0 {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "The name has a character that cannot be kept.")
		}
	}
	return nil
}
