package inbound

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Source is a system that may raise pages.
type Source struct {
	ID        string
	Name      string
	PerMinute int // how many messages in the long run
	MadeAt    time.Time
	UsedAt    time.Time // zero when it has sent nothing yet
	Ended     bool
}

// maxPerMinute bounds a source, so that a system that has gone wrong cannot keep a hospital busy.
//
// hazard: H8 escalation loops or storms
const maxPerMinute = 600

var (
	addSource  = db.SQL("inbound.add_source", `INSERT INTO inbound_source (id, name, token, per_minute, made_at, made_by, used_at, ended_at) VALUES ($1, $2, $3, $4, $5, $6, 0, 0)`)
	allSources = db.SQL("inbound.sources", `SELECT id, name, per_minute, made_at, used_at, ended_at FROM inbound_source ORDER BY ended_at, name, id LIMIT 1000`)
	bySource   = db.SQL("inbound.by_token", `SELECT id, name, per_minute, made_at, used_at, ended_at FROM inbound_source WHERE token = $1 AND ended_at = 0 LIMIT 1`)
	newToken   = db.SQL("inbound.new_token", `UPDATE inbound_source SET token = $2 WHERE id = $1 AND ended_at = 0`)
	endSource  = db.SQL("inbound.end_source", `UPDATE inbound_source SET ended_at = $2 WHERE id = $1 AND ended_at = 0`)
	useSource  = db.SQL("inbound.use_source", `UPDATE inbound_source SET used_at = $2 WHERE id = $1`)
)

func scanSource(r db.Row) (s Source, err error) {
	var made, used, ended int64
	err = r.Scan(&s.ID, &s.Name, &s.PerMinute, &made, &used, &ended)
	s.MadeAt, s.Ended = time.UnixMilli(made), ended > 0
	if used > 0 {
		s.UsedAt = time.UnixMilli(used)
	}
	return s, err
}

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func fresh() string { return "wl_in_" + id.NewOpaque(32) }

// Sources returns all sources, those that have ended last, to whoever looks after everything; others get fault.Forbidden.
func (s *Service) Sources(ctx context.Context, by directory.By) ([]Source, error) {
	if err := directory.MayKeep(ctx, s.DB, by, directory.Everything); err != nil {
		return nil, err
	}
	return db.Collect(ctx, s.DB, allSources, scanSource)
}

// NewSource lets another system raise pages, and returns its token, which is not shown again.
func (s *Service) NewSource(ctx context.Context, by directory.By, name string, perMinute int) (Source, string, error) {
	src := Source{ID: "src_" + id.NewOpaque(8), Name: strings.TrimSpace(name), PerMinute: perMinute, MadeAt: s.Now()}
	token := fresh()
	switch {
	case src.Name == "" || len(src.Name) > 80:
		return src, "", wrong("Name the system, such as Laboratory, in up to 80 letters.")
	case perMinute < 1 || perMinute > maxPerMinute:
		return src, "", wrong("Let through between 1 and 600 messages a minute.")
	}
	return src, token, s.change(ctx, by, src.ID, "inbound.source", func(tx *db.Tx) (int64, error) {
		return tx.Exec(ctx, addSource, src.ID, src.Name, hash(token), src.PerMinute, src.MadeAt.UnixMilli(), string(by.User))
	})
}

// Rotate gives a source another token; the one before opens nothing from now on.
func (s *Service) Rotate(ctx context.Context, by directory.By, source string) (string, error) {
	token := fresh()
	return token, s.change(ctx, by, source, "inbound.token", func(tx *db.Tx) (int64, error) { return tx.Exec(ctx, newToken, source, hash(token)) })
}

// EndSource lets a system raise no more pages. Those it has raised go on.
func (s *Service) EndSource(ctx context.Context, by directory.By, source string) error {
	return s.change(ctx, by, source, "inbound.end", func(tx *db.Tx) (int64, error) { return tx.Exec(ctx, endSource, source, s.Now().UnixMilli()) })
}

func (s *Service) change(ctx context.Context, by directory.By, source, action string, do func(tx *db.Tx) (int64, error)) error {
	return s.DB.Write(ctx, action, func(ctx context.Context, tx *db.Tx) error {
		if err := directory.MayKeep(ctx, tx, by, directory.Everything); err != nil {
			return err
		}
		n, err := do(tx)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "M_NOT_FOUND", "There is no such system.")
		}
		return audit.Append(ctx, tx, audit.Entry{At: s.Now(), Actor: string(by.User), Action: action, Object: source})
	})
}

// Admit returns the source that a token belongs to, or fault.Unauthenticated; and fault.Limited when it has sent too much.
func (s *Service) Admit(ctx context.Context, token string) (Source, error) {
	src, err := db.One(ctx, s.DB, bySource, scanSource, hash(token))
	if fault.Is(err, fault.NotFound) || token == "" {
		return src, fault.New(fault.Unauthenticated, "M_UNKNOWN_TOKEN", "This token is not known here, or has ended.")
	}
	if err != nil {
		return src, err
	}
	return src, s.slow(src)
}
