// Package stateres brings the states of a room's forked branches back to one,
// as every other server in the room does it: state resolution version 2, and
// 2.1 for room version 12.
//
// It is pure: the caller hands in the states and a source of events. It
// promises a result that depends on nothing else: not on the order of the
// states, not on the order of arrival, not on what is current here. It refuses
// to guess: an event that the source does not have is an error, because a
// resolution without it may differ from everybody else's.
//
// Where the specification can be read in two ways, the reading of the servers
// that are in use is taken: two servers that resolve differently have split the
// room. The tests hold a second implementation that is slow and literal, and
// compare the two in random rooms.
//
// Look at Resolve first.
//
// spec: rooms/v2#state-resolution
// spec: rooms/v12#state-resolution
package stateres
