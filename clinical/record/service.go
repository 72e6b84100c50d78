package record

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"time"

	"wardline/clinical/conversation"
	"wardline/clinical/directory"
	"wardline/clinical/paging"
	"wardline/clinical/patient"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// Retry is how the outbox waits: First after the first failure, twice as long each time, at most Max.
type Retry struct{ First, Max time.Duration }

// DefaultRetry is from two seconds to a minute: one filing tries, and when it gets through the others follow at once.
func DefaultRetry() Retry { return Retry{2 * time.Second, time.Minute} }

func (r Retry) after(attempts int) time.Duration {
	d := max(r.First, 100*time.Millisecond)
	for range min(attempts-1, 20) {
		d = min(2*d, r.Max)
	}
	return d
}

// Deps is what the service needs; all are required but Client, without which filings wait.
type Deps struct {
	DB            *db.DB
	Rooms         *room.Service
	Conversations *conversation.Service
	Steward       id.User // the trust's service account
	Organisation  Organisation
	Client        *Client // nil: no record system is configured yet
	Retry         Retry
	Now           func() time.Time
	Log           *slog.Logger
}

// Service marks decisions and files them.
type Service struct {
	Deps
	bell chan struct{} // capacity 1, coalesces: something waits
}

// New returns the service; Run must be running for filings to go out.
func New(d Deps) *Service { return &Service{Deps: d, bell: make(chan struct{}, 1)} }

var (
	errNoEvent   = fault.New(fault.Hidden, "M_NOT_FOUND", "There is no such message.")
	errNoText    = fault.New(fault.Invalid, "M_INVALID_PARAM", "Only a message with text can be filed as a decision.")
	errNoPatient = fault.New(fault.Invalid, "M_INVALID_PARAM", "Say which patient this decision is about.")
	errOther     = fault.New(fault.Invalid, "M_INVALID_PARAM", "This conversation is about another patient.")
	errNumber    = fault.New(fault.Invalid, "M_INVALID_PARAM", "This patient has no number under which the record could file.")
)

// Decide marks a message as a decision about a patient and puts it into the outbox, in one act. An empty patient means the room's.
// Marking a message again returns what is there. A message that the user cannot see is fault.Hidden; no patient, or another than the
// room's, is fault.Invalid.
//
// hazard: H5 wrong patient attached
// hazard: H10 decision not filed, or filed twice
func (s *Service) Decide(ctx context.Context, by id.User, in id.Room, event id.Event, about patient.ID) (Decision, Filing, error) {
	text, ev, err := s.read(ctx, by, in, event)
	if err != nil {
		return Decision{}, Filing{}, err
	}
	var d Decision
	var f Filing
	err = s.DB.Write(ctx, "record.decide", func(ctx context.Context, tx *db.Tx) error {
		a, err := s.Conversations.Joined(ctx, tx, by, in)
		if err != nil {
			return err
		}
		k, err := db.One(ctx, tx, decisionByEvent, scanDecision, string(in), string(event))
		if err == nil {
			t, err := db.One(ctx, tx, filingByID, scanTask, string(k.ID))
			d, f = k.Decision, t.Filing
			return err
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		d, f, err = s.DecideIn(ctx, a, by, ev, text, about, s.Now())
		return err
	})
	return d, f, err
}

// read returns the words of a message as the user sees them now, edits included.
func (s *Service) read(ctx context.Context, by id.User, in id.Room, event id.Event) (string, *room.Event, error) {
	feed, err := s.Rooms.Feed(ctx, in)
	if fault.Is(err, fault.Hidden) || fault.Is(err, fault.NotFound) {
		return "", nil, errNoEvent
	}
	if err != nil {
		return "", nil, err
	}
	ev, _, err := s.Rooms.Find(ctx, feed, by, event)
	if fault.Is(err, fault.Hidden) || fault.Is(err, fault.NotFound) {
		return "", nil, errNoEvent
	}
	if err != nil {
		return "", nil, err
	}
	if ev.Type != "m.room.message" || ev.RedactedBy != "" {
		return "", nil, errNoText
	}
	raw := ev.Event.Content
	edits, err := s.Rooms.Children(ctx, feed, event, s.Rooms.Position(), 0, 100, false)
	if err != nil {
		return "", nil, err
	}
	for _, e := range edits { // newest first
		if e.RelType == "m.replace" && e.Sender == ev.Sender && e.RedactedBy == "" {
			var c struct {
				New json.RawMessage `json:"m.new_content"`
			}
			if json.Unmarshal(e.Event.Content, &c) == nil && c.New != nil {
				raw = c.New
			}
			break
		}
	}
	var c struct {
		Body     string          `json:"body"`
		Decision json.RawMessage `json:"uk.wardline.decision"`
	}
	if err := json.Unmarshal(raw, &c); err != nil || strings.TrimSpace(c.Body) == "" || c.Decision != nil {
		return "", nil, errNoText
	}
	return c.Body, ev, nil
}

// DecideIn is Decide inside an open act, at an instant, for a message that the caller has read: text is what it says.
func (s *Service) DecideIn(ctx context.Context, a *room.Act, by id.User, ev *room.Event, text string, about patient.ID, at time.Time) (Decision, Filing, error) {
	var none Filing
	src, err := s.gather(ctx, a, by, ev, text, about, at)
	if err != nil {
		return Decision{}, none, err
	}
	d := Decision{ID: src.Decision, EventID: ev.ID, By: by, Name: src.DecidedBy.Name, At: src.DecidedAt.UnixMilli(), Patient: src.Patient.Ref()}
	f := Filing{Decision: d.ID, Status: Waiting, At: d.At}
	filed, err := src.build()
	if err != nil {
		return d, f, err
	}
	c := contentOf(d, f)
	c.MsgType, c.Body = "m.notice", "Decision, for the record: "+text
	notice, err := a.SendAt(ctx, by, "m.room.message", c, at)
	if err != nil {
		return d, f, err
	}
	k := kept{Decision: d, room: a.Room(), notice: notice.ID}
	if err := insert(ctx, a.Tx(), k, f, d.At, filed); err != nil {
		return d, f, err
	}
	for _, e := range []id.Event{ev.ID, notice.ID} {
		if _, err := a.Tx().Exec(ctx, noteEvent, string(e), string(d.ID)); err != nil {
			return d, f, err
		}
	}
	a.Tx().AfterCommit(s.ring)
	return d, f, audit.Append(ctx, a.Tx(), audit.Entry{At: src.DecidedAt, Actor: string(by), Action: "record.decide", Object: string(d.ID),
		Detail: map[string]string{"room": string(a.Room()), "event": string(ev.ID), "patient": string(src.Patient.ID)}})
}

// gather fixes everything that will be filed.
func (s *Service) gather(ctx context.Context, a *room.Act, by id.User, ev *room.Event, text string, about patient.ID, at time.Time) (source, error) {
	src := source{Org: s.Organisation, Decision: DecisionID("dc_" + id.NewOpaque(12)), DecidedAt: at.Truncate(time.Millisecond), Event: ev.ID,
		Room: a.Room(), WrittenAt: time.UnixMilli(ev.OriginServerTS), Text: text}
	linked, err := paging.Linked(a)
	if err != nil {
		return src, err
	}
	switch {
	case about == "":
		about = linked
	case linked != "" && linked != about:
		return src, errOther
	}
	if about == "" {
		return src, errNoPatient
	}
	if src.Patient, err = patient.Find(ctx, a.Tx(), about); fault.Is(err, fault.NotFound) {
		return src, errNoPatient
	} else if err != nil {
		return src, err
	}
	if src.Patient.NHS == "" && src.Patient.Hospital == "" {
		return src, errNumber
	}
	if src.DecidedBy, err = s.person(ctx, a.Tx(), by); err != nil {
		return src, err
	}
	src.WrittenBy, err = s.person(ctx, a.Tx(), ev.Sender)
	return src, err
}

func (s *Service) person(ctx context.Context, q db.Querier, user id.User) (author, error) {
	p, err := directory.FindPerson(ctx, q, user)
	if fault.Is(err, fault.NotFound) {
		return author{User: user, Name: string(user), Role: "not in the directory"}, nil
	}
	return author{User: user, Name: p.Name, Role: p.Detail()}, err
}

func (s *Service) ring() {
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

// Find returns how a decision's filing stands. It is for people who are in the decision's room; others get fault.Hidden.
func (s *Service) Find(ctx context.Context, by id.User, decision DecisionID) (Filing, error) {
	k, err := db.One(ctx, s.DB, decisionByID, scanDecision, string(decision))
	if fault.Is(err, fault.NotFound) {
		return Filing{}, errNoEvent
	}
	if err != nil {
		return Filing{}, err
	}
	m, err := s.Rooms.Standing(ctx, by, k.room)
	if err != nil {
		return Filing{}, err
	}
	if m.Is != "join" {
		return Filing{}, errNoEvent
	}
	t, err := db.One(ctx, s.DB, filingByID, scanTask, string(decision))
	return t.Filing, err
}
