// Package rota knows who holds a post at an instant: duties are half-open intervals, from their start up to but not including
// their end, in absolute time, so that a clock change moves nothing.
//
// It promises one holder at most for a post at an instant: of two duties that overlap, the one that began later counts, because a
// later entry is how a swap is written down. It refuses to guess: when nobody holds a post, Holder says fault.NotFound. Look first
// at Holder and Next.
package rota
