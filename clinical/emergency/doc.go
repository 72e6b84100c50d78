// Package emergency calls a whole team with one act, the call that a telephone makes by 2222: a page to each seat of the team, a room
// with everybody in it, and a board that shows who comes, who is there, and who is missing.
//
// It promises that a call is whole or not there: its room, its pages and its record are one transaction; that each seat is a page, so it
// climbs its ladder until somebody comes; that the board in the room is as new as the pages; that every instant is kept; and that a call
// ends only when somebody stands it down and says why. A drill is the same in everything, says DRILL everywhere, and is in no measure.
// It refuses to count as a page answered what only a carrier says, and to let anybody end one seat's page alone.
//
// The rules are in Step, which is pure. Look first at Step and Service.Raise.
package emergency
