package rota

import (
	"context"
	"fmt"
	"slices"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Kind says what a request asks for.
type Kind string

// The kinds: another person does the duty, or two people change duties.
const (
	Cover Kind = "cover"
	Swap  Kind = "swap"
)

// RequestState is where a request stands.
type RequestState string

// The states. Asked waits for a colleague, Agreed for whoever keeps the rota; the others are ends.
const (
	Asked     RequestState = "asked"
	Agreed    RequestState = "agreed"
	Done      RequestState = "done"
	Turned    RequestState = "refused"  // by the colleague
	Declined  RequestState = "declined" // by whoever keeps the rota
	Withdrawn RequestState = "withdrawn"
	Overtaken RequestState = "lapsed" // its duty began
)

// Request asks for a duty to be done by somebody else. To is "" while anybody may offer to cover it.
type Request struct {
	ID       string
	Kind     Kind
	Duty     DutyID
	Want     DutyID // Swap: the other's duty
	Post     directory.PostID
	By       id.User
	To       id.User
	State    RequestState
	Note     string
	MadeAt   time.Time
	StartsAt time.Time
	EndedBy  id.User
}

// Answer is what somebody says to a request.
type Answer string

// The answers: a colleague agrees or refuses, whoever asked withdraws, whoever keeps the rota approves or declines.
const (
	SayAgree    Answer = "agree"
	SayRefuse   Answer = "refuse"
	SayWithdraw Answer = "withdraw"
	SayApprove  Answer = "approve"
	SayDecline  Answer = "decline"
)

func scanRequest(r db.Row) (q Request, err error) {
	var made, starts int64
	err = r.Scan(&q.ID, &q.Kind, &q.Duty, &q.Want, &q.Post, &q.By, &q.To, &q.State, &q.Note, &made, &starts, &q.EndedBy)
	q.MadeAt, q.StartsAt = time.UnixMilli(made), time.UnixMilli(starts)
	return q, err
}

const requestColumns = `id, kind, duty, want, post, by_user, to_user, state, note, made_at, starts_at, ended_by`

var (
	addRequest   = db.SQL("rota.add_request", `INSERT INTO rota_request (id, kind, duty, want, post, by_user, to_user, state, note, made_at, starts_at, ended_at, ended_by) VALUES ($1, $2, $3, $4, $5, $6, $7, 'asked', $8, $9, $10, 0, '')`)
	setRequest   = db.SQL("rota.set_request", `UPDATE rota_request SET state = $2, to_user = $3, ended_at = $4, ended_by = $5 WHERE id = $1`)
	requestByID  = db.SQL("rota.request", `SELECT `+requestColumns+` FROM rota_request WHERE id = $1 LIMIT 1`)
	requestsOpen = db.SQL("rota.requests_open", `SELECT `+requestColumns+` FROM rota_request WHERE state IN ('asked', 'agreed') ORDER BY starts_at, id LIMIT 500`)
	requestsMine = db.SQL("rota.requests_mine", `SELECT `+requestColumns+` FROM rota_request WHERE (by_user = $1 OR to_user = $1) AND made_at > $2 ORDER BY made_at DESC, id LIMIT 200`)
	requestsLate = db.SQL("rota.requests_late", `SELECT `+requestColumns+` FROM rota_request WHERE state IN ('asked', 'agreed') AND starts_at <= $1 ORDER BY starts_at LIMIT 100`)
	requestsFor  = db.SQL("rota.requests_for", `SELECT `+requestColumns+` FROM rota_request WHERE state IN ('asked', 'agreed') AND (duty = $1 OR want = $1) LIMIT 20`)
)

var (
	errTooLate = fault.New(fault.Conflict, "UK_WARDLINE_STARTED", "That duty has begun. Give the post to somebody instead.")
	errMoved   = fault.New(fault.Conflict, "UK_WARDLINE_CHANGED", "The rota has changed since this was asked. Ask again.")
	errEnded   = fault.New(fault.Conflict, "UK_WARDLINE_CLOSED", "This request has ended.")
	errNotYour = fault.New(fault.Forbidden, "M_FORBIDDEN", "That answer is for somebody else to give.")
)

// Request makes a request of a duty's own person. Unknown duties are fault.NotFound; of another's, fault.Forbidden.
func (s *Service) Request(ctx context.Context, r Request) (Request, error) {
	if r.Kind != Cover && r.Kind != Swap || r.Kind == Swap && (r.Want == "" || r.To == "") || r.Kind == Cover && r.Want != "" {
		return r, fault.New(fault.Invalid, "M_INVALID_PARAM", "Ask for cover, or to swap with one colleague's duty.")
	}
	if len(r.Note) > maxReason {
		return r, fault.New(fault.Invalid, "M_TOO_LARGE", "The note is too long.")
	}
	err := s.DB.Write(ctx, "rota.request", func(ctx context.Context, tx *db.Tx) error {
		d, err := s.future(ctx, tx, r.Duty)
		if err != nil {
			return err
		}
		if d.User != r.By {
			return fault.New(fault.Forbidden, "M_FORBIDDEN", "That is not your duty.")
		}
		r.Post, r.StartsAt, r.State, r.MadeAt = d.Post, d.From, Asked, s.Now()
		if r.To == r.By {
			return errSelf
		}
		if r.To != "" {
			if err := s.staff(ctx, tx, r.To); err != nil {
				return err
			}
		}
		if r.Kind == Swap {
			want, err := s.future(ctx, tx, r.Want)
			if err != nil {
				return err
			}
			if want.User != r.To {
				return errMoved
			}
			if want.From.Before(r.StartsAt) {
				r.StartsAt = want.From
			}
		}
		open, err := db.Collect(ctx, tx, requestsFor, scanRequest, string(r.Duty))
		if err != nil {
			return err
		}
		if len(open) > 0 {
			return fault.New(fault.Conflict, "UK_WARDLINE_ASKED", "There is a request about this duty already. Withdraw it first.")
		}
		r.ID = "rq_" + id.NewOpaque(12)
		if _, err := tx.Exec(ctx, addRequest, r.ID, string(r.Kind), string(r.Duty), string(r.Want), string(r.Post), string(r.By), string(r.To), r.Note, r.MadeAt.UnixMilli(), r.StartsAt.UnixMilli()); err != nil {
			return err
		}
		tx.AfterCommit(s.Changed)
		if err := s.note(ctx, tx, r.By, "rota.request", string(r.Post), map[string]string{"request": r.ID, "kind": string(r.Kind), "to": string(r.To)}); err != nil {
			return err
		}
		return s.tellRequest(ctx, tx, r, d, "asks you to "+string(r.Kind), []id.User{r.To}, r.By)
	})
	return r, err
}

// future returns a published duty that has not begun.
func (s *Service) future(ctx context.Context, q db.Querier, duty DutyID) (Duty, error) {
	d, err := Find(ctx, q, duty)
	if err != nil {
		return d, err
	}
	if d.Draft {
		return d, fault.New(fault.NotFound, "M_NOT_FOUND", "Not found.")
	}
	if !d.From.After(s.Now()) {
		return d, errTooLate
	}
	return d, nil
}

// Reply answers a request. Who may not see it gets fault.Hidden, who may not give that answer fault.Forbidden; a request that has ended
// is fault.Conflict. Approving makes the change, unless it leaves somebody too little rest and rested is not set: that is a
// fault.Conflict with code ErrRest.
func (s *Service) Reply(ctx context.Context, by directory.By, request string, say Answer, rested bool) (Request, error) {
	var r Request
	err := s.DB.Write(ctx, "rota.reply", func(ctx context.Context, tx *db.Tx) error {
		var err error
		if r, err = db.One(ctx, tx, requestByID, scanRequest, request); err != nil {
			return fault.Hide(err, "M_NOT_FOUND", "There is no such request.")
		}
		keeps := s.keeps(ctx, tx, by, r.Post)
		if keeps != nil && !fault.Is(keeps, fault.Forbidden) {
			return keeps
		}
		if r.By != by.User && r.To != by.User && r.To != "" && keeps != nil {
			return fault.New(fault.Hidden, "M_NOT_FOUND", "There is no such request.")
		}
		if r.State != Asked && r.State != Agreed {
			return errEnded
		}
		d, err := s.future(ctx, tx, r.Duty)
		if err != nil {
			return err
		}
		return s.answer(ctx, tx, by, &r, d, say, keeps == nil, rested)
	})
	return r, err
}

func (s *Service) answer(ctx context.Context, tx *db.Tx, by directory.By, r *Request, d Duty, say Answer, keeps, rested bool) error {
	colleague := by.User != r.By && (r.To == by.User || r.To == "" && r.Kind == Cover)
	var words string
	var to []id.User
	switch {
	case say == SayAgree && colleague && r.State == Asked:
		r.State, r.To = Agreed, by.User
		keepers, err := s.keepersOf(ctx, tx, r.Post)
		if err != nil {
			return err
		}
		words, to = "agrees to "+string(r.Kind), append(keepers, r.By)
	case say == SayRefuse && r.To == by.User && r.To != "":
		r.State, words, to = Turned, "cannot "+string(r.Kind), []id.User{r.By}
	case say == SayWithdraw && r.By == by.User:
		r.State, words, to = Withdrawn, "no longer asks to "+string(r.Kind), []id.User{r.To}
	case say == SayDecline && keeps:
		r.State, words, to = Declined, "declines to let you "+string(r.Kind), []id.User{r.By, r.To}
	case say == SayApprove && keeps && r.State == Agreed:
		if err := s.exchange(ctx, tx, *r, d, rested); err != nil {
			return err
		}
		r.State, words, to = Done, "has approved the "+string(r.Kind)+" of", []id.User{r.By, r.To}
	case say == SayApprove && keeps:
		return fault.New(fault.Conflict, "UK_WARDLINE_WAITS", "Nobody has agreed to it yet.")
	case say == SayAgree || say == SayRefuse || say == SayWithdraw || say == SayDecline || say == SayApprove:
		return errNotYour
	default:
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The answer is agree, refuse, withdraw, approve or decline.")
	}
	end := int64(0)
	if r.State != Agreed {
		end, r.EndedBy = s.Now().UnixMilli(), by.User
	}
	if _, err := tx.Exec(ctx, setRequest, r.ID, string(r.State), string(r.To), end, string(r.EndedBy)); err != nil {
		return err
	}
	if err := s.note(ctx, tx, by.User, "rota."+string(say), string(r.Post), map[string]string{"request": r.ID}); err != nil {
		return err
	}
	return s.tellRequest(ctx, tx, *r, d, words, to, by.User)
}

// exchange makes what was agreed true.
func (s *Service) exchange(ctx context.Context, tx *db.Tx, r Request, d Duty, rested bool) error {
	if d.User != r.By {
		return errMoved
	}
	changed := []Duty{d}
	changed[0].User = r.To
	if r.Kind == Swap {
		want, err := s.future(ctx, tx, r.Want)
		if err != nil {
			return err
		}
		if want.User != r.To {
			return errMoved
		}
		want.User = r.By
		changed = append(changed, want)
	}
	if err := s.staff(ctx, tx, r.To); err != nil {
		return err
	}
	if !rested {
		for _, c := range changed {
			all, err := OfUser(ctx, tx, c.User, c.From.Add(-3*24*time.Hour), c.Until.Add(3*24*time.Hour), false)
			if err != nil {
				return err
			}
			all = slices.DeleteFunc(all, func(o Duty) bool { return o.ID == r.Duty || o.ID == r.Want })
			for _, short := range Rests(append(all, c)) {
				if short.First.ID == c.ID || short.Then.ID == c.ID {
					return restFault([]Rest{short})
				}
			}
		}
	}
	for _, c := range changed {
		if c.Source != "" {
			c.Ref, c.Source = c.Source, "" // neither its pattern nor its feed may change it back
		}
		if err := Save(ctx, tx, c); err != nil {
			return err
		}
	}
	tx.AfterCommit(s.Changed)
	return nil
}

func (s *Service) keepersOf(ctx context.Context, q db.Querier, post directory.PostID) ([]id.User, error) {
	p, err := directory.FindPost(ctx, q, post)
	if err != nil {
		return nil, err
	}
	return directory.Keepers(ctx, q, p.Service)
}

func (s *Service) tellRequest(ctx context.Context, tx *db.Tx, r Request, d Duty, words string, to []id.User, by id.User) error {
	to = slices.DeleteFunc(slices.Clone(to), func(u id.User) bool { return u == "" || u == by })
	slices.Sort(to)
	if to = slices.Compact(to); s.Tell == nil || len(to) == 0 {
		return nil
	}
	p, err := directory.FindPost(ctx, tx, r.Post)
	if err != nil {
		return err
	}
	who := "The rota"
	if by != "" {
		if who, err = directory.NameOf(ctx, tx, by); err != nil {
			return err
		}
	}
	return s.Tell(ctx, tx, Notice{To: to, Kind: "request", Post: p.ID, Name: p.Name, Body: fmt.Sprintf("%s %s %s, %s.", who, words, p.Name, d.span())})
}

// lapse ends the requests whose duty has begun.
func (s *Service) lapse(ctx context.Context) (time.Time, error) {
	late, err := db.Collect(ctx, s.DB, requestsLate, scanRequest, s.Now().UnixMilli())
	if err != nil {
		return time.Time{}, err
	}
	if len(late) > 0 {
		err = s.DB.WriteLast(ctx, "rota.lapse", func(ctx context.Context, tx *db.Tx) error {
			for _, r := range late {
				if r, err = db.One(ctx, tx, requestByID, scanRequest, r.ID); err != nil {
					return err
				}
				if r.State != Asked && r.State != Agreed {
					continue
				}
				if _, err := tx.Exec(ctx, setRequest, r.ID, string(Overtaken), string(r.To), s.Now().UnixMilli(), "system"); err != nil {
					return err
				}
				d, err := Find(ctx, tx, r.Duty)
				if fault.Is(err, fault.NotFound) {
					continue
				}
				if err != nil {
					return err
				}
				if err := s.tellRequest(ctx, tx, r, d, "could not "+string(r.Kind)+" in time:", []id.User{r.By}, ""); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return time.Time{}, err
		}
	}
	open, err := db.Collect(ctx, s.DB, requestsOpen, scanRequest)
	if err != nil || len(open) == 0 {
		return s.Now().Add(patience), err
	}
	return open[0].StartsAt, nil
}

// Requests returns what concerns a person: what they asked and were asked, what anybody may cover, and what waits for their approval.
func (s *Service) Requests(ctx context.Context, by directory.By) ([]Request, error) {
	mine, err := db.Collect(ctx, s.DB, requestsMine, scanRequest, string(by.User), s.Now().Add(-60*24*time.Hour).UnixMilli())
	if err != nil {
		return nil, err
	}
	open, err := db.Collect(ctx, s.DB, requestsOpen, scanRequest)
	if err != nil {
		return nil, err
	}
	for _, r := range open {
		if r.By == by.User || r.To == by.User {
			continue
		}
		if r.To != "" {
			err := s.keeps(ctx, s.DB, by, r.Post)
			if fault.Is(err, fault.Forbidden) {
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		mine = append(mine, r)
	}
	return mine, nil
}
