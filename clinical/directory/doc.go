// Package directory knows who works here: people, the posts that somebody holds in turn, teams and wards.
//
// It promises that a search forgives case, accents and half-typed words, and that the order in which a post's page escalates is
// read from one place, SaveLadder. It refuses to say who holds a post now: that is the rota's. Personal telephone numbers are not
// kept here at all, so they cannot leak from here. Look first at Service.Search and Ladder.
package directory
