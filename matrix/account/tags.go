package account

import (
	"context"
	"encoding/json"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// tagType is the account data in which a room's tags are.
// spec: client-server-api#room-tagging
const tagType = "m.tag"

// maxTags bounds the tags of one room; clients use a handful.
const maxTags = 200

// Tags returns a user's tags of a room.
func (s *Service) Tags(ctx context.Context, u id.User, room id.Room) (map[string]json.RawMessage, error) {
	return s.tags(ctx, s.db, u, room)
}

func (s *Service) tags(ctx context.Context, q db.Querier, u id.User, room id.Room) (map[string]json.RawMessage, error) {
	tags := map[string]json.RawMessage{}
	d, err := s.Data(ctx, q, u, room, tagType)
	if fault.Is(err, fault.NotFound) {
		return tags, nil
	}
	if err != nil {
		return nil, err
	}
	var b struct {
		Tags map[string]json.RawMessage `json:"tags"`
	}
	if json.Unmarshal(d.Content, &b) == nil && b.Tags != nil { // a client may have written nonsense there
		tags = b.Tags
	}
	return tags, nil
}

// SetTag puts a tag on a room, or takes it off when content is nil: in one act, so that of two devices that do so at once neither
// undoes what the other did.
// spec: client-server-api#put_matrixclientv3useruseridroomsroomidtagstag
func (s *Service) SetTag(ctx context.Context, u id.User, room id.Room, tag string, content json.RawMessage) error {
	return s.db.Write(ctx, "account.tag", func(ctx context.Context, tx *db.Tx) error {
		tags, err := s.tags(ctx, tx, u, room)
		if err != nil {
			return err
		}
		if _, have := tags[tag]; content == nil && !have {
			return nil
		} else if content != nil && !have && len(tags) >= maxTags {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "The room has as many tags as it may.")
		}
		if tags[tag] = content; content == nil {
			delete(tags, tag)
		}
		raw, err := json.Marshal(map[string]any{"tags": tags})
		if err != nil {
			return err
		}
		return s.SetDataIn(ctx, tx, u, room, tagType, raw)
	})
}
