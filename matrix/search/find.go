package search

import (
	"context"
	"slices"
	"strings"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/room"
)

// Query asks for events that have all the words.
type Query struct {
	Words  []string     // as Words cuts them, at least one
	Keys   []string     // Body, Name, Topic; nil for all
	Rooms  []*room.Feed // where
	Before int64        // only positions before this one
	Limit  int
}

// Found is what a query has found.
type Found struct {
	Positions []int64 // the newest first
	Last      int64   // how far down it has looked
	More      bool    // there may be others below
}

// Limits of a query. A word that is common in rooms where the user is not is read past for maxRead entries.
const (
	maxTerms = 20
	readStep = 500
	maxRead  = 10_000
)

// Fresh makes sure that what was sent until now is in the index, unless that would take long.
func (x *Index) Fresh(ctx context.Context) error {
	to := x.DB.Position()
	x.mu.Lock()
	at, err := x.place(ctx)
	x.mu.Unlock()
	if err != nil || to-at > maxBehind {
		return err
	}
	return x.catchUp(ctx, to)
}

// Find returns positions of events in the rooms of the query. It may name events of other keys, and none that lack a word. A query
// without words is Invalid.
func (x *Index) Find(ctx context.Context, q Query) (f Found, err error) {
	f.Last = q.Before
	words := distinct(q.Words, maxTerms)
	if len(words) == 0 {
		return f, fault.New(fault.Invalid, "M_INVALID_PARAM", "There is no word to search for.")
	}
	if len(q.Rooms) == 0 {
		return f, nil
	}
	rooms := make(map[int64]bool, len(q.Rooms))
	for _, r := range q.Rooms {
		rooms[r.Number()] = true
	}
	text := x.query(words, q.Keys)
	for read := 0; read < maxRead; {
		step := max(min(q.Limit, readStep), 50)
		if read > 0 {
			step = readStep
		}
		list, err := x.read(ctx, text, f.Last, step)
		if err != nil {
			return f, err
		}
		read += len(list)
		for _, e := range list {
			if f.Last = e.pos; !rooms[e.room] {
				continue
			}
			if f.Positions = append(f.Positions, e.pos); len(f.Positions) == q.Limit {
				f.More = true
				return f, nil
			}
		}
		if len(list) < step {
			return f, nil
		}
	}
	f.More = true
	return f, nil
}

// entry is an event that has the words, and its room.
type entry struct{ pos, room int64 }

func scanEntry(r db.Row) (e entry, err error) { return e, r.Scan(&e.pos, &e.room) }

// How many positions PostgreSQL looks through before it goes by the word: first so many, and then as many as should do by what it has
// found in those. A word that is in none of the newest is rare, and quickly gone by.
const (
	newest = 8_000
	newer  = 64_000
)

// read returns the newest events before a position that have the words.
func (x *Index) read(ctx context.Context, text string, before int64, limit int) ([]entry, error) {
	if !x.postgres {
		return db.Collect(ctx, x.DB, findByWord, scanEntry, text, before, limit)
	}
	var all []entry
	before = min(before, x.DB.Position()+1)
	for span := int64(newest); span > 0; {
		list, err := db.Collect(ctx, x.DB, findNewest, scanEntry, text, before, before-span, limit-len(all))
		if err != nil {
			return nil, err
		}
		all, before = append(all, list...), before-span
		if len(all) >= limit || before <= 0 {
			return all, nil
		}
		if len(list) == 0 || span > newest {
			break
		}
		if span = int64(limit-len(all)) * span / int64(len(list)) * 3 / 2; span > newer {
			break
		}
		span = max(span, newest+1)
	}
	rest, err := db.Collect(ctx, x.DB, findByWord, scanEntry, text, before, limit-len(all))
	return append(all, rest...), err
}

// query writes what the engine reads. Words hold letters and digits only and stand in quotes, so that none is an operator.
func (x *Index) query(words, keys []string) string {
	var tags []string
	if len(keys) > 0 && !slices.Contains(keys, Body) {
		for _, k := range keys {
			tags = append(tags, "k_"+strings.TrimPrefix(k, "content."))
		}
	}
	if x.postgres {
		return postgresQuery(words, tags)
	}
	return sqliteQuery(words, tags)
}

// sqliteQuery writes an expression of FTS5.
func sqliteQuery(words, tags []string) string {
	quoted := func(list []string, sep string) string { return `"` + strings.Join(list, `"`+sep+`"`) + `"` }
	text := "words : (" + quoted(words, " AND ") + ")"
	if len(tags) > 0 {
		text += " AND tag : (" + quoted(tags, " OR ") + ")"
	}
	return text
}

// postgresQuery writes a tsquery.
func postgresQuery(words, tags []string) string {
	quoted := func(list []string, sep string) string { return `'` + strings.Join(list, `'`+sep+`'`) + `'` }
	text := quoted(words, " & ")
	if len(tags) > 0 {
		text += " & (" + quoted(tags, " | ") + ")"
	}
	return text
}
