package inbound

import (
	"context"
	"embed"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"wardline/clinical/directory"
	"wardline/clinical/paging"
	"wardline/clinical/patient"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Migrations returns the tables of this package.
func Migrations() db.Migrations { return db.Migrations{Package: "inbound", FS: schemaFS} }

// Deps is what the service needs; all are required.
type Deps struct {
	DB      *db.DB
	Paging  *paging.Service
	Steward id.User // the trust's service account, in whose name pages are sent
	Now     func() time.Time
	Log     *slog.Logger
}

// Service takes messages of other systems.
type Service struct {
	Deps
	mu      sync.Mutex // guards buckets
	buckets map[string]*rate.Limiter
}

// New returns the service. It starts nothing.
func New(d Deps) *Service { return &Service{Deps: d, buckets: map[string]*rate.Limiter{}} }

// Message is what another system says.
type Message struct {
	Ref      string // its own name for it: the same again is the same page
	Code     string // what kind: a test's code, "news2", "nurse-call"
	Level    string // how grave, in its sender's words: never weighed here
	Ward     string // where, as the rules name it
	Where    obs.Hidden
	Text     obs.Hidden
	Callback obs.Hidden
	NHS      obs.Hidden // of the patient, "" for none
	Post     directory.PostID
	Stat     bool   // its sender asks for an emergency; counts where no rule fits
	Body     []byte // as it came, for whoever sent it to read again
}

// Taken is what became of a message. Rule is the number of the rule that fitted, 0 for none.
type Taken struct {
	ID    string
	Page  paging.Snapshot
	Rule  int
	Body  []byte
	Fresh bool // it has just come; not so when the same was there already
}

// slow refuses what a source sends beyond its rate, and says when to come back.
func (s *Service) slow(src Source) error {
	s.mu.Lock()
	b := s.buckets[src.ID]
	if b == nil || b.Limit() != rate.Limit(float64(src.PerMinute)/60) {
		b = rate.NewLimiter(rate.Limit(float64(src.PerMinute)/60), max(src.PerMinute/6, 5))
		s.buckets[src.ID] = b
	}
	s.mu.Unlock()
	now := s.Now()
	res := b.ReserveN(now, 1)
	if d := res.DelayFrom(now); d > 0 {
		res.CancelAt(now)
		return &fault.Fault{Kind: fault.Limited, Code: "M_LIMIT_EXCEEDED", Public: "This system sends too much. Wait, or ask for a higher rate.", RetryAfter: max(d, time.Second)}
	}
	return nil
}

const (
	maxRef   = 100
	maxField = 100
	maxText  = 1200
	maxBody  = 64 << 10
)

func (m Message) check() error {
	switch {
	case m.Ref == "" || len(m.Ref) > maxRef:
		return wrong("Give the message a name of its own (ref, or an identifier) of up to 100 letters, so that it is not paged twice.")
	case strings.TrimSpace(string(m.Text)) == "":
		return wrong("Say what it is about.")
	case len(m.Text) > maxText || len(m.Where) > maxField*2 || len(m.Callback) > 60 || len(m.Code) > maxField || len(m.Level) > maxField || len(m.Ward) > maxField || len(m.Body) > maxBody:
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "Keep it shorter: the one who is paged reads this on the way.")
	}
	return nil
}

// Route says which rule a message would follow, and to whom; it changes nothing.
func (s *Service) Route(ctx context.Context, q db.Querier, src Source, m Message) (Rule, int, error) {
	v, err := Newest(ctx, q)
	if err != nil {
		return Rule{}, 0, err
	}
	r, n := v.Rules.Match(src.ID, m)
	if n == 0 {
		r = Rule{Post: m.Post, Urgency: paging.Urgent, Need: "attend"}
		if m.Stat {
			r.Urgency = paging.Emergency
		}
	}
	// A rule whose post has been closed since is as urgent as it was, and ends like one that fits nothing.
	if can, err := pageable(ctx, q, r.Post); can || err != nil {
		return r, n, err
	}
	last, err := directory.LadderEnd(ctx, q)
	if err != nil {
		return r, n, err
	}
	for _, p := range last {
		if p.Pageable && !p.Closed {
			r.Post = p.ID
			return r, n, nil
		}
	}
	return r, n, fault.New(fault.Unavailable, "UK_WARDLINE_NOBODY", "No rule fits, and this trust has no switchboard that can be paged. Nothing was sent: ring.")
}

func pageable(ctx context.Context, q db.Querier, post directory.PostID) (bool, error) {
	if post == "" {
		return false, nil
	}
	p, err := directory.FindPost(ctx, q, post)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil && p.Pageable && !p.Closed, err
}

var (
	taken    = db.SQL("inbound.taken", `SELECT id, page, rule, body FROM inbound_message WHERE source = $1 AND ref = $2 LIMIT 1`)
	takenID  = db.SQL("inbound.taken_id", `SELECT id, page, rule, body FROM inbound_message WHERE source = $1 AND id = $2 LIMIT 1`)
	addTaken = db.SQL("inbound.add", `INSERT INTO inbound_message (source, ref, id, page, rule, at, body) VALUES ($1, $2, $3, $4, $5, $6, $7)`)
)

func scanTaken(r db.Row) (t Taken, err error) { return t, r.Scan(&t.ID, &t.Page.ID, &t.Rule, &t.Body) }

// Take makes a message a page and says what became of it; it is durable, and its clock runs, when Take returns. The same reference of the same
// source is the page that is there already, whatever else the message says, and Taken then holds the body that came first.
//
// hazard: H1 urgent message not delivered
// hazard: H5 wrong patient attached
func (s *Service) Take(ctx context.Context, src Source, m Message) (Taken, error) {
	var t Taken
	if err := m.check(); err != nil {
		return t, err
	}
	if m.Body == nil {
		m.Body = []byte{}
	}
	err := s.DB.WriteFirst(ctx, "inbound.take", func(ctx context.Context, tx *db.Tx) error {
		var err error
		if t, err = s.find(ctx, tx, taken, src, m.Ref); !fault.Is(err, fault.NotFound) {
			return err
		}
		rule, n, err := s.Route(ctx, tx, src, m)
		if err != nil {
			return err
		}
		t = Taken{ID: "in-" + hash(m.Ref + src.ID)[:24], Rule: n, Body: m.Body, Fresh: true}
		if t.Page, err = s.raise(ctx, tx, src, m, rule); err != nil {
			return err
		}
		now := s.Now().UnixMilli()
		if _, err := tx.Exec(ctx, useSource, src.ID, now); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, addTaken, src.ID, m.Ref, t.ID, string(t.Page.ID), n, now, m.Body)
		return err
	})
	return t, err
}

// Find returns what a source has sent, by the id that Take gave it; what is another's is fault.NotFound as well.
func (s *Service) Find(ctx context.Context, src Source, message string) (Taken, error) {
	return s.find(ctx, s.DB, takenID, src, message)
}

func (s *Service) find(ctx context.Context, q db.Querier, by *db.Statement, src Source, key string) (Taken, error) {
	t, err := db.One(ctx, q, by, scanTaken, src.ID, key)
	if err != nil {
		return t, err
	}
	t.Page, err = paging.Look(ctx, q, t.Page.ID)
	return t, err
}

// raise sends the page. A patient is linked when the number is a real one and exactly one patient's; otherwise the words say so.
func (s *Service) raise(ctx context.Context, tx *db.Tx, src Source, m Message, r Rule) (paging.Snapshot, error) {
	n := paging.NewPage{Txn: "inbound:" + src.ID + ":" + m.Ref[:min(len(m.Ref), 60)] + hash(m.Ref)[:16], To: paging.Target{Post: r.Post}, Urgency: r.Urgency, Where: m.Where, What: m.Text, Need: r.Need, Callback: m.Callback,
		As: paging.Sender{Name: src.Name, Role: "another system"}}
	if n.Where == "" {
		n.Where = obs.Hidden(m.Ward)
	}
	var known patient.ID
	if m.NHS != "" {
		if number, err := patient.ParseNHSNumber(string(m.NHS)); err == nil {
			p, err := patient.WithNHSNumber(ctx, tx, number)
			if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Conflict) {
				return paging.Snapshot{}, err
			}
			known = p.ID
		}
		if known == "" {
			n.What += " (the patient's number is not known here)"
		}
	}
	var p paging.Snapshot
	linked := n
	linked.Patient = known
	err := tx.Try(ctx, func() (err error) {
		p, err = s.Paging.RaiseIn(ctx, tx, s.Steward, linked)
		return err
	})
	if err == nil || known == "" || fault.Is(err, fault.Unavailable) {
		return p, err
	}
	s.Log.Error("a page of another system goes without its patient", "source", src.ID, "err", err)
	n.What += " (see the patient's record: it could not be linked)"
	return s.Paging.RaiseIn(ctx, tx, s.Steward, n)
}
