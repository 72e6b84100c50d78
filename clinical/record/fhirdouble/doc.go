// Package fhirdouble is a small FHIR R4 server for tests and for the demo: it stands in for a trust's record system.
//
// It promises to be stricter than most: it takes transactions whole or not at all, knows every element of the resources that it
// accepts and refuses the rest, resolves every reference, checks NHS numbers, profiles, sizes and hashes, and creates nothing
// conditionally that is there. It can be put down, and can drop its answer after it has committed, so that a test can prove that a
// filing arrives exactly once. It refuses to be used for patients: it has no access control at all. Look first at New and Server.Serve.
package fhirdouble
