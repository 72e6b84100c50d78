// Package switchboard is the operators' console: who holds what and how they are reached, every open page and emergency call with the
// worst first, pages sent for a caller, people called out by telephone, and a log of all that.
//
// It promises that whatever an operator does for somebody else says so, in the page, in the room and in the audit; that a page is ended by
// a telephone call only when a named person has said that they come; and that numbers are shown to nobody without a line in the audit.
// It refuses everybody who neither holds a switchboard post now nor looks after the whole directory, with the same answer as an unknown page.
//
// Look first at May and Service.Spoke.
package switchboard
