package ask

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"wardline/clinical/conversation"
	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// Deps is what the service needs; all are required.
type Deps struct {
	DB            *db.DB
	Rooms         *room.Service
	Conversations *conversation.Service
	Steward       id.User // the trust's service account
	Policy        Policy
	Now           func() time.Time
	Log           *slog.Logger
}

// Service answers for all asks.
type Service struct {
	Deps
	bell chan struct{} // wakes Run

	mu   sync.RWMutex      // guards open and read
	open map[id.Event]bool // the events that began those that are open
	read bool              // open has been read from the database
}

// New returns the service. It starts nothing.
func New(d Deps) *Service {
	return &Service{Deps: d, bell: make(chan struct{}, 1), open: map[id.Event]bool{}}
}

// Draft is an ask before it is asked.
type Draft struct {
	Txn    string // the asker's own name for it: the same one again is the same ask
	Room   id.Room
	Kind   Kind
	Text   obs.Hidden
	User   id.User          // who owes the answer, "" for nobody in particular
	Post   directory.PostID // or whoever holds this post
	Within time.Duration    // 0 for what the trust promises
}

// Limits of a draft.
const (
	maxText   = 2000
	maxTxn    = 120
	minWithin = time.Minute
	maxWithin = 14 * 24 * time.Hour
)

var errHidden = fault.New(fault.Hidden, "M_NOT_FOUND", "There is no such question.")

func (d Draft) check() error {
	bad := func(text string) error { return fault.New(fault.Invalid, "M_INVALID_PARAM", text) }
	switch {
	case d.Txn == "" || len(d.Txn) > maxTxn:
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "A question needs a transaction id, so that it is not asked twice.")
	case d.Kind != Question && d.Kind != Request:
		return bad("The kind is question or request.")
	case strings.TrimSpace(string(d.Text)) == "":
		return bad("Write what you ask.")
	case len(d.Text) > maxText:
		return bad("Keep it under 2000 letters.")
	case d.User != "" && d.Post != "":
		return bad("One person or one post owes the answer, not both.")
	case d.Within != 0 && (d.Within < minWithin || d.Within > maxWithin):
		return bad("An answer is due within a minute at the soonest and two weeks at the latest.")
	}
	return nil
}

// Ask asks, in a conversation that by is in; it is durable, and its clock runs, when Ask returns. Whoever shall answer must be in the
// conversation (fault.Invalid); the holder of a post comes in. A post that nobody holds is fault.Invalid: then one pages.
//
// hazard: H3 noticed, nobody owns it
func (s *Service) Ask(ctx context.Context, by id.User, d Draft) (Snapshot, error) {
	if err := d.check(); err != nil {
		return Snapshot{}, err
	}
	var made State
	err := s.DB.Write(ctx, "ask.ask", func(ctx context.Context, tx *db.Tx) error {
		earlier, err := db.Collect(ctx, tx, byTxn, scan, string(by), d.Txn)
		if err != nil {
			return err
		}
		if len(earlier) > 0 {
			made = earlier[0]
			return nil
		}
		a, err := s.Conversations.Joined(ctx, tx, by, d.Room)
		if err != nil {
			return err
		}
		if made, err = s.prepare(ctx, a, by, d); err != nil {
			return err
		}
		if err := s.begin(ctx, a, &made); err != nil {
			return err
		}
		if err := Check(made); err != nil {
			return err
		}
		if err := add(ctx, tx, made, d.Txn); err != nil {
			return err
		}
		return s.finish(ctx, tx, made, Effect{Step: made.Steps[0]})
	})
	return made.Snapshot, err
}

func (s *Service) prepare(ctx context.Context, a *room.Act, by id.User, d Draft) (State, error) {
	now := s.Now()
	name, err := directory.NameOf(ctx, a.Tx(), by)
	if err != nil {
		return State{}, err
	}
	owner, err := s.owner(ctx, a, by, d.User, d.Post)
	if err != nil {
		return State{}, err
	}
	within := d.Within
	if within == 0 {
		within = s.Policy.Within(d.Kind)
	}
	at, dueAt := now.UnixMilli(), now.Add(within).UnixMilli()
	st := State{Snapshot: Snapshot{ID: ID("qu_" + id.NewOpaque(12)), RoomID: a.Room(), Seq: 1, Kind: d.Kind, Text: strings.TrimSpace(string(d.Text)),
		From: Who{by, name}, Owner: owner, AskedAt: at, DueAt: dueAt, Status: Open, Steps: []Event{{Kind: Asked, At: at, User: by, Name: name}}}}
	st.RemindAt = max(at+within.Milliseconds()/2, dueAt-s.Policy.Remind.Milliseconds())
	st.TellAt = dueAt + max(s.Policy.Escalate, time.Second).Milliseconds()
	st.WakeAt = st.RemindAt
	return st, nil
}

// owner finds who owes: a person in the room, or whoever holds a post, who comes in.
func (s *Service) owner(ctx context.Context, a *room.Act, by, user id.User, post directory.PostID) (Owner, error) {
	if post == "" {
		if user == "" {
			return Owner{}, nil
		}
		if user == by || user == s.Steward || a.Membership(user) != "join" {
			return Owner{}, fault.New(fault.Invalid, "M_INVALID_PARAM", "Ask somebody else who is in this conversation.")
		}
		name, err := directory.NameOf(ctx, a.Tx(), user)
		return Owner{Who: Who{user, name}}, err
	}
	p, err := directory.FindPost(ctx, a.Tx(), post)
	if fault.Is(err, fault.NotFound) {
		return Owner{}, fault.New(fault.Invalid, "M_INVALID_PARAM", "There is no such post.")
	}
	if err != nil {
		return Owner{}, err
	}
	holders, err := s.holders(ctx, a.Tx(), post)
	if err != nil {
		return Owner{}, err
	}
	if len(holders) == 0 {
		return Owner{}, fault.New(fault.Invalid, "UK_WARDLINE_EMPTY", "Nobody holds this post now. Page it, so that it goes to the next.")
	}
	if _, err := s.Conversations.AddIn(ctx, a, by, []id.User{holders[0].User}); err != nil {
		return Owner{}, err
	}
	return Owner{Who: holders[0], Post: &Post{ID: p.ID, Name: p.Name}}, nil
}

func (s *Service) holders(ctx context.Context, q db.Querier, post directory.PostID) ([]Who, error) {
	if post == "" {
		return nil, nil
	}
	list, err := rota.Holders(ctx, q, post, s.Now())
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	out := make([]Who, 0, len(list))
	for _, d := range list {
		out = append(out, Who{d.User, d.Name})
	}
	return out, nil
}

// Close ends an ask that is no longer needed; only its asker may.
func (s *Service) Close(ctx context.Context, by id.User, ask ID) (Snapshot, error) {
	return s.act(ctx, by, ask, func(context.Context, *room.Act) (Input, error) { return Input{Verb: Close}, nil })
}

// Pass gives an ask to another person in the conversation, or to a post; its owner and its asker may.
func (s *Service) Pass(ctx context.Context, by id.User, ask ID, user id.User, post directory.PostID) (Snapshot, error) {
	return s.act(ctx, by, ask, func(ctx context.Context, a *room.Act) (Input, error) {
		to, err := s.owner(ctx, a, "", user, post)
		if err == nil && to.User == "" {
			err = fault.New(fault.Invalid, "M_INVALID_PARAM", "Say to whom it passes.")
		}
		return Input{Verb: Pass, To: to}, err
	})
}

func (s *Service) act(ctx context.Context, by id.User, ask ID, input func(context.Context, *room.Act) (Input, error)) (Snapshot, error) {
	var after State
	err := s.DB.Write(ctx, "ask.act", func(ctx context.Context, tx *db.Tx) error {
		st, err := db.One(ctx, tx, byID, scan, string(ask))
		if fault.Is(err, fault.NotFound) {
			return errHidden
		}
		if err != nil {
			return err
		}
		a, err := s.Conversations.Joined(ctx, tx, by, st.RoomID)
		if err != nil {
			return fault.Hide(err, "M_NOT_FOUND", errHidden.Public)
		}
		in, err := input(ctx, a)
		if err != nil {
			return err
		}
		after, err = s.apply(ctx, a, st, by, in, true)
		return err
	})
	return after.Snapshot, err
}

// apply runs one Step inside an open act and makes it true: lines in the room, the row, the audit, the clock.
func (s *Service) apply(ctx context.Context, a *room.Act, st State, by id.User, in Input, shown bool) (State, error) {
	if by != "" {
		name, err := directory.NameOf(ctx, a.Tx(), by)
		if err != nil {
			return st, err
		}
		in.By = Who{by, name}
	}
	var err error
	if in.Holders, err = s.holders(ctx, a.Tx(), st.post()); err != nil {
		return st, err
	}
	next, effects, err := Step(st, s.Now(), in)
	if err != nil {
		return st, err
	}
	if err := Check(next); err != nil {
		return st, err
	}
	if len(effects) == 0 && next.WakeAt == st.WakeAt {
		return next, nil
	}
	if err := s.tell(ctx, a, next, by, effects, shown); err != nil {
		return st, err
	}
	if err := save(ctx, a.Tx(), next); err != nil {
		return st, err
	}
	for _, e := range effects {
		if err := s.finish(ctx, a.Tx(), next, e); err != nil {
			return st, err
		}
	}
	return next, nil
}

// finish writes the audit and arranges what follows the commit.
func (s *Service) finish(ctx context.Context, tx *db.Tx, st State, e Effect) error {
	actor := string(e.Step.User)
	if slices.Contains([]string{Reminded, Overdue, Unanswered, Moved}, e.Step.Kind) {
		actor = "system"
	}
	entry := audit.Entry{At: time.UnixMilli(e.Step.At), Actor: actor, Action: "ask." + e.Step.Kind, Object: string(st.ID),
		Detail: map[string]string{"room": string(st.RoomID), "owner": string(st.Owner.User), "post": string(st.post())}}
	if err := audit.Append(ctx, tx, entry); err != nil {
		return err
	}
	tx.OnCommit(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if st.Status == Open {
			s.open[st.EventID] = true
		} else {
			delete(s.open, st.EventID)
		}
	})
	tx.AfterCommit(s.ring)
	return nil
}

// Owed returns what somebody owes now, by themselves and by the posts they hold, the soonest first.
func (s *Service) Owed(ctx context.Context, by id.User) ([]Snapshot, error) {
	all, err := db.Collect(ctx, s.DB, owedBy, scan, string(by))
	if err != nil {
		return nil, err
	}
	held, err := rota.Held(ctx, s.DB, by, s.Now())
	if err != nil {
		return nil, err
	}
	for _, d := range held {
		more, err := db.Collect(ctx, s.DB, owedIn, scan, string(d.Post))
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return s.visible(ctx, by, all)
}

// Asked returns what somebody has asked and nobody has answered, the soonest first.
func (s *Service) Asked(ctx context.Context, by id.User) ([]Snapshot, error) {
	all, err := db.Collect(ctx, s.DB, askedBy, scan, string(by))
	if err != nil {
		return nil, err
	}
	return s.visible(ctx, by, all)
}

// visible leaves out what stands in conversations that the person is not in.
func (s *Service) visible(ctx context.Context, by id.User, all []State) ([]Snapshot, error) {
	out := []Snapshot{}
	for _, st := range all {
		feed, err := s.Rooms.Feed(ctx, st.RoomID)
		if err != nil {
			return nil, err
		}
		if feed.Membership(by) == "join" {
			out = append(out, st.Snapshot)
		}
	}
	slices.SortStableFunc(out, func(a, b Snapshot) int { return int(a.DueAt - b.DueAt) })
	return out, nil
}

func (s *Service) ring() {
	select {
	case s.bell <- struct{}{}:
	default:
	}
}
