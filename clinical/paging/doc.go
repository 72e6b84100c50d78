// Package paging is the bleep's successor: a page goes to whoever holds a post now, must be answered, and passes to the next post
// when it is not, until somebody accepts it or its sender withdraws it.
//
// It promises that an open page always has somebody who must answer it now and an instant at which it moves on by itself; that the
// clock is in the database and runs on through a crash; that a page has one acceptance at most, and only from the person who holds
// it; and that each step commits together with its room event and its audit entry. It refuses to end a page because nobody is
// left: such a page is exhausted, stays open and rings at the switchboard.
//
// All rules are in Step, which is pure. The rest is a shell that resolves who holds what, stores what Step says and tells the room.
// Look first at Step and Service.Raise.
package paging
