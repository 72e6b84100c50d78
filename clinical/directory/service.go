package directory

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"wardline/ground/db"
)

// Service answers searches from an index in memory, which it rebuilds when the directory has changed.
type Service struct {
	db *db.DB

	mu      sync.Mutex // guards index and version
	index   *index
	version int64
}

type entry struct {
	text Text
	hit  Hit
}

// New returns a service over an open database. It starts nothing.
func New(d *db.DB) *Service { return &Service{db: d, version: -1} }

var version = db.SQL("directory.version", `SELECT n FROM directory_version WHERE id = 0 LIMIT 1`)

// Search returns at most limit hits of the wanted kinds, best first; an empty query lists by name. Kinds none means all but wards. What
// nothing begins like is looked for with a slip of the finger in it. The index is read again from the database when any process has
// changed the directory. Who has left and posts that are closed are not found.
func (s *Service) Search(ctx context.Context, query string, kinds []Kind, limit int) ([]Hit, error) {
	ix, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	if len(kinds) == 0 {
		kinds = []Kind{KindPost, KindPerson, KindTeam}
	}
	wanted := func(e *entry) bool { return slices.Contains(kinds, e.hit.Kind) }
	q := NewQuery(query)
	if q.Empty() {
		var hits []Hit
		for i := range ix.entries {
			if e := &ix.entries[i]; len(hits) < limit && wanted(e) {
				h := e.hit
				h.score = 1
				hits = append(hits, h)
			}
		}
		return hits, nil
	}
	var found []scored // hits are large, and a word such as ward finds everybody: only what is answered is copied
	for _, i := range ix.like(q) {
		if e := &ix.entries[i]; wanted(e) {
			if score := q.Score(e.text); score > 0 {
				found = append(found, scored{i, score})
			}
		}
	}
	if len(found) == 0 {
		for i, score := range ix.slips(q) {
			if wanted(&ix.entries[i]) {
				found = append(found, scored{i, score})
			}
		}
	}
	slices.SortFunc(found, func(a, b scored) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.at, b.at)) })
	found = found[:min(len(found), max(limit, 0))]
	hits := make([]Hit, len(found))
	for n, f := range found {
		hits[n] = ix.entries[f.at].hit
		hits[n].score = f.score
	}
	return hits, nil
}

// scored is an entry that answers a query, and how well.
type scored struct {
	at    int32
	score int
}

func (s *Service) current(ctx context.Context) (*index, error) {
	v, err := Version(ctx, s.db)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if v == s.version {
		return s.index, nil
	}
	ix, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	s.index, s.version = ix, v
	return ix, nil
}

// load builds the index: posts first, then people, then teams and places, each by name; equal scores keep that order.
func (s *Service) load(ctx context.Context) (*index, error) {
	posts, err := Posts(ctx, s.db)
	if err != nil {
		return nil, err
	}
	people, err := People(ctx, s.db)
	if err != nil {
		return nil, err
	}
	teams, err := Teams(ctx, s.db)
	if err != nil {
		return nil, err
	}
	wards, err := Wards(ctx, s.db)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(people, func(a, b Person) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(posts, func(a, b Post) int { return cmp.Compare(a.Name, b.Name) })
	ix := &index{}
	for _, p := range posts {
		if !p.Closed {
			ix.add(entry{NewText(p.Name, p.Service, p.Aliases), Hit{Kind: KindPost, Post: p}})
		}
	}
	for _, p := range people {
		if !p.Left() {
			ix.add(entry{NewText(p.Name, p.Role, p.WardName, p.Profession, p.Grade, p.User.Localpart()), Hit{Kind: KindPerson, Person: p}})
		}
	}
	for _, t := range teams {
		ix.add(entry{NewText(t.Name, t.Detail), Hit{Kind: KindTeam, Team: t}})
	}
	for _, w := range wards {
		ix.add(entry{NewText(w.Name), Hit{Kind: KindWard, Ward: w}})
	}
	ix.sort()
	return ix, nil
}
