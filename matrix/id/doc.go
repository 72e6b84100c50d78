// Package id names the things of the Matrix protocol: users, rooms, events,
// devices, aliases and servers.
//
// Each name has a string type of its own, so that a room can never be passed
// where a user is meant. A value of such a type is not checked by existing:
// text from outside goes through a Parse function, which promises that the
// result obeys the grammar of the specification, is valid UTF-8, holds no NUL
// and is at most 255 bytes long. The package refuses to repair what it reads:
// there is no trimming, no case folding and no normalisation.
//
// Look at ParseUser and User.Server first.
//
// spec: appendices#identifier-grammar
package id
