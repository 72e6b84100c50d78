// Package event is the Matrix event as servers exchange it (the PDU): its
// canonical JSON, its hashes and identifier, its signatures, its redaction,
// and the table of room versions that says how these differ.
//
// It is pure: no clock, no disk, no network, no state. It promises that an
// Event it returns is well formed for its room version, fits into 65,536 bytes
// once signed, and has the identifier that every other server computes. It
// refuses what the specification refuses; it does not say whether an event is
// allowed, which is the business of the authorisation rules.
//
// The identifier of an event does not cover its signatures. So Build makes a
// complete event without signing it, and Sign may follow after the sender has
// been answered: a signature costs more than all the rest together.
//
// Look at Build and Parse first.
//
// spec: server-server-api#pdus
// spec: server-server-api#signing-events
package event
