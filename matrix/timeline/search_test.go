package timeline_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"wardline/ground/fault"
	"wardline/matrix/id"
	"wardline/matrix/room"
	"wardline/matrix/search"
	"wardline/matrix/timeline"
)

type found struct {
	Count      int
	Highlights []string
	Results    []struct {
		Rank    float64
		Result  shown
		Context struct {
			Start, End string
			Before     events                   `json:"events_before"`
			After      events                   `json:"events_after"`
			Profiles   map[id.User]found_person `json:"profile_info"`
		}
	}
	Next   string `json:"next_batch"`
	State  map[id.Room]events
	Groups map[string]map[string]struct {
		Order   int
		Results []id.Event
		Next    string `json:"next_batch"`
	}
}

type found_person struct {
	Name string `json:"displayname"`
}

func (f found) bodies() string {
	var list []string
	for _, r := range f.Results {
		c := r.Result.Content
		list = append(list, c.Body+c.Name)
	}
	return strings.Join(list, "|")
}

func (w *world) search(r timeline.SearchRequest) found {
	w.t.Helper()
	if r.Filter == nil {
		r.Filter = &timeline.EventFilter{}
	}
	body, err := w.timeline.Search(w.t.Context(), r)
	w.ok(err)
	var a struct {
		Categories struct {
			Events found `json:"room_events"`
		} `json:"search_categories"`
	}
	if err := json.Unmarshal(body, &a); err != nil {
		w.t.Fatalf("answer is not JSON: %v\n%s", err, body)
	}
	return a.Categories.Events
}

// finds is what a user finds by a term, the newest first.
func (w *world) finds(u id.User, term string) string {
	w.t.Helper()
	return w.search(timeline.SearchRequest{User: u, Term: term, Recent: true}).bodies()
}

func (w *world) edit(u id.User, r id.Room, of id.Event, body string) id.Event {
	w.t.Helper()
	return w.send(u, r, fmt.Sprintf(`{"msgtype":"m.text","body":"* %s","m.new_content":{"msgtype":"m.text","body":%q},"m.relates_to":{"rel_type":"m.replace","event_id":%q}}`, body, body, of))
}

func (w *world) redact(u id.User, r id.Room, e id.Event) {
	w.t.Helper()
	w.txn++
	_, err := w.rooms.Redact(w.t.Context(), r, e, "", room.Incoming{Sender: u, Device: "D", Txn: fmt.Sprint("r", w.txn)})
	w.ok(err)
}

var three = []id.User{alice, bob, carol}

func TestSearch_FindsWords(t *testing.T) {
	eachWorld(t, three, func(w *world) {
		r := w.room("Kestrel", bob)
		w.say(alice, r, "The quick brown fox")
		w.say(bob, r, "Müller's BROWN dog, quick-witted!")
		w.say(alice, r, "brown brown brown")
		w.say(alice, r, "検査結果 と ärzte 42")
		_, err := w.rooms.Receive(w.t.Context(), r, room.Incoming{Sender: alice, Type: "m.room.topic", StateKey: new(string), Content: json.RawMessage(`{"topic":"plain","m.topic":{"m.text":[{"body":"kestrels nest"},{"mimetype":"text/html","body":"<b>hidden</b>"}]}}`)})
		w.ok(err)
		for term, want := range map[string]string{
			"brown":        "brown brown brown|Müller's BROWN dog, quick-witted!|The quick brown fox",
			"BROWN Quick":  "Müller's BROWN dog, quick-witted!|The quick brown fox",
			"muller":       "Müller's BROWN dog, quick-witted!",
			"mu\u0308ller": "Müller's BROWN dog, quick-witted!",
			"wit":          "",
			"検査":           "検査結果 と ärzte 42",
			"42 arzte":     "検査結果 と ärzte 42",
			"kestrel":      "Kestrel",
			"b":            "",
		} {
			if got := w.finds(bob, term); got != want {
				t.Errorf("%s: got %q, want %q", term, got, want)
			}
		}
		if a := w.search(timeline.SearchRequest{User: bob, Term: "kestrels nest", Keys: []string{search.Topic}}); a.Count != 1 {
			t.Errorf("by m.topic: %+v", a)
		}
		if a := w.search(timeline.SearchRequest{User: bob, Term: "hidden"}); a.Count != 0 {
			t.Errorf("markup of a topic was found: %+v", a)
		}
		if a := w.search(timeline.SearchRequest{User: bob, Term: "kestrel", Keys: []string{search.Body}}); a.Count != 0 {
			t.Errorf("a room's name was found among bodies: %+v", a)
		}
		best := w.search(timeline.SearchRequest{User: bob, Term: "brown"})
		if got := best.bodies(); got != "brown brown brown|The quick brown fox|Müller's BROWN dog, quick-witted!" || best.Results[0].Rank <= best.Results[1].Rank {
			t.Errorf("by rank: %q", got)
		}
		filter := &timeline.EventFilter{Senders: []id.User{bob}}
		if got := w.search(timeline.SearchRequest{User: bob, Term: "brown", Filter: filter}).bodies(); got != "Müller's BROWN dog, quick-witted!" {
			t.Errorf("of one sender: %q", got)
		}
	})
}

func TestSearch_FollowsEditsAndRemovals(t *testing.T) {
	eachWorld(t, three, func(w *world) {
		r := w.room("Room", bob)
		e := w.say(alice, r, "first draft")
		gone := w.say(alice, r, "first secret")
		edit := w.edit(alice, r, e, "second version")
		w.edit(bob, r, e, "forged third")
		w.redact(alice, r, gone)
		check := func(when string, want map[string]string) {
			t.Helper()
			for term, want := range want {
				if got := w.finds(bob, term); got != want {
					t.Errorf("%s: by %q found %q, want %q", when, term, got, want)
				}
			}
		}
		check("edited", map[string]string{"second": "first draft", "draft": "", "forged": "", "secret": ""})
		last := w.edit(alice, r, e, "third words")
		check("edited again", map[string]string{"third": "first draft", "second": ""})
		w.redact(alice, r, last)
		check("the newest edit removed", map[string]string{"second": "first draft", "third": ""})
		w.redact(alice, r, edit)
		check("all edits removed", map[string]string{"draft": "first draft", "second": ""})
		w.redact(alice, r, e)
		check("removed", map[string]string{"draft": "", "first": ""})
	})
}

// Nobody finds what they may not see, nor learns by a count that it is there; an index that was left out of a copy is made anew.
func TestSearch_ShowsNobodyMore(t *testing.T) {
	eachWorld(t, three, func(w *world) {
		private := w.room("Private")
		w.say(alice, private, "needle in private")
		open := w.room("Open", bob)
		w.say(alice, open, "needle before")
		w.change(bob, bob, open, "leave")
		w.say(alice, open, "needle after")
		late, err := w.rooms.Create(t.Context(), room.CreateSpec{Creator: alice, State: []room.StateEvent{{Type: "m.room.history_visibility", Content: json.RawMessage(`{"history_visibility":"joined"}`)}}})
		w.ok(err)
		w.say(alice, late, "needle early")
		w.change(alice, bob, late, "invite")
		w.change(bob, bob, late, "join")
		w.say(alice, late, "needle late")
		edited := w.say(alice, open, "needle kept")
		w.edit(alice, open, edited, "thread")
		for again := range 2 {
			for u, want := range map[id.User]string{
				alice: "needle late|needle early|needle after|needle before|needle in private", bob: "needle late|needle before", carol: "",
			} {
				a := w.search(timeline.SearchRequest{User: u, Term: "needle", Recent: true, GroupBy: []string{"room_id"}, State: true})
				if got := a.bodies(); got != want || a.Count != len(a.Results) {
					t.Errorf("%s finds %q (count %d), want %q", u, got, a.Count, want)
				}
				for r := range a.State {
					if f, err := w.rooms.Feed(t.Context(), r); err != nil || f.Membership(u) == "" {
						t.Errorf("%s is told the state of %s", u, r)
					}
				}
			}
			if again == 0 {
				w.over(w.db) // another process
			}
		}
		w.ok(w.rooms.Forget(t.Context(), open, bob))
		if got := w.finds(bob, "needle"); got != "needle late" {
			t.Errorf("after forgetting: %q", got)
		}
	})
}

func TestSearch_Pages(t *testing.T) {
	eachWorld(t, three, func(w *world) {
		rooms := []id.Room{w.room("One", bob), w.room("Two", bob)}
		var want []string
		for i := range 60 {
			body := fmt.Sprintf("word %d", i)
			w.say([]id.User{alice, bob}[i%2], rooms[i%3%2], body+strings.Repeat(" filler", i%7))
			want = append(want, body)
		}
		limit := 7
		walk := func(recent bool, next func(found) string) []string {
			var got []string
			r := timeline.SearchRequest{User: bob, Term: "word", Recent: recent, Filter: &timeline.EventFilter{Limit: &limit}, GroupBy: []string{"room_id", "sender"}}
			for {
				a := w.search(r)
				for _, hit := range a.Results {
					got = append(got, strings.TrimRight(strings.ReplaceAll(hit.Result.Content.Body, "filler", ""), " "))
				}
				if r.Next = next(a); r.Next == "" {
					return got
				}
			}
		}
		for _, recent := range []bool{true, false} {
			got := walk(recent, func(a found) string { return a.Next })
			if recent {
				slices.Reverse(got)
			} else {
				slices.SortFunc(got, func(a, b string) int { return slices.Index(want, a) - slices.Index(want, b) })
			}
			if !slices.Equal(got, want) {
				t.Errorf("recent %v: %d of %d, each once: %q", recent, len(got), len(want), got)
			}
			first := w.search(timeline.SearchRequest{User: bob, Term: "word", Recent: recent, Filter: &timeline.EventFilter{Limit: &limit}, GroupBy: []string{"room_id", "sender"}})
			for key, groups := range first.Groups {
				for value, g := range groups {
					n := len(g.Results)
					r := timeline.SearchRequest{User: bob, Term: "word", Recent: recent, Filter: &timeline.EventFilter{Limit: &limit}, GroupBy: []string{key}, Next: g.Next}
					for r.Next != "" {
						a := w.search(r)
						n += len(a.Groups[key][value].Results)
						if len(a.Groups[key]) > 1 {
							t.Errorf("a group's page has other groups: %v", a.Groups)
						}
						r.Next = a.Next
					}
					wanted := 30
					if key == "room_id" {
						wanted = map[id.Room]int{rooms[0]: 40, rooms[1]: 20}[id.Room(value)]
					}
					if n != wanted {
						t.Errorf("recent %v, %s %s: %d, want %d", recent, key, value, n, wanted)
					}
				}
			}
		}
		if _, err := w.timeline.Search(t.Context(), timeline.SearchRequest{User: bob, Term: "word", Next: "x", Filter: &timeline.EventFilter{}}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a token that is none: %v", err)
		}
	})
}

func TestSearch_Context(t *testing.T) {
	eachWorld(t, three, func(w *world) {
		r := w.room("Room", bob)
		for _, body := range []string{"a", "b", "needle", "c", "d"} {
			w.say(alice, r, body)
		}
		w.ok(w.accounts.SetProfile(t.Context(), alice, "displayname", json.RawMessage(`"Renamed"`)))
		a := w.search(timeline.SearchRequest{User: bob, Term: "needle", Around: &timeline.SearchContext{Before: 1, After: 2, Profiles: true}})
		if len(a.Results) != 1 {
			t.Fatalf("got %+v", a)
		}
		c := a.Results[0].Context
		if got := append(c.Before.bodies(), c.After.bodies()...); !slices.Equal(got, []string{"b", "c", "d"}) || c.Start == "" || c.End == "" {
			t.Errorf("around: %q", got)
		}
		if got := c.Profiles[alice].Name; got != "alice" {
			t.Errorf("alice was called %q then", got)
		}
	})
}

// FuzzSearch tries terms that mean something to either engine.
func FuzzSearch(f *testing.F) {
	for _, s := range []string{`"`, `'`, `a AND`, `NEAR(a b)`, `a:*`, `\`, "\x00", "r_1", "ß", "a b c d e f g h i j k l m n o p q r s t u v w x y z", strings.Repeat("x", 100)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, term string) {
		words := search.Words(term)
		for _, w := range words {
			if w == "" || len(w) > 60 || strings.ContainsAny(w, " \"'\\:*()_\x00") {
				t.Errorf("%q has the word %q", term, w)
			}
			if again := search.Words(w); !slices.Equal(again, []string{w}) {
				t.Errorf("%q becomes %q, which becomes %q", term, w, again)
			}
		}
	})
}
