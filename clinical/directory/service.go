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
	index   []entry
	version int64
}

type entry struct {
	text Text
	hit  Hit
}

// New returns a service over an open database. It starts nothing.
func New(d *db.DB) *Service { return &Service{db: d, version: -1} }

var version = db.SQL("directory.version", `SELECT n FROM directory_version WHERE id = 0 LIMIT 1`)

// Search returns at most limit hits of the wanted kinds, best first; an empty query lists by name. Kinds none means all. The
// index is read again from the database when any process has changed the directory.
func (s *Service) Search(ctx context.Context, query string, kinds []Kind, limit int) ([]Hit, error) {
	index, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	q := NewQuery(query)
	var hits []Hit
	for _, e := range index {
		if len(kinds) > 0 && !slices.Contains(kinds, e.hit.Kind) {
			continue
		}
		if score := q.Score(e.text); score > 0 {
			h := e.hit
			h.score = score
			hits = append(hits, h)
		}
	}
	slices.SortStableFunc(hits, func(a, b Hit) int { return cmp.Compare(b.score, a.score) })
	return hits[:min(len(hits), max(limit, 0))], nil
}

func (s *Service) current(ctx context.Context) ([]entry, error) {
	v, err := db.One(ctx, s.db, version, db.Scalar[int64])
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if v == s.version {
		return s.index, nil
	}
	index, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	s.index, s.version = index, v
	return index, nil
}

// load builds the index: posts first, then people, then teams, each by name; equal scores keep that order.
func (s *Service) load(ctx context.Context) ([]entry, error) {
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
	slices.SortFunc(people, func(a, b Person) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(posts, func(a, b Post) int { return cmp.Compare(a.Name, b.Name) })
	var index []entry
	for _, p := range posts {
		index = append(index, entry{NewText(p.Name, p.Service, p.Aliases), Hit{Kind: KindPost, Post: p}})
	}
	for _, p := range people {
		index = append(index, entry{NewText(p.Name, p.Role, p.WardName, p.Profession, p.User.Localpart()), Hit{Kind: KindPerson, Person: p}})
	}
	for _, t := range teams {
		index = append(index, entry{NewText(t.Name, t.Detail), Hit{Kind: KindTeam, Team: t}})
	}
	return index, nil
}
