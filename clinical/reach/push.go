package reach

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardline/clinical/paging"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/run"
	"wardline/matrix/id"
	"wardline/matrix/push"
	"wardline/matrix/room"
)

// Telling by push is package push's business, which knows nothing of pages. Here is written down on a page what came of it: what a push
// service took, what it did not, and that there was nobody to tell. It is held in memory for a moment and written in bunches, because one
// page may be told to several devices and many pages come at once; what a crash takes with it is a line that says how a page was told,
// never the telling. Nothing is written for ordinary messages.

// PushWay is how a push is called in the notes of a page's steps, before a colon and why.
const PushWay = "push"

// The reasons in those notes. The app has them in its own words.
const (
	noDevice = "no device has notifications on"
	silent   = "the push service does not answer, tried again"
	ended    = "the subscription has ended"
	declined = "the push service refuses it"
	tooLate  = "the push service did not take it in time"
)

// gather is how long outcomes are held, so that several devices of one person are one line; mostNews bounds what is held.
const (
	gather   = 300 * time.Millisecond
	mostNews = 20_000
	bunch    = 16
)

// told is one person who has one page, since when.
type told struct {
	page  paging.ID
	since int64
	user  id.User
}

// finding is the best that came of telling them, the best last.
type finding int

const (
	nobody finding = iota + 1 // no device is subscribed
	over                      // the only subscription has ended
	late
	refusal
	waiting
	accepted
)

var findings = map[push.Outcome]finding{push.Taken: accepted, push.Waiting: waiting, push.Ended: over, push.Refused: refusal, push.Late: late}

func (f finding) step() (paging.Kind, string) {
	switch f {
	case accepted:
		return paging.Taken, ""
	case waiting:
		return paging.Tried, silent
	case over:
		return paging.Failed, ended
	case refusal:
		return paging.Failed, declined
	case late:
		return paging.Failed, tooLate
	}
	return paging.Failed, noDevice
}

// Pushed hears what came of telling a device of somebody. It suits push.Service.Came, is quick, never blocks, and cares for pages only.
//
// hazard: H2 delivered, not noticed
func (s *Service) Pushed(u id.User, ev *room.Event, n push.Notice, o push.Outcome) {
	if n.Level < push.Urgent || findings[o] == 0 {
		return
	}
	if page, since, calls := paging.CallsSince(u, ev); calls {
		s.learn(told{page, since, u}, findings[o])
	}
}

// unpushed notes, after the step that brought a page to them, who has no device that could be told.
func (s *Service) unpushed(tx *db.Tx, p paging.Snapshot) {
	if n := len(p.Steps); s.Push == nil || n == 0 || p.Steps[n-1].At > p.Current.Since {
		return
	}
	tx.AfterCommit(func() { s.missing(p) })
}

func (s *Service) missing(p paging.Snapshot) {
	for _, c := range p.Current.All() {
		if !p.Looked(c.User) && s.Push(c.User).Devices == 0 {
			s.learn(told{p.ID, p.Current.Since, c.User}, nobody)
		}
	}
}

func (s *Service) learn(t told, f finding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f <= s.news[t] || s.news[t] == 0 && len(s.news) >= mostNews {
		return
	}
	s.news[t] = f
	select {
	case s.heard <- struct{}{}:
	default:
	}
}

func (s *Service) takeNews() map[told]finding {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.news
	s.news = map[told]finding{}
	return all
}

// Record writes down what is learnt, until ctx ends; beside Run, because carriers must not wait for it. It begins with the open pages of people who cannot be told, which the last process may
// have been about to write.
func (s *Service) Record(ctx context.Context) error {
	if s.Push != nil {
		open, err := paging.OpenPages(ctx, s.DB)
		if err != nil {
			return err
		}
		for _, p := range open {
			s.missing(p)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return s.write(context.WithoutCancel(ctx))
		case <-s.heard:
		}
		run.Wait(ctx, gather, nil)
		if err := s.write(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
}

// write brings what was learnt onto its pages, several in one act, after the pages themselves: these lines move nothing.
func (s *Service) write(ctx context.Context) error {
	all := s.takeNews()
	var keys []told
	for t := range all {
		keys = append(keys, t)
	}
	slices.SortFunc(keys, func(a, b told) int {
		return strings.Compare(string(a.page)+string(a.user), string(b.page)+string(b.user))
	})
	for some := range slices.Chunk(keys, bunch) {
		err := s.DB.Write(ctx, "reach.pushed", func(ctx context.Context, tx *db.Tx) error {
			for _, t := range some {
				if err := tx.Try(ctx, func() error { return s.pushed(ctx, tx, t, all[t]) }); err != nil {
					s.Log.Warn("what came of a push could not be noted", "page", t.page, "err", err) // and its neighbours' is
				}
			}
			return nil
		})
		if err != nil { // they are kept for the next try
			for _, t := range keys {
				s.learn(t, all[t])
			}
			return err
		}
		for _, t := range some {
			delete(all, t)
		}
		keys = keys[len(some):]
	}
	return nil
}

// pushed writes one line, where it still says something: not once they have looked, nor anything less after a service took it.
func (s *Service) pushed(ctx context.Context, tx *db.Tx, t told, f finding) error {
	p, err := paging.Look(ctx, tx, t.page)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil || p.Status != paging.Open || p.Current.Since != t.since || !p.Current.Calls(t.user) || p.Looked(t.user) || byPush(p, t.user) {
		return err
	}
	kind, why := f.step()
	note := PushWay
	if why != "" {
		note += ": " + why
	}
	_, err = s.Paging.ActIn(ctx, tx, t.page, paging.Input{Verb: paging.Carry, User: t.user, Carried: kind, Since: t.since, Reason: note})
	return err
}

// byPush says whether a push service took the page for them, since it is theirs.
func byPush(p paging.Snapshot, u id.User) bool {
	return slices.ContainsFunc(p.Steps, func(e paging.Event) bool {
		return e.Kind == paging.Taken && e.User == u && e.Note == PushWay && e.At >= p.Current.Since
	})
}

// PushOf says before a page is sent how somebody would be told by push, by what is known of their devices at the instant.
func PushOf(now push.Standing, at time.Time) paging.Way {
	w := paging.Way{Via: PushWay}
	switch {
	case now.Devices == 0:
		w.Code, w.Detail = "none", noDevice
	case now.Failing == now.Devices:
		w.Code, w.Detail, w.MS = "failing", "not answering for "+Ago(at.Sub(now.Since)), at.Sub(now.Since).Milliseconds()
	case now.Devices-now.Failing == 1:
		w.Code, w.Detail, w.N = "devices", "a device will be notified", 1
	default:
		w.Code, w.N = "devices", now.Devices-now.Failing
		w.Detail = fmt.Sprintf("%d devices will be notified", w.N)
	}
	return w
}

// Ago says how long something is ago, in one unit.
func Ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h", int(d.Hours()))
}
