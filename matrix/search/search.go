// Package search finds events by the words in them.
//
// It promises that what was sent before a search began is found by it, that an edited message is found by its newest text and a removed
// one by nothing, and that sending waits for no index: the index follows the stream in batches, keeps its own place, and is made anew
// when it is gone, as after a restore. It refuses to decide who may see what: it returns positions, and whoever asks looks at each.
// SQLite has the words in FTS5, PostgreSQL in a tsvector; both get words that were cut here, so both find the same. Look first at
// Index.Find and Index.advance.
//
// spec: client-server-api#server-side-search
package search

import (
	"context"
	"embed"
	"strings"
	"sync"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/room"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the schema of the index.
func Migrations() db.Migrations { return db.Migrations{Package: "search", FS: schema} }

var (
	readCursor = db.SQL("search.read_cursor", `SELECT pos FROM search_index_cursor WHERE id = 0`)
	saveCursor = db.SQL("search.save_cursor", `INSERT INTO search_index_cursor (id, pos) VALUES (0, $1) ON CONFLICT (id) DO UPDATE SET pos = excluded.pos`)
	saveEdit   = db.SQL("search.save_edit", `INSERT INTO search_index_edit (pos, shown) VALUES ($1, $2) ON CONFLICT (pos) DO UPDATE SET shown = excluded.shown`)
	dropEdit   = db.SQL("search.drop_edit", `DELETE FROM search_index_edit WHERE pos = $1`)
	editedBy   = db.SQL("search.edited_by", `SELECT pos FROM search_index_edit WHERE shown = $1 LIMIT 10`)
	savePlace  = db.SQL("search.save_place", `INSERT INTO search_index_place (pos, room) VALUES ($1, $2) ON CONFLICT (pos) DO NOTHING`)
	dropPlaces = db.SQL("search.drop_places", `DELETE FROM search_index_place WHERE pos >= $1`)
	dropEdits  = db.SQL("search.drop_edits", `DELETE FROM search_index_edit WHERE pos >= $1`)

	insertWords = db.Fork("search.insert_words", `INSERT INTO search_index_words (rowid, words, tag) VALUES ($1, $2, $3)`,
		`INSERT INTO search_index_words (pos, words) VALUES ($1, array_to_tsvector(string_to_array($2 || ' ' || $3, ' '))) ON CONFLICT (pos) DO UPDATE SET words = excluded.words`)
	dropWords  = db.Fork("search.drop_words", `DELETE FROM search_index_words WHERE rowid = $1`, `DELETE FROM search_index_words WHERE pos = $1`)
	clearWords = db.Fork("search.clear", `INSERT INTO search_index_words (search_index_words) SELECT 'delete-all' WHERE $1 = 0`, `DELETE FROM search_index_words WHERE $1 = 0`)
	// FTS5 reads a word's events backwards and stops. PostgreSQL has two ways, of which it cannot know the better: through the newest
	// events, which is the one for common words, and by the word, which is the one for the rest.
	findNewest = db.Fork("search.find_newest", `SELECT p.pos, p.room FROM (SELECT rowid AS pos FROM search_index_words WHERE search_index_words MATCH $1 AND rowid < $2 AND rowid >= $3 ORDER BY rowid DESC LIMIT $4) w
		CROSS JOIN search_index_place p ON p.pos = w.pos ORDER BY w.pos DESC`,
		`SELECT p.pos, p.room FROM (SELECT n.pos FROM (SELECT pos, words FROM search_index_words WHERE pos < $2 AND pos >= $3 ORDER BY pos DESC OFFSET 0) n WHERE n.words @@ CAST($1 AS tsquery) LIMIT $4) w
		JOIN search_index_place p ON p.pos = w.pos ORDER BY w.pos DESC`)
	findByWord = db.Fork("search.find_by_word", `SELECT p.pos, p.room FROM (SELECT rowid AS pos FROM search_index_words WHERE search_index_words MATCH $1 AND rowid < $2 ORDER BY rowid DESC LIMIT $3) w
		CROSS JOIN search_index_place p ON p.pos = w.pos ORDER BY w.pos DESC`,
		`SELECT p.pos, p.room FROM (SELECT pos FROM search_index_words WHERE words @@ CAST($1 AS tsquery) AND pos + 0 < $2 ORDER BY pos + 0 DESC LIMIT $3) w
		JOIN search_index_place p ON p.pos = w.pos ORDER BY w.pos DESC`)
)

// Index is the index of one server.
type Index struct {
	DB    *db.DB
	Rooms *room.Service

	mu    sync.Mutex // guards at and known, and lets one at a time move the index on
	at    int64      // up to where there is an index
	known bool       // at was read

	postgres bool
}

// New returns the index of a server. Run must run for it to keep up by itself.
func New(d *db.DB, rooms *room.Service) *Index {
	return &Index{DB: d, Rooms: rooms, postgres: d.Postgres()}
}

// Pace of the index: how often it looks for what is new, and how much it takes on in one act, so that no act is long.
const (
	pause = 5 * time.Second
	batch = 64
)

// maxBehind is how far behind the index may be for a search to wait for it. Further behind it is only just after a restore.
const maxBehind = 20_000

// Run keeps the index near the present until ctx ends. Looking whether there is anything to do compares two numbers.
func (x *Index) Run(ctx context.Context) error {
	for {
		if err := x.follow(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// Under load the index takes a tenth of the time that it could, a quarter when it is far behind: people who send go before people who
// may search, and a search catches up by itself.
const (
	restBusy   = 9 // times what a batch took
	restBehind = 3
	farBehind  = maxBehind / 2
)

// follow moves the index on to the present, resting between batches while others write.
func (x *Index) follow(ctx context.Context) error {
	for {
		before, _ := x.DB.Load()
		began, to := time.Now(), x.DB.Position()
		at, err := x.advance(ctx, to)
		if err != nil || at >= to {
			return err
		}
		rest := time.Since(began) * restBusy
		if acts, _ := x.DB.Load(); acts <= before+1 {
			rest = 0 // nobody else wrote
		} else if to-at > farBehind {
			rest = time.Since(began) * restBehind
		}
		timer := time.NewTimer(rest)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// CatchUp brings the index to the present, however long that takes.
func (x *Index) CatchUp(ctx context.Context) error { return x.catchUp(ctx, x.DB.Position()) }

// catchUp moves the index on to a position.
func (x *Index) catchUp(ctx context.Context, to int64) error {
	for {
		at, err := x.advance(ctx, to)
		if err != nil || at >= to {
			return err
		}
	}
}

// place returns up to where there is an index. The caller holds x.mu.
func (x *Index) place(ctx context.Context) (int64, error) {
	if x.known {
		return x.at, nil
	}
	at, err := db.One(ctx, x.DB, readCursor, db.Scalar[int64])
	if fault.Is(err, fault.NotFound) {
		// None was ever made here, or its tables were left out of a copy: what may be left of one is no use.
		err = x.DB.WriteLast(ctx, "search.clear", func(ctx context.Context, tx *db.Tx) error {
			if _, err := tx.Exec(ctx, clearWords, 0); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, dropEdits, 0); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, dropPlaces, 0); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, saveCursor, 0)
			return err
		})
	}
	if err == nil {
		x.at, x.known = at, true
	}
	return at, err
}

// advance indexes one batch of what lies before a position and returns how far the index then is.
func (x *Index) advance(ctx context.Context, to int64) (int64, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	at, err := x.place(ctx)
	if err != nil || at >= to {
		return at, err
	}
	list, err := x.Rooms.Stream(ctx, at, to, batch)
	if err != nil {
		return at, err
	}
	var changes []change
	for _, p := range list {
		more, err := x.changesBy(ctx, p)
		if err != nil {
			return at, err
		}
		changes = append(changes, more...)
	}
	if len(list) == batch {
		to = list[batch-1].Pos
	}
	err = x.DB.WriteLast(ctx, "search.index", func(ctx context.Context, tx *db.Tx) error {
		for _, c := range changes {
			if err := c.apply(ctx, tx); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, saveCursor, to)
		return err
	})
	if err != nil {
		return at, err
	}
	x.at = to
	return to, nil
}

// change is what an event does to the index: an event's words, replaced or taken out.
type change struct {
	pos   int64
	words []string // nil to take it out
	tag   string
	room  int64
	shown int64 // the edit that the words are from, 0 for the event's own
	fresh bool  // it was never indexed before
}

func (c change) apply(ctx context.Context, tx *db.Tx) error {
	if !c.fresh {
		if _, err := tx.Exec(ctx, dropWords, c.pos); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, dropEdit, c.pos); err != nil {
			return err
		}
	}
	if len(c.words) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, insertWords, c.pos, strings.Join(c.words, " "), c.tag); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, savePlace, c.pos, c.room); err != nil {
		return err
	}
	if c.shown == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, saveEdit, c.pos, c.shown)
	return err
}

// changesBy works out what an event of the stream does to the index.
func (x *Index) changesBy(ctx context.Context, p room.Placed) ([]change, error) {
	switch {
	case p.Type == event.TypeRedaction && p.Redacts != "":
		target, err := x.Rooms.Any(ctx, p.Feed, p.Redacts)
		if fault.Is(err, fault.NotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		own, err := x.shown(ctx, p.Feed, target, false)
		if err != nil {
			return nil, err
		}
		// If it was an edit, what it changed goes back to what it was.
		edited, err := db.Collect(ctx, x.DB, editedBy, db.Scalar[int64], target.Pos)
		if err != nil {
			return nil, err
		}
		all := []change{own}
		for _, pos := range edited {
			list, err := x.Rooms.On(ctx, p.Feed, pos-1, pos, 1)
			if err != nil {
				return nil, err
			}
			for _, ev := range list {
				c, err := x.shown(ctx, p.Feed, ev, false)
				if err != nil {
					return nil, err
				}
				all = append(all, c)
			}
		}
		return all, nil
	case p.RelType == "m.replace":
		parent, err := x.Rooms.Any(ctx, p.Feed, p.Parent)
		if fault.Is(err, fault.NotFound) {
			return nil, nil
		}
		if err != nil || parent.Pos > p.Pos { // an event cannot replace one that came later
			return nil, err
		}
		c, err := x.shown(ctx, p.Feed, parent, false)
		return []change{c}, err
	case Text(p.Event) == "":
		return nil, nil
	}
	// A batch holds what was redacted or edited meanwhile in its present form; both come again as events of their own.
	return []change{{pos: p.Pos, words: Words(Text(p.Event)), tag: tag(p.Event), room: p.Feed.Number(), fresh: true}}, nil
}

// shown is how an event is to be found now.
func (x *Index) shown(ctx context.Context, f *room.Feed, ev *room.Event, fresh bool) (change, error) {
	c := change{pos: ev.Pos, fresh: fresh}
	text := Text(ev)
	if ev.RedactedBy != "" || ev.RelType == "m.replace" || text == "" {
		return c, nil
	}
	edit, err := x.Rooms.Replacement(ctx, f, ev)
	if err != nil {
		return c, err
	}
	if edit != nil {
		c.shown = edit.Pos
		text, _ = event.Text(event.Field(event.Field(edit.Event.Content, "m.new_content"), "body"))
	}
	c.words, c.tag, c.room = Words(text), tag(ev), f.Number()
	return c, nil
}

// Keys of events that are searched.
// spec: client-server-api#room_events
const (
	Body  = "content.body"
	Name  = "content.name"
	Topic = "content.topic"
)

// Key returns which key of an event is searched, "" for none.
func Key(ev *room.Event) string {
	switch {
	case ev.Type == "m.room.message" && !ev.IsState():
		return Body
	case ev.Is("m.room.name", ""):
		return Name
	case ev.Is("m.room.topic", ""):
		return Topic
	}
	return ""
}

// Text returns the text of an event that is searched, "" for none.
func Text(ev *room.Event) string {
	key := Key(ev)
	if key == "" {
		return ""
	}
	text, _ := event.Text(event.Field(ev.Event.Content, strings.TrimPrefix(key, "content.")))
	if key != Topic {
		return text
	}
	// spec: client-server-api#mroomtopic
	for raw := range event.Elements(event.Field(event.Field(ev.Event.Content, "m.topic"), "m.text")) {
		kind := event.Field(raw, "mimetype")
		if body, ok := event.Text(event.Field(raw, "body")); ok && body != text && (kind == nil || event.TextIs(kind, "text/plain")) {
			text += "\n" + body
		}
	}
	return text
}

// tag names in the index which key the words are from, where that is not what nearly all are from. No word of a text holds an
// underscore. Rooms have no tag: a list of fifty rooms costs more than reading on until there is enough.
func tag(ev *room.Event) string {
	if key := Key(ev); key != Body {
		return "k_" + strings.TrimPrefix(key, "content.")
	}
	return "k"
}
