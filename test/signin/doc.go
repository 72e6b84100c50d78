// Package signin tests the doors: whoever comes in by them, elsewhere or here, with the real program and real identity providers.
//
// It promises that each way in is tried as a browser takes it, cookies and redirects included, and each way in which it must not open. Look
// first at browser and at TestSSO_Doors.
package signin
