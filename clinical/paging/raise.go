package paging

import (
	"context"
	"encoding/json"
	"fmt"

	"wardline/clinical/patient"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// NewPage is a page before it is raised.
type NewPage struct {
	Txn      string // the sender's own name for it: the same one again is the same page
	To       Target
	Urgency  Urgency
	Patient  patient.ID // "" for none
	Room     id.Room    // "" for the patient's room, or one made for the page
	Where    obs.Hidden
	What     obs.Hidden
	Need     string // attend, ring, advise, or cover: a post that is not held
	Callback obs.Hidden
	Practice bool       // a drill or a test: it is in no measure
	As       Sender     // whose name a page of the service account bears: another system's, or the rota's
	For      obs.Hidden // who has rung the switchboard, which sends the page for them; "" for the sender's own
}

// Longest texts, in bytes.
const (
	maxWhere = 200
	maxWhat  = 1500
	maxCall  = 60
	maxNote  = 300
	maxTxn   = 120
)

var errTooLong = fault.New(fault.Invalid, "M_INVALID_PARAM", "Keep it shorter: the one who is paged reads this on the way.")

// check refuses a page that could not be understood.
func (n NewPage) check() error {
	switch {
	case n.Txn == "" || len(n.Txn) > maxTxn:
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "A page needs a transaction id, so that it is not sent twice.")
	case n.Urgency != Urgent && n.Urgency != Emergency:
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The urgency is urgent or emergency.")
	case needs[n.Need] == "":
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "Say what you need: attend, ring or advise.")
	case n.What == "":
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "Say what it is about.")
	case len(n.Where) > maxWhere, len(n.What) > maxWhat, len(n.Callback) > maxCall:
		return errTooLong
	}
	return nil
}

// Raise sends a page to whoever holds the post now and returns it; it is durable, and its clock runs, when Raise returns. The same
// transaction id of the same sender returns the page that is already there. A post that does not exist or cannot be paged, or a
// patient who is not the room's, is fault.Invalid; a room that the sender is not in is fault.Hidden.
//
// hazard: H1 urgent message not delivered
// hazard: H4 sent to wrong person or role
func (s *Service) Raise(ctx context.Context, by id.User, n NewPage) (Snapshot, error) {
	var raised Snapshot
	err := s.DB.WriteFirst(ctx, "paging.raise", func(ctx context.Context, tx *db.Tx) (err error) {
		raised, err = s.RaiseIn(ctx, tx, by, n)
		return err
	})
	return raised, err
}

// RaiseIn is Raise inside an open transaction.
func (s *Service) RaiseIn(ctx context.Context, tx *db.Tx, by id.User, n NewPage) (Snapshot, error) {
	var none Snapshot
	if err := n.check(); err != nil {
		return none, err
	}
	if p, ok, err := earlier(ctx, tx, by, n.Txn); ok || err != nil {
		return p.Snapshot, err
	}
	p, a, err := s.prepare(ctx, tx, by, n)
	if err != nil {
		return none, err
	}
	in := Input{Verb: Raise, User: by}
	now, err := s.world(ctx, tx, p, &in)
	if err != nil {
		return none, err
	}
	p, effects, err := Step(p, now, in)
	if err != nil {
		return none, err
	}
	if err := Check(p, now); err != nil {
		return none, err
	}
	after := stored{Page: p}
	if after.told, err = s.tell(ctx, a, &after.Page, by, effects); err != nil {
		return none, err
	}
	if err := add(ctx, tx, after, n.Txn); err != nil {
		return none, err
	}
	return after.Snapshot, s.finish(ctx, tx, after, effects)
}

// prepare finds everything that a new page names, and the room it belongs to.
func (s *Service) prepare(ctx context.Context, tx *db.Tx, by id.User, n NewPage) (Page, *room.Act, error) {
	var p Page
	from, err := s.sender(ctx, tx, by, n)
	if err != nil {
		return p, nil, err
	}
	post, l, err := s.ladder(ctx, tx, n.To, n.Urgency, s.Now())
	if err != nil {
		return p, nil, err
	}
	a, about, err := s.place(ctx, tx, by, n, post.Name)
	if err != nil {
		return p, nil, err
	}
	p = Page{Ladder: l.rungs, RungFor: l.each, Practice: n.Practice}
	p.Snapshot = Snapshot{ID: ID("pg_" + id.NewOpaque(12)), RoomID: a.Room(), Urgency: n.Urgency, Post: post, Patient: about,
		Quorum: some(l.quorum), Policy: l.policy,
		Where: string(n.Where), What: string(n.What), Need: n.Need, Callback: string(n.Callback),
		From: from}
	if n.For != "" {
		p.From.Role = "for " + string(n.For)
	}
	return p, a, nil
}

// place finds the room of a page and whom it is about.
//
// hazard: H5 wrong patient attached
func (s *Service) place(ctx context.Context, tx *db.Tx, by id.User, n NewPage, name string) (*room.Act, *patient.Ref, error) {
	if n.Room == "" && n.Patient == "" {
		a, err := s.Conversations.PageRoom(ctx, tx, by, name)
		return a, nil, err
	}
	if n.Room == "" {
		a, err := s.Conversations.PatientRoom(ctx, tx, by, n.Patient)
		if err != nil {
			return nil, nil, err
		}
		ref, err := s.about(ctx, tx, n.Patient)
		return a, ref, err
	}
	a, err := s.Conversations.Joined(ctx, tx, by, n.Room)
	if err != nil {
		return nil, nil, err
	}
	linked, err := Linked(a)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case linked != "" && n.Patient != "" && linked != n.Patient:
		return nil, nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "This conversation is about another patient.")
	case n.Patient == "":
		n.Patient = linked
	}
	if n.Patient == "" {
		return a, nil, nil
	}
	ref, err := s.about(ctx, tx, n.Patient)
	return a, ref, err
}

func (s *Service) about(ctx context.Context, q db.Querier, who patient.ID) (*patient.Ref, error) {
	p, err := patient.Find(ctx, q, who)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "There is no such patient.")
	}
	ref := p.Ref()
	return &ref, err
}

// Linked returns whom a room is about, "" for nobody.
func Linked(a *room.Act) (patient.ID, error) {
	raw := a.State(patient.StateType, "")
	if raw == nil {
		return "", nil
	}
	var link patient.Link
	if err := json.Unmarshal(raw, &link); err != nil {
		return "", fmt.Errorf("patient of %s: %w", a.Room(), err)
	}
	return link.ID, nil
}
