// Package reach tells the holder of a page in other ways than the app: text message, call, pager, e-mail.
//
// It promises that what is to be sent is in the database together with the step that made it necessary; that a carrier is asked again
// while the holder has the page and has not looked; that a crash leads to one text too many and never to one too few; and that a text
// says neither who nor what a page is about. It refuses to move a page: whatever carriers say, only a person's answer does. Look first at
// Service.Plan and Service.Run.
package reach
