//go:build race

package scenario

// The race detector takes ten times as long and finds what there is in part of one life. tools/test.sh lives them whole without it.
const (
	seeds uint64 = 1
	moves int    = 12
)
