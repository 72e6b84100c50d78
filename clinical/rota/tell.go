package rota

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"wardline/clinical/directory"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// ring keeps what rings with people in line with the post's alarm, and returns whether it rings and what is left to be told. An alarm
// that came while the clock stood still is told now, if it is still so.
//
// hazard: H6 role empty or stale holder
func (s *Service) ring(ctx context.Context, tx *db.Tx, p directory.Post, w World, b *row, effects []Effect, last bool) (bool, []Effect, error) {
	alarm := func(e Effect) bool { return e.Kind == AlarmOpened || e.Kind == AlarmAgain }
	fresh := slices.ContainsFunc(effects, alarm)
	b.alarmed = b.alarmed || fresh || slices.ContainsFunc(effects, func(e Effect) bool { return e.Kind == AlarmSeen || e.Kind == AlarmClosed })
	if !last {
		if i := slices.IndexFunc(effects, alarm); i >= 0 {
			b.late = &effects[i]
		}
		return false, slices.DeleteFunc(slices.Clone(effects), alarm), nil
	}
	if !b.alarmed {
		return false, effects, nil
	}
	a := b.state.Alarm
	if a != nil && !fresh && b.late != nil && b.late.Alarm.ID == a.ID {
		effects = append(effects, *b.late)
	}
	if s.Alarm == nil {
		return false, effects, nil
	}
	var names []string
	for _, h := range b.state.Now {
		names = append(names, s.name(ctx, tx, h.User))
	}
	words := strings.Join(names, " and ") + " hold " + p.Name + " now"
	switch {
	case a != nil && a.By != "":
		words = s.name(ctx, tx, a.By) + " sees to it"
	case a != nil:
		words = alarmWords(p, w, b.state, Effect{Kind: AlarmOpened, Alarm: *a}, func(u id.User) string { return s.name(ctx, tx, u) })
	case len(names) == 1:
		words = names[0] + " holds " + p.Name + " now"
	case len(names) == 0: // it is not critical any more, or closed
		words = p.Name + " need not be held now"
	}
	rings, err := s.Alarm(ctx, tx, p, a, words)
	return rings, effects, err
}

func (s *Service) name(ctx context.Context, tx *db.Tx, u id.User) string {
	n, err := directory.NameOf(ctx, tx, u)
	if err != nil {
		return string(u)
	}
	return n
}

// tell says to those whom an effect concerns what has happened. Who has done it is not told. Of an alarm that rings, those next on the
// ladder hear as it comes to them.
func (s *Service) tell(ctx context.Context, tx *db.Tx, p directory.Post, w World, after State, effects []Effect, rings bool) error {
	if s.Tell == nil {
		return nil
	}
	for _, e := range effects {
		to, body, err := s.words(ctx, tx, p, w, after, e, rings)
		if err != nil {
			return err
		}
		to = slices.DeleteFunc(to, func(u id.User) bool { return u == "" || u == e.By })
		slices.Sort(to)
		if to = slices.Compact(to); len(to) == 0 || body == "" {
			continue
		}
		if err := s.Tell(ctx, tx, Notice{To: to, Kind: e.Kind, Post: p.ID, Name: p.Name, Body: body}); err != nil {
			return err
		}
	}
	return nil
}

// words returns whom an effect concerns and the sentence for them.
func (s *Service) words(ctx context.Context, tx *db.Tx, p directory.Post, w World, after State, e Effect, rings bool) ([]id.User, string, error) {
	name := func(u id.User) string { return s.name(ctx, tx, u) }
	switch e.Kind {
	case Ended:
		if e.By == "" || len(after.Now) == 0 {
			return nil, "", nil
		}
		switch e.Why {
		case "taken over":
			reason := ""
			for _, other := range after.Now {
				if other.User == e.By {
					reason = name(e.By)
				}
			}
			return []id.User{e.Holding.User}, fmt.Sprintf("%s has taken over %s from you. The reason is in the post's history.", reason, p.Name), nil
		case "relieved", "given":
			return []id.User{e.Holding.User}, fmt.Sprintf("%s now holds %s. You are relieved.", name(e.By), p.Name), nil
		}
	case Offered:
		return []id.User{e.Offer.To}, fmt.Sprintf("%s offers you %s. You hold it once you accept; until then they do.", name(e.Offer.From), p.Name), nil
	case Refused:
		return []id.User{e.Offer.From}, fmt.Sprintf("%s cannot take %s. You still hold it.", name(e.Offer.To), p.Name), nil
	case Lapsed:
		if e.Why == "withdrawn" || e.Why == "offered to somebody else" {
			return []id.User{e.Offer.To}, fmt.Sprintf("%s no longer offers you %s.", name(e.Offer.From), p.Name), nil
		}
		if holds(after.Now, e.Offer.From) {
			return []id.User{e.Offer.From}, fmt.Sprintf("Your offer of %s to %s has ended: %s. You still hold it.", p.Name, name(e.Offer.To), e.Why), nil
		}
	case AlarmOpened, AlarmAgain:
		to, err := s.alarmed(ctx, tx, p, w, after, !rings)
		return to, alarmWords(p, w, after, e, name), err
	case AlarmSeen:
		to, err := s.alarmed(ctx, tx, p, w, after, true)
		return to, fmt.Sprintf("%s sees to %s.", name(e.Alarm.By), p.Name), err
	}
	return nil, "", nil
}

func alarmWords(p directory.Post, w World, after State, e Effect, name func(id.User) string) string {
	again := ""
	if e.Kind == AlarmAgain {
		again = "Still: "
	}
	var expected []string
	for _, d := range after.look(w, after.At).expected {
		expected = append(expected, name(d.User))
	}
	who := ""
	if len(expected) > 0 {
		who = fmt.Sprintf(" The rota says %s, who has not taken it.", strings.Join(expected, " and "))
	}
	since := clock(e.Alarm.Since)
	switch e.Alarm.Kind {
	case Empty:
		return fmt.Sprintf("%sNobody holds %s since %s.%s", again, p.Name, since, who)
	case Short:
		return fmt.Sprintf("%s%d of %d hold %s since %s.%s", again, len(after.Now), w.Holders, p.Name, since, who)
	}
	if len(after.Now) == 0 {
		return ""
	}
	if who == "" {
		who = " Nobody follows in the rota."
	}
	return fmt.Sprintf("%s%s still holds %s and should have been relieved.%s", again, name(after.Now[0].User), p.Name, who)
}

// alarmed returns who is told of an alarm: whoever holds the post, whoever should, who keeps its rota, and with climb the holders of the
// posts after it on its ladder, switchboard included, because an alarm that only the absent hear is none.
//
// hazard: H6 role empty or stale holder
func (s *Service) alarmed(ctx context.Context, tx *db.Tx, p directory.Post, w World, after State, climb bool) ([]id.User, error) {
	var to []id.User
	for _, h := range after.Now {
		to = append(to, h.User)
	}
	for _, d := range after.look(w, after.At).expected {
		to = append(to, d.User)
	}
	if after.Alarm != nil && after.Alarm.By != "" { // who has said that they see to it
		to = append(to, after.Alarm.By)
	}
	ladder, err := directory.Ladder(ctx, tx, p.ID)
	if fault.Is(err, fault.NotFound) {
		return to, nil
	}
	if err != nil {
		return nil, err
	}
	for _, next := range ladder[1:] {
		if !climb {
			break
		}
		d, err := Holder(ctx, tx, next.ID, s.Now())
		switch {
		case err == nil:
			to = append(to, d.User)
		case !fault.Is(err, fault.NotFound):
			return nil, err
		}
	}
	keepers, err := directory.Keepers(ctx, tx, p.Service)
	return append(to, keepers...), err
}
