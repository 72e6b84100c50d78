// Package scenario lets actors work a ward on the real parts: database, rooms, guards, clinical services, and a record double.
//
// It promises that a ward survives being killed: Restart opens the same files again. Scenarios say what must happen and what must
// not be seen. Look first at New and Ward.As.
package scenario
