// Package safety holds the hazard log to the code: a control whose test is gone fails the build.
//
// It promises that docs/safety/hazards.yaml names tests that exist and hazards that the code cites. Look first at hazards_test.go.
package safety
