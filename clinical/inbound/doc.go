// Package inbound raises pages for other systems of the trust: laboratory, observations, nurse call.
//
// It promises that a message which was acknowledged is a page with a person or the switchboard at the end of it, once, however often it is
// sent; that the trust's rules say whom it goes to, and that what no rule fits goes to the switchboard instead of nowhere; and that a
// patient it cannot be sure of is in the words only. It refuses to weigh: a score is carried and routed by the level that its sender gave
// it, and never computed. Look first at Service.Take and Rules.Match.
package inbound
