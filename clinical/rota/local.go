package rota

import (
	"time"
	_ "time/tzdata" // a static binary on a bare machine has no other
)

// Local returns the instant as the wall clocks of the trust show it.
func Local(t time.Time) time.Time {
	uk, err := time.LoadLocation("Europe/London")
	if err != nil {
		panic(err) // it is built in
	}
	return t.In(uk)
}
