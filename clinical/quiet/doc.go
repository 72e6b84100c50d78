// Package quiet decides when somebody is left alone: off duty, and in the hours that they have chosen themselves.
//
// It promises that a page is never held back, that whoever is on duty is reached whatever hours they have set, and that whoever is on
// no rota is not taken for off duty. It refuses to guess: settings that it cannot read count as none. Look first at Decide.
package quiet
