package account

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

var (
	readProfile   = db.SQL("account.read_profile", `SELECT field, value FROM account_profile WHERE member = $1 ORDER BY field LIMIT 200`)
	saveProfile   = db.SQL("account.save_profile", `INSERT INTO account_profile (member, field, value) VALUES ($1, $2, $3) ON CONFLICT (member, field) DO UPDATE SET value = excluded.value`)
	deleteProfile = db.SQL("account.delete_profile", `DELETE FROM account_profile WHERE member = $1 AND field = $2`)
	readData      = db.SQL("account.read_data", `SELECT room, type, content, pos FROM account_data WHERE member = $1 AND room = $2 AND type = $3`)
	saveData      = db.SQL("account.save_data", `INSERT INTO account_data (member, room, type, content, pos) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (member, room, type) DO UPDATE SET content = excluded.content, pos = excluded.pos`)
	dataSince  = db.SQL("account.data_since", `SELECT room, type, content, pos FROM account_data WHERE member = $1 AND pos > $2 AND pos <= $3 ORDER BY pos LIMIT 10000`)
	saveFilter = db.SQL("account.save_filter", `INSERT INTO account_filter (member, id, filter) VALUES ($1, $2, $3) ON CONFLICT (member, id) DO NOTHING`)
	readFilter = db.SQL("account.read_filter", `SELECT filter FROM account_filter WHERE member = $1 AND id = $2`)
)

// Profile is what a user shows of themselves: displayname, avatar_url and any further field.
// spec: client-server-api#profiles
type Profile map[string]json.RawMessage

// Text returns a field that should be a string, "" when it is absent or something else.
func (p Profile) Text(field string) string {
	var s string
	if json.Unmarshal(p[field], &s) != nil {
		return ""
	}
	return s
}

type field struct {
	name  string
	value string
}

// Profile reads a user's profile; an account without one has an empty profile, a missing account is NotFound.
func (s *Service) Profile(ctx context.Context, q db.Querier, u id.User) (Profile, error) {
	if err := s.Exists(ctx, q, u); err != nil {
		return nil, err
	}
	rows, err := db.Collect(ctx, q, readProfile, func(r db.Row) (f field, err error) { return f, r.Scan(&f.name, &f.value) }, string(u))
	if err != nil {
		return nil, err
	}
	p := Profile{}
	for _, f := range rows {
		p[f.name] = json.RawMessage(f.value)
	}
	return p, nil
}

// SetProfile sets a field, or removes it when value is nil. Rooms follow in the same act. The whole profile is at most 64 KiB.
// spec: client-server-api#put_matrixclientv3profileuseridkeyname
func (s *Service) SetProfile(ctx context.Context, u id.User, name string, value json.RawMessage) error {
	if err := checkField(name); err != nil {
		return err
	}
	if (name == "displayname" || name == "avatar_url") && value != nil {
		var text *string
		if json.Unmarshal(value, &text) != nil {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "The field must be a string.")
		}
		if text == nil {
			value = nil
		}
	}
	return s.db.Write(ctx, "account.profile", func(ctx context.Context, tx *db.Tx) error {
		p, err := s.Profile(ctx, tx, u)
		if err != nil {
			return err
		}
		size := len(name) + len(value)
		for k, v := range p {
			if k != name {
				size += len(k) + len(v)
			}
		}
		if value != nil && size > 64<<10 {
			return fault.New(fault.Invalid, "M_PROFILE_TOO_LARGE", "The profile would be larger than 64 KiB.")
		}
		if value == nil {
			_, err = tx.Exec(ctx, deleteProfile, string(u), name)
		} else {
			_, err = tx.Exec(ctx, saveProfile, string(u), name, string(value))
		}
		if err != nil || s.OnProfile == nil || name != "displayname" && name != "avatar_url" {
			return err
		}
		return s.OnProfile(ctx, tx, u)
	})
}

var fieldGrammar = regexp.MustCompile(`^[a-z][a-z0-9_.-]*$`)

// checkField refuses what cannot be the name of a profile field.
// spec: client-server-api#profiles
func checkField(name string) error {
	switch {
	case len(name) > 255:
		return fault.New(fault.Invalid, "M_KEY_TOO_LARGE", "The field's name is longer than 255 bytes.")
	case name != "displayname" && name != "avatar_url" && !fieldGrammar.MatchString(name):
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The field's name has characters that it may not have.")
	}
	return nil
}

// MayChange refuses a change of a profile field that the server keeps, or that cannot be one.
// spec: client-server-api#mprofile_fields-capability
func (s *Service) MayChange(name string) error {
	if err := checkField(name); err != nil {
		return err
	}
	if slices.Contains(s.Managed, name) || slices.Contains(s.Managed, "*") {
		return fault.New(fault.Forbidden, "M_FORBIDDEN", "That part of your profile is kept by the trust. Ask your administrator.")
	}
	return nil
}

// Data is one piece of account data; Room is "" for the user's own.
// spec: client-server-api#client-config
type Data struct {
	Room    id.Room
	Type    string
	Content json.RawMessage
	Pos     int64
}

func scanData(r db.Row) (d Data, err error) {
	var content []byte
	err = r.Scan(&d.Room, &d.Type, &content, &d.Pos)
	d.Content = content
	return d, err
}

// Data reads one piece of account data; NotFound when it was never set.
func (s *Service) Data(ctx context.Context, q db.Querier, u id.User, room id.Room, typ string) (Data, error) {
	return db.One(ctx, q, readData, scanData, string(u), string(room), typ)
}

// DataSince returns what changed after position from, up to position to.
func (s *Service) DataSince(ctx context.Context, q db.Querier, u id.User, from, to int64) ([]Data, error) {
	return db.Collect(ctx, q, dataSince, scanData, string(u), from, to)
}

// SetData sets a piece of account data and wakes the user's devices.
func (s *Service) SetData(ctx context.Context, u id.User, room id.Room, typ string, content json.RawMessage) error {
	return s.db.Write(ctx, "account.data", func(ctx context.Context, tx *db.Tx) error { return s.SetDataIn(ctx, tx, u, room, typ, content) })
}

// SetDataIn is SetData inside an open act.
func (s *Service) SetDataIn(ctx context.Context, tx *db.Tx, u id.User, room id.Room, typ string, content json.RawMessage) error {
	pos := tx.Position()
	if _, err := tx.Exec(ctx, saveData, string(u), string(room), typ, []byte(content), pos); err != nil {
		return err
	}
	if s.OnData != nil {
		s.OnData(tx, u, typ, pos)
	}
	return nil
}

// SaveFilter keeps a filter and returns its id; the same filter always has the same id.
func (s *Service) SaveFilter(ctx context.Context, u id.User, filter json.RawMessage) (string, error) {
	h := hashOf(string(filter))
	name := idOfHash(h)
	return name, s.db.Write(ctx, "account.filter", func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, saveFilter, string(u), name, []byte(filter))
		return err
	})
}

// Filter returns a saved filter.
func (s *Service) Filter(ctx context.Context, u id.User, name string) (json.RawMessage, error) {
	b, err := db.One(ctx, s.db, readFilter, db.Scalar[[]byte], string(u), name)
	return b, err
}

// MarkDirect writes into a user's account data, inside an open act, that a room is the direct chat with another user.
// spec: client-server-api#direct-messaging
func (s *Service) MarkDirect(ctx context.Context, tx *db.Tx, user, other id.User, room id.Room) error {
	chats := map[id.User][]id.Room{}
	d, err := s.Data(ctx, tx, user, "", "m.direct")
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err == nil && json.Unmarshal(d.Content, &chats) != nil {
		chats = map[id.User][]id.Room{} // some client wrote nonsense there
	}
	if slices.Contains(chats[other], room) {
		return nil
	}
	chats[other] = append(chats[other], room)
	content, err := json.Marshal(chats)
	if err != nil {
		return err
	}
	return s.SetDataIn(ctx, tx, user, "", "m.direct", content)
}

// Ignored returns whom a user ignores.
// spec: client-server-api#mignored_user_list
func (s *Service) Ignored(ctx context.Context, q db.Querier, u id.User) (map[id.User]bool, error) {
	d, err := s.Data(ctx, q, u, "", "m.ignored_user_list")
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var b struct {
		Users map[id.User]json.RawMessage `json:"ignored_users"`
	}
	if json.Unmarshal(d.Content, &b) != nil {
		return nil, nil // some client wrote nonsense there
	}
	list := make(map[id.User]bool, len(b.Users))
	for other := range b.Users {
		if other != u {
			list[other] = true
		}
	}
	return list, nil
}

// MayInvite refuses an invitation of a user who wants none.
// spec: client-server-api#invite-permission
func (s *Service) MayInvite(ctx context.Context, q db.Querier, u id.User) error {
	d, err := s.Data(ctx, q, u, "", "m.invite_permission_config")
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var b struct {
		Default string `json:"default_action"`
	}
	if json.Unmarshal(d.Content, &b) == nil && b.Default == "block" {
		return fault.New(fault.Forbidden, "M_INVITE_BLOCKED", "That person takes no invitations.")
	}
	return nil
}
