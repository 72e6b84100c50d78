//go:build !race

package scenario

// How many random lives a scenario tries, and how much happens in each.
const (
	seeds uint64 = 3
	moves int    = 45
)
