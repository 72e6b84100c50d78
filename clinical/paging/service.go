package paging

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wardline/clinical/conversation"
	"wardline/clinical/directory"
	"wardline/clinical/status"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// Deps is what the service needs; all but Reach are required.
type Deps struct {
	DB            *db.DB
	Rooms         *room.Service
	Conversations *conversation.Service
	Steward       id.User // the trust's service account
	Policy        Policy  // the times of posts for which the trust has said nothing
	Now           func() time.Time
	Log           *slog.Logger
	// Reach says how the holder of a post could be reached now, for the preview; nil knows nothing.
	Reach func(ctx context.Context, post directory.PostID, user id.User, u Urgency) []Way
	// Busy says why somebody is not to be asked while anybody else can be, status.None when they can; nil knows nothing.
	Busy func(ctx context.Context, q db.Querier, user id.User, at time.Time) (status.Kind, error)
	// Kind says what kind of device somebody's is, "phone" or "computer", "" for not known; nil knows nothing. Never what they call it.
	Kind func(ctx context.Context, user id.User, device id.Device) string
	// OnStep hears of every step inside its transaction, with the page as it is then; nil for nobody.
	OnStep func(ctx context.Context, tx *db.Tx, p Snapshot) error
}

// Service raises pages, takes their answers and lets their time pass.
type Service struct {
	Deps

	bell    chan struct{} // capacity 1, coalesces: something is due earlier than the scheduler thought
	reached chan proof    // capacity 64, drops when full: the device's next sync says it again
	waiting atomic.Int64  // how many entries awaited has

	mu      sync.Mutex // guards the two maps
	awaited map[ID]awaited
	of      map[id.User]map[ID]bool // the same by who is awaited
}

// awaited is whose devices we want to hear of, for an open page.
type awaited struct {
	users []id.User
	first map[id.User]id.Device // of those who were reached: by which device, so that only another one is news
	room  id.Room
	told  int64
}

// proof is that a device of somebody has a page.
type proof struct {
	page   ID
	user   id.User
	device id.Device
}

// New returns the service; Run must be running for pages to move on.
func New(d Deps) *Service {
	return &Service{Deps: d, bell: make(chan struct{}, 1), reached: make(chan proof, 64), awaited: map[ID]awaited{}, of: map[id.User]map[ID]bool{}}
}

var errHidden = fault.New(fault.Hidden, "M_NOT_FOUND", "There is no such page.")

// Answer is what somebody who is called says to a page: the verb is Accept, Decline, Redirect or AskBack.
type Answer struct {
	Verb       Verb
	ETAMinutes int    // of Accept
	Reason     string // of Decline and Redirect; of AskBack the question
	To         Target // of Redirect
}

// Answer accepts, declines or redirects a page, or asks its sender something. Anybody who is not called gets fault.Forbidden, a closed page
// fault.Conflict, a page that the user may not see fault.Hidden; so does fault.Conflict a redirection to where nobody can answer. The same
// acceptance again is no error.
func (s *Service) Answer(ctx context.Context, by id.User, page ID, ans Answer) (Snapshot, error) {
	in := Input{Verb: ans.Verb, User: by, ETAMinutes: ans.ETAMinutes, Reason: strings.TrimSpace(ans.Reason)}
	if len(ans.Reason) > maxNote {
		return Snapshot{}, errTooLong
	}
	if in.Verb == Redirect {
		rung, err := s.target(ctx, s.DB, ans.To)
		if err != nil {
			return Snapshot{}, err
		}
		in.To = rung
	}
	return s.act(ctx, "paging.answer", page, in)
}

// Reply is the sender's word to whoever asked them: anybody else gets fault.Forbidden.
func (s *Service) Reply(ctx context.Context, by id.User, page ID, words string) (Snapshot, error) {
	if len(words) > maxNote {
		return Snapshot{}, errTooLong
	}
	return s.act(ctx, "paging.reply", page, Input{Verb: Reply, User: by, Reason: strings.TrimSpace(words)})
}

// Reached notes that a device of the holder has the page: of the first device, and then once of a second. It changes nothing when somebody
// else says it, when the same device does again, or once the holder has looked.
func (s *Service) Reached(ctx context.Context, by id.User, device id.Device, page ID) (Snapshot, error) {
	in := Input{Verb: Reach, User: by, Device: device}
	if s.Kind != nil && device != "" {
		in.On = s.Kind(ctx, by, device)
	}
	return s.act(ctx, "paging.reached", page, in)
}

// Seen notes that the holder has looked at the page. It changes nothing when somebody else says it, or the second time.
func (s *Service) Seen(ctx context.Context, by id.User, page ID) (Snapshot, error) {
	return s.act(ctx, "paging.seen", page, Input{Verb: See, User: by})
}

// Withdraw closes a page that is no longer needed. Only its sender may: others get fault.Forbidden.
func (s *Service) Withdraw(ctx context.Context, by id.User, page ID, reason string) (Snapshot, error) {
	if len(reason) > maxNote {
		return Snapshot{}, errTooLong
	}
	return s.act(ctx, "paging.withdraw", page, Input{Verb: Withdraw, User: by, Reason: reason})
}

// act does one thing to a page for a person.
func (s *Service) act(ctx context.Context, name string, page ID, in Input) (Snapshot, error) {
	var after Snapshot
	err := s.DB.WriteFirst(ctx, name, func(ctx context.Context, tx *db.Tx) (err error) {
		after, err = s.ActIn(ctx, tx, page, in)
		return err
	})
	return after, err
}

// ActIn does one thing to a page for the person whom the input names, inside an open transaction.
func (s *Service) ActIn(ctx context.Context, tx *db.Tx, page ID, in Input) (Snapshot, error) {
	p, a, err := s.load(ctx, tx, page)
	if err != nil {
		return Snapshot{}, err
	}
	if !p.concerns(in.User) && a.Membership(in.User) != "join" && in.Verb != Carry {
		return Snapshot{}, errHidden
	}
	p, err = s.apply(ctx, a, p, in, false)
	return p.Snapshot, err
}

func (s *Service) load(ctx context.Context, tx *db.Tx, page ID) (stored, *room.Act, error) {
	p, err := find(ctx, tx, page)
	if fault.Is(err, fault.NotFound) {
		return p, nil, errHidden
	}
	if err != nil {
		return p, nil, err
	}
	a, err := s.Rooms.In(ctx, tx, p.RoomID)
	return p, a, err
}

// concerns says whether the page has anything to do with the user, beyond the room it is in.
func (p Page) concerns(user id.User) bool {
	if user == p.From.User || p.Current.Calls(user) {
		return true
	}
	for _, e := range p.Steps {
		if e.User == user {
			return true
		}
	}
	return false
}

// apply runs one Step inside an open act and makes it true: room events, the row, the audit, the clock. Mute leaves the room out, for
// the scheduler's second try when the room is what fails.
func (s *Service) apply(ctx context.Context, a *room.Act, p stored, in Input, mute bool) (stored, error) {
	now, err := s.world(ctx, a.Tx(), p.Page, &in)
	if err != nil {
		return p, err
	}
	next, effects, err := Step(p.Page, now, in)
	if err != nil {
		return p, err
	}
	if err := Check(next, now); err != nil {
		return p, err
	}
	after := stored{Page: next, told: p.told}
	if len(effects) == 0 && next.WakeAt == p.WakeAt {
		return after, nil
	}
	if !mute {
		told, err := s.tell(ctx, a, &after.Page, in.User, effects)
		if err != nil {
			return p, err
		}
		after.told = max(after.told, told)
	}
	if err := save(ctx, a.Tx(), after, p.Current.All()); err != nil {
		return p, err
	}
	return after, s.finish(ctx, a.Tx(), after, effects)
}

// finish writes the audit and arranges what follows the commit.
func (s *Service) finish(ctx context.Context, tx *db.Tx, p stored, effects []Effect) error {
	for _, e := range effects {
		actor := string(e.Step.User)
		if e.Step.By != "" {
			actor = string(e.Step.By)
		}
		if k := e.Step.Kind; k == Passed || k == Exhausted || k.carried() {
			actor = "system"
		}
		entry := audit.Entry{At: time.UnixMilli(e.Step.At), Actor: actor, Action: "page." + string(e.Step.Kind), Object: string(p.ID),
			Detail: map[string]string{"room": string(p.RoomID), "post": string(p.Current.Post.ID), "holder": string(p.Current.User)}}
		if e.Step.By != "" {
			entry.Detail["user"] = string(e.Step.User) // whom somebody else spoke for
		}
		if err := audit.Append(ctx, tx, entry); err != nil {
			return err
		}
	}
	tx.AfterCommit(func() {
		s.await(p)
		s.ring()
	})
	if s.OnStep == nil {
		return nil
	}
	return s.OnStep(ctx, tx, p.Snapshot)
}

// ring wakes the scheduler; it never blocks.
func (s *Service) ring() {
	select {
	case s.bell <- struct{}{}:
	default:
	}
}
