// Package remind does for one person at a later time what they asked for now: it brings a message back to them, or lets them hear of a
// conversation again that they had silenced for a while.
//
// It promises that what was asked for happens on time, across restarts, on each of the person's own devices and nowhere else, and that how
// a conversation is told stays a matter of ordinary push rules, so that every other app sees the same. It refuses to keep words: a reminder
// is two ids and an instant. Look first at Service.Remind, Service.Hear and Service.Run.
package remind
