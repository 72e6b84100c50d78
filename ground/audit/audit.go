// Package audit keeps the record of who did what, in the same transaction as the act, chained so that no line can be altered unseen.
//
// It promises that an entry exists exactly when its act does, and that Verify finds any line that was changed, removed or put in
// between. Messages themselves are chained by the event graph and are not written twice; entries are for everything else that
// somebody may ask about: sign-ins, pages, filings, looks at a patient. Entries hold ids and short words, never message content.
// Look first at Append and Verify.
package audit

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the audit's schema.
func Migrations() db.Migrations { return db.Migrations{Package: "audit", FS: schema} }

// Entry is one line of the audit.
type Entry struct {
	Seq    int64
	At     time.Time
	Actor  string            // a user id, or "system"
	Action string            // "page.raise", "session.open"
	Object string            // id of what was acted on
	Detail map[string]string // further ids and short words
}

var (
	insertEntry = db.SQL("audit.insert", `INSERT INTO audit_entry (seq, at, actor, action, object, detail, hash) VALUES ($1, $2, $3, $4, $5, $6, $7)`)
	lastEntry   = db.SQL("audit.last", `SELECT seq, hash FROM audit_entry ORDER BY seq DESC LIMIT 1`)
	pageEntries = db.SQL("audit.page", `SELECT seq, at, actor, action, object, detail, hash FROM audit_entry WHERE seq > $1 ORDER BY seq LIMIT $2`)
	between     = db.SQL("audit.between", `SELECT seq, at, actor, action, object, detail, hash FROM audit_entry WHERE seq > $1 AND at >= $2 AND at < $3 ORDER BY seq LIMIT $4`)
	forObject   = db.SQL("audit.for_object", `SELECT seq, at, actor, action, object, detail, hash FROM audit_entry WHERE object = $1 ORDER BY seq LIMIT $2`)
)

type link struct {
	seq  int64
	hash []byte
}

type stored struct {
	Entry
	detail []byte
	hash   []byte
}

// Append writes an entry as part of the act; it becomes true when the act commits.
func Append(ctx context.Context, tx *db.Tx, e Entry) error {
	prev, err := db.One(ctx, tx, lastEntry, func(r db.Row) (l link, err error) { return l, r.Scan(&l.seq, &l.hash) })
	if err != nil && !fault.Is(err, fault.NotFound) {
		return fmt.Errorf("append to audit: %w", err)
	}
	if e.Detail == nil {
		e.Detail = map[string]string{}
	}
	detail, err := json.Marshal(e.Detail)
	if err != nil {
		return fmt.Errorf("append to audit: %w", err)
	}
	e.Seq = prev.seq + 1
	s := stored{Entry: e, detail: detail}
	_, err = tx.Exec(ctx, insertEntry, e.Seq, e.At.UnixMilli(), e.Actor, e.Action, e.Object, detail, s.sum(prev.hash))
	if err != nil {
		return fmt.Errorf("append to audit: %w", err)
	}
	return nil
}

// sum is the entry's hash: SHA-256 over the previous hash and every field, each with its length before it.
func (s *stored) sum(prev []byte) []byte {
	h := sha256.New()
	field := func(b []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	var num [16]byte
	binary.BigEndian.PutUint64(num[:8], uint64(s.Seq))
	binary.BigEndian.PutUint64(num[8:], uint64(s.At.UnixMilli()))
	field(prev)
	field(num[:])
	field([]byte(s.Actor))
	field([]byte(s.Action))
	field([]byte(s.Object))
	field(s.detail)
	return h.Sum(nil)
}

func scanStored(r db.Row) (s stored, err error) {
	var at int64
	if err := r.Scan(&s.Seq, &at, &s.Actor, &s.Action, &s.Object, &s.detail, &s.hash); err != nil {
		return s, err
	}
	s.At = time.UnixMilli(at).UTC()
	return s, json.Unmarshal(s.detail, &s.Detail)
}

// ForObject returns the newest limit entries about an object, oldest first.
func ForObject(ctx context.Context, q db.Querier, object string, limit int) ([]Entry, error) {
	rows, err := db.Collect(ctx, q, forObject, scanStored, object, limit)
	if err != nil {
		return nil, err
	}
	out := make([]Entry, len(rows))
	for i, r := range rows {
		out[i] = r.Entry
	}
	return out, nil
}

// Between returns at most limit entries written in [from, until) after the entry with number after, oldest first.
func Between(ctx context.Context, q db.Querier, from, until time.Time, after int64, limit int) ([]Entry, error) {
	rows, err := db.Collect(ctx, q, between, scanStored, after, from.UnixMilli(), until.UnixMilli(), limit)
	out := make([]Entry, len(rows))
	for i, r := range rows {
		out[i] = r.Entry
	}
	return out, err
}

// Verify walks the whole chain and returns how many entries it holds. The error names the first entry that does not fit.
func Verify(ctx context.Context, q db.Querier) (int64, error) {
	var n int64
	var prev []byte
	for {
		rows, err := db.Collect(ctx, q, pageEntries, scanStored, n, 1000)
		if err != nil {
			return n, fmt.Errorf("verify audit: %w", err)
		}
		for _, s := range rows {
			if s.Seq != n+1 {
				return n, fmt.Errorf("verify audit: entry %d is missing", n+1)
			}
			if sum := s.sum(prev); string(sum) != string(s.hash) {
				return n, fmt.Errorf("verify audit: entry %d was altered", s.Seq)
			}
			n, prev = s.Seq, s.hash
		}
		if len(rows) == 0 {
			return n, nil
		}
	}
}
