package stateres

import (
	"maps"
	"math/rand/v2"
	"testing"
)

// FuzzResolve grows a room from a seed, forks it, and resolves its branches in any order: always to what the literal algorithm says.
func FuzzResolve(f *testing.F) {
	versions := []string{"6", "7", "8", "9", "10", "11", "12"}
	f.Add(uint64(10), uint64(59), uint8(5)) // an event that rests on a rejected one is ranked by it all the same
	for v := range versions {
		f.Add(uint64(v), uint64(7*v+1), uint8(v))
	}
	f.Fuzz(func(t *testing.T, seed, order uint64, v uint8) {
		d := rand.New(rand.NewPCG(seed, order))
		r, tip := newRoom(t, versions[int(v)%len(versions)])
		all := r.grow(d, tip, 30)
		var states []State
		for range 2 + d.IntN(4) {
			states = append(states, r.after[all[d.IntN(len(all))]])
		}
		want := naive{r.v, r}.resolve(states)
		for range 4 {
			d.Shuffle(len(states), func(i, j int) { states[i], states[j] = states[j], states[i] })
			if got, err := Resolve(r.v, states, r); err != nil || !maps.Equal(got, want) {
				t.Fatalf("%v\n%s", err, r.difference(got, want))
			}
		}
	})
}
