// Package oracle compares the kernel's events and authorisation rules with an
// implementation that we did not write, mautrix-go.
//
// It has tests only, in a module of its own, so that neither the other
// implementation nor what it depends on can reach the server. It needs an
// experiment of the Go toolchain that we do not ship on:
//
//	GOEXPERIMENT=jsonv2 go test ./...
//
// The inputs are random from fixed seeds, so a disagreement can be repeated.
// Where the other side is known to differ from the specification, the test says
// so and steps around it; the list of such places may only shrink.
//
// Look at TestEvents and TestAuth first.
package oracle
