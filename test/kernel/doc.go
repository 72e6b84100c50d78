// Package kernel judges the client-server API as a client sees it: whole requests against the whole program, without the clinic.
//
// It promises a row for every route of the table in edge/client, and for each route what must not work: nobody, a stranger, a body
// that is none. It refuses to know how the kernel does it. Look first at TestRoutes and TestStrangers.
package kernel
