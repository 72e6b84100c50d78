// Package measure counts: how long pages take until they reach somebody and are accepted, how many had to escalate, and how often each
// person is interrupted.
//
// It promises that what it says of pages is worked out from the pages themselves, whenever it is asked, so that nothing can be counted that
// did not happen; drills and test pages are in no figure; a median of fewer than five is not shown, and neither is anything about a person's
// interruptions to anybody but that person. It refuses to rank people. Look first at Pages and Ledger.
package measure
