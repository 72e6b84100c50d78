package scenario

import (
	"context"
	"encoding/json"
	"time"

	"wardline/clinical/conversation"
	"wardline/clinical/directory"
	"wardline/clinical/paging"
	"wardline/clinical/patient"
	"wardline/clinical/record"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// Actor is one person at work.
type Actor struct {
	w    *Ward
	User id.User
}

// As returns the person with this login.
func (w *Ward) As(login string) Actor { return Actor{w, id.User("@" + login + ":st-elsewhere")} }

// Page raises a page about a patient and fails the test when it cannot.
func (a Actor) Page(post directory.PostID, about patient.ID, what string) paging.Snapshot {
	a.w.T.Helper()
	p, err := a.TryPage(post, about, what, "txn-"+what)
	if err != nil {
		a.w.T.Fatalf("%s pages %s: %v", a.User, post, err)
	}
	return p
}

// TryPage raises a page.
func (a Actor) TryPage(post directory.PostID, about patient.ID, what, txn string) (paging.Snapshot, error) {
	return a.w.Paging.Raise(context.Background(), a.User, paging.NewPage{Txn: txn, To: paging.Target{Post: post}, Urgency: paging.Urgent, Patient: about,
		Where: "Ward 7", What: obs.Hidden(what), Need: "attend", Callback: "4417"})
}

// Accept accepts a page.
func (a Actor) Accept(page paging.ID) error {
	_, err := a.w.Paging.Answer(context.Background(), a.User, page, paging.Answer{Verb: paging.Accept, ETAMinutes: 5})
	return err
}

// Decline declines a page.
func (a Actor) Decline(page paging.ID, reason string) error {
	_, err := a.w.Paging.Answer(context.Background(), a.User, page, paging.Answer{Verb: paging.Decline, Reason: reason})
	return err
}

// Sees returns a page as the person sees it now.
func (a Actor) Sees(page paging.ID) (paging.Snapshot, error) {
	return a.w.Paging.Find(context.Background(), a.User, page)
}

// Sends sends an event as a Matrix client would.
func (a Actor) Sends(in id.Room, typ string, content any) (id.Event, error) {
	raw, err := json.Marshal(content)
	if err != nil {
		return "", err
	}
	return a.w.Rooms.Receive(context.Background(), in, room.Incoming{Sender: a.User, Device: "D", Type: typ, Content: raw})
}

// Sets sets state as a Matrix client would.
func (a Actor) Sets(in id.Room, typ string, content any) error {
	raw, err := json.Marshal(content)
	if err != nil {
		return err
	}
	key := ""
	_, err = a.w.Rooms.Receive(context.Background(), in, room.Incoming{Sender: a.User, Device: "D", Type: typ, StateKey: &key, Content: raw})
	return err
}

// Says writes a message and fails the test when it cannot.
func (a Actor) Says(in id.Room, text string) id.Event {
	a.w.T.Helper()
	ev, err := a.Sends(in, "m.room.message", map[string]any{"msgtype": "m.text", "body": text})
	if err != nil {
		a.w.T.Fatalf("%s says: %v", a.User, err)
	}
	return ev
}

// Redacts removes an event as a Matrix client would.
func (a Actor) Redacts(in id.Room, target id.Event) error {
	_, err := a.w.Rooms.Redact(context.Background(), in, target, "", room.Incoming{Sender: a.User, Device: "D", Txn: string(target)})
	return err
}

// Decides marks a message as a decision.
func (a Actor) Decides(in id.Room, message id.Event) (record.Decision, record.Filing, error) {
	return a.w.Record.Decide(context.Background(), a.User, in, message, "")
}

// Hears returns the newest events of a room that the person can see, newest first.
func (a Actor) Hears(in id.Room) []*event.Event {
	a.w.T.Helper()
	ctx := context.Background()
	f, err := a.w.Rooms.Feed(ctx, in)
	if err != nil {
		a.w.T.Fatalf("feed: %v", err)
	}
	sight, err := a.w.Rooms.Sight(ctx, f, a.User)
	if fault.Is(err, fault.Hidden) {
		return nil
	}
	if err != nil {
		a.w.T.Fatalf("sight: %v", err)
	}
	all, err := a.w.Rooms.Back(ctx, f, a.w.Rooms.Position(), 0, 200)
	if err != nil {
		a.w.T.Fatalf("read: %v", err)
	}
	var seen []*event.Event
	for _, ev := range all {
		if sight.Of(ev) {
			seen = append(seen, ev.Event)
		}
	}
	return seen
}

// PatientRoom returns the room about a patient, with the person in it.
func (a Actor) PatientRoom(about patient.ID) id.Room {
	a.w.T.Helper()
	in, err := a.w.Conversations.Group(context.Background(), a.User, conversation.Group{Class: conversation.Clinical, Patient: about})
	if err != nil {
		a.w.T.Fatalf("open the room of %s: %v", about, err)
	}
	return in
}

// rung is how long a rung lasts in a scenario.
func rung() time.Duration { return paging.DemoPolicy().Urgent }

// leave takes a person out of a room on their own behalf.
func leave(user id.User) func(context.Context, *room.Act) error {
	return func(ctx context.Context, a *room.Act) error { return a.Leave(ctx, user, user, "") }
}
