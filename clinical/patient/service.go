package patient

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/matrix/id"
)

// Service searches and shows patients, and audits each look.
type Service struct {
	db  *db.DB
	now func() time.Time

	mu      sync.Mutex // guards index and version
	index   []entry
	version int64
}

type entry struct {
	text    directory.Text
	patient Patient
}

// New returns a service over an open database; now is the clock. It starts nothing.
func New(d *db.DB, now func() time.Time) *Service { return &Service{db: d, now: now, version: -1} }

// Look returns one patient and writes into the audit that by has looked. A patient who is not here is fault.NotFound.
func (s *Service) Look(ctx context.Context, by id.User, patient ID) (Patient, error) {
	var p Patient
	err := s.db.Write(ctx, "patient.look", func(ctx context.Context, tx *db.Tx) (err error) {
		if p, err = Find(ctx, tx, patient); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Entry{At: s.now(), Actor: string(by), Action: "patient.look", Object: string(patient)})
	})
	return p, err
}

// Search returns at most limit patients whose name, bed, ward, hospital number or whole NHS number fits, best first, and writes
// into the audit that by has searched and how many were shown. An empty query finds nobody.
func (s *Service) Search(ctx context.Context, by id.User, query string, limit int) ([]Patient, error) {
	index, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	found := search(index, query, limit)
	err = s.db.Write(ctx, "patient.search", func(ctx context.Context, tx *db.Tx) error {
		return audit.Append(ctx, tx, audit.Entry{At: s.now(), Actor: string(by), Action: "patient.search",
			Detail: map[string]string{"shown": strconv.Itoa(len(found))}})
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Ward returns at most limit patients of a ward, by bed, and writes the look into the audit.
func (s *Service) Ward(ctx context.Context, by id.User, ward string, limit int) ([]Patient, error) {
	index, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	found := []Patient{}
	for _, e := range index {
		if e.patient.Ward == ward && ward != "" && len(found) < limit {
			found = append(found, e.patient)
		}
	}
	err = s.db.Write(ctx, "patient.ward", func(ctx context.Context, tx *db.Tx) error {
		return audit.Append(ctx, tx, audit.Entry{At: s.now(), Actor: string(by), Action: "patient.ward", Object: ward,
			Detail: map[string]string{"shown": strconv.Itoa(len(found))}})
	})
	return found, err
}

func search(index []entry, query string, limit int) []Patient {
	type hit struct {
		score   int
		patient Patient
	}
	number, numberErr := ParseNHSNumber(query)
	q := directory.NewQuery(query)
	if q.Empty() {
		return nil
	}
	var hits []hit
	for _, e := range index {
		score := q.Score(e.text)
		if numberErr == nil {
			score = 0
			if e.patient.NHS == number {
				score = 1
			}
		}
		if score > 0 {
			hits = append(hits, hit{score, e.patient})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return cmp.Compare(b.score, a.score) })
	found := make([]Patient, 0, min(len(hits), max(limit, 0)))
	for _, h := range hits[:cap(found)] {
		found = append(found, h.patient)
	}
	return found
}

var version = db.SQL("patient.version", `SELECT n FROM patient_version WHERE id = 0 LIMIT 1`)

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
	patients, err := db.Collect(ctx, s.db, all, scan, maxPatients)
	if err != nil {
		return nil, err
	}
	s.index, s.version = makeIndex(patients), v
	return s.index, nil
}

func makeIndex(patients []Patient) []entry {
	index := make([]entry, 0, len(patients))
	for _, p := range patients {
		index = append(index, entry{directory.NewText(p.Family+" "+p.Given, p.Ward, "bed "+p.Bed, p.Plate, p.Hospital), p})
	}
	return index
}
