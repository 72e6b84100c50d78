package paging

import (
	"context"
	"fmt"
	"strings"
	"time"

	"wardline/ground/fault"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// Event types and content keys.
const (
	PageKey    = "uk.wardline.page"
	StepKey    = "uk.wardline.page.step" // also the type of the steps that nobody needs to read
	AnswerType = "uk.wardline.page.answer"
)

const messageType = "m.room.message"

type relation struct {
	RelType string   `json:"rel_type"`
	EventID id.Event `json:"event_id"`
}

type mentions struct {
	UserIDs []id.User `json:"user_ids"`
}

type stepContent struct {
	MsgType  string    `json:"msgtype,omitempty"`
	Body     string    `json:"body,omitempty"`
	Relation *relation `json:"m.relates_to,omitempty"`
	Mentions *mentions `json:"m.mentions,omitempty"`
	Step     *Event    `json:"uk.wardline.page.step,omitempty"`
	Page     Snapshot  `json:"uk.wardline.page"`
}

// tell writes the events of the effects into the room and notes them, so that they cannot be edited; it returns the position of the
// last. The page's event id is set by its first event. A room that will not take a step (somebody is banned there) does not stop
// the page: it is logged, and the page goes on without that event.
//
// hazard: H1 urgent message not delivered
func (s *Service) tell(ctx context.Context, a *room.Act, p *Page, actor id.User, effects []Effect) (int64, error) {
	var told int64
	for _, e := range effects {
		first := e.Step.Kind == Sent
		for _, u := range e.Join {
			if u == "" || a.Membership(u) == "join" {
				continue
			}
			if err := s.tolerate(a.Join(ctx, s.speaker(a, s.Steward, p.From.User), u), p, first && u == p.Current.User); err != nil {
				return told, err
			}
		}
		typ, content := p.content(e)
		from := s.speaker(a, actor, s.Steward, p.From.User)
		if first {
			from = p.From.User
		}
		ev, err := a.SendAt(ctx, from, typ, content, time.UnixMilli(e.Step.At))
		if err := s.tolerate(err, p, first); err != nil {
			return told, err
		}
		if ev == nil {
			continue
		}
		told = ev.Pos
		if first {
			p.EventID = ev.ID
		}
		if _, err := a.Tx().Exec(ctx, noteEvent, string(ev.ID), string(p.ID)); err != nil {
			return told, err
		}
	}
	return told, nil
}

// tolerate swallows the room's refusals, except of the page's first event: without that there is nothing to answer.
func (s *Service) tolerate(err error, p *Page, first bool) error {
	if err == nil || first {
		return err
	}
	switch fault.KindOf(err) {
	case fault.Forbidden, fault.Hidden, fault.NotFound, fault.Invalid, fault.TooLarge:
		s.Log.Error("page goes on without a room event", "page", p.ID, "room", p.RoomID, "err", err)
		return nil
	}
	return err
}

// speaker is the first of the users who is in the room.
func (s *Service) speaker(a *room.Act, users ...id.User) id.User {
	for _, u := range users {
		if u != "" && a.Membership(u) == "join" {
			return u
		}
	}
	return s.Steward
}

// content is the event that tells of an effect.
func (p *Page) content(e Effect) (string, stepContent) {
	c := stepContent{Page: p.Snapshot}
	if e.Step.Kind == Sent {
		c.MsgType, c.Body = "m.text", p.body()
		c.Mentions = mention(e)
		return messageType, c
	}
	c.Step = &e.Step
	c.Relation = &relation{RelType: "m.reference", EventID: p.EventID}
	if k := e.Step.Kind; k == Reached || k == Second || k == Seen || k.carried() {
		return StepKey, c
	}
	c.MsgType, c.Body = "m.notice", e.Step.body(p)
	c.Mentions = mention(e)
	return messageType, c
}

func mention(e Effect) *mentions {
	m := &mentions{UserIDs: []id.User{}}
	for _, u := range e.Join {
		if u != "" {
			m.UserIDs = append(m.UserIDs, u)
		}
	}
	return m
}

var needs = map[string]string{"attend": "Please attend.", "ring": "Please ring.", "advise": "Please advise.", "cover": "Please see that it is held."}

// body is the page in words, for every Matrix client.
func (p *Page) body() string {
	var b strings.Builder
	if p.Urgency == Emergency {
		b.WriteString("EMERGENCY page to ")
	} else {
		b.WriteString("Urgent page to ")
	}
	b.WriteString(p.Post.Name)
	b.WriteString(": ")
	for _, part := range []string{p.Where, p.What, needs[p.Need]} {
		if part = strings.TrimSpace(part); part != "" {
			b.WriteString(part)
			if !strings.HasSuffix(part, ".") && !strings.HasSuffix(part, "?") && !strings.HasSuffix(part, "!") {
				b.WriteByte('.')
			}
			b.WriteByte(' ')
		}
	}
	if p.Callback != "" {
		b.WriteString("Call back " + p.Callback + ".")
	}
	return strings.TrimSpace(b.String())
}

// body is the step in words.
func (e Event) body(p *Page) string {
	text := ""
	switch e.Kind {
	case Declined:
		text = "Declined by " + e.Name
	case Passed:
		if text = "Passed to " + e.PostName; e.Name != "" {
			text = fmt.Sprintf("Passed to %s, %s", e.Name, e.PostName)
		}
	case AcceptedBy:
		if text = "Accepted by " + e.Name; p.Accepted != nil && p.Accepted.ETAMinutes > 0 {
			text += fmt.Sprintf(", there in %d min", p.Accepted.ETAMinutes)
		}
	case Withdrew:
		text = "Withdrawn by " + e.Name
	case Redirected:
		text = "Redirected by " + e.Name + " to " + e.PostName
	case Coming:
		if text = e.Name + " is coming"; p.Quorum > 1 {
			text += fmt.Sprintf(", %d of %d who are needed", len(p.Coming), p.Quorum)
		}
	case Asked:
		text = e.Name + " asks"
	case Replied:
		text = e.Name + " answers"
	case Exhausted:
		text = "Nobody has answered. This page now rings at " + e.PostName
	default:
		text = string(e.Kind)
	}
	if e.Note != "" {
		text += ": " + e.Note
	}
	return text
}
