package reach

import (
	"context"
	"errors"
	"strings"

	"wardline/clinical/carrier"
	"wardline/clinical/directory"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// A text that is plainly a test is sent for two reasons: Trial tries the way to the holder of a post, for whoever keeps the state of that
// (the test page), and Try a number that somebody wrote down, whose state is kept here. They leave by the same door with the same mark.

// Addressed says whether this trust can try to reach the holder of a post in a way: there is a carrier, and a number or address.
func (s *Service) Addressed(ctx context.Context, q db.Querier, w Way, holder id.User, post directory.PostID) (bool, error) {
	if s.Config.Carriers[w] == nil {
		return false, nil
	}
	at, err := s.address(ctx, q, w, holder, post)
	return at != "", err
}

// Trial sends a text that is plainly a test to the holder of a post, at once and once, over the carrier that a page would take. It
// belongs to no page. What the carrier will never take, and a number that has gone meanwhile, is fault.Invalid; any other error is worth
// another attempt. What the carrier tells of it later comes by Trials under the same ref.
func (s *Service) Trial(ctx context.Context, w Way, ref string, holder id.User, post directory.PostID, name string) error {
	if s.Config.Carriers[w] == nil {
		return errNoCarrier
	}
	to, err := s.address(ctx, s.DB, w, holder, post)
	if err != nil {
		return err
	}
	if to == "" {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "There is no number or address.")
	}
	then := "Open Wardline and press Received"
	if w == Pager || w == Voice {
		then += ", or ring the switchboard"
	}
	return s.sendTest(ctx, w, ref, to, "for "+name, then)
}

// sendTest hands a test to the carrier of a way, which this trust must have: of what it is one, and what is to be done, "" for nothing.
// What the carrier will never take is fault.Invalid; any other error is worth another attempt. It says that it is a test at both ends, so
// that half of it on a small display is no page either, and no name but a post's.
//
// hazard: H11 alert fatigue hides a real alert
func (s *Service) sendTest(ctx context.Context, w Way, ref, to, of, then string) error {
	words := []string{"TEST " + of, "Nobody needs you"}
	if then != "" {
		words = append(words, then)
	}
	_, err := s.Config.Carriers[w].Send(ctx, carrier.Message{Ref: ref, To: to, Text: strings.Join(append(words, "TEST"), ". ") + "."})
	if errors.Is(err, carrier.ErrRefused) {
		return fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "The carrier refuses.", err)
	}
	return err
}
