package keys

import (
	"context"
	"slices"
	"sync"

	"wardline/ground/db"
	"wardline/matrix/id"
)

// Change says that a user's devices or keys look different than before.
type Change struct {
	User   id.User
	Viewer id.User // who may know; "" for everyone who shares a room with User
	Pos    int64
}

// changes keeps the newest changes in memory, so that a request that waited reads no database.
type changes struct {
	mu     sync.RWMutex // guards the rest
	floor  int64        // everything after this position is in recent
	recent []Change     // oldest first
}

// maxRecent is how many changes are kept in memory; from twice that the older half goes.
const maxRecent = 1000

func (c *changes) begin(pos int64) { c.floor = pos }

func (c *changes) add(one Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.recent) >= 2*maxRecent {
		c.floor = c.recent[maxRecent-1].Pos
		c.recent = slices.Clone(c.recent[maxRecent:])
	}
	c.recent = append(c.recent, one)
}

// since returns what is known of after a position, and whether that is everything.
func (c *changes) since(from int64) ([]Change, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if from < c.floor {
		return nil, false
	}
	i := len(c.recent)
	for i > 0 && c.recent[i-1].Pos > from {
		i--
	}
	return c.recent[i:len(c.recent):len(c.recent)], true
}

var (
	saveChange   = db.SQL("keys.save_change", `INSERT INTO keys_change (member, viewer, pos) VALUES ($1, $2, $3) ON CONFLICT (member, viewer) DO UPDATE SET pos = excluded.pos`)
	changesSince = db.SQL("keys.changes", `SELECT member, viewer, pos FROM keys_change WHERE pos > $1 ORDER BY pos LIMIT 100000`)
)

// change notes inside an act that a user's devices or keys look different, for everyone who shares a room or for one viewer.
func (s *Service) change(ctx context.Context, tx *db.Tx, u, viewer id.User) error {
	one := Change{u, viewer, tx.Position()}
	if _, err := tx.Exec(ctx, saveChange, string(u), string(viewer), one.Pos); err != nil {
		return err
	}
	tx.OnCommit(func() { s.changes.add(one) })
	if s.OnChange != nil {
		s.OnChange(tx, u, viewer)
	}
	return nil
}

// Changes returns what changed after position from up to position to, of that which the viewer may know: with Viewer "" only if the
// two share a room, which is the caller's to check. It asks the database only for what is long past.
func (s *Service) Changes(ctx context.Context, viewer id.User, from, to int64) ([]Change, error) {
	list, ok := s.changes.since(from)
	if !ok {
		var err error
		// A change after to hides an earlier one of the same user, so to does not bound the question, only what is in memory.
		if list, err = db.Collect(ctx, s.db, changesSince, func(r db.Row) (c Change, err error) { return c, r.Scan(&c.User, &c.Viewer, &c.Pos) }, from); err != nil {
			return nil, err
		}
	}
	var out []Change
	for _, c := range list {
		if !(ok && c.Pos > to) && (c.Viewer == "" || c.Viewer == viewer) {
			out = append(out, c)
		}
	}
	return out, nil
}
