package emergency

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"wardline/clinical/conversation"
	"wardline/clinical/directory"
	"wardline/clinical/paging"
	"wardline/clinical/patient"
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
	Paging        *paging.Service
	Steward       id.User // the trust's service account
	Now           func() time.Time
	Log           *slog.Logger
}

// Service calls teams.
type Service struct {
	Deps
	bell chan struct{} // capacity 1, coalesces: a call was raised
}

// New returns the service. Paging must tell it of its steps (OnPage); Run must be running for open calls to be remembered.
func New(d Deps) *Service { return &Service{Deps: d, bell: make(chan struct{}, 1)} }

var errHidden = fault.New(fault.Hidden, "M_NOT_FOUND", "There is no such emergency call.")

// NewCall is a call before it is raised.
type NewCall struct {
	Txn     string // the caller's own name for it: the same one again is the same call
	Team    TeamID
	Place   obs.Hidden // where to come
	What    obs.Hidden // a few words, or nothing
	Patient patient.ID // "" for none
	Drill   bool
	For     obs.Hidden // on whose behalf the switchboard calls; "" for whoever raises it
}

// Longest texts, in bytes.
const (
	maxPlace = 160
	maxWhat  = 300
	maxTxn   = 100
	maxFor   = 80
)

func (n NewCall) check() error {
	bad := func(text string) error { return fault.New(fault.Invalid, "M_INVALID_PARAM", text) }
	switch {
	case n.Txn == "" || len(n.Txn) > maxTxn:
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "A call needs a transaction id, so that it is not made twice.")
	case strings.TrimSpace(string(n.Place)) == "":
		return bad("Say where to come.")
	case len(n.Place) > maxPlace, len(n.What) > maxWhat, len(n.For) > maxFor:
		return bad("Keep it shorter: the team reads this while they run.")
	}
	return nil
}

// Raise calls a team: a room with everybody in it and a page to each seat, in one transaction; it is durable, and its clocks run, when Raise
// returns. The same transaction id of the same person returns the call that is already there. An unknown team or patient is fault.Invalid.
// A seat whose post can no longer be paged keeps nobody else from being called.
//
// hazard: H1 urgent message not delivered
// hazard: H4 sent to wrong person or role
func (s *Service) Raise(ctx context.Context, by id.User, n NewCall) (Call, error) {
	if err := n.check(); err != nil {
		return Call{}, err
	}
	var raised Call
	err := s.DB.WriteFirst(ctx, "emergency.raise", func(ctx context.Context, tx *db.Tx) (err error) {
		earlier, err := db.Collect(ctx, tx, byTxn, scan, string(by), n.Txn)
		if err != nil {
			return err
		}
		if len(earlier) > 0 {
			raised = earlier[0]
			return nil
		}
		raised, err = s.raise(ctx, tx, by, n)
		return err
	})
	return raised, err
}

func (s *Service) raise(ctx context.Context, tx *db.Tx, by id.User, n NewCall) (Call, error) {
	c, err := s.prepare(ctx, tx, by, n)
	if err != nil {
		return c, err
	}
	a, err := s.Conversations.IncidentRoom(ctx, tx, by, c.Title())
	if err != nil {
		return c, err
	}
	c.RoomID = a.Room()
	if err := s.bring(ctx, a, c); err != nil {
		return c, err
	}
	now := s.Now()
	if c, _, err = Step(c, now, Input{Verb: Raise, By: Who{by, c.From.Name}}); err != nil {
		return c, err
	}
	if err := s.begin(ctx, a, &c); err != nil {
		return c, err
	}
	in := Input{Verb: Summon, By: Who{by, c.From.Name}, Pages: map[directory.PostID]paging.Snapshot{}}
	for _, seat := range c.Seats {
		if err := s.summon(ctx, tx, by, c, seat.Post.ID, n, &in); err != nil {
			return c, err
		}
	}
	if err := add(ctx, tx, c, n.Txn, now.Add(overlong).UnixMilli()); err != nil {
		return c, err
	}
	tx.AfterCommit(s.ring)
	return s.apply(ctx, a, c, in)
}

// summon raises the page of one seat, unless whoever raises the call fills it.
func (s *Service) summon(ctx context.Context, tx *db.Tx, by id.User, c Call, post directory.PostID, n NewCall, in *Input) error {
	holders, err := rota.Holders(ctx, tx, post, s.Now())
	if err != nil {
		return err
	}
	if len(holders) > 0 && holders[0].User == by && n.For == "" {
		in.Own = append(in.Own, post)
		return nil
	}
	what := c.Team.Name
	if c.Drill {
		what = "DRILL: " + what
	}
	if c.What != "" {
		what += ". " + c.What
	}
	p, err := s.Paging.RaiseIn(ctx, tx, by, paging.NewPage{Txn: string(c.ID) + "/" + string(post), To: paging.Target{Post: post}, Urgency: paging.Emergency, Patient: n.Patient,
		Room: c.RoomID, Where: obs.Hidden(c.Place), What: obs.Hidden(what), Need: "attend", Practice: c.Drill})
	if fault.Is(err, fault.Invalid) {
		s.Log.Error("a seat of an emergency team cannot be paged", "call", c.ID, "post", post, "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	in.Pages[post] = p
	_, err = tx.Exec(ctx, notePage, string(p.ID), string(c.ID))
	return err
}

// prepare finds everything that a new call names.
func (s *Service) prepare(ctx context.Context, tx *db.Tx, by id.User, n NewCall) (Call, error) {
	var c Call
	t, err := db.One(ctx, tx, oneTeam, scanTeam, string(n.Team))
	if fault.Is(err, fault.NotFound) {
		return c, fault.New(fault.Invalid, "M_INVALID_PARAM", "There is no such emergency team.")
	}
	if err != nil {
		return c, err
	}
	sender, err := directory.FindPerson(ctx, tx, by)
	if err != nil {
		return c, err
	}
	role := sender.Detail()
	if n.For != "" {
		role = "for " + string(n.For)
	}
	c.Snapshot = Snapshot{ID: ID("ec_" + id.NewOpaque(12)), Team: TeamRef{t.ID, t.Name}, Drill: n.Drill, Place: strings.TrimSpace(string(n.Place)),
		What: strings.TrimSpace(string(n.What)), From: Sender{by, sender.Name, role}}
	if n.Patient != "" {
		p, err := patient.Find(ctx, tx, n.Patient)
		if fault.Is(err, fault.NotFound) {
			return c, fault.New(fault.Invalid, "M_INVALID_PARAM", "There is no such patient.")
		}
		if err != nil {
			return c, err
		}
		ref := p.Ref()
		c.Patient = &ref
	}
	for _, seat := range t.Seats {
		p, err := directory.FindPost(ctx, tx, seat.Post)
		if fault.Is(err, fault.NotFound) {
			p.ID, p.Name = seat.Post, string(seat.Post)
		} else if err != nil {
			return c, err
		}
		c.Seats = append(c.Seats, SeatNow{Post: paging.PostRef{ID: p.ID, Name: p.Name}, Required: seat.Required})
	}
	return c, nil
}

// bring lets whoever is about to be called, and whoever holds the switchboard now, into the room. They come in before anything is said, so that
// the pages are the room's newest events: a client that asks for no more than the last ten of a room that is new to it finds its own among them.
//
// hazard: H1 urgent message not delivered
func (s *Service) bring(ctx context.Context, a *room.Act, c Call) error {
	posts, err := switchboards(ctx, a.Tx())
	if err != nil {
		return err
	}
	for _, seat := range c.Seats {
		posts = append(posts, seat.Post.ID)
	}
	for _, p := range posts {
		holders, err := rota.Holders(ctx, a.Tx(), p, s.Now())
		if err != nil {
			return err
		}
		for _, h := range holders {
			if a.Membership(h.User) != "join" {
				if err := a.Join(ctx, s.Steward, h.User); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// switchboards are the posts at which every page ends that nobody answers.
func switchboards(ctx context.Context, q db.Querier) ([]directory.PostID, error) {
	posts, err := directory.Posts(ctx, q)
	var all []directory.PostID
	for _, p := range posts {
		if p.Switchboard && !p.Closed {
			all = append(all, p.ID)
		}
	}
	return all, err
}

// Switchboard says whether somebody holds a switchboard post now.
func Switchboard(ctx context.Context, q db.Querier, user id.User, at time.Time) (bool, error) {
	held, err := rota.Held(ctx, q, user, at)
	if err != nil {
		return false, err
	}
	for _, d := range held {
		p, err := directory.FindPost(ctx, q, d.Post)
		if err != nil {
			return false, err
		}
		if p.Switchboard {
			return true, nil
		}
	}
	return false, nil
}

// Here notes that somebody is at the place, in a seat ("" for the one that is theirs), or with there false that they are not, after all.
// Everybody in the room says it of themselves; whoever leads, raised the call or holds the switchboard says it of anybody in the directory.
// Who fills a seat by being there has answered its page.
func (s *Service) Here(ctx context.Context, by id.User, call ID, who id.User, seat directory.PostID, there bool) (Call, error) {
	return s.act(ctx, "emergency.here", by, call, func(ctx context.Context, tx *db.Tx, in *Input) error {
		if who == "" {
			who = by
		}
		p, err := directory.FindPerson(ctx, tx, who)
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "That person is not in the directory.")
		}
		if in.Verb = Leave; there {
			in.Verb = Arrive
		}
		in.Who, in.Post = Who{who, p.Name}, seat
		return err
	})
}

// Lead lets somebody in the room lead from now on.
func (s *Service) Lead(ctx context.Context, by id.User, call ID) (Call, error) {
	return s.act(ctx, "emergency.lead", by, call, func(_ context.Context, _ *db.Tx, in *Input) error {
		in.Verb = Lead
		return nil
	})
}

// StandDown ends a call and closes its open pages. Whoever leads, raised it or holds the switchboard does that, and says why.
func (s *Service) StandDown(ctx context.Context, by id.User, call ID, reason obs.Hidden) (Call, error) {
	return s.act(ctx, "emergency.stand_down", by, call, func(_ context.Context, _ *db.Tx, in *Input) error {
		in.Verb, in.Reason = StandDown, string(reason)
		return nil
	})
}

// act does one thing to a call for a person who is in its room or holds the switchboard. For anybody else there is no such call.
func (s *Service) act(ctx context.Context, name string, by id.User, call ID, fill func(context.Context, *db.Tx, *Input) error) (Call, error) {
	var after Call
	err := s.DB.WriteFirst(ctx, name, func(ctx context.Context, tx *db.Tx) error {
		c, err := find(ctx, tx, call)
		if err != nil {
			return err
		}
		a, err := s.Rooms.In(ctx, tx, c.RoomID)
		if err != nil {
			return err
		}
		board, err := Switchboard(ctx, tx, by, s.Now())
		if err != nil {
			return err
		}
		if a.Membership(by) != "join" && !board {
			return errHidden
		}
		person, err := directory.NameOf(ctx, tx, by)
		if err != nil {
			return err
		}
		in := Input{By: Who{by, person}, Board: board}
		if err := fill(ctx, tx, &in); err != nil {
			return err
		}
		after, err = s.apply(ctx, a, c, in)
		return err
	})
	return after, err
}

// apply runs one Step inside an open act and makes it true: the row, the room, the audit, and the pages that end with it.
func (s *Service) apply(ctx context.Context, a *room.Act, c Call, in Input) (Call, error) {
	next, effect, err := Step(c, s.Now(), in)
	if err != nil {
		return c, err
	}
	if err := Check(next); err != nil {
		return c, err
	}
	tx := a.Tx()
	if err := save(ctx, tx, next); err != nil {
		return c, err
	}
	if effect.Tell != nil {
		if err := s.tell(ctx, a, next, in.By.User, *effect.Tell); err != nil {
			return c, err
		}
		for _, e := range next.Steps[len(c.Steps):] {
			if err := s.note(ctx, tx, next, in.By.User, e); err != nil {
				return c, err
			}
		}
	}
	by := paging.Person{User: in.By.User, Name: in.By.Name}
	for _, page := range effect.Accept {
		note := "is there"
		if effect.Who.User != in.By.User {
			note = "is there, says " + in.By.Name
		}
		if _, err := s.Paging.AcceptForIn(ctx, tx, page, by, paging.Person{User: effect.Who.User, Name: effect.Who.Name}, 0, note); err != nil {
			return c, err
		}
	}
	for _, page := range effect.Close {
		if _, err := s.Paging.StandDownIn(ctx, tx, page, by, "stood down"); err != nil {
			return c, err
		}
	}
	for _, o := range effect.Over {
		if _, err := s.Paging.PassOverIn(ctx, tx, o.Page, o.Who.User, paging.Reason{Code: paging.OtherSeat, Name: o.Who.Name}); err != nil {
			return c, err
		}
	}
	if len(effect.Accept)+len(effect.Close)+len(effect.Over) == 0 {
		return next, nil
	}
	return find(ctx, tx, next.ID) // what became of its pages has been written into it
}

// note writes what happened into the audit.
func (s *Service) note(ctx context.Context, tx *db.Tx, c Call, by id.User, e Event) error {
	if e.Kind == Told || e.Kind == ReachedKind || e.Kind == SeenKind || e.Kind == ComingKind || e.Kind == MissingKind {
		return nil // the page's own entries say so
	}
	if by == "" {
		by = e.User
	}
	detail := map[string]string{"room": string(c.RoomID)}
	if e.Post != "" {
		detail["post"] = string(e.Post)
	}
	if e.User != by {
		detail["user"] = string(e.User)
	}
	return audit.Append(ctx, tx, audit.Entry{At: time.UnixMilli(e.At), Actor: string(by), Action: "emergency." + string(e.Kind), Object: string(c.ID), Detail: detail})
}

// OnPage hears of every step of a page, inside its transaction, and brings the board of the call that the page belongs to up with it. It suits
// paging.Deps.OnStep. That somebody would close one seat's page alone is an error, which undoes it.
//
// hazard: H3 noticed, nobody owns it
func (s *Service) OnPage(ctx context.Context, tx *db.Tx, p paging.Snapshot) error {
	if p.Urgency != paging.Emergency {
		return nil
	}
	call, err := OfPage(ctx, tx, p.ID)
	if call == "" || err != nil {
		return err
	}
	c, err := find(ctx, tx, call)
	if err != nil {
		return err
	}
	a, err := s.Rooms.In(ctx, tx, c.RoomID)
	if err != nil {
		return err
	}
	_, err = s.apply(ctx, a, c, Input{Verb: Move, Page: p})
	return err
}

// ring wakes Run; it never blocks.
func (s *Service) ring() {
	select {
	case s.bell <- struct{}{}:
	default:
	}
}
