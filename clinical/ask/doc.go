// Package ask keeps the promise of a question or a request: who owes the answer, until when, and what happens when it does not come.
//
// It promises that an open one has an owner or says that anybody may answer, that it reminds on time across restarts, that the asker
// hears when the time has passed, and that it is closed once. It interrupts nobody but the owner and, at the end, the asker; and it
// refuses to be a page: what cannot wait goes to package paging. Look first at Step and Service.Ask.
package ask
