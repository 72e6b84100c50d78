package stateres

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room/internal/auth"
)

// In random rooms Resolve does what the literal algorithm does, whatever the
// order of the states.
func TestResolve_Naive(t *testing.T) {
	for _, version := range []string{"6", "10", "11", "12"} {
		t.Run(version, func(t *testing.T) {
			conflicts := 0
			for seed := range uint64(60) {
				d := rand.New(rand.NewPCG(seed, 2))
				r, tip := newRoom(t, version)
				all := r.grow(d, tip, 40)
				slow := naive{r.v, r}
				for range 8 {
					var states []State
					for range 2 + d.IntN(3) {
						states = append(states, r.after[all[d.IntN(len(all))]])
					}
					want := slow.resolve(states)
					got, err := Resolve(r.v, states, r)
					if err != nil || !maps.Equal(got, want) {
						t.Fatalf("seed %d: %v\n%s", seed, err, r.difference(got, want))
					}
					slices.Reverse(states)
					if again, err := Resolve(r.v, states, r); err != nil || !maps.Equal(got, again) {
						t.Fatalf("seed %d: the order of the states matters: %v\n%s", seed, err, r.difference(got, again))
					}
					if !maps.Equal(got, states[0]) {
						conflicts++
					}
				}
			}
			if conflicts < 200 {
				t.Errorf("the sample is poor: %d conflicts", conflicts)
			}
		})
	}
}

func (r *room) difference(got, want State) (out string) {
	for k := range maps.Keys(r.union(got, want)) {
		if got[k] != want[k] {
			out += fmt.Sprintf("%v: got %s, want %s\n", k, r.show(got[k]), r.show(want[k]))
		}
	}
	return out
}

func (r *room) union(a, b State) State {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

func (r *room) show(e id.Event) string {
	if ev := r.events[e]; ev != nil {
		return string(ev.JSON)
	}
	return "nothing"
}

// What must come out when two branches meet.
func TestResolve(t *testing.T) {
	topic := auth.Key{Type: "m.room.topic"}
	for _, version := range []string{"11", "12"} {
		t.Run(version+"/OK", func(t *testing.T) {
			r, tip := newRoom(t, version)
			if got, err := Resolve(r.v, []State{r.after[tip], r.after[tip]}, r); err != nil || !maps.Equal(got, r.after[tip]) {
				t.Errorf("equal states: %v, %s", err, r.difference(got, r.after[tip]))
			}
		})
		t.Run(version+"/BanBeatsWhatTheBannedDid", func(t *testing.T) {
			r, tip := newRoom(t, version)
			ban := r.add([]id.Event{tip}, boss, event.TypeMember, "@mod:a", `{"membership":"ban"}`)
			r.clock = 0 // the banned one claims to have been first
			theirs := r.add([]id.Event{tip}, "@mod:a", "m.room.topic", "", `{"topic":"mine"}`)
			kick := r.add([]id.Event{theirs}, "@mod:a", event.TypeMember, "@joe:a", `{"membership":"leave"}`)
			got, err := Resolve(r.v, []State{r.after[kick], r.after[ban]}, r)
			if err != nil {
				t.Fatal(err)
			}
			if got[auth.Key{Type: event.TypeMember, StateKey: "@mod:a"}] != ban {
				t.Error("the ban is lost")
			}
			if e, ok := got[topic]; ok {
				t.Errorf("the topic of the banned one stands: %s", r.show(e))
			}
			if got[auth.Key{Type: event.TypeMember, StateKey: "@joe:a"}] == kick {
				t.Error("the banned one has removed somebody")
			}
		})
		t.Run(version+"/LaterTopicWins", func(t *testing.T) {
			r, tip := newRoom(t, version)
			first := r.add([]id.Event{tip}, "@mod:a", "m.room.topic", "", `{"topic":"1"}`)
			second := r.add([]id.Event{tip}, boss, "m.room.topic", "", `{"topic":"2"}`)
			got, err := Resolve(r.v, []State{r.after[second], r.after[first]}, r)
			if err != nil || got[topic] != second {
				t.Errorf("got %s, %v", r.show(got[topic]), err)
			}
		})
		t.Run(version+"/NewerLevelsWin", func(t *testing.T) {
			r, tip := newRoom(t, version)
			levels := `{"users":{"@mod:a":50,"@boss:a":100},"x":1}`
			if r.v.PrivilegedCreators {
				levels = `{"users":{"@mod:a":50},"x":1}`
			}
			under := r.add([]id.Event{tip}, boss, event.TypePowerLevels, "", levels)
			r.clock = 0
			newer := r.add([]id.Event{under}, boss, "m.room.topic", "", `{"topic":"newer"}`)
			r.clock = 1000
			older := r.add([]id.Event{tip}, boss, "m.room.topic", "", `{"topic":"older"}`)
			got, err := Resolve(r.v, []State{r.after[newer], r.after[older]}, r)
			if err != nil || got[topic] != newer {
				t.Errorf("got %s, %v", r.show(got[topic]), err)
			}
		})
		t.Run(version+"/ErrMissing", func(t *testing.T) {
			r, tip := newRoom(t, version)
			a := r.add([]id.Event{tip}, boss, "m.room.topic", "", `{"topic":"1"}`)
			b := r.add([]id.Event{tip}, boss, "m.room.topic", "", `{"topic":"2"}`)
			r.hidden[r.after[tip][auth.Key{Type: event.TypePowerLevels}]] = true
			if _, err := Resolve(r.v, []State{r.after[a], r.after[b]}, r); !errors.Is(err, ErrMissing) {
				t.Errorf("got %v, want ErrMissing", err)
			}
		})
	}
}

// An auth event that was rejected allows nothing.
//
// spec: rooms/v12#rejected-events
func TestResolve_Rejected(t *testing.T) {
	r, tip := newRoom(t, "12")
	topic := auth.Key{Type: "m.room.topic"}
	a := r.add([]id.Event{tip}, "@mod:a", "m.room.topic", "", `{"topic":"1"}`)
	b := r.add([]id.Event{tip}, "@mod:a", "m.room.topic", "", `{"topic":"2"}`)
	states := []State{r.after[a], r.after[b]}
	if got, err := Resolve(r.v, states, r); err != nil || got[topic] != b {
		t.Fatalf("got %s, %v", r.show(got[topic]), err)
	}
	r.bad[r.after[tip][auth.Key{Type: event.TypeMember, StateKey: "@mod:a"}]] = true
	if got, err := Resolve(r.v, states, r); err != nil || got[topic] != "" {
		t.Errorf("with a rejected join: got %s, %v", r.show(got[topic]), err)
	}
}

// Two branches of a room with a thousand members.
func BenchmarkResolve(b *testing.B) {
	for _, version := range []string{"11", "12"} {
		b.Run(version, func(b *testing.B) {
			r, tip := newRoom(b, version)
			for i := range 1000 {
				u := fmt.Sprintf("@u%d:a", i)
				tip = r.add([]id.Event{tip}, u, event.TypeMember, u, `{"membership":"join"}`)
			}
			one := r.add([]id.Event{tip}, boss, event.TypeMember, "@u7:a", `{"membership":"ban"}`)
			two := r.add([]id.Event{tip}, "@mod:a", "m.room.topic", "", `{"topic":"t"}`)
			two = r.add([]id.Event{two}, "@u8:a", event.TypeMember, "@u8:a", `{"membership":"leave"}`)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Resolve(r.v, []State{r.after[one], r.after[two]}, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
