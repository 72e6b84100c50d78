// Package rota knows who holds a post at an instant, who is meant to, and what happens when those differ.
//
// Duties are half-open intervals in absolute time, from their start up to but not including their end, so that a clock change moves
// nothing. They are what was planned. The baton is what is so: it is taken, given, accepted and taken over, and where a post needs no
// confirmation it follows the rota by itself. Step is the pure rule; Service makes its effects true in one transaction each.
//
// It promises that a critical post has its holders or an open alarm at every instant, whenever the clock last ran; that of more duties
// than a post has holders the ones that began later count; and that nobody gets less than eleven hours of rest unless somebody was told
// and said yes. It refuses to guess: when nobody holds a post, Holder says fault.NotFound. Look first at Step and Holder.
package rota
