package scenario

import (
	"encoding/json"
	"testing"
	"time"

	"wardline/clinical/conversation"
	"wardline/clinical/remind"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// shown is what a person's devices are given of their reminders.
func (a Actor) shown() []remind.Reminder {
	a.w.T.Helper()
	d, err := a.w.Accounts.DataOf(a.w.T.Context(), a.User, "", remind.Type)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		a.w.T.Fatal(err)
	}
	var c struct {
		Reminders []remind.Reminder `json:"reminders"`
	}
	if err := json.Unmarshal(d.Content, &c); err != nil {
		a.w.T.Fatal(err)
	}
	return c.Reminders
}

// muted are the rules by which a person's apps know that a conversation is silent, and until when.
func (a Actor) muted(in id.Room) (override, room bool, until int64) {
	a.w.T.Helper()
	set, err := a.w.Push.Rules(a.w.T.Context(), a.User)
	if err != nil {
		a.w.T.Fatal(err)
	}
	_, none := set.Rule("override", string(in))
	_, no := set.Rule("room", string(in))
	var c struct {
		Until int64 `json:"until"`
	}
	if d, err := a.w.Accounts.DataOf(a.w.T.Context(), a.User, in, remind.SilenceType); err == nil {
		if err := json.Unmarshal(d.Content, &c); err != nil {
			a.w.T.Fatal(err)
		}
	}
	return none == nil, no == nil, c.Until
}

func TestRemind(t *testing.T) {
	t.Parallel()
	in(t, "OK a message comes back on time, across a restart, to its person alone", func(t *testing.T, w *Ward) {
		asha, tom, grace := w.As("asha"), w.As("tom"), w.As("grace")
		g := asha.Group(conversation.Group{Name: "Bay C", Class: conversation.Team, People: []id.User{tom.User}})
		said := asha.Says(g, "Chase the CT report")
		ok(t, w.Reminders.Remind(t.Context(), tom.User, g, said, time.Now().Add(30*time.Minute)))
		if list := tom.shown(); len(list) != 1 || list[0].Due || list[0].Event != said {
			t.Fatalf("Tom's devices are shown %+v", list)
		}
		w.Restart(20 * time.Minute)
		if list := tom.shown(); list[0].Due {
			t.Error("it came back too early")
		}
		w.Pass(10 * time.Minute)
		if list := tom.shown(); len(list) != 1 || !list[0].Due {
			t.Errorf("it did not come back: %+v", list)
		}
		if len(asha.shown()) != 0 {
			t.Error("somebody else is shown the reminder")
		}
		ok(t, w.Reminders.Forget(t.Context(), tom.User, g, said))
		if list := tom.shown(); len(list) != 0 {
			t.Errorf("put away, and still shown: %+v", list)
		}
		ok(t, w.Reminders.Forget(t.Context(), tom.User, g, said))
		if err := w.Reminders.Remind(t.Context(), grace.User, g, said, time.Now().Add(time.Hour)); !fault.Is(err, fault.Hidden) {
			t.Errorf("a reminder of a message that one may not see: %v, want Hidden", err)
		}
		if err := w.Reminders.Remind(t.Context(), tom.User, g, said, time.Now().Add(-time.Hour)); !fault.Is(err, fault.Invalid) {
			t.Errorf("a reminder in the past: %v, want Invalid", err)
		}
	})

	in(t, "OK put off again before it is due, it comes once and at the later time", func(t *testing.T, w *Ward) {
		asha := w.As("asha")
		g := asha.Group(conversation.Group{Name: "Bay C", Class: conversation.Team, People: []id.User{w.As("tom").User}})
		said := asha.Says(g, "Chase the CT report")
		ok(t, w.Reminders.Remind(t.Context(), asha.User, g, said, time.Now().Add(30*time.Minute)))
		ok(t, w.Reminders.Remind(t.Context(), asha.User, g, said, time.Now().Add(3*time.Hour)))
		w.Pass(time.Hour)
		if list := asha.shown(); len(list) != 1 || list[0].Due {
			t.Errorf("after an hour: %+v", list)
		}
		w.Pass(2 * time.Hour)
		if list := asha.shown(); len(list) != 1 || !list[0].Due {
			t.Errorf("after three hours: %+v", list)
		}
	})

	in(t, "OK a conversation is silent for as long as asked, by ordinary push rules", func(t *testing.T, w *Ward) {
		asha, tom := w.As("asha"), w.As("tom")
		g := asha.Group(conversation.Group{Name: "Bay C", Class: conversation.Team, People: []id.User{tom.User}})
		end := time.Now().Add(time.Hour)
		ok(t, w.Reminders.Hear(t.Context(), tom.User, g, remind.Nothing, end))
		if override, room, until := tom.muted(g); !override || room || until != end.UnixMilli() {
			t.Errorf("muted for an hour: override %v, room %v, until %d", override, room, until)
		}
		w.Restart(59 * time.Minute)
		if override, _, _ := tom.muted(g); !override {
			t.Error("it is heard again too early")
		}
		w.Pass(2 * time.Minute)
		if override, room, until := tom.muted(g); override || room || until != 0 {
			t.Errorf("after the hour: override %v, room %v, until %d", override, room, until)
		}

		ok(t, w.Reminders.Hear(t.Context(), tom.User, g, remind.Nothing, time.Now().Add(time.Hour)))
		ok(t, w.Reminders.Hear(t.Context(), tom.User, g, remind.Mentions, time.Time{}))
		w.Pass(2 * time.Hour)
		if override, room, _ := tom.muted(g); override || !room {
			t.Errorf("an end that was given up took a level away: override %v, room %v", override, room)
		}
		ok(t, w.Reminders.Hear(t.Context(), tom.User, g, remind.All, time.Time{}))
		if override, room, _ := tom.muted(g); override || room {
			t.Errorf("all again: override %v, room %v", override, room)
		}
		if err := w.Reminders.Hear(t.Context(), w.As("grace").User, g, remind.All, time.Time{}); !fault.Is(err, fault.Hidden) {
			t.Errorf("a conversation that one is not in: %v, want Hidden", err)
		}
		if err := w.Reminders.Hear(t.Context(), tom.User, g, remind.Mentions, time.Now().Add(time.Hour)); !fault.Is(err, fault.Invalid) {
			t.Errorf("mentions with an end: %v, want Invalid", err)
		}
	})
}
