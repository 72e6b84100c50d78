package auth

import "wardline/matrix/event"

// checkLevels is rule 10: nobody gives or takes more power than they have.
//
// spec: rooms/v12#authorisation-rules 10
func (o *office) checkLevels(ev *event.Event, power int64) error {
	next, err := ParsePowerLevels(o.v, ev.Content)
	switch err {
	case nil:
	case errScalar:
		return refuse("10.1", err.Error())
	case errMap:
		return refuse("10.2", err.Error())
	default:
		return refuse("10.3", err.Error())
	}
	// spec: rooms/v12#authorisation-rules 10.4
	if o.v.PrivilegedCreators {
		for _, c := range o.create.Creators {
			if _, ok := next.Users[c]; ok {
				return refuse("10.4", "the levels list a creator")
			}
		}
	}
	// spec: rooms/v12#authorisation-rules 10.5
	if !o.listed {
		return nil
	}
	// spec: rooms/v12#authorisation-rules 10.6
	for i, s := range scalars {
		was, is := *s.field(o.levels), *s.field(next)
		had, has := o.levels.present&(1<<i) != 0, next.present&(1<<i) != 0
		if had == has && (!had || was == is) {
			continue
		}
		if had && was > power {
			return refuse("10.6.1", "a level above the sender's is changed")
		}
		if has && is > power {
			return refuse("10.6.2", "a level is set above the sender's")
		}
	}
	// spec: rooms/v12#authorisation-rules 10.7
	// spec: rooms/v12#authorisation-rules 10.8
	if err := changes(o.levels.Events, next.Events, power); err != nil {
		return err
	}
	if err := changes(o.levels.Notifications, next.Notifications, power); err != nil {
		return err
	}
	// spec: rooms/v12#authorisation-rules 10.9
	for u, was := range o.levels.Users {
		if is, ok := next.Users[u]; (!ok || is != was) && u != ev.Sender && was >= power {
			return refuse("10.9.1", "a user of the same power or more is changed")
		}
	}
	// spec: rooms/v12#authorisation-rules 10.10
	for u, is := range next.Users {
		if was, ok := o.levels.Users[u]; (!ok || is != was) && is > power {
			return refuse("10.10.1", "a user is given more power than the sender has")
		}
	}
	return nil
}

// changes compares the levels of two maps against the power of who changes
// them.
func changes(was, is map[string]int64, power int64) error {
	for k, old := range was {
		if now, ok := is[k]; (!ok || now != old) && old > power {
			return refuse("10.7.1", "a level above the sender's is changed")
		}
	}
	for k, now := range is {
		if old, ok := was[k]; (!ok || now != old) && now > power {
			return refuse("10.8.1", "a level is set above the sender's")
		}
	}
	return nil
}
