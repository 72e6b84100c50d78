// Package clinic is the clinical JSON API under /_wardline/v1/: it decodes, calls one verb of a clinical package, and renders.
//
// It promises the shapes of docs/protocol.md. It refuses everybody who is not in the staff directory with the same 404 that an
// unknown object gets. Look first at Routes and New.
package clinic
