package keys

import (
	"context"
	"encoding/json"
	"slices"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Answer is what is known of users' keys.
type Answer struct {
	Devices     map[id.User]map[id.Device]json.RawMessage `json:"device_keys"`
	Master      map[id.User]json.RawMessage               `json:"master_keys"`
	SelfSigning map[id.User]json.RawMessage               `json:"self_signing_keys"`
	UserSigning map[id.User]json.RawMessage               `json:"user_signing_keys"`
}

// Query returns the keys of users as viewer may see them: of each all devices, or those named, and the cross-signing keys with the
// owner's and the viewer's own signatures. A user-signing key is shown to its owner only. Who does not exist is missing.
// spec: client-server-api#post_matrixclientv3keysquery
func (s *Service) Query(ctx context.Context, viewer id.User, wanted map[id.User][]id.Device) (Answer, error) {
	a := Answer{map[id.User]map[id.Device]json.RawMessage{}, map[id.User]json.RawMessage{}, map[id.User]json.RawMessage{}, map[id.User]json.RawMessage{}}
	for u, want := range wanted {
		if err := s.accounts.Active(ctx, u); fault.Is(err, fault.NotFound) {
			continue
		} else if err != nil {
			return a, err
		}
		if err := s.query(ctx, &a, viewer, u, want); err != nil {
			return a, err
		}
	}
	return a, nil
}

func (s *Service) query(ctx context.Context, a *Answer, viewer, u id.User, want []id.Device) error {
	devices, err := s.accounts.DevicesOf(ctx, u)
	if err != nil {
		return err
	}
	names := map[id.Device]string{}
	for _, d := range devices {
		names[d.ID] = d.Name
	}
	given, err := db.Collect(ctx, s.db, signaturesOn, scanSignature, string(u), string(viewer))
	if err != nil {
		return err
	}
	list, err := db.Collect(ctx, s.db, devicesOf, scanDevice, string(u))
	if err != nil {
		return err
	}
	out := map[id.Device]json.RawMessage{}
	for _, k := range list {
		d := id.Device(k.device)
		if name, here := names[d]; here && (len(want) == 0 || slices.Contains(want, d)) {
			out[d] = withName(withSignatures(k.keys, k.device, given), name)
		}
	}
	a.Devices[u] = out
	cross, err := identity(ctx, s.db, u)
	if err != nil {
		return err
	}
	for usage, k := range cross {
		switch usage {
		case Master:
			a.Master[u] = withSignatures(k.keys, k.public, given)
		case SelfSigning:
			a.SelfSigning[u] = k.keys
		case UserSigning:
			if u == viewer {
				a.UserSigning[u] = k.keys
			}
		}
	}
	return nil
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
