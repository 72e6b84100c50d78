package room

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"time"

	"wardline/ground/db"
	"wardline/ground/stream"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

var (
	unsignedOf = db.SQL("room.unsigned", `SELECT e.pos, e.id, e.json, r.version FROM room_event e JOIN room_room r ON r.nid = e.room WHERE e.pos > $1 AND e.pos <= $2 AND e.signed IS NULL ORDER BY e.pos LIMIT $3`)
	saveSigned = db.SQL("room.save_signed", `UPDATE room_event SET signed = $2 WHERE pos = $1`)
)

// signBatch bounds the signatures of one act, at about 50 µs each.
const signBatch = 128

// Signer returns the consumer that signs events after they were acknowledged. An event's id covers no signature and clients see
// none, so nobody waits for it; federation, when it comes, signs at once what it is about to send.
// spec: server-server-api#adding-hashes-and-signatures-to-outgoing-events
func (s *Service) Signer() *stream.Consumer {
	return &stream.Consumer{Name: "room.sign", DB: s.db, Bell: &s.unsigned, Pause: 500 * time.Millisecond, Step: s.sign}
}

type unsignedRow struct {
	pos               int64
	name, roomVersion string
	json              []byte
}

func (s *Service) sign(ctx context.Context, tx *db.Tx, from, to int64) (int64, error) {
	rows, err := db.Collect(ctx, tx, unsignedOf, func(r db.Row) (u unsignedRow, err error) {
		return u, r.Scan(&u.pos, &u.name, &u.json, &u.roomVersion)
	}, from, to, signBatch)
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		v, err := event.Lookup(row.roomVersion)
		if err != nil {
			return 0, err
		}
		ev, err := event.Load(v, id.Event(row.name), row.json)
		if err != nil {
			return 0, fmt.Errorf("sign %s: %w", row.name, err)
		}
		signed, err := event.Load(v, ev.ID, event.Sign(ev, s.server, s.keyID, s.key))
		if err != nil {
			return 0, fmt.Errorf("sign %s: %w", row.name, err)
		}
		if _, err := tx.Exec(ctx, saveSigned, row.pos, []byte(signed.Signatures)); err != nil {
			return 0, err
		}
	}
	if len(rows) == signBatch {
		return rows[signBatch-1].pos, nil
	}
	return to, nil
}

// PublicKey returns the name and the public half of the key that signs.
func (s *Service) PublicKey() (id.Key, ed25519.PublicKey) {
	return s.keyID, s.key.Public().(ed25519.PublicKey)
}
