// Package dex lets a real dex, an identity provider that we did not write, sign people in to the real program.
//
// It is a module of its own, so that dex's dependencies are nobody else's. It needs bin/wardline.
package dex
