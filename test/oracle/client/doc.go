// Package client lets mautrix-go, a client library and bridge framework that we did not write, work on the real program.
//
// It has tests only, apart from the oracle's, because the library's cryptography in pure Go is chosen by a build tag and does not
// verify one-time keys under the experiment that the oracle needs:
//
//	go test -tags goolm ./client
//
// Look at TestClient and TestAppservice first.
package client
