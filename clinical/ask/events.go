package ask

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"wardline/clinical/rota"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// Content keys and event types.
const (
	Key       = "uk.wardline.ask"
	StepKey   = "uk.wardline.ask.step" // also the type of steps that need no line
	NudgeType = "uk.wardline.ask.nudge"
)

type object = map[string]any

func reference(ev id.Event) object { return object{"rel_type": "m.reference", "event_id": ev} }

func hear(users []id.User) object {
	if users == nil {
		users = []id.User{}
	}
	return object{"user_ids": users}
}

// whom names who owes, for a sentence.
func (s State) whom() string {
	switch {
	case s.Owner.Post != nil:
		return s.Owner.Post.Name + " (" + s.Owner.Name + ")"
	case s.Owner.User != "":
		return s.Owner.Name
	}
	return "anybody here"
}

func (s State) by() string {
	due := rota.Local(time.UnixMilli(s.DueAt))
	if due.YearDay() == rota.Local(time.UnixMilli(s.AskedAt)).YearDay() {
		return due.Format("15:04")
	}
	return due.Format("Mon 2 Jan 15:04")
}

// begin writes the event that asks.
func (s *Service) begin(ctx context.Context, a *room.Act, st *State) error {
	word, verb := "Question", "answer"
	if st.Kind == Request {
		word, verb = "Request", "due"
	}
	content := object{"msgtype": "m.text", "body": fmt.Sprintf("%s for %s, %s by %s: %s", word, st.whom(), verb, st.by(), st.Text), Key: st.Snapshot, "m.mentions": hear(others([]id.User{st.Owner.User}, ""))}
	ev, err := a.Send(ctx, st.From.User, "m.room.message", content)
	if err != nil {
		return err
	}
	st.EventID = ev.ID
	_, err = a.Tx().Exec(ctx, noteEvent, string(ev.ID), string(st.ID))
	return err
}

// tell writes what happened: a line for everybody, which makes nobody's phone sound, and a nudge for those who must hear.
func (s *Service) tell(ctx context.Context, a *room.Act, st State, actor id.User, effects []Effect, shown bool) error {
	for _, e := range effects {
		from := actor
		if from == "" || a.Membership(from) != "join" {
			if from = s.Steward; a.Membership(from) != "join" {
				from = st.From.User
			}
		}
		typ, content := "m.room.message", object{"msgtype": "m.notice", "body": st.sentence(e.Step), Key: st.Snapshot, StepKey: e.Step, "m.relates_to": reference(st.EventID), "m.mentions": hear(nil)}
		if !shown {
			typ = StepKey
			delete(content, "msgtype")
		}
		ev, err := a.Send(ctx, from, typ, content)
		if err != nil {
			return err
		}
		if _, err := a.Tx().Exec(ctx, noteEvent, string(ev.ID), string(st.ID)); err != nil {
			return err
		}
		if len(e.Hear) == 0 {
			continue
		}
		// Where two people talk alone the line is the asker's own, which nobody's device tells its sender of.
		if from == st.From.User && e.Step.Kind == Unanswered {
			what := "question"
			if st.Kind == Request {
				what = "request"
			}
			if err := s.Conversations.Inform(ctx, a.Tx(), from, fmt.Sprintf("%s has not answered your %s, due by %s. Ask somebody else, or page if it cannot wait.", st.whom(), what, st.by())); err != nil {
				return err
			}
		}
		if _, err := a.Send(ctx, from, NudgeType, object{"ask": st.ID, "m.relates_to": reference(st.EventID), "m.mentions": hear(e.Hear)}); err != nil {
			return err
		}
	}
	return nil
}

func (s State) sentence(e Event) string {
	what := "the question"
	if s.Kind == Request {
		what = "the request"
	}
	switch e.Kind {
	case Taken:
		return e.Name + " is on it"
	case Passed:
		return fmt.Sprintf("%s passed %s of %s to %s", e.Name, what, s.From.Name, s.whom())
	case Moved:
		return fmt.Sprintf("%s holds %s now, and owes %s of %s by %s", e.Name, s.Owner.Post.Name, what, s.From.Name, s.by())
	case Reminded:
		return fmt.Sprintf("Reminder for %s: %s of %s is due by %s", s.whom(), what, s.From.Name, s.by())
	case Overdue:
		return fmt.Sprintf("Overdue: %s of %s, which %s owes since %s", what, s.From.Name, s.whom(), s.by())
	case Unanswered:
		return fmt.Sprintf("%s: %s has had no answer from %s. Ask somebody else, or page if it cannot wait.", s.From.Name, what, s.whom())
	case string(Answered):
		return e.Name + " has answered " + what
	case string(Done):
		return e.Name + ": done"
	}
	return e.Name + " closed " + what
}

var (
	errForged = fault.New(fault.Forbidden, "M_FORBIDDEN", "Questions and requests are made through Wardline, not as plain events.")
	errRelied = fault.New(fault.Forbidden, "M_FORBIDDEN", "A question or request that others rely on is closed, not edited or removed.")
)

// Guard refuses what would forge, edit or remove an ask. A reply to a question by who owes it is its answer, a tick by who owes it
// says that it is done, and eyes that they are on it: from any Matrix client, in the act that writes them.
func (s *Service) Guard(ctx context.Context, a *room.Act, d room.Draft) error {
	if !d.Client {
		return nil
	}
	if strings.HasPrefix(d.Type, Key) {
		return errForged
	}
	if d.Redacts != "" {
		return s.keep(ctx, a, d.Redacts)
	}
	if d.StateKey != nil || !bytes.Contains(d.Content, []byte("m.relates_to")) && !bytes.Contains(d.Content, []byte(Key)) {
		return nil
	}
	if event.Field(d.Content, Key) != nil || event.Field(d.Content, StepKey) != nil || event.Field(event.Field(d.Content, "m.new_content"), Key) != nil {
		return errForged
	}
	rel := event.Field(d.Content, "m.relates_to")
	kind, _ := event.Text(event.Field(rel, "rel_type"))
	target, _ := event.Text(event.Field(rel, "event_id"))
	if kind == "m.replace" {
		return s.keep(ctx, a, id.Event(target))
	}
	return s.hear(ctx, a, d, rel, kind, id.Event(target))
}

// keep refuses to change or remove an event that tells of an ask.
func (s *Service) keep(ctx context.Context, a *room.Act, target id.Event) error {
	relied, err := tells(ctx, a.Tx(), target)
	if err == nil && relied {
		return errRelied
	}
	return err
}

// hear takes replies and reactions to open asks. What is none of theirs changes nothing: others may talk about a question.
func (s *Service) hear(ctx context.Context, a *room.Act, d room.Draft, rel json.RawMessage, kind string, target id.Event) error {
	var verb Verb
	switch {
	case d.Type == "m.reaction" && kind == "m.annotation":
		key, _ := event.Text(event.Field(rel, "key"))
		switch strings.TrimSuffix(key, "\ufe0f") {
		case "✅", "✔":
			verb = Finish
		case "👀":
			verb = Take
		default:
			return nil
		}
	case d.Type == "m.room.message":
		verb = Answer
		if kind != "m.thread" {
			in, _ := event.Text(event.Field(event.Field(rel, "m.in_reply_to"), "event_id"))
			target = id.Event(in)
		}
	default:
		return nil
	}
	if target == "" || !s.maybe(target) || a.Membership(d.Sender) != "join" {
		return nil
	}
	st, err := db.One(ctx, a.Tx(), byEvent, scan, string(target))
	if fault.Is(err, fault.NotFound) || err == nil && (st.RoomID != a.Room() || st.Status != Open || verb == Answer && st.Kind == Request) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = s.apply(ctx, a, st, d.Sender, Input{Verb: verb}, false)
	if fault.Is(err, fault.Forbidden) || fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// maybe says whether an event may have begun an ask that is open; before they were read, any may.
func (s *Service) maybe(ev id.Event) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return !s.read || s.open[ev]
}
