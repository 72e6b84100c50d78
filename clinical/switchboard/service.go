package switchboard

import (
	"cmp"
	"context"
	"embed"
	"slices"
	"strings"
	"sync"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/emergency"
	"wardline/clinical/paging"
	"wardline/clinical/reach"
	"wardline/clinical/rota"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Migrations returns the tables of this package.
func Migrations() db.Migrations { return db.Migrations{Package: "switchboard", FS: schemaFS} }

// Deps is what the service needs; all but Ways are required.
type Deps struct {
	DB        *db.DB
	Rota      *rota.Service
	Paging    *paging.Service
	Reach     *reach.Service
	Emergency *emergency.Service
	Now       func() time.Time
	// Ways says how the holder of a post could be reached now; nil knows nothing.
	Ways func(ctx context.Context, post directory.PostID, user id.User, u paging.Urgency) []paging.Way
}

// Service answers the console.
type Service struct {
	Deps
	mu     sync.Mutex // guards looked
	looked map[look]time.Time
}

// look is one operator at one page.
type look struct {
	by   id.User
	page paging.ID
}

// opened is how long an operator who has opened a page goes on looking at it: a console that fetches it anew is no other look.
const opened = 5 * time.Minute

// New returns the service. It starts nothing.
func New(d Deps) *Service { return &Service{Deps: d, looked: map[look]time.Time{}} }

// goesOn says whether an operator has this page open already. It forgets who looks no more; after a restart everybody opens anew.
func (s *Service) goesOn(l look) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	for l, at := range s.looked {
		if d := now.Sub(at); d < 0 || d > opened { // or the clock was set back
			delete(s.looked, l)
		}
	}
	_, on := s.looked[l]
	if on {
		s.looked[l] = now
	}
	return on
}

func (s *Service) opens(l look) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looked[l] = s.Now()
}

var errHidden = fault.New(fault.Hidden, "M_NOT_FOUND", "Not found.")

// May returns nil for whoever holds a switchboard post now or looks after the whole directory, and fault.Hidden for everybody else.
func (s *Service) May(ctx context.Context, by directory.By) error {
	if err := directory.MayKeep(ctx, s.DB, by, directory.Everything); !fault.Is(err, fault.Forbidden) {
		return err // they may, or it is not known
	}
	holds, err := emergency.Switchboard(ctx, s.DB, by.User, s.Now())
	if err == nil && !holds {
		return errHidden
	}
	return err
}

// askAll is up to how many posts the console asks how each holder is reached; beyond it, only of the one that is opened.
const askAll = 150

// Posts returns every post that is filled, those that want somebody first, then by service and name.
//
// hazard: H6 role empty or stale holder
func (s *Service) Posts(ctx context.Context) ([]Post, error) {
	b, err := s.Rota.Board(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]Post, 0, len(b.Posts))
	for _, pl := range b.Posts {
		if pl.Post.Closed {
			continue
		}
		p := Post{Post: pl.Post, Must: pl.Must, Alarm: pl.Alarm, Next: pl.Next}
		for _, h := range pl.Holders {
			name, err := directory.NameOf(ctx, s.DB, h.User)
			if err != nil {
				return nil, err
			}
			p.Holders = append(p.Holders, Holder{h.User, name, h.From, h.Until})
		}
		if s.Ways != nil && len(b.Posts) <= askAll && len(p.Holders) > 0 {
			p.Reach = s.Ways(ctx, p.ID, p.Holders[0].User, paging.Urgent)
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Post) int {
		if a.short() != b.short() {
			if a.short() {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Name, b.Name))
	})
	return all, nil
}

// ahead is how far the console looks for gaps.
const ahead = 24 * time.Hour

// Gaps returns when critical posts have too few people within the next day, the soonest first, at most 200.
func (s *Service) Gaps(ctx context.Context) ([]Gap, error) {
	posts, err := directory.Posts(ctx, s.DB)
	if err != nil {
		return nil, err
	}
	now, all := s.Now(), []Gap{}
	for _, p := range posts {
		if !p.Critical || p.Closed {
			continue
		}
		gaps, err := rota.Gaps(ctx, s.DB, p.ID, now, now.Add(ahead), false)
		if err != nil {
			return nil, err
		}
		for _, g := range gaps {
			all = append(all, Gap{paging.PostRef{ID: p.ID, Name: p.Name}, g.From.UnixMilli(), g.Until.UnixMilli()})
		}
	}
	slices.SortStableFunc(all, func(a, b Gap) int { return cmp.Compare(a.From, b.From) })
	return all[:min(len(all), 200)], nil
}

// Pages returns every open page, the worst first: those that nobody answered, those with nobody left to ask, then the one that passes on
// soonest; an emergency before an urgent page.
//
// hazard: H11 alert fatigue hides a real alert
func (s *Service) Pages(ctx context.Context) ([]paging.Snapshot, error) {
	all, err := paging.OpenPages(ctx, s.DB)
	if err != nil {
		return nil, err
	}
	rank := func(p paging.Snapshot) int {
		switch {
		case p.Exhausted:
			return 0
		case p.Current.DueAt == 0:
			return 1
		case p.Urgency == paging.Emergency:
			return 2
		}
		return 3
	}
	slices.SortStableFunc(all, func(a, b paging.Snapshot) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Current.DueAt, b.Current.DueAt), cmp.Compare(a.RaisedAt, b.RaisedAt))
	})
	return all, nil
}

var (
	spokeOf   = db.SQL("switchboard.spoke_of", `SELECT at, by_user, user_id, outcome, note FROM switchboard_spoke WHERE page = $1 ORDER BY at, id LIMIT 200`)
	spokeOnce = db.SQL("switchboard.spoke_once", `SELECT page FROM switchboard_spoke WHERE by_user = $1 AND txn = $2 LIMIT 1`)
	noteSpoke = db.SQL("switchboard.note_spoke", `INSERT INTO switchboard_spoke (id, page, at, by_user, txn, user_id, outcome, note) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`)
)

// Page returns a page with whom an operator can call out for it, and whom they have called. That numbers were looked at is in
// the audit, once each time that an operator opens a page.
// An unknown page is fault.Hidden.
func (s *Service) Page(ctx context.Context, by id.User, page paging.ID) (Detail, error) {
	var d Detail
	p, err := paging.Look(ctx, s.DB, page)
	if fault.Is(err, fault.NotFound) {
		return d, errHidden
	}
	if err != nil {
		return d, err
	}
	d.Page = p
	ladder, err := directory.Ladder(ctx, s.DB, p.Post.ID)
	if fault.Is(err, fault.NotFound) { // to a person or a team: there is whoever is asked now
		ladder = []directory.Post{{ID: p.Current.Post.ID, Name: p.Current.Post.Name}}
	} else if err != nil {
		return d, err
	}
	for _, post := range ladder {
		r := Rung{Post: paging.PostRef{ID: post.ID, Name: post.Name}}
		holder, err := rota.Holder(ctx, s.DB, post.ID, s.Now())
		if err != nil && !fault.Is(err, fault.NotFound) {
			return d, err
		}
		if err == nil {
			r.User, r.Name = holder.User, holder.Name
		} else if post.ID == p.Current.Post.ID {
			r.User, r.Name = p.Current.User, p.Current.Name
		}
		if r.Contacts, err = s.numbers(ctx, post.ID, r.User); err != nil {
			return d, err
		}
		d.Rungs = append(d.Rungs, r)
	}
	if d.Spoke, err = s.spoke(ctx, page); err != nil {
		return d, err
	}
	l := look{by, page}
	if s.goesOn(l) {
		return d, nil
	}
	return d, s.DB.Write(ctx, "switchboard.look", func(ctx context.Context, tx *db.Tx) error {
		tx.AfterCommit(func() { s.opens(l) })
		return s.note(ctx, tx, by, "switchboard.numbers", string(page), nil)
	})
}

// numbers are where a post and its holder, "" for nobody, are rung, texted or bleeped.
func (s *Service) numbers(ctx context.Context, post directory.PostID, holder id.User) ([]reach.Contact, error) {
	var all []reach.Contact
	for _, o := range []reach.Owner{reach.Post(post), reach.Person(holder)} {
		if o == "" {
			continue
		}
		have, err := s.Reach.Contacts(ctx, o)
		if err != nil {
			return nil, err
		}
		for _, c := range have {
			if c.Address != "" && (c.Way == reach.Voice || c.Way == reach.SMS || c.Way == reach.Pager) {
				all = append(all, c)
			}
		}
	}
	return all, nil
}

// Numbers returns where a post and its holder, "" for nobody, are rung. That they were looked at is in the audit.
func (s *Service) Numbers(ctx context.Context, by id.User, post directory.PostID, holder id.User) ([]reach.Contact, error) {
	all, err := s.numbers(ctx, post, holder)
	if err != nil {
		return nil, err
	}
	return all, s.DB.Write(ctx, "switchboard.look", func(ctx context.Context, tx *db.Tx) error {
		return s.note(ctx, tx, by, "switchboard.numbers", string(post), nil)
	})
}

func (s *Service) spoke(ctx context.Context, page paging.ID) ([]Spoke, error) {
	all, err := db.Collect(ctx, s.DB, spokeOf, func(r db.Row) (x Spoke, err error) {
		return x, r.Scan(&x.At, &x.By, &x.User, &x.Outcome, &x.Note)
	}, string(page))
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].ByName, err = directory.NameOf(ctx, s.DB, all[i].By); err != nil {
			return nil, err
		}
		if all[i].Name, err = directory.NameOf(ctx, s.DB, all[i].User); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Call is a telephone call that an operator has made about a page.
type Call struct {
	Txn     string // the console's own name for it: the same one again is the same call
	Page    paging.ID
	User    id.User // who was rung
	Outcome Outcome
	Minutes int        // of Coming: when they will be there
	Note    obs.Hidden // "" for none
}

// Spoke notes a telephone call. Coming ends the page as accepted by that person; the page and the audit say who told it. A page that is closed
// already is fault.Conflict for Coming; somebody who is not in the directory is fault.Invalid.
//
// hazard: H3 noticed, nobody owns it
func (s *Service) Spoke(ctx context.Context, by id.User, c Call) (paging.Snapshot, error) {
	c.Note = obs.Hidden(strings.TrimSpace(string(c.Note)))
	switch {
	case c.Txn == "" || len(c.Txn) > 120:
		return paging.Snapshot{}, fault.New(fault.Invalid, "M_MISSING_PARAM", "A call needs a transaction id, so that it is not noted twice.")
	case said[c.Outcome] == "":
		return paging.Snapshot{}, fault.New(fault.Invalid, "M_INVALID_PARAM", "Say what came of the call: coming, cannot come, no answer or message left.")
	case len(c.Note) > 200:
		return paging.Snapshot{}, fault.New(fault.Invalid, "M_INVALID_PARAM", "Keep the note under 200 letters.")
	}
	var after paging.Snapshot
	err := s.DB.WriteFirst(ctx, "switchboard.spoke", func(ctx context.Context, tx *db.Tx) error {
		earlier, err := db.Collect(ctx, tx, spokeOnce, db.Scalar[paging.ID], string(by), c.Txn)
		if err != nil {
			return err
		}
		if after, err = paging.Look(ctx, tx, c.Page); fault.Is(err, fault.NotFound) {
			return errHidden
		}
		if err != nil || len(earlier) > 0 {
			return err
		}
		comes, err := directory.FindPerson(ctx, tx, c.User)
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "That person is not in the directory.")
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, noteSpoke, "sp_"+id.NewOpaque(12), string(c.Page), s.Now().UnixMilli(), string(by), c.Txn, string(c.User), string(c.Outcome), string(c.Note)); err != nil {
			return err
		}
		if err := s.note(ctx, tx, by, "switchboard.call", string(c.Page), map[string]string{"user": string(c.User), "outcome": string(c.Outcome)}); err != nil || c.Outcome != Coming {
			return err
		}
		teller, err := directory.NameOf(ctx, tx, by)
		if err != nil {
			return err
		}
		after, err = s.Paging.AcceptForIn(ctx, tx, c.Page, paging.Person{User: by, Name: teller}, paging.Person{User: c.User, Name: comes.Name}, c.Minutes, "by telephone, says "+teller)
		return err
	})
	return after, err
}

// Raise sends a page for a caller who has rung the switchboard; the page says for whom, and where to ring back.
func (s *Service) Raise(ctx context.Context, by id.User, n paging.NewPage) (paging.Snapshot, error) {
	n.For, n.Callback = obs.Hidden(strings.TrimSpace(string(n.For))), obs.Hidden(strings.TrimSpace(string(n.Callback)))
	switch {
	case n.For == "" || len(n.For) > 80:
		return paging.Snapshot{}, fault.New(fault.Invalid, "M_INVALID_PARAM", "Say who is calling, in at most 80 letters.")
	case n.Callback == "":
		return paging.Snapshot{}, fault.New(fault.Invalid, "M_INVALID_PARAM", "Say where to ring the caller back.")
	}
	var p paging.Snapshot
	err := s.DB.WriteFirst(ctx, "switchboard.raise", func(ctx context.Context, tx *db.Tx) (err error) {
		if p, err = s.Paging.RaiseIn(ctx, tx, by, n); err != nil {
			return err
		}
		return s.note(ctx, tx, by, "switchboard.page", string(p.ID), map[string]string{"for": string(n.For), "post": string(p.Post.ID)})
	})
	return p, err
}

func (s *Service) note(ctx context.Context, tx *db.Tx, by id.User, action, object string, detail map[string]string) error {
	return audit.Append(ctx, tx, audit.Entry{At: s.Now(), Actor: string(by), Action: action, Object: object, Detail: detail})
}
