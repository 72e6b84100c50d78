// Package patient is a minimal index of the patients that are here: enough to tie a message to the right person and to file what
// was decided, and no more. The record itself lives elsewhere.
//
// It promises that an NHS number with a wrong check digit never gets in, and that a Patient prints as [hidden] in every log. It
// refuses to search by anything that would have to stand in a URL: searches take their text in a body. Reading one patient through
// Service.Look is audited. Look first at ParseNHSNumber and Service.Search.
package patient
