package scenario

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"wardline/clinical/ask"
	"wardline/clinical/conversation"
	"wardline/clinical/rota"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/id"
)

func (a Actor) asks(in id.Room, kind ask.Kind, to id.User, post string, text string) (ask.Snapshot, error) {
	d := ask.Draft{Txn: "t " + text, Room: in, Kind: kind, Text: obs.Hidden(text), User: to}
	if post != "" {
		d.Post = "po_med_spr"
	}
	return a.w.Asks.Ask(a.w.T.Context(), a.User, d)
}

func (a Actor) owes() []ask.Snapshot {
	a.w.T.Helper()
	list, err := a.w.Asks.Owed(a.w.T.Context(), a.User)
	if err != nil {
		a.w.T.Fatal(err)
	}
	return list
}

// bodies are what any Matrix client shows of a room, the oldest first.
func (a Actor) bodies(in id.Room) []string {
	var all []string
	for _, ev := range a.Hears(in) {
		var c struct{ Body string }
		if ev.Type == "m.room.message" && json.Unmarshal(ev.Content, &c) == nil {
			all = append([]string{c.Body}, all...)
		}
	}
	return all
}

// TestAsk keeps a promise: asked, owed, reminded across a restart, and answered by a plain reply of any Matrix client.
//
// hazard: H3 noticed, nobody owns it
func TestAsk(t *testing.T) {
	t.Parallel()
	in(t, "OK a question is reminded on time, and a reply answers it", func(t *testing.T, w *Ward) {
		asha, tom, grace := w.As("asha"), w.As("tom"), w.As("grace")
		g := asha.Group(conversation.Group{Name: "Bay C", Class: conversation.Team, People: []id.User{tom.User, grace.User}})
		q, err := asha.asks(g, ask.Question, tom.User, "", "Is bed 4 for home today?")
		ok(t, err)
		again, err := asha.asks(g, ask.Question, tom.User, "", "Is bed 4 for home today?")
		if ok(t, err); again.ID != q.ID {
			t.Error("the same call asked twice")
		}
		if list := tom.owes(); len(list) != 1 || list[0].ID != q.ID || len(grace.owes()) != 0 {
			t.Fatalf("Tom owes %d", len(list))
		}
		first := asha.bodies(g)
		if last := first[len(first)-1]; !strings.HasPrefix(last, "Question for Tom Reid, answer by ") || !strings.HasSuffix(last, ": Is bed 4 for home today?") {
			t.Errorf("another client reads %q", last)
		}
		w.Pass(time.Hour)
		w.Restart(40 * time.Minute)
		if got := len(asha.bodies(g)); got != len(first) {
			t.Error("somebody was reminded too early")
		}
		w.Pass(5 * time.Minute)
		for _, ev := range asha.Hears(g) {
			var v object
			ok(t, json.Unmarshal(ev.Content, &v))
			schema := "ask.schema.json"
			if v[ask.StepKey] != nil {
				schema = "ask-step.schema.json"
			} else if v[ask.Key] == nil {
				continue
			}
			if wrong := fits(t, "", load(t, schema), v); len(wrong) > 0 {
				t.Errorf("%s: %v", schema, wrong)
			}
		}
		if last := asha.bodies(g)[len(first)]; !strings.HasPrefix(last, "Reminder for Tom Reid: ") {
			t.Errorf("at the reminder everybody reads %q", last)
		}
		// Somebody else may talk about it; the owner's reply is the answer.
		reply := func(a Actor, words string) {
			_, err := a.Sends(g, "m.room.message", object{"msgtype": "m.text", "body": words, "m.relates_to": object{"m.in_reply_to": object{"event_id": q.EventID}}})
			ok(t, err)
		}
		reply(grace, "I wonder too")
		if len(tom.owes()) != 1 {
			t.Fatal("Grace's words were taken for Tom's answer")
		}
		reply(tom, "Yes, after the echo")
		if len(tom.owes()) != 0 {
			t.Fatal("Tom has answered and owes it still")
		}
		n := len(asha.bodies(g))
		w.Only("ask.clock")
		w.Pass(24 * time.Hour)
		if len(asha.bodies(g)) != n {
			t.Errorf("it goes on: %q", asha.bodies(g)[n:])
		}
		reply(tom, "And the letter is written") // no fault when it is answered already
		if _, err := w.Asks.Close(t.Context(), asha.User, q.ID); !fault.Is(err, fault.Conflict) {
			t.Errorf("closing what is answered: %v", err)
		}
		if strings.Contains(w.Log.String(), "bed 4") {
			t.Error("what was asked is in the log")
		}
	})
	in(t, "OK nobody answers: overdue, then the asker is told, and nothing more", func(t *testing.T, w *Ward) {
		asha, tom := w.As("asha"), w.As("tom")
		g := asha.Group(conversation.Group{Name: "Bay C", Class: conversation.Team, People: []id.User{tom.User}})
		_, err := asha.asks(g, ask.Request, tom.User, "", "Please chase the CT")
		ok(t, err)
		n := len(asha.bodies(g))
		w.Only("ask.clock", "conversation.follow")
		w.Pass(48 * time.Hour)
		lines := asha.bodies(g)[n:]
		if len(lines) != 3 || !strings.HasPrefix(lines[1], "Overdue: ") || !strings.HasPrefix(lines[2], "Asha Patel: ") {
			t.Errorf("lines: %q", lines)
		}
		nudges := map[string]int{}
		for _, ev := range asha.Hears(g) {
			if ev.Type == ask.NudgeType {
				for _, u := range []Actor{asha, tom} {
					if strings.Contains(string(ev.Content), string(u.User)) {
						nudges[u.User.Localpart()]++
					}
				}
			}
		}
		if nudges["tom"] != 3 || nudges["asha"] != 2 {
			t.Errorf("who was interrupted: %v", nudges)
		}
		if len(tom.owes()) != 1 {
			t.Error("it is no longer owed")
		}
	})
}

// TestAsk_Post has a post owe the answer, whoever holds it.
//
// hazard: H6 role empty or stale holder
func TestAsk_Post(t *testing.T) {
	t.Parallel()
	in(t, "OK a post owes it: it goes with the post, eyes take it, a tick does it", func(t *testing.T, w *Ward) {
		asha, liam, hana := w.As("asha"), w.As("liam"), w.As("hana")
		g := asha.Group(conversation.Group{Name: "Bay C", Class: conversation.Team, People: []id.User{w.As("tom").User}})
		q, err := asha.asks(g, ask.Request, "", "spr", "Please review bed 9")
		ok(t, err)
		if !liam.in(g) || len(liam.owes()) != 1 {
			t.Fatalf("Liam is in: %v", liam.in(g))
		}
		ok(t, hana.Does(rota.TakeOver, "po_med_spr", "theatre"))
		if !hana.in(g) {
			t.Error("the question has come to her, and she is not in its conversation")
		}
		if len(hana.owes()) != 1 || len(liam.owes()) != 0 {
			t.Error("the request has not gone with the post")
		}
		react := func(a Actor, key string) {
			_, err := a.Sends(g, "m.reaction", object{"m.relates_to": object{"rel_type": "m.annotation", "event_id": q.EventID, "key": key}})
			ok(t, err)
		}
		react(w.As("tom"), "✅")
		react(hana, "👀")
		if len(hana.owes()) != 1 {
			t.Fatal("eyes, or somebody else's tick, have done it")
		}
		react(hana, "✅")
		if len(hana.owes()) != 0 {
			t.Error("done, and still owed")
		}
		got, err := w.Asks.Asked(t.Context(), asha.User)
		if ok(t, err); len(got) != 0 {
			t.Error("Asha waits for it still")
		}
	})
}

// TestAsk_Two has the asker of a chat between two hear that nobody answered: the server is not in it, and speaks where it always does.
func TestAsk_Two(t *testing.T) {
	t.Parallel()
	in(t, "OK", func(t *testing.T, w *Ward) {
		asha, tom := w.As("asha"), w.As("tom")
		d, err := w.Conversations.Direct(t.Context(), asha.User, tom.User)
		ok(t, err)
		_, err = asha.asks(d, ask.Question, tom.User, "", "Thursday instead of Friday?")
		ok(t, err)
		w.Pass(3 * time.Hour)
		rooms, err := w.Rooms.Mutual(t.Context(), Steward, asha.User)
		ok(t, err)
		var told []string
		for _, r := range rooms {
			told = append(told, asha.bodies(r)...)
		}
		if all := strings.Join(told, "\n"); strings.Count(all, "Tom Reid has not answered your question") != 1 || strings.Contains(all, "Thursday") {
			t.Errorf("Asha is told %q", told)
		}
	})
}

// TestAsk_Guard tries what must not be.
func TestAsk_Guard(t *testing.T) {
	t.Parallel()
	in(t, "what must not be", func(t *testing.T, w *Ward) {
		asha, tom, owen := w.As("asha"), w.As("tom"), w.As("owen")
		g := asha.Group(conversation.Group{Name: "Bay C", Class: conversation.Team, People: []id.User{tom.User}})
		q, err := asha.asks(g, ask.Question, tom.User, "", "Home today?")
		ok(t, err)
		for name, c := range map[string]struct {
			err  error
			want fault.Kind
		}{
			"an outsider asks":   {func() error { _, err := owen.asks(g, ask.Question, tom.User, "", "x"); return err }(), fault.Hidden},
			"of an outsider":     {func() error { _, err := asha.asks(g, ask.Question, owen.User, "", "y"); return err }(), fault.Invalid},
			"of oneself":         {func() error { _, err := asha.asks(g, ask.Question, asha.User, "", "z"); return err }(), fault.Invalid},
			"nothing":            {func() error { _, err := asha.asks(g, ask.Question, tom.User, "", " "); return err }(), fault.Invalid},
			"an outsider closes": {func() error { _, err := w.Asks.Close(t.Context(), owen.User, q.ID); return err }(), fault.Hidden},
			"its owner closes":   {func() error { _, err := w.Asks.Close(t.Context(), tom.User, q.ID); return err }(), fault.Forbidden},
			"no such":            {func() error { _, err := w.Asks.Close(t.Context(), asha.User, "qu_none"); return err }(), fault.Hidden},
			"a forged question": {func() error {
				_, err := tom.Sends(g, "m.room.message", object{"msgtype": "m.text", "body": "x", ask.Key: object{"id": q.ID, "status": "answered"}})
				return err
			}(), fault.Forbidden},
			"a forged step": {func() error { _, err := tom.Sends(g, ask.StepKey, object{}); return err }(), fault.Forbidden},
			"an edit": {func() error {
				_, err := asha.Sends(g, "m.room.message", object{"msgtype": "m.text", "body": "* x", "m.new_content": object{"msgtype": "m.text", "body": "x"},
					"m.relates_to": object{"rel_type": "m.replace", "event_id": q.EventID}})
				return err
			}(), fault.Forbidden},
			"a removal": {asha.Redacts(g, q.EventID), fault.Forbidden},
		} {
			if !fault.Is(c.err, c.want) {
				t.Errorf("%s: %v", name, c.err)
			}
		}
		passed, err := w.Asks.Pass(t.Context(), tom.User, q.ID, "", "po_med_spr")
		if ok(t, err); passed.Owner.Name != "Liam Hughes" || !w.As("liam").in(g) || len(tom.owes()) != 0 {
			t.Errorf("passed to %s", passed.Owner.Name)
		}
		_, err = w.Asks.Close(t.Context(), asha.User, q.ID)
		ok(t, err)
		_, err = w.Asks.Close(t.Context(), asha.User, q.ID)
		ok(t, err)
	})
}
