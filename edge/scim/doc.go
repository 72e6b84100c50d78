// Package scim lets the trust's own directory bring people and teams in, change them and let them go, by SCIM 2.0 (RFC 7643, RFC 7644).
//
// It promises that each request is one act: a PATCH whose last operation is refused has changed nothing, and an If-Match is compared
// inside the act that it guards. It refuses everything without the token of the settings, and is not there when none is set. Deleting a
// person, or making them inactive, ends their access at once. Look first at Routes and applyPatch.
package scim
