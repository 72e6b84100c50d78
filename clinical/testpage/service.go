package testpage

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"wardline/clinical/conversation"
	"wardline/clinical/directory"
	"wardline/clinical/emergency"
	"wardline/clinical/reach"
	"wardline/clinical/rota"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

// Deps is what the service needs; all but Keep are required.
type Deps struct {
	DB            *db.DB
	Accounts      *account.Service
	Conversations *conversation.Service
	Reach         *reach.Service
	// Push tells each of a person's browsers, and says how many push services took it; none is no error.
	Push func(ctx context.Context, u id.User, ref string, ttl time.Duration) (int, error)
	// Keep is how long runs are kept, at least LeastKeep; 0 is for ever.
	Keep time.Duration
	Now  func() time.Time
	Log  *slog.Logger
}

// LeastKeep is the shortest time for which runs are kept: the board looks so far back for posts that failed twice running, and the clock
// for days that had no run.
const LeastKeep = 35 * 24 * time.Hour

// Service runs the tests.
type Service struct {
	Deps
	bell  chan struct{}            // wakes the clock; capacity 1, coalesces
	bells map[string]chan struct{} // and whoever sends in a way
}

// New returns the service; Run must be running for anything to happen. Its Follow is for rota.Deps.Hands, its Heard for
// reach.Service.Trials.
func New(d Deps) *Service {
	s := &Service{Deps: d, bell: make(chan struct{}, 1), bells: map[string]chan struct{}{}}
	for _, w := range append([]reach.Way{Push}, reach.Ways...) {
		s.bells[string(w)] = make(chan struct{}, 1)
	}
	return s
}

func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// Rules returns the versions of the rules, the newest first; before the first there is version 0, which is off.
func (s *Service) Rules(ctx context.Context) ([]Version, error) {
	all, err := db.Collect(ctx, s.DB, allRules, scanVersion)
	if err == nil && len(all) == 0 {
		all = []Version{{Rules: standard()}}
	}
	return all, err
}

// SetRules puts new rules in force and returns them as the newest version. A run that goes on keeps its own. Based is the version that the
// change began with: when somebody else was quicker, it is fault.Conflict. Rules that cannot work are fault.Invalid with a sentence.
func (s *Service) SetRules(ctx context.Context, by id.User, based int64, r Rules, note obs.Hidden) (Version, error) {
	var v Version
	why, err := clean(note)
	if err != nil {
		return v, err
	}
	if r, err = r.check(); err != nil {
		return v, err
	}
	err = s.DB.Write(ctx, "testpage.rules", func(ctx context.Context, tx *db.Tx) error {
		old, err := newest(ctx, tx)
		if err != nil {
			return err
		}
		if old.Version != based {
			return fault.New(fault.Conflict, "UK_WARDLINE_CHANGED", "Somebody has changed the test page meanwhile. Look at theirs first.")
		}
		for _, p := range append(slices.Clone(r.In), r.Out...) {
			if _, err := directory.FindPost(ctx, tx, p); fault.Is(err, fault.NotFound) {
				return fault.New(fault.Invalid, "M_INVALID_PARAM", "One of the posts is not there any more.")
			} else if err != nil {
				return err
			}
		}
		if err := s.begin(ctx, tx); err != nil { // what was due by the old rules stays due
			return err
		}
		v = Version{Version: old.Version + 1, At: s.Now(), By: by, Note: string(why), Rules: r}
		raw, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("rules of the test page: %w", err)
		}
		if _, err := tx.Exec(ctx, addRules, v.Version, v.At.UnixMilli(), string(by), v.Note, raw); err != nil {
			return err
		}
		tx.AfterCommit(func() { ring(s.bell) })
		return s.note(ctx, tx, by, "testpage.rules", fmt.Sprint(v.Version), map[string]string{"rules": string(raw)})
	})
	return v, err
}

// Posts are the posts that rules have tested, by name: every open one that can be paged and is critical or has a seat in an emergency
// team, with those of In and without those of Out.
func Posts(ctx context.Context, q db.Querier, r Rules) ([]directory.Post, error) {
	all, err := directory.Posts(ctx, q)
	if err != nil {
		return nil, err
	}
	teams, err := emergency.Teams(ctx, q)
	if err != nil {
		return nil, err
	}
	seats := map[directory.PostID]bool{}
	for _, t := range teams {
		for _, seat := range t.Seats {
			seats[seat.Post] = true
		}
	}
	all = slices.DeleteFunc(all, func(p directory.Post) bool {
		return p.Closed || !p.Pageable || slices.Contains(r.Out, p.ID) || !p.Critical && !seats[p.ID] && !slices.Contains(r.In, p.ID)
	})
	slices.SortStableFunc(all, func(a, b directory.Post) int { return strings.Compare(a.Name, b.Name) })
	return all[:min(len(all), maxPosts)], nil
}

// TestNow begins a test of single posts, or with none named of all that the rules have, whether or not the daily one is on. A post whose
// test goes on is left out; when that is all, it is fault.Conflict. The same txn of the same person again is the same run.
func (s *Service) TestNow(ctx context.Context, by id.User, txn string, posts []directory.PostID) (Run, error) {
	var run Run
	switch {
	case txn == "" || len(txn) > 120:
		return run, fault.New(fault.Invalid, "M_MISSING_PARAM", "A test needs a transaction id, so that it is not begun twice.")
	case len(posts) > maxPosts:
		return run, fault.New(fault.Invalid, "M_INVALID_PARAM", "These are too many posts.")
	}
	slot := "now:" + string(by) + ":" + txn
	err := s.DB.Write(ctx, "testpage.now", func(ctx context.Context, tx *db.Tx) error {
		earlier, err := db.One(ctx, tx, runOfSlot, scanRun, slot)
		if !fault.Is(err, fault.NotFound) {
			run = earlier
			return err
		}
		v, err := newest(ctx, tx)
		if err != nil {
			return err
		}
		kind, chosen := Some, []directory.Post{}
		if len(posts) == 0 {
			kind = All
			if chosen, err = Posts(ctx, tx, v.Rules); err != nil {
				return err
			}
		}
		for _, p := range sorted(posts) {
			post, err := directory.FindPost(ctx, tx, p)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			if err != nil || post.Closed || !post.Pageable {
				return fault.New(fault.Invalid, "M_INVALID_PARAM", "That post cannot be paged, so it cannot be tested.")
			}
			chosen = append(chosen, post)
		}
		all := len(chosen)
		for i := 0; i < len(chosen); {
			n, err := db.One(ctx, tx, openAt, db.Scalar[int64], string(chosen[i].ID))
			if err != nil {
				return err
			}
			if n > 0 {
				chosen = slices.Delete(chosen, i, i+1)
			} else {
				i++
			}
		}
		switch {
		case all == 0:
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "There is no post to test.")
		case len(chosen) == 0:
			return fault.New(fault.Conflict, "M_CONFLICT", "This is being tested now.")
		}
		now := s.Now()
		run = Run{ID: RunID("tr_" + id.NewOpaque(12)), Day: rota.DateOf(now).String(), Kind: kind, By: by, PlannedAt: now.UnixMilli(), StartedAt: now.UnixMilli(), Minutes: int64(v.Rules.Minutes), Ways: v.Rules.Ways, State: Running}
		return s.start(ctx, tx, run, slot, chosen)
	})
	return run, err
}

// start writes a run down with its tests, which the clock brings to people one by one.
func (s *Service) start(ctx context.Context, tx *db.Tx, run Run, slot string, posts []directory.Post) error {
	if fresh, err := run.save(ctx, tx, slot); err != nil || !fresh {
		return err
	}
	for _, p := range posts {
		if _, err := tx.Exec(ctx, addTest, "tt_"+id.NewOpaque(12), string(run.ID), string(p.ID), p.Name); err != nil {
			return err
		}
	}
	by := string(run.By)
	if by == "" {
		by = system
	}
	tx.AfterCommit(func() { ring(s.bell) })
	if err := s.note(ctx, tx, id.User(by), "testpage.begun", string(run.ID), map[string]string{"kind": string(run.Kind), "day": run.Day, "posts": fmt.Sprint(len(posts))}); err != nil {
		return err
	}
	return s.finish(ctx, tx, run.ID) // where no post is to be tested it has ended
}

// system is who acts when nobody does.
const system = "system"

func (s *Service) note(ctx context.Context, tx *db.Tx, by id.User, action, object string, detail map[string]string) error {
	return audit.Append(ctx, tx, audit.Entry{At: s.Now(), Actor: string(by), Action: action, Object: object, Detail: detail})
}

// shown is a test as its holder's devices have it.
type shown struct {
	Run   RunID  `json:"run"`
	Post  string `json:"post"`
	At    int64  `json:"at"`
	DueAt int64  `json:"due_at"`
}

// show lets a person's devices know which tests they are to answer.
func (s *Service) show(ctx context.Context, tx *db.Tx, u id.User) error {
	all, err := db.Collect(ctx, tx, shownTo, scanTest, string(u))
	if err != nil {
		return err
	}
	list := make([]shown, 0, len(all))
	for _, t := range all {
		list = append(list, shown{t.Run, t.Name, t.ToldAt, t.DueAt})
	}
	raw, err := json.Marshal(map[string]any{"tests": list})
	if err != nil {
		return err
	}
	return s.Accounts.SetDataIn(ctx, tx, u, "", Type, raw)
}

var errHidden = fault.New(fault.Hidden, "M_NOT_FOUND", "Not found.")

// Reached notes that a device of somebody has their tests of a run: App when the open app shows them, Push when a closed one was woken.
// The first time counts. A run in which they have no test is fault.Hidden.
func (s *Service) Reached(ctx context.Context, u id.User, run RunID, way string) error {
	if way != App && way != Push {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The way is app or push.")
	}
	return s.DB.Write(ctx, "testpage.reached", func(ctx context.Context, tx *db.Tx) error {
		mine, err := db.Collect(ctx, tx, theirsIn, scanTest, string(run), string(u))
		if err != nil {
			return err
		}
		if len(mine) == 0 {
			return errHidden
		}
		n, err := tx.Exec(ctx, onDevice, string(run), string(u), way, s.Now().UnixMilli())
		if err != nil || n == 0 {
			return err
		}
		return s.note(ctx, tx, u, "testpost.reached", string(run), map[string]string{"way": way})
	})
}

// Answer is what became of pressing "Received".
type Answer struct {
	Posts int   `json:"posts"`
	Late  bool  `json:"late"`
	After int64 `json:"after"` // ms since the first of them was told
}

// Receive is a holder's answer, for all their posts in a run at once. It counts in time and, marked as late, for half an hour after; the
// same again changes nothing. A run in which they have no test is fault.Hidden; one that is over, or whose post went to somebody else, is
// fault.Conflict in a sentence.
//
// hazard: H1 urgent message not delivered
func (s *Service) Receive(ctx context.Context, u id.User, run RunID) (Answer, error) {
	var a Answer
	err := s.DB.Write(ctx, "testpage.receive", func(ctx context.Context, tx *db.Tx) error {
		a = Answer{}
		mine, err := db.Collect(ctx, tx, theirsIn, scanTest, string(run), string(u))
		if err != nil {
			return err
		}
		if len(mine) == 0 {
			return s.why(ctx, tx, u, run)
		}
		now := s.Now().UnixMilli()
		changed := false
		for _, t := range mine {
			switch {
			case t.State == Received || t.State == Late: // twice
			case t.State == Waiting && now <= t.DueAt:
				t.State = Received
			case t.ShownUntil > now && (t.State == Waiting || t.State == Unanswered || t.State == Unreached):
				t.State = Late
			default:
				continue
			}
			a.Posts++
			a.Late = a.Late || t.State == Late
			if t.AnsweredAt == 0 {
				if err := s.take(ctx, tx, u, &t, now); err != nil {
					return err
				}
				changed = true
			}
			a.After = max(a.After, t.after().Milliseconds())
		}
		if a.Posts == 0 {
			return fault.New(fault.Conflict, "M_CONFLICT", "This test is over. Ring the switchboard if you want another.")
		}
		if !changed {
			return nil
		}
		if err := s.show(ctx, tx, u); err != nil {
			return err
		}
		return s.finish(ctx, tx, run)
	})
	return a, err
}

// take writes an answer down.
func (s *Service) take(ctx context.Context, tx *db.Tx, u id.User, t *Test, now int64) error {
	t.AnsweredAt, t.ShownUntil = now, 0
	if t.EndedAt == 0 {
		t.EndedAt = now
	}
	if err := t.save(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, onDevice, string(t.Run), string(u), App, now); err != nil { // who presses has it, whatever was lost
		return err
	}
	return s.note(ctx, tx, u, "testpost."+string(t.State), string(t.Post), map[string]string{"run": string(t.Run), "seconds": fmt.Sprint(t.after() / time.Second)})
}

// why says to whom a test went that somebody had when they pressed: they were told of it, so they may know.
func (s *Service) why(ctx context.Context, q db.Querier, u id.User, run RunID) error {
	ways, err := db.Collect(ctx, q, waysOf, scanWay, string(run), string(u), "")
	if err != nil {
		return err
	}
	if len(ways) == 0 {
		return errHidden
	}
	return fault.New(fault.Conflict, "M_CONFLICT", "Your post has gone to somebody else meanwhile, and the test with it.")
}

// Phoned notes that an operator has tested a post by telephone. It makes no pass of a failure, because the way did not hold; the board
// shows both. A test that its holder answered in time is fault.Conflict, an unknown one fault.Hidden.
func (s *Service) Phoned(ctx context.Context, by id.User, test TestID, note obs.Hidden) error {
	note, err := clean(note)
	if err != nil {
		return err
	}
	return s.DB.Write(ctx, "testpage.phoned", func(ctx context.Context, tx *db.Tx) error {
		t, err := db.One(ctx, tx, oneTest, scanTest, string(test))
		if fault.Is(err, fault.NotFound) {
			return errHidden
		}
		if err != nil {
			return err
		}
		if t.State == Received {
			return fault.New(fault.Conflict, "M_CONFLICT", "The holder has answered this test.")
		}
		t.PhoneAt, t.PhoneBy, t.PhoneNote = s.Now().UnixMilli(), by, note
		if err := t.save(ctx, tx); err != nil {
			return err
		}
		return s.note(ctx, tx, by, "testpage.telephone", string(t.Run), map[string]string{"post": string(t.Post), "user": string(t.User)})
	})
}

// Ways are the carriers of this trust, in the order of reach.Ways.
func (s *Service) Ways() []reach.Way {
	all := []reach.Way{}
	for _, w := range reach.Ways {
		if s.Reach.Config.Carriers[w] != nil {
			all = append(all, w)
		}
	}
	return all
}
