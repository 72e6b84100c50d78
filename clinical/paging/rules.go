package paging

import (
	"context"
	"fmt"
	"slices"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/db"
	"wardline/ground/fault"
)

func wrong(format string, args ...any) error {
	return fault.New(fault.Invalid, "M_INVALID_PARAM", fmt.Sprintf(format, args...))
}

// checkRules says, in a sentence for whoever writes them, why rules cannot work.
func (s *Service) checkRules(ctx context.Context, q db.Querier, post directory.PostID, u Urgency, r Rules) error {
	if u != Urgent && u != Emergency {
		return wrong("The urgency is urgent or emergency.")
	}
	if err := r.check(post, u); err != nil {
		return err
	}
	if r.Fallback != "" {
		if _, err := s.target(ctx, q, Target{Post: r.Fallback}); err != nil {
			return because(err, "the last resort cannot be paged")
		}
	}
	called := map[directory.PostID]bool{}
	everybody := false
	for i, stage := range r.Stages {
		for _, p := range stage.Posts {
			if _, err := s.target(ctx, q, Target{Post: p}); err != nil {
				return because(err, fmt.Sprintf("a post of step %d cannot be paged", i+1))
			}
			called[p] = true
		}
		everybody = everybody || stage.Everybody
	}
	if len(r.Stages) > 0 && !everybody && r.Quorum > len(called) {
		return wrong("%d people must accept, and only %d posts are called.", r.Quorum, len(called))
	}
	return nil
}

func because(err error, words string) error {
	if fault.Is(err, fault.Invalid) {
		return wrong("This policy cannot work: %s.", words)
	}
	return err
}

// check is what can be said without looking at the directory.
func (r Rules) check(post directory.PostID, u Urgency) error {
	most := maxSeconds
	if u == Emergency {
		most = maxUrgent
	}
	seconds := func(n int) error {
		if n != 0 && (n < minSeconds || n > most) {
			return wrong("A step lasts between %d seconds and %s.", minSeconds, time.Duration(most)*time.Second)
		}
		return nil
	}
	switch {
	case r.Quorum < 0 || r.Quorum > maxQuorum:
		return wrong("Between one and %d people can be asked to accept.", maxQuorum)
	case len(r.Stages) > maxStages:
		return wrong("A policy has %d steps at most.", maxStages)
	case post == anyPost && len(r.Stages) > 0:
		return wrong("What counts for every post has times and a last resort, and no steps of its own.")
	case len(r.Stages) > 0 && (len(r.Stages[0].Posts) == 0 || r.Stages[0].Posts[0] != post || r.Stages[0].When != Always):
		return wrong("The first step is the post itself, at all times.")
	}
	if err := seconds(r.Seconds); err != nil {
		return err
	}
	for i, s := range r.Stages {
		switch {
		case len(s.Posts) == 0 || len(s.Posts) > maxPosts:
			return wrong("Step %d calls between one and %d posts.", i+1, maxPosts)
		case s.When != Always && s.When != In && s.When != Out:
			return wrong("Step %d counts always, in office hours, or out of them.", i+1)
		case s.When != Always && r.Hours == nil:
			return wrong("Step %d speaks of office hours: say which they are.", i+1)
		}
		if err := seconds(s.Seconds); err != nil {
			return err
		}
	}
	return r.Hours.check()
}

func (h *Hours) check() error {
	if h == nil {
		return nil
	}
	from, err1 := time.Parse("15:04", h.From)
	until, err2 := time.Parse("15:04", h.Until)
	if h.Until == "24:00" {
		until, err2 = from.Add(24*time.Hour), nil
	}
	switch {
	case err1 != nil || err2 != nil || len(h.From) != 5 || len(h.Until) != 5 || !from.Before(until):
		return wrong("Office hours go from one time to a later one, such as 08:00 to 18:00.")
	case len(h.Days) == 0 || slices.ContainsFunc(h.Days, func(d time.Weekday) bool { return d < 0 || d > 6 }):
		return wrong("Choose the days of the office hours.")
	}
	return nil
}
