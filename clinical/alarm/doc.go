// Package alarm brings the alarm of a post to people as a page: a critical post without its holders rings with whoever is next on its
// ladder, must be answered, and goes on when it is not.
//
// It promises that one alarm has one open page at most; that the page is withdrawn, with who holds the post now, in the act that ends the
// alarm; and that whoever accepts it sees to the alarm. It refuses to ring for a holder who should have been relieved: somebody holds the
// post, and a notice will do. A page that cannot be raised is left to the notice. Look first at Service.Ring.
package alarm
