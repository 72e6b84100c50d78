package rota

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Feed is a rota that another system keeps. It is fetched from URL every quarter of an hour; one without is sent in. Post is the post of
// a feed for one; "" where each shift names its own.
type Feed struct {
	ID      string
	Name    string
	Kind    string // ical, csv, xml
	URL     string
	Post    directory.PostID
	Stale   time.Duration // after how long without a whole feed somebody is told
	OKAt    time.Time
	TriedAt time.Time
	ToldAt  time.Time
	Report  FeedReport
}

// FeedReport says what the last reading did.
type FeedReport struct {
	New       int       `json:"new"`
	Changed   int       `json:"changed"`
	Removed   int       `json:"removed"`
	Kept      int       `json:"kept"` // as they were
	Trouble   []Trouble `json:"trouble"`
	Conflicts []Trouble `json:"conflicts"` // claimed by another feed, or planned by hand, for somebody else
	Error     string    `json:"error,omitempty"`

	shifts *[]FeedShift // where a dry run lists what would change
}

const feedColumns = `id, name, kind, url, post, stale_ms, ok_at, tried_at, told_at, report`

var (
	saveFeed   = db.SQL("rota.save_feed", `INSERT INTO rota_feed (id, name, kind, url, post, stale_ms, ok_at, tried_at, told_at, report) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO UPDATE SET name = excluded.name, kind = excluded.kind, url = excluded.url, post = excluded.post, stale_ms = excluded.stale_ms, ok_at = excluded.ok_at, tried_at = excluded.tried_at, told_at = excluded.told_at, report = excluded.report`)
	allFeeds   = db.SQL("rota.feeds", `SELECT `+feedColumns+` FROM rota_feed ORDER BY name, id LIMIT 500`)
	feedByID   = db.SQL("rota.feed", `SELECT `+feedColumns+` FROM rota_feed WHERE id = $1 LIMIT 1`)
	deleteFeed = db.SQL("rota.delete_feed", `DELETE FROM rota_feed WHERE id = $1`)
	fromFeed   = db.SQL("rota.from_feed", `SELECT id, post, user_id, from_at, until_at, status = 'draft', source, ref FROM rota_duty WHERE source = $1 AND from_at > $2 ORDER BY from_at, id LIMIT 200001`)
)

func scanFeed(r db.Row) (f Feed, err error) {
	var stale, ok, tried, told int64
	var raw []byte
	if err := r.Scan(&f.ID, &f.Name, &f.Kind, &f.URL, &f.Post, &stale, &ok, &tried, &told, &raw); err != nil {
		return f, err
	}
	f.Stale, f.OKAt, f.TriedAt, f.ToldAt = time.Duration(stale)*time.Millisecond, time.UnixMilli(ok), time.UnixMilli(tried), time.UnixMilli(told)
	return f, json.Unmarshal(raw, &f.Report)
}

func (f Feed) save(ctx context.Context, tx *db.Tx) error {
	raw, err := json.Marshal(f.Report)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, saveFeed, f.ID, f.Name, f.Kind, f.URL, string(f.Post), f.Stale.Milliseconds(), f.OKAt.UnixMilli(), f.TriedAt.UnixMilli(), f.ToldAt.UnixMilli(), raw)
	return err
}

// Feeds returns the feeds, by name.
func (s *Service) Feeds(ctx context.Context) ([]Feed, error) {
	return db.Collect(ctx, s.DB, allFeeds, scanFeed)
}

// SetFeed adds a feed, or changes the one of its id. Only administrators may: the server will fetch what they name.
func (s *Service) SetFeed(ctx context.Context, by directory.By, f Feed) (Feed, error) {
	if !by.Admin {
		return f, fault.New(fault.Forbidden, "M_FORBIDDEN", "Only administrators may do that.")
	}
	if f.Stale == 0 {
		f.Stale = 24 * time.Hour
	}
	if err := f.check(); err != nil {
		return f, err
	}
	return f, s.DB.Write(ctx, "rota.feed", func(ctx context.Context, tx *db.Tx) error {
		if f.Post != "" {
			if _, err := directory.FindPost(ctx, tx, f.Post); err != nil {
				return err
			}
		}
		now := s.Now()
		if f.ID == "" {
			f.ID, f.OKAt, f.ToldAt = "fd_"+id.NewOpaque(9), now, time.UnixMilli(0) // from now on it is expected
		} else if was, err := db.One(ctx, tx, feedByID, scanFeed, f.ID); err != nil {
			return err
		} else {
			f.OKAt, f.ToldAt, f.Report = was.OKAt, was.ToldAt, was.Report
		}
		f.TriedAt = time.UnixMilli(0)
		tx.AfterCommit(s.Changed)
		if err := f.save(ctx, tx); err != nil {
			return err
		}
		return s.note(ctx, tx, by.User, "rota.feed", f.ID, nil)
	})
}

// check refuses a feed that could not be read.
func (f Feed) check() error {
	u, err := url.Parse(f.URL)
	switch {
	case strings.TrimSpace(f.Name) == "" || len(f.Name) > 120:
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "Give the feed a name of at most 120 letters.")
	case f.Kind != "ical" && f.Kind != "csv" && f.Kind != "xml":
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "A feed is ical, csv or xml.")
	case f.URL != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == ""):
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The address of the feed is no http or https URL.")
	case f.Stale < time.Hour || f.Stale > 31*24*time.Hour:
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "A feed is stale after one hour to 31 days.")
	}
	return nil
}

// DropFeed ends a feed. Its duties stay, as if typed in.
func (s *Service) DropFeed(ctx context.Context, by directory.By, feed string) error {
	if !by.Admin {
		return fault.New(fault.Forbidden, "M_FORBIDDEN", "Only administrators may do that.")
	}
	return s.DB.Write(ctx, "rota.feed", func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, deleteFeed, feed); err != nil {
			return err
		}
		return s.note(ctx, tx, by.User, "rota.feed_end", feed, nil)
	})
}

// TakeFeed reads what a feed says now and brings the rota in line with it, from now on: one act, so that nobody sees half of it. What somebody
// changed by hand stays. A shift that another feed or a person has given to somebody else is a conflict: it is left as it is, named, and
// told to whoever keeps the rota. A feed that cannot be read changes nothing.
//
// hazard: H7 rota feed stale or wrong time zone or clock change
func (s *Service) TakeFeed(ctx context.Context, feed string, raw []byte) (FeedReport, error) {
	f, err := db.One(ctx, s.DB, feedByID, scanFeed, feed)
	if err != nil {
		return FeedReport{}, err
	}
	claims, trouble, err := ReadFeed(f.Kind, raw, s.Now())
	if err != nil {
		return FeedReport{}, errFeed(err, s.failed(ctx, feed, err))
	}
	var rep FeedReport
	err = s.DB.WriteLast(ctx, "rota.take_feed", func(ctx context.Context, tx *db.Tx) error {
		rep = FeedReport{Trouble: trouble}
		if f, err = db.One(ctx, tx, feedByID, scanFeed, feed); err != nil {
			return err
		}
		known := len(f.Report.Conflicts)
		touched, err := s.align(ctx, tx, f, claims, &rep)
		if err != nil {
			return err
		}
		if err := touch(ctx, tx, touched...); err != nil {
			return err
		}
		f.OKAt, f.TriedAt, f.ToldAt, f.Report = s.Now(), s.Now(), time.UnixMilli(0), rep
		tx.AfterCommit(s.Changed)
		if err := f.save(ctx, tx); err != nil {
			return err
		}
		if len(rep.Conflicts) > 0 && len(rep.Conflicts) != known {
			return s.tellKeepers(ctx, tx, f, fmt.Sprintf("The rota feed %s and the rota disagree about %s, the first %s. The rota was left as it is.", f.Name, count(len(rep.Conflicts), "shift"), rep.Conflicts[0].Where))
		}
		return nil
	})
	return rep, err
}

// align makes the rota what the claims say and returns the posts that it has changed.
func (s *Service) align(ctx context.Context, tx *db.Tx, f Feed, claims []Claim, rep *FeedReport) ([]directory.PostID, error) {
	source, now := "feed:"+f.ID, s.Now()
	had, err := db.Collect(ctx, tx, fromFeed, scan, source, now.UnixMilli())
	if err != nil {
		return nil, err
	}
	old := make(map[DutyID]Duty, len(had))
	for _, d := range had {
		old[d.ID] = d
	}
	find := s.finder(ctx, tx)
	posts := map[directory.PostID]bool{}
	seen := map[DutyID]bool{}
	for _, c := range claims {
		sum := sha256.Sum256([]byte(c.Ref))
		d := Duty{ID: DutyID("du_" + f.ID + "_" + hex.EncodeToString(sum[:12])), Post: f.Post, From: c.From, Until: c.Until, Source: source, Ref: c.Ref}
		if !d.From.After(now) {
			seen[d.ID] = true
			continue // what has begun is not the feed's to change
		}
		bad := func(why string) { rep.Trouble = append(rep.Trouble, Trouble{c.Person + ", " + d.span(), why}) }
		if d.Post, err = find.post(c.Post, f.Post); err == nil {
			d.User, err = find.person(c.Person)
		}
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Conflict) {
			bad(fault.As(err).Public)
			continue
		}
		if err != nil {
			return nil, err
		}
		was, there := old[d.ID]
		if seen[d.ID] = true; there && was.Post == d.Post && was.User == d.User && was.From.Equal(d.From) && was.Until.Equal(d.Until) {
			rep.Kept++
			continue
		}
		if !there { // changed by hand, or claimed by somebody else already
			if hand, err := db.One(ctx, tx, dutyByID, scan, string(d.ID)); err == nil {
				if rep.Kept++; hand.User != d.User {
					rep.Conflicts = append(rep.Conflicts, Trouble{d.span(), "It was changed by hand."})
				}
				continue
			} else if !fault.Is(err, fault.NotFound) {
				return nil, err
			}
		}
		clash, err := s.clashes(ctx, tx, d)
		if err != nil {
			return nil, err
		}
		if clash != "" {
			rep.Conflicts = append(rep.Conflicts, Trouble{d.span(), clash})
			continue
		}
		if err := saveQuiet(ctx, tx, d); fault.Is(err, fault.Invalid) {
			bad(fault.As(err).Public)
			continue
		} else if err != nil {
			return nil, err
		}
		if posts[d.Post] = true; there {
			posts[was.Post] = true
			rep.Changed++
			err = rep.list(ctx, tx, "changed", d, &was)
		} else {
			rep.New++
			err = rep.list(ctx, tx, "new", d, nil)
		}
		if err != nil {
			return nil, err
		}
	}
	for _, d := range had {
		if seen[d.ID] {
			continue
		}
		if _, err := tx.Exec(ctx, remove, string(d.ID)); err != nil {
			return nil, err
		}
		posts[d.Post] = true
		rep.Removed++
		if err := rep.list(ctx, tx, "gone", d, nil); err != nil {
			return nil, err
		}
	}
	var touched []directory.PostID
	for p := range posts {
		touched = append(touched, p)
	}
	return touched, nil
}

// clashes says who else has the shift already, "" for nobody: as many others on the post at its start as must hold it, from elsewhere.
func (s *Service) clashes(ctx context.Context, tx *db.Tx, d Duty) (string, error) {
	b, err := baton(ctx, tx, d.Post)
	if err != nil {
		return "", err
	}
	all, err := Between(ctx, tx, d.Post, d.From, d.From.Add(time.Minute))
	if err != nil {
		return "", err
	}
	n, other := 0, Duty{}
	for _, o := range all {
		if o.Source != d.Source && o.User != d.User && !o.Draft && o.User != "" && o.Until.Sub(d.From) > 2*time.Hour {
			n, other = n+1, o
		}
	}
	if n < b.holders {
		return "", nil
	}
	name, err := directory.NameOf(ctx, tx, other.User)
	if err != nil {
		return "", err
	}
	from := "the rota"
	if strings.HasPrefix(other.Source, "feed:") {
		from = "another feed"
	}
	return fmt.Sprintf("By %s it is %s's.", from, name), nil
}

// finder finds posts and people by what feeds call them, each once.
type finder struct {
	ctx    context.Context
	q      db.Querier
	posts  map[string]directory.PostID
	names  map[string][]id.User
	people map[string]id.User
}

func (s *Service) finder(ctx context.Context, q db.Querier) *finder {
	return &finder{ctx: ctx, q: q, people: map[string]id.User{}}
}

func (f *finder) post(name string, def directory.PostID) (directory.PostID, error) {
	if name == "" && def != "" {
		return def, nil
	}
	if f.posts == nil {
		all, err := directory.Posts(f.ctx, f.q)
		if err != nil {
			return "", err
		}
		f.posts = map[string]directory.PostID{}
		for _, p := range all {
			f.posts[strings.ToLower(p.Name)], f.posts[string(p.ID)] = p.ID, p.ID
		}
	}
	if p, ok := f.posts[strings.ToLower(strings.TrimSpace(name))]; ok {
		return p, nil
	}
	if def != "" {
		return def, nil
	}
	return "", fault.New(fault.NotFound, "", fmt.Sprintf("There is no post called %q.", name))
}

func (f *finder) person(who string) (id.User, error) {
	who = strings.ToLower(strings.TrimSpace(who))
	if u, ok := f.people[who]; ok {
		return u, nil
	}
	if f.names == nil {
		all, err := directory.People(f.ctx, f.q)
		if err != nil {
			return "", err
		}
		f.names = map[string][]id.User{}
		for _, p := range all {
			if p.Left() {
				continue
			}
			for _, key := range []string{p.Email, p.Number, strings.Join(directory.Fold(p.Name), " ")} {
				if key = strings.ToLower(key); key != "" {
					f.names[key] = append(f.names[key], p.User)
				}
			}
		}
	}
	found := f.names[who]
	if len(found) == 0 {
		found = f.names[strings.Join(directory.Fold(who), " ")]
	}
	switch len(found) {
	case 0:
		return "", fault.New(fault.NotFound, "", "The person that it names is not in the directory.")
	case 1:
		f.people[who] = found[0]
		return found[0], nil
	}
	return "", fault.New(fault.Conflict, "", "Two people are called that. Name them by e-mail address or staff number.")
}

// failed notes that a feed could not be read.
func (s *Service) failed(ctx context.Context, feed string, why error) error {
	say := sayFeed(why)
	return s.DB.WriteLast(ctx, "rota.feed_failed", func(ctx context.Context, tx *db.Tx) error {
		f, err := db.One(ctx, tx, feedByID, scanFeed, feed)
		if err != nil {
			return err
		}
		f.TriedAt, f.Report.Error = s.Now(), say
		return f.save(ctx, tx)
	})
}

func errFeed(first, second error) error {
	if second != nil {
		return second
	}
	return first
}

func (s *Service) tellKeepers(ctx context.Context, tx *db.Tx, f Feed, words string) error {
	if s.Tell == nil {
		return nil
	}
	service := directory.Everything
	if f.Post != "" {
		p, err := directory.FindPost(ctx, tx, f.Post)
		if err != nil {
			return err
		}
		service = p.Service
	}
	to, err := directory.Keepers(ctx, tx, service)
	if err != nil || len(to) == 0 {
		return err
	}
	return s.Tell(ctx, tx, Notice{To: to, Kind: "feed", Post: f.Post, Name: f.Name, Body: words})
}

func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
