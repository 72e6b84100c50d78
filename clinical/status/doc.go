// Package status is what people say of themselves for a while: in clinic, in theatre, or in a few words of their own.
//
// It promises that a status ends when it was said to, across restarts, and that apps which know only presence are told the same words. It
// decides nothing: a page and a question reach somebody in theatre as they reach anybody, because who is on duty is the rota's word. Look
// first at Service.Set and Service.Run.
package status
