// Package staff brings people into the trust, moves them and lets them go: by hand, from a file of the staff record, or from another
// directory.
//
// It promises that a leaver's access ends everywhere in the act that says they have left, and that their posts pass on or raise an
// alarm in it; that an import says first what it would do and does nothing of what it cannot understand; and that two entries which
// claim to be one person become nobody. It refuses to delete: a name stays for what its owner has done. Look first at Service.Leave and
// Service.Import.
package staff
