package scenario

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"wardline/clinical/conversation"
	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
	"wardline/matrix/media"
	"wardline/matrix/room"
	"wardline/matrix/timeline"
)

// Group makes a group and fails the test when it cannot.
func (a Actor) Group(g conversation.Group) id.Room {
	a.w.T.Helper()
	in, err := a.w.Conversations.Group(a.w.T.Context(), a.User, g)
	if err != nil {
		a.w.T.Fatalf("%s makes a group: %v", a.User, err)
	}
	return in
}

// in says whether the person is in a room now.
func (a Actor) in(room id.Room) bool {
	a.w.T.Helper()
	f, err := a.w.Rooms.Feed(a.w.T.Context(), room)
	if err != nil {
		a.w.T.Fatalf("feed: %v", err)
	}
	return f.Membership(a.User) == "join"
}

func (a Actor) forward(from id.Room, ev id.Event, to id.Room, txn string) (id.Event, error) {
	return a.w.Conversations.Forward(a.w.T.Context(), a.User, conversation.Forward{From: from, Event: ev, To: to, Txn: txn})
}

// TestForward passes messages on: only where both rooms allow it, with who said it, once, and in the audit.
//
// hazard: H4 sent to wrong person or role
// hazard: H5 wrong patient attached
func TestForward(t *testing.T) {
	t.Parallel()
	in(t, "OK", func(t *testing.T, w *Ward) {
		asha, tom, owen := w.As("asha"), w.As("tom"), w.As("owen")
		jones, smith := asha.PatientRoom("pt_jones"), asha.PatientRoom("pt_smith")
		room := func(name string, c conversation.Class) id.Room {
			return asha.Group(conversation.Group{Name: "A " + "group", Class: c, People: []id.User{tom.User}, Txn: name})
		}
		team, social, clinical, incident := room("1", conversation.Team), room("2", conversation.Social), room("3", conversation.Clinical), room("4", conversation.Incident)
		contact := room("5", conversation.PatientContact)
		said := asha.Says(jones, "Second litre now.")

		sent, err := asha.forward(jones, said, team, "f1")
		ok(t, err)
		again, err := asha.forward(jones, said, team, "f1")
		if ok(t, err); again != sent {
			t.Errorf("the same call sent %s and %s", sent, again)
		}
		heard := tom.Hears(team)[0]
		var content map[string]any
		ok(t, json.Unmarshal(heard.Content, &content))
		if body := content["body"].(string); !strings.HasPrefix(body, "Forwarded from Asha Patel, ") || !strings.HasSuffix(body, ":\nSecond litre now.") {
			t.Errorf("another client would read %q", body)
		}
		from := content["uk.wardline.forwarded"].(map[string]any)
		if from["event_id"] != string(said) || from["sender"] != string(asha.User) || heard.Sender != asha.User {
			t.Errorf("origin %v, sent by %s", from, heard.Sender)
		}
		entries, err := audit.ForObject(t.Context(), w.DB, string(said), 10)
		if ok(t, err); len(entries) != 1 || entries[0].Action != "message.forward" || entries[0].Detail["to"] != string(team) {
			t.Errorf("audit: %+v", entries)
		}

		for name, c := range map[string]struct {
			to   id.Room
			want string
		}{"a social room": {social, "UK_WARDLINE_CLASS"}, "where a patient reads": {contact, "UK_WARDLINE_CLASS"}, "another patient": {smith, "UK_WARDLINE_PATIENT"}} {
			if _, err := asha.forward(jones, said, c.to, "no "+name); !fault.Is(err, fault.Forbidden) || fault.As(err).Code != c.want {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := asha.forward(jones, said, clinical, "f2"); err != nil {
			t.Errorf("into a clinical group: %v", err)
		}
		secret := asha.Says(incident, "What the camera shows")
		if _, err := asha.forward(incident, secret, clinical, "f3"); !fault.Is(err, fault.Forbidden) {
			t.Errorf("out of an incident: %v", err)
		}
		// Nothing comes round by way of a team either: what was forwarded is as clinical as it was.
		if _, err := asha.forward(team, sent, social, "f4"); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a patient's message reached the social room in two steps: %v", err)
		}
		if _, err := tom.forward(jones, said, team, "f5"); !fault.Is(err, fault.Hidden) {
			t.Errorf("by somebody who is not in the first room: %v", err)
		}
		ownRoom := owen.Group(conversation.Group{Name: "Elsewhere", Class: conversation.Team, People: []id.User{w.As("nadia").User}})
		if _, err := asha.forward(jones, said, ownRoom, "f6"); !fault.Is(err, fault.Hidden) {
			t.Errorf("into a room that she is not in: %v", err)
		}
		gone := asha.Says(jones, "wrong bed")
		ok(t, asha.Redacts(jones, gone))
		if _, err := asha.forward(jones, gone, team, "f7"); !fault.Is(err, fault.Hidden) {
			t.Errorf("a removed message: %v", err)
		}
		page := asha.Page("po_med_spr", "pt_jones", "NEWS2 9")
		if _, err := asha.forward(page.RoomID, page.EventID, team, "f8"); !fault.Is(err, fault.Invalid) {
			t.Errorf("a page: %v", err)
		}
		if _, err := asha.Sends(team, "m.room.message", object{"msgtype": "m.text", "body": "x", "uk.wardline.forwarded": object{"name": "Ruth Cole"}}); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a client says that Ruth said it: %v", err)
		}
		if _, err := asha.Sends(team, "m.room.message", object{"msgtype": "m.text", "body": "about uk.wardline.forwarded"}); err != nil {
			t.Errorf("words that only look like it: %v", err)
		}
		named, err := asha.Sends(team, "m.room.message", object{"msgtype": "m.text", "body": "@Med reg please", "m.mentions": object{"user_ids": []id.User{w.As("liam").User}},
			"uk.wardline.mentions": object{"posts": []string{"po_med_spr"}}})
		ok(t, err)
		if _, err := asha.forward(team, named, clinical, "f9"); err != nil {
			t.Errorf("a message that names a post: %v", err)
		}
		if got := string(asha.Hears(clinical)[0].Content); strings.Contains(got, "uk.wardline.mentions") || strings.Contains(got, "@liam") {
			t.Errorf("it names them again: %s", got)
		}
		if strings.Contains(w.Log.String(), "litre") {
			t.Error("what was forwarded is in the log")
		}
	})
}

// TestInfo says who has a message and who has seen it, and never more than is known.
func TestInfo(t *testing.T) {
	t.Parallel()
	in(t, "OK", func(t *testing.T, w *Ward) {
		asha, tom := w.As("asha"), w.As("tom")
		team := asha.Group(conversation.Group{Name: "Bay C", Class: conversation.Team, People: []id.User{tom.User}})
		said := asha.Says(team, "Round at ten")
		standing := func() conversation.Reader {
			t.Helper()
			info, err := w.Conversations.Info(t.Context(), asha.User, team, said)
			if ok(t, err); len(info.People) != 1 || info.People[0].User != tom.User || info.People[0].Name != "Tom Reid" {
				t.Fatalf("people: %+v", info.People)
			}
			return info.People[0]
		}
		if r := standing(); r.Standing != conversation.Unknown || !r.LastHere.IsZero() {
			t.Errorf("before anything: %+v", r)
		}
		next := w.syncs(t, tom.User, "")
		if r := standing(); r.Standing != conversation.Unknown {
			t.Errorf("sent but not proved: %+v", r)
		}
		w.syncs(t, tom.User, next)
		if r := standing(); r.Standing != conversation.Reached || r.LastHere.IsZero() {
			t.Errorf("proved: %+v", r)
		}
		w.Pass(time.Minute)
		ok(t, w.Timeline.SetRead(t.Context(), tom.User, team, timeline.Mark{Kind: timeline.ReadPrivate, Event: said}))
		if r := standing(); r.Standing != conversation.Reached {
			t.Errorf("a private receipt was told: %+v", r)
		}
		ok(t, w.Timeline.SetRead(t.Context(), tom.User, team, timeline.Mark{Kind: timeline.Read, Event: said}))
		if r := standing(); r.Standing != conversation.Seen || !r.Exact || !r.SeenAt.Equal(time.Now().Truncate(time.Millisecond)) {
			t.Errorf("seen: %+v, now %v", r, time.Now())
		}
		later := asha.Says(team, "Now at eleven")
		w.Pass(time.Minute)
		ok(t, w.Timeline.SetRead(t.Context(), tom.User, team, timeline.Mark{Kind: timeline.Read, Event: later}))
		if r := standing(); r.Standing != conversation.Seen || r.Exact {
			t.Errorf("seen at the latest: %+v", r)
		}
		if _, err := w.Conversations.Info(t.Context(), w.As("owen").User, team, said); !fault.Is(err, fault.Hidden) {
			t.Errorf("an outsider: %v", err)
		}
	})
}

// syncs asks as somebody's device and returns the next token.
func (w *Ward) syncs(t *testing.T, u id.User, since string) string {
	t.Helper()
	raw, err := w.Timeline.Sync(t.Context(), &timeline.SyncRequest{User: u, Device: "D", Since: since, Filter: &timeline.Filter{}})
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Next string `json:"next_batch"`
	}
	ok(t, json.Unmarshal(raw, &v))
	return v.Next
}

func TestRoles(t *testing.T) {
	t.Parallel()
	in(t, "OK owners say who may what, and a group never loses its last", func(t *testing.T, w *Ward) {
		asha, tom, grace, ruth := w.As("asha"), w.As("tom"), w.As("grace"), w.As("ruth")
		g := asha.Group(conversation.Group{Name: "Discharge", About: "Who goes home", Class: conversation.Team, People: []id.User{tom.User, grace.User, ruth.User}})
		role := func(by Actor, who Actor, r conversation.Role) error {
			return w.Conversations.SetRole(t.Context(), by.User, g, who.User, r)
		}
		topic := func(by Actor) error { return by.Sets(g, "m.room.topic", object{"topic": "New"}) }
		if err := topic(tom); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a member describes the group: %v", err)
		}
		if err := role(tom, grace, conversation.Admin); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a member makes an admin: %v", err)
		}
		ok(t, role(asha, tom, conversation.Admin))
		ok(t, topic(tom))
		if err := role(tom, grace, conversation.Admin); !fault.Is(err, fault.Forbidden) {
			t.Errorf("an admin makes an admin: %v", err)
		}
		if err := role(asha, asha, conversation.Member); !fault.Is(err, fault.Conflict) {
			t.Errorf("the last owner steps down: %v", err)
		}
		if err := role(asha, w.As("owen"), conversation.Admin); !fault.Is(err, fault.Invalid) {
			t.Errorf("somebody who is not here: %v", err)
		}
		if err := tom.Sets(g, "m.room.power_levels", object{"users": object{string(tom.User): 75}}); !fault.Is(err, fault.Forbidden) {
			t.Errorf("an admin makes himself owner by a plain event: %v", err)
		}
		if err := grace.Sets(g, "m.room.pinned_events", object{"pinned": []string{}}); err != nil {
			t.Errorf("a member pins: %v", err)
		}
		// hers to leave: the admin inherits, and then the member who has been there longest.
		ok(t, w.Conversations.Leave(t.Context(), asha.User, g))
		ok(t, role(tom, grace, conversation.Admin))
		ok(t, role(tom, grace, conversation.Member))
		ok(t, w.Conversations.Leave(t.Context(), tom.User, g))
		heirs := 0
		for _, a := range []Actor{grace, ruth} {
			if role(a, a, conversation.Owner) == nil {
				heirs++
			}
		}
		if heirs != 1 {
			t.Errorf("%d owners after the last one left", heirs)
		}
		if err := w.Conversations.SetRole(t.Context(), asha.User, asha.PatientRoom("pt_jones"), tom.User, conversation.Admin); !fault.Is(err, fault.Invalid) {
			t.Errorf("roles in a patient's room: %v", err)
		}
	})
}

// TestHeirs leaves groups by an app that knows nothing of owners.
func TestHeirs(t *testing.T) {
	t.Parallel()
	in(t, "OK", func(t *testing.T, w *Ward) {
		asha, tom, grace := w.As("asha"), w.As("tom"), w.As("grace")
		leave := func(who Actor, g id.Room) {
			t.Helper()
			ok(t, w.Rooms.ChangeMembership(t.Context(), g, room.Change{Sender: who.User, Verb: "leave"}))
		}
		owns := func(who Actor, g id.Room) bool {
			t.Helper()
			return w.Conversations.SetRole(t.Context(), who.User, g, who.User, conversation.Owner) == nil
		}
		g := asha.Group(conversation.Group{Name: "Falls", Class: conversation.Team, People: []id.User{tom.User}})
		w.Pass(time.Minute)
		_, err := w.Conversations.Add(t.Context(), tom.User, g, []id.User{grace.User}, nil)
		ok(t, err)
		leave(asha, g)
		if !owns(tom, g) || owns(grace, g) {
			t.Error("the member who has been there longest is not its owner")
		}
		if asha.in(g) {
			t.Error("she is still in it")
		}
		// Somebody who is no owner leaves nobody anything.
		leave(grace, g)
		if !owns(tom, g) {
			t.Error("the owner lost the group when a member left")
		}
		// Two owners: the other stays one, and nobody rises.
		two := asha.Group(conversation.Group{Name: "Two", Class: conversation.Team, People: []id.User{tom.User, grace.User}})
		ok(t, w.Conversations.SetRole(t.Context(), asha.User, two, tom.User, conversation.Owner))
		leave(asha, two)
		if owns(grace, two) || !owns(tom, two) {
			t.Error("with another owner there, somebody else became one")
		}
		// The last to leave leaves it to nobody, and may.
		leave(tom, g)
		if tom.in(g) {
			t.Error("the last one cannot leave")
		}
	})
}

// TestRunningFiles sends what can run, as any app might.
func TestRunningFiles(t *testing.T) {
	t.Parallel()
	in(t, "OK", func(t *testing.T, w *Ward) {
		asha := w.As("asha")
		team := asha.Group(conversation.Group{Name: "Bay C", Class: conversation.Team, People: []id.User{w.As("tom").User}})
		files, err := media.Open(w.DB, "st-elsewhere", t.TempDir(), 1<<20)
		ok(t, err)
		files.MayKeep = conversation.MayKeep
		upload := func(name, kind, bytes string) error {
			_, err := files.Upload(t.Context(), media.Upload{Owner: asha.User, Body: strings.NewReader(bytes), SizeBytes: int64(len(bytes)), Type: kind, Name: name})
			return err
		}
		elf := "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00" + strings.Repeat("\x00", 64)
		ok(t, upload("letter.pdf", "application/pdf", "%PDF-1.7\n"))
		for name, err := range map[string]error{"by its name": upload("setup.exe", "application/octet-stream", "x"), "by its content": upload("letter.pdf", "application/pdf", elf)} {
			if !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := asha.Sends(team, "m.room.message", object{"msgtype": "m.file", "body": "setup.exe", "url": "mxc://ward.test/x"}); !fault.Is(err, fault.Forbidden) {
			t.Errorf("named so only in the message: %v", err)
		}
		if _, err := asha.Sends(team, "m.room.message", object{"msgtype": "m.text", "body": "do not open setup.exe"}); err != nil {
			t.Errorf("words about it: %v", err)
		}
		if strings.Contains(w.Log.String(), "setup.exe") {
			t.Error("a file's name is in the log")
		}
	})
}

// TestPollChange changes a poll until somebody has voted.
func TestPollChange(t *testing.T) {
	t.Parallel()
	in(t, "OK", func(t *testing.T, w *Ward) {
		asha, tom := w.As("asha"), w.As("tom")
		team := asha.Group(conversation.Group{Name: "Bay C", Class: conversation.Team, People: []id.User{tom.User}})
		poll := object{"m.poll": object{"question": object{"m.text": []object{{"body": "When?"}}}, "answers": []object{{"m.id": "a1", "m.text": []object{{"body": "Nine"}}}}}}
		start, err := asha.Sends(team, "m.poll.start", poll)
		ok(t, err)
		change := object{"m.new_content": poll, "m.relates_to": object{"rel_type": "m.replace", "event_id": start}}
		_, err = asha.Sends(team, "m.poll.start", change)
		ok(t, err)
		vote, err := tom.Sends(team, "m.poll.response", object{"m.relates_to": object{"rel_type": "m.reference", "event_id": start}, "m.selections": []string{"a1"}})
		ok(t, err)
		if _, err := asha.Sends(team, "m.poll.start", change); !fault.Is(err, fault.Conflict) || !strings.Contains(fault.As(err).Public, "voted") {
			t.Errorf("after a vote: %v", err)
		}
		if _, err := asha.Sends(team, "m.poll.start", poll); err != nil {
			t.Errorf("another poll: %v", err)
		}
		ok(t, tom.Redacts(team, vote))
		_, err = asha.Sends(team, "m.poll.start", change)
		ok(t, err)
		_, err = asha.Sends(team, "m.poll.end", object{"m.relates_to": object{"rel_type": "m.reference", "event_id": start}})
		ok(t, err)
		if _, err := asha.Sends(team, "m.poll.start", change); !fault.Is(err, fault.Conflict) {
			t.Errorf("after its end: %v", err)
		}
	})
}

func TestLinks(t *testing.T) {
	t.Parallel()
	in(t, "OK", func(t *testing.T, w *Ward) {
		asha, tom, owen := w.As("asha"), w.As("tom"), w.As("owen")
		g := asha.Group(conversation.Group{Name: "Teaching", Class: conversation.Team, People: []id.User{tom.User}})
		c := w.Conversations
		if _, _, err := c.MakeLink(t.Context(), tom.User, g, time.Hour); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a member makes a link: %v", err)
		}
		if _, _, err := c.MakeLink(t.Context(), owen.User, g, time.Hour); !fault.Is(err, fault.Hidden) {
			t.Errorf("an outsider makes a link: %v", err)
		}
		if _, _, err := c.MakeLink(t.Context(), asha.User, g, 100*24*time.Hour); !fault.Is(err, fault.Invalid) {
			t.Errorf("a link for ever: %v", err)
		}
		if _, _, err := c.MakeLink(t.Context(), asha.User, asha.PatientRoom("pt_jones"), time.Hour); !fault.Is(err, fault.Invalid) {
			t.Errorf("a link to a patient's room: %v", err)
		}
		l, token, err := c.MakeLink(t.Context(), asha.User, g, time.Hour)
		ok(t, err)
		look, err := c.LookLink(t.Context(), owen.User, token)
		if ok(t, err); look.Name != "Teaching" || look.People != 2 || look.By != "Asha Patel" || look.In {
			t.Errorf("it shows %+v", look)
		}
		in, err := c.FollowLink(t.Context(), owen.User, token)
		if ok(t, err); in != g || !owen.in(g) {
			t.Errorf("it led to %s", in)
		}
		if _, err := c.FollowLink(t.Context(), owen.User, token); err != nil {
			t.Errorf("twice: %v", err)
		}
		list, err := c.Links(t.Context(), tom.User, g)
		if ok(t, err); len(list) != 1 || list[0].Used != 1 {
			t.Errorf("links: %+v", list)
		}
		if err := c.RevokeLink(t.Context(), owen.User, g, l.ID); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a member takes it back: %v", err)
		}
		ok(t, c.RevokeLink(t.Context(), asha.User, g, l.ID))
		_, second, err := c.MakeLink(t.Context(), asha.User, g, time.Hour)
		ok(t, err)
		w.Pass(time.Hour)
		for name, token := range map[string]string{"taken back": token, "ended": second, "never was": "x", "empty": ""} {
			_, looked := c.LookLink(t.Context(), w.As("nadia").User, token)
			_, followed := c.FollowLink(t.Context(), w.As("nadia").User, token)
			if !fault.Is(looked, fault.Hidden) || !fault.Is(followed, fault.Hidden) || looked.Error() != followed.Error() {
				t.Errorf("%s: %v, %v", name, looked, followed)
			}
		}
		if w.As("nadia").in(g) {
			t.Error("she is in")
		}
	})
}

// TestFollow has a group whose people are whoever holds a post or belongs to a team, through changes, a restart, and people's own acts.
//
// hazard: H6 role empty or stale holder
func TestFollow(t *testing.T) {
	t.Parallel()
	in(t, "OK", func(t *testing.T, w *Ward) {
		asha, liam, hana, grace := w.As("asha"), w.As("liam"), w.As("hana"), w.As("grace")
		g := asha.Group(conversation.Group{Name: "On call", Class: conversation.Team, People: []id.User{w.As("tom").User},
			Follow: conversation.Following{Posts: []directory.PostID{"po_med_spr"}}})
		if !liam.in(g) || hana.in(g) {
			t.Fatalf("Liam holds the post: Liam %v, Hana %v", liam.in(g), hana.in(g))
		}
		ok(t, hana.Does(rota.TakeOver, "po_med_spr", "theatre"))
		w.Restart(time.Second)
		w.Pass(20 * time.Second)
		if liam.in(g) || !hana.in(g) || !asha.in(g) || !w.As("tom").in(g) {
			t.Errorf("Hana holds it: Liam %v, Hana %v, Asha %v", liam.in(g), hana.in(g), asha.in(g))
		}
		ok(t, w.Rooms.Do(t.Context(), g, leave(hana.User)))
		w.Pass(time.Minute)
		if hana.in(g) {
			t.Error("Hana left, and was fetched back")
		}
		ok(t, liam.Does(rota.TakeOver, "po_med_spr", "back"))
		w.Pass(20 * time.Second)
		if !liam.in(g) {
			t.Error("the post is Liam's again, and he is not in")
		}
		_, err := w.Conversations.Add(t.Context(), asha.User, g, []id.User{grace.User}, nil)
		ok(t, err)
		ok(t, w.Conversations.Follow(t.Context(), asha.User, g, conversation.Following{Teams: []directory.TeamID{"tm_stroke"}}))
		if !w.As("ken").in(g) || !liam.in(g) || !grace.in(g) {
			t.Error("the stroke team is Ken, Lucia and Liam; Grace was brought in by hand")
		}
		ok(t, w.DB.Write(t.Context(), "test", func(ctx context.Context, tx *db.Tx) error {
			return directory.SaveTeam(ctx, tx, directory.Team{ID: "tm_stroke", Name: "Stroke team", Members: []id.User{w.As("ken").User, grace.User}})
		}))
		w.Pass(20 * time.Second)
		if liam.in(g) || !grace.in(g) || !w.As("ken").in(g) {
			t.Error("Liam has left the team")
		}
		ok(t, w.DB.Write(t.Context(), "test", func(ctx context.Context, tx *db.Tx) error {
			return directory.SaveTeam(ctx, tx, directory.Team{ID: "tm_stroke", Name: "Stroke team"})
		}))
		w.Pass(20 * time.Second)
		if w.As("ken").in(g) || !grace.in(g) {
			t.Error("the team is empty; who was brought in by hand stays")
		}
		if err := w.Conversations.Follow(t.Context(), w.As("tom").User, g, conversation.Following{}); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a member: %v", err)
		}
		if err := w.Conversations.Follow(t.Context(), asha.User, g, conversation.Following{Posts: []directory.PostID{"po_none"}}); !fault.Is(err, fault.Invalid) {
			t.Errorf("no such post: %v", err)
		}
	})
}

// TestMention names a post in a message: whoever holds it is there and named, and the sender hears when nobody is.
//
// hazard: H6 role empty or stale holder
func TestMention(t *testing.T) {
	t.Parallel()
	in(t, "OK", func(t *testing.T, w *Ward) {
		asha, tom, liam, hana := w.As("asha"), w.As("tom"), w.As("liam"), w.As("hana")
		g := asha.Group(conversation.Group{Name: "Bay C", Class: conversation.Team, People: []id.User{tom.User}})
		social := asha.Group(conversation.Group{Name: "Tea", Class: conversation.Social, People: []id.User{tom.User}})
		direct, err := w.Conversations.Direct(t.Context(), asha.User, tom.User)
		ok(t, err)
		name := func(in id.Room, post string, users ...id.User) error {
			_, err := asha.Sends(in, "m.room.message", object{"msgtype": "m.text", "body": "@Med reg please", "m.mentions": object{"user_ids": users},
				"uk.wardline.mentions": object{"posts": []string{post}}})
			return err
		}
		ok(t, name(g, "po_med_spr", liam.User))
		if !liam.in(g) {
			t.Error("Liam holds the post and is not here")
		}
		if got := string(liam.Hears(g)[0].Content); !strings.Contains(got, "Med reg please") {
			t.Errorf("the newest is %s", got)
		}
		ok(t, hana.Does(rota.TakeOver, "po_med_spr", "theatre"))
		ok(t, name(g, "po_med_spr", liam.User)) // what Asha's phone still believed
		heard := hana.Hears(g)
		if !hana.in(g) || len(heard) < 2 || !strings.Contains(string(heard[1].Content), string(hana.User)) || heard[1].Sender != Steward {
			t.Errorf("Hana is in: %v; before the message stands %s", hana.in(g), heard[1].Content)
		}
		ok(t, name(g, "po_med_sho2"))
		if got := string(asha.Hears(g)[1].Content); !strings.Contains(got, "Nobody holds SHO 2 now") {
			t.Errorf("nobody holds it, and Asha reads %s", got)
		}
		for what, err := range map[string]error{"a social room": name(social, "po_med_spr"), "two people": name(direct, "po_med_spr"), "no such post": name(g, "po_none")} {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if liam.in(social) {
			t.Error("he was brought into the social room")
		}
	})
}
