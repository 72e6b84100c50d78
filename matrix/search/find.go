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
	Rooms  []*room.Feed // where; at least one
	Before int64        // only positions before this one
	Limit  int
}

// Limits of a query. In more rooms than maxRooms the index looks everywhere, and whoever asks leaves out what lies elsewhere.
const (
	maxTerms = 20
	maxRooms = 400
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

// Find returns positions of events, the newest first. It may name events of other rooms, and none that lack a word. A query without
// words is Invalid.
func (x *Index) Find(ctx context.Context, q Query) ([]int64, error) {
	words := distinct(q.Words, maxTerms)
	if len(words) == 0 {
		return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "There is no word to search for.")
	}
	if len(q.Rooms) == 0 {
		return nil, nil
	}
	var rooms, keys []string
	if len(q.Rooms) <= maxRooms {
		for _, f := range q.Rooms {
			rooms = append(rooms, roomTag(f))
		}
	}
	for _, k := range q.Keys {
		if slices.Contains([]string{Body, Name, Topic}, k) {
			keys = append(keys, "k_"+strings.TrimPrefix(k, "content."))
		}
	}
	text := sqliteQuery(words, rooms, keys)
	if x.postgres {
		text = postgresQuery(words, rooms, keys)
	}
	return db.Collect(ctx, x.DB, findWords, db.Scalar[int64], text, q.Before, q.Limit)
}

// sqliteQuery writes what FTS5 reads. Words hold letters and digits only, and stand in quotes, so that none is an operator.
func sqliteQuery(words, rooms, keys []string) string {
	quoted := func(list []string, sep string) string { return `"` + strings.Join(list, `"`+sep+`"`) + `"` }
	text := "words : (" + quoted(words, " AND ") + ")"
	for _, list := range [][]string{rooms, keys} {
		if len(list) > 0 {
			text += " AND tag : (" + quoted(list, " OR ") + ")"
		}
	}
	return text
}

// postgresQuery writes what a tsquery reads.
func postgresQuery(words, rooms, keys []string) string {
	quoted := func(list []string, sep string) string { return `'` + strings.Join(list, `'`+sep+`'`) + `'` }
	text := quoted(words, " & ")
	for _, list := range [][]string{rooms, keys} {
		if len(list) > 0 {
			text += " & (" + quoted(list, " | ") + ")"
		}
	}
	return text
}
