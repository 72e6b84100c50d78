package paging

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Policy says how long each rung of a ladder has before the page passes on, where the trust has said nothing of a post.
type Policy struct {
	Urgent    time.Duration
	Emergency time.Duration
}

// DefaultPolicy is five minutes for an urgent page and one for an emergency.
func DefaultPolicy() Policy { return Policy{Urgent: 5 * time.Minute, Emergency: time.Minute} }

// DemoPolicy is short enough to watch.
func DemoPolicy() Policy { return Policy{Urgent: 20 * time.Second, Emergency: 10 * time.Second} }

// Rung returns the time a rung has. It is never less than a second, so that a slip in a configuration cannot make a storm.
//
// hazard: H8 escalation loops or storms
func (p Policy) Rung(u Urgency) time.Duration {
	d := p.Urgent
	if u == Emergency {
		d = p.Emergency
	}
	return max(d, time.Second)
}

// Rules are what a trust says of pages to a post: who is called when. The zero Rules are the post's own ladder, by the times of the trust
// or of the program. They are stored, and travel, as this JSON.
type Rules struct {
	Stages   []Stage          `json:"stages"`   // empty: the post, and those who are asked after it
	Seconds  int              `json:"seconds"`  // how long a stage has that says nothing; 0 is the trust's time
	Quorum   int              `json:"quorum"`   // how many must accept; 0 and 1 are one
	Hours    *Hours           `json:"hours"`    // the office hours that stages speak of
	Fallback directory.PostID `json:"fallback"` // who keeps the page in the end; "" is the switchboard
}

// Stage is who is called together, and for how long.
type Stage struct {
	Posts     []directory.PostID `json:"posts"`
	Everybody bool               `json:"everybody"` // all who hold these posts, not only the first of each
	Seconds   int                `json:"seconds"`   // 0 is the Rules' time
	When      When               `json:"when"`
}

// When says at which times of the week a stage counts. A page keeps the stages that counted when it was raised.
type When string

// The times.
const (
	Always When = ""
	In     When = "in"  // in office hours
	Out    When = "out" // out of them
)

// Hours are the office hours of a post, by the clock on the wall.
type Hours struct {
	From     string         `json:"from"`     // "08:00"
	Until    string         `json:"until"`    // the first minute that is no longer theirs: "18:00"
	Days     []time.Weekday `json:"days"`     // 0 is Sunday
	Holidays bool           `json:"holidays"` // bank holidays count as well
}

// Open says whether an instant is within the hours. Without hours everything is.
func (h *Hours) Open(at time.Time) bool {
	if h == nil {
		return true
	}
	local := rota.Local(at)
	if !slices.Contains(h.Days, local.Weekday()) {
		return false
	}
	if _, off := rota.Holidays(local.Year(), rota.England)[rota.DateOf(at)]; off && !h.Holidays {
		return false
	}
	now := local.Format("15:04")
	return now >= h.From && now < h.Until
}

// Version is one state of a policy; the newest counts. Nothing is ever taken away: who asks why a page went where it went finds the rules
// of that day.
type Version struct {
	Post    directory.PostID // anyPost for every post that has none of its own
	Urgency Urgency
	Version int64 // 0 is none
	At      time.Time
	By      id.User
	Note    string
	Rules   Rules
}

// anyPost stands for every post without a policy of its own.
const anyPost directory.PostID = "*"

// Bounds of a policy.
//
// hazard: H8 escalation loops or storms
const (
	maxStages  = 8
	maxPosts   = 8
	maxQuorum  = 6
	minSeconds = 10
	maxSeconds = 3600
	maxUrgent  = 600 // of an emergency
)

var (
	newestPolicy = db.SQL("paging.newest_policy", `SELECT post, urgency, version, at, by_user, note, rules FROM paging_policy WHERE post = $1 AND urgency = $2 ORDER BY version DESC LIMIT 1`)
	allVersions  = db.SQL("paging.policy_versions", `SELECT post, urgency, version, at, by_user, note, rules FROM paging_policy WHERE post = $1 AND urgency = $2 ORDER BY version DESC LIMIT 100`)
	allPolicies  = db.SQL("paging.policies", `SELECT post, urgency, version, at, by_user, note, rules FROM paging_policy p WHERE version = (SELECT max(version) FROM paging_policy q WHERE q.post = p.post AND q.urgency = p.urgency) ORDER BY post, urgency LIMIT 10000`)
	addPolicy    = db.SQL("paging.add_policy", `INSERT INTO paging_policy (post, urgency, version, at, by_user, note, rules) VALUES ($1, $2, $3, $4, $5, $6, $7)`)
)

func scanVersion(r db.Row) (v Version, err error) {
	var at int64
	var raw []byte
	if err := r.Scan(&v.Post, &v.Urgency, &v.Version, &at, &v.By, &v.Note, &raw); err != nil {
		return v, err
	}
	v.At = time.UnixMilli(at)
	if err := json.Unmarshal(raw, &v.Rules); err != nil {
		return v, fmt.Errorf("policy %d of %s: %w", v.Version, v.Post, err)
	}
	return v, nil
}

// newest is the newest version for exactly this post and urgency; none is version 0.
func newest(ctx context.Context, q db.Querier, post directory.PostID, u Urgency) (Version, error) {
	v, err := db.One(ctx, q, newestPolicy, scanVersion, string(post), string(u))
	if fault.Is(err, fault.NotFound) {
		return Version{Post: post, Urgency: u}, nil
	}
	return v, err
}

// policyFor is what counts for a page to the post: its own rules, or those of every post.
func policyFor(ctx context.Context, q db.Querier, post directory.PostID, u Urgency) (Version, error) {
	v, err := newest(ctx, q, post, u)
	if err != nil || post == anyPost || v.Version > 0 && !v.Rules.none() {
		return v, err
	}
	return newest(ctx, q, anyPost, u)
}

func (r Rules) none() bool {
	return len(r.Stages) == 0 && r.Seconds == 0 && r.Quorum <= 1 && r.Hours == nil && r.Fallback == ""
}

// Policies returns the newest version of every policy.
func (s *Service) Policies(ctx context.Context) ([]Version, error) {
	return db.Collect(ctx, s.DB, allPolicies, scanVersion)
}

// PolicyOf returns the versions of one policy, the newest first; none is an empty list.
func (s *Service) PolicyOf(ctx context.Context, post directory.PostID, u Urgency) ([]Version, error) {
	return db.Collect(ctx, s.DB, allVersions, scanVersion, string(post), string(u))
}

// SetPolicy puts new rules for pages to a post in force, "*" for every post that has none of its own, and returns them as the newest
// version. Pages that run keep theirs. Based is the version that the change began with: when somebody else was quicker, it is
// fault.Conflict. Rules that cannot work are fault.Invalid with a sentence; who does not keep the post gets fault.Forbidden.
//
// hazard: H8 escalation loops or storms
func (s *Service) SetPolicy(ctx context.Context, by directory.By, post directory.PostID, u Urgency, based int64, r Rules, note string) (Version, error) {
	v := Version{Post: post, Urgency: u, At: s.Now(), By: by.User, Note: note, Rules: r}
	if len(note) > maxNote {
		return v, errTooLong
	}
	return v, s.DB.Write(ctx, "paging.policy", func(ctx context.Context, tx *db.Tx) error {
		if err := s.mayEdit(ctx, tx, by, post); err != nil {
			return err
		}
		if err := s.checkRules(ctx, tx, post, u, r); err != nil {
			return err
		}
		old, err := newest(ctx, tx, post, u)
		if err != nil {
			return err
		}
		if old.Version != based {
			return fault.New(fault.Conflict, "UK_WARDLINE_CHANGED", "Somebody has changed this policy meanwhile. Look at theirs first.")
		}
		v.Version = old.Version + 1
		raw, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("policy of %s: %w", post, err)
		}
		if _, err := tx.Exec(ctx, addPolicy, string(post), string(u), v.Version, v.At.UnixMilli(), string(by.User), note, raw); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Entry{At: v.At, Actor: string(by.User), Action: "page.policy", Object: string(post),
			Detail: map[string]string{"urgency": string(u), "version": fmt.Sprint(v.Version), "rules": string(raw)}})
	})
}

func (s *Service) mayEdit(ctx context.Context, q db.Querier, by directory.By, post directory.PostID) error {
	if post == anyPost {
		return directory.MayKeep(ctx, q, by, directory.Everything)
	}
	p, err := directory.FindPost(ctx, q, post)
	if fault.Is(err, fault.NotFound) {
		return errPost
	}
	if err != nil {
		return err
	}
	return directory.MayKeep(ctx, q, by, p.Service)
}

// ladder is what build makes of rules.
type ladder struct {
	rungs  []Rung
	each   time.Duration
	quorum int
	policy int64
}

func (s *Service) each(v Version, u Urgency) time.Duration {
	if v.Rules.Seconds > 0 {
		return time.Duration(v.Rules.Seconds) * time.Second
	}
	return s.Policy.Rung(u)
}

// build makes the ladder of a page that is raised at the instant. Posts that are closed or cannot be paged any more are left out, so that an
// old policy stops nobody; the first rung is always the post itself.
func (s *Service) build(ctx context.Context, q db.Querier, post PostRef, u Urgency, v Version, at time.Time) (ladder, error) {
	l := ladder{each: s.each(v, u), quorum: v.Rules.Quorum, policy: v.Version}
	if len(v.Rules.Stages) == 0 {
		own, err := directory.Ladder(ctx, q, post.ID)
		if err != nil {
			return l, err
		}
		for _, p := range own {
			l.rungs = append(l.rungs, Rung{PostRef: PostRef{ID: p.ID, Name: p.Name}})
		}
	}
	open := v.Rules.Hours.Open(at)
	for i, stage := range v.Rules.Stages {
		if stage.When == In && !open || stage.When == Out && open {
			continue
		}
		r := Rung{All: stage.Everybody, For: time.Duration(stage.Seconds) * time.Second}
		var refs []PostRef
		for _, id := range stage.Posts {
			p, err := directory.FindPost(ctx, q, id)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return l, err
			}
			if err == nil && p.Pageable && !p.Closed {
				refs = append(refs, PostRef{ID: p.ID, Name: p.Name})
			}
		}
		if i == 0 && (len(refs) == 0 || refs[0].ID != post.ID) {
			refs = append([]PostRef{post}, slices.DeleteFunc(refs, func(r PostRef) bool { return r.ID == post.ID })...)
		}
		if len(refs) > 0 {
			r.PostRef, r.With = refs[0], refs[1:]
			l.rungs = append(l.rungs, r)
		}
	}
	return l, s.end(ctx, q, &l, v)
}

// end puts who keeps the page in the end onto the ladder, once: the fallback, and the switchboard when that is gone or there is none.
func (s *Service) end(ctx context.Context, q db.Querier, l *ladder, v Version) error {
	var last []directory.Post
	if v.Rules.Fallback != "" {
		p, err := directory.FindPost(ctx, q, v.Rules.Fallback)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if err == nil && !p.Closed {
			last = append(last, p)
		}
	}
	if len(last) == 0 && len(v.Rules.Stages) == 0 {
		return nil // the post's own ladder has its end
	}
	if len(last) == 0 {
		var err error
		if last, err = directory.LadderEnd(ctx, q); err != nil {
			return err
		}
	}
	for _, p := range last {
		l.rungs = slices.DeleteFunc(l.rungs, func(r Rung) bool { return r.ID == p.ID && len(r.With) == 0 && len(l.rungs) > 1 })
		l.rungs = append(l.rungs, Rung{PostRef: PostRef{ID: p.ID, Name: p.Name}})
	}
	return nil
}

// some is a quorum as a page carries it: one is the rule and says nothing.
func some(quorum int) int {
	if quorum <= 1 {
		return 0
	}
	return quorum
}
