package timeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/ground/stream"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/inbox"
	"wardline/matrix/keys"
	"wardline/matrix/room"
	"wardline/matrix/search"
	"wardline/matrix/timeline"
)

const (
	alice = id.User("@alice:hs1")
	bob   = id.User("@bob:hs1")
	carol = id.User("@carol:hs1")
)

// world is a kernel of its own, on a real database.
type world struct {
	t        testing.TB
	path     string
	db       *db.DB
	accounts *account.Service
	rooms    *room.Service
	keys     *keys.Service
	inbox    *inbox.Service
	timeline *timeline.Service
	txn      int
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, path: filepath.Join(t.TempDir(), "w.db")}
	w.open()
	var people []account.NewUser
	for _, u := range []id.User{alice, bob, carol} {
		people = append(people, account.NewUser{User: u, DisplayName: u.Localpart()})
	}
	w.ok(w.accounts.CreateAll(t.Context(), people))
	t.Cleanup(func() { _ = w.db.Close() })
	return w
}

var migrations = []db.Migrations{audit.Migrations(), stream.Migrations(), account.Migrations(), room.Migrations(), keys.Migrations(), inbox.Migrations(), timeline.Migrations(), search.Migrations()}

// eachWorld runs a test on every engine at hand, with these people.
func eachWorld(t *testing.T, people []id.User, fn func(w *world)) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := &world{t: t}
		w.over(d)
		var all []account.NewUser
		for _, u := range people {
			all = append(all, account.NewUser{User: u, DisplayName: u.Localpart()})
		}
		w.ok(w.accounts.CreateAll(t.Context(), all))
		fn(w)
	}, migrations...)
}

func (w *world) open() {
	w.t.Helper()
	d, err := db.Open(w.t.Context(), w.path)
	w.ok(err)
	w.ok(d.Migrate(w.t.Context(), migrations...))
	w.over(d)
}

func (w *world) over(d *db.DB) {
	w.db, w.accounts = d, account.New(d, "hs1")
	w.rooms = room.New(d, w.accounts)
	w.accounts.OnProfile = w.rooms.ProfileChanged
	w.keys, w.inbox = keys.New(d, w.accounts), inbox.New(d, w.accounts)
	w.timeline = timeline.New(d, w.rooms, w.accounts, w.keys, w.inbox)
	w.timeline.Index = search.New(d, w.rooms)
}

// restart closes the database and opens it again with nothing in memory.
func (w *world) restart() {
	w.t.Helper()
	w.ok(w.db.Close())
	w.open()
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// room makes a room of alice's with the others in it.
func (w *world) room(name string, others ...id.User) id.Room {
	w.t.Helper()
	r, err := w.rooms.Create(w.t.Context(), room.CreateSpec{Creator: alice, Name: name, Join: others})
	w.ok(err)
	return r
}

func (w *world) say(u id.User, r id.Room, body string) id.Event {
	w.t.Helper()
	return w.send(u, r, fmt.Sprintf(`{"msgtype":"m.text","body":%q}`, body))
}

func (w *world) send(u id.User, r id.Room, content string) id.Event {
	w.t.Helper()
	w.txn++
	e, err := w.rooms.Receive(w.t.Context(), r, room.Incoming{Sender: u, Device: "D", Type: "m.room.message", Content: json.RawMessage(content), Txn: fmt.Sprint(w.txn)})
	w.ok(err)
	return e
}

func (w *world) change(by, target id.User, r id.Room, verb string) {
	w.t.Helper()
	w.ok(w.rooms.ChangeMembership(w.t.Context(), r, room.Change{Sender: by, Target: target, Verb: verb}))
}

// events are events as far as these tests look at them.
type events []shown

type shown struct {
	ID       id.Event `json:"event_id"`
	Type     string
	StateKey *string `json:"state_key"`
	Content  struct {
		Body, Membership, Name string
		Users                  []id.User `json:"user_ids"`
	}
	Unsigned struct {
		Txn string `json:"transaction_id"`
	}
}

func (l events) bodies() []string {
	out := []string{}
	for _, ev := range l {
		if ev.Type == "m.room.message" {
			out = append(out, ev.Content.Body)
		}
	}
	return out
}

type section struct {
	Timeline struct {
		Events  events
		Limited bool
		Prev    string `json:"prev_batch"`
	}
	State     struct{ Events events }
	Ephemeral struct {
		Events []struct {
			Type    string
			Content json.RawMessage
		}
	}
	Data   struct{ Events events } `json:"account_data"`
	Unread struct {
		Count      int `json:"notification_count"`
		Highlights int `json:"highlight_count"`
	} `json:"unread_notifications"`
}

type answer struct {
	Next  string `json:"next_batch"`
	Rooms struct {
		Join, Leave map[id.Room]section
		Invite      map[id.Room]struct {
			State struct{ Events events } `json:"invite_state"`
		}
	}
	Data struct{ Events events } `json:"account_data"`
}

// sync is one call of /v3/sync; wait 0 answers at once.
func (w *world) sync(ctx context.Context, u id.User, since string, wait time.Duration, filter string) answer {
	w.t.Helper()
	f, err := timeline.ParseFilter(json.RawMessage(filter))
	w.ok(err)
	body, err := w.timeline.Sync(ctx, &timeline.SyncRequest{User: u, Device: "D", Since: since, Timeout: wait, Filter: f})
	w.ok(err)
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		w.t.Fatalf("answer is not JSON: %v\n%s", err, body)
	}
	return a
}

type slidingRoom struct {
	Initial    bool
	Expanded   bool `json:"expanded_timeline"`
	Limited    bool
	Membership string
	Name       *string
	Events     events `json:"timeline"`
	Required   events `json:"required_state"`
	Stripped   events `json:"stripped_state"`
	Count      *int   `json:"notification_count"`
	Highlights *int   `json:"highlight_count"`
	Joined     *int   `json:"joined_count"`
	Live       int    `json:"num_live"`
	Prev       string `json:"prev_batch"`
}

type slidingAnswer struct {
	Pos   string
	Lists map[string]struct{ Count int }
	Rooms map[id.Room]slidingRoom
}

// sliding asks for all rooms with a timeline limit; wait 0 answers at once.
func (w *world) sliding(ctx context.Context, u id.User, pos string, wait time.Duration, limit int) (slidingAnswer, error) {
	w.t.Helper()
	member := "m.room.member"
	body, err := w.timeline.Sliding(ctx, &timeline.SlidingRequest{User: u, Device: "D", Pos: pos, Timeout: wait,
		Lists: map[string]timeline.SlidingList{"all": {Range: &[2]int{0, 19}, RoomConfig: timeline.RoomConfig{TimelineLimit: limit,
			Required: timeline.RequiredState{Include: []timeline.StateMatch{{Type: &member}}, Lazy: true}}}},
		Extensions: timeline.Extensions{Typing: timeline.Extension{Enabled: true}, Receipts: timeline.Extension{Enabled: true}, AccountData: timeline.Extension{Enabled: true}}})
	if err != nil {
		return slidingAnswer{}, err
	}
	var a slidingAnswer
	if err := json.Unmarshal(body, &a); err != nil {
		w.t.Fatalf("answer is not JSON: %v\n%s", err, body)
	}
	return a, nil
}

func (w *world) slid(u id.User, pos string, limit int) slidingAnswer {
	w.t.Helper()
	a, err := w.sliding(w.t.Context(), u, pos, 0, limit)
	w.ok(err)
	return a
}
