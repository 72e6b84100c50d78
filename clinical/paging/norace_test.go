//go:build !race

package paging

// races says that the race detector watches.
const races = false
