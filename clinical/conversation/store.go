package conversation

import (
	"context"
	"embed"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Migrations returns the tables of this package.
func Migrations() db.Migrations { return db.Migrations{Package: "conversation", FS: schemaFS} }

var byTxn = db.SQL("conversation.by_txn", `SELECT room FROM conversation_txn WHERE user_id = $1 AND txn = $2 LIMIT 1`)

var saveTxn = db.SQL("conversation.save_txn", `INSERT INTO conversation_txn (user_id, txn, room) VALUES ($1, $2, $3)`)

var direct = db.SQL("conversation.direct", `SELECT room FROM conversation_direct WHERE first = $1 AND second = $2 LIMIT 1`)

var saveDirect = db.SQL("conversation.save_direct", `INSERT INTO conversation_direct (first, second, room) VALUES ($1, $2, $3)
ON CONFLICT (first, second) DO UPDATE SET room = excluded.room`)

// found runs a query for one room; no row is no room.
func found(ctx context.Context, q db.Querier, s *db.Statement, args ...any) (id.Room, error) {
	room, err := db.One(ctx, q, s, db.Scalar[id.Room], args...)
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	return room, err
}
