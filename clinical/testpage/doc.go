// Package testpage tries the way to every important post each morning, as a switchboard tests the crash bleep: whoever holds the post
// gets a test, presses "Received", and a board shows who did not.
//
// It promises that a day on which a test is planned has one run or a line that says there was none, across restarts, crashes and changes
// of the clock; that a test takes the doors a real page takes (the open app, Web Push, the carriers that the trust has chosen) and counts
// as passed only when its holder answered in time on a device of their own; and that the switchboard hears of every post that did not.
// It refuses to be mistaken for a page: a test raises none, has no words of a ward in it, climbs to nobody else, is in no measure, waits
// behind everything that is real, and leaves alone who is in a sterile procedure or resting. Who is off duty holds no post, so gets none.
//
// What is due on which day is Plan, which is pure, and what a test came to is judge. Look first at these, and at Service.Run.
package testpage
