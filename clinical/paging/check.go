package paging

import (
	"fmt"
	"time"
)

// Check says what is wrong with a page that Step has returned at the instant, or nil. It is the safety argument of this package in
// one place: tests hold every step to it, and the shell refuses to store a page that fails it.
//
// hazard: H1 urgent message not delivered
// hazard: H3 noticed, nobody owns it
func Check(p Page, at time.Time) error {
	accepted := 0
	for _, e := range p.Steps {
		if e.Kind == AcceptedBy {
			accepted++
		}
	}
	switch {
	case accepted > 1:
		return fmt.Errorf("page %s: accepted %d times", p.ID, accepted)
	case (p.Status == Accepted) != (accepted == 1) || (p.Accepted != nil) != (accepted == 1):
		return fmt.Errorf("page %s: status %s with %d acceptances", p.ID, p.Status, accepted)
	case p.Status == Open && len(p.Coming) > 0 && len(p.Coming) >= p.Quorum:
		return fmt.Errorf("page %s: %d come, %d are needed, and it is open", p.ID, len(p.Coming), p.Quorum)
	case p.Status == Accepted && !p.last() && p.Quorum > 1 && len(p.Coming) < p.Quorum:
		return fmt.Errorf("page %s: accepted with %d of %d", p.ID, len(p.Coming), p.Quorum)
	case int64(len(p.Steps)) != p.Seq:
		return fmt.Errorf("page %s: %d steps, seq %d", p.ID, len(p.Steps), p.Seq)
	case p.Status == Accepted || p.Status == Withdrawn:
		if p.WakeAt != 0 {
			return fmt.Errorf("page %s: closed, but its clock runs", p.ID)
		}
		return nil
	case p.Status != Open:
		return fmt.Errorf("page %s: status %q", p.ID, p.Status)
	case p.WakeAt <= 0 || p.WakeAt > at.Add(p.longest()).UnixMilli():
		return fmt.Errorf("page %s: open, and its clock stands at %d", p.ID, p.WakeAt)
	case !p.last() && (p.Current.User == "" || p.Current.DueAt <= 0 || p.Next == nil):
		return fmt.Errorf("page %s: rung %d has no owner or no end", p.ID, p.Current.Rung)
	case !p.last() && p.Exhausted:
		return fmt.Errorf("page %s: exhausted on rung %d", p.ID, p.Current.Rung)
	}
	return nil
}
