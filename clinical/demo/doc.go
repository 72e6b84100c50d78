// Package demo fills an empty Wardline with St Elsewhere: invented people, posts, patients with test NHS numbers, and some days of
// believable talk that ends a few minutes ago.
//
// It promises the same people, rooms and words each time, relative to the instant it is given; that every NHS number is one from the
// ranges kept for tests; and that pictures are drawn here, not taken of anybody. It refuses to touch a database that has staff in it.
// Look first at Seed and Duties.
package demo
